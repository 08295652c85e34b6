"""Fields of Graph's documents, each of which may be missing or of any type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from bot.errors import Malformed
from bot.http_client import in_our_time

_SURROGATE = re.compile("[\ud800-\udfff]")


def text(document: Mapping[str, Any], name: str) -> str:
    """A string, "" for anything else."""
    value = document.get(name)
    # JSON can spell half of a surrogate pair, which no address and no database takes.
    return value if isinstance(value, str) and not _SURROGATE.search(value) else ""


def item_id(document: Mapping[str, Any]) -> str:
    """An item's id as a segment of a path. Raises `Malformed` if it has none."""
    found = text(document, "id")
    if not found:
        raise Malformed("graph", "an item without an id")
    return path_segment(found)


def path_segment(name: str) -> str:
    """A name or id as one segment of a path."""
    return quote(name, safe=",!-_.~")


def has_address(document: Mapping[str, Any], end: str) -> bool:
    """Whether the item's `webUrl` ends so, in lower case and without escapes."""
    return unquote(text(document, "webUrl")).rstrip("/").lower().endswith(end)


def moment(value: object) -> datetime | None:
    """A date and time in UTC; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return in_our_time(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (ValueError, OverflowError):  # OverflowError: the zone leads beyond the calendar
        return None


def whole_number(value: object) -> int | None:
    """A whole number; None for anything else, booleans too."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
