"""Graph's sites, drives, lists and files: the way to the hidden library in which SharePoint keeps people's pictures."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

from aiohttp import web

from sandbox.asked import Asked, Path, selected, unknown_fields
from sandbox.files import Files
from sandbox.users import MY_SITE
from sandbox.web import graph_error
from sandbox.world import World

ROOT = "fabrikam.sharepoint.example"
FOLDER = "Profilbilder"  # localised by the tenant's language
SITE_ID = f"{MY_SITE},11111111-aaaa-4aaa-8aaa-111111111111,22222222-bbbb-4bbb-8bbb-222222222222"
ROOT_ID = f"{ROOT},55555555-eeee-4eee-8eee-555555555555,66666666-ffff-4fff-8fff-666666666666"
DRIVE_ID = "b!User-Photos_Drive"
LIST_ID = "33333333-cccc-4ccc-8ccc-333333333333"
_EVERY_SITE = "Sites.Read.All"
_ROLES = ("Sites.Selected", _EVERY_SITE)
_LIBRARY = f"https://{MY_SITE}/User%20Photos"
_DOCUMENTS = f"https://{MY_SITE}/Shared%20Documents"
_DRIVE_FIELDS = ("id", "name", "webUrl", "driveType", "system")
_LIST_FIELDS = ("id", "name", "displayName", "webUrl", "list", "system")
_DRIVES = (
    {"id": "b!documents", "name": "Documents", "webUrl": _DOCUMENTS, "driveType": "business"},
    {"id": DRIVE_ID, "name": "User Photos", "webUrl": _LIBRARY, "driveType": "business", "system": {}},
)
_LISTS: tuple[dict[str, Any], ...] = (
    {"id": "44444444-dddd-4ddd-8ddd-444444444444", "name": "Shared Documents", "webUrl": _DOCUMENTS},
    {"id": LIST_ID, "name": "User Photos", "webUrl": _LIBRARY, "system": {}},
)


class Sites:
    """Serves one my-site host; `base` is Graph's own address with the version, for the next page."""

    def __init__(self, world: World, files: Files) -> None:
        self.world = world
        self.files = files
        self.base = ""

    def paths(self) -> tuple[Path, ...]:
        """What is served here."""
        site, drive = r"/sites/(?P<site>[^/]+)", r"/drives/(?P<drive>[^/]+)"
        file = drive + r"/root:/(?P<folder>[^/]+)/(?P<file>[^/:]+)(?P<content>:/content)?"
        # Sites.Selected reaches the root site only by a grant on it, which nobody here has given.
        table = (
            (r"/sites/root", (_EVERY_SITE,), self.root),
            (r"/sites/(?P<host>[^/,]+)", _ROLES, self.site),
            (site + "/drives", _ROLES, self.drives),
            (site + "/lists", _ROLES, self.lists),
            (site + r"/lists/(?P<list>[^/]+)/drive", _ROLES, self.list_drive),
            (drive + "/root/children", _ROLES, self.children),
            (drive + r"/root:/(?P<folder>[^/:]+)", _ROLES, self.folder),
            (file, _ROLES, self.file),
        )
        return tuple(Path(pattern, roles, "accessDenied", view) for pattern, roles, view in table)

    async def root(self, _: Asked, __: re.Match[str]) -> web.Response:
        """GET /sites/root"""
        return web.json_response(_site(ROOT_ID, ROOT))

    async def site(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{host}"""
        host = match["host"].lower()
        if host == ROOT:
            return web.json_response(_site(ROOT_ID, ROOT)) if _EVERY_SITE in asked.roles else _denied()
        if host != MY_SITE:
            return graph_error(400, "invalidRequest", message="Invalid hostname for this tenancy")
        return self._refused() or web.json_response(_site(SITE_ID, MY_SITE))

    async def drives(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{id}/drives: system drives only when `system` is selected."""
        return self._site_refused(match) or self._listed(asked, _DRIVES, _DRIVE_FIELDS, ("drive",))

    async def lists(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{id}/lists: likewise."""
        return self._site_refused(match) or self._listed(asked, _LISTS, _LIST_FIELDS, ("drive", "list"))

    def _listed(
        self, asked: Asked, items: tuple[dict[str, Any], ...], known: tuple[str, ...], shown: tuple[str, ...]
    ) -> web.Response:
        """A collection; its system items where the library shows in one of the ways `shown`."""
        hidden = "system" not in asked.fields or self.world.faults.library not in shown
        found = [selected(asked, one, known) for one in items if not (hidden and "system" in one)]
        return unknown_fields(asked, known) or web.json_response({"value": found})

    async def list_drive(self, _: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{id}/lists/{id}/drive"""
        refusal = self._site_refused(match)
        if refusal is not None:
            return refusal
        if match["list"] != LIST_ID or self.world.faults.library == "none":
            return graph_error(404, "itemNotFound")
        return web.json_response({"id": DRIVE_ID, "driveType": "business"})

    async def children(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /drives/{id}/root/children, in two pages."""
        refusal = self._drive_refused(match)
        if refusal is not None:
            return refusal
        page = asked.query.get("$skiptoken", "")
        if page == "2":
            return web.json_response({"value": [{"id": "01FOLDER", "name": FOLDER, "folder": {"childCount": 3}}]})
        if page:
            return graph_error(400, "invalidRequest")
        first = {"id": "01README", "name": "readme.txt", "file": {"mimeType": "text/plain"}}
        following = f"{self.base}/drives/{DRIVE_ID}/root/children?$skiptoken=2"
        return web.json_response({"value": [first], "@odata.nextLink": following})

    async def folder(self, _: Asked, match: re.Match[str]) -> web.Response:
        """GET /drives/{id}/root:/{folder}"""
        refusal = self._drive_refused(match)
        if refusal is not None:
            return refusal
        if match["folder"] != FOLDER:
            return graph_error(404, "itemNotFound")
        return web.json_response({"id": "01FOLDER", "name": FOLDER, "folder": {"childCount": 3}})

    async def file(self, _: Asked, match: re.Match[str]) -> web.Response:
        """GET /drives/{id}/root:/{folder}/{file} and its :/content, which redirects to a pre-authorised address."""
        refusal = self._drive_refused(match)
        if refusal is not None:
            return refusal
        named = re.fullmatch(r"(?P<account>.+)_(?P<letter>[SML])Thumb\.jpg", match["file"])
        copy = self.world.filed(named["account"]) if named and match["folder"] == FOLDER else None
        if named is None or copy is None or named["letter"] not in copy.files:
            return graph_error(404, "itemNotFound")
        data = copy.files[named["letter"]]
        address = self.files.keep(data, match["file"])
        modified = copy.apart.get(named["letter"], copy.modified)
        if match["content"]:
            return web.Response(status=302, headers={"Location": address})
        return web.json_response({
            "id": f"01{named['account']}", "name": match["file"], "size": len(data), "eTag": copy.etag,
            "lastModifiedDateTime": modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "file": {"mimeType": "image/jpeg"}, "@microsoft.graph.downloadUrl": address,
        })  # fmt: skip

    def _refused(self) -> web.Response | None:
        return None if self.world.faults.site_grant else _denied()

    def _site_refused(self, match: re.Match[str]) -> web.Response | None:
        return self._refused() or (None if match["site"] == SITE_ID else graph_error(404, "itemNotFound"))

    def _drive_refused(self, match: re.Match[str]) -> web.Response | None:
        there = match["drive"] == DRIVE_ID and self.world.faults.library != "none"
        return self._refused() or (None if there else graph_error(404, "itemNotFound"))


def _denied() -> web.Response:
    return graph_error(403, "accessDenied")


def _site(identity: str, host: str) -> dict[str, Any]:
    return {"id": identity, "name": "", "webUrl": f"https://{host}", "root": {}, "siteCollection": {"hostname": host}}
