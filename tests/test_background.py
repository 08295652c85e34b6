"""Background tasks never stop in silence: they are logged, restarted, and named as failing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from bot.background import SICK_AFTER, Background, Beat

SOON = 10.0  # seconds that a loaded machine keeps


class Seen:
    """What the metrics were told: name -> alive."""

    def __init__(self) -> None:
        self.alive: dict[str, bool] = {}

    def __call__(self, name: str, alive: bool) -> None:
        self.alive[name] = alive


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def background(seen: Seen) -> AsyncIterator[Background]:
    one = Background(seen, first_wait=0.001)
    yield one
    await one.stop()


async def until(condition: object, what: str) -> None:
    assert callable(condition)
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
    assert condition(), what


FAULTS = [ValueError("a secret of mine"), KeyError("k"), OSError(116, "stale"), RecursionError(), ExceptionGroup("several", [ValueError()]), TimeoutError(), StopAsyncIteration(), MemoryError(), AssertionError()]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_whatever_a_task_raises_it_is_run_again_and_logged_without_the_fault_s_own_words(background: Background, seen: Seen, caplog: pytest.LogCaptureFixture, fault: Exception) -> None:  # fmt: skip
    runs = 0

    async def fragile(beat: Beat) -> None:
        nonlocal runs
        runs += 1
        if runs <= SICK_AFTER:
            raise fault
        beat()
        await asyncio.sleep(3600)

    with caplog.at_level(logging.INFO):
        background.start("fragile", fragile)
        await until(lambda: runs > SICK_AFTER and not background.failing, "it works again")
    assert seen.alive == {"fragile": True}
    assert caplog.text.count("background task fragile failed: " + type(fault).__name__) == SICK_AFTER
    assert "test_background.py:" in caplog.text
    assert "a secret of mine" not in caplog.text


async def test_a_task_that_fails_three_times_in_a_row_is_named_until_it_works(background: Background, seen: Seen) -> None:  # fmt: skip
    well = asyncio.Event()

    async def sick(beat: Beat) -> None:
        if not well.is_set():
            raise OSError
        beat()
        await asyncio.sleep(3600)

    background.start("sick", sick)
    await until(lambda: background.failing == ("sick",), "it is named")
    assert seen.alive == {"sick": False}
    well.set()
    await until(lambda: background.failing == (), "it works again")
    assert seen.alive == {"sick": True}


async def test_failures_that_are_not_in_a_row_do_not_add_up(background: Background) -> None:
    runs = 0

    async def now_and_then(beat: Beat) -> None:
        nonlocal runs
        runs += 1
        beat()
        raise OSError

    background.start("now and then", now_and_then)
    await until(lambda: runs > 3 * SICK_AFTER, "it goes on")
    assert background.failing == ()


async def test_a_task_that_ends_by_itself_is_started_again(background: Background) -> None:
    runs = 0

    async def short(_: Beat) -> None:
        nonlocal runs
        runs += 1

    background.start("short", short)
    await until(lambda: runs > SICK_AFTER, "it is run again")
    assert background.failing == ("short",)


async def test_a_task_whose_own_helper_was_cancelled_goes_on(background: Background) -> None:
    runs = 0

    async def leaning(_: Beat) -> None:
        nonlocal runs
        runs += 1
        helper = asyncio.create_task(asyncio.sleep(3600))
        helper.cancel()
        await helper

    background.start("leaning", leaning)
    await until(lambda: runs > SICK_AFTER, "it is run again")
    assert background.failing == ("leaning",)
    await background.stop()
    stopped = runs
    await asyncio.sleep(0.05)
    assert runs == stopped


async def test_a_task_that_fails_while_it_is_stopped_ends_all_the_same(background: Background, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    begun = asyncio.Event()

    async def clumsy(_: Beat) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            raise OSError

    background.start("clumsy", clumsy)
    await begun.wait()
    async with asyncio.timeout(SOON):
        await background.stop()
    assert "background task clumsy failed at its end: OSError at" in caplog.text


async def test_two_tasks_of_one_name_are_a_mistake(background: Background) -> None:
    async def rest(_: Beat) -> None:
        await asyncio.sleep(3600)

    background.start("one", rest)
    with pytest.raises(ValueError, match="one"):
        background.start("one", rest)


async def test_what_is_done_once_is_logged_when_it_fails_and_cancelled_at_the_end(background: Background, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    cancelled = asyncio.Event()

    async def fails() -> None:
        raise ZeroDivisionError

    async def long() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await asyncio.wait([background.once("a card", fails())])
    await asyncio.sleep(0)
    assert "a card failed: ZeroDivisionError at" in caplog.text
    background.once("long", long())
    await asyncio.sleep(0)
    await background.stop()
    assert cancelled.is_set()
