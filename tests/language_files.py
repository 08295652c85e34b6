"""A small English source and a Swedish file beside it, for the tests of `photosync locales`."""

from __future__ import annotations

from pathlib import Path

from bot import resources
from bot.commands.locales.folders import Folders
from bot.languages import po_reader
from bot.languages.language_file import BASE

VARIANTS = {
    path.stem: base
    for path in sorted(resources.LOCALES.glob("*.po"))
    if (base := po_reader.read(path, before=b"msgctxt").fields.get(BASE, ""))
}
"""The packaged variants, with the languages that they are laid over."""
LANGUAGES = tuple(sorted(path.stem for path in resources.LOCALES.glob("*.po") if path.stem not in VARIANTS))
"""The packaged languages, each whole."""

ENGLISH = """\
msgid ""
msgstr ""
"Language: en\\n"
"X-Language-Name: English\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#. The first card.
#. Read by: the person in Teams.
#. {name}: the person's name, as Teams has it
#. Example: Hello, Adele Vance!
#, python-brace-format
msgctxt "desk.title"
msgid "Hello, {name}!"
msgstr "Hello, {name}!"

#. The first card.
#. Read by: the person in Teams.
msgctxt "desk.body"
msgid "Open www.office.com in a private window."
msgstr "Open www.office.com in a private window."

#. At most 32 characters
#. Read by: the person in Teams.
msgctxt "button.fix"
msgid "My photo is wrong"
msgstr "My photo is wrong"

#. Read by: the person in Teams.
#. {count}: how many steps the walk-through has, a number from 1
#. Example: 6 short steps.
#, python-brace-format
msgctxt "card.steps"
msgid "{count} short step."
msgid_plural "{count} short steps."
msgstr[0] "{count} short step."
msgstr[1] "{count} short steps."

#. What people type.
#. Read by: nobody: the bot learns from it.
msgctxt "examples.fix"
msgid "Out of date"
msgstr ""
"old photo\\n"
"wrong photo"

#. What people type.
#. Read by: nobody: the bot learns from it.
msgctxt "examples.add"
msgid "I want another photo"
msgstr "new photo"
"""

SWEDISH = """\
# Kept as it is: a comment of the translator's.
msgid ""
msgstr ""
"Language: sv\\n"
"Last-Translator: Ada\\n"
"X-Language-Name: Svenska\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#. The first card.
#. Read by: the person in Teams.
#. {name}: the person's name, as Teams has it
#. Example: Hello, Adele Vance!
#, python-brace-format
msgctxt "desk.title"
msgid "Hello, {name}!"
msgstr "Hej, {name}!"

# A remark of the translator's.
#. The first card.
#. Read by: the person in Teams.
msgctxt "desk.body"
msgid "Open www.office.com in a private window."
msgstr ""
"Öppna www.office.com i ett "
"privat fönster."

#. At most 32 characters
#. Read by: the person in Teams.
msgctxt "button.fix"
msgid "My photo is wrong"
msgstr "Mitt foto är fel"

#. Read by: the person in Teams.
#. {count}: how many steps the walk-through has, a number from 1
#. Example: 6 short steps.
#, python-brace-format
msgctxt "card.steps"
msgid "{count} short step."
msgid_plural "{count} short steps."
msgstr[0] "{count} kort steg."
msgstr[1] "{count} korta steg."

#. What people type.
#. Read by: nobody: the bot learns from it.
msgctxt "examples.fix"
msgid "Out of date"
msgstr ""
"gammal bild\\n"
"fel bild"

#. What people type.
#. Read by: nobody: the bot learns from it.
msgctxt "examples.add"
msgid "I want another photo"
msgstr "ny bild"
"""

GLOSSARY = "term\tlanguage\ttranslation\tsource\nprivate window\tsv\tprivat fönster (webbläsare)\tbrowser interface\n"


def folders(place: Path, *, english: str = ENGLISH, **others: str) -> Folders:
    """Packaged files in a checkout; `sv` is the Swedish one unless another is given."""
    (place / "pyproject.toml").touch()
    packaged = place / "locales"
    packaged.mkdir(exist_ok=True)
    for tag, text in {"en": english, "sv": SWEDISH, **others}.items():
        (packaged / f"{tag}.po").write_bytes(text.encode())
    (packaged / "GLOSSARY.tsv").write_text(GLOSSARY, encoding="utf-8")
    return Folders(packaged, None)
