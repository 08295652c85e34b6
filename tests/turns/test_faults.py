"""A fault at every point: the n-th call of a whole conversation to the store, Graph or the connector fails.

Afterwards the case is in a state that a run without faults can reach, one ticket at most is there, and the database is
sound. `PHOTOSYNC_FAULTS=all` takes every n; without it every fourth is taken.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot import app
from bot.errors import StoreUnavailable
from bot.settings import read
from bot.store import people
from bot.store.operation import Operation
from bot.store.sqlite import SqliteStore
from sandbox.channel import Chat
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.chatting import step

STRIDE = 1 if os.environ.get("PHOTOSYNC_FAULTS") == "all" else 4
CALLS = {"store": 20, "graph": 29, "files": 4, "connector": 16, "tickets": 1}  # that the whole conversation makes
ENDS = {"desk.ticket_sent", "desk.ticket_queued"}
# Where somebody can stand whose conversation has been going like this one's.
ON_THE_WAY = {"desk.menu", "look.differ", "look.unknown", "resync.waiting", "resync.unknown", "resync.done", "desk.ticket", "desk.ticket_failed", "still_old.where", *(f"resync.{one}" for one in ("private_window", "office", "sign_in", "tile", "page", "steps"))}  # fmt: skip


T = TypeVar("T")

OF_A_TURN = (people.load, people.commit, people.log, people.owner)


class FailingStore(SqliteStore):
    """A store whose n-th transaction of a turn fails."""

    def __init__(self, file: Path, failing: int) -> None:
        super().__init__(file)
        self._left = failing

    async def run(self, work: Callable[[], Operation[T]], *, alone: bool = False) -> T:
        if getattr(work, "func", None) in OF_A_TURN:
            self._left -= 1
            if self._left == 0:
                raise StoreUnavailable("planned")
        return await super().run(work, alone=alone)


@asynccontextmanager
async def bot(where: str, number: int, file: Path) -> AsyncIterator[tuple[Tenant, app.Running]]:
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        settings = read({**tenant.environment(), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}", "PHOTOSYNC_FOLLOW_UPS": "1h"})  # fmt: skip
        failing = number if where == "store" else 0
        running = await app.start(settings, FailingStore(file, failing))
        tenant.channel.bot_url = f"http://127.0.0.1:{running.port}"
        if where != "store":
            tenant.world.faults.plan(where, [Fault(kind="drop", lost=number % 2 == 0, after=number - 1)])
        try:
            yield tenant, running
        finally:
            await running.stop()


async def insist(chat: Chat, **activity: Any) -> None:
    """As Teams does: the same activity again while the bot asks for it."""
    made = {**chat.channel.activity(chat), "type": "message", **activity}
    for _ in range(5):
        if (await chat.deliver(made)).status < 500:
            return
    raise AssertionError("the bot never took it")


async def press(chat: Chat, action: str) -> None:
    """A button of the newest card, if it has it."""
    for one in chat.card()["actions"]:
        if one.get("data", {}).get("action") == action:
            await insist(chat, value={**one["data"], "comment": "x"}, replyToId=chat.shown().id)
            return


async def converse(tenant: Tenant, chat: Chat) -> None:
    """Ask, walk, visit SharePoint, hand over: whatever the card in front, go on towards the ticket."""
    await insist(chat, text="my photo is wrong")
    if not [one for one in chat.messages if one.card is not None]:
        await insist(chat, text="my photo is wrong")  # nothing came: a person writes again
    for _ in range(8):
        await press(chat, "next")
    tenant.world.visit_sharepoint(chat.person.id)
    await press(chat, "next")
    for _ in range(6):
        if step(chat) in ENDS:
            return
        await press(chat, "send_ticket" if step(chat) == "desk.ticket" else "ticket")


ROWS = [(where, number) for where, most in CALLS.items() for number in range(1, most + 1, STRIDE)]


@pytest.mark.parametrize(("where", "number"), ROWS, ids=[f"{where} {number}" for where, number in ROWS])
async def test_a_fault_at_this_point_leaves_a_state_that_can_be_reached(
    where: str, number: int, tmp_path: Path
) -> None:
    file = tmp_path / "photosync.db"
    async with bot(where, number, file) as (tenant, running):
        chat = tenant.channel.chat(tenant.world.people[0].id)
        await converse(tenant, chat)
        record, _ = await running.store.load(chat.person.id)
        assert record.case is not None
        assert record.case.step in ENDS | ON_THE_WAY
        assert step(chat) in ENDS, step(chat)
        assert len({one.body["case"] for one in tenant.helpdesk.tickets}) == len(tenant.helpdesk.tickets) <= 1
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
