"""A topic that could strand a person is refused when it is loaded, not met in a chat."""

from __future__ import annotations

import tomllib
from collections.abc import Collection

import pytest

from bot import resources
from bot.languages import packaged
from bot.languages.catalogs import Languages
from dialogs import library
from dialogs.library import Library, LibraryError
from dialogs.model import STEP_ACTIONS


def passed_through(check: str) -> str:
    """The entries of a step whose every result leads to the menu."""
    branches = ", ".join(f'{result} = "menu"' for result in STEP_ACTIONS[check])
    return f'check = "{check}"\nbranches = {{ {branches} }}'


# All that the engine goes to by itself.
DESK = f"""
start = "menu"
[everywhere]
menu = "menu"
fix = "arrival"
check = "arrival"
ticket = "handing"
[steps.menu]
choices = {{ fix = "other.first" }}
[steps.arrival]
{passed_through("photos")}
[steps.handing]
{passed_through("ticket")}
[steps.erasing]
{passed_through("forget")}
entry = true
[steps.ask]
entry = true
[steps.leave]
entry = true
[steps.thanks]
entry = true
"""
GOOD = """
start = "first"
[steps.first]
choices = { next = "second" }
[steps.second]
outcome = "resolved"
"""
STEPS = [f"desk.{name}" for name in ("menu", "arrival", "handing", "erasing", "ask", "leave", "thanks")]
ENGLISH = {f"{step}.{part}" for step in (*STEPS, "other.first", "other.second") for part in ("title", "body")} | {
    "button.fix",
    "button.next",
}

LOOKING = 'check = "photos"\nbranches = { match = "second", differ = "second", missing = "second", unsure = "second", no_photo = "second"'

REFUSED = [
    ("dead end", GOOD.replace('outcome = "resolved"', 'picture = ""'), "other.second: a dead end"),
    ("unreachable", GOOD + '[steps.island]\noutcome = "stopped"\n', "other.island: unreachable"),
    ("unknown check", GOOD.replace('outcome = "resolved"', 'check = "weather"'), "unknown check 'weather'"),
    ("a result that leads nowhere", GOOD.replace('choices = { next = "second" }', LOOKING + " }"), "can end in 'unknown'"),
    ("a result the check does not have", GOOD.replace('choices = { next = "second" }', LOOKING + ', unknown = "second", rain = "second" }'), "unknown action 'rain'"),
    ("branches without a check", GOOD.replace('outcome = "resolved"', 'branches = { match = "first" }'), "branches without a check"),
    ("a target that is no step", GOOD.replace('next = "second"', 'next = "third"'), "leads to 'other.third'"),
    ("an unknown action", GOOD.replace("next =", "jump ="), "unknown action 'jump'"),
    ("an unknown entry", GOOD.replace("outcome", "outcom"), "unknown entry outcom"),
    ("an unknown outcome", GOOD.replace('"resolved"', '"happy"'), "unknown outcome 'happy'"),
    ("an unknown form", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nform = "blood"'), "unknown form 'blood'"),
    ("no such illustration", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\npicture = "unicorn"'), "no illustration 'unicorn'"),
    ("a link that is not https", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nlink = "http://x.example"'), "not an https address"),
    ("a checklist of no steps", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nchecklist = "desk"'), "no topic with numbered steps"),
    ("a state without a colour", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nstate = "sad"'), "unknown state 'sad'"),
    ("watching for nothing", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nwatch = true'), "`later` is missing"),
    ("seen at no time", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nseen = "lately"'), "has to be a month"),
    ("an address to copy that there is not", GOOD.replace('outcome = "resolved"', 'outcome = "resolved"\nform = "address"'), "has no link"),
    ("a start that is no step", GOOD.replace('start = "first"', 'start = "zeroth"'), "start 'zeroth'"),
    ("a step that is no table", 'start = "first"\n[steps]\nfirst = 3', "other.toml"),
]  # fmt: skip


def _built(other: str, english: Collection[str]) -> Library:
    return library.build({"desk": tomllib.loads(DESK), "other": tomllib.loads(other)}, (), english)


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_bad_topic_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(LibraryError) as refused:
        _built(text, ENGLISH)
    assert problem in str(refused.value)


@pytest.mark.parametrize("key", sorted(ENGLISH))
def test_a_missing_english_line_is_refused_by_its_key(key: str) -> None:
    with pytest.raises(LibraryError) as refused:
        _built(GOOD, ENGLISH - {key})
    assert refused.value.problems == (f"{key}: no English line",)


def test_good_topics_are_taken() -> None:
    assert _built(GOOD, ENGLISH).has("other.second")


def test_the_packaged_topics_number_their_steps_as_the_card_says(shelf: Library) -> None:
    assert shelf.progress("resync.private_window") == (1, 5)
    assert shelf.progress("add_photo.pop_up") == (6, 6)
    assert shelf.progress("look.differ") is None


def test_every_step_of_a_walk_says_where_and_when_its_screen_was_seen(shelf: Library) -> None:
    of_screens = [step for step in shelf.steps() if step.numbered or step.lines]
    assert [step.id for step in of_screens if not (step.seen and step.source)] == []


def test_steps_that_were_not_looked_at_for_more_than_a_year_are_named(shelf: Library) -> None:
    newest = max(step.seen for step in shelf.steps())
    year_later, too_late = f"{int(newest[:4]) + 1}{newest[4:]}", f"{int(newest[:4]) + 2}-01"
    assert not [step for step in library.outdated(shelf, year_later) if step.seen == newest]
    assert {"resync.tile", "add_photo.circle"} <= {step.id for step in library.outdated(shelf, too_late)}


def test_the_packaged_topics_load_with_what_is_packaged(spoken: Languages) -> None:
    assert {"resync", "add_photo", "still_old"} <= set(packaged.topics(spoken, resources.illustrations()).topics)
