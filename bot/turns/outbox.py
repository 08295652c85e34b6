"""Loading a person's record, saving what a turn came to, and showing its card.

The case, its log, its jobs and "this card is pending" are one commit; the card is sent after it. A crash in between
leaves the card pending, and `_PENDING_FOR` later the background worker sends it. So a card that was decided on is shown
at least once, and nothing is shown that was not saved. Where a new message takes over from an earlier card, that one
loses its buttons.

That a card was delivered is stored too:
- A new message cannot be repeated unseen, so its id is committed at once.
- An update in place may be repeated unseen, so its confirmation can wait: those of a second are committed together.

Records are cached as this process last saw them, so that most turns start without a read. A cached one may be out of
date, where another process saved meanwhile: a commit on top of it is then refused with `Conflict`, and it has to be
forgotten and loaded. What a refused commit does not undo (a ticket, a look at Graph) must not be done on a cached
record: load it first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from bot import traces
from bot.background import Beat
from bot.cards import render
from bot.cards.templates import CardTemplates
from bot.conversation import Channel, Message
from bot.errors import NotFound, OutsideError, Refused, StoreUnavailable
from bot.languages.live import View
from bot.metrics import Metrics
from bot.store import Change, Claimed, Conflict, Job, JobKind, PendingCard, Record
from bot.store.interface import Store
from bot.store.numbers import cause_of, proven, seconds_to_fix
from bot.turns.decisions import TurnResult
from bot.turns.schedule import Schedule
from dialogs.frozen import replace
from dialogs.model import Case, Ended, Ignored

log = logging.getLogger(__name__)

_PENDING_FOR = 30.0  # seconds after which a card that was not shown is shown by the worker
_MOST_CACHED = 1_000  # people
_CONFIRM_INTERVAL = 1.0  # seconds between two commits of confirmations


class Outbox:
    """What is loaded, saved and shown. `schedule`: when to look again by ourselves.

    `cache`: records as this process last saw them, for turns that do nothing outside.
    """

    def __init__(
        self,
        store: Store,
        templates: CardTemplates,
        metrics: Metrics,
        schedule: Schedule,
    ) -> None:
        self._store = store
        self._templates = templates
        self._metrics = metrics
        self._schedule = schedule
        self.cache = RecordCache()
        self._shown: dict[str, float] = {}  # person -> until when the card shown was pending

    async def load(self, person: str, activity: str = "") -> tuple[Record, bool]:
        """`Store.load`; what it returns is cached."""
        with traces.span("store.load"):
            record, handled = await self._store.load(person, activity)
        self.cache.put(record)
        return record, handled

    async def load_for_turn(self, person: str, activity: str) -> tuple[Record, bool, tuple[dict[str, Any], ...]]:
        """The same, and what the person said before that was answered early and is not done yet, the oldest first."""
        with traces.span("store.load"):
            record, handled, waiting = await self._store.load_for_turn(person, activity)
        self.cache.put(record)
        return record, handled, waiting

    async def commit(self, change: Change) -> Record:
        """`Store.commit`; what was saved is cached, what was refused is not cached any more."""
        try:
            with traces.span("store.commit"):
                saved = await self._store.commit(change)
        except Conflict:
            self.cache.forget(change.record.person)
            raise
        self.cache.put(saved)
        return saved

    async def save(
        self,
        before: Record,
        result: TurnResult,
        *,
        in_place: bool,
        activity: str = "",
        finish: Claimed | None = None,
        pending: bool = True,
        from_memory: bool = False,
    ) -> tuple[TurnResult, float]:
        """Everything a turn came to, in one transaction.

        `from_memory`: see `Change`. `finish`: the job whose result this is. `pending` False: there is a job already
        that shows the card. Returns the result with the record as saved, and until when its card is pending (seconds
        since 1970; 0: it is not).
        Raises `Conflict`, `Lost` and `StoreUnavailable`.
        """
        if result.erased:
            self.cache.forget(before.person)
            with traces.span("store.erase"):
                await self._store.erase(before.person, activity)
            self.count(before.case, result)
            return result, 0.0
        record, now = result.record, time.time()
        until = now + _PENDING_FOR if result.shows and pending else 0.0
        put = [*result.jobs]
        if result.follows and record.case is not None:
            put += await self._first_look(record.person, record.case.id, result, now)
        ended = before.case is not None and _follow_ups_end(before.case, record.case)
        over = ((JobKind.FOLLOW_UP, before.case.id),) if before.case is not None and ended else ()
        drop = (*over, *result.drop)
        card = PendingCard(until, in_place) if until else None
        saved = await self.commit(
            Change(
                record,
                activity,
                result.log,
                tuple(put),
                drop,
                finish,
                card,
                earlier=result.earlier,
                from_memory=from_memory,
            )
        )
        self.count(before.case, result)
        return replace(result, record=saved), until

    async def _first_look(self, person: str, case: str, result: TurnResult, now: float) -> list[Job]:
        """The first of the looks by ourselves: there is one chain of them for a case."""
        payload: dict[str, Any] = {"looks": 0, "since": now}
        if result.after:
            after, payload["once"] = result.after, True
        elif not self._schedule.times:
            return []
        elif result.watches:
            after, payload["watch"] = self._schedule.next(0.0, await self._store.sampled_soon()), True
        else:
            after = self._schedule.times[0]
        return [Job(JobKind.FOLLOW_UP, case, person, now + after, payload)]

    def count(self, before: Case | None, result: TurnResult) -> None:
        """What has come of a case by a turn, once it is committed. Each case is counted once, as it ended first."""
        for effect in result.effects:
            if isinstance(effect, Ignored):
                self._metrics.refused.labels(effect.reason).inc()
        after = result.record.case
        if after is None or not after.id:
            return
        earlier = before if before is not None and before.id == after.id else Case(after.id)
        if Ended(after.outcome) in result.effects and not earlier.outcome:
            self._metrics.cases.labels(after.outcome).inc()
        if after.rating and not earlier.rating:
            self._metrics.ratings.labels(after.rating).inc()
        if after.checks == earlier.checks and after.outcome == earlier.outcome:
            return
        cause = cause_of(after)
        if cause and cause != cause_of(earlier):
            self._metrics.causes.labels(cause).inc()
        with suppress(TypeError, ValueError):  # of an old case with damaged times
            if proven(after) and not proven(earlier):
                self._metrics.seconds_to_fix.observe(seconds_to_fix(after))

    async def show(
        self, result: TurnResult, until: float, channel: Channel, *, replaces: tuple[str, ...] = ()
    ) -> Message | None:
        """Show the case's present card, if there is one to show. Raises `OutsideError`.

        `replaces`: ids of the message whose place it takes, tried in this order; a new message where none of them is
        known to the channel any more.
        """
        case = result.record.case
        if not result.shows or case is None:
            return None
        view = result.view
        message = self._templates.card(view.library, view.setting, case, result.record.name, result.photos)
        updated = await _update_first(channel, replaces, message)
        if updated and updated == case.card and until:
            self._shown[result.record.person] = until
            return message
        shown = updated or await channel.send(message)
        if not result.erased:
            await self._store_card(result.record, case, shown)
        if case.card and shown != case.card:
            await self._close(channel, case, view)
        return message

    async def deliver(self, result: TurnResult, until: float, channel: Channel, *, in_place: bool) -> None:
        """Show what was not asked for. A channel that refuses for good gets nothing until the person writes."""
        try:
            case = result.record.case
            replaces = (case.card,) if in_place and case is not None and case.card else ()
            await self.show(result, until, channel, replaces=replaces)
        except (Refused, NotFound) as error:
            log.info("nothing more is sent to this person: %s", error)
            record, _ = await self.load(result.record.person)
            drop = ((JobKind.FOLLOW_UP, record.case.id),) if record.case is not None else ()
            await self.commit(Change(replace(record, blocked=True), drop=drop, delivered=True))

    async def _close(self, channel: Channel, case: Case, view: View) -> None:
        """Take the buttons, and the photos, off the card before the present one: one card at a time is live.

        A failure is no harm: a press on it is answered with the present card.
        """
        try:
            await channel.update(case.card, render.closed(view.setting, case.locale))
        except OutsideError as error:
            log.info("an earlier card stays as it was: %s", error)

    async def _store_card(self, record: Record, case: Case, shown: str) -> None:
        """Which message to update next time, and that no card is pending any more."""
        try:
            await self.commit(Change(replace(record, case=replace(case, card=shown)), delivered=True))
        except Conflict:
            log.info("the case moved on elsewhere before its card was known")

    async def keep_confirming(self, beat: Beat) -> None:
        """Commit what was delivered in place, for ever. Run by `bot.background`."""
        while True:
            await asyncio.sleep(_CONFIRM_INTERVAL)
            await self.confirm()
            beat()

    async def confirm(self) -> None:
        """Commit now what was delivered in place; what cannot be is shown once more."""
        shown, self._shown = self._shown, {}
        try:
            if shown:
                await self._store.confirm_delivered(tuple(shown.items()))
        except StoreUnavailable as error:
            log.warning("delivered cards are not confirmed: %s", error)


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
        while len(self._records) > _MOST_CACHED:
            self._records.popitem(last=False)

    def forget(self, person: str) -> None:
        """The next turn of this person has to load."""
        self._records.pop(person, None)

    def clear(self) -> None:
        """The next turn of everybody has to load."""
        self._records.clear()


def _follow_ups_end(before: Case, after: Case | None) -> bool:
    """Whether looking again is over: another case, or this one came to its end."""
    return after is None or after.id != before.id or (bool(before.following) and not after.following)


async def _update_first(channel: Channel, activities: tuple[str, ...], message: Message) -> str:
    """Which of the messages the card took the place of; "" if none of them is there."""
    for activity in activities:
        try:
            await channel.update(activity, message)
        except NotFound:
            continue
        return activity
    return ""
