#Requires -Version 7.0
#Requires -Modules Microsoft.Graph.Authentication, Az.Accounts, Az.Resources
# Registers Photosync in a tenant: what `photosync setup` does. Read it before you run it; it can be run again.
# Run Connect-AzAccount first. It was not run by its authors on a tenant: see docs/setup.md.
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

# --- values

# --- tools
if (-not $tenant_id) { $tenant_id = (Get-AzContext).Tenant.Id }
$scopes = 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'DelegatedPermissionGrant.ReadWrite.All',
    'Sites.FullControl.All', 'AppCatalog.ReadWrite.All'
Connect-MgGraph -TenantId $tenant_id -Scopes $scopes -NoWelcome
# What was made a moment ago may be unknown for half a minute.
function Again([scriptblock] $Do) {
    foreach ($wait in 2, 4, 6, 8, 10, 10, 10, 10, 10, 10, 10, 0) {
        try { return & $Do }
        catch {
            if (-not $wait -or "$_ $($_.ErrorDetails)" -notmatch 'NotFound|valid application object|valid reference') { throw }
            Start-Sleep -Seconds $wait
        }
    }
}
function Look([string] $Path) { Invoke-MgGraphRequest -Method GET -Uri "$graph$Path" }
function Put([string] $Path, [string] $Body) { # makes what is not there
    $null = Invoke-MgGraphRequest -Method PATCH -Uri "$graph$Path" -Headers @{ Prefer = 'create-if-missing' } `
        -Body $Body -ContentType 'application/json'
}
function Post([string] $Path, $Body) {
    $null = Invoke-MgGraphRequest -Method POST -Uri "$graph$Path" -Body ($Body | ConvertTo-Json -Depth 6) `
        -ContentType 'application/json'
}
function Arm([string] $Method, [string] $Path, $Body) {
    $more = if ($Body) { @{ Payload = ($Body | ConvertTo-Json -Depth 6) } } else { @{} }
    $answer = Invoke-AzRestMethod -Method $Method -Path $Path @more
    if ($answer.StatusCode -eq 404) { return $null }
    if ($answer.StatusCode -ge 300) { throw "$Method ${Path}: $($answer.StatusCode) $($answer.Content)" }
    if ($answer.Content) { $answer.Content | ConvertFrom-Json }
}

# --- application
Put "/applications(uniqueName='$name')" $application
$app_id = (Again { Look "/applications(uniqueName='$name')" }).appId
"application $app_id"

# --- service_principal
Again { Put "/servicePrincipals(appId='$app_id')" $principal_body }
$principal = (Again { Look "/servicePrincipals(appId='$app_id')" }).id

# --- credential.certificate
if (-not (Test-Path $certificate)) {
    $key = [Security.Cryptography.RSA]::Create(2048)
    $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new("CN=$name", $key,
        [Security.Cryptography.HashAlgorithmName]::SHA256, [Security.Cryptography.RSASignaturePadding]::Pkcs1)
    $made = $request.CreateSelfSigned([DateTimeOffset]::UtcNow.AddMinutes(-10), [DateTimeOffset]::UtcNow.AddDays(365))
    $null = New-Item -ItemType File $certificate
    if ($IsWindows) { icacls $certificate /inheritance:r /grant:r "${env:USERNAME}:F" | Out-Null } else { chmod 600 $certificate }
    Set-Content $certificate ($key.ExportPkcs8PrivateKeyPem() + "`n" + $made.ExportCertificatePem())
    $held = @((Look "/applications(appId='$app_id')").keyCredentials)
    $mine = @{ type = 'AsymmetricX509Cert'; usage = 'Verify'; key = [Convert]::ToBase64String($made.RawData) }
    Again { Put "/applications(appId='$app_id')" (@{ keyCredentials = $held + $mine } | ConvertTo-Json -Depth 6) }
}

# --- credential.federated
$trusted = @{ issuer = $issuer; subject = $subject; audiences = @($audience) } | ConvertTo-Json
Again { Put "/applications(appId='$app_id')/federatedIdentityCredentials(name='$name')" $trusted }

# --- credential.identity
if (-not $issuer) { $issuer = "$login/$tenant_id/v2.0" }
$trusted = @{ issuer = $issuer; subject = $subject; audiences = @($audience) } | ConvertTo-Json
Again { Put "/applications(appId='$app_id')/federatedIdentityCredentials(name='$name')" $trusted }

# --- credential.secret
$body = @{ passwordCredential = @{ displayName = 'photosync-setup' } } | ConvertTo-Json
$secret = (Again { Invoke-MgGraphRequest -Method POST -Uri "$graph/applications(appId='$app_id')/addPassword" -Body $body `
    -ContentType 'application/json' }).secretText
Add-Content $env_file "MicrosoftAppPassword='$secret'"

# --- permissions
$resource = Look "/servicePrincipals(appId='$graph_app')"
$held = (Again { Look "/servicePrincipals/$principal/appRoleAssignments" }).value.appRoleId
foreach ($permission in $permissions.Split(' ')) {
    $role = ($resource.appRoles | Where-Object value -EQ $permission).id
    if ($role -in $held) { continue }
    $body = @{ principalId = $principal; resourceId = $resource.id; appRoleId = $role }
    Again { Post "/servicePrincipals/$($resource.id)/appRoleAssignedTo" $body }
}

# --- helpdesk_sign_in
$resource = Look "/servicePrincipals(appId='$graph_app')"
if (-not (Look "/oauth2PermissionGrants?`$filter=clientId eq '$principal'").value) {
    $body = @{ clientId = $principal; consentType = 'AllPrincipals'; resourceId = $resource.id; scope = 'openid profile' }
    Again { Post '/oauth2PermissionGrants' $body }
}

# --- bot
if ($subscription) { $null = Set-AzContext -Subscription $subscription } else { $subscription = (Get-AzContext).Subscription.Id }
$null = Register-AzResourceProvider -ProviderNamespace Microsoft.BotService
while ((Get-AzResourceProvider -ProviderNamespace Microsoft.BotService)[0].RegistrationState -ne 'Registered') { Start-Sleep 5 }
if (-not (Get-AzResourceGroup -Name $resource_group -ErrorAction SilentlyContinue)) {
    $null = New-AzResourceGroup -Name $resource_group -Location $location -Tag @{ 'made-by' = 'photosync-setup' }
}
$path = "/subscriptions/$subscription/resourceGroups/$resource_group/providers/Microsoft.BotService/botServices/$bot_name"
$version = '?api-version=2022-09-15'
$properties = @{ displayName = $display_name; endpoint = $endpoint; msaAppId = $app_id; msaAppType = 'SingleTenant'; msaAppTenantId = $tenant_id }
if (-not (Arm GET "$path$version")) {
    $null = Arm PUT "$path$version" @{ location = 'global'; kind = 'azurebot'; sku = @{ name = 'F0' }
        tags = @{ 'made-by' = 'photosync-setup' }; properties = $properties }
}
$channel = @{ location = 'global'; properties = @{ channelName = 'MsTeamsChannel'; properties = @{ isEnabled = $true } } }
if (-not (Arm GET "$path/channels/MsTeamsChannel$version")) { $null = Arm PUT "$path/channels/MsTeamsChannel$version" $channel }

# --- site_grant
$first, $rest = (Look '/sites/root').siteCollection.hostname.Split('.', 2)
$site = (Look "/sites/$first-my.$rest").id
$held = (Look "/sites/$site/permissions").value | Where-Object { $_.grantedToIdentities[0].application.id -eq $app_id }
if (-not $held) {
    Post "/sites/$site/permissions" @{ roles = @('read')
        grantedToIdentities = @(@{ application = @{ id = $app_id; displayName = $display_name } }) }
}

# --- app_package
$env:MicrosoftAppId = $app_id
photosync manifest --host $host_name --out $package
if (-not (Look "/appCatalogs/teamsApps?`$filter=externalId eq '$app_id'").value) {
    $null = Invoke-MgGraphRequest -Method POST -Uri "$graph/appCatalogs/teamsApps" -InputFilePath $package `
        -ContentType 'application/zip'
}

# --- settings
$lines = @("MicrosoftAppId=$app_id", "MicrosoftAppTenantId=$tenant_id")
if (Test-Path $certificate) { $lines += "MicrosoftAppCertificate='$((Resolve-Path $certificate).Path)'" }
if ($page_url) { $lines += "PHOTOSYNC_PAGE_URL=$page_url" }
if ($identity) { $lines += "PHOTOSYNC_ASSERTION_IDENTITY=$identity" }
$there = if (Test-Path $env_file) { Get-Content $env_file } else { @() }
$lines | Where-Object { $_ -notin $there } | Add-Content $env_file
photosync --env-file $env_file doctor
