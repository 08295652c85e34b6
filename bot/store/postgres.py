"""PostgreSQL, for several replicas: a pool, one transaction for each operation, woken by LISTEN/NOTIFY.

What an error means. asyncpg has an exception for each SQLSTATE; all of them, its own `InterfaceError`, OSError and
timeouts are looked at in one place, `unavailable`; whatever else comes out of it is an outage too (`_as_outage`):

    22 data, 23 constraint, 21 and 42 syntax    a mistake of this program: raised as it is
    42501 no permission, 42P01, 42703, 3F000    somebody changed the database: `StoreUnavailable`
    42P05, 26000 prepared statements            a pooler that was not found out: `StoreUnavailable`
    22021, 22P05, from UnicodeEncodeError       text that cannot be stored: once more with it replaced
    40001, 40P01 met another transaction        begun again, up to four times
    everything else                             `StoreUnavailable`

A connection that met an error which is not this program's is closed, never reused: its server may be stopping, full,
or no longer the primary. A server that can only be read, or is going down, is left by all connections at once.

A pooler that hands out a server's connection for one transaction (pgbouncer) is recognised when the store is opened:
the process that answers is not the one that the handshake named. Then no statement is prepared by name, and new jobs
are found by polling, because LISTEN needs a connection of its own.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal, TypeVar

import asyncpg

from bot.errors import StoreRefused, StoreUnavailable, StoreUnusable, location
from bot.store.interface import Store
from bot.store.operation import AfterCommit, Operation, Row, Statement
from bot.store.postgres_url import Target, read_url
from bot.store.schema import VERSION, NewerSchema, OlderSchema, statements
from bot.store.text import storable

log = logging.getLogger(__name__)

T = TypeVar("T")
_Isolation = Literal["read_committed", "repeatable_read"]

_CHANNEL = "photosync_work"
_SCHEMA_LOCK = 7_039_120  # any number, the same in every replica
_TIMEOUT = 5.0  # seconds for one statement or connection: two of them end before Teams gives up, after 15
_READ_TIMEOUT = 20.0  # seconds for one statement of what reads much, for which nobody waits
_STEP_TIMEOUT = 86_400.0  # seconds for one of a schema step: an index of a large table takes as long as it takes
_CLOSING = 5.0  # seconds
_TRIES = 4  # of a transaction that met another one
_POLL = 2.0  # seconds between looks for new jobs where LISTEN does not work
_LISTEN_BACKOFF = (1.0, 30.0)  # seconds between tries to listen, the first and the longest

_FOREIGN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_REFUSED = ("21", "22", "23", "42", "P0")  # classes of SQLSTATE
_ODD_TEXT = {"22021", "22P05"}
_NUMBERED = {"log_pkey": "log", "work_pkey": "work"}  # by the constraint: tables whose rows the database numbers
_MET = {"40001", "40P01"}
_LEAVE_SERVER = ("25006", "57P")  # read-only, shutting down


def unavailable(error: BaseException) -> StoreUnavailable | None:
    """What an error of the driver means to the store; None for what is none.

    Also where a statement or a value is refused. Every statement is tried against the present schema by the tests, so
    the schema, a trigger, a right or a sequence is another one now; and while that lasts the channel shall deliver
    again what would be lost.
    """
    if isinstance(error, StoreUnavailable):
        return error
    if not isinstance(error, _FOREIGN):
        return None
    names = (getattr(error, name, None) for name in ("sqlstate", "table_name", "column_name", "constraint_name"))
    text = f"PostgreSQL: {' '.join(filter(None, (type(error).__name__, *names)))}"
    # A value of a type that does not fit is found before anything is sent: an InterfaceError that is a ValueError.
    refused = _state(error)[:2] in _REFUSED or isinstance(error, ValueError)
    return StoreRefused(text) if refused else StoreUnavailable(text)


def _as_outage(error: Exception) -> Exception:
    """What to raise for what came out of the driver.

    When a connection goes, more comes out than the driver's own errors: uvloop's RuntimeError for a transport that is
    closed (MagicStack/uvloop#506), AttributeError where asyncpg finds its connection gone (MagicStack/asyncpg#624).
    """
    if found := unavailable(error):
        return found
    log.warning("PostgreSQL: %s at %s", type(error).__name__, location(error))
    return StoreUnavailable(f"PostgreSQL: {type(error).__name__}")


def _state(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


def _is_odd_text(error: BaseException) -> bool:
    return _state(error) in _ODD_TEXT or isinstance(error.__cause__, UnicodeEncodeError)


def _behind(error: BaseException) -> str:
    """The table whose next number is taken: a restored or replicated database may have its rows and older sequences."""
    return _NUMBERED.get(getattr(error, "constraint_name", None) or "", "")


class PostgresStore(Store):
    """A store in a database that replicas share; at most `size` connections from this process, and one to listen."""

    def __init__(self, url: str, *, size: int = 10) -> None:
        super().__init__()
        self._target = read_url(url)
        self._size = size
        self._pool: asyncpg.Pool[Any] | None = None
        self._pooled = False  # behind a pooler: no prepared statements, no LISTEN
        self._woken = asyncio.Event()
        self._listening: asyncpg.Connection[Any] | None = None
        self._listen_again = 0.0  # when, after it failed
        self._listen_backoff = _LISTEN_BACKOFF[0]

    async def open(self, *, existing: bool = False) -> None:
        if self._pool is not None:
            return
        pool: asyncpg.Pool[Any] | None = None
        try:
            self._pooled = await _prepare(self._target, existing=existing)
            pool = await asyncpg.create_pool(
                min_size=1, max_size=self._size, command_timeout=_TIMEOUT, **self._target.options(pooled=self._pooled)
            )
        except Exception as error:
            if isinstance(error, ValueError):  # the driver's text may hold parts of the address
                raise StoreUnusable(f"PHOTOSYNC_DATABASE_URL cannot be read: {type(error).__name__}") from None
            raise _as_outage(error) from None
        self._pool = pool

    async def close(self) -> None:
        listening, self._listening = self._listening, None
        pool, self._pool = self._pool, None
        if listening is not None:
            listening.terminate()
        if pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSING):
                await pool.close()
        except Exception:  # see `_as_outage`
            pool.terminate()

    async def run(self, work: Callable[[], Operation[T]], *, alone: bool = False) -> T:
        """In a transaction of its own in any case, begun again if it met another one."""
        del alone
        return await self._run(work, "read_committed")

    async def read(self, work: Callable[[], Operation[T]]) -> T:
        """All its statements see the database as it was at the first."""
        return await self._run(work, "repeatable_read")

    async def _run(self, work: Callable[[], Operation[T]], isolation: _Isolation) -> T:
        odd_text = False
        for attempt in range(1, _TRIES + 1):
            own: list[int] = []
            try:
                return await self._try(work, isolation, own, odd_text=odd_text)
            except Exception as error:
                if id(error) in own:
                    raise
                if _is_odd_text(error) and not odd_text:
                    odd_text = True
                elif _behind(error) and attempt < _TRIES:
                    await self._number_on(_behind(error))
                elif _state(error) not in _MET or attempt == _TRIES:
                    raise _as_outage(error) from None
        raise StoreUnavailable("PostgreSQL: the transaction met others every time")

    async def _try(
        self, work: Callable[[], Operation[T]], isolation: _Isolation, own: list[int], *, odd_text: bool
    ) -> T:
        pool = self._pool
        if pool is None:
            raise StoreUnavailable("the store is not open")
        after: set[AfterCommit] = set()
        reads = isolation == "repeatable_read"
        async with pool.acquire(timeout=_TIMEOUT) as connection:
            transaction = connection.transaction(isolation=isolation, readonly=reads)
            try:
                await transaction.start()
                result = await run_on(
                    connection, work, after, own, odd_text=odd_text, seconds=_READ_TIMEOUT if reads else _TIMEOUT
                )
                await transaction.commit()
            except BaseException as error:  # also where it was cancelled
                state = _state(error)
                if state in _MET or id(error) in own or _is_odd_text(error):
                    await transaction.rollback()
                else:
                    # Also where a statement was refused: what is prepared on it may be of another schema. Without a
                    # rollback, for which a server that says nothing would be waited once more.
                    connection.terminate()
                if state.startswith(_LEAVE_SERVER):
                    await pool.expire_connections()
                raise
        if AfterCommit.ANNOUNCE in after:
            self._woken.set()
        return result

    async def _number_on(self, table: str) -> None:
        """Let a table's numbers go on behind the last row. Raises `StoreUnavailable`."""

        def work() -> Operation[None]:
            # One after the other, and never back: others have taken numbers that nobody sees before they commit.
            yield Statement("SELECT pg_advisory_xact_lock(?::bigint)", (_SCHEMA_LOCK,))
            yield Statement(
                f"SELECT setval('{table}_id_seq', id) FROM {table}_id_seq, "  # noqa: S608 - constants
                f"(SELECT max(id) AS id FROM {table}) AS last WHERE id > last_value"
            )

        try:
            await self._try(work, "read_committed", [], odd_text=False)
        except Exception as error:
            raise _as_outage(error) from None
        log.warning("PostgreSQL: the numbers of %s were behind its rows, as after a restore; they go on now", table)

    async def changed(self, within: float) -> None:
        deadline = time.monotonic() + within
        if not await self._listens(deadline):
            deadline = min(deadline, time.monotonic() + _POLL)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._woken.wait()
                self._woken.clear()

    async def _listens(self, deadline: float) -> bool:
        """Whether another process's NOTIFY wakes this one. After a failure it is tried again later and later."""
        if self._pooled or self._pool is None:
            return False
        if self._listening is not None and not self._listening.is_closed():
            return True
        if time.monotonic() < self._listen_again:
            return False
        connection: asyncpg.Connection[Any] | None = None
        try:
            async with asyncio.timeout(min(_TIMEOUT, max(0.1, deadline - time.monotonic()))):
                connection = await asyncpg.connect(**self._target.options(pooled=False))
                await connection.add_listener(_CHANNEL, lambda *_: self._woken.set())
            if self._pool is not None:  # not closed in the meantime
                self._listening, self._listen_backoff = connection, _LISTEN_BACKOFF[0]
        except Exception:  # see `_as_outage`
            self._listen_again = time.monotonic() + self._listen_backoff
            self._listen_backoff = min(_LISTEN_BACKOFF[1], 2 * self._listen_backoff)
        finally:  # a worker that ends while it connects leaves no connection behind
            if connection is not None and connection is not self._listening:
                connection.terminate()
        return self._listening is not None


async def _prepare(target: Target, *, existing: bool) -> bool:
    """Bring the database to the present schema, or only look whether it is there; returns whether a pooler answers."""
    connection = await asyncpg.connect(timeout=_TIMEOUT, command_timeout=_TIMEOUT, **target.options(pooled=True))
    try:
        check_encoding(connection)
        async with connection.transaction():
            process = await connection.fetchval("SELECT pg_backend_pid()")
            await (_check_existing(connection) if existing else _migrate(connection))
        return bool(process != connection.get_server_pid())
    finally:
        with suppress(Exception):  # see `_as_outage`
            await connection.close(timeout=_CLOSING)


def check_encoding(connection: asyncpg.Connection[Any]) -> None:
    """Raises `StoreUnusable` for a database that cannot hold every language."""
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise StoreUnusable(f"PostgreSQL: the database has the encoding {encoding}: make one with ENCODING 'UTF8'")


async def _version(connection: Any) -> int:
    """Of the schema; 0 where there is none."""
    if not await connection.fetchval("SELECT to_regclass('meta') IS NOT NULL"):
        return 0
    version = int(await connection.fetchval("SELECT version FROM meta") or 0)
    if version > VERSION:
        raise NewerSchema(version)
    return version


async def _check_existing(connection: Any) -> None:
    version = await _version(connection)
    if not version:
        raise StoreUnusable("PostgreSQL: there are no Photosync tables in this database: photosync serve makes them")
    if version < VERSION:
        raise OlderSchema(version)


async def _migrate(connection: Any) -> None:
    if await _version(connection) == VERSION:
        return
    await connection.execute("SET LOCAL statement_timeout = 0")
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _SCHEMA_LOCK):
        log.info("PostgreSQL: waiting for another process that changes the schema")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK, timeout=_STEP_TIMEOUT)
    await connection.execute("CREATE TABLE IF NOT EXISTS meta (version BIGINT NOT NULL)")
    version = await _version(connection)
    for step in range(version, VERSION):
        if version:  # an empty database is no news
            log.info("PostgreSQL: changing the schema from %d to %d", step, step + 1)
        for text in statements("postgresql", step):
            await connection.execute(text, timeout=_STEP_TIMEOUT)
    await connection.execute("DELETE FROM meta")
    await connection.execute("INSERT INTO meta (version) VALUES ($1)", VERSION)


async def run_on(
    connection: Any,
    work: Callable[[], Operation[T]],
    after: set[AfterCommit],
    own: list[int] | None = None,
    *,
    odd_text: bool = False,
    seconds: float = _TIMEOUT,
) -> T:
    """Take an operation through on a connection, in the transaction it is in; `after` gets what it wants then, `own`
    the `id` of what the operation itself raises, to be told from what the driver does. With `odd_text` what cannot be
    stored is replaced (`bot.store.text`). `seconds`: for each statement."""
    operation: Operation[T] | None = None
    rows: list[Row] = []
    while True:
        try:
            if operation is None:
                operation = work()
                step = next(operation)
            else:
                step = operation.send(rows)
        except StopIteration as end:
            result: T = end.value
            return result
        except Exception as error:
            if own is not None:
                own.append(id(error))
            raise
        if isinstance(step, Statement):
            values = storable(step.values) if odd_text else step.values
            rows = [tuple(row) for row in await connection.fetch(_translated(step.text), *values, timeout=seconds)]
        else:
            if step is AfterCommit.ANNOUNCE and step not in after:
                await connection.execute(f"NOTIFY {_CHANNEL}")  # delivered to every replica after the commit
            after.add(step)
            rows = []


@lru_cache(maxsize=1_000)
def _translated(text: str) -> str:
    """`?` as PostgreSQL wants it ($1, $2, ...), and what is only for PostgreSQL out of its comment."""
    text = re.sub(r"/\*postgresql (.*?)\*/", r"\1", text)
    count = iter(range(1, text.count("?") + 1))
    return re.sub(r"\?", lambda _: f"${next(count)}", text)
