"""Every sentence in every language: there, whole, with its placeholders, and not left in English."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog as PoCatalog
from babel.messages.pofile import read_po

from bot import resources
from bot.languages.budgets import budget
from bot.languages.catalogs import CatalogError, Languages, load
from bot.pages.words import PAGE_KEYS
from bot.tickets.channel import CHANNEL_KEYS
from bot.tickets.words import AGENT_KEYS
from dialogs import library
from dialogs.card_content import EXTRA_KEYS
from dialogs.examples import EXAMPLE_KEYS
from dialogs.library import Library
from dialogs.model import ACTIONS
from dialogs.translations import Catalog, Translations, placeholders
from tests.language_files import LANGUAGES, VARIANTS
from tools import names

PACKAGED = LANGUAGES
# Names of products, and of keys as keyboards of many countries have them: the same in any language.
SAME_SOMEWHERE = {"Menu", "Ticket"}  # words of several languages
SAME_EVERYWHERE = {"app.name", "photo.microsoft365.caption", "photo.sharepoint.caption", *(f"still_old.where.button.{one}" for one in ("teams", "outlook", "windows"))}  # fmt: skip


def po(tag: str) -> PoCatalog:
    with (resources.LOCALES / f"{tag}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def needed(shelf: Library) -> set[str]:
    return {*library.keys(shelf), *EXTRA_KEYS, *AGENT_KEYS, *CHANNEL_KEYS, *PAGE_KEYS, "app.name"}


def test_every_packaged_language_is_spoken(spoken: Languages) -> None:
    assert len(PACKAGED) >= 32
    assert {*PACKAGED, *VARIANTS} == set(spoken.tags)
    assert spoken.tags[0] == "en"


# What a change of the English has to bring along; the other languages follow, card by card.
WHOLE = ("en", "zh-Hans", "lv", "sv", "ru", "ar")


@pytest.mark.parametrize("tag", WHOLE)
def test_every_sentence_of_every_card_is_there(spoken: Languages, shelf: Library, tag: str) -> None:
    entries = spoken.translations.catalogs[tag].entries
    assert needed(shelf) - set(entries) == set()


def test_no_english_sentence_is_left_unused(spoken: Languages, shelf: Library) -> None:
    steps = {step.id for step in shelf.steps()}
    packaged_elsewhere = {key for key in spoken.translations.catalogs["en"].entries if key.startswith("manifest.")}
    own_buttons = {f"{ref}.button.{action}" for ref in steps for action in ACTIONS}
    assert set(spoken.translations.catalogs["en"].entries) - needed(shelf) - own_buttons - packaged_elsewhere == set()


@pytest.mark.parametrize("tag", PACKAGED)
def test_placeholders_are_those_of_the_english(spoken: Languages, tag: str) -> None:
    english = spoken.translations.catalogs["en"].entries
    for key, forms in spoken.translations.catalogs[tag].entries.items():
        for form in forms:
            assert placeholders(form) == placeholders(english[key][-1]), (tag, key)


@pytest.mark.parametrize("tag", [tag for tag in PACKAGED if tag != "en"])
def test_nothing_is_left_in_english(tag: str) -> None:
    for message in po(tag):
        if not message.id or message.context in SAME_EVERYWHERE:
            continue
        english = message.id if isinstance(message.id, tuple | list) else (message.id,)
        translated = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert not (set(english) & set(translated)) - SAME_SOMEWHERE, (tag, message.context)
        assert not message.fuzzy or tag not in WHOLE, (tag, message.context)


@pytest.mark.parametrize("tag", PACKAGED)
def test_the_source_beside_a_translation_is_the_present_english(tag: str) -> None:
    english = {message.context: message.id for message in po("en") if message.id}
    assert {message.context: message.id for message in po(tag) if message.id} == english


def test_the_english_says_what_its_source_says() -> None:
    for message in po("en"):
        if message.id and message.context not in EXAMPLE_KEYS:  # what people type has a hint as its English
            assert tuple(message.string) == tuple(message.id), message.context


@pytest.mark.parametrize("tag", PACKAGED)
def test_texts_fit_where_they_stand_and_no_sentence_has_markup(spoken: Languages, tag: str) -> None:
    for key, forms in spoken.translations.catalogs[tag].entries.items():
        for form in forms:
            assert form == form.strip(), (tag, key)
            assert len(form) <= (budget(key) or len(form)), (tag, key, form)
            assert not re.search(r"[*_\[\]#`<>|~]|safelinks", form), (tag, key)
            # A card's text is Markdown: this would become a list with the number gone.
            assert not re.match(r"(\d+|\{\w+\})[.)]\s|[-+]\s", form), (tag, key)


NEGOTIATED = [
    ("sv-SE", "sv"), ("sv-FI", "sv"), ("sv", "sv"), ("zh-CN", "zh-Hans"), ("zh-SG", "zh-Hans"), ("zh", "zh-Hans"),
    ("zh-TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant"), ("iw", "he"), ("no", "nb"), ("pt-PT", "pt-BR"), ("ru-UA", "ru"), ("lv-LV", "lv"), ("en-GB", "en"), ("is", "en"), ("tlh", "en"),
    ("", "en"), ("not a tag!", "en"), ("x" * 500, "en"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "given"), NEGOTIATED)
def test_the_nearest_language_a_person_reads_is_chosen(spoken: Languages, asked: str, given: str) -> None:
    only = Translations({tag: spoken.translations.catalogs[tag] for tag in PACKAGED})
    assert Languages(only, spoken.vocabulary).negotiate(asked) == given


PLURALS = [
    ("en", 1, "1 short step."),
    ("en", 6, "6 short steps."),
    ("ru", 1, "1 "),
    ("ru", 3, "3 "),
    ("ru", 5, "5 "),
    ("lv", 21, "21 "),
]


@pytest.mark.parametrize(("tag", "count", "part"), PLURALS)
def test_counts_take_their_plural_form(spoken: Languages, tag: str, count: int, part: str) -> None:
    text = spoken.translations.catalogs[tag].text
    assert part in text("card.steps", count=count)


def test_russian_and_latvian_tell_their_plurals_apart(spoken: Languages) -> None:
    def form(tag: str, count: int) -> str:
        return spoken.translations.catalogs[tag].text("card.steps", count=count).replace(str(count), "")

    assert form("ru", 1) == form("ru", 21) != form("ru", 2) == form("ru", 4) != form("ru", 5) == form("ru", 11)
    assert form("lv", 1) == form("lv", 21) != form("lv", 2) == form("lv", 6)


HEADER = 'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
ENTRY = 'msgctxt "greet"\nmsgid "Hello, {name}!"\nmsgstr "%s"\n'
BROKEN = [
    ("another placeholder", ENTRY % "Hej, {namn}!"),
    ("a missing placeholder", ENTRY % "Hej!"),
    ("a brace too many", ENTRY % "Hej, {name}}!"),
    ("a format that digs deeper", ENTRY % "Hej, {name.__class__}!"),
    ("fuzzy", "#, fuzzy\n" + ENTRY % "Hej, {name}!"),
    ("not translated", ENTRY % ""),
]


@pytest.mark.parametrize("entry", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_sentence_is_said_in_english(tmp_path: Path, entry: str) -> None:
    (tmp_path / "en.po").write_text(HEADER.format(tag="en") + ENTRY % "Hello, {name}!", encoding="utf-8")
    (tmp_path / "sv.po").write_text(HEADER.format(tag="sv") + entry, encoding="utf-8")
    assert load(tmp_path).translations.text("sv", "greet", name="Ada") == "Hello, Ada!"


@pytest.mark.parametrize(
    "content", ['msgid "', "\x00\x01", 'msgctxt "a"\nmsgid "b"\nmsgstr "c\nmsgstr'], ids=["cut", "binary", "torn"]
)
def test_a_file_that_is_no_catalogue_is_left_out_and_the_rest_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / "en.po").write_text(HEADER.format(tag="en") + ENTRY % "Hello, {name}!", encoding="utf-8")
    (tmp_path / "sv.po").write_text(content, encoding="utf-8")
    assert load(tmp_path).translations.text("sv", "greet", name="Ada") == "Hello, Ada!"


def test_without_english_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"en\.po"):
        load(tmp_path)


def test_a_name_of_another_direction_keeps_it_to_itself() -> None:
    english = Catalog("en", "English", False, {"greet": ("Hello, {name}!",)}, lambda n: int(n != 1))
    assert english.text("greet", name="عمر") == "Hello, \u2068عمر\u2069!"
    assert english.text("greet", name="Ada") == "Hello, Ada!"
    arabic = Catalog("ar", "العربية", True, {"greet": ("مرحبا {name}",), "open": ("{name}",)}, lambda _: 0)
    assert arabic.text("greet", name="Ada") == "مرحبا \u2068Ada\u2069"
    assert arabic.text("open", name="https://www.office.com") == "https://www.office.com"


def test_every_language_is_called_something_by_every_other() -> None:
    """Not held against the CLDR: a newer release spells some names otherwise, and the shipped ones stay right."""
    known = json.loads(names.FILE.read_text(encoding="utf-8"))
    assert sorted(known) == names.TAGS, "make names"
    assert [tag for tag, called in known.items() if len(called) < len(LANGUAGES) / 2] == []


@pytest.mark.parametrize("tag", PACKAGED)
def test_the_direction_of_a_language_is_that_of_the_cldr(spoken: Languages, tag: str) -> None:
    assert spoken.translations.catalogs[tag].rtl == (Locale.parse(tag, sep="-").text_direction == "rtl")
