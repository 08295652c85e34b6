"""Variants: a small file with only what differs, laid over its language for the people whose Teams names it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot import resources
from bot.cards import render
from bot.cards.render import CardSetting
from bot.commands.locales import check, coverage, glossary, new
from bot.commands.locales.folders import Folders
from bot.commands.locales.issue import Level
from bot.commands.locales.sync import sync
from bot.languages import language_file
from bot.languages.catalogs import Languages, load, overlaid
from bot.pages.words import PAGE_KEYS, page_text
from dialogs.card_content import content_of
from dialogs.library import Library
from dialogs.model import Case
from tests.language_files import ENGLISH, SWEDISH, VARIANTS, folders

# what Teams says | what is spoken
NEGOTIATED = {
    "en-GB": "en-GB", "en-AU": "en-GB", "en-US": "en", "en": "en", "es-MX": "es-MX", "es-AR": "es-MX", "es-ES": "es", "fr-CA": "fr-CA",
    "fr-BE": "fr", "fr-FR": "fr", "pt-PT": "pt-PT", "pt-AO": "pt-PT", "pt-BR": "pt-BR", "pt": "pt-BR", "zh-HK": "zh-HK", "zh-MO": "zh-HK",
    "zh-TW": "zh-Hant", "zh": "zh-Hans", "sr": "sr", "sr-RS": "sr", "sr-Cyrl-RS": "sr", "sr-Latn-RS": "sr-Latn",
}  # fmt: skip


def test_people_get_the_variant_that_their_teams_names(spoken: Languages) -> None:
    assert {asked: spoken.negotiate(asked) for asked in NEGOTIATED} == NEGOTIATED


OTHER_LETTERS = {"sr"}  # differ in every text


@pytest.mark.parametrize("tag", VARIANTS)
def test_a_packaged_variant_says_only_what_differs_and_is_whole(spoken: Languages, tag: str) -> None:
    place = Folders(resources.LOCALES, None)
    assert check.issues(place, tag, glossary.read(place.glossaries)) == []  # an entry that says the same is an issue
    variant, language = spoken.translations.catalogs[tag], spoken.translations.catalogs[VARIANTS[tag]]
    assert variant.entries.keys() == language.entries.keys()
    assert tag in OTHER_LETTERS or len(place.language(tag).texts) < 0.7 * len(language.entries)


SAYS = [
    ("en-GB", "look.guest.title", "organisation"), ("pt-PT", "questions.phone.title", "telemóvel"), ("pt-PT", "reason.picture", "ficheiros"),
    ("pt-PT", "desk.arrival.body", "Estou a comparar"), ("es-MX", "questions.phone.body", "computadora"), ("fr-CA", "card.ticket", "billet"),
    ("zh-HK", "still_old.where.title", "哪裏"), ("sr", "button.menu", "Мени"),
]  # fmt: skip


def test_a_variant_says_it_as_its_people_do_and_the_rest_as_its_language(spoken: Languages) -> None:
    entries = {tag: one.entries for tag, one in spoken.translations.catalogs.items()}
    assert [row for row in SAYS if row[2] not in entries[row[0]][row[1]][0]] == []
    assert entries["pt-PT"]["button.menu"] == entries["pt-BR"]["button.menu"]


def test_the_list_has_each_name_once_and_a_variant_of_the_same_name_is_its_language_there(
    spoken: Languages, shelf: Library, pictures: dict[str, bytes]
) -> None:
    setting = CardSetting(spoken.translations, pictures, "https://teams.example/chat")
    drawn = {}
    for tag in ("en-GB", "pt-PT"):
        card = render.message(setting, content_of(shelf, Case("1A2B3C4D", step="desk.language", locale=tag))).card
        drawn[tag] = next(one for one in card["body"] if one["type"] == "Input.ChoiceSet")
    titles = [one["title"] for one in drawn["en-GB"]["choices"]]
    assert len(titles) == len(set(titles))
    assert {"English", "Português (Brasil)", "Português (Portugal)", "Français"} <= set(titles)
    assert (drawn["en-GB"]["value"], drawn["pt-PT"]["value"]) == ("en", "pt-PT")


def test_who_chooses_a_language_gets_the_variant_of_their_teams(spoken: Languages) -> None:
    assert spoken.as_spoken("en", "en-GB") == "en-GB"
    assert spoken.as_spoken("en", "de-DE") == "en"
    assert spoken.as_spoken("pt-BR", "pt-PT") == "pt-BR"  # the variant could be chosen, and was not


def test_a_page_is_in_the_readers_variant_and_names_each_language_once(spoken: Languages) -> None:
    found = page_text(spoken, "en-GB,en;q=0.5", "", PAGE_KEYS)
    assert found.catalog.tag == "en-GB"
    names = [one.name for one in found.spoken]
    assert len(names) == len(set(names))


# Files of an installation

FINNISH = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"X-Photosync-Base: sv\\n"

msgctxt "button.fix"
msgid "My photo is wrong"
msgstr "Min bild är fel"
"""


def test_a_variant_follows_its_language_and_an_installations_own_words(tmp_path: Path) -> None:
    place = folders(tmp_path, **{"sv-FI": FINNISH})
    (tmp_path / "own").mkdir()
    own = SWEDISH.replace("Hej, {name}!", "Tjena, {name}!").replace("Mitt foto är fel", "Fel foto")
    (tmp_path / "own/sv.po").write_text(own, encoding="utf-8")
    packaged = load(place.packaged)
    spoken = overlaid(packaged, tmp_path / "own")
    assert packaged.translations.text("sv-FI", "desk.title", name="Ada") == "Hej, Ada!"
    assert spoken.translations.text("sv-FI", "desk.title", name="Ada") == "Tjena, Ada!"
    assert spoken.translations.text("sv-FI", "button.fix") == "Min bild är fel"
    assert spoken.translations.catalogs["sv-FI"].name == "Svenska"
    assert spoken.problems == spoken.faults == ()


# what the header names | what is said of it
WRONG = [
    ("X-Photosync-Base: klingon", "X-Photosync-Base says klingon, which is no language here"),
    ("X-Photosync-Base: da", "X-Photosync-Base says da, which is no language here"),
    ("X-Photosync-Base: sv-AX", "X-Photosync-Base says sv-AX, which is a variant itself"),
]


@pytest.mark.parametrize(("line", "says"), WRONG, ids=[row[0] for row in WRONG])
def test_a_variant_of_what_is_no_language_is_told_and_left_out(
    tmp_path: Path, line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folders(tmp_path, **{"sv-FI": FINNISH.replace("X-Photosync-Base: sv", line), "sv-AX": FINNISH})
    spoken = load(place.packaged)
    assert spoken.problems == (f"sv-FI.po:1: {says}",)
    assert ("sv-FI" in spoken.tags, "sv-AX" in spoken.tags) == (False, True)
    errors = [one for one in check.issues(place, "sv-FI", {}) if one.level is Level.ERROR]
    assert [(one.line, one.text) for one in errors] == [(4, says)]
    assert coverage.show(place) == 0
    assert says[:30] in capsys.readouterr().out


def test_what_ships_as_a_language_stays_one(tmp_path: Path) -> None:
    place = folders(tmp_path, da=SWEDISH.replace("Language: sv", "Language: da"))
    (tmp_path / "own").mkdir()
    for tag in ("en", "da"):
        (tmp_path / f"own/{tag}.po").write_text(FINNISH, encoding="utf-8")
    spoken = overlaid(load(place.packaged), tmp_path / "own")
    assert [problem.partition(" says ")[2] for problem in spoken.problems] == [
        f"sv, but {tag} is a language and no variant" for tag in ("en", "da")
    ]
    assert spoken.translations.text("da", "button.fix") == "Mitt foto är fel"


def test_a_variant_is_begun_small_checked_and_kept_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folders(tmp_path)
    assert new.create(place, "sv-FI", base="svenska") == 0
    assert (
        "sv-FI.po: Swedish (Finland) as a variant of sv: copy into it the entries of sv.po" in capsys.readouterr().out
    )
    file = place.packaged / "sv-FI.po"
    assert language_file.read(file, "sv-FI", place.shown).base == "sv"
    file.write_text(file.read_text(encoding="utf-8") + FINNISH[FINNISH.index("msgctxt") :], encoding="utf-8")
    assert check.issues(place, "sv-FI", {}) == []
    same = file.read_text(encoding="utf-8").replace("Min bild är fel", "Mitt foto är fel")
    file.write_text(same, encoding="utf-8")
    (found,) = check.issues(place, "sv-FI", {})
    assert found.text == "is what sv says: take it out, and it follows sv"
    (place.packaged / "en.po").write_text(ENGLISH.replace('msgstr "My photo', 'msgstr "My picture'), encoding="utf-8")
    assert sync(place) == 0
    text = file.read_text(encoding="utf-8")
    assert (text.count("\nmsgctxt"), "#, fuzzy\n" in text) == (1, True)


def test_a_variants_entry_is_looked_at_again_when_what_its_language_says_has_changed(tmp_path: Path) -> None:
    place = folders(tmp_path, **{"sv-FI": FINNISH.replace('"X-', '"Language: sv_FI\\n"\n"X-')})
    file, language = place.packaged / "sv-FI.po", place.packaged / "sv.po"
    assert sync(place) == 0
    assert "#. Its language says: Mitt foto är fel\n" in file.read_text(encoding="utf-8")
    assert check.issues(place, "sv-FI", {}) == []
    says = language.read_text(encoding="utf-8").replace("Mitt foto är fel", "Mitt foto stämmer inte")
    language.write_text(says, encoding="utf-8")
    (found,) = check.issues(place, "sv-FI", {})
    assert (found.key, found.text) == ("button.fix", "what sv says has changed since; sync marks it fuzzy")
    assert sync(place, ["button.fix"]) == 0
    assert "#, fuzzy" not in file.read_text(encoding="utf-8")
    language.write_text(says.replace("stämmer inte", "är gammalt"), encoding="utf-8")
    assert sync(place) == 0
    # Until it was looked at.
    assert load(place.packaged).translations.text("sv-FI", "button.fix") == "Mitt foto är gammalt"


def test_sentences_below_that_name_a_button_by_its_earlier_title_are_told(tmp_path: Path) -> None:
    named = SWEDISH.replace("privat fönster.", "privat fönster. Välj ”Mitt foto är fel”.")
    place = folders(tmp_path, sv=named, **{"sv-FI": FINNISH.replace('"X-', '"Language: sv_FI\\n"\n"X-')})
    (found,) = check.issues(place, "sv-FI", {})
    assert (found.key, found.text) == (
        "button.fix", "desk.body names this button “Mitt foto är fel”: say it there as here",
    )  # fmt: skip
    (tmp_path / "own").mkdir()
    own = FINNISH.replace('"X-Photosync-Base: sv\\n"', '"Language: sv\\n"')
    (tmp_path / "own/sv.po").write_text(own, encoding="utf-8")
    found_of_own = check.issues(replace(place, over=tmp_path / "own"), "sv", {})
    assert "desk.body names this button" in " ".join(one.text for one in found_of_own)
