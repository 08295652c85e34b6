"""The demo's page: people to choose, a chat, and a small office.com in which to do what the bot says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.chat import Chat
from sandbox.office_page import OfficePage, document_of, found
from sandbox.tenant import Tenant
from sandbox.web import listen

_PAGE = Path(__file__).resolve().parent / "page"
_FILES = ("index.html", "style.css", "cards.css", "app.js", "chat.js", "cards.js", "office.js", "server.js")
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_QUIET = 15.0  # seconds after which a listener is told that nothing happened, so that one who has gone is noticed
_MOST_BYTES = 64 * 1024  # of a request
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ChatPage:
    """Serves the page on plain http, for a browser on this machine only."""

    def __init__(self, tenant: Tenant, renderer: Mapping[str, Path]) -> None:
        self.tenant = tenant
        self.port = 0
        self._renderer = renderer
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        """Listen. Raises OSError if the port cannot be had."""
        app = web.Application(middlewares=[_guard], client_max_size=_MOST_BYTES)
        app.router.add_get("/vendor/{name}", self._vendor)
        app.router.add_get("/api/people", self._people)
        app.router.add_get("/api/chat/{person}/events", self._events)
        app.router.add_post("/api/chat/{person}/{act:say|press|install}", self._chat)
        OfficePage(self.tenant).add_to(app)
        app.router.add_get("/{name:[^/]*}", self._file)
        self._runner, self.port = await listen(app, None, port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"] or "index.html"
        if name not in _FILES:
            raise web.HTTPNotFound
        return _text(_PAGE / name)

    async def _vendor(self, request: web.Request) -> web.StreamResponse:
        path = self._renderer.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return _text(path)

    async def _people(self, _: web.Request) -> web.StreamResponse:
        told = ("id", "name", "upn", "about", "locale", "platform")
        return web.json_response([{name: getattr(one, name) for name in told} for one in self.tenant.world.people])

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The chat so far, then what happens, as server-sent events. A reader who comes back starts afresh."""
        chat = self.tenant.channel.chat(found(self.tenant, request).id)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **_HEADERS})
        await response.prepare(request)
        try:
            async for event in _story(chat):
                line = ": nothing new" if event is None else f"data: {json.dumps(event)}"
                await response.write(f"{line}\n\n".encode())
        except ConnectionError:
            pass  # the reader has gone
        return response

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        person, document = found(self.tenant, request), await document_of(request)
        act = _ACTS[request.match_info["act"]]
        try:
            status = await act(self.tenant.channel.chat(person.id), document)
        except (LookupError, TypeError):
            raise web.HTTPBadRequest from None
        except (OSError, TimeoutError):
            status = 503
        return web.json_response({"status": status})


async def _story(chat: Chat) -> AsyncIterator[dict[str, Any] | None]:
    """`reset`, every message so far, then what happens; None when nothing did for a while.

    What happens just as it begins may be told twice, never not at all: the page goes by the ids.
    """
    happening = chat.subscribe()
    following = asyncio.ensure_future(anext(happening))
    try:
        await asyncio.sleep(0)  # subscribed before the transcript is read
        yield {"type": "reset"}
        for shown in tuple(chat.messages):
            kind = "mine" if shown.mine else "message"
            yield {"type": kind, "id": shown.id, "activity": shown.activity, "versions": shown.versions}
        while True:
            done, _ = await asyncio.wait((following,), timeout=_QUIET)
            if not done:
                yield None
                continue
            event = following.result()
            following = asyncio.ensure_future(anext(happening))
            yield event
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _say(chat: Chat, document: dict[str, Any]) -> int:
    text = document["text"]
    if not isinstance(text, str) or not text.strip():
        raise TypeError("text")
    return await chat.say(text)


async def _press(chat: Chat, document: dict[str, Any]) -> int:
    data, card = document["data"], document["card"]
    if not isinstance(data, dict) or not isinstance(card, str):
        raise TypeError("data")
    return await chat.press(data, card=card)


async def _install(chat: Chat, _: dict[str, Any]) -> int:
    return max(await chat.install())


_ACTS: Mapping[str, Callable[[Chat, dict[str, Any]], Awaitable[int]]] = {
    "say": _say,
    "press": _press,
    "install": _install,
}


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
        response.headers.update(_HEADERS)
    return response


def _text(path: Path) -> web.Response:
    return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8")
