"""A slice of the crash run (`make crash`): a server that is killed while people chat keeps every promise."""

from __future__ import annotations

from tests.crash import crash


async def test_a_killed_server_loses_nothing_and_tells_nobody_thrice(database: str) -> None:
    tally = await crash(people=6, kills=3, database=database, seed=7)
    assert tally.wrong == []
    assert tally.kills == 3
    assert sorted(tally.told) == sorted(f"0c000000-0000-4000-8000-{number:012}" for number in range(6))
