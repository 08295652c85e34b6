"""A real bot beside a real sandbox, for tests: signed activities in, the connector out, everything over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot import app
from bot.app import Running
from bot.settings import read
from sandbox.channel import Chat
from sandbox.fitness import parts, presses
from sandbox.tenant import Tenant


@dataclass(frozen=True)
class RunningBot:
    """The tenant and the bot in it."""

    tenant: Tenant
    bot: Running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.bot.port}"

    def chat(self, story: str, locale: str | None = None, platform: str | None = None) -> Chat:
        """The chat of the person with a story."""
        person = next(one for one in self.tenant.world.people if one.story == story)
        return self.tenant.channel.chat(person.id, locale, platform)

    async def metric(self, line: str) -> float:
        """The value of one line of `/metrics`; 0 where it is not there yet."""
        text = (await self.get("/metrics"))[1]
        return next((float(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(line + " ")), 0.0)

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def scene(prepare: Callable[[Tenant], None] | None = None, **changes: str) -> AsyncIterator[RunningBot]:
    """Both, started; `changes` are settings over those of the sandbox, `prepare` changes it before the bot starts."""
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        if prepare is not None:
            prepare(tenant)
        settings = read({**tenant.environment(), "PHOTOSYNC_PORT": "0", **changes})
        bot = await app.start(settings)
        try:
            tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
            yield RunningBot(tenant, bot)
        finally:
            await bot.stop()


def step(chat: Chat) -> str:
    """Which step the newest card shows: every button says."""
    submits = [one for one in presses(chat.card()) if one["type"] == "Action.Submit"]
    return str(submits[0]["data"]["step"])


def title(chat: Chat) -> str:
    """The newest card's heading."""
    return next(str(part["text"]) for part in parts(chat.card()) if part.get("style") == "heading")


def actions(chat: Chat) -> list[str]:
    """What the newest card's buttons mean."""
    return [one["data"]["action"] for one in presses(chat.card()) if one["type"] == "Action.Submit"]


def images(card: dict[str, Any]) -> list[str]:
    """Addresses of the pictures of a card, in reading order."""
    return [str(part["url"]) for part in parts(card) if part["type"] == "Image"]


async def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen in time")


def shown(chat: Chat) -> int:
    """How many messages of the bot there are."""
    return len([one for one in chat.messages if not one.mine])
