"""`photosync setup --remove`: takes back what a set-up made, and says what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from bot.commands.setup import env_file
from bot.commands.setup.api import Rejected
from bot.commands.setup.plan import TAG
from bot.commands.setup.steps import (
    BOT_API,
    Do,
    Setup,
    SetupStep,
    StepOutcome,
    StepState,
    granted_to,
    my_site,
    run_steps,
)

_GROUP_API = "?api-version=2022-09-01"
_REMOVED_SETTINGS = (
    "MicrosoftAppId",
    "MicrosoftAppTenantId",
    "MicrosoftAppPassword",
    "MicrosoftAppCertificate",
    "PHOTOSYNC_ASSERTION_IDENTITY",
    "PHOTOSYNC_MY_SITE_HOST",
    "PHOTOSYNC_PAGE_URL",
)


async def _find(at: Setup) -> StepOutcome:
    """The application, by which everything else is found."""
    known = at.environ.get("MicrosoftAppId", "").strip().lower()
    path = f"/applications(appId='{known}')" if known else f"/applications(uniqueName='{quote(at.plan.name)}')"
    found = await at.directory.get(path)
    if found is None:
        return StepOutcome(
            StepState.FAILED, "there is no application to remove", "Name it by --name, or in MicrosoftAppId."
        )
    if TAG not in (found.get("tags") or ()):
        return StepOutcome(StepState.FAILED, "the application was not made by setup", "Remove it by hand in Entra ID.")
    at.application, at.app_id, at.object_id = dict(found), str(found["appId"]), str(found["id"])
    return StepOutcome(StepState.FOUND, at.app_id)


async def _app_package(at: Setup) -> StepOutcome:
    wanted = quote(f"externalId eq '{at.app_id}'")
    found = await at.tools.items(f"/appCatalogs/teamsApps?$filter={wanted}")
    for one in found:
        await at.tools.send("DELETE", f"/appCatalogs/teamsApps/{quote(str(one['id']))}")
    return _removed(len(found), "from the catalogue")


async def _site_grant(at: Setup) -> StepOutcome:
    site = await my_site(at)
    mine = [one for one in await at.tools.items(f"/sites/{site}/permissions") if granted_to(one) == at.app_id]
    for one in mine:
        await at.tools.send("DELETE", f"/sites/{site}/permissions/{quote(str(one['id']))}")
    return _removed(len(mine), f"on {at.my_site_host}")


async def _bot(at: Setup) -> StepOutcome:
    """The bot, and its resource group if that was made for it and holds nothing else."""
    if not at.plan.subscription:
        return StepOutcome(StepState.SKIPPED, "the account sees no Azure subscription")
    home = f"/subscriptions/{at.plan.subscription}"
    bots = await at.azure.items(f"{home}/providers/Microsoft.BotService/botServices{BOT_API}")
    mine = [one for one in bots if one["properties"].get("msaAppId") == at.app_id]
    for one in mine:
        path = str(one["id"])
        await at.azure.send("DELETE", path + BOT_API)
        group = path.partition("/providers/")[0]
        there = await at.azure.get(group + _GROUP_API) or {}
        if (there.get("tags") or {}).get("made-by") != TAG:
            continue
        if not await at.azure.items(f"{group}/resources{_GROUP_API}"):
            await at.azure.send("DELETE", group + _GROUP_API)
    return _removed(len(mine), "in Azure")


async def _application(at: Setup) -> StepOutcome:
    """With it go its service principal, permissions and grants. Purged, or its name could not be used again."""
    await at.directory.send("DELETE", f"/applications/{at.object_id}")
    try:
        await at.directory.send("DELETE", f"/directory/deletedItems/{at.object_id}", until_replicated=True)
    except Rejected as error:
        return StepOutcome(StepState.CHANGED, f"deleted; it can be restored for 30 days ({error})")
    return _removed(1, "with its permissions")


async def _files(at: Setup) -> StepOutcome:
    plan = at.plan
    gone = [path for path in (plan.package, plan.mail) if path.exists()]
    if at.environ.get("MicrosoftAppCertificate") == str(plan.certificate.absolute()) and plan.certificate.exists():
        gone.append(plan.certificate)
    for path in gone:
        path.unlink()
    if plan.env_file.exists():
        env_file.write(plan.env_file, dict.fromkeys(_REMOVED_SETTINGS, ""))
    return _removed(len(gone), ", ".join(map(str, gone)))


def _removed(count: int, where: str) -> StepOutcome:
    return StepOutcome(StepState.REMOVED, where) if count else StepOutcome(StepState.SKIPPED, f"nothing {where}")


def _step(do: Do, role: str, *needs: str) -> SetupStep:
    return SetupStep(do, role, needs)


_STEPS: Mapping[str, SetupStep] = {
    "application": _step(_find, "Application Administrator"),
    "app_package": _step(_app_package, "Teams Administrator", "application"),
    "site_grant": _step(_site_grant, "SharePoint Administrator", "application"),
    "bot": _step(_bot, "Contributor of the Azure subscription", "application"),
    "directory": _step(_application, "Application Administrator", "application", "app_package", "site_grant", "bot"),
    "settings": _step(_files, "", "directory"),
}


async def remove(at: Setup, tell: Callable[[str, StepOutcome], None]) -> dict[str, StepOutcome]:
    """As `steps.run`. The application goes last: as long as it is there, what is left can be found by another run."""
    return await run_steps(_STEPS, at, tell)
