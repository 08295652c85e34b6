"""What was saved and is being shown: confirmed once it is there, and decided on the record as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.store import Change
from bot.store.connect import open_store
from dialogs.frozen import replace
from tests.chatting import RunningBot, scene, shown, step
from tests.databases import rows


@pytest.fixture
async def stage(database: str) -> AsyncIterator[RunningBot]:
    async with scene(PHOTOSYNC_DATABASE_URL=database) as one:
        yield one


async def test_a_card_that_was_shown_in_place_is_not_pending_any_more(stage: RunningBot, database: str) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("next")
    assert step(chat) == "resync.private_window"
    assert shown(chat) == 1
    async with asyncio.timeout(20):  # it is confirmed a second later, with those of others
        while await rows(database, "SELECT person FROM owed"):  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.05)
    assert await rows(database, "SELECT kind FROM work WHERE kind = 'show'") == []


async def test_what_is_done_outside_is_not_done_on_what_this_process_remembers(
    stage: RunningBot, database: str
) -> None:
    """Another replica has saved the person meanwhile: the ticket goes out once, from the record as it is."""
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    other = await open_store(database)
    record, _ = await other.load(chat.person.id)
    await other.commit(Change(replace(record, name="Renamed elsewhere")))
    await other.close()
    await chat.press("send_ticket", {"comment": "please"})
    assert step(chat) == "desk.ticket_sent"
    assert stage.tenant.helpdesk.tries == 1
