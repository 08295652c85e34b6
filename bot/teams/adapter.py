"""The SDK's adapter, sending through our connector: nothing of msrest is on the way."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from botbuilder.core import CloudAdapterBase, TurnContext
from botbuilder.schema import Activity, ConversationReference, ResourceResponse

from bot.conversation import Address, Message
from bot.errors import OutsideError
from bot.teams.connector import Connector
from bot.teams.models import LightActivity, Response, address_of, reference, to_show

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Adapter(CloudAdapterBase):
    """Runs turns and sends their activities."""

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> list[ResourceResponse]:
        """See `BotAdapter`: each activity is one message or a typing sign."""
        connector, address = _connector(context), address_of(context.activity)
        responses = []
        for activity in activities:
            if activity.type == "typing":
                await connector.typing(address.service_url, address.conversation, _envelope(address, "typing"))
                responses.append(Response())
                continue
            sent = await connector.send(address.service_url, address.conversation, _message(address, activity))
            responses.append(Response(id=sent))
        return responses

    async def update_activity(self, context: TurnContext, activity: Activity) -> ResourceResponse:
        """See `BotAdapter`."""
        connector, address = _connector(context), address_of(context.activity)
        body = {**_message(address, activity), "id": activity.id}
        await connector.update(address.service_url, address.conversation, activity.id, body)
        return Response(id=activity.id)

    def _create_turn_context(self, activity: Activity, *parts: Any) -> TurnContext:
        """As the SDK does it, with a context of our own."""
        identity, audience, connector, users, logic, factory = parts
        context = Context(self, activity)
        context.turn_state.update(
            {
                self.BOT_IDENTITY_KEY: identity,
                self.BOT_CONNECTOR_CLIENT_KEY: connector,
                self.USER_TOKEN_CLIENT_KEY: users,
                self.BOT_CALLBACK_HANDLER_KEY: logic,
                self.CONNECTOR_FACTORY_KEY: factory,
                self.BOT_OAUTH_SCOPE_KEY: audience,
            }
        )
        return context

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:
        """Nothing a person was shown is taken away again."""
        raise NotImplementedError("photosync deletes no messages")


class Context(TurnContext):
    """A turn's context that passes on directly what nobody has registered a handler for.

    The SDK's chain of handlers is a function that refers to itself: garbage that holds the whole turn until the
    collector finds it.
    """

    async def update_activity(self, activity: Activity) -> ResourceResponse | None:
        """See `TurnContext`; our adapter knows the address from the context."""
        if self._on_update_activity:
            return await super().update_activity(activity)
        return await self.adapter.update_activity(self, activity)

    async def _emit(self, plugins: list[Any], arg: Any, logic: Awaitable[_T]) -> _T:
        return await super()._emit(plugins, arg, logic) if plugins else await logic


class TurnChannel:
    """The conversation of one turn, for the rest of the program."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context

    async def typing(self) -> None:
        """See `Channel`."""
        try:
            await self._context.send_activity(LightActivity(type="typing"))
        except OutsideError as error:
            log.info("no typing sign: %s", error)

    async def send(self, message: Message) -> str:
        """See `Channel`."""
        self._speak(message)
        response = await self._context.send_activity(to_show(message))
        return str(response.id or "") if response else ""

    async def update(self, activity: str, message: Message) -> None:
        """See `Channel`."""
        self._speak(message)
        await self._context.update_activity(to_show(message, activity))

    def _speak(self, message: Message) -> None:
        # The SDK gives every answer the locale of what it answers.
        self._context.activity.locale = message.locale


class UnaskedChannel:
    """An earlier conversation, for a message nobody waits for; each is a turn of its own."""

    def __init__(self, adapter: Adapter, address: Address, bot: str) -> None:
        self._adapter = adapter
        self._reference = reference(address)
        self._bot = bot

    async def typing(self) -> None:
        """See `Channel`."""
        await self._turn(TurnChannel.typing)

    async def send(self, message: Message) -> str:
        """See `Channel`."""
        return await self._turn(lambda channel: channel.send(message))

    async def update(self, activity: str, message: Message) -> None:
        """See `Channel`."""
        await self._turn(lambda channel: channel.update(activity, message))

    async def _turn(self, act: Callable[[TurnChannel], Awaitable[_T]]) -> _T:
        results: list[_T] = []

        async def run(context: TurnContext) -> None:
            results.append(await act(TurnChannel(context)))

        await self._adapter.continue_conversation(self._reference, run, self._bot)
        return results[0]


def _connector(context: TurnContext) -> Connector:
    connector: Connector = context.turn_state[Adapter.BOT_CONNECTOR_CLIENT_KEY]
    return connector


def _envelope(address: Address, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "channelId": address.channel,
        "serviceUrl": address.service_url,
        "from": {"id": address.bot},
        "recipient": {"id": address.user},
        "conversation": {"id": address.conversation, "tenantId": address.tenant},
    }


def _message(address: Address, activity: Activity) -> dict[str, Any]:
    # A card alone: with a text beside it Teams makes two messages of one, and neither has an id to update.
    return {
        **_envelope(address, "message"),
        "summary": activity.summary,
        "locale": activity.locale,
        "attachments": activity.attachments,
    }
