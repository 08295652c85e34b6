"""A slice of the fuzz run (`make fuzz`)."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzz


@pytest.mark.parametrize("seed", [11])
async def test_activities_nobody_would_write_end_in_an_answer_and_nothing_else(seed: int) -> None:
    found = await fuzz(400, seed)
    assert found.wrong == []
    assert {200, 400} <= set(found.statuses)
