"""What the pretend servers share: starting on a free loopback port, error documents, acting out faults."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.faults import Fault, Faults

HOST = "localhost"
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SLOW = 60  # seconds that a hanging or dripping answer takes


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


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def graph_error(status: int, code: str, headers: Mapping[str, str] | None = None, *, message: str = "") -> web.Response:
    """Graph's and the connector's error document."""
    inner = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "request-id": str(uuid.uuid4()),
        "client-request-id": str(uuid.uuid4()),
    }
    body = {"error": {"code": code, "message": message or f"{code}.", "innerError": inner}}
    return web.json_response(body, status=status, headers=headers)


def told(fault: Fault) -> web.Response:
    """The answer of a fault that has a status."""
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    if fault.body:
        headers["Content-Type"] = fault.content_type
        return web.Response(status=fault.status, body=fault.body, headers=headers)
    return graph_error(fault.status, fault.code or "generalException", headers)


def changed(faults: Faults, path: str, answer: web.Response) -> web.Response:
    """The answer as `Faults.change` makes it."""
    if faults.change is None or answer.content_type != "application/json" or not isinstance(answer.body, bytes):
        return answer
    return web.json_response(faults.change(path, json.loads(answer.body)), status=answer.status)


async def act_out(fault: Fault, request: web.Request) -> web.StreamResponse:
    """Answer as the fault says."""
    if fault.status:
        return told(fault)
    if fault.kind in _DRIPPING:
        return await _DRIPPING[fault.kind](request)
    if fault.kind == "hang":
        await asyncio.sleep(_SLOW)
    _break(request)
    return web.Response()


async def _slow(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(_SLOW):
        await response.write(b" ")
        await asyncio.sleep(1)
    return response


async def _short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"id": ')
    _break(request)
    return response


def _break(request: web.Request) -> None:
    # The client may have gone by itself meanwhile.
    if request.transport is not None:
        request.transport.abort()


_DRIPPING: Mapping[str, Route] = {"slow": _slow, "short": _short}


async def json_body(request: web.Request) -> Any:
    """The body as JSON; None if it is none, or who sent it has gone meanwhile."""
    try:
        return json.loads(await request.read())
    except (ValueError, ConnectionError):
        return None
