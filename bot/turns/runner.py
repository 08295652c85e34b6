"""One turn: load, decide, perform, save, send."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bot.cards import render
from bot.cards.render import Photos
from bot.cards.templates import CardTemplates
from bot.conversation import ActivityKind, Channel, Incoming, Message, Scope
from bot.diagnosis.diagnosis import DiagnosisResult as Looking
from bot.errors import NotFound, OutsideError, StoreUnavailable, location
from bot.keyed_lock import KeyedLock
from bot.languages.catalogs import Languages
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.store import Change, Claimed, Conflict, Job, LogEntry, PendingCard, Record
from bot.store import JobKind as WorkKind
from bot.store.cache import RecordCache
from bot.store.dedup import was_handled
from bot.store.interface import Store
from bot.tickets import TicketSystem
from bot.tickets.ticket import ticket
from bot.turns.delivery import DeliveryConfirmations
from bot.turns.events import event, log_entry, now
from bot.turns.result import TurnResult, check_of, thumbnails
from dialogs.card_content import entry
from dialogs.engine import Engine
from dialogs.frozen import replace
from dialogs.model import (
    Case,
    Diagnose,
    Diagnosed,
    Effect,
    Ended,
    Erase,
    Erased,
    Event,
    Ignored,
    Moment,
    Pressed,
    Resumed,
    Submit,
    Submitted,
)

log = logging.getLogger(__name__)

_TRIES = 5  # of a turn whose record somebody else saved meanwhile
_PENDING_FOR = 30.0  # seconds after which a card that was not shown is shown by the worker
_TICKET_RETRY = 3.0  # seconds after which a ticket that was not taken is tried again


_OUTSIDE = (Diagnose, Submit, Erase)  # what a refused commit does not take back


class _Stale(Exception):
    """What was recalled is not good enough for what has to be done."""


class Diagnosing(Protocol):
    """What looks at a person's two photos: `bot.diagnosis.diagnosis.Diagnosis`."""

    async def look(self, person: str, site: str = "", since: str = "") -> Looking: ...

    async def upn(self, person: str) -> str: ...

    async def watched(self, person: str) -> tuple[str, ...]: ...

    async def digest(self, paths: tuple[str, ...]) -> str: ...


@dataclass(frozen=True)
class TurnRunner:
    """Everything a turn needs; holds no state of its own but the locks of the turns under way."""

    engine: Engine
    templates: CardTemplates
    speaking: LiveTranslations
    store: Store
    settling: DeliveryConfirmations
    diagnosis: Diagnosing
    tickets: TicketSystem
    metrics: Metrics
    follow_ups: tuple[float, ...] = ()  # seconds after the walk
    cache: RecordCache = field(default_factory=RecordCache, repr=False)
    _busy: KeyedLock = field(default_factory=KeyedLock, repr=False)

    @property
    def languages(self) -> Languages:
        """As spoken now."""
        return self.speaking.languages

    async def turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        """Work on one activity; returns the card now shown, or None.

        Raises `StoreUnavailable`: the channel shall deliver the activity again. Any other fault ends in a card that
        says so, with the case as it was.
        """
        self.metrics.turns.labels(incoming.kind.value).inc()
        try:
            return await self._turn(incoming, channel)
        except StoreUnavailable:
            raise
        except OutsideError as error:
            log.warning("could not answer: %s", error)
        except Exception as error:  # the last line of defence: nobody is left without an answer
            log.error("turn failed: %s at %s", type(error).__name__, location(error))
            return await self._apologise(incoming, channel)
        return None

    async def _turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        if incoming.kind is ActivityKind.OTHER:
            return None
        if incoming.scope is Scope.GROUP:
            return await self._group(incoming, channel)
        if not incoming.person:
            if incoming.kind is not ActivityKind.TYPED:
                return None  # nobody to welcome, nobody's card
            return await self._entry("desk.unidentified", incoming, channel)
        async with self.lock(incoming.person):
            return await self._personal(incoming, channel)

    async def _group(self, incoming: Incoming, channel: Channel) -> Message | None:
        """In front of others: one card that leads to the 1:1 chat, and only when the bot was spoken to."""
        spoken_to = incoming.mentioned or incoming.kind in (ActivityKind.INSTALLED, ActivityKind.PRESSED)
        return await self._entry("desk.group", incoming, channel) if spoken_to else None

    async def _entry(self, ref: str, incoming: Incoming, channel: Channel) -> Message:
        card = entry(self.engine.library, ref, self.languages.negotiate(incoming.locale))
        message = render.message(self.speaking.setting, card)
        await channel.send(message)
        return message

    async def _apologise(self, incoming: Incoming, channel: Channel) -> Message | None:
        try:
            return await self._entry("desk.failed", incoming, channel)
        except Exception as error:  # the fault may be in what we would answer with
            log.error("could not even apologise: %s at %s", type(error).__name__, location(error))
            return None

    async def _personal(self, incoming: Incoming, channel: Channel) -> Message | None:
        recalled = self.cache.get(incoming.person)
        for _ in range(_TRIES):
            if recalled is not None:
                record, fresh, handled = recalled, False, was_handled(recalled.handled, incoming.id)
            else:
                (record, handled), fresh = await self.load(incoming.person, incoming.id), True
            if handled:
                return None
            recalled = None
            try:
                result = await self._decide(record, incoming, channel, fresh=fresh)
                if result is None:
                    return None
                in_place = incoming.kind is ActivityKind.PRESSED and incoming.reply_to in ("", _card(result.record))
                saved = await self.save(record, result, in_place=in_place, activity=incoming.id)
            except (Conflict, _Stale):
                continue
            return await self.show(saved, channel, in_place=in_place)
        raise StoreUnavailable("the record changed under every try")

    async def load(self, person: str, activity: str = "") -> tuple[Record, bool]:
        """`Store.load`, kept in the cache."""
        record, handled = await self.store.load(person, activity)
        self.cache.put(record)
        return record, handled

    async def commit(self, change: Change) -> Record:
        """`Store.commit`, kept in the cache; what was refused is forgotten there."""
        try:
            saved = await self.store.commit(change)
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
        owed: bool = True,
    ) -> TurnResult:
        """Everything the turn came to, in one transaction; what is still to be shown is due work until it is.

        `owed` False: that work is there already, and is being done. Returns the turn with what was saved.
        """
        if result.erased:
            self.cache.forget(before.person)
            await self.store.erase(before.person)
            self._count(result)
            return result
        record, now = result.record, time.time()
        until = now + _PENDING_FOR if result.shows and owed else 0.0
        put = [*result.later]
        if result.follows and record.case is not None and self.follow_ups:
            payload = {"turn": 0, "since": now}
            put.append(Job(WorkKind.FOLLOW_UP, record.case.id, record.person, now + self.follow_ups[0], payload))
        ended = before.case is not None and _ended(before.case, record.case)
        drop = ((WorkKind.FOLLOW_UP, before.case.id),) if before.case is not None and ended else ()
        job = PendingCard(until, in_place) if until else None
        saved = await self.commit(Change(record, activity, result.log, tuple(put), drop, finish, job))
        self._count(result)
        return replace(result, record=saved, owed_until=until)

    # Deciding

    async def _decide(self, record: Record, incoming: Incoming, channel: Channel, *, fresh: bool) -> TurnResult | None:
        known = record.version > 0
        if incoming.kind is ActivityKind.REMOVED:
            return TurnResult(replace(record, address=None), Photos(), ()) if known else None
        if incoming.kind is ActivityKind.INSTALLED and known and record.address is not None:
            if not fresh:
                raise _Stale  # elsewhere the bot may have been removed, or the person forgotten
            return None  # the second of the two activities of an install, or a repeat
        record = self._introduced(record, incoming)
        case = record.case or self._opened(record)
        if (case.locale, case.platform) != (record.locale or "en", record.platform):
            case = replace(case, locale=record.locale or "en", platform=record.platform)
        happened = event(incoming, case, self.languages)
        if record.lost:
            log.error("a case could not be read: its row is kept, the person starts anew")
            case, happened = replace(case, notice="notice.lost"), Resumed()
        elif isinstance(happened, Pressed) and happened.case not in ("", case.id):
            owner = await self.store.owner(happened.case)
            happened = replace(happened, foreign=owner not in ("", record.person))
        if record.case is not case:
            record = replace(record, case=case)
        return await self.perform(record, case, happened, channel, fresh=fresh)

    def _introduced(self, record: Record, incoming: Incoming) -> Record:
        """What an activity tells about the person. The language is taken once and then the person's own choice."""
        asked = record.locale or incoming.locale  # a language can be taken out of an installation again
        name, platform = incoming.name or record.name, incoming.platform or record.platform
        locale = self.languages.negotiate(asked) if asked else ""
        log_entry = (name, locale, platform, incoming.address, False)
        if log_entry == (record.name, record.locale, record.platform, record.address, record.blocked):
            return record
        return replace(record, name=name, locale=locale, platform=platform, address=incoming.address, blocked=False)

    def _opened(self, record: Record) -> Case:
        return self.engine.open(_moment(), locale=record.locale or "en", platform=record.platform)

    async def perform(
        self, record: Record, case: Case, happened: Event, channel: Channel, *, fresh: bool = True
    ) -> TurnResult:
        """Decide, do what that asks for, and decide on its result, until nothing more is asked.

        `fresh` False: the record was recalled. Raises `_Stale` then, before anything is done outside.
        """
        done: list[Effect] = []
        log = [log_entry(happened)]
        photos = Photos()
        later: tuple[Job, ...] = ()
        pending: Event | None = happened
        while pending is not None:
            case, effects = self.engine.decide(case, pending, _moment())
            done += effects
            pending = None
            for effect in effects:
                if not fresh and isinstance(effect, _OUTSIDE):
                    raise _Stale
                if isinstance(effect, Diagnose):
                    pending, photos = await self._look(record.person, case, channel)
                elif isinstance(effect, Submit):
                    pending, later = await self._hand(record, case, log)
                elif isinstance(effect, Erase):
                    pending = Erased()
            log += [log_entry(pending)] if pending is not None else [LogEntry(now(), "shown", case.step)]
        language = case.locale if case.locale != (record.locale or "en") else record.locale
        return TurnResult(replace(record, case=case, locale=language), photos, tuple(done), tuple(log), later)

    async def _look(self, person: str, case: Case, channel: Channel) -> tuple[Diagnosed, Photos]:
        last = case.checks[-1].at if case.checks else ""
        _, looking = await asyncio.gather(channel.typing(), self.diagnosis.look(person, case.site, last))
        return Diagnosed(check_of(looking)), await asyncio.to_thread(thumbnails, looking)

    async def _hand(self, record: Record, case: Case, lately: list[LogEntry]) -> tuple[Submitted, tuple[Job, ...]]:
        """Hand it over while the person waits; what does not succeed now becomes due work."""
        upn, log_before = await asyncio.gather(self.diagnosis.upn(record.person), self.store.log(case.id))
        made = ticket(record, case, upn, [*log_before, *lately])
        later: tuple[Job, ...] = ()
        try:
            handed = await self.tickets.submit(made)
        except OutsideError as error:
            log.error("ticket not handed over yet: %s", error)
            handed, now = Submitted("queued"), time.time()
            payload = {"id": made.id, "body": made.body, "since": now}
            later = (Job(WorkKind.TICKET, case.id, record.person, now + _TICKET_RETRY, payload),)
        self.metrics.tickets.labels(handed.result).inc()
        return handed, later

    def _count(self, result: TurnResult) -> None:
        for effect in result.effects:
            if isinstance(effect, Ended):
                self.metrics.cases.labels(effect.outcome).inc()
            elif isinstance(effect, Ignored):
                self.metrics.refused.labels(effect.reason).inc()

    # Showing

    async def show(self, result: TurnResult, channel: Channel, *, in_place: bool) -> Message | None:
        """Show the case's present card, if there is one to show. Raises `OutsideError`."""
        case = result.record.case
        if not result.shows or case is None:
            return None
        message = self.templates.card(self.speaking.setting, case, result.record.name, result.photos)
        if in_place and case.card and await _updated(channel, case.card, message):
            if result.owed_until:
                self.settling.shown(result.record.person, result.owed_until)
                return message
            shown = case.card
        else:
            shown = await channel.send(message)
        if not result.erased:
            await self._remember_card(result.record, case, shown)
        return message

    async def _remember_card(self, record: Record, case: Case, shown: str) -> None:
        """Which message to update next time, and that nothing is owed any more."""
        try:
            await self.commit(Change(replace(record, case=replace(case, card=shown)), delivered=True))
        except Conflict:
            log.info("the case moved on elsewhere before its card was known")

    def lock(self, person: str) -> AbstractAsyncContextManager[None]:
        """One turn of a person at a time in this process; other processes are met by `Conflict`."""
        return self._busy.lock(person)


def _card(record: Record) -> str:
    return record.case.card if record.case is not None else ""


def _ended(before: Case, after: Case | None) -> bool:
    """Whether looking again by ourselves is over: another case, or this one came to its end."""
    return after is None or after.id != before.id or (bool(before.following) and not after.following)


async def _updated(channel: Channel, activity: str, message: Message) -> bool:
    """Whether the card took the place of the earlier one; False if that one is gone."""
    try:
        await channel.update(activity, message)
    except NotFound:
        return False
    return True


def _moment() -> Moment:
    return Moment(now(), next(_IDS))


def _ids() -> Iterator[str]:
    """Ids for new cases; asking the system for each decision's would cost more than the decision."""
    while True:
        lot = secrets.token_hex(4 * 256).upper()
        yield from (lot[start : start + 8] for start in range(0, len(lot), 8))


_IDS = _ids()
