"""SQLite: one thread owns the file and commits whatever is waiting together, so that durability costs little."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from bot.errors import StoreUnavailable
from bot.store import Erased, transactions
from bot.store.base import DatabaseStore, NewerSchema
from bot.store.schema import VERSION, statements
from bot.store.transactions import Operation, Statement

log = logging.getLogger(__name__)

T = TypeVar("T")

_BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process's write
MAX_BATCH = 256  # operations in one commit, or a few more
_OF_ALL = (sqlite3.OperationalError, sqlite3.InternalError)  # disk, lock, file: no operation can do better than another
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: what people change again and again is copied back less often
    "PRAGMA secure_delete = ON",  # what is erased is overwritten
    "PRAGMA foreign_keys = ON",
)


@dataclass
class _Job:
    """One operation on its way through the writer, and what became of it."""

    work: Callable[[], Operation[Any]]
    answer: asyncio.Future[Any]
    bare: bool = False  # outside any transaction
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Back in the event loop."""
        if self.answer.cancelled():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class SqliteStore(DatabaseStore):
    """See `bot.store.Store`."""

    skip_locked = False  # there is one writer: nobody else holds a row

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._next: list[_Job] = []  # what this turn of the event loop brings
        self._closed = False
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._woken = asyncio.Event()
        self._thread = threading.Thread(
            target=self._write, args=(asyncio.get_running_loop(),), name="store", daemon=True
        )

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in a file, brought to the present schema. Raises `StoreUnavailable` and `NewerSchema`."""
        store = cls(path)
        store._thread.start()
        await store._started
        return store

    async def close(self) -> None:
        """See `Store`."""
        self._closed = True
        if self._next:
            self._hand_over()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def run(self, work: Callable[[], Operation[T]]) -> T:
        """Run an operation in a transaction, together with whatever else is waiting."""
        result: T = await self._ask(work)
        return result

    async def erase(self, person: str) -> Erased:
        """See `Store`; nothing of it stays in the log that SQLite writes before the file."""
        erased = await super().erase(person)
        await self._empty_log()
        return erased

    async def purge(self, before: str) -> int:
        """See `Store`; likewise."""
        purged = await super().purge(before)
        await self._empty_log()
        return purged

    async def _empty_log(self) -> None:
        try:
            await self._ask(_log_emptied, bare=True)
        except StoreUnavailable as error:
            log.warning("what was deleted stays in SQLite's log until that is written over: %s", error)

    async def _ask(self, work: Callable[[], Operation[Any]], *, bare: bool = False) -> Any:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), bare)
        if not self._next:
            loop.call_soon(self._gather, loop, 0)
        self._next.append(job)
        return await job.answer

    def _gather(self, loop: asyncio.AbstractEventLoop, known: int) -> None:
        """Wait as long as each round of the event loop brings more."""
        if known < len(self._next) < MAX_BATCH:
            loop.call_soon(self._gather, loop, len(self._next))
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """To the writer, all at once: it is woken once and commits them together."""
        jobs, self._next = self._next, []
        self._jobs.put(jobs)

    def announce(self) -> None:
        """Wake this process's worker; another process's finds new work when it next looks."""
        self._woken.set()

    async def changed(self, within: float) -> None:
        """See `Store`."""
        try:
            async with asyncio.timeout(within):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    # In the writer's thread

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            connection = _connected(self._path)
        except (sqlite3.Error, NewerSchema) as error:
            told = error if isinstance(error, NewerSchema) else StoreUnavailable(f"{self._path}: {error}")
            loop.call_soon_threadsafe(self._started.set_exception, told)
            return
        loop.call_soon_threadsafe(self._started.set_result, None)
        going = True
        while going:
            batch, going = self._waiting()
            if batch:
                connection = _usable(connection, self._path)
                _carry_out(connection, batch)
            loop.call_soon_threadsafe(_tell, batch)
        connection.close()

    def _waiting(self) -> tuple[list[_Job], bool]:
        """Everything that waits, at least one; and whether to go on."""
        batch: list[_Job] = []
        while len(batch) < MAX_BATCH:
            try:
                jobs = self._jobs.get(block=not batch)
            except queue.Empty:
                break
            if jobs is None:
                return batch, False
            batch += jobs
        return batch, True


def _tell(batch: list[_Job]) -> None:
    for job in batch:
        job.tell()


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS meta (version BIGINT NOT NULL)")
    row = connection.execute("SELECT version FROM meta").fetchone()
    version = row[0] if row else 0
    if version > VERSION:
        connection.close()
        raise NewerSchema(version)
    for step in range(version, VERSION):
        for text in statements("sqlite", step):
            connection.execute(text)
    connection.execute("DELETE FROM meta")
    connection.execute("INSERT INTO meta (version) VALUES (?)", (VERSION,))
    connection.execute("COMMIT")
    return connection


def _carry_out(connection: sqlite3.Connection, jobs: list[_Job]) -> None:
    """Everything that can be in one transaction, then the rest; whatever happens, each job is answered."""
    batch = [job for job in jobs if not job.bare]
    try:
        if batch and not _together(connection, batch):
            _apart(connection, batch)
    except Exception as error:  # of the database mostly; none may end the thread that all wait for
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        for job in batch:
            job.error = job.error or _unavailable(error)
    for job in jobs:
        if job.bare:
            try:
                job.result = _run(connection, job.work())
            except Exception as error:  # likewise
                job.error = _unavailable(error)


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"database: {type(error).__name__} {error}")


def _usable(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection, or another one if it could not leave its last transaction."""
    try:
        if not connection.in_transaction:
            return connection
        connection.close()
    except sqlite3.Error:
        pass  # closed already, when the file could not be opened anew
    try:
        return _connected(path)
    except (sqlite3.Error, NewerSchema) as error:
        log.error("the database cannot be opened anew: %s", error)
        return connection


def _log_emptied() -> Operation[None]:
    yield Statement("PRAGMA wal_checkpoint(TRUNCATE)")


def _together(connection: sqlite3.Connection, batch: list[_Job]) -> bool:
    """Whether all went well, as they mostly do; else nothing is done."""
    # Immediate: a read that becomes a write under somebody else's would fail whatever the patience.
    connection.execute("BEGIN IMMEDIATE")
    try:
        for job in batch:
            job.result = _run(connection, job.work())
    except _OF_ALL:
        raise
    except BaseException:
        connection.execute("ROLLBACK")
        return False
    connection.execute("COMMIT")
    return True


def _apart(connection: sqlite3.Connection, batch: list[_Job]) -> None:
    """Each in a savepoint of its own, which costs a third more."""
    connection.execute("BEGIN IMMEDIATE")
    for job in batch:
        connection.execute("SAVEPOINT part")
        try:
            job.result = _run(connection, job.work())
        except _OF_ALL:
            raise
        except BaseException as error:
            connection.execute("ROLLBACK TO part")
            job.error = _unavailable(error) if isinstance(error, sqlite3.Error) else error
        connection.execute("RELEASE part")
    connection.execute("COMMIT")


def _run(connection: sqlite3.Connection, operation: Generator[transactions.Statement, Any, T]) -> T:
    rows: Any = None
    try:
        while True:
            statement = operation.send(rows)
            rows = connection.execute(statement.text, statement.values).fetchall()
    except StopIteration as end:
        result: T = end.value
        return result
