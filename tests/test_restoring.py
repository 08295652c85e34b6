"""Yesterday's backup in the place of the database: what people meet whose cards are newer than it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot import app
from bot.settings import read
from bot.store.copying import backup
from sandbox.tenant import Tenant
from tests.chatting import step, title


@asynccontextmanager
async def started(tenant: Tenant, url: str) -> AsyncIterator[app.Running]:
    bot = await app.start(read({**tenant.environment(), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_DATABASE_URL": url}))
    tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
    try:
        yield bot
    finally:
        await bot.stop()


def restore(copy: Path, database: Path) -> None:
    """As docs/scale.md has it."""
    for end in ("-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    copy.replace(database)


async def test_cards_that_are_newer_than_the_restored_database_lead_on_and_who_was_forgotten_since_is_back(tmp_path: Path) -> None:  # fmt: skip
    url, copy = f"sqlite:///{tmp_path / 'photosync.db'}", tmp_path / "yesterday.db"
    async with Tenant.open() as tenant:
        goes_on, is_new, forgotten = (tenant.channel.chat(one.id) for one in tenant.world.crowd(3))
        async with started(tenant, url) as bot:
            await goes_on.say("my photo is wrong")
            yesterday = step(goes_on)
            await forgotten.say("my photo is wrong")
            await backup(url, copy)
            await goes_on.press("next")
            await is_new.say("my photo is wrong")
            await bot.store.erase(forgotten.person.id)
        restore(copy, tmp_path / "photosync.db")
        async with started(tenant, url) as bot:
            assert step(goes_on) != yesterday
            await goes_on.press("next")  # on a card that the database has not heard of
            assert step(goes_on) == yesterday
            await goes_on.press("next")
            assert step(goes_on) != yesterday
            await is_new.press("next")
            assert step(is_new) == "desk.menu", title(is_new)
            await is_new.say("my photo is wrong")
            assert step(is_new) == yesterday
            assert (await bot.store.erase(forgotten.person.id)).people == 1  # hence docs/scale.md: keep a list
