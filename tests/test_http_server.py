"""Connections that only take up room: closed in time, and nobody else waits for them. Over real sockets."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web

from bot.app import until_signal
from bot.http_server import HttpServer
from tests.chatting import scene, step

HEAD = b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("seconds", "0")))
    return web.Response(text="hello")


async def long(_: web.Request) -> web.Response:
    return web.Response(text="long" * 4_000_000)  # more than the system's buffers take


@asynccontextmanager
async def server(most: int = 50, idle: float = 1.0) -> AsyncIterator[tuple[int, list[str]]]:
    """Its port, and a list of the reasons for which connections were closed."""
    site, closed = web.Application(), list[str]()
    site.router.add_get("/", hello)
    site.router.add_get("/long", long)
    running = HttpServer(site, grace=0.5, closed=closed.append, most=most, idle=idle)
    port = await running.start("127.0.0.1", 0)
    try:
        yield port, closed
    finally:
        await running.stop()


async def connect(port: int, sent: bytes = b"") -> Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def until_closed(connection: Connection, seconds: float) -> float:
    """Seconds until the other side closed."""
    begun = time.monotonic()
    async with asyncio.timeout(seconds):
        try:
            while await connection[0].read(4_096):
                pass
        except ConnectionError:
            pass
    connection[1].close()
    return time.monotonic() - begun


async def _after_an_answer(port: int) -> Connection:
    connection = await connect(port, b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n")
    await connection[0].readuntil(b"hello")
    return connection


async def _half_a_second_head(port: int) -> Connection:
    reader, writer = await _after_an_answer(port)
    writer.write(b"GET / HT")
    await writer.drain()
    return reader, writer


IDLE: dict[str, Callable[[int], Awaitable[Connection]]] = {
    "sends nothing": connect,
    "half a head": lambda port: connect(port, HEAD),
    "half a line": lambda port: connect(port, b"PO"),
    "blank lines": lambda port: connect(port, b"\r\n\r\n"),
    "after an answer": _after_an_answer,
    "half a head after an answer": _half_a_second_head,
}


@pytest.mark.parametrize("how", IDLE)
async def test_a_connection_without_a_whole_request_is_closed(how: str) -> None:
    async with server() as (port, closed):
        assert await until_closed(await IDLE[how](port), 8) < 6
        (await connect(port))[1].close()  # who goes by themselves is not counted
        await asyncio.sleep(0.05)
        assert closed == ["idle"]
    assert closed == ["idle"]


async def test_a_head_that_drips_gains_no_time() -> None:
    async with server() as (port, _):
        connection = await connect(port, HEAD)

        async def drip() -> None:
            for _ in range(40):
                connection[1].write(b"X")
                await asyncio.sleep(0.2)

        dripping = asyncio.create_task(drip())
        assert await until_closed(connection, 8) < 6
        dripping.cancel()


UNREAD = {
    "many requests": b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n" * 1_000_000,
    "one long answer": b"GET /long HTTP/1.1\r\nHost: bot\r\n\r\n",
    "the last answer": b"GET /long HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("sent", UNREAD.values(), ids=UNREAD)
def test_who_reads_no_answer_is_closed_and_others_are_served(
    sent: bytes, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def unread() -> None:
        async with server() as (port, closed), aiohttp.ClientSession() as session:
            with socket.create_connection(("127.0.0.1", port)) as deaf:
                deaf.setblocking(False)
                sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(deaf, sent))
                async with asyncio.timeout(20):
                    while not closed:
                        async with session.get(f"http://127.0.0.1:{port}/") as answer:
                            assert await answer.text() == "hello"
                        await asyncio.sleep(0.05)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            assert closed == ["idle"]

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(unread())


async def test_who_reads_no_answer_makes_room_for_others() -> None:
    async with server(most=10, idle=60) as (port, closed):
        held = [await connect(port, UNREAD["one long answer"]) for _ in range(30)]
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
            assert await answer.text() == "hello"
        await asyncio.sleep(0.5)
        assert closed.count("connections") == 21
        for _, writer in held:
            writer.close()


async def test_a_long_answer_that_is_read_slowly_arrives_whole() -> None:
    async with server() as (port, closed), aiohttp.ClientSession(read_bufsize=4_096) as session:
        async with session.get(f"http://127.0.0.1:{port}/long") as answer:
            found = 0
            async for part in answer.content.iter_chunked(1_000_000):
                found += len(part)
                await asyncio.sleep(0.02)
            assert found == 16_000_000
        assert closed == []


async def test_a_request_that_takes_longer_is_answered() -> None:
    async with server(idle=0.5) as (port, _):
        connection = await connect(port, b"GET /?seconds=2 HTTP/1.1\r\nHost: bot\r\n\r\n")
        async with asyncio.timeout(8):
            assert await connection[0].readuntil(b"hello")
        connection[1].close()


async def test_beyond_so_many_connections_those_make_room_that_do_nothing() -> None:
    async with server(most=50, idle=60) as (port, closed), aiohttp.ClientSession() as session:
        busy = asyncio.create_task(session.get(f"http://127.0.0.1:{port}/?seconds=3"))
        await asyncio.sleep(0.1)
        held = [await connect(port, HEAD if number % 2 else b"") for number in range(300)]
        begun = time.monotonic()
        for _ in range(10):
            async with aiohttp.ClientSession() as newcomer, newcomer.get(f"http://127.0.0.1:{port}/") as answer:
                assert await answer.text() == "hello"
        assert time.monotonic() - begun < 5  # tenths of a second on a quiet machine
        assert closed.count("connections") >= 250
        async with await busy as answer:
            assert await answer.text() == "hello"  # older than all of them, and at a request
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_burst_opens_no_more_connections_than_there_may_be(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def burst() -> None:
        async with server(most=10, idle=60) as (port, closed):
            sockets = [socket.socket() for _ in range(200)]
            for one in sockets:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))  # all before the server is at its turn
            ends = [asyncio.create_task(_ended(one)) for one in sockets]
            async with asyncio.timeout(60):
                for _, one in zip(range(190), asyncio.as_completed(ends), strict=False):
                    await one
            assert sum(one.done() for one in ends) == 190
            async with aiohttp.ClientSession() as newcomer, newcomer.get(f"http://127.0.0.1:{port}/") as answer:
                assert await answer.text() == "hello"
            assert closed == ["connections"] * 191
        await asyncio.gather(*ends)  # the rest too, with the server

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(burst())


async def _ended(connection: socket.socket) -> None:
    """The other side has closed."""
    with connection, suppress(ConnectionError):
        assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""


async def test_people_are_served_while_300_connections_are_held() -> None:
    async with scene() as stage:
        chat = stage.chat("old")
        held = [await connect(stage.bot.port, HEAD) for _ in range(300)]
        begun = time.monotonic()
        assert await chat.say("menu") == 200
        assert time.monotonic() - begun < 5
        assert step(chat) == "desk.menu"
        for _, writer in held:
            writer.close()


async def test_a_flood_of_malformed_requests_is_a_line_a_kind(caplog: pytest.LogCaptureFixture) -> None:
    malformed = [b"\x16\x03\x01 not HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n"]  # fmt: skip
    with caplog.at_level(logging.INFO):
        async with server() as (port, _):
            for _ in range(10):
                for sent in malformed:
                    await until_closed(await connect(port, sent), 8)
    lines = [record.getMessage() for record in caplog.records if record.name == "aiohttp.server"]
    assert len(lines) <= len(malformed)
    assert not any(record.exc_info for record in caplog.records)


async def test_a_person_who_writes_without_pause_keeps_nobody_waiting() -> None:
    async with scene(PHOTOSYNC_TURNS_AT_ONCE="3") as stage:
        stage.tenant.world.faults.graph_seconds = 0.3
        flood = [asyncio.create_task(stage.chat("old").say("look at my photos")) for _ in range(60)]
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        assert await stage.chat("match").say("menu") == 200
        assert time.monotonic() - begun < 5
        answers = await asyncio.gather(*flood)
        assert set(answers) <= {200, 202, 503}  # what is not worked on is not acknowledged: it comes again
        refused = await stage.metric('photosync_refused_total{reason="too_many"}')
        assert refused == answers.count(503) >= 50


NO_REQUESTS = {
    "a head with line feeds alone": b"POST /api/messages HTTP/1.1\nAuthorization: Bearer canary-token\n\n",
    "a NUL in a header": b"POST / HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer canary-token\x00\r\n\r\n",
    "no HTTP": b"\x16\x03\x01canary-token\r\n\r\n",
    "a blank in a name": b"POST / HTTP/1.1\r\nHost: bot\r\nAuthorization : Bearer canary-token\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: bot\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: canary-token\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_is_refused_without_a_word_and_counted(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with server() as (port, closed):
        for _ in range(3):
            reader, writer = await connect(port, sent)
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
            assert answer.partition(b"\r\n\r\n")[2] == b""
            assert b"canary" not in answer
    assert closed.count("malformed") == 3
    assert "canary" not in caplog.text


async def test_whatever_fails_at_the_end_the_rest_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene() as stage:

        async def stop() -> None:
            raise LookupError("what a person wrote")

        monkeypatch.setattr(stage.bot.endpoint, "stop", stop)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert f"closing failed: LookupError at {__file__}" in caplog.text
    assert "what a person wrote" not in caplog.text


def test_a_loop_without_signals_is_ended_by_one_all_the_same() -> None:
    class Windows(asyncio.SelectorEventLoop):
        def add_signal_handler(self, *_: object) -> None:
            raise NotImplementedError

    async def told() -> None:
        ended = asyncio.create_task(until_signal())
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            await ended

    before = signal.getsignal(signal.SIGTERM)
    with asyncio.Runner(loop_factory=Windows) as runner:
        runner.run(told())
    assert signal.getsignal(signal.SIGTERM) is before


async def test_what_nohup_started_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = asyncio.create_task(until_signal())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        assert not ended.done()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            await ended
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_metrics_are_shown_while_the_database_hangs(tmp_path: Path) -> None:
    file = tmp_path / "photosync.db"
    async with scene(PHOTOSYNC_DATABASE_URL=f"sqlite:///{file}") as stage:
        other = sqlite3.connect(file)
        other.execute("BEGIN IMMEDIATE")
        stage.bot.endpoint._metrics.installation.add("photosync_cases", "resolved", 1)
        async with asyncio.timeout(12):  # the lock is waited for five seconds
            for _ in range(4):
                assert (await stage.get("/metrics"))[0] == 200
        other.rollback()
        other.close()


async def test_a_fault_of_ours_in_an_answer_to_operators_is_a_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene() as stage:

        async def ready() -> bool:
            raise LookupError("what a person wrote")

        monkeypatch.setattr(stage.bot.store, "ready", ready)
        assert await stage.get("/readyz") == (500, "")
        assert f"request failed: LookupError at {__file__}" in caplog.text
        assert "what a person wrote" not in caplog.text
