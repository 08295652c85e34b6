"""The demo's page: people to choose, a chat, and a small office.com in which to do what the bot says."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from sandbox.channel import Chat, Shown
from sandbox.faults import Fault
from sandbox.portraits import initials, portrait
from sandbox.tenant import Tenant
from sandbox.web import json_body, listen
from sandbox.world import THUMBNAILS, Person

_PAGE = Path(__file__).resolve().parent / "page"
_FILES = {"": "index.html", "app.js": "app.js", "style.css": "style.css"}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
VARIANTS = 6  # photos a person can choose from
_LONGEST_DELAY = 600.0  # seconds
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FAULTS: Mapping[str, Fault | None] = {
    "none": None,
    "throttled": Fault(429, retry_after="30"),
    "outage": Fault(500),
    "denied": Fault(403, code="Authorization_RequestDenied"),
}


class ChatPage:
    """Serves the page on plain http, for a browser on this machine only."""

    def __init__(self, tenant: Tenant, renderer: Mapping[str, Path]) -> None:
        self.tenant = tenant
        self.port = 0
        self._renderer = renderer
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        """Listen. Raises OSError if the port is taken."""
        app = web.Application(middlewares=[_guard], client_max_size=64 * 1024)
        app.router.add_get("/{name:(app.js|style.css)?}", self._file)
        app.router.add_get("/vendor/{name}", self._vendor)
        app.router.add_get("/api/people", self._people)
        app.router.add_get("/api/chat/{person}/events", self._events)
        app.router.add_post("/api/chat/{person}/{act:say|press|install}", self._chat)
        app.router.add_get("/api/office/{person}", self._office)
        app.router.add_post("/api/office/{person}/{act:tile|photo}", self._do)
        app.router.add_get("/api/picture/{person}/{side}", self._picture)
        app.router.add_post("/api/faults", self._faults)
        app.router.add_get("/api/tickets", self._tickets)
        self._runner, self.port = await listen(app, None, port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = _PAGE / _FILES[request.match_info["name"]]
        return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8")

    async def _vendor(self, request: web.Request) -> web.StreamResponse:
        path = self._renderer.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes(), content_type="text/javascript", charset="utf-8")

    def _person(self, request: web.Request) -> Person:
        found = self.tenant.world.person(request.match_info["person"])
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _people(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([
            {"id": one.id, "name": one.name, "about": one.about, "locale": one.locale, "platform": one.platform}
            for one in self.tenant.world.people
        ])  # fmt: skip

    # Chatting

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The chat so far, then what happens, as server-sent events."""
        chat = self.tenant.channel.chat(self._person(request).id)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **_HEADERS})
        await response.prepare(request)
        happening = chat.subscribe()
        following = asyncio.ensure_future(anext(happening))
        await asyncio.sleep(0)  # subscribed before the transcript is read: nothing falls between
        try:
            await _tell(response, {"type": "reset"})
            for shown in chat.messages:
                await _tell(response, _event("message", shown))
            while True:
                event = await following
                following = asyncio.ensure_future(anext(happening))
                await _tell(response, event)
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        person, document = self._person(request), await _document(request)
        chat = self.tenant.channel.chat(person.id)
        act: Callable[[Chat, dict[str, Any]], Any] = _ACTS[request.match_info["act"]]
        try:
            status = await act(chat, document)
        except (LookupError, TypeError, KeyError):
            raise web.HTTPBadRequest from None
        except (OSError, TimeoutError):
            status = 503
        return web.json_response({"status": status})

    # office.com

    async def _office(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        held = self.tenant.world.holdings(person.id)
        copies = sorted(held.copies.values(), key=lambda one: one.modified)
        return web.json_response({
            "microsoft365": held.photo.etag if held.photo.picture else "",
            "sharepoint": copies[-1].etag if copies else "",
            "waiting": max(0.0, held.due[0][0] - self.tenant.world.now()) if held.due else 0.0,
            "variants": VARIANTS,
        })  # fmt: skip

    async def _do(self, request: web.Request) -> web.StreamResponse:
        person, document = self._person(request), await _document(request)
        if request.match_info["act"] == "tile":
            delay = document.get("delay", 0)
            if not isinstance(delay, int | float) or not 0 <= delay <= _LONGEST_DELAY:
                raise web.HTTPBadRequest
            self.tenant.world.visit_sharepoint(person.id, float(delay))
        else:
            variant = document.get("variant")
            if not isinstance(variant, int) or not 0 <= variant < VARIANTS:
                raise web.HTTPBadRequest
            self.tenant.world.change_photo(person.id, variant)
        return await self._office(request)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        person, side = self._person(request), request.match_info["side"]
        held = self.tenant.world.holdings(person.id)
        copies = sorted(held.copies.values(), key=lambda one: one.modified)
        if side == "sharepoint" and copies:
            return web.Response(body=copies[-1].files["L"], content_type="image/jpeg")
        variant = side.removeprefix("variant-")
        if side != variant and variant.isdecimal() and int(variant) < VARIANTS:
            return _png(portrait(person.id, variant=int(variant)))
        if side == "microsoft365" and held.photo.picture is not None:
            return _png(held.photo.picture)
        return _png(
            initials("".join(part[0] for part in person.upn.partition("@")[0].split(".")).upper(), THUMBNAILS["M"])
        )

    # For testers

    async def _faults(self, request: web.Request) -> web.StreamResponse:
        document = await _document(request)
        name = document.get("graph", "none")
        if name not in _FAULTS:
            raise web.HTTPBadRequest
        self.tenant.world.faults.graph_always = _FAULTS[name]
        self.tenant.world.faults.site_grant = bool(document.get("grant", True))
        return web.json_response({"graph": name})

    async def _tickets(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([{"number": one.number, **one.body} for one in self.tenant.helpdesk.tickets])


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


async def _install(chat: Chat, document: dict[str, Any]) -> int:
    del document
    return max(await chat.install())


_ACTS = {"say": _say, "press": _press, "install": _install}


@web.middleware
async def _guard(request: web.Request, handler: Any) -> web.StreamResponse:
    """Loopback names only, so that no page elsewhere can reach in; JSON only, likewise."""
    host = (request.host or "").rpartition(":")[0] or request.host
    if host not in ("127.0.0.1", "localhost"):
        raise web.HTTPForbidden
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    if request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
        raise web.HTTPForbidden
    response: web.StreamResponse = await handler(request)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


async def _document(request: web.Request) -> dict[str, Any]:
    found = await json_body(request)
    if not isinstance(found, dict):
        raise web.HTTPBadRequest
    return found


def _event(kind: str, shown: Shown) -> dict[str, Any]:
    return {"type": "mine" if shown.mine else kind, "id": shown.id, "activity": shown.activity}


async def _tell(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


def _png(picture: Image.Image) -> web.Response:
    out = io.BytesIO()
    picture.resize((160, round(160 * picture.height / picture.width)), Image.Resampling.LANCZOS).save(out, "PNG")
    return web.Response(body=out.getvalue(), content_type="image/png")
