"""Who sees the helpdesk's page, and what nobody gets past: the rows of docs/security.md."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from bot.graph.people_sign_in import PeopleSignIn
from bot.http_client import HttpClient
from bot.pages import sign_in
from bot.settings import read
from bot.store.page import Affected
from sandbox.faults import Fault
from tests.chatting import scene
from tests.databases import fetch
from tests.pages.ground import BROWSER, LEAD, OTHER, SESSION, Browser, Seen, Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one bot for all


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there() -> AsyncIterator[Stage]:
    async with stage() as one:
        yield one


@pytest.fixture(autouse=True)
def rested(there: Stage) -> None:
    """Each test as in a minute of its own."""
    sessions = there.scene.bot.pages.sessions
    sessions.begun, sessions.ended = (sign_in.RateLimit(sign_in.SIGN_INS_A_MINUTE) for _ in range(2))
    there.tenant.login.people.change = None


async def test_whoever_has_the_role_signs_in_and_comes_to_the_page_that_was_asked_for(there: Stage) -> None:
    browser = there.browser()
    first = await browser.ask("/helpdesk/cases?state=escalated")
    assert first.status == 302
    asked = parse_qs(urlsplit(first.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert "offline_access" not in asked["scope"][0]
    back = await browser.ask(await browser.back(path="/helpdesk/cases?state=escalated"))
    assert (back.status, back.headers["Location"]) == (302, "/helpdesk/cases?state=escalated")
    page = await browser.ask("/helpdesk/cases?state=escalated")
    assert (page.status, "Signed in as Hanna Keller" in page.text) == (200, True)
    kept = str(await fetch(f"sqlite:///{there.tenant.authority.bundle.parent / 'photosync.db'}", "SELECT * FROM sessions WHERE kind = 'session'"))  # fmt: skip
    assert browser.cookies[SESSION] not in kept


async def test_every_answer_says_that_nothing_is_stored_framed_or_run(there: Stage) -> None:
    browser = await there.lead()
    pages = [await browser.ask(path) for path in ("/helpdesk", "/helpdesk/operation", "/helpdesk/nothing", "/helpdesk/signed-out")]  # fmt: skip
    pages += [await there.browser().ask("/helpdesk"), await browser.post("/helpdesk/retry")]
    assert [one.status for one in pages] == [200, 200, 404, 200, 302, 403]
    for one in pages:
        assert one.headers["Cache-Control"] == "no-store"
        assert "script-src" not in one.headers["Content-Security-Policy"]
        assert one.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; form-action 'self'")  # fmt: skip
        assert "<script" not in one.text
        assert "style=" not in one.text


async def test_cookies_are_the_hosts_own_and_no_script_reads_them(there: Stage) -> None:
    first = await there.browser().ask("/helpdesk")
    browser = there.browser()
    signed = await browser.sign_in()
    for answer, age in ((first, 600), (signed, 8 * 3600)):
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert {f"Max-Age={age}", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_without_the_role_every_page_is_refused_and_another_account_can_be_used(there: Stage) -> None:
    browser = there.browser()
    refused = await browser.sign_in(OTHER)
    pages = [refused, *[await browser.ask(path) for path in ("/helpdesk", "/helpdesk/cases", "/helpdesk/operation")]]
    assert {(one.status, "Photosync.Helpdesk" in one.text) for one in pages} == {(403, True)}
    assert (await browser.post("/helpdesk/retry", id="1", mark=pages[1].mark)).status == 403
    out = await browser.post("/helpdesk/sign-out", mark=pages[1].mark)
    assert (out.status, out.headers["Location"]) == (303, "/helpdesk/signed-out")
    assert "prompt=select_account" in (await browser.ask("/helpdesk/sign-in")).headers["Location"]


async def test_sign_out_ends_the_session_on_the_server_too(there: Stage) -> None:
    browser = await there.lead()
    kept = dict(browser.cookies)
    assert (await browser.post("/helpdesk/sign-out", mark=(await browser.ask("/helpdesk")).mark)).status == 303
    assert browser.cookies[SESSION] == ""
    browser.cookies = kept
    assert (await browser.ask("/helpdesk")).status == 302


def changed(**claims: Any) -> Callable[[Stage], None]:
    def change(there: Stage) -> None:
        there.tenant.login.people.change = lambda honest: {name: value for name, value in {**honest, **claims}.items() if value is not None}  # fmt: skip

    return change


@pytest.mark.parametrize("name", ["Hanna \ud83d", "Han\x00na", "Hanna\u202e", 17, None])
async def test_whatever_a_name_is_nobody_is_kept_out_by_it(there: Stage, name: object) -> None:
    changed(name=name, preferred_username=name)(there)
    browser = await there.lead()
    page = await browser.ask("/helpdesk")
    assert page.status == 200
    assert not {"\ud83d", "\x00", "\u202e"} & set(page.text)


FOREIGN = "11111111-2222-3333-4444-555555555555"
TOKENS = [
    ("another nonce", changed(nonce="0" * 64)),
    ("no nonce", changed(nonce=None)),
    ("a foreign tenant", changed(tid=FOREIGN)),
    ("no tenant", changed(tid=None)),
    ("a foreign tenant's issuer", changed(iss=f"https://login.microsoftonline.com/{FOREIGN}/v2.0")),
    ("made for another application", changed(aud=FOREIGN)),
    ("made for several", changed(aud=[FOREIGN])),
    ("expired", changed(exp=int(time.time()) - 3600)),
    ("without an end", changed(exp=None)),
    ("not valid yet", changed(nbf=int(time.time()) + 3600)),
    ("of nobody", changed(oid=None)),
]


@pytest.mark.parametrize("change", [row[1] for row in TOKENS], ids=[row[0] for row in TOKENS])
async def test_an_id_token_that_is_not_of_this_sign_in_lets_nobody_in(
    there: Stage, change: Callable[[Stage], None]
) -> None:
    change(there)
    browser = there.browser()
    refused = await browser.sign_in()
    assert (refused.status, "The sign-in didn&#x27;t work" in refused.text) == (400, True)
    assert SESSION not in browser.cookies
    assert (await browser.ask("/helpdesk")).status == 302


@pytest.mark.parametrize("roles", ["Photosync.Helpdesk", ["photosync.helpdesk"], {"0": "Photosync.Helpdesk"}, [["Photosync.Helpdesk"]]], ids=str)  # fmt: skip
async def test_roles_in_another_shape_are_no_role(there: Stage, roles: Any) -> None:
    changed(roles=roles)(there)
    assert (await there.browser().sign_in()).status == 403


async def forged_state(there: Stage) -> Seen:
    browser = there.browser()
    back = await browser.back()
    return await browser.ask(back.replace("state=", "state=x"))


async def made_up(there: Stage) -> Seen:
    browser = there.browser()
    await browser.begin()
    return await browser.ask("/helpdesk/signed-in?code=1.made&state=abcdefghijklmnop")


async def of_another_browser(there: Stage) -> Seen:
    mine, theirs = there.browser(), there.browser()
    await theirs.begin()
    return await theirs.ask(await mine.back())


async def without_a_cookie(there: Stage) -> Seen:
    return await there.browser().ask(await there.browser().back())


async def replayed(there: Stage) -> Seen:
    browser = there.browser()
    back = await browser.back()
    assert (await browser.ask(back)).status == 302
    browser.cookies.pop(SESSION)
    return await browser.ask(back)


async def replayed_code(there: Stage) -> Seen:
    """The code of one sign-in in another one."""
    browser = there.browser()
    code = parse_qs(urlsplit(await browser.back()).query)["code"][0]
    state = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    return await browser.ask(f"/helpdesk/signed-in?code={code}&state={state}")


async def no_code(there: Stage) -> Seen:
    browser = there.browser()
    state = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    return await browser.ask(f"/helpdesk/signed-in?state={state}")


async def odd_client_info(there: Stage) -> Seen:
    browser = there.browser()
    state = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    return await browser.ask(f"/helpdesk/signed-in?code=1.x&client_info=%00%FF&state={state}")


async def not_assigned(there: Stage) -> Seen:
    browser = there.browser()
    state = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    return await browser.ask(f"/helpdesk/signed-in?error=access_denied&error_description=AADSTS50105&state={state}")


async def with_cookie(there: Stage, value: str) -> Seen:
    browser = await there.lead()
    browser.cookies[SESSION] = value or browser.cookies[SESSION][:-1] + "x"
    return await browser.ask("/helpdesk")


async def posted(there: Stage, *, mark: str | None = None, headers: dict[str, str] | None = None, path: str = "retry") -> Seen:  # fmt: skip
    browser = await there.lead()
    own = (await browser.ask("/helpdesk")).mark
    return await browser.post(f"/helpdesk/{path}", headers, id="1", mark=own if mark is None else mark)


async def mark_of_another(there: Stage) -> Seen:
    other = await there.lead()
    return await posted(there, mark=(await other.ask("/helpdesk")).mark)


async def not_a_form(there: Stage) -> Seen:
    browser = await there.lead()
    return await browser.ask("/helpdesk/retry", "POST", json={"id": "1", "mark": (await browser.ask("/helpdesk")).mark})


async def by_get(there: Stage) -> Seen:
    browser = await there.lead()
    return await browser.ask(f"/helpdesk/retry?id=1&mark={(await browser.ask('/helpdesk')).mark}")


def raw(path: str) -> Callable[[Stage], Awaitable[Seen]]:
    """A path sent as it is written, by whoever is signed in."""

    async def asked(there: Stage) -> Seen:
        browser = await there.lead()
        reader, writer = await asyncio.open_connection("127.0.0.1", there.scene.bot.port)
        cookie = f"{SESSION}={browser.cookies[SESSION]}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        return Seen(int(answer.split()[1]), {}, answer)

    return asked


EVIL = {"Origin": "https://evil.example"}
REFUSED: list[tuple[str, Callable[[Stage], Awaitable[Seen]], int]] = [
    ("a state that was changed", forged_state, 400),
    ("a state that was made up", made_up, 400),
    ("a sign-in that another browser began", of_another_browser, 400),
    ("a sign-in without the browser's cookie", without_a_cookie, 400),
    ("the same address twice", replayed, 400),
    ("a code that was used", replayed_code, 400),
    ("no code", no_code, 400),
    ("something that msal cannot decode", odd_client_info, 400),
    ("somebody who is not assigned", not_assigned, 403),
    ("a cookie that was changed", lambda there: with_cookie(there, ""), 302),
    ("a cookie that was made up", lambda there: with_cookie(there, "A" * 43), 302),
    ("a cookie that is SQL", lambda there: with_cookie(there, "' OR 1=1 --"), 302),
    ("a very long cookie", lambda there: with_cookie(there, "A" * 6000), 302),
    ("a form without its mark", lambda there: posted(there, mark=""), 403),
    ("a form with another mark", lambda there: posted(there, mark="é" * 64), 403),
    ("a form with another session's mark", mark_of_another, 403),
    ("a form of a page elsewhere", lambda there: posted(there, headers=EVIL), 403),
    ("a form of a page that hides where it is", lambda there: posted(there, headers={"Origin": "null"}), 403),
    ("a form from another site, as the browser says", lambda there: posted(there, headers={"Sec-Fetch-Site": "cross-site"}), 403),
    ("being signed out by a page elsewhere", lambda there: posted(there, headers=EVIL, path="sign-out"), 403),
    ("JSON in place of a form", not_a_form, 403),
    ("a change by an address alone", by_get, 404),
    ("a path upwards", raw("/helpdesk/../../../../etc/passwd"), 404),
    ("a path upwards, encoded", raw("/helpdesk/%2e%2e/%2e%2e/etc/passwd"), 404),
    ("a path upwards, encoded twice", raw("/helpdesk/%252e%252e%252fetc%252fpasswd"), 404),
    ("a file beside the style sheet", raw("/helpdesk/style.css/../site.py"), 404),
    ("a path with a zero", raw("/helpdesk/%00"), 404),
]  # fmt: skip


@pytest.mark.parametrize(("attack", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_it_is_refused(there: Stage, attack: Callable[[Stage], Awaitable[Seen]], status: int) -> None:
    answer = await attack(there)
    assert answer.status == status
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_flood_of_sign_ins_is_refused_and_whoever_is_signed_in_goes_on(there: Stage) -> None:
    lead = await there.lead()
    crowd = Browser(there.url, there.http)

    before = time.monotonic()
    answers = [one for _ in range(15) for one in await asyncio.gather(*(crowd.ask("/helpdesk") for _ in range(20)))]
    found = [one.status for one in answers]
    most = sign_in.SIGN_INS_A_MINUTE + (time.monotonic() - before) * sign_in.SIGN_INS_A_MINUTE / 60 + 1
    assert found.count(302) <= most
    assert found.count(302) + found.count(429) == 300
    assert (await lead.ask("/helpdesk")).status == 200
    assert next(one.headers["Retry-After"] for one in answers if one.status == 429) == "60"
    assert await there.scene.metric('photosync_refused_total{reason="sign_ins"}') == found.count(429)


async def test_erasing_a_person_ends_their_session_and_what_a_scan_found_of_them(there: Stage) -> None:
    lead, store = await there.lead(), there.scene.bot.store
    await store.add_affected((Affected(LEAD.id, LEAD.upn, "differ", ""),))
    await store.erase(LEAD.id)
    assert (await lead.ask("/helpdesk")).status == 302
    assert await store.affected() == ()


async def test_a_login_service_that_is_away_is_said_and_nothing_is_kept(there: Stage) -> None:
    browser = there.browser()
    back = await browser.back()
    there.tenant.world.faults.plan("login", [Fault(503)] * 9)
    away = await browser.ask(back)
    assert (away.status, "Not available right now" in away.text) == (503, True)
    there.tenant.world.faults.login.clear()
    assert BROWSER in browser.cookies


async def test_a_login_service_that_hangs_takes_no_thread_that_others_need() -> None:
    async with stage() as there:
        there.tenant.world.faults.login_delay = 20.0
        waiting = [asyncio.create_task(there.browser().ask("/helpdesk")) for _ in range(60)]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(4):  # one request to the login service is given up after five
            assert await asyncio.to_thread(lambda: "done") == "done"
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_fault_of_ours_is_a_page_that_says_so_and_a_line_with_its_place(
    there: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lead = await there.lead()

    async def numbers(*_: object) -> None:
        raise LookupError("what a person wrote")

    monkeypatch.setattr(there.scene.bot.store, "numbers", numbers)
    seen = await lead.ask("/helpdesk")
    assert (seen.status, seen.headers["Cache-Control"], "<h1" in seen.text) == (500, "no-store", True)
    assert f"request failed: LookupError at {__file__}" in caplog.text
    assert "what a person wrote" not in caplog.text


GRAPHS_OWN = {"PHOTOSYNC_GRAPH_CLIENT_ID": FOREIGN, "PHOTOSYNC_GRAPH_CLIENT_SECRET": "s3cret"}


@pytest.mark.parametrize(("more", "possible"), [({}, False), (GRAPHS_OWN, True)], ids=["alone", "with Graph's own"])
async def test_nobody_can_sign_in_to_a_managed_identity_but_to_graphs_own_application(
    more: dict[str, str], possible: bool
) -> None:
    managed = {"MicrosoftAppId": FOREIGN, "MicrosoftAppTenantId": FOREIGN, "MicrosoftAppType": "UserAssignedMSI"}
    settings = read({**managed, **more, "PHOTOSYNC_PAGE_URL": "https://photosync.example"})
    http = HttpClient.from_settings(settings)
    assert PeopleSignIn(settings, http).possible is possible
    await http.close()


async def test_without_an_address_for_pages_there_are_none() -> None:
    async with scene() as plain:
        assert {(await plain.get(path))[0] for path in ("/helpdesk", "/helpdesk/cases", "/privacy", "/terms")} == {404}
