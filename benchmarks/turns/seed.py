"""Stored cases, as the bot's own store writes them: `python -m benchmarks.turns.seed FILE FIRST COUNT TENANT APP URL`.

Rows are written many at a time: a million cases through the store's interface would take longer than the benchmark.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.turns.people import CHANNEL, FIRST_REV, STEPS, Member
from bot.conversation import Address
from bot.store.connect import open_store
from dialogs.case_json import to_json
from dialogs.model import Case, Check, Trace, Verdict

_AT = "2026-01-01T09:00:00+00:00"
_ENTRIES = (("typed", "fix"), ("looked", "differ"), ("shown", "look.differ"), ("pressed", "next"), ("shown", STEPS[0]))
_LOT = 10_000


def case_of(one: Member) -> Case:
    """Somebody who asked, was shown two photos that differ, and now reads the first step."""
    return Case(
        id=one.case,
        rev=FIRST_REV,
        step=STEPS[0],
        trail=("desk.menu", "look.differ"),
        platform="Windows",
        opened_at=_AT,
        checks=(Check(_AT, Verdict.DIFFER, "", 0.31),),
        traces=(Trace("desk.menu", _AT, "fix"), Trace("look.differ", _AT, "next")),
        checked_by="look.photos",
        card=one.card,
    )


def waiting(case: Case) -> Case:
    """The same somebody at the walk's end, while we look again by ourselves."""
    return replace(case, step="resync.waiting", following="resync.waiting", checked_by="resync.checking")


async def seed(file: Path, members: range, address: Address, *, follow_at: float | None = None) -> None:
    """A new database with a case for each number; with `follow_at` (seconds since 1970) all wait for follow-ups."""
    await (await open_store(f"sqlite:///{file}")).close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        for begin in range(members.start, members.stop, _LOT):
            lot = [Member(number) for number in range(begin, min(begin + _LOT, members.stop))]
            with connection:
                _write(connection, lot, address, follow_at)
        connection.execute("ANALYZE")


def _write(connection: sqlite3.Connection, lot: list[Member], address: Address, follow_at: float | None) -> None:
    connection.executemany(
        "INSERT INTO people (person, version, name, locale, platform, address, blocked, present) "
        "VALUES (?, 1, ?, 'en', 'Windows', ?, 0, ?)",
        _people(lot, address),
    )
    connection.executemany(
        "INSERT INTO cases (id, person, document, outcome, touched) VALUES (?, ?, ?, '', ?)", _cases(lot, follow_at)
    )
    entries = ((_AT, one.case, kind, what) for one in lot for kind, what in _ENTRIES)
    connection.executemany("INSERT INTO log (at, case_id, kind, what) VALUES (?, ?, ?, ?)", entries)
    if follow_at is not None:
        payload = json.dumps({"turn": 0, "since": follow_at})
        work = ((one.case, one.id, payload, follow_at) for one in lot)
        connection.executemany(
            "INSERT INTO work (kind, key, person, payload, due_at) VALUES ('follow_up', ?, ?, ?, ?)", work
        )


def _people(lot: list[Member], address: Address) -> Iterator[tuple[Any, ...]]:
    for one in lot:
        own = replace(address, conversation=one.conversation, user=f"29:{one.id}")
        yield one.id, one.name, json.dumps(asdict(own)), one.case


def _cases(lot: list[Member], follow_at: float | None) -> Iterator[tuple[Any, ...]]:
    for one in lot:
        case = case_of(one)
        yield one.case, one.id, to_json(case if follow_at is None else waiting(case)), _AT


def main() -> None:
    """See above."""
    file, first, count, tenant, app, url, *rest = sys.argv[1:]
    address = Address(url, "", f"28:{app}", "", tenant, CHANNEL)
    members = range(int(first), int(first) + int(count))
    asyncio.run(seed(Path(file), members, address, follow_at=float(rest[0]) if rest else None))


if __name__ == "__main__":
    main()
