"""SQLite: one thread owns the file, and commits what is waiting together.

Group commit. A durable commit costs an fsync, which is most of what a turn costs; the statements cost little. So
operations do not get a transaction each:

- Callers wait in the event loop. What one round of the loop brings is gathered, and as long as each round brings more,
  gathering goes on (16 chats that were woken by the same commit are all in the next one). Then the whole list goes to
  the thread in one piece, which is woken once.
- The thread takes every list that is there, runs all operations between one BEGIN IMMEDIATE and one COMMIT, and only
  then answers, all callers at once. While it works the next lists arrive: the busier, the larger the batch, so that
  throughput grows with the load and the wait hardly does. An idle caller waits for nobody.
- Every caller still has a transaction as far as it can tell. An operation that raises must undo its own part only:
  then the batch is rolled back and begun again with a savepoint around each operation (a third dearer, and rare).
- What is wrong with the file (disk, lock, page) fails the batch as a whole: no operation could do better than another.
  A connection that cannot leave its transaction is closed, and a new one is opened for the next batch.

IMMEDIATE, because a read that becomes a write under another process's write would fail at once, whatever the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.errors import StoreUnavailable
from bot.store.interface import Store
from bot.store.schema import VERSION, NewerSchema, statements
from bot.store.transactions import AfterCommit, Operation, Row, Statement

log = logging.getLogger(__name__)

T = TypeVar("T")

_BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process's write
MAX_BATCH = 256  # operations in one commit, or a few more
_OF_THE_FILE = (sqlite3.OperationalError, sqlite3.InternalError)  # disk, lock: they fail the batch as a whole
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: what people change again and again is copied back less often
    "PRAGMA secure_delete = ON",  # what is erased is overwritten
    "PRAGMA foreign_keys = ON",
)


@dataclass
class _Request:
    """One operation on its way through the thread, and what became of it."""

    work: Callable[[], Operation[Any]]
    answer: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    after: set[AfterCommit] = field(default_factory=set)

    def begin(self) -> Operation[Any]:
        self.after.clear()
        return self.work()


def connected(path: Path) -> sqlite3.Connection:
    """A connection to a file at the present schema. Raises `sqlite3.Error` and `NewerSchema`."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS meta (version BIGINT NOT NULL)")
    row = connection.execute("SELECT version FROM meta").fetchone()
    version = row[0] if row else 0
    if version > VERSION:
        raise NewerSchema(version)
    for step in range(version, VERSION):
        for text in statements("sqlite", step):
            connection.execute(text)
    connection.execute("DELETE FROM meta")
    connection.execute("INSERT INTO meta (version) VALUES (?)", (VERSION,))
    connection.execute("COMMIT")


class SqliteStore(Store):
    """A store in a file. `connector` opens it."""

    def __init__(self, path: Path, connector: Callable[[Path], sqlite3.Connection] = connected) -> None:
        self._path = path
        self._connector = connector
        self._writer: _Writer | None = None
        self._gathered: list[_Request] = []  # what this round of the event loop brings
        self._woken = asyncio.Event()

    async def open(self) -> None:
        if self._writer is not None:
            return
        writer = _Writer(self._path, self._connector, asyncio.get_running_loop(), self._woken)
        try:
            await writer.started
        except BaseException:
            writer.requests.put(None)
            raise
        self._writer = writer

    async def close(self) -> None:
        if self._writer is None:
            return
        self._hand_over()
        writer, self._writer = self._writer, None
        writer.requests.put(None)
        await asyncio.to_thread(writer.join)

    async def run(self, work: Callable[[], Operation[T]]) -> T:
        if self._writer is None:
            raise StoreUnavailable("the store is not open")
        loop = asyncio.get_running_loop()
        request = _Request(work, loop.create_future())
        if not self._gathered:
            loop.call_soon(self._gather, loop, 0)
        self._gathered.append(request)
        result: T = await request.answer
        return result

    def _gather(self, loop: asyncio.AbstractEventLoop, known: int) -> None:
        """Wait as long as each round of the event loop brings more."""
        if known < len(self._gathered) < MAX_BATCH:
            loop.call_soon(self._gather, loop, len(self._gathered))
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._gathered and self._writer is not None:
            requests, self._gathered = self._gathered, []
            self._writer.requests.put(requests)

    async def changed(self, within: float) -> None:
        """Another process's jobs are not noticed: the caller finds them when it looks by itself."""
        try:
            async with asyncio.timeout(within):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


class _Writer(threading.Thread):
    """The thread that owns the connection."""

    def __init__(
        self,
        path: Path,
        connector: Callable[[Path], sqlite3.Connection],
        loop: asyncio.AbstractEventLoop,
        woken: asyncio.Event,
    ) -> None:
        super().__init__(name="store", daemon=True)
        self.requests: queue.SimpleQueue[list[_Request] | None] = queue.SimpleQueue()
        self.started: asyncio.Future[None] = loop.create_future()
        self._path = path
        self._connector = connector
        self._loop = loop
        self._woken = woken
        self.start()

    def run(self) -> None:
        try:
            connection = self._connector(self._path)
        except Exception as error:
            told = StoreUnavailable(f"{self._path}: {error}") if isinstance(error, sqlite3.Error) else error
            self._loop.call_soon_threadsafe(_settle, self.started, None, told)
            return
        self._loop.call_soon_threadsafe(_settle, self.started, None, None)
        going = True
        while going:
            batch, going = self._waiting()
            if batch:
                connection = self._usable(connection)
                _carry_out(connection, batch)
            self._loop.call_soon_threadsafe(self._answer, batch)
        connection.close()

    def _waiting(self) -> tuple[list[_Request], bool]:
        """Everything that waits, at least one request; and whether to go on."""
        batch: list[_Request] = []
        while len(batch) < MAX_BATCH:
            try:
                requests = self.requests.get(block=not batch)
            except queue.Empty:
                break
            if requests is None:
                return batch, False
            batch += requests
        return batch, True

    def _usable(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """The connection, or a new one if it could not leave its last transaction."""
        try:
            if not connection.in_transaction:
                return connection
            connection.close()
        except sqlite3.Error:
            pass  # closed already, when the file could not be opened the last time
        try:
            return self._connector(self._path)
        except (sqlite3.Error, NewerSchema) as error:
            log.error("the database cannot be opened: %s", error)
            return connection

    def _answer(self, batch: list[_Request]) -> None:
        """Back in the event loop."""
        for request in batch:
            if AfterCommit.ANNOUNCE in request.after and request.error is None:
                self._woken.set()
            _settle(request.answer, request.result, request.error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # the caller was cancelled
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _carry_out(connection: sqlite3.Connection, batch: list[_Request]) -> None:
    """Whatever happens, each request has a result or an error after it."""
    try:
        if not _in_one(connection, batch):
            _in_savepoints(connection, batch)
    except Exception as error:  # of the database mostly; none may end the thread that all wait for
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        for request in batch:
            request.error = request.error or _unavailable(error)
        return
    if any(AfterCommit.OVERWRITE in request.after for request in batch):
        _empty_log(connection)


def _empty_log(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        log.warning("what was deleted stays in SQLite's log until that is written over: %s", error)


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"database: {type(error).__name__} {error}")


def _in_one(connection: sqlite3.Connection, batch: list[_Request]) -> bool:
    """All in one transaction. False if an operation raised: then nothing is done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for request in batch:
            request.result = _run(connection, request)
    except _OF_THE_FILE:
        raise
    except BaseException:
        connection.execute("ROLLBACK")
        return False
    connection.execute("COMMIT")
    return True


def _in_savepoints(connection: sqlite3.Connection, batch: list[_Request]) -> None:
    """The same, with each operation in a savepoint of its own: what raises undoes its part only."""
    connection.execute("BEGIN IMMEDIATE")
    for request in batch:
        connection.execute("SAVEPOINT part")
        try:
            request.result = _run(connection, request)
        except _OF_THE_FILE:
            raise
        except BaseException as error:
            connection.execute("ROLLBACK TO part")
            request.error = _unavailable(error) if isinstance(error, sqlite3.Error) else error
        connection.execute("RELEASE part")
    connection.execute("COMMIT")


def _run(connection: sqlite3.Connection, request: _Request) -> Any:
    operation = request.begin()
    rows: list[Row] = []
    try:
        step = next(operation)
        while True:
            if isinstance(step, Statement):
                rows = connection.execute(step.text, step.values).fetchall()
            else:
                request.after.add(step)
                rows = []
            step = operation.send(rows)
    except StopIteration as end:
        return end.value
