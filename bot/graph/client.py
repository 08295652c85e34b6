"""Requests to Microsoft Graph v1.0, with deadline, retries, circuit breaker and typed errors."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled, TimedOut
from bot.graph.circuit_breaker import CircuitBreaker
from bot.graph.clock_skew import ClockSkew
from bot.graph.fields import text
from bot.http_client import Answer, Bearer, HttpClient, TokenSource, retry_after
from bot.metrics import Metrics
from bot.settings import Settings

log = logging.getLogger(__name__)

_DEADLINE = 8.0  # seconds
_FAIR = 1.0  # seconds: a request that had less time says nothing about Graph when it times out
NEVER_ENDS = math.inf
_KNOWN_PARTS = frozenset({
    "users", "photo", "photos", "360x360", "$value", "sites", "root", "root:", "drives", "drive", "lists", "items",
    "children", "content", "$batch",
})  # fmt: skip
LARGEST_PICTURE = 8 << 20  # bytes


class BadRequest(Malformed):
    """400: Graph does not take the request; `code` is its own error code, or empty."""

    def __init__(self, system: str, detail: str, code: str = "") -> None:
        super().__init__(system, detail)
        self.code = code


class Graph:
    """One tenant's Graph. Paths are relative to `/v1.0`; `ends`, a `time.monotonic()`, is when an answer is of no use
    any more, such as the end of a look. A request has eight seconds at most.
    """

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics) -> None:
        self._settings = settings
        self._http = http
        self._metrics = metrics
        self._base = f"{settings.graph_url}/v1.0"
        self._breaker = CircuitBreaker("graph")
        self._skew = ClockSkew()
        self._bearer = Bearer(tokens, graph_scope(settings))

    async def json(self, path: str, *, permission: str = "", ends: float = NEVER_ENDS) -> dict[str, Any]:
        """The object at a path such as `/users/...`; `permission` is named in `Refused`."""
        return (await self._get(path, permission, 1 << 20, ends=ends)).json()

    async def pages(
        self, path: str, *, permission: str = "", most: int = 20, ends: float = NEVER_ENDS
    ) -> list[dict[str, Any]]:
        """All items of a collection of at most `most` pages, each of which has to be on Graph."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            items, path = await self.page(path, permission=permission, ends=ends)
            found += items
            if not path:
                return found
        raise Malformed("graph", "pages without end")

    async def page(
        self, path: str, *, permission: str = "", ends: float = NEVER_ENDS
    ) -> tuple[list[dict[str, Any]], str]:
        """One page of a collection, and the path of the next one or ""."""
        page = await self.json(path, permission=permission, ends=ends)
        items, following = page.get("value"), text(page, "@odata.nextLink")
        if not isinstance(items, list):
            raise Malformed("graph", "a page without items")
        found = [item for item in items if isinstance(item, dict)]
        if not following:
            return found, ""
        if not following.startswith(self._base + "/"):
            raise Malformed("graph", "the next page is elsewhere")
        return found, following.removeprefix(self._base)

    async def batch(self, paths: Sequence[str], *, ends: float = NEVER_ENDS) -> list[tuple[int, dict[str, Any]]]:
        """Status and object of each of up to 20 paths, in their order, by one request; {} for what is no object.

        Raises `Throttled` where one of them was, beside the errors of every request.
        """
        requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        body = json.dumps({"requests": requests}).encode()
        answers = (await self._get("/$batch", "", 1 << 20, body, ends=ends)).json().get("responses")
        if not isinstance(answers, list):
            raise Malformed("graph", "a batch without answers")
        by_id = {text(one, "id"): one for one in answers if isinstance(one, dict)}
        if by_id.keys() != {one["id"] for one in requests}:
            raise Malformed("graph", "a batch with other answers than requests")
        return [_part(by_id[one["id"]]) for one in requests]

    async def picture(
        self, path: str, *, permission: str = "", ends: float = NEVER_ENDS
    ) -> tuple[bytes, datetime | None]:
        """The bytes at a path, and when they were changed if that is known.

        A redirect is followed once, without our token, to a listed host.
        """
        answer = await self._get(path, permission, LARGEST_PICTURE, ends=ends)
        if answer.status == 302:
            return await self.download(answer.headers.get("Location", ""), ends=ends), None
        return answer.body, answer.last_modified

    async def download(self, url: str, *, ends: float = NEVER_ENDS) -> bytes:
        """The bytes at a pre-authorised address, which must not see our token and must be on a listed host."""
        if not any(host.matches(url) for host in self._settings.download_hosts):
            raise Malformed("sharepoint", "the download is on a host that is not listed")
        seconds = _seconds("sharepoint", ends)
        answer = await self._http.request("GET", url, system="sharepoint", deadline=seconds, limit=LARGEST_PICTURE)
        if answer.status != 200:
            raise _error("sharepoint", answer, "")
        return answer.body

    async def _get(
        self, path: str, permission: str, limit: int, body: bytes | None = None, *, ends: float = NEVER_ENDS
    ) -> Answer:
        """A GET; with a body, which only reads too, a POST of JSON: it may be repeated like a GET."""
        seconds = _seconds("graph", ends)
        self._breaker.allow()
        begun = time.monotonic()
        try:
            answer = await self._http.request(
                "POST" if body else "GET",
                self._base + path,
                system="graph",
                deadline=seconds,
                headers={"Content-Type": "application/json"} if body else None,
                body=body,
                limit=limit,
                bearer=self._bearer,
            )
        except OutsideError as error:
            if error.system == "graph":
                self._metrics.graph_requests.labels(type(error).__name__.lower()).inc()
                if not isinstance(error, TimedOut) or seconds >= _FAIR:
                    self._breaker.failed(error)
            log.debug("Graph: %s, no answer after %.2f s: %s", _kind(path), time.monotonic() - begun, error.detail)
            raise
        self._metrics.graph_requests.labels(str(answer.status)).inc()
        self._skew.observe(answer.headers.get("Date"))
        took = time.monotonic() - begun
        log.debug("Graph: %s, status %d, %.2f s, request-id %s", _kind(path), answer.status, took, answer.request_id)
        if answer.status == 429 or answer.status >= 500:
            self._breaker.failed(_error("graph", answer, ""))
        else:
            self._breaker.succeeded()
        if answer.status not in (200, 302):
            raise _error("graph", answer, permission)
        return answer


def _seconds(system: str, ends: float) -> float:
    """How long a request may take. Raises `TimedOut` where there is no time left."""
    seconds = min(_DEADLINE, ends - time.monotonic())
    if seconds <= 0:
        raise TimedOut(system, "no time left")
    return seconds


def _kind(path: str) -> str:
    """What a request reads, for the log: without ids, names and hosts."""
    return "/".join(part for part in path.partition("?")[0].split("/") if part in _KNOWN_PARTS)


def _part(one: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    status, body = one.get("status"), one.get("body")
    if not isinstance(status, int):
        raise Malformed("graph", "a batched answer without a status")
    if status == 429:
        headers = one.get("headers")
        wait = text(headers, "Retry-After") if isinstance(headers, dict) else ""
        raise Throttled("graph", "status 429 in a batch", retry_after(wait))
    return status, body if isinstance(body, dict) else {}


def _error(system: str, answer: Answer, permission: str) -> OutsideError:
    code, request_id = answer.error_code, answer.request_id
    detail = " ".join(filter(None, (f"status {answer.status}", code, request_id and f"request-id {request_id}")))
    if answer.status in (401, 403):
        return Refused(system, detail, permission if answer.status == 403 else "")
    if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
        return Throttled(system, detail, answer.retry_after)
    if answer.status in (404, 410):
        return NotFound(system, detail, code)
    if answer.status == 400:
        return BadRequest(system, detail, code)
    return Outage(system, detail) if answer.status >= 500 else Malformed(system, detail)


def graph_scope(settings: Settings) -> str:
    """The scope of tokens for Graph."""
    parts = urlsplit(settings.graph_url)
    return f"{parts.scheme}://{parts.netloc}/.default"
