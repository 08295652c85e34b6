"""Jobs: claimed from the store, done once as far as anybody can tell, taken over by others when this process dies.

A claim is a lease with a fencing number. Whoever does the job reports it in the same transaction as its result; a claim
that ran out meanwhile is refused there, because another process has the job (docs/decisions/0002-jobs.md).

Each job has a slot of its own, so a slow one delays none behind it. Every kind has slots that no other kind can take:
ten thousand follow-ups that wait for a throttled Graph delay no ticket and no pending card.

What is away is not the job's fault. A store that cannot be reached: the claim runs out, or is handed back. Another
system: the job waits as long again as it has waited already, a quarter of an hour at most (an hour where it is asked
to), for a week. It keeps its tries either way; whatever else it fails by counts towards the dead letter. What the store
refuses for one job waits likewise, and holds up no other. What does not end within its time looks like an outage and
may be a fault of ours: it waits as for one, but for a day only if no try ends otherwise. And a job that takes its
process with it each time is not tried for ever.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from bot.background import Beat
from bot.errors import OutsideError, StoreRefused, StoreUnavailable, Throttled, location
from bot.store import Claimed, Conflict, JobKind, Lost
from bot.store.interface import Store
from bot.traces import Traces, begin_turn

log = logging.getLogger(__name__)

Doer = Callable[[Claimed], Awaitable[None]]

LEASE = 45.0  # seconds: a dead process's work is taken over within a minute
SLOTS: Mapping[JobKind, int] = {
    JobKind.SHOW: 6,
    JobKind.TICKET: 4,
    JobKind.TICKET_STATE: 2,
    JobKind.TURN: 6,
    JobKind.FOLLOW_UP: 4,  # as many as Graph gives photos to at once; people who wait come first
    JobKind.PURGE: 1,
    JobKind.COUNT: 1,
}
# What is handed back may have taken effect outside: it is not begun again before that can be seen there.
_HANDED_BACK = {JobKind.TICKET: 30.0}  # seconds
_STORE_AWAY = 3.0  # seconds until a job that the store failed is claimed again
_PERIODIC = (
    JobKind.PURGE,
    JobKind.COUNT,
)  # come back by themselves, and are never given up: nobody would start them again
_LONGEST_SLEEP = 15.0  # seconds; in case no other process's new work wakes this one
_MOST_TRIES = 8
# Tries of which nothing was heard: the process died, or the store was away at their end. More than a ticket that an
# earlier release has queued may have counted in its day.
_MOST_LOST = 200
_FIRST_WAIT = 5.0  # seconds; doubled on each further try
_LONGEST_WAIT = 3600.0
_OUTAGE_FOR = 7 * 86_400.0  # seconds that another system is waited for
# A state is read as long as anybody may change it, and as seldom as one that does not change.
_OUTAGE_OF = {JobKind.TICKET_STATE: (60.0, 31 * 86_400.0)}  # seconds of the first wait, and in all
_OUTAGE_LONGEST_WAIT = 900.0
_LATE_FOR = 86_400.0  # seconds that a job is tried which never ends in time
_OUTAGE_SINCE, _LATE_SINCE = "outage_since", "late_since"  # in what a job holds


class Worker:
    """Does what is due. Run by `bot.background`. `first_wait`: seconds after which what failed is tried again."""

    def __init__(
        self,
        store: Store,
        doers: Mapping[JobKind, Doer],
        *,
        lease: float = LEASE,
        first_wait: float = _FIRST_WAIT,
        traces: Traces | None = None,
    ) -> None:
        self._store = store
        self._traces = traces or Traces()
        self._lease = lease
        self._first_wait = first_wait
        self._doers = doers
        self._jobs: dict[asyncio.Task[None], JobKind] = {}
        self._freed = asyncio.Event()
        self._rest_until = 0.0  # on the monotonic clock; nothing is claimed before

    async def run(self, beat: Beat) -> None:
        """Claim and do, for ever. Raises what claiming raises but `StoreUnavailable`, which is waited out."""
        wait = self._first_wait
        while True:
            self._freed.clear()
            await asyncio.sleep(self._rest_until - time.monotonic())
            try:
                free = self._free()
                claimed = await self._store.claim(free, self._lease) if free else ()
                due = None if claimed or not free else await self._store.next_due(tuple(free))
            except StoreUnavailable as error:
                log.error("jobs wait: %s; again in %.0f s", error, wait)
                await asyncio.sleep(wait * random.uniform(0.7, 1.0))  # noqa: S311 - spreads replicas
                wait = min(2 * wait, _LONGEST_SLEEP)
                continue
            beat()
            wait = self._first_wait
            for one in claimed:
                task = asyncio.create_task(self._do(one), name=f"job {one.job.kind.value}")
                self._jobs[task] = one.job.kind
                task.add_done_callback(self._done)
            if not claimed:
                await self._sleep(due)

    async def stop(self, grace: float = 8.0) -> None:
        """Give the jobs under way that many seconds, then hand them back. To be called after `run` was cancelled."""
        if self._jobs:
            _, late = await asyncio.wait(set(self._jobs), timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _free(self) -> dict[JobKind, int]:
        """How many more of each kind may be done at once; kinds without a free slot are left out."""
        busy = list(self._jobs.values())
        free = {kind: slots - busy.count(kind) for kind, slots in SLOTS.items() if kind in self._doers}
        return {kind: slots for kind, slots in free.items() if slots > 0}

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._jobs[task]
        self._freed.set()
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert error is not None
            log.error("%s failed: %s at %s", task.get_name(), type(error).__name__, location(error))

    async def _sleep(self, due: float | None) -> None:
        """Until the next job is due, new work is put, or a slot is free again."""
        seconds = _LONGEST_SLEEP if due is None else min(_LONGEST_SLEEP, max(0.05, due - time.time()))
        woken = asyncio.create_task(self._store.changed(seconds))
        freed = asyncio.create_task(self._freed.wait())
        try:
            await asyncio.wait([woken, freed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            freed.cancel()
            await asyncio.gather(woken, freed, return_exceptions=True)

    async def _do(self, claimed: Claimed) -> None:
        kind = claimed.job.kind.value
        since = _taken_out(claimed.job.payload)
        begin_turn()
        if claimed.attempt > _MOST_LOST and claimed.job.kind not in _PERIODIC:
            log.error("%s given up: nothing was heard of its last tries: photosync work list", kind)
            await self._settle(claimed, self._store.fail(claimed, "its tries ended with their process"))
            return
        try:
            async with asyncio.timeout(self._lease * 0.9):
                with self._traces.whole("job", kind):
                    await self._doers[claimed.job.kind](claimed)
        except asyncio.CancelledError:
            await self._hand_back(claimed, since=since)
            raise
        except Lost:
            log.info("%s was taken over or ended meanwhile", kind)
        except StoreRefused as error:  # of this one: the others go on
            log.warning("%s is refused by the store: %s", kind, error)
            await self._wait_out(claimed, error, since)
        except StoreUnavailable as error:
            # Part of the store may work, so that the job could be claimed: it would come back at once, for ever.
            log.warning("%s waits for the store: %s", kind, error)
            self._rest_until = time.monotonic() + _STORE_AWAY
            await self._hand_back(claimed, _STORE_AWAY, since=since)
        except Conflict:
            await self._again(claimed, "the case moved on meanwhile", 0.5)
        except (OutsideError, TimeoutError) as error:  # what does not end in time waits for something outside, too
            log.warning("%s waits for another system: %s", kind, error if str(error) else "no answer in time")
            await self._wait_out(claimed, error, since)
        except Exception as error:  # whatever it is, the job is tried again and then laid aside, never lost
            log.error("%s failed: %s at %s", kind, type(error).__name__, location(error))
            await self._again(claimed, type(error).__name__, None)

    async def _hand_back(self, claimed: Claimed, wait: float = 0.0, *, since: Mapping[str, float]) -> None:
        """Another process, or this one later, need not wait for the lease to run out."""
        payload = {**claimed.job.payload, **since}
        with suppress(Lost, StoreUnavailable):
            wait = max(wait, _HANDED_BACK.get(claimed.job.kind, 0.0))
            await self._store.postpone(claimed, time.time() + wait, "handed back", claimed.attempt - 1, payload)

    async def _wait_out(self, claimed: Claimed, error: Exception, since: Mapping[str, float]) -> None:
        """Since when the outage lasts stands in the job, so that the waits go on growing in whichever process; and
        since when no try has ended in time."""
        now, name, kind = time.time(), type(error).__name__, claimed.job.kind
        since = {_OUTAGE_SINCE: now, _LATE_SINCE: now, **since}
        if not isinstance(error, TimeoutError):
            del since[_LATE_SINCE]
        outage, late = now - since[_OUTAGE_SINCE], now - since.get(_LATE_SINCE, now)
        first, longest = _OUTAGE_OF.get(kind, (self._first_wait, _OUTAGE_FOR))
        if (outage > longest or late > _LATE_FOR) and kind not in _PERIODIC:
            why = "outages without end" if outage > longest else "a day of tries that did not end in time"
            log.error("%s given up after %s: photosync work list", kind.value, why)
            await self._settle(claimed, self._store.fail(claimed, name))
            return
        wait = min(_OUTAGE_LONGEST_WAIT, max(first, outage)) * random.uniform(0.7, 1.3)  # noqa: S311
        asked = (error.retry_after or 0.0) if isinstance(error, Throttled) else 0.0
        wait = max(wait, min(asked, _LONGEST_WAIT), _HANDED_BACK.get(kind, 0.0))
        payload = {**claimed.job.payload, **since}
        postponed = self._store.postpone(claimed, now + wait, name, claimed.attempt - 1, payload)
        await self._settle(claimed, postponed)

    async def _again(self, claimed: Claimed, error: str, wait: float | None) -> None:
        backoff = min(_LONGEST_WAIT, self._first_wait * 2 ** (claimed.attempt - 1)) * random.uniform(0.7, 1.3)  # noqa: S311
        if claimed.attempt >= _MOST_TRIES and claimed.job.kind not in _PERIODIC:
            log.error("%s given up after %d tries: photosync work list", claimed.job.kind.value, claimed.attempt)
            await self._settle(claimed, self._store.fail(claimed, error))
            return
        at = time.time() + (backoff if wait is None else wait)
        await self._settle(claimed, self._store.postpone(claimed, at, error))

    async def _settle(self, claimed: Claimed, reported: Awaitable[None]) -> None:
        try:
            await reported
        except Lost:
            log.info("%s was taken over meanwhile", claimed.job.kind.value)
        except StoreUnavailable as unreachable:
            log.warning("%s is tried again when its lease has run out: %s", claimed.job.kind.value, unreachable)


def _taken_out(payload: dict[str, Any]) -> dict[str, float]:
    """Since when a job waits. A try that gets through, or fails by itself, ends that: what the job puts or keeps says
    nothing of it."""
    found = {name: payload.pop(name, None) for name in (_OUTAGE_SINCE, _LATE_SINCE)}
    # Or damaged, or of a clock ahead.
    return {name: at for name, at in found.items() if isinstance(at, int | float) and 0 < at <= time.time()}
