"""A topic file of an installation, laid over the packaged one of its name: steps changed, left out or added, and texts.

  [steps.tile]            what it names takes the place of the packaged entry; `choices` are laid over one by one
  link = "https://..."
  [steps.private_window]
  skip = true             left out: what led there leads to where its own `next` does
  [steps.portal]
  after = "sign_in"       a step of one's own: comes after that one and leads on to where that one did
  [texts.en]              by language; a key without its topic, or a whole one such as `picture.portal`
  "portal.title" = "Open the company portal"

An English text takes the place of the packaged one in every language: where the file has none in a language, its card
is in English as a whole, since the packaged translation says something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dialogs.translations import SOURCE

_OWN_ENTRIES = {"start", "steps", "everywhere", "draft", "texts"}
_WHOLE = ("picture.", "hint.", "button.")
_MOST_SKIPS = 50  # of steps left out one behind the other

Document = Mapping[str, Any]
Texts = dict[str, dict[str, tuple[str, ...]]]
"""Language -> key -> its one form."""


def laid_over(below: Document, own: Document) -> dict[str, Any]:
    """One topic's document with an installation's own over it; what is left out is still marked `skip`.

    Raises ValueError for what cannot be laid over.
    """
    unknown = set(own) - _OWN_ENTRIES
    if unknown:
        raise ValueError(f"unknown entry {', '.join(sorted(unknown))}")
    steps: dict[str, dict[str, Any]] = {name: dict(table) for name, table in below.get("steps", {}).items()}
    for name, table in own.get("steps", {}).items():
        values = dict(table)
        after = values.pop("after", "")
        if values.get("skip") and name not in steps:
            raise ValueError(f"step {name}: there is none to leave out")
        if after:
            steps = _inserted(steps, name, values, after)
        else:
            choices = {**steps.get(name, {}).get("choices", {}), **values.get("choices", {})}
            steps[name] = {**steps.get(name, {}), **values, **({"choices": choices} if choices else {})}
    everywhere = {**below.get("everywhere", {}), **own.get("everywhere", {})}
    start = own.get("start", below.get("start", ""))
    return {"start": start, "steps": steps, **({"everywhere": everywhere} if everywhere else {})}


def without_skipped(documents: Mapping[str, Document]) -> dict[str, Document]:
    """All topics without the steps that are left out: what led to one leads to where its own `next` does.

    Raises ValueError where that goes round in a circle.
    """
    skipped = {
        f"{topic}.{name}": _ref(topic, str(table.get("choices", {}).get("next", "")))
        for topic, document in documents.items()
        for name, table in document.get("steps", {}).items()
        if isinstance(table, Mapping) and table.get("skip")
    }
    made: dict[str, Document] = {}
    for topic, document in documents.items():
        steps = {
            name: _led_past(topic, table, skipped)
            for name, table in document.get("steps", {}).items()
            if f"{topic}.{name}" not in skipped
        }
        start = _past(topic, str(document.get("start", "")), skipped).removeprefix(f"{topic}.")
        everywhere = document.get("everywhere", {})
        everywhere = {action: _past(topic, target, skipped) for action, target in everywhere.items()}
        made[topic] = {**document, "start": start, "steps": steps, **({"everywhere": everywhere} if everywhere else {})}
    return made


def _ref(topic: str, target: str) -> str:
    return target if "." in target or target.startswith("@") else f"{topic}.{target}"


def _inserted(steps: dict[str, Any], name: str, values: dict[str, Any], after: str) -> dict[str, Any]:
    if after not in steps:
        raise ValueError(f"step {name}: comes after {after!r}, which is no step")
    before = {**steps[after], "choices": dict(steps[after].get("choices", {}))}
    choices = {"next": before["choices"].get("next", ""), **values.get("choices", {})}
    before["choices"]["next"] = name
    made: dict[str, Any] = {}
    for one, table in steps.items():
        made[one] = before if one == after else table
        if one == after:
            made[name] = {**values, "choices": choices}
    return made


def _past(topic: str, target: str, skipped: Mapping[str, str]) -> str:
    if _ref(topic, target) not in skipped:
        return target
    target = _ref(topic, target)
    for _ in range(_MOST_SKIPS):
        if target not in skipped:
            return target
        target = skipped[target]
    raise ValueError("the steps that are left out lead in a circle")


def _led_past(topic: str, table: dict[str, Any], skipped: Mapping[str, str]) -> dict[str, Any]:
    arrows: dict[str, Any] = {
        name: {key: _past(topic, target, skipped) for key, target in table[name].items()}
        for name in ("choices", "branches", "later")
        if name in table
    }
    return {**table, **arrows}


def texts_of(topic: str, own: Document) -> Texts:
    """The texts of an installation's topic file. Raises ValueError for what is no text."""
    found: Texts = {}
    for tag, table in own.get("texts", {}).items():
        for key, text in table.items():
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"texts.{tag}: {key} is no text")
            whole = key if key.startswith((*_WHOLE, f"{topic}.")) else f"{topic}.{key}"
            found.setdefault(tag, {})[whole] = (text,)
    return found


def entries_of(tag: str, entries: Mapping[str, tuple[str, ...]], texts: Texts) -> dict[str, tuple[str, ...]]:
    """A language's entries with an installation's texts over them."""
    gone = texts.get(SOURCE, {}).keys() - texts.get(tag, {}).keys()
    return {**{key: forms for key, forms in entries.items() if key not in gone}, **texts.get(tag, {})}
