"""What is done without being asked: cards that are still owed, looking again after the walk, deleting what is old."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.conversation import Address, Channel
from bot.errors import NotFound, OutsideError, Refused
from bot.store import Change, Claimed, Due, Kind, Record, Store
from bot.tickets.ticket import Ticket
from bot.turns.result import Turned, checked, small
from bot.turns.runner import Helpdesk
from bot.turns.worker import LEASE, Doer
from dialogs.model import Case, Followed, Handed, Resumed

log = logging.getLogger(__name__)

_TICKET_FOR = 24 * 3600.0  # seconds that a ticket is tried
_TICKET_FIRST_WAIT = 2.0
_TICKET_LONGEST_WAIT = 3600.0
_PURGE_EVERY = 6 * 3600.0  # seconds


@dataclass(frozen=True)
class FollowUps:
    """The doers of due work."""

    helpdesk: Helpdesk
    store: Store
    channel: Callable[[Address], Channel]
    retention: float  # seconds

    @property
    def doers(self) -> Mapping[Kind, Doer]:
        """Which work each does."""
        return {
            Kind.SHOW: self.show_owed,
            Kind.FOLLOW_UP: self.look_again,
            Kind.TICKET: self.hand_over,
            Kind.PURGE: self.purge,
        }

    async def show_owed(self, claimed: Claimed) -> None:
        """Show a card that was decided on and is not known to be shown: after a crash, or a channel that failed."""
        async with self.helpdesk.alone(claimed.due.person):
            # The turn that owed it may have shown it, late, while this waited: then the claim is gone.
            await self.store.postpone(claimed, time.time() + LEASE, "")
            record, _ = await self.store.load(claimed.due.person)
            if record.case is None or record.address is None or record.blocked:
                await self.store.finish(claimed)
                return
            channel = self.channel(record.address)
            turned = await self.helpdesk.perform(record, record.case, Resumed(), channel)
            in_place = bool(claimed.due.payload.get("in_place"))
            saved = await self.helpdesk.save(record, turned, in_place=in_place, owed=False)
            await self._deliver(saved, channel, in_place=in_place)

    async def look_again(self, claimed: Claimed) -> None:
        """Look again by ourselves; write when the photo has arrived, or when this was the last time."""
        async with self.helpdesk.alone(claimed.due.person):
            record, _ = await self.store.load(claimed.due.person)
            case = record.case
            if case is None or record.address is None or not _wanted(claimed, record, case):
                await self.store.finish(claimed)
                return
            turn = int(claimed.due.payload.get("turn", 0)) + 1
            over = turn >= len(self.helpdesk.follow_ups)
            paths, digest, changed = await self._cheaply(claimed)
            if not changed and not over:
                await self._look_later(claimed, Change(record), turn, paths, digest)
                return
            last = case.checks[-1].at if case.checks else ""
            looking = await self.helpdesk.diagnosis.look(record.person, case.site, last)
            channel = self.channel(record.address)
            turned = await self.helpdesk.perform(record, case, Followed(checked(looking), over=over), channel)
            if not turned.shows:
                await self._look_later(claimed, Change(turned.record, log=turned.log), turn, paths, digest)
                return
            turned = replace(turned, photos=await asyncio.to_thread(small, looking))
            saved = await self.helpdesk.save(record, turned, in_place=False, finish=claimed)
            await self._deliver(saved, channel, in_place=False)

    async def _cheaply(self, claimed: Claimed) -> tuple[tuple[str, ...], str, bool]:
        """What is watched, its present digest, and whether that is another one than last time: one request.

        A digest is only kept from before a full look, so that a change during the look is seen by the next one.
        """
        diagnosis, payload = self.helpdesk.diagnosis, claimed.due.payload
        paths = tuple(payload.get("paths", ())) or await diagnosis.watched(claimed.due.person)
        digest = await diagnosis.digest(paths)
        return paths, digest, not digest or digest != payload.get("digest")

    async def _look_later(
        self, claimed: Claimed, change: Change, turn: int, paths: tuple[str, ...], digest: str
    ) -> None:
        since = float(claimed.due.payload.get("since", time.time()))
        at = max(time.time(), since + self.helpdesk.follow_ups[turn])
        payload = {"turn": turn, "since": since, "paths": list(paths), "digest": digest}
        await self.store.commit(replace(change, put=(replace(claimed.due, at=at, payload=payload),)))

    async def _deliver(self, turned: Turned, channel: Channel, *, in_place: bool) -> None:
        """Show, unasked. A channel that refuses for good is not asked again until the person writes."""
        try:
            await self.helpdesk.show(turned, channel, in_place=in_place)
        except (Refused, NotFound) as error:
            log.info("nothing more is sent to this person: %s", error)
            record, _ = await self.store.load(turned.record.person)
            drop = ((Kind.FOLLOW_UP, record.case.id),) if record.case is not None else ()
            await self.store.commit(Change(replace(record, blocked=True), drop=drop, paid=True))

    async def hand_over(self, claimed: Claimed) -> None:
        """Try a ticket again, with the same `webhook-id`; the person is told its number, or after a day the failure."""
        payload, now = claimed.due.payload, time.time()
        try:
            handed = await self.helpdesk.tickets.hand(Ticket(str(payload["id"]), payload["body"]))
        except OutsideError as error:
            if now - float(payload["since"]) < _TICKET_FOR:
                backoff = min(_TICKET_LONGEST_WAIT, _TICKET_FIRST_WAIT * 2 ** min(claimed.attempt, 20))
                wait = backoff * random.uniform(0.7, 1.3)  # noqa: S311 - spreads callers
                log.warning("ticket not handed over yet: %s", error)
                await self.store.postpone(claimed, now + wait, type(error).__name__)
                return
            log.error("ticket given up after a day: %s; photosync work list", error)
            handed = Handed("failed")
        self.helpdesk.metrics.tickets.labels(handed.result).inc()
        await self._tell(claimed, handed)

    async def _tell(self, claimed: Claimed, handed: Handed) -> None:
        async with self.helpdesk.alone(claimed.due.person):
            record, _ = await self.store.load(claimed.due.person)
            case = record.case
            if case is None or record.address is None or record.blocked:
                await self._done(claimed, handed)
                return
            channel = self.channel(record.address)
            handed = replace(handed, case=claimed.due.key)
            turned = await self.helpdesk.perform(record, case, handed, channel)
            if handed.result == "failed":
                saved = await self.helpdesk.save(record, turned, in_place=False)
                await self._done(claimed, handed)
            else:
                saved = await self.helpdesk.save(record, turned, in_place=False, finish=claimed)
            await self._deliver(saved, channel, in_place=False)

    async def _done(self, claimed: Claimed, handed: Handed) -> None:
        if handed.result == "failed":
            await self.store.bury(claimed, "the ticket system did not take it for a day")
        else:
            await self.store.finish(claimed)

    async def purge(self, claimed: Claimed) -> None:
        """Delete what ended longer ago than the retention; comes back by itself."""
        before = datetime.fromtimestamp(time.time() - self.retention, UTC).isoformat(timespec="seconds")
        gone = await self.store.purge(before)
        log.info("deleted %d cases older than the retention", gone)
        await self.store.postpone(claimed, time.time() + _PURGE_EVERY, "")


def purging() -> Due:
    """The one piece of work that deletes what is old."""
    return Due(Kind.PURGE, "all", "", time.time())


def _wanted(claimed: Claimed, record: Record, case: Case) -> bool:
    return case.id == claimed.due.key and bool(case.following) and not case.outcome and not record.blocked
