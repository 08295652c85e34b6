"""What the pretend tenant refuses an administrator is what Microsoft refuses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.admin.directory import DELAY, GRAPH_APP, Directory
from sandbox.admin.people import AZURE_CLI, GRAPH_TOOLS, TEAMS, Admin
from tests.sandboxed import Reply, SandboxClient, outside

SUBSCRIPTION = "5b000000-0000-4000-8000-000000000001"
ADA = Admin("ad000000-0000-4000-8000-000000000001", "Ada", "ada@fabrikam.example", subscriptions=(SUBSCRIPTION,))
BEN = Admin("ad000000-0000-4000-8000-000000000002", "Ben", "ben@fabrikam.example", roles=frozenset({TEAMS}))
CREATE = {"Prefer": "create-if-missing"}


@dataclass
class Office:
    """A tenant with two administrators, one of whom may do everything."""

    outside: SandboxClient
    directory: Directory

    async def ask(self, admin: Admin, method: str, path: str, body: Any = None, client: str = AZURE_CLI, **headers: str) -> Reply:  # fmt: skip
        login, graph = self.outside.tenant.login, self.outside.tenant.graph.url
        login.codes.consented |= {"Sites.FullControl.All", "AppCatalog.ReadWrite.All"}
        token = login.issue_delegated(admin, client, graph, login.codes.granted(client, ()))
        return await self.outside.ask(
            method, f"{graph}/v1.0{path}", json=body, headers={"Authorization": f"Bearer {token}", **headers}
        )

    async def azure(self, admin: Admin, method: str, path: str, body: Any = None) -> Reply:
        tenant = self.outside.tenant
        token = tenant.login.issue_delegated(admin, AZURE_CLI, tenant.azure.url, ())
        url = f"{tenant.azure.url}{path}?api-version=2022-09-15"
        return await self.outside.ask(method, url, json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with outside() as one:
        yield Office(one, one.tenant.make_empty(ADA, BEN))


async def test_the_directory_refuses_what_is_not_known_yet_not_allowed_or_there_already(office: Office) -> None:
    world = office.outside.tenant.world
    named = "/applications(uniqueName='photosync')"
    assert (await office.ask(ADA, "PATCH", named, {"displayName": "P"})).status == 404  # without Prefer
    made = await office.ask(ADA, "PATCH", named, {"displayName": "P"}, **CREATE)
    assert (made.status, (await office.ask(ADA, "PATCH", named, {"displayName": "P"}, **CREATE)).status) == (201, 204)
    app = made.json()
    assert (await office.ask(ADA, "GET", named)).status == 404  # another copy of the directory
    principal = f"/servicePrincipals(appId='{app['appId']}')"
    early = await office.ask(ADA, "PATCH", principal, {"displayName": "P"}, **CREATE)
    assert (early.status, "valid application object" in early.json()["error"]["message"]) == (400, True)
    world.skipped += DELAY
    made = await office.ask(ADA, "PATCH", principal, {"displayName": "P"}, **CREATE)
    assert made.status == 201
    graph = (await office.ask(ADA, "GET", f"/servicePrincipals(appId='{GRAPH_APP}')")).json()
    body = {"principalId": made.json()["id"], "resourceId": graph["id"], "appRoleId": graph["appRoles"][0]["id"]}
    path = f"/servicePrincipals/{graph['id']}/appRoleAssignedTo"
    assert (await office.ask(ADA, "POST", path, body)).code == "Request_ResourceNotFound"
    world.skipped += DELAY
    assert (await office.ask(BEN, "POST", path, body)).code == "Authorization_RequestDenied"
    assert (await office.ask(ADA, "POST", path, body)).status == 201
    assert (await office.ask(ADA, "POST", path, body)).code == "Request_BadRequest"
    grant = {"clientId": body["principalId"], "consentType": "AllPrincipals", "resourceId": graph["id"], "scope": "openid"}  # fmt: skip
    assert (await office.ask(BEN, "POST", "/oauth2PermissionGrants", grant)).status == 403
    assert (await office.ask(ADA, "POST", "/oauth2PermissionGrants", grant)).status == 201
    assert (await office.ask(ADA, "POST", "/oauth2PermissionGrants", grant)).status == 409
    twice = {"appRoles": [{"value": "A"}, {"value": "A"}]}
    assert (await office.ask(ADA, "PATCH", named, twice)).status == 400
    assert (await office.ask(ADA, "PATCH", named, {"passwordCredentials": []})).status == 400
    assert (await office.ask(BEN, "PATCH", named, {"displayName": "Ben's"})).status == 403
    assert (await office.ask(ADA, "DELETE", named)).status == 204
    assert "uniqueName" in (await office.ask(ADA, "PATCH", named, {"displayName": "P"}, **CREATE)).json()["error"]["message"]  # fmt: skip


async def test_sites_and_the_catalogue_are_beyond_the_azure_cli_and_need_their_roles(office: Office) -> None:
    for path in ("/sites/root", "/appCatalogs/teamsApps"):
        assert (await office.ask(ADA, "GET", path)).status == 403
        assert (await office.ask(ADA, "GET", path, client=GRAPH_TOOLS)).status == 200
    zipped = {"Content-Type": "application/zip"}
    assert (await office.ask(ADA, "POST", "/appCatalogs/teamsApps", client=GRAPH_TOOLS, **zipped)).status == 400
    site = "/sites/fabrikam-my.sharepoint.example"
    grant = {"roles": ["read"], "grantedToIdentities": [{"application": {"id": str(uuid.uuid4())}}]}
    assert (await office.ask(BEN, "POST", f"{site}/permissions", grant, client=GRAPH_TOOLS)).status == 403
    assert (await office.ask(ADA, "POST", f"{site}/permissions", {"roles": []}, client=GRAPH_TOOLS)).status == 400
    assert (await office.ask(ADA, "POST", f"{site}/permissions", grant, client=GRAPH_TOOLS)).status == 201
    listed = (await office.ask(ADA, "GET", f"{site}/permissions", client=GRAPH_TOOLS)).json()["value"]
    assert "roles" not in listed[0]


async def test_azure_refuses_a_bot_that_is_anothers_or_before_its_time(office: Office) -> None:
    home = f"/subscriptions/{SUBSCRIPTION}"
    bots = f"{home}/resourceGroups/g/providers/Microsoft.BotService/botServices"
    properties = {
        "displayName": "P", "endpoint": "https://p.example/api/messages", "msaAppId": "a", "msaAppType": "SingleTenant", "msaAppTenantId": "t",
    }  # fmt: skip
    bot = {"location": "global", "sku": {"name": "F0"}, "properties": properties}
    assert (await office.azure(BEN, "PUT", f"{bots}/photosync", bot)).code == "AuthorizationFailed"
    assert (await office.azure(ADA, "PUT", f"{bots}/photosync", bot)).code == "MissingSubscriptionRegistration"
    await office.azure(ADA, "POST", f"{home}/providers/Microsoft.BotService/register")
    assert (await office.azure(ADA, "PUT", f"{bots}/photosync", bot)).code == "ResourceGroupNotFound"
    await office.azure(ADA, "PUT", f"{home}/resourceGroups/g", {"location": "westeurope"})
    for change in ({"msaAppType": "MultiTenant"}, {"endpoint": "http://p.example"}, {"msaAppTenantId": ""}):
        wrong = {**bot, "properties": {**properties, **change}}
        assert (await office.azure(ADA, "PUT", f"{bots}/photosync", wrong)).code == "InvalidBotData"
    assert (await office.azure(ADA, "PUT", f"{bots}/photosync", bot)).status == 201
    assert "MsaAppId" in (await office.azure(ADA, "PUT", f"{bots}/other", bot)).json()["error"]["message"]
