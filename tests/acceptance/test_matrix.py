"""Every row, over real HTTP, against a real bot in a real sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import pytest_asyncio

from sandbox.faults import Faults
from tests.acceptance import activities, order, outside, people, tokens
from tests.acceptance.ground import Environment, Row, newcomer, seen, statuses
from tests.chatting import RunningBot, scene, step

GROUPS = {"tokens": tokens, "activities": activities, "people": people, "order": order, "outside": outside}
ROWS = [(group, row) for group, module in GROUPS.items() for row in module.ROWS]
NAMES = [f"{row.ref} {group}: {row.what}" for group, row in ROWS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[RunningBot]:
    """The bot that most rows share."""
    async with scene(PHOTOSYNC_FOLLOW_UPS="1h") as one:
        yield one


def test_the_matrix_has_at_least_120_rows_and_no_name_twice() -> None:
    assert len(ROWS) >= 120
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("group", "row"), ROWS, ids=NAMES)
async def test_row(group: str, row: Row, shared: RunningBot, record_property: Callable[[str, object], None]) -> None:
    if row.alone:
        async with scene(**{"PHOTOSYNC_FOLLOW_UPS": "1h", **row.settings}) as own:
            await judge(row, own)
    else:
        shared.tenant.world.faults = Faults(forbidden=shared.tenant.world.faults.forbidden)
        await judge(row, shared)
    record_property(
        "row", [row.ref, group, row.what, "/".join(map(str, row.status)), row.sees or "nothing", row.metric]
    )


async def judge(row: Row, where: RunningBot) -> None:
    ground = Environment(where, newcomer(where, row.story, row.name))
    before = await where.metric(row.metric) if row.metric else 0.0
    answer = await row.act(ground)
    assert set(statuses(answer)) <= set(row.status), statuses(answer)
    if 202 in statuses(answer) and row.sees:
        # Answered early: what is shown comes when the turn ends.
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while not seen(ground):  # noqa: ASYNC110 - the chat is looked at as a person would
                    await asyncio.sleep(0.05)
    shown = seen(ground)
    wanted, _, part = row.sees.partition(": ")
    assert shown.partition(":")[0] == wanted, shown[:600]
    assert part in shown
    if row.metric:
        assert await where.metric(row.metric) - before >= 1, row.metric
    record, _ = await where.bot.store.load(ground.chat.person.id)
    if row.store == "none":
        assert record.version == 0
    elif row.store == "step":
        assert record.case is not None
        assert record.case.step == step(ground.chat)
    assert (await where.get("/healthz"))[0] == 200
