"""`photosync locales check`: what is wrong in a language's file is reported with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot import resources
from bot.commands.locales import check, coverage, glossary
from bot.commands.locales.folders import Folders
from bot.commands.locales.issue import Level
from bot.languages import budgets, catalogs, po_reader
from tests.language_files import ENGLISH, LANGUAGES, SWEDISH, VARIANTS, folders

E, W = Level.ERROR, Level.WARNING
STEPS = 'msgstr[0] "{count} kort steg."\nmsgstr[1] "{count} korta steg."\n'
# what is wrong | what stands in the file | what it becomes | the line reported: the one that has this | level | and says
BROKEN = [
    ("a quote is missing", '"Hej, {name}!"', '"Hej, {name}!', 'msgstr "Hej', E, "one pair of quotes"),
    ("a quote inside", '"Hej, {name}!"', '"Hej, "{name}"!"', 'msgstr "Hej', E, "one pair of quotes"),
    ("a missing quote in a later line", '"privat fönster."', '"privat fönster.', "privat fönster.", E, "one pair of quotes"),
    ("a backslash that means nothing", "Hej, {name}!", "Hej,\\q{name}!", 'msgstr "Hej', E, "\\q means nothing"),
    ("a keyword misspelt", 'msgstr "Hej', 'msgstring "Hej', "msgstring", E, "not a line of a PO file"),
    ("a line of prose", 'msgstr "ny bild"', 'msgstr "ny bild"\nhej', "hej\n", E, "not a line of a PO file"),
    ("a msgstr is missing", 'msgstr "Hej, {name}!"\n', "", 'msgctxt "desk.title"', E, "has no msgstr"),
    ("a msgid is missing", 'msgid "My photo is wrong"\n', "", 'msgstr "Mitt', E, "without a msgid"),
    ("two translations", 'msgstr "Hej, {name}!"', 'msgstr "Hej, {name}!"\nmsgstr "Hallå, {name}!"', 'msgstr "Hallå', E, "second msgstr"),
    ("a plural form out of order", "msgstr[1]", "msgstr[2]", "msgstr[2]", E, "msgstr[1] belongs"),
    ("the key of a plural on one side only", 'msgid_plural "{count} short steps."\nmsgstr[0] "{count} kort steg."\nmsgstr[1] "{count} korta steg."', 'msgstr "{count} kort steg."', 'msgctxt "card.steps"', E, "plural forms on one side only"),
    ("no header", SWEDISH[: SWEDISH.index("\n\n") + 1], "", "\n", E, "no header"),
    ("a merge that was not finished", 'msgstr "Hej', '<<<<<<< HEAD\nmsgstr "Hej', "<<<<<<<", E, "not a line of a PO file"),
    ("the same key twice", 'msgctxt "button.fix"', 'msgctxt "desk.title"', 'msgctxt "desk.title"\nmsgid "My', E, "line 15 already"),
    ("a key is missing", 'msgctxt "button.fix"\n', "", 'msgid "My photo', E, "no msgctxt"),
    ("a key that the English has not", "button.fix", "button.fux", 'msgctxt "button.fux"', W, "no such entry"),
    ("an entry is missing", SWEDISH[SWEDISH.rindex("#. What people type.") :], "", "# Kept", W, "not here yet: 1 of 6"),
    ("a placeholder renamed", "Hej, {name}!", "Hej, {namn}!", 'msgstr "Hej', E, "{namn} is not in the English; there is {name}"),
    ("a placeholder forgotten", "Hej, {name}!", "Hej!", 'msgstr "Hej', E, "{name} is missing"),
    ("a number left out where it tells counts apart", "{count} korta", "Några korta", "msgstr[1]", E, "{count} is missing"),
    ("a brace too many", "Hej, {name}!", "Hej, {name}}!", 'msgstr "Hej', E, "braces"),
    ("a placeholder that digs deeper", "Hej, {name}!", "Hej, {name.__class__}!", 'msgstr "Hej', E, "braces"),
    ("a plural form too few", STEPS, STEPS[: STEPS.index("msgstr[1]")], "msgstr[0]", E, "plural forms here: 1; of this language: 2"),
    ("another language's plurals", "nplurals=2; plural=(n != 1);", "nplurals=1; plural=0;", "Plural-Forms", E, "(one, other)"),
    ("plurals that cannot be read", "nplurals=2; plural=(n != 1);", "nplurals=2; plural=(n !=", "Plural-Forms", E, "cannot be read"),
    ("a number of plurals that the rule does not give", "nplurals=2; plural=(n != 1);", "nplurals=3; plural=(n != 1);", "Plural-Forms", E, "(one, other)"),
    ("an address changed", "Öppna www.office.com", "Öppna www.kontor.se", 'msgstr ""\n"Öppna', E, "www.office.com is missing"),
    ("a button that Teams would cut", "Mitt foto är fel", "Mitt foto är fel på alla sidor i SharePoint", 'msgstr "Mitt', E, "at most 32"),
    ("a blank at the end", '"Mitt foto är fel"', '"Mitt foto är fel "', 'msgstr "Mitt', E, "begins or ends with a blank"),
    ("a new line at the beginning", '"Mitt foto är fel"', '"\\nMitt foto är fel"', "Mitt foto är fel", E, "begins or ends with a blank"),
    ("left in English", '"Mitt foto är fel"', '"My photo is wrong"', 'msgstr "My photo', E, "is the English"),
    ("bold", "Hej, {name}!", "**Hej**, {name}!", 'msgstr "**Hej', E, "** would be read as markup"),
    ("a link", "Hej, {name}!", "[Hej](https://a.example), {name}!", 'msgstr "[Hej', E, "[ ] would be read as markup"),
    ("a tag", "Hej, {name}!", "<b>Hej, {name}!", 'msgstr "<b>', E, "< > would be read as markup"),
    ("a list", "Mitt foto är fel", "1. Mitt foto är fel", 'msgstr "1.', E, "begins like a list"),
    ("an address that a mail program rewrote", "Öppna www", "Öppna safelinks www", 'msgstr ""\n"Öppna', E, "safelinks"),
    ("a sentence under two labels", '"ny bild"', '"Fel bild!"', '"Fel bild!', E, "is an example of fix too"),
    ("a sentence that means something else", '"ny bild"', '"mitt foto uppdateras inte"', '"mitt foto upp', W, "comes out as fix"),
    ("fuzzy", 'msgctxt "button.fix"', '#, fuzzy\nmsgctxt "button.fix"', 'msgctxt "button.fix"', W, "fuzzy, to be looked at again: 1 of 6"),
    ("not translated", '"Mitt foto är fel"', '""', 'msgctxt "button.fix"', W, "not translated: 1 of 6"),
    ("the English has changed", 'msgid "My photo is wrong"', 'msgid "My picture is wrong"', 'msgid "My picture', W, "has changed since"),
    ("another word than the glossary's", "privat fönster", "hemligt fönster", 'msgstr ""\n"Öppna', W, "“private window”"),
    ("the file of another language", "Language: sv", "Language: lv", '"Language: lv', W, "the file's name says sv"),
    ("no name", '"X-Language-Name: Svenska\\n"\n', "", 'msgstr ""\n"Language', W, "“Svenska”"),
    ("a field in other capitals", '"Language: sv', '"X-photosync-draft: yes\\n"\n"Language: sv', '"X-photosync', W, "the nearest is X-Photosync-Draft"),
    ("a field misspelt", '"Language: sv', '"X-Photosync-Bse: de\\n"\n"Language: sv', '"X-Photosync', W, "the nearest is X-Photosync-Base"),
    ("another encoding", "charset=UTF-8", "charset=CHARSET", "charset=CHARSET", E, "UTF-8"),
]  # fmt: skip


def reported(place: Folders, tag: str = "sv") -> list[tuple[int, Level, str]]:
    found = check.issues(place, tag, glossary.read(place.glossaries), each=place.packaged != resources.LOCALES)
    # A file for tests has a sentence or two of what a language needs dozens of.
    return [(one.line, one.level, one.text) for one in found if "are the least to learn from" not in one.text]


@pytest.mark.parametrize(("old", "new", "where", "level", "says"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])  # fmt: skip
def test_what_is_wrong_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, where: str, level: Level, says: str
) -> None:
    assert old in SWEDISH
    broken = SWEDISH.replace(old, new, 1)
    line = broken[: broken.index(where)].count("\n") + 1
    found = reported(folders(tmp_path, sv=broken))
    assert [one for one in found if one[:2] == (line, level) and says in one[2]], found


def test_nothing_is_wrong_with_a_file_that_is_right(tmp_path: Path) -> None:
    place = folders(tmp_path)
    assert reported(place, "sv") == []
    assert reported(place, "en") == []


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (SWEDISH.encode("utf-16"), 1, "not UTF-8"),
        (SWEDISH.encode("latin-1"), SWEDISH[: SWEDISH.index("Ö")].count("\n") + 1, "not UTF-8"),
        (b"", 1, "no header"),
        (b"\x00\x01", 1, "not a line of a PO file"),
    ],
    ids=["another encoding", "an old encoding", "empty", "binary"],
)
def test_a_file_that_no_editor_should_have_saved_is_reported(
    tmp_path: Path, content: bytes, line: int, says: str
) -> None:
    place = folders(tmp_path)
    (place.packaged / "sv.po").write_bytes(content)
    assert [one for one in reported(place) if one[0] == line and says in one[2]]


def test_a_file_as_windows_editors_save_it_is_right_too(tmp_path: Path) -> None:
    place = folders(tmp_path, sv="\ufeff" + SWEDISH.replace("\n", "\r\n"))
    assert reported(place) == []
    assert catalogs.load(place.packaged).translations.text("sv", "button.fix") == "Mitt foto är fel"


def test_a_file_whose_name_is_no_language_is_reported(tmp_path: Path) -> None:
    place = folders(tmp_path, xx=SWEDISH)
    assert [str(one) for one in place.problems] == [
        "xx.po:1: is not read: xx is no language tag that the CLDR knows; name it by its language, such as ca.po"
    ]


def test_a_plural_form_for_one_count_may_leave_the_number_out(tmp_path: Path) -> None:
    assert reported(folders(tmp_path, sv=SWEDISH.replace('"{count} kort steg."', '"Ett kort steg."'))) == []


def test_what_gettext_itself_refuses_is_reported_too(tmp_path: Path) -> None:
    broken = SWEDISH.replace("#. At most 32 characters", "#, c-format").replace("Mitt foto är fel", "Mitt foto är %d")
    line = broken[: broken.index('msgstr "Mitt')].count("\n") + 1
    (found,) = reported(folders(tmp_path, sv=broken))
    assert found[:2] == (line, W)
    assert found[2].startswith("msgfmt: ")


def test_a_draft_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folders(tmp_path, sv=SWEDISH.replace('"Language: sv', '"X-Photosync-Draft: yes\\n"\n"Language: sv'))
    says = {"sv": "; a draft, for PHOTOSYNC_PILOT alone\n", "en": "warnings\n", "": "; drafts: sv\n"}
    for tag, ending in says.items():
        check.check(place, tag)
        assert capsys.readouterr().out.endswith(ending), tag
    coverage.show(place)
    out = capsys.readouterr().out
    assert "Svenska (draft)" in out
    assert "English (draft)" not in out


MARKUP = [("**Hej**", []), ("**Hej", ["**"]), ("*Hej*", ["*"])]


@pytest.mark.parametrize(("text", "wrong"), MARKUP, ids=[row[0] for row in MARKUP])
def test_markup_is_right_where_the_english_has_it_and_closed(tmp_path: Path, text: str, wrong: list[str]) -> None:
    english, swedish = ENGLISH.replace("My photo", "**My** photo"), SWEDISH.replace("My photo", "**My** photo")
    found = reported(folders(tmp_path, english=english, sv=swedish.replace("Mitt foto är fel", text)))
    assert len(found) == len(wrong), found
    assert all(mark in one[2] for mark, one in zip(wrong, found, strict=True))


BUDGETS = [
    ("button.fix", 32), ("button.language", 32), ("button.next", 40), ("look.match.button.next", 40),
    ("resync.office.link", 40), ("manifest.short", 80), ("manifest.full", 4000), ("manifest.check", 128),
    ("look.match.title", None), ("examples.fix", None),
]  # fmt: skip


@pytest.mark.parametrize(("key", "most"), BUDGETS, ids=[row[0] for row in BUDGETS])
def test_texts_with_little_room_have_a_budget(key: str, most: int | None) -> None:
    assert budgets.budget(key) == most


@pytest.fixture(scope="module")
def shipped() -> Folders:
    return Folders(resources.LOCALES, None)


TAGS = LANGUAGES


@pytest.mark.parametrize("tag", [*TAGS, *VARIANTS])
def test_no_packaged_language_has_an_error_or_a_warning_that_is_not_explained(shipped: Folders, tag: str) -> None:
    assert reported(shipped, tag) == []


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_checked_is_what_the_bot_reads(shipped: Folders, tag: str) -> None:
    with shipped.files[tag].open("rb") as file:
        babel = {m.context: m.string if isinstance(m.string, str) else tuple(m.string) for m in read_po(file) if m.id}
    ours = {one.key: tuple(form.text for form in one.strings) for one in po_reader.read(shipped.files[tag]).entries}
    assert {key: texts if len(texts) > 1 else texts[0] for key, texts in ours.items()} == {
        key: text[0] if len(text) == 1 and isinstance(text, tuple) else text for key, text in babel.items()
    }


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag != "en"])
def test_the_glossary_has_every_language(shipped: Folders, tag: str) -> None:
    assert len(glossary.read(shipped.glossaries)[tag]) == 13


def test_the_texts_that_comments_quote_are_the_present_english(shipped: Folders) -> None:
    english = {form.text for entry in shipped.english.entries for form in entry.strings}
    quoted = {
        part.split("”")[0]
        for entry in shipped.english.entries
        for line in entry.comments["#."]
        for part in line.split("“")[1:]
        if line.startswith(("#. Where:", "#. Describes"))
    }
    assert quoted
    assert quoted - english == set()


def test_what_passes_the_check_is_used_by_the_bot_whole(tmp_path: Path) -> None:
    place = folders(tmp_path)
    assert reported(place) == []
    spoken = catalogs.load(place.packaged)
    assert set(spoken.translations.catalogs["sv"].entries) == set(spoken.translations.catalogs["en"].entries)


@pytest.mark.parametrize("tag", TAGS)
def test_nothing_stands_behind_the_examples_where_the_bot_would_not_read_it(shipped: Folders, tag: str) -> None:
    keys = [entry.key for entry in po_reader.read(shipped.packaged / f"{tag}.po").entries]
    first = next(at for at, key in enumerate(keys) if key.startswith("examples."))
    assert [key for key in keys[first:] if not key.startswith("examples.")] == []
