"""What the programs that look share: they look when they are told to by a line of JSON, and answer with one.

`{"people": [...], "at_once": 16, "seconds": 2.0}` looks at these people, in turn, for so long, or at each once where
`seconds` is 0; the answer holds the time of each look in seconds, of all together, and of the processor.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

Look = Callable[[str], Awaitable[None]]
"""One look at a person, by object id. Raises where it does not find two photos."""


async def serve(look: Look) -> None:
    """Until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        told = json.loads(line)
        try:
            answer = await _measured(look, told["people"], told["at_once"], told["seconds"])
        except Exception as error:  # whatever it is, the benchmark tells it
            answer = {"wrong": f"{type(error).__name__}: {error}"[:300]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def _measured(look: Look, people: list[str], at_once: int, seconds: float) -> dict[str, object]:
    took: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()
    ends = begun + seconds if seconds else float("inf")
    whom: Iterator[str] = itertools.cycle(people) if seconds else iter(people)

    async def one() -> None:
        while time.perf_counter() < ends:
            person = next(whom, None)
            if person is None:
                return
            at = time.perf_counter()
            await look(person)
            took.append(time.perf_counter() - at)

    await asyncio.gather(*(one() for _ in range(at_once)))
    return {"took": took, "seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
