"""What agents press on a case's card in the helpdesk's channel, and what is reported to the person.

Only members of that team may press: Teams is asked each time. The person's case is saved with the id of the press, so
that a press that is delivered again does nothing; then it is reported to the person, and the card is updated in its
place. Who wrote is shown to the helpdesk alone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.conversation import ActivityKind, Address, Channel, Incoming, Message, Scope
from bot.errors import OutsideError, StoreUnavailable
from bot.metrics import Metrics
from bot.store import Conflict, Record
from bot.store.interface import Store
from bot.store.people import was_handled
from bot.tickets.channel import ACTIONS, ChannelDesk
from bot.traces import CASE, Traces, begin_turn
from bot.turns.decisions import Decisions
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from dialogs.frozen import replace
from dialogs.model import Case, Progressed, TicketState

log = logging.getLogger(__name__)

_STATES = {
    "take": TicketState.WORKING,
    "ask": TicketState.WAITING,
    "tell": TicketState.TOLD,
    "solved": TicketState.SOLVED,
}
_LONGEST_TEXT = 1_000
_TRIES = 5


@dataclass(frozen=True)
class ChannelDeskTurns:
    """Takes such presses, and leaves everything else to `runner`.

    `is_member` asks whether a user belongs to the team of a conversation.
    """

    runner: TurnRunner
    decisions: Decisions
    outbox: Outbox
    store: Store
    metrics: Metrics
    traces: Traces
    desk: ChannelDesk
    channel: Callable[[Address], Channel]
    is_member: Callable[[Address, str], Awaitable[bool]]

    async def turn(self, incoming: Incoming, channel: Channel) -> Message | None:
        """As `TurnRunner.turn`."""
        if not self._is_press(incoming):
            return await self.runner.turn(incoming, channel)
        self.metrics.turns.labels(incoming.kind.value).inc()
        begin_turn()
        with self.traces.whole("turn", incoming.kind.value) as span:
            try:
                await self._pressed(incoming)
            except OutsideError as error:
                span.failed(error)
                log.warning("a press in the helpdesk's channel: %s", error)
        return None

    def _is_press(self, incoming: Incoming) -> bool:
        conversation = incoming.address.conversation.partition(";")[0]
        known = incoming.value.get("action") in ACTIONS and conversation == self.desk.channel
        return known and incoming.kind is ActivityKind.PRESSED and incoming.scope is Scope.GROUP

    async def _pressed(self, incoming: Incoming) -> None:
        action, number = str(incoming.value["action"]), str(incoming.value.get("case") or "")
        text = incoming.value.get("text")
        text = text.strip()[:_LONGEST_TEXT] if isinstance(text, str) else ""
        person = await self.store.owner(number)
        if not await self.is_member(incoming.address, self.desk.channel):
            self.metrics.refused.labels("foreign").inc()
            return
        if not person or (action in ("ask", "tell") and not text):
            self.metrics.refused.labels("stale").inc()
            return
        CASE.set(number)
        async with self.runner.lock(person):
            case = await self._apply_press(person, number, action, text, incoming)
        if case is not None:
            await self._update(incoming, case, _STATES[action], text)

    async def _apply_press(self, person: str, number: str, action: str, text: str, incoming: Incoming) -> Case | None:
        """The case with what was pressed, once it is saved and reported; None where there is nothing to show of it.

        A press that was there before is not reported again, but shown again: the process may have died in between.
        """
        state = _STATES[action]
        for _ in range(_TRIES):
            record, handled = await self.outbox.load(person, incoming.id)
            if handled or was_handled(record.handled, incoming.id):
                before = await self._case(record, number)
                return before if before is not None and before.ticket_state == state else None
            if record.case is None or record.address is None:
                return None
            case = record.case
            if case.id == number:
                agent = incoming.name if action == "take" or not case.ticket_agent else case.ticket_agent
                case = replace(case, ticket_agent=agent)
            channel = self.channel(record.address)
            happened = Progressed(state, number, number, text)
            result = await self.decisions.perform(record, case, happened, channel)
            if action == "take" and result.earlier is not None:
                earlier = replace(result.earlier, case=replace(result.earlier.case, ticket_agent=incoming.name))
                result = replace(result, earlier=earlier)
            try:
                saved, until = await self.outbox.save(record, result, in_place=False, activity=incoming.id)
            except Conflict:
                continue
            await self.outbox.deliver(saved, until, channel, in_place=False)
            return await self._case(saved.record, number)
        raise StoreUnavailable("the record changed under every try")

    async def _case(self, record: Record, number: str) -> Case | None:
        if record.case is not None and record.case.id == number:
            return record.case
        stored = await self.store.case(number)
        return stored.case if stored is not None else None

    async def _update(self, incoming: Incoming, case: Case, state: TicketState, text: str) -> None:
        """The card as it is now, in the place of the one that was pressed."""
        record, _ = await self.outbox.load(await self.store.owner(case.id))
        subject, whole = await self.decisions.described(record, case)
        card = self.desk.card(case.id, subject, whole, agent=case.ticket_agent, state=state, words=text)
        await self.desk.update(incoming.reply_to or case.ticket_ref, card)
