"""SharePoint's copy of a person's photo, and why it cannot be read where that is so.

my-site host -> its root site -> the hidden picture library -> the folders, whose names are localised -> the file.
Host, library and folders are cached; a file's absence means "no copy" only when all before it is there.

A file belongs to a person by its name, and a wrong guess shows a stranger's photo. So these names are tried, and none
that is wider:
- the Entra object id (newer tenants), and the name of the personal site, SharePoint's own spelling of the account:
  both are the person's alone;
- the user principal name with `@` and `.` replaced by `_` (older tenants, bulk tools). `anna.lee@` and `anna_lee@` are
  the same there: such a file counts only if nobody in the directory has one of the other names, and not at all where
  the personal site's name has a number at its end, since then the plain spelling was taken by another account.
Of several files the newest counts; where there is no large size, the largest that is there.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bot.errors import Malformed, NotFound
from bot.graph.client import NEVER_ENDS, Graph
from bot.graph.fields import has_address, item_id, moment, path_segment, text
from bot.graph.users import READ_USERS, Person
from bot.photos.picture import Picture

READ_SITE = "Sites.Selected, role read on the my-site host's root site (or Sites.Read.All)"
_LIBRARY = "/user photos"
_ROOT = "/sites/root?$select=id,siteCollection,webUrl"
_SIZES = ("_LThumb.jpg", "_MThumb.jpg", "_SThumb.jpg")  # the largest first
_MAX_TWINS = 15  # account names that become one file name: more are not looked up
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

    async def copy(self, person: Person, ends: float = NEVER_ENDS) -> Picture | None:
        """The copy, or None where SharePoint has none. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = await self.host(person, ends)
        known = self._libraries.get(host)
        library = known or await self._find(host, ends)
        file = await self._newest(library, person, ends)
        if file is None and known is not None:
            # The folder, or the library, may have been replaced since it was cached.
            library = await self._refresh(host, known, ends)
            file = await self._newest(library, person, ends) if library != known else None
        if file is None:
            return None
        data = await self._bytes(file.path, file.address, ends)
        return Picture(data, file.etag, file.modified, path=file.path)

    async def other_sizes(self, copy: Picture, ends: float = NEVER_ENDS) -> tuple[tuple[datetime | None, str], ...]:
        """When each smaller size of a copy was made, and its path, by one request. Raises the errors of `Graph`."""
        stem, size = _stem(copy.path)
        paths = [f"{stem}{smaller}" for smaller in _SIZES[_SIZES.index(size) + 1 :]]
        answers = await self._graph.batch(paths, ends=ends) if paths else []
        return tuple(
            (moment(body.get("lastModifiedDateTime")), path)
            for path, (status, body) in zip(paths, answers, strict=True)
            if status == 200
        )

    async def bytes_at(self, path: str, ends: float = NEVER_ENDS) -> bytes:
        """The file at a path. Raises the errors of `Graph`."""
        return await self._bytes(path, "", ends)

    async def host(self, person: Person, ends: float = NEVER_ENDS) -> str:
        """The person's my-site host. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = person.my_site or self._setting or self._derived
        if not host:
            root = await self._graph.json(
                "/sites/root?$select=id,siteCollection,webUrl", permission=READ_SITE, ends=ends
            )
            first, dot, rest = _root_host(root).partition(".")
            if not dot:
                raise LibraryMissing("the root site has no host name")
            host = self._derived = f"{first.removesuffix('-my')}-my.{rest}"
        return host

    async def library(self, host: str, ends: float = NEVER_ENDS) -> Library:
        """The host's library, cached once found. Raises `LibraryMissing`, and the errors of `Graph`."""
        return self._libraries.get(host) or await self._find(host, ends)

    async def _find(self, host: str, ends: float) -> Library:
        try:
            drive, way = await self._drive(host, ends)
            folders = await self._folders(drive, ends)
        except NotFound as error:
            raise error if isinstance(error, LibraryMissing) else LibraryMissing(error.detail) from None
        found = self._libraries[host] = Library(drive, folders, way)
        return found

    async def _refresh(self, host: str, known: Library, ends: float) -> Library:
        try:
            folders = await self._folders(known.drive, ends)
        except NotFound:
            self._libraries.pop(host, None)
            return await self._find(host, ends)
        found = self._libraries[host] = replace(known, folders=folders)
        return found

    async def _drive(self, host: str, ends: float) -> tuple[str, str]:
        """The library's id, and how it was found."""
        site = item_id(await self._graph.json(f"/sites/{quote(host, safe='.:')}", permission=READ_SITE, ends=ends))
        drives = f"/sites/{site}/drives?$select=id,name,webUrl,driveType,system"
        library = _library(await self._graph.pages(drives, permission=READ_SITE, ends=ends))
        if library is not None:
            return item_id(library), "drive"
        # Some tenants do not list it as a drive, but as a list.
        lists = f"/sites/{site}/lists?$select=id,name,webUrl,system"
        library = _library(await self._graph.pages(lists, permission=READ_SITE, ends=ends))
        if library is None:
            raise LibraryMissing("no User Photos library")
        drive = await self._graph.json(f"/sites/{site}/lists/{item_id(library)}/drive", permission=READ_SITE, ends=ends)
        return item_id(drive), "list"

    async def _folders(self, drive: str, ends: float) -> tuple[str, ...]:
        children = await self._graph.pages(f"/drives/{drive}/root/children", permission=READ_SITE, ends=ends)
        names = (one.get("name") for one in children if isinstance(one.get("folder"), dict))
        found = tuple(path_segment(name) for name in names if isinstance(name, str) and name)
        if len(found) > _MAX_FOLDERS:
            raise Malformed("sharepoint", f"{len(found)} folders in the picture library")
        return found

    async def paths(self, person: Person, ends: float = NEVER_ENDS) -> tuple[str, ...]:
        """Every path on Graph at which the large copy may be. Raises `LibraryMissing`, and the errors of `Graph`."""
        library = await self.library(await self.host(person, ends), ends)
        return _paths(library, file_names(person), _SIZES[0])

    async def _newest(self, library: Library, person: Person, ends: float) -> _File | None:
        """Of all files that are the person's, in the largest size that any of them has."""
        names = file_names(person)
        for size in _SIZES:
            paths = _paths(library, names, size)
            files = await asyncio.gather(*(self._file(path, ends) for path in paths))
            found = sorted(filter(None, files), key=lambda file: file.modified or _NO_DATE, reverse=True)
            for file in found:
                if await self._belongs(file, person, ends):
                    return file
        return None

    async def _file(self, path: str, ends: float) -> _File | None:
        try:
            item = await self._graph.json(path, permission=READ_SITE, ends=ends)
        except NotFound:
            return None
        return _File(
            path,
            moment(item.get("lastModifiedDateTime")),
            text(item, "eTag"),
            text(item, "@microsoft.graph.downloadUrl"),
        )

    async def _belongs(self, file: _File, person: Person, ends: float) -> bool:
        """Whether no other account of the directory can have given the file its name."""
        stem, _ = _stem(file.path)
        if stem.rpartition("/")[2] in map(path_segment, _own_names(person)):
            return True
        twins = _twins(person.upn)
        if twins is None:
            return False
        return not any(await asyncio.gather(*(self._is_account(twin, ends) for twin in twins)))

    async def _is_account(self, upn: str, ends: float) -> bool:
        try:
            await self._graph.json(f"/users/{path_segment(upn)}?$select=id", permission=READ_USERS, ends=ends)
        except NotFound:
            return False
        return True

    async def _bytes(self, path: str, address: str, ends: float) -> bytes:
        if address:
            return await self._graph.download(address, ends=ends)
        data, _ = await self._graph.picture(f"{path}:/content", permission=READ_SITE, ends=ends)
        return data


def _paths(library: Library, names: tuple[str, ...], size: str) -> tuple[str, ...]:
    return tuple(
        f"/drives/{library.drive}/root:/{folder}/{path_segment(name)}{size}"
        for folder in library.folders
        for name in names
    )


def _stem(path: str) -> tuple[str, str]:
    """A file's path without its size, and the size."""
    size = next((one for one in _SIZES if path.endswith(one)), _SIZES[0])
    return path.removesuffix(size), size


def file_names(person: Person) -> tuple[str, ...]:
    """The names, without size, that a file of this person may have."""
    by_name = _plain_name(person.upn)
    # `anna_lee_contoso_com1`: the name without the number is another account's.
    taken = by_name and re.fullmatch(re.escape(by_name) + r"\d+", person.my_site_name, re.IGNORECASE)
    return tuple(dict.fromkeys((*_own_names(person), *([by_name] if by_name and not taken else []))))


def _own_names(person: Person) -> tuple[str, ...]:
    return tuple(filter(None, (person.id, person.my_site_name)))


def _plain_name(upn: str) -> str:
    return re.sub(r"[@.]", "_", upn)


def _twins(upn: str) -> tuple[str, ...] | None:
    """The other account names that become the same file name; None for too many to look up.

    Any `.` of an account's name may be `_` in another's, and the `@` may stand elsewhere: `anna@students.contoso.com`,
    `anna.students@contoso.com`.
    """
    parts = re.split(r"[@._]", upn)
    found = set()
    for count in range(1, len(parts) - 1):  # parts before the `@`; a domain has two at least
        if 2**count > _MAX_TWINS + 1:
            return None
        for signs in itertools.product("._", repeat=count - 1):
            name = "".join(itertools.chain(*zip(parts, (*signs, "@"), strict=False)))
            found.add(name + ".".join(parts[count:]))
    return tuple(sorted(found - {upn})) if len(found) <= _MAX_TWINS + 1 else None


def _root_host(root: dict[str, Any]) -> str:
    collection = root.get("siteCollection")
    name = collection.get("hostname") if isinstance(collection, dict) else None
    if isinstance(name, str) and name:
        return name.lower()
    return text(root, "webUrl").removeprefix("https://").partition("/")[0].lower()


def _library(candidates: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((one for one in candidates if has_address(one, _LIBRARY)), None)
