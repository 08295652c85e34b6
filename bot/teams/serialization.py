"""Activities as bytes: a card that is JSON already is neither read nor written again on its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from bot.conversation import Message


class Card:
    """A card on its way through the SDK, which copies all it passes on: this is not copied."""

    def __init__(self, message: Message) -> None:
        card = message.rendered
        self.json = orjson.Fragment(card) if isinstance(card, bytes) else card

    def __copy__(self) -> Card:
        return self

    def __deepcopy__(self, _: Any) -> Card:
        return self


def as_json(activity: Mapping[str, Any]) -> bytes:
    """An activity as it is sent; what no UTF-8 can say becomes a question mark."""
    try:
        return orjson.dumps(activity, default=_content)
    except TypeError:
        return json.dumps(activity, ensure_ascii=False, default=_as_plain_json).encode("utf-8", "replace")


def _content(part: Any) -> Any:
    if isinstance(part, Card):
        return part.json
    raise TypeError


def _as_plain_json(part: Any) -> Any:
    if isinstance(part, Card) and isinstance(part.json, orjson.Fragment):
        return orjson.loads(part.json.contents)
    return _content(part)
