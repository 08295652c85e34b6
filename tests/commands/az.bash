#!/usr/bin/env bash
# Stands for the Azure CLI, as far as the script of `setup --print bash` uses it: real requests to the pretend tenant.
set -euo pipefail
declare -A given=()
words=()
while [ $# -gt 0 ]; do
  case $1 in
    --headers) shift; while [ $# -gt 0 ] && [[ $1 != --* ]]; do given[headers]+="$1"$'\n'; shift; done ;;
    --append | --wait) shift ;;
    --*) given[${1#--}]=$2; shift 2 ;;
    *) words+=("$1"); shift ;;
  esac
done

ask() { # token, method, address, body
  local answer status
  [ ${#headers[@]} -gt 0 ] || headers=(-H 'Content-Type: application/json')
  answer=$(curl -sS -w '\n%{http_code}' -X "$2" -H "Authorization: Bearer $1" "${headers[@]}" \
    ${4:+--data "$4"} "${3// /%20}")
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [ "$status" -ge 300 ]; then echo "ERROR: ($status) $answer" >&2; exit 1; fi
  printf '%s' "$answer"
}

headers=()
while IFS='=' read -r name value; do [ -z "$name" ] || headers+=(-H "$name: $value"); done <<<"${given[headers]:-}"
group="$ARM/subscriptions/$SUBSCRIPTION/resourceGroups/${given[resource-group]:-${given[name]:-}}"
bot="$group/providers/Microsoft.BotService/botServices/${given[name]:-}"
version='?api-version=2022-09-15'
tag='{"made-by": "photosync-setup"}'

case "${words[*]}" in
  'account show') echo "$TENANT" ;;
  'account set') ;;
  rest)
    found=$(ask "$AZ_GRAPH_TOKEN" "${given[method]}" "${given[url]}" "${given[body]:-}")
    query=${given[query]:-}
    case $query in
      '') ;;
      'length(value)') jq '.value | length' <<<"$found" ;;
      'length(value[?appRoleId=='*) jq --arg id "$(cut -d "'" -f 2 <<<"$query")" '[.value[] | select(.appRoleId == $id)] | length' <<<"$found" ;;
      'appRoles[?value=='*) jq -r --arg name "$(cut -d "'" -f 2 <<<"$query")" '.appRoles[] | select(.value == $name).id' <<<"$found" ;;
      *) jq -r ".$query" <<<"$found" ;;
    esac
    ;;
  'ad app credential reset')
    key=$(openssl x509 -in "${given[cert]#@}" -outform DER | base64 -w 0)
    ask "$AZ_GRAPH_TOKEN" PATCH "$GRAPH/applications(appId='${given[id]}')" \
      "{\"keyCredentials\": [{\"type\": \"AsymmetricX509Cert\", \"usage\": \"Verify\", \"key\": \"$key\"}]}"
    ;;
  'provider register') ask "$AZ_ARM_TOKEN" POST "$ARM/subscriptions/$SUBSCRIPTION/providers/Microsoft.BotService/register$version" ;;
  'group show') ask "$AZ_ARM_TOKEN" GET "$group$version" ;;
  'group create') ask "$AZ_ARM_TOKEN" PUT "$group$version" "{\"location\": \"${given[location]}\", \"tags\": $tag}" ;;
  'bot show') ask "$AZ_ARM_TOKEN" GET "$bot$version" ;;
  'bot create')
    ask "$AZ_ARM_TOKEN" PUT "$bot$version" "{\"location\": \"global\", \"kind\": \"azurebot\", \"tags\": $tag,
      \"sku\": {\"name\": \"${given[sku]}\"}, \"properties\": {\"displayName\": \"${given[display-name]}\",
      \"endpoint\": \"${given[endpoint]}\", \"msaAppId\": \"${given[appid]}\", \"msaAppType\": \"${given[app-type]}\",
      \"msaAppTenantId\": \"${given[tenant-id]}\"}}"
    ;;
  'bot msteams show') ask "$AZ_ARM_TOKEN" GET "$bot/channels/MsTeamsChannel$version" ;;
  'bot msteams create')
    ask "$AZ_ARM_TOKEN" PUT "$bot/channels/MsTeamsChannel$version" \
      '{"location": "global", "properties": {"channelName": "MsTeamsChannel", "properties": {"isEnabled": true}}}'
    ;;
  *) echo "the stand-in for az knows no ${words[*]}" >&2; exit 2 ;;
esac
