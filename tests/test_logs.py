"""Log lines: what they say of a case, and what they never say."""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot import logs, traces
from bot.settings import read
from tests.test_settings import GOOD

FORMS = pytest.mark.parametrize("form", ["json", "text"])


@contextmanager
def logging_as(form: str) -> Iterator[None]:
    """Set up in one of the forms, and put back."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    logs.set_up(read(GOOD | {"PHOTOSYNC_LOG_FORMAT": form, "PHOTOSYNC_LOG_LEVEL": "DEBUG"}))
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level, logging.raiseExceptions = before


def raised() -> None:
    try:
        json.loads("canary")
    except ValueError:
        logging.getLogger("asyncio").exception("canary %s", "canary")
        logging.getLogger("bot.x").exception("turn failed")


LIBRARIES: list[tuple[str, Any]] = [
    ("msal with a token in an answer that is cut off", lambda: logging.getLogger("msal.application").error("canary")),
    ("aiohttp with a request", lambda: logging.getLogger("aiohttp.web").error("Error handling %s", "canary")),
    ("a warning of Pillow's about a name in a file", lambda: warnings.warn("canary", UserWarning, stacklevel=1)),
    ("asyncio with an exception, and ours with one", raised),
    ("a line with too few places for its values", lambda: logging.getLogger("bot.x").error("of %d", "canary")),
]


@FORMS
@pytest.mark.parametrize("write", [row[1] for row in LIBRARIES], ids=[row[0] for row in LIBRARIES])
def test_what_a_library_writes_is_not_repeated_but_that_it_did_is(
    form: str, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings(), logging_as(form):
        warnings.simplefilter("always")
        write()
    written = capsys.readouterr().err
    assert "canary" not in written
    assert "Traceback" not in written
    assert written.count("\n") >= 1
    assert form == "text" or all(json.loads(line) for line in written.splitlines())


@FORMS
async def test_lines_name_the_case_that_their_own_task_works_on(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("bot.turns")

    async def turn(case: str) -> None:
        traces.CASE.set(case)
        await asyncio.sleep(0)
        log.debug("about %s", case)

    with logging_as(form):
        await asyncio.gather(*(asyncio.create_task(turn(case)) for case in ("C1", "C2")))
        log.info("about none")
    first, second, none = capsys.readouterr().err.splitlines()
    if form == "json":
        assert [json.loads(line).get("case") for line in (first, second, none)] == ["C1", "C2", None]
    else:
        assert ("[case C1]" in first, "[case C2]" in second, "[case" in none) == (True, True, False)
