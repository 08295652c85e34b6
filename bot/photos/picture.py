"""A picture as one side holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Picture:
    """Bytes and what their owner says of them. Never stored, never logged."""

    data: bytes = field(repr=False)
    etag: str = ""
    modified: datetime | None = None  # UTC
    width: int | None = None  # pixels of the original, where known
    height: int | None = None
    path: str = ""  # on Graph, of a file
