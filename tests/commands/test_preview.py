"""`photosync locales preview`: the page and the pictures that an admin gets, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from bot.cards.render import CardSetting
from bot.commands.preview.pages import page
from bot.commands.preview.samples import samples
from bot.languages.catalogs import Languages
from bot.languages.pseudo import ACCENTED, MIRRORED, with_pseudo
from dialogs.card_content import EXTRA_KEYS
from dialogs.library import Library, keys
from dialogs.translations import Translations
from tests.command import command

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=20_000)  # a shared machine may stall
LONG = "Show me all steps that make SharePoint copy"


@pytest.fixture(scope="module")
def setting(spoken: Languages, pictures: dict[str, bytes]) -> CardSetting:
    return CardSetting(with_pseudo(spoken.translations), pictures, "https://teams.example/chat")


async def opened(browser: Browser, folder: Path, html: str, *, width: int = 1730) -> Page:
    """The page opened from the disk, drawn; a mistake in its own code fails the test, and so does a request."""
    file = folder / "index.html"
    file.write_text(html, encoding="utf-8")
    tab = await browser.new_page(viewport={"width": width, "height": 1000})
    tab.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    tab.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or pytest.fail(f"asked for {asked.url}"))
    await tab.goto(file.as_uri())
    await expect(tab.locator("body[data-drawn]")).to_be_visible()
    return tab


def test_every_sentence_that_cards_need_is_shown(setting: CardSetting, shelf: Library) -> None:
    english = setting.translations.catalogs["en"]
    named = replace(english, entries={key: (f"«{key}»",) for key in english.entries})
    html = page(replace(setting, translations=Translations({"en": named})), shelf, "en").html
    closed = {"card.closed"}  # stands in place of an old card
    assert {key for key in (*keys(shelf), *EXTRA_KEYS) if f"«{key}»" not in html} - closed == set()


def test_cards_that_say_that_the_photos_match_show_one_photo(shelf: Library) -> None:
    same = {
        sample.name: sample.same for sample in samples(shelf, "en") if sample.section in ("look", "resync", "add_photo")
    }
    assert (same["look.match"], same["resync.done"], same["add_photo.done"]) == (True, True, True)
    assert (same["look.differ"], same["resync.waiting"], same["add_photo.lagging"]) == (False, False, False)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("tag", [ACCENTED, MIRRORED, "ar", "ru"])
async def test_no_card_is_wider_and_no_title_longer_than_a_phone_shows(
    chromium: Browser, setting: CardSetting, shelf: Library, tmp_path: Path, tag: str
) -> None:
    tab = await opened(chromium, tmp_path, page(setting, shelf, tag).html)
    assert await tab.locator(".width.phone .card").count() > len(list(shelf.steps()))
    assert await tab.locator(".note").all_text_contents() == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_title_that_would_be_cut_and_an_unfinished_language_are_marked(
    chromium: Browser, setting: CardSetting, shelf: Library, tmp_path: Path
) -> None:
    swedish = setting.translations.catalogs["sv"]
    entries = {**swedish.entries, "look.differ.button.next": (LONG,), "button.stop": ("Stopp" * 7,)}
    del entries["still_old.wait.title"]
    translations = Translations({**setting.translations.catalogs, "sv": replace(swedish, entries=entries)})
    tab = await opened(chromium, tmp_path, page(replace(setting, translations=translations), shelf, "sv").html)
    differ = tab.locator(".sample", has=tab.get_by_role("heading", name="look.differ", exact=True))
    await expect(differ.locator(".desktop .note")).to_contain_text([f"Longer than 40 letters: {LONG}"])
    await expect(differ.locator(".phone .note")).to_contain_text([f"Cut at this width: {LONG}"])
    await expect(differ.locator(".phone button.cut")).to_have_text(LONG)
    unfinished = tab.locator(".sample", has=tab.get_by_role("heading", name="still_old.wait", exact=True))
    await expect(unfinished.locator("> .note")).to_have_text(
        "Not whole in this language, so people get it in en. Missing: still_old.wait.title."
    )
    await expect(tab.locator("#legend")).to_contain_text("missing most: still_old.wait.title (1 card)")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_behind_the_three_dots_is_shown_beside_the_card(
    chromium: Browser, setting: CardSetting, shelf: Library, tmp_path: Path
) -> None:
    tab = await opened(chromium, tmp_path, page(setting, shelf, "ar").html)
    sample = tab.locator(".sample", has=tab.get_by_role("heading", name="add_photo.circle", exact=True))
    text = setting.translations.catalogs["ar"].text
    await expect(sample.locator(".phone .hidden-actions")).to_contain_text(text("button.stop"))
    assert await sample.locator(".phone .card").evaluate("card => getComputedStyle(card).direction") == "rtl"


def preview(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command("locales", "preview", *arguments), cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **environ}, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip


def test_a_page_and_a_picture_of_each_section_asked_for_are_made(tmp_path: Path) -> None:
    sections = ("--section", "resync", "--section", "devices")
    done = preview("sv-FI", "--out", "a folder/of cards", *sections, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "a folder/of cards"
    made = {path.name for path in folder.iterdir()}
    assert made == {"index.html", "resync.png", "devices.png"}
    assert done.stdout.startswith("sv: cards shown: ")
    assert done.stdout.count("\n") == len(made) + 1
    with Image.open(folder / "resync.png") as picture:
        assert picture.width > 1500
        assert picture.height > 2000
        last = picture.convert("L").crop((0, picture.height - 300, picture.width, picture.height - 60))
        assert last.getextrema() != (last.getextrema()[0],) * 2  # the last row of cards is on it
    assert "Öppna" in (folder / "index.html").read_text(encoding="utf-8")


def test_without_a_browser_there_is_the_page_and_a_line_that_says_so(tmp_path: Path) -> None:
    done = preview("lv", cwd=tmp_path, PATH="", PHOTOSYNC_CHROMIUM="")
    assert done.returncode == 0
    assert done.stderr == "photosync: pictures need Chromium, Chrome or Edge; name one in PHOTOSYNC_CHROMIUM\n"
    assert [path.name for path in (tmp_path / "preview-lv").iterdir()] == ["index.html"]


REFUSED = [
    ("a language that is not there", ["tlh"], {}, 2, "there is no language 'tlh'; there are en, "),
    ("a section that is not there", ["sv", "--section", "lok"], {}, 2, "there is no section 'lok'; there are add_photo, "),
    ("a browser that is none", ["sv"], {"PHOTOSYNC_CHROMIUM": sys.executable}, 1, "no pictures: "),
    ("a browser that is not there", ["sv"], {"PHOTOSYNC_CHROMIUM": "/nowhere"}, 1, "no pictures: /nowhere cannot be used"),
    ("a folder that is a file", ["sv", "--out", "file"], {}, 1, "cannot write file: "),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "environ", "status", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], status: int, said: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/en.po").write_text('msgid "')
    done = preview(*arguments, cwd=tmp_path, **environ)
    assert done.returncode == status
    assert done.stderr.startswith(f"photosync: {said}")
    assert done.stderr.count("\n") == 1
