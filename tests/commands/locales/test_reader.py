"""`photosync locales check` reads as a strict reader: what a slip makes of a sentence is reported, by its rule."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot import resources
from bot.commands.locales import check, glossary
from bot.commands.locales.folders import Folders
from bot.commands.locales.issue import Issue, Level
from bot.commands.locales.reader import lists
from bot.commands.locales.reader.rules import NAMES, PLURAL, RULES
from bot.errors import LocalesError
from bot.languages.po_reader import read
from tests.language_files import GLOSSARY

HEADER = """\
msgid ""
msgstr ""
"Language: {tag}\\n"
"X-Language-Name: {tag}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""
# rule | key | English | what a reader passes | what a slip makes of it
SLIPS = [
    ("number", "a.figure", "It takes up to 24 hours.", "Det tar upp till 24 timmar.", "Det tar upp till 48 timmar."),
    ("number", "a.word", "Wait three days, then seven.", "Vänta i tre dagar, sedan sju.", "Vänta i fem dagar, sedan sju."),
    ("number", "a.digits", "It takes three days.", "Det tar 3 dagar.", "Det tar 2 dagar."),
    ("shortcut", "a.keys", "Edge: Ctrl+Shift+N.", "Edge: Ctrl+Skift+N.", "Edge: Ctrl+Skift+P."),
    ("shortcut", "a.key", "On a Mac, use Command.", "På en Mac använder du Kommando.", "På en Mac använder du Ctrl."),
    ("name", "a.spelt", "Open SharePoint.", "Öppna SharePoint.", "Öppna Sharepoint."),
    ("name", "a.other", "Close Outlook first.", "Stäng Outlook först.", "Stäng Teams först."),
    ("address", "a.address", "Run it (aka.ms/Pillar).", "Kör det (aka.ms/Pillar).", "Kör det (aka.ms/Pilar)."),
    ("address", "a.command", "Run “photosync scan” now.", "Kör ”photosync scan” nu.", "Kör ”photosync skan” nu."),
    ("address", "a.bare_command", "To see it, run: photosync case", "För att se det, kör: photosync case", "För att se det, kör: photosync ärende"),
    ("twice", "a.value", "It's case {case} now.", "Det är ärende {case} nu.", "Det är ärende {case} ({case}) nu."),
    ("order", "a.order", "Step {number} of {total}", "Steg {number} av {total}", "Steg {total} av {number}"),
    ("negation", "a.not", "I can't see it.", "Jag ser det inte.", "Jag ser det."),
    ("negation", "a.nots", "It isn't there. Don't wait.", "Det är inte där. Vänta inte.", "Det är där. Vänta inte."),
    ("side", "a.side", "It's at the top right.", "Det är uppe till höger.", "Det är uppe till vänster."),
    ("side", "a.height", "It's at the top left.", "Det är uppe till vänster.", "Det är nere till vänster."),
    ("glossary", "a.term", "Open a private browser window.", "Öppna ett privat fönster.", "Öppna ett hemligt fönster."),
    ("word", "a.register", "Your photo is here.", "Ditt foto är här.", "Ert foto är här."),
    ("button", "a.button", "Select Stop to end this.", "Välj ”Avsluta” för att sluta.", "Välj ”Skicka” för att sluta."),
    ("unknown", "a.unknown", "Select Apps now.", "Välj ”Appar” nu.", "Välj ”Program” nu."),
    ("quotes", "a.quotes", "Select Apps there.", "Välj ”Appar” där.", "Välj \"Appar\" där."),
    ("quotes", "a.open", "Select Apps here.", "Välj ”Appar” här.", "Välj ”Appar här."),
    ("blanks", "a.blanks", "Wait for a moment.", "Vänta ett ögonblick.", "Vänta ett  ögonblick."),
    ("blanks", "a.mark", "Wait, then look.", "Vänta, titta sedan.", "Vänta ,titta sedan."),
    ("marks", "a.end", "Then it's done.", "Då är det klart.", "Då är det klart"),
    ("doubled", "a.doubled", "Then it is good.", "Då är det bra.", "Då är är det bra."),
    ("letters", "a.letters", "A quiet place.", "En lugn plats.", "En lugn plаts."),  # the а is Cyrillic
    ("capital", "a.capital", "A loud place.", "En högljudd plats.", "en högljudd plats."),
    ("title", "button.other", "Another way", "Ett annat sätt", "Ett helt annat sätt än detta"),
    ("length", "a.length", "This is short enough.", "Det är kort nog.", "Det är kort nog, " * 4 + "och till slut för långt."),
    ("english", "a.english", "Left as it was.", "Kvar som det var.", "Left as it was."),
    ("same", "a.same", "Trial", "Försök", "Trial"),
]  # fmt: skip
BUTTONS = [("button.stop", "Stop", "Avsluta"), ("button.send", "Send", "Skicka")]
FORMS = ('msgstr[0] "{count} kort steg."', 'msgstr[1] "{count} korta steg."')


def quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def po(tag: str, rows: list[tuple[str, str, str]], forms: tuple[str, str]) -> str:
    entries = [
        f"msgctxt {quoted(key)}\nmsgid {quoted(english)}\nmsgstr {quoted(text)}\n" for key, english, text in rows
    ]
    steps = 'msgctxt "card.steps"\nmsgid "{count} short step."\nmsgid_plural "{count} short steps."\n'
    return "\n".join([HEADER.format(tag=tag), *entries, steps + "\n".join(forms), ""])


def folders(place: Path, rows: list[tuple[str, str, str]], forms: tuple[str, str] = FORMS) -> Folders:
    """Files with these entries, and the lists that ship."""
    packaged = place / "locales"
    shutil.copytree(resources.LOCALES / "lint", packaged / "lint")
    english = [(key, source, source) for key, source, _ in rows]
    source = ('msgstr[0] "{count} short step."', 'msgstr[1] "{count} short steps."')
    (packaged / "en.po").write_text(po("en", english, source), encoding="utf-8")
    (packaged / "sv.po").write_text(po("sv", rows, forms), encoding="utf-8")
    (packaged / "GLOSSARY.tsv").write_text(GLOSSARY, encoding="utf-8")
    return Folders(packaged, None)


def found(place: Folders, tag: str = "sv") -> list[Issue]:
    return [one for one in check.issues(place, tag, glossary.read(place.glossaries)) if one.rule]


def test_sentences_that_are_right_are_passed(tmp_path: Path) -> None:
    rows = BUTTONS + [(key, english, right) for _, key, english, right, _ in SLIPS]
    assert found(folders(tmp_path, rows)) == []


def test_each_slip_is_reported_by_its_rule_in_its_line(tmp_path: Path) -> None:
    rows = BUTTONS + [(key, english, wrong) for _, key, english, _, wrong in SLIPS]
    place = folders(tmp_path, rows, forms=(FORMS[0].replace("kort", "korta"), FORMS[1]))
    lines = {entry.key: entry.strings[0].line for entry in read(place.packaged / "sv.po").entries}
    reported = {(one.rule, one.key, one.line) for one in found(place)}
    wanted = {(rule, key, lines[key]) for rule, key, *_ in SLIPS} | {(PLURAL, "card.steps", lines["card.steps"])}
    assert wanted - reported == set()
    assert {key for _, key, _ in reported} == set(lines) - {"button.stop", "button.send"}
    assert {one.rule for one in found(place) if one.level is Level.ERROR} == {"twice", "english"}
    assert {rule for rule, *_ in SLIPS} == set(RULES)


def test_what_is_explained_is_not_reported_and_everything_else_is(tmp_path: Path) -> None:
    rows = [("a.one", "I can't see 3 of them.", "Jag ser 4 av dem."), ("a.two", "I can't see it.", "Jag ser det.")]
    place = folders(tmp_path, rows)
    own = tmp_path / "own"
    (own / "lint").mkdir(parents=True)
    allowed = '[[allow]]\nrule = "negation"\nkey = "a.o*"\nwhy = "said so here"\n'
    (own / "lint" / "sv.toml").write_text(allowed, encoding="utf-8")
    assert {(one.rule, one.key) for one in found(Folders(place.packaged, own))} == {("number", "a.one"), ("negation", "a.two")}  # fmt: skip
    narrow = allowed.replace('why = "said so here"', 'finding = "Microsoft"\nwhy = "another one"')
    (own / "lint" / "sv.toml").write_text(narrow, encoding="utf-8")
    assert ("negation", "a.one") in {(one.rule, one.key) for one in found(Folders(place.packaged, own))}


def test_a_variety_is_read_by_the_lists_of_its_language_and_its_own(tmp_path: Path) -> None:
    place = folders(tmp_path, [("a.one", "I can't see it.", "Jag ser det.")])
    (place.packaged / "sv.po").rename(place.packaged / "sv-FI.po")
    lists = '[[forbidden]]\nword = "ser"\nwhy = "not said here"\n'
    (place.packaged / "lint" / "sv-FI.toml").write_text(lists, encoding="utf-8")
    assert {one.rule for one in found(place, "sv-FI")} == {"negation", "word"}


WRONG_LISTS = [
    ("a list misspelt", 'qoutes = ["””"]', "there is no list qoutes; the nearest is quotes"),
    ("a word in the place of words", 'quotes = "””"', ":1: quotes has to be a list of texts"),
    ("an exception without its reason", '[[allow]]\nrule = "length"\nkey = "a.one"', "why"),
    ("no TOML", "quotes = [", "sv.toml"),
    ("a quote without its other half", 'quotes = ["„"]', "each of quotes has two signs"),
    ("an empty quote", 'quotes = [""]', "quotes has to be a list of texts"),
    (
        "a number in words",
        '[numbers]\nthree = ["tre"]',
        ":2: [numbers] three: before the = has to stand a number in figures",
    ),
    ("a text in the place of a list", '[numbers]\n3 = "tre"', "[numbers] 3 has to be a list of texts"),
    ("a plural form that is no text", '[plurals."a.one"]\none = 3', "each plural form has to be a text"),
    ("a name misspelt below", '[negation]\nwrds = ["inte"]', "the nearest is words"),
    ("another encoding", "\udce9", "is not UTF-8"),
    ("brackets without end", "names = " + "[" * 100_000, "sv.toml:1: brackets nested too deeply"),
    ("a key of many parts", "spaces = true\n" + "a." * 50_000 + "a = 1", "sv.toml:2: more than 100 dots"),
    ("a number of many digits", "spaces = " + "1" * 100_000, "sv.toml:1: Exceeds the limit"),
    ("a large file", "#" * 200_001, "sv.toml:1: larger than 200000 bytes"),
    (
        "a side that there is not",
        '[sides]\nlinks = ["vänster"]',
        ":2: [sides] links: there is no such name; the nearest is ",
    ),
    (
        "a plural form that there is not",
        '[plurals."a.one"]\none = "x"\nothr = "y"',
        ":3: [plurals] a.one: there is no plural form othr; the nearest is other",
    ),
    (
        "a rule that there is not",
        '[[allow]]\nrule = "same"\nkey = "a"\nwhy = "b"\n[[allow]]\nrule = "lenght"\nkey = "a"\nwhy = "b"',
        ":5: [[allow]]: there is no rule lenght; the nearest is length",
    ),
    (
        "a word that is a number",
        '[[forbidden]]\nword = 3\nwhy = "b"',
        ":1: each [[forbidden]] has why, word, each of them a text",
    ),
    ("reasons in the place of one", '[register]\nwhy = ["a"]', ":2: [register] why has to be a text"),
]


@pytest.mark.parametrize(("lists", "says"), [row[1:] for row in WRONG_LISTS], ids=[row[0] for row in WRONG_LISTS])
def test_lists_that_cannot_be_read_are_reported_with_their_file(tmp_path: Path, lists: str, says: str) -> None:
    place = folders(tmp_path, [("a.one", "One.", "Ett.")])
    (place.packaged / "lint" / "sv.toml").write_text(lists, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(LocalesError, match=r"sv\.toml") as raised:
        found(place)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


# a wrong file of one's own | what stands in it | what is reported
WRONG_OWN = [
    ("lint/sv.toml", '[negation]\nwrds = ["inte"]', ":2: error: [negation] wrds: there is no such name; the nearest is words; nothing"),
    ("lint/en.toml", 'quotes = ["“"]', ":1: error: each of quotes has two signs"),
    ("lint/default.toml", "x", ":1: error: Expected '='"),
    ("GLOSSARY.tsv", "term,language", ":1: error: the columns have to be"),
]  # fmt: skip


def test_a_glossary_with_a_column_without_end_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "GLOSSARY.tsv"
    file.write_text("term\tlanguage\ttranslation\tsource\n" + "a" * 200_000, encoding="utf-8")
    with pytest.raises(LocalesError, match=r"GLOSSARY\.tsv:\d: field larger than"):
        glossary.read([file])


def test_wrong_lists_of_ones_own_are_reported_once_and_the_packaged_ones_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folders(tmp_path, [("a.one", "I can't see it.", "Jag ser det.")])
    (tmp_path / "own" / "lint").mkdir(parents=True)
    for name, text, _ in WRONG_OWN:
        (tmp_path / "own" / name).write_text(text, encoding="utf-8")
    assert check.check(Folders(place.packaged, tmp_path / "own")) == 1
    out = capsys.readouterr().out
    assert {name: out.count(f"{name}{says}") for name, _, says in WRONG_OWN} == dict.fromkeys([row[0] for row in WRONG_OWN], 1)  # fmt: skip
    assert "[negation]\n" in out


def test_lists_and_glossary_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    place = folders(tmp_path, [("a.one", "One.", "Ett.")])
    for file, text in (("lint/sv.toml", 'screen = ["Ett"]'), ("GLOSSARY.tsv", GLOSSARY)):
        (place.packaged / file).write_text(text, encoding="utf-8-sig")
    assert found(place) == []
    assert glossary.read(place.glossaries)


def test_the_guide_has_every_rule_and_its_lists_can_be_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "languages.md").read_text(encoding="utf-8")
    part = guide[guide.index("### What the check reads") : guide.index("## 5.")]
    assert {rule for rule in NAMES if f"`{rule}`" not in part} == set()
    examples = part.split("```")[1::2]
    (tmp_path / "lint").mkdir()
    (tmp_path / "lint" / "ca.toml").write_text("".join(examples), encoding="utf-8")
    (explained,) = lists.read([tmp_path], "ca", rules=NAMES).waivers
    assert explained.covers("title", "button.add", "29 characters; a phone shows 25 of a title")
