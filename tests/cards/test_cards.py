"""The cards as Teams gets them: a golden outline for each direction of writing, and what must hold for all languages."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.cards.templates import CardTemplates
from bot.clouds import CLOUDS
from bot.commands.preview.samples import samples
from bot.languages import packaged
from bot.languages.catalogs import Languages
from dialogs.card_content import CardContent, content_of, standalone_content
from dialogs.library import Library
from dialogs.model import Case, Check, Reason, Step, Trace, Verdict
from dialogs.translations import Catalog, Translations
from tests.cards.outline import outline

GOLDEN = Path(__file__).parent / "golden"
TAGS = ("en", "zh-Hans", "lv", "sv", "ru")
# Where a card holds what people read, or hear read.
TEXTS = ("text", "title", "altText", "label", "placeholder", "fallbackText")
PHOTOS = Photos(b"ours", b"theirs", datetime(2026, 3, 9, 12, tzinfo=UTC), difference=b"differs")
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
LARGEST_PHOTO = 7_000  # bytes that bot.photos.thumbnail may give
LARGEST_MESSAGE = 28 * 1024


@pytest.fixture(scope="session")
def setting(spoken: Languages, pictures: dict[str, bytes]) -> CardSetting:
    """With the name of each illustration in place of its bytes, which would be most of a card and of the time."""
    names = {name: name.encode() for name in pictures}
    return CardSetting(spoken.translations, names, "https://teams.microsoft.com/l/chat/0/0?users=28:bot")


def case(ref: str, tag: str) -> Case:
    """A case in the middle of its life, standing on a step."""
    followed = (".unknown", ".ticket_sent", ".differ", ".waiting", ".way", ".steps")
    following = ref if ref.endswith(followed) else ""
    if ref == "desk.forgotten":
        return Case("", step=ref, locale=tag)
    if ref == "desk.arrived":
        return Case("1A2B3C4D", 7, ref, ("desk.menu",), tag, checks=(SEEN,), outcome="escalated", submissions=2)
    return Case("1A2B3C4D", 7, ref, ("desk.menu",), tag, "Windows", checks=(LOOKS.get(ref, SEEN),), following=following, following_since=AT if following else "", traces=(Trace("resync.private_window", AT, "next"),), comment="In the org chart.", ticket="INC0042", ticket_url="https://helpdesk.example/INC0042", earlier_question="Which page?", question_case="5E6F7A8B")  # fmt: skip


def all_contents(shelf: Library, tag: str) -> Iterator[tuple[str, CardContent]]:
    for step in shelf.steps():
        in_case = content_of(shelf, case(step.id, tag), contact="ext. 4711", next_look=120.0)
        yield step.id, standalone_content(shelf, step.id, tag) if step.entry else in_case


def without_pictures(card: Any, setting: CardSetting) -> Any:
    """The card with every picture named in place of its bytes."""
    names = {base64.b64encode(data).decode(): name for name, data in setting.illustrations.items()}
    photos = {b"ours": "microsoft365", b"theirs": "sharepoint", b"differs": "difference"}
    names |= {base64.b64encode(data).decode(): name for data, name in photos.items()}
    return json.loads(re.sub(r"base64,([A-Za-z0-9+/=]+)", lambda m: f"<{names[m[1]]}>", json.dumps(card)))


@pytest.mark.parametrize("tag", ["en", "ar"])
def test_the_cards_are_as_they_were_approved(shelf: Library, setting: CardSetting, tag: str) -> None:
    """The structure, in one language of each direction; that all others have the same is a property below."""
    lines = []
    for ref, content in all_contents(shelf, tag):
        card = render.message(setting, content, name="Ada O'Neil", photos=PHOTOS).card
        lines += [f"== {ref}", *outline(without_pictures(card, setting)), ""]
    file = GOLDEN / f"{tag}.txt"
    if os.environ.get("PHOTOSYNC_GOLDEN") == "write":
        file.write_text("\n".join(lines), encoding="utf-8")
    assert "\n".join(lines) == file.read_text(encoding="utf-8"), "make golden, then look at the difference"


@dataclass(frozen=True)
class Keys(Catalog):
    """A language in which every sentence is its own key, with the values that are to be put in."""

    def text(self, key: str, **values: str | int) -> str:
        return orjson.dumps([key, values]).decode()


@cache
def read(text: str) -> tuple[str, dict[str, Any]] | None:
    """The key and the values of a text of a card in `Keys`; None of what is no such text. The same in most languages."""
    try:
        key, values = orjson.loads(text)
    except (ValueError, TypeError):
        return None  # a number, the name of a language to choose, or what the person wrote: no translation
    return key, values


def key_of(text: str) -> str:
    """Fails where a text is more or less than one whole sentence."""
    found = read(text)
    assert found is not None, text
    return found[0]


def no_sentence(text: object) -> bool:
    """A number or a sign before a line, an address to follow: the same in every language."""
    return isinstance(text, str) and (len(text) <= 2 or text.startswith("[www.office.com"))


def keys_of(part: Any) -> Iterator[str]:
    """The key of every text of a card in `Keys`. Fails where a text is more or less than one whole sentence."""
    if isinstance(part, dict):
        for name, value in part.items():
            if part.get("id") == "summary" and name == "value":
                yield from (key_of(line.removeprefix("- ")) for line in value.split("\n") if '["' in line)
            elif name in TEXTS and not no_sentence(value):
                yield key_of(value)
            elif name not in ("choices", "data"):
                yield from keys_of(value)
    elif isinstance(part, list):
        for one in part:
            yield from keys_of(one)


def spoken_in(catalog: Catalog) -> Callable[[Any], Any]:
    """For a card in `Keys`: the same with every key replaced by the language's own sentence, its values filled in."""

    @cache  # the same buttons and hints are on many cards
    def sentences(text: str) -> str:
        return "\n".join(_sentence(catalog, line) for line in text.split("\n"))

    def spoken(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                name: sentences(value)
                if isinstance(value, str) and (name in TEXTS or part.get("id") == "summary")
                else spoken(value)
                for name, value in part.items()
            }
        return [spoken(one) for one in part] if isinstance(part, list) else part

    return spoken


def _sentence(catalog: Catalog, text: str) -> str:
    bullet = "- " if text.startswith("- ") else ""
    found = read(text.removeprefix(bullet))
    return bullet + catalog.text(found[0], **found[1]) if found else text


def every_sample(shelf: Library, tag: str) -> Iterator[tuple[str, CardContent]]:
    """Every step, and every step in every situation that adds a sentence to it."""
    yield from all_contents(shelf, tag)
    for sample in samples(shelf, tag):
        yield sample.name, sample.content


@pytest.fixture(scope="session")
def structures(shelf: Library, setting: CardSetting) -> list[Any]:
    """Of every sample in English."""
    keys = setting_in_keys(setting, setting.translations.catalogs["en"])
    found = every_sample(shelf, "en")
    return [structure(render.message(keys, plain, name="Ada", photos=PHOTOS).card) for _, plain in found]


@pytest.mark.parametrize("tag", packaged.languages().tags)
def test_every_language_shows_its_own_sentences_whole_and_in_the_same_places(
    shelf: Library, setting: CardSetting, structures: list[Any], tag: str
) -> None:
    catalog, english = (setting.translations.catalogs[one] for one in (tag, "en"))
    said, spoken = setting_in_keys(setting, catalog), spoken_in(catalog)
    for (name, content), same in zip(every_sample(shelf, tag), structures, strict=True):
        keyed = render.message(said, content, name="Ada", photos=PHOTOS).card
        used = set(keys_of(keyed))
        assert content.title in used, name
        whole = catalog if used <= set(catalog.entries) else english  # one sentence missing: no card mixes two
        message = render.message(setting, content, name="Ada", photos=PHOTOS)
        assert message.locale == message.card["lang"] == whole.tag, name
        assert message.card.get("rtl", False) == whole.rtl, name
        if whole is catalog:
            assert message.card == spoken(keyed), name
        assert structure(keyed) == same, name


def setting_in_keys(setting: CardSetting, catalog: Catalog) -> CardSetting:
    keys = Keys(catalog.tag, catalog.name, catalog.rtl, catalog.entries, catalog.plural, catalog.base)
    return replace(setting, translations=Translations({**setting.translations.catalogs, catalog.tag: keys}))


def structure(part: Any) -> Any:
    """What is left of a card in `Keys` where languages differ as they may: dates, direction, names of languages."""
    if isinstance(part, dict):
        return {
            name: key_of(value) if name in TEXTS and value.startswith('["') else structure(value)
            for name, value in part.items()
            if name not in ("lang", "rtl", "url", "value")
        }
    return [structure(one) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize("tag", TAGS)
def test_every_message_fits_into_28_kb(
    shelf: Library, setting: CardSetting, pictures: dict[str, bytes], tag: str
) -> None:
    setting = replace(setting, illustrations=pictures)
    large, small = b"\xff" * LARGEST_PHOTO, b"\xff" * (LARGEST_PHOTO // 2)
    largest = Photos(large, large, datetime(2026, 3, 9, tzinfo=UTC), (small, small), difference=small)
    for ref, one in all_contents(shelf, tag):
        card = render.message(setting, replace(one, comment="ж" * 1000 if one.form else ""), photos=largest).card
        assert len(json.dumps(card, ensure_ascii=False).encode()) < LARGEST_MESSAGE - 2_000, ref


@pytest.mark.parametrize("tag", TAGS)
def test_every_picture_has_words_for_those_who_do_not_see_it(shelf: Library, setting: CardSetting, tag: str) -> None:
    for ref, one in all_contents(shelf, tag):
        message = render.message(setting, one, photos=PHOTOS)
        assert message.summary
        for image in find(message.card, "Image"):
            assert image["altText"], ref


def test_a_button_says_which_card_it_is_on(shelf: Library, setting: CardSetting) -> None:
    card = render.message(setting, content_of(shelf, case("resync.tile", "en"))).card
    assert card["actions"][0]["data"] == {"action": "next", "case": "1A2B3C4D", "step": "resync.tile", "rev": 7}
    address = "https://www.office.com/launch/sharepoint"
    assert card["actions"][1] == {"type": "Action.OpenUrl", "title": "Open SharePoint", "url": address}


def test_an_address_for_another_window_is_there_to_copy_and_opens_nothing(shelf: Library, setting: CardSetting) -> None:
    card = render.message(setting, content_of(shelf, case("resync.office", "sv"))).card
    assert find(card, "Input.Text")[0]["value"] == "www.office.com"
    assert "www.office.com" in json.dumps(card["body"][3], ensure_ascii=False)
    assert find(card["actions"], "Action.OpenUrl") == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_card_leads_to_another_cloud(shelf: Library, setting: CardSetting, cloud: str) -> None:
    """Of its text neither, in whatever language."""
    own = CLOUDS[cloud]
    there = {address for other in CLOUDS.values() for address in (other.teams, *other.pages.values())}
    elsewhere = {urlsplit(one).netloc for one in there - {own.teams, *own.pages.values()} if one}
    chat = f"{own.teams}/l/chat/0/0?users=28:bot"
    elsewhere = {host for host in elsewhere if f"//{host}" not in chat}
    here = replace(setting, pages=own.pages, chat=chat)
    for ref, content in all_contents(shelf, "en"):
        assert named_in(json.dumps(render.message(here, content, photos=PHOTOS).card), elsewhere) == [], ref
    for tag, catalog in setting.translations.catalogs.items():
        assert named_in("\n".join(form for forms in catalog.entries.values() for form in forms), elsewhere) == [], tag


def named_in(text: str, hosts: set[str]) -> list[str]:
    return [host for host in hosts if host in text and re.search(rf"(?<![\w.]){re.escape(host)}", text)]


def test_the_two_photos_stand_side_by_side_each_with_its_name(shelf: Library, setting: CardSetting) -> None:
    card = render.message(setting, content_of(shelf, case("look.differ", "sv")), photos=PHOTOS).card
    columns = next(one for one in find(card, "ColumnSet") if len(find(one, "Image")) == 2)
    images = [find(column, "Image")[0] for column in columns["columns"]]
    assert [image["url"] for image in images] == [f"data:image/jpeg;base64,{base64.b64encode(one).decode()}" for one in (b"ours", b"theirs")]  # fmt: skip
    assert all(image["width"] == "150px" and image["msTeams"] == {"allowExpand": True} for image in images)
    assert "Kopierat mars 2026, 3 månader äldre än ditt foto" in json.dumps(columns, ensure_ascii=False)


DATES = [
    ("America/Los_Angeles", "March 8, 2026", "March 8, 2026, 5:30:00 PM PDT"),
    ("Europe/Riga", "March 9, 2026", "March 9, 2026, 2:30:00 AM +0200"),
    ("-05:00", "March 8, 2026", "March 8, 2026, 7:30:00 PM -0500"),
    ("+05:45", "March 9, 2026", "March 9, 2026, 6:15:00 AM +0545"),
    ("", "March 9, 2026", "March 9, 2026, 12:30:00 AM UTC"),
    ("Nowhere/At_All", "March 9, 2026", "12:30:00 AM UTC"),
    ("../../etc/passwd", "March 9, 2026", "12:30:00 AM UTC"),
    ("+99:99", "March 9, 2026", "12:30:00 AM UTC"),
]


@pytest.mark.parametrize(("timezone", "copied", "looked"), DATES, ids=[row[0] or "none" for row in DATES])
def test_dates_are_those_of_the_persons_own_clock(
    shelf: Library, setting: CardSetting, timezone: str, copied: str, looked: str
) -> None:
    photos = Photos(b"ours", b"theirs", datetime(2026, 3, 9, 0, 30, tzinfo=UTC))
    one = replace(case("look.missing", "en"), timezone=timezone)
    assert f"Copied on {copied}" in json.dumps(render.message(setting, content_of(shelf, one), photos=photos).card)
    one = replace(one, step="desk.contact", checks=(replace(SEEN, at="2026-03-09T00:30:00+00:00"),))
    card = render.message(setting, content_of(shelf, one)).card
    assert looked in find(card, "Input.Text")[0]["value"].replace("\u202f", " ")


def test_a_missing_photo_is_shown_as_an_empty_frame(shelf: Library, setting: CardSetting) -> None:
    card = render.message(setting, content_of(shelf, case("look.missing", "en")), photos=Photos(b"ours", None)).card
    assert "No photo" in json.dumps(card)
    assert base64.b64encode(setting.illustrations["no_photo"]).decode() in json.dumps(card)


@pytest.mark.parametrize(
    ("platform", "part"),
    [("Windows", "Ctrl+Shift+N"), ("Mac", "Command+Shift+N"), ("iOS", "tabs button"), ("Android", "three dots"), ("Web", "On a Mac"), ("", "On a Mac")],
)  # fmt: skip
def test_shortcuts_fit_the_device(shelf: Library, setting: CardSetting, platform: str, part: str) -> None:
    one = content_of(shelf, replace(case("resync.private_window", "en"), platform=platform))
    assert part in json.dumps(render.message(setting, one).card)


NAMES = [
    ("[Reset](https://evil.example)", "\\[Reset\\]\\(https://evil.example\\)"),
    ("**bold** _it_ `code`", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\`"),
    ("<at>Everyone</at>", "\\<at\\>Everyone\\</at\\>"),
    ("~~Ada~~ #1 | back\\slash", "\\~\\~Ada\\~\\~ \\#1 \\| back\\\\slash"),
    ("line\nbreak\ttab\x00", "line break tab"),
    ("Zoë O'Neil-Smith", "Zoë O'Neil-Smith"),
    ("x" * 10_000, "x" * 79 + "…"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_name_is_shown_as_text_whatever_it_holds(shelf: Library, setting: CardSetting, name: str, shown: str) -> None:
    card = render.message(setting, content_of(shelf, case("desk.menu", "en")), name=name).card
    assert f"Hello, {shown}!" in [line["text"] for line in find(card, "TextBlock")]


def test_a_person_without_a_name_is_not_greeted_by_it(shelf: Library, setting: CardSetting) -> None:
    card = render.message(setting, content_of(shelf, case("desk.menu", "en"))).card
    assert "Hello" not in json.dumps(card)


def test_a_right_to_left_language_mirrors_the_card(shelf: Library, setting: CardSetting) -> None:
    english = setting.translations.catalogs["en"]
    arabic = Catalog("ar", "العربية", True, english.entries, english.plural)
    both = replace(setting, translations=Translations({"en": english, "ar": arabic}))
    assert render.message(both, content_of(shelf, case("desk.menu", "ar"))).card["rtl"] is True
    assert "rtl" not in render.message(both, content_of(shelf, case("desk.menu", "en"))).card


def test_a_card_with_one_sentence_missing_is_wholly_in_english(shelf: Library, setting: CardSetting) -> None:
    english, swedish = setting.translations.catalogs["en"], setting.translations.catalogs["sv"]
    torn = replace(swedish, entries={k: v for k, v in swedish.entries.items() if k != "button.stop"})
    both = replace(setting, translations=Translations({"en": english, "sv": torn}))
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
    """The same step in cases of many kinds, in the one direction of writing and the other by turns."""
    flags = itertools.product(
        ("", "notice.stale"), ("Windows", "iOS"), ((), ("desk.menu",), ("resync.page",)), ("", "up"), ("", "resolved")
    )
    for number, (notice, platform, trail, rating, outcome) in enumerate(flags):
        tag = ("en", "ar")[number.bit_count() % 2]
        one = replace(case(step.id, tag), id=f"CASE{number:04}", rev=number, notice=notice, platform=platform)
        yield replace(one, trail=trail, rating=rating, outcome=outcome)
        yield replace(one, earlier_case="EARLIER", earlier_ticket="INC0001", trail=trail)


@pytest.mark.long
def test_a_card_from_a_template_is_the_one_that_would_be_rendered(shelf: Library, setting: CardSetting) -> None:
    """Nothing of the case that the template was made for is on another person's card."""
    templates = CardTemplates("ext. 4711", 120.0)
    for step in (one for one in shelf.steps() if not one.entry and not one.photos):
        for one in lives(step):
            content = content_of(shelf, one, contact="ext. 4711", next_look=120.0)
            rendered = render.message(setting, content, name="Ada")
            filled = templates.card(shelf, setting, one, "Ada", Photos())
            assert (filled.card, filled.summary, filled.locale) == (rendered.card, rendered.summary, rendered.locale)
    assert len(templates.cached) > 100  # or each would be rendered again


def test_templates_do_not_pile_up(shelf: Library, setting: CardSetting) -> None:
    templates = CardTemplates(most=3)
    for tag in (*TAGS, *TAGS):
        assert templates.card(shelf, setting, case("resync.sign_in", tag), "", Photos()).locale == tag
    assert len(templates.cached) == 3


def test_a_sentence_that_was_changed_is_shown_at_once(shelf: Library, setting: CardSetting) -> None:
    templates, english = CardTemplates(), setting.translations.catalogs["en"]
    assert templates.card(shelf, setting, case("resync.office", "en"), "", Photos()).summary == "Open Microsoft 365"
    changed = replace(english, entries={**english.entries, "resync.office.title": ("Visit Microsoft 365",)})
    other = replace(setting, translations=Translations({"en": changed}))
    assert templates.card(shelf, other, case("resync.office", "en"), "", Photos()).summary == "Visit Microsoft 365"


def test_english_of_ones_own_may_name_what_a_case_holds(shelf: Library, setting: CardSetting) -> None:
    """No other person's number is ever on a card."""
    own = {
        "resync.office.body": ("Ticket {ticket}",),
        "resync.office.button.next": ("Done with {case}",),
        "resync.tile.link": ("Open {ticket}",),
    }
    english = setting.translations.catalogs["en"]
    changed = replace(english, entries={**english.entries, **own})
    own_words = replace(setting, translations=Translations({"en": changed}))
    templates, own_shelf = CardTemplates(), replace(shelf, english=(*shelf.english, *own))
    for number in range(3):
        one = replace(case("resync.office", "en"), id=f"CASE{number}", ticket=f"INC{number}", earlier_ticket="")
        shown = json.dumps(templates.card(own_shelf, own_words, one, "", Photos()).card)
        assert f"Ticket INC{number}" in shown
        assert f"Done with CASE{number}" in shown
