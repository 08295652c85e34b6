"""The helpdesk in a channel of its team: a case is a card there, and what the person adds comes into its thread.

The Bot Connector can neither find a message nor tell a repeat: after an answer that is lost there may be one card more,
never more than that (`bot.teams.connector`). What agents press on the card is `bot.turns.channel_desk`.

Sources: Microsoft's documents of messages in channels (learn.microsoft.com, "Channel and group conversations"): a
message to the channel's id begins a thread, one to `{channel};messageid={id}` goes into it; 28 KB a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.cards.render import escape_markdown
from bot.conversation import Address, Channel, Message
from bot.errors import NotFound
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reference, TicketSystem
from bot.tickets.ticket import Ticket
from dialogs.model import TicketState
from dialogs.translations import MissingText, Translations

ACTIONS = ("take", "ask", "tell", "solved")
"""What agents press; `ask` and `tell` with the input `text`."""
CHANNEL_KEYS = (
    *(f"agent.button.{action}" for action in ACTIONS),
    "agent.input.label",
    "agent.taken",
    *(f"agent.state.{state.value}" for state in TicketState),
)
"""Sentences of the card that no other system needs."""
_LONGEST_LINE = 1_000  # letters
_LONGEST = 6_000  # letters of all lines
_LONGEST_INPUT = 1_000


class ChannelDesk(TicketSystem):
    """Cards in the channel that PHOTOSYNC_TICKET_FIELDS names; `open_` gives the conversation at an address."""

    abilities = Abilities(find=False, states=False)

    def __init__(
        self,
        settings: Settings,
        translations: Callable[[], Translations],
        open_: Callable[[Address], Channel],
    ) -> None:
        self.channel = str(settings.ticket_fields["channel"])
        self._service_url = f"{settings.ticket_url or f'https://{settings.service_host}/teams'}/"
        self._bot, self._tenant = f"28:{settings.app_id}", settings.app_tenant_id
        self._language, self._translations, self._open = settings.ticket_language, translations, open_

    async def create(self, ticket: Ticket) -> Reference:
        message = self.card(ticket.case, ticket.subject, ticket.text)
        return Reference(await self._conversation().send(message) or ticket.case, ticket.case)

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        card = _card([_line(line) for line in _lines(ticket.note)], [])
        await self._conversation(reference.id).send(Message(card, _plain(ticket.subject), self._language))

    async def update(self, message: str, card: Message) -> None:
        """Put a card in the place of a case's."""
        await self._conversation().update(message, card)

    def card(self, case: str, subject: str, text: str, *, agent: str = "", state: str = "", words: str = "") -> Message:
        """A case's card. `agent` has taken it; `state` was reported to the person last, with the agent's `words`."""
        for catalog in self._translations().chain(self._language):
            try:
                said = catalog.text
                body = [_line(subject, size="Medium", weight="Bolder"), *map(_line, _lines(text))]
                if agent:
                    body.append(_line(said("agent.taken", name=agent), weight="Bolder"))
                if state:
                    body.append(_line(" ".join(filter(None, (said(f"agent.state.{state}"), words))), isSubtle=True))
                body.append({
                    "type": "Input.Text", "id": "text", "label": said("agent.input.label"), "isMultiline": True,
                    "maxLength": _LONGEST_INPUT,
                })  # fmt: skip
                buttons = [
                    {
                        "type": "Action.Submit",
                        "title": said(f"agent.button.{action}"),
                        "data": {"action": action, "case": case},
                    }
                    for action in ACTIONS
                ]
            except MissingText:
                continue
            return Message(_card(body, [] if state == TicketState.SOLVED else buttons), _plain(subject), catalog.tag)
        raise MissingText(self._language, CHANNEL_KEYS[0])

    async def examine(self) -> Examination:
        """Whether the bot is in that team: its channel is asked for a message that is none."""
        try:
            await self._conversation().update("1700000000000", Message(_card([_line("Photosync")], []), "Photosync"))
        except NotFound:
            return Examination(True, "the channel answers: whether the bot may write there shows with the first case")
        return Examination(True, "the channel answers")

    def _conversation(self, message: str = "") -> Channel:
        thread = f";messageid={message}" if message.isdecimal() else ""
        return self._open(Address(self._service_url, self.channel + thread, self._bot, "", self._tenant))


def _lines(text: str) -> list[str]:
    return [line for line in text[:_LONGEST].splitlines() if line.strip()]


def _line(text: str, **looks: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escape_markdown(text, _LONGEST_LINE), "wrap": True, **looks}


def _plain(subject: str) -> str:
    return subject[:200]


def _card(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.5",
        "body": body, "actions": actions,
    }  # fmt: skip
