#!/bin/sh
# Azure Container Apps from nothing: `deploy.sh GROUP LOCATION IMAGE [REGISTRY]`, signed in with `az login` before.
# DATABASE_PASSWORD in the environment: 16 or more letters and digits. REGISTRY: an Azure Container Registry by its name.
# Can be run again with another image: it changes what is different.
set -eu
if [ "$#" -lt 3 ] || [ "$#" -gt 4 ]; then
    echo "usage: DATABASE_PASSWORD=... deploy.sh GROUP LOCATION IMAGE [REGISTRY]" >&2
    exit 2
fi
case "${DATABASE_PASSWORD:-}" in
*[!A-Za-z0-9]*) echo "DATABASE_PASSWORD: letters and digits only" >&2; exit 2 ;;
????????????????*) ;;
*) echo "DATABASE_PASSWORD: 16 or more letters and digits" >&2; exit 2 ;;
esac
group=$1
location=$2
image=$3
registry=${4:-}
here=$(dirname "$0")

az group create --name "$group" --location "$location" --output none
# The identity first: it has to be allowed to pull before the app is made.
principal=$(az identity create --resource-group "$group" --name photosync-identity --query principalId --output tsv)
if [ -n "$registry" ]; then
    scope=$(az acr show --name "$registry" --query id --output tsv)
    az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
        --role AcrPull --scope "$scope" --output none
fi

# Through a file of our own: what is on a command line can be read by everybody on this machine.
parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT
cat >"$parameters" <<END
{
  "\$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "image": {"value": "$image"},
    "registry": {"value": "${registry:+$registry.azurecr.io}"},
    "databasePassword": {"value": "$DATABASE_PASSWORD"}
  }
}
END
az deployment group create --resource-group "$group" --name photosync --template-file "$here/main.bicep" \
    --parameters "@$parameters" --output none
host=$(az deployment group show --resource-group "$group" --name photosync --query properties.outputs.host.value --output tsv)
bot=$(az deployment group show --resource-group "$group" --name photosync --query properties.outputs.botId.value --output tsv)
echo "The bot $bot answers at https://$host/api/messages."
echo "Next: sh $here/grant.sh $principal, then photosync manifest --host $host with MicrosoftAppId=$bot."
