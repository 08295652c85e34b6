// Photosync in Azure Container Apps: the app with an identity of its own and no secret for Microsoft, PostgreSQL in a
// private network (or one replica on SQLite), Key Vault, Log Analytics, the bot and its Teams channel.
//
//   az deployment group create --resource-group photosync --template-file deploy/azure/main.bicep \
//     --parameters image=REGISTRY/photosync@sha256:... databasePassword=...
//
// What it cannot do is grant Microsoft Graph's permissions to the identity: deploy/azure/grant.sh.
targetScope = 'resourceGroup'

@description('The beginning of every name.')
@minLength(3)
@maxLength(16)
param name string = 'photosync'

param location string = resourceGroup().location

@description('The image, best by its digest.')
param image string

@description('The registry that the identity may pull from, such as contoso.azurecr.io; empty for a public one.')
param registry string = ''

@description('postgresql: as many replicas as are wanted. sqlite: one replica on a file share; docs/deployment.md says what that means for upgrades.')
@allowed(['postgresql', 'sqlite'])
param database string = 'postgresql'

@description('For PostgreSQL.')
@secure()
param databasePassword string = ''

@minValue(1)
@maxValue(10)
param replicas int = 2

@description('How the bot is called in Teams.')
param displayName string = 'Photosync'

@description('Other settings of the README by their names, none of them secret.')
param settings object = {}

@description('PHOTOSYNC_TICKET_SECRET; empty without a ticket system.')
@secure()
param ticketSecret string = ''

@description('How many days Log Analytics keeps the log.')
@minValue(30)
param logDays int = 30

var onPostgres = database == 'postgresql'
var copies = onPostgres ? replicas : 1
var unique = uniqueString(resourceGroup().id, name)
var secretsReader = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6') // Key Vault Secrets User
var postgresUrl = onPostgres ? 'postgresql://photosync:${uriComponent(databasePassword)}@${server!.properties.fullyQualifiedDomainName}/photosync?sslmode=require' : ''

// Of the fifty messages a second that Teams takes for a tenant forty: divided by the replicas and one more while they
// are replaced.
var messagesPerSecond = max(1, 40 / (copies + 1))

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logDays
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: ['10.20.0.0/16']
    }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: '10.20.0.0/23'
          delegations: [
            {
              name: 'apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: '10.20.2.0/28'
          delegations: [
            {
              name: 'database'
              properties: {
                serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers'
              }
            }
          ]
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'apps'
  }

  resource databaseSubnet 'subnets' existing = {
    name: 'database'
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = if (onPostgres) {
  name: '${name}.private.postgres.database.azure.com'
  location: 'global'
}

resource zoneLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = if (onPostgres) {
  parent: zone
  name: '${name}-network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = if (onPostgres) {
  name: '${name}-${unique}'
  location: location
  sku: {
    name: 'Standard_B1ms'
    tier: 'Burstable'
  }
  properties: {
    version: '16'
    administratorLogin: 'photosync'
    administratorLoginPassword: databasePassword
    storage: {
      storageSizeGB: 32
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 14
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: {
      mode: 'Disabled'
    }
    network: {
      delegatedSubnetResourceId: network::databaseSubnet.id
      privateDnsZoneArmResourceId: zone.id
    }
  }
  dependsOn: [
    zoneLink
  ]
}

resource databaseOnServer 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = if (onPostgres) {
  parent: server
  name: 'photosync'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = if (!onPostgres) {
  name: take('${replace(name, '-', '')}${unique}', 24)
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowBlobPublicAccess: false
  }
}

resource share 'Microsoft.Storage/storageAccounts/fileServices/shares@2023-05-01' = if (!onPostgres) {
  name: '${storage.name}/default/photosync'
  properties: {
    shareQuota: 5
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: take('${name}-${unique}', 24)
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 30
  }
}

resource databaseSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (onPostgres) {
  parent: vault
  name: 'database-url'
  properties: {
    value: postgresUrl
  }
}

resource ticketSecretInVault 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(ticketSecret)) {
  parent: vault
  name: 'ticket-secret'
  properties: {
    value: ticketSecret
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, secretsReader)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: secretsReader
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-environment'
  location: location
  properties: {
    vnetConfiguration: {
      infrastructureSubnetId: network::appSubnet.id
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

resource mounted 'Microsoft.App/managedEnvironments/storages@2024-03-01' = if (!onPostgres) {
  parent: environment
  name: 'data'
  properties: {
    azureFile: {
      accountName: storage.name
      accountKey: storage!.listKeys().keys[0].value
      shareName: 'photosync'
      accessMode: 'ReadWrite'
    }
  }
  dependsOn: [
    share
  ]
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    managedEnvironmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 3
      ingress: {
        external: true
        targetPort: 3978
        transport: 'http'
        allowInsecure: false
      }
      registries: empty(registry) ? [] : [
        {
          server: registry
          identity: identity.id
        }
      ]
      secrets: concat(
        onPostgres ? [
          {
            name: 'database-url'
            keyVaultUrl: '${vault.properties.vaultUri}secrets/database-url'
            identity: identity.id
          }
        ] : [],
        empty(ticketSecret) ? [] : [
          {
            name: 'ticket-secret'
            keyVaultUrl: '${vault.properties.vaultUri}secrets/ticket-secret'
            identity: identity.id
          }
        ]
      )
    }
    template: {
      terminationGracePeriodSeconds: 45
      containers: [
        {
          name: 'photosync'
          image: image
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(
            [
              {
                name: 'MicrosoftAppType'
                value: 'UserAssignedMSI'
              }
              {
                name: 'MicrosoftAppId'
                value: identity.properties.clientId
              }
              {
                name: 'MicrosoftAppTenantId'
                value: tenant().tenantId
              }
              {
                name: 'PHOTOSYNC_MESSAGES_PER_SECOND'
                value: string(messagesPerSecond)
              }
            ],
            onPostgres ? [
              {
                name: 'PHOTOSYNC_DATABASE_URL'
                secretRef: 'database-url'
              }
            ] : [],
            empty(ticketSecret) ? [] : [
              {
                name: 'PHOTOSYNC_TICKET_SECRET'
                secretRef: 'ticket-secret'
              }
            ],
            map(items(settings), setting => {
              name: setting.key
              value: string(setting.value)
            })
          )
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: 3978
              }
              periodSeconds: 2
              failureThreshold: 30
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 3978
              }
              periodSeconds: 10
              timeoutSeconds: 5
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 3978
              }
              periodSeconds: 5
              timeoutSeconds: 5
            }
          ]
          volumeMounts: onPostgres ? [] : [
            {
              volumeName: 'data'
              mountPath: '/data'
            }
          ]
        }
      ]
      scale: {
        minReplicas: copies
        maxReplicas: copies
      }
      volumes: onPostgres ? [] : [
        {
          name: 'data'
          storageType: 'AzureFile'
          storageName: 'data'
          // One process has the file: the locks of SMB, which SQLite cannot use, are left out.
          mountOptions: 'nobrl,uid=10001,gid=10001,dir_mode=0700,file_mode=0600'
        }
      ]
    }
  }
  dependsOn: [
    mayRead
    databaseSecret
    databaseOnServer
    ticketSecretInVault
    mounted
  ]
}

resource bot 'Microsoft.BotService/botServices@2022-09-15' = {
  name: '${name}-${unique}'
  location: 'global'
  kind: 'azurebot'
  sku: {
    name: 'F0'
  }
  properties: {
    displayName: displayName
    endpoint: 'https://${app.properties.configuration.ingress.fqdn}/api/messages'
    msaAppId: identity.properties.clientId
    msaAppMSIResourceId: identity.id
    msaAppTenantId: tenant().tenantId
    msaAppType: 'UserAssignedMSI'
  }
}

resource teams 'Microsoft.BotService/botServices/channels@2022-09-15' = {
  parent: bot
  name: 'MsTeamsChannel'
  location: 'global'
  properties: {
    channelName: 'MsTeamsChannel'
  }
}

output host string = app.properties.configuration.ingress.fqdn
output botId string = identity.properties.clientId
output principalId string = identity.properties.principalId
