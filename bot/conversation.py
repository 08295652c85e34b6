"""What comes in from a channel and what goes out, in our own types: Teams stays in `bot.teams`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson


class ActivityKind(StrEnum):
    """What a person or the channel did."""

    TYPED = "typed"  # a message with text
    PRESSED = "pressed"  # a card's button: a message with a value, or an adaptiveCard/action invoke
    INSTALLED = "installed"  # installationUpdate add, or a conversationUpdate that added the bot
    REMOVED = "removed"  # installationUpdate remove
    OTHER = "other"  # known to the protocol and of no use to us: reactions, edits, read receipts, ...


class Scope(StrEnum):
    """Where it happened."""

    PERSONAL = "personal"
    GROUP = "group"  # a group chat or a team's channel


@dataclass(frozen=True)
class Address:
    """Where an answer goes: what a later, unasked message needs too."""

    service_url: str
    conversation: str
    bot: str
    user: str
    tenant: str
    channel: str = "msteams"


@dataclass(frozen=True)
class Incoming:
    """One authenticated activity."""

    id: str  # the activity's id; the same on a retry
    kind: ActivityKind
    scope: Scope
    address: Address
    person: str  # aadObjectId of the sender, "" if the channel gave none
    name: str = field(default="", repr=False)  # display name as the channel gave it: text, never markup
    text: str = field(default="", repr=False)  # without the bot's own mention, capped
    value: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what the button carries, and its inputs
    locale: str = ""  # BCP 47 as the channel gave it
    platform: str = ""  # clientInfo.platform: Windows, Mac, iOS, Android, Web, ...
    reply_to: str = ""  # the activity whose button was pressed
    mentioned: bool = False  # in a group: the bot was mentioned
    is_invoke: bool = False  # the answer to the request is the card: a repeat has to get it again


@dataclass(frozen=True)
class Message:
    """One card to show; `summary` is what the notification says."""

    rendered: Mapping[str, Any] | bytes = field(repr=False)  # the card, or its JSON where that is known already
    summary: str = field(repr=False)
    locale: str = "en"

    @property
    def card(self) -> Mapping[str, Any]:
        """The card as an object."""
        card: Mapping[str, Any] = orjson.loads(self.rendered) if isinstance(self.rendered, bytes) else self.rendered
        return card


class Channel(Protocol):
    """The conversation an `Incoming` came from.

    All raise `OutsideError` of system `teams`: `Refused` (403) and `NotFound` (404) are final for this conversation.
    """

    async def typing(self) -> None:
        """Show that the bot is at work; a failure of this alone is logged and swallowed."""

    async def send(self, message: Message) -> str:
        """Post a new message; returns the id to update it by."""

    async def update(self, activity: str, message: Message) -> None:
        """Put another card in the place of an earlier one."""
