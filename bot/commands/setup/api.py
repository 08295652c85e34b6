"""Microsoft's interfaces with an administrator's token: what they refuse, and what is only not known yet.

The directory answers from many copies. What was made a moment ago may be unknown to the copy that the next request
reaches, for half a minute and more, and is then refused exactly like something that does not exist: 404, or one of
`_NOT_YET`. So a request that names something new is repeated (`until_replicated`), for two minutes at most.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.commands.terminal import without_controls
from bot.errors import Malformed, OutsideError
from bot.http_client import IDEMPOTENT, NEVER, Bearer, HttpClient, Response, plain_code

Pause = Callable[[float], Awaitable[None]]
_TIMEOUT = 60.0  # seconds of one request, its retries included
_WAITS = (1, 2, 3, 5, 5, 8, 8, 10, 10, 10, 15, 15, 15, 15)  # seconds between two tries `until_replicated`
_NOT_YET = (
    "does not reference a valid application object",
    "backing application of the service principal being created must in the local tenant",
    "Not a valid reference update",
)
_LONGEST = 300  # letters of another system's message
CREATE = {"Prefer": "create-if-missing"}  # PATCH makes what is not there: two runs at once make one


class Rejected(OutsideError):
    """The interface refuses the request; `code` and `message` are its own words."""

    def __init__(self, system: str, status: int, code: str, message: str) -> None:
        super().__init__(system, " ".join(filter(None, (f"status {status}", code))))
        self.status = status
        self.code = code
        self.message = message


class NotAllowed(Rejected):
    """401 or 403: the administrator's roles, or the tool she signed in to, do not reach so far."""


@dataclass(frozen=True)
class Reply:
    """A success."""

    status: int
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Api:
    """One interface; `base` stands before every path."""

    http: HttpClient
    system: str
    base: str
    bearer: Bearer
    pause: Pause = asyncio.sleep

    async def get(self, path: str, *, until_replicated: bool = False) -> Mapping[str, Any] | None:
        """The document at a path; None where there is none. Raises as `send`."""
        try:
            return (await self.send("GET", path, until_replicated=until_replicated)).document
        except Rejected as error:
            if error.status == 404:
                return None
            raise

    async def items(self, path: str) -> list[Mapping[str, Any]]:
        """Every item of a collection. Raises as `send`."""
        found: list[Mapping[str, Any]] = []
        while path:
            page = (await self.send("GET", path)).document
            value = page.get("value")
            found += [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
            following = str(page.get("@odata.nextLink") or page.get("nextLink") or "")
            if following and not following.startswith(self.base):
                raise Malformed(self.system, "the next page is elsewhere")
            path = following.removeprefix(self.base)
        return found

    async def send(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        until_replicated: bool = False,
    ) -> Reply:
        """One request; `document` is sent as JSON, `body` as it is, of the type in `headers`.

        Raises `NotAllowed`, `Rejected`, and what `HttpClient.request` raises.
        """
        sent = dict(headers or {})
        if document is not None:
            body, sent["Content-Type"] = json.dumps(document).encode(), "application/json"
        for wait in (*(_WAITS if until_replicated else ()), None):
            answer = await self.http.request(
                method,
                self.base + path,
                system=self.system,
                timeout=_TIMEOUT,
                headers=sent,
                body=body,
                bearer=self.bearer,
                # What creates is not repeated after an unknown outcome: the next run finds what came of it.
                retry=IDEMPOTENT if method != "POST" else NEVER,
            )
            if 200 <= answer.status < 300:
                return Reply(answer.status, answer.json() if answer.body else {})
            error = _rejection(answer, self.system)
            if wait is None or not (error.status == 404 or any(text in error.message for text in _NOT_YET)):
                break
            await self.pause(wait)
        raise error


def _rejection(answer: Response, system: str) -> Rejected:
    code, message = "", ""
    try:
        error = json.loads(answer.body)["error"]
        code = plain_code(error.get("code"))
        message = without_controls(str(error.get("message") or ""))[:_LONGEST]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    kind = NotAllowed if answer.status in (401, 403) else Rejected
    return kind(system, answer.status, code, message)
