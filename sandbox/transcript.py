"""One conversation as its person sees it: messages in order, an update in the place of what it updates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

CARD = "application/vnd.microsoft.card.adaptive"


@dataclass
class Shown:
    """One message of a chat; an update takes its place.

    A button's press names it by `reply_id`, which is not always the id that sending it returned.
    """

    id: str
    activity: dict[str, Any]
    versions: int = 0  # how many times it was updated
    mine: bool = False  # the person's own
    reply_id: str = ""

    @property
    def card(self) -> dict[str, Any] | None:
        """Its Adaptive Card, if it has one."""
        cards = [one["content"] for one in self.activity.get("attachments", ()) if one.get("contentType") == CARD]
        return cards[0] if cards else None


class Transcript:
    """What is shown in one conversation, and who listens."""

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        self.messages: list[Shown] = []
        self.typing = 0  # how often the bot showed that it is at work
        self.refused = ""  # the code with which the bot is refused here, such as `MessageWritesBlocked`
        self._listeners: list[asyncio.Queue[dict[str, Any]]] = []

    def add(self, identity: str, activity: dict[str, Any], *, mine: bool = False) -> Shown:
        """Show a message."""
        shown = Shown(identity, activity, mine=mine, reply_id=identity if mine else f"1:{identity}")
        self.messages.append(shown)
        self._tell("mine" if mine else "message", shown)
        return shown

    def replace(self, shown: Shown, activity: dict[str, Any]) -> None:
        """Show another message in the place of one."""
        shown.activity = activity
        shown.versions += 1
        self._tell("update", shown)

    def remove(self, shown: Shown) -> None:
        """Show a message no longer."""
        self.messages.remove(shown)
        self._tell("delete", shown)

    def clear(self) -> None:
        """Show nothing any more, as if nobody had written yet."""
        self.messages.clear()
        self._tell("reset", None)

    def at_work(self) -> None:
        """Show that the bot is at work."""
        self.typing += 1
        self._tell("typing", None)

    def found(self, identity: str, *, mine: bool = False) -> Shown | None:
        """A message of the bot, or of the person, by its id."""
        return next((one for one in self.messages if identity in (one.id, one.reply_id) and one.mine is mine), None)

    def shown(self, card: str | None = None) -> Shown:
        """The newest message with a card, or the one with the id `card`. Raises LookupError if there is none."""
        found = [one for one in self.messages if one.card is not None and card in (None, one.id, one.reply_id)]
        if not found:
            raise LookupError("the bot has shown no such card")
        return found[-1]

    def card(self) -> dict[str, Any]:
        """The newest card of the bot."""
        found = self.shown().card
        assert found is not None
        return found

    async def subscribe(self) -> AsyncIterator[dict[str, Any]]:
        """What happens from now on: `type` is message, update, delete, typing, mine or reset."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    def _tell(self, kind: str, shown: Shown | None) -> None:
        event = {"type": kind, "id": shown.id if shown else "", "activity": shown.activity if shown else {}}
        for queue in self._listeners:
            queue.put_nowait(event)
