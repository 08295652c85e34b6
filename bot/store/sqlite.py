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
  then the batch is rolled back and begun again with a savepoint around each operation (a third dearer, and rare). One
  that always raises (`rehearse`) has a transaction of its own, before the others': what is rolled back to a savepoint
  would still be written, and synced, page for page at the commit.
- What is wrong with the file (disk, lock, page) fails the batch as a whole: no operation could do better than another.
  The connection that met it is closed, and a new one is opened for the next batch: whatever it was, when it is over
  the store works again.

The file may be exchanged while the bot runs. Before each batch the file and its write-ahead log are compared with those
that were opened (device and inode: two calls of stat). A file that is gone or that is another one would otherwise take
commits that nobody ever reads. Gone: everything is refused until it is back, because an empty one in its place would
forget everybody. Another one: it is opened, if it is a Photosync database.

What was deleted is still in the write-ahead log until that is emptied, which goes only while nobody reads the file. So
the callers are answered first, and the log is emptied without waiting: whoever reads would hold up everybody. Where it
did not go it is tried again, at the next idle moment or after a batch, and before the file is closed.

IMMEDIATE, because a read that becomes a write under another process's write would fail at once, whatever the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import queue
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from bot.errors import StoreRefused, StoreUnavailable, StoreUnusable
from bot.store.interface import Store
from bot.store.operation import AfterCommit, Operation, Row, Statement
from bot.store.schema import VERSION, NewerSchema, OlderSchema, statements
from bot.store.text import readable, storable

log = logging.getLogger(__name__)

T = TypeVar("T")

_BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process's write
MAX_BATCH = 256  # operations in one commit, or a few more
_EMPTYING_INTERVAL = 1.0  # seconds between tries to empty the log while somebody reads it
_LAST_EMPTYING = (5.0, 0.1)  # seconds that it is tried before the file is closed, and between these tries
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: what people change again and again is copied back less often
    "PRAGMA secure_delete = ON",  # what is erased is overwritten
    "PRAGMA foreign_keys = ON",
)
# Wrong use of the library. All other errors are of the file, the machine or the schema, for every statement of this
# program is tried against the present one by the tests: a trigger, an index or a column is another one now.
_MISTAKES = {sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}
# What is wrong for one statement may be right for the others.
_OF_A_STATEMENT = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
}


def unavailable(error: BaseException, path: Path) -> StoreUnavailable | None:
    """What an error of SQLite means to the store; None for a programming error, which stays what it is."""
    if isinstance(error, StoreUnavailable):
        return error
    if not isinstance(error, sqlite3.Error | OSError):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.Error) and (code is None or code & 0xFF in _MISTAKES):
        return None
    where = path.absolute()
    if code is not None and code & 0xFF == sqlite3.SQLITE_NOTADB:
        return StoreUnusable(f"{where} is not a database: put a backup in its place, or name another file")
    if code is not None and code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return StoreUnusable(f"{where} is damaged ({error}): put a backup in its place")
    if code is not None and code & 0xFF in _OF_A_STATEMENT:
        return StoreRefused(f"{where}: {error}")
    return StoreUnavailable(f"{where}: {error}")


@dataclass
class _Request:
    """One operation on its way through the thread, and what became of it."""

    work: Callable[[], Operation[Any]]
    answer: asyncio.Future[Any]
    alone: bool = False  # shares its transaction with none
    result: Any = None
    error: BaseException | None = None
    after: set[AfterCommit] = field(default_factory=set)


def connected(path: Path, mode: str = "create") -> sqlite3.Connection:
    """A connection to a file at the present schema.

    `mode` is `create` (make the file or bring it to the present schema), `again` (it was open before, and must be
    there) or `existing` (neither make nor change anything). Raises `StoreUnusable`, `sqlite3.Error` and OSError.
    """
    if not check_path(path):
        if mode != "create":
            raise StoreUnusable(f"there is no database at {path.absolute()}")
        _make(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _check_version(schema_of(connection, path), path, create=mode == "create")
        if mode == "create":
            _close_to_others(path.absolute())  # not before it is known to be ours
        if mode != "existing":
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def check_path(path: Path, *, write: bool = True) -> bool:
    """Whether there is a file. Raises `StoreUnusable` where there can be no database."""
    where = path.absolute()
    if where.is_dir():
        raise StoreUnusable(f"{where} is a folder: PHOTOSYNC_DATABASE_URL has to name a file")
    if not where.parent.is_dir():
        raise StoreUnusable(f"the folder {where.parent} does not exist: make it, or name another file")
    there = where.exists()
    if there and not stat.S_ISREG(where.stat().st_mode):
        raise StoreUnusable(f"{where} is not a file: PHOTOSYNC_DATABASE_URL has to name one")
    if write and not (os.access(where.parent, os.W_OK) and (not there or os.access(where, os.R_OK | os.W_OK))):
        raise StoreUnusable(f"{where} cannot be written: give the bot's account the file and its folder")
    return there


def _make(where: Path) -> None:
    """SQLite gives its other two files the rights of this one."""
    with suppress(FileExistsError):
        os.close(os.open(where, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _close_to_others(where: Path) -> None:
    """Earlier versions made files that every account of the machine could read."""
    for file in (where, *(where.with_name(where.name + end) for end in ("-wal", "-shm"))):
        with suppress(OSError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o007:
                file.chmod(mode & ~0o007)
                log.info("%s is no longer open to other accounts of this machine", file)
    folder = where.parent.stat().st_mode
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        log.warning("every account of this machine can write the folder %s, and so exchange the database", where.parent)


def schema_of(connection: sqlite3.Connection, path: Path) -> int:
    """Its version; 0 for an empty file. Raises `StoreUnusable` for another program's database."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "meta" not in tables:
        if tables:
            raise _not_ours(path)
        return 0
    try:
        row = connection.execute("SELECT version FROM meta").fetchone()
    except sqlite3.OperationalError as error:
        raise _not_ours(path) from error
    version = row[0] if row else 0
    if not isinstance(version, int) or version < 0:
        raise _not_ours(path)
    return version


def _check_version(version: int, path: Path, *, create: bool) -> None:
    if version > VERSION:
        raise NewerSchema(version)
    if not create and not version:
        raise _not_ours(path)
    if not create and version < VERSION:
        raise OlderSchema(version)


def _not_ours(path: Path) -> StoreUnusable:
    return StoreUnusable(
        f"{path.absolute()} is not a Photosync database: put a backup in its place, or name another file"
    )


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS meta (version BIGINT NOT NULL)")
    row = connection.execute("SELECT version FROM meta").fetchone()  # another process may have been faster
    version = row[0] if row else 0
    for step in range(version, VERSION):
        for text in statements("sqlite", step):
            connection.execute(text)
    connection.execute("DELETE FROM meta")
    connection.execute("INSERT INTO meta (version) VALUES (?)", (max(version, VERSION),))
    connection.execute("COMMIT")


class SqliteStore(Store):
    """A store in a file. `connector` opens it (`connected`)."""

    def __init__(self, path: Path, connector: Callable[[Path, str], sqlite3.Connection] = connected) -> None:
        super().__init__()
        self.path = path
        self._connector = connector
        self._writer: _Writer | None = None
        self._gathered: list[_Request] = []  # what this round of the event loop brings
        self._woken = asyncio.Event()

    async def open(self, *, existing: bool = False) -> None:
        if self._writer is not None:
            return
        mode = "existing" if existing else "create"
        writer = _Writer(_File(self.path, self._connector, mode), asyncio.get_running_loop(), self._woken)
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

    async def run(self, work: Callable[[], Operation[T]], *, alone: bool = False) -> T:
        if self._writer is None:
            raise StoreUnavailable("the store is not open")
        loop = asyncio.get_running_loop()
        request = _Request(work, loop.create_future(), alone)
        if not self._gathered:
            loop.call_soon(self._gather, loop, 0)
        self._gathered.append(request)
        result: T = await request.answer
        return result

    async def read(self, work: Callable[[], Operation[T]]) -> T:
        """On a connection of its own: readers and the writer do not wait for each other."""
        if self._writer is None:
            raise StoreUnavailable("the store is not open")
        try:
            result: T = await asyncio.to_thread(_read_apart, self.path, work)
        except sqlite3.Error as error:
            raise (unavailable(error, self.path) or error) from None
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


class _File:
    """The file and the connection to it, if there is one; used by one thread."""

    def __init__(self, path: Path, connector: Callable[[Path, str], sqlite3.Connection], mode: str) -> None:
        self.path = path
        self._name = os.fspath(path)
        self._name_of_log = f"{self._name}-wal"
        self._connector = connector
        self._mode = mode
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[object, object] = (None, None)  # the file and its log, as they were opened
        self._reported = ""
        self._keeps_deleted = ""  # why the log could not be emptied

    def connection(self) -> sqlite3.Connection:
        """The present one, or a new one where that was closed or the file is another. Raises `StoreUnavailable`."""
        found = self._found()
        if self._connection is not None and found != self._opened:
            self._let_go(found)
        if self._connection is None:
            self._connection = self._connector(self.path, self._mode)
            self._opened = self._found()
            self._mode = "again" if self._mode == "create" else self._mode
        return self._connection

    def failed(self, error: Exception) -> Exception:
        """Close the connection that met an error; returns what the callers get."""
        mapped = unavailable(error, self.path) or error
        if isinstance(mapped, sqlite3.Error):  # of no operation: of beginning or ending the transaction
            mapped = StoreUnavailable(f"{self.path.absolute()}: {error}")
        if str(mapped) != self._reported:
            log.error("the database failed: %s", mapped)
        self._reported = str(mapped)
        at_the_beginning = self._connection is not None and not self._connection.in_transaction
        if not (at_the_beginning and (isinstance(error, StoreUnavailable) or is_locked(error))):
            self.close()
        return mapped

    def worked(self) -> None:
        """A batch is committed."""
        if self._reported:
            log.info("the database works again")
            self._reported = ""

    def empty_log(self) -> bool:
        """Leave nothing of what was deleted in the write-ahead log; waits for nobody. Whether that went."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            why = "somebody reads it" if busy else ""
            self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}")
        except Exception as error:  # none may end the thread that all wait for
            why = str(error)
            self.close()  # the next batch opens it as it has to be
        if why and not self._keeps_deleted:
            log.warning("what was deleted stays in SQLite's log for now: %s", why)
        elif self._keeps_deleted and not why:
            log.info("what was deleted is gone from SQLite's log")
        self._keeps_deleted = why
        return not why

    def _found(self) -> tuple[object, object]:
        return _identity(self._name), _identity(self._name_of_log)

    def _let_go(self, found: tuple[object, object]) -> None:
        """Of a file that is gone or another one now."""
        file, log_of_it = found
        if file == self._opened[0] and self._opened[1] is None:
            self._opened = found  # the log was begun since
            return
        if file is None:
            # The connection stays: what it holds is lost with it, and the file may be put back.
            raise StoreUnavailable(
                f"{self.path.absolute()} is gone: put it or a backup back, or start the bot again with an empty one"
            )
        log.error("%s or its write-ahead log was exchanged while it was open", self.path.absolute())
        if self._connection is not None and log_of_it is None and file == self._opened[0]:
            with suppress(sqlite3.Error):  # the log was deleted: what is in it still reaches the file
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.close()
        if file != self._opened[0] and log_of_it == self._opened[1]:
            # SQLite would read the old file's log into the new file.
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None


def _identity(path: str) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 - before each batch: a Path costs several times as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Writer(threading.Thread):
    """The thread that owns the file."""

    def __init__(self, file: _File, loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
        super().__init__(name="store", daemon=True)
        self.requests: queue.SimpleQueue[list[_Request] | None] = queue.SimpleQueue()
        self.started: asyncio.Future[None] = loop.create_future()
        self._file = file
        self._loop = loop
        self._woken = woken
        self._empty_at = math.inf  # when the log is to be emptied, by the monotonic clock
        self.start()

    def run(self) -> None:
        try:
            self._file.connection()
        except Exception as error:
            mapped = unavailable(error, self._file.path) or error
            self._loop.call_soon_threadsafe(_settle, self.started, None, mapped)
            return
        self._loop.call_soon_threadsafe(_settle, self.started, None, None)
        going = True
        while going:
            batch, going = self._waiting()
            if batch and is_locked(_carry_out(self._file, batch)):
                # Who came meanwhile has waited too: nobody waits for a lock as often as there are batches.
                batch, going = self._joined(batch, going)
            self._loop.call_soon_threadsafe(self._answer, batch)
            if any(AfterCommit.OVERWRITE in request.after for request in batch):
                self._empty_at = 0.0
            self._empty_log()
        self._empty_log_at_last()
        self._file.close()

    def _empty_log(self) -> None:
        """If it is time to."""
        if time.monotonic() >= self._empty_at:
            self._empty_at = math.inf if self._file.empty_log() else time.monotonic() + _EMPTYING_INTERVAL

    def _empty_log_at_last(self) -> None:
        """In many tries, for one that waits would hold up the other processes' writes too."""
        tried_for, interval = _LAST_EMPTYING
        deadline = time.monotonic() + tried_for
        while self._empty_at < math.inf and not self._file.empty_log():
            if time.monotonic() >= deadline:
                log.warning("what was deleted stays in SQLite's log until that is written over")
                return
            time.sleep(interval)

    def _waiting(self) -> tuple[list[_Request], bool]:
        """Everything that waits, at least one request unless the log is to be emptied; and whether to go on."""
        batch: list[_Request] = []
        idle = None if self._empty_at == math.inf else max(0.0, self._empty_at - time.monotonic())
        while len(batch) < MAX_BATCH:
            try:
                requests = self.requests.get(block=not batch, timeout=idle)
            except queue.Empty:
                break
            if requests is None:
                return batch, False
            batch += requests
        return batch, True

    def _joined(self, batch: list[_Request], going: bool) -> tuple[list[_Request], bool]:
        """The batch with whatever came while it failed, as failed as it; and whether to go on."""
        error = batch[0].error
        while going and not self.requests.empty():
            requests = self.requests.get()
            going = requests is not None
            for request in requests or ():
                request.error = error
                batch.append(request)
        return batch, going

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


def is_locked(error: Exception | None) -> bool:
    """Whether another program held the file for longer than we wait."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _carry_out(file: _File, batch: list[_Request]) -> Exception | None:
    """Whatever happens, each request has a result or an error after it. Returns what failed the batch as a whole."""
    try:
        connection = file.connection()
        together = [request for request in batch if not request.alone]
        for part in (*([request] for request in batch if request.alone), together):
            if part and not _in_one(connection, part, file.path):
                _in_savepoints(connection, part, file.path)
    except Exception as error:  # of the file mostly; none may end the thread that all wait for
        mapped = file.failed(error)
        for request in batch:
            request.error = mapped
        return error
    file.worked()
    return None


def _in_one(connection: sqlite3.Connection, batch: list[_Request], path: Path) -> bool:
    """All in one transaction. False if an operation raised that was not the only one: then nothing is done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for request in batch:
            request.result = _run(connection, request)
    except BaseException as error:
        if _is_of_all(error, path):
            raise
        connection.execute("ROLLBACK")
        if len(batch) > 1 or _is_odd_text(error):
            return False
        batch[0].error = unavailable(error, path) or error
        return True
    connection.execute("COMMIT")
    return True


def _in_savepoints(connection: sqlite3.Connection, batch: list[_Request], path: Path) -> None:
    """The same, with each operation in a savepoint of its own: what raises undoes its part only."""
    connection.execute("BEGIN IMMEDIATE")
    for request in batch:
        connection.execute("SAVEPOINT part")
        try:
            request.result = _with_odd_text(connection, request)
        except BaseException as error:
            if _is_of_all(error, path):
                raise
            connection.execute("ROLLBACK TO part")
            request.error = unavailable(error, path) or error
        connection.execute("RELEASE part")
    connection.execute("COMMIT")


def _is_of_all(error: BaseException, path: Path) -> bool:
    """Whether whatever else was tried would fail too."""
    code = getattr(error, "sqlite_errorcode", None)
    return unavailable(error, path) is not None and (code is None or code & 0xFF not in _OF_A_STATEMENT)


def _is_odd_text(error: BaseException) -> bool:
    """Whether text could not be written or read as it is."""
    return isinstance(error, UnicodeEncodeError) or (
        isinstance(error, sqlite3.OperationalError) and "Could not decode" in str(error)
    )


def _with_odd_text(connection: sqlite3.Connection, request: _Request) -> Any:
    """Run an operation; and once more, where text could not be written or read as it is."""
    try:
        return _run(connection, request)
    except (UnicodeEncodeError, sqlite3.OperationalError) as error:
        if not _is_odd_text(error):
            raise
        connection.execute("ROLLBACK TO part")
    connection.text_factory = readable
    try:
        return _run(connection, request, odd_text=True)
    finally:
        connection.text_factory = str


def _run(connection: sqlite3.Connection, request: _Request, *, odd_text: bool = False) -> Any:
    request.after.clear()
    return run_on(connection, request.work(), request.after, odd_text=odd_text)


def _read_apart(path: Path, work: Callable[[], Operation[T]]) -> T:
    address = f"file:{quote(os.fspath(path.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000)) as connection:
        connection.text_factory = readable
        connection.execute("BEGIN")
        return run_on(connection, work(), set())


def run_on(
    connection: sqlite3.Connection, operation: Operation[T], after: set[AfterCommit], *, odd_text: bool = False
) -> T:
    """Take an operation through on a connection, in the transaction it is in; `after` gets what it wants then. With
    `odd_text` what cannot be stored is replaced (`bot.store.text`)."""
    rows: list[Row] = []
    try:
        step = next(operation)
        while True:
            if isinstance(step, Statement):
                values = storable(step.values) if odd_text else step.values
                rows = connection.execute(step.text, values).fetchall()
            else:
                after.add(step)
                rows = []
            step = operation.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
