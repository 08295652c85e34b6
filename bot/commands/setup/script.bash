#!/usr/bin/env bash
# Registers Photosync in a tenant: what `photosync setup` does. Read it before you run it; it can be run again.
# It needs az (signed in: az login), jq and curl, for a certificate openssl, for the app package photosync.
# shellcheck disable=SC2034
set -euo pipefail
umask 077

# --- values

# --- tools
# What was made a moment ago may be unknown for half a minute.
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
again() {
  local try
  for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
    if "$@" 2>"$errors"; then return 0; fi
    if ! grep -qiE 'NotFound|valid application object|valid reference' "$errors"; then break; fi
    sleep "$((try < 5 ? try * 2 : 10))"
  done
  cat "$errors" >&2
  return 1
}
patch() { # address, body: makes what is not there
  az rest --method PATCH --url "$1" --headers Content-Type=application/json Prefer=create-if-missing --body "$2" --output none
}
post() { # address, body
  az rest --method POST --url "$1" --headers Content-Type=application/json --body "$2" --output none
}
look() { # address, what of it
  az rest --method GET --url "$1" --query "$2" --output tsv
}
# Or a token with these permissions from elsewhere, such as Graph Explorer, where device codes are forbidden.
tools_token=${GRAPH_TOKEN:-}
tools_sign_in() { # permissions that the Azure CLI cannot be given
  local scope flow answer
  [ -z "$tools_token" ] || return 0
  scope="$graph_host/Sites.FullControl.All $graph_host/AppCatalog.ReadWrite.All"
  flow=$(curl -fsS -d "client_id=$graph_tools" --data-urlencode "scope=$scope" "$login/$tenant_id/oauth2/v2.0/devicecode")
  jq -r .message <<<"$flow" >&2
  while [ -z "$tools_token" ]; do
    sleep "$(jq -r .interval <<<"$flow")"
    answer=$(curl -sS -d "client_id=$graph_tools" -d grant_type=urn:ietf:params:oauth:grant-type:device_code \
      --data-urlencode "device_code=$(jq -r .device_code <<<"$flow")" "$login/$tenant_id/oauth2/v2.0/token")
    case $(jq -r '.error // ""' <<<"$answer") in
      '') tools_token=$(jq -r .access_token <<<"$answer") ;;
      authorization_pending | slow_down) ;;
      *) jq -r .error_description <<<"$answer" >&2; return 1 ;;
    esac
  done
}
tools() { # method, address, more for curl
  local method=$1 address=$2
  shift 2
  # The token is read from standard input: arguments can be seen by others on this machine.
  printf 'header = "Authorization: Bearer %s"\n' "$tools_token" |
    curl -fsS --config - --request "$method" "$@" "$address"
}
[ -n "$tenant_id" ] || tenant_id=$(az account show --query tenantId --output tsv)

# --- application
patch "$graph/applications(uniqueName='$name')" "$application"
app_id=$(again look "$graph/applications(uniqueName='$name')" appId)
echo "application $app_id"

# --- service_principal
again patch "$graph/servicePrincipals(appId='$app_id')" "$principal_body"
principal=$(again look "$graph/servicePrincipals(appId='$app_id')" id)

# --- credential.certificate
if [ ! -e "$certificate" ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$name" \
    -keyout "$certificate.key" -out "$certificate.crt"
  cat "$certificate.key" "$certificate.crt" >"$certificate"
  rm "$certificate.key"
  again az ad app credential reset --id "$app_id" --append --cert "@$certificate.crt" --output none
  rm "$certificate.crt"
fi

# --- credential.federated
again patch "$graph/applications(appId='$app_id')/federatedIdentityCredentials(name='$name')" \
  "{\"issuer\": \"$issuer\", \"subject\": \"$subject\", \"audiences\": [\"$audience\"]}"

# --- credential.identity
[ -n "$issuer" ] || issuer="$login/$tenant_id/v2.0"
again patch "$graph/applications(appId='$app_id')/federatedIdentityCredentials(name='$name')" \
  "{\"issuer\": \"$issuer\", \"subject\": \"$subject\", \"audiences\": [\"$audience\"]}"

# --- credential.secret
if ! grep -qs '^MicrosoftAppPassword=' "$env_file"; then
  secret=$(again az ad app credential reset --id "$app_id" --append --display-name photosync-setup --query password --output tsv)
  printf "MicrosoftAppPassword='%s'\n" "$secret" >>"$env_file"
fi

# --- permissions
graph_principal=$(look "$graph/servicePrincipals(appId='$graph_app')" id)
for permission in $permissions; do
  role=$(look "$graph/servicePrincipals(appId='$graph_app')" "appRoles[?value=='$permission'].id | [0]")
  held=$(again look "$graph/servicePrincipals/$principal/appRoleAssignments" "length(value[?appRoleId=='$role'])")
  if [ "$held" = 0 ]; then
    again post "$graph/servicePrincipals/$graph_principal/appRoleAssignedTo" \
      "{\"principalId\": \"$principal\", \"resourceId\": \"$graph_principal\", \"appRoleId\": \"$role\"}"
  fi
done

# --- helpdesk_sign_in
graph_principal=$(look "$graph/servicePrincipals(appId='$graph_app')" id)
held=$(look "$graph/oauth2PermissionGrants?\$filter=clientId eq '$principal'" 'length(value)')
if [ "$held" = 0 ]; then
  again post "$graph/oauth2PermissionGrants" "{\"clientId\": \"$principal\", \"consentType\": \"AllPrincipals\",
    \"resourceId\": \"$graph_principal\", \"scope\": \"openid profile\"}"
fi

# --- bot
[ -z "$subscription" ] || az account set --subscription "$subscription"
az provider register --namespace Microsoft.BotService --wait
if ! az group show --name "$resource_group" --output none 2>/dev/null; then
  az group create --name "$resource_group" --location "$location" --tags made-by=photosync-setup --output none
fi
if ! az bot show --resource-group "$resource_group" --name "$bot_name" --output none 2>/dev/null; then
  az bot create --resource-group "$resource_group" --name "$bot_name" --app-type SingleTenant --appid "$app_id" \
    --tenant-id "$tenant_id" --endpoint "$endpoint" --display-name "$display_name" --sku F0 \
    --tags made-by=photosync-setup --output none
fi
if ! az bot msteams show --resource-group "$resource_group" --name "$bot_name" --output none 2>/dev/null; then
  az bot msteams create --resource-group "$resource_group" --name "$bot_name" --output none
fi

# --- site_grant
tools_sign_in
my_site=$(tools GET "$graph/sites/root" | jq -r '.siteCollection.hostname | sub("\\."; "-my.")')
site=$(tools GET "$graph/sites/$my_site" | jq -r .id)
held=$(tools GET "$graph/sites/$site/permissions" |
  jq --arg app "$app_id" '[.value[] | select(.grantedToIdentities[0].application.id == $app)] | length')
if [ "$held" = 0 ]; then
  tools POST "$graph/sites/$site/permissions" --header Content-Type:application/json --output /dev/null --data \
    "{\"roles\": [\"read\"], \"grantedToIdentities\": [{\"application\": {\"id\": \"$app_id\", \"displayName\": \"$display_name\"}}]}"
fi

# --- app_package
MicrosoftAppId=$app_id photosync manifest --host "$host_name" --out "$package"
tools_sign_in
held=$(tools GET "$graph/appCatalogs/teamsApps?\$filter=externalId%20eq%20'$app_id'" | jq '.value | length')
if [ "$held" = 0 ]; then
  tools POST "$graph/appCatalogs/teamsApps" --header Content-Type:application/zip --data-binary "@$package" --output /dev/null
fi

# --- settings
touch "$env_file"
setting() { grep -q "^$1=" "$env_file" || printf "%s='%s'\n" "$1" "$2" >>"$env_file"; }
setting MicrosoftAppId "$app_id"
setting MicrosoftAppTenantId "$tenant_id"
if [ -e "$certificate" ]; then setting MicrosoftAppCertificate "$(realpath "$certificate")"; fi
if [ -n "$page_url" ]; then setting PHOTOSYNC_PAGE_URL "$page_url"; fi
if [ -n "$identity" ]; then setting PHOTOSYNC_ASSERTION_IDENTITY "$identity"; fi
photosync --env-file "$env_file" doctor
