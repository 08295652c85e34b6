"""Everything in memory: for one process, gone when it ends."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from bot.store import Conflict, Record
from dialogs.record import from_json, to_json

# Teams repeats an activity within minutes; this many cover far more than a day of a large company.
ACTIVITIES_REMEMBERED = 200_000


class MemoryStore:
    """Cases are kept as the JSON documents that a database would keep."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Record, str]] = {}
        self._handled: OrderedDict[str, None] = OrderedDict()

    async def handled(self, activity: str) -> bool:
        """See `Store`."""
        return activity in self._handled

    async def load(self, person: str) -> Record:
        """See `Store`."""
        record, document = self._records.get(person, (Record(person), ""))
        return replace(record, case=from_json(document) if document else None)

    async def save(self, record: Record, activity: str = "") -> Record:
        """See `Store`."""
        known, _ = self._records.get(record.person, (Record(record.person), ""))
        if known.version != record.version:
            raise Conflict(record.version)
        saved = replace(record, version=record.version + 1)
        self._records[record.person] = (replace(saved, case=None), to_json(saved.case) if saved.case else "")
        if activity:
            self._handled[activity] = None
            while len(self._handled) > ACTIVITIES_REMEMBERED:
                self._handled.popitem(last=False)
        return saved

    async def erase(self, person: str) -> None:
        """See `Store`."""
        self._records.pop(person, None)

    async def ready(self) -> bool:
        """See `Store`."""
        return True

    async def close(self) -> None:
        """See `Store`."""
