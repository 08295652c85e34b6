"""The hand-over to every helpdesk system, killed at every point of it (`make tickets`).

A process goes through one case with the bot's own code and a database: the person hands it over, adds two comments, and
is told the states that follow. It is killed (SIGKILL) by the system's server before or after one of its requests takes
effect, each in turn, or by the clock in between; then another process goes on from the database, as after a restart.

Prints for each system how many tickets there are of a key, whether comments came in order and once, whether the evidence
is there, and how often each state was decided to be told. Exit status 1 if anything but one is among them. `--kills` of
each system, `--only` names of systems. Time is shortened: where search lags, by as much as the wait for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from rich.console import Console
from rich.table import Table

from bot import resources
from bot.cards.templates import CardTemplates
from bot.conversation import Address, Message
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.http_client import HttpClient
from bot.languages import packaged
from bot.languages.live import LiveTranslations
from bot.metrics import Metrics
from bot.photos.picture import Picture
from bot.store import Change, Conflict, JobKind, Record
from bot.store.connect import open_store
from bot.store.transactions import Operation, Statement
from bot.turns.decisions import Decisions
from bot.turns.follow_ups import FollowUps
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from bot.turns.schedule import Schedule
from bot.turns.worker import Worker
from dialogs.frozen import replace
from dialogs.model import Case, Check, Pressed, Verdict
from sandbox.desks import DESKS
from sandbox.desks.desk import Desk
from sandbox.world import World
from tests.tickets.ground import ADA, AT, helpdesk_of, settings_of

T = TypeVar("T")
_LAG = {"jira": 0.3, "zammad": 0.3, "freshservice": 0.3}  # seconds until a search finds what is new
_STATES = ("working", "waiting", "solved")
_PATIENCE = 60.0  # seconds for one case
_CONTEXT = multiprocessing.get_context("fork")
_PICTURES = resources.illustrations()
packaged.topics(packaged.languages(), _PICTURES)  # read before there are other processes


# The system's side: a process of its own, which kills whoever is at work.


@dataclass
class Controls:
    """What both sides see of each other."""

    worker: Any = field(default_factory=lambda: _CONTEXT.Value("i", 0))
    kill_at: Any = field(default_factory=lambda: _CONTEXT.Value("i", -1))  # the how manieth moment from now
    url: Any = field(default_factory=lambda: _CONTEXT.Array("c", 2_000))


def serve(system: str, controls: Controls) -> None:
    asyncio.run(_serve(system, controls))


async def _serve(system: str, controls: Controls) -> None:
    desk = DESKS[system](World())
    desk.lag = _LAG.get(system, 0.0)
    desk.people[ADA] = 1

    def moment(_: str, request: web.Request) -> None:
        if request.path.startswith("/_"):
            return
        with controls.kill_at.get_lock():
            left = controls.kill_at.value
            controls.kill_at.value = left - 1 if left >= 0 else left
        if left == 0:
            os.kill(controls.worker.value, signal.SIGKILL)

    desk.moment = moment
    routes = desk.routes()
    extra = [("POST", "/_becomes/{key}/{state}", _becomes(desk)), ("GET", "/_sum", _sum(desk))]
    desk.routes = lambda: [*extra, *routes]  # type: ignore[method-assign]
    desk.admitted = lambda request, before=desk.admitted: request.path.startswith("/_") or before(request)  # type: ignore[method-assign, misc]
    await desk.start(None)
    controls.url.value = json.dumps(desk.environment()).encode()
    await asyncio.Event().wait()


def _becomes(desk: Desk) -> Any:
    async def answer(request: web.Request) -> web.Response:
        state = request.match_info["state"]
        for one in desk.tickets:
            if one.key == request.match_info["key"] and one.state != desk.STATES[state]:
                desk.becomes(one, state)
        return web.json_response({})

    return answer


def _sum(desk: Desk) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response([
            {"key": one.key, "files": one.files, "notes": [note.text for note in one.notes]} for one in desk.tickets
        ])  # fmt: skip

    return answer


# The bot's side: a process for each try.


class _Silent:
    """A conversation of which nobody reads anything."""

    async def typing(self) -> None: ...

    async def send(self, message: Message) -> str:
        return f"m{message.locale}"

    async def update(self, activity: str, message: Message) -> None: ...


class _Eyes:
    """What looks at photos: they differ."""

    async def look(self, person: str, site: str = "", since: str = "", *, change: bool = False) -> DiagnosisResult:
        return DiagnosisResult(Verdict.DIFFER, similarity=0.4)

    async def upn(self, person: str) -> str:
        return ADA

    async def language(self, person: str) -> str:
        return ""

    async def watched(self, person: str) -> tuple[str, ...]:
        return ()

    async def digest(self, paths: tuple[str, ...]) -> str:
        return ""

    def forget(self, person: str) -> None: ...

    async def decode(self, work: Callable[[], T], *pictures: Picture | None) -> T:
        return work()


def attempt(environment: dict[str, str], database: str, case: str, controls: Controls) -> None:
    """From wherever the database says it stands to the end; exits with 0 then."""
    controls.worker.value = os.getpid()
    try:
        asyncio.run(asyncio.wait_for(_go_on(environment, database, case), _PATIENCE))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


async def _go_on(environment: dict[str, str], database: str, number: str) -> None:
    settings = settings_of({**environment, "PHOTOSYNC_TICKET_POLL": "1s"})
    http, store = HttpClient.from_settings(settings), await open_store(database)
    metrics, live = Metrics(), LiveTranslations(None, _PICTURES, "https://teams.microsoft.com")
    helpdesk = replace(helpdesk_of(settings, http), poll=(0.05,))
    decisions = Decisions(live, store, _Eyes(), helpdesk, metrics)
    schedule = Schedule(())
    outbox = Outbox(store, CardTemplates(), live, metrics, schedule)
    runner = TurnRunner(decisions, outbox, live, store, metrics)
    follow_ups = FollowUps(runner, decisions, outbox, store, lambda _: _Silent(), schedule, 86_400.0)
    person = f"person-{number}"
    await asyncio.sleep(1.3 * max(_LAG.values()) if helpdesk.lag else 0.0)
    await store.run(lambda: _all_due(person))  # leases and waits of before are over
    doers = {kind: follow_ups.doers[kind] for kind in (JobKind.TICKET, JobKind.TICKET_STATE)}
    work = Worker(store, doers)
    worker = asyncio.create_task(work.run(lambda: None))
    for submission in (1, 2, 3):
        await _handed_over(decisions, outbox, person, number, submission)
        async with asyncio.timeout(_PATIENCE):
            while await store.open_keys(JobKind.TICKET, person):
                await asyncio.sleep(0.01)
                await store.run(lambda: _soon(person, helpdesk.lag))
    for state in _states(environment):
        async with asyncio.timeout(_PATIENCE):
            while state not in [
                entry.what.split()[0] for entry in await store.log(number) if entry.kind == "progressed"
            ]:
                await http.request(
                    "POST", f"{settings.ticket_url}/_becomes/photosync-{number}/{state}", system="run", deadline=5
                )
                await asyncio.sleep(0.02)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await work.stop()
    await asyncio.gather(http.close(), store.close())


async def _handed_over(decisions: Decisions, outbox: Outbox, person: str, number: str, submission: int) -> None:
    """The turn of somebody who presses *Send*, delivered again until it is committed."""
    while True:
        record, _ = await outbox.load(person)
        if not record.version:
            case = Case(number, step="desk.ticket", opened_at=AT, checks=(Check(AT, Verdict.DIFFER),))
            address = Address("https://smba.example/", "a:1", "28:b", "29:u", "t")
            record = await outbox.commit(Change(Record(person, name="Ada", locale="en", address=address, case=case)))
        case = record.case
        assert case is not None
        if case.submissions >= submission:
            return
        standing = replace(record, case=replace(case, step="desk.ticket", outcome=case.outcome))
        press = Pressed("send_ticket", number, "desk.ticket", case.rev, f"comment number {submission}")
        assert standing.case is not None
        result = await decisions.perform(standing, standing.case, press, _Silent())
        try:
            await outbox.save(record, result, in_place=True)
        except Conflict:
            continue


def _states(environment: dict[str, str]) -> tuple[str, ...]:
    """Those that the system has: an open ticket of Freshservice is a new one."""
    return _STATES[environment["PHOTOSYNC_TICKET_SYSTEM"] == "freshservice" :]


def _all_due(person: str) -> Operation[None]:
    yield Statement("UPDATE work SET due_at = 0 WHERE person = ? AND dead_at IS NULL", (person,))


def _soon(person: str, lag: float) -> Operation[None]:
    """Waits that the bot gives itself are over after a moment; those for a search last as long as it lags here."""
    wait = max(_LAG.values()) * 1.3 if lag else 0.05
    yield Statement(
        "UPDATE work SET due_at = ? WHERE person = ? AND kind = 'ticket' AND dead_at IS NULL AND due_at > ?",
        (time.time() + wait, person, time.time() + wait),
    )


# The run


@dataclass
class Row:
    """One system's figures."""

    kills: int = 0
    tickets: Counter[int] = field(default_factory=Counter)  # how many of a key -> of how many keys
    comments: Counter[str] = field(default_factory=Counter)
    evidence: Counter[int] = field(default_factory=Counter)
    states: Counter[int] = field(default_factory=Counter)  # how often a state was decided to be told
    failed: int = 0

    @property
    def well(self) -> bool:
        once = all(set(counts) <= {1} for counts in (self.tickets, self.evidence, self.states))
        return once and set(self.comments) <= {"in order, once"} and not self.failed


def run(system: str, kills: int, seed: int) -> Row:
    """One system: each case is killed once, every third twice; a fifth of them by the clock."""
    row, dice, controls = Row(), random.Random(seed), Controls()
    server = _CONTEXT.Process(target=serve, args=(system, controls), daemon=True)
    server.start()
    while not controls.url.value:
        time.sleep(0.02)
    environment = json.loads(controls.url.value)
    with tempfile.TemporaryDirectory(prefix="photosync-") as folder:
        database = f"sqlite:///{Path(folder) / 'run.db'}"
        cases = [f"{number:08X}" for number in range(0xA0000000, 0xA0000000 + kills)]
        for place, case in enumerate(cases):
            _one(Stage(system, environment, database, controls, dice), case, place, row)
        asyncio.run(_judge(environment, database, cases, row))
    server.terminate()
    server.join()
    return row


@dataclass(frozen=True)
class Stage:
    """Where the cases of one system are played."""

    system: str
    environment: dict[str, str]
    database: str
    controls: Controls
    dice: random.Random


def _one(stage: Stage, case: str, place: int, row: Row) -> None:
    """One case, until a process has come to its end."""
    kill_at = stage.controls.kill_at
    for again in range(6):
        doomed = again == 0 or (again == 1 and place % 3 == 0)
        by_clock = doomed and place % 5 == 4
        # Every request has two moments; a whole case has some thirty requests.
        kill_at.value = (place * (again + 1)) % 60 if doomed and not by_clock else -1
        process = _CONTEXT.Process(target=attempt, args=(stage.environment, stage.database, case, stage.controls))
        process.start()
        if by_clock:
            process.join(stage.dice.uniform(0.4, 1.2))
            if process.is_alive():
                process.kill()
        process.join(2 * _PATIENCE)
        kill_at.value = -1
        if process.exitcode == 0:
            return
        row.kills += process.exitcode == -signal.SIGKILL
        if process.exitcode != -signal.SIGKILL:
            break
    row.failed += 1
    sys.stderr.write(f"{stage.system}: case {case} did not come to its end\n")


async def _judge(environment: dict[str, str], database: str, cases: list[str], row: Row) -> None:
    settings = settings_of(environment)
    http, store = HttpClient.from_settings(settings), await open_store(database)
    answer = await http.request("GET", f"{settings.ticket_url}/_sum", system="run", deadline=30, limit=1 << 26)
    found = json.loads(answer.body)
    for case in cases:
        mine = [one for one in found if one["key"] == f"photosync-{case}"]
        row.tickets[len(mine)] += 1
        for one in mine:
            row.evidence[one["files"].count("evidence.json")] += 1
            said = [number for note in one["notes"] for number in (2, 3) if f"comment number {number}" in note and "adds" in note]  # fmt: skip
            row.comments["in order, once" if said == [2, 3] else str(said)] += 1
        told = Counter(entry.what.split()[0] for entry in await store.log(case) if entry.kind == "progressed")
        for state in _states(environment):
            row.states[told[state]] += 1
    await asyncio.gather(http.close(), store.close())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="cases of each system, every one of them killed")
    parser.add_argument("--only", default="", help="systems, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    table = Table("system", "kills", "tickets per key", "comments", "evidence per ticket", "each state told", "seconds")
    well = True
    for system in chosen.only.split(",") if chosen.only else DESKS:
        began = time.monotonic()
        row = run(system, chosen.kills, chosen.seed)
        well = well and row.well
        sys.stderr.write(f"{system}: {'well' if row.well else row}\n")
        table.add_row(system, str(row.kills), *map(_counts, (row.tickets, row.comments, row.evidence, row.states)), f"{time.monotonic() - began:.0f}")  # fmt: skip
    Console(width=140).print(table)
    return 0 if well else 1


def _counts(counts: Counter[Any]) -> str:
    return ", ".join(f"{value} ({count}x)" for value, count in sorted(counts.items(), key=str))


if __name__ == "__main__":
    sys.exit(main())
