"""Requests to Microsoft Graph v1.0, with deadline, retries, circuit breaker and typed errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from bot.graph.circuit_breaker import CircuitBreaker
from bot.graph.clock_skew import ClockSkew
from bot.graph.fields import text
from bot.http_client import Answer, Bearer, HttpClient, TokenSource, retry_after
from bot.metrics import Metrics
from bot.settings import Settings

_DEADLINE = 8.0  # seconds
LARGEST_PICTURE = 8 << 20  # bytes


class BadRequest(Malformed):
    """400: Graph does not take the request; `code` is its own error code, or empty."""

    def __init__(self, system: str, detail: str, code: str = "") -> None:
        super().__init__(system, detail)
        self.code = code


class Graph:
    """One tenant's Graph. Paths are relative to `/v1.0`."""

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics) -> None:
        self._settings = settings
        self._http = http
        self._metrics = metrics
        self._base = f"{settings.graph_url}/v1.0"
        self._breaker = CircuitBreaker("graph")
        self._skew = ClockSkew()
        self._bearer = Bearer(tokens, graph_scope(settings))

    async def json(self, path: str, *, permission: str = "") -> dict[str, Any]:
        """The object at a path such as `/users/...`; `permission` is named in `Refused`."""
        return (await self._get(path, permission, 1 << 20)).json()

    async def pages(self, path: str, *, permission: str = "", most: int = 20) -> list[dict[str, Any]]:
        """All items of a collection of at most `most` pages, each of which has to be on Graph."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            items, path = await self.page(path, permission=permission)
            found += items
            if not path:
                return found
        raise Malformed("graph", "pages without end")

    async def page(self, path: str, *, permission: str = "") -> tuple[list[dict[str, Any]], str]:
        """One page of a collection, and the path of the next one or ""."""
        page = await self.json(path, permission=permission)
        items, following = page.get("value"), page.get("@odata.nextLink")
        if not isinstance(items, list):
            raise Malformed("graph", "a page without items")
        found = [item for item in items if isinstance(item, dict)]
        if not isinstance(following, str):
            return found, ""
        if not following.startswith(self._base + "/"):
            raise Malformed("graph", "the next page is elsewhere")
        return found, following.removeprefix(self._base)

    async def batch(self, paths: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
        """Status and object of each of up to 20 paths, in their order, by one request; {} for what is no object.

        Raises `Throttled` where one of them was, beside the errors of every request.
        """
        requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        body = json.dumps({"requests": requests}).encode()
        answers = (await self._get("/$batch", "", 1 << 20, body)).json().get("responses")
        if not isinstance(answers, list):
            raise Malformed("graph", "a batch without answers")
        by_id = {one.get("id"): one for one in answers if isinstance(one, dict)}
        if by_id.keys() != {one["id"] for one in requests}:
            raise Malformed("graph", "a batch with other answers than requests")
        return [_part(by_id[one["id"]]) for one in requests]

    async def picture(self, path: str, *, permission: str = "") -> tuple[bytes, datetime | None]:
        """The bytes at a path, and when they were changed if that is known.

        A redirect is followed once, without our token, to a listed host.
        """
        answer = await self._get(path, permission, LARGEST_PICTURE)
        if answer.status == 302:
            return await self.download(answer.headers.get("Location", "")), None
        return answer.body, answer.last_modified

    async def download(self, url: str) -> bytes:
        """The bytes at a pre-authorised address, which must not see our token and must be on a listed host."""
        if not any(host.matches(url) for host in self._settings.download_hosts):
            raise Malformed("sharepoint", "the download is on a host that is not listed")
        answer = await self._http.request("GET", url, system="sharepoint", deadline=_DEADLINE, limit=LARGEST_PICTURE)
        if answer.status != 200:
            raise _error("sharepoint", answer, "")
        return answer.body

    async def _get(self, path: str, permission: str, limit: int, body: bytes | None = None) -> Answer:
        """A GET; with a body, which only reads too, a POST of JSON: it may be repeated like a GET."""
        self._breaker.allow()
        try:
            answer = await self._http.request(
                "POST" if body else "GET",
                self._base + path,
                system="graph",
                deadline=_DEADLINE,
                headers={"Content-Type": "application/json"} if body else None,
                body=body,
                limit=limit,
                bearer=self._bearer,
            )
        except OutsideError as error:
            if error.system == "graph":
                self._metrics.graph_requests.labels(type(error).__name__.lower()).inc()
                self._breaker.failed(error)
            raise
        self._metrics.graph_requests.labels(str(answer.status)).inc()
        self._skew.observe(answer.headers.get("Date"))
        if answer.status == 429 or answer.status >= 500:
            self._breaker.failed(_error("graph", answer, ""))
        else:
            self._breaker.succeeded()
        if answer.status not in (200, 302):
            raise _error("graph", answer, permission)
        return answer


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
    code = answer.error_code
    detail = f"status {answer.status} {code}".strip()
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
