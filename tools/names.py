"""Write again what the CLDR says of languages, where the program does not ask it at run time (`make names`).

What every packaged language is called in every other: asking at each start costs half a second and forty megabytes.
The plural rules of every language: a rule that an earlier release had stays, so that a file written by it stays right.
"""

from __future__ import annotations

import json

from babel import Locale
from babel.localedata import locale_identifiers

from bot import resources
from bot.languages import plurals
from bot.languages.names import FILE, ask

TAGS = sorted(path.stem for path in resources.LOCALES.glob("*.po"))


def names() -> dict[str, list[str]]:
    """Tag -> what the packaged languages call it."""
    return {tag: ask(tag, TAGS) for tag in TAGS}


def rules() -> dict[str, list[str]]:
    """Tag -> headers: those that are known, then the installed CLDR's if it is another."""
    found: dict[str, list[str]] = {}
    for name in sorted(locale_identifiers()):
        locale = Locale.parse(name)
        if name == locale.language or plurals.present(locale) != plurals.present(Locale(locale.language)):
            found[name] = list(dict.fromkeys([*plurals.known(locale), plurals.present(locale)]))
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(names(), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    lines = ",\n".join(f"{json.dumps(tag)}: {json.dumps(headers)}" for tag, headers in rules().items())
    plurals.RULES.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
