"""What comes in from a channel and what goes out, in our own types: Teams stays in `bot.teams`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson


class ActivityKind(StrEnum):
    """What a person or the channel did."""

    TYPED = "typed"  # a message with text
    PRESSED = "pressed"  # a card's button: a message with a value, or an adaptiveCard/action invoke
    INSTALLED = "installed"  # installationUpdate add, or a conversationUpdate that added the bot
    REMOVED = "removed"  # installationUpdate remove
    RATED = "rated"  # the thumbs that Teams shows under a message which asks for them
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
    text: str = field(default="", repr=False)  # the words alone, capped; "" for a picture, a GIF, a file
    value: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what the button carries, and its inputs
    links: tuple[str, ...] = field(default=(), repr=False)  # addresses behind the words of the text
    locale: str = ""  # BCP 47 as the channel gave it
    timezone: str = ""  # of the person: an IANA name, or an offset as in "+02:00"
    platform: str = ""  # clientInfo.platform: Windows, Mac, iOS, Android, Web, ...
    reply_to: str = ""  # the activity whose button was pressed
    mentioned: bool = False  # in a group: the bot was mentioned
    is_invoke: bool = False  # the answer to the request is the card: a repeat has to get it again


def to_document(incoming: Incoming) -> dict[str, Any]:
    """An activity as JSON, for the store's inbox."""
    return asdict(incoming)


def from_document(document: Mapping[str, Any]) -> Incoming:
    """What `to_document` made, also by an earlier release. Raises what a damaged document raises."""
    known = {name: document[name] for name in Incoming.__dataclass_fields__ if name in document}
    known |= {
        "kind": ActivityKind(known["kind"]),
        "scope": Scope(known["scope"]),
        "address": Address(**known["address"]),
    }
    return Incoming(**{**known, "links": tuple(known.get("links", ()))})


@dataclass(frozen=True)
class Message:
    """One card to show; `summary` is what the notification says."""

    rendered: Mapping[str, Any] | bytes = field(repr=False)  # the card, or its JSON where that is known already
    summary: str = field(repr=False)
    locale: str = "en"
    asks_rating: bool = False  # whether it helped: by the channel's own means too, where it has some

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


Turn = Callable[[Incoming, Channel], Awaitable[Message | None]]  # works on one activity; the card that is now shown
