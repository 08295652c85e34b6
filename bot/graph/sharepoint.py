"""SharePoint's copy of a person's photo, and why it cannot be read where that is so.

my-site host -> its root site -> the hidden picture library -> the folders, whose names are localised -> the file.
Host, library and folders are cached; a file's absence means "no copy" only when all before it is there.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bot.errors import Malformed, NotFound
from bot.graph.client import Graph
from bot.graph.fields import has_address, item_id, moment, path_segment, text
from bot.graph.users import Person
from bot.photos.picture import Picture

READ_SITE = "Sites.Selected, role read on the my-site host's root site (or Sites.Read.All)"
_LIBRARY = "/user photos"
_LARGE, _SMALLER = "_LThumb.jpg", ("_MThumb.jpg", "_SThumb.jpg")
_MAX_FOLDERS = 9  # one is usual; each costs two requests, and a batch takes 20
_NO_DATE = datetime.min.replace(tzinfo=UTC)


class LibraryMissing(NotFound):
    """The picture library was not found: we cannot tell anything about the copy."""

    def __init__(self, detail: str) -> None:
        super().__init__("sharepoint", detail, "library")


@dataclass(frozen=True)
class Library:
    """The picture library of a my-site host. `way` is how it was found: as a `drive` or a `list`."""

    drive: str
    folders: tuple[str, ...]
    way: str


@dataclass(frozen=True)
class _File:
    """One thumbnail, as SharePoint describes it."""

    path: str
    modified: datetime | None
    etag: str
    address: str  # pre-authorised, "" where none was given


class SharePoint:
    """Reads copies. `my_site_host` is the setting for tenants where neither other way works."""

    def __init__(self, graph: Graph, my_site_host: str = "") -> None:
        self._graph = graph
        self._setting = my_site_host
        self._libraries: dict[str, Library] = {}  # by host
        self._derived = ""

    async def copy(self, person: Person) -> Picture | None:
        """The copy, or None where SharePoint has none. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = await self.host(person)
        known = self._libraries.get(host)
        library = known or await self._find(host)
        file = await self._newest(library, person)
        if file is None and known is not None:
            # The folder, or the library, may have been replaced since it was cached.
            library = await self._refresh(host, known)
            file = await self._newest(library, person) if library != known else None
        if file is None:
            return None
        return Picture(await self._bytes(file.path, file.address), file.etag, file.modified, path=file.path)

    async def other_sizes(self, copy: Picture) -> tuple[tuple[datetime | None, str], ...]:
        """When each smaller size of a copy was made, and its path, by one request. Raises the errors of `Graph`."""
        stem = copy.path.removesuffix(_LARGE)
        paths = [f"{stem}{small}" for small in _SMALLER]
        answers = await self._graph.batch(paths)
        return tuple(
            (moment(body.get("lastModifiedDateTime")), path)
            for path, (status, body) in zip(paths, answers, strict=True)
            if status == 200
        )

    async def bytes_at(self, path: str) -> bytes:
        """The file at a path. Raises the errors of `Graph`."""
        return await self._bytes(path, "")

    async def host(self, person: Person) -> str:
        """The person's my-site host. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = person.my_site or self._setting or self._derived
        if not host:
            root = await self._graph.json("/sites/root?$select=id,siteCollection,webUrl", permission=READ_SITE)
            first, dot, rest = _root_host(root).partition(".")
            if not dot:
                raise LibraryMissing("the root site has no host name")
            host = self._derived = f"{first.removesuffix('-my')}-my.{rest}"
        return host

    async def library(self, host: str) -> Library:
        """The host's library, cached once found. Raises `LibraryMissing`, and the errors of `Graph`."""
        return self._libraries.get(host) or await self._find(host)

    async def _find(self, host: str) -> Library:
        try:
            drive, way = await self._drive(host)
            folders = await self._folders(drive)
        except NotFound as error:
            raise error if isinstance(error, LibraryMissing) else LibraryMissing(error.detail) from None
        found = self._libraries[host] = Library(drive, folders, way)
        return found

    async def _refresh(self, host: str, known: Library) -> Library:
        try:
            folders = await self._folders(known.drive)
        except NotFound:
            self._libraries.pop(host, None)
            return await self._find(host)
        found = self._libraries[host] = replace(known, folders=folders)
        return found

    async def _drive(self, host: str) -> tuple[str, str]:
        """The library's id, and how it was found."""
        site = item_id(await self._graph.json(f"/sites/{quote(host, safe='.:')}", permission=READ_SITE))
        drives = f"/sites/{site}/drives?$select=id,name,webUrl,driveType,system"
        library = _library(await self._graph.pages(drives, permission=READ_SITE))
        if library is not None:
            return item_id(library), "drive"
        # Some tenants do not list it as a drive, but as a list.
        lists = f"/sites/{site}/lists?$select=id,name,webUrl,system"
        library = _library(await self._graph.pages(lists, permission=READ_SITE))
        if library is None:
            raise LibraryMissing("no User Photos library")
        drive = await self._graph.json(f"/sites/{site}/lists/{item_id(library)}/drive", permission=READ_SITE)
        return item_id(drive), "list"

    async def _folders(self, drive: str) -> tuple[str, ...]:
        children = await self._graph.pages(f"/drives/{drive}/root/children", permission=READ_SITE)
        names = (one.get("name") for one in children if isinstance(one.get("folder"), dict))
        found = tuple(path_segment(name) for name in names if isinstance(name, str) and name)
        if len(found) > _MAX_FOLDERS:
            raise Malformed("sharepoint", f"{len(found)} folders in the picture library")
        return found

    async def paths(self, person: Person) -> tuple[str, ...]:
        """Every path on Graph at which the copy may be. Raises `LibraryMissing`, and the errors of `Graph`."""
        return _paths(await self.library(await self.host(person)), person)

    async def _newest(self, library: Library, person: Person) -> _File | None:
        """Of the files by object id and by account name, in every folder."""
        found = [file for file in await asyncio.gather(*map(self._file, _paths(library, person))) if file is not None]
        return max(found, key=lambda file: file.modified or _NO_DATE, default=None)

    async def _file(self, path: str) -> _File | None:
        try:
            item = await self._graph.json(path, permission=READ_SITE)
        except NotFound:
            return None
        return _File(
            path,
            moment(item.get("lastModifiedDateTime")),
            text(item, "eTag"),
            text(item, "@microsoft.graph.downloadUrl"),
        )

    async def _bytes(self, path: str, address: str) -> bytes:
        if address:
            return await self._graph.download(address)
        data, _ = await self._graph.picture(f"{path}:/content", permission=READ_SITE)
        return data


def _paths(library: Library, person: Person) -> tuple[str, ...]:
    return tuple(
        f"/drives/{library.drive}/root:/{folder}/{account}{_LARGE}"
        for folder in library.folders
        for account in _accounts(person)
    )


def _accounts(person: Person) -> tuple[str, ...]:
    by_name = re.sub(r"[^0-9A-Za-z]", "_", person.upn)
    return tuple(dict.fromkeys(path_segment(name) for name in (person.id, by_name) if name))


def _root_host(root: dict[str, Any]) -> str:
    collection = root.get("siteCollection")
    name = collection.get("hostname") if isinstance(collection, dict) else None
    if isinstance(name, str) and name:
        return name.lower()
    return text(root, "webUrl").removeprefix("https://").partition("/")[0].lower()


def _library(candidates: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((one for one in candidates if has_address(one, _LIBRARY)), None)
