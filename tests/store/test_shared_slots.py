"""Graph gives photos to four requests of an application at once: all processes on one database keep to that together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.store.connect import connect, open_store
from bot.store.interface import Store
from bot.store.shared_slots import SharedSlots

MOST = 4


@pytest.fixture
async def two(database: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes."""
    stores = await open_store(database), await open_store(database)
    yield stores
    for one in stores:
        await one.close()


class Crowd:
    """How many were at it at once, the most there ever were, and how many came through."""

    def __init__(self) -> None:
        self.now = self.most = self.done = 0

    async def take(self, slots: SharedSlots) -> None:
        async with slots():
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.03)
            self.now -= 1
            self.done += 1


@asynccontextmanager
async def process(store: Store) -> AsyncIterator[SharedSlots]:
    slots = SharedSlots(store, "photo", MOST, 8.0)
    keeping = asyncio.create_task(slots.keep(lambda: None))
    try:
        yield slots
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def lease(store: Store, who: str, slots: int, seconds: float = 60.0) -> int:
    """As another process that never says it again: how many it got."""
    return (await store.lease_slots("photo", who * 16, MOST, seconds, 0, slots, slots))[0]


async def test_two_processes_together_never_ask_for_more_than_four(two: tuple[Store, Store]) -> None:
    crowd = Crowd()
    async with process(two[0]) as here, process(two[1]) as there:
        await asyncio.gather(*(crowd.take((here, there)[number % 2]) for number in range(24)))
    assert (crowd.most <= MOST, crowd.done) == (True, 24)


async def test_the_slots_of_a_process_that_died_come_back_when_their_leases_end(two: tuple[Store, Store]) -> None:
    assert await lease(two[1], "a", MOST, 0.5) == MOST
    crowd = Crowd()
    async with process(two[0]) as slots, asyncio.timeout(20):
        await crowd.take(slots)
    assert crowd.done == 1


async def test_whoever_gives_up_waiting_takes_nobody_s_place(two: tuple[Store, Store]) -> None:
    here, there = two
    crowd = Crowd()
    async with process(here) as slots:
        assert await lease(there, "a", MOST) == MOST
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await crowd.take(slots)
        assert await lease(there, "a", 0) == 0
        async with asyncio.timeout(20):
            await asyncio.gather(*(crowd.take(slots) for _ in range(8)))
    assert (crowd.most <= MOST, crowd.done) == (True, 8)


async def test_a_busy_process_leaves_another_one_its_share(two: tuple[Store, Store]) -> None:
    busy, late = Crowd(), Crowd()
    async with process(two[0]) as here, process(two[1]) as there:
        going = [asyncio.create_task(busy.take(here)) for _ in range(200)]
        await asyncio.sleep(0.1)
        await asyncio.gather(*(late.take(there) for _ in range(4)))
        assert (late.done, busy.done < 200) == (4, True)
        for one in going:
            one.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def test_many_uses_cost_the_database_next_to_nothing(
    two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, run = 0, two[0].run

    async def counted(work: Any) -> Any:
        nonlocal ran
        ran += 1
        return await run(work)

    monkeypatch.setattr(two[0], "run", counted)
    crowd = Crowd()
    async with process(two[0]) as slots:
        await asyncio.gather(*(crowd.take(slots) for _ in range(60)))
    assert (crowd.done, ran < 10) == (60, True)


async def test_while_the_database_is_away_a_process_keeps_to_four_by_itself(database: str) -> None:
    crowd = Crowd()
    async with process(connect(database)) as slots:
        await asyncio.gather(*(crowd.take(slots) for _ in range(12)))
    assert (crowd.most, crowd.done) == (MOST, 12)
