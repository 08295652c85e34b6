"""One site shows it wrong: does a site's own list of people point at the present copy?

Every site keeps a hidden list of the people who opened it, with the address of their picture and, in `?t=`, when that
was last synced. Requests go to Graph only, never to the address the person sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from bot.errors import NotFound, OutsideError, Refused
from bot.graph.client import NO_DEADLINE, Graph, has_address, item_id, text
from bot.graph.users import Person
from bot.photos.picture import Picture
from dialogs.model import SiteFinding

READ_THE_SITE = "Sites.Selected, role read on that site (or Sites.Read.All)"
_LIST = "/_catalogs/users"
_MAX_PAGES = 25
_PAGE = 200
_LONGEST_NAME = 100
_COLLECTIONS = ("sites", "teams", "personal")
_SHARED = re.compile(r"/:[a-z]:/(?P<kind>[rstp])/")  # the forms of "copy link"
_SHARED_AS = {"s": "/sites/", "t": "/teams/", "p": "/personal/", "r": "/"}
_DOTNET_EPOCH = datetime.min.replace(tzinfo=UTC)  # `t` counts seconds from here
_TIME_ZONES = timedelta(hours=26)  # in which zone it counts is not certain


@dataclass(frozen=True)
class SiteResult:
    """What a site shows: its name, and one of `dialogs.model.SiteFinding`."""

    site: str
    finding: str


class Sites:
    """Looks at sites that people name."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def look(
        self, address: str, person: Person, copy: Picture | None, deadline: float = NO_DEADLINE
    ) -> SiteResult:
        """Whether the site of an address points at SharePoint's present copy. Never raises `OutsideError`."""
        host, path = parse_address(address)
        name = path.rpartition("/")[2] or host
        try:
            name, entry = await self._entry(host, path, name, person, deadline)
        except Refused:
            return SiteResult(name, SiteFinding.FORBIDDEN)
        except OutsideError:
            return SiteResult(name, SiteFinding.FAILED)
        if entry is None:
            return SiteResult(name, SiteFinding.UNLISTED)
        return SiteResult(name, SiteFinding.SAME if _points_at(entry, copy) else SiteFinding.OLD)

    async def _entry(
        self, host: str, path: str, name: str, person: Person, deadline: float
    ) -> tuple[str, dict[str, Any] | None]:
        where = f"/sites/{quote(host)}:{quote(path)}" if path else f"/sites/{quote(host)}"
        site = await self._graph.json(
            f"{where}?$select=id,displayName,webUrl", permission=READ_THE_SITE, deadline=deadline
        )
        name = text(site, "displayName")[:_LONGEST_NAME] or name
        base = f"/sites/{item_id(site)}/lists"
        lists = await self._graph.pages(
            f"{base}?$select=id,name,webUrl,system", permission=READ_THE_SITE, deadline=deadline
        )
        known = next((one for one in lists if has_address(one, _LIST)), None)
        if known is None:
            raise NotFound("sharepoint", "the site has no list of people")
        items = f"{base}/{item_id(known)}/items?$expand=fields($select=Name,UserName,EMail,Picture)&$top={_PAGE}"
        for item in await self._graph.pages(items, permission=READ_THE_SITE, most=_MAX_PAGES, deadline=deadline):
            fields = item.get("fields")
            if isinstance(fields, dict) and _is(fields, person):
                return name, fields
        return name, None


def parse_address(address: str) -> tuple[str, str]:
    """Host, and the path of the site below it, of a page's address; the root site's path is ""."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    shared = _SHARED.match(path)
    if shared:
        path = _SHARED_AS[shared["kind"]] + path[shared.end() :]
    pieces = [piece for piece in path.split("/") if piece]
    in_collection = len(pieces) > 1 and pieces[0].lower() in _COLLECTIONS
    return (parts.hostname or "").lower(), f"/{pieces[0]}/{pieces[1]}" if in_collection else ""


def _is(fields: dict[str, Any], person: Person) -> bool:
    """Whether an entry is the person's: the account's name stands in its claim, its user name or its address."""
    upn = person.upn.lower()
    names = (text(fields, name).lower() for name in ("Name", "UserName", "EMail"))
    return bool(upn) and any(name.rpartition("|")[2] == upn for name in names)


def _points_at(fields: dict[str, Any], copy: Picture | None) -> bool:
    picture = fields.get("Picture")
    url = text(picture, "Url") if isinstance(picture, dict) else ""
    if not url:
        return copy is None
    synced = _synced(url)
    if copy is None or copy.modified is None or synced is None:
        return copy is not None
    return copy.modified - synced <= _TIME_ZONES


def _synced(url: str) -> datetime | None:
    try:
        return _DOTNET_EPOCH + timedelta(seconds=int(parse_qs(urlsplit(url).query)["t"][0]))
    except (KeyError, ValueError, OverflowError):
        return None
