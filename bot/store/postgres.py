"""PostgreSQL, for several replicas: a pool, one transaction for each operation, woken by LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Self, TypeVar

import asyncpg

from bot.errors import StoreUnavailable
from bot.store.base import DatabaseStore, NewerSchema
from bot.store.schema import VERSION, statements
from bot.store.transactions import Operation

T = TypeVar("T")

_CHANNEL = "photosync_work"
_SCHEMA_LOCK = 7_039_120  # any number, the same in every replica
_DEADLINE = 10.0  # seconds for one statement
_TRIES = 4  # of a transaction that met another one
_MET = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, TimeoutError)


class PostgresStore(DatabaseStore):
    """See `bot.store.Store`."""

    skip_locked = True

    def __init__(self, pool: asyncpg.Pool[Any], url: str) -> None:
        super().__init__()
        self._pool = pool
        self._url = url
        self._woken = asyncio.Event()
        self._listening: asyncpg.Connection[Any] | None = None

    @classmethod
    async def open(cls, url: str, *, size: int = 10) -> Self:
        """The store in a database, brought to the present schema. Raises `StoreUnavailable` and `NewerSchema`."""
        try:
            pool = await asyncpg.create_pool(url, min_size=1, max_size=size, command_timeout=_DEADLINE)
        except (*_GONE, asyncpg.PostgresError) as error:
            raise StoreUnavailable(f"database: {type(error).__name__}") from None
        store = cls(pool, url)
        try:
            async with pool.acquire() as connection, connection.transaction():
                await _migrate(connection)
        except (*_GONE, asyncpg.PostgresError) as error:  # an older replica is at work in it, say: tried again
            await pool.close()
            raise StoreUnavailable(f"database: {type(error).__name__}") from None
        except BaseException:
            await pool.close()
            raise
        return store

    async def close(self) -> None:
        """See `Store`."""
        if self._listening is not None and not self._listening.is_closed():
            await self._listening.close()
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def run(self, work: Callable[[], Operation[T]]) -> T:
        """Run an operation in a transaction of its own; begun again if it met another one."""
        for attempt in range(1, _TRIES + 1):
            try:
                async with self._pool.acquire(timeout=_DEADLINE) as connection, connection.transaction():
                    return await _run(connection, work())
            except _MET as error:
                if attempt == _TRIES:
                    raise StoreUnavailable(f"database: {type(error).__name__}") from None
            except _GONE as error:
                raise StoreUnavailable(f"database: {type(error).__name__}") from None
        raise AssertionError("every try returns or raises")

    def announce(self) -> None:
        """Wake this process; the others heard of it by NOTIFY."""
        self._woken.set()

    async def commit(self, change: Any) -> Any:
        """See `Store`."""
        saved = await super().commit(change)
        if change.put:
            await self._notify()
        return saved

    async def _notify(self) -> None:
        try:
            await self._pool.execute(f"NOTIFY {_CHANNEL}")
        except (*_GONE, asyncpg.PostgresError):
            return  # they look by themselves a little later

    async def changed(self, within: float) -> None:
        """See `Store`."""
        try:
            async with asyncio.timeout(within):
                await self._listen()
                await self._woken.wait()
        except (TimeoutError, *_GONE, asyncpg.PostgresError):
            return
        self._woken.clear()

    async def _listen(self) -> None:
        if self._listening is None or self._listening.is_closed():
            self._listening = await asyncpg.connect(self._url, timeout=_DEADLINE)
            await self._listening.add_listener(_CHANNEL, lambda *_: self._woken.set())


async def _migrate(connection: Any) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
    await connection.execute("CREATE TABLE IF NOT EXISTS meta (version BIGINT NOT NULL)")
    version = await connection.fetchval("SELECT version FROM meta") or 0
    if version > VERSION:
        raise NewerSchema(version)
    for step in range(version, VERSION):
        for text in statements("postgresql", step):
            await connection.execute(text)
    await connection.execute("DELETE FROM meta")
    await connection.execute("INSERT INTO meta (version) VALUES ($1)", VERSION)


async def _run(connection: Any, operation: Operation[T]) -> T:
    rows: Any = None
    try:
        while True:
            statement = operation.send(rows)
            rows = await connection.fetch(_numbered(statement.text), *statement.values)
            rows = [tuple(row) for row in rows]
    except StopIteration as end:
        result: T = end.value
        return result


_texts: dict[str, str] = {}


def _numbered(text: str) -> str:
    """`?` as PostgreSQL wants it: $1, $2, ..."""
    if text not in _texts:
        count = iter(range(1, text.count("?") + 1))
        _texts[text] = re.sub(r"\?", lambda _: f"${next(count)}", text)
    return _texts[text]
