"""The channel's signing keys: fetched without blocking, kept for a day, fetched anew when a key is not among them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from bot.errors import Malformed, Outage, OutsideError
from bot.outgoing import NEVER, Outgoing

log = logging.getLogger(__name__)

_KEPT = 24 * 3600.0  # seconds
_AGAIN = 60.0  # seconds between fetches, whatever unknown keys arrive
_DEADLINE = 5.0


class NoKeys(Exception):
    """No key was ever fetched: the key service cannot be reached."""


@dataclass(frozen=True)
class Key:
    """One public key and the channels it may speak for."""

    key: Any
    endorsements: frozenset[str]


class Keys:
    """Keys by their id."""

    def __init__(self, url: str, outgoing: Outgoing) -> None:
        self._url = url
        self._outgoing = outgoing
        self._keys: Mapping[str, Key] = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def known(self) -> bool:
        """Whether there are any."""
        return bool(self._keys)

    async def get(self, kid: str) -> Key | None:
        """The key, or None if the channel has none of this id. Raises `NoKeys`."""
        old = time.monotonic() - self._fetched > _KEPT
        if kid not in self._keys or old:
            await self.refresh()
        if not self._keys:
            raise NoKeys
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch unless that was tried within the last minute; the present keys stay if it fails."""
        async with self._lock:
            # A cold start may try again soon: without keys nothing works.
            pause = _AGAIN if self._keys else 1.0
            if time.monotonic() - self._tried < pause:
                return
            self._tried = time.monotonic()
            try:
                self._keys = await self._fetch()
                self._fetched = time.monotonic()
            except OutsideError as error:
                log.error("channel keys not fetched: %s", error)

    async def _fetch(self) -> dict[str, Key]:
        address = (await self._document(self._url)).get("jwks_uri")
        if not isinstance(address, str) or not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise Malformed("keys", "no https jwks_uri")
        found = {}
        for one in (await self._document(address)).get("keys", ()):
            key = _key(one)
            if key is not None:
                found[str(one["kid"])] = key
        if not found:
            raise Malformed("keys", "no usable key")
        return found

    async def _document(self, url: str) -> dict[str, Any]:
        answer = await self._outgoing.request("GET", url, system="keys", deadline=_DEADLINE, retry=NEVER)
        if answer.status != 200:
            raise Outage("keys", f"status {answer.status}")
        return answer.json()


def _key(one: Any) -> Key | None:
    if not isinstance(one, dict) or one.get("kty") != "RSA" or not isinstance(one.get("kid"), str):
        return None
    try:
        key = jwt.PyJWK(one, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError):
        return None
    endorsed = one.get("endorsements")
    return Key(
        key,
        frozenset(name for name in endorsed if isinstance(name, str)) if isinstance(endorsed, list) else frozenset(),
    )
