"""This project's own look, with its comparison, and no chat around it."""

from __future__ import annotations

import asyncio
import os

import uvloop
from looking import serve

from bot.app import outside
from bot.settings import read
from dialogs.model import Verdict


async def main() -> None:
    """Look when told to."""
    async with outside(read(os.environ)) as one:

        async def look(person: str) -> None:
            found = await one.diagnosis.look(person)
            if found.verdict is not Verdict.DIFFER:
                raise ValueError(f"{found.verdict.value} {found.reason}")

        await serve(look)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
