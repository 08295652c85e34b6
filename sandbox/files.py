"""The host that Graph's downloads lead to: addresses that need no token, and refuse one."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.web import HOST, act_out, listen
from sandbox.world import World

_LIFETIME = 3600.0  # seconds that an address is good for


class Files:
    """Serves what it was given to `keep`, on a port of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: dict[str, bytes] = {}  # by the secret part of the address
        self.requests: list[str] = []
        self.url = ""
        self._ends: dict[str, float] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, tls: Any) -> None:
        """Listen."""
        app = web.Application(middlewares=[self.world.trace.of("SharePoint's files")])
        app.router.add_get("/download/{name}", self._download)
        self._runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def keep(self, data: bytes, file: str) -> str:
        """An address under which the bytes of a file can be fetched for an hour."""
        now = self.world.now()
        while self._ends:
            oldest = next(iter(self._ends))
            if self._ends[oldest] > now:
                break
            del self.held[oldest], self._ends[oldest]
        name = secrets.token_urlsafe(16)
        self.held[name], self._ends[name] = data, now + _LIFETIME
        return f"{self.url}/download/{name}?file={quote(file)}"

    async def _download(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.requests.append(request.path)
        fault = self.world.faults.next("files", request.path)
        if fault is not None:
            return await act_out(fault, request)
        throttle = self.world.faults.throttle
        wait = throttle.wait(request.path) if throttle is not None and throttle.units else 0
        if wait:
            return web.Response(status=429, headers={"Retry-After": str(wait)})
        if "Authorization" in request.headers:
            return web.Response(status=401)  # a pre-authorised address refuses a second proof
        if name not in self.held or self._ends[name] <= self.world.now():
            return web.Response(status=401)
        return web.Response(body=self.held[name], content_type="image/jpeg")
