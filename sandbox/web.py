"""What the pretend servers share: starting on a free loopback port, error documents, acting out faults."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.faults import Fault

HOST = "localhost"
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def listen(app: web.Application, tls: ssl.SSLContext | None, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve on 127.0.0.1; returns what to clean up, and the port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


def graph_error(status: int, code: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Graph's and the connector's error document."""
    body = {"error": {"code": code, "message": f"{code}.", "innerError": {"request-id": "sandbox"}}}
    return web.json_response(body, status=status, headers=headers)


async def act_out(fault: Fault, request: web.Request) -> web.StreamResponse:
    """Answer as the fault says."""
    if fault.status:
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        if fault.body:
            headers["Content-Type"] = fault.content_type
            return web.Response(status=fault.status, body=fault.body, headers=headers)
        return graph_error(fault.status, fault.code or "generalException", headers)
    if fault.kind == "hang":
        await asyncio.sleep(60)
    if fault.kind == "slow":
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(60):
            await response.write(b" ")
            await asyncio.sleep(1)
        return response
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def json_body(request: web.Request) -> Any:
    """The body as JSON; None if it is none."""
    try:
        return json.loads(await request.read())
    except ValueError:
        return None
