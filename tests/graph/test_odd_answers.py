"""Every field of every answer of a look, taken away or made odd: a verdict at once, and nothing else."""

from __future__ import annotations

import asyncio
import copy
import os
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import ExternalSystems
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.http_client import HttpClient
from bot.settings import Settings, read
from dialogs.model import Fact, Reason, Verdict
from sandbox.team_sites import TeamSite, picture
from sandbox.tenant import Tenant
from sandbox.world import PEOPLE
from tests.texts import texts

IDS = {person.story: person.id for person in PEOPLE}
STORIES = ("old", "match", "missing", "by-name", "entra-only")
SITE = "https://fabrikam.sharepoint.example/sites/intranet"
AT_ONCE = 6.0  # seconds: less than a look may take, on a machine that is shared
Field = tuple[str, tuple[Any, ...]]  # the path of a request without its ids, and the way to a field of its answer


@dataclass
class Lab:
    """One tenant for all examples, in a loop of its own; signed in and searched for anew by each look."""

    runner: asyncio.Runner
    stack: AsyncExitStack
    tenant: Tenant
    settings: Settings
    http: HttpClient

    def look(self, story: str, change: Any) -> tuple[DiagnosisResult, float]:
        return self.runner.run(self._look(story, change))

    async def _look(self, story: str, change: Any) -> tuple[DiagnosisResult, float]:
        self.tenant.world.faults.change = change
        begun = time.monotonic()
        found = await ExternalSystems(self.settings, self.http).diagnosis.look(
            IDS[story], SITE, "2026-01-01T00:00:00+00:00"
        )
        return found, time.monotonic() - begun


async def opened() -> tuple[AsyncExitStack, Tenant, Settings, HttpClient]:
    stack = AsyncExitStack()
    tenant = await stack.enter_async_context(Tenant.open())
    people = {one.upn: picture("x", datetime.now(UTC)) for one in PEOPLE}
    tenant.world.team_sites.append(TeamSite("intranet", "The Intranet", people=people))
    settings_ = read(tenant.environment())
    http = HttpClient.from_settings(settings_)
    stack.push_async_callback(http.close)
    return stack, tenant, settings_, http


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with asyncio.Runner() as runner:
        stack, *parts = runner.run(opened())
        yield Lab(runner, stack, *parts)
        runner.run(stack.aclose())


def kind(path: str) -> str:
    """A path without what differs from one person to the next: an id, or the name of an account as a file's name."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[a-z]+_[a-z]+_fabrikam_example", "ID", path)


def fields(document: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a document, itself first."""
    yield way
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in inside:
        yield from fields(value, (*way, name))


def replaced(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value there, or none where it is `GONE`."""
    if not way:
        return None if value is GONE else value
    made = copy.deepcopy(document)
    inner = made
    for step in way[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[way[-1]]
    else:
        inner[way[-1]] = value
    return made


GONE = object()
ODD: list[Any] = [
    GONE, None, True, False, 0, -1, 1.5, 2**70, 10**400, 1e999, "", " ", "x", "..", "a/b", "\ud800", "\0", "\r\n", "é" * 300,
    [], {}, [[]], [{}], [1, "x"], {"id": []}, {"error": {"code": "x"}}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00", "https://[", "https://evil.example/x", "99999999999999999999", "x" * 100_000,
]  # fmt: skip
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=6), inner, max_size=3), max_leaves=5)  # fmt: skip


def recorded(lab: Lab) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Each field of each answer of these looks, with a story in which it comes up."""
    found: dict[Field, str] = {}
    for story in STORIES:

        def record(path: str, document: Any, story: str = story) -> Any:
            for way in fields(document):
                found.setdefault((kind(path), way), story)
            return document

        verdict = lab.look(story, record)[0].verdict
        assert verdict is not Verdict.UNKNOWN
    return [(story, path, way) for (path, way), story in found.items()]


def check(lab: Lab, story: str, path: str, way: tuple[Any, ...], value: Any) -> None:
    def change(asked: str, document: Any) -> Any:
        return replaced(document, way, value) if kind(asked) == path and way in set(fields(document)) else document

    found, seconds = lab.look(story, change)
    assert isinstance(found.verdict, Verdict)
    assert (found.verdict is Verdict.UNKNOWN) == (found.reason in set(Reason) - {"", *BLOCKING})
    assert found.verdict is not Verdict.MATCH or story == "match" or Fact.DIRECT in found.facts  # none makes one
    assert seconds < AT_ONCE, (path, way, value)
    assert not found.sharepoint or not found.sharepoint.modified or 1990 <= found.sharepoint.modified.year <= 2100


BLOCKING = {Reason.DISABLED, Reason.NO_SHAREPOINT, Reason.NO_MAILBOX, Reason.NO_SITE}


def test_every_answer_of_a_look_is_among_those_that_are_changed(lab: Lab) -> None:
    paths = {path for _, path, _ in recorded(lab)}
    for part in ("/token", "openid-configuration", "/users/ID", "/drives", "/root/children", "_LThumb.jpg", "/$batch", "/lists", "/items"):  # fmt: skip
        assert any(part in path for path in paths), part


@pytest.mark.parametrize("part", range(6))
def test_every_field_gone_or_null_or_of_another_type(lab: Lab, part: int) -> None:
    for number, (story, path, way) in list(enumerate(recorded(lab)))[part::6]:
        check(lab, story, path, way, GONE if number % 2 else ODD[1 + number % (len(ODD) - 1)])


@settings(max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "30")))
@given(st.data())
def test_any_field_of_any_value_ends_in_a_verdict(lab: Lab, data: st.DataObject) -> None:
    global _RECORDED  # noqa: PLW0603 - the same for all examples
    _RECORDED = _RECORDED or recorded(lab)
    story, path, way = data.draw(st.sampled_from(_RECORDED))
    check(lab, story, path, way, data.draw(st.sampled_from(ODD) | JSON))


_RECORDED: list[tuple[str, str, tuple[Any, ...]]] = []
