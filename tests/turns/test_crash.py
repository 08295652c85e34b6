"""A slice of the crash run (`make crash`): a server that is killed while people chat keeps every promise."""

from __future__ import annotations

from tests.crash import crash


async def test_a_killed_server_loses_nothing_and_tells_nobody_thrice(database: str) -> None:
    early = database.startswith("sqlite")  # one of the two takes the time of an early answer
    tally = await crash(people=4, kills=2, database=database, seed=7, windows=int(early), hurry=True)
    assert tally.wrong == []
    assert (tally.kills, tally.tickets) == (2, 1)
    assert not early or tally.early
    assert sorted(tally.told) == sorted(f"0c000000-0000-4000-8000-{number:012}" for number in range(4))
