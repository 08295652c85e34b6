"""What both databases share: every method of `Store` as an operation to run."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from bot.errors import PhotosyncError, StoreUnavailable
from bot.store import Change, Claimed, DeadLetter, Erased, Job, JobKind, LogEntry, Record, transactions
from bot.store.schema import VERSION
from bot.store.transactions import Operation

T = TypeVar("T")


class NewerSchema(PhotosyncError):
    """The database was written by a newer program: using it could lose what that one knows."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the database has schema {found}, this program knows up to {VERSION}: use a newer program")
        self.found = found


class DatabaseStore(ABC):
    """A store over a database that runs operations."""

    skip_locked: bool

    @abstractmethod
    async def run(self, work: Callable[[], Operation[T]]) -> T:
        """Run an operation in one transaction; it may be begun again."""

    @abstractmethod
    def announce(self) -> None:
        """Let workers know that there is new work."""

    @abstractmethod
    async def changed(self, within: float) -> None:
        """See `Store`."""

    @abstractmethod
    async def close(self) -> None:
        """See `Store`."""

    async def load(self, person: str, activity: str = "") -> tuple[Record, bool]:
        """See `Store`."""
        return await self.run(lambda: transactions.load(person, activity))

    async def commit(self, change: Change) -> Record:
        """See `Store`."""
        saved = await self.run(lambda: transactions.commit(change))
        if change.put:
            self.announce()
        return saved

    async def owner(self, case: str) -> str:
        """See `Store`."""
        return await self.run(lambda: transactions.owner(case))

    async def put(self, due: Job) -> None:
        """See `Store`."""
        await self.run(lambda: transactions.put(due))
        self.announce()

    async def log(self, case: str) -> tuple[LogEntry, ...]:
        """See `Store`."""
        return await self.run(lambda: transactions.log(case))

    async def claim(self, most: int, lease: float) -> tuple[Claimed, ...]:
        """See `Store`."""
        return await self.run(lambda: transactions.claim(most, lease, time.time(), skip_locked=self.skip_locked))

    async def finish(self, claimed: Claimed) -> None:
        """See `Store`."""
        await self.run(lambda: transactions.finish(claimed))

    async def postpone(self, claimed: Claimed, at: float, error: str) -> None:
        """See `Store`."""
        await self.run(lambda: transactions.postpone(claimed, at, error))

    async def fail(self, claimed: Claimed, error: str) -> None:
        """See `Store`."""
        await self.run(lambda: transactions.fail(claimed, error, time.time()))

    async def next_due(self) -> float | None:
        """See `Store`."""
        return await self.run(transactions.next_due)

    async def pending(self, kind: JobKind) -> int:
        """See `Store`."""
        return await self.run(lambda: transactions.pending(kind))

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        """See `Store`."""
        return await self.run(transactions.dead_letters)

    async def retry(self, id_: int) -> bool:
        """See `Store`."""
        done = await self.run(lambda: transactions.retry(id_, time.time()))
        if done:
            self.announce()
        return done

    async def confirm_delivered(self, shown: tuple[tuple[str, float], ...]) -> None:
        """See `Store`."""
        await self.run(lambda: transactions.confirm_delivered(shown))

    async def erase(self, person: str) -> Erased:
        """See `Store`."""
        return await self.run(lambda: transactions.erase(person))

    async def purge(self, before: str) -> int:
        """See `Store`."""
        return await self.run(lambda: transactions.purge(before))

    async def ready(self) -> bool:
        """See `Store`."""
        try:
            await self.run(transactions.next_due)
        except StoreUnavailable:
            return False
        return True
