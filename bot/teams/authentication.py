"""Who is calling: a token of the channel, for this bot, for this activity.

`ChannelAuthentication` is the SDK's own extension point; none of the SDK's validators is used, since they let through
or stumble over what is refused here. Refusals carry a reason for the count and nothing for the caller.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import jwt
from botbuilder.schema import Activity
from botframework.connector.auth import BotFrameworkAuthentication, ClaimsIdentity
from botframework.connector.auth.authenticate_request_result import AuthenticateRequestResult
from botframework.connector.auth.connector_factory import ConnectorFactory

from bot.settings import Settings
from bot.teams.keys import Key, Keys
from bot.teams.refusal import Refusal

CHANNEL = "msteams"
_LEEWAY = 300  # seconds that clocks may differ
_CACHED = 4096  # tokens
_LONGEST = 16_384  # letters of a token
_FAR = 1 << 40  # seconds since 1970; a token may claim any number


@dataclass(frozen=True)
class Verified:
    """A token whose signature, issuer, audience and times were right."""

    claims: dict[str, Any] = field(repr=False)
    endorsements: frozenset[str]
    until: int  # seconds since 1970
    generation: int  # of the keys that it was verified with
    result: AuthenticateRequestResult = field(repr=False)  # the same, as the adapter's `process_activity` takes it


class ChannelAuthentication(BotFrameworkAuthentication):
    """Verifies requests; hands the SDK the connector that sends through our own session."""

    def __init__(self, settings: Settings, keys: Keys, connectors: ConnectorFactory) -> None:
        if not settings.app_id:
            raise ValueError("an empty app id would turn authentication off")
        self._settings = settings
        self._keys = keys
        self._connectors = connectors
        self._verified: OrderedDict[bytes, Verified] = OrderedDict()

    async def token(self, header: str) -> Verified:
        """Verify an Authorization header by itself. Raises `Refusal`."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST or not token.isascii():
            raise Refusal("no_token")
        name = hashlib.sha256(token.encode("ascii")).digest()
        known = self._verified.get(name)
        if known is not None and known.generation == self._keys.generation and time.time() < known.until:
            return known
        self._verified.pop(name, None)
        verified = self._verified[name] = await self._verify(token)
        while len(self._verified) > _CACHED:
            self._verified.popitem(last=False)
        return verified

    def matches(self, verified: Verified, service_url: object, channel: object) -> None:
        """Whether the token may speak for an activity of this service address and channel. Raises `Refusal`."""
        if not isinstance(service_url, str) or not service_url:
            raise Refusal("no_service_url")
        if channel != CHANNEL:
            raise Refusal("channel")
        if CHANNEL not in verified.endorsements:
            raise Refusal("not_endorsed")
        claim = verified.claims.get("serviceurl")
        if not isinstance(claim, str) or claim.removesuffix("/") != service_url.removesuffix("/"):
            raise Refusal("service_url")

    async def _verify(self, token: str) -> Verified:
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Refusal("bad_token") from None
        kid = head.get("kid")
        if head.get("alg") != "RS256":
            raise Refusal("algorithm")
        key = await self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise Refusal("unknown_key")
        generation = self._keys.generation
        claims = self._claims(token, key)
        until = min(int(claims["exp"]), _FAR) + _LEEWAY
        return Verified(claims, key.endorsements, until, generation, self._result(claims))

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._settings.app_id,
                issuer=self._settings.channel_issuer,
                leeway=_LEEWAY,
                # A list of audiences would make the token good elsewhere too.
                options={"require": ["exp", "iss", "aud"], "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise Refusal(_REASONS.get(type(error), "bad_token")) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise Refusal("bad_token") from None
        return claims

    # The SDK's side

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        """See `BotFrameworkAuthentication`. Raises `Refusal`."""
        verified = await self.token(auth_header)
        self.matches(verified, activity.service_url, activity.channel_id)
        return verified.result

    def _result(self, claims: dict[str, Any]) -> AuthenticateRequestResult:
        result = AuthenticateRequestResult()
        result.audience = self._settings.channel_scope
        result.claims_identity = ClaimsIdentity(claims, True)
        result.caller_id = ""
        result.connector_factory = self._connectors
        return result

    async def authenticate_streaming_request(
        self, auth_header: str, channel_id_header: str
    ) -> AuthenticateRequestResult:
        """Streaming is not offered."""
        raise Refusal("channel")

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:
        """See `BotFrameworkAuthentication`."""
        return self._connectors

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:
        """Nobody signs in through this bot."""


_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidIssuerError: "issuer",
    jwt.InvalidSignatureError: "signature",
    jwt.MissingRequiredClaimError: "missing_claim",
}
