"""Microsoft Graph: the only importer of msal."""
