"""What one turn crosses is counted without what the bot does besides."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.errors import Throttled
from tools.shape import Counter

ROOT = Path(__file__).resolve().parents[1]


async def test_a_background_task_is_not_part_of_what_a_request_crosses() -> None:
    async def work() -> None:
        Throttled("teams", "busy")  # runs `bot/errors.py`

    counter = Counter(ROOT)
    try:
        counter.counting = True
        await asyncio.create_task(work(), name="languages")
        assert counter.threads == {}
        await asyncio.create_task(work())
    finally:
        counter.close()
    assert counter.threads["event loop"].files == {"bot/errors.py"}
