"""docs/languages.md, claim by claim: what somebody does who follows it, and what it says they will see."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from bot import resources
from bot.__main__ import main
from bot.commands.locales import coverage
from bot.commands.locales.folders import Folders
from bot.commands.preview.needs import packaged_needs
from bot.languages import language_file, packaged
from tests.language_files import LANGUAGES, VARIANTS, folders

GUIDE = (resources.LOCALES.parent / "docs/languages.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n(.*?)```", GUIDE, re.DOTALL)
ENTRIES = Folders(resources.LOCALES, None).english.entries
EMPTY = 'msgstr ""'
CARDS = len(packaged_needs())
ENGLISH = packaged.languages().translations.catalogs["en"].entries


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "languages"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHOTOSYNC_LOCALES_DIR", str(folder))
    return folder


def run(line: str) -> int:
    """A command as the guide writes it."""
    return main(line.removeprefix("photosync ").split())


def edited(file: Path, *changes: tuple[str, str]) -> None:
    """A text editor at work: the translation of some entries."""
    text = file.read_text(encoding="utf-8")
    for key, translation in changes:
        at = text.index(EMPTY, text.index(f'msgctxt "{key}"'))
        text = f'{text[:at]}msgstr "{translation}"{text[at + len(EMPTY) :]}'
    file.write_text(text, encoding="utf-8")


def test_the_figures_are_those_of_today() -> None:
    assert f"Photosync speaks {len(LANGUAGES)} languages." in GUIDE
    assert set(re.findall(r"of (\d+)\b", GUIDE)) == {str(CARDS)}
    assert re.findall(r"Photosync has (.*)\.\n", GUIDE) == ["`en-GB`, `es-MX`, `fr-CA`, `pt-PT`, `sr` and `zh-HK`"]
    assert list(VARIANTS) == ["en-GB", "es-MX", "fr-CA", "pt-PT", "sr", "zh-HK"]


def test_the_list_has_the_columns_that_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coverage.show(folders(tmp_path))
    listed = next(line for line in capsys.readouterr().out.splitlines() if "tag" in line)
    shown = next(block for block in BLOCKS if block.startswith("tag ")).splitlines()[0]
    assert re.split(r"\s{2,}", shown) == re.split(r"\s{2,}", listed.strip())


def test_a_new_file_has_every_text_empty_and_the_entry_that_is_shown(own: Path) -> None:
    assert run("photosync locales new is") == 0
    text = (own / "is.po").read_text(encoding="utf-8")
    assert "X-Language-Name: Íslenska" in text
    assert text.count("\nmsgctxt ") == len(ENTRIES)
    assert re.findall(r'\nmsgstr(?:\[\d\])? "[^"]', text) == []
    shown = next(block for block in BLOCKS if "msgctxt" in block)
    assert shown.partition("msgstr")[0] in text


def test_what_check_says_is_what_is_shown(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("photosync locales new is")
    edited(
        own / "is.po", ("card.greeting", "Hæ, {nafn}!"), ("button.fix", "Myndin mín er röng á öllum síðunum hér"[:36])
    )
    edited(own / "is.po", ("button.menu", "Menu"))
    capsys.readouterr()
    assert run("photosync locales check is") == 1
    lines = capsys.readouterr().out.splitlines()
    shown = next(block for block in BLOCKS if "error: card.greeting" in block).splitlines()
    for line in shown[:3]:
        pattern = re.sub(r"\d+: ", r"\\d+: ", re.escape(line).replace(r"\ ", " "), count=1)
        assert [one for one in lines if re.fullmatch(pattern, one)], line
    assert [line for line in lines if line.startswith("is: ")][-1] == "is: 2 errors, 2 warnings"  # one: not finished
    assert re.match(rf"is: cards shown: 0 of {CARDS}; missing most: \S+ \(\d+ cards\), ", lines[-3])
    assert lines[-2].startswith("is: cards that lack least: ")


def test_what_check_calls_an_error_is_not_used_and_everything_else_is(own: Path) -> None:
    run("photosync locales new is")
    edited(own / "is.po", ("card.greeting", "Hæ, {nafn}!"), ("button.menu", "Valmynd"))
    entries = packaged.languages(own).translations.catalogs["is"].entries
    assert dict(entries) == {"button.menu": ("Valmynd",)}


# a command of the guide | what it says
SAYS = [
    ("photosync locales new farsi", 2, "the nearest is fa (Persian)"),
    ("photosync locales new castellano", 2, "the nearest is es (Spanish)"),
    ("photosync locales new sv", 2, "sv.po to "),
    ("photosync locales new gl --from pt-BR", 0, "fuzzy: people get it once you have looked at it"),
    ("photosync locales new uz-Cyrl", 0, "uz-Cyrl.po: "),
    ("photosync locales new eu --draft", 0, "only PHOTOSYNC_PILOT gets it"),
    ("photosync locales new de-AT --variant-of de", 0, "as a variant of de: copy into it the entries of de.po that differ"),
    ("photosync locales new de-CH --variant-of de --from fr", 2, "not allowed with argument"),
]  # fmt: skip


def test_each_way_to_begin_is_there(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line, status, says in SAYS:
        try:
            found = run(line)
        except SystemExit as error:
            found = int(str(error.code))
        assert (found, says in "".join(capsys.readouterr())) == (status, True), line
    spoken = packaged.languages(own)
    assert spoken.drafts == ("eu",)
    assert spoken.translations.catalogs["gl"].entries == {}
    assert spoken.translations.catalogs["de-AT"].entries == spoken.translations.catalogs["de"].entries


def test_three_entries_change_three_texts(own: Path) -> None:
    text = (resources.LOCALES / "sv.po").read_text(encoding="utf-8")
    header, *entries = text.split("\n\n")
    mine = [entry for entry in entries if re.search(r'msgctxt "button\.(back|menu|stop)"', entry)]
    changed = "\n\n".join([header, *(re.sub(r'msgstr ".*"', 'msgstr "Mitt"', entry) for entry in mine)]) + "\n"
    (own / "sv.po").write_text(changed, encoding="utf-8")
    ours, theirs = (packaged.languages(one).translations.catalogs["sv"].entries for one in (own, None))
    assert sorted(key for key in theirs if ours[key] != theirs[key]) == ["button.back", "button.menu", "button.stop"]


# what an editor makes of a file when it saves it


def _wrapped(text: str) -> str:
    """By gettext's rules, as Poedit and Weblate do: long texts over lines, plurals and contexts kept, header as it is."""
    out = io.BytesIO()
    write_po(out, read_po(io.BytesIO(text.encode()), abort_invalid=True), width=76, omit_header=False)
    return out.getvalue().decode()


def _poedit(text: str) -> str:
    header = text[text.index('msgid ""') : text.index("\n\n")]
    lines = [line for line in header.splitlines()[2:] if "X-Generator" not in line]
    poedit = 'msgid ""\nmsgstr ""\n' + "\n".join(
        [*reversed(lines), '"X-Generator: Poedit 3.5\\n"', '"X-Poedit-SourceCharset: UTF-8\\n"']
    )
    aside = '#~ msgctxt "button.old"\n#~ msgid ""\n#~ "Old "\n#~ "text"\n#~ msgstr "Gamalt"\n'
    return text.replace(header, poedit) + "\n" + aside


def _weblate(text: str) -> str:
    was = '#, fuzzy, python-brace-format\n#| msgctxt "card.ticket"\n#| msgid ""\n#| "Number of the ticket: "\n#| "{ticket}"\nmsgctxt "card.ticket"'
    text = text.replace('#, python-brace-format\nmsgctxt "card.ticket"', was)
    return text.replace('"X-Generator: Photosync\\n"', '"X-Generator: Weblate 5.14\\n"')


SAVED: list[tuple[str, Callable[[str], str]]] = [
    ("Poedit: another order of the header, entries put aside", _poedit),
    ("wrapped at 76 letters", _wrapped),
    ("Weblate: fuzzy with the English that was", _weblate),
    ("Windows: byte order mark and its line ends", lambda text: "\ufeff" + _poedit(text).replace("\n", "\r\n")),
]


def test_files_are_taken_as_editors_save_them(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("photosync locales new is")
    file = own / "is.po"
    edited(
        file,
        ("button.menu", "Valmynd"),
        ("desk.stopped.body", "Skrifaðu mér hvenær sem myndin þín þarf aftur á hjálp að halda, ég er hér."),
    )
    edited(file, ("card.ticket", "Númer beiðni: {ticket}"))
    plain = file.read_text(encoding="utf-8")
    texts = {**language_file.read(file, "is", ENGLISH).texts}
    for name, save in SAVED:
        file.write_bytes(save(plain).encode())
        wanted = {key: one for key, one in texts.items() if key != "card.ticket" or save is not _weblate}
        assert language_file.read(file, "is", ENGLISH).texts == wanted, name
        capsys.readouterr()
        assert run("photosync locales check is") == 0, (name, capsys.readouterr().out)
        assert run("photosync locales sync") == 0
        assert language_file.read(file, "is", ENGLISH).texts == wanted, name


@pytest.mark.usefixtures("own")
def test_sentences_are_understood_by_the_command_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = next(block for block in BLOCKS if block.startswith("echo"))
    said, command = re.fullmatch(r'echo "(.*)" \| (.*)\n', line).groups()  # type: ignore[union-attr]
    run("photosync locales new is")
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{said}\n"))
    assert run(command) == 0
    assert f'"text": "{said}"' in capsys.readouterr().out


def test_a_draft_is_listed_as_one(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("photosync locales new is --draft")
    assert "`list` has `(draft)` behind its name" in GUIDE
    capsys.readouterr()
    coverage.show(folders(own, **{"is": (own / "is.po").read_text(encoding="utf-8")}))
    assert "Íslenska (draft)" in capsys.readouterr().out


def test_an_update_marks_what_changed_and_leaves_the_rest(own: Path) -> None:
    run("photosync locales new is")
    edited(own / "is.po", ("button.back", "Til baka"), ("button.menu", "Valmynd"))
    older = (own / "is.po").read_text(encoding="utf-8").replace('msgid "Back"', 'msgid "Go back"')
    (own / "is.po").write_text(older, encoding="utf-8")
    assert run("photosync locales sync") == 0
    text = (own / "is.po").read_text(encoding="utf-8")
    fuzzy = '#, fuzzy\n#| msgid "Go back"\nmsgctxt "button.back"\nmsgid "Back"\nmsgstr "Til baka"\n'
    assert older.replace('msgctxt "button.back"\nmsgid "Go back"\nmsgstr "Til baka"\n', fuzzy) == text
    assert "button.back" not in packaged.languages(own).translations.catalogs["is"].entries
