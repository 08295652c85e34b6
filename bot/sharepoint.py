"""SharePoint's copy of a person's photo, found by the ways of FACTS section 2, each failure told apart.

my-site host -> its root site -> the hidden picture library -> the folder, whose name is localised -> the file.
Host, library and folder are remembered; a file's absence means "no copy" only when all before it was found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from bot.errors import Malformed, NotFound
from bot.graph import Graph
from bot.microsoft365 import Person
from bot.pictures import Picture

READ_SITE = "Sites.Selected, role read on the my-site host's root site (or Sites.Read.All)"
_LIBRARY = "/user photos"


class LibraryMissing(NotFound):
    """The picture library was not found: we cannot tell anything about the copy."""


@dataclass(frozen=True)
class _Folder:
    drive: str
    name: str


class SharePoint:
    """Reads copies. `my_site_host` is the setting for tenants where neither other way works."""

    def __init__(self, graph: Graph, my_site_host: str = "") -> None:
        self._graph = graph
        self._setting = my_site_host
        self._folders: dict[str, tuple[_Folder, ...]] = {}
        self._derived = ""

    async def copy(self, person: Person) -> Picture | None:
        """The copy, or None where SharePoint has none. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = await self._host(person)
        remembered = host in self._folders
        found = await self._newest(await self._folders_of(host), person)
        if found is None and remembered:
            # The library may have been made anew since.
            del self._folders[host]
            found = await self._newest(await self._folders_of(host), person)
        if found is None:
            return None
        return await self._picture(*found)

    async def _host(self, person: Person) -> str:
        host = person.my_site or self._setting or self._derived
        if not host:
            root = await self._graph.json("/sites/root?$select=id,siteCollection,webUrl", permission=READ_SITE)
            name = _root_host(root)
            first, dot, rest = name.partition(".")
            if not dot:
                raise LibraryMissing("sharepoint", "the root site has no host name", "library")
            host = self._derived = name if first.endswith("-my") else f"{first}-my.{rest}"
        return host

    async def _folders_of(self, host: str) -> tuple[_Folder, ...]:
        if host not in self._folders:
            drive = await self._drive(host)
            children = await self._graph.pages(f"/drives/{_part(drive)}/root/children", permission=READ_SITE)
            names = [str(one.get("name") or "") for one in children if isinstance(one.get("folder"), dict)]
            self._folders[host] = tuple(_Folder(drive, name) for name in names if name)
        return self._folders[host]

    async def _drive(self, host: str) -> str:
        try:
            site = await self._graph.json(f"/sites/{quote(host, safe='.:')}", permission=READ_SITE)
        except NotFound as error:
            raise LibraryMissing("sharepoint", f"no site at the my-site host: {error.detail}", "library") from None
        site_id = _part(str(site.get("id") or ""))
        path = f"/sites/{site_id}/drives?$select=id,name,webUrl,driveType,system"
        drives = await self._graph.pages(path, permission=READ_SITE)
        library = next((one for one in drives if _is_library(one)), None)
        if library is not None:
            return str(library["id"])
        return await self._drive_of_list(site_id)

    async def _drive_of_list(self, site_id: str) -> str:
        """The library where it does not show as a drive."""
        lists = await self._graph.pages(f"/sites/{site_id}/lists?$select=id,name,webUrl,system", permission=READ_SITE)
        library = next((one for one in lists if _is_library(one)), None)
        if library is None:
            raise LibraryMissing("sharepoint", "no User Photos library", "library")
        drive = await self._graph.json(
            f"/sites/{site_id}/lists/{_part(str(library['id']))}/drive", permission=READ_SITE
        )
        return str(drive.get("id") or "")

    async def _newest(self, folders: tuple[_Folder, ...], person: Person) -> tuple[_Folder, dict[str, Any]] | None:
        """The newer of the files by object id and by account name."""
        found = []
        for folder in folders:
            for account in _accounts(person):
                try:
                    item = await self._graph.json(_file(folder, account), permission=READ_SITE)
                except NotFound:
                    continue
                found.append((folder, item))
        return max(found, key=lambda pair: str(pair[1].get("lastModifiedDateTime") or ""), default=None)

    async def _picture(self, folder: _Folder, item: dict[str, Any]) -> Picture:
        address = item.get("@microsoft.graph.downloadUrl")
        if isinstance(address, str) and address:
            data = await self._graph.download(address)
        else:
            name = str(item.get("name") or "")
            if not name:
                raise Malformed("sharepoint", "a file without a name")
            data = await self._graph.picture(_content(folder, name), permission=READ_SITE)
        return Picture(data, str(item.get("eTag") or ""), _time(item.get("lastModifiedDateTime")), source="library")


def _accounts(person: Person) -> tuple[str, ...]:
    by_name = re.sub(r"[^0-9A-Za-z]", "_", person.upn)
    return tuple(dict.fromkeys(name for name in (person.id, by_name) if name))


def _root_host(root: dict[str, Any]) -> str:
    collection = root.get("siteCollection")
    name = collection.get("hostname") if isinstance(collection, dict) else None
    if isinstance(name, str) and name:
        return name.lower()
    return str(root.get("webUrl") or "").removeprefix("https://").partition("/")[0].lower()


def _is_library(one: dict[str, Any]) -> bool:
    return unquote(str(one.get("webUrl") or "")).rstrip("/").lower().endswith(_LIBRARY) and bool(one.get("id"))


def _file(folder: _Folder, account: str) -> str:
    return f"/drives/{_part(folder.drive)}/root:/{_part(folder.name)}/{_part(account)}_LThumb.jpg"


def _content(folder: _Folder, name: str) -> str:
    return f"/drives/{_part(folder.drive)}/root:/{_part(folder.name)}/{_part(name)}:/content"


def _part(text: str) -> str:
    return quote(text, safe=",!-_.~")


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None
