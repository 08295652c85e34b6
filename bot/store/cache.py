"""People's records as this process last saw them, so that most turns start without a read.

A cached record may be out of date, where another process saved meanwhile: a commit on top of it is then refused with
`Conflict`, and the record has to be forgotten here and loaded. What a refused commit does not undo (a ticket, a look at
Graph) must not be done on a cached record: load it first.
"""

from __future__ import annotations

from collections import OrderedDict

from bot.store import Record

_MOST = 1_000  # people


class RecordCache:
    """The most recently used records. A turn puts in what it loaded and committed, and forgets what was refused,
    erased or purged."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, Record] = OrderedDict()

    def get(self, person: str) -> Record | None:
        """The record as this process last saw it, or None."""
        return self._records.get(person)

    def put(self, record: Record) -> None:
        """Keep a record that was loaded or committed; one that was never saved, or cannot be read, is not kept."""
        if not record.version or record.lost:
            return
        self._records[record.person] = record
        self._records.move_to_end(record.person)
        while len(self._records) > _MOST:
            self._records.popitem(last=False)

    def forget(self, person: str) -> None:
        """The next turn of this person has to load."""
        self._records.pop(person, None)

    def clear(self) -> None:
        """The next turn of everybody has to load."""
        self._records.clear()
