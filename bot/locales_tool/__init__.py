"""`photosync locales`: the files of the languages, for those who write them. The bot reads them by `bot.catalogues`."""
