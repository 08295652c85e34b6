"""Who is calling: a token of the channel, for this bot, for this activity.

`ChannelAuthentication` is the SDK's own extension point; none of the SDK's validators is used (FACTS section 3, faults
1 to 6 and 11). Refusals carry a reason for the count and nothing for the caller.
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

CHANNEL = "msteams"
_LEEWAY = 300  # seconds that clocks may differ
_CACHED = 4096  # tokens
_LONGEST = 16_384  # letters of a token


class Unauthenticated(Exception):
    """401. `reason` is a label of `photosync_refused_total`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forbidden(Unauthenticated):
    """403: a genuine token, and not for us to serve."""


@dataclass(frozen=True)
class Verified:
    """A token whose signature, issuer, audience and times were right."""

    claims: dict[str, Any] = field(repr=False)
    endorsements: frozenset[str]
    until: float  # seconds since 1970

    @property
    def identity(self) -> ClaimsIdentity:
        """As the SDK wants it."""
        return ClaimsIdentity(self.claims, True)


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
        """Verify the Authorization header alone. Raises `Unauthenticated`, and `NoKeys`."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST:
            raise Unauthenticated("no_token")
        name = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        known = self._verified.get(name)
        if known is not None and time.time() < known.until:
            return known
        verified = await self._verify(token)
        self._verified[name] = verified
        while len(self._verified) > _CACHED:
            self._verified.popitem(last=False)
        return verified

    def allow(self, verified: Verified, activity: dict[str, Any]) -> None:
        """What has to hold of each activity. Raises `Unauthenticated` and `Forbidden`."""
        service = activity.get("serviceUrl")
        if not isinstance(service, str) or not service:
            raise Unauthenticated("no_service_url")
        if activity.get("channelId") != CHANNEL:
            raise Unauthenticated("channel")
        if CHANNEL not in verified.endorsements:
            raise Unauthenticated("not_endorsed")
        claim = verified.claims.get("serviceurl")
        if not isinstance(claim, str) or claim.rstrip("/") != service.rstrip("/"):
            raise Unauthenticated("service_url")
        if not any(host.matches(service) for host in self._settings.service_hosts):
            raise Forbidden("service_host")
        if self._foreign(activity):
            raise Forbidden("tenant")

    def _foreign(self, activity: dict[str, Any]) -> bool:
        conversation, data = activity.get("conversation"), activity.get("channelData")
        tenant = data.get("tenant") if isinstance(data, dict) else None
        named = [
            conversation.get("tenantId") if isinstance(conversation, dict) else None,
            tenant.get("id") if isinstance(tenant, dict) else None,
        ]
        told = [str(one).lower() for one in named if one]
        return not told or any(one != self._settings.app_tenant_id for one in told)

    async def _verify(self, token: str) -> Verified:
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthenticated("bad_token") from None
        kid = head.get("kid")
        if head.get("alg") != "RS256" or not isinstance(kid, str):
            raise Unauthenticated("algorithm")
        key = await self._keys.get(kid)
        if key is None:
            raise Unauthenticated("unknown_key")
        claims = self._claims(token, key)
        return Verified(claims, key.endorsements, float(claims["exp"]) + _LEEWAY)

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._settings.app_id,
                issuer=self._settings.channel_issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"], "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_REASONS.get(type(error), "bad_token")) from None
        except (ValueError, TypeError, OverflowError):
            raise Unauthenticated("bad_token") from None
        return claims

    # The SDK's side

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        """See `BotFrameworkAuthentication`; the handler has made these checks already on the raw activity."""
        return self.result(await self.token(auth_header))

    def result(self, verified: Verified) -> AuthenticateRequestResult:
        """What the adapter's `process_activity` takes in place of a header."""
        result = AuthenticateRequestResult()
        result.audience = self._settings.channel_scope
        result.claims_identity = verified.identity
        result.caller_id = ""
        result.connector_factory = self._connectors
        return result

    async def authenticate_streaming_request(
        self, auth_header: str, channel_id_header: str
    ) -> AuthenticateRequestResult:
        """Streaming is not offered."""
        raise Unauthenticated("streaming")

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
