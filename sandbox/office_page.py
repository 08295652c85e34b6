"""The demo's small office.com: what each side holds of a person, what the person does there, what testers let fail."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from PIL import Image

from sandbox.faults import Fault
from sandbox.photos import VARIANTS, photo
from sandbox.portraits import initials
from sandbox.tenant import Tenant
from sandbox.web import json_body
from sandbox.world import Copy, Holdings, Person

_BEGINNINGS = (0, 3)  # the photos that most people's stories begin with
_LONGEST_DELAY = 600.0  # seconds
_SIDE = 240  # pixels of a picture on the page, which is sharp on dense screens too
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

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/api/office/{person}", self._office)
        app.router.add_post("/api/office/{person}/{act:tile|photo}", self._do)
        app.router.add_get("/api/picture/{person}/{side}", self._picture)
        app.router.add_get("/api/faults", self._failing)
        app.router.add_post("/api/faults", self._fail)
        app.router.add_get("/api/tickets", self._tickets)

    async def _held(self, request: web.Request) -> tuple[Person, Holdings]:
        person = found(self._tenant, request)
        for variant in _BEGINNINGS:
            await self._drawn(person, variant)
        return person, self._world.holdings(person.id)

    async def _drawn(self, person: Person, variant: int) -> Image.Image:
        # Not in the loop that the bot runs in too.
        return await asyncio.to_thread(photo, person.id, variant)

    async def _office(self, request: web.Request) -> web.StreamResponse:
        _, held = await self._held(request)
        copy = _newest(held)
        return web.json_response({
            "microsoft365": held.photo.etag if held.photo.picture else "",
            "sharepoint": copy.etag if copy else "",
            "copied": copy.modified.isoformat() if copy else "",
            "waiting": max(0.0, held.due[0][0] - self._world.now()) if held.due else 0.0,
            "variants": VARIANTS,
        })  # fmt: skip

    async def _do(self, request: web.Request) -> web.StreamResponse:
        person, _ = await self._held(request)
        document = await document_of(request)
        if request.match_info["act"] == "tile":
            delay = document.get("delay", 0)
            if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= _LONGEST_DELAY:
                raise web.HTTPBadRequest
            self._world.visit_sharepoint(person.id, float(delay))
        else:
            variant = document.get("variant", "")
            if variant is None:
                self._world.remove_photo(person.id)
            elif type(variant) is int and 0 <= variant < VARIANTS:
                await self._drawn(person, variant)
                self._world.change_photo(person.id, variant)
            else:
                raise web.HTTPBadRequest
        return await self._office(request)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        person, held = await self._held(request)
        side = request.match_info["side"]
        variant = side.removeprefix("variant-")
        if side != variant and variant.isdecimal() and int(variant) < VARIANTS:
            return await _png(await self._drawn(person, int(variant)))
        if side not in ("microsoft365", "sharepoint"):
            raise web.HTTPNotFound
        copy = _newest(held)
        if side == "sharepoint" and copy is not None:
            return web.Response(body=copy.files["L"], content_type="image/jpeg")
        if side == "microsoft365" and held.photo.picture is not None:
            return await _png(held.photo.picture)
        return await _png(initials(_letters(person), _SIDE))

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

    async def _tickets(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([{"number": one.number, **one.body} for one in self._tenant.helpdesk.tickets])


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


def _newest(held: Holdings) -> Copy | None:
    return max(held.copies.values(), key=lambda one: one.modified, default=None)


def _letters(person: Person) -> str:
    return "".join(part[0] for part in person.upn.partition("@")[0].split("."))


async def _png(picture: Image.Image) -> web.Response:
    return web.Response(body=await asyncio.to_thread(_encoded, picture), content_type="image/png")


def _encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    height = max(1, round(_SIDE * picture.height / picture.width))
    picture.resize((_SIDE, height), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()
