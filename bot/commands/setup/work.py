"""A set-up from signing in to the last check."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot import app
from bot.app_package.build import zipped
from bot.clouds import CLOUDS
from bot.commands.doctor.examine import examine
from bot.commands.doctor.finding import CheckResult, Installation
from bot.commands.doctor.finding import State as CheckState
from bot.commands.doctor.microsoft import roles
from bot.commands.manifest import checked
from bot.commands.setup import env_file as env_files
from bot.commands.setup import remove as removing
from bot.commands.setup import steps
from bot.commands.setup.api import Api, Pause
from bot.commands.setup.hand_over import mail
from bot.commands.setup.plan import Plan
from bot.commands.setup.progress import Progress
from bot.commands.setup.script import Known
from bot.commands.setup.steps import Setup, StepOutcome, StepState, sign_in_words
from bot.commands.terminal import complain
from bot.errors import Malformed, OutsideError, Refused, SettingsError
from bot.graph.client import graph_scope
from bot.graph.device_code import ANY_TENANT, AZURE_CLI, GRAPH_TOOLS, DeviceCode, DeviceCodeSignIn
from bot.http_client import Bearer, HttpClient
from bot.settings import Settings, Use, read

_TOOLS = ("Sites.FullControl.All", "AppCatalog.ReadWrite.All")
# The login service's words for what is only not known there yet.
_NOT_YET = ("AADSTS700016", "AADSTS7000229", "AADSTS700027", "AADSTS7000215", "AADSTS70021")
_KNOWN_SOON = (2, 3, 5, 5, 10, 10, 10, 15, 15, 15, 15, 15, 15, 15)  # seconds until a new credential signs in


async def work(
    settings: Settings,
    environ: Mapping[str, str],
    plan: Plan,
    chosen: argparse.Namespace,
    asking: Progress | None,
    progress: Progress,
    *,
    show: Callable[[DeviceCode], None] | None = None,
    pause: Pause = asyncio.sleep,
) -> int:
    """Returns 0 if everything is set up, 1 if something failed or is left for others."""
    http = HttpClient.from_settings(settings)
    try:
        tenant_id = chosen.tenant or environ.get("MicrosoftAppTenantId", "")
        at = assemble(settings, environ, plan, http, tenant_id, show or progress.show, pause)
        try:
            tenant = await look_around(at, asking)
        except OutsideError as error:
            return complain(sign_in_words(error))
        plan = at.plan
        if not progress.as_json and not chosen.remove:
            progress.plan(plan, tenant)
        verb = "Remove all of it" if chosen.remove else "Do it"
        if asking is not None and not asking.agreed(f"{verb} in {tenant}?", default=not chosen.remove):
            return complain("nothing was done")
        run = removing.remove if chosen.remove else steps.run
        outcomes = await run(at, progress.step)
    finally:
        await http.close()
    checks: dict[str, CheckResult] = {}
    if not chosen.remove:
        outcomes["doctor"], checks = await _doctor(at, outcomes, environ, pause)
        progress.step("doctor", outcomes["doctor"])
    return _finish(at, settings, outcomes, checks, progress)


def assemble(
    settings: Settings,
    environ: Mapping[str, str],
    plan: Plan,
    http: HttpClient,
    tenant: str,
    show: Callable[[DeviceCode], None],
    pause: Pause,
) -> Setup:
    """What the steps work with. Not signed in yet: that happens with the first request to each tool."""
    authority = f"{settings.login_url}/{tenant or ANY_TENANT}"
    scope, arm = graph_scope(settings), f"{settings.azure_url}/.default"
    wanted = [f"{scope.removesuffix('/.default')}/{one}" for one in _TOOLS]
    cli = DeviceCodeSignIn(http, authority, AZURE_CLI, [scope], "the directory and Azure", show, pause)
    tools = DeviceCodeSignIn(http, authority, GRAPH_TOOLS, wanted, "SharePoint and the app catalogue", show, pause)
    graph = f"{settings.graph_url}/v1.0"
    return Setup(
        plan,
        directory=Api(http, "graph", graph, Bearer(cli, scope), pause),
        tools=Api(http, "graph", graph, Bearer(tools, scope), pause),
        azure=Api(http, "azure", settings.azure_url, Bearer(cli, arm), pause),
        build_package=lambda app_id: _package(settings, plan, app_id),
        environ=environ,
        login_url=settings.login_url,
    )


def _package(settings: Settings, plan: Plan, app_id: str) -> bytes:
    values = {"app_id": app_id, "host": plan.host, "version": plan.app_version}
    return zipped(checked(settings, values).files())


async def look_around(at: Setup, asking: Progress | None) -> str:
    """The tenant as people call it, and who is there; the plan gets its subscription. Raises `OutsideError`."""
    me = (await at.directory.send("GET", "/me?$select=displayName,userPrincipalName,userType")).document
    organizations = await at.directory.items("/organization?$select=id,displayName")
    if not organizations:
        raise Malformed("graph", "a directory without an organisation")
    organization = organizations[0]
    at.tenant = str(organization["id"])
    guest = ", as a guest" if me.get("userType") == "Guest" else ""
    tenant = f"{organization.get('displayName')} ({at.tenant}), signed in as {me.get('userPrincipalName')}{guest}"
    if not at.plan.subscription:
        at.plan = replace(at.plan, subscription=await _subscription(at, asking))
    return tenant


async def _subscription(at: Setup, asking: Progress | None) -> str:
    """The one that the account sees; of several the one that is chosen. "" for none."""
    try:
        found = await at.azure.items("/subscriptions?api-version=2022-12-01")
    except OutsideError:
        return ""
    usable = [one for one in found if one.get("state") == "Enabled" and one.get("tenantId", at.tenant) == at.tenant]
    if len(usable) < 2 or asking is None:
        return str(usable[0]["subscriptionId"]) if len(usable) == 1 else ""
    names = ", ".join(f"{number} {one.get('displayName')}" for number, one in enumerate(usable, 1))
    answer = asking.question(f"Which Azure subscription: {names}", "1")
    chosen = int(answer) if answer.isascii() and answer.isdecimal() else 1
    return str(usable[min(max(chosen, 1), len(usable)) - 1]["subscriptionId"])


async def _doctor(
    at: Setup, outcomes: Mapping[str, StepOutcome], environ: Mapping[str, str], pause: Pause
) -> tuple[StepOutcome, dict[str, CheckResult]]:
    """Everything an installation needs, checked with the settings that were written."""
    if outcomes["settings"].state is not StepState.MADE:
        return StepOutcome(StepState.SKIPPED, "there are no settings to check"), {}
    whole = {**environ, **at.settings}
    try:
        settings = read(whole, Use.SERVE)
    except SettingsError as error:
        return StepOutcome(
            StepState.FAILED, "; ".join(error.problems), "Correct the settings, and run photosync doctor."
        ), {}
    wanted = {one.name for one in at.plan.permissions} if outcomes["permissions"].state in _GRANTED else set()
    async with app.outside(settings) as parts:
        for wait in _KNOWN_SOON:
            try:
                given = roles(await parts.graph_tokens.token(graph_scope(settings)))
                if wanted <= (given or frozenset()):
                    break
            except Refused as error:
                if not error.detail.endswith(_NOT_YET):
                    break  # waiting does not help: the checks say what it is
            await pause(wait)
            parts.graph_tokens.forget(graph_scope(settings))
        checks = await examine(Installation.of(parts, ""))
    failed = {name: one for name, one in checks.items() if one.state is CheckState.FAILED}
    if not failed:
        return StepOutcome(StepState.FOUND, f"{len(checks)} checks, none failed"), checks
    words = "; ".join(f"{name}: {one.found}" for name, one in failed.items())
    return StepOutcome(StepState.FAILED, words, next(iter(failed.values())).fix), checks


_GRANTED = (StepState.MADE, StepState.FOUND)


def _finish(
    at: Setup,
    settings: Settings,
    outcomes: dict[str, StepOutcome],
    checks: Mapping[str, CheckResult],
    progress: Progress,
) -> int:
    left = mail(at.plan, CLOUDS[settings.cloud], outcomes, Known(at.tenant, at.app_id, at.principal))
    if left:
        env_files.write_text(at.plan.mail, left)
    else:
        at.plan.mail.unlink(missing_ok=True)
    well = all(one.state not in (StepState.FAILED, StepState.HANDED_OVER) for one in outcomes.values())
    if progress.as_json:
        more: dict[str, Any] = {
            "ok": well,
            "mail": str(at.plan.mail) if left else "",
            "checks": [
                {"check": name, "state": one.state.lower(), "found": one.found, "fix": one.fix}
                for name, one in checks.items()
            ],
        }
        sys.stdout.write(progress.document(outcomes, **more))
        return 0 if well else 1
    progress.summary(str(at.plan.mail) if left else "", well=well)
    return 0 if well else 1
