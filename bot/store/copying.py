"""A whole copy of the store: into a file while it runs, or into another database."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from bot.errors import StoreUnavailable, StoreUnusable, location
from bot.store.connect import SQLITE, open_store
from bot.store.operation import Operation, Statement
from bot.store.postgres import unavailable as unavailable_on_postgres
from bot.store.postgres_url import read_url
from bot.store.sqlite import unavailable as unavailable_on_sqlite
from bot.store.text import readable, storable

_BATCH = 1_000  # rows
_TIMEOUT = 10.0  # seconds, to leave a server
_KINDS: dict[str, type] = {"": str, "#": int, "~": float}
# Every table but what processes lease or count at present (`slots`) and who is signed in (`sessions`), and its columns:
# text, # whole numbers, ~ other numbers.
_TABLES = {
    "people": "person version# name locale platform address blocked# present handled touched",
    "cases": "id person document outcome touched counted uncounted#",
    "log": "id# at case_id kind what",
    "work": "id# kind key person payload due_at~ attempt# fence# error dead_at~",
    "owed": "person until~ in_place#",
    "inbox": "person activity document received_at~",
    "tombstones": "person handled until~",
    "sums": "day kind label number#",
    "counters": "name label number#",
    "scans": "name at document",
    "affected": "person account verdict cause",
}
_EMPTIED = ("work", "tombstones", "counters")  # may hold something in a database where nobody has written yet
_NUMBERED = ("log", "work")  # by the database itself

Batch = tuple[str, list[tuple[Any, ...]]]


async def backup(url: str, file: Path) -> int:
    """Copy a store, also a running one, into a new SQLite file; returns its size in bytes. The file is complete or not
    there. Raises `StoreUnavailable`, and `StoreUnusable` where the file cannot be made."""
    part = _part(file)
    try:
        part.unlink(missing_ok=True)
        if url.startswith(SQLITE):
            await (await open_store(url, existing=True)).close()
            await asyncio.to_thread(_backup_sqlite, url, part)
        else:
            await copy(url, f"{SQLITE}{part}")
        return await asyncio.to_thread(_finish, part, file)
    except (sqlite3.Error, OSError) as error:
        raise unavailable_on_sqlite(error, file) or StoreUnavailable(f"{file}: {error}") from None
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _part(file: Path) -> Path:
    if file.exists():
        raise StoreUnusable(f"{file.absolute()} is there already: name another file")
    if file.is_symlink():
        raise StoreUnusable(f"{file.absolute()} is a link to a file that is not there: name another file")
    part = file.with_name(f"{file.name}.part")
    if part.is_dir():
        raise StoreUnusable(f"{part.absolute()} is a folder, where the copy would be written first: move it away")
    return part


def _read_only(url: str) -> sqlite3.Connection:
    address = f"file:{quote(os.fspath(Path(url.removeprefix(SQLITE)).absolute()))}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _backup_sqlite(url: str, part: Path) -> None:
    if not part.parent.is_dir():
        raise StoreUnusable(f"the folder {part.parent.absolute()} does not exist: make it, or name another file")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(_read_only(url)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target, pages=2_000, sleep=0.01)  # in parts: the bot writes in between, and those pages again


def _finish(part: Path, file: Path) -> int:
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreUnusable(f"the database is damaged ({found}): the copy was thrown away")
    with part.open("rb") as raw:
        os.fsync(raw.fileno())
    os.link(part, file)  # fails where another process has made it meanwhile
    return file.stat().st_size


async def copy(source: str, target: str) -> dict[str, int]:
    """Copy a store into another, empty database, in one transaction; returns the rows of each table. What is written to
    the source meanwhile is not in the copy. Raises `StoreUnavailable`, `StoreUnusable`."""
    await (await open_store(source, existing=True)).close()
    store = await open_store(target)
    try:
        if await store.run(_any):
            raise StoreUnusable("there is something in the database to copy to already: it has to be empty")
    finally:
        await store.close()
    rows = _rows_of_sqlite(source) if source.startswith(SQLITE) else _rows_of_postgres(source)
    write = _write_sqlite if target.startswith(SQLITE) else _write_postgres
    try:
        return await write(target, rows)
    except Exception as error:
        file = next((Path(url.removeprefix(SQLITE)) for url in (target, source) if url.startswith(SQLITE)), Path())
        mapped = unavailable_on_postgres(error) or unavailable_on_sqlite(error, file)
        raise mapped or StoreUnavailable(f"{type(error).__name__} at {location(error)}") from None


def _any() -> Operation[bool]:
    for table in _TABLES:
        if table in _EMPTIED:
            continue  # jobs that come back by themselves, and counters, are there from the first start
        if (yield Statement(f"SELECT 1 FROM {table} LIMIT 1")):  # noqa: S608 - a constant
            return True
    return bool((yield Statement("SELECT 1 FROM work WHERE kind NOT IN ('purge', 'count') LIMIT 1")))


def _columns(table: str) -> list[str]:
    return [column.rstrip("#~") for column in _TABLES[table].split()]


def _select(table: str) -> str:
    return f"SELECT {', '.join(_columns(table))} FROM {table}"  # noqa: S608 - constants


def _typed(table: str, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    kinds = [_KINDS[column[-1] if column[-1] in _KINDS else ""] for column in _TABLES[table].split()]
    return [
        storable(tuple(None if one is None else kind(one) for kind, one in zip(kinds, row, strict=True)))
        for row in rows
    ]


async def _rows_of_sqlite(url: str) -> AsyncIterator[Batch]:
    with closing(_read_only(url)) as connection:
        connection.text_factory = readable
        connection.execute("BEGIN")
        for table in _TABLES:
            cursor = connection.execute(_select(table))
            while rows := await asyncio.to_thread(cursor.fetchmany, _BATCH):
                yield table, _typed(table, rows)


async def _rows_of_postgres(url: str) -> AsyncIterator[Batch]:
    connection = await asyncpg.connect(**read_url(url).options(pooled=True))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for table in _TABLES:
                cursor = await connection.cursor(_select(table))
                while rows := await cursor.fetch(_BATCH):
                    yield table, _typed(table, rows)
    finally:
        await connection.close(timeout=_TIMEOUT)


async def _write_sqlite(url: str, batches: AsyncIterator[Batch]) -> dict[str, int]:
    counts = dict.fromkeys(_TABLES, 0)
    path = Path(url.removeprefix(SQLITE))
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in _EMPTIED:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
        async for table, rows in batches:
            columns = _columns(table)
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - constants
            await asyncio.to_thread(connection.executemany, insert, rows)
            counts[table] += len(rows)
        connection.execute("COMMIT")
    return counts


async def _write_postgres(url: str, batches: AsyncIterator[Batch]) -> dict[str, int]:
    counts = dict.fromkeys(_TABLES, 0)
    connection = await asyncpg.connect(**read_url(url).options(pooled=True))
    try:
        async with connection.transaction():
            for table in _EMPTIED:
                await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            async for table, rows in batches:
                await connection.copy_records_to_table(table, records=rows, columns=_columns(table))
                counts[table] += len(rows)
            for table in _NUMBERED:
                last = await connection.fetchval(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 - a constant
                await connection.execute("SELECT setval(pg_get_serial_sequence($1, 'id'), $2, false)", table, last + 1)
    finally:
        await connection.close(timeout=_TIMEOUT)
    return counts
