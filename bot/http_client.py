"""Every call this program makes to the outside: one session, one trust store, a deadline and a size limit on each."""

from __future__ import annotations

import asyncio
import email.utils
import json
import math
import random
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import aiohttp
from yarl import URL

from bot.errors import Malformed, Outage, TimedOut
from bot.settings import Settings

AGENT = "photosync"
_FIRST_WAIT = 0.5  # seconds; doubled on each further try, halved to full by chance so that callers spread out


@dataclass(frozen=True)
class Answer:
    """A whole answer; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    system: str = ""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises `Malformed` for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Malformed(self.system, f"not JSON (status {self.status})") from None
        if not isinstance(found, dict):
            raise Malformed(self.system, f"not a JSON object (status {self.status})")
        return found

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait as the service asked: a number, also fractional, or a date."""
        return retry_after(self.headers.get("Retry-After", ""))

    @property
    def last_modified(self) -> datetime | None:
        """When what was answered was changed, if that is told; UTC."""
        try:
            return email.utils.parsedate_to_datetime(self.headers.get("Last-Modified", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True)
class Retry:
    """When to try once more, within the call's deadline."""

    statuses: frozenset[int] = frozenset({429, 502, 503, 504})
    dropped: bool = True  # after a connection that broke, when the call may already have been carried out
    attempts: int = 3


NEVER = Retry(frozenset(), dropped=False, attempts=1)
READING = Retry()


def retry_after(value: str, now: float | None = None) -> float | None:
    """Seconds from a `Retry-After` header, never negative; None where it says nothing usable."""
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def trust(settings: Settings) -> ssl.SSLContext:
    """The system's certificate authorities, and those that the settings add."""
    context = ssl.create_default_context()
    for bundle in (settings.ssl_cert_file, settings.requests_ca_bundle):
        if bundle is not None:
            context.load_verify_locations(cafile=str(bundle))
    return context


class HttpClient:
    """One shared session. Redirects are never followed: who wants one asks again, with the headers that fit there."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Must be called inside the event loop that will use it."""
        connector = aiohttp.TCPConnector(ssl=trust(settings), limit=100, keepalive_timeout=60)
        session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": AGENT},
            # Asked for each request, in a thread: only where there is a proxy at all.
            trust_env=bool(urllib.request.getproxies()),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=16_384,
            max_field_size=16_384,
        )
        return cls(session)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str | URL,
        *,
        system: str,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 1 << 20,
        retry: Retry = READING,
    ) -> Answer:
        """One answer of any status, within `deadline` seconds for all tries together, of at most `limit` bytes.

        A status in `retry` is tried again after the wait it asks for, if the deadline allows; else returned as it is.
        Raises `TimedOut`, `Outage` (no connection, or it broke), `Malformed` (larger than `limit`).
        """
        ends = time.monotonic() + deadline
        for attempt in range(1, retry.attempts + 1):
            last = attempt == retry.attempts
            try:
                answer = await self._once(method, url, system, headers, body, limit, ends - time.monotonic())
            except TimeoutError:
                raise TimedOut(system, f"no answer within {deadline:g} s") from None
            except aiohttp.ClientError as error:
                if last or not self._may_repeat(error, retry) or not await pause(attempt, None, ends):
                    raise Outage(system, type(error).__name__) from None
                continue
            if answer.status not in retry.statuses or last or not await pause(attempt, answer.retry_after, ends):
                return answer
        raise AssertionError("every try returns or raises")

    @staticmethod
    def _may_repeat(error: aiohttp.ClientError, retry: Retry) -> bool:
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.InvalidURL):
            return False
        return retry.dropped or isinstance(error, aiohttp.ClientConnectorError)

    async def _once(
        self,
        method: str,
        url: str | URL,
        system: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        limit: int,
        seconds: float,
    ) -> Answer:
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=max(0.001, seconds)),
        ) as response:
            told = response.content_length
            if (told or 0) > limit:
                raise Malformed(system, f"larger than {limit} bytes")
            if told is not None and not response.headers.get("Content-Encoding"):
                return Answer(response.status, response.headers, await response.read(), system)
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > limit:
                    raise Malformed(system, f"larger than {limit} bytes")
            return Answer(response.status, response.headers.copy(), bytes(received), system)


async def pause(attempt: int, asked: float | None, ends: float) -> bool:
    """Wait before the next try; False if there is no time left for it."""
    backoff = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads callers
    wait = backoff if asked is None else asked + random.uniform(0, 0.2)  # noqa: S311
    if time.monotonic() + wait >= ends:
        return False
    await asyncio.sleep(wait)
    return True
