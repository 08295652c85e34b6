"""Background tasks with an owner: started by name, restarted with backoff, reported in the log, metrics and readiness.

A task that lives as long as the process is given as a function. Whatever it raises is logged with its place in the
code, and the function is called again after a wait that doubles from `FIRST_WAIT` to `LONGEST_WAIT`. Returning counts
as a failure too: such a task has no end. It calls `beat` whenever a round of its work went well, which ends the row of
failures. After `SICK_AFTER` failures in a row the task counts as failing until its next beat.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.errors import location

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0  # seconds
LONGEST_WAIT = 60.0
SICK_AFTER = 3  # failures in a row

Beat = Callable[[], None]
Run = Callable[[Beat], Awaitable[None]]


class Background:
    """All background tasks of one process. `report(name, alive)` is called whenever that may have changed."""

    def __init__(self, report: Callable[[str, bool], None], *, first_wait: float = FIRST_WAIT) -> None:
        self._report = report
        self._first_wait = first_wait
        self._failures: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._once: set[asyncio.Task[Any]] = set()

    def start(self, name: str, run: Run) -> None:
        """Keep `run` running until `stop`. Raises ValueError if there is a task of this name."""
        if name in self._tasks:
            raise ValueError(name)
        self._failures[name] = 0
        self._report(name, True)
        self._tasks[name] = asyncio.create_task(self._keep(name, run), name=name)

    def once(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something once, beside everything else: a fault is logged. Whoever needs the result awaits the task."""
        task = asyncio.create_task(work, name=name)
        self._once.add(task)
        task.add_done_callback(self._ended)
        return task

    @property
    def failing(self) -> tuple[str, ...]:
        """Names of the tasks that failed `SICK_AFTER` times in a row and have not worked since."""
        return tuple(name for name, failures in self._failures.items() if failures >= SICK_AFTER)

    async def stop(self, name: str | None = None) -> None:
        """Cancel one task, or all of them, and wait for their end."""
        tasks: list[asyncio.Task[Any]] = [self._tasks.pop(name)] if name in self._tasks else []
        if name is None:
            tasks = [*self._tasks.values(), *self._once]
            self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, run: Run) -> None:
        def beat() -> None:
            if self._failures[name]:
                log.info("background task %s works again", name)
                self._failures[name] = 0
                self._report(name, True)

        task = asyncio.current_task()
        assert task is not None
        while True:
            try:
                await run(beat)
                why = "ended"
            except asyncio.CancelledError:
                if task.cancelling():
                    raise
                why = "something it waited for was cancelled"  # not this task: it goes on
            except Exception as error:  # whatever it is: a background task never stops in silence
                why = f"{type(error).__name__} at {location(error)}"
            if task.cancelling():  # it was told to end, and what it did then failed: it ends all the same
                log.error("background task %s failed at its end: %s", name, why)
                return
            self._failures[name] += 1
            self._report(name, False)
            wait = min(LONGEST_WAIT, self._first_wait * 2 ** min(self._failures[name] - 1, 10))
            wait *= random.uniform(0.7, 1.0)  # noqa: S311 - spreads replicas
            log.error("background task %s failed: %s; again in %.1f s", name, why, wait)
            await asyncio.sleep(wait)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._once.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("%s failed: %s at %s", task.get_name(), type(error).__name__, location(error))
