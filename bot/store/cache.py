"""A store that remembers what it last saved of a person, so that most turns begin without a read.

What is recalled may be out of date, where another process saved meanwhile: a commit on top of it is then refused with
`Conflict`, as ever. Whoever is about to do something that a refused commit does not take back has to `load` first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from bot.store import Change, Conflict, Erased, Record

if TYPE_CHECKING:
    from bot.store import Store

_PEOPLE = 1_000


class RememberingStore:
    """In front of a store; whatever is not about a record goes through."""

    def __init__(self, there: Store) -> None:
        self._there = there
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __getattr__(self, name: str) -> Any:
        """Everything else of `Store`."""
        return getattr(self._there, name)

    def cached(self, person: str) -> Record | None:
        """The record as this process last saw it, or None."""
        return self._records.get(person)

    async def load(self, person: str, activity: str = "") -> tuple[Record, bool]:
        """See `Store`."""
        record, handled = await self._there.load(person, activity)
        self._remember(record)
        return record, handled

    async def commit(self, change: Change) -> Record:
        """See `Store`."""
        try:
            saved = await self._there.commit(change)
        except Conflict:
            self._records.pop(change.record.person, None)
            raise
        self._remember(saved)
        return saved

    async def erase(self, person: str) -> Erased:
        """See `Store`."""
        self._records.pop(person, None)
        return await self._there.erase(person)

    async def purge(self, before: str) -> int:
        """See `Store`."""
        self._records.clear()
        return await self._there.purge(before)

    def _remember(self, record: Record) -> None:
        if record.version and not record.lost:
            self._records[record.person] = record
            self._records.move_to_end(record.person)
        while len(self._records) > _PEOPLE:
            self._records.popitem(last=False)
