"""The hand-over to every helpdesk system, killed at every point of it (`make tickets`).

A process goes through one case with the bot's own code and a database: the person hands it over, adds two comments, and
is told the states that follow. It is killed (SIGKILL) by the system's server before or after one of its requests takes
effect, each in turn, or by the clock in between; then another process goes on from the database, as after a restart.

Prints for each system how many tickets there are of a key, how often each arrived where its id tells repeats apart (a
mail's Message-ID, `webhook-id`), whether comments came in order and once, whether the evidence is there, and how often
each state was decided to be told. Exit status 1 if anything but one is among them; of a channel in Teams, where nothing
can be found, if a case has more cards and comments than kills account for. `--kills` of each system, `--only` names of
systems. Time is shortened: where search lags, by as much as the wait for it.
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
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from rich.console import Console
from rich.table import Table

from bot import resources
from bot.app import new_metrics
from bot.cards.templates import CardTemplates
from bot.conversation import ActivityKind, Address, Incoming, Message, Scope
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.graph.tokens import bot_tokens
from bot.http_client import HttpClient
from bot.languages import packaged
from bot.languages.live import LiveTranslations
from bot.photos.picture import Picture
from bot.settings import Settings
from bot.store import Change, Claimed, Conflict, JobKind, Record
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.operation import Operation, Statement
from bot.teams.connector import Connector, TeamsChannel
from bot.tickets.channel import ChannelDesk
from bot.traces import Traces
from bot.turns.channel_desk import ChannelDeskTurns
from bot.turns.decisions import Decisions
from bot.turns.follow_ups import FollowUps
from bot.turns.outbox import Outbox
from bot.turns.runner import TurnRunner
from bot.turns.schedule import Schedule
from bot.turns.worker import Doer, Worker
from dialogs.frozen import replace
from dialogs.model import Case, Check, Pressed, Verdict
from sandbox.web import listen
from tests.tickets.ground import ADA, AT, helpdesk_of, settings_of
from tests.tickets.sides import AGENT, LONGEST_LAG, SYSTEMS, Held, side

T = TypeVar("T")
_STATES = ("working", "waiting", "solved")
_PRESSES = {"working": "take", "waiting": "ask", "solved": "solved"}  # in the channel
_IN_ORDER, _IN_ORDER_MORE = "in order, once", "in order, more than once"
_SUBMISSIONS = 3  # the ticket and two comments
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
    address: Any = field(default_factory=lambda: _CONTEXT.Array("c", 8_000))  # JSON: the bot's settings, and `control`


def serve(system: str, controls: Controls) -> None:
    asyncio.run(_serve(system, controls))


async def _serve(system: str, controls: Controls) -> None:
    def moment() -> None:
        with controls.kill_at.get_lock():
            left = controls.kill_at.value
            controls.kill_at.value = left - 1 if left >= 0 else left
        if left == 0:
            os.kill(controls.worker.value, signal.SIGKILL)

    there = side(system, moment)

    async def becomes(request: web.Request) -> web.Response:
        there.becomes(request.match_info["key"], request.match_info["state"])
        return web.json_response({})

    async def held(_: web.Request) -> web.Response:
        return web.json_response({key: asdict(one) for key, one in there.held().items()})

    app = web.Application()
    app.router.add_post("/becomes/{key}/{state}", becomes)
    app.router.add_get("/held", held)
    environment = await there.start()
    _, port = await listen(app, None)
    control = f"http://127.0.0.1:{port}"
    controls.address.value = json.dumps({**environment, "control": control}).encode()
    await asyncio.Event().wait()


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
    metrics, live = new_metrics(), LiveTranslations(None, _PICTURES, "https://teams.microsoft.com")
    helpdesk, channel = replace(helpdesk_of(settings, http), poll=(0.05,)), None
    if settings.ticket_system == "teams":
        connector = Connector(settings, http, bot_tokens(settings, http), metrics)
        channel = ChannelDesk(settings, lambda: live.languages.translations, lambda at: TeamsChannel(connector, at))
        helpdesk = replace(helpdesk, system=channel)
    decisions = Decisions(live, store, _Eyes(), helpdesk, metrics)
    schedule = Schedule(())
    outbox = Outbox(store, CardTemplates(), metrics, schedule)
    runner = TurnRunner(decisions, outbox, live, store, metrics)
    follow_ups = FollowUps(runner, runner.turn, decisions, outbox, store, lambda _: _Silent(), schedule, 86_400.0)
    person = f"person-{number}"
    await asyncio.sleep(1.3 * LONGEST_LAG if helpdesk.lag else 0.0)
    record, _ = await outbox.load(person)
    before = record.case.submissions if record.case is not None else 0
    if before < _SUBMISSIONS:  # Teams delivers again within seconds what had no answer: then the job still waits
        await _handed_over(decisions, outbox, person, number, before + 1)
    await store.run(lambda: _all_due(person))  # leases and waits of before are over
    waits = _Waits(person, LONGEST_LAG * 1.3 if helpdesk.lag else 0.05)
    doers = {kind: follow_ups.doers[kind] for kind in (JobKind.TICKET, JobKind.TICKET_STATE)}
    work = Worker(store, {**doers, JobKind.TICKET: waits.watched(doers[JobKind.TICKET])})
    worker = asyncio.create_task(work.run(lambda: None))
    for submission in range(1, _SUBMISSIONS + 1):
        await _handed_over(decisions, outbox, person, number, submission)
        async with asyncio.timeout(_PATIENCE):
            while await store.open_keys(JobKind.TICKET, person):
                await asyncio.sleep(0.01)
                await store.run(waits.shorten)
    agent = None
    if channel is not None:
        silent, member = lambda _: _Silent(), connector.is_member
        turns = ChannelDeskTurns(runner, decisions, outbox, store, metrics, Traces(), channel, silent, member)
        agent = _Agent(turns, settings, store)
    for state in _states(environment):
        async with asyncio.timeout(_PATIENCE):
            while state not in await _told(store, number):
                if agent is not None:
                    await agent.press(number, state)
                else:
                    there = f"{environment['control']}/becomes/photosync-{number}/{state}"
                    await http.request("POST", there, system="run", timeout=5)
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


@dataclass(frozen=True)
class _Agent:
    """Who presses on a case's card in the channel. A press has the same id each time, as Teams delivers it again."""

    turns: ChannelDeskTurns
    settings: Settings
    store: Store

    async def press(self, number: str, state: str) -> None:
        stored = await self.store.case(number)
        assert stored is not None
        assert stored.case is not None
        card = stored.case.ticket_ref
        host = self.settings.service_hosts[0].pattern
        conversation = f"{self.turns.desk.channel};messageid={card}"
        at = Address(f"https://{host}/teams/", conversation, f"28:{self.settings.app_id}", AGENT, "t")
        value = {"action": _PRESSES[state], "case": number, "text": "Which page is it?"}
        press = Incoming(f"{number}-{state}", ActivityKind.PRESSED, Scope.GROUP, at, AGENT, "Agent", value=value, reply_to=card)  # fmt: skip
        await self.turns.turn(press, _Silent())


async def _told(store: Store, number: str) -> list[str]:
    """The states that were decided to be told, as often as they were."""
    return [entry.what.split()[0] for entry in await store.log(number) if entry.kind == "progressed"]


def _states(environment: dict[str, str]) -> tuple[str, ...]:
    """Those that the system has: an open ticket of Freshservice is a new one, and a mail has none."""
    system = environment["PHOTOSYNC_TICKET_SYSTEM"]
    return () if system in ("mail", "webhook") else _STATES[system == "freshservice" :]


def _all_due(person: str) -> Operation[None]:
    yield Statement("UPDATE work SET due_at = 0 WHERE person = ? AND dead_at IS NULL", (person,))


@dataclass
class _Waits:
    """Waits that the bot gives itself are over after a moment; those for a search last as long as it lags here.

    A job that somebody is at is left alone: its lease looks like a wait.
    """

    person: str
    seconds: float
    busy: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)  # job -> the fence it had at the last look

    def watched(self, doer: Doer) -> Doer:
        async def do(claimed: Claimed) -> None:
            self.busy.add(claimed.job.key)
            try:
                await doer(claimed)
            finally:
                self.busy.discard(claimed.job.key)

        return do

    def shorten(self) -> Operation[None]:
        soon = time.time() + self.seconds
        rows = yield Statement(
            "SELECT key, fence FROM work WHERE person = ? AND kind = 'ticket' AND dead_at IS NULL AND due_at > ?",
            (self.person, soon),
        )
        # One that was claimed since the last look has another fence, and may not be among the busy ones yet.
        for key, fence in rows:
            if key not in self.busy and self.seen.get(key) == fence:
                yield Statement("UPDATE work SET due_at = ? WHERE key = ? AND fence = ?", (soon, key, fence))
        self.seen = dict(rows)


# The run


@dataclass
class Row:
    """One system's figures: how many -> of how many keys."""

    system: str
    killed: Counter[str] = field(default_factory=Counter)  # cases -> how often a process that was at one was killed
    tickets: Counter[int] = field(default_factory=Counter)  # of a key
    copies: Counter[int] = field(default_factory=Counter)  # of a ticket, told apart by its id
    comments: Counter[str] = field(default_factory=Counter)
    evidence: Counter[int] = field(default_factory=Counter)
    states: Counter[int] = field(default_factory=Counter)  # how often a state was decided to be told
    failed: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether the system's promise was kept; that of a channel in Teams is judged case by case."""
        told_once, attached = set(self.states) <= {1}, set(self.evidence) <= {1}
        return told_once and attached and set(self.comments) <= {_IN_ORDER, _IN_ORDER_MORE} and not self.failed


def run(system: str, kills: int, seed: int) -> Row:
    """One system, until that many processes were killed: each case once, every third twice; a fifth by the clock."""
    row, dice, controls = Row(system), random.Random(seed), Controls()
    server = _CONTEXT.Process(target=serve, args=(system, controls), daemon=True)
    server.start()
    while not controls.address.value:
        time.sleep(0.02)
    environment = json.loads(controls.address.value)
    cases = []
    with tempfile.TemporaryDirectory(prefix="photosync-") as folder:
        stage = Stage(
            environment, f"sqlite:///{Path(folder) / 'run.db'}", controls, dice, side(system, lambda: None).moments
        )
        while row.killed.total() < kills and len(cases) < 3 * kills:
            cases.append(f"{0xA0000000 + len(cases):08X}")
            _one(stage, cases[-1], len(cases) - 1, row)
        asyncio.run(_judge(stage, cases, row))
    server.terminate()
    server.join()
    return row


@dataclass(frozen=True)
class Stage:
    """Where the cases of one system are played."""

    environment: dict[str, str]
    database: str
    controls: Controls
    dice: random.Random
    moments: int  # of a whole case, at most


def _one(stage: Stage, case: str, place: int, row: Row) -> None:
    """One case, until a process has come to its end."""
    kill_at = stage.controls.kill_at
    for again in range(6):
        doomed = again == 0 or (again == 1 and place % 3 == 0)
        by_clock = doomed and place % 5 == 4
        kill_at.value = (place * (again + 1)) % stage.moments if doomed and not by_clock else -1
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
        row.killed[case] += process.exitcode == -signal.SIGKILL
        if process.exitcode != -signal.SIGKILL:
            break
    row.failed.append(f"case {case} did not come to its end")


async def _judge(stage: Stage, cases: list[str], row: Row) -> None:
    http, store = HttpClient.from_settings(settings_of(stage.environment)), await open_store(stage.database)
    address = f"{stage.environment['control']}/held"
    answer = await http.request("GET", address, system="run", timeout=30, limit=1 << 26)
    found = {key: Held(**one) for key, one in json.loads(answer.body).items()}
    for case in cases:
        held = found.get(f"photosync-{case}", Held())
        row.tickets[held.tickets] += 1
        row.copies.update([held.copies] if held.copies else [])
        row.evidence.update([] if row.system == "teams" else [held.files.count("evidence.json")])
        said = [number for note in held.notes for number in (2, 3) if f"comment number {number}" in note]
        once = [number for number, _ in groupby(said)]
        row.comments[str(said) if once != [2, 3] else _IN_ORDER if said == once else _IN_ORDER_MORE] += 1
        # Whoever cannot be asked what is there gets one more after an outcome that is not known, and no other.
        more = held.tickets - 1 + len(said) - len(once)
        if held.tickets < 1 or more > (row.killed[case] if row.system == "teams" else 0):
            row.failed.append(f"case {case}: {held.tickets} tickets, comments {said}, {row.killed[case]} kills")
        told = Counter(await _told(store, case))
        row.states.update(told[state] for state in _states(stage.environment))
    await asyncio.gather(http.close(), store.close())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="processes of each system that are killed")
    parser.add_argument("--only", default="", help="systems, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    table = Table("system", "kills", "tickets per key", "arrived", "comments", "evidence", "each state told", "seconds")
    well = True
    for system in chosen.only.split(",") if chosen.only else SYSTEMS:
        began = time.monotonic()
        row = run(system, chosen.kills, chosen.seed)
        well = well and row.well
        sys.stderr.write("".join(f"{system}: {line}\n" for line in row.failed or ["well" if row.well else str(row)]))
        figures = (row.tickets, row.copies, row.comments, row.evidence, row.states)
        table.add_row(system, str(row.killed.total()), *map(_counts, figures), f"{time.monotonic() - began:.0f}")
    Console(width=150).print(table)
    return 0 if well else 1


def _counts(counts: Counter[Any]) -> str:
    return ", ".join(f"{value} ({count}x)" for value, count in sorted(counts.items(), key=str)) or "-"


if __name__ == "__main__":
    sys.exit(main())
