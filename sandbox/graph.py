"""Microsoft Graph, as far as the bot may use it: users, photos, sites, the hidden picture library, batches.

Everything else is 404, and what Graph refuses is refused: no token, no role, too many photo requests at once or requests in a while, system
drives that were not asked for, bodies that lack a field.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from sandbox.admin.catalog import Catalog
from sandbox.admin.directory import Call, Directory
from sandbox.asked import Asked
from sandbox.faults import Fault
from sandbox.files import Files
from sandbox.login import Login
from sandbox.sites import Sites
from sandbox.team_sites import TeamSites
from sandbox.users import AT_ONCE, Users, is_photo
from sandbox.web import HOST, act_out, changed, graph_error, json_body, listen, told
from sandbox.world import World

_VERSION, _BETA = "/v1.0", "/beta"
_MOST_PARTS = 20
_PART_FIELDS = {"id", "method", "url", "headers", "body"}
_PASSED_ON = ("Location", "ETag", "Retry-After")


class Graph:
    """Serves `/v1.0` and of `/beta` what is only there; `requests` are `GET /v1.0/...`, and `BATCHED /v1.0/...` for those inside a batch."""

    def __init__(self, world: World, login: Login) -> None:
        self.world = world
        self.login = login
        self.url = ""
        self.requests: list[str] = []
        self.files = Files(world)
        self._sites = Sites(world, self.files)
        self._team_sites = TeamSites(world)
        self._users = Users(world)
        self.directory: Directory | None = None
        self.catalog = Catalog(world)
        self._paths = (*self._users.paths(), *self._team_sites.paths(), *self._sites.paths())
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen, on one port for Graph and another for downloads."""
        app = web.Application(client_max_size=4 << 20, middlewares=[self.world.trace.of("Graph")])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"
        self._sites.base = self._users.base = self._team_sites.base = self.url + _VERSION
        await self.files.start(tls)

    async def stop(self) -> None:
        """Stop listening."""
        await self.files.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def photos_at_once(self) -> int:
        """The most photo requests that were in hand at once."""
        return self._users.photos_at_once

    @property
    def files_url(self) -> str:
        """Where downloads are."""
        return self.files.url

    @property
    def downloads(self) -> dict[str, bytes]:
        """What can be downloaded now, by the secret part of its address."""
        return self.files.held

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.url.raw_path)
        self.requests.append(f"{request.method} {path}")
        if self.world.faults.graph_seconds:
            await asyncio.sleep(self.world.faults.graph_seconds)
        fault = self.world.faults.next("graph", path)
        if fault is not None and fault.status and not fault.lost:
            return _named(told(fault))
        if fault is not None and not fault.lost:
            return await act_out(fault, request)
        claims = self.login.check(request.headers.get("Authorization", ""), self.url)
        if claims is None:
            return graph_error(401, "InvalidAuthenticationToken", {"WWW-Authenticate": "Bearer"})
        roles = frozenset(claims.get("roles", ()))
        if "scp" in claims:
            answer = await self._administered(request, path, claims)
            return _named(answer) if fault is None else await act_out(fault, request)
        if self.directory is not None and "/sites" in path:
            self.world.faults.site_grant = self.catalog.may_read(claims["appid"])
        if path == f"{_VERSION}/$batch":
            answer = await self._batch(request, roles)
        else:
            answer = await self._view(request.method, path, request.query, roles)
        answer = _named(changed(self.world.faults, path, answer))
        return answer if fault is None else await act_out(fault, request)

    async def _administered(self, request: web.Request, path: str, claims: Mapping[str, Any]) -> web.Response:
        """What a person with a role asks, through a tool that has some delegated permissions."""
        admin, scopes = self.login.admins.get(claims["oid"]), frozenset(claims["scp"].split())
        if admin is None or self.directory is None:
            return graph_error(401, "InvalidAuthenticationToken")
        known = False
        for method, pattern, needed, view in (*self.directory.paths(), *self.catalog.paths()):
            match = re.fullmatch(re.escape(_VERSION) + pattern, path)
            known = known or match is not None
            if match is None or method != request.method:
                continue
            if needed and not needed & scopes:
                return graph_error(403, "Authorization_RequestDenied", message="Insufficient privileges.")
            body = await request.read()
            return await view(Call(method, match, request.query, request.headers, body, admin, scopes))
        if known:
            return graph_error(405, "Request_BadRequest")
        return graph_error(404, "BadRequest", message="Resource not found for the segment.")

    async def _view(self, method: str, path: str, query: Mapping[str, str], roles: frozenset[str]) -> web.Response:
        throttle = self.world.faults.throttle
        wait = throttle.wait(path) if throttle is not None else 0
        if wait:
            return graph_error(429, "TooManyRequests", {"Retry-After": str(wait)})
        for one in self._paths:
            match = re.fullmatch((_BETA if one.beta else re.escape(_VERSION)) + one.pattern, path)
            if match is None:
                continue
            if method != "GET":
                return graph_error(405, "Request_BadRequest")
            if not roles & set(one.roles):
                return graph_error(403, one.denied)
            return await one.view(Asked(query, roles), match)
        return graph_error(404, "BadRequest", message="Resource not found for the segment.")

    async def _batch(self, request: web.Request, roles: frozenset[str]) -> web.Response:
        """POST /$batch: up to 20 requests, answered in any order, bodies that are not JSON in base64.

        They run side by side, photos four at a time: a batch of more does not run into its own limit, two batches do.
        """
        if request.method != "POST" or request.content_type != "application/json":
            return graph_error(400, "BadRequest")
        document = await json_body(request)
        asked = document.get("requests") if isinstance(document, dict) else None
        if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST_PARTS or not all(map(_is_part, asked)):
            return graph_error(400, "BadRequest", message="Invalid batch payload format.")
        if len({one["id"].lower() for one in asked}) < len(asked):
            return graph_error(400, "BadRequest", message="Two requests have the same id.")
        photos = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*(self._part(one, roles, photos) for one in asked))
        random.shuffle(answers)
        return web.json_response({"responses": answers})

    async def _part(self, one: dict[str, str], roles: frozenset[str], photos: asyncio.Semaphore) -> dict[str, Any]:
        parts = urlsplit(one["url"])
        path = _VERSION + unquote(parts.path)
        self.requests.append(f"BATCHED {path}")
        begun = time.time()
        fault = self.world.faults.inside(path)
        if fault is not None:
            answer = told(fault if fault.status else Fault(504, code="UnknownError"))
        else:
            async with photos if is_photo(path.removeprefix(_VERSION)) else nullcontext():
                answer = await self._view(one["method"].upper(), path, dict(parse_qsl(parts.query)), roles)
            answer = changed(self.world.faults, path, answer)
        self.world.trace.add("Graph", one["method"], _VERSION + one["url"], answer.status, begun, batched=True)
        headers = {name: value for name, value in answer.headers.items() if name in _PASSED_ON}
        document: dict[str, Any] = {"id": one["id"], "status": answer.status, "headers": headers}
        raw = answer.body if isinstance(answer.body, bytes) else b""
        if raw:
            headers["Content-Type"] = answer.content_type
            document["body"] = (
                json.loads(raw) if answer.content_type == "application/json" else base64.b64encode(raw).decode()
            )
        return document


def _named(answer: web.Response) -> web.Response:
    """With Graph's own name of the request, which every answer has."""
    answer.headers["request-id"] = str(uuid.uuid4())
    return answer


def _is_part(one: Any) -> bool:
    """Whether Graph takes it as one request of a batch; batches within batches and an order among them are not ours."""
    return (
        isinstance(one, dict)
        and set(one) <= _PART_FIELDS
        and all(isinstance(one.get(name), str) and one[name] for name in ("id", "method", "url"))
        and one["url"].startswith("/")
        and not one["url"].startswith("/$batch")
    )
