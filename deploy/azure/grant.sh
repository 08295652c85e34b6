#!/bin/sh
# Microsoft Graph's permissions for an identity: `grant.sh PRINCIPAL_ID [PERMISSION...]`, signed in with `az login` as a
# Privileged Role Administrator. Without PERMISSION the two that are needed. What is granted already is left alone.
set -eu
if [ "$#" -lt 1 ]; then
    echo "usage: grant.sh PRINCIPAL_ID [PERMISSION...]" >&2
    exit 2
fi
principal=$1
shift
[ "$#" -gt 0 ] || set -- User.Read.All Sites.Selected
graph=https://graph.microsoft.com/v1.0
application=00000003-0000-0000-c000-000000000000 # Microsoft Graph's own, in every tenant

resource=$(az ad sp show --id "$application" --query id --output tsv)
granted=$(az rest --method get --uri "$graph/servicePrincipals/$principal/appRoleAssignments" \
    --query 'value[].appRoleId' --output tsv)
for permission in "$@"; do
    role=$(az ad sp show --id "$application" --output tsv \
        --query "appRoles[?value=='$permission' && contains(allowedMemberTypes, 'Application')].id")
    if [ -z "$role" ]; then
        echo "$permission is no application permission of Microsoft Graph" >&2
        exit 1
    fi
    case "$granted" in
    *"$role"*) echo "$permission was granted already" ;;
    *)
        az rest --method post --uri "$graph/servicePrincipals/$principal/appRoleAssignments" --output none \
            --body "{\"principalId\": \"$principal\", \"resourceId\": \"$resource\", \"appRoleId\": \"$role\"}"
        echo "$permission is granted"
        ;;
    esac
done
echo "Sites.Selected reads nothing yet: grant it the root site of the my-site host, README.md, 'Give it the least permissions'."
