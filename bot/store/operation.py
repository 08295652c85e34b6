"""What is done inside one transaction, written once for both databases.

An operation is a generator. It yields a `Statement`, is sent the rows that it gave, and returns its result; it opens no
connection, awaits nothing and commits nothing. A driver takes it through:

    def owner(case):                                            operation = owner("C1")
        rows = yield Statement(                                 statement = operation.send(None)
            "SELECT person FROM cases WHERE id = ?", (case,))   rows = connection.execute(*statement).fetchall()
        return rows[0][0] if rows else ""                       operation.send(rows)  # StopIteration: its result

SQLite's driver does that in a thread, inside a transaction that many operations share; PostgreSQL's awaits each
statement on a connection of its own. Where they have to, either begins an operation again from the start, so an
operation has no effect but its statements. An exception (`Conflict`, `Lost`) undoes everything the operation did.

One SQL serves both. `?` stands for a value. What only PostgreSQL understands stands in a comment, which its driver
opens: `/*postgresql FOR UPDATE SKIP LOCKED*/`. What has to happen outside the transaction, and only if it is committed,
is yielded as `AfterCommit`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = Sequence[Any]

LARGEST = 2**62  # of what is counted: what comes near the end of an integer is damaged
FARTHEST = 1e11  # seconds since 1970 that a date can be made of


class Statement(NamedTuple):
    """One statement with `?` for its values."""

    text: str
    values: tuple[Any, ...] = ()


class AfterCommit(Enum):
    """What a driver does once the transaction is committed."""

    ANNOUNCE = "wake the workers: there is a new job"
    OVERWRITE = "leave nothing of what was deleted in the database's own log, where that can be done"


Operation = Generator[Statement | AfterCommit, Sequence[Row], T]
