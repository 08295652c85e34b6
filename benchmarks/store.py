"""`make bench-store`: how fast both databases are, and what is left when workers are killed.

Prints two tables; `--pending N` sets how many jobs wait there for the start-up figure (default 1,000,000), `--cases N`
how many cases `photosync numbers` reads (default 1,000,000). `--only numbers` leaves out the first table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from bot.background import Background
from bot.conversation import Address
from bot.store import Change, Claimed, Job, JobKind
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.numbers import counts
from bot.turns.worker import Worker
from dialogs.case_json import last_touched, to_json
from dialogs.model import Case, Check, Trace, Verdict
from tests.databases import execute, rows, server

ROOT = Path(__file__).resolve().parent.parent
_CHATS = 16
_SECONDS = 5.0  # of each measurement
_JOBS, _WORKERS, _KILLS = 2_000, 3, 15
_LEASE = 6.0  # seconds, in the run with kills
_WORK = 0.1  # seconds that a job takes there, so that kills fall into it
_TO_COUNT, _FIRST, _SHARE = 20_000, 22_000, 20  # cases; those from the one to the other are not in the sums yet
_ADDRESS = Address("https://smba.trafficmanager.net/", "a:1", "28:bot", "29:x", "tenant")


async def turns(store: Store) -> float:
    """Turns a second at 16 chats: one read and one durable commit of person, case and activity each."""
    done = 0

    async def chat(number: int) -> None:
        nonlocal done
        ends = time.monotonic() + _SECONDS
        turn = 0
        while time.monotonic() < ends:
            turn += 1
            activity = f"{number}-{turn}"
            record, _ = await store.load(f"p{number}", activity)
            case = replace(record.case or Case(f"C{number}", opened_at="2026-01-01T00:00:00+00:00"), rev=turn)
            await store.commit(Change(replace(record, address=_ADDRESS, case=case), activity))
            done += 1

    await asyncio.gather(*(chat(number) for number in range(_CHATS)))
    return done / _SECONDS


async def follow_ups(store: Store, jobs: int = 4_000) -> float:
    """Jobs a second that one worker does nothing with but finish."""
    for number in range(jobs):
        await store.put(Job(JobKind.FOLLOW_UP, f"bench-{number}", "x", 0.0))
    worker = Worker(store, {JobKind.FOLLOW_UP: store.finish})
    begun = time.monotonic()
    background = Background(lambda _name, _alive: None)
    background.start("jobs", worker.run)
    for _ in range(10_000):
        if not (await store.pending())[JobKind.FOLLOW_UP]:
            break
        await asyncio.sleep(0.02)
    taken = time.monotonic() - begun
    await background.stop()
    await worker.stop()
    return jobs / taken


async def start_with(url: str, pending: int) -> float:
    """Seconds to open a store in which many jobs wait, and to claim what is due."""
    store = await open_store(url)
    await store.put(Job(JobKind.FOLLOW_UP, "now", "x", 0.0))
    await store.close()
    await _fill(url, pending)
    begun = time.monotonic()
    store = await open_store(url)
    claimed = await store.claim(16, 60)
    await store.next_due()
    taken = time.monotonic() - begun
    assert len(claimed) == 1
    await store.close()
    return taken


async def _fill(url: str, pending: int) -> None:
    later = time.time() + 86_400
    rows = [("follow_up", f"later-{number}", f"p{number}", "{}", later + number) for number in range(pending)]
    columns = ("kind", "key", "person", "payload", "due_at")
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.executemany(f"INSERT INTO work ({', '.join(columns)}) VALUES (?, ?, ?, ?, ?)", rows)
        return
    there = await asyncpg.connect(url)
    await there.copy_records_to_table("work", records=rows, columns=columns)
    await there.execute("ANALYZE work")
    await there.close()


async def figures(url: str, cases: int) -> tuple[float, float]:
    """How many cases a second the job brings into the sums, with three lines of log each; and the seconds in which all
    of `cases` are read, 2,000 of which are not in the sums yet."""
    store = await open_store(url)
    await _copy_in(url, "cases", _CASE_COLUMNS, map(_case_row, range(_TO_COUNT)))
    await _copy_in(url, "log", _LOG_COLUMNS, (row for number in range(_TO_COUNT) for row in _log_rows(number)))
    begun = time.monotonic()
    while not await store.count(50):
        pass
    a_second = _TO_COUNT / (time.monotonic() - begun)
    # What a twentieth of them would count as, twenty times: to make each would take minutes.
    sums: Counter[tuple[str, str, str]] = Counter()
    for number in range(_TO_COUNT, _TO_COUNT + cases // _SHARE):
        case = _case(number)
        of_case = counts(case, last_touched(case), 3, 1)
        sums.update({(case.opened_at[:10], *key): value * _SHARE for key, value in of_case.items()})
    known = {(day, kind, label): many for day, kind, label, many in await rows(url, "SELECT * FROM sums")}
    sums.update(known)
    await execute(url, "DELETE FROM sums")
    await _copy_in(url, "sums", ("day", "kind", "label", "number"), ((*key, many) for key, many in sums.items()))
    counted = ((f"C{number}", f"p{number}", "{}", "resolved", "2026-01-01", "", 0) for number in range(_FIRST, cases))
    await _copy_in(url, "cases", _CASE_COLUMNS, counted)
    await _copy_in(url, "cases", _CASE_COLUMNS, map(_case_row, range(_TO_COUNT, _FIRST)))
    begun = time.monotonic()
    found = await store.numbers(date(2000, 1, 1), date(2100, 1, 1))
    taken = time.monotonic() - begun
    assert found.cases == _FIRST + cases // _SHARE * _SHARE
    await store.close()
    return a_second, taken


def _case(number: int) -> Case:
    """One of a year, of 32 languages, ten causes and a walk of some steps."""
    dice = random.Random(number)
    opened = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(365 * 86_400))
    at = [
        (opened + timedelta(seconds=dice.randrange(300 * place, 3_000 * place + 1))).isoformat() for place in range(4)
    ]
    outcome = dice.choice(("resolved", "resolved_later", "escalated", "stopped", ""))
    verdict = dice.choice((Verdict.DIFFER, Verdict.MISSING, Verdict.NO_PHOTO))
    checks = (Check(at[1], verdict), *([Check(at[3], Verdict.MATCH)] if outcome.startswith("resolved") else []))
    steps = [f"resync.step{dice.randrange(8)}" for _ in range(3)]
    return Case(
        f"C{number}",
        opened_at=opened.isoformat(),
        step=steps[-1],
        locale=f"l{dice.randrange(32)}",
        outcome=outcome,
        checks=checks,
        traces=(*(Trace(one, at[2], "next") for one in steps), Trace(steps[-1], at[2], "stop")),
        requests="fix check",
        understood="2 0 1",
        rating=dice.choice(("", "", "up", "down")),
    )


_CASE_COLUMNS = ("id", "person", "document", "outcome", "touched", "counted", "uncounted")
_LOG_COLUMNS = ("at", "case_id", "kind", "what")


def _case_row(number: int) -> tuple[str, str, str, str, str, str, int]:
    case = _case(number)
    return case.id, f"p{number}", to_json(case), case.outcome, case.opened_at, "", 1


def _log_rows(number: int) -> Iterator[tuple[str, str, str, str]]:
    for kind in ("typed", "looked", "followed"):
        yield "2026-01-01T00:00:00+00:00", f"C{number}", kind, ""


async def _copy_in(url: str, table: str, columns: tuple[str, ...], found: Iterator[tuple[object, ...]]) -> None:
    """Behind the store's back, in lots."""
    while lot := list(islice(found, 50_000)):
        if url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
                marks = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", lot)
            continue
        there = await asyncpg.connect(url)
        await there.copy_records_to_table(table, records=lot, columns=columns)
        await there.execute(f"ANALYZE {table}")
        await there.close()


async def work_until_killed(url: str, record: str) -> None:
    """A worker process: the effect of a job is a line in a file, and then the job is finished."""
    store = await open_store(url)
    out = os.open(record, os.O_WRONLY | os.O_APPEND)

    async def effect(claimed: Claimed) -> None:
        await asyncio.sleep(_WORK)
        os.write(out, f"{claimed.job.key} {claimed.attempt} {time.time()}\n".encode())
        await store.finish(claimed)

    worker = Worker(store, {JobKind.FOLLOW_UP: effect}, lease=_LEASE)
    await worker.run(lambda: None)


async def killed(url: str, folder: Path) -> tuple[int, int, float]:
    """2,000 jobs, three workers, 15 kills: how many were lost, how many done twice, and the pick-up after a death.

    The pick-up is the longest time from when a job was due, and claimed by the one that died, to when another did it.
    """
    dice = random.Random(1)
    record = folder / "effects"
    record.touch()
    store = await open_store(url)
    now = time.time()
    for number in range(_JOBS):
        await store.put(Job(JobKind.FOLLOW_UP, f"job-{number}", "x", _due(now, f"job-{number}")))

    async def start() -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "benchmarks.store", "--worker", url, str(record)]
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT)

    workers = [await start() for _ in range(_WORKERS)]
    for _ in range(_KILLS):
        await asyncio.sleep(dice.uniform(0.6, 1.8))
        place = dice.randrange(_WORKERS)
        workers[place].send_signal(signal.SIGKILL)
        await workers[place].wait()
        workers[place] = await start()
    for _ in range(600):
        if not (await store.pending())[JobKind.FOLLOW_UP]:
            break
        await asyncio.sleep(0.1)
    for worker in workers:
        worker.kill()
        await worker.wait()
    await store.close()
    lines = [line.split() for line in record.read_text(encoding="utf-8").splitlines()]
    counts = Counter(key for key, _, _ in lines)
    inherited = [float(at) - _due(now, key) for key, attempt, at in lines if int(attempt) > 1]
    return _JOBS - len(counts), sum(count > 1 for count in counts.values()), max(inherited, default=0.0)


def _due(now: float, key: str) -> float:
    return now + 2 + int(key.removeprefix("job-")) * 20 / _JOBS


@contextlib.contextmanager
def databases() -> Iterator[dict[str, Callable[[str], AsyncIterator[str]]]]:
    """An empty database of each kind, as often as asked."""
    with tempfile.TemporaryDirectory(prefix="photosync-bench-") as folder, server(durable=True) as address:

        async def file(name: str) -> AsyncIterator[str]:
            yield f"sqlite:///{folder}/{name}.db"

        async def database(name: str) -> AsyncIterator[str]:
            connection = await asyncpg.connect(f"{address}/postgres")
            await connection.execute(f"CREATE DATABASE {name}")
            await connection.close()
            yield f"{address}/{name}"

        yield {"SQLite": file, "PostgreSQL": database}


async def measure(pending: int) -> Table:
    """All of it, as one table."""
    table = Table(
        "database",
        "turns/s, 16 chats",
        "jobs/s",
        f"start with {pending:,} pending, s",
        "lost",
        "done twice",
        f"pick-up after a death, s (lease {_LEASE:g} s)",
    )
    with databases() as kinds:
        for name, make in kinds.items():
            store = await open_store(await anext(make("speed")))
            speeds = (await turns(store), await follow_ups(store))
            await store.close()
            begun = await start_with(await anext(make("much")), pending)
            with tempfile.TemporaryDirectory() as folder:
                lost, twice, pick_up = await killed(await anext(make("killed")), Path(folder))
            table.add_row(
                name, f"{speeds[0]:,.0f}", f"{speeds[1]:,.0f}", f"{begun:.2f}", str(lost), str(twice), f"{pick_up:.1f}"
            )
    return table


async def measure_numbers(cases: int) -> Table:
    """Counting cases and reading what they came to."""
    table = Table("database", "cases counted a second", f"numbers of {cases:,} cases, s")
    with databases() as kinds:
        for name, make in kinds.items():
            a_second, taken = await figures(await anext(make("numbers")), cases)
            table.add_row(name, f"{a_second:,.0f}", f"{taken:.2f}")
    return table


def main() -> int:
    """Exit 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("numbers",))
    parser.add_argument("--worker", nargs=2, metavar=("URL", "FILE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        asyncio.run(work_until_killed(*chosen.worker))
        return 0
    Console(width=140).print(asyncio.run(measure_numbers(chosen.cases)))
    if chosen.only:
        return 0
    table = asyncio.run(measure(chosen.pending))
    Console(width=140).print(table)
    return 1 if any(cell != "0" for cell in table.columns[4].cells) else 0


if __name__ == "__main__":
    sys.exit(main())
