"""What stands above an entry for its translator beside where it shows: who reads it, what each placeholder may be, the
sentence with the placeholders filled in and, in a variant, what its language says. `sync` writes it into every file,
from the tables here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dialogs.examples import PREFIX
from dialogs.translations import placeholders

READ_BY, EXAMPLE, BASE_SAYS = "#. Read by: ", "#. Example: ", "#. Its language says: "
_WRITTEN = ("#. {", READ_BY, EXAMPLE, BASE_SAYS)  # what the lines that are written here begin with

PERSON, ANYBODY, AGENT = "the person in Teams", "anybody", "a help desk agent"
AGENTS_AND_LEAD, PERSON_AND_AGENT = "help desk agents and their lead", "the person in Teams, and the help desk"
EVERY_USER = "everybody who looks for the app in Teams"
NOBODY = "nobody: the bot learns from it"
_READERS = (
    (r"examples\..*", NOBODY),
    (r"agent\.found\..*|agent\.not_looked", AGENTS_AND_LEAD),  # on the page too
    (r"agent\..*", AGENT),
    (r"page\..*", AGENTS_AND_LEAD),
    (r"privacy\..*|terms\..*", ANYBODY),
    (r"manifest\..*|app\..*", EVERY_USER),
    (r"summary\..*", PERSON_AND_AGENT),
    (r".*", PERSON),
)  # the first that fits


class Placeholder(NamedTuple):
    """What stands there, and a value such as the person sees; a key of the English stands for its text."""

    what: str
    sample: str


_OFFICE = Placeholder("an address that is typed or opened", "www.office.com")
_PLACEHOLDERS: Mapping[str, Placeholder] = {
    "account": Placeholder("the person's account, like an e-mail address", "adele.vance@contoso.com"),
    "address": _OFFICE,
    "age": Placeholder("a span of time in words", "1 year"),
    "begin": Placeholder("a date", "Nov 1, 2026"),
    "case": Placeholder("the case's number, a short code", "1A2B3C4D"),
    "contact": Placeholder("a telephone number, an address or a sentence of the settings", "+1 425 555 0100"),
    "count": Placeholder("a number from 1", "6"),
    "date": Placeholder("a date, as the language writes it", "November 28, 2026"),
    "end": Placeholder("a date", "Nov 28, 2026"),
    "found": Placeholder("what the last check found, one of agent.found.*", "agent.found.differ"),
    "language": Placeholder("the name of any language", "Swedish"),
    "name": Placeholder("the person's name, as Teams has it", "Adele Vance"),
    "number": Placeholder("a number", "12"),
    "office": _OFFICE,
    "onedrive": Placeholder("an address that is typed", "www.office.com/launch/onedrive"),
    "people": Placeholder("how many people, a number", "1,204"),
    "proven": Placeholder("how many cases, a number", "38"),
    "question": Placeholder("what an agent wrote, in any language", "Which page shows the old photo?"),
    "sharepoint": Placeholder("an address that is typed", "www.office.com/launch/sharepoint"),
    "since": Placeholder("a time of the day, with the day if it is another one", "9:41 AM"),
    "site": Placeholder("the name of a SharePoint site", "Marketing"),
    "ticket": Placeholder("the number that the help desk's system gave", "INC0042"),
    "time": Placeholder("a time of the day, with the day if it is another one", "2:30 PM"),
    "total": Placeholder("how many steps there are, a number", "6"),
    "up": Placeholder("how many people, a number", "17"),
    "value": Placeholder("a number from 0 to 1", "0.42"),
    "wrong": Placeholder("how many cases, a number", "52"),
}
_OF_ENTRIES: Mapping[tuple[str, str], Placeholder] = {
    ("agent.looked", "date"): Placeholder("date and time, UTC", "Nov 28, 2026, 9:41:00 AM UTC"),
    ("agent.taken", "name"): Placeholder("the name of an agent", "Megan Bowen"),
    ("card.copied_before", "date"): Placeholder("a month, or a day where both are of the same month", "October 2025"),
    ("card.progress", "number"): Placeholder("which step it is, a number from 1", "2"),
    ("card.steps", "count"): Placeholder("how many steps the walk-through has, a number from 1", "6"),
    ("page.affected.from", "date"): Placeholder("date and time, UTC", "Nov 28, 2026, 9:41:00 AM UTC"),
    ("page.few", "number"): Placeholder("the least number that is shown, 5", "5"),
    ("page.few_note", "number"): Placeholder("the least number that is shown, 5", "5"),
    ("page.numbers.days", "number"): Placeholder("30, 90 or 365", "30"),
    ("page.numbers.follow_ups", "number"): Placeholder("how many checks, a number", "310"),
    ("page.numbers.looks", "number"): Placeholder("a number with one place after the point", "2.4"),
    ("page.numbers.ratings_of", "number"): Placeholder("how many people, a number", "20"),
    ("page.numbers.wrong", "number"): Placeholder("how many cases, a number", "52"),
    ("page.signed_in", "name"): Placeholder("the name of the agent", "Megan Bowen"),
    ("privacy.kept.until", "number"): Placeholder("how many days, a number", "90"),
    ("resync.tile.body", "address"): Placeholder("an address that is typed", "www.office.com/launch/sharepoint"),
    ("summary.looked", "date"): Placeholder("date and time", "November 28, 2026 at 9:41:00 AM GMT+1"),
}
"""What stands in the place of the general one in an entry."""


def written(
    key: str, source: tuple[str, ...], comments: tuple[str, ...], english: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """An entry's comment for translators, of the lines that are there: where it shows, how long it may be. `english`
    has what is shown. Of a placeholder that is not in the tables nothing is written."""
    kept = tuple(line for line in comments if not line.startswith(_WRITTEN))
    return (*kept, f"{READ_BY}{reader(key)}.", *_of_placeholders(key, source, english))


def of_base(texts: tuple[str, ...]) -> str:
    """The line above an entry of a variant that says what it stands in place of."""
    return BASE_SAYS + " / ".join(" ".join(text.split()) for text in texts)


def base_line(comments: tuple[str, ...]) -> str:
    """That line among an entry's; "" if there is none."""
    return next((line for line in comments if line.startswith(BASE_SAYS)), "")


def reader(key: str) -> str:
    """Who reads an entry."""
    return next(who for keys, who in _READERS if re.fullmatch(keys, key))


def _of_placeholders(key: str, source: tuple[str, ...], english: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    texts = english.get(key, ()) if key.startswith(PREFIX) else source
    names = _names(texts)
    found = {name: one for name in names if (one := _OF_ENTRIES.get((key, name)) or _PLACEHOLDERS.get(name))}
    yield from (f"#. {{{name}}}: {one.what}" for name, one in found.items())
    if found and len(found) == len(names) and not key.startswith(PREFIX):
        values = {name: english.get(one.sample, (one.sample,))[0] for name, one in found.items()}
        yield f"{EXAMPLE}{' '.join(source[-1].split()).format_map(values)}"


def _names(texts: tuple[str, ...]) -> list[str]:
    """The placeholders of some texts, in their order; none of braces that do not match."""
    joined = " ".join(texts)
    try:
        return sorted(placeholders(joined), key=lambda name: joined.index(f"{{{name}}}"))
    except ValueError:
        return []
