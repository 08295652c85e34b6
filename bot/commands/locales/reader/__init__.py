"""What a strict reader finds in a translation beside its English: a table of rules, and each language's lists.

A rule gets one text and says what is doubtful in it. What it has to know of a language is data: `locales/lint/TAG.toml`
(`lists`). What cannot be shown at all is found by `bot.languages.rules`.
"""
