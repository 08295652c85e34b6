"""A pooler as pgbouncer in transaction mode: a client has a server's connection for the length of one transaction."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


async def _server(host: str, port: int, startup: bytes) -> tuple[_Pair, bytes]:
    """A connection that has signed in, and what the server said of itself meanwhile."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(startup)
    said = b""
    while True:
        message = await _message(reader)
        if message[:1] == b"S":
            said += message
        if message[:1] == b"E":
            raise ConnectionError(message)
        if message[:1] == b"Z":
            return (reader, writer), said


class _Pooler:
    """Few connections to one server for many clients of one database and user."""

    def __init__(self, host: str, port: int, size: int) -> None:
        self.address = host, port
        self.size = size
        self.free: asyncio.Queue[_Pair] = asyncio.Queue()
        self.opened: list[_Pair] = []
        self.said = b""

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._client(reader, writer)
        writer.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = await reader.readexactly(4)
        startup = length + await reader.readexactly(struct.unpack("!I", length)[0] - 4)
        while struct.unpack("!I", startup[4:8])[0] == 80877103:  # TLS? No.
            writer.write(b"N")
            length = await reader.readexactly(4)
            startup = length + await reader.readexactly(struct.unpack("!I", length)[0] - 4)
        while len(self.opened) < self.size:
            pair, self.said = await _server(*self.address, startup)
            self.opened.append(pair)
            self.free.put_nowait(pair)
        key = struct.pack("!cIII", b"K", 12, 1, 2)  # of no process that there is
        writer.write(struct.pack("!cII", b"R", 8, 0) + self.said + key + b"Z" + struct.pack("!I", 5) + b"I")
        first = await _message(reader)
        while first[:1] != b"X":
            pair = await self.free.get()
            try:
                following = await self._transaction(first, reader, writer, pair)
            finally:
                self.free.put_nowait(pair)
            first = following or await _message(reader)

    async def _transaction(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair
    ) -> bytes:
        """Returns what the client has already sent after it."""
        pair[1].write(first)
        ended = asyncio.Event()
        pending = 1 if first[:1] in b"QS" else 0  # Query and Sync are answered by ReadyForQuery

        async def answers() -> None:
            nonlocal pending
            while True:
                message = await _message(pair[0])
                writer.write(message)
                if message[:1] == b"Z":
                    pending -= 1
                    if message[5:6] == b"I" and pending <= 0:
                        ended.set()
                        return

        answering = asyncio.create_task(answers())
        finishing = asyncio.create_task(ended.wait())
        while not ended.is_set():
            asking = asyncio.create_task(_message(reader))
            await asyncio.wait([asking, finishing], return_when=asyncio.FIRST_COMPLETED)
            if ended.is_set():
                asking.cancel()
                (following,) = await asyncio.gather(asking, return_exceptions=True)
                return following if isinstance(following, bytes) else b""
            message = asking.result()
            pending += message[:1] in b"QS"
            pair[1].write(message)
        await answering
        return b""


@asynccontextmanager
async def pooler(address: str, size: int = 2) -> AsyncIterator[str]:
    """In front of a database; its address there."""
    parts = urlsplit(address)
    made = _Pooler(parts.hostname or "", parts.port or 5432, size)
    server = await asyncio.start_server(made.client, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    finally:
        server.close()
        for _, writer in made.opened:
            writer.close()
