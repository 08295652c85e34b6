"""The SDK's models, light: made by msrest, and copied as its turn context does, they cost more than deciding a turn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Self

from botbuilder.schema import (
    Activity,
    ChannelAccount,
    ConversationAccount,
    ConversationReference,
    ResourceResponse,
)

from bot.conversation import Address, Incoming, Message
from bot.teams.serialization import Card

CARD = "application/vnd.microsoft.card.adaptive"


class _Light:
    """A model whose fields are None unless they are given."""

    def __init_subclass__(cls) -> None:
        for name in getattr(cls, "_attribute_map", ()):
            setattr(cls, name, None)

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class _Shared(_Light):
    """One that nobody changes, so that a copy of it is itself."""

    def __copy__(self) -> Self:
        return self


class LightActivity(_Light, Activity):
    """An activity on its way through the SDK."""


class Response(_Shared, ResourceResponse):
    """What became of an activity that was sent."""


class _Account(_Shared, ChannelAccount):
    pass


class _Conversation(_Shared, ConversationAccount):
    """With the whole address, which our own side of the adapter needs."""

    address: Address


@lru_cache(maxsize=1_000)
def _parts(address: Address) -> dict[str, Any]:
    conversation = _Conversation(id=address.conversation, tenant_id=address.tenant, address=address)
    return {"channel_id": address.channel, "service_url": address.service_url, "conversation": conversation}


def received(incoming: Incoming) -> Activity:
    """What a turn context needs of an activity. Always a message: the SDK's own answer to an invoke is not wanted."""
    address = incoming.address
    return LightActivity(
        type="message",
        id=incoming.id,
        from_property=_account(address.user),
        recipient=_account(address.bot),
        **_parts(address),
    )


def reference(address: Address) -> ConversationReference:
    """Where an unasked message goes."""
    return ConversationReference(user=_account(address.user), bot=_account(address.bot), **_parts(address))


def to_show(message: Message, id_: str | None = None) -> Activity:
    """A message as the SDK takes it; with an id, in the place of the activity that has it."""
    attachments = [{"contentType": CARD, "content": Card(message)}]
    return LightActivity(
        type="message", id=id_, summary=message.summary, locale=message.locale, attachments=attachments
    )


def address_of(activity: Activity) -> Address:
    """Where an activity that was received belongs."""
    address: Address = activity.conversation.address
    return address


@lru_cache(maxsize=1_000)
def _account(id_: str) -> ChannelAccount:
    return _Account(id=id_)
