"""The channel's signing keys: fetched in the background, kept for a day, fetched at once when one is not among them."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bot.errors import Malformed, Outage, OutsideError
from bot.http_client import NEVER, HttpClient
from bot.teams.refusal import Refusal

log = logging.getLogger(__name__)

_KEPT = 24 * 3600.0  # seconds
_REFETCH_INTERVAL = 60.0  # seconds between fetches that unknown keys can cause
_DEADLINE = 5.0  # seconds for both documents together
_FETCH_TIMEOUT = 2.5  # seconds that a request waits for a fetch
_SLOWEST = 60.0  # seconds between tries while the key service is down
_SMALLEST = 2048  # bits


@dataclass(frozen=True)
class Key:
    """One public key and the channels it may speak for."""

    key: RSAPublicKey
    endorsements: frozenset[str]


class Keys:
    """Keys by their id. Once known they are used until others replace them, however long the key service is down."""

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

    async def keep(self) -> None:
        """Fetch until that works, then once a day, for ever."""
        wait = 1.0
        while True:
            worked = await asyncio.shield(self.fetch())
            if worked:
                wait = 1.0
                await asyncio.sleep(_KEPT)
                continue
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads many bots
            wait = min(2 * wait, _SLOWEST)

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
        """The fetch under way, or a new one; its result tells whether it worked."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    def _worth_waiting(self) -> bool:
        """Whether a fetch may show the key; at most one a minute is caused from outside."""
        if self._fetching is not None and not self._fetching.done():
            return True
        if not self._keys or self._clock() - self._asked < _REFETCH_INTERVAL:
            return False  # without any keys, `keep` is at it
        self._asked = self._clock()
        return True

    async def _fetch(self) -> bool:
        try:
            async with asyncio.timeout(_DEADLINE):
                self._keys = await published(self._url, self._http)
        except TimeoutError:
            log.error("channel keys not fetched: no answer within %g s", _DEADLINE)
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
    answer = await http.request("GET", url, system="teams", deadline=_DEADLINE, retry=NEVER)
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
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST:
        return None
    return kid, Key(key, frozenset(name for name in endorsed if isinstance(name, str)))
