"""Requests to Microsoft Graph, with deadline, retries, circuit breaker and typed errors; and its fields.

A circuit breaker spares a Graph that fails, and those who wait for it:

closed: every request is sent. Ten failures in a row, of whatever requests, open it; any success starts the count again.
open: no request is sent for 30 s, or for as long as Graph asked (at most 120 s): all fail at once.
half-open: then one request is sent. Its success closes the circuit, its failure opens it again; until it ends the
others fail at once.

A batch is one request of up to twenty parts, each of which has a status of its own and counts against the limits as if
it had been sent alone. Parts that failed and may succeed a moment later are asked again, together, like any request.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bot import traces
from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled, TimedOut
from bot.http_client import (
    IDEMPOTENT,
    Bearer,
    HttpClient,
    Response,
    TokenSource,
    http_date,
    in_our_time,
    pause,
    plain_code,
    retry_after,
)
from bot.metrics import Metrics
from bot.settings import Settings

log = logging.getLogger(__name__)

_TIMEOUT = 8.0  # seconds
_MIN_TIMEOUT_COUNTED = 1.0  # seconds: a request that had less time says nothing about Graph when it times out
_FAILURES = 10  # in a row, that open the circuit
_OPEN = 30.0  # seconds
_LONGEST_OPEN = 120.0
MAX_SKEW = 240.0  # seconds; tokens are accepted within 300
_LOG_INTERVAL = 3600.0  # seconds
_OBSERVE_INTERVAL = 10.0
NO_DEADLINE = math.inf
BATCH = 20  # requests that Graph takes in one
BETA = "/beta"  # how the path begins of what v1.0 does not have
_KNOWN_PARTS = frozenset({
    "users", "photo", "photos", "360x360", "$value", "sites", "root", "root:", "drives", "drive", "lists", "items",
    "children", "content", "$batch", "beta", "admin", "people", "photoUpdateSettings", "mailboxSettings",
})  # fmt: skip
LARGEST_PICTURE = 8 << 20  # bytes
_SURROGATE = re.compile("[\ud800-\udfff]")


class CircuitBreaker:
    """Of one system: the states are described above."""

    def __init__(self, system: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._clock = clock
        self._failures = 0
        self._open_until = float("-inf")

    def allow(self) -> None:
        """Raises `Outage` while the circuit is open; a request that it lets through has to end in one of the others."""
        if self._failures < _FAILURES:
            return
        if self._clock() < self._open_until:
            raise Outage(self._system, "circuit open after failures in a row")
        self._open_until = self._clock() + _OPEN  # half-open: this request finds out, the others wait for it

    def succeeded(self) -> None:
        """The system answered."""
        if self._failures >= _FAILURES:
            log.warning("%s: circuit closed, it answers again", self._system)
        self._failures = 0

    def failed(self, error: OutsideError) -> None:
        """The system failed, did not answer, or throttled us."""
        self._failures += 1
        if self._failures < _FAILURES:
            return
        wait = error.retry_after if isinstance(error, Throttled) else None
        self._open_until = self._clock() + min(_LONGEST_OPEN, max(_OPEN, wait or 0.0))
        if self._failures == _FAILURES:
            log.error("%s: circuit open after %d failures in a row: %s", self._system, _FAILURES, error)


class ClockSkew:
    """Is this machine's clock right? Tokens are valid for minutes around a time; `Date` headers show the skew."""

    def __init__(self) -> None:
        self._logged = float("-inf")
        self.seconds = 0.0  # by which this machine is ahead

    def observe(self, date: str | None) -> None:
        """Take the header of one answer; a skew beyond `MAX_SKEW` is logged, once an hour."""
        theirs = http_date(date or "")
        if theirs is None or in_our_time(theirs) is None:
            return
        self.seconds = time.time() - theirs.timestamp()
        if abs(self.seconds) > MAX_SKEW and time.monotonic() - self._logged > _LOG_INTERVAL:
            self._logged = time.monotonic()
            log.error("this machine's clock is %+.0f s off: tokens may be refused; set it by NTP", self.seconds)


class BadRequest(Malformed):
    """400: Graph does not take the request; `code` is its own error code, or empty."""

    def __init__(self, system: str, detail: str, code: str = "") -> None:
        super().__init__(system, detail)
        self.code = code


@dataclass(frozen=True)
class BatchResponse:
    """The answer to one request of a batch; `body` is {} for what is no object."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    retry_after: float | None = None  # seconds

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.status in IDEMPOTENT.statuses

    def object(self, permission: str = "") -> Mapping[str, Any]:
        """The object. Raises the errors of `Graph`; `permission` is named in `Refused`."""
        if self.status == 200:
            return self.body
        error = _object(self.body, "error")
        request = text(_object(error, "innerError"), "request-id")
        raise _error("graph", self.status, plain_code(error.get("code")), self.retry_after, permission, request)


class Graph:
    """One tenant's Graph. Paths are relative to `/v1.0` unless they begin with `BETA`; `deadline`, a
    `time.monotonic()`, is when an answer is of no use any more, such as the end of a look. A request has eight seconds
    at most.
    """

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics) -> None:
        self._settings = settings
        self._http = http
        self._metrics = metrics
        self._root = settings.graph_url
        self._base = f"{self._root}/v1.0"
        self._breaker = CircuitBreaker("graph")
        self._skew = ClockSkew()
        self._observe_at = float("-inf")
        self._bearer = Bearer(tokens, graph_scope(settings))

    async def json(self, path: str, *, permission: str = "", deadline: float = NO_DEADLINE) -> dict[str, Any]:
        """The object at a path such as `/users/...`; `permission` is named in `Refused`."""
        return (await self._get(path, permission, 1 << 20, deadline=deadline)).json()

    async def pages(
        self, path: str, *, permission: str = "", most: int = 20, deadline: float = NO_DEADLINE
    ) -> list[dict[str, Any]]:
        """All items of a collection of at most `most` pages, each of which has to be on Graph."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            items, path = await self.page(path, permission=permission, deadline=deadline)
            found += items
            if not path:
                return found
        raise Malformed("graph", "pages without end")

    async def page(
        self, path: str, *, permission: str = "", deadline: float = NO_DEADLINE
    ) -> tuple[list[dict[str, Any]], str]:
        """One page of a collection, and the path of the next one or ""."""
        page = await self.json(path, permission=permission, deadline=deadline)
        items, following = page.get("value"), text(page, "@odata.nextLink")
        if not isinstance(items, list):
            raise Malformed("graph", "a page without items")
        found = [item for item in items if isinstance(item, dict)]
        if not following:
            return found, ""
        if not following.startswith(self._base + "/"):
            raise Malformed("graph", "the next page is elsewhere")
        return found, following.removeprefix(self._base)

    async def batch(self, paths: Sequence[str], *, deadline: float = NO_DEADLINE) -> list[BatchResponse]:
        """The answer to each of some paths, in their order; twenty of them are one request.

        Raises the errors of every request, but none of a part: see `BatchResponse.object`.
        """
        deadline = min(deadline, time.monotonic() + _TIMEOUT)
        batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        if len(batches) == 1:
            return await self._batch(batches[0], deadline)
        return [
            part
            for batch in await asyncio.gather(*(self._batch(batch, deadline) for batch in batches))
            for part in batch
        ]

    async def _batch(self, paths: Sequence[str], deadline: float) -> list[BatchResponse]:
        found = dict(zip(paths, await self._send_batch(paths, deadline), strict=True))
        for attempt in range(1, IDEMPOTENT.attempts):
            again = [path for path, part in found.items() if part.transient]
            waits = [part.retry_after for part in found.values() if part.transient and part.retry_after is not None]
            if not again or not await pause(attempt, max(waits, default=None), deadline):
                break
            found |= zip(again, await self._send_batch(again, deadline), strict=True)
        return [found[path] for path in paths]

    async def _send_batch(self, paths: Sequence[str], deadline: float) -> list[BatchResponse]:
        requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        answer = await self._send("/$batch", 1 << 20, json.dumps({"requests": requests}).encode(), deadline=deadline)
        if answer.status != 200:
            self._metrics.graph_requests.labels(str(answer.status)).inc()
            self._judge(answer.status, answer.retry_after)
            raise _failure("graph", answer, "")
        try:
            parts = _batch_responses(answer.json(), len(paths))
        except Malformed:
            self._breaker.succeeded()  # it answered
            raise
        for part in parts:
            self._metrics.graph_requests.labels(str(part.status)).inc()
        best = min(parts, key=lambda part: part.status)  # one that was answered is enough for the circuit breaker
        self._judge(best.status, best.retry_after)
        return parts

    async def picture(
        self, path: str, *, permission: str = "", deadline: float = NO_DEADLINE
    ) -> tuple[bytes, datetime | None]:
        """The bytes at a path, and when they were changed if that is known.

        A redirect is followed once, without our token, to a listed host.
        """
        answer = await self._get(path, permission, LARGEST_PICTURE, deadline=deadline)
        if answer.status == 302:
            return await self.download(answer.headers.get("Location", ""), deadline=deadline), None
        return answer.body, answer.last_modified

    async def download(self, url: str, *, deadline: float = NO_DEADLINE) -> bytes:
        """The bytes at a pre-authorised address, which must not see our token and must be on a listed host."""
        if not any(host.matches(url) for host in self._settings.download_hosts):
            raise Malformed("sharepoint", "the download is on a host that is not listed")
        seconds = _seconds("sharepoint", deadline)
        answer = await self._http.request("GET", url, system="sharepoint", timeout=seconds, limit=LARGEST_PICTURE)
        if answer.status != 200:
            raise _failure("sharepoint", answer, "")
        return answer.body

    async def _get(self, path: str, permission: str, limit: int, *, deadline: float) -> Response:
        """The answer of a status that is one. Raises for the others."""
        answer = await self._send(path, limit, deadline=deadline)
        self._metrics.graph_requests.labels(str(answer.status)).inc()
        self._judge(answer.status, answer.retry_after)
        if answer.status not in (200, 302):
            raise _failure("graph", answer, permission)
        return answer

    async def _send(self, path: str, limit: int, body: bytes | None = None, *, deadline: float) -> Response:
        """A GET; with a body, which only reads too, a POST of JSON: it may be repeated like a GET."""
        seconds = _seconds("graph", deadline)
        self._breaker.allow()
        begun = time.monotonic()
        try:
            with traces.span("graph") as span:
                span.note("request", _kind(path))
                answer = await self._http.request(
                    "POST" if body else "GET",
                    (self._root if path.startswith(f"{BETA}/") else self._base) + path,
                    system="graph",
                    timeout=seconds,
                    headers=_JSON if body else None,
                    body=body,
                    limit=limit,
                    bearer=self._bearer,
                )
                span.note("status", answer.status)
        except OutsideError as error:
            if error.system == "graph":
                self._metrics.graph_requests.labels(type(error).__name__.lower()).inc()
                if not isinstance(error, TimedOut) or seconds >= _MIN_TIMEOUT_COUNTED:
                    self._breaker.failed(error)
            log.debug("Graph: %s, no answer after %.2f s: %s", _kind(path), time.monotonic() - begun, error.detail)
            raise
        if begun >= self._observe_at:  # reading a date costs more than it tells each time
            self._observe_at = begun + _OBSERVE_INTERVAL
            self._skew.observe(answer.headers.get("Date"))
        if log.isEnabledFor(logging.DEBUG):
            took = time.monotonic() - begun
            log.debug(
                "Graph: %s, status %d, %.2f s, request-id %s", _kind(path), answer.status, took, answer.request_id
            )
        return answer

    def _judge(self, status: int, wait: float | None) -> None:
        """Tell the circuit breaker what was answered."""
        if status == 429 or status >= 500:
            self._breaker.failed(_error("graph", status, "", wait))
        else:
            self._breaker.succeeded()


_JSON = {"Content-Type": "application/json"}


def _seconds(system: str, deadline: float) -> float:
    """How long a request may take. Raises `TimedOut` where there is no time left."""
    seconds = min(_TIMEOUT, deadline - time.monotonic())
    if seconds <= 0:
        raise TimedOut(system, "no time left")
    return seconds


def _kind(path: str) -> str:
    """What a request reads, for the log: without ids, names and hosts."""
    return "/".join(part for part in path.partition("?")[0].split("/") if part in _KNOWN_PARTS)


def _batch_responses(document: Mapping[str, Any], count: int) -> list[BatchResponse]:
    """The answers to so many requests, in their order. Raises `Malformed`."""
    answers = document.get("responses")
    if not isinstance(answers, list):
        raise Malformed("graph", "a batch without answers")
    by_id = {text(one, "id"): one for one in answers if isinstance(one, dict)}
    wanted = [str(number) for number in range(count)]
    if by_id.keys() != set(wanted):
        raise Malformed("graph", "a batch with other answers than requests")
    return [_batch_response(by_id[one]) for one in wanted]


def _batch_response(one: Mapping[str, Any]) -> BatchResponse:
    status = one.get("status")
    if not isinstance(status, int) or not 100 <= status <= 599:  # also no true, which is a number to Python
        raise Malformed("graph", "a batched answer without a status")
    return BatchResponse(status, _object(one, "body"), retry_after(text(_object(one, "headers"), "Retry-After")))


def _failure(system: str, answer: Response, permission: str) -> OutsideError:
    return _error(system, answer.status, answer.error_code, answer.retry_after, permission, answer.request_id)


def _error(
    system: str, status: int, code: str, wait: float | None, permission: str = "", request: str = ""
) -> OutsideError:
    """What a status that is no success means; `wait` in seconds, as the service asked; `request`: its id."""
    request = plain_code(request)
    detail = " ".join(filter(None, (f"status {status}", code, request and f"request-id {request}")))
    if status in (401, 403):
        return Refused(system, detail, permission if status == 403 else "")
    if status == 429 or (status == 503 and wait is not None):
        return Throttled(system, detail, wait)
    if status in (404, 410):
        return NotFound(system, detail, code)
    if status == 400:
        return BadRequest(system, detail, code)
    return Outage(system, detail) if status >= 500 else Malformed(system, detail)


def graph_scope(settings: Settings) -> str:
    """The scope of tokens for Graph."""
    parts = urlsplit(settings.graph_url)
    return f"{parts.scheme}://{parts.netloc}/.default"


# Fields of Graph's documents, each of which may be missing or of any type.


def text(document: Mapping[str, Any], name: str) -> str:
    """A string, "" for anything else."""
    value = document.get(name)
    # JSON can spell half of a surrogate pair, which no address and no database takes.
    return value if isinstance(value, str) and not _SURROGATE.search(value) else ""


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object, {} for anything else."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def item_id(document: Mapping[str, Any]) -> str:
    """An item's id as a segment of a path. Raises `Malformed` if it has none."""
    found = text(document, "id")
    if not found:
        raise Malformed("graph", "an item without an id")
    return path_segment(found)


def path_segment(name: str) -> str:
    """A name or id as one segment of a path."""
    return quote(name, safe=",!-_.~")


def has_address(document: Mapping[str, Any], end: str) -> bool:
    """Whether the item's `webUrl` ends so, in lower case and without escapes."""
    return unquote(text(document, "webUrl")).rstrip("/").lower().endswith(end)


def moment(value: object) -> datetime | None:
    """A date and time in UTC; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return in_our_time(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (ValueError, OverflowError):  # OverflowError: the zone leads beyond the calendar
        return None


def whole_number(value: object) -> int | None:
    """A whole number; None for anything else, booleans too."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
