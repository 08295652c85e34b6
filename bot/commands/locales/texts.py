"""Checks of one translated text beside its English, each with one subject; the table is at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bot.commands.locales.budgets import budget
from bot.commands.locales.issue import Form, Issue, Language, Level
from dialogs.translations import placeholders

_ADDRESS = re.compile(r"https?://[^\s\"“”«»<>]*[\w/]|\b(?:[\w-]+\.)+(?:com|net|org)\b(?:/[\w/-]+)?")
_NAMES = (
    "SharePoint", "OneDrive", "Microsoft 365", "Exchange Online", "InPrivate", "Teams", "Outlook", "Photosync",
    "Edge", "Chrome", "Firefox", "Safari",
)  # fmt: skip
# Names of products are the same in every language.
_SAME_EVERYWHERE = {"app.name", "photo.microsoft365.caption", "photo.sharepoint.caption"}
# A card's text is Markdown, and Teams rewrites its links: what would be seen as a sign there.
_MARKS = ("**", "*", "__", "_", "~~", "`", "[", "]", "#", "<", ">", "|", "~")
_PAIRED = ("**", "*", "__", "_", "~~", "`")
_LIST = re.compile(r"(\d+|\{\w+\})[.)]\s|[-+]\s")


def _placeholders(form: Form, language: Language) -> Iterator[Issue]:
    wanted = frozenset[str]().union(*(placeholders(text) for text in form.english))
    try:
        used = placeholders(form.text)
    except ValueError as error:
        yield Issue(form.line, f"braces that do not match: {error}")
        return
    # "One step" does without the number, "21 steps" does not.
    may_go = {"count"} if form.entry.plural and form.at in language.seldom else set[str]()
    missing = wanted - used - may_go
    if used - wanted:
        yield Issue(form.line, f"{_braced(used - wanted)} is not in the English; there is {_braced(wanted)}")
    elif missing:
        yield Issue(form.line, f"{_braced(missing)} is missing")


def _braced(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"


def _length(form: Form, _: Language) -> Iterator[Issue]:
    most = budget(form.entry.key)
    if most is not None and len(form.text) > most:
        yield Issue(form.line, f"{len(form.text)} characters; at most {most} have room")


def _blanks(form: Form, _: Language) -> Iterator[Issue]:
    if form.text != form.text.strip():
        yield Issue(form.line, "begins or ends with a blank")


def _addresses(form: Form, _: Language) -> Iterator[Issue]:
    for address in dict.fromkeys(_ADDRESS.findall(" ".join(form.english))):
        if address not in form.text:
            yield Issue(form.line, f"the address {address} is missing or changed")


def _same(form: Form, language: Language) -> Iterator[Issue]:
    if language.is_english or form.entry.key in _SAME_EVERYWHERE or form.text not in form.english:
        return
    # One word can be the same in two languages ("Menu"); a sentence cannot.
    level = Level.ERROR if " " in form.text else Level.WARNING
    yield Issue(form.line, "is the English: not translated", level)


def _markup(form: Form, _: Language) -> Iterator[Issue]:
    ours, english = _marks(form.text), _marks(" ".join(form.english))
    strange = [mark for mark in ours if mark not in english]
    if strange:
        yield Issue(form.line, f"{' '.join(strange)} would be read as markup; the English has none")
    odd = [mark for mark in _PAIRED if mark not in strange and ours.get(mark, 0) % 2]
    if odd or ours.get("[", 0) != ours.get("]", 0):
        yield Issue(form.line, f"{' '.join(odd) or '[ ]'} opens and does not close")
    if _LIST.match(form.text) and not any(_LIST.match(text) for text in form.english):
        yield Issue(form.line, "begins like a list; Teams would draw one")
    if "safelinks" in form.text:
        yield Issue(form.line, "has an address that a mail program rewrote (safelinks)")


def _marks(text: str) -> dict[str, int]:
    """How often each mark stands in a text, a doubled one not counted as two single ones."""
    found = {}
    for mark in _MARKS:
        if mark in text:
            found[mark] = text.count(mark)
            text = text.replace(mark, "")
    return found


def _names(form: Form, _: Language) -> Iterator[Issue]:
    for name in _NAMES:
        if all(name in text for text in form.english) and name not in form.text:
            yield Issue(form.line, f"the name {name} is missing", Level.WARNING)


Check = Callable[[Form, Language], Iterator[Issue]]
ALWAYS: tuple[Check, ...] = (_blanks, _length, _same)
SENTENCES: tuple[Check, ...] = (_placeholders, _addresses, _markup, _names)
"""Not for what people type: `|` and `*` mean something there, and braces nothing."""
