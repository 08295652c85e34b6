"""Graph gives photos to four requests of an application at once: all processes on one database keep to that together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

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


async def test_two_processes_together_never_ask_for_more_than_four(two: tuple[Store, Store]) -> None:
    crowd = Crowd()
    processes = [SharedSlots(store, "photo", MOST, 30.0) for store in two]
    await asyncio.gather(*(crowd.take(processes[number % 2]) for number in range(24)))
    assert (crowd.most <= MOST, crowd.done) == (True, 24)


async def test_the_slots_of_a_process_that_died_come_back_when_their_leases_end(two: tuple[Store, Store]) -> None:
    here, there = two
    for _ in range(MOST):
        assert await there.acquire("photo", MOST, 0.5)
    crowd = Crowd()
    async with asyncio.timeout(20):
        await crowd.take(SharedSlots(here, "photo", MOST, 30.0))
    assert crowd.done == 1


async def test_whoever_gives_up_waiting_takes_nobody_s_place(two: tuple[Store, Store]) -> None:
    here, there = two
    taken = [await there.acquire("photo", MOST, 60.0) for _ in range(MOST)]
    slots, crowd = SharedSlots(here, "photo", MOST, 30.0), Crowd()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await crowd.take(slots)
    for token in taken:
        assert token is not None
        await there.release(token)
    async with asyncio.timeout(20):
        await asyncio.gather(*(crowd.take(slots) for _ in range(8)))
    assert (crowd.most <= MOST, crowd.done) == (True, 8)


async def test_while_the_database_is_away_a_process_keeps_to_four_by_itself(database: str) -> None:
    crowd, slots = Crowd(), SharedSlots(connect(database), "photo", MOST, 30.0)
    await asyncio.gather(*(crowd.take(slots) for _ in range(12)))
    assert (crowd.most, crowd.done) == (MOST, 12)
