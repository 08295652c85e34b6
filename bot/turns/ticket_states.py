"""What the helpdesk did with a ticket comes back: its state is read, and what is new is reported once to the person.

Every open ticket has one job. Its content says what was reported last, and it is replaced in the same transaction in
which the card that says more is decided on: whatever dies, nothing is decided on twice or left out.

Reading. Where a system can, the first job that is due reads the states of all that are due in the next minute, with one
request; the others find theirs read. What agents wrote is only read of a ticket that changed since.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.conversation import Address, Channel
from bot.errors import Malformed, NotFound, OutsideError, Refused
from bot.store import Change, Claimed, JobKind
from bot.store.interface import Store
from bot.tickets.helpdesk import Helpdesk
from bot.tickets.interface import Reading, Reference, TicketSystem
from bot.turns.decisions import Decisions
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from dialogs.frozen import replace
from dialogs.library import EARLIER
from dialogs.model import Case, Progressed, TicketState
from dialogs.text import visible

log = logging.getLogger(__name__)

_BATCH_WINDOW = 60.0  # seconds: what is due within them is read together
_READING_TTL = 30.0  # seconds that a state which was read for another ticket is good for
_GIVE_UP_AFTER = 30 * 86_400.0  # seconds after which a ticket that nobody closes is not read any more
_LONGEST_TEXT = 2_000
_MOST_WAIT = 86_400.0  # seconds that a question waits for the answer to one about another ticket
_OURS = "[photosync-"  # begins the mark of what we wrote ourselves
_ASKING = ("desk.ticket_waiting", "desk.ticket_told")  # cards with a question of the helpdesk
_OPEN = ("", TicketState.WORKING, TicketState.WAITING)


@dataclass(frozen=True)
class _Update:
    """What is to be reported (`state` "": nothing), and what the job keeps."""

    state: str
    text: str
    payload: dict[str, Any]
    over: bool = False


@dataclass(frozen=True)
class TicketStates:
    """Does the jobs of kind `ticket_state`."""

    runner: TurnRunner
    decisions: Decisions
    outbox: Outbox
    store: Store
    channel: Callable[[Address], Channel]
    _read: dict[str, tuple[float, Reading]] = field(default_factory=dict, repr=False)

    @property
    def _helpdesk(self) -> Helpdesk:
        return self.decisions.tickets

    async def read_again(self, claimed: Claimed) -> None:
        """Read one ticket's state, and tell what is new."""
        system = self._helpdesk.system
        if system is None or not system.abilities.states or not await self.store.owner(claimed.job.key):
            await self.store.finish(claimed)
            return
        reference = Reference(str(claimed.job.payload["ref"]), str(claimed.job.payload.get("number", "")))
        try:
            update = await self._update(system, reference, claimed.job.payload)
        except (Refused, NotFound, Malformed) as error:  # an outage is waited out by the worker
            await self._refused(claimed, error)
            return
        await self._notify(claimed, update)

    async def _refused(self, claimed: Claimed, error: OutsideError) -> None:
        """Ask again as seldom as of a ticket at which nothing happens, and as long."""
        payload, name = claimed.job.payload, type(error).__name__
        if _is_over(payload):
            log.error("the state of a ticket could not be read to the last, and is asked for no more: %s", error)
            await self.store.finish(claimed)
            return
        log.warning("the state of a ticket cannot be read: %s", error)
        polls = _polls(payload) + 1
        at = time.time() + self._interval(polls)
        await self.store.postpone(claimed, at, name, 0, {**payload, "polls": polls})

    def _interval(self, polls: int) -> float:
        intervals = self._helpdesk.poll
        return intervals[min(polls, len(intervals) - 1)]

    async def _update(self, system: TicketSystem, reference: Reference, payload: Mapping[str, Any]) -> _Update:
        reading = await self._reading(system, reference.id)
        polls, over = _polls(payload) + 1, _is_over(payload)
        kept = {name: value for name, value in payload.items() if name not in ("held", "turn")} | {"polls": polls}
        if reading is None:
            missed = int(payload.get("missed", 0)) + 1
            return _Update("", "", {**kept, "missed": missed}, over or missed > 1)
        kept |= {"changed": reading.changed, "missed": 0}
        if reading.changed and reading.changed == payload.get("changed"):
            return _Update("", "", kept, over)
        state, reported = self._helpdesk.meaning(reading.state), str(payload.get("told", ""))
        telling = state in _OPEN or (state == TicketState.SOLVED and state != reported)
        number, text = await self._question(system, reference, payload) if telling else ("", "")
        kept |= {"told": state or reported, "asked": number or payload.get("asked", "")}
        if text and state != TicketState.SOLVED:
            return _Update(TicketState.WAITING if state == TicketState.WAITING else TicketState.TOLD, text, kept, over)
        return _Update(state if state != reported else "", text, kept, over or state == TicketState.CLOSED)

    async def _question(
        self, system: TicketSystem, reference: Reference, payload: Mapping[str, Any]
    ) -> tuple[str, str]:
        """Id and words of what an agent wrote to the person last, if that is new."""
        try:
            remarks = await system.remarks(reference)
        except (Refused, NotFound, Malformed) as error:
            log.warning("what agents write to people cannot be read: %s", error)
            return "", ""
        theirs = [one for one in remarks if one.to_person and _OURS not in one.text and one.text.strip()]
        if not theirs or theirs[-1].id == payload.get("asked"):
            return "", ""
        return theirs[-1].id, visible(theirs[-1].text[:_LONGEST_TEXT])

    async def _reading(self, system: TicketSystem, identity: str) -> Reading | None:
        now = time.time()
        at, reading = self._read.pop(identity, (0.0, None))
        if reading is not None and now - at < _READING_TTL:
            return reading
        wanted = [identity]
        if system.abilities.batch > 1:
            due = await self.store.due_payloads(JobKind.TICKET_STATE, now + _BATCH_WINDOW, system.abilities.batch)
            wanted += [str(payload["ref"]) for _, payload in due if payload.get("ref")]
        wanted = list(dict.fromkeys(wanted))[: system.abilities.batch]
        found = await system.readings(wanted)
        self._read.clear()
        self._read.update({one: (now, reading) for one, reading in found.items() if one != identity})
        return found.get(identity)

    async def _notify(self, claimed: Claimed, update: _Update) -> None:
        """Save what was read, with the card that tells it."""
        interval = self._interval(update.payload["polls"])
        again = replace(claimed.job, at=time.time() + interval, payload=update.payload)
        next_ = () if update.over else (again,)
        async with self.runner.lock(claimed.job.person):
            record, _ = await self.outbox.load(claimed.job.person)
            case = record.case
            if not update.state or case is None or record.address is None or record.blocked:
                await self.outbox.commit(Change(record, put=next_, finish=claimed))
                return
            if update.text and _is_asked_of_another(case, claimed.job.key):
                held = float(claimed.job.payload.get("held", time.time()))
                if time.time() - held < _MOST_WAIT:
                    at = time.time() + self._helpdesk.poll[0]
                    later = replace(claimed.job, at=at, payload={**claimed.job.payload, "held": held})
                    await self.outbox.commit(Change(record, put=(later,), finish=claimed))
                    return
            channel = self.channel(record.address)
            number = str(update.payload.get("number", ""))
            happened = Progressed(update.state, claimed.job.key, number, update.text)
            result = await self.decisions.perform(record, case, happened, channel)
            result = replace(result, jobs=(*result.jobs, *next_))
            saved, until = await self.outbox.save(record, result, in_place=False, finish=claimed)
            await self.outbox.deliver(saved, until, channel, in_place=False)


def _polls(payload: Mapping[str, Any]) -> int:
    """How often it was asked for."""
    return int(payload.get("polls", payload.get("turn", 0)))  # as jobs of earlier releases call it


def _is_over(payload: Mapping[str, Any]) -> bool:
    """Whether nobody has closed it for so long that nobody will."""
    return time.time() - float(payload.get("since", 0.0)) > _GIVE_UP_AFTER


def _is_asked_of_another(case: Case, number: str) -> bool:
    """Whether the present card asks something about another ticket: one question at a time."""
    about = case.question_case if case.step == EARLIER else case.id if case.question and case.step in _ASKING else ""
    return bool(about) and about != number
