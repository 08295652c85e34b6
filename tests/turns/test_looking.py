"""A look through real login, Graph and SharePoint servers, working and failing in every way we know of."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trustme
from aiohttp import web

from bot.app import ExternalSystems
from bot.diagnosis.diagnosis import IN_A_CHAT, Diagnosis, Limits
from bot.graph.tokens import Tokens, bot_tokens
from bot.http_client import HttpClient, retry_after
from bot.metrics import Metrics
from bot.settings import Settings, read
from dialogs.model import Verdict
from sandbox.faults import Fault, Faults
from sandbox.tenant import Tenant
from sandbox.web import listen
from sandbox.world import PEOPLE
from tests.command import command

IDS = {person.story: person.id for person in PEOPLE}


@dataclass(frozen=True)
class Eyes:
    """A diagnosis and the tenant it looks at."""

    tenant: Tenant
    diagnosis: Diagnosis
    metrics: Metrics
    http: HttpClient
    settings: Settings

    async def look(self, story: str = "old") -> Any:
        return await self.diagnosis.look(IDS[story])

    def asked(self, part: str) -> int:
        return sum(part in request for request in self.tenant.graph.requests)


@asynccontextmanager
async def eyes(limits: Limits = IN_A_CHAT, **changes: str) -> AsyncIterator[Eyes]:
    async with Tenant.open() as tenant:
        settings = read({**tenant.environment(), **changes})
        http = HttpClient.from_settings(settings)
        outside = ExternalSystems(settings, http, limits)
        yield Eyes(tenant, outside.diagnosis, outside.metrics, http, settings)
        await http.close()


STORIES = [
    ("old", Verdict.DIFFER), ("missing", Verdict.MISSING), ("no-photo", Verdict.NO_PHOTO), ("one-pixel", Verdict.NO_PHOTO),
    ("match", Verdict.MATCH), ("close", Verdict.UNSURE), ("silhouette", Verdict.MISSING), ("by-name", Verdict.DIFFER),
    ("entra-only", Verdict.MATCH), ("forbidden", Verdict.UNKNOWN),
]  # fmt: skip


async def test_every_story_gets_its_verdict() -> None:
    async with eyes() as one:
        found = [(story, (await one.look(story)).verdict) for story, _ in STORIES]
        assert found == STORIES


async def test_by_name_too_and_the_newer_of_two_files_counts() -> None:
    async with eyes() as one:
        one.tenant.world.visit_sharepoint(IDS["by-name"])
        held = one.tenant.world.holdings(IDS["by-name"])
        assert (await one.look("by-name")).verdict is Verdict.MATCH
        # An older file under the other name does not bring the old photo back.
        old = one.tenant.world.holdings(IDS["old"]).copies[IDS["old"]]
        held.copies[IDS["by-name"]] = old
        assert (await one.look("by-name")).verdict is Verdict.MATCH
        assert (await one.diagnosis.look("tom.baker@fabrikam.example")).verdict is Verdict.MATCH


def plan(**faults: Any) -> Any:
    def set_up(all_faults: Faults) -> None:
        for name, value in faults.items():
            setattr(all_faults, name, value)

    return set_up


THROTTLED = Fault(429, retry_after="60")
HTML = Fault(200, body=b"<html>Sign in</html>", content_type="text/html")

# what fails | the reason the person is told | the permission an admin is told
FAILURES = [
    ("the site is not granted", plan(site_grant=False), "permission", "Sites.Selected"),
    ("the photo is refused", plan(forbidden={IDS["old"]}), "permission", "User.Read.All"),
    ("the login refuses the secret", plan(login_refuses=True), "sign_in", ""),
    ("throttled for longer than a look", plan(graph_always=THROTTLED), "throttled", ""),
    ("Graph is down", plan(graph_always=Fault(500)), "outage", ""),
    ("Graph is overloaded", plan(graph_always=Fault(503)), "outage", ""),
    ("connections break", plan(graph_always=Fault(kind="drop")), "outage", ""),
    ("Graph hangs", plan(graph_always=Fault(kind="hang")), "timeout", ""),
    ("Graph answers a byte a second", plan(graph_always=Fault(kind="slow")), "timeout", ""),
    ("a web page in place of JSON", plan(graph_always=HTML), "outage", ""),
    ("a list in place of an object", plan(graph_always=Fault(200, body=b"[]")), "outage", ""),
    ("no picture library", plan(library="none"), "library", ""),
    ("the download is a web page", plan(files=deque([HTML])), "picture", ""),
    ("the download is refused", plan(files=deque([Fault(403)])), "permission", ""),
    ("the download is cut", plan(files=deque([Fault(200, body=b"\xff\xd8\xff\xe0", content_type="image/jpeg")])), "picture", ""),
    ("the download is huge", plan(files=deque([Fault(200, body=b"\0" * (9 << 20), content_type="image/jpeg")])), "outage", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("set_up", "reason", "permission"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
async def test_a_failure_is_told_for_what_it_is_and_never_as_a_verdict(
    set_up: Any, reason: str, permission: str
) -> None:
    async with eyes() as one:
        one.tenant.world.holdings(IDS["old"])
        set_up(one.tenant.world.faults)
        found = await one.look()
        assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
        assert permission in found.permission
        assert one.metrics.registry.get_sample_value("photosync_checks_total", {"verdict": "unknown"}) == 1


async def test_a_graph_that_hangs_opens_the_circuit_and_is_counted() -> None:
    async with eyes(Limits(fetching=1.5)) as one:
        one.tenant.world.faults.graph_always = Fault(kind="hang")
        found = await asyncio.gather(*(one.look() for _ in range(10)))
        assert {look.reason for look in found} == {"timeout"}
        told = one.metrics.registry.get_sample_value("photosync_graph_requests_total", {"status": "timedout"})
        assert told is not None
        assert told >= 10
        begun = time.monotonic()
        assert (await one.look()).reason == "outage"
        assert time.monotonic() - begun < 0.5


async def test_a_look_that_had_hardly_any_time_left_opens_no_circuit() -> None:
    async with eyes(Limits(fetching=0.3)) as one:
        one.tenant.world.faults.graph_always = Fault(kind="hang")
        await asyncio.gather(*(one.look() for _ in range(12)))
        one.tenant.world.faults.graph_always = None
        assert (await one.diagnosis.object_id(IDS["old"])) == IDS["old"]


async def test_a_login_that_hangs_ends_a_look_in_time() -> None:
    async with eyes(Limits(fetching=1.0)) as one:
        one.tenant.world.faults.login_delay = 4.0
        begun = time.monotonic()
        assert (await one.look()).reason == "timeout"
        assert time.monotonic() - begun < 2.5


async def test_at_debug_the_log_says_what_a_look_did_and_of_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "bot"):
        async with eyes() as one:
            await one.look("old")
            one.tenant.world.faults.plan("graph", [Fault(500, path="_LThumb")] * 3)
            await one.look("match")
    text = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))
    assert "look: differ, similarity 0." in text
    assert "Graph: users, status 200, " in text
    assert "Graph: users/photos/360x360/$value, status 200" in text
    assert "status 500 generalException request-id " in text
    for story in ("old", "match"):
        person = one.tenant.world.person(IDS[story])
        assert person is not None
        for name in (person.id, person.upn, person.upn.partition("@")[0].replace(".", "_"), person.name):
            assert name not in text


async def test_somebody_the_directory_does_not_know_is_not_somebody_without_a_photo() -> None:
    async with eyes() as one:
        found = await one.diagnosis.look("99999999-0000-4000-8000-000000000000")
        assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "person")


@pytest.mark.parametrize("fault", [Fault(429, retry_after="0.3"), Fault(503, retry_after="0"), Fault(504)])
async def test_a_passing_fault_is_waited_out(fault: Fault) -> None:
    async with eyes() as one:
        one.tenant.world.faults.plan("graph", [fault])
        assert (await one.look()).verdict is Verdict.DIFFER


async def test_a_library_that_shows_only_as_a_list_is_found() -> None:
    async with eyes() as one:
        one.tenant.world.faults.library = "list"
        assert (await one.look()).verdict is Verdict.DIFFER


async def test_without_my_site_the_host_is_found_through_the_root_site() -> None:
    async with eyes() as one:
        one.tenant.world.faults.my_site = False
        assert (await one.look()).verdict is Verdict.DIFFER
        assert one.asked("/sites/root") == 1


async def test_the_way_to_the_folder_is_found_once() -> None:
    async with eyes() as one:
        await one.look("old")
        await one.look("match")
        assert one.asked("/drives/b!User-Photos_Drive/root/children") == 2  # two pages, once
        assert one.tenant.login.requests == 1


async def test_a_further_look_is_three_requests_and_one_download_and_sees_what_has_changed() -> None:
    async with eyes() as one:
        world, graph = one.tenant.world, one.tenant.graph
        await one.look("match")
        assert (await one.look("old")).verdict is Verdict.DIFFER
        asked, fetched = len(graph.requests), len(graph.files.requests)
        assert (await one.look("old")).verdict is Verdict.DIFFER
        requests = [one.split(" ")[1] for one in graph.requests[asked:] if not one.startswith("BATCHED")]
        user = f"/v1.0/users/{IDS['old']}"
        assert sorted(requests) == ["/v1.0/$batch", user, f"{user}/photos/360x360/$value"]
        assert len(graph.files.requests) == fetched + 1
        world.visit_sharepoint(IDS["old"])
        assert (await one.look("old")).verdict is Verdict.MATCH
        world.change_photo(IDS["old"], 2)
        assert (await one.look("old")).verdict is Verdict.DIFFER


async def test_many_looks_at_once_sign_in_once_and_respect_graphs_limit() -> None:
    async with eyes() as one:
        found = await asyncio.gather(*(one.look("match") for _ in range(12)))
        assert {look.verdict for look in found} == {Verdict.MATCH}
        assert one.tenant.login.requests == 1
        assert one.tenant.world.faults.photos_refused == 0  # not even one that was tried again


async def test_a_token_that_graph_refuses_is_renewed_once() -> None:
    async with eyes() as one:
        assert (await one.look("match")).verdict is Verdict.MATCH
        one.tenant.world.faults.plan("graph", [Fault(401, code="InvalidAuthenticationToken")])
        assert (await one.look("match")).verdict is Verdict.MATCH


async def test_a_slow_login_does_not_stop_the_rest() -> None:
    async with eyes() as one:
        one.tenant.world.faults.login_delay = 0.5
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        assert (await one.look("match")).verdict is Verdict.MATCH
        ticking.cancel()
        assert ticks > 20


async def test_a_refused_secret_is_not_tried_again_at_once() -> None:
    async with eyes() as one:
        one.tenant.world.faults.login_refuses = True
        for _ in range(5):
            assert (await one.look()).reason == "sign_in"
        assert one.tenant.login.requests == 1


async def test_a_download_elsewhere_is_not_fetched() -> None:
    async with eyes(PHOTOSYNC_DOWNLOAD_HOSTS="*.sharepoint.com") as one:
        assert (await one.look()).verdict is Verdict.UNKNOWN


async def test_a_certificate_signs_in_in_place_of_a_secret(tmp_path: Any) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    made = authority.issue_cert("bot.example", key_type=trustme.KeyType.RSA)
    pem = tmp_path / "bot.pem"
    pem.write_bytes(made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes())
    async with eyes() as one:
        one.tenant.login.register(one.tenant.app, made.cert_chain_pems[0].bytes())
        environ = {**one.tenant.environment(), "MicrosoftAppPassword": "", "MicrosoftAppCertificate": str(pem)}
        settings = read(environ)
        looking = ExternalSystems(settings, one.http).diagnosis
        assert (await looking.look(IDS["match"])).verdict is Verdict.MATCH


async def test_a_managed_identity_signs_in_without_any_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The App Service shape of the identity endpoint: its address and header come in the environment."""
    asked: list[tuple[str, str]] = []

    async def identity(request: web.Request) -> web.Response:
        asked.append((request.query["resource"], request.headers["X-IDENTITY-HEADER"]))
        return web.json_response({"access_token": "token-of-the-machine", "expires_on": "9999999999", "resource": request.query["resource"], "token_type": "Bearer"})  # fmt: skip

    app = web.Application()
    app.router.add_get("/msi/token", identity)
    runner, port = await listen(app, None)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "known-only-here")
    async with eyes() as one:
        environ = {**one.tenant.environment(), "MicrosoftAppPassword": "", "MicrosoftAppType": "UserAssignedMSI"}
        tokens: Tokens = bot_tokens(read(environ), one.http)
        assert await tokens.token("https://api.botframework.com/.default") == "token-of-the-machine"
        assert await tokens.token("https://api.botframework.com/.default") == "token-of-the-machine"
    await runner.cleanup()
    assert asked == [("https://api.botframework.com", "known-only-here")]


WAITS = [
    ("2", 2.0), ("2.128", 2.128), (" 0 ", 0.0), ("-5", 0.0), ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("", None), ("soon", None), ("nan", None), ("inf", None), ("1e999", None),
    ("1e300", 86_400.0), ("9" * 30, 86_400.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0), ("Mon, 99 Foo 2026", None), ("\u0663", 3.0), ("1_0", 10.0),
    ("Thu, 01 Jan 1970 24:61:00 GMT", None), ("Thu, 01 Jan 1970 00:00:20 -0000", 10.0), ("[]", None), ("True", None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "seconds"), WAITS)
def test_retry_after_is_read_in_every_shape(value: str, seconds: float | None) -> None:
    assert retry_after(value, now=10.0) == seconds


async def check(tenant: Tenant, who: str) -> subprocess.CompletedProcess[str]:
    """`photosync check`, as an admin runs it."""
    environ = {**tenant.environment(), "PATH": "/usr/bin:/bin", "COLUMNS": "120"}
    return await asyncio.to_thread(subprocess.run, command("check", who), env=environ, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


CHECKED = [
    ("match", 0, "match"),
    ("old", 1, "differ"),
    ("missing", 1, "missing"),
    ("close", 2, "unsure"),
    ("forbidden", 2, "User.Read.All"),
]


@pytest.mark.parametrize(("story", "status", "part"), CHECKED)
async def test_check_prints_the_verdict_and_ends_with_its_status(story: str, status: int, part: str) -> None:
    async with Tenant.open() as tenant:
        done = await check(tenant, IDS[story])
        assert (done.returncode, part in done.stdout) == (status, True), done.stderr
        assert "Traceback" not in done.stderr


async def test_check_logs_no_secret_and_no_name() -> None:
    async with Tenant.open() as tenant:
        tenant.world.faults.login_refuses = True
        done = await check(tenant, "ada.oneil@fabrikam.example")
        assert done.returncode == 2
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert any("AADSTS7000215" in line["what"] for line in lines)
        assert tenant.secret not in done.stderr
        assert "ada" not in done.stderr
