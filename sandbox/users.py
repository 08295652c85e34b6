"""Graph's people and their photos: `/users`, `/users/{id or name}`, `/photo`, `/photos/{size}` and their `/$value`;
the members of groups."""

from __future__ import annotations

import asyncio
import base64
import re

from aiohttp import web

from sandbox.asked import Asked, Path, selected, unknown_fields
from sandbox.encoding import jpeg
from sandbox.web import graph_error
from sandbox.world import EXCHANGE_SIZES, Person, Photo, World

MY_SITE = "fabrikam-my.sharepoint.example"
AT_ONCE = 4  # photo requests that Graph takes from one application
_ROLES = ("User.Read.All", "Directory.Read.All")
_GROUP_ROLES = ("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All")
_USUAL = ("id", "displayName", "userPrincipalName")
_FIELDS = (*_USUAL, "userType", "accountEnabled", "assignedPlans", "preferredLanguage", "mySite")
_LISTED = _FIELDS[:-1]  # `mySite` is told of one person at a time
_PAGE, _LARGEST_PAGE = 100, 999
_ONE_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_APPLICATION = r"/applications\(appId='(?P<app>[^']+)'\)"
_PHOTO_SETTINGS = "/admin/people/photoUpdateSettings"
_PHOTO = r"/users/(?P<user>[^/]+)/photo(?:s/(?P<size>\d+)x(?P=size))?(?P<value>/\$value)?"


class Users:
    """Serves them out of the world; `base` is Graph's own address with the version, for the next page."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = ""
        self._photos_now = 0
        self.photos_at_once = 0  # the most so far

    def paths(self) -> tuple[Path, ...]:
        """What is served here."""
        return (
            Path(r"/users", _ROLES, "Authorization_RequestDenied", self.users),
            Path(r"/users/(?P<user>[^/]+)", _ROLES, "Authorization_RequestDenied", self.user),
            Path(_PHOTO, _ROLES, "Authorization_RequestDenied", self.photo),
            Path(
                r"/users/(?P<user>[^/]+)/mailboxSettings", ("MailboxSettings.Read",), "ErrorAccessDenied", self.mailbox
            ),
            Path(_PHOTO_SETTINGS, ("PeopleSettings.Read.All",), "Forbidden", self.photo_settings, beta=True),
            Path(
                r"/groups/(?P<group>[^/]+)/transitiveMembers", _GROUP_ROLES, "Authorization_RequestDenied", self.members
            ),
            Path(_APPLICATION, ("Application.Read.All",), "Authorization_RequestDenied", self.application),
        )

    async def application(self, asked: Asked, _: re.Match[str]) -> web.Response:
        """GET /applications(appId='...'): its secrets, of which only the first letters are shown."""
        refusal = unknown_fields(asked, ("id", "passwordCredentials"))
        return refusal or web.json_response({"passwordCredentials": self.world.client_secrets})

    async def users(self, asked: Asked, _: re.Match[str]) -> web.Response:
        """GET /users: by name, page by page."""
        top, begin = asked.query.get("$top", str(_PAGE)), asked.query.get("$skiptoken", "0")
        if not (top.isdecimal() and begin.isdecimal() and 1 <= int(top) <= _LARGEST_PAGE):
            return graph_error(400, "Request_UnsupportedQuery")
        refusal = unknown_fields(asked, _LISTED)
        if refusal is not None:
            return refusal
        people = sorted(self.world.people, key=lambda one: one.name)
        end = int(begin) + int(top)
        page = people[int(begin) : end]
        answer: dict[str, object] = {"value": [selected(asked, self._document(one), _USUAL) for one in page]}
        if end < len(people):
            chosen = f"&$select={asked.query['$select']}" if asked.fields else ""
            answer["@odata.nextLink"] = f"{self.base}/users?$top={top}{chosen}&$skiptoken={end}"
        return web.json_response(answer)

    async def members(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /groups/{id}/transitiveMembers: people and groups, page by page."""
        group = match["group"]
        if group not in self.world.groups:
            return graph_error(404, "Request_ResourceNotFound")
        top, begin = asked.query.get("$top", str(_PAGE)), asked.query.get("$skiptoken", "0")
        if not (top.isdecimal() and begin.isdecimal() and 1 <= int(top) <= _LARGEST_PAGE):
            return graph_error(400, "Request_UnsupportedQuery")
        found, end = self.world.members(group), int(begin) + int(top)
        kinds = {True: "#microsoft.graph.group", False: "#microsoft.graph.user"}
        page = [{"@odata.type": kinds[one in self.world.groups], "id": one} for one in found[int(begin) : end]]
        answer: dict[str, object] = {"value": page}
        if end < len(found):
            answer["@odata.nextLink"] = (
                f"{self.base}/groups/{group}/transitiveMembers?$select=id&$top={top}&$skiptoken={end}"
            )
        return unknown_fields(asked, _USUAL) or web.json_response(answer)

    async def user(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /users/{id}: `mySite` and the like only when they are selected."""
        person = self.world.person(match["user"])
        if person is None:
            return graph_error(404, "Request_ResourceNotFound")
        refusal = unknown_fields(asked, _FIELDS)
        if refusal is not None:
            return refusal
        if "mySite" in asked.fields and not self.world.faults.my_site:
            return graph_error(400, "Request_BadRequest")
        return web.json_response(selected(asked, self._document(person), _USUAL))

    async def photo_settings(self, _: Asked, __: re.Match[str]) -> web.Response:
        """GET /admin/people/photoUpdateSettings: who may change a photo."""
        return web.json_response(self.world.photo_settings)

    async def mailbox(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /users/{id}/mailboxSettings: of its many fields what the mailbox is for."""
        person = self.world.person(match["user"])
        if person is None:
            return graph_error(404, "Request_ResourceNotFound")
        return unknown_fields(asked, ("userPurpose",)) or web.json_response({"userPurpose": person.purpose})

    def _document(self, person: Person) -> dict[str, object]:
        mailbox = self.world.holdings(person.id).photo.in_exchange
        plans = (("exchange", mailbox), ("SharePoint", person.sharepoint))
        return {
            "id": person.id,
            "displayName": person.name,
            "userPrincipalName": person.upn,
            "userType": person.user_type,
            "accountEnabled": person.enabled,
            "preferredLanguage": person.locale or None,
            "assignedPlans": [
                {"service": service, "capabilityStatus": "Enabled" if enabled else "Deleted"}
                for service, enabled in plans
            ],
            "mySite": None
            if person.user_type == "Guest" or not person.has_site
            else f"https://{MY_SITE}/personal/{self.world.personal_site(person.id)}/",
        }

    async def photo(self, _: Asked, match: re.Match[str]) -> web.Response:
        """The photo or what is known of it; a fifth request at once is refused."""
        if self._photos_now >= AT_ONCE:
            self.world.faults.photos_refused += 1
            return graph_error(429, "TooManyRequests", {"Retry-After": "0.2"})
        self._photos_now += 1
        self.photos_at_once = max(self.photos_at_once, self._photos_now)
        try:
            await asyncio.sleep(self.world.faults.photo_seconds)
            return self._photo(match)
        finally:
            self._photos_now -= 1

    def _photo(self, match: re.Match[str]) -> web.Response:
        person = self.world.person(match["user"])
        if person is None:
            return graph_error(404, "Request_ResourceNotFound")
        photo = self.world.holdings(person.id).photo
        if person.id in self.world.faults.forbidden:
            return graph_error(403, "ErrorAccessDenied")
        if photo.picture is None:
            return _nothing(photo, bool(match["value"]))
        sides = _sides(photo, match["size"])
        if sides is None:
            return graph_error(404, "ErrorItemNotFound")
        if match["value"]:
            data = jpeg(photo.picture, sides, quality=90)
            return web.Response(body=data, content_type="image/jpeg", headers={"ETag": photo.etag})
        return web.json_response({
            "@odata.mediaContentType": "image/jpeg", "@odata.mediaEtag": photo.etag,
            "id": f"{sides[0]}x{sides[1]}", "width": sides[0], "height": sides[1],
        })  # fmt: skip


def is_photo(path: str) -> bool:
    """Whether a path counts against the limit of photo requests at once."""
    return re.fullmatch(_PHOTO, path) is not None


def _nothing(photo: Photo, value: bool) -> web.Response:
    """The two shapes of "no photo"."""
    if photo.empty_shape != "1x1":
        return graph_error(404, photo.empty_code)
    if value:
        return web.Response(body=_ONE_PIXEL, content_type="image/gif")
    return web.json_response(
        {"@odata.mediaContentType": "image/gif", "@odata.mediaEtag": "", "id": "1x1", "width": 1, "height": 1}
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
