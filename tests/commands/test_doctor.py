"""`photosync doctor`: every fault of an installation gets its line and its fix."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import trustme
from aiohttp import web

from bot import app
from bot.commands.doctor.examine import CHECKS, examine
from bot.commands.doctor.finding import CheckResult, Installation, State
from bot.commands.doctor.fixes import fix
from bot.errors import Outage
from bot.settings import read
from bot.store.connect import open_store
from bot.store.schema import VERSION
from sandbox.desks import DESKS
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from sandbox.web import listen
from sandbox.world import PEOPLE
from tests.command import command

ROOT = Path(__file__).resolve().parents[2]
IDS = {person.story: person.id for person in PEOPLE}
OK, FAILED, SKIPPED = State.OK, State.FAILED, State.SKIPPED


async def findings(tenant: Tenant, who: str = IDS["old"], **changes: str) -> dict[str, CheckResult]:
    async with app.outside(read({**tenant.environment(), "PHOTOSYNC_PORT": "0", **changes})) as outside:
        return await examine(Installation.of(outside, who))


async def test_a_whole_installation_has_nothing_to_mend() -> None:
    async with Tenant.open() as tenant:
        found = await findings(tenant, who="")
        assert {name: one.state for name, one in found.items()} == dict.fromkeys(CHECKS, OK)
        assert not any(one.fix for one in found.values())
        assert tenant.helpdesk.tickets == []


async def test_the_ticket_system_is_asked_for_what_is_to_be_created_without_creating_it() -> None:
    async with Tenant.open() as tenant:
        desk = DESKS["zammad"](tenant.world)
        await desk.start(tenant.authority.server)
        try:
            wrong = {"PHOTOSYNC_TICKET_FIELDS": '{"group": "Nope"}'}
            for changes, state in (({}, OK), (wrong, FAILED), ({"PHOTOSYNC_TICKET_SECRET": "canary"}, FAILED)):
                found = (await findings(tenant, **{**desk.environment(), **changes}))["ticket_system"]
                assert found.state is state
                assert ("group of PHOTOSYNC_TICKET_FIELDS" in found.fix) is (changes == wrong)
            assert desk.tickets == []
        finally:
            await desk.stop()


def fault(**switches: Any) -> Any:
    def set_up(tenant: Tenant) -> dict[str, str]:
        for name, value in switches.items():
            setattr(tenant.world.faults, name, value)
        return {}

    return set_up


def roles(*given: str) -> Any:
    def set_up(tenant: Tenant) -> dict[str, str]:
        tenant.grant(*given)
        return {}

    return set_up


def setting(**changes: str) -> Any:
    return lambda _: changes


def both(*set_ups: Any) -> Any:
    return lambda tenant: {name: value for one in set_ups for name, value in one(tenant).items()}


def one_fault(where: str, *faults: Fault) -> Any:
    def set_up(tenant: Tenant) -> dict[str, str]:
        tenant.world.faults.plan(where, faults)
        return {}

    return set_up


def elsewhere(tenant: Tenant) -> dict[str, str]:
    return {"PHOTOSYNC_TICKET_URL": tenant.helpdesk.url + "-not-here"}


def refused_at(path: str, status: int, code: str) -> Any:
    """Every request for a path, as often as a check asks."""
    return one_fault("graph", *[Fault(status, code=code, path=path)] * 4)


MISSING = "99999999-0000-4000-8000-000000000000"
# what is wrong | how that comes about | whom to try | the checks that fail, each with words of its line
FAULTS: list[tuple[str, Any, str, dict[str, tuple[str, ...]]]] = [
    ("the secret is wrong", fault(login_refuses=True), IDS["old"], {
        "graph_token": ("AADSTS7000215", "MicrosoftAppPassword"), "bot_token": ("AADSTS7000215", "MicrosoftAppPassword")}),
    ("the secret of the separate application is wrong",
     lambda tenant: {"PHOTOSYNC_GRAPH_CLIENT_ID": tenant.app, "PHOTOSYNC_GRAPH_CLIENT_SECRET": "wrong"}, IDS["old"],
     {"graph_token": ("AADSTS7000215", "PHOTOSYNC_GRAPH_CLIENT_SECRET")}),
    ("another application", setting(MicrosoftAppId=MISSING), IDS["old"], {
        "graph_token": ("AADSTS700016", "MicrosoftAppId"), "bot_token": ("AADSTS700016", "MicrosoftAppId")}),
    ("another tenant", setting(MicrosoftAppTenantId=MISSING), IDS["old"], {
        "graph_token": ("AADSTS90002", "MicrosoftAppTenantId"), "bot_token": ("AADSTS90002", "MicrosoftAppTenantId")}),
    ("a scope that is none", setting(PHOTOSYNC_CHANNEL_SCOPE="https://wrong.example/.default"), IDS["old"],
     {"bot_token": ("AADSTS500011", "PHOTOSYNC_CHANNEL_SCOPE")}),
    ("no role for people", roles("Sites.Selected"), "", {
        "people_permission": ("User.Read.All",), "person": ("403", "Grant User.Read.All")}),
    ("no role for people, and somebody named", roles("Sites.Read.All"), IDS["old"], {
        "people_permission": ("User.Read.All",), "person": ("403", "Grant User.Read.All"),
        "photo": ("403", "Grant User.Read.All")}),
    ("no role for sites", roles("User.Read.All"), IDS["old"], {
        "sites_permission": ("Sites.Selected",), "library": ("403", "Sites.Selected")}),
    ("no roles at all", roles(), "", {
        "people_permission": ("admin consent",), "sites_permission": ("admin consent",), "person": ("403",)}),
    ("the site is not granted", fault(site_grant=False), IDS["old"],
     {"library": ("403 accessDenied", "the application of MicrosoftAppId", "role read on https://fabrikam-my.sharepoint.example")}),
    ("no picture library", fault(library="none"), IDS["old"], {"library": ("no User Photos library", "fabrikam-my.sharepoint.example")}),
    ("another my-site host", both(fault(my_site=False), setting(PHOTOSYNC_MY_SITE_HOST="contoso-my.sharepoint.com")),
     IDS["old"], {"library": ("400", "PHOTOSYNC_MY_SITE_HOST")}),
    ("no way to the my-site host", both(fault(my_site=False), roles("User.Read.All", "Sites.Selected")), IDS["old"],
     {"my_site_host": ("403", "PHOTOSYNC_MY_SITE_HOST")}),
    ("the photo is refused", fault(forbidden={IDS["old"]}), IDS["old"], {"photo": ("403", "ProfilePhoto.Read.All")}),
    ("nobody of that name", fault(), MISSING, {"person": ("404", "--user")}),
    ("downloads from a host that is not listed", setting(PHOTOSYNC_DOWNLOAD_HOSTS="*.sharepoint.com"), IDS["old"],
     {"copy": ("not listed", "PHOTOSYNC_DOWNLOAD_HOSTS")}),
    ("Graph throttles", refused_at("/users", 429, "TooManyRequests"), "", {"person": ("429", "in some minutes")}),
    ("an address that is no Graph", refused_at("/users", 404, ""), "", {"person": ("404", "PHOTOSYNC_GRAPH_URL")}),
    ("the key service is down", fault(keys_down=True), IDS["old"], {"channel_keys": ("503", "PHOTOSYNC_CHANNEL_KEYS_URL")}),
    ("the keys are not for Teams", lambda tenant: setattr(tenant.channel, "endorsements", ["skype"]) or {}, IDS["old"],
     {"channel_keys": ("none of them endorsed", "PHOTOSYNC_CLOUD")}),
    ("the ticket system is not there", setting(PHOTOSYNC_TICKET_URL="https://localhost:9/tickets"), IDS["old"],
     {"ticket_system": ("ClientConnectorError", "PHOTOSYNC_TICKET_URL")}),
    ("the Bot Connector does not know the bot", one_fault("connector", Fault(401, code="BotNotRegistered"), Fault(401, code="BotNotRegistered")), IDS["old"],
     {"bot_connector": ("401 BotNotRegistered", "MicrosoftAppId", "Teams channel")}),
    ("the Bot Connector fails", one_fault("connector", Fault(502)), IDS["old"], {"bot_connector": ("502", "in some minutes")}),
    ("the Bot Connector is not there", setting(PHOTOSYNC_SERVICE_HOSTS="localhost:9"), IDS["old"],
     {"bot_connector": ("ClientConnectorError", "PHOTOSYNC_SERVICE_HOSTS")}),
    ("an address that is not this machine's", setting(PHOTOSYNC_HOST="192.0.2.1"), IDS["old"], {"listening": ("192.0.2.1", "PHOTOSYNC_PORT")}),
    ("a host that is none", setting(PHOTOSYNC_HOST="no-such-host.invalid"), IDS["old"], {"listening": ("no such address", "PHOTOSYNC_PORT")}),
    ("no such database folder", setting(PHOTOSYNC_DATABASE_URL="sqlite:////nowhere/at/all/photosync.db"), IDS["old"],
     {"database": ("folder", "PHOTOSYNC_DATABASE_URL")}),
    ("no database server", setting(PHOTOSYNC_DATABASE_URL="postgresql://bot:canary-secret@127.0.0.1:9/photosync"), IDS["old"],
     {"database": ("ConnectionRefusedError", "PHOTOSYNC_DATABASE_URL")}),
]  # fmt: skip


@pytest.mark.parametrize(("set_up", "who", "wrong"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
async def test_what_is_wrong_is_found_with_its_fix_and_nothing_else_is_blamed(
    set_up: Any, who: str, wrong: dict[str, tuple[str, ...]]
) -> None:
    async with Tenant.open() as tenant:
        changes = set_up(tenant)
        found = await findings(tenant, who, **changes)
    assert {name for name, one in found.items() if one.state is FAILED} == set(wrong)
    for name, words in wrong.items():
        line = f"{found[name].found}. {found[name].fix}"
        assert [word for word in words if word not in line] == [], line
        assert found[name].fix.endswith(".")
    text = repr(found)
    assert "canary-secret" not in text
    assert tenant.secret not in text
    assert tenant.helpdesk.tickets == []


SKIPS = [
    ("after a refused sign-in Graph is not asked", fault(login_refuses=True), {
        "people_permission": "graph_token", "sites_permission": "graph_token", "person": "graph_token",
        "photo": "graph_token", "photo_changes": "graph_token", "pilot": "graph_token", "my_site_host": "graph_token", "library": "my_site_host", "copy": "library",
        "bot_connector": "bot_token"}),
    ("without anybody to try, what hangs on them", both(roles("Sites.Selected"), lambda _: {"who": ""}), {
        "photo": "no person to try", "photo_changes": "", "my_site_host": "needs person", "library": "my_site_host", "copy": "library"}),
    ("without a library no copy is tried", fault(library="none"), {"copy": "library"}),
    ("a person without a copy shows nothing of downloads", lambda _: {"who": IDS["missing"]}, {"copy": "--user"}),
    ("service hosts without a single name", setting(PHOTOSYNC_SERVICE_HOSTS="*.example.com"), {"bot_connector": "PHOTOSYNC_SERVICE_HOSTS"}),
    ("no ticket system and no contact is no fault", setting(PHOTOSYNC_TICKET_SYSTEM="none"), {"ticket_system": "PHOTOSYNC_HELPDESK_CONTACT"}),
]  # fmt: skip


@pytest.mark.parametrize(("set_up", "expected"), [row[1:] for row in SKIPS], ids=[row[0] for row in SKIPS])
async def test_what_could_not_be_tried_is_skipped_and_says_why(set_up: Any, expected: dict[str, str]) -> None:
    async with Tenant.open() as tenant:
        changes = set_up(tenant)
        found = await findings(tenant, **{"who": IDS["old"], **changes})
    assert {name for name, one in found.items() if one.state is SKIPPED} == set(expected)
    assert all(word in f"{found[name].found} {found[name].fix}" for name, word in expected.items())


GROUP, OTHER = "0f000000-0000-4000-8000-000000000001", "0f000000-0000-4000-8000-000000000002"
PILOTS = [  # what the setting names | permissions | state | words of the line
    ((IDS["old"],), ("GroupMember.Read.All",), OK, "people named: 1; in groups that are named: 0"),
    ((IDS["old"], GROUP), ("GroupMember.Read.All",), OK, "people named: 1; in groups that are named: 3"),
    ((GROUP, MISSING), ("GroupMember.Read.All",), FAILED, MISSING),
    ((GROUP,), (), SKIPPED, "GroupMember.Read.All"),
]


@pytest.mark.parametrize(("named", "permissions", "state", "words"), PILOTS)
async def test_people_and_groups_of_the_pilot_are_told_from_ids_that_are_nobodys(
    named: tuple[str, ...], permissions: tuple[str, ...], state: State, words: str
) -> None:
    async with Tenant.open() as tenant:
        tenant.world.groups = {GROUP: (IDS["match"], OTHER), OTHER: (IDS["missing"],)}
        tenant.grant("User.Read.All", "Sites.Read.All", *permissions)
        found = (await findings(tenant, PHOTOSYNC_PILOT=",".join(named)))["pilot"]
    assert found.state is state
    assert words in f"{found.found} {found.fix}"


WAYS = [
    ("a drive", fault(), "library", "as a drive"),
    ("a list", fault(library="list"), "library", "as a list"),
    ("the folder's own name", fault(), "library", "Profilbilder"),
    ("mySite", fault(), "my_site_host", "fabrikam-my.sharepoint.example, by the person's mySite"),
    ("the root site", fault(my_site=False), "my_site_host", "fabrikam-my.sharepoint.example, by /sites/root"),
    ("the setting", both(fault(my_site=False), setting(PHOTOSYNC_MY_SITE_HOST="fabrikam-my.sharepoint.example")), "my_site_host", "by PHOTOSYNC_MY_SITE_HOST"),
    ("another region than the setting's", setting(PHOTOSYNC_MY_SITE_HOST="contoso-my.sharepoint.com"), "my_site_host", "names another"),
    ("a person without a photo", lambda _: {"who": IDS["no-photo"]}, "photo", "the person tried has none"),
    ("wider permissions than needed", roles("Directory.Read.All", "Sites.Read.All"), "sites_permission", "Sites.Selected would do"),
    ("a ticket system that knows its path for POST only", elsewhere, "ticket_system", "404"),
    ("the inbound way", fault(), "listening", "cannot be seen from here"),
    ("the Bot Connector", fault(), "bot_connector", "404 ConversationNotFound"),
    ("a secret whose end is not shown", fault(), "expiry", "in Entra ID only"),
    ("no ticket system, a contact", setting(PHOTOSYNC_TICKET_SYSTEM="none", PHOTOSYNC_HELPDESK_CONTACT="canary-contact"), "ticket_system", "PHOTOSYNC_HELPDESK_CONTACT"),
]  # fmt: skip


@pytest.mark.parametrize(("set_up", "name", "words"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
async def test_what_works_says_which_way(set_up: Any, name: str, words: str) -> None:
    async with Tenant.open() as tenant:
        found = await findings(tenant, **{"who": IDS["old"], **set_up(tenant)})
    assert found[name].state is OK
    assert words in found[name].found
    assert "canary" not in repr(found)


async def test_an_authority_that_is_not_trusted_is_told_with_the_host(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    async with Tenant.open() as tenant:
        found = await findings(tenant, SSL_CERT_FILE=str(other))
    assert found["certificates"].state is FAILED
    assert "localhost" in found["certificates"].found
    assert "self-signed certificate" in found["certificates"].found or "issuer" in found["certificates"].found
    for name in ("certificates", "graph_token", "channel_keys", "ticket_system"):
        assert (found[name].state, "SSL_CERT_FILE" in found[name].fix) == (FAILED, True)


async def wrong_clock(_: web.Request) -> web.Response:
    return web.Response(headers={"Date": format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True)})


async def test_a_clock_ten_minutes_ahead_is_told_in_seconds() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", wrong_clock)
    runner, port = await listen(app, None)
    async with Tenant.open() as tenant:
        found = await findings(tenant, PHOTOSYNC_LOGIN_URL=f"http://127.0.0.1:{port}")
    await runner.cleanup()
    assert found["clock"].state is FAILED
    assert 595 < float(found["clock"].found.split()[0]) < 660
    assert "NTP" in found["clock"].fix


async def test_a_managed_identity_that_is_not_assigned_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Tenant.open() as tenant:
        environ = tenant.identity.environment()
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):  # these are not ours: the machine's library reads them
            monkeypatch.setenv(name, environ.pop(name))
        well = await findings(tenant, **environ)
        ill = await findings(tenant, **environ, MicrosoftAppId=MISSING)
    assert (well["graph_token"].state, well["graph_token"].found) == (OK, "given by the managed identity")
    assert well["bot_token"].state is OK
    for name in ("graph_token", "bot_token"):
        assert (ill[name].state, "Assign the managed identity" in ill[name].fix) == (FAILED, True)


async def opaque(request: web.Request) -> web.Response:
    return web.json_response({"access_token": "opaque", "expires_on": "9999999999", "resource": request.query["resource"], "token_type": "Bearer"})  # fmt: skip


async def test_a_token_that_hides_its_permissions_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    app = web.Application()
    app.router.add_get("/msi/token", opaque)
    runner, port = await listen(app, None)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    async with Tenant.open() as tenant:
        found = await findings(tenant, MicrosoftAppType="UserAssignedMSI", MicrosoftAppPassword="")
    await runner.cleanup()
    assert (found["people_permission"].state, found["sites_permission"].state) == (SKIPPED, SKIPPED)


async def answering(status: int, **headers: str) -> tuple[web.AppRunner, str]:
    async def answer(request: web.Request) -> web.Response:
        assert request.method != "POST"
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner, port = await listen(app, None)
    return runner, f"http://127.0.0.1:{port}/hook"


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [(200, OK, "answers"), (405, OK, "answers"), (501, OK, "answers"), (401, OK, "answers"), (404, OK, "the first ticket shows"), (302, FAILED, "redirects"), (410, FAILED, "path"), (500, FAILED, "it fails")],
)  # fmt: skip
async def test_a_ticket_system_is_judged_without_a_ticket(status: int, state: State, words: str) -> None:
    runner, url = await answering(status)
    async with Tenant.open() as tenant:
        one = (await findings(tenant, PHOTOSYNC_TICKET_URL=url))["ticket_system"]
    await runner.cleanup()
    assert (one.state, words in f"{one.found} {one.fix}") == (state, True)


async def test_a_database_tells_its_schema_and_stays_as_it_is(database: str) -> None:
    async with Tenant.open() as tenant:
        empty = (await findings(tenant, PHOTOSYNC_DATABASE_URL=database))["database"]
        again = (await findings(tenant, PHOTOSYNC_DATABASE_URL=database))["database"]
        assert empty == again
        assert (empty.state, "empty" in empty.found) == (OK, True)
        await (await open_store(database)).close()
        full = (await findings(tenant, PHOTOSYNC_DATABASE_URL=database))["database"]
        assert (full.state, f"schema {VERSION}" in full.found) == (OK, True)
        await write_schema(database, VERSION + 1)
        newer = (await findings(tenant, PHOTOSYNC_DATABASE_URL=database))["database"]
        assert (newer.state, newer.fix) == (FAILED, "Use the newer program.")


async def write_schema(database: str, version: int) -> None:
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file, file:
            file.execute("UPDATE meta SET version = ?", (version,))
        return
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE meta SET version = $1", version)
    await connection.close()


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "photosync.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    async with Tenant.open() as tenant:
        one = (await findings(tenant, PHOTOSYNC_DATABASE_URL=f"sqlite:///{tmp_path}/photosync.db"))["database"]
    assert (one.state, "not a database" in one.found) == (FAILED, True)


async def test_a_database_role_that_may_not_make_tables_is_told(postgres_server: str) -> None:
    name = f"narrow_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(f"{postgres_server}/postgres")
    await connection.execute(f"CREATE ROLE {name} LOGIN")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    inside = await asyncpg.connect(f"{postgres_server}/{name}")
    await inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await inside.close()
    address = f"{postgres_server}/{name}".replace("photosync@", f"{name}@")
    async with Tenant.open() as tenant:
        one = (await findings(tenant, PHOTOSYNC_DATABASE_URL=address))["database"]
    assert (one.state, "make tables" in one.fix) == (FAILED, True)


async def test_catalogues_tell_what_falls_back_and_which_file_is_none(tmp_path: Path) -> None:
    text = (ROOT / "locales/sv.po").read_text(encoding="utf-8").replace("Language: sv", "Language: nn")
    (tmp_path / "nn.po").write_text(text.replace('msgctxt "look.match.title"', '#, fuzzy\nmsgctxt "look.match.title"'), encoding="utf-8")  # fmt: skip
    async with Tenant.open() as tenant:
        less = (await findings(tenant, PHOTOSYNC_LOCALES_DIR=str(tmp_path)))["catalogues"]
        (tmp_path / "xx-nonsense.po").write_text("nonsense", encoding="utf-8")
        broken = (await findings(tenant, PHOTOSYNC_LOCALES_DIR=str(tmp_path)))["catalogues"]
    assert (less.state, " nn 1" in less.found) == (OK, True)
    assert (broken.state, "xx-nonsense.po:1:" in broken.found) == (FAILED, True)


async def photosync(tenant: Tenant, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **tenant.environment(),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PHOTOSYNC_PORT": "0",
        **changes,
    }
    return await asyncio.to_thread(subprocess.run, command(*arguments), env=environ, capture_output=True, text=True, timeout=90, check=False)  # fmt: skip


async def test_the_command_prints_a_line_each_and_ends_with_0_or_1() -> None:
    async with Tenant.open() as tenant:
        well = await photosync(tenant, "doctor")
        assert (well.returncode, well.stderr) == (0, "")
        assert [line.split()[0] for line in well.stdout.splitlines()] == ["ok"] * len(CHECKS)
        tenant.world.faults.login_refuses = True
        ill = await photosync(tenant, "doctor", "--user", "ada.oneil@fabrikam.example")
    assert (ill.returncode, ill.stderr) == (1, "")
    assert len(ill.stdout.splitlines()) == len(CHECKS)
    assert sum(line.startswith("FAILED") and ". Fix: " in line for line in ill.stdout.splitlines()) == 2
    for private in (tenant.secret, tenant.helpdesk.secret, "ada.oneil", "Ada"):
        assert private not in well.stdout + ill.stdout


async def test_as_json_the_names_of_the_checks_are_those_of_the_table() -> None:
    async with Tenant.open() as tenant:
        tenant.world.faults.keys_down = True
        done = await photosync(tenant, "doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert [one["check"] for one in told["checks"]] == list(CHECKS)
    assert [one["check"] for one in told["checks"] if one["state"] == "failed"] == ["channel_keys"]
    assert {"check", "state", "found", "fix"} == set(told["checks"][0])


async def test_a_fault_in_one_check_leaves_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Installation) -> CheckResult:
        raise LookupError("what somebody wrote")

    name = "topics"
    monkeypatch.setitem(CHECKS, name, replace(CHECKS[name], run=fails))
    async with Tenant.open() as tenant:
        found = await findings(tenant, who="")
    assert {one for one, result in found.items() if result.state is not OK} == {name}
    assert found[name].found.startswith(f"LookupError at {__file__}")


async def test_wrong_settings_are_told_as_for_serve(tmp_path: Path) -> None:
    empty = tmp_path / "authorities.pem"
    empty.write_text("no certificate in here", encoding="utf-8")
    async with Tenant.open() as tenant:
        changes = {"MicrosoftAppPassword": "", "SSL_CERT_FILE": str(empty)}
        told = [await photosync(tenant, command, **changes) for command in ("doctor", "serve")]
    assert [one.returncode for one in told] == [2, 2]
    assert told[0].stderr == told[1].stderr
    assert "MicrosoftAppPassword is missing" in told[0].stderr
    assert "SSL_CERT_FILE must be a PEM file" in told[0].stderr


@pytest.mark.parametrize("other", [True, False])
async def test_a_port_in_use_is_a_fault_unless_the_bot_itself_is_there(other: bool) -> None:
    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": "maybe" if other else True})

    site = web.Application()
    site.router.add_get("/healthz", alive)
    runner, port = await listen(site, None)
    async with Tenant.open() as tenant:
        one = (await findings(tenant, PHOTOSYNC_PORT=str(port)))["listening"]
        operators = (await findings(tenant, PHOTOSYNC_OPERATOR_PORT=str(port)))["listening"]
    await runner.cleanup()
    for found, setting_ in ((one, "PHOTOSYNC_PORT"), (operators, "PHOTOSYNC_OPERATOR_PORT")):
        assert found.state is (FAILED if other else OK)
        assert setting_ in found.fix if other else "photosync answers" in found.found, found


ENDS = [
    ("in a year", 365, OK, False),
    ("within a month", 10, OK, True),
    ("today", 0, FAILED, True),
    ("last year", -300, FAILED, True),
]


@pytest.mark.parametrize(("days", "state", "warned"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_a_certificate_or_secret_that_ends_is_warned_of_before(
    days: int, state: State, warned: bool, tmp_path: Path
) -> None:
    ends = datetime.now(UTC) + timedelta(days=days, seconds=-60)
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    leaf = authority.issue_cert("bot.example", key_type=trustme.KeyType.RSA, not_after=ends, not_before=ends - timedelta(days=400))  # fmt: skip
    file = tmp_path / "bot.pem"
    file.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    async with Tenant.open() as tenant:
        by_certificate = (await findings(tenant, MicrosoftAppPassword="", MicrosoftAppCertificate=str(file)))["expiry"]
        tenant.grant("User.Read.All", "Sites.Read.All", "Application.Read.All")
        tenant.world.client_secrets = [
            {"hint": "xx!", "endDateTime": "2001-01-01T00:00:00Z"},
            {"hint": tenant.secret[:3], "endDateTime": f"{ends:%Y-%m-%dT%H:%M:%S.1234567Z}"},
        ]
        by_secret = (await findings(tenant))["expiry"]
    for one, name in ((by_certificate, "MicrosoftAppCertificate"), (by_secret, "MicrosoftAppPassword")):
        assert (one.state, bool(one.fix), f"{ends:%Y-%m-%d}" in one.found) == (state, warned, True), one
        assert name in one.found + one.fix


ODD = [
    ("a list of something else", ["x", None, 3]),
    ("a date that is none", [{"hint": "", "endDateTime": "soon"}, {"endDateTime": None}]),
    ("nothing", []),
]


@pytest.mark.parametrize("listed", [row[1] for row in ODD], ids=[row[0] for row in ODD])
async def test_odd_answers_about_secrets_are_no_fault(listed: list[Any]) -> None:
    async with Tenant.open() as tenant:
        tenant.grant("User.Read.All", "Sites.Read.All", "Application.Read.All")
        tenant.world.client_secrets = listed
        one = (await findings(tenant))["expiry"]
    assert (one.state, "lists no secret" in one.found) == (OK, True)


WORDS = [
    ("Basic Constraints of CA cert not marked critical", "RFC 5280"),
    ("Missing Authority Key Identifier", "RFC 5280"),
    ("certificate has expired", "Renew"),
    ("certificate is not yet valid", "NTP"),
    ("Hostname mismatch, certificate is not valid for 'x'.", "another name"),
    ("unable to get local issuer certificate", "SSL_CERT_FILE"),
    ("", "SSL_CERT_FILE"),
]


@pytest.mark.parametrize(("words", "mends"), WORDS)
def test_what_mends_a_certificate_goes_by_openssls_own_words(words: str, mends: str) -> None:
    assert mends in fix(Outage("graph", f"ClientConnectorCertificateError: {words}"))
