"""What `photosync numbers` and the metrics say of twelve people whose fate is known, through all that may happen to it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import app
from bot.__main__ import main
from bot.app import Running
from bot.commands.numbers import document
from bot.settings import Settings, read
from bot.store import JobKind
from bot.store.connect import open_store
from bot.store.copying import copy
from bot.store.interface import Store
from sandbox.channel import Chat
from sandbox.tenant import Tenant
from tests.chatting import RunningBot, eventually, step
from tests.databases import execute, rows

SINCE = date(2000, 1, 1)
LANGUAGES = {"en": "en-US", "lv": "lv-LV", "ru": "ru-RU"}
FATES = {
    # what came to: the person's story in the sandbox and language
    "proven by the person": ("old", "en"),
    "proven with a copy that was missing": ("missing", "lv"),
    "proven with a photo that was not there": ("no-photo", "ru"),
    "proven by a look of our own": ("old-lv", "lv"),
    "a ticket": ("old-ru", "ru"),
    "stopped just now": ("old-sv", "en"),
    "stopped, and away for nine days": ("old-zh", "en"),
    "stopped, and back after three days": ("old-he", "ru"),
    "nothing wrong": ("match", "lv"),
    "not known": ("forbidden", "ru"),
    "in the middle": ("silhouette", "en"),
    "gone in the middle": ("rtl-name", "lv"),
}
EXPECTED = {
    "cases": 13,
    "wrong": 11,
    "proven": 4,
    "probable": 1,
    "not_deflected": 2,
    "undecided": 1,
    "returned": 1,
    "unfinished": 2,
    "nothing_wrong": 1,
    "not_known": 1,
    "deflection": 4 / 11,
    "by_cause": {"differ": 8, "missing": 2, "match": 1, "no_photo": 1, "permission": 1},
    "by_language": {"ru": 5, "en": 4, "lv": 4},
    "by_outcome": {"resolved": 4, "resolved_later": 1, "escalated": 1, "stopped": 3, "expired": 1, "none": 3},
    "ratings": {"up": 2, "down": 1},
    "satisfaction": 2 / 3,
    "understood": {"right_away": 13, "asked": 0, "nothing": 1},
    "not_understood": 1,
    "tickets": {"new": 1},
    "asked": {"fix": 13, "check": 3, "stop": 3, "ticket": 1},
    "by_step": {"look.differ": 4, "resync.tile": 1},
}


def chat_of(tenant: Tenant, fate: str) -> Chat:
    story, language = FATES[fate]
    person = next(one for one in tenant.world.people if one.story == story)
    return tenant.channel.chat(person.id, LANGUAGES[language])


async def live(tenant: Tenant, bot: Running) -> None:
    """Everybody does what is known of them."""
    words = {"en": "my photo is wrong", "lv": "mana bilde ir nepareiza", "ru": "у меня неправильное фото"}
    chats = {fate: chat_of(tenant, fate) for fate in FATES}
    for fate, chat in chats.items():
        await chat.say(words[FATES[fate][1]])

    for fate in ("proven by the person", "proven with a copy that was missing"):
        tenant.world.visit_sharepoint(chats[fate].person.id)
        await chats[fate].press("check")
    assert await chats["proven by the person"].thumb("like", "thank you") == (200, {})
    await chats["proven with a copy that was missing"].press("rate up")
    photo = chats["proven with a photo that was not there"]
    tenant.world.change_photo(photo.person.id, 1)
    tenant.world.visit_sharepoint(photo.person.id)
    await photo.press("check")
    await photo.press("rate down")

    later = chats["proven by a look of our own"]
    await later.press("next")
    tenant.world.visit_sharepoint(later.person.id)
    case = (await bot.store.load(later.person.id))[0].case
    assert case is not None
    await bot.store.wake(JobKind.FOLLOW_UP, [case.id])
    await eventually(lambda: step(later) == "resync.arrived")

    await chats["a ticket"].press("ticket")
    await chats["a ticket"].press("send_ticket")
    for fate in ("stopped just now", "stopped, and away for nine days", "stopped, and back after three days"):
        await chats[fate].press("stop")
    await chats["in the middle"].say("qwertzuiop")
    for _ in range(4):
        await chats["gone in the middle"].press("next")


async def shift(database: str, chat: Chat, days: int) -> None:
    """Everything of the person's newest case was so many days earlier."""
    found = await rows(database, f"SELECT id, document FROM cases WHERE person = '{chat.person.id}'")
    newest, text = max(found, key=lambda row: str(json.loads(row[1])["opened_at"]))

    def earlier(at: re.Match[str]) -> str:
        return (datetime.fromisoformat(at[0]) - timedelta(days=days)).isoformat()

    moved = re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", earlier, text)
    touched = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    await execute(database, f"UPDATE cases SET document = '{moved}', touched = '{touched}' WHERE id = '{newest}'")


async def of(store: Store) -> dict[str, Any]:
    return document(await store.numbers(SINCE, datetime.now(UTC).date()))


def same(found: Mapping[str, Any], expected: Mapping[str, Any] = EXPECTED) -> bool:
    """Says what differs."""
    assert {name: found[name] for name in expected} == expected
    return True


async def purged(bot: Running, database: str) -> None:
    """The daily deletion has been done once more."""
    left = datetime.now(UTC).date() - timedelta(days=50)
    await execute(database, f"UPDATE people SET touched = '2000-01-01' WHERE person IN (SELECT person FROM cases WHERE touched < '{left}')")  # fmt: skip
    await bot.store.wake(JobKind.PURGE, ("all",))
    for _ in range(400):
        if (await rows(database, "SELECT due_at FROM work WHERE kind = 'purge'"))[0][0] > time.time() + 60:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it was not done")


async def test_twelve_people_are_counted_right_whatever_happens_to_the_store(
    tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = f"sqlite:///{tmp_path / 'numbers.db'}"
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        settings = read({**tenant.environment(), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_DATABASE_URL": database, "PHOTOSYNC_FOLLOW_UPS": "1h,1d"})  # fmt: skip
        bot = await started(tenant, settings)
        await live(tenant, bot)
        await shift(database, chat_of(tenant, "stopped, and away for nine days"), 9)
        back = chat_of(tenant, "stopped, and back after three days")
        await shift(database, back, 9)
        await back.say("у меня неправильное фото")
        await shift(database, back, 6)
        await shift(database, chat_of(tenant, "gone in the middle"), 100)
        await purged(bot, database)
        assert same(await of(bot.store))

        counted = await metrics(tenant, bot)
        assert counted['photosync_cases_total{outcome="resolved_later"}'] == 1
        await bot.stop()
        bot = await started(tenant, settings)
        assert await metrics(tenant, bot) == counted
        assert same(await of(bot.store))

        for fate in FATES:  # everybody wants to be forgotten
            await bot.store.erase(chat_of(tenant, fate).person.id)
        assert same(await of(bot.store))
        assert [await rows(database, f"SELECT * FROM {table}") for table in ("people", "cases", "log")] == [[], [], []]  # fmt: skip
        await bot.stop()

    await execute(f"{postgres_server}/postgres", "CREATE DATABASE moved_numbers")
    await copy(database, f"{postgres_server}/moved_numbers")
    store = await open_store(f"{postgres_server}/moved_numbers")
    assert same(await of(store))
    await store.close()
    monkeypatch.setenv("PHOTOSYNC_DATABASE_URL", f"{postgres_server}/moved_numbers")
    assert await asyncio.to_thread(main, ["numbers", "--json", "--since", "1y"]) == 0
    assert same(json.loads(capsys.readouterr().out))


async def started(tenant: Tenant, settings: Settings) -> Running:
    bot = await app.start(settings)
    tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
    return bot


async def metrics(tenant: Tenant, bot: Running) -> dict[str, float]:
    """What is of the installation."""
    text = (await RunningBot(tenant, bot).get("/metrics"))[1]
    lines = (line.rpartition(" ") for line in text.splitlines())
    kept = "photosync_(cases|causes|ratings|tickets|understood|seconds_to_fix)_"
    return {name: float(value) for name, _, value in lines if re.match(kept, name)}
