"""What happens without being asked: pending cards, looking again after the walk, late tickets, retention."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from bot import traces
from bot.conversation import Address, Channel, Turn, from_document
from bot.errors import OutsideError, Throttled
from bot.store import Change, Claimed, Job, JobKind, Record
from bot.store.interface import Store
from bot.tickets.ticket import Ticket, is_earlier
from bot.turns.decisions import Decisions, check_of
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from bot.turns.schedule import Schedule
from bot.turns.ticket_states import TicketStates
from bot.turns.worker import LEASE, Doer
from dialogs.model import Case, Followed, Outcome, Resumed, Submitted, Verdict

log = logging.getLogger(__name__)

_TICKET_FOR = 24 * 3600.0  # seconds that a ticket is tried
_TICKET_FIRST_WAIT = 2.0
_TICKET_LONGEST_WAIT = 3600.0
_TICKET_IN_TURN = 3.0  # seconds until it is seen again whether an earlier submission is through
_UNKNOWN_FOR = 7 * 24 * 3600.0  # seconds of looks that could not tell, after which they end
_UNKNOWN_LONGEST_WAIT = 3600.0
_FIRST_AGAIN = 120.0
_PURGE_EVERY = 6 * 3600.0  # seconds
_COUNT_EVERY = 300.0  # seconds: what is not in the sums yet is added by whoever reads them
_COUNT_FOR = 15.0  # seconds in one claim, whose lease is longer


@dataclass(frozen=True)
class FollowUps:
    """What does each kind of job. `turn`: as a request's; `schedule`: of looks by ourselves; `retention`: seconds."""

    runner: TurnRunner
    turn: Turn
    decisions: Decisions
    outbox: Outbox
    store: Store
    channel: Callable[[Address], Channel]
    schedule: Schedule
    retention: float

    @cached_property
    def doers(self) -> Mapping[JobKind, Doer]:
        """What does a job of each kind."""
        return {
            JobKind.SHOW: self.show_pending,
            JobKind.TURN: self.run_turn,
            JobKind.FOLLOW_UP: self.look_again,
            JobKind.TICKET: self.submit_again,
            JobKind.TICKET_STATE: TicketStates(
                self.runner, self.decisions, self.outbox, self.store, self.channel
            ).read_again,
            JobKind.PURGE: self.purge,
            JobKind.COUNT: self.count,
        }

    async def show_pending(self, claimed: Claimed) -> None:
        """Show a card that was decided on and is not known to be shown: after a crash, or a channel that failed."""
        async with self.runner.lock(claimed.job.person):
            # The turn that it is of may have shown it, late, while this waited: then the claim is gone.
            await self.store.postpone(claimed, time.time() + LEASE, "")
            record, _ = await self.outbox.load(claimed.job.person)
            if record.case is None or record.address is None or record.blocked:
                await self.store.finish(claimed)
                return
            channel = self.channel(record.address)
            result = await self.decisions.perform(record, record.case, Resumed(), channel)
            result = replace(result, log=())  # the turn has noted it, and this may be tried a hundred times
            in_place = bool(claimed.job.payload.get("in_place"))
            saved, until = await self.outbox.save(record, result, in_place=in_place, pending=False)
            await self.outbox.deliver(saved, until, channel, in_place=in_place)

    async def run_turn(self, claimed: Claimed) -> None:
        """Run the turn of an activity that was answered early and whose own turn did not end; once, by its id."""
        try:
            incoming = from_document(claimed.job.payload["document"])
        except (KeyError, TypeError, ValueError) as error:
            log.error("an activity cannot be read; it is a dead letter now: photosync work list")
            await self.store.fail(claimed, f"an activity that cannot be read: {type(error).__name__}")
            return
        # An invoke that was handled meanwhile would be shown its card again: here no request waits for it.
        await self.turn(replace(incoming, is_invoke=False), self.channel(incoming.address))
        await self.store.finish(claimed)

    async def look_again(self, claimed: Claimed) -> None:
        """Look again; show what is news, and that this was the last time.

        A look that could not tell uses up nothing of the schedule and claims nothing: it is made again soon. Looks that
        were missed while nothing ran, or while none could tell, are made up for by one.
        """
        async with self.runner.lock(claimed.job.person):
            record, _ = await self.outbox.load(claimed.job.person)
            case = record.case
            if case is None or record.address is None or not _wanted(claimed, record, case):
                await self.store.finish(claimed)
                return
            chain = _Chain.of(claimed.job.payload, self.schedule, time.time())
            if not chain.last and not await self._changed(claimed.job.person, chain):
                await self._look_later(claimed, Change(record), chain)
                return
            last = case.checks[-1].at if case.checks else ""
            with traces.span("look") as span:
                found = await self.decisions.diagnosis.look(record.person, case.site, last)
                span.note("verdict", found.verdict)
            over = chain.found(known=found.verdict is not Verdict.UNKNOWN)
            channel = self.channel(record.address)
            followed = Followed(check_of(found, case.id), over=over, in_place=chain.watching)
            result = await self.decisions.perform(record, case, followed, channel)
            now_following = result.record.case is not None and bool(result.record.case.following)
            goes_on = now_following and not result.follows and not over
            if goes_on:
                result = replace(result, jobs=(*result.jobs, await self._next(claimed, chain)))
            finish = None if goes_on else claimed  # what is put takes the place of the claim
            if result.shows:
                # Whoever is at it sees the card turn; later a new message tells that there is news.
                result = replace(result, photos=await self.decisions.thumbnails(found, result.record, result.view))
                saved, until = await self.outbox.save(record, result, in_place=chain.watching, finish=finish)
                await self.outbox.deliver(saved, until, channel, in_place=chain.watching)
                return
            await self.outbox.commit(Change(result.record, log=result.log, put=result.jobs, finish=finish))
            self.outbox.count(case, result)

    async def _changed(self, person: str, chain: _Chain) -> bool:
        """Whether a whole look may find news: one request tells, and nothing is downloaded.

        A digest is only kept from before a whole look, so that a change during the look is seen by the next one. While
        somebody is watched, a digest that cannot be read is tried again with longer and longer waits; else a look finds
        out why.
        """
        diagnosis = self.decisions.diagnosis
        chain.paths = chain.paths or await diagnosis.watched(person)
        with traces.span("watch"):
            digest = await diagnosis.digest(chain.paths)
        if not digest and chain.watching:
            chain.misses += 1
            return False
        before, chain.digest, chain.misses = chain.digest, digest, 0
        if digest and digest == before:
            chain.tries, chain.unknown_since = 0, 0.0
            return False
        return True

    async def _look_later(self, claimed: Claimed, change: Change, chain: _Chain) -> None:
        await self.outbox.commit(replace(change, put=(*change.put, await self._next(claimed, chain))))

    async def _next(self, claimed: Claimed, chain: _Chain) -> Job:
        """After a look that could not tell with a backoff, however late that is."""
        now = time.time()
        if chain.tries:
            first = self.schedule.times[0] if self.schedule.times else _FIRST_AGAIN
            at = now + min(_UNKNOWN_LONGEST_WAIT, first * 2 ** min(chain.tries - 1, 20))
        elif chain.watching:
            watched = await self.store.sampled_soon()
            at = chain.since + self.schedule.next(now - chain.since, watched, chain.misses)
        else:
            at = max(now, chain.since + self.schedule.times[chain.looks_done])
        return replace(claimed.job, at=at, payload=chain.payload)

    async def submit_again(self, claimed: Claimed) -> None:
        """Try a submission again, with the same id; the person is shown its number, or after a day the failure."""
        payload, now = claimed.job.payload, time.time()
        before = await self.store.open_keys(JobKind.TICKET, claimed.job.person)
        if any(is_earlier(one, claimed.job.key) for one in before):
            await self.store.postpone(claimed, now + _TICKET_IN_TURN, "", claimed.attempt - 1)
            return
        ticket = await self._referring(Ticket.from_payload(payload))
        try:
            submitted = await self.decisions.tickets.submit(ticket)
        except OutsideError as error:
            if now - float(payload["since"]) < _TICKET_FOR:
                backoff = min(_TICKET_LONGEST_WAIT, max(_TICKET_FIRST_WAIT, now - float(payload["since"])))
                wait = backoff * random.uniform(0.7, 1.3)  # noqa: S311 - spreads callers
                asked = (error.retry_after or 0.0) if isinstance(error, Throttled) else 0.0
                wait = max(wait, asked, self.decisions.tickets.lag)
                log.warning("ticket not handed over yet: %s", error)
                await self.store.postpone(claimed, now + wait, type(error).__name__, claimed.attempt - 1)
                return
            log.error("ticket given up after a day: %s; photosync work list", error)
            submitted = Submitted("failed")
        if not payload.get("asked", True):
            await self.decisions.tickets.arrived(submitted)
            await self._done(claimed, submitted)
            return
        self.decisions.metrics.tickets.labels(submitted.result).inc()
        await self._report(claimed, ticket, submitted)

    async def _referring(self, ticket: Ticket) -> Ticket:
        """A comment with the id of its ticket, where that is known: a search might not find a new one yet."""
        if ticket.reference or not ticket.later:
            return ticket
        stored = await self.store.case(ticket.case)
        known = stored.case.ticket_ref if stored is not None and stored.case is not None else ""
        watched = await self.store.open_payload(JobKind.TICKET_STATE, ticket.case)
        return replace(ticket, reference=known or str(watched.get("ref", "")))

    async def _report(self, claimed: Claimed, ticket: Ticket, submitted: Submitted) -> None:
        watch = self.decisions.tickets.watch(claimed.job.person, ticket, submitted)
        async with self.runner.lock(claimed.job.person):
            record, _ = await self.outbox.load(claimed.job.person)
            case = record.case
            if case is None or record.address is None or record.blocked:
                if watch:
                    await self.outbox.commit(Change(record, put=watch, finish=claimed))
                else:
                    await self._done(claimed, submitted)
                return
            channel = self.channel(record.address)
            payload = claimed.job.payload
            submitted = replace(
                submitted,
                case=payload.get("case", claimed.job.key),  # jobs of earlier releases name it in the key alone
                submission=payload.get("submission", 1),
                comment=payload["body"].get("comment", ""),
            )
            result = await self.decisions.perform(record, case, submitted, channel)
            result = replace(result, jobs=(*result.jobs, *watch))
            if submitted.result == "failed":
                saved, until = await self.outbox.save(record, result, in_place=False)
                await self._done(claimed, submitted)
            else:
                saved, until = await self.outbox.save(record, result, in_place=False, finish=claimed)
            await self.outbox.deliver(saved, until, channel, in_place=False)

    async def _done(self, claimed: Claimed, submitted: Submitted) -> None:
        if submitted.result == "failed":
            await self.store.fail(claimed, "the ticket system did not take it for a day")
        else:
            await self.store.finish(claimed)

    async def purge(self, claimed: Claimed) -> None:
        """Delete what ended longer ago than the retention; the job comes back by itself."""
        before = datetime.fromtimestamp(time.time() - self.retention, UTC).isoformat(timespec="seconds")
        self.outbox.cache.clear()
        gone = await self.store.purge(before)
        self.runner.metrics.cases.labels("expired").inc(gone.unfinished)
        log.info("deleted what is older than the retention: %s", gone)
        await self.store.postpone(claimed, time.time() + _PURGE_EVERY, "", 0)

    async def count(self, claimed: Claimed) -> None:
        """Bring what cases came to into the sums; the job comes back by itself, at once where that was not all."""
        done = await self.store.count(_COUNT_FOR)
        await self.store.postpone(claimed, time.time() + (_COUNT_EVERY if done else 0.0), "", 0)


def counting() -> Job:
    """The one job that keeps the sums."""
    return Job(JobKind.COUNT, "all", "", time.time())


def purging() -> Job:
    """The one job that deletes what is old."""
    return Job(JobKind.PURGE, "all", "", time.time())


@dataclass
class _Chain:
    """The looks by ourselves for one case, as one job carries them to the next."""

    since: float  # when the card was shown, in seconds since 1970
    looks_done: int  # how many looks of the schedule are over after this one
    last: bool  # this one is made whatever has changed
    watch: bool  # begins at short intervals
    reminder: bool  # one look at its day; `once` in what a job holds
    watching: bool  # is still at short intervals
    now: float
    paths: tuple[str, ...] = ()
    digest: str = ""
    misses: int = 0  # digests in a row that could not be read
    tries: int = 0  # whole looks in a row that could not tell,
    unknown_since: float = 0.0  # and since when

    @classmethod
    def of(cls, payload: Mapping[str, Any], schedule: Schedule, now: float) -> Self:
        """Jobs of earlier releases have fewer entries, and call the looks `turn`."""
        since, reminder = float(payload.get("since", now)), bool(payload.get("once"))
        watch, due = bool(payload.get("watch")), schedule.over(now - since)
        watching = watch and not reminder and schedule.watches(now - since)
        looks_done = due if watching else max(due, int(payload.get("looks", payload.get("turn", 0))) + 1)
        return cls(
            since,
            looks_done,
            reminder or looks_done >= len(schedule.times),
            watch,
            reminder,
            watching,
            now,
            tuple(payload.get("paths", ())),
            str(payload.get("digest", "")),
            int(payload.get("misses", 0)),
            int(payload.get("tries", 0)),
            float(payload.get("unknown_since", 0.0)),
        )

    def found(self, *, known: bool) -> bool:
        """What a whole look came to; whether it was the last one."""
        if known:
            self.tries, self.unknown_since = 0, 0.0
            return self.last
        self.digest = ""  # what has changed since is not known yet
        self.unknown_since = self.unknown_since or self.now
        self.tries += 1
        self.looks_done = max(0, self.looks_done - (not self.watching))  # it uses up nothing
        return self.now - self.unknown_since >= _UNKNOWN_FOR

    @property
    def payload(self) -> dict[str, Any]:
        """What the next job is to know."""
        kept: dict[str, Any] = {"since": self.since, "looks": self.looks_done}
        more = {
            "paths": list(self.paths),
            "digest": self.digest,
            "watch": self.watch,
            "once": self.reminder,
            "misses": self.misses,
            "tries": self.tries,
            "unknown_since": self.unknown_since,
        }
        return kept | {name: value for name, value in more.items() if value}


def _wanted(claimed: Claimed, record: Record, case: Case) -> bool:
    # Who has asked the helpdesk still wants to know, and a reminder comes although the photos match.
    open_ = case.outcome in ("", Outcome.ESCALATED) or bool(claimed.job.payload.get("once"))
    return case.id == claimed.job.key and bool(case.following) and open_ and not record.blocked
