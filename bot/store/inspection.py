"""A database as it is now, without changing it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from bot.errors import StoreUnavailable

_SQLITE = "sqlite:///"
_DEADLINE = 10.0  # seconds
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
    """What is at the address. Raises `StoreUnavailable`, without the address, which may hold a password."""
    if url.startswith(_SQLITE):
        return await asyncio.to_thread(_sqlite, Path(url.removeprefix(_SQLITE)))
    try:
        async with asyncio.timeout(_DEADLINE):
            return await _postgres(url)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}") from None


def _sqlite(path: Path) -> Database:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise StoreUnavailable("SQLite: the folder of the file does not exist")
    writable = os.access(folder, os.W_OK)
    if not path.exists():
        return Database("SQLite", 0, writable)
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_DEADLINE)
        try:
            return Database("SQLite", _version(connection), writable and os.access(path, os.W_OK))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"SQLite: {error}") from None


def _version(connection: sqlite3.Connection) -> int:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        return 0
    row = connection.execute("SELECT version FROM meta").fetchone()
    return int(row[0]) if row else 0


async def _postgres(url: str) -> Database:
    connection = await asyncpg.connect(url, timeout=_DEADLINE)
    try:
        async with connection.transaction(readonly=True):
            there = await connection.fetchval("SELECT to_regclass('meta') IS NOT NULL")
            version = await connection.fetchval("SELECT version FROM meta") if there else 0
            return Database("PostgreSQL", version or 0, bool(await connection.fetchval(_POSTGRES)))
    finally:
        await connection.close()
