"""Whatever a file of translations is or holds: nothing stops, and what is not shown is named with its line and reason."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.localedata import locale_identifiers
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards import render
from bot.cards.render import CardSetting, Photos
from bot.commands.locales import check, coverage, glossary
from bot.commands.locales.folders import Folders
from bot.commands.locales.issue import Issue, Level
from bot.commands.preview.samples import samples
from bot.languages import catalogs, language_file, tags
from bot.languages.budgets import budget, byte_budget
from bot.languages.catalogs import Languages, load, overlaid
from dialogs.examples import EXAMPLE_KEYS
from dialogs.library import Library
from dialogs.translations import Translations
from tests.language_files import ENGLISH, SWEDISH, folders
from tests.texts import texts

HELLO = "Hej, {name}!"
FIX = "Mitt foto är fel"


def at_line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def errors(place: Folders, tag: str = "sv") -> list[Issue]:
    return [one for one in check.issues(place, tag, glossary.read(place.glossaries)) if one.level is Level.ERROR]


# what is in the place of the file -> why it is not used
def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to(path.with_name("away.po"))


def _circle(path: Path) -> None:
    path.symlink_to(path)


def _content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


SWAP = SWEDISH.replace
PLACES: list[tuple[str, Callable[[Path], object], int, str]] = [
    ("a folder", Path.mkdir, 1, "is a folder"),
    ("a named pipe, which has no end", _fifo, 1, "pipe"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), 1, "device"),
    ("a link to nothing", _link, 1, "link to a file that is not there"),
    ("a link to itself", _circle, 1, "cannot be read"),
    ("a file of many megabytes", _content(b"#" * 3_000_000), 1, "larger than"),
    (
        "a string of very many lines",
        _content(b'x\nmsgid ""\nmsgstr ""\n' + b'""\n' * 600_000),
        1,
        "not a line of a PO file",
    ),
    ("an empty file", _content(b""), 1, "no header"),
    ("gettext's own default charset", _content(SWAP("UTF-8", "CHARSET").encode()), 7, "charset=CHARSET"),
    ("a charset that Python has not", _content(SWAP("UTF-8", "x-klingon").encode()), 7, "charset=x-klingon"),
    ("a codec that is no charset", _content(SWAP("UTF-8", "rot13").encode()), 7, "charset=rot13"),
    ("a header that names another", _content(SWAP("UTF-8", "ISO-8859-1").encode()), 7, "charset=ISO-8859-1"),
    ("UTF-16", _content(SWEDISH.encode("utf-16")), 1, "not UTF-8"),
    ("UTF-16 without a mark", _content(SWEDISH.encode("utf-16-le")), 25, "not UTF-8"),
    ("an old encoding", _content(SWEDISH.encode("latin-1")), 25, "not UTF-8"),
    ("a compiled file", _content(b"\xde\x12\x04\x95\x00\x00\x00\x00"), 1, "not UTF-8"),
    ("the page of a proxy", _content(b"<!DOCTYPE html>\n<html>"), 1, "not a line of a PO file"),
    ("a lone surrogate", _content(b'msgid ""\nmsgstr ""\n"X: \xed\xa0\x80\\n"\n'), 3, "not UTF-8"),
    ("line ends of an old Macintosh", _content(SWAP("\n", "\r").encode()), 1, "no header"),
]


@pytest.mark.parametrize(("make", "line", "says"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_what_is_no_file_of_translations_stays_with_itself(
    tmp_path: Path, make: Callable[[Path], object], line: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folders(tmp_path, de=SWEDISH.replace("Language: sv", "Language: de"))
    (place.packaged / "sv.po").unlink()
    make(place.packaged / "sv.po")
    spoken = load(place.packaged)
    assert spoken.translations.text("sv", "desk.title", name="Ada") == "Hello, Ada!"
    assert spoken.translations.text("de", "desk.title", name="Ada") == "Hej, Ada!"
    (problem,) = spoken.problems
    assert problem.startswith(f"sv.po:{line}: "), problem
    assert says in problem
    found = errors(place)
    assert (found[0].line, says in found[0].text) == (line, True)
    assert check.check(place) == 1
    assert coverage.show(place) == 0
    assert says[:20] in capsys.readouterr().out.replace("\n", " ")


NAMES = [
    ("sr@latin.po", "sr-Latn"), ("sr@Cyrillic.po", "sr-Cyrl"), ("sr_RS@latin.po", "sr-Latn"), ("pt_BR.po", "pt-BR"),
    ("PT-br.po", "pt-BR"), ("iw.po", "he"), ("ca@valencia.po", "ca-valencia"), ("zh_Hant.po", "zh-Hant"),
    ("ca_ES.po", "ca"), ("zh_CN.po", "zh-Hans"), ("zh_TW.po", "zh-Hant"), ("de_AT.po", "de-AT"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tag"), NAMES)
def test_a_file_is_named_as_gettext_names_it_or_as_a_tag(tmp_path: Path, name: str, tag: str) -> None:
    place = folders(tmp_path)
    (place.packaged / name).write_text(OWN, encoding="utf-8")
    spoken = load(place.packaged)
    assert (spoken.problems, tag in spoken.tags) == ((), True)
    assert spoken.translations.text(tag, "button.fix").strip("\u2068\u2069") == "Fel foto"
    assert errors(place, tag) == []


MISNAMED = [
    "ca.po.txt", "CA.PO", "ca.Po", "xx-nonsense.po", "sr@euro.po", "sr@.latin.po", "und.po", "root.po", "x-mine.po", "copy of ca.po",
    "ca (1).po", "a" * 200 + ".po", "\u202eca.po", "ca.po.po", "qps-ploc.po", "..po",
]  # fmt: skip


@pytest.mark.parametrize("name", MISNAMED)
def test_a_file_whose_name_is_no_language_is_reported(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folders(tmp_path)
    (place.packaged / name).write_text(SWEDISH, encoding="utf-8")
    spoken = load(place.packaged)
    assert spoken.tags == ("en", "sv")
    if name.startswith("."):
        return  # hidden: not meant
    assert [problem.startswith(f"{name}:1: ") for problem in spoken.problems] == [True]
    assert check.check(place) == 1
    assert f"{name}:1: error: " in capsys.readouterr().out
    assert coverage.show(place) == 0


def test_two_files_of_one_language_are_not_mixed(tmp_path: Path) -> None:
    place = folders(tmp_path, **{"pt-BR": SWEDISH})
    (place.packaged / "pt_BR.po").write_text(SWEDISH.replace(FIX, "Annat"), encoding="utf-8")
    spoken = load(place.packaged)
    assert spoken.translations.text("pt-BR", "button.fix") == FIX
    (problem,) = spoken.problems
    assert problem.startswith("pt_BR.po:1: is not read: pt-BR.po is this language's file; put both into one file")


@pytest.mark.parametrize("name", ["sv.po~", "sv.po.bak", ".sv.po.swp", ".sv.po.new", "README.md", "GLOSSARY.tsv"])
def test_what_lies_beside_the_files_is_not_reported(tmp_path: Path, name: str) -> None:
    place = folders(tmp_path)
    (place.packaged / name).write_text("term\tlanguage\ttranslation\tsource\n", encoding="utf-8")
    assert load(place.packaged).problems == ()


# a text | what the error names
TEXTS = [
    ("Mitt\x00foto", "U+0000 NULL"),
    ("\u202eMitt foto är fel\u202c", "U+202E RIGHT-TO-LEFT OVERRIDE"),
    ("\u202dMitt foto\u202c", "U+202D LEFT-TO-RIGHT OVERRIDE"),
    ("\u202aMitt foto", "U+202A LEFT-TO-RIGHT EMBEDDING"),
    ("\u2067Mitt foto\u2069", "U+2067 RIGHT-TO-LEFT ISOLATE"),
    ("Mitt\u2069 foto", "U+2069 POP DIRECTIONAL ISOLATE"),
    ("Mitt\x1b[31m foto", "U+001B ESCAPE"),
    ("Mitt\x85foto", "U+0085"),
    ("Mitt\u2028foto", "U+2028 LINE SEPARATOR"),
    ("Mitt\ufefffoto", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
    ("Mitt f\ufffdto", "U+FFFD REPLACEMENT CHARACTER"),
    ("Mitt \ufff9foto", "U+FFF9 INTERLINEAR ANNOTATION ANCHOR"),
    ("Mitt foto\U000e0041\U000e007f", "U+E0041 TAG LATIN CAPITAL LETTER A"),
    ("Mitt foto\\r", "U+000D CARRIAGE RETURN"),
]


@pytest.mark.parametrize(("text", "named"), TEXTS, ids=[row[1] for row in TEXTS])
@pytest.mark.parametrize("key", ["button.fix", "desk.body", "examples.add"])
def test_a_character_that_cannot_be_shown_is_refused_by_its_name(
    tmp_path: Path, text: str, named: str, key: str
) -> None:
    was = {"button.fix": FIX, "desk.body": "privat fönster.", "examples.add": "ny bild"}[key]
    broken = SWEDISH.replace(was, f"{text} {was}" if key == "desk.body" else text)
    place = folders(tmp_path, sv=broken)
    assert key not in load(place.packaged).translations.catalogs["sv"].entries
    found = [(one.key, named in one.text) for one in errors(place)]
    assert (key, True) in found
    assert {one for one, _ in found} == {key}


@pytest.mark.parametrize(
    "text", ["Mitt\u200cfoto", "\u200fMitt foto\u200e", "Mi\u00adtt foto", "Mitt foto 👩\u200d💻", "e\u0301n bild"]
)
def test_marks_that_letters_need_are_shown(tmp_path: Path, text: str) -> None:
    place = folders(tmp_path, sv=SWEDISH.replace(FIX, text))
    assert load(place.packaged).translations.text("sv", "button.fix") == text
    assert errors(place) == []


NAMES_OF_LANGUAGES = ["\u202eSvenska", "Svenska\x00", "S" * 200_000]


@pytest.mark.parametrize("name", NAMES_OF_LANGUAGES, ids=["override", "zero", "long"])
def test_a_language_with_a_name_that_cannot_be_shown_gets_the_clldrs(tmp_path: Path, name: str) -> None:
    broken = SWEDISH.replace("X-Language-Name: Svenska", f"X-Language-Name: {name}")
    place = folders(tmp_path, sv=broken)
    assert load(place.packaged).translations.catalogs["sv"].name == "Svenska"
    assert [one.line for one in errors(place)] == [at_line(broken, "X-Language-Name")]


LONG = [
    ("desk.body", "privat fönster.", "privat fönster. " + "ä" * 100_000 + "."),
    ("desk.title", HELLO, HELLO + " x" * 100_000),
    ("desk.title", HELLO, HELLO + "{name}" * 20),
    ("button.fix", FIX, "x" * 200_000),
    ("examples.fix", "fel bild", "\\n".join(f"ord{n}" for n in range(30_000))),
]


@pytest.mark.parametrize(("key", "was", "text"), LONG, ids=["200 KB", "words", "values", "button", "typed words"])
def test_a_text_that_no_card_can_hold_is_refused(tmp_path: Path, key: str, was: str, text: str) -> None:
    place = folders(tmp_path, sv=SWEDISH.replace(was, text))
    assert key not in load(place.packaged).translations.catalogs["sv"].entries
    assert {one.key for one in errors(place)} == {key}


@pytest.mark.parametrize("letter", ["a", "ä", "字", "👩", '"', "\\"])
def test_a_card_is_never_over_28_kb_however_long_its_texts_are(
    spoken: Languages, shelf: Library, pictures: dict[str, bytes], letter: str
) -> None:
    """Every text as long as it may be, both photos as large as they get."""

    def longest(key: str, form: str) -> str:
        if key.startswith("manifest."):
            return form
        room = budget(key) or 0
        if room:
            return (form + letter * room)[:room]
        return form + letter * (
            ((byte_budget(key) or 0) - len(form.encode())) // (len(json.dumps(letter, ensure_ascii=False).encode()) - 2)
        )

    english = spoken.translations.catalogs["en"]
    entries = {key: tuple(longest(key, form) for form in forms) for key, forms in english.entries.items()}
    long = catalogs.Catalog("sv", "S" * 60, False, entries, english.plural)
    setting = CardSetting(
        Translations({**spoken.translations.catalogs, "sv": long}), pictures, "https://teams.example/chat"
    )
    largest = Photos(b"x" * 7_000, b"x" * 7_000, None, (b"x" * 3_500, b"x" * 3_500))
    sizes = {}
    for sample in samples(shelf, "sv"):
        card = render.message(setting, sample.content, name="Ada", photos=largest).card
        sizes[sample.name] = len(json.dumps(card, ensure_ascii=False).encode())
    assert max(sizes.values()) <= 28 * 1024, max(sizes, key=lambda name: sizes[name])


ASIDE = [
    ("with what it was", '#~| msgid "Older"\n#~ msgctxt "old"\n#~ msgid "Old"\n#~ msgstr "Gammal"\n'),
    ("in several lines", '#~| msgid ""\n#~| "Older "\n#~| "still"\n#~ msgid "Old"\n#~ msgstr ""\n#~ "Gammal"\n'),
    ("fuzzy", '#, fuzzy\n#~| msgid "Older"\n#~ msgid "Old"\n#~ msgstr "Gammal"\n'),
    ("a sticky flag of gettext 1.0", '#= no-wrap\nmsgctxt "x.y"\nmsgid "Old"\nmsgstr "Gammal"\n'),
    ("with a key that is used", '#~ msgctxt "button.fix"\n#~ msgid "Old"\n#~ msgstr "Gammal"\n'),
]


@pytest.mark.parametrize("lines", [row[1] for row in ASIDE], ids=[row[0] for row in ASIDE])
def test_entries_put_aside_harm_nothing(tmp_path: Path, lines: str) -> None:
    place = folders(tmp_path, sv=f"{SWEDISH}\n{lines}")
    assert errors(place) == []
    spoken = load(place.packaged)
    assert spoken.problems == spoken.faults == ()
    assert spoken.translations.text("sv", "button.fix") == FIX


def test_a_form_that_no_whole_number_takes_is_no_error(tmp_path: Path) -> None:
    rule = "nplurals=4; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 3;"
    steps = 'msgstr[0] "{count} kort steg."\nmsgstr[1] "{count} korta steg."\n'
    forms = 'msgstr[0] "{count} krok."\nmsgstr[1] "{count} kroky."\nmsgstr[2] "%s"\nmsgstr[3] "{count} kroků."\n'
    for unused in ("{count} kroku.", "", "nic"):
        czech = SWEDISH.replace("nplurals=2; plural=(n != 1);", rule).replace(steps, forms % unused)
        place = folders(tmp_path, cs=czech.replace("Language: sv", "Language: cs"))
        assert errors(place, "cs") == []
        text = load(place.packaged).translations.catalogs["cs"].text
        assert [text("card.steps", count=count) for count in (1, 2, 5)] == ["1 krok.", "2 kroky.", "5 kroků."]


# An installation's own files over the packaged ones

OWN = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

msgctxt "button.fix"
msgid "My photo is wrong"
msgstr "Fel foto"
"""


def over(tmp_path: Path, text: str, name: str = "sv.po") -> Folders:
    place = folders(tmp_path)
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    (own / name).write_text(text, encoding="utf-8")
    return Folders(place.packaged, own)


def test_one_own_entry_changes_one_entry(tmp_path: Path) -> None:
    place = over(tmp_path, OWN)
    spoken = overlaid(load(place.packaged), place.over)
    packaged = load(place.packaged)
    wanted = {**packaged.translations.catalogs["sv"].entries, "button.fix": ("Fel foto",)}
    assert spoken.translations.catalogs["sv"].entries == wanted
    assert (spoken.problems, spoken.faults) == ((), ())
    assert spoken.translations.catalogs["sv"].name == "Svenska"
    found = check.issues(place, "sv", glossary.read(place.glossaries))
    assert [one for one in found if one.level is Level.ERROR or "not here yet" in one.text] == []


LEFT = [
    ("empty", OWN.replace("Fel foto", "")),
    ("fuzzy", OWN.replace('msgctxt "button', '#, fuzzy\nmsgctxt "button')),
    ("too long", OWN.replace("Fel foto", "x" * 33)),
    ("broken", OWN.replace('"Fel foto"', '"Fel foto')),
    ("a key of nothing", OWN.replace("button.fix", "button.fux")),
]


@pytest.mark.parametrize("text", [row[1] for row in LEFT], ids=[row[0] for row in LEFT])
def test_an_own_entry_that_cannot_be_shown_leaves_the_packaged_one(tmp_path: Path, text: str) -> None:
    place = over(tmp_path, text)
    spoken, packaged = overlaid(load(place.packaged), place.over), load(place.packaged)
    assert spoken.translations.catalogs["sv"].entries == packaged.translations.catalogs["sv"].entries


def test_own_english_is_laid_over_entry_by_entry_too(tmp_path: Path) -> None:
    place = over(tmp_path, OWN.replace("Fel foto", "Wrong photo"), "en.po")
    text = overlaid(load(place.packaged), place.over).translations.text
    assert text("en", "button.fix") == "Wrong photo"
    assert text("en", "desk.title", name="Ada") == "Hello, Ada!"
    assert text("sv", "button.fix") == FIX


def test_own_plural_forms_in_another_order_say_the_same(tmp_path: Path) -> None:
    own = OWN.replace('charset=UTF-8\\n"', 'charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n == 1);\\n"')
    own += '\nmsgctxt "card.steps"\nmsgid "{count} short step."\nmsgid_plural "{count} short steps."\nmsgstr[0] "{count} små steg."\nmsgstr[1] "Ett litet steg."\n'  # fmt: skip
    place = over(tmp_path, own)
    assert errors(place) == []
    text = overlaid(load(place.packaged), place.over).translations.catalogs["sv"].text
    assert [text("card.steps", count=count) for count in (1, 2)] == ["Ett litet steg.", "2 små steg."]


def test_a_folder_that_is_away_leaves_what_was_loaded(tmp_path: Path) -> None:
    place = over(tmp_path, OWN)
    first = overlaid(load(place.packaged), place.over)
    assert place.over is not None
    shutil.rmtree(place.over)
    second = overlaid(load(place.packaged), place.over, first)
    assert second.translations.text("sv", "button.fix") == "Fel foto"
    assert second.unreadable
    assert "the folder cannot be read" in second.problems[0]
    assert overlaid(load(place.packaged), place.over).translations.text("sv", "button.fix") == FIX


@pytest.mark.long
def test_every_language_of_the_cldr_can_be_added_and_with_a_region_too(tmp_path: Path) -> None:
    place = folders(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    every = {tag for name in locale_identifiers() if (tag := tags.of_file(name))}
    names = {*{tag.partition("-")[0]: tag for tag in sorted(every)}.values(), *(tag for tag in every if "-" not in tag)}
    for name in names:
        (own / f"{name}.po").write_text(OWN, encoding="utf-8")
    spoken = overlaid(load(place.packaged), own)
    assert spoken.problems == ()
    assert set(spoken.tags) == names | {"en", "sv"}


# Whatever the bytes

PIECES = [
    '"', "\\", "\n", "\r", "\x00", "\u202e", "\ufeff", "{", "}", "{name}", "{name.x}", "{}", "msgstr", "msgid ", "msgctxt ",
    'msgstr[2] "x"\n', 'msgctxt "button.fix"\n', "#, fuzzy\n", "#~ ", "#~| ", "#| ", "#", "UTF-8", "CHARSET", "nplurals=2", "n != 1",
    "**", "[", "<", "|", "*", "1. ", " ", "x" * 40, "ä" * 1_200, "safelinks", "www.office.com", "desk.title", "examples.add", ";", "n/0",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The Swedish file after a few accidents: lines lost, doubled or swapped, pieces put in, bytes changed."""
    lines = SWEDISH.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["lose", "double", "swap", "insert"])):
            case "lose":
                lines[at] = ""
            case "double":
                lines.insert(to, lines[at])
            case "swap":
                lines[at], lines[to] = lines[to], lines[at]
            case "insert":
                line, piece = lines[at], draw(st.sampled_from(PIECES))
                where = draw(st.integers(0, len(line)))
                lines[at] = line[:where] + piece + line[where:]
    data = bytearray("".join(lines).encode())
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return folders(tmp_path_factory.mktemp("files"))


def agree(place: Folders, data: bytes) -> None:
    """What the check calls an error is not shown (or is English), and what is not shown is an error or unfinished."""
    path = place.packaged / "sv.po"
    path.write_bytes(data)
    spoken, found = load(place.packaged), errors(place)
    if spoken.problems:
        assert found
        assert "sv" not in spoken.tags
        return
    shown = spoken.translations.catalogs["sv"].entries
    file = language_file.read(path, "sv", place.shown)
    lines = {one.line for one in found}
    unfinished = {entry.line for entry in file.unfinished}
    for entry in file.document.entries:
        here = {entry.line, *(form.line for form in entry.strings)}
        wrong = [one for one in found if one.line in here and one.key == entry.key and "is the English" not in one.text]
        if entry.key in EXAMPLE_KEYS:
            continue  # nothing of them is shown, and a sentence that two labels have is learned all the same
        used = shown.get(entry.key) == entry.texts and not any("already" in one.text for one in wrong)
        if entry.key in place.shown and entry.line not in unfinished:
            assert used == (not wrong), (entry, wrong)
        else:
            assert not used or entry.line in lines
    for key, forms in shown.items():  # what is shown can be shown
        spoken.translations.catalogs["sv"].text(key, name="Ada", count=2)
        assert all(len(form.encode()) <= 20_000 for form in forms)


@pytest.mark.long
@given(data=mutated())
@settings(max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "150")))
def test_the_check_and_the_bot_agree_on_every_file(ground: Folders, data: bytes) -> None:
    agree(ground, data)


@given(data=st.binary(max_size=2_000) | texts(max_size=500).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "100")))
def test_random_bytes_raise_nothing(ground: Folders, data: bytes) -> None:
    agree(ground, data)


@pytest.mark.long
@given(header=st.text(alphabet="n0123456789()?:<>=!&|%*/+- ;,plurals'\"\\x", max_size=80))
@settings(max_examples=int(os.environ.get("PHOTOSYNC_FUZZ", "100")))
def test_random_plural_rules_raise_nothing(ground: Folders, header: str) -> None:
    rule = header.replace("\\", "").replace('"', "")
    agree(ground, SWEDISH.replace("nplurals=2; plural=(n != 1);", f"nplurals=2; plural={rule};").encode())


def test_the_english_is_read_as_strictly_as_any_other(tmp_path: Path) -> None:
    place = folders(tmp_path, english=ENGLISH.replace('"Hello, {name}!"', '"Hello, {name}!', 1))
    with pytest.raises(catalogs.CatalogError, match=r"en\.po:\d+"):
        load(place.packaged)
