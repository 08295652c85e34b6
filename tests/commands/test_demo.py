"""The demo as people use it: the page in a real browser, and the terminal."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot import resources
from bot.commands.preview.browser import executable
from bot.languages.catalogs import Languages

expect.set_options(timeout=20_000)  # a shared machine may stall

SHOTS = Path(__file__).resolve().parents[1] / "screenshots" / "out"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


def person(number: int) -> str:
    return f"0a000000-0000-4000-8000-{number:012}"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running demo, started as a person starts it."""
    process = subprocess.Popen([sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line.startswith("Photosync demo: http://127.0.0.1:"), process.stderr.read()
    yield line.split()[-1]
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in complaints


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=executable(), args=QUIET)
        yield one
        await one.close()


async def open_chat(browser: Browser, address: str, number: int, *, dark: bool = False) -> Page:
    """The page, with a person chosen; a mistake in the page's own code fails the test."""
    page = await browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark" if dark else "light")
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(address)
    await page.click(f"[data-person='{person(number)}']")
    return page


async def say(page: Page, text: str) -> None:
    await page.fill("#composer", text)
    await page.press("#composer", "Enter")


async def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.wait_for_timeout(400)  # pictures are drawn
    await page.screenshot(path=SHOTS / f"{name}.png")


STORIES = [("en", 1, "my photo is wrong"), ("lv", 11, "Mans foto SharePoint ir vecs")]


@pytest.mark.parametrize(("tag", "number", "words"), STORIES, ids=[row[0] for row in STORIES])
async def test_the_whole_story_from_wrong_to_confirmed(
    browser: Browser, address: str, spoken: Languages, tag: str, number: int, words: str
) -> None:
    text = spoken.wording.catalogs[tag].text
    page = await open_chat(browser, address, number)
    await say(page, words)
    card = page.locator(".message.bot .card")
    await expect(card).to_contain_text(text("look.differ.title"))
    await expect(card.locator("img")).to_have_count(2)
    await shot(page, f"{tag}-1-differ")
    await card.get_by_role("button", name=text("look.differ.button.next")).click()
    for number_of_step, step in enumerate(("private_window", "office", "sign_in", "tile", "page", "look_again"), 1):
        await expect(card).to_contain_text(text(f"resync.{step}.title"))
        await expect(card).to_contain_text(text("card.progress", number=number_of_step, total=6))
        if step == "tile":
            await shot(page, f"{tag}-2-tile")
            before = await page.get_attribute("#sharepoint-photo", "src")
            await page.click("[data-tile=sharepoint]")
            await expect(page.locator("#sharepoint-photo")).not_to_have_attribute("src", before or "")
        key = "resync.look_again.button.next" if step == "look_again" else "button.next"
        await card.get_by_role("button", name=text(key), exact=True).click()
    await expect(card).to_contain_text(text("resync.done.title"))
    await shot(page, f"{tag}-3-done")
    # One card all the way, updated in place.
    assert await page.locator(".message.bot").count() == 1
    assert await page.get_attribute(".message.bot", "data-versions") == "7"


@pytest.mark.parametrize(("tag", "number"), [("ar", 8), ("he", 16)])
async def test_from_right_to_left_the_circle_is_at_the_top_left_of_card_and_page(
    browser: Browser, address: str, spoken: Languages, tag: str, number: int
) -> None:
    text = spoken.wording.catalogs[tag].text
    page = await open_chat(browser, address, number)
    await page.set_viewport_size({"width": 1280, "height": 1020})
    card = page.locator(".message.bot .card").last
    for words, title in (("button.fix", "look.differ.title"), ("button.add", "add_photo.find_picture.title")):
        await say(page, text(words))
        await expect(card).to_contain_text(text(title))
    for step in ("find_picture", "sign_in"):
        await expect(card).to_contain_text(text(f"add_photo.{step}.title"))
        await card.get_by_role("button", name=text("button.next"), exact=True).click()
    await expect(card).to_contain_text(text("add_photo.circle.title"))
    drawn = base64.b64encode(resources.illustrations()["circle.rtl"]).decode()
    await expect(card.locator("img")).to_have_attribute("src", f"data:image/png;base64,{drawn}")
    boxes = [await page.locator(f"{name}").bounding_box() for name in ("#circle", ".address")]
    assert all(boxes)
    assert boxes[0]["x"] < boxes[1]["x"]
    await shot(page, f"rtl-{tag}")
    # The way on is where reading starts, the way back and the three dots after it.
    first, last = card.locator("button").first, card.locator("button").last
    assert (await first.bounding_box())["x"] > (await last.bounding_box())["x"]


async def test_the_bot_writes_by_itself_when_sharepoint_took_its_time(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 2)
    await say(page, "english")
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card").last
    await card.get_by_role("button", name="Show me the steps").click()
    for number in range(1, 6):
        await expect(card).to_contain_text(f"Step {number} of 6")
        await card.get_by_role("button", name="Done, next step").click()
    await page.select_option("#delay", "10")
    await page.click("[data-tile=onedrive]")
    await card.get_by_role("button", name="Look again").click()
    await expect(card).to_contain_text("SharePoint has not copied it yet")
    # Nobody presses anything: the bot writes by itself.
    await expect(card).to_contain_text("Your new photo has arrived in SharePoint", timeout=40_000)


async def test_a_photo_is_added_in_the_pretend_office(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 3, dark=True)
    await say(page, "English")
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card").last
    await expect(card).to_contain_text("You have no photo in Microsoft 365 yet")
    await shot(page, "en-4-no-photo-dark")
    await page.click("#circle")
    await page.click("[data-variant='2']")
    await expect(page.locator("#accounts")).to_be_hidden()  # the new photo is in Microsoft 365
    await card.get_by_role("button", name="Look at my photos").click()
    await expect(card).to_contain_text("SharePoint has no photo of you yet")


async def test_a_fault_of_graph_is_told_honestly(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 14)
    await page.click(".faults summary")
    await page.select_option("#graph-fault", "denied")
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card").last
    await expect(card).to_contain_text("I could not compare your photos")
    await expect(card).to_contain_text("I am not allowed to read one of the two photos")
    await page.select_option("#graph-fault", "none")
    await card.get_by_role("button", name="Look again").click()
    await expect(card).to_contain_text("SharePoint still has another photo")


async def test_what_is_behind_the_three_dots_can_be_chosen(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 13)
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card").last
    await card.locator("button", has_text="...").click()
    menu = page.locator(".ac-ctrl-popup-container").get_by_text("Stop", exact=True)
    box = await menu.bounding_box()
    assert box is not None
    assert box["width"] < 400  # beside the card, not over the whole page
    await menu.click()
    await expect(card).to_contain_text("All right, I stop here")


async def test_a_chat_is_still_there_after_a_look_at_another(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 6)
    await say(page, "my photo is wrong")
    await expect(page.locator(".message.bot .card")).to_contain_text("Are these the same photo?")
    await page.click(f"[data-person='{person(5)}']")
    await expect(page.locator(".message")).to_have_count(0)
    await page.click(f"[data-person='{person(6)}']")
    await expect(page.locator(".message.bot .card")).to_contain_text("Are these the same photo?")


REFUSED = [
    ("/api/chat/nobody/say", b"{}", "application/json", {}, 404),
    (f"/api/chat/{person(1)}/say", b"{", "application/json", {}, 400),
    (f"/api/chat/{person(1)}/say", b'{"text": 5}', "application/json", {}, 400),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "text/plain", {}, 415),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "application/json", {"Origin": "https://evil.example"}, 403),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "application/json", {"Host": "evil.example"}, 403),
    (f"/api/office/{person(1)}/photo", b'{"variant": 99}', "application/json", {}, 400),
    (f"/api/office/{person(1)}/tile", b'{"delay": -1}', "application/json", {}, 400),
]


@pytest.mark.parametrize(("path", "body", "kind", "headers", "status"), REFUSED)
async def test_the_page_refuses_what_it_did_not_ask(
    address: str, path: str, body: bytes, kind: str, headers: dict[str, str], status: int
) -> None:
    request = urllib.request.Request(address.rstrip("/") + path, body, {"Content-Type": kind, **headers})
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)
    refused.value.close()
    assert refused.value.code == status


def demo(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bot", "demo", *arguments], input=typed, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "100"}, check=False)  # fmt: skip


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo("--no-browser", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is taken" in done.stderr


def test_the_story_can_be_played_in_the_terminal() -> None:
    done = demo("--terminal", typed="1\nmy photo is wrong\n1\n1\n1\n1\n/tile\n1\n1\n1\n/quit\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SharePoint still has another photo" in done.stdout
    assert "Step 4 of 6" in done.stdout
    assert "Done: SharePoint has your new photo" in done.stdout


def test_the_terminal_ends_with_its_input_and_survives_nonsense() -> None:
    done = demo("--terminal", typed="nobody\n99\n1\n/photo x\n77\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Type a number from 1" in done.stdout
    assert "There is no such button" in done.stdout


def test_a_language_of_ones_own_can_be_seen_in_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (resources.LOCALES / "sv.po").read_text(encoding="utf-8").replace("Hur kan jag hjälpa till med ditt foto?", "Hej från Kontoret!")  # fmt: skip
    (tmp_path / "sv.po").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PHOTOSYNC_LOCALES_DIR", str(tmp_path))
    assert "Hej från Kontoret!" in demo("--terminal", typed="1\nsvenska\nmeny\n/quit\n").stdout
