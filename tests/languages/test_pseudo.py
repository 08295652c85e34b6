"""The pseudo-languages: what they are, and what they find in the cards."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.commands.preview.samples import Sample, samples
from bot.languages.catalogs import Languages
from bot.languages.pseudo import ACCENTED, CLOSING, MIRRORED, OPENING, with_pseudo
from dialogs.library import Library
from dialogs.translations import Catalog, placeholders

# Where a card holds text that people read, or hear read.
TEXTS = ("text", "title", "altText", "label", "placeholder", "fallbackText")


@pytest.fixture(scope="module")
def setting(spoken: Languages, pictures: dict[str, bytes]) -> CardSetting:
    return CardSetting(with_pseudo(spoken.translations), pictures, "https://teams.example/chat")


def drawn(setting: CardSetting, shelf: Library, tag: str) -> Iterator[tuple[Sample, dict[str, Any]]]:
    for sample in samples(shelf, tag):
        yield sample, render.message(setting, sample.content, name="Ada", photos=Photos(b"ours", None)).card


def texts(part: Any) -> Iterator[str]:
    """Everything to read on a card, but for the names of the languages to choose from, which are their own, and signs,
    numbers and addresses."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in TEXTS and isinstance(value, str) and not (len(value) <= 2 or value.startswith("[www.")):
                yield value
            elif name != "choices":
                yield from texts(value)
    elif isinstance(part, list):
        for one in part:
            yield from texts(one)


@pytest.mark.parametrize("tag", [ACCENTED, MIRRORED])
def test_every_text_of_every_card_comes_whole_from_the_catalogue(
    setting: CardSetting, shelf: Library, tag: str
) -> None:
    for sample, card in drawn(setting, shelf, tag):
        found = [text.strip("\u202e\u202c") for text in texts(card)]
        assert len(found) > 1
        assert [text for text in found if not (text.startswith(OPENING) and text.endswith(CLOSING))] == [], sample.name


@pytest.mark.parametrize("tag", [ACCENTED, MIRRORED])
def test_a_pseudo_sentence_is_longer_and_keeps_its_placeholders(setting: CardSetting, tag: str) -> None:
    english, strange = (setting.translations.catalogs[one].entries for one in ("en", tag))
    for key, forms in english.items():
        for form, other in zip(forms, strange[key], strict=True):
            assert placeholders(other) == placeholders(form), key
            assert len(other) >= math.ceil(1.35 * len(form)), key


KEPT = [
    ("resync.tile.title", "SharePoint"),
    ("photo.microsoft365.caption", "Microsoft 365"),
    ("look.differ.body", "SharePoint"),
    ("reason.mailbox_elsewhere", "Exchange Online"),
    ("hint.private_window.windows", "Ctrl+Shift+N"),
]


@pytest.mark.parametrize(("key", "name"), KEPT)
def test_names_stay_as_they_are(setting: CardSetting, key: str, name: str) -> None:
    assert name in setting.translations.catalogs[ACCENTED].text(key)
    # Within text that is turned round a name reads forwards, since it is isolated.
    assert f"\u2068{name}\u2069" in setting.translations.catalogs[MIRRORED].text(key)


def test_the_mirrored_language_mirrors_cards_and_their_illustrations(setting: CardSetting, shelf: Library) -> None:
    plain, mirrored = (
        {sample.name: card for sample, card in drawn(setting, shelf, tag)} for tag in (ACCENTED, MIRRORED)
    )
    assert {card.get("rtl", False) for card in plain.values()} == {False}
    assert {card.get("rtl", False) for card in mirrored.values()} == {True}
    changed = {name for name in plain if pictures_of(plain[name]) != pictures_of(mirrored[name])}
    assert {"add_photo.circle", "add_photo.my_accounts", "resync.tile", "add_photo.in_teams"} <= changed
    assert not changed & {"still_old.outlook", "desk.menu", "look.photos"}


def pictures_of(card: dict[str, Any]) -> list[str]:
    return re.findall(r"data:image/png;base64,[\w+/=]+", json.dumps(card))


def test_no_person_is_offered_a_pseudo_language(spoken: Languages) -> None:
    assert not {ACCENTED, MIRRORED} & set(spoken.tags)
    assert spoken.negotiate(ACCENTED) == "en"


def test_two_names_in_a_right_to_left_sentence_do_not_run_together() -> None:
    form = "Edge או Chrome: Ctrl+Shift+N. {name} ב-Microsoft 365 (InPrivate), 4MB."
    hebrew = Catalog("he", "עברית", True, {"keys": (form,)}, lambda _: 0)
    bare = "Edge או Chrome: Ctrl+Shift+N. {name} ב-Microsoft 365 (InPrivate), 4MB."
    for name in ("Edge", "Chrome", "Ctrl+Shift+N", "Microsoft 365", "InPrivate", "4MB"):
        bare = bare.replace(name, f"\u2068{name}\u2069")
    assert hebrew.text("keys", name="Ada") == bare.format(name="\u2068Ada\u2069")
