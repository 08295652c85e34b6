"""The steps of a set-up, in order. Each finds what is there before it makes anything, so that a run that was broken off
at any moment is finished by the next one: one application, one grant, one bot.

What would be made twice by two requests has a name of its own that the other side holds unique: the application's
unique name, the service principal's application id, the credential's name, the bot's path, the app's id in the
catalogue. The rest (app role assignments, grants, the site's permission) is looked for first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot import certificate
from bot.app_package.build import NoPackage
from bot.commands.setup import credential, env_file
from bot.commands.setup.api import CREATE, Api, NotAllowed, Rejected
from bot.commands.setup.plan import TAG, Plan
from bot.errors import OutsideError, Refused, Throttled, TimedOut
from bot.graph.proofs import EXCHANGE

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
BOT_API = "?api-version=2022-09-15"
_ARM_API = "?api-version=2022-09-01"
_PROVIDER = "Microsoft.BotService"
_SIGN_IN_SCOPES = "openid profile"
_REGISTERING = (2, 3, 5, 5, 10, 10, 10, 15, 15, 15)  # seconds


class StepState(StrEnum):
    """What became of a step. `HANDED_OVER`: somebody with another role has to do it, and the mail says how."""

    MADE = "made"
    FOUND = "found"
    CHANGED = "changed"
    REMOVED = "removed"
    HANDED_OVER = "handed_over"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class StepOutcome:
    """One step's; `fix` is what to do, "" where there is nothing to do."""

    state: StepState
    found: str
    fix: str = ""


@dataclass
class Setup:
    """What the steps work with; below, what earlier steps learned for later ones."""

    plan: Plan
    directory: Api  # Graph, by the tool that has the directory's permissions
    tools: Api  # Graph, by the tool that can be given any permission
    azure: Api
    build_package: Callable[[str], bytes]  # the app package for an application id
    environ: Mapping[str, str]
    login_url: str
    tenant: str = ""
    app_id: str = ""
    object_id: str = ""
    application: dict[str, Any] = field(default_factory=dict)
    principal: str = ""  # object id of the service principal
    graph_principal: Mapping[str, Any] = field(default_factory=dict)
    my_site_host: str = ""
    settings: dict[str, str] = field(default_factory=dict)  # for the file


Do = Callable[[Setup], Awaitable[StepOutcome]]


@dataclass(frozen=True)
class SetupStep:
    """One line of the table. `role` is who may do it; `needs` are steps without which it cannot be tried."""

    do: Do
    role: str
    needs: tuple[str, ...] = ()


async def application(at: Setup) -> StepOutcome:
    """The application: found by the id in the settings, else by its unique name, else made."""
    plan, known = at.plan, at.environ.get("MicrosoftAppId", "").strip().lower()
    path = f"/applications(appId='{known}')" if known else f"/applications(uniqueName='{quote(plan.name)}')"
    present = await at.directory.get(path)
    if present is None and known:
        return StepOutcome(
            StepState.FAILED,
            "the tenant has no application of the id in MicrosoftAppId",
            "Sign in to that application's tenant (--tenant), or take MicrosoftAppId out of the settings.",
        )
    at.graph_principal = await at.directory.get(f"/servicePrincipals(appId='{GRAPH_APP}')") or {}
    wanted = plan.application(present or {}, _access(plan, at.graph_principal))
    state = StepState.FOUND
    if present is None:
        reply = await at.directory.send("PATCH", path, {**wanted, "displayName": plan.display_name}, headers=CREATE)
        # 204: a run before this one made it a moment ago.
        state = StepState.MADE if reply.status == 201 else StepState.FOUND
        present = reply.document or await at.directory.get(path, until_replicated=True) or {}
    elif wanted:
        await at.directory.send("PATCH", path, wanted)
        state = StepState.CHANGED
    at.application = dict(present)
    at.app_id, at.object_id = str(present["appId"]), str(present["id"])
    at.settings |= {"MicrosoftAppId": at.app_id, "MicrosoftAppTenantId": at.tenant, "MicrosoftAppType": ""}
    return StepOutcome(state, f"{plan.display_name}, {at.app_id}")


def _access(plan: Plan, graph: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the application says it needs, for whoever reads its page in the portal."""
    roles = _role_ids(graph)
    if not roles:
        return None
    needed = [{"id": roles[one.name], "type": "Role"} for one in plan.permissions if one.name in roles]
    return {"resourceAppId": GRAPH_APP, "resourceAccess": needed}


def _role_ids(principal: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["value"]): str(one["id"]) for one in principal.get("appRoles", ()) if one.get("value")}


async def service_principal(at: Setup) -> StepOutcome:
    """What the application is in this tenant: holder of its permissions."""
    path = f"/servicePrincipals(appId='{at.app_id}')"
    present = await at.directory.get(path)
    wanted: dict[str, Any] = {}
    if "helpdesk" in at.plan.features and not (present or {}).get("appRoleAssignmentRequired"):
        wanted["appRoleAssignmentRequired"] = True  # only people with the role get to the page at all
    if present is None:
        body = {"displayName": at.plan.display_name, **wanted}
        reply = await at.directory.send("PATCH", path, body, headers=CREATE, until_replicated=True)
        present = reply.document or await at.directory.get(path, until_replicated=True) or {}
        state = StepState.MADE if reply.status == 201 else StepState.FOUND
    else:
        state = StepState.CHANGED if wanted else StepState.FOUND
        if wanted:
            await at.directory.send("PATCH", path, wanted)
    at.principal = str(present["id"])
    return StepOutcome(state, "known in the tenant")


async def permissions(at: Setup) -> StepOutcome:
    """Admin consent for exactly the permissions of the plan."""
    ids, resource = _role_ids(at.graph_principal), str(at.graph_principal["id"])
    held = {
        str(one["appRoleId"]): str(one["id"])
        for one in await at.directory.items(f"/servicePrincipals/{at.principal}/appRoleAssignments")
    }
    granted, unknown = [], []
    for one in at.plan.permissions:
        if one.name not in ids:
            unknown.append(one.name)
        elif ids[one.name] not in held:
            body = {"principalId": at.principal, "resourceId": resource, "appRoleId": ids[one.name]}
            await _unless_there(
                at.directory.send(
                    "POST", f"/servicePrincipals/{resource}/appRoleAssignedTo", body, until_replicated=True
                )
            )
            granted.append(one.name)
    if unknown:
        return StepOutcome(
            StepState.FAILED, f"this cloud's Graph has no {', '.join(unknown)}", "Leave out what needs it."
        )
    names = ", ".join(one.name for one in at.plan.permissions)
    return StepOutcome(StepState.MADE if granted else StepState.FOUND, names)


async def helpdesk_sign_in(at: Setup) -> StepOutcome:
    """Consent to what signing in to the helpdesk's page needs, so that nobody is asked for it."""
    if "helpdesk" not in at.plan.features:
        return StepOutcome(StepState.SKIPPED, "no helpdesk's page")
    at.settings["PHOTOSYNC_PAGE_URL"] = f"https://{at.plan.host}"
    resource = str(at.graph_principal["id"])
    there = await at.directory.items(f"/oauth2PermissionGrants?$filter=clientId eq '{at.principal}'")
    people = "give the helpdesk's people the role Photosync.Helpdesk in Entra ID"
    if any(one.get("resourceId") == resource and one.get("consentType") == "AllPrincipals" for one in there):
        return StepOutcome(StepState.FOUND, f"consented; {people}")
    body = {
        "clientId": at.principal,
        "consentType": "AllPrincipals",
        "resourceId": resource,
        "scope": _SIGN_IN_SCOPES,
    }
    await _unless_there(at.directory.send("POST", "/oauth2PermissionGrants", body, until_replicated=True))
    return StepOutcome(StepState.MADE, f"consented; {people}")


async def _unless_there(request: Awaitable[object]) -> None:
    """Does it, and takes it for done if it was there already: another copy of the directory knew more."""
    try:
        await request
    except Rejected as error:
        if "already exists" not in error.message:
            raise


async def proof(at: Setup) -> StepOutcome:
    """What the bot signs in with: best something that cannot be stolen, at worst a secret."""
    return await _PROOFS[at.plan.credential](at)


async def _certificate(at: Setup) -> StepOutcome:
    plan, named = at.plan, at.environ.get("MicrosoftAppCertificate", "").strip()
    path = Path(named) if named else plan.certificate
    state = StepState.FOUND
    if not path.exists():
        credential.write_private(path, credential.make(plan.name))
        state = StepState.MADE
    try:
        found = certificate.read(path.read_bytes(), at.environ.get("MicrosoftAppCertificatePassword", ""))
    except certificate.NotUsable as error:
        return StepOutcome(StepState.FAILED, f"{path} cannot be used: {error}", "Move it away: then a new one is made.")
    key, thumbprint = credential.registered_form(found.public)
    held = at.application.get("keyCredentials") or []
    if not any(one.get("customKeyIdentifier") == thumbprint for one in held):
        mine = {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "displayName": f"{plan.name} {found.ends:%Y-%m-%d}",
            "key": key,
        }
        address = f"/applications/{at.object_id}"
        await at.directory.send("PATCH", address, {"keyCredentials": [*held, mine]}, until_replicated=True)
        state = StepState.MADE
    # Whole: the service may run in another folder.
    at.settings |= {"MicrosoftAppCertificate": str(path.absolute()), "MicrosoftAppPassword": ""}
    return StepOutcome(state, f"a certificate in {path}, until {found.ends:%Y-%m-%d}")


async def _federated(at: Setup) -> StepOutcome:
    """The platform's own tokens stand for the application: nothing is kept anywhere."""
    identity, issuer, subject = at.plan.identity, at.plan.issuer, at.plan.subject
    if at.plan.credential == "identity":
        issuer = issuer or f"{at.login_url}/{at.tenant}/v2.0"
    path = f"/applications/{at.object_id}/federatedIdentityCredentials"
    try:
        held = await at.directory.items(path)
    except Rejected as error:  # a moment old
        if error.status != 404:
            raise
        held = []
    wanted = {"issuer": issuer, "subject": subject, "audiences": [EXCHANGE]}
    if any(all(one.get(name) == value for name, value in wanted.items()) for one in held):
        state = StepState.FOUND
    else:
        reply = await at.directory.send(
            "PATCH", f"{path}(name='{quote(at.plan.name)}')", wanted, headers=CREATE, until_replicated=True
        )
        state = StepState.MADE if reply.status == 201 else StepState.CHANGED
    at.settings |= {"MicrosoftAppPassword": "", "MicrosoftAppCertificate": "", "PHOTOSYNC_ASSERTION_IDENTITY": identity}
    return StepOutcome(state, f"tokens of {issuer} for {subject}")


async def _secret(at: Setup) -> StepOutcome:
    held = at.application.get("passwordCredentials") or []
    known = at.environ.get("MicrosoftAppPassword", "")
    if known and any(one.get("hint") == known[:3] for one in held):
        return StepOutcome(StepState.FOUND, "a client secret, in the settings")
    address = f"/applications/{at.object_id}"
    for one in held:  # of a run that ended before the secret was written down: nobody knows it
        if one.get("displayName") == TAG:
            await at.directory.send("POST", f"{address}/removePassword", {"keyId": one["keyId"]})
    body = {"passwordCredential": {"displayName": TAG}}
    reply = await at.directory.send("POST", f"{address}/addPassword", body, until_replicated=True)
    at.settings |= {"MicrosoftAppPassword": str(reply.document["secretText"]), "MicrosoftAppCertificate": ""}
    env_file.write(at.plan.env_file, at.settings)  # at once: it is never shown again
    return StepOutcome(StepState.MADE, f"a client secret, until {str(reply.document.get('endDateTime'))[:10]}")


_PROOFS: Mapping[str, Do] = {
    "certificate": _certificate,
    "federated": _federated,
    "identity": _federated,
    "secret": _secret,
}


async def site_grant(at: Setup) -> StepOutcome:
    """Read access to the one site where SharePoint keeps the copies."""
    site = await my_site(at)
    grants = await at.tools.items(f"/sites/{site}/permissions")
    for one in grants:
        if granted_to(one) == at.app_id:
            # The list does not say the roles.
            whole = await at.tools.get(f"/sites/{site}/permissions/{quote(str(one['id']))}") or {}
            return StepOutcome(
                StepState.FOUND, f"{', '.join(whole.get('roles', ())) or 'some role'} on {at.my_site_host}"
            )
    identity = {"application": {"id": at.app_id, "displayName": at.plan.display_name}}
    body = {"roles": ["read"], "grantedToIdentities": [identity]}
    await at.tools.send("POST", f"/sites/{site}/permissions", body, until_replicated=True)
    return StepOutcome(StepState.MADE, f"read on {at.my_site_host}, and on nothing else")


async def my_site(at: Setup) -> str:
    """The id of the my-site host's root site."""
    host = at.environ.get("PHOTOSYNC_MY_SITE_HOST", "").strip()
    if not host:
        root = (await at.tools.send("GET", "/sites/root")).document
        name, dot, rest = str((root.get("siteCollection") or {}).get("hostname") or "").partition(".")
        host = f"{name}-my{dot}{rest}"
    site = (await at.tools.send("GET", f"/sites/{host}")).document
    at.my_site_host = host
    return str(site["id"])


def granted_to(grant: Mapping[str, Any]) -> str:
    identities: list[dict[str, Any]] = grant.get("grantedToIdentitiesV2") or grant.get("grantedToIdentities") or [{}]
    return str((identities[0].get("application") or {}).get("id") or "")


async def bot(at: Setup) -> StepOutcome:
    """The Azure Bot with the Teams channel. It costs nothing: Teams is a channel of the free tier."""
    plan = at.plan
    subscription = plan.subscription
    if not subscription:
        return StepOutcome(
            StepState.HANDED_OVER,
            "the account sees no Azure subscription",
            "Have it done by somebody with one (the mail).",
        )
    home = f"/subscriptions/{subscription}"
    bots = await at.azure.items(f"{home}/providers/{_PROVIDER}/botServices{BOT_API}") if await _registered(at) else []
    mine = next((one for one in bots if one["properties"].get("msaAppId") == at.app_id), None)
    group = f"{home}/resourceGroups/{quote(plan.resource_group)}"
    path = str(mine["id"]) if mine else f"{group}/providers/{_PROVIDER}/botServices/{quote(plan.bot_name)}"
    state = StepState.FOUND
    if mine is None:
        refusal = await _name_refusal(at, plan.bot_name)
        if refusal:
            return StepOutcome(
                StepState.FAILED, f"no bot can be called {plan.bot_name}: {refusal}", "Choose another --bot-name."
            )
        if await at.azure.get(group + _ARM_API) is None:
            tags = {"made-by": TAG}
            await at.azure.send("PUT", group + _ARM_API, {"location": plan.location, "tags": tags})
    properties = {
        "displayName": plan.display_name,
        "endpoint": plan.endpoint,
        "msaAppId": at.app_id,
        "msaAppType": "SingleTenant",
        "msaAppTenantId": at.tenant,
    }
    present = mine["properties"] if mine else {}
    if any(present.get(name) != value for name, value in properties.items()):
        tags = {**(mine or {}).get("tags", {}), **({} if mine else {"made-by": TAG})}
        document = {"location": "global", "kind": "azurebot", "sku": {"name": "F0"}, "tags": tags}
        await at.azure.send("PUT", path + BOT_API, {**document, "properties": {**present, **properties}})
        state = StepState.CHANGED if mine else StepState.MADE
    channel = f"{path}/channels/MsTeamsChannel{BOT_API}"
    if await at.azure.get(channel) is None:
        enabled = {"channelName": "MsTeamsChannel", "properties": {"isEnabled": True}}
        await at.azure.send("PUT", channel, {"location": "global", "properties": enabled})
        state = StepState.MADE if state is StepState.MADE else StepState.CHANGED
    return StepOutcome(state, f"{path.rpartition('/')[2]} with the Teams channel, answering at {plan.endpoint}")


async def _registered(at: Setup) -> bool:
    """Whether the subscription had the bot service; it has when this returns. Raises `TimedOut`."""
    provider = f"/subscriptions/{at.plan.subscription}/providers/{_PROVIDER}"

    async def state() -> object:
        return (await at.azure.send("GET", provider + _ARM_API)).document.get("registrationState")

    if await state() == "Registered":
        return True
    await at.azure.send("POST", f"{provider}/register{_ARM_API}")
    for wait in _REGISTERING:
        if await state() == "Registered":
            return False
        await at.azure.pause(wait)
    raise TimedOut("azure", "the subscription is still being registered for the bot service")


async def _name_refusal(at: Setup, name: str) -> str:
    """Why no bot can have that name, which is unique in all of Azure; "" if one can."""
    body = {"name": name, "type": "azurebot"}
    reply = await at.azure.send("POST", f"/providers/{_PROVIDER}/checkNameAvailability{BOT_API}", body)
    return "" if reply.document.get("valid") else str(reply.document.get("message") or "it is not free")


async def app_package(at: Setup) -> StepOutcome:
    """The app's package, as a file and in the organisation's catalogue."""
    try:
        content = at.build_package(at.app_id)
    except NoPackage as error:
        return StepOutcome(StepState.FAILED, str(error), "Correct these settings: Teams would refuse the package.")
    at.plan.package.write_bytes(content)
    wanted = f"externalId eq '{at.app_id}'"
    found = await at.tools.items(f"/appCatalogs/teamsApps?$filter={quote(wanted)}&$expand=appDefinitions")
    zipped = {"Content-Type": "application/zip"}
    if not found:
        try:
            await at.tools.send("POST", "/appCatalogs/teamsApps", headers=zipped, body=content)
        except Rejected as error:
            if error.status != 409:
                raise
            return StepOutcome(StepState.FOUND, f"{at.plan.package}, in the catalogue already")
        return StepOutcome(StepState.MADE, f"{at.plan.package}, and in the organisation's catalogue")
    versions = [_version(str(one.get("version"))) for one in found[0].get("appDefinitions", ())]
    if max(versions, default=(0,)) >= _version(at.plan.app_version):
        return StepOutcome(StepState.FOUND, f"{at.plan.package}; the catalogue has this version")
    path = f"/appCatalogs/teamsApps/{quote(str(found[0]['id']))}/appDefinitions"
    await at.tools.send("POST", path, headers=zipped, body=content)
    return StepOutcome(StepState.CHANGED, f"{at.plan.package}, and version {at.plan.app_version} in the catalogue")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isascii() and part.isdecimal() else 0 for part in text.split("."))


async def write_settings(at: Setup) -> StepOutcome:
    """The file that `serve` reads."""
    if at.my_site_host:
        at.settings["PHOTOSYNC_MY_SITE_HOST"] = at.my_site_host
    env_file.write(at.plan.env_file, at.settings)
    return StepOutcome(StepState.MADE, str(at.plan.env_file))


STEPS: Mapping[str, SetupStep] = {
    "application": SetupStep(application, "Application Developer or Application Administrator"),
    "service_principal": SetupStep(service_principal, "Application Administrator", ("application",)),
    "credential": SetupStep(proof, "Application Administrator, or the application's owner", ("application",)),
    "permissions": SetupStep(permissions, "Privileged Role Administrator", ("service_principal",)),
    "helpdesk_sign_in": SetupStep(helpdesk_sign_in, "Cloud Application Administrator", ("service_principal",)),
    "bot": SetupStep(bot, "Contributor of an Azure subscription", ("application",)),
    "site_grant": SetupStep(site_grant, "SharePoint Administrator", ("service_principal",)),
    "app_package": SetupStep(app_package, "Teams Administrator", ("application",)),
    "settings": SetupStep(write_settings, "", ("application",)),
}
"""In this order. The names are stable: scripts read them with --json."""


async def run(at: Setup, tell: Callable[[str, StepOutcome], None]) -> dict[str, StepOutcome]:
    """Every step's outcome, by its name; `tell` hears of each when it has ended."""
    return await run_steps(STEPS, at, tell)


async def run_steps(
    steps: Mapping[str, SetupStep], at: Setup, tell: Callable[[str, StepOutcome], None]
) -> dict[str, StepOutcome]:
    """Some steps, in their order. What a step skips on purpose is no hindrance for others."""
    outcomes: dict[str, StepOutcome] = {}
    for name, step in steps.items():
        lacking = [
            one
            for one in step.needs
            if outcomes[one].state in (StepState.FAILED, StepState.HANDED_OVER)
            or outcomes[one].found.startswith("needs ")
        ]
        handed = [one for one in lacking if outcomes[one].state is StepState.HANDED_OVER]
        if lacking:
            state = StepState.HANDED_OVER if handed else StepState.SKIPPED
            outcomes[name] = StepOutcome(state, f"needs {', '.join(lacking)}")
        else:
            outcomes[name] = await _outcome(step, at)
        tell(name, outcomes[name])
    return outcomes


async def _outcome(step: SetupStep, at: Setup) -> StepOutcome:
    try:
        return await step.do(at)
    except NotAllowed as error:
        return StepOutcome(StepState.HANDED_OVER, _words(error), f"It needs: {step.role}. The mail has the commands.")
    except Rejected as error:
        return StepOutcome(StepState.FAILED, _words(error), _fix(error))
    except OutsideError as error:
        return _unfinished(step, error)
    except OSError as error:
        return StepOutcome(
            StepState.FAILED, f"{error.filename} cannot be written: {error.strerror}", "Make it writable."
        )


def _unfinished(step: SetupStep, error: OutsideError) -> StepOutcome:
    if isinstance(error, Refused):
        return StepOutcome(
            StepState.HANDED_OVER, sign_in_words(error), f"It needs: {step.role}. The mail has the commands."
        )
    if isinstance(error, Throttled):
        return StepOutcome(StepState.FAILED, str(error), "Run this again in some minutes: it goes on where it ended.")
    return StepOutcome(StepState.FAILED, str(error), "Run this again: it goes on where it ended.")


_SIGN_IN = {
    "AADSTS53003": "Conditional Access forbids the sign-in by device code here: use --print powershell, and run the "
    "script where a browser opens, or have this account exempted from the policy",
    "AADSTS90094": "the sign-in needs an administrator's consent to Microsoft Graph Command Line Tools",
    "AADSTS65001": "the sign-in needs an administrator's consent to Microsoft Graph Command Line Tools",
    "AADSTS70019": "the sign-in was declined",
    "AADSTS50020": "the account is not of this tenant",
    "AADSTS90002": "there is no such tenant",
    "AADSTS50158": "the sign-in needs another factor that a device code cannot ask for: use --print",
    "AADSTS700016": "this tenant does not know Microsoft's own tools: use --print",
}


def sign_in_words(error: OutsideError) -> str:
    """What a refused sign-in means."""
    return next((text for number, text in _SIGN_IN.items() if error.detail.endswith(number)), f"sign-in: {error}")


_REJECTIONS: Mapping[str, str] = {
    "same value for property uniqueName": "An application of this name was deleted and can still be restored: restore "
    "or purge it in Entra ID (App registrations, Deleted applications), or choose another --name.",
    "SPO license": "The tenant has no SharePoint: Photosync needs it. Nothing else has to be undone.",
    "MsaAppId is already in use": "Another subscription has a bot for this application: name it in --subscription.",
    "as per assigned policy": "The tenant forbids this kind of credential: choose another --credential.",
    "Invalid hostname": "Name the host of the personal sites in PHOTOSYNC_MY_SITE_HOST.",
}
"""By a part of the interface's own words."""


def _words(error: Rejected) -> str:
    return f"{error}: {error.message}" if error.message else str(error)


def _fix(error: Rejected) -> str:
    usual = "See docs/setup.md, and run this again: it goes on where it ended."
    return next((fix for text, fix in _REJECTIONS.items() if text in error.message), usual)
