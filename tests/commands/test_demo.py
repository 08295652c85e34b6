"""The demo's page as people use it, in a real browser."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot import resources
from bot.languages.catalogs import Languages
from tests import official
from tests.command import command

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser for all
expect.set_options(timeout=20_000)  # a shared machine may stall

SHOTS = Path(__file__).resolve().parents[1] / "screenshots" / "out"


def person(number: int) -> str:
    return f"0a000000-0000-4000-8000-{number:012}"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running demo, started as a person starts it."""
    process = subprocess.Popen(command("demo", "--no-browser", "--port", "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line.startswith("Photosync demo: http://127.0.0.1:"), process.stderr.read()
    yield line.split()[-1]
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in complaints


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser, with no page of another test."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


async def open_page(browser: Browser, address: str, *, wide: int = 1280, high: int = 900, dark: bool = False, forced: bool = False) -> Page:  # fmt: skip
    """The first screen; a mistake in the page's own code fails the test."""
    page = await browser.new_page(
        viewport={"width": wide, "height": high},
        color_scheme="dark" if dark else "light",
        forced_colors="active" if forced else "none",
        bypass_csp=True,
    )
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(address)
    return page


async def open_chat(browser: Browser, address: str, number: int, *, wide: int = 1280, high: int = 900, dark: bool = False, forced: bool = False) -> Page:  # fmt: skip
    """The page with a person chosen, whom the bot has greeted."""
    page = await open_page(browser, f"{address}#{person(number)}", wide=wide, high=high, dark=dark, forced=forced)
    await expect(page.locator(".message.bot .card").first).to_be_visible()
    return page


async def say(page: Page, text: str) -> None:
    """Write something, and wait for the answer."""
    seen = await page.locator(".message.bot").count()
    await page.fill("#composer", text)
    await page.press("#composer", "Enter")
    await expect(page.locator(".message.bot")).to_have_count(seen + 1)


async def start_over(page: Page) -> None:
    """As in the beginning, whatever other tests have done."""
    async with page.expect_response("**/again*"):
        await page.click("#again")
    await expect(page.locator(".message")).to_have_count(1)


async def change_photo(page: Page, *presses: str) -> None:
    """In the pretend office.com: the circle, the circle within, what to press there, Apply."""
    for place in ("#circle", "#my-photo", *presses, "#apply"):
        await page.click(place)
    await expect(page.locator("#photo-dialog")).to_be_hidden()  # Microsoft 365 has it


async def barriers(page: Page) -> list[str]:
    """What axe finds, one line each."""
    await page.add_script_tag(content=official.AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run().then((done) => done.violations)")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


async def shot(page: Page, name: str) -> None:
    """A picture for whoever wants to look, which takes longer than the test: with `PHOTOSYNC_SHOTS=1`."""
    if not os.environ.get("PHOTOSYNC_SHOTS"):
        return
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.wait_for_timeout(400)  # pictures are drawn
    await page.screenshot(path=SHOTS / f"{name}.png")


@pytest.mark.parametrize(("tag", "number"), [("en", 1), ("lv", 11)], ids=["en", "lv"])
async def test_the_whole_story_from_wrong_to_confirmed(
    browser: Browser, address: str, spoken: Languages, tag: str, number: int
) -> None:
    text = spoken.translations.catalogs[tag].text
    page = await open_chat(browser, address, number)
    card = page.locator(".message.bot .card")
    await expect(card).to_contain_text(text("look.differ.title"))  # without a word
    await shot(page, f"{tag}-1-differ")
    await card.get_by_role("button", name=text("look.differ.button.next")).click()
    for number_of_step, step in enumerate(("private_window", "office", "sign_in"), 1):
        await expect(card).to_contain_text(text(f"resync.{step}.title"))
        await expect(card).to_contain_text(text("card.progress", number=number_of_step, total=5))
        button = card.get_by_role("button", name=text("button.next"), exact=True)
        await expect(button).to_be_focused()  # where the button was that was pressed
        await button.press("Enter")
    await expect(card).to_contain_text(text("resync.tile.title"))
    await expect(page.locator("#office-hint")).to_contain_text("Your turn: select Apps, then SharePoint.")
    await page.click("[data-view-button=apps].here")
    await shot(page, f"{tag}-2-tile")
    await page.click("[data-tile=sharepoint].here")
    # Nothing more is pressed: the card turns by itself, in its place.
    await expect(card).to_contain_text(text("resync.arrived.title"))
    await expect(page.locator("#office-hint")).to_be_hidden()
    await shot(page, f"{tag}-3-done")
    await expect(page.locator(".message.bot")).to_have_count(1)


@pytest.mark.parametrize(("tag", "number"), [("ar", 8)])
async def test_from_right_to_left_the_circle_is_at_the_other_side_of_card_and_page(
    browser: Browser, address: str, spoken: Languages, tag: str, number: int
) -> None:
    text = spoken.translations.catalogs[tag].text
    page = await open_chat(browser, address, number)
    await page.set_viewport_size({"width": 1280, "height": 1020})
    card = page.locator(".message.bot .card").last
    await expect(card).to_contain_text(text("look.differ.title"))
    await say(page, text("button.add"))
    for step, key in (
        ("way", "add_photo.way.button.next"),
        ("find_picture", "button.next"),
        ("in_teams", "add_photo.in_teams.button.next"),
        ("sign_in", "button.next"),
    ):
        await expect(card).to_contain_text(text(f"add_photo.{step}.title"))
        await card.get_by_role("button", name=text(key), exact=True).click()
    await expect(card).to_contain_text(text("add_photo.circle.title"))
    drawn = base64.b64encode(resources.illustrations()["circle.rtl"]).decode()
    await expect(card.locator("img")).to_have_attribute("src", f"data:image/png;base64,{drawn}")
    await expect(page.locator("#office-hint")).to_contain_text("bottom right")
    assert await across(page, "#circle") > await across(page, "#greeting")
    await page.click(".rules summary")
    await page.select_option("#looks", "classic")
    await expect(page.locator("#office-hint")).to_contain_text("top left")
    assert await across(page, "#circle") < await across(page, ".brand")
    await shot(page, f"rtl-{tag}")
    # The way on is where reading starts, the way back and the three dots after it.
    first, last = card.locator("button").first, card.locator("button").last
    assert (await first.bounding_box())["x"] > (await last.bounding_box())["x"]
    # Dots below the line are not cut off, neither in a text nor in a button.
    room = "all => Math.min(...all.map((one) => one.clientHeight / parseFloat(getComputedStyle(one).fontSize)))"
    assert await card.locator(".ac-pushButton > div").evaluate_all(room) > 2
    blocks = card.locator(".ac-textBlock")
    assert set(await blocks.evaluate_all("all => all.map((one) => getComputedStyle(one).overflow)")) == {"visible"}


async def across(page: Page, place: str) -> float:
    box = await page.locator(place).bounding_box()
    assert box is not None
    return box["x"]


async def test_the_first_screen_offers_stories_and_the_bot_writes_by_itself_in_one(
    browser: Browser, address: str
) -> None:
    page = await open_page(browser, address)
    await expect(page.locator("#stories button")).to_have_count(3)
    assert await barriers(page) == []
    helpdesk = await open_page(browser, f"{address}helpdesk")
    await helpdesk.get_by_role("link", name="Hanna Keller").click()
    await expect(helpdesk.locator("h1")).to_have_text("Work saved for the help desk")
    await expect(helpdesk.locator(".plot").first).to_be_visible()
    await shot(page, "en-0-first")
    await page.get_by_role("button", name="SharePoint takes its time").click()
    card = page.locator(".message.bot .card")
    await expect(card).to_contain_text("SharePoint still has a different photo")
    # A link of the card opens the pretend office.com.
    await card.get_by_role("link", name="www.office.com/launch/sharepoint").click()
    await expect(page.locator("#tile-note")).to_contain_text("SharePoint will copy the photo in")
    # Nobody presses anything: the bot writes by itself.
    await expect(card).to_contain_text("SharePoint now has your new photo", timeout=40_000)


async def test_a_photo_is_added_in_the_pretend_office(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 17, dark=True)
    card = page.locator(".message.bot .card")
    await expect(card).to_contain_text("You have no photo in Microsoft 365 yet")
    await expect(page.locator("#office-hint")).to_contain_text("your circle is at the bottom left")
    await shot(page, "en-4-no-photo-dark")
    face = page.locator(f"#people [data-person='{person(17)}'] img")
    before = await face.get_attribute("src")
    await change_photo(page, "[data-variant='2']")
    await expect(face).not_to_have_attribute("src", before or "")
    await expect(card).not_to_contain_text("You have no photo in Microsoft 365 yet")  # by itself


async def test_a_photo_of_ones_own_and_none_can_be_tried_and_all_begun_again(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 6)
    held, card = page.locator("#m365-photo"), page.locator(".message.bot .card")
    beginning, file = await held.get_attribute("src"), resources.manifest()["color.png"]
    await page.click("#circle")
    await page.click("#my-photo")
    await page.set_input_files("#file", {"name": "me.png", "mimeType": "image/png", "buffer": file})
    await expect(page.locator("#preview")).to_have_attribute("src", re.compile("^data:image/jpeg"))
    await page.click("#apply")
    await expect(held).not_to_have_attribute("src", beginning or "")
    await change_photo(page, "#remove")
    await expect(held).to_have_attribute("alt", "No photo in Microsoft 365")
    await say(page, "look at my photos")
    await expect(card.last).to_contain_text("You have no photo in Microsoft 365 yet")
    await page.click("#again")
    await expect(held).to_have_attribute("alt", "Photo in Microsoft 365")
    await expect(page.locator(".message")).to_have_count(1)
    await expect(card).to_contain_text("Are these the same photo?")


async def test_a_group_and_a_guest_can_be_tried(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 18)
    await say(page, "my photo is wrong")
    await expect(page.locator(".message.bot .card").last).to_contain_text("guest")
    await page.click("[data-place=groupChat]")
    await expect(page.locator(".empty")).to_be_visible()
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card")
    await expect(card).to_contain_text("I only talk about photos in private")
    await say(page, "@photosync, my photo is wrong")  # Teams makes a mention of that
    await expect(page.locator(".message.mine")).to_have_text(["@Photosync\u00a0my photo is wrong"] * 2)
    card = card.last
    await card.get_by_role("link", name="Open a chat with me").click()
    await expect(page.locator("[data-place=personal]")).to_have_attribute("aria-pressed", "true")


async def test_whoever_evaluates_sees_the_requests_the_log_and_the_ticket(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 1)
    await start_over(page)
    await page.click("[data-pane-button=behind]")
    await expect(page.locator("#requests")).to_contain_text("GET /v1.0/users/{person}")
    await expect(page.locator("#case")).to_contain_text("differ, open")
    await say(page, "ask the helpdesk")
    await page.locator(".message.bot .card").last.get_by_role("button", name="Send").click()
    ticket = page.locator("#tickets .ticket")
    await expect(ticket).to_contain_text("Profile photo of")
    await page.click("#tickets summary")
    await expect(page.locator("#tickets pre")).to_contain_text('"verdict": "differ"')
    await shot(page, "en-5-behind")
    await page.click("#tickets summary")
    # What the agent answers comes into the chat, and the person's words to the agent.
    await ticket.get_by_label("Write to the person").fill("Which page shows it?")
    await ticket.get_by_role("button", name="Ask").click()
    card = page.locator(".message.bot .card").last
    await expect(card).to_contain_text("The help desk wrote: Which page shows it?")
    await card.locator("textarea").fill("The org chart.")
    await card.get_by_role("button", name="Send").click()
    await expect(ticket).to_contain_text("The org chart.")
    assert await barriers(page) == []
    await shot(page, "en-6-agent")
    await ticket.get_by_role("button", name="Solved").click()
    await expect(card).to_contain_text("The help desk says that it's solved, so I've checked again.")


async def test_behind_the_scenes_the_case_comes_first_and_the_requests_are_those_about_the_person(
    browser: Browser, address: str
) -> None:
    page = await open_chat(browser, address, 5)
    await page.click(f"#people [data-person='{person(12)}']")
    await page.click("[data-pane-button=behind]")
    await expect(page.locator(".behind h2")).to_have_text(["The case", re.compile("Tickets"), "What the bot asked"])
    requests = page.locator("#requests")
    await expect(requests).to_contain_text("GET /v1.0/users/{person}")
    await expect(requests).to_contain_text("?file={person}_LThumb.jpg")
    await expect(requests).to_contain_text("POST /v1.0/$batch")
    await expect(requests).not_to_contain_text(person(5))
    await page.get_by_label("Also those about other people").check()
    await expect(requests).to_contain_text(person(5))
    await expect(requests).not_to_contain_text("Sign-in")  # that was done before the page was there
    # Whoever waits asks the same again and again, and others between.
    shown = await page.evaluate("""() => {
        const asked = (at, path) => ({ number: at, at, system: "Graph", method: "GET", path, status: 200, seconds: 0 });
        const each = (many, path) => Array.from({ length: many }, (_, at) => asked(at * 3, path(at)));
        behind.requests(each(40, (at) => `/poll/${at % 2}`));
        const polls = [...document.querySelectorAll("#requests > li")].map((one) => one.innerText);
        behind.requests(each(300, (at) => `/other/${at}`));
        const rows = [...document.querySelectorAll("#requests li")].map((one) => one.innerText);
        return { polls, rows };
    }""")
    assert [re.sub(r"\d+:\d+:\d+", "T", one) for one in shown["polls"]] == [
        "T to T: 20 times 1 request\n200 Graph GET /poll/1",
        "T to T: 20 times 1 request\n200 Graph GET /poll/0",
    ]
    assert len(shown["rows"]) == 101
    assert "/other/299" in shown["rows"][0]
    assert shown["rows"][-1] == "Older ones are left out."


async def test_a_story_begins_anew_when_it_is_chosen_again(browser: Browser, address: str) -> None:
    page = await open_page(browser, address)
    card, held = page.locator(".message.bot .card"), page.locator("#m365-photo")
    for _ in range(2):
        await page.get_by_role("button", name="No photo at all").last.click()
        await expect(card).to_contain_text("You have no photo in Microsoft 365 yet")
        await expect(page.locator(".message")).to_have_count(1)
        await expect(held).to_have_attribute("alt", "No photo in Microsoft 365")
        await change_photo(page, "[data-variant='1']")
        await expect(held).to_have_attribute("alt", "Photo in Microsoft 365")
        await say(page, "menu")
        await page.goto("about:blank")
        await page.goto(address)


HEIGHTS = [(1280, 800, 3), (375, 700, 4), (640, 400, 2)]


@pytest.mark.parametrize(("wide", "high", "number"), HEIGHTS, ids=["wide", "phone", "zoomed"])
async def test_a_card_that_is_higher_than_the_view_is_read_from_its_top(
    browser: Browser, address: str, wide: int, high: int, number: int
) -> None:
    page = await open_chat(browser, address, number, wide=wide, high=high)
    await start_over(page)
    await settled(page)
    assert 0 <= await page.evaluate(SEEN["top"]) <= 16
    assert await page.evaluate(SEEN["below"]) > 100
    # It changes by itself while it is read, and stays where it is.
    await page.evaluate("document.getElementById('messages').scrollTop = 100")
    before = await page.evaluate(SEEN["top"])
    headers = {"Content-Type": "application/json"}
    await page.request.post(
        f"{address}api/office/{person(number)}/photo", data='{"variant": 1}' if number > 2 else '{"variant": null}', headers=headers
    )  # fmt: skip
    await expect(page.locator(".message")).not_to_have_attribute("data-versions", "0")
    await settled(page)
    assert await page.evaluate(SEEN["top"]) == before


async def test_a_card_that_fits_is_shown_to_its_end(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 5, high=800)
    for _ in range(2):
        await say(page, "help")
        await settled(page)
        assert await page.evaluate(SEEN["top"]) > 0
        assert await page.evaluate(SEEN["below"]) <= 0


# How far the newest message's top is below the view's, and its end below the view's end, in pixels.
_BOXES = "[document.getElementById('messages'), document.getElementById('messages').lastElementChild].map((one) => one.getBoundingClientRect())"
SEEN = {
    "top": f"(([view, card]) => Math.round(card.top - view.top))({_BOXES})",
    "below": f"(([view, card]) => Math.round(card.bottom - view.bottom))({_BOXES})",
}


async def settled(page: Page) -> None:
    """Every picture of the cards is there."""
    await page.evaluate("Promise.all([...document.querySelectorAll('#messages img')].map((one) => one.decode()))")
    await page.wait_for_timeout(100)


async def test_the_first_screen_of_a_phone_leads_to_everybody_and_back(browser: Browser, address: str) -> None:
    page = await open_page(browser, address, wide=375)
    await expect(page.locator("#welcome")).to_contain_text("Or be anybody: 18 people")
    await expect(page.get_by_text("a tab below it opens a small office.com")).to_be_visible()
    await expect(page.get_by_text("beside it is a small office.com")).to_be_hidden()
    await page.get_by_role("button", name="Show all people").click()
    assert await barriers(page) == []
    await shot(page, "phone-people")
    await page.get_by_role("button", name="Back to the stories").click()
    await page.get_by_role("button", name="Show all people").click()
    await page.click(f"#people [data-person='{person(16)}']")
    await expect(page.locator(".message.bot .card")).to_be_visible()
    # Whoever looks at another part comes back to where they were.
    await settled(page)
    await page.evaluate("document.getElementById('messages').scrollTop = 200")
    before = await page.evaluate(SEEN["top"])
    await page.click("[data-pane-button=office]")
    await page.click("[data-pane-button=chat]")
    assert await page.evaluate(SEEN["top"]) == before < 0


VISITS = [(15, "It makes no copy: this account has no Exchange plan", "microsoft365"), (4, "There is no photo to copy yet", "sharepoint"), (12, "copies the photo", "sharepoint")]  # fmt: skip


@pytest.mark.parametrize(("number", "note", "side"), VISITS, ids=["direct", "none", "copy"])
async def test_a_visit_of_sharepoint_says_what_comes_of_it(
    browser: Browser, address: str, number: int, note: str, side: str
) -> None:
    page = await open_chat(browser, address, number)
    await start_over(page)
    await page.click("[data-view-button=apps]")
    await page.click("[data-tile=sharepoint]")
    await expect(page.locator("#tile-note")).to_contain_text(note)
    await expect(page.locator("#member-photo")).to_have_attribute("src", re.compile(f"/{person(number)}/{side}"))


async def test_a_press_without_a_connection_is_told_at_the_card_and_what_is_typed_in_it_is_kept(
    browser: Browser, address: str
) -> None:
    page = await open_chat(browser, address, 6)
    await say(page, "ask the helpdesk")
    card = page.locator(".message.bot").last
    await card.locator("textarea").fill("The org chart.")
    await page.context.set_offline(True)
    await card.get_by_role("button", name="Send").click()
    await expect(card.locator(".unsent")).to_contain_text("Not sent")
    await expect(card.locator("textarea")).to_have_value("The org chart.")
    await page.context.set_offline(False)
    await page.evaluate("listen()")  # as it does by itself: the messages come again
    await expect(card.locator(".unsent")).to_have_count(0)
    await expect(card.locator("textarea")).to_have_value("The org chart.")
    await card.get_by_role("button", name="Send").click()
    await expect(card.locator("textarea")).to_have_count(0)


async def test_cards_have_dark_pictures_in_the_dark_and_icons_stay_in_forced_colours(
    browser: Browser, address: str
) -> None:
    page = await open_chat(browser, address, 4, dark=True, forced=True)
    await start_over(page)
    drawn = base64.b64encode(resources.illustrations()["no_photo.dark"]).decode()
    await page.click("[data-view-button=apps]")
    icons = "all => all.map((one) => getComputedStyle(one).backgroundImage !== 'none' || getComputedStyle(one).borderStyle !== 'none')"
    assert await page.locator(".rail i").evaluate_all(icons) == [True, True]
    await shot(page, "forced-dark")
    await expect(page.locator(".message.bot img").last).to_have_attribute("src", f"data:image/png;base64,{drawn}")


WIDTHS = [(1280, False, 10, ("behind",)), (640, True, 8, ("office",)), (375, False, 9, ("people", "chat"))]


@pytest.mark.parametrize(("wide", "dark", "number", "parts"), WIDTHS, ids=[str(row[0]) for row in WIDTHS])
async def test_the_page_fits_and_its_parts_are_without_barriers(
    browser: Browser, address: str, wide: int, dark: bool, number: int, parts: tuple[str, ...]
) -> None:
    page = await open_chat(browser, address, number, wide=wide, dark=dark)
    for part in parts:
        await page.click(f"[data-pane-button={part}]")
        assert await barriers(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= wide
        await shot(page, f"wide-{wide}-{part}")
    if wide < 720:
        await page.click("[data-pane-button=chat]")
    chat = await page.locator("#messages").bounding_box()
    assert chat is not None
    assert chat["width"] >= 360


async def test_what_is_typed_without_a_connection_is_kept(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 15)
    await page.context.set_offline(True)
    await page.fill("#composer", "my photo is wrong")
    await page.press("#composer", "Enter")
    await expect(page.locator("#offline")).to_contain_text("What you typed is kept")
    await expect(page.locator("#composer")).to_have_value("my photo is wrong")
    await page.context.set_offline(False)
    await page.press("#composer", "Enter")
    await expect(page.locator(".message.mine")).to_have_text("my photo is wrong")


async def test_a_fault_of_graph_is_told_honestly(browser: Browser, address: str) -> None:
    page = await open_chat(browser, address, 14)
    await page.click(".rules summary")
    async with page.expect_response("**/api/faults"):
        await page.select_option("#graph-fault", "denied")
    await start_over(page)
    await say(page, "my photo is wrong")
    card = page.locator(".message.bot .card").last
    await expect(card).to_contain_text("I couldn't compare your photos")
    await expect(card).to_contain_text("I'm not allowed to read one of the two photos")
    async with page.expect_response("**/api/faults"):
        await page.select_option("#graph-fault", "none")
    await card.get_by_role("button", name="Check again").click()
    await expect(card).to_contain_text("SharePoint still has a different photo")


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
    await expect(card).to_contain_text("All right, I'll stop here")


async def test_a_chat_is_still_there_after_a_look_at_another_and_when_the_page_is_loaded_again(
    browser: Browser, address: str
) -> None:
    page = await open_chat(browser, address, 13)
    card = page.locator(".message.bot .card").last
    await say(page, "menu")
    await expect(card).to_contain_text("How can I help with your photo?")
    await page.click(f"#people [data-person='{person(7)}']")
    await expect(page.locator(".message")).to_have_count(1)
    await page.click(f"#people [data-person='{person(13)}']")
    await expect(card).to_contain_text("How can I help with your photo?")
    await page.fill("#composer", "half a sentence")
    await page.reload()
    await expect(card).to_contain_text("How can I help with your photo?")
    await expect(page.locator("#composer")).to_have_value("half a sentence")


async def test_what_the_page_loads_is_compressed_and_sent_once(address: str) -> None:
    def load(**headers: str) -> tuple[int, str, int, str]:
        request = urllib.request.Request(f"{address}vendor/adaptivecards.js", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                size = len(answer.read())
                return answer.status, answer.headers["Content-Encoding"], size, answer.headers["ETag"]
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, "", 0, ""

    status, encoding, size, etag = await asyncio.to_thread(load, **{"Accept-Encoding": "gzip"})
    assert (status, encoding) == (200, "gzip")
    assert size < 100_000
    assert (await asyncio.to_thread(load, **{"If-None-Match": etag}))[0] == 304


REFUSED = [
    ("/api/chat/nobody/say", b"{}", "application/json", {}, 404),
    (f"/api/chat/{person(1)}/say", b"{", "application/json", {}, 400),
    (f"/api/chat/{person(1)}/say", b'{"text": 5}', "application/json", {}, 400),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "text/plain", {}, 415),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "application/json", {"Origin": "https://evil.example"}, 403),
    (f"/api/chat/{person(1)}/say", b'{"text": "hi"}', "application/json", {"Host": "evil.example"}, 403),
    (f"/api/office/{person(1)}/photo", b'{"variant": 99}', "application/json", {}, 400),
    (f"/api/office/{person(1)}/tile", b'{"delay": -1}', "application/json", {}, 400),
    (f"/api/office/{person(1)}/photo", b'{"file": "R0lGODdh"}', "application/json", {}, 422),
    (f"/api/chat/{person(1)}/say?place=elsewhere", b'{"text": "hi"}', "application/json", {}, 400),
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
