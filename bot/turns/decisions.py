"""The decide loop: an event, the effects it asks for, their results as the next events, until nothing more is asked.

Used by a turn that an activity starts and by everything that happens without being asked (`bot.turns.follow_ups`).
Nothing is saved and nothing is shown here: that is `bot.turns.outbox`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bot import traces
from bot.cards.render import Photos
from bot.conversation import Channel
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.errors import OutsideError
from bot.languages.live import LiveTranslations, View
from bot.metrics import Metrics
from bot.photos.comparison import marked, thumbnails
from bot.photos.picture import Picture
from bot.store import EarlierCase, Job, JobKind, LogEntry, Record
from bot.store.interface import Store
from bot.tickets.helpdesk import Helpdesk
from bot.tickets.ticket import Ticket, is_earlier, job_key
from bot.turns.events import log_entry, now, with_request
from bot.turns.schedule import DAY
from dialogs.engine import Engine, with_ticket_update
from dialogs.frozen import replace
from dialogs.model import (
    Answer,
    Case,
    Check,
    Comment,
    Diagnose,
    Diagnosed,
    Effect,
    Erase,
    Erased,
    Event,
    Follow,
    Ignored,
    Moment,
    Pressed,
    Progressed,
    Show,
    Submit,
    Submitted,
    Typed,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

_TICKET_RETRY = 3.0  # seconds after which a ticket that was not taken is tried again
_TICKET_GUARD = 30.0  # seconds after which a ticket is looked for whose turn did not end
_OUTSIDE = (Diagnose, Submit, Answer, Erase)  # what a refused commit does not take back
_SHOW, _FOLLOW, _ERASE = Show(), Follow(), Erase()


class Stale(Exception):
    """The record came from memory, and what has to be done needs it fresh from the database."""


class Diagnosing(Protocol):
    """What looks at a person's two photos: `bot.diagnosis.diagnosis.Diagnosis`."""

    async def look(self, person: str, site: str = "", since: str = "", *, change: bool = False) -> DiagnosisResult: ...

    async def upn(self, person: str) -> str: ...

    async def language(self, person: str) -> str: ...

    async def watched(self, person: str) -> tuple[str, ...]: ...

    async def digest(self, paths: tuple[str, ...]) -> str: ...

    def forget(self, person: str) -> None: ...

    async def decode(self, work: Callable[[], T], *pictures: Picture | None) -> T: ...


@dataclass(frozen=True)
class TurnResult:
    """What one turn came to, to be saved and shown."""

    record: Record
    view: View  # in which it was decided
    photos: Photos
    effects: tuple[Effect, ...]
    log: tuple[LogEntry, ...] = ()
    jobs: tuple[Job, ...] = ()  # work that came up
    typed: Typed | None = None  # the words that it answers
    watches: bool = False  # looks without being asked begin at short intervals
    after: float = 0.0  # seconds after which there is one such look, in place of all others
    drop: tuple[tuple[JobKind, str], ...] = ()  # open jobs, by kind and key, that there is no need for any more
    earlier: EarlierCase | None = None  # what it was about, if not the present case

    @property
    def follows(self) -> bool:
        """Whether looks without being asked are to be scheduled."""
        return _FOLLOW in self.effects

    @property
    def shows(self) -> bool:
        """Whether there is a card to show."""
        return _SHOW in self.effects

    @property
    def erased(self) -> bool:
        """Whether the person has just been forgotten."""
        return _ERASE in self.effects


@dataclass
class _Turn:
    """What a turn has come to so far."""

    record: Record  # as it was before
    case: Case
    channel: Channel
    entries: list[LogEntry]
    done: list[Effect] = field(default_factory=list)
    found: DiagnosisResult | None = None
    jobs: list[Job] = field(default_factory=list)
    drop: list[tuple[JobKind, str]] = field(default_factory=list)
    earlier: EarlierCase | None = None


@dataclass(frozen=True)
class Decisions:
    """The engine, and what performs its effects. `tickets_taken`: there is a ticket system."""

    live: LiveTranslations
    store: Store
    diagnosis: Diagnosing
    tickets: Helpdesk
    metrics: Metrics
    tickets_taken: bool = True

    def engine(self, view: View) -> Engine:
        """What decides, over the topics of a view."""
        return Engine(view.library, tickets=self.tickets_taken)

    async def perform(
        self,
        record: Record,
        case: Case,
        event: Event,
        channel: Channel,
        *,
        view: View | None = None,
        fresh: bool = True,
    ) -> TurnResult:
        """What an event comes to.

        `view` is the turn's; None: the turn begins here, with what the person is shown now. `fresh` False: the record
        came from memory; raises `Stale` then, before anything is done outside.
        """
        traces.CASE.set(case.id)
        view = view or self.live.view(record.person)
        engine, drawn_in = self.engine(view), case.locale
        turn = _Turn(record, case, channel, [log_entry(event)])
        if isinstance(event, Progressed | Submitted):
            turn.earlier = await self._with_ticket_update(record, case, event)
        pending: Event | None = event
        while pending is not None:
            decided = moment()
            turn.case, effects = engine.decide(turn.case, pending, decided)
            turn.done += effects
            pending = None
            for effect in effects:
                if not fresh and isinstance(effect, _OUTSIDE):
                    raise Stale
                match effect:
                    case Diagnose():
                        pending = await self._diagnose(turn, change=effect.change)
                    case Submit():
                        pending = await self._submit(turn, turn.case)
                    case Answer():
                        pending = await self._answer(turn)
                    case Comment():
                        await self._comment(turn)
                    case Erase():
                        self.diagnosis.forget(record.person)
                        pending = Erased()
            shown = LogEntry(decided.at, "shown", turn.case.step) if pending is None else log_entry(pending)
            turn.entries.append(shown)
        return await self._result(turn, event, view, drawn_in)

    async def _result(self, turn: _Turn, event: Event, view: View, drawn_in: str) -> TurnResult:
        """The turn as it is saved and shown. `drawn_in`: the language of the card before."""
        record, case, done = turn.record, turn.case, turn.done
        if isinstance(event, Typed | Pressed) and case.id and Ignored not in map(type, done):
            case = with_request(case, event, view.library)
        chosen = isinstance(event, Pressed | Typed) and (event.action, event.value) == ("set_language", case.locale)
        # What a card is drawn in is no choice: the chosen language's file may be away for a moment.
        language = case.locale if chosen or case.locale != drawn_in else record.locale
        # What was written for the helpdesk is no command that could be understood.
        written = record.case is not None and case.id == record.case.id and case.comment != record.case.comment
        followed = view.library.step(case.following) if _FOLLOW in done else None
        saved = replace(record, case=case, locale=language)
        return TurnResult(
            saved,
            view,
            photos=await self.thumbnails(turn.found, saved, view) if turn.found else Photos(),
            effects=tuple(done),
            log=tuple(turn.entries),
            jobs=tuple(turn.jobs),
            typed=event if isinstance(event, Typed) and not written else None,
            watches=followed is not None and followed.watch,
            after=followed.after_days * DAY if followed else 0.0,
            drop=tuple(turn.drop),
            earlier=turn.earlier,
        )

    async def described(self, record: Record, case: Case) -> tuple[str, str]:
        """Subject and text of a case for agents."""
        upn = await self.diagnosis.upn(record.person)
        subject, whole, _ = self.tickets.words.of(record, case, upn, arrived=False)
        return subject, whole

    async def _diagnose(self, turn: _Turn, *, change: bool) -> Diagnosed:
        case = turn.case
        last = case.checks[-1].at if case.checks else ""
        with traces.span("look") as span:
            look = self.diagnosis.look(turn.record.person, case.site, last, change=change)
            _, found = await asyncio.gather(turn.channel.typing(), look)
            span.note("verdict", found.verdict)
        turn.found = found
        return Diagnosed(check_of(found, case.id))

    async def thumbnails(self, result: DiagnosisResult, record: Record, view: View) -> Photos:
        """What the person's present card shows of the pictures, small enough for it."""
        ours, theirs = result.microsoft365, result.sharepoint
        if record.case is None or not record.case.step or (ours is None and theirs is None):
            return Photos()
        step = view.library.step(record.case.step)
        if not step.photos:
            return Photos()
        return await self.diagnosis.decode(lambda: _thumbnails(ours, theirs, difference=step.difference), ours, theirs)

    async def _submit(self, turn: _Turn, case: Case) -> Submitted:
        """Submit the ticket while the person waits; what does not succeed now becomes a job.

        The job is stored before anything is sent, and goes with the turn's commit. If the process dies in between, the
        job finds what arrived; the turn, which Teams delivers again, sees the job and sends nothing itself.
        """
        record = turn.record
        upn, earlier = await asyncio.gather(self.diagnosis.upn(record.person), self.store.log(case.id))
        made = self.tickets.ticket(record, case, upn, [*earlier, *turn.entries])
        if self.tickets.system is None:
            return self._counted(Submitted("contact"))
        job = _ticket_job(record, case, made, time.time() + _TICKET_GUARD)
        before = await self.store.open_keys(JobKind.TICKET, record.person)
        if any(is_earlier(one, job.key) for one in before):
            # What is written on a ticket stays in order.
            turn.jobs.append(replace(job, at=time.time() + _TICKET_RETRY))
            return self._counted(Submitted("queued"))
        if not await self.store.reserve(job):
            return self._counted(Submitted("queued"))
        try:
            with traces.span("ticket"):
                submitted = await self.tickets.submit(made, waiting=True)
        except OutsideError as error:
            log.error("ticket not handed over yet: %s", error)
            wait = max(_TICKET_RETRY, self.tickets.system.abilities.lag)
            turn.jobs.append(replace(job, at=time.time() + wait))
            return self._counted(Submitted("queued"))
        turn.jobs += self.tickets.watch(record.person, made, submitted)
        turn.drop.append((job.kind, job.key))
        return self._counted(submitted)

    async def _answer(self, turn: _Turn) -> Submitted:
        """Submit what the person wrote to the ticket of an earlier case, as `_submit` does that of the present one."""
        case = turn.case
        asked = await self._earlier(turn.record, case.question_case)
        if asked is None:
            return self._counted(Submitted("failed", case=case.question_case))
        answered = replace(asked, comment=case.comment, submissions=asked.submissions + 1, question="")
        submitted = await self._submit(turn, answered)
        submitted = replace(submitted, case=answered.id, number=submitted.number or answered.ticket)
        turn.earlier = EarlierCase(replace(answered, comment=""), (*turn.entries, log_entry(submitted)))
        return submitted

    async def _with_ticket_update(
        self, record: Record, case: Case, event: Progressed | Submitted
    ) -> EarlierCase | None:
        """An earlier case of whose ticket there is news, as it is from now on."""
        earlier = await self._earlier(record, event.case) if event.case not in ("", case.id) else None
        if earlier is None:
            return None
        return EarlierCase(with_ticket_update(earlier, event), (log_entry(event),))

    async def _earlier(self, record: Record, number: str) -> Case | None:
        """A case of the person's that is not the present one; None if it is gone or cannot be read."""
        stored = await self.store.case(number)
        return stored.case if stored is not None and stored.person == record.person else None

    def _counted(self, submitted: Submitted) -> Submitted:
        self.metrics.tickets.labels(submitted.result).inc()
        return submitted

    async def _comment(self, turn: _Turn) -> None:
        """A comment on what was found since. No person waits for it, so it is a job from the beginning."""
        record, case = turn.record, turn.case
        upn, earlier = await asyncio.gather(self.diagnosis.upn(record.person), self.store.log(case.id))
        made = self.tickets.ticket(record, case, upn, [*earlier, *turn.entries], arrived=True)
        turn.jobs.append(_ticket_job(record, case, made, time.time(), asked=False))


def _ticket_job(record: Record, case: Case, made: Ticket, at: float, *, asked: bool = True) -> Job:
    """A submission that is still to be made.

    `asked`: the person asked for it, and gets to know what became of it.
    """
    payload = {
        **made.to_payload(),
        "since": time.time(),
        "case": case.id,
        "submission": case.submissions,
        "asked": asked,
    }
    return Job(JobKind.TICKET, job_key(case), record.person, at, payload)


def check_of(result: DiagnosisResult, case: str = "") -> Check:
    """A look as the case keeps it: of the pictures only what tells them from others, and that in this case alone."""
    return Check(
        now(),
        result.verdict,
        result.reason,
        result.similarity,
        result.facts,
        result.older_by,
        result.site,
        result.site_finding,
        _mark(result.microsoft365, case),
        _mark(result.sharepoint, case),
    )


def _mark(picture: Picture | None, case: str) -> str:
    """The same for the same picture in the same case, and of no use elsewhere."""
    return hashlib.blake2b(picture.data, digest_size=6, key=case.encode()[:64]).hexdigest() if picture else ""


def _thumbnails(ours: Picture | None, theirs: Picture | None, *, difference: bool) -> Photos:
    large, small = zip(*(thumbnails(one.data) if one else (None, None) for one in (ours, theirs)), strict=True)
    differs = marked(ours.data, theirs.data) if difference and ours and theirs else None
    return Photos(large[0], large[1], theirs.modified if theirs else None, (small[0], small[1]), differs)


def moment() -> Moment:
    """The time of a decision, and the id that a case begun by it gets."""
    return Moment(now(), next(_IDS))


def _ids() -> Iterator[str]:
    """Ids for new cases; asking the system for each decision's would cost more than the decision."""
    while True:
        batch = secrets.token_hex(4 * 256).upper()
        yield from (batch[start : start + 8] for start in range(0, len(batch), 8))


_IDS = _ids()
