"""What goes out by HTTP: whatever the library lets through is a system that cannot be reached."""

from __future__ import annotations

import gc
import logging
import ssl
import weakref
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.errors import Outage
from bot.http_client import NEVER, HttpClient, Retry
from bot.settings import read
from sandbox.web import listen
from tests.test_settings import GOOD

# Seen in public reports beside aiohttp's own errors: of uvloop, of OpenSSL, of a decoder, of a connection that is gone.
LET_THROUGH = [
    RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed: canary"),
    ssl.SSLError("canary"),
    zlib.error("canary"),
    AssertionError("canary"),
    AttributeError("canary"),
    UnicodeError("canary"),
    ConnectionResetError("canary"),
]


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text="here")


@pytest.fixture
async def address() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", _answer)
    runner, port = await listen(app, None)
    yield f"http://127.0.0.1:{port}/"
    await runner.cleanup()


@pytest.mark.parametrize("error", LET_THROUGH, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    "where", [(aiohttp.TCPConnector, "connect"), (aiohttp.ClientResponse, "read")], ids=lambda one: one[1]
)
async def test_whatever_is_let_through_is_an_outage_and_the_next_request_works(
    address: str,
    where: tuple[type, str],
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries = 0

    async def broken(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise error

    client = HttpClient.from_settings(read(GOOD))
    try:
        with monkeypatch.context() as patch, caplog.at_level(logging.DEBUG, "bot"):
            patch.setattr(*where, broken)
            with pytest.raises(Outage) as told:
                await client.request("GET", address, system="graph", timeout=30.0, retry=Retry(attempts=2))
        assert tries == 2
        assert str(told.value) in (f"graph: {type(error).__name__}", "graph: ClientOSError")  # as aiohttp calls some
        assert "canary" not in caplog.text
        answer = await client.request("GET", address, system="graph", timeout=30.0, retry=NEVER)
        assert answer.body == b"here"
    finally:
        await client.close()


async def test_a_failure_is_let_go_at_once_with_all_that_hangs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise aiohttp.ServerDisconnectedError

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", broken)
    client = HttpClient.from_settings(read(GOOD))
    gone = None
    gc.disable()
    try:
        try:
            await client.request("GET", "http://127.0.0.1:9/", system="graph", timeout=30.0, retry=NEVER)
        except Outage as error:
            gone = weakref.ref(error)
        assert gone is not None
        assert gone() is None
    finally:
        gc.enable()
        await client.close()
