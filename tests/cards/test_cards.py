"""The cards as Teams gets them: golden files for every topic in every language, and what must hold for all."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.cards import render
from bot.cards.render import Photos, Setting
from bot.cards.templates import CardTemplates
from bot.languages.catalogs import Languages
from dialogs.card_content import content_of, entry
from dialogs.library import Library
from dialogs.model import Case, Check, Reason, Step, Verdict
from dialogs.translations import Catalog, Translations

GOLDEN = Path(__file__).parent / "golden"
TAGS = ("en", "zh-Hans", "lv", "sv", "ru")
TOPICS = ("add_photo", "desk", "look", "resync", "still_old")
PHOTOS = Photos(b"ours", b"theirs", datetime(2026, 3, 9, 12, tzinfo=UTC))
AT = "2026-03-09T12:00:00+00:00"
SEEN = Check(AT, Verdict.DIFFER, similarity=0.4)
# What the looks before some of the cards found.
LOOKS = {
    "look.differ": replace(
        SEEN, facts=("older", "synced"), older_by=90 * 86_400.0, site="Intranet", site_finding="old"
    ),
    "look.guest": Check(AT, Verdict.UNKNOWN, Reason.GUEST),
    "look.blocked": replace(SEEN, reason=Reason.NO_MAILBOX),
    "look.unknown": Check(AT, Verdict.UNKNOWN, Reason.THROTTLED),
    "resync.unknown": Check(AT, Verdict.UNKNOWN, Reason.PERMISSION),
}
LARGEST_PHOTO = 5_500  # bytes that bot.photos.thumbnail may give
LARGEST_MESSAGE = 28 * 1024


@pytest.fixture(scope="session")
def setting(spoken: Languages, pictures: dict[str, bytes]) -> Setting:
    return Setting(spoken.wording, pictures, "https://teams.microsoft.com/l/chat/0/0?users=28:bot")


def case(ref: str, tag: str) -> Case:
    """A case in the middle of its life, standing on a step."""
    following = ref if ref.endswith(".unknown") else ""
    return Case("1A2B3C4D", 7, ref, ("desk.menu",), tag, "Windows", checks=(LOOKS.get(ref, SEEN),), following=following, ticket="INC0042", ticket_url="https://helpdesk.example/INC0042")  # fmt: skip


def all_says(shelf: Library, tag: str, topic: str = "") -> Iterator[tuple[str, Any]]:
    for step in shelf.steps():
        if topic in ("", step.id.partition(".")[0]):
            found = (
                entry(shelf, step.id, tag)
                if step.entry
                else content_of(shelf, case(step.id, tag), contact="ext. 4711", again=120.0)
            )
            yield step.id, found


def without_pictures(card: Any, setting: Setting) -> Any:
    """The card with every picture named in place of its bytes."""
    names = {base64.b64encode(data).decode(): name for name, data in setting.illustrations.items()}
    names |= {base64.b64encode(b"ours").decode(): "microsoft365", base64.b64encode(b"theirs").decode(): "sharepoint"}
    return json.loads(re.sub(r"base64,([A-Za-z0-9+/=]+)", lambda m: f"<{names[m[1]]}>", json.dumps(card)))


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("topic", TOPICS)
def test_the_cards_of_a_topic_are_as_they_were_approved(shelf: Library, setting: Setting, topic: str, tag: str) -> None:
    drawn = {
        ref: without_pictures(render.message(setting, one, name="Ada O'Neil", photos=PHOTOS).card, setting)
        for ref, one in all_says(shelf, tag, topic)
    }
    file = GOLDEN / tag / f"{topic}.json"
    text = json.dumps(drawn, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("PHOTOSYNC_GOLDEN") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8")) == drawn, "make golden, then look at the difference"


@pytest.mark.parametrize("tag", TAGS)
def test_every_message_fits_into_28_kb(shelf: Library, setting: Setting, tag: str) -> None:
    largest = Photos(b"\xff" * LARGEST_PHOTO, b"\xff" * LARGEST_PHOTO, datetime(2026, 3, 9, tzinfo=UTC))
    for ref, one in all_says(shelf, tag):
        card = render.message(setting, replace(one, comment="ж" * 1000 if one.form else ""), photos=largest).card
        assert len(json.dumps(card, ensure_ascii=False).encode()) < LARGEST_MESSAGE - 2_000, ref


@pytest.mark.parametrize("tag", TAGS)
def test_every_picture_has_words_for_those_who_do_not_see_it(shelf: Library, setting: Setting, tag: str) -> None:
    for ref, one in all_says(shelf, tag):
        message = render.message(setting, one, photos=PHOTOS)
        assert message.summary
        for image in find(message.card, "Image"):
            assert image["altText"], ref


def test_a_button_says_which_card_it_is_on(shelf: Library, setting: Setting) -> None:
    card = render.message(setting, content_of(shelf, case("resync.office", "en"))).card
    assert card["actions"][0]["data"] == {"action": "next", "case": "1A2B3C4D", "step": "resync.office", "rev": 7}
    assert card["actions"][1] == {"type": "Action.OpenUrl", "title": "Open office.com", "url": "https://www.office.com"}


def test_the_two_photos_stand_side_by_side_each_with_its_name(shelf: Library, setting: Setting) -> None:
    card = render.message(setting, content_of(shelf, case("look.differ", "sv")), photos=PHOTOS).card
    (columns,) = find(card, "ColumnSet")
    images = [find(column, "Image")[0]["url"] for column in columns["columns"]]
    assert images == [f"data:image/jpeg;base64,{base64.b64encode(one).decode()}" for one in (b"ours", b"theirs")]
    assert "9 mars 2026" in json.dumps(columns, ensure_ascii=False)


def test_a_missing_photo_is_shown_as_an_empty_frame(shelf: Library, setting: Setting) -> None:
    card = render.message(setting, content_of(shelf, case("look.missing", "en")), photos=Photos(b"ours", None)).card
    assert "No photo" in json.dumps(card)
    assert base64.b64encode(setting.illustrations["no_photo"]).decode() in json.dumps(card)


@pytest.mark.parametrize(
    ("platform", "part"),
    [("Windows", "Ctrl+Shift+N"), ("Mac", "Command+Shift+N"), ("iOS", "tabs button"), ("Android", "three dots"), ("Web", "On a Mac"), ("", "On a Mac")],
)  # fmt: skip
def test_shortcuts_fit_the_device(shelf: Library, setting: Setting, platform: str, part: str) -> None:
    one = content_of(shelf, replace(case("resync.private_window", "en"), platform=platform))
    assert part in json.dumps(render.message(setting, one).card)


NAMES = [
    ("[Reset](https://evil.example)", "\\[Reset\\]\\(https://evil.example\\)"),
    ("**bold** _it_ `code`", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\`"),
    ("<at>Everyone</at>", "\\<at\\>Everyone\\</at\\>"),
    ("line\nbreak\ttab\x00", "line break tab"),
    ("Zoë O'Neil-Smith", "Zoë O'Neil-Smith"),
    ("x" * 10_000, "x" * 79 + "…"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_name_is_shown_as_text_whatever_it_holds(shelf: Library, setting: Setting, name: str, shown: str) -> None:
    card = render.message(setting, content_of(shelf, case("desk.menu", "en")), name=name).card
    assert f"Hello, {shown}!" in [line["text"] for line in find(card, "TextBlock")]


def test_a_person_without_a_name_is_not_greeted_by_it(shelf: Library, setting: Setting) -> None:
    card = render.message(setting, content_of(shelf, case("desk.menu", "en"))).card
    assert "Hello" not in json.dumps(card)


def test_a_right_to_left_language_mirrors_the_card(shelf: Library, setting: Setting) -> None:
    english = setting.wording.catalogs["en"]
    arabic = Catalog("ar", "العربية", True, english.entries, english.plural)
    both = replace(setting, wording=Translations({"en": english, "ar": arabic}))
    assert render.message(both, content_of(shelf, case("desk.menu", "ar"))).card["rtl"] is True
    assert "rtl" not in render.message(both, content_of(shelf, case("desk.menu", "en"))).card


def test_a_card_with_one_sentence_missing_is_wholly_in_english(shelf: Library, setting: Setting) -> None:
    english, swedish = setting.wording.catalogs["en"], setting.wording.catalogs["sv"]
    torn = replace(swedish, entries={k: v for k, v in swedish.entries.items() if k != "button.stop"})
    both = replace(setting, wording=Translations({"en": english, "sv": torn}))
    message = render.message(both, content_of(shelf, case("look.differ", "sv")), photos=PHOTOS)
    assert message.card == render.message(both, content_of(shelf, case("look.differ", "en")), photos=PHOTOS).card
    assert message.locale == "en"


def find(part: Any, kind: str) -> list[dict[str, Any]]:
    """All elements of a type in a card, in reading order."""
    found = []
    if isinstance(part, dict):
        found += [part] if part.get("type") == kind else []
        found += [one for value in part.values() for one in find(value, kind)]
    elif isinstance(part, list):
        found += [one for value in part for one in find(value, kind)]
    return found


def lives(step: Step) -> Iterator[Case]:
    """The same step in cases of many kinds."""
    flags = itertools.product(
        ("en", "ar"), ("", "notice.stale"), ("Windows", "iOS"), ((), ("desk.menu",)), ("", "up"), ("", "resolved")
    )
    for number, (tag, notice, platform, trail, rating, outcome) in enumerate(flags):
        one = replace(case(step.id, tag), id=f"CASE{number:04}", rev=number, notice=notice, platform=platform)
        yield replace(one, trail=trail, rating=rating, outcome=outcome)
        yield replace(one, earlier_case="EARLIER", earlier_ticket="INC0001", trail=trail)


def test_a_card_from_the_deck_is_the_one_that_would_be_drawn(shelf: Library, setting: Setting) -> None:
    """Whoever had a card of that face before: nothing of the earlier person's case is on it."""
    deck, fresh = CardTemplates(shelf, "ext. 4711", 120.0), replace(setting, drawn={})
    for step in (one for one in shelf.steps() if not one.entry and not one.photos):
        for one in lives(step):
            drawn = render.message(setting, content_of(shelf, one, contact="ext. 4711", again=120.0), name="Ada")
            dealt = deck.card(fresh, one, "Ada", Photos())
            assert (dealt.card, dealt.summary, dealt.locale) == (drawn.card, drawn.summary, drawn.locale)
    assert len(fresh.drawn) > 100  # or it would be drawn anew each time


def test_the_deck_does_not_grow_without_end(shelf: Library, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cards.templates._MOST", 3)
    deck, fresh = CardTemplates(shelf), replace(setting, drawn={})
    for tag in (*TAGS, *TAGS):
        assert deck.card(fresh, case("resync.office", tag), "", Photos()).locale == tag
    assert len(fresh.drawn) == 3


def test_english_of_ones_own_may_name_what_a_case_holds(shelf: Library, setting: Setting) -> None:
    """Nobody else's number is ever on a card."""
    own = {
        "resync.office.body": ("Ticket {ticket}",),
        "resync.office.button.next": ("Done with {case}",),
        "resync.tile.link": ("Open {ticket}",),
    }
    english = setting.wording.catalogs["en"]
    changed = replace(english, entries={**english.entries, **own})
    fresh = replace(setting, wording=Translations({"en": changed}), drawn={})
    deck = CardTemplates(replace(shelf, english=(*shelf.english, *own)))
    for number in range(3):
        one = replace(case("resync.office", "en"), id=f"CASE{number}", ticket=f"INC{number}", earlier_ticket="")
        shown = json.dumps(deck.card(fresh, one, "", Photos()).card)
        assert f"Ticket INC{number}" in shown
        assert f"Done with CASE{number}" in shown
