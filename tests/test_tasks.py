"""Every background task and every kind of job, with an exception at each place where it waits: it goes on."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import resources
from bot.app import Bot, site
from bot.background import SICK_AFTER, Background, Beat, Run
from bot.conversation import ActivityKind, Address, Incoming, Scope, to_document
from bot.errors import Outage, StoreRefused, Throttled
from bot.http_client import HttpClient
from bot.http_server import HttpServer
from bot.languages.live import LiveTranslations
from bot.settings import read
from bot.store import Claimed, Job, JobKind
from bot.store.connect import connect, open_store
from bot.store.interface import Store
from bot.turns.worker import SLOTS, Doer, Worker
from sandbox.tenant import Tenant
from tests.chatting import scene, step
from tests.databases import execute, rows
from tests.interrupted import Interrupted

MOST = 60  # places where something waits: nothing has as many


class Unforeseen(Exception):
    """What no part of the bot knows."""


class Faulty(Background):
    """Raises in a task's next three runs where it waits for the n-th time; then holds it until it may go on."""

    def __init__(self, report: Callable[[str, bool], None]) -> None:
        super().__init__(report, first_wait=0.001)
        self.runs: dict[str, Run] = {}
        self.at = 0
        self.faults: dict[str, int] = {}  # how many of the next runs fail
        self.healed = asyncio.Event()
        self.beats: Counter[str] = Counter()

    def start(self, name: str, run: Run) -> None:
        self.runs[name] = run

        async def fragile(beat: Beat) -> None:
            def beaten() -> None:
                self.beats[name] += 1
                beat()

            work: Coroutine[Any, Any, None] = run(beaten)  # type: ignore[assignment]
            if not self.faults.get(name):
                await self.healed.wait()
                await work
                return
            one = Interrupted(work, self.at, Unforeseen("words of mine"))
            try:
                await one
            finally:
                self.faults[name] -= one.raised

        super().start(name, fragile)

    async def again(self, name: str, at: int) -> None:
        """Start a task anew that fails at a place."""
        await self.stop(name)
        self.at, self.beats[name] = at, 0
        self.faults[name] = SICK_AFTER
        self.healed.clear()
        self.start(name, self.runs[name])


@dataclass
class Running:
    """A bot without its public port, whose tasks can be made to fail."""

    bot: Bot
    background: Faulty
    port: int

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        changes = {"PHOTOSYNC_LOCALES_DIR": str(folder), "PHOTOSYNC_DATABASE_URL": f"sqlite:///{folder}/photosync.db"}
        settings = read({**tenant.environment(), **changes})
        bot = Bot.build(settings, connect(settings.database_url.reveal()), HttpClient.from_settings(settings))
        background = Faulty(bot.metrics.report_background)
        own = LiveTranslations(folder, resources.illustrations(), "https://teams.example/chat", 0.01)
        bot = replace(bot, background=background, live=own)
        background.healed.set()
        server = HttpServer(site(bot, details=True), grace=0.1, closed=lambda _: None)
        port = await server.start("127.0.0.1", 0)
        try:
            await bot.open_store()
            bot.start_tasks()
            yield Running(bot, background, port)
        finally:
            await server.stop()
            await bot.close()


async def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it becomes so."""
    for _ in range(int(seconds / 0.005)):
        if condition():
            return True
        await asyncio.sleep(0.005)
    return False


TASKS = ("channel_keys", "sign_in", "store", "jobs", "photo_slots", "confirmations", "languages", "examples")


async def test_the_tasks_of_a_bot_are_those_that_are_tried_here(tmp_path: Path) -> None:
    async with running(tmp_path) as one:
        assert sorted(one.background.runs) == sorted(TASKS)


# A task that only waits while somebody wants a slot has no place of its own to fail at.
@pytest.mark.parametrize("name", [name for name in TASKS if name != "photo_slots"])
async def test_a_task_that_fails_wherever_it_waits_is_logged_named_and_goes_on(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    alive = f'photosync_background_alive{{task="{name}"}}'
    async with running(tmp_path) as one:
        background, named = one.background, 0
        for at in range(1, MOST):
            if name == "store":  # what it waits for is to open it
                await one.bot.store.close()
                one.bot.opened.clear()
            caplog.clear()
            async with asyncio.timeout(20):
                await background.again(name, at)
            if not await soon(lambda: not background.faults[name], 0.5):
                break  # it does not wait so often
            if background.beats[name] > 2 * SICK_AFTER:
                break  # it goes round
            assert caplog.text.count(f"background task {name} failed: Unforeseen at") == SICK_AFTER
            assert "words of mine" not in caplog.text
            if not background.beats[name]:  # else it worked in between
                named += 1
                status, body = await one.get("/readyz")
                assert (status, json.loads(body)["background_failing"]) == (503, [name])
                assert f"{alive} 0.0" in (await one.get("/metrics"))[1]
            background.beats[name] = 0
            background.healed.set()
            assert await soon(lambda: background.beats[name] > 0 and not background.failing)
            assert f"{alive} 1.0" in (await one.get("/metrics"))[1]
        assert named
        background.healed.set()
        async with asyncio.timeout(20):
            while (await one.get("/readyz"))[0] != 200:  # noqa: ASYNC110 - looked at as a prober would
                await asyncio.sleep(0.05)


async def test_jobs_that_come_back_by_themselves_do_so_after_they_were_deleted_or_damaged(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.app._PERIODIC_INTERVAL", 0.1)

    async def there() -> list[str]:
        query = "SELECT kind FROM work WHERE dead_at IS NULL AND kind IN ('purge', 'count') AND payload <> '['"
        return sorted(kind for (kind,) in await rows(database, query))

    async with scene(PHOTOSYNC_DATABASE_URL=database):
        for harm in ("DELETE FROM work", "UPDATE work SET payload = '[', due_at = 0"):
            await execute(database, harm)
            async with asyncio.timeout(60):
                while await there() != ["count", "purge"]:  # noqa: ASYNC110 - of another program
                    await asyncio.sleep(0.1)


@dataclass
class Tried:
    """A job's doer that fails at one of its waits the first time."""

    do: Callable[[Claimed], Awaitable[None]]
    at: int = 0
    failed: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, claimed: Claimed) -> None:
        if claimed.attempt == 1:
            work = Interrupted(self.do(claimed), self.at, Unforeseen("words of mine"))  # type: ignore[arg-type]
            try:
                await work
            finally:
                self.failed = work.raised
        else:
            await self.do(claimed)
        self.done.set()


JOBS = tuple(JobKind)


@pytest.mark.parametrize("kind", JOBS)
async def test_a_job_that_fails_wherever_it_waits_is_logged_and_done_at_the_next_try(
    tmp_path: Path, kind: JobKind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    database = f"sqlite:///{tmp_path}/photosync.db"
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1h,2h") as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("my photo is wrong")
        for _ in range(7):
            await chat.press("next")
        assert step(chat) == "resync.waiting"
        case = chat.card()["actions"][0]["data"]["case"]
        await stage.bot.background.stop("jobs")
        settings = read({**stage.tenant.environment(), "PHOTOSYNC_DATABASE_URL": database})
        replica = Bot.build(settings, connect(database), HttpClient.from_settings(settings))
        await replica.store.open()
        tried = Tried(replica.follow_ups.doers[kind])
        worker = Worker(replica.store, {kind: tried}, first_wait=0.001)
        background = Background(lambda _name, _alive: None)
        background.start("photo_slots", replica.photo_slots.keep)
        background.start("jobs", worker.run)
        channel = stage.tenant.channel
        address = Address(channel.service_url, chat.conversation, channel.bot_account, f"29:{chat.person.id}", stage.tenant.id)  # fmt: skip
        body = {"case": case, "comment": "please", "person": {"id": chat.person.id}}
        try:
            for at in range(1, MOST):
                incoming = Incoming(f"a{at}", ActivityKind.TYPED, Scope.PERSONAL, address, chat.person.id, text="menu")
                payloads: dict[JobKind, dict[str, Any]] = {
                    JobKind.SHOW: {"in_place": True},
                    JobKind.TURN: {"received_at": time.time(), "document": to_document(incoming)},
                    JobKind.FOLLOW_UP: {"looks": 0, "since": time.time()},
                    JobKind.TICKET: {"id": f"ticket_{case}_{at}", "body": body, "since": time.time(), "case": case},
                }
                tried.at = at
                tried.done.clear()
                caplog.clear()
                key = {JobKind.FOLLOW_UP: case, JobKind.PURGE: "all"}.get(kind, f"{chat.person.id} {at}")
                await replica.store.put(Job(kind, key, chat.person.id, time.time(), payloads.get(kind, {})))
                assert await soon(lambda: tried.done.is_set() or "was taken over meanwhile" in caplog.text)
                if not tried.failed:
                    break  # it does not wait so often
                # Where it waits for another system, that system cannot be reached.
                assert len(re.findall(rf"(?:{kind.value} failed|teams|graph|tickets): Unforeseen at", caplog.text)) == 1
                assert "words of mine" not in caplog.text
            assert 1 < at < MOST - 1
            assert await rows(database, "SELECT error FROM work WHERE dead_at IS NOT NULL") == []
            assert not background.failing
        finally:
            await background.stop()
            await worker.stop()
            await replica.close()


async def test_a_job_that_always_fails_is_given_up_after_eight_tries_and_can_be_seen(tmp_path: Path) -> None:
    store = connect(f"sqlite:///{tmp_path}/photosync.db")
    await store.open()
    tries: list[int] = []

    async def fails(claimed: Claimed) -> None:
        tries.append(claimed.attempt)
        raise Unforeseen

    worker = Worker(store, {JobKind.SHOW: fails}, first_wait=0.001)
    background = Background(lambda _name, _alive: None)
    background.start("jobs", worker.run)
    try:
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time()))
        async with asyncio.timeout(20):
            while not (letters := await store.dead_letters()):  # noqa: ASYNC110 - looked at as an operator would
                await asyncio.sleep(0.02)
        assert tries == list(range(1, 9))
        assert [(one.kind, one.key, one.error) for one in letters] == [("show", "ada", "Unforeseen")]
    finally:
        await background.stop()
        await store.close()


@asynccontextmanager
async def working(store: Store, do: Doer) -> AsyncIterator[None]:
    """Pending cards are done by `do`, with short waits."""
    background = Background(lambda _name, _alive: None)
    background.start("jobs", Worker(store, {JobKind.SHOW: do}, first_wait=0.001).run)
    try:
        yield
    finally:
        await background.stop()
        await store.close()


async def test_a_card_outlives_an_outage_of_any_number_of_tries(database: str) -> None:
    store, tries = await open_store(database), list[int]()

    async def away(claimed: Claimed) -> None:
        tries.append(claimed.attempt)
        if len(tries) == 5:
            raise TimeoutError  # it was not through when its lease was
        if len(tries) <= 10:
            raise Outage("teams", "status 503")
        await store.finish(claimed)

    async with working(store, away):
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time(), {"in_place": True}))
        async with asyncio.timeout(60):
            while await rows(database, "SELECT id FROM work"):
                await store.wake(JobKind.SHOW, ["ada"])  # the waits grow
                await asyncio.sleep(0.02)
        assert len(tries) == 11
        assert set(tries) == {1}  # none of them counts towards the dead letter


async def test_a_card_waits_for_an_outage_of_hours_a_quarter_of_an_hour_at_a_time(database: str) -> None:
    store, done = await open_store(database), asyncio.Event()

    async def away(_: Claimed) -> None:
        done.set()
        raise Outage("teams", "status 503")

    payload = {"in_place": True, "outage_since": time.time() - 5 * 3_600}
    async with working(store, away):
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time(), payload))
        async with asyncio.timeout(20):
            await done.wait()
            while True:
                ((at, error, kept),) = await rows(database, "SELECT due_at, error, payload FROM work")
                if error:
                    break
                await asyncio.sleep(0.02)
        assert 500 < at - time.time() < 1_300
        assert json.loads(kept) == payload


@pytest.mark.parametrize("since", ["x", None, -1.0, 9e12], ids=repr)
async def test_a_job_that_the_database_refuses_holds_up_no_other_and_waits(database: str, since: object) -> None:
    store, done = await open_store(database), list[str]()

    async def refused(claimed: Claimed) -> None:
        if claimed.job.key == "ada":
            raise StoreRefused("a trigger")
        done.append(claimed.job.key)
        await store.finish(claimed)

    async with working(store, refused):
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time() - 60, {"outage_since": since}))  # or damaged
        for number in range(40):
            await store.put(Job(JobKind.SHOW, f"p{number}", f"p{number}", time.time(), {}))
        async with asyncio.timeout(20):
            while len(done) < 40:  # noqa: ASYNC110 - looked at as an operator would
                await asyncio.sleep(0.02)
            while not (left := await rows(database, "SELECT error, payload FROM work WHERE error <> ''")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        ((error, payload),) = left
        assert error == "StoreRefused"
        assert abs(json.loads(payload)["outage_since"] - time.time()) < 60


async def test_a_card_waits_for_an_hour_at_most_however_long_the_other_side_asks_for(database: str) -> None:
    store = await open_store(database)

    async def throttled(_: Claimed) -> None:
        raise Throttled("teams", "status 429", 86_400.0)

    async with working(store, throttled):
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time(), {}))
        async with asyncio.timeout(20):
            while not (left := await rows(database, "SELECT due_at FROM work WHERE error <> ''")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert 3_000 < left[0][0] - time.time() <= 3_600


async def test_a_card_that_nobody_takes_for_a_week_is_given_up(database: str) -> None:
    store = await open_store(database)

    async def away(_: Claimed) -> None:
        raise Outage("teams", "status 503")

    async with working(store, away):
        payload = {"in_place": True, "outage_since": time.time() - 8 * 86_400}
        await store.put(Job(JobKind.SHOW, "ada", "ada", time.time(), payload))
        async with asyncio.timeout(20):
            while not (letters := await store.dead_letters()):  # noqa: ASYNC110 - looked at as an operator would
                await asyncio.sleep(0.02)
        assert [(one.kind, one.error) for one in letters] == [("show", "Outage")]
        assert await store.retry(letters[0].id)
        async with asyncio.timeout(20):
            while not await rows(database, "SELECT 1 FROM work WHERE error <> '' AND due_at > 0"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert await store.dead_letters() == ()  # it has a week again


async def _tried_once(store: Store, since: dict[str, float], *, late: bool) -> dict[str, float]:
    """What a card holds after one try; {} where it was given up."""

    async def endless(_: Claimed) -> None:
        if not late:
            raise Outage("teams", "status 503")
        await asyncio.Event().wait()

    worker = Worker(store, {JobKind.SHOW: endless}, lease=0.2, first_wait=60.0)
    background = Background(lambda _name, _alive: None)
    await store.put(Job(JobKind.SHOW, "ada", "ada", time.time(), {"in_place": True, **since}))
    background.start("jobs", worker.run)
    try:
        async with asyncio.timeout(20):
            while True:
                if await store.dead_letters():
                    return {}
                if (await store.next_due((JobKind.SHOW,)) or 0.0) > time.time() + 10:
                    return await store.open_payload(JobKind.SHOW, "ada")
                await asyncio.sleep(0.02)
    finally:
        await background.stop()
        await worker.stop()


async def test_a_job_that_never_ends_is_given_up_after_a_day(database: str, caplog: pytest.LogCaptureFixture) -> None:
    store = await open_store(database)
    held = await _tried_once(store, {}, late=True)
    hours = 25 * 3_600.0
    assert set(held) == {"in_place", "outage_since", "late_since"}
    assert await _tried_once(store, {name: held[name] - hours for name in held if name != "in_place"}, late=True) == {}
    assert "show given up after a day of tries that did not end in time: photosync work list" in caplog.text
    assert [(one.kind, one.error) for one in await store.dead_letters()] == [("show", "TimeoutError")]
    await store.close()


@pytest.mark.parametrize("late", [False, True])
async def test_a_job_that_ran_into_its_limit_in_an_outage_of_days_is_not_given_up(database: str, *, late: bool) -> None:
    store = await open_store(database)
    since = {"outage_since": time.time() - 3 * 86_400, **({} if late else {"late_since": time.time() - 2 * 86_400})}
    held = await _tried_once(store, since, late=late)
    assert abs(held["outage_since"] - since["outage_since"]) < 1
    assert ("late_since" in held) == late  # an outage is no fault of ours: the day begins anew
    await store.close()


async def test_a_job_that_does_not_end_in_time_is_handed_back_for_the_next_process(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/photosync.db")
    begun = asyncio.Event()

    async def endless(_: Claimed) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = Worker(store, {JobKind.FOLLOW_UP: endless})
    background = Background(lambda _name, _alive: None)
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", time.time(), {}))
    background.start("jobs", worker.run)
    async with asyncio.timeout(20):
        await begun.wait()
    await background.stop("jobs")
    await worker.stop(grace=0.01)
    (claimed,) = await store.claim({JobKind.FOLLOW_UP: 1}, 60)
    assert (claimed.job.key, claimed.attempt) == ("C1", 1)  # free at once, and no try is lost
    await store.close()


async def test_work_that_comes_back_by_itself_stands_at_its_first_try_each_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/photosync.db"
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        settings = read({**tenant.environment(), "PHOTOSYNC_DATABASE_URL": url})
        store = await open_store(url)
        http = HttpClient.from_settings(settings)
        bot = Bot.build(settings, store, http)
        await store.put(Job(JobKind.PURGE, "all", "", 0.0))
        for _ in range(20):  # days: a failure after them is the first one
            (claimed,) = await store.claim({JobKind.PURGE: 1}, 60)
            assert claimed.attempt == 1
            await bot.follow_ups.doers[JobKind.PURGE](claimed)
            await store.wake(JobKind.PURGE, ("all",))
        await http.close()
        await store.close()


@pytest.mark.parametrize("kind", [JobKind.PURGE, JobKind.COUNT])
async def test_work_that_comes_back_by_itself_is_never_given_up(tmp_path: Path, kind: JobKind) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/photosync.db")
    tries: list[int] = []

    async def fails(claimed: Claimed) -> None:
        tries.append(claimed.attempt)
        raise Unforeseen

    worker = Worker(store, {kind: fails}, first_wait=0.0001)
    background = Background(lambda _name, _alive: None)
    background.start("jobs", worker.run)
    try:
        await store.put(Job(kind, "all", "", time.time()))
        assert await soon(lambda: len(tries) > 10)
        assert await store.dead_letters() == ()
    finally:
        await background.stop()
        await store.close()


def test_every_kind_of_job_has_slots_of_its_own() -> None:
    """Without any it would never be claimed, and nothing would say so."""
    assert {kind for kind, slots in SLOTS.items() if slots > 0} == set(JobKind)


@pytest.mark.parametrize(("lost", "given_up"), [(199, False), (200, True)])
async def test_a_job_that_takes_its_process_with_it_is_not_tried_for_ever(
    database: str, lost: int, given_up: bool
) -> None:
    store, done = await open_store(database), asyncio.Event()
    await store.put(Job(JobKind.SHOW, "ada", "ada", time.time() - 60, {}))
    for _ in range(lost):
        assert len(await store.claim(1, -1.0)) == 1  # a lease that has run out, and nothing was heard

    async def show(claimed: Claimed) -> None:
        await store.finish(claimed)
        done.set()

    async with working(store, show):
        async with asyncio.timeout(20):
            while not (letters := await store.dead_letters()) and not done.is_set():  # noqa: ASYNC110 - either ends it
                await asyncio.sleep(0.02)
        assert [one.error for one in letters] == (["its tries ended with their process"] if given_up else [])
        assert done.is_set() is not given_up
