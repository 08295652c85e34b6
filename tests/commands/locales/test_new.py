"""`photosync locales new` and `list`, as an admin at the terminal sees them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.messages.plurals import PLURALS

from bot import resources
from bot.languages import packaged, plurals
from tests.command import command

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = (resources.LOCALES / "en.po").read_text(encoding="utf-8").count("\nmsgctxt ")


def locales(own: Path | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_LOCALES_DIR": str(own)}
    return subprocess.run(command("locales", *arguments), env=environ, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)  # fmt: skip


# the tag as typed | the file | parts of its header
NEW = [
    ("is", "is.po", ["Language: is", "Language-Team: Icelandic", "X-Language-Name: Íslenska", "nplurals=2;"]),
    ("CY", "cy.po", ["X-Language-Name: Cymraeg", "nplurals=6;"]),
    ("pt_ao", "pt-AO.po", ["Language: pt_AO", "X-Language-Name: Português (Angola)"]),
    ("fa", "fa.po", ["X-Language-Name: فارسی", "nplurals=2; plural=(n > 1);"]),
    ("en-AU", "en-AU.po", ["X-Language-Name: English (Australia)"]),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "name", "header"), NEW, ids=[row[0] for row in NEW])
def test_a_new_file_is_ready_to_be_translated(tmp_path: Path, tag: str, name: str, header: list[str]) -> None:
    done = locales(tmp_path, "new", tag)
    assert (done.returncode, done.stderr) == (0, "")
    assert name in done.stdout
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert [part for part in header if part not in text.split("\n\n")[0]] == []
    assert text.count("msgctxt") == (resources.LOCALES / "en.po").read_text(encoding="utf-8").count("msgctxt")
    assert "#. At most 32 characters: Teams cuts longer titles.\n" in text
    checked = locales(tmp_path, "check", Path(name).stem)
    assert (checked.returncode, f"{ENTRIES} of {ENTRIES}" in checked.stdout) == (0, True)
    assert locales(tmp_path, "sync").stdout == "every file is up to date\n"
    assert packaged.languages(tmp_path).negotiate(Path(name).stem) == Path(name).stem


# the command | what stands on stderr
REFUSED = [
    (["new", "xx"], "xx is no language that the CLDR knows; the nearest is xh (Xhosa)"),
    (["new", "catalan"], "the nearest is ca (Catalan)"),
    (["new", "is", "--from", "klingon"], "klingon is no language there is: en, "),
    (["new", "Svenska"], "the nearest is sv (Swedish)"),
    (["new", "de-XX"], "the nearest is de (German)"),
    (["new", "../../etc/passwd"], "no language that the CLDR knows"),
    (["new", "sv"], "sv is packaged already; to change its words copy"),
    (["check", "cy"], "there is no cy.po; photosync locales new cy begins one"),
    (["check", "xx"], "xx is no language"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = locales(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    locales(tmp_path, "new", "is")
    (tmp_path / "is.po").write_text("mine", encoding="utf-8")
    done = locales(tmp_path, "new", "is")
    assert (done.returncode, "is there already" in done.stderr) == (2, True)
    assert (tmp_path / "is.po").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = locales(tmp_path / "nowhere", "list")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "PHOTOSYNC_LOCALES_DIR" in done.stderr


def test_the_list_has_a_line_for_every_language_and_says_how_far_it_is(tmp_path: Path) -> None:
    locales(tmp_path, "new", "is")
    text = (tmp_path / "is.po").read_text(encoding="utf-8").replace('"Last-Translator: ', '"Last-Translator: Ada')
    text = text.replace('msgid "Back"\nmsgstr ""', 'msgid "Back"\nmsgstr "Til baka"')
    (tmp_path / "is.po").write_text(
        text.replace('msgctxt "button.stop"', '#, fuzzy\nmsgctxt "button.stop"'), encoding="utf-8"
    )
    (tmp_path / "sv.po").write_text('msgid "', encoding="utf-8")
    done = locales(tmp_path, "list")
    assert done.returncode == 0
    rows = {cells[0]: cells[1:] for line in done.stdout.splitlines() if line.strip() for cells in [re.split(r"\s{2,}", line.strip())]}  # fmt: skip
    assert rows["is"][:2] == ["Íslenska", "0 %"]
    assert re.fullmatch(r"0 of \d+", rows["is"][2])
    assert rows["is"][4:] == ["1", "one other", "ltr", "Ada", "your own"]
    assert rows["ar"][4:7] == ["0", "zero one two few many other", "rtl"]
    assert rows["sv"][0].startswith("line 1: cannot be used: the text has to stand in one pair of quotes")
    assert set(rows) >= {path.stem for path in resources.LOCALES.glob("*.po")}


def test_errors_are_counted_and_fail_the_check(tmp_path: Path) -> None:
    text = (resources.LOCALES / "sv.po").read_text(encoding="utf-8").replace("Hej, {name}", "Hej, {namn}")
    (tmp_path / "sv.po").write_text(text, encoding="utf-8")
    line = text[: text.index('msgstr "Hej, {namn}')].count("\n") + 1
    done = locales(tmp_path, "check", "sv")
    assert done.returncode == 1
    assert f"sv.po:{line}: error: card.greeting: {{namn}} is not in the English" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("sv: 1 error, ")
    assert locales(tmp_path, "check", "de").stdout.splitlines()[-1].startswith("de: 0 errors, ")


LANGUAGES = [name for name in locale_identifiers() if "_" not in name]


@pytest.mark.long
def test_a_new_file_of_every_language_has_plurals_that_the_check_accepts() -> None:
    seen = set()
    for name in LANGUAGES:
        locale = Locale.parse(name)
        assert accepted(plurals.header(locale), locale), name
        rule = (str(locale.plural_form.rules), PLURALS.get(name))
        if rule not in seen:  # most languages share theirs with others
            assert accepted(plurals.present(locale), locale), name
        seen.add(rule)


def accepted(header: str, locale: Locale) -> bool:
    """Whether it is taken, and with as many forms as it says."""
    return plurals.rule(header, locale).forms == int(header.split(";", maxsplit=1)[0].removeprefix("nplurals="))


def test_a_rule_of_an_earlier_release_of_the_cldr_stays_right() -> None:
    for name in ("nplurals=1; plural=0;", "nplurals=2; plural=(n > 1);"):  # Babel 2.18 and 2.19
        assert plurals.rule(name, Locale("vi"))


RIGHT = [
    ("fr", "nplurals=3; plural=(n == 0 || n == 1) ? 0 : n != 0 && n % 1000000 == 0 ? 1 : 2;", 3),
    ("ar", "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);", 6),
    ("sv", "nplurals=2; plural=n != 1;", 2),
    ("ca", "nplurals=3; plural=(n == 1 ? 0 : n != 0 && n % 1000000 == 0 ? 1 : 2);", 3),
    # Transifex and Crowdin: a form more, for fractions, which no whole number takes
    (
        "ru",
        "nplurals=4; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : n%10==0 || (n%10>=5 && n%10<=9) || (n%100>=11 && n%100<=14)? 2 : 3);",
        4,
    ),
    (
        "uk",
        "nplurals=4; plural=(n % 1 == 0 && n % 10 == 1 && n % 100 != 11 ? 0 : n % 1 == 0 && n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14) ? 1 : n % 1 == 0 && (n % 10 ==0 || (n % 10 >=5 && n % 10 <=9) || (n % 100 >=11 && n % 100 <=14 )) ? 2: 3);",
        4,
    ),
    (
        "cs",
        "nplurals=4; plural=(n == 1 && n % 1 == 0) ? 0 : (n >= 2 && n <= 4 && n % 1 == 0) ? 1: (n % 1 != 0 ) ? 2 : 3;",
        4,
    ),
    ("cs", "nplurals=4; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 3;", 4),
    (
        "lt",
        "nplurals=4; plural=(n % 10 == 1 && (n % 100 > 19 || n % 100 < 11) ? 0 : (n % 10 >= 2 && n % 10 <=9) && (n % 100 > 19 || n % 100 < 11) ? 1 : n % 1 != 0 ? 2: 3);",
        4,
    ),
    (
        "pl",
        "nplurals=4; plural=(n==1 ? 0 : (n%10>=2 && n%10<=4) && (n%100<12 || n%100>14) ? 1 : n!=1 && (n%10>=0 && n%10<=1) || (n%10>=5 && n%10<=9) || (n%100>=12 && n%100<=14) ? 2 : 3);",
        4,
    ),
]


@pytest.mark.parametrize(("tag", "header", "count"), RIGHT, ids=[row[0] for row in RIGHT])
def test_a_plural_rule_spelt_otherwise_is_right_too(tag: str, header: str, count: int) -> None:
    assert plurals.rule(header, Locale(tag)).forms == count


WRONG = [
    ("sv", "nplurals=0; plural=0;"),
    ("sv", "nplurals=2; plural=n/0;"),
    ("sv", "nplurals=2; plural=n%(n-n);"),
    ("sv", "nplurals=2; plural=n != 1 ? 5 : 0;"),
    ("sv", "nplurals=3; plural=(n != 1);"),
    ("sv", "nplurals=2; plural=" + "(" * 200 + "n" + ")" * 200),
    ("sv", "nplurals=2; plural=" + "n+" * 4_000 + "n"),
    ("sv", "nplurals=2; plural=__import__('os')"),
    ("sv", "nplurals=99999999999999999999; plural=(n != 1);"),
    ("ru", "nplurals=5; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);"),
]


@pytest.mark.parametrize(("tag", "header"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_a_rule_of_another_language_or_of_none_is_refused(tag: str, header: str) -> None:
    with pytest.raises(plurals.WrongRule):
        plurals.rule(header, Locale(tag))


def test_a_rule_that_divides_by_nothing_for_a_count_never_tried_gives_a_form_all_the_same() -> None:
    rule = plurals.rule("nplurals=2; plural=(n != 1) + 0/(n-123456789);", Locale("sv"))
    assert rule(123456789) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"term\tlanguage\n", b""], ids=["bytes", "columns", "empty"])
def test_a_glossary_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "GLOSSARY.tsv").write_bytes(content)
    done = locales(tmp_path, "check", "sv")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("GLOSSARY.tsv:1: error: ") == 1
    assert "nothing of this file is used" in done.stdout
