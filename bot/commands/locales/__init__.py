"""`photosync locales`: the languages' files, for those who write them. The bot reads them by `bot.languages`."""
