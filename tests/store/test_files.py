"""Every way a SQLite file can be wrong: at the start, and under the running bot."""

# ruff: noqa: ASYNC240 - short looks at files, in tests
from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import StoreUnavailable, StoreUnusable
from bot.store import Change, Job, JobKind, Record, jobs
from bot.store.connect import open_store
from bot.store.inspection import inspect
from bot.store.interface import Store
from bot.store.sqlite import SqliteStore, connected
from dialogs.model import Case

ADA = Record("ada", name="Ada", case=Case("C1", opened_at="2026-01-01T00:00:00+00:00"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "photosync.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    one = await open_store(f"sqlite:///{file}")
    yield one
    await one.close()


async def made(file: Path, record: Record = ADA) -> Path:
    store = await open_store(f"sqlite:///{file}")
    await store.commit(Change(record))
    await store.close()
    return file


def files(file: Path) -> list[Path]:
    return [one for one in (file, Path(f"{file}-wal"), Path(f"{file}-shm")) if one.exists()]


def another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def another_programs_meta(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")


def listening(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(file))


NEVER: dict[str, tuple[Callable[[Path], object], str]] = {
    "the folder is missing": (lambda file: file.parent.rmdir(), "folder .*data does not exist"),
    "a file where the folder should be": (lambda file: (file.parent.rmdir(), file.parent.touch()), "does not exist"),
    "a folder in its place": (lambda file: file.mkdir(), "photosync.db is a folder"),
    "a link to a folder": (lambda file: file.symlink_to(file.parent), "is a folder"),
    "a link into nowhere": (lambda file: file.symlink_to("/nowhere/at/all"), "photosync.db"),
    "a pipe": (os.mkfifo, "is not a file"),
    "a socket": (listening, "is not a file"),
    "a picture": (lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" * 999), "is not a database"),
    "a text": (lambda file: file.write_text("PHOTOSYNC_PORT=1\n" * 99), "is not a database"),
    "another program's": (another_program, "is not a Photosync database"),
    "another program's, with a table of that name": (another_programs_meta, "is not a Photosync database"),
}


@pytest.mark.parametrize(("make", "words"), NEVER.values(), ids=NEVER)
async def test_what_can_never_work_is_refused_with_its_path_and_left_alone(
    file: Path, make: Callable[[Path], object], words: str
) -> None:
    make(file)
    before = sorted((one, one.stat().st_size, one.stat().st_mode) for one in file.parent.glob("*") if one.exists())
    with pytest.raises(StoreUnavailable, match=words) as refused:
        await open_store(f"sqlite:///{file}")
    assert str(file.parent) in str(refused.value)
    after = sorted((one, one.stat().st_size, one.stat().st_mode) for one in file.parent.glob("*") if one.exists())
    assert after == before
    if "nowhere" not in str(file.resolve()):
        with pytest.raises(StoreUnusable, match=words):
            await inspect(f"sqlite:///{file}")


async def test_only_the_bots_account_can_read_the_files(file: Path, store: Store) -> None:
    old = os.umask(0)
    try:
        await store.commit(Change(ADA))
        assert [oct(stat.S_IMODE(one.stat().st_mode)) for one in files(file)] == ["0o600"] * 3
    finally:
        os.umask(old)


async def test_files_of_an_earlier_version_are_closed_to_other_accounts(file: Path) -> None:
    await made(file)
    file.chmod(0o644)
    store = await open_store(f"sqlite:///{file}")
    assert [stat.S_IMODE(one.stat().st_mode) & 0o007 for one in files(file)] == [0, 0, 0]
    await store.close()


async def fails(store: Store, words: str) -> None:
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=words):
            await asyncio.wait_for(store.load("ada"), 20)
        with pytest.raises(StoreUnavailable, match=words):
            await asyncio.wait_for(store.commit(Change(Record("eve"))), 20)


async def test_a_file_that_is_removed_is_noticed_and_goes_on_when_it_is_back(file: Path, store: Store) -> None:
    saved = await store.commit(Change(ADA))
    file.rename(file.with_name("elsewhere"))
    await fails(store, f"{file} is gone: put it or a backup back")
    assert not await store.ready()
    file.with_name("elsewhere").rename(file)
    assert (await store.load("ada"))[0] == saved


async def test_a_file_that_is_deleted_goes_on_with_a_backup(file: Path, store: Store) -> None:
    backup = await made(file.parent.parent / "backup.db", replace(ADA, name="of the backup"))
    await store.commit(Change(ADA))
    for one in files(file):
        one.unlink()
    await fails(store, "is gone")
    shutil.copy(backup, file)
    record, _ = await store.load("ada")
    assert record.name == "of the backup"
    await store.commit(Change(replace(record, name="later")))
    await store.close()
    assert await integrity(file) == "later"


async def integrity(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = await open_store(f"sqlite:///{file}")
    record, _ = await store.load("ada")
    await store.close()
    return record.name


@pytest.mark.parametrize("with_log", [False, True], ids=["alone", "with a log of its own"])
async def test_a_file_that_is_replaced_is_opened(file: Path, store: Store, *, with_log: bool) -> None:
    """Nothing of the log of the file before gets into the new one."""
    other = await made(file.parent.parent / "other.db", replace(ADA, name="of the other"))
    await store.commit(Change(ADA))
    writer = await open_store(f"sqlite:///{other}") if with_log else None
    if writer is not None:
        await writer.commit(Change(replace((await writer.load("ada"))[0], name="in the log")))
        for one in files(other):
            shutil.copy(one, file.parent / one.name.replace("other", "new"))
        for one in files(file.parent / "new.db"):
            one.rename(file.parent / one.name.replace("new", "photosync"))
    else:
        other.rename(file)
    record, _ = await store.load("ada")
    assert record.name == ("in the log" if with_log else "of the other")
    await store.commit(Change(replace(record, name="after")))
    await store.close()
    if writer is not None:
        await writer.close()
    assert await integrity(file) == "after"


async def test_a_log_that_is_deleted_loses_nothing(file: Path, store: Store) -> None:
    saved = await store.commit(Change(ADA))
    Path(f"{file}-wal").unlink()
    later = await store.commit(Change(replace(saved, name="after")))
    assert (await store.load("ada"))[0] == later
    await store.close()
    assert await integrity(file) == "after"


REPLACED: dict[str, tuple[Callable[[Path], object], str]] = {
    "by nothing": (lambda file: file.touch(), "is not a Photosync database"),
    "by a picture": (lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" * 999), "is not a database"),
    "by another program's": (another_program, "is not a Photosync database"),
    "by a folder": (lambda file: file.mkdir(), "is a folder"),
    "by a pipe": (os.mkfifo, "is not a file"),
}


@pytest.mark.parametrize(("make", "words"), REPLACED.values(), ids=REPLACED)
async def test_a_file_that_is_replaced_by_something_else_is_refused_until_it_is_back(
    file: Path, store: Store, make: Callable[[Path], object], words: str
) -> None:
    saved = await store.commit(Change(ADA))
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(file.parent / "kept")) as kept:
        one.backup(kept)
    file.unlink()
    make(file)
    await fails(store, words)
    file.rmdir() if file.is_dir() else file.unlink()
    (file.parent / "kept").rename(file)
    assert (await store.load("ada"))[0] == saved


async def test_a_damaged_page_is_reported_and_a_backup_goes_on(file: Path, store: Store) -> None:
    for number in range(50):
        await store.commit(Change(replace(ADA, person=f"p{number}", name="x" * 3000, case=None)))
    saved = await store.commit(Change(ADA))
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(file.parent / "kept")) as kept:
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        one.backup(kept)
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xff" * (file.stat().st_size - 4096))
    calls = [store.load(f"p{number}") for number in range(50)]
    with pytest.raises(StoreUnavailable, match="put a backup in its place"):
        await asyncio.gather(*calls)
    (file.parent / "kept").rename(file)
    assert (await store.load("ada"))[0] == saved


async def test_a_lock_of_another_program_is_an_outage_and_then_over(file: Path, store: Store) -> None:
    saved = await store.commit(Change(ADA))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.load("ada")
        assert not await store.ready()
        other.execute("ROLLBACK")
    assert (await store.load("ada"))[0] == saved
    await asyncio.sleep(1.1)
    assert await store.ready()


async def test_nobody_waits_for_the_locks_of_others_one_after_the_other(file: Path, store: Store) -> None:
    """Who came while a batch waited in vain is told with it, and does not begin to wait then."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.create_task(store.load("ada"))
        await asyncio.sleep(1)
        late = [asyncio.create_task(store.load(f"p{number}")) for number in range(3)]
        await asyncio.wait([first])
        other.execute("ROLLBACK")
        told = await asyncio.gather(first, *late, return_exceptions=True)
    assert [type(one) for one in told] == [StoreUnavailable] * 4
    assert not (await store.load("ada"))[1]


def patient(file: Path, mode: str) -> sqlite3.Connection:
    """A connection that waits ten minutes for others, where it waits."""
    connection = connected(file, mode)
    connection.execute("PRAGMA busy_timeout = 600000")
    return connection


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A program beside the bot, in the middle of reading."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        yield reader


async def test_nobody_waits_for_a_reader_when_a_person_is_erased_and_the_log_is_emptied_after_it(file: Path) -> None:
    store = SqliteStore(file, patient)
    await store.open()
    await store.commit(Change(replace(ADA, name="Countess")))
    with reading(file) as reader:
        async with asyncio.timeout(60):
            assert (await store.erase("ada")).people == 1
            await store.commit(Change(Record("ben")))
        assert b"Countess" in Path(f"{file}-wal").read_bytes()
        reader.execute("COMMIT")
        async with asyncio.timeout(60):
            while b"Countess" in Path(f"{file}-wal").read_bytes():  # noqa: ASYNC110 - another program would look so
                await asyncio.sleep(0.05)
        await store.close()


async def test_what_was_erased_is_not_left_in_the_log_by_a_program_that_ends_while_somebody_reads(file: Path) -> None:
    store = await open_store(f"sqlite:///{file}")
    await store.commit(Change(replace(ADA, name="Countess")))
    with reading(file) as reader:
        await store.erase("ada")
        closed = asyncio.create_task(store.close())
        await asyncio.sleep(0.3)
        reader.execute("COMMIT")
        await closed
        assert b"Countess" not in Path(f"{file}-wal").read_bytes()


async def test_tries_that_fail_leave_no_thread_and_no_file_behind(file: Path) -> None:
    file.mkdir()
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(6):
        with pytest.raises(StoreUnusable):
            await open_store(f"sqlite:///{file}")
    await asyncio.sleep(0.2)
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


async def test_a_command_does_not_make_a_database_nor_bring_it_forward(file: Path) -> None:
    with pytest.raises(StoreUnusable, match=f"no database at {file}"):
        await open_store(f"sqlite:///{file}", existing=True)
    assert not file.exists()
    await made(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE meta SET version = 2")
    with pytest.raises(StoreUnusable, match="schema 2, this program needs 4: photosync serve"):
        await open_store(f"sqlite:///{file}", existing=True)
    assert (await inspect(f"sqlite:///{file}")).version == 2


def page_of(connection: sqlite3.Connection, table: str) -> int:
    """The root page of a table."""
    return int(connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0])


@pytest.mark.parametrize("table", ["people", "cases", "work", "log"])
@pytest.mark.parametrize("how", ["renamed", "overwritten"])
async def test_it_is_not_ready_while_a_table_that_turns_need_is_gone_or_damaged(
    file: Path, store: Store, table: str, how: str
) -> None:
    await store.commit(Change(ADA))
    assert await store.ready()
    with closing(sqlite3.connect(file)) as connection, connection:
        if how == "renamed":
            connection.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        else:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            at = (page_of(connection, table) - 1) * 4_096
            with file.open("r+b") as raw:
                raw.seek(at)
                raw.write(b"\xa5" * 4_096)
    await asyncio.sleep(1.1)  # an answer is good for a second
    assert not await store.ready()


async def test_asking_whether_it_is_ready_reads_through_no_table(file: Path, store: Store) -> None:
    assert await store.ready()
    with closing(sqlite3.connect(file)) as connection:
        for table, column, of_index in jobs._NEEDED:
            text = f"EXPLAIN QUERY PLAN SELECT {column} FROM {table} WHERE {of_index} LIMIT 1"
            plan = " ".join(str(row[-1]) for row in connection.execute(text))
            assert "SEARCH" in plan, (table, plan)


ODD_TIMES = ["'x'", "x'00ff'", "9e999", "1e300", "'2026-11-28'"]


@pytest.mark.parametrize("due", ODD_TIMES)
async def test_a_job_that_is_due_at_no_time_is_laid_aside_and_the_others_are_done(
    file: Path, store: Store, due: str
) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"INSERT INTO work (kind, key, person, payload, due_at) VALUES ('count', 'k', '', '{{}}', {due})")  # fmt: skip
        for column, value in (("fence", "9223372036854775807"), ("fence", "1.5"), ("attempt", "'x'")):
            connection.execute(f"INSERT INTO work (kind, key, person, payload, due_at, {column}) VALUES ('show', '{column} {value[:2].strip(chr(39))}', '', '{{}}', 1, {value})")  # fmt: skip
        connection.execute("INSERT INTO work (kind, key, person, payload, due_at) VALUES ('ticket', x'ff01', '', '{}', 1)")  # fmt: skip
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 100.0))
    assert isinstance(await store.next_due(), int | float)
    assert [one.job.key for one in await store.claim(16, 60)] == ["C1"]
    assert len(await store.dead_letters()) == 5


async def test_leases_of_a_clock_that_was_ahead_hold_nobody_up(file: Path, store: Store) -> None:
    assert await store.lease_slots("photo", "a" * 16, 4, 8.0, 0, 4, 4) == (4, False)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE slots SET until = until + 240")
    got, _ = await store.lease_slots("photo", "b" * 16, 4, 8.0, 0, 4, 4)
    assert got == 4


async def test_odd_cells_of_counters_and_version_are_no_traceback(file: Path) -> None:
    await made(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO counters VALUES ('photosync_cases', 'resolved', 'x'), ('photosync_cases', 'stopped', 3)")  # fmt: skip
    store = await open_store(f"sqlite:///{file}")
    assert await store.add_to_counters({("photosync_cases", "stopped"): 1}, "p1", 1) == {
        ("photosync_cases", "stopped"): 4
    }
    await store.close()
    for version in ("'x'", "1e300", "-1", "x'00'"):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"UPDATE meta SET version = {version}")
        with pytest.raises(StoreUnusable, match="put a backup in its place"):
            await open_store(f"sqlite:///{file}")


async def test_many_questions_whether_it_is_ready_are_one_write(file: Path, store: Store) -> None:
    await store.erase("nobody")  # empties the log
    assert all(await asyncio.gather(*(store.ready() for _ in range(500))))
    assert 0 < Path(f"{file}-wal").stat().st_size < 3 * 4_200


async def test_counting_a_million_jobs_does_not_hold_a_turn(file: Path, store: Store) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany("INSERT INTO work (kind, key, person, payload, due_at) VALUES ('follow_up', ?, 'x', '{}', 9e9)", ((f"k{n}",) for n in range(200_000)))  # fmt: skip
    await store.put(Job(JobKind.TICKET, "C1", "ada", 9e9))
    counting = [asyncio.create_task(store.sampled_pending(JobKind.FOLLOW_UP)) for _ in range(50)]
    await store.commit(Change(ADA))
    assert await asyncio.gather(*counting) == [200_000] * 50
    assert (await store.sampled_pending(JobKind.TICKET), await store.sampled_pending(JobKind.SHOW)) == (1, 0)
