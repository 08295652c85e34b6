"""`photosync locales sync`: changed English reaches every language, and nothing else changes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot import resources
from bot.commands.locales.folders import Folders
from bot.commands.locales.sync import sync
from bot.errors import LocalesError
from tests.language_files import ENGLISH, SWEDISH, folders

READ = "#. Read by: the person in Teams.\n"
FOOT = '#. What people type.\n#. Read by: nobody: the bot learns from it.\nmsgctxt "examples.add"'
COUNT = f"{READ}#. {{count}}"


def synced(place: Folders, tag: str = "sv") -> str:
    assert sync(place) == 0
    return (place.packaged / f"{tag}.po").read_bytes().decode()


UNCHANGED = [
    ("as Photosync writes it", SWEDISH),
    ("as Poedit wraps it", SWEDISH.replace('msgid "Open www.office.com in a private window."', 'msgid ""\n"Open www.office.com in a "\n"private window."')),
    ("with line ends of Windows", SWEDISH.replace("\n", "\r\n")),
    ("without a last line end", SWEDISH.rstrip("\n")),
    ("with empty lines at the end", SWEDISH + "\n\n"),
    ("with an entry put aside", SWEDISH + '\n#~ msgctxt "old"\n#~ msgid "Old"\n#~ msgstr "Gammal"\n'),
    ("without empty lines between", SWEDISH.replace("\n\n#", "\n#")),
]  # fmt: skip


@pytest.mark.parametrize("text", [row[1] for row in UNCHANGED], ids=[row[0] for row in UNCHANGED])
def test_a_file_that_is_up_to_date_keeps_its_bytes(tmp_path: Path, text: str) -> None:
    assert synced(folders(tmp_path, sv=text)) == text


@pytest.mark.long
def test_the_packaged_files_are_up_to_date_and_keep_their_bytes(tmp_path: Path) -> None:
    for path in resources.LOCALES.glob("*.po"):
        shutil.copy(path, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sync(Folders(resources.LOCALES, tmp_path)) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# what happens to the English | old | new | in the Swedish file: old | new
CHANGES = [
    (
        "a text changes: fuzzy, with the text that was translated",
        'msgstr "My photo is wrong"', 'msgstr "My picture is wrong"',
        'msgctxt "button.fix"\nmsgid "My photo is wrong"\n',
        '#, fuzzy\n#| msgid "My photo is wrong"\nmsgctxt "button.fix"\nmsgid "My picture is wrong"\n',
    ),
    (
        "a text with a placeholder changes: its flag stays, the example follows",
        'msgstr "Hello, {name}!"', 'msgstr "Good day, {name}!"',
        'Hello, Adele Vance!\n#, python-brace-format\nmsgctxt "desk.title"\nmsgid "Hello, {name}!"\n',
        'Good day, Adele Vance!\n#, fuzzy, python-brace-format\n#| msgid "Hello, {name}!"\nmsgctxt "desk.title"\nmsgid "Good day, {name}!"\n',
    ),
    (
        "a plural changes",
        'msgstr[1] "{count} short steps."', 'msgstr[1] "{count} steps."',
        '6 short steps.\n#, python-brace-format\nmsgctxt "card.steps"\nmsgid "{count} short step."\nmsgid_plural "{count} short steps."\n',
        '6 steps.\n#, fuzzy, python-brace-format\n#| msgid "{count} short step."\n#| msgid_plural "{count} short steps."\nmsgctxt "card.steps"\nmsgid "{count} short step."\nmsgid_plural "{count} steps."\n',
    ),
    (
        "what is said of examples changes: each language has its own",
        'msgid "I want another photo"', 'msgid "Another photo"',
        'msgid "I want another photo"', 'msgid "Another photo"',
    ),
    (
        "a comment changes",
        "#. At most 32 characters", "#. At most 32 letters",
        "#. At most 32 characters", "#. At most 32 letters",
    ),
    (
        "an entry is new: empty, at its place",
        FOOT, '#. A button.\nmsgctxt "button.go"\nmsgid "Go"\nmsgstr "Go"\n\n' + FOOT,
        FOOT, f'#. A button.\n{READ}msgctxt "button.go"\nmsgid "Go"\nmsgstr ""\n\n' + FOOT,
    ),
    (
        "a plural is new: a place for every form",
        FOOT, '#, python-brace-format\nmsgctxt "a"\nmsgid "{n} day"\nmsgid_plural "{n} days"\nmsgstr[0] "{n} day"\nmsgstr[1] "{n} days"\n\n' + FOOT,
        FOOT, READ + '#, python-brace-format\nmsgctxt "a"\nmsgid "{n} day"\nmsgid_plural "{n} days"\nmsgstr[0] ""\nmsgstr[1] ""\n\n' + FOOT,
    ),
    (
        "an entry is the new first one",
        f"#. The first card.\n{READ}#. {{name}}", f'msgctxt "a"\nmsgid "A"\nmsgstr "A"\n\n#. The first card.\n{READ}#. {{name}}',
        f"#. The first card.\n{READ}#. {{name}}", f'{READ}msgctxt "a"\nmsgid "A"\nmsgstr ""\n\n#. The first card.\n{READ}#. {{name}}',
    ),
]  # fmt: skip


@pytest.mark.parametrize("wrap", [False, True], ids=["as it is", "with line ends of Windows"])
@pytest.mark.parametrize(("was", "now", "old", "new"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_just_what_the_english_changed_changes(
    tmp_path: Path, was: str, now: str, old: str, new: str, wrap: bool
) -> None:
    english, swedish, wanted = ENGLISH.replace(was, now), SWEDISH, SWEDISH.replace(old, new)
    assert ENGLISH.count(was) == SWEDISH.count(old) == 1
    if wrap:
        swedish, wanted = swedish.replace("\n", "\r\n"), wanted.replace("\n", "\r\n")
    place = folders(tmp_path, english=english, sv=swedish)
    assert unwrapped(synced(place)) == unwrapped(wanted)
    assert synced(place) == synced(place)


def unwrapped(text: str) -> str:
    """A file that wraps long texts may wrap new ones too."""
    return text.replace('"\n"', "").replace('""\r\n"', '"').replace('"\r\n"', "")


def test_an_entry_that_is_gone_is_put_aside_with_its_translation(tmp_path: Path) -> None:
    start, end = ENGLISH.index("#. At most 32"), ENGLISH.index(COUNT)
    text = synced(folders(tmp_path, english=ENGLISH[:start] + ENGLISH[end:]))
    mine = SWEDISH[SWEDISH.index("#. At most 32") : SWEDISH.index(COUNT)]
    aside = '\n#~ msgctxt "button.fix"\n#~ msgid "My photo is wrong"\n#~ msgstr "Mitt foto är fel"\n'
    assert text == SWEDISH.replace(mine, "") + aside


FIX = SWEDISH[SWEDISH.index("#. At most 32") : SWEDISH.index(COUNT)]
PUT_ASIDE = '\n#~ msgctxt "button.fix"\n#~ msgid "My photo is wrong"\n#~ msgstr "Mitt foto är fel"\n'
OTHER_ASIDE = '\n#~ msgctxt "old"\n#~ msgid "Old"\n#~ msgstr "Gammal"\n'
UNSURE = FIX.replace('msgctxt "b', '#, fuzzy\n#| msgid "Wrong photo"\nmsgctxt "b')
# the file | what stands aside in it | what becomes of it
WANTED_AGAIN = [
    ("as it was", SWEDISH.replace(FIX, ""), PUT_ASIDE, SWEDISH),
    (
        "its English differs", SWEDISH.replace(FIX, ""), PUT_ASIDE.replace("photo is wrong", "image is wrong"),
        SWEDISH.replace('msgctxt "button.fix"', '#, fuzzy\n#| msgid "My image is wrong"\nmsgctxt "button.fix"'),
    ),
    (
        "fuzzy, with its comment, as gettext writes it", SWEDISH.replace(FIX, ""),
        PUT_ASIDE.replace("#~ msgctxt", '# Mine.\n#, fuzzy\n#~| msgid "Wrong photo"\n#~ msgctxt'),
        SWEDISH.replace(FIX, "# Mine.\n" + UNSURE),
    ),
    ("others stand beside it", SWEDISH.replace(FIX, ""), OTHER_ASIDE + PUT_ASIDE + OTHER_ASIDE, SWEDISH + 2 * OTHER_ASIDE),
    ("without empty lines", SWEDISH.replace(FIX, ""), OTHER_ASIDE + PUT_ASIDE[1:], SWEDISH + OTHER_ASIDE),
    ("put aside twice", SWEDISH.replace(FIX, ""), PUT_ASIDE + PUT_ASIDE.replace("Mitt", "Ditt"), SWEDISH),
    ("it is there too", SWEDISH, PUT_ASIDE.replace("Mitt", "Ditt"), SWEDISH),
    (
        "what stands aside is no entry", SWEDISH.replace(FIX, ""), PUT_ASIDE.replace('är fel"', "är fel"),
        SWEDISH.replace("Mitt foto är fel", "") + PUT_ASIDE.replace('är fel"', "är fel"),
    ),
]  # fmt: skip


def test_an_entry_that_is_wanted_again_comes_back_with_its_translation(tmp_path: Path) -> None:
    """Both an entry and one of its key that is put aside are what gettext refuses."""
    for what, file, aside, wanted in WANTED_AGAIN:
        assert synced(folders(tmp_path, sv=file + aside)) == wanted, what


def test_an_update_after_a_downgrade_leaves_a_file_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for entry in (FIX, UNSURE):
        before = SWEDISH.replace(FIX, entry)
        start, end = ENGLISH.index("#. At most 32"), ENGLISH.index(COUNT)
        older = synced(folders(tmp_path, english=ENGLISH[:start] + ENGLISH[end:], sv=before))
        capsys.readouterr()
        assert synced(folders(tmp_path, sv=older)) == before
        assert capsys.readouterr().out.endswith("sv.po: 1 used again\n")


# what stands in the file without a translation | what sync makes of it
MISPLACED = [
    ('msgid "Mitt foto är fel"\nmsgstr ""', '#, fuzzy\nmsgctxt "button.fix"\nmsgid "My photo is wrong"\nmsgstr "Mitt foto är fel"'),
    ('msgid "My foto is wrong"\nmsgstr ""', '#, fuzzy\nmsgctxt "button.fix"\nmsgid "My photo is wrong"\nmsgstr "My foto is wrong"'),
    ('msgid "Another photo, out of date"\nmsgstr ""', 'msgctxt "button.fix"\nmsgid "My photo is wrong"\nmsgstr ""'),
]  # fmt: skip


def test_a_translation_that_was_typed_in_the_place_of_the_english_is_not_lost(tmp_path: Path) -> None:
    for typed, becomes in MISPLACED:
        file = SWEDISH.replace('msgid "My photo is wrong"\nmsgstr "Mitt foto är fel"', typed)
        wanted = SWEDISH.replace('msgctxt "button.fix"\nmsgid "My photo is wrong"\nmsgstr "Mitt foto är fel"', becomes)
        assert synced(folders(tmp_path, sv=file)) == wanted, typed
    counted = SWEDISH.replace("{count} short step", "{count} kort steg").replace(
        'msgstr[0] "{count} kort steg."\nmsgstr[1] "{count} korta steg."', 'msgstr[0] ""\nmsgstr[1] ""'
    )
    text = synced(folders(tmp_path, sv=counted))
    assert (
        'msgid_plural "{count} short steps."\nmsgstr[0] "{count} kort steg."\nmsgstr[1] "{count} kort stegs."' in text
    )
    assert '#, fuzzy, python-brace-format\nmsgctxt "card.steps"' in text


def test_english_that_is_taken_back_leaves_no_trace(tmp_path: Path) -> None:
    place = folders(tmp_path, english=ENGLISH.replace('msgstr "My photo is wrong"', 'msgstr "My picture is wrong"'))
    assert "fuzzy" in synced(place)
    folders(tmp_path, sv=synced(place))
    assert synced(place) == SWEDISH


@pytest.mark.parametrize("reworded", ["button.fix", "all"])
def test_english_that_only_says_the_same_in_other_words_leaves_translations_as_they_are(
    tmp_path: Path, reworded: str
) -> None:
    english = ENGLISH.replace('msgstr "My photo is wrong"', 'msgstr "My picture is wrong"')
    place = folders(tmp_path, english=english, sv=SWEDISH)
    assert sync(place, [reworded]) == 0
    text = (place.packaged / "sv.po").read_text(encoding="utf-8")
    assert text == SWEDISH.replace("My photo is wrong", "My picture is wrong")


def test_an_entry_named_as_reworded_that_does_not_exist_changes_no_file(tmp_path: Path) -> None:
    place = folders(tmp_path, english=ENGLISH.replace('msgstr "My photo', 'msgstr "My picture'), sv=SWEDISH)
    with pytest.raises(LocalesError, match=r"no entry button\.fxi"):
        sync(place, ["button.fxi"])
    assert (place.packaged / "sv.po").read_text(encoding="utf-8") == SWEDISH


def test_a_file_with_unbroken_lines_gets_unbroken_lines(tmp_path: Path) -> None:
    long = "Open www.office.com in a private window of your browser, and sign in with your work account."
    swedish = SWEDISH.replace('msgstr ""\n"Öppna www.office.com i ett "\n"privat fönster."', f'msgstr "{long}"')
    english = ENGLISH.replace('msgstr "Open www.office.com in a private window."', f'msgstr "{long}"')
    assert f'msgid "{long}"' in synced(folders(tmp_path, english=english, sv=swedish))


def test_english_that_changes_twice_keeps_the_text_that_was_translated(tmp_path: Path) -> None:
    text = SWEDISH
    for now in ("My picture is wrong", "My portrait is wrong"):
        text = synced(folders(tmp_path, english=ENGLISH.replace('msgstr "My photo', f'msgstr "{now[:-9]}'), sv=text))
    assert '#| msgid "My photo is wrong"\nmsgctxt "button.fix"\nmsgid "My portrait is wrong"' in text


def test_an_empty_translation_does_not_become_fuzzy(tmp_path: Path) -> None:
    empty = SWEDISH.replace("Mitt foto är fel", "")
    english = ENGLISH.replace('msgstr "My photo is wrong"', 'msgstr "My picture is wrong"')
    assert synced(folders(tmp_path, english=english, sv=empty)) == empty.replace(
        "My photo is wrong", "My picture is wrong"
    )


def test_the_english_file_says_under_msgid_what_it_shows(tmp_path: Path) -> None:
    edited = ENGLISH.replace('msgstr "My photo is wrong"', 'msgstr "My picture is wrong"')
    assert synced(folders(tmp_path, english=edited), "en") == ENGLISH.replace(
        "My photo is wrong", "My picture is wrong"
    )


def test_an_installations_own_english_keeps_its_words_and_gets_new_texts(tmp_path: Path) -> None:
    place = replace(folders(tmp_path), over=tmp_path / "own")
    (tmp_path / "own").mkdir()
    own = ENGLISH[: ENGLISH.index(FOOT)].replace('msgstr "My photo is wrong"', 'msgstr "Wrong photo"')
    (tmp_path / "own/en.po").write_text(own, encoding="utf-8")
    assert sync(place) == 0
    text = (tmp_path / "own/en.po").read_text(encoding="utf-8")
    assert 'msgid "My photo is wrong"\nmsgstr "Wrong photo"' in text
    assert text.rstrip("\n").endswith('msgctxt "examples.add"\nmsgid "I want another photo"\nmsgstr ""')
    assert (place.packaged / "sv.po").read_text(encoding="utf-8") == SWEDISH


@pytest.mark.parametrize(("tag", "whole"), [("sv", SWEDISH), ("en", ENGLISH)])
def test_a_small_file_of_ones_own_stays_small_and_follows_the_english(tmp_path: Path, tag: str, whole: str) -> None:
    (tmp_path / "own").mkdir()
    small = whole[: whole.index(COUNT)].replace(whole[whole.index("#. The first card.\n#.") : whole.index("#. At most")], "")  # fmt: skip
    (tmp_path / "own" / f"{tag}.po").write_text(small, encoding="utf-8")
    place = replace(folders(tmp_path, english=ENGLISH.replace("#. At most", "#. Up to")), over=tmp_path / "own")
    assert sync(place) == 0
    assert (tmp_path / "own" / f"{tag}.po").read_text(encoding="utf-8") == small.replace("#. At most", "#. Up to")


def test_a_broken_file_is_left_as_it_is_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = SWEDISH.replace('"Hej, {name}!"', '"Hej, {name}!')
    place = folders(tmp_path, english=ENGLISH.replace("At most", "Up to"), sv=broken)
    assert sync(place) == 1
    assert (place.packaged / "sv.po").read_text(encoding="utf-8") == broken
    assert "photosync locales check sv says why" in capsys.readouterr().err


def test_half_a_file_of_a_language_of_ones_own_gets_what_it_lacks(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    place = replace(folders(tmp_path), over=own)
    half = SWEDISH.replace("Language: sv", "Language: da")[: SWEDISH.index("# A remark")]
    (own / "da.po").write_text(half, encoding="utf-8")
    assert sync(place) == 0
    text = (own / "da.po").read_text(encoding="utf-8")
    assert text.count("\nmsgctxt") == ENGLISH.count("\nmsgctxt")
    assert 'msgstr "Hej, {name}!"' in text
