"""It sees by itself: the card turns without a press, at a cost that is bounded; and the first card is a look."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks import crowd
from bot import app
from bot.settings import read
from bot.store import JobKind
from bot.turns.schedule import WATCH, Schedule
from sandbox.faults import Fault
from sandbox.world import KINDS
from tests.chatting import RunningBot, eventually, images, scene, shown, step, title
from tests.databases import execute


@pytest.fixture
def kept(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/photosync.db"


@pytest.fixture
async def stage(kept: str) -> AsyncIterator[RunningBot]:
    async with scene(PHOTOSYNC_DATABASE_URL=kept, PHOTOSYNC_FOLLOW_UPS="1s,5m") as one:
        one.tenant.world.people += KINDS
        yield one


async def test_the_card_turns_to_the_result_in_place_and_nothing_is_pressed(stage: RunningBot) -> None:
    chat = stage.chat("old", "sv-SE")
    await chat.install()
    assert step(chat) == "look.differ"
    before = images(chat.card())
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "resync.arrived")
    assert shown(chat) == 1
    assert images(chat.card())[0] == before[0]
    assert images(chat.card())[1] != before[1]
    assert await stage.metric('photosync_cases_total{outcome="resolved_later"}') == 1


async def test_a_photo_that_is_added_and_then_copied_is_seen_both_times(stage: RunningBot) -> None:
    chat = stage.chat("no-photo", "en-US")
    await chat.say("my photo is wrong")
    assert step(chat) == "look.no_photo"
    stage.tenant.world.change_photo(chat.person.id, 1)
    await eventually(lambda: step(chat) == "add_photo.lagging")
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "resync.arrived")
    assert shown(chat) == 1


async def test_while_nothing_changes_a_look_is_one_batch_and_no_download(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    graph = stage.tenant.graph
    await eventually(lambda: sum("$batch" in one for one in graph.requests) >= 5)  # the first is whole
    asked, downloads = len(graph.requests), len(graph.files.requests)
    await eventually(lambda: sum("$batch" in one for one in graph.requests[asked:]) >= 3)
    assert {one for one in graph.requests[asked:] if not one.startswith("BATCHED")} == {"POST /v1.0/$batch"}
    assert len(graph.files.requests) == downloads
    assert chat.messages[-1].versions == 0


async def test_a_graph_that_throttles_is_asked_less_and_less(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    stage.tenant.world.faults.graph_always = Fault(429, retry_after="60")
    asked = len(stage.tenant.graph.requests)
    await asyncio.sleep(3.0)
    assert len(stage.tenant.graph.requests) - asked <= 8  # at one a second, and as many tries again
    stage.tenant.world.faults.graph_always = None
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "resync.arrived", 40)


async def test_of_two_processes_one_looks_and_the_other_goes_on_when_it_is_gone(kept: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=kept, PHOTOSYNC_FOLLOW_UPS="1s,5m") as first:
        environment = first.tenant.environment()
        other = await app.start(
            read(
                {**environment, "PHOTOSYNC_PORT": "0", "PHOTOSYNC_DATABASE_URL": kept, "PHOTOSYNC_FOLLOW_UPS": "1s,5m"}
            )
        )
        chat = first.chat("old", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("check")  # shown once more: watched from here on, and not twice
        assert (await other.store.pending())[JobKind.FOLLOW_UP] == 1
        await first.bot.stop()
        first.tenant.world.visit_sharepoint(chat.person.id)
        await eventually(lambda: step(chat) == "resync.arrived", 60)
        assert shown(chat) == 1
        await other.stop()


ARRIVALS = [
    ("old", "look.differ"), ("missing", "look.missing"), ("no-photo", "look.no_photo"), ("match", "look.match"),
    ("entra-only", "look.direct"), ("new", "look.new_site"), ("guest", "look.guest"), ("forbidden", "desk.menu"),
]  # fmt: skip


async def test_the_first_card_after_an_install_says_what_was_found_in_the_language_of_the_directory(
    stage: RunningBot,
) -> None:
    found = []
    for story, _ in ARRIVALS:
        chat = stage.chat(story)
        await chat.install()
        found.append((story, step(chat)))
        assert shown(chat) == 1
    assert found == ARRIVALS
    assert "照片" in title(stage.chat("match"))
    assert await stage.metric('photosync_cases_total{outcome="resolved"}') == 0  # nobody asked for anything yet
    again = stage.chat("match")
    await again.install()
    assert shown(again) == 1


async def test_an_install_while_graph_is_down_is_answered_with_the_menu_in_time(stage: RunningBot) -> None:
    stage.tenant.world.faults.graph_always = Fault(kind="hang")
    chat = stage.chat("old", "en-US")
    begun = time.monotonic()
    await chat.install()
    await eventually(lambda: bool(shown(chat)), 30)
    assert step(chat) == "desk.menu"
    assert time.monotonic() - begun < 15


async def test_who_may_not_change_the_photo_is_told_so_before_the_steps(stage: RunningBot) -> None:
    stage.tenant.world.photo_settings["allowedRoles"] = ["62e90394-69f5-4237-9190-012177145e10"]
    chat = stage.chat("old", "en-US")
    await chat.say("add a photo")
    assert step(chat) == "look.not_allowed"


@pytest.mark.long
async def test_wait_until_tomorrow_is_a_reminder_that_comes_by_itself(stage: RunningBot, kept: str) -> None:
    chat = stage.chat("match", "en-US")
    await chat.say("my photo is wrong")
    for press in ("next", "outlook", "next"):
        await chat.press(press)
    assert step(chat) == "still_old.wait"
    await execute(kept, "UPDATE work SET due_at = due_at - 86398 WHERE kind = 'follow_up'")
    await eventually(lambda: step(chat) == "still_old.reminder")
    assert "A day has passed" in json.dumps(chat.card())
    assert shown(chat) == 2  # a new message: the day before nobody looks at that card any more


async def test_a_stopped_case_is_looked_at_no_more(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("stop")
    asked = len(stage.tenant.graph.requests)
    await asyncio.sleep(1.2)
    assert len(stage.tenant.graph.requests) == asked


async def test_many_at_once_keep_to_four_photo_requests_and_each_card_turns() -> None:
    """A slice of `python -m benchmarks.crowd`."""
    found = await crowd.measure(12, 4, 3.0, PHOTOSYNC_FOLLOW_UPS="1s,5m")
    assert found.photos_at_once <= 4
    assert len(found.turned) == 4
    assert found.watching["POST /v1.0/$batch"] > len(found.asked)


USUAL = Schedule((120.0, 900.0, 3600.0))


def looks(schedule: Schedule, watched: int) -> list[float]:
    """When one card is looked at in its first ten minutes."""
    found, at = [], 0.0
    while (at := schedule.next(at, watched)) < WATCH:
        found.append(at)
    return found


def test_a_copy_is_seen_within_thirty_seconds_and_one_person_costs_some_forty_looks() -> None:
    times = [0.0, *looks(USUAL, 1)]
    assert max(after - before for before, after in itertools.pairwise(times)) < 25
    assert 25 <= len(times) <= 50


def test_a_thousand_people_cost_no_more_than_eight_looks_a_second() -> None:
    assert 1000 * len(looks(USUAL, 1000)) / WATCH <= 9.5


def test_after_ten_minutes_the_schedule_goes_on() -> None:
    assert USUAL.next(599.0, 1) == 900.0
    assert USUAL.next(700.0, 1) == 900.0
    assert Schedule((1.0, 2.0, 4.0)).next(3.9, 1) == 4.0
    assert not Schedule(()).watches(0.0)
