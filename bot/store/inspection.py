"""A database as it is now, without changing it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from bot.errors import StoreUnavailable
from bot.store.connect import SQLITE
from bot.store.postgres import check_encoding
from bot.store.postgres_url import Target, read_url
from bot.store.sqlite import check_path, schema_of, unavailable

_TIMEOUT = 10.0  # seconds
# A first start makes tables; later ones write only the ones that are there.
_POSTGRES = """SELECT CASE WHEN to_regclass('meta') IS NULL THEN has_schema_privilege(current_schema(), 'CREATE')
    ELSE has_table_privilege('meta', 'INSERT') END"""


@dataclass(frozen=True)
class Database:
    """`version` is the schema's, 0 where there is none yet."""

    kind: str
    version: int
    writable: bool


async def inspect(url: str) -> Database:
    """What is at the address. Raises `StoreUnavailable` and `StoreUnusable`, as `serve` does; never with a password."""
    if url.startswith(SQLITE):
        return await asyncio.to_thread(_sqlite, Path(url.removeprefix(SQLITE)))
    target = read_url(url)
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await _postgres(target)
    except StoreUnavailable:
        raise
    except Exception as error:  # of several kinds, where the server goes meanwhile
        raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}") from None


def _sqlite(path: Path) -> Database:
    writable = os.access(path.absolute().parent, os.W_OK)
    if not check_path(path, write=False):
        return Database("SQLite", 0, writable)
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_TIMEOUT)) as connection:
            return Database("SQLite", schema_of(connection, path), writable and os.access(path, os.W_OK))
    except sqlite3.Error as error:
        raise unavailable(error, path) or StoreUnavailable(f"{path.absolute()}: {error}") from None


async def _postgres(target: Target) -> Database:
    connection = await asyncpg.connect(timeout=_TIMEOUT, **target.options(pooled=True))
    try:
        check_encoding(connection)
        async with connection.transaction(readonly=True):
            there = await connection.fetchval("SELECT to_regclass('meta') IS NOT NULL")
            version = await connection.fetchval("SELECT version FROM meta") if there else 0
            return Database("PostgreSQL", version or 0, bool(await connection.fetchval(_POSTGRES)))
    finally:
        await connection.close(timeout=_TIMEOUT)
