"""Who is calling: a token of the channel, for this bot, for this activity, signed with one of the channel's keys.

Refusals carry a reason for the count and nothing for the caller. The keys are fetched in the background and once a day;
a token whose key is not among them causes a fetch, at most one a minute, since anybody can invent a key's id. Keys that
are known stay in use however long the key service is down. A token that was verified is cached until it expires; the
checks that depend on the activity are made every time, and keys that were replaced make the cache void (`generation`).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bot.background import Beat
from bot.errors import Malformed, Outage, OutsideError
from bot.http_client import NEVER, HttpClient
from bot.settings import Settings
from bot.teams.refusal import Refusal

log = logging.getLogger(__name__)

CHANNEL = "msteams"
_LEEWAY = 300  # seconds that clocks may differ
_MAX_CACHED = 4096  # tokens
_MAX_TOKEN = 16_384  # letters
_MAX_TIME = 1 << 40  # seconds since 1970; a token may claim any number
_KEYS_LIFETIME = 24 * 3600.0  # seconds
_REFETCH_INTERVAL = 60.0  # seconds between fetches that unknown keys can cause
_TIMEOUT = 5.0  # seconds for both documents together
_FETCH_TIMEOUT = 2.5  # seconds that a request waits for a fetch
_MAX_BACKOFF = 60.0  # seconds between tries while the key service is down
_MIN_KEY_BITS = 2048


# Tokens


@dataclass(frozen=True)
class Verified:
    """A token whose signature, issuer, audience and times were right."""

    claims: dict[str, Any] = field(repr=False)
    endorsements: frozenset[str]
    until: int  # seconds since 1970
    generation: int  # of the keys that it was verified with


class ChannelAuthentication:
    """Verifies requests."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        if not settings.app_id:
            raise ValueError("an empty app id would turn authentication off")
        self.scope = settings.channel_scope
        self._audience = settings.app_id
        self._issuer = settings.channel_issuer
        self._keys = keys
        self._verified: OrderedDict[bytes, Verified] = OrderedDict()

    async def verify(self, header: str) -> Verified:
        """Verify an Authorization header by itself. Raises `Refusal`."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN or not token.isascii():
            raise Refusal("no_token")
        name = hashlib.sha256(token.encode("ascii")).digest()
        known = self._verified.get(name)
        if known is not None and known.generation == self._keys.generation and time.time() < known.until:
            return known
        self._verified.pop(name, None)
        verified = self._verified[name] = await self._verify(token)
        while len(self._verified) > _MAX_CACHED:
            self._verified.popitem(last=False)
        return verified

    def check_activity(self, verified: Verified, service_url: object, channel: object) -> None:
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
        until = min(int(claims["exp"]), _MAX_TIME) + _LEEWAY
        return Verified(claims, key.endorsements, until, generation)

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                # A list of audiences would make the token good elsewhere too.
                options={"require": ["exp", "iss", "aud"], "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise Refusal(_REASONS.get(type(error), "bad_token")) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise Refusal("bad_token") from None
        return claims


_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidIssuerError: "issuer",
    jwt.InvalidSignatureError: "signature",
    jwt.MissingRequiredClaimError: "missing_claim",
}


# Keys


@dataclass(frozen=True)
class Key:
    """One public key and the channels it may speak for."""

    key: RSAPublicKey
    endorsements: frozenset[str]


class Keys:
    """The channel's keys by their id, kept fresh. Once known they are used until others replace them."""

    def __init__(self, url: str, http: HttpClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._asked = float("-inf")  # when an unknown key last caused a fetch
        self._fetching: asyncio.Task[bool] | None = None
        self.generation = 0  # counts the sets of keys: what an earlier one verified may not hold any more

    @property
    def known(self) -> bool:
        """Whether there are any."""
        return bool(self._keys)

    async def keep_fresh(self, beat: Beat) -> None:
        """Fetch with backoff until that works, then once a day, for ever; calls `beat` each time it worked."""
        wait = 1.0
        while True:
            worked = await asyncio.shield(self.fetch())
            if worked:
                beat()
                wait = 1.0
                await asyncio.sleep(_KEYS_LIFETIME)
                continue
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads many bots
            wait = min(2 * wait, _MAX_BACKOFF)

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def get(self, kid: str) -> Key | None:
        """The key, or None if the channel has none of this id. Raises `Refusal` while no key is known at all."""
        if kid not in self._keys and self._worth_waiting():
            await asyncio.wait({self.fetch()}, timeout=_FETCH_TIMEOUT)
        if not self._keys:
            raise Refusal("no_keys")
        return self._keys.get(kid)

    def fetch(self) -> asyncio.Task[bool]:
        """The fetch under way, or a new one; its result is whether it worked."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    def _worth_waiting(self) -> bool:
        """Whether a fetch may bring the key; at most one a minute is caused from outside."""
        if self._fetching is not None and not self._fetching.done():
            return True
        if not self._keys or self._clock() - self._asked < _REFETCH_INTERVAL:
            return False  # without any keys, `keep_fresh` does that already
        self._asked = self._clock()
        return True

    async def _fetch(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT):
                self._keys = await published(self._url, self._http)
        except TimeoutError:
            log.error("channel keys not fetched: no answer within %g s", _TIMEOUT)
            return False
        except OutsideError as error:
            log.error("channel keys not fetched: %s", error)
            return False
        self.generation += 1
        return True


async def published(url: str, http: HttpClient) -> dict[str, Key]:
    """The keys that the OpenID metadata at `url` leads to, by their id; at least one. Raises `OutsideError`."""
    address = (await _document(url, http)).get("jwks_uri")
    if not isinstance(address, str) or not address.startswith("https://"):
        raise Malformed("teams", "the key service names no https jwks_uri")
    listed = (await _document(address, http)).get("keys")
    read = [_key(one) for one in listed] if isinstance(listed, list) else []
    found = dict(one for one in read if one is not None)
    if not found:
        raise Malformed("teams", "the key service has no usable key")
    return found


async def _document(url: str, http: HttpClient) -> dict[str, Any]:
    answer = await http.request("GET", url, system="teams", timeout=_TIMEOUT, retry=NEVER)
    if answer.status != 200:
        raise Outage("teams", f"the key service answered {answer.status}")
    return answer.json()


def _key(one: Any) -> tuple[str, Key] | None:
    """An RSA signing key under its id; None for anything else."""
    if not isinstance(one, dict) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig":
        return None
    kid, endorsed = one.get("kid"), one.get("endorsements")
    if not isinstance(kid, str) or not isinstance(endorsed, list):
        return None
    try:
        key = jwt.PyJWK(one, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        return None
    return kid, Key(key, frozenset(name for name in endorsed if isinstance(name, str)))
