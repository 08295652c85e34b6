"""The organisation's app catalogue and the grants on sites, through Graph."""

from __future__ import annotations

import io
import json
import re
import secrets
import uuid
import zipfile
from typing import Any

from aiohttp import web

from sandbox.admin.directory import Call, View
from sandbox.admin.people import GLOBAL, SHAREPOINT, TEAMS
from sandbox.sites import ROOT, ROOT_ID, SITE_ID
from sandbox.users import MY_SITE
from sandbox.web import graph_error
from sandbox.world import World

_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Catalog:
    """Serves `/appCatalogs`, `/sites/{id}/permissions`, and sites as an administrator sees them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.apps: dict[str, dict[str, Any]] = {}  # by the catalogue's id; `versions` are manifests
        self.grants: dict[str, dict[str, Any]] = {}  # of the my-site host, by id
        self.licensed = True  # for SharePoint

    def paths(self) -> tuple[tuple[str, str, frozenset[str], View], ...]:
        """As `Directory.paths`."""
        sites = frozenset({"Sites.FullControl.All"})
        apps = frozenset({"AppCatalog.ReadWrite.All", "AppCatalog.Submit"})
        one_site = r"/sites/(?P<site>[^/]+)"
        return (
            ("GET", r"/sites/root", sites, self.root),
            ("GET", r"/sites/(?P<host>[^/,]+)", sites, self.site),
            ("GET", one_site + "/permissions", sites, self.permissions),
            ("GET", one_site + r"/permissions/(?P<id>[^/]+)", sites, self.permission),
            ("POST", one_site + "/permissions", sites, self.permit),
            ("DELETE", one_site + r"/permissions/(?P<id>[^/]+)", sites, self.withdraw),
            ("GET", r"/appCatalogs/teamsApps", apps, self.listed),
            ("POST", r"/appCatalogs/teamsApps", apps, self.publish),
            ("POST", r"/appCatalogs/teamsApps/(?P<id>[^/]+)/appDefinitions", apps, self.publish_again),
            ("DELETE", r"/appCatalogs/teamsApps/(?P<id>[^/]+)", apps, self.unpublish),
        )

    def may_read(self, app_id: str) -> bool:
        """Whether an application was granted the my-site host."""
        return any(app_id == one["app"] for one in self.grants.values())

    async def root(self, _: Call) -> web.Response:
        """GET /sites/root"""
        return self._unlicensed() or web.json_response(_site(ROOT_ID, ROOT))

    async def site(self, call: Call) -> web.Response:
        """GET /sites/{host}"""
        known = {ROOT: ROOT_ID, MY_SITE: SITE_ID}
        host = call.match["host"].lower()
        if host not in known:
            return graph_error(400, "invalidRequest", message="Invalid hostname for this tenancy")
        return self._unlicensed() or web.json_response(_site(known[host], host))

    async def permissions(self, call: Call) -> web.Response:
        """GET .../permissions: without the roles, as Graph lists them."""
        return self._refused(call) or web.json_response(
            {"value": [{name: one[name] for name in ("id", "grantedToIdentities")} for one in self.grants.values()]}
        )

    async def permission(self, call: Call) -> web.Response:
        """GET .../permissions/{id}"""
        one = self.grants.get(str(call.match["id"]))
        if one is None:
            return graph_error(404, "itemNotFound")
        return self._refused(call) or web.json_response({name: value for name, value in one.items() if name != "app"})

    async def permit(self, call: Call) -> web.Response:
        """POST .../permissions: each is one more, also for the same application."""
        body = call.json()
        try:
            application = body["grantedToIdentities"][0]["application"]
            app_id, roles = str(application["id"]), list(body["roles"])
        except (KeyError, IndexError, TypeError):
            return graph_error(400, "invalidRequest")
        if not roles or not set(roles) <= {"read", "write", "fullcontrol", "owner"}:
            return graph_error(400, "invalidRequest")
        refusal = self._refused(call)
        if refusal is not None:
            return refusal
        number = secrets.token_urlsafe(20)
        made = {"id": number, "roles": roles, "grantedToIdentities": [{"application": application}]}
        self.grants[number] = {**made, "app": app_id}
        return web.json_response(made, status=201)

    async def withdraw(self, call: Call) -> web.Response:
        """DELETE .../permissions/{id}"""
        refusal = self._refused(call)
        if refusal is not None:
            return refusal
        found = self.grants.pop(call.match["id"], None)
        return web.Response(status=204) if found else graph_error(404, "itemNotFound")

    def _unlicensed(self) -> web.Response | None:
        return None if self.licensed else graph_error(400, "BadRequest", message="Tenant does not have a SPO license.")

    def _refused(self, call: Call) -> web.Response | None:
        if call.match["site"] not in (SITE_ID, MY_SITE):
            return graph_error(404, "itemNotFound")
        return None if call.admin.roles & {GLOBAL, SHAREPOINT} else graph_error(403, "accessDenied")

    async def listed(self, call: Call) -> web.Response:
        """GET /appCatalogs/teamsApps?$filter=externalId eq '...'"""
        wanted = re.search(r"externalId eq '([^']+)'", call.query.get("$filter", ""))
        found = [one for one in self.apps.values() if wanted is None or one["externalId"] == wanted[1]]
        more = "appDefinitions" in call.query.get("$expand", "")
        return web.json_response({"value": [_shown(one, definitions=more) for one in found]})

    async def publish(self, call: Call) -> web.Response:
        """POST /appCatalogs/teamsApps"""
        if not call.admin.roles & {GLOBAL, TEAMS} and call.query.get("requiresReview") != "true":
            return graph_error(403, "Forbidden", message="The user does not have the admin role.")
        manifest, problem = _manifest(call)
        if manifest is None:
            return graph_error(400, "BadRequest", message=problem)
        if any(one["externalId"] == manifest["id"] for one in self.apps.values()):
            return graph_error(409, "Conflict", message="App definition already exists.")
        made = {"id": str(uuid.uuid4()), "externalId": manifest["id"], "versions": [manifest]}
        self.apps[made["id"]] = made
        return web.json_response(_shown(made, definitions=False), status=201)

    async def publish_again(self, call: Call) -> web.Response:
        """POST .../appDefinitions: a higher version of it."""
        one = self.apps.get(call.match["id"])
        if not call.admin.roles & {GLOBAL, TEAMS}:
            return graph_error(403, "Forbidden")
        manifest, problem = _manifest(call)
        if one is None:
            return graph_error(404, "NotFound")
        if manifest is None or manifest["id"] != one["externalId"]:
            return graph_error(400, "BadRequest", message=problem or "The id of the package is another app's.")
        if _number(manifest) <= _number(one["versions"][-1]):
            return graph_error(409, "Conflict", message="A higher version of the app exists.")
        one["versions"].append(manifest)
        return web.Response(status=204)

    async def unpublish(self, call: Call) -> web.Response:
        """DELETE /appCatalogs/teamsApps/{id}"""
        if not call.admin.roles & {GLOBAL, TEAMS}:
            return graph_error(403, "Forbidden")
        return web.Response(status=204) if self.apps.pop(call.match["id"], None) else graph_error(404, "NotFound")


def _site(identity: str, host: str) -> dict[str, Any]:
    return {"id": identity, "webUrl": f"https://{host}", "siteCollection": {"hostname": host}}


def _number(manifest: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, manifest["version"].split(".")))


def _shown(one: dict[str, Any], *, definitions: bool) -> dict[str, Any]:
    shown = {"id": one["id"], "externalId": one["externalId"], "distributionMethod": "organization"}
    if definitions:
        shown["appDefinitions"] = [
            {"version": version["version"], "publishingState": "published"} for version in one["versions"]
        ]
    return shown


def _manifest(call: Call) -> tuple[dict[str, Any] | None, str]:
    """The manifest of an uploaded package, or what is wrong with that."""
    if call.headers.get("Content-Type") != "application/zip":
        return None, "Content-Type must be application/zip."
    try:
        with zipfile.ZipFile(io.BytesIO(call.body)) as package:
            manifest = json.loads(package.read("manifest.json"))
            names = set(package.namelist())
        uuid.UUID(manifest["id"])
        icons = set(manifest["icons"].values())
        if icons - names or not _VERSION.fullmatch(manifest["version"]) or not manifest["bots"][0]["botId"]:
            return None, "UnableToParseTeamsAppManifest"
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError):
        return None, "UnableToParseTeamsAppManifest"
    return manifest, ""
