"""One at a time for each person: in the order they came, whoever gives up, and with nothing left behind."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.keyed_lock import KeyedLock


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=12))
def test_nobody_overtakes_and_whoever_gives_up_stops_nobody(comers: list[tuple[str, bool]]) -> None:
    """Each comes for a key; some give up while they wait."""

    async def run() -> None:
        turns, inside, done = KeyedLock(), {"a": 0, "b": 0}, []

        async def come(number: int, key: str) -> None:
            async with turns.lock(key):
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
            assert turns.waiting(key) == 0
        assert {number for number, (_, leaves) in enumerate(comers) if not leaves} <= set(done)

    asyncio.run(run())


async def test_one_who_is_handed_the_turn_and_gives_up_at_that_moment_passes_it_on() -> None:
    turns, went = KeyedLock(), asyncio.Event()

    async def wait() -> None:
        async with turns.lock("a"):
            went.set()

    async with turns.lock("a"):
        first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert turns.waiting("a") == 3
    first.cancel()  # it was handed the turn, and has not run yet
    await asyncio.wait_for(second, 5)
    assert went.is_set()
    assert first.cancelled()
    assert turns.waiting("a") == 0
