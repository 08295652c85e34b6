"""Graph's sites other than the my-site host: each has a hidden list of the people who opened it.

The list's title is localised, its address is not. It tells where a person's picture is and, in `?t=`, when that was
synced. A grant is needed for each site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.asked import Asked, Path, unknown_fields
from sandbox.web import graph_error
from sandbox.world import World

HOST = "fabrikam.sharepoint.example"
_ROLES = ("Sites.Selected", "Sites.Read.All")
_LIST = "77777777-aaaa-4aaa-8aaa-777777777777"
_PAGE = 2  # people on a page: there is always a next one
_DAWN = datetime.min.replace(tzinfo=UTC)


@dataclass
class TeamSite:
    """One site: by `name` in its address, with `title`; `people` are picture addresses by user principal name."""

    name: str
    title: str
    granted: bool = True
    people: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Graph's id."""
        return f"{HOST},88888888-0000-4000-8000-{len(self.name):012},99999999-bbbb-4bbb-8bbb-999999999999"

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://{HOST}/sites/{self.name}"


def picture(account: str, synced: datetime) -> str:
    """The address of a picture as the list has it."""
    seconds = int((synced - _DAWN).total_seconds())
    return f"https://fabrikam-my.sharepoint.example/User%20Photos/Profilbilder/{account}_MThumb.jpg?t={seconds}"


class TeamSites:
    """Serves the sites of the world; `base` is Graph's own address with the version, for the next page."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = ""

    def paths(self) -> tuple[Path, ...]:
        """What is served here."""
        site = r"/sites/(?P<site>[^/]+,88888888-[^/]+)"
        table = (
            (rf"/sites/{re.escape(HOST)}:/sites/(?P<name>[^/:]+)", self.site),
            (site + "/lists", self.lists),
            (site + r"/lists/(?P<list>[^/]+)/items", self.items),
        )
        return tuple(Path(pattern, _ROLES, "accessDenied", view) for pattern, view in table)

    async def site(self, _: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{host}:/sites/{name}"""
        found = next((one for one in self.world.team_sites if one.name == match["name"]), None)
        return _refused(found) or web.json_response(_told(found))

    async def lists(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{id}/lists: system lists only when `system` is selected."""
        found = self._found(match)
        refusal = _refused(found) or unknown_fields(asked, ("id", "name", "webUrl", "system"))
        if refusal is not None or found is None:
            return refusal or graph_error(404, "itemNotFound")
        shown: list[dict[str, Any]] = [{"id": "1", "name": "Documents", "webUrl": f"{found.url}/Shared%20Documents"}]
        if "system" in asked.fields:
            people = {"id": _LIST, "name": "Benutzerinformationsliste", "webUrl": f"{found.url}/_catalogs/users"}
            shown.append({**people, "system": {}})
        return web.json_response({"value": shown})

    async def items(self, asked: Asked, match: re.Match[str]) -> web.Response:
        """GET /sites/{id}/lists/{id}/items?$expand=fields(...), in pages."""
        found = self._found(match)
        refusal = _refused(found)
        if refusal is not None or found is None or match["list"] != _LIST:
            return refusal or graph_error(404, "itemNotFound")
        start = int(asked.query.get("$skiptoken", "0"))
        people = list(found.people.items())
        page = [_item(number, upn, url) for number, (upn, url) in enumerate(people[start : start + _PAGE], start)]
        answer: dict[str, Any] = {"value": page}
        if start + _PAGE < len(people):
            following = f"/sites/{found.id}/lists/{_LIST}/items?$expand=fields&$skiptoken={start + _PAGE}"
            answer["@odata.nextLink"] = self.base + following
        return web.json_response(answer)

    def _found(self, match: re.Match[str]) -> TeamSite | None:
        return next((one for one in self.world.team_sites if one.id == match["site"]), None)


def _refused(found: TeamSite | None) -> web.Response | None:
    if found is None:
        return graph_error(404, "itemNotFound")
    return None if found.granted else graph_error(403, "accessDenied")


def _told(found: TeamSite | None) -> Mapping[str, str]:
    assert found is not None
    return {"id": found.id, "displayName": found.title, "webUrl": found.url}


def _item(number: int, upn: str, url: str) -> dict[str, Any]:
    shown = {"Picture": {"Description": upn, "Url": url}} if url else {}
    return {
        "id": str(number + 1),
        "fields": {"Name": f"i:0#.f|membership|{upn}", "UserName": upn, "EMail": upn, **shown},
    }
