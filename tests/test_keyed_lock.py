"""One at a time for each key: in the order they came, also where some give up, and with nothing left behind."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.keyed_lock import KeyedLock


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=12))
def test_holders_keep_their_order_and_one_that_gives_up_stops_no_other(comers: list[tuple[str, bool]]) -> None:
    """Each comes for a key; some give up while they wait."""

    async def run() -> None:
        locks, inside, done = KeyedLock(), {"a": 0, "b": 0}, []

        async def come(number: int, key: str) -> None:
            async with locks.lock(key):
                inside[key] += 1
                try:
                    assert inside[key] == 1
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    done.append(number)
                finally:
                    inside[key] -= 1

        tasks = []
        for number, (key, _) in enumerate(comers):
            tasks.append(asyncio.create_task(come(number, key)))
            await asyncio.sleep(0)
        given_up = [
            task.cancel() for task, (_, leaves) in zip(tasks, comers, strict=True) if leaves and not task.done()
        ]
        assert all(given_up)
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        for key in "ab":
            mine = [number for number in done if comers[number][0] == key]
            assert mine == sorted(mine)
            assert locks.waiting(key) == 0
        assert {number for number, (_, leaves) in enumerate(comers) if not leaves} <= set(done)

    asyncio.run(run())


async def test_one_that_gives_up_just_as_it_gets_the_key_passes_it_on() -> None:
    locks, went = KeyedLock(), asyncio.Event()

    async def wait() -> None:
        async with locks.lock("a"):
            went.set()

    async with locks.lock("a"):
        first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert locks.waiting("a") == 3
    first.cancel()  # it was given the key, and has not run yet
    await asyncio.wait_for(second, 5)
    assert went.is_set()
    assert first.cancelled()
    assert locks.waiting("a") == 0
