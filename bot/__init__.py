"""Photosync, the bot: does what `dialogs` decides, between Teams and Microsoft Graph."""
