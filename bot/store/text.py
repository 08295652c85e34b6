"""Text that every database takes.

PostgreSQL takes no U+0000, and no encoding of UTF-8 takes half a surrogate pair; people's names and messages can have
both. They are replaced by U+FFFD where a database refused the text as it is, so that nothing is refused because of
them, and the common text costs nothing.
"""

from __future__ import annotations

import re
from typing import Any

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a statement, with what cannot be stored replaced."""
    return tuple(_NOT_STORABLE.sub("\ufffd", one) if isinstance(one, str) else one for one in values)


def readable(raw: bytes) -> str:
    """Text as it was read, with what is no UTF-8 replaced."""
    return raw.decode("utf-8", "replace")
