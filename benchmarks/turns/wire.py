"""HTTP/1.1 as the driver speaks it: no framework, so that the driver costs far less than any bot it drives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from httptools import HttpRequestParser, HttpResponseParser


class Asked(NamedTuple):
    """One request of a bot."""

    method: str
    path: str
    authorization: str
    body: bytes


Answering = Callable[[Asked], tuple[int, bytes]]


class ServerProtocol(asyncio.Protocol):
    """One connection of a bot to the connector; `answer` gives status and JSON of each request."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._begin()

    def _begin(self) -> None:
        self._path = b""
        self._authorization = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    # Called by the parser

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 13 and name.lower() == b"authorization":
            self._authorization = value

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        status, body = self._answer(
            Asked(method, self._path.decode(), self._authorization.decode(), b"".join(self._body))
        )
        self._begin()
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


class Client(asyncio.Protocol):
    """One connection to a bot, kept open; one request at a time."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[int] | None = None

    @classmethod
    async def connect(cls, port: int) -> Client:
        """To a bot on this machine. Raises OSError."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Send a whole request; the future is the answer's status."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Close."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the bot closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._parser.get_status_code())
