"""`photosync setup`: from an empty tenant to a chat, broken off anywhere, with less than every role."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from rich.console import Console

from bot import app
from bot.__main__ import main
from bot.app_package.build import zipped
from bot.clouds import CLOUDS
from bot.commands.setup import command
from bot.commands.setup.plan import CREDENTIALS, Plan
from bot.commands.setup.progress import Progress
from bot.commands.setup.script import bash
from bot.commands.setup.steps import STEPS, StepOutcome, run
from bot.commands.setup.work import assemble, look_around, work
from bot.graph.device_code import DeviceCode
from bot.http_client import HttpClient, Response
from bot.settings import Use, read
from sandbox.admin import people
from sandbox.admin.people import Admin
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from sandbox.world import PEOPLE
from tests.chatting import step

SUBSCRIPTION = "5b000000-0000-4000-8000-000000000001"
ADA = Admin("ad000000-0000-4000-8000-000000000001", "Ada Admin", "ada@fabrikam.example", subscriptions=(SUBSCRIPTION,))
OURS = ("MicrosoftAppId", "MicrosoftAppPassword", "MicrosoftAppTenantId")
DONE = ("made", "found", "changed", "skipped")


class Killed(BaseException):
    """The process ends here."""


class Killing(HttpClient):
    """Ends the run after the `left`-th request that changes something has taken effect."""

    left = 10_000

    async def request(self, method: str, *arguments: Any, **more: Any) -> Response:
        answer = await super().request(method, *arguments, **more)
        if more["system"] in ("graph", "azure") and method != "GET" and "checkName" not in str(arguments[0]):
            self.left -= 1
            if not self.left:
                raise Killed
        return answer


@dataclass
class Place:
    """An empty tenant, the folder of a set-up, and the administrator who runs it."""

    tenant: Tenant
    folder: Path
    admin: Admin
    codes: int = 0
    declines: bool = False
    sleeps: bool = False
    http: Killing | None = None

    @property
    def env_file(self) -> Path:
        return self.folder / ".env"

    def environ(self) -> dict[str, str]:
        """What the settings are without those that a set-up makes, and with those that it has made."""
        outside = {name: value for name, value in self.tenant.environment().items() if name not in OURS}
        made = dotenv_values(self.env_file) if self.env_file.exists() else {}
        return {**outside, "PHOTOSYNC_PORT": "0", **{name: value or "" for name, value in made.items()}}

    def parsed(self, *arguments: str, host: bool = True) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        command.add(parser)
        named = ["--host", "photosync.fabrikam.example"] if host else []
        return parser.parse_args([*named, "--yes", "--json", *arguments])

    def planned(self, *arguments: str) -> Plan:
        return command.planned(self.parsed(*arguments), self.environ(), self.env_file, None)

    async def run(self, *arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        """One whole run; its document."""
        environ, progress = self.environ(), Progress(Console(quiet=True), as_json=True)
        chosen = self.parsed(*arguments)
        plan = self.planned(*arguments)
        status = await work(
            read(environ, Use.STORE), environ, plan, chosen, None, progress, show=self.show, pause=self.pause
        )
        out = capsys.readouterr()
        found: dict[str, Any] = json.loads(out.out) if out.out else {"error": out.err}
        assert status == (0 if found.get("ok") else 1)
        return found

    async def outcomes(self, *arguments: str, kill_after: int = 10_000) -> dict[str, StepOutcome]:
        """The steps alone, with a package of nothing but a manifest. Raises `Killed`."""
        environ = self.environ()
        settings = read(environ, Use.STORE)
        self.http = self.http or Killing.from_settings(settings)
        self.http.left = kill_after
        at = assemble(settings, environ, self.planned(*arguments), self.http, "", self.show, self.pause)
        at.build_package = package
        await look_around(at, None)
        return await run(at, lambda *_: None)

    async def states(self, *arguments: str, kill_after: int = 10_000) -> dict[str, str]:
        """The same, as words."""
        outcomes = await self.outcomes(*arguments, kill_after=kill_after)
        return {name: outcome.state.value for name, outcome in outcomes.items()}

    def start_again(self) -> None:
        """The tenant is empty once more, and so is the folder."""
        for file in self.folder.iterdir():
            file.unlink()
        self.tenant.make_empty(self.admin)

    def show(self, code: DeviceCode) -> None:
        self.codes += 1
        if self.declines:
            self.tenant.login.codes.decline(code.code)
        elif not self.sleeps:
            self.tenant.login.codes.approve(code.code, self.admin)

    async def pause(self, seconds: float) -> None:
        """Time passes in the tenant only."""
        self.tenant.world.skipped += 600 if self.sleeps else seconds

    def made(self) -> tuple[int, int, int, int, int, int, int]:
        """How many there are of everything of which there has to be one."""
        directory, catalog = self.tenant.login.directory, self.tenant.graph.catalog
        assert directory is not None
        keys = [key for one in directory.applications.values() for key in one["keyCredentials"]]
        return (
            len(directory.applications),
            len(directory.principals) - 1,
            len(directory.assignments),
            len(keys),
            len(catalog.grants),
            len(self.tenant.azure.bots()),
            len(catalog.apps),
        )

    def proofs(self) -> int:
        """How many things the application can sign in with."""
        directory = self.tenant.login.directory
        assert directory is not None
        application = next(iter(directory.applications.values()))
        federated = directory.federated.get(application["id"], [])
        return len(application["keyCredentials"]) + len(application["passwordCredentials"]) + len(federated)


ONE_OF_EACH = (1, 1, 2, 1, 1, 1, 1)  # two permissions


@asynccontextmanager
async def place(folder: Path, admin: Admin = ADA) -> AsyncIterator[Place]:
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        tenant.make_empty(admin)
        one = Place(tenant, folder, admin)
        yield one
        if one.http is not None:
            await one.http.close()


async def test_from_an_empty_tenant_to_a_photo_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as one:
        found = await one.run("--with", "helpdesk,photo-changes,mailboxes", capsys=capsys)
        assert (found["ok"], found["questions"], found["mail"]) == (True, 0, ""), found
        assert one.codes == 2  # the directory and Azure; SharePoint and the catalogue
        assert one.made() == (1, 1, 4, 1, 1, 1, 1)
        assert all(check["state"] != "failed" for check in found["checks"])
        directory = one.tenant.login.directory
        assert directory is not None
        application = next(iter(directory.applications.values()))
        assert application["web"]["redirectUris"] == ["https://photosync.fabrikam.example/helpdesk/signed-in"]
        assert [role["value"] for role in application["appRoles"]] == ["Photosync.Helpdesk"]
        assert directory.grants[0]["scope"] == "openid profile"
        private = [one.env_file, tmp_path / "photosync-certificate.pem"]
        assert [file.stat().st_mode & 0o777 for file in private] == [0o600, 0o600]
        # Nothing secret is printed.
        key = (tmp_path / "photosync-certificate.pem").read_text().splitlines()[1]
        assert key not in json.dumps(found)

        settings = read({**one.environ(), "PHOTOSYNC_PORT": "0"})
        bot = await app.start(settings)
        try:
            one.tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
            chat = one.tenant.channel.chat(next(person.id for person in PEOPLE if person.story == "old"))
            assert await chat.say("my photo is wrong in SharePoint") in (200, 202)
            assert step(chat) == "look.differ"
        finally:
            await bot.stop()


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def read_text(file: Path) -> str:
    return file.read_text()


def package(app_id: str) -> bytes:
    manifest = {"id": app_id, "version": "0.1.0", "icons": {}, "bots": [{"botId": app_id}]}
    return zipped({"manifest.json": json.dumps(manifest).encode()})


IDENTITY = ("--identity", "system", "--subject", "1d000000-0000-4000-8000-000000000002")
PROOFS = [("secret", ()), ("certificate", ()), ("identity", IDENTITY)]


@pytest.mark.parametrize(("credential", "more"), PROOFS, ids=[row[0] for row in PROOFS])
async def test_a_set_up_that_ends_anywhere_is_finished_by_the_next_one(
    credential: str, more: tuple[str, ...], tmp_path: Path
) -> None:
    """Ended after each change with a secret, which only shows once; with the others after the change that differs."""
    wanted = ["--credential", credential, "--with", "helpdesk", *more]
    async with place(tmp_path) as one:
        after = 1 if credential == "secret" else 3
        while True:
            one.start_again()
            try:
                await one.states(*wanted, kill_after=after)
            except Killed:
                states = await one.states(*wanted)
                assert set(states.values()) <= {*DONE}, (after, states)
                assert one.made() == (1, 1, 2, int(credential == "certificate"), 1, 1, 1), after
                assert one.proofs() == 1, after
                after += 1
            else:
                break
            if credential != "secret":
                break
        assert after > (10 if credential == "secret" else 3)
        again = await one.states(*wanted)  # there is nothing left to do
        assert [name for name, state in again.items() if state not in ("found", "skipped")] == ["settings"]


def who(*roles: str, **more: Any) -> Admin:
    return replace(ADA, roles=frozenset(roles), **more)


def change(**switches: Any) -> Any:
    """Sets `catalog.licensed`, `directory.passwords_allowed` and the like."""

    def do(one: Place) -> None:
        for name, value in switches.items():
            where, _, what = name.partition("__")
            there = {
                "codes": one.tenant.login.codes,
                "catalog": one.tenant.graph.catalog,
                "directory": one.tenant.login.directory,
                "azure": one.tenant.azure,
            }[where]
            setattr(there, what, value)

    return do


def deleted(one: Place) -> None:
    directory = one.tenant.login.directory
    assert directory is not None
    directory.deleted["gone"] = {"uniqueName": "photosync"}


def fault(where: str, *faults: Fault) -> Any:
    return lambda one: one.tenant.world.faults.plan(where, faults)


BAD: list[tuple[str, Admin, Any, tuple[str, ...], dict[str, str], tuple[str, ...]]] = [
    # what is in the way | who | what is set | arguments | states that matter | words that are said
    ("no role but the catalogue's", who(people.TEAMS), None, (), {
        "application": "made", "permissions": "handed_over", "site_grant": "handed_over", "app_package": "handed_over"},
     ("Privileged Role Administrator", "consent")),
    ("an application administrator", who(people.APPLICATIONS), None, (), {
        "application": "made", "credential": "made", "permissions": "handed_over", "bot": "made",
        "site_grant": "handed_over", "app_package": "handed_over", "settings": "made"},
     ("Privileged Role Administrator", "SharePoint Administrator", "Teams Administrator")),
    ("a guest", who(people.GLOBAL, guest=True), None, (), {
        "application": "handed_over", "bot": "handed_over", "settings": "handed_over"}, ("Application Developer",)),
    ("no subscription", replace(ADA, subscriptions=()), None, (), {"bot": "handed_over", "permissions": "made"},
     ("no Azure subscription",)),
    ("the bot's name is another's", ADA, change(azure__taken={"photosync"}), (), {"bot": "failed", "site_grant": "made"},
     ("--bot-name", "already in use")),
    ("the application's name is in the bin", ADA, deleted, (), {"application": "failed", "bot": "skipped"},
     ("restore or purge", "--name")),
    ("no SharePoint", ADA, change(catalog__licensed=False), (), {"site_grant": "failed", "app_package": "made"},
     ("no SharePoint",)),
    ("client secrets are forbidden", ADA, change(directory__passwords_allowed=False), ("--credential", "secret"),
     {"credential": "failed"}, ("choose another --credential",)),
    ("Graph throttles for long", ADA, fault("graph", *[Fault(429, retry_after="90", path="appRoleAssignedTo")] * 2), (),
     {"permissions": "failed", "site_grant": "made"}, ("again",)),
    ("Azure fails", ADA, fault("azure", *[Fault(503, path="botServices/")] * 9), (), {"bot": "failed"}, ("again",)),
]  # fmt: skip


@pytest.mark.parametrize(("admin", "set_up", "arguments", "states", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])  # fmt: skip
async def test_what_is_in_the_way_is_named_and_the_rest_is_done(
    admin: Admin,
    set_up: Any,
    arguments: tuple[str, ...],
    states: dict[str, str],
    words: tuple[str, ...],
    tmp_path: Path,
) -> None:
    async with place(tmp_path, admin) as one:
        if set_up is not None:
            set_up(one)
        outcomes = await one.outcomes(*arguments)
        assert {name: outcomes[name].state.value for name in states} == states
        said = " ".join(f"{outcome.found} {outcome.fix}" for outcome in outcomes.values())
        assert [word for word in words if word not in said] == []


SIGN_INS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("Conditional Access forbids device codes", change(codes__blocked=True), ("Conditional Access", "--print")),
    ("another tenant's account", lambda one: setattr(one, "admin", replace(ADA, tenant="other")), ("not of this tenant",)),
    ("declined", lambda one: setattr(one, "declines", True), ("declined",)),
    ("nobody types the code", lambda one: setattr(one, "sleeps", True), ("nobody typed the code",)),
]  # fmt: skip


@pytest.mark.parametrize(("set_up", "words"), [row[1:] for row in SIGN_INS], ids=[row[0] for row in SIGN_INS])
async def test_a_sign_in_that_fails_makes_nothing(
    set_up: Any, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as one:
        set_up(one)
        found = await one.run("--tenant", one.tenant.id, capsys=capsys)
        assert [word for word in words if word not in found["error"]] == [], found["error"]
        assert one.made() == (0, 0, 0, 0, 0, 0, 0)
        assert names_in(tmp_path) == []


async def test_what_was_handed_over_is_a_mail_with_the_commands_and_the_next_run_finds_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path, who(people.APPLICATIONS)) as one:
        found = await one.run(capsys=capsys)
        text = read_text(Path(found["mail"]))
        for words in ("permissions (role: Privileged Role Administrator)", "User.Read.All: to read", "sites/$site/permissions"):  # fmt: skip
            assert words in text
        assert "az bot create" not in text  # that was done
        one.admin = one.tenant.login.admins[ADA.id] = who(people.GLOBAL)
        again = await one.run(capsys=capsys)
        assert (again["ok"], again["mail"], (tmp_path / "photosync-setup-mail.txt").exists()) == (True, "", False)
        assert one.made() == ONE_OF_EACH


async def test_what_was_set_up_can_be_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with place(tmp_path) as one:
        await one.states()
        one.env_file.write_text(one.env_file.read_text() + "PHOTOSYNC_LOG_LEVEL=INFO\n")
        found = await one.run("--remove", capsys=capsys)
        assert found["ok"]
        assert one.made() == (0, 0, 0, 0, 0, 0, 0)
        directory = one.tenant.login.directory
        assert directory is not None
        assert not directory.deleted
        assert not one.tenant.azure.resources
        assert names_in(tmp_path) == [".env"]
        assert read_text(one.env_file) == "PHOTOSYNC_LOG_LEVEL=INFO\n"
        await one.states()  # its names are free again
        assert one.made() == ONE_OF_EACH


async def test_an_application_that_setup_did_not_make_is_used_and_never_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as one:
        await one.states()
        directory = one.tenant.login.directory
        assert directory is not None
        next(iter(directory.applications.values()))["tags"] = []
        found = await one.run("--remove", capsys=capsys)
        assert not found["ok"]
        assert one.made() == ONE_OF_EACH


def shellcheck(script: str) -> None:
    found = subprocess.run(
        ["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert found.stdout + found.stderr == ""


def test_the_scripts_have_every_step_and_shellcheck_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["setup", "--host", "bot.example.com", "--with", "helpdesk", "--credential", "certificate"]
    with pytest.raises(SystemExit):  # what could end a quotation is not taken
        main([*arguments, "--subject", "it's", "--print", "bash"])
    for language in ("bash", "powershell"):
        capsys.readouterr()
        assert main([*arguments, "--print", language]) == 0
        script = capsys.readouterr().out
        assert [name for name in STEPS if f"# --- {name}" not in script] == []
    plan = Plan("bot.example.com", frozenset({"helpdesk"}))
    kinds = [f"credential.{one}" for one in CREDENTIALS]
    shellcheck(bash(plan, CLOUDS["public"], [*STEPS, *kinds]))


@pytest.mark.long
async def test_the_script_sets_up_the_same_and_can_be_run_again(tmp_path: Path) -> None:
    async with place(tmp_path) as one:
        login, graph = one.tenant.login, one.tenant.graph.url
        cloud = replace(CLOUDS["public"], graph_url=graph, login_url=login.url)
        script = bash(one.planned("--with", "helpdesk"), cloud, list(STEPS))
        login.codes.consented |= {"Sites.FullControl.All", "AppCatalog.ReadWrite.All"}
        programs = stand_ins(tmp_path / "programs")
        environ = {
            "PATH": f"{programs}:{os.environ['PATH']}", "CURL_CA_BUNDLE": str(one.tenant.authority.bundle),
            "GRAPH": f"{graph}/v1.0", "ARM": one.tenant.azure.url, "SUBSCRIPTION": SUBSCRIPTION, "TENANT": one.tenant.id,
            "AZ_GRAPH_TOKEN": login.issue_delegated(ADA, people.AZURE_CLI, graph, people.PREAUTHORIZED),
            "AZ_ARM_TOKEN": login.issue_delegated(ADA, people.AZURE_CLI, one.tenant.azure.url, ()),
            "GRAPH_TOKEN": login.issue_delegated(ADA, people.GRAPH_TOOLS, graph, tuple(login.codes.consented)),
        }  # fmt: skip
        for _ in range(2):
            await ended(script, one, environ)
            assert one.made() == ONE_OF_EACH
        lines = read_text(one.env_file).splitlines()
        assert len(lines) == len({line.partition("=")[0] for line in lines}) == 4
        settings = read(one.environ())
        async with app.outside(settings) as parts:
            assert await parts.bot_tokens.token(settings.channel_scope)


PHOTOSYNC = """import json, os, sys, zipfile
if sys.argv[1] == "manifest":
    app = os.environ["MicrosoftAppId"]
    manifest = {"id": app, "version": "0.1.0", "icons": {}, "bots": [{"botId": app}]}
    with zipfile.ZipFile(sys.argv[-1], "w") as package:
        package.writestr("manifest.json", json.dumps(manifest))
"""


def stand_ins(folder: Path) -> Path:
    """`az` and `photosync`, which the script calls."""
    folder.mkdir()
    (folder / "photosync.py").write_text(PHOTOSYNC)
    # Not by the first line of the program: an environment's path may hold a blank.
    photosync = f'#!/bin/sh\nexec "{sys.executable}" -IS "{folder}/photosync.py" "$@"\n'
    for name, content in {"az": (Path(__file__).parent / "az.bash").read_text(), "photosync": photosync}.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    return folder


async def ended(script: str, one: Place, environ: dict[str, str]) -> None:
    """The script has run, while time passes quickly in the tenant."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-s", cwd=one.folder, env=environ,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip

    async def clock() -> None:
        while True:
            await asyncio.sleep(0.1)
            one.tenant.world.skipped += 30

    passing = asyncio.create_task(clock())
    out, _ = await process.communicate(script.encode())
    passing.cancel()
    assert process.returncode == 0, out.decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--host is missing"),
        (["--host", "bot.example.com", "--credential", "federated"], "--issuer and --subject"),
        (["--host", "bot.example.com", "--credential", "identity"], "--identity and --subject"),
    ],
)
def test_what_is_missing_is_named_before_anybody_signs_in(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["setup", "--yes", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_nothing_is_done_where_nobody_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--host", "bot.example.com"]) == 2
    assert "--yes" in capsys.readouterr().err


async def test_a_platform_that_vouches_for_itself_is_chosen_by_itself(tmp_path: Path) -> None:
    async with place(tmp_path) as one:
        claims = {"iss": "https://cluster.example/", "sub": "system:serviceaccount:photosync:photosync"}
        (tmp_path / "token").write_text(one.tenant.login.key.sign(claims))
        environ = {**one.environ(), "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
        plan = command.planned(one.parsed(), environ, one.env_file, None)
        assert (plan.credential, plan.issuer, plan.subject) == ("federated", claims["iss"], claims["sub"])


async def test_the_questions_lead_to_the_same(tmp_path: Path) -> None:
    async with place(tmp_path) as one:
        answers = iter(["photosync.fabrikam.example", "n", "y", "n"])
        ask = Progress(Console(quiet=True), ask=lambda _: next(answers))
        chosen = one.parsed("--credential", "certificate", host=False)
        plan = command.planned(chosen, one.environ(), one.env_file, ask)
        assert (plan.host, plan.features, ask.questions) == ("photosync.fabrikam.example", {"mailboxes"}, 4)
