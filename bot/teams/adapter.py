"""The Bot Framework SDK's part of a turn, and the only module that imports the SDK
(docs/decisions/0004-bot-framework-sdk.md).

A request is authenticated and read before it gets here, into our own `Verified` and `Incoming`. The SDK's
`CloudAdapterBase` then makes its turn context and runs its middleware, at the end of which our turn is called with the
same `Incoming` and a channel. Our messages go from that channel to the connector directly: made into the SDK's
activities they would be copied and validated on their way and converted back at its end. What the SDK's own code sends,
a middleware for example, comes back to `Adapter.send_activities` and takes the same connector.
"""

from __future__ import annotations

from botbuilder.core import CloudAdapterBase, TurnContext
from botbuilder.schema import (
    Activity,
    ActivityTypes,
    ChannelAccount,
    ConversationAccount,
    ConversationReference,
    ResourceResponse,
)
from botframework.connector.auth import BotFrameworkAuthentication, ClaimsIdentity
from botframework.connector.auth.authenticate_request_result import AuthenticateRequestResult
from botframework.connector.auth.connector_factory import ConnectorFactory

from bot.conversation import Incoming, Message, Turn
from bot.teams.authentication import ChannelAuthentication, Verified
from bot.teams.connector import Connector, TeamsChannel
from bot.teams.refusal import Refusal


class Adapter(CloudAdapterBase):
    """Runs turns in the SDK's pipeline."""

    def __init__(self, authentication: ChannelAuthentication, connector: Connector) -> None:
        self._sdk = SdkAuthentication(authentication, connector)
        super().__init__(self._sdk)

    async def run(self, verified: Verified, incoming: Incoming, turn: Turn) -> Message | None:
        """One turn; returns the card that it showed. None as well where a middleware did not let it through."""
        shown: list[Message | None] = []

        async def logic(context: TurnContext) -> None:
            connector: Connector = context.turn_state[self.BOT_CONNECTOR_CLIENT_KEY]
            shown.append(await turn(incoming, TeamsChannel(connector, incoming.address)))

        await self.process_activity(self._sdk.result(verified), _activity(incoming), logic)
        return shown[0] if shown else None

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> list[ResourceResponse]:
        """See `BotAdapter`; for the SDK's own code."""
        connector: Connector = context.turn_state[self.BOT_CONNECTOR_CLIENT_KEY]
        responses = []
        for activity in activities:
            send = connector.typing if activity.type == ActivityTypes.typing else connector.send
            sent = await send(activity.service_url, activity.conversation.id, activity.serialize())
            responses.append(ResourceResponse(id=sent or ""))
        return responses

    async def update_activity(self, context: TurnContext, activity: Activity) -> ResourceResponse:
        """See `BotAdapter`; for the SDK's own code."""
        connector: Connector = context.turn_state[self.BOT_CONNECTOR_CLIENT_KEY]
        await connector.update(activity.service_url, activity.conversation.id, activity.id, activity.serialize())
        return ResourceResponse(id=activity.id)

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:
        """Nothing that a person was shown is deleted."""
        raise NotImplementedError("photosync deletes no messages")


class SdkAuthentication(BotFrameworkAuthentication):
    """The SDK's extension point for authentication, over our own; none of the SDK's validators is used, since they let
    through or stumble over what `ChannelAuthentication` refuses."""

    def __init__(self, authentication: ChannelAuthentication, connector: Connector) -> None:
        self._authentication = authentication
        self._connectors = _OneConnector(connector)

    def result(self, verified: Verified) -> AuthenticateRequestResult:
        """A request that was authenticated, as `process_activity` takes it."""
        result = AuthenticateRequestResult()
        result.audience = self._authentication.scope
        result.claims_identity = ClaimsIdentity(verified.claims, True)
        result.caller_id = ""
        result.connector_factory = self._connectors
        return result

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        """See `BotFrameworkAuthentication`. Raises `Refusal`."""
        verified = await self._authentication.verify(auth_header)
        self._authentication.check_activity(verified, activity.service_url, activity.channel_id)
        return self.result(verified)

    async def authenticate_streaming_request(
        self, auth_header: str, channel_id_header: str
    ) -> AuthenticateRequestResult:
        """Streaming is not offered."""
        raise Refusal("channel")

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:
        return self._connectors

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:
        """Nobody signs in through this bot."""


class _OneConnector(ConnectorFactory):
    """One connector for every service address: it keeps nothing per address."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def create(self, service_url: str, audience: str) -> Connector:
        return self._connector


def _activity(incoming: Incoming) -> Activity:
    """What the SDK needs to know. Always a message: the SDK's own answer to an invoke is not wanted."""
    address = incoming.address
    return Activity(
        type=ActivityTypes.message,
        id=incoming.id,
        channel_id=address.channel,
        service_url=address.service_url,
        conversation=ConversationAccount(id=address.conversation, tenant_id=address.tenant),
        from_property=ChannelAccount(id=address.user),
        recipient=ChannelAccount(id=address.bot),
    )
