"""What the helpdesk systems share: listening, credentials, faults, fields that are known, tickets and what is written."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from sandbox.faults import Fault
from sandbox.web import HOST, act_out, listen
from sandbox.world import World

USER, SECRET = "photosync@desk.example", "desk-secret-1234"
AGENT = "agent@desk.example"
_KEY = re.compile(r"photosync-[0-9A-F]{8}\b")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Bad(Exception):
    """A request that the system refuses."""

    def __init__(self, status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = web.json_response(document or {"error": str(status)}, status=status, headers=headers)


@dataclass
class Note:
    """Something written on a ticket."""

    id: int
    text: str
    public: bool
    author: str
    files: list[str] = field(default_factory=list)


@dataclass
class Kept:
    """One ticket."""

    number: int
    document: dict[str, Any]
    caller: str
    state: str
    made_at: float = field(default_factory=time.monotonic)
    notes: list[Note] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    revision: int = 0

    @property
    def changed(self) -> str:
        """A time that differs after each change."""
        return datetime.fromtimestamp(1_760_000_000 + self.revision, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def key(self) -> str:
        """The key of the case it is about, wherever the system keeps it."""
        found = _KEY.search(json.dumps(self.document))
        return found[0] if found else ""


class Desk:
    """A system: subclasses have `routes`, `environment`, and what an agent's state is called in `STATES`."""

    STATES: ClassVar[Mapping[str, str]] = {}  # working, waiting, solved, closed -> as this system calls it

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.lag = 0.0
        self.tickets: list[Kept] = []
        self.people: Counter[str] = Counter()  # accounts that the system has, by mail; two of a mail are ambiguous
        self.requests: list[tuple[str, str]] = []
        self.moment: Callable[[str, web.Request], None] = lambda _, __: None  # told `before` and `after` each request
        self._ids: Iterator[int] = itertools.count(1001)
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any, port: int = 0) -> None:
        """Listen."""
        app = web.Application(client_max_size=8 << 20)
        for method, path, handler in self.routes():
            app.router.add_route(method, path, self._to(handler))
        self._runner, found = await listen(app, tls, port)
        self.url = f"{'https' if tls else 'http'}://{HOST}:{found}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and what answers."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The bot's settings for this system."""
        raise NotImplementedError

    def admitted(self, request: web.Request) -> bool:
        """Whether the credentials are ours."""
        return request.headers.get("Authorization") == basic(USER, SECRET)

    # What people at the helpdesk do

    def becomes(self, ticket: Kept, meaning: str) -> None:
        """An agent puts a ticket into a state."""
        ticket.state = self.STATES[meaning]
        ticket.revision += 1

    def writes(self, ticket: Kept, text: str, *, public: bool = True, author: str = AGENT) -> Note:
        """Somebody writes on a ticket."""
        note = Note(next(self._ids), text, public, author)
        ticket.notes.append(note)
        ticket.revision += 1
        return note

    # For the systems

    def keep(self, document: dict[str, Any], caller: str, state: str) -> Kept:
        """A new ticket."""
        ticket = Kept(next(self._ids), document, caller, state)
        self.tickets.append(ticket)
        return ticket

    def ticket(self, number: object) -> Kept:
        """A ticket by its number; else 404."""
        for one in self.tickets:
            if str(one.number) == str(number):
                return one
        raise Bad(404)

    def indexed(self) -> list[Kept]:
        """What the search finds by now."""
        return [one for one in self.tickets if time.monotonic() - one.made_at >= self.lag]

    def _to(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.requests.append((request.method, request.path))
            self.moment("before", request)
            fault = self.world.faults.next("tickets", request.path)
            if fault is not None and not fault.lost:
                return await act_out(fault, request)
            if not self.admitted(request):
                return Bad(401, {"message": "Unauthorized"}).answer
            try:
                answered = await handler(request)
            except Bad as bad:
                return bad.answer
            self.moment("after", request)
            return await act_out(fault, request) if fault is not None else answered

        return answer


def basic(user: str, password: str) -> str:
    """The header of HTTP's Basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def document_of(request: web.Request) -> dict[str, Any]:
    """The JSON object in a request; else 400, or 415 for another type."""
    if request.content_type != "application/json":
        raise Bad(415)
    try:
        found = json.loads(await request.read())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Bad(400)
    return found


def strict(document: Any, required: Collection[str], optional: Collection[str] = (), status: int = 400) -> None:
    """Refuse fields that are not known, and lacking ones."""
    if not isinstance(document, dict):
        raise Bad(status)
    unknown = sorted(document.keys() - {*required, *optional})
    lacking = sorted(name for name in required if document.get(name) in (None, "", {}))
    if unknown or lacking:
        raise Bad(status, {"error": {"unknown": unknown, "required": lacking}})


def file_in(body: bytes, field_name: str) -> str:
    """The name of the file in a form; else 400."""
    found = re.search(rb'name="' + re.escape(field_name.encode()) + rb'"; filename="([^"]+)"', body)
    if found is None:
        raise Bad(400)
    return found[1].decode()


def throttle(times: int = 1, retry_after: str = "0.2") -> list[Fault]:
    """Refusals for being too fast."""
    return [Fault(429, retry_after=retry_after)] * times
