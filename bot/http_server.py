"""Between the network and the routes: how long a connection may say nothing, how many there may be, what is logged.

A connection that sends nothing, half a head, or nothing after an answer is closed after `IDLE_TIMEOUT`: aiohttp's
keep-alive timer runs from the start of a connection and is not set back by bytes that are no whole request. Bodies have
`BODY_TIMEOUT` where they are read. That alone does not help against many connections at once, since a process may only
have so many files open, and one that has none left accepts nobody. So beyond `_most_connections` the oldest connection
that is not at a request is closed for each new one: who sends requests is served, who only holds a connection loses it
first. Where all are at a request, the new one is closed.

Who sends requests and reads no answer would hold a connection for ever: aiohttp waits until an answer is taken, and a
transport that is closed waits for that too. So an answer has `IDLE_TIMEOUT` to be taken, and goes with its connection.

A request that is no HTTP is refused by its status alone. aiohttp's own page repeats the head, and with it the token
that may be there.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, cast
from weakref import WeakSet

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

log = logging.getLogger(__name__)

IDLE_TIMEOUT = 25.0  # seconds
BODY_TIMEOUT = 10.0  # seconds for a body to arrive, once its head has
_MOST_CONNECTIONS = 4_000
_SPARE_FILES = 256  # for the database, outgoing connections and logs
_LOG_INTERVAL = 60.0  # seconds between two log lines about malformed requests of one kind
_BACKLOG = 1_024


class HttpServer:
    """An application that listens on one port. `closed(reason)` is called for each connection that the server closes by
    itself: `idle` after `idle` seconds of silence or of an answer not read, `connections` to make room for a new one,
    `malformed` after what is no request."""

    def __init__(
        self,
        app: web.Application,
        *,
        grace: float,
        closed: Callable[[str], object],
        most: int | None = None,
        idle: float = IDLE_TIMEOUT,
    ) -> None:
        # Compressed bodies are refused, so none is unpacked, to any size, only to be thrown away.
        self._runner = _Runner(
            app, access_log=None, shutdown_timeout=grace, keepalive_timeout=idle, auto_decompress=False
        )
        self._runner.most = most or _most_connections()
        self._runner.closed = closed

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises OSError if it cannot be had."""
        await self._runner.setup()
        for logger in (log, logging.getLogger("aiohttp.server")):
            if not any(isinstance(one, _OncePerInterval) for one in logger.filters):
                logger.addFilter(_OncePerInterval())
        await web.TCPSite(self._runner, host, port, backlog=_BACKLOG).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Take no more requests, wait for those under way, close every connection."""
        self._runner.stopping = True
        await self._runner.cleanup()


class _Runner(web.AppRunner):
    """Makes room for a new connection where there are too many, and counts those that are closed."""

    most: int
    closed: Callable[[str], object]
    stopping = False

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, **options)
        # Many are accepted in one round of the loop, before aiohttp hears of the first of them, and those that are
        # closed are among its connections until the next round.
        self.accepted = WeakSet[_Connection]()
        self.made_room = set[Any]()  # connections that are being closed for a new one

    @property
    def server(self) -> Any:
        """What the listening socket calls for the protocol of each new connection."""
        server = super().server
        if server is None:
            return None

        def accept() -> asyncio.Protocol:
            if len(self.accepted) - len(self.made_room) >= self.most and not self._make_room(server.connections):
                self.closed("connections")
                return _NoRoom()
            options = server._kwargs  # noqa: SLF001 - what aiohttp's own server gives its connections
            connection = _Connection(server, loop=asyncio.get_running_loop(), **options)
            connection.refused = lambda: self.closed("malformed")
            self.accepted.add(connection)
            return connection

        return accept

    def _make_room(self, connections: Iterable[Any]) -> bool:
        """Close the oldest connection that is not at a request; whether there was one."""
        for one in connections:
            open_ = one in self.accepted and one not in self.made_room
            if open_ and getattr(one, "_current_request", None) is None:
                self.made_room.add(one)
                one.abort(one.transport)
                return True
        return False

    async def _make_server(self) -> Any:
        server = await super()._make_server()
        lost = server.connection_lost

        def connection_lost(connection: Any, exc: BaseException | None = None) -> None:
            lost(connection, exc)
            self.accepted.discard(connection)
            if connection in self.made_room:
                self.made_room.discard(connection)
                self.closed("connections")
            # aiohttp has set this where its keep-alive timer ran out, and not where the other side closed.
            elif getattr(connection, "_force_close", False) and not self.stopping:
                self.closed("idle")

        server.connection_lost = connection_lost  # type: ignore[assignment, method-assign]
        return server


class _NoRoom(asyncio.Protocol):
    """A connection that is closed as soon as it is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Connection(RequestHandler):
    """aiohttp's, but for what it says to a request that it does not understand, and for answers that nobody reads."""

    refused: Callable[[], object]
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # It pauses whenever a byte is not taken at once.
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=0)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._loop.call_later(self.keepalive_timeout, self.abort, self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_unread()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_unread()
        super().connection_lost(exc)

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def abort(self, transport: asyncio.Transport | None) -> None:
        """Close at once, whatever has not been read."""
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        log.warning("malformed requests are refused")
        self.refused()
        response = web.Response(status=status)
        response.force_close()
        return response


class _OncePerInterval(logging.Filter):
    """Malformed requests, which anybody can send: one line a minute for each kind, without a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        raised = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        kind = raised or str(record.msg)
        record.msg, record.args = f"{record.getMessage()}: {raised}" if raised else record.getMessage(), ()
        record.exc_info = record.exc_text = None
        now = time.monotonic()
        if now - self._logged_at.get(kind, float("-inf")) < _LOG_INTERVAL:
            return False
        self._logged_at[kind] = now
        return True


def _most_connections() -> int:
    """As many as the files that this process may open allow, after asking for more of them."""
    if sys.platform == "win32":
        return _MOST_CONNECTIONS
    import resource  # noqa: PLC0415 - not on every platform

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(64, min(_MOST_CONNECTIONS, soft - _SPARE_FILES)) if soft != resource.RLIM_INFINITY else _MOST_CONNECTIONS
