"""A person's turns: one after another, in the order in which they came, also where one of them is given up."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import Bot
from bot.conversation import ActivityKind, Address, Incoming, Message, Scope
from bot.http_client import HttpClient
from bot.settings import read
from bot.store.connect import open_store
from bot.turns.runner import TurnRunner
from sandbox.tenant import Tenant

PERSON = "0a"


class Slow:
    """A channel that takes its first message only when it is told to, and all others at once."""

    def __init__(self) -> None:
        self.languages: list[str] = []
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def typing(self) -> None: ...

    async def send(self, message: Message) -> str:
        if not self.asked.is_set():
            self.asked.set()
            await self.open.wait()
        self.languages.append(message.locale)
        return str(len(self.languages))

    async def update(self, activity: str, message: Message) -> None: ...


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[TurnRunner]:
    database = f"sqlite:///{tmp_path}/p.db"
    async with Tenant.open() as tenant:
        settings = read({**tenant.environment(), "PHOTOSYNC_DATABASE_URL": database})
        store, http = await open_store(database), HttpClient.from_settings(settings)
        bot = Bot.build(settings, store, http)
        yield bot.follow_ups.runner
        await bot.close()


def said(text: str, person: str = PERSON) -> Incoming:
    return Incoming(
        text, ActivityKind.TYPED, Scope.PERSONAL, Address("https://x/", "a:1", "28:b", "29:a", "t"), person,
        name="Ada", text=text, locale="en-US",
    )  # fmt: skip


async def turns(runner: TurnRunner, channel: Slow, *texts: str) -> list[asyncio.Task[Message | None]]:
    """The turns of what a person says: the first is showing its card, and somebody else has had a whole turn since."""
    begun = [asyncio.create_task(runner.turn(said(text), channel)) for text in texts]
    other = Slow()
    other.open.set()
    async with asyncio.timeout(20):
        await channel.asked.wait()
        await runner.turn(said("svenska", "0b"), other)
    assert other.languages == ["sv"]
    return begun


async def test_what_a_person_says_is_answered_in_that_order(runner: TurnRunner) -> None:
    channel = Slow()
    begun = await turns(runner, channel, "svenska", "Deutsch", "français", "English")
    channel.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*begun)
    assert channel.languages == ["sv", "de", "fr", "en"]


async def test_a_turn_that_is_given_up_while_it_waits_lets_the_others_on(runner: TurnRunner) -> None:
    channel = Slow()
    begun = await turns(runner, channel, "svenska", "Deutsch", "français")
    begun[1].cancel()
    channel.open.set()
    async with asyncio.timeout(20):
        await asyncio.wait(begun)
    assert begun[1].cancelled()
    assert channel.languages == ["sv", "fr"]


async def test_a_turn_that_is_given_up_just_as_it_may_begin_lets_the_others_on(runner: TurnRunner) -> None:
    channel = Slow()
    channel.open.set()
    async with runner.lock(PERSON):
        begun = [asyncio.create_task(runner.turn(said(text), channel)) for text in ("svenska", "Deutsch")]
        await asyncio.sleep(0)
    begun[0].cancel()  # the lock is free and it is the first in line, and has not run yet
    async with asyncio.timeout(20):
        await asyncio.wait(begun)
    assert begun[0].cancelled()
    assert channel.languages == ["de"]


async def test_nothing_is_kept_of_a_person_for_whom_nobody_waits(runner: TurnRunner) -> None:
    channel = Slow()
    begun = await turns(runner, channel, "svenska", "Deutsch")
    lock = weakref.ref(runner.lock(PERSON))
    channel.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*begun)
    assert lock() is None
