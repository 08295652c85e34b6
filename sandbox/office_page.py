"""The demo's small office.com: what each side holds of a person, what the person does there, what testers let fail."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from PIL import Image, ImageOps

from sandbox.encoding import jpeg
from sandbox.faults import Fault
from sandbox.photos import VARIANTS, photo
from sandbox.portraits import initials
from sandbox.tenant import Tenant
from sandbox.web import json_body
from sandbox.world import Copy, Holdings, Person

_BEGINNINGS = (0, 3)  # the photos that most people's stories begin with
_LONGEST_DELAY = 600.0  # seconds
_SIDES = (96, 240)  # pixels of a picture on the page
_LARGEST_FILE = 1024 * 1024  # bytes of a photo of one's own; the page makes it smaller before it sends it
_MOST_PIXELS = 4_000_000
_KEPT_SIDE = 648  # pixels: as large as Exchange keeps photos
_FOREVER = "private, max-age=31536000, immutable"
_FAULTS: Mapping[str, Fault | None] = {
    "none": None,
    "throttled": Fault(429, retry_after="30"),
    "outage": Fault(500),
    "denied": Fault(403, code="Authorization_RequestDenied"),
}


class OfficePage:
    """The routes of it; `add_to` puts them into the page's server."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._world = tenant.world
        self._graph_fault = "none"
        self._drawing = asyncio.Semaphore(1)  # pictures at once: a page full of them must not slow the bot down

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/api/office/{person}/{act:tile|photo}", self._do)
        app.router.add_get("/api/picture/{person}/{side}", self._picture)
        app.router.add_get("/api/faults", self._failing)
        app.router.add_post("/api/faults", self._fail)

    async def state(self, person: Person) -> dict[str, Any]:
        """What each side has, as names of the photos, `` for none; `due` is when the next copy is made, in seconds
        since 1970, or 0; `direct` says that SharePoint shows Microsoft 365's photo itself and makes no copy."""
        held = await self._held(person)
        copy = _newest(held)
        return {
            "microsoft365": held.photo.etag.strip('"') if held.photo.picture else "",
            "sharepoint": copy.etag.strip('"') if copy else "",
            "due": held.due[0][0] if held.due else 0,
            "direct": not held.photo.in_exchange,
        }

    async def _held(self, person: Person) -> Holdings:
        for variant in _BEGINNINGS:
            await _taken(person, variant)
        return self._world.holdings(person.id)

    async def _do(self, request: web.Request) -> web.StreamResponse:
        person = found(self._tenant, request)
        await self._held(person)
        document = await document_of(request)
        if request.match_info["act"] == "tile":
            delay = document.get("delay", 0)
            if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= _LONGEST_DELAY:
                raise web.HTTPBadRequest
            self._world.visit_sharepoint(person.id, float(delay))
        else:
            await self._change(person, document)
        return web.json_response(await self.state(person))

    async def _change(self, person: Person, document: dict[str, Any]) -> None:
        """`file` (base64) is a picture of one's own, `variant` the number of a photo or null for none."""
        if "file" in document:
            picture = await asyncio.to_thread(_picture_in, document["file"])
            if picture is None:
                raise web.HTTPUnprocessableEntity
            self._world.change_photo(person.id, picture)
            return
        variant = document.get("variant", "")
        if variant is None:
            self._world.remove_photo(person.id)
        elif type(variant) is int and 0 <= variant < VARIANTS:
            await _taken(person, variant)
            self._world.change_photo(person.id, variant)
        else:
            raise web.HTTPBadRequest

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        person, side = found(self._tenant, request), request.match_info["side"]
        pixels = request.query.get("size", "240")
        if not pixels.isdecimal() or int(pixels) not in _SIDES:
            raise web.HTTPBadRequest
        async with self._drawing:
            data = await self._file(person, side, int(pixels))
        # The page names what it wants to see by what is held: under one address there is always the same picture.
        caching = {"Cache-Control": _FOREVER} if "of" in request.query else None
        return web.Response(body=data, content_type="image/jpeg", headers=caching)

    async def _file(self, person: Person, side: str, pixels: int) -> bytes:
        variant = side.removeprefix("variant-")
        if side != variant and variant.isdecimal() and int(variant) < VARIANTS:
            return await _encoded(await _taken(person, int(variant)), pixels)
        if side not in ("microsoft365", "sharepoint", "none"):
            raise web.HTTPNotFound
        held = await self._held(person)
        copy = _newest(held)
        if side == "sharepoint" and copy is not None:
            return copy.files["L"]
        if side == "microsoft365" and held.photo.picture is not None:
            return await _encoded(held.photo.picture, pixels)
        return await _encoded(initials(_letters(person), pixels), pixels)

    async def _failing(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"graph": self._graph_fault, "grant": self._world.faults.site_grant})

    async def _fail(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        graph, grant = document.get("graph", self._graph_fault), document.get("grant", self._world.faults.site_grant)
        if not isinstance(graph, str) or graph not in _FAULTS or not isinstance(grant, bool):
            raise web.HTTPBadRequest
        self._graph_fault = graph
        self._world.faults.graph_always = _FAULTS[graph]
        self._world.faults.site_grant = grant
        return await self._failing(request)


def found(tenant: Tenant, request: web.Request) -> Person:
    """The person a request is about; else 404."""
    person = tenant.world.person(request.match_info["person"])
    if person is None:
        raise web.HTTPNotFound
    return person


async def document_of(request: web.Request) -> dict[str, Any]:
    """The JSON object in a request; else 400."""
    document = await json_body(request)
    if not isinstance(document, dict):
        raise web.HTTPBadRequest
    return document


async def _taken(person: Person, variant: int) -> Image.Image:
    """One of the person's photos; not read in the loop that the bot runs in too."""
    return await asyncio.to_thread(photo, person.id, variant)


def _newest(held: Holdings) -> Copy | None:
    return max(held.copies.values(), key=lambda one: one.modified, default=None)


def _letters(person: Person) -> str:
    return "".join(part[0] for part in person.upn.partition("@")[0].split("."))


async def _encoded(picture: Image.Image, pixels: int) -> bytes:
    height = max(1, round(pixels * picture.height / picture.width))
    return await asyncio.to_thread(jpeg, picture, (pixels, height), quality=85)


def _picture_in(text: object) -> Image.Image | None:
    """The picture in a file, its middle square as Exchange keeps it; None if there is none that can be used."""
    try:
        data = base64.b64decode(str(text), validate=True)
        if len(data) > _LARGEST_FILE:
            return None
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as file:
            if file.width * file.height > _MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(file).convert("RGB")
    except (binascii.Error, OSError, ValueError, SyntaxError):
        return None
    return ImageOps.fit(upright, (_KEPT_SIDE, _KEPT_SIDE), Image.Resampling.LANCZOS)
