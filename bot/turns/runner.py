"""One turn: an activity comes in, the person's case is loaded, decided on, saved, and its card shown."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bot.cards import render
from bot.cards.render import Photos
from bot.conversation import ActivityKind, Channel, Incoming, Message, Scope
from bot.errors import OutsideError, StoreUnavailable, location
from bot.keyed_lock import KeyedLock
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.store import Conflict, Record
from bot.store.cache import RememberingStore
from bot.store.dedup import was_handled
from bot.turns.decisions import Decisions, Stale, TurnResult, moment
from bot.turns.events import event
from bot.turns.outbox import Outbox
from dialogs.card_content import entry
from dialogs.frozen import replace
from dialogs.model import Pressed, Resumed

log = logging.getLogger(__name__)

_TRIES = 5  # of a turn whose record somebody else saved meanwhile


@dataclass(frozen=True)
class TurnRunner:
    """Everything a turn needs; holds no state of its own but the locks of the turns under way."""

    decisions: Decisions
    outbox: Outbox
    live: LiveTranslations
    store: RememberingStore
    metrics: Metrics
    _locks: KeyedLock = field(default_factory=KeyedLock, repr=False)

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
        except Exception as error:  # the last line of defence: no message is left without an answer
            log.error("turn failed: %s at %s", type(error).__name__, location(error))
            return await self._apologise(incoming, channel)
        return None

    def lock(self, person: str) -> AbstractAsyncContextManager[None]:
        """One turn of a person at a time in this process; other processes are met by `Conflict`."""
        return self._locks.lock(person)

    async def _turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        if incoming.kind is ActivityKind.OTHER:
            return None
        if incoming.scope is Scope.GROUP:
            # In front of others: one card that leads to the 1:1 chat, and only when the bot was spoken to.
            spoken_to = incoming.mentioned or incoming.kind in (ActivityKind.INSTALLED, ActivityKind.PRESSED)
            return await self._entry("desk.group", incoming, channel) if spoken_to else None
        if not incoming.person:
            if incoming.kind is not ActivityKind.TYPED:
                return None  # nobody to welcome, nobody's card
            return await self._entry("desk.unidentified", incoming, channel)
        async with self.lock(incoming.person):
            return await self._personal(incoming, channel)

    async def _entry(self, ref: str, incoming: Incoming, channel: Channel) -> Message:
        """A card without a case."""
        card = entry(self.decisions.engine.library, ref, self.live.languages.negotiate(incoming.locale))
        message = render.message(self.live.setting, card)
        await channel.send(message)
        return message

    async def _apologise(self, incoming: Incoming, channel: Channel) -> Message | None:
        try:
            return await self._entry("desk.failed", incoming, channel)
        except Exception as error:  # the fault may be in what we would answer with
            log.error("could not even apologise: %s at %s", type(error).__name__, location(error))
            return None

    async def _personal(self, incoming: Incoming, channel: Channel) -> Message | None:
        """Decide and save, from memory first; again where another process saved meanwhile."""
        cached = self.store.cached(incoming.person)
        for _ in range(_TRIES):
            if cached is not None:
                record, fresh, handled = cached, False, was_handled(cached.handled, incoming.id)
            else:
                (record, handled), fresh = await self.store.load(incoming.person, incoming.id), True
            if handled:
                return None
            cached = None
            try:
                result = await self._decide(record, incoming, channel, fresh=fresh)
                if result is None:
                    return None
                card = result.record.case.card if result.record.case is not None else ""
                in_place = incoming.kind is ActivityKind.PRESSED and incoming.reply_to in ("", card)
                saved, until = await self.outbox.save(record, result, in_place=in_place, activity=incoming.id)
            except (Conflict, Stale):
                continue
            return await self.outbox.show(saved, until, channel, in_place=in_place)
        raise StoreUnavailable("the record changed under every try")

    async def _decide(self, record: Record, incoming: Incoming, channel: Channel, *, fresh: bool) -> TurnResult | None:
        known = record.version > 0
        if incoming.kind is ActivityKind.REMOVED:
            return TurnResult(replace(record, address=None), Photos(), ()) if known else None
        if incoming.kind is ActivityKind.INSTALLED and known and record.address is not None:
            if not fresh:
                raise Stale  # elsewhere the bot may have been removed, or the person forgotten
            return None  # the second of the two activities of an install, or a repeat
        record = self._updated(record, incoming)
        # The record keeps the language that was chosen, also while its file is away; the case has what it is drawn in.
        locale = self.live.languages.negotiate(record.locale)
        case = record.case or self.decisions.engine.open(moment(), locale=locale, platform=record.platform)
        if (case.locale, case.platform) != (locale, record.platform):
            case = replace(case, locale=locale, platform=record.platform)
        happened = event(incoming, case, self.live.languages)
        if record.lost:
            log.error("a case could not be read: its row is kept, the person starts again")
            case, happened = replace(case, notice="notice.lost"), Resumed()
        elif isinstance(happened, Pressed) and happened.case not in ("", case.id):
            owner = await self.store.owner(happened.case)
            happened = replace(happened, foreign=owner not in ("", record.person))
        if record.case is not case:
            record = replace(record, case=case)
        return await self.decisions.perform(record, case, happened, channel, fresh=fresh)

    def _updated(self, record: Record, incoming: Incoming) -> Record:
        """The record with what an activity says of the person. The language is taken once; then it is their choice."""
        name, platform = incoming.name or record.name, incoming.platform or record.platform
        locale = record.locale or self._language(incoming)
        present = (name, locale, platform, incoming.address, False)
        if present == (record.name, record.locale, record.platform, record.address, record.blocked):
            return record
        return replace(record, name=name, locale=locale, platform=platform, address=incoming.address, blocked=False)

    def _language(self, incoming: Incoming) -> str:
        """The language of a person who has none yet; "" where nothing says it."""
        languages = self.live.languages
        if incoming.locale:
            return languages.negotiate(incoming.locale)
        # Teams on iOS names no language: what they write may do so.
        return languages.vocabulary.language_of(incoming.text) if incoming.kind is ActivityKind.TYPED else ""
