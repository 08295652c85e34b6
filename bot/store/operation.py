"""An operation: what is done inside one transaction, as a generator; `transactions.py` says how a driver runs it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = Sequence[Any]


class Statement(NamedTuple):
    """One statement with `?` for its values."""

    text: str
    values: tuple[Any, ...] = ()


class AfterCommit(Enum):
    """What a driver does once the transaction is committed."""

    ANNOUNCE = "wake the workers: there is a new job"
    OVERWRITE = "leave nothing of what was deleted in the database's own log, where that can be done"


Operation = Generator[Statement | AfterCommit, Sequence[Row], T]
