"""One turn: an activity comes in, the person's case is loaded, decided on, saved, and its card shown."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.cards import render
from bot.cards.render import Photos
from bot.conversation import ActivityKind, Channel, Incoming, Message, Scope, Turn, from_document, to_document
from bot.errors import NotFound, OutsideError, StoreRefused, StoreUnavailable, location
from bot.languages.catalogs import Languages
from bot.languages.live import LiveTranslations, View
from bot.metrics import Metrics
from bot.store import Conflict, Record
from bot.store.interface import Store
from bot.store.people import digest, was_handled, was_last, with_handled
from bot.traces import Span, Traces, begin_turn
from bot.turns.decisions import Decisions, Stale, TurnResult, moment
from bot.turns.events import event, is_late_rating, understood, with_comment, with_understood
from bot.turns.outbox import Outbox
from bot.understanding.understand import Understanding
from bot.understanding.unknown import UnknownSentences
from dialogs.card_content import content_of, standalone_content
from dialogs.engine import Engine
from dialogs.frozen import replace
from dialogs.model import Case, Pressed, Resumed, Typed

log = logging.getLogger(__name__)

_WITHOUT_CASE = ("menu", "forget_confirmed")  # what a card is asked that belongs to no case
_TRIES = 5  # of a turn whose record somebody else saved meanwhile
_INSTALL_INTERVAL = 300.0  # seconds within which two installs in one conversation are the same


@dataclass(frozen=True)
class _Press:
    """A button's press beside the person's present card."""

    key: str = ""  # what tells it from other presses; "" if it is not one on the present card
    repeated: bool = False  # what the person did last, once more: a double click, or an invoke under another id
    replaces: tuple[str, ...] = ()  # ids of the message whose place the answer takes, the likeliest first


class Recent:
    """The last activities of conversations of which nothing is stored, as this process saw them."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()  # when, on the monotonic clock

    def add(self, name: str, within: float = math.inf) -> bool:
        """Whether the name was not added within the last so many seconds; from now on it was."""
        key, now = digest(name), time.monotonic()
        new = key not in self._seen or now - self._seen[key] > within
        self._seen[key] = now
        self._seen.move_to_end(key)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return new

    def forget(self, name: str) -> None:
        """As if it had never been added."""
        self._seen.pop(digest(name), None)


@dataclass(frozen=True)
class TurnRunner:
    """Everything a turn needs; holds no state but locks, and what was answered without being stored."""

    decisions: Decisions
    outbox: Outbox
    live: LiveTranslations
    store: Store
    metrics: Metrics
    understanding: Understanding = field(default_factory=Understanding)
    unknown: UnknownSentences | None = None
    traces: Traces = field(default_factory=Traces)
    # A lock is there as long as somebody holds it or waits for it.
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)
    _recent: Recent = field(default_factory=Recent, repr=False)

    async def turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        """Work on one activity; returns the card now shown, or None.

        Raises `StoreUnavailable`: the channel shall deliver the activity again. Any other fault ends in a card that
        says so, with the case as it was.
        """
        self.metrics.turns.labels(incoming.kind.value).inc()
        begin_turn()
        with self.traces.whole("turn", incoming.kind.value) as span:
            return await self._answered(self._turn, incoming, channel, span)

    async def _answered(self, turn: Turn, incoming: Incoming, channel: Channel, span: Span) -> Message | None:
        try:
            return await turn(incoming, channel)
        except StoreUnavailable:
            # It may have been answered early: the person's next turn has to load, and finds it waiting.
            self.outbox.cache.forget(incoming.person)
            raise
        except OutsideError as error:
            span.failed(error)
            log.warning("could not answer: %s", error)
        except Exception as error:  # the last line of defence: no message is left without an answer
            span.failed(error)
            log.error("turn failed: %s at %s", type(error).__name__, location(error))
            return await self._show_failure(incoming, channel)
        return None

    async def receive(self, incoming: Incoming) -> None:
        """Keep an activity that is about to be answered although its turn goes on. Raises `StoreUnavailable`."""
        await self.store.receive(_inbox_of(incoming), incoming.id, to_document(incoming))

    async def discard(self, incoming: Incoming) -> None:
        """The turn of an activity that was kept has ended. Raises `StoreUnavailable`."""
        await self.store.discard(_inbox_of(incoming), incoming.id)

    def lock(self, person: str) -> asyncio.Lock:
        """One turn of a person at a time in this process; other processes are met by `Conflict`."""
        return self._locks.setdefault(person, asyncio.Lock())

    async def _turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        if incoming.kind is ActivityKind.OTHER:
            return None
        if incoming.scope is Scope.GROUP or not incoming.person:
            return await self._impersonal(incoming, channel)
        async with self.lock(incoming.person):
            return await self._personal(incoming, channel)

    async def _load(self, incoming: Incoming, channel: Channel) -> tuple[Record, bool]:
        """The person's record, and whether the activity was handled before.

        What the person said before is done first, where it was answered early and is not done since, because its
        process died or the store was away: done later it would undo what came after. Raises `StoreUnavailable`.
        """
        record, handled, waiting = await self.outbox.load_for_turn(incoming.person, incoming.id)
        for document in waiting:
            try:
                earlier = from_document(document)
            except (KeyError, TypeError, ValueError):
                continue  # its job becomes a dead letter
            if earlier.scope is not Scope.PERSONAL or earlier.person != incoming.person:
                continue  # what an agent pressed on a card in the helpdesk's channel
            log.info("an activity that was answered early is done first")
            try:
                with self.traces.whole("turn", earlier.kind.value) as span:
                    await self._answered(self._personal, replace(earlier, is_invoke=False), channel, span)
            except StoreRefused as error:
                log.error("an activity that was answered early is left to its job: %s", error)
                continue
            await self.discard(earlier)
        return (await self.outbox.load(incoming.person, incoming.id)) if waiting else (record, handled)

    async def _impersonal(self, incoming: Incoming, channel: Channel) -> Message | None:
        """In front of others one card that leads to the 1:1 chat, and only when the bot was spoken to; in a chat with
        somebody of whom the channel gives no id, one that says so. A repeat is not answered."""
        group, kind = incoming.scope is Scope.GROUP, incoming.kind
        conversation = incoming.address.conversation
        activity, install = f"{conversation} {incoming.id}", f"{conversation} install"
        if kind is ActivityKind.REMOVED:
            self._recent.forget(install)
        spoken_to = incoming.mentioned or kind in (ActivityKind.INSTALLED, ActivityKind.PRESSED)
        if not (spoken_to if group else kind is ActivityKind.TYPED) or not self._recent.add(activity):
            return None
        # An install comes as two activities almost together.
        if kind is ActivityKind.INSTALLED and not self._recent.add(install, _INSTALL_INTERVAL):
            return None
        try:
            return await self._send_standalone("desk.group" if group else "desk.unidentified", incoming, channel)
        except Exception:
            self._recent.forget(activity)
            self._recent.forget(install)
            raise

    async def _send_standalone(self, ref: str, incoming: Incoming, channel: Channel) -> Message:
        """A card without a case."""
        view = self.live.view(incoming.person)
        message = render.message(
            view.setting, standalone_content(view.library, ref, view.languages.negotiate(incoming.locale))
        )
        await channel.send(message)
        return message

    async def _show_failure(self, incoming: Incoming, channel: Channel) -> Message | None:
        try:
            return await self._send_standalone("desk.failed", incoming, channel)
        except Exception as error:  # the fault may be in what we would answer with
            log.error("the failure card could not be sent: %s at %s", type(error).__name__, location(error))
            return None

    async def _personal(self, incoming: Incoming, channel: Channel) -> Message | None:
        """Decide and save, from memory first; again where another process saved meanwhile. What the person is shown
        is taken once: a file that is saved meanwhile is for the next turn."""
        view = self.live.view(incoming.person)
        cached = self.outbox.cache.get(incoming.person)
        before: Record | None = None  # as this turn has loaded it
        for _ in range(_TRIES):
            if cached is not None:
                record, fresh, handled = cached, False, was_handled(cached.handled, incoming.id)
            else:
                (record, handled), fresh = await self._load(incoming, channel), True
                if before is not None and _was_erased(before, record):
                    return None  # the person wanted all to go that was said before
                before = record
            if (handled and not incoming.is_invoke) or is_late_rating(incoming, record.case):
                return None
            if not record.version and (message := await self._after_erasing(incoming, channel, view)) is not None:
                return message
            cached = None
            press = _press(incoming, record)
            repeated = handled or press.repeated
            try:
                result = await self._decide(record, incoming, channel, view, fresh=fresh, repeated=repeated)
                if result is None:
                    return None
                result = _with_understood(_of_press(result, press))
                activity = "" if handled else incoming.id
                in_place = bool(press.replaces)
                saved, until = await self.outbox.save(
                    record, result, in_place=in_place, activity=activity, from_memory=not fresh
                )
            except (Conflict, Stale):
                continue
            if result.typed is not None:
                self._count(result.typed, saved)
            return await self.outbox.show(saved, until, channel, replaces=press.replaces)
        raise StoreUnavailable("the record changed under every try")

    async def _after_erasing(self, incoming: Incoming, channel: Channel, view: View) -> Message | None:
        """The answer to a press when nothing is known of the person and of the case: a repeat or a double click of
        "delete my data", the menu button after it, a card from before. It stores nothing. None for everything else.
        """
        action, case_id = (str(incoming.value.get(name) or "") for name in ("action", "case"))
        if incoming.kind is not ActivityKind.PRESSED or not (case_id or action in _WITHOUT_CASE):
            return None
        if case_id and await self.store.owner(case_id):
            return None  # another person's
        engine, locale = self.decisions.engine(view), view.languages.negotiate(incoming.locale)
        case = engine.without_case(action, locale, incoming.platform)
        if action not in _WITHOUT_CASE:
            self.metrics.refused.labels("stale").inc()
            case = replace(case, notice="notice.stale")
        message = render.message(view.setting, content_of(engine.library, case), name=incoming.name)
        with suppress(NotFound):
            if incoming.reply_to:
                await channel.update(incoming.reply_to, message)
                return message
        await channel.send(message)
        return message

    async def _decide(
        self, record: Record, incoming: Incoming, channel: Channel, view: View, *, fresh: bool, repeated: bool
    ) -> TurnResult | None:
        known = record.version > 0
        if incoming.kind is ActivityKind.REMOVED:
            return TurnResult(replace(record, address=None), view, Photos(), ()) if known else None
        if incoming.kind is ActivityKind.INSTALLED and known and record.address is not None:
            if not fresh:
                raise Stale  # elsewhere the bot may have been removed, or the person forgotten
            return None  # the second of the two activities of an install, or a repeat
        languages, engine = view.languages, self.decisions.engine(view)
        record = _updated(record, incoming, languages)
        case = with_comment(await self._case(record, incoming, engine, languages), incoming)
        happened = event(incoming, case, engine.step(case), languages, self.understanding)
        if not record.locale and isinstance(happened, Typed):
            record, case = self._in_language_of(happened, record, case, languages)
        if record.lost:
            log.error("a case could not be read: its row is kept, the person starts again")
            case, happened = replace(case, notice="notice.lost"), Resumed()
        elif repeated:
            happened = Resumed()  # the same card once more, and nothing done twice
        elif isinstance(happened, Pressed) and happened.case not in ("", case.id):
            owner = await self.store.owner(happened.case)
            happened = replace(happened, foreign=owner not in ("", record.person))
        if record.case is not case:
            record = replace(record, case=case)
        return await self.decisions.perform(record, case, happened, channel, view=view, fresh=fresh)

    async def _case(self, record: Record, incoming: Incoming, engine: Engine, languages: Languages) -> Case:
        """The person's present case, or a new one, in their language and for the device they are at now."""
        # The record keeps the language that was chosen, also while its file is away; the case has what it is drawn in.
        locale = languages.negotiate(record.locale)
        case = record.case or engine.new_case(moment(), locale=locale, platform=record.platform)
        locale = locale if record.locale else case.locale
        if incoming.kind is ActivityKind.INSTALLED and not record.locale:
            # An install names no language. The directory's is a guess that the first message may correct.
            preferred = await self.decisions.diagnosis.language(record.person)
            locale = languages.negotiate(preferred) if preferred else locale
        timezone = incoming.timezone or case.timezone
        if (case.locale, case.platform, case.timezone) != (locale, record.platform, timezone):
            case = replace(case, locale=locale, platform=record.platform, timezone=timezone)
        return case

    def _in_language_of(self, typed: Typed, record: Record, case: Case, languages: Languages) -> tuple[Record, Case]:
        """Where the channel named no language, as Teams on iOS does, the answer is in the one that was written; in the
        case's where that is not sure, as with "foto sharepoint"."""
        written = self.understanding.language_of(typed.text)
        if written not in languages.tags or written == case.locale:
            return record, case
        return replace(record, locale=written), replace(case, locale=written)

    def _count(self, typed: Typed, saved: TurnResult) -> None:
        """How well words were understood; what was not is kept, where the installation wants that."""
        result = understood(typed)
        self.metrics.understood.labels(result).inc()
        if result == "nothing" and self.unknown is not None:
            languages, record = saved.view.languages, saved.record
            catalog = languages.translations.catalogs[languages.negotiate(record.locale)]
            self.unknown.keep(typed.text, catalog, record.name)


def _updated(record: Record, incoming: Incoming, languages: Languages) -> Record:
    """The record with what an activity says of the person. The language is taken once; then it is their choice."""
    name, platform = incoming.name or record.name, incoming.platform or record.platform
    locale = record.locale or (languages.negotiate(incoming.locale) if incoming.locale else "")
    present = (name, locale, platform, incoming.address, False)
    if present == (record.name, record.locale, record.platform, record.address, record.blocked):
        return record
    return replace(record, name=name, locale=locale, platform=platform, address=incoming.address, blocked=False)


def _was_erased(before: Record, now: Record) -> bool:
    """Whether a person was erased between two loads of one turn."""
    return not now.version and bool(before.version or before.handled != now.handled)


def _inbox_of(incoming: Incoming) -> str:
    """Whose inbox it is in: in front of others the conversation's, in which its id is the only one of its kind."""
    return incoming.person if incoming.scope is Scope.PERSONAL and incoming.person else incoming.address.conversation


def _press(incoming: Incoming, record: Record) -> _Press:
    """What a press is to the present card.

    A press with the present case and rev was made on the present card, whatever ids Teams gave that: `replyToId` can
    differ from the id that sending returned, and is then the one by which the message can be updated.
    """
    case = record.case
    if incoming.kind is ActivityKind.RATED and case is not None:
        return _Press(replaces=tuple(dict.fromkeys(filter(None, (case.card, incoming.reply_to)))))
    if incoming.kind is not ActivityKind.PRESSED or case is None:
        return _Press()
    value = incoming.value
    key = f"{value.get('case')} {value.get('rev')} {sorted(value.items())}"
    current = (value.get("case"), value.get("rev")) == (case.id, case.rev)
    repeated = not current and was_last(record.handled, key)
    if current or repeated:
        ids = (incoming.reply_to, case.card)
    else:
        ids = (case.card, "") if incoming.reply_to in ("", case.card) else ("", "")
    return _Press(key if current or repeated else "", repeated, tuple(dict.fromkeys(filter(None, ids))))


def _of_press(result: TurnResult, press: _Press) -> TurnResult:
    """The result with what has to be saved of the press: that it was made, and by which id its message is known."""
    record, case = result.record, result.record.case
    if press.key:
        record = replace(record, handled=with_handled(record.handled, press.key))
    if press.replaces and case is not None and case.card != press.replaces[0]:
        record = replace(record, case=replace(case, card=press.replaces[0]))
    return replace(result, record=record)


def _with_understood(result: TurnResult) -> TurnResult:
    """The result with its words counted in the case."""
    record, case = result.record, result.record.case
    if result.typed is None or case is None or not case.id:
        return result
    return replace(result, record=replace(record, case=with_understood(case, understood(result.typed))))
