"""Microsoft Graph, as far as the bot may use it: users, photos, sites, the hidden picture library, batches.

Everything else is 404, and what Graph refuses is refused: no token, no role, too many photo requests at once, system
drives that were not asked for, bodies that lack a field.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from PIL import Image
from yarl import URL

from sandbox.login import Login
from sandbox.web import HOST, act_out, graph_error, json_body, listen
from sandbox.world import EXCHANGE_SIZES, Holdings, Person, Photo, World

MY_SITE = "fabrikam-my.sharepoint.example"
ROOT = "fabrikam.sharepoint.example"
FOLDER = "Profilbilder"  # localised by the tenant's language
SITE_ID = f"{MY_SITE},11111111-aaaa-4aaa-8aaa-111111111111,22222222-bbbb-4bbb-8bbb-222222222222"
DRIVE_ID = "b!User-Photos_Drive"
LIST_ID = "33333333-cccc-4ccc-8ccc-333333333333"
_AT_ONCE = 4  # photo requests
_USER_FIELDS = {"id", "displayName", "userPrincipalName", "userType", "accountEnabled", "assignedPlans", "mySite"}
_ONE_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

Answer = web.StreamResponse
Query = Mapping[str, str]
View = Callable[["Graph", Query, re.Match[str]], Awaitable[Answer]]


class Graph:
    """Serves `/v1.0`; `requests` counts by path without ids."""

    def __init__(self, world: World, login: Login) -> None:
        self.world = world
        self.login = login
        self.url = ""
        self.files_url = ""
        self.requests: list[str] = []
        self.downloads: dict[str, bytes] = {}
        self._photos_now = 0
        self._runners: list[web.AppRunner] = []

    async def start(self, tls: Any) -> None:
        """Listen, on one port for Graph and another for downloads."""
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner, port = await listen(app, tls)
        self.url = f"https://{HOST}:{port}"
        files = web.Application()
        files.router.add_get("/download/{name}", self._download)
        files_runner, files_port = await listen(files, tls)
        self.files_url = f"https://{HOST}:{files_port}"
        self._runners = [runner, files_runner]

    async def stop(self) -> None:
        """Stop listening."""
        for runner in self._runners:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> Answer:
        path = unquote(request.url.raw_path)
        self.requests.append(f"{request.method} {path}")
        fault = self.world.faults.next("graph")
        if fault is not None:
            return await act_out(fault, request)
        claims = self.login.check(request.headers.get("Authorization", ""), self.url)
        if claims is None:
            return graph_error(401, "InvalidAuthenticationToken")
        roles = set(claims.get("roles", ()))
        if (request.method, path) == ("POST", "/v1.0/$batch"):
            return await self._batch(request, roles)
        return await self.respond(request.method, path, request.query, roles)

    async def respond(self, method: str, path: str, query: Query, roles: set[str]) -> Answer:
        """One answer, also for a part of a batch."""
        for pattern, known, wanted, view in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match is None or method != known:
                continue
            if wanted and not roles & set(wanted):
                return graph_error(403, "Authorization_RequestDenied" if "users" in pattern else "accessDenied")
            return await view(self, query, match)
        return graph_error(404, "BadRequest")

    # People and photos

    def _person(self, match: re.Match[str]) -> Person | None:
        return self.world.person(match["user"])

    async def user(self, query: Query, match: re.Match[str]) -> Answer:
        """GET /users/{id}"""
        person = self._person(match)
        if person is None:
            return graph_error(404, "Request_ResourceNotFound")
        fields = set(filter(None, query.get("$select", "id,displayName,userPrincipalName").split(",")))
        if not fields <= _USER_FIELDS:
            return graph_error(400, "Request_BadRequest")
        if "mySite" in fields and not self.world.faults.my_site:
            return graph_error(400, "Request_BadRequest")
        document = {
            "id": person.id,
            "displayName": person.name,
            "userPrincipalName": person.upn,
            "userType": "Member",
            "accountEnabled": True,
            "assignedPlans": [{"service": "exchange", "capabilityStatus": "Enabled"}, {"service": "SharePoint", "capabilityStatus": "Enabled"}],
            "mySite": f"https://{MY_SITE}/personal/{person.id}/",
        }  # fmt: skip
        return web.json_response({name: document[name] for name in document if name in fields})

    async def photo(self, _: Query, match: re.Match[str]) -> Answer:
        """GET /users/{id}/photo, /photos/{size}, and their $value."""
        if self._photos_now >= _AT_ONCE:
            return graph_error(429, "TooManyRequests", {"Retry-After": "0.2"})
        self._photos_now += 1
        try:
            await asyncio.sleep(0)
            return self._photo(match)
        finally:
            self._photos_now -= 1

    def _photo(self, match: re.Match[str]) -> Answer:
        person = self._person(match)
        if person is None:
            return graph_error(404, "Request_ResourceNotFound")
        if person.id in self.world.faults.forbidden:
            return graph_error(403, "ErrorAccessDenied")
        photo = self.world.holdings(person.id).photo
        size, value = match["size"], match["value"]
        if photo.picture is None:
            return _nothing(photo, bool(value))
        sides = _sides(photo, size)
        if sides is None:
            return graph_error(404, "ErrorItemNotFound")
        if value:
            return web.Response(
                body=_jpeg(photo.picture, sides), content_type="image/jpeg", headers={"ETag": photo.etag}
            )
        return web.json_response({
            "@odata.mediaContentType": "image/jpeg", "@odata.mediaEtag": photo.etag,
            "id": f"{sides[0]}x{sides[1]}", "width": sides[0], "height": sides[1],
        })  # fmt: skip

    # Sites

    async def root_site(self, _: Query, __: re.Match[str]) -> Answer:
        """GET /sites/root"""
        return web.json_response(
            {"id": f"{ROOT},x,y", "webUrl": f"https://{ROOT}", "siteCollection": {"hostname": ROOT}}
        )

    async def site(self, _: Query, match: re.Match[str]) -> Answer:
        """GET /sites/{host}"""
        if match["host"] != MY_SITE:
            return graph_error(404, "itemNotFound")
        return self._granted() or web.json_response({"id": SITE_ID, "webUrl": f"https://{MY_SITE}", "name": ""})

    async def drives(self, query: Query, match: re.Match[str]) -> Answer:
        """GET /sites/{id}/drives: system drives only when `system` is selected."""
        refusal = self._granted() or _wrong_site(match)
        if refusal:
            return refusal
        fields = query.get("$select", "").split(",")
        found: list[dict[str, Any]] = [
            {
                "id": "b!documents",
                "name": "Documents",
                "webUrl": f"https://{MY_SITE}/Shared%20Documents",
                "driveType": "business",
            }
        ]
        if self.world.faults.library == "drive" and "system" in fields:
            found.append(
                {
                    "id": DRIVE_ID,
                    "name": "User Photos",
                    "webUrl": f"https://{MY_SITE}/User%20Photos",
                    "driveType": "business",
                    "system": {},
                }
            )
        return web.json_response({"value": found})

    async def lists(self, query: Query, match: re.Match[str]) -> Answer:
        """GET /sites/{id}/lists: likewise."""
        refusal = self._granted() or _wrong_site(match)
        if refusal:
            return refusal
        found: list[dict[str, Any]] = [
            {
                "id": "44444444-dddd-4ddd-8ddd-444444444444",
                "name": "Shared Documents",
                "webUrl": f"https://{MY_SITE}/Shared%20Documents",
            }
        ]
        if self.world.faults.library != "none" and "system" in query.get("$select", "").split(","):
            found.append(
                {"id": LIST_ID, "name": "User Photos", "webUrl": f"https://{MY_SITE}/User%20Photos", "system": {}}
            )
        return web.json_response({"value": found})

    async def list_drive(self, _: Query, match: re.Match[str]) -> Answer:
        """GET /sites/{id}/lists/{id}/drive"""
        refusal = self._granted() or _wrong_site(match)
        if refusal:
            return refusal
        if match["list"] != LIST_ID or self.world.faults.library == "none":
            return graph_error(404, "itemNotFound")
        return web.json_response({"id": DRIVE_ID, "driveType": "business"})

    async def children(self, query: Query, match: re.Match[str]) -> Answer:
        """GET /drives/{id}/root/children, in two pages."""
        refusal = self._granted() or self._wrong_drive(match)
        if refusal:
            return refusal
        if "$skiptoken" not in query:
            forms = {"id": "01FORMS", "name": "readme.txt", "file": {"mimeType": "text/plain"}}
            following = f"{self.url}/v1.0/drives/{DRIVE_ID}/root/children?$skiptoken=2"
            return web.json_response({"value": [forms], "@odata.nextLink": following})
        return web.json_response({"value": [{"id": "01FOLDER", "name": FOLDER, "folder": {"childCount": 3}}]})

    async def file(self, _: Query, match: re.Match[str]) -> Answer:
        """GET /drives/{id}/root:/{folder}/{file} and its :/content, which redirects to a pre-authorised address."""
        refusal = self._granted() or self._wrong_drive(match)
        if refusal:
            return refusal
        data, held, account = self._thumbnail(match["folder"], match["file"])
        if data is None or held is None:
            return graph_error(404, "itemNotFound")
        copy = held.copies[account]
        name = secrets.token_urlsafe(16)
        self.downloads[name] = data
        address = f"{self.files_url}/download/{name}"
        if match["content"]:
            return web.Response(status=302, headers={"Location": address})
        return web.json_response({
            "id": f"01{account}", "name": match["file"], "size": len(data), "eTag": copy.etag,
            "lastModifiedDateTime": copy.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "file": {"mimeType": "image/jpeg"}, "@microsoft.graph.downloadUrl": address,
        })  # fmt: skip

    def _thumbnail(self, folder: str, file: str) -> tuple[bytes | None, Holdings | None, str]:
        match = re.fullmatch(r"(?P<account>.+)_(?P<letter>[SML])Thumb\.jpg", file)
        if folder != FOLDER or match is None:
            return None, None, ""
        for person in self.world.people:
            held = self.world.holdings(person.id)
            if match["account"] in held.copies:
                return held.copies[match["account"]].files[match["letter"]], held, match["account"]
        return None, None, ""

    async def _batch(self, request: web.Request, roles: set[str]) -> Answer:
        """POST /$batch: up to 20 requests, answered in any order, bodies that are not JSON in base64."""
        document = await json_body(request)
        asked = document.get("requests") if isinstance(document, dict) else None
        if not isinstance(asked, list) or not 1 <= len(asked) <= 20:
            return graph_error(400, "BadRequest")
        if len({one.get("id") for one in asked}) != len(asked):
            return graph_error(400, "BadRequest")
        answers = [await self._part(one, roles) for one in asked]
        random.shuffle(answers)
        return web.json_response({"responses": answers})

    async def _part(self, one: dict[str, Any], roles: set[str]) -> dict[str, Any]:
        url = URL(f"/v1.0{one.get('url', '')}", encoded=True)
        self.requests.append(f"BATCHED {url.path}")
        answer = await self.respond(str(one.get("method", "GET")), unquote(url.raw_path), url.query, roles)
        assert isinstance(answer, web.Response)
        raw = answer.body if isinstance(answer.body, bytes) else b""
        is_json = answer.content_type == "application/json"
        kept = {name: value for name, value in answer.headers.items() if name in ("Location", "ETag", "Retry-After")}
        body = None if not raw else json.loads(raw) if is_json else base64.b64encode(raw).decode()
        headers = {"Content-Type": answer.content_type, **kept}
        return {"id": str(one.get("id")), "status": answer.status, "headers": headers, "body": body}

    async def _download(self, request: web.Request) -> Answer:
        fault = self.world.faults.next("files")
        if fault is not None:
            return await act_out(fault, request)
        if "Authorization" in request.headers:
            return web.Response(status=401)  # a pre-authorised address refuses a second proof
        data = self.downloads.get(request.match_info["name"])
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data, content_type="image/jpeg")

    def _granted(self) -> web.Response | None:
        return None if self.world.faults.site_grant else graph_error(403, "accessDenied")

    def _wrong_drive(self, match: re.Match[str]) -> web.Response | None:
        return (
            None
            if match["drive"] == DRIVE_ID and self.world.faults.library != "none"
            else graph_error(404, "itemNotFound")
        )


def _wrong_site(match: re.Match[str]) -> web.Response | None:
    return None if match["site"] == SITE_ID else graph_error(404, "itemNotFound")


def _nothing(photo: Photo, value: bool) -> web.Response:
    if photo.empty_shape != "1x1":
        return graph_error(404, "ImageNotFound")
    if value:
        return web.Response(body=_ONE_PIXEL, content_type="image/gif")
    return web.json_response(
        {"@odata.mediaContentType": "image/gif", "@odata.mediaEtag": '""', "id": "1x1", "width": 1, "height": 1}
    )


def _sides(photo: Photo, size: str | None) -> tuple[int, int] | None:
    """The size to serve, or None if it is not kept."""
    assert photo.picture is not None
    own = photo.picture.size
    if size is None:
        return own
    if not photo.in_exchange:
        return None
    wanted = int(size)
    return (wanted, wanted) if wanted in EXCHANGE_SIZES and wanted <= own[0] else None


def _jpeg(picture: Image.Image, sides: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    picture.resize(sides, Image.Resampling.LANCZOS).save(out, "JPEG", quality=90)
    return out.getvalue()


_USERS = ("User.Read.All", "Directory.Read.All")
_SITES = ("Sites.Selected", "Sites.Read.All")
_PHOTO = r"/v1\.0/users/(?P<user>[^/]+)/photo(?:s/(?P<size>\d+)x(?P=size))?(?P<value>/\$value)?"
_ROUTES: tuple[tuple[str, str, tuple[str, ...], View], ...] = (
    (r"/v1\.0/users/(?P<user>[^/]+)", "GET", _USERS, Graph.user),
    (_PHOTO, "GET", _USERS, Graph.photo),
    (r"/v1\.0/sites/root", "GET", ("Sites.Read.All",), Graph.root_site),
    (r"/v1\.0/sites/(?P<host>[^/,]+)", "GET", _SITES, Graph.site),
    (r"/v1\.0/sites/(?P<site>[^/]+)/drives", "GET", _SITES, Graph.drives),
    (r"/v1\.0/sites/(?P<site>[^/]+)/lists", "GET", _SITES, Graph.lists),
    (r"/v1\.0/sites/(?P<site>[^/]+)/lists/(?P<list>[^/]+)/drive", "GET", _SITES, Graph.list_drive),
    (r"/v1\.0/drives/(?P<drive>[^/]+)/root/children", "GET", _SITES, Graph.children),
    (
        r"/v1\.0/drives/(?P<drive>[^/]+)/root:/(?P<folder>[^/]+)/(?P<file>[^/:]+)(?P<content>:/content)?",
        "GET",
        _SITES,
        Graph.file,
    ),
)
