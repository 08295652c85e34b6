"""The pages as people see them, in a real browser: whole, without barriers, in every light and direction."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.languages.catalogs import Languages
from bot.pages.site import today
from bot.store import Job, JobKind
from tests.commands.test_demo import barriers, shot
from tests.pages.filled import fill
from tests.pages.ground import LEAD, OTHER, Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser and one bot for all
expect.set_options(timeout=20_000)  # a shared machine may stall

VIEWS = ("/helpdesk", "/helpdesk/cases", "/helpdesk/cases?number=EVIL1", "/helpdesk/affected", "/helpdesk/operation")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there() -> AsyncIterator[Stage]:
    async with stage(PHOTOSYNC_PAGE_PEOPLE="yes", PHOTOSYNC_HELPDESK_CONTACT="phone 4711") as one:
        await fill(one.scene.bot.store)
        yield one


async def context(chromium: Browser, language: str = "en", *, wide: int = 1280, dark: bool = False) -> BrowserContext:
    # Only so that axe can be put into the page: its own rules let nothing in.
    return await chromium.new_context(locale=language, viewport={"width": wide, "height": 900}, color_scheme="dark" if dark else "light", bypass_csp=True)  # fmt: skip


async def signed_in(one: BrowserContext, there: Stage, name: str = LEAD.name) -> Page:
    page = await one.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    await page.goto(f"{there.url}/helpdesk")
    await page.get_by_role("link", name=name).click()
    await expect(page.locator("h1")).to_be_visible()
    return page


LOOKS = [("en", 1280, True, VIEWS), ("ar", 375, False, (VIEWS[0], "/privacy"))]


@pytest.mark.parametrize(("language", "wide", "dark", "paths"), LOOKS, ids=[f"{row[0]}-{row[1]}" for row in LOOKS])
async def test_every_page_fits_and_is_without_barriers(
    chromium: Browser, there: Stage, spoken: Languages, language: str, wide: int, dark: bool, paths: tuple[str, ...]
) -> None:
    text = spoken.translations.catalogs[language].text
    one = await context(chromium, language, wide=wide, dark=dark)
    page = await signed_in(one, there)
    for number, path in enumerate(paths):
        await page.goto(there.url + path)
        assert await page.locator("html").get_attribute("lang") == language
        for summary in await page.locator("summary").all():
            await summary.click()
        assert await barriers(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= wide
        await shot(page, f"page-{language}-{wide}-{number}")
    await page.goto(f"{there.url}/helpdesk")
    await expect(page.locator("h1")).to_have_text(text("page.numbers.title"))
    await one.close()


async def test_an_agent_finds_a_case_by_its_number_and_reads_what_was_written_as_text(
    chromium: Browser, there: Stage
) -> None:
    one = await context(chromium)
    page = await signed_in(one, there)
    await page.get_by_role("link", name="Cases", exact=True).click()
    await page.get_by_label("Case number").fill("# evil1 ")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("h1")).to_have_text("Case EVIL1")
    await expect(page.locator(".log")).to_contain_text("<script>alert(1)</script> my photo & the other one")
    await page.get_by_label("Case number").fill("nothing")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("alert")).to_contain_text("There's no such case")
    await one.close()


async def test_a_job_that_was_given_up_is_tried_again_and_the_agent_signs_out(chromium: Browser, there: Stage) -> None:
    one = await context(chromium)
    page = await signed_in(one, there)
    await page.get_by_role("link", name="Operations").click()
    await page.get_by_role("button", name=re.compile("^Try again")).click()
    await expect(page.get_by_role("status")).to_have_text("The job is due again.")
    assert [letter.error for letter in await there.scene.bot.store.dead_letters()] == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("h1")).to_have_text("You're signed out")
    await page.go_back()
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Pick an account")
    await one.close()


async def test_a_comment_that_was_given_up_leads_to_its_case() -> None:
    async with stage() as one:
        store = one.scene.bot.store
        await one.scene.bot.background.stop("jobs")  # it would claim what is given up here
        await fill(store, 1)
        await store.put(Job(JobKind.TICKET, "EVIL1_2", "person-evil", 0.0))
        claimed = next(one for one in await store.claim(16, 60.0) if one.job.key == "EVIL1_2")
        await store.fail(claimed, "Outage")
        lead = await one.lead()
        listed = (await lead.ask("/helpdesk/operation")).text
        (path,) = re.findall(r'href="([^"]+)">EVIL1_2<', listed)
        assert "<h1>Case EVIL1</h1>" in (await lead.ask(path)).text


async def test_somebody_without_the_role_is_told_what_to_ask_for(chromium: Browser, there: Stage) -> None:
    one = await context(chromium, "sv")
    page = await signed_in(one, there, OTHER.name)
    await expect(page.locator("h1")).to_have_text("Du får inte se den här sidan")
    assert await barriers(page) == []
    await page.get_by_role("button", name="Använd ett annat konto").click()
    await page.get_by_role("link", name="Logga in igen").click()
    await page.get_by_role("link", name=LEAD.name).click()
    await expect(page.locator("h1")).to_have_text("Arbete som supporten har sluppit")
    await one.close()


async def test_on_paper_there_are_the_figures_and_not_the_way_around(chromium: Browser, there: Stage) -> None:
    one = await context(chromium)
    page = await signed_in(one, there)
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    await expect(page.locator(".plot").first).to_be_visible()
    await shot(page, "page-print")
    await one.close()


async def test_counts_that_could_tell_of_one_person_are_hidden_in_splits_and_not_in_totals(there: Stage) -> None:
    browser = await there.lead()
    found = await there.scene.bot.store.numbers(today() - timedelta(days=29), today())
    few = [tag for tag, count in found.by_language.items() if count < 5]
    page = (await browser.ask("/helpdesk?days=30")).text
    language = page[page.index("By language") : page.index("By device")]
    assert few
    assert len(few) < len(found.by_language)
    for tag, count in found.by_language.items():
        row = re.search(rf'<th scope="row">{NAMES[tag]}</th><td class="figure">([^<]*)<', language)
        assert row is not None
        assert row[1] == ("fewer than 5" if tag in few else str(count))
    assert f"<strong>{found.cases}</strong>" in page


NAMES = {"en": "English", "et": "Estonian", "sv": "Swedish", "ar": "Arabic", "ru": "Russian", "lv": "Latvian"}


async def test_names_are_shown_only_where_the_settings_say_so(there: Stage) -> None:
    browser = await there.lead()
    assert "Person &lt;b&gt;Evil" in (await browser.ask("/helpdesk/cases?number=EVIL1")).text
    assert "anna.1@fabrikam.example" in (await browser.ask("/helpdesk/affected")).text
    async with stage() as plain:
        await fill(plain.scene.bot.store, 12)
        other = await plain.lead()
        for path in (*VIEWS, "/helpdesk/cases?state=escalated", "/helpdesk/cases?state=resolved"):
            text = (await other.ask(path)).text
            assert not re.search(r"Person [\d&]", text)
            assert "person-" not in text
            assert "anna." not in text


@pytest.mark.parametrize(("wishes", "tag"), [("is-IS, sv;q=0.9", "sv"), ("zh-CN", "zh-Hans"), ("is", "en"), ("ru;q=0, lv", "lv"), ("a" * 5000, "en")])  # fmt: skip
async def test_a_paper_is_in_the_first_language_of_the_reader_that_has_it_whole(
    there: Stage, wishes: str, tag: str
) -> None:
    for path in ("/privacy", "/terms"):
        page = await there.browser().ask(path, headers={"Accept-Language": wishes})
        assert (page.status, f'<html lang="{tag}"' in page.text) == (200, True)
        chosen = await there.browser().ask(f"{path}?language=ar", headers={"Accept-Language": wishes})
        assert '<html lang="ar" dir="rtl"' in chosen.text
        assert "phone 4711" in page.text


async def test_the_paper_on_privacy_says_how_this_installation_is_set_up(there: Stage) -> None:
    page = (await there.browser().ask("/privacy")).text
    assert "after its end: 90." in page
    assert "into the help desk&#x27;s own system" in page
    async with stage(PHOTOSYNC_RETENTION="30d", PHOTOSYNC_TICKET_SYSTEM="none") as other:
        page = (await other.browser().ask("/privacy")).text
        assert "after its end: 30." in page
        assert "the help desk&#x27;s own system" not in page
