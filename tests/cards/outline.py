"""An Adaptive Card as an outline: a line for each element, indented as it is nested, with everything that it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_NESTED = ("body", "items", "columns", "actions")  # in the order of reading
_TEXTS = ("text", "title", "label", "placeholder", "value", "altText", "fallbackText")
# What nearly every card has, and is only written where it is otherwise.
_USUAL = {
    ("AdaptiveCard", "$schema"): "http://adaptivecards.io/schemas/adaptive-card.json",
    ("AdaptiveCard", "version"): "1.5",
    ("TextBlock", "wrap"): True,
}


def outline(element: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """The lines of an element and of all that is in it."""
    kind = element["type"]
    values = {name: value for name, value in element.items() if name not in ("type", *_NESTED, *_TEXTS)}
    for (owner, name), value in _USUAL.items():
        if owner == kind and values.setdefault(name) == value:
            del values[name]
    parts = [kind, *(f"{name}={_compact(value)}" for name, value in values.items())]
    parts += [f"{name}={json.dumps(element[name], ensure_ascii=False)}" for name in _TEXTS if name in element]
    yield "  " * depth + " ".join(parts)
    for name in _NESTED:
        for one in element.get(name, ()):
            yield from outline(one, depth + 1)


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}:{one}" for name, one in value.items()) + "}"
    if isinstance(value, list):  # languages to choose from, or pictures for other themes
        return ",".join(one.get("value") or f"{one['theme']}:{one['url']}" for one in value)
    return str(value)
