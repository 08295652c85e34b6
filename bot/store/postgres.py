"""PostgreSQL, for several replicas: a pool, one transaction for each operation, woken by LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg

from bot.errors import StoreUnavailable
from bot.store.interface import Store
from bot.store.schema import VERSION, NewerSchema, statements
from bot.store.transactions import AfterCommit, Operation, Row, Statement

T = TypeVar("T")

_CHANNEL = "photosync_work"
_SCHEMA_LOCK = 7_039_120  # any number, the same in every replica
_DEADLINE = 10.0  # seconds for one statement
_TRIES = 4  # of a transaction that met another one
_MET = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, TimeoutError)


class PostgresStore(Store):
    """A store in a database that replicas share; at most `size` connections from this process, and one to listen."""

    def __init__(self, url: str, *, size: int = 10) -> None:
        self._url = url
        self._size = size
        self._pool: asyncpg.Pool[Any] | None = None
        self._woken = asyncio.Event()
        self._listening: asyncpg.Connection[Any] | None = None

    async def open(self) -> None:
        if self._pool is not None:
            return
        pool: asyncpg.Pool[Any] | None = None
        try:
            pool = await asyncpg.create_pool(self._url, min_size=1, max_size=self._size, command_timeout=_DEADLINE)
            async with pool.acquire() as connection, connection.transaction():
                await _migrate(connection)
        except BaseException as error:
            if pool is not None:
                pool.terminate()
            if isinstance(error, (*_GONE, asyncpg.PostgresError)):  # an older replica is at work in it, say
                raise StoreUnavailable(f"database: {type(error).__name__}") from None
            raise
        self._pool = pool

    async def close(self) -> None:
        if self._listening is not None and not self._listening.is_closed():
            await self._listening.close()
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def run(self, work: Callable[[], Operation[T]]) -> T:
        """In a transaction of its own, begun again if it met another one."""
        if self._pool is None:
            raise StoreUnavailable("the store is not open")
        for attempt in range(1, _TRIES + 1):
            after: set[AfterCommit] = set()
            try:
                async with self._pool.acquire(timeout=_DEADLINE) as connection, connection.transaction():
                    result = await run_on(connection, work(), after)
            except _MET as error:
                if attempt == _TRIES:
                    raise StoreUnavailable(f"database: {type(error).__name__}") from None
            except _GONE as error:
                raise StoreUnavailable(f"database: {type(error).__name__}") from None
            else:
                if AfterCommit.ANNOUNCE in after:
                    self._woken.set()
                return result
        raise AssertionError("every try returns or raises")

    async def changed(self, within: float) -> None:
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


async def run_on(connection: Any, operation: Operation[T], after: set[AfterCommit]) -> T:
    """Take an operation through on a connection, in the transaction it is in; `after` gets what it wants then."""
    rows: list[Row] = []
    try:
        step = next(operation)
        while True:
            if isinstance(step, Statement):
                rows = [tuple(row) for row in await connection.fetch(_translated(step.text), *step.values)]
            else:
                if step is AfterCommit.ANNOUNCE and step not in after:
                    await connection.execute(f"NOTIFY {_CHANNEL}")  # delivered to every replica after the commit
                after.add(step)
                rows = []
            step = operation.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


@lru_cache(maxsize=1_000)
def _translated(text: str) -> str:
    """`?` as PostgreSQL wants it ($1, $2, ...), and what is only for PostgreSQL out of its comment."""
    text = re.sub(r"/\*postgresql (.*?)\*/", r"\1", text)
    count = iter(range(1, text.count("?") + 1))
    return re.sub(r"\?", lambda _: f"${next(count)}", text)
