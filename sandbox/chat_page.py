"""The demo's page: stories and people to choose, a chat, a small office.com in which to do what the bot says, and what
the bot did behind the scenes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from sandbox.chat import Chat
from sandbox.desk_page import DeskPage
from sandbox.desks.zammad import Zammad
from sandbox.office_page import OfficePage, document_of, found
from sandbox.stories import STORIES
from sandbox.tenant import Tenant
from sandbox.web import listen
from sandbox.world import Person

_PAGE = Path(__file__).resolve().parent / "page"
_FILES = ("index.html", "style.css", "cards.css", "app.js", "cards.js", "office.js", "behind.js")
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_PLACES = ("personal", "groupChat")
_LOOK = 0.4  # seconds between two looks at whether anything changed that no message tells
_QUIET = 15.0  # seconds after which a listener is told that nothing happened, so that one who has gone is noticed
_MOST_REQUESTS = 500  # of those behind the scenes
_MOST_BYTES = 1536 * 1024  # of a request: a photo of one's own in base64
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Bot(Protocol):
    """What the page asks the bot's own process, and Teams would not know."""

    async def case(self, person: str) -> dict[str, Any] | None:
        """The person's case as `photosync case --json` prints it, or None."""

    async def forget(self, person: str) -> None:
        """Delete everything about the person."""


class ChatPage:
    """Serves the page on plain http, for a browser on this machine only.

    `signs` names the place of office.com that an illustration is about, `tile` or `circle`, by the last characters of
    its base64; `helpdesk` is the address of the bot's page for the helpdesk.
    """

    def __init__(
        self,
        tenant: Tenant,
        renderer: Mapping[str, Path],
        bot: Bot,
        signs: Mapping[str, str],
        desk: Zammad,
        helpdesk: str,
    ) -> None:
        self.tenant = tenant
        self.port = 0
        self._bot = bot
        self._signs = signs
        self._helpdesk = helpdesk
        self._office = OfficePage(tenant)
        self._desk = DeskPage(tenant, desk)
        self._run = secrets.token_hex(4)  # another in every run: a browser must not show what it kept of another one
        self._files = {name: _PAGE / name for name in _FILES} | {
            f"vendor/{name}": one for name, one in renderer.items()
        }
        self._assets: dict[str, _Asset] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        """Listen. Raises OSError if the port cannot be had."""
        app = web.Application(middlewares=[_guard], client_max_size=_MOST_BYTES)
        app.router.add_get("/api/people", self._people)
        app.router.add_get("/api/chat/{person}/events", self._events)
        app.router.add_post("/api/chat/{person}/{act:say|press|open|again|clear}", self._chat)
        app.router.add_get("/api/behind/{person}", self._behind)
        self._office.add_to(app)
        self._desk.add_to(app)
        app.router.add_get("/helpdesk", self._to_helpdesk)
        app.router.add_get("/{name:.*}", self._file)
        for name, path in self._files.items():
            self._assets[name] = await asyncio.to_thread(_Asset.read, path)
        self._runner, self.port = await listen(app, None, port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"] or "index.html"
        if name not in self._assets:
            raise web.HTTPNotFound
        return self._assets[name].answer(request)

    async def _to_helpdesk(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": self._helpdesk})

    async def _people(self, _: web.Request) -> web.StreamResponse:
        told = ("id", "name", "upn", "about", "locale", "platform")
        stories = [
            {"title": one.title, "text": one.text, "person": one.person.id, "delay": one.delay} for one in STORIES
        ]
        people = [{name: getattr(one, name) for name in told} for one in self.tenant.world.people]
        return web.json_response({"run": self._run, "signs": dict(self._signs), "stories": stories, "people": people})

    def _place(self, request: web.Request, person: Person) -> Chat:
        """The person's chat with the bot, or where others are too: `?place=groupChat`."""
        place = request.query.get("place", "personal")
        if place not in _PLACES:
            raise web.HTTPBadRequest
        return self.tenant.channel.chat(person.id) if place == "personal" else self.tenant.channel.group(person.id)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The chat so far, then what happens, as server-sent events. A reader who comes back starts afresh."""
        person = found(self.tenant, request)
        chat = self._place(request, person)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **_HEADERS}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            async for event in self._story(chat, person):
                line = ": nothing new" if event is None else f"data: {json.dumps(event)}"
                await response.write(f"{line}\n\n".encode())
        except ConnectionError:
            pass  # the reader has gone
        return response

    async def _story(self, chat: Chat, person: Person) -> AsyncIterator[dict[str, Any] | None]:
        """`reset`, every message so far, then what happens; None when nothing did for a while.

        What happens just as it begins may be told twice, never not at all: the page goes by the ids. `office` tells
        what each side has, `behind` that there is more to see of what the bot did.
        """
        happening = chat.subscribe()
        following = asyncio.ensure_future(anext(happening))
        office: dict[str, Any] = {}
        behind: tuple[int, ...] = ()
        told = time.monotonic()
        try:
            await asyncio.sleep(0)  # subscribed before the transcript is read
            yield {"type": "reset"}
            for shown in tuple(chat.messages):
                kind = "mine" if shown.mine else "message"
                yield {"type": kind, "id": shown.id, "activity": shown.activity, "versions": shown.versions}
            while True:
                done, _ = await asyncio.wait((following,), timeout=_LOOK if office else 0)
                if done:
                    event = following.result()
                    following = asyncio.ensure_future(anext(happening))
                    told = time.monotonic()
                    yield event
                    continue
                office_now, behind_now = await self._office.state(person), self._happened(chat)
                if office_now != office:
                    office, told = office_now, time.monotonic()
                    yield {"type": "office", **office}
                if behind_now != behind:
                    behind, told = behind_now, time.monotonic()
                    yield {"type": "behind"}
                if time.monotonic() - told > _QUIET:
                    told = time.monotonic()
                    yield None
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _happened(self, chat: Chat) -> tuple[int, ...]:
        """What changes whenever `_behind` has more to tell."""
        shown = sum(1 + one.versions for one in chat.messages)
        return self.tenant.world.trace.count, *self._desk.happened, shown

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        person, document = found(self.tenant, request), await document_of(request)
        act = _ACTS[request.match_info["act"]]
        chat = self._place(request, person)
        try:
            status = await act(self, chat, document)
        except (LookupError, TypeError):
            raise web.HTTPBadRequest from None
        except (OSError, TimeoutError):
            status = 503
        return web.json_response({"status": status})

    async def _say(self, chat: Chat, document: dict[str, Any]) -> int:
        text = document["text"]
        if not isinstance(text, str) or not text.strip():
            raise TypeError("text")
        return await chat.say(text)

    async def _press(self, chat: Chat, document: dict[str, Any]) -> int:
        data, card = document["data"], document["card"]
        if not isinstance(data, dict) or not isinstance(card, str):
            raise TypeError("data")
        return await chat.press(data, card=card)

    async def _open(self, chat: Chat, _: dict[str, Any]) -> int:
        """Whoever opens a chat for the first time has just installed the bot."""
        return 200 if chat.messages or chat.kind != "personal" else max(await chat.install())

    async def _again(self, chat: Chat, document: dict[str, Any]) -> int:
        """The person's story from its beginning."""
        await self._clear(chat, document)
        return await self._open(chat, document)

    async def _clear(self, chat: Chat, _: dict[str, Any]) -> int:
        """Everything of this person as it was in the beginning, on every side."""
        person, channel = chat.person.id, self.tenant.channel
        await self._bot.forget(person)
        self.tenant.world.start_over(person)
        self._desk.start_over(chat.person)
        for one in (channel.chat(person), channel.group(person)):
            one.clear()
        return 200

    async def _behind(self, request: web.Request) -> web.StreamResponse:
        """The person's case, tickets and requests; with `?all` those about everybody and nobody."""
        person, world = found(self.tenant, request), self.tenant.world
        requests = [*world.trace.requests] if "all" in request.query else world.trace.about(world.names(person))
        return web.json_response({
            "requests": [asdict(one) for one in requests[-_MOST_REQUESTS:]],
            "case": await self._bot.case(person.id),
            "tickets": self._desk.tickets(person),
        })  # fmt: skip


_ACTS: Mapping[str, Callable[[ChatPage, Chat, dict[str, Any]], Awaitable[int]]] = {
    "say": ChatPage._say,  # noqa: SLF001 - the table belongs to the class
    "press": ChatPage._press,  # noqa: SLF001
    "open": ChatPage._open,  # noqa: SLF001
    "again": ChatPage._again,  # noqa: SLF001
    "clear": ChatPage._clear,  # noqa: SLF001
}


@dataclass(frozen=True)
class _Asset:
    """A file of the page as it is sent."""

    kind: str
    plain: bytes
    packed: bytes
    etag: str

    @classmethod
    def read(cls, path: Path) -> _Asset:
        plain = path.read_bytes()
        return cls(_TYPES[path.suffix], plain, gzip.compress(plain, 6), hashlib.sha256(plain).hexdigest()[:16])

    def answer(self, request: web.Request) -> web.Response:
        headers = {"ETag": f'"{self.etag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if any(one.value == self.etag for one in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = self.plain
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = self.packed, "gzip"
        return web.Response(body=body, content_type=self.kind, charset="utf-8", headers=headers)


@web.middleware
async def _guard(request: web.Request, handler: Any) -> web.StreamResponse:
    """Loopback names only, so that no page elsewhere can reach in; JSON only, likewise."""
    host = request.host.rpartition(":")[0] or request.host
    if host not in ("127.0.0.1", "localhost"):
        raise web.HTTPForbidden
    if request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
        raise web.HTTPForbidden
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    response: web.StreamResponse = await handler(request)
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.update(_HEADERS)
    return response
