"""Every call this program makes to the outside: one session, one trust store, a timeout and a size limit on each.

One loop of attempts serves all of them; a `Retry` says when there is another one. What matters is whether an attempt
may have taken effect:

- 429, 503 and a connection that never came about: nothing was done, so another attempt is always safe.
- 502, 504, a connection that broke, an answer that was lost: the outcome is unknown. Reading and replacing may be
  repeated all the same; creating may not, or only so often (`unknown_retries`).
- The timeout covers all attempts together. A wait that would end after it is not begun: the last answer is returned.
- A bearer token that is refused (401) is replaced once, which is no attempt of its own.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import math
import random
import re
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol, Self, TypeVar

import aiohttp
from yarl import URL

from bot.errors import Malformed, Outage, TimedOut, location
from bot.settings import Settings

log = logging.getLogger(__name__)

AGENT = "photosync"
T = TypeVar("T")
# Of all systems together, and half of it of one: a system that hangs leaves connections to the others. What a burst has
# opened stays open, since aiohttp uses those that are there in turn, and each keeps what it read at most at once.
_CONNECTIONS = 64
_LONGEST_WAIT = 86_400.0  # seconds: no service that works asks for more
_FIRST_WAIT = 0.5  # seconds; doubled on each further attempt, from half to all of it by chance: callers spread out


@dataclass(frozen=True)
class Response:
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
    def error_code(self) -> str:
        """The code of an error document of Graph or the connector, if it is one; short and plain enough to log."""
        try:
            return plain_code(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""

    @property
    def request_id(self) -> str:
        """Graph's own name of the request, for its makers' support; "" without one."""
        return plain_code(self.headers.get("request-id", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, as the service says: a number, also fractional, or a date."""
        return retry_after(self.headers.get("Retry-After", ""))

    @property
    def last_modified(self) -> datetime | None:
        """When what was answered was changed, if that is known; UTC."""
        found = http_date(self.headers.get("Last-Modified", ""))
        return None if found is None else in_our_time(found)


@dataclass(frozen=True)
class Retry:
    """When there is another attempt, within the call's timeout."""

    attempts: int = 3
    statuses: frozenset[int] = frozenset({429, 502, 503, 504})
    unknown: frozenset[int] = frozenset({502, 504})  # of these: the request may have taken effect, as when it broke off
    unknown_retries: int = 99  # so many further attempts after unknown outcomes


NEVER = Retry(attempts=1)
IDEMPOTENT = Retry()


class TokenSource(Protocol):
    """Bearer tokens by scope: `bot.graph.tokens.Tokens`."""

    def cached(self, scope: str) -> str:
        """A token that is there already, "" if there is none: most requests need not wait for one."""

    async def token(self, scope: str) -> str: ...

    def forget(self, scope: str, token: str = "") -> None: ...


@dataclass(frozen=True)
class Bearer:
    """Whose token a request carries."""

    tokens: TokenSource
    scope: str


@dataclass(frozen=True)
class _Request:
    """What every attempt sends."""

    method: str
    url: str | URL
    system: str
    headers: Mapping[str, str]
    body: bytes | None
    limit: int
    bearer: Bearer | None
    once: bool = False  # it may have taken effect although it failed: never sent again unseen


class _Once(aiohttp.BytesPayload):
    """A body that aiohttp does not send again by itself, as it does with a PUT whose connection broke."""

    @property
    def consumed(self) -> bool:
        """What a body says that cannot be sent twice."""
        return True


# Words are somebody's, and may name a person; SharePoint puts a number and a name behind each other.
_CODE = re.compile(r"[A-Za-z0-9_.:-]+(?:, [A-Za-z0-9_.]+)?")


def plain_code(code: object) -> str:
    """A code of another system, or "" for what is not fit for a log line."""
    return code if isinstance(code, str) and len(code) <= 80 and _CODE.fullmatch(code) else ""


def retry_after(value: str, now: float | None = None) -> float | None:
    """Seconds from a `Retry-After` header, never negative; None where it says nothing usable."""
    try:
        seconds = float(value.strip())
    except ValueError:
        date = http_date(value)
        if date is None:
            return None
        seconds = date.timestamp() - (time.time() if now is None else now)
    return min(_LONGEST_WAIT, max(0.0, seconds)) if math.isfinite(seconds) else None


def http_date(value: str) -> datetime | None:
    """The date of a header, in UTC; None for what is none."""
    try:
        found = email.utils.parsedate_to_datetime(value.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def in_our_time(moment: datetime) -> datetime | None:
    """A date of this product's time; None for one that nothing can have happened at, such as the year 1 or 9999."""
    return moment if 1990 <= moment.year <= 2100 else None


class _Unlisted(aiohttp.ClientError):
    """What aiohttp raises beside its own errors; the text is its kind."""


def _reason(error: aiohttp.ClientError) -> str:
    """The kind of failure, and of a certificate that is not trusted OpenSSL's own words, which say what mends it."""
    kind = str(error) if isinstance(error, _Unlisted) else type(error).__name__
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return kind
    words = getattr(error.certificate_error, "verify_message", "") or type(error.certificate_error).__name__
    return f"{kind}: {words}"


def trust(settings: Settings) -> ssl.SSLContext:
    """The system's certificate authorities, and those that the settings add."""
    context = ssl.create_default_context()
    for bundle in (settings.ssl_cert_file, settings.requests_ca_bundle):
        if bundle is not None:
            context.load_verify_locations(cafile=str(bundle))
    return context


class HttpClient:
    """One shared session. Redirects are never followed: that is another request, with the headers that fit there."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Must be called inside the event loop that will use it."""
        connector = aiohttp.TCPConnector(
            ssl=trust(settings), limit=_CONNECTIONS, limit_per_host=_CONNECTIONS // 2, keepalive_timeout=60
        )
        session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": AGENT},
            # Looked up for each request, in a thread: only where there is a proxy at all.
            trust_env=bool(urllib.request.getproxies()),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=16_384,
            max_field_size=16_384,
        )
        return cls(session)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def request(  # noqa: PLR0913 - what makes up a request, all but the first two by name
        self,
        method: str,
        url: str | URL,
        *,
        system: str,
        timeout: float,  # noqa: ASYNC109 - further attempts are counted in, and waits before them are not
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 1 << 20,
        retry: Retry = IDEMPOTENT,
        bearer: Bearer | None = None,
        before_attempt: Callable[[], Awaitable[None]] | None = None,
    ) -> Response:
        """One answer of any status and at most `limit` bytes, within `timeout` seconds for all attempts together.

        `before_attempt` is awaited before each of them, and its time does not count; what it raises ends the request.
        Raises `TimedOut`, `Outage` (no connection, or it broke), `Malformed` (larger than `limit`), and what the
        `bearer`'s tokens raise.
        """
        deadline, unknown_retries = time.monotonic() + timeout, retry.unknown_retries
        sent = _Request(method, url, system, headers or {}, body, limit, bearer, unknown_retries == 0)
        for attempt in range(1, retry.attempts + 1):
            if before_attempt is not None:
                begun = time.monotonic()
                await before_attempt()
                deadline += time.monotonic() - begun
            outcome: Response | Outage
            try:
                outcome = await self._attempt(sent, deadline)
            except TimeoutError:
                raise TimedOut(system, f"no answer within {round(timeout, 1):g} s") from None
            except aiohttp.ClientError as error:
                outcome = Outage(system, _reason(error))
                if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.InvalidURL):
                    raise outcome from None
                unknown_retries -= not isinstance(error, aiohttp.ClientConnectorError)
            else:
                if outcome.status not in retry.statuses:
                    return outcome
                unknown_retries -= outcome.status in retry.unknown
            wait = outcome.retry_after if isinstance(outcome, Response) else None
            if unknown_retries < 0 or attempt == retry.attempts or not await pause(attempt, wait, deadline):
                break
        if isinstance(outcome, Response):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # it holds this frame by its traceback: with it the request and whoever waits would stay

    async def _attempt(self, sent: _Request, deadline: float) -> Response:
        """One answer; a token that is refused is replaced once."""
        if sent.bearer is None:
            return await self._send(sent, sent.headers, deadline)
        tokens, scope = sent.bearer.tokens, sent.bearer.scope
        for last in (False, True):
            token = tokens.cached(scope)
            if not token:
                token = await before(deadline, tokens.token(scope), TimedOut("login", "no token in time"))
            answer = await self._send(sent, {"Authorization": f"Bearer {token}", **sent.headers}, deadline)
            if answer.status != 401 or last:
                break
            tokens.forget(scope, token)
        return answer

    async def _send(self, sent: _Request, headers: Mapping[str, str], deadline: float) -> Response:
        """Raises `TimeoutError`, `aiohttp.ClientError`, and `Malformed` for what is larger than the limit."""
        try:
            async with self._session.request(
                sent.method,
                sent.url,
                headers=headers,
                data=_Once(sent.body) if sent.once and sent.body is not None else sent.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=max(0.001, deadline - time.monotonic())),
            ) as response:
                length = response.content_length
                if (length or 0) > sent.limit:
                    _refuse_size(sent)
                if length is not None and not response.headers.get("Content-Encoding"):
                    return Response(response.status, response.headers, await response.read(), sent.system)
                received = bytearray()
                async for chunk in response.content.iter_any():
                    received += chunk
                    if len(received) > sent.limit:
                        _refuse_size(sent)
                return Response(response.status, response.headers.copy(), bytes(received), sent.system)
        except (TimeoutError, aiohttp.ClientError, Malformed):
            raise
        except Exception as error:  # what aiohttp lets through of the event loop, of OpenSSL, of a decoder
            log.warning("%s: %s at %s", sent.system, type(error).__name__, location(error))
            raise _Unlisted(type(error).__name__) from None


def _refuse_size(sent: _Request) -> NoReturn:
    raise Malformed(sent.system, f"larger than {sent.limit} bytes")


async def before(deadline: float, work: Awaitable[T], failure: TimedOut) -> T:
    """Its result, if it comes before `timeout`, a `time.monotonic()`; else raises `failure`."""
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic()) if math.isfinite(deadline) else None):
            return await work
    except TimeoutError:
        raise failure from None


async def pause(attempt: int, wait: float | None, deadline: float) -> bool:
    """Wait after attempt 1, 2, ..., `wait` seconds if the service said so; False if there is no time left for it."""
    backoff = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads callers
    seconds = backoff if wait is None else wait + random.uniform(0, 0.2)  # noqa: S311
    if time.monotonic() + seconds >= deadline:
        return False
    await asyncio.sleep(seconds)
    return True
