"""The store as the rest of the bot sees it: its methods are the transactions, each run by a driver's `run`."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import date, datetime
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from bot.errors import StoreUnavailable
from bot.store import Conflict, JobKind, Purged, jobs, page, people, sums
from bot.store.numbers import Numbers
from bot.store.operation import Operation
from bot.store.rehearsal import Rehearsed, rehearse

T = TypeVar("T")
P = ParamSpec("P")

_READY_FOR = 1.0  # seconds that the answer of a probe is good for
_PROBE_TIMEOUT = 3.0  # seconds
_COUNT_INTERVAL = 0.5  # seconds
_SOON, _SOON_INTERVAL = 600.0, 2.0  # seconds


def transaction(work: Callable[P, Operation[T]]) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """A method that runs an operation, with the operation's own arguments, result and docstring."""

    @wraps(work)
    async def method(self: Store, /, *arguments: P.args, **named: P.kwargs) -> T:
        return await self.run(partial(work, *arguments, **named))

    return method


class Store(ABC):
    """People, cases and jobs in one database. A store is made closed; until `open` has succeeded, and whenever the
    database cannot be reached, every method raises `bot.errors.StoreUnavailable`."""

    def __init__(self) -> None:
        self._ready = _Sampled(self._probe, _READY_FOR, share=1.0)
        self._pending = _Sampled(self.pending, _COUNT_INTERVAL, share=0.05)
        self._soon = _Sampled(self._count_soon, _SOON_INTERVAL, share=0.05)

    @abstractmethod
    async def open(self, *, existing: bool = False) -> None:
        """Connect, and bring the database to the present schema; `existing`: change nothing, and refuse a database that
        is not there or has an older schema. Raises `StoreUnavailable`, and `StoreUnusable` where waiting does not help;
        holds nothing then, and may be called again."""

    @abstractmethod
    async def run(self, work: Callable[[], Operation[T]], *, alone: bool = False) -> T:
        """Run an operation in one transaction: all of it or nothing. `work` may be called more than once. `alone`: it
        is known to raise, and other operations are not to be begun again for it."""

    @abstractmethod
    async def changed(self, within: float) -> None:
        """Return when a job was put, by any process, or after `within` seconds."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and let go of everything."""

    load = transaction(people.load)
    load_for_turn = transaction(people.load_for_turn)
    commit = transaction(people.commit)
    receive = transaction(people.receive)
    discard = transaction(people.discard)
    owner = transaction(people.owner)
    case = transaction(people.case)
    log = transaction(people.log)

    put = transaction(jobs.put)
    reserve = transaction(jobs.reserve)
    open_keys = transaction(jobs.open_keys)
    open_payload = transaction(jobs.open_payload)
    due_payloads = transaction(jobs.due_payloads)
    wake = transaction(jobs.wake)
    claim = transaction(jobs.claim)
    finish = transaction(jobs.finish)
    postpone = transaction(jobs.postpone)
    fail = transaction(jobs.fail)
    next_due = transaction(jobs.next_due)
    dead_letters = transaction(jobs.dead_letters)
    retry = transaction(jobs.retry)
    confirm_delivered = transaction(people.confirm_delivered)

    count_changed = transaction(sums.count_changed)
    add_to_counters = transaction(sums.add_to_counters)

    lease_slots = transaction(jobs.lease_slots)

    erase = transaction(people.erase)
    purge_ended = transaction(people.purge_ended)
    purge_people = transaction(people.purge_people)
    purge_dead_letters = transaction(jobs.purge_dead_letters)
    purge_over = transaction(people.purge_over)

    open_session = transaction(page.open_session)
    session = transaction(page.session)
    take_session = transaction(page.take_session)
    begin_scan = transaction(page.begin_scan)
    add_affected = transaction(page.add_affected)
    end_scan = transaction(page.end_scan)
    last_scan = transaction(page.last_scan)
    affected = transaction(page.affected)
    purge_scan = transaction(page.purge_scan)

    async def cases_by_state(self, outcome: str, before: str = page.LATEST) -> tuple[page.ListedCase, ...]:
        return await self.read(partial(page.cases_by_state, outcome, before))

    async def read(self, work: Callable[[], Operation[T]]) -> T:
        """Run an operation that only reads and may take long, in one snapshot, so that no turn waits for it."""
        return await self.run(work)

    async def numbers(self, since: date, until: date) -> Numbers:
        """What became of the cases that were opened on the days from `since` to `until`, both included, UTC."""
        return await self.read(partial(sums.read, since, until))

    async def count(self, within: float) -> bool:
        """Bring changed cases into the sums, in small transactions for so many seconds; whether that was all."""
        deadline = time.monotonic() + within
        while await self.count_changed() >= sums.COUNT_BATCH:
            if time.monotonic() >= deadline:
                return False
        return True

    async def purge(self, before: str) -> Purged:
        """Delete cases that ended before a time (UTC, ISO 8601), jobs that were given up before it, everything of
        people who were not saved since, and what is over by itself; in many small transactions, so that turns go on
        meanwhile."""
        ended = gone = unfinished = letters = 0
        while batch := await self.purge_ended(before):
            ended += batch
        after, going = "", True
        while going:
            some, cases, after = await self.purge_people(before, after)
            gone, unfinished, going = gone + some, unfinished + cases, bool(after)
        moment = datetime.fromisoformat(before).timestamp()
        while old := await self.read(partial(jobs.old_dead_letters, moment)):
            letters += await self.purge_dead_letters(old, moment)
        await self.purge_scan(before)
        await self.purge_over()
        return Purged(ended, gone, unfinished, letters)

    async def ready(self) -> bool:
        """Whether a turn could be committed now: a write was tried within the last second."""
        return await self._ready.value()

    async def pending(self) -> Counter[str]:
        """See `bot.store.jobs.pending`."""
        return await self.read(jobs.pending)

    async def sampled_pending(self, kind: JobKind) -> int:
        """`pending` as it was a little while ago: however often it is asked for, counting takes a twentieth of the
        time at most."""
        return (await self._pending.value())[kind.value]

    async def sampled_due(self) -> dict[str, int]:
        """The same of every kind that has any."""
        return await self._pending.value()

    async def sampled_soon(self) -> int:
        """How many looks by ourselves are due within ten minutes, as it was a little while ago."""
        return await self._soon.value()

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                await self.run(jobs.probe)
                with suppress(Rehearsed):
                    await self.run(rehearse, alone=True)
        except (StoreUnavailable, TimeoutError, Conflict):  # a trigger may swallow what was written
            return False
        return True

    async def _count_soon(self) -> int:
        return await self.read(partial(jobs.due_before, JobKind.FOLLOW_UP, time.time() + _SOON))


class _Sampled(Generic[T]):
    """A value that is asked for often and found out seldom, by one caller at a time."""

    def __init__(self, find: Callable[[], Coroutine[Any, Any, T]], every: float, share: float) -> None:
        self._find = find
        self._every = every
        self._share = share  # of the time that finding out may take
        self._lock = asyncio.Lock()
        self._found: list[T] = []
        self._until = 0.0

    async def value(self) -> T:
        """The last one if it is young or is being found out again, else a new one."""
        if self._found and (time.monotonic() < self._until or self._lock.locked()):
            return self._found[0]
        async with self._lock:
            begun = time.monotonic()
            if not self._found or begun >= self._until:
                self._found = [await self._find()]
                ended = time.monotonic()
                self._until = ended + max(self._every, (ended - begun) * (1 / self._share - 1))
            return self._found[0]
