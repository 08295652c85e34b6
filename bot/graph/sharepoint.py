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

A look waits for SharePoint twice at most where it can: `begin` asks, by one batch and before the directory has said who
the person is, for the files that are expected by the object id, or that counted at the last look; `copy` asks for what
else may be the person's while the file that was found is downloaded. What was asked for a wrong guess is not used: what
counts is decided by the names that the directory gives, as if nothing had been asked before. Of a person the last place
is cached: paths, the file's eTag and for some minutes the address of its download. While the eTag is the same, what
that address gives is the file.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bot.errors import Malformed, NotFound, OutsideError, TimedOut
from bot.graph.client import BATCH, NO_DEADLINE, BatchResponse, Graph, has_address, item_id, moment, path_segment, text
from bot.graph.users import READ_USERS, Person
from bot.http_client import before
from bot.photos.picture import Picture

READ_SITE = "Sites.Selected, role read on the my-site host's root site (or Sites.Read.All)"
_LIBRARY = "/user photos"
_ROOT = "/sites/root?$select=id,siteCollection,webUrl"
_SIZES = ("_LThumb.jpg", "_MThumb.jpg", "_SThumb.jpg")  # the largest first
_MAX_TWINS = 15  # account names that become one file name: more are not looked up
_MAX_FOLDERS = 9  # one is usual
_MAX_COPIES = 4_096  # people of whom it is cached where their copy is
_ADDRESS_FOR = 600.0  # seconds that the address of a download is used; it is good for about an hour
_LISTED_FOR = 600.0  # seconds after which a further folder is looked for where there is no copy
_NO_DATE = datetime.min.replace(tzinfo=UTC)


class LibraryMissing(NotFound):
    """The picture library was not found: we cannot tell anything about the copy."""

    def __init__(self, detail: str) -> None:
        super().__init__("sharepoint", detail, "library")


@dataclass(frozen=True)
class PictureLibrary:
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
    address: str = field(repr=False)  # pre-authorised, "" where none was given


@dataclass(frozen=True)
class _CachedCopy:
    """Where a person's copy was: the paths that were asked, and the file; `address` is good until `expires`."""

    paths: tuple[str, ...]
    path: str
    etag: str
    address: str = field(repr=False)
    expires: float  # a `time.monotonic()`


@dataclass(frozen=True)
class Copy:
    """SharePoint's copy, and when each smaller size of it was made, with its path, where there are any."""

    picture: Picture
    smaller: tuple[tuple[datetime | None, str], ...] = ()


class Lookup:
    """What is known of paths on Graph during one look: each is asked for once."""

    def __init__(self, graph: Graph, deadline: float) -> None:
        self.deadline = deadline
        self._graph = graph
        self._parts: dict[str, BatchResponse] = {}
        self._asking: asyncio.Task[None] | None = None
        self._downloads: dict[tuple[str, str], asyncio.Task[bytes]] = {}  # by path and eTag

    def begin(self, paths: Iterable[str]) -> None:
        """Ask while something else is waited for: `ask` takes the answers up."""
        self._asking = asyncio.create_task(self._ask(tuple(paths)))

    async def ask(self, paths: Iterable[str]) -> None:
        """Ask for what is not known yet. Raises the errors of `Graph` for whole requests."""
        if self._asking is not None:
            asking, self._asking = self._asking, None
            await asking
        await self._ask(tuple(path for path in dict.fromkeys(paths) if path not in self._parts))

    async def _ask(self, paths: tuple[str, ...]) -> None:
        if paths:
            self._parts.update(zip(paths, await self._graph.batch(paths, deadline=self.deadline), strict=True))

    def knows(self, path: str) -> bool:
        """Whether it was asked for."""
        return path in self._parts

    def object(self, path: str, permission: str) -> Mapping[str, Any] | None:
        """What is at a path that was asked for; None for nothing. Raises the errors of `Graph`."""
        try:
            return self._parts[path].object(permission)
        except NotFound:
            return None

    def download(self, path: str, etag: str, address: str) -> None:
        """Download while something else is waited for: `downloaded` has it."""
        if (path, etag) not in self._downloads:
            work = self._graph.download(address, deadline=self.deadline)
            self._downloads[path, etag] = asyncio.create_task(work)

    async def downloaded(self, path: str, etag: str) -> bytes | None:
        """What was downloaded of this version of a file; None where it was not, or that failed."""
        task = self._downloads.get((path, etag)) if etag else None
        try:
            return None if task is None else await task
        except OutsideError:
            return None

    async def end(self) -> None:
        """Stop what is under way and was not needed."""
        tasks = [*self._downloads.values(), *([self._asking] if self._asking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SharePoint:
    """Reads copies. `my_site_host` is the setting for tenants where neither other way works."""

    def __init__(self, graph: Graph, my_site_host: str = "") -> None:
        self._graph = graph
        self._setting = my_site_host
        self._libraries: dict[str, PictureLibrary] = {}  # by host
        self._listed: dict[str, float] = {}  # by host: when its folders were, a `time.monotonic()`
        self._finding: dict[str, asyncio.Lock] = {}  # by host
        self._derived = ""
        self._copies: OrderedDict[str, _CachedCopy] = OrderedDict()  # by object id, the last used last

    def begin(self, person: str, deadline: float = NO_DEADLINE) -> Lookup:
        """Ask ahead for what is expected of a person, by object id. Its `end` has to be called."""
        lookup = Lookup(self._graph, deadline)
        cached = self._copies.get(person)
        if cached is not None:
            lookup.begin(cached.paths)
            if cached.etag and cached.address and time.monotonic() < cached.expires:
                lookup.download(cached.path, cached.etag, cached.address)
        elif self._libraries and "@" not in person:
            library = next(reversed(self._libraries.values()))  # most tenants have one
            paths = [path for size in _SIZES for path in _paths(library, (person,), size)]
            lookup.begin(paths[:BATCH])
        return lookup

    def forget(self, person: str) -> None:
        """Where a person's copy is."""
        self._copies.pop(person, None)

    async def copy(self, person: Person, deadline: float = NO_DEADLINE, lookup: Lookup | None = None) -> Copy | None:
        """The copy, or None where SharePoint has none. Raises `LibraryMissing`, and the errors of `Graph`.

        `lookup`: what `begin` asked ahead.
        """
        lookup = lookup or Lookup(self._graph, deadline)
        host = await self.host(person, deadline)
        known = self._libraries.get(host)
        library = known or await self.library(host, deadline)
        file = await self._newest(library, person, lookup)
        if file is None and known is not None and not await self._is_there(host, known, lookup):
            library = await self._refresh(host, known, lookup)
            file = await self._newest(library, person, lookup) if library != known else None
        if file is None:
            self.forget(person.id)
            return None
        stem, size = _stem(file.path)
        smaller = [f"{stem}{one}" for one in _SIZES[_SIZES.index(size) + 1 :]]
        data, _ = await asyncio.gather(self._bytes(file, lookup), lookup.ask(smaller))
        self._remember(library, person, file, smaller)
        picture = Picture(data, file.etag, file.modified, path=file.path)
        found = ((path, self._known(path, lookup)) for path in smaller)
        return Copy(picture, tuple((one.modified, path) for path, one in found if one is not None))

    async def bytes_at(self, path: str, deadline: float = NO_DEADLINE) -> bytes:
        """The file at a path. Raises the errors of `Graph`."""
        data, _ = await self._graph.picture(f"{path}:/content", permission=READ_SITE, deadline=deadline)
        return data

    async def host(self, person: Person, deadline: float = NO_DEADLINE) -> str:
        """The person's my-site host. Raises `LibraryMissing`, and the errors of `Graph`."""
        host = person.my_site or self._setting or self._derived
        if not host:
            root = await self._graph.json(_ROOT, permission=READ_SITE, deadline=deadline)
            first, dot, rest = _root_host(root).partition(".")
            if not dot:
                raise LibraryMissing("the root site has no host name")
            host = self._derived = f"{first.removesuffix('-my')}-my.{rest}"
        return host

    async def library(self, host: str, deadline: float = NO_DEADLINE) -> PictureLibrary:
        """The host's library, cached once found: whoever comes meanwhile waits for that.

        Raises `LibraryMissing`, and the errors of `Graph`.
        """
        known = self._libraries.get(host)
        if known is not None:
            return known
        lock = self._finding.setdefault(host, asyncio.Lock())
        await before(deadline, lock.acquire(), TimedOut("sharepoint", "the library was not found in time"))
        try:
            return self._libraries.get(host) or await self._find(host, deadline)
        finally:
            lock.release()

    async def _find(self, host: str, deadline: float) -> PictureLibrary:
        try:
            drive, way = await self._drive(host, deadline)
            folders = await self._folders(drive, deadline)
        except NotFound as error:
            self._derived = ""  # a tenant may have been renamed
            raise error if isinstance(error, LibraryMissing) else LibraryMissing(error.detail) from None
        found = self._libraries[host] = PictureLibrary(drive, folders, way)
        self._listed[host] = time.monotonic()
        return found

    async def _is_there(self, host: str, known: PictureLibrary, lookup: Lookup) -> bool:
        """Whether the library is as it was cached: it, or its folder, may have been replaced since."""
        folders = _folder_paths(known)
        await lookup.ask(folders)
        there = all(lookup.object(path, READ_SITE) is not None for path in folders)
        return there and time.monotonic() - self._listed[host] < _LISTED_FOR

    async def _refresh(self, host: str, known: PictureLibrary, lookup: Lookup) -> PictureLibrary:
        try:
            folders = await self._folders(known.drive, lookup.deadline)
        except NotFound:
            self._libraries.pop(host, None)
            return await self._find(host, lookup.deadline)
        found = self._libraries[host] = replace(known, folders=folders)
        self._listed[host] = time.monotonic()
        return found

    async def _drive(self, host: str, deadline: float) -> tuple[str, str]:
        """The library's id, and how it was found."""
        site = item_id(
            await self._graph.json(f"/sites/{quote(host, safe='.:')}", permission=READ_SITE, deadline=deadline)
        )
        drives = f"/sites/{site}/drives?$select=id,name,webUrl,driveType,system"
        library = _library(await self._graph.pages(drives, permission=READ_SITE, deadline=deadline))
        if library is not None:
            return item_id(library), "drive"
        # Some tenants do not list it as a drive, but as a list.
        lists = f"/sites/{site}/lists?$select=id,name,webUrl,system"
        library = _library(await self._graph.pages(lists, permission=READ_SITE, deadline=deadline))
        if library is None:
            raise LibraryMissing("no User Photos library")
        drive = await self._graph.json(
            f"/sites/{site}/lists/{item_id(library)}/drive", permission=READ_SITE, deadline=deadline
        )
        return item_id(drive), "list"

    async def _folders(self, drive: str, deadline: float) -> tuple[str, ...]:
        children = await self._graph.pages(f"/drives/{drive}/root/children", permission=READ_SITE, deadline=deadline)
        names = (one.get("name") for one in children if isinstance(one.get("folder"), dict))
        found = tuple(path_segment(name) for name in names if isinstance(name, str) and name)
        if len(found) > _MAX_FOLDERS:
            raise Malformed("sharepoint", f"{len(found)} folders in the picture library")
        return found

    async def paths(self, person: Person, deadline: float = NO_DEADLINE) -> tuple[str, ...]:
        """Every path on Graph at which the large copy may be. Raises `LibraryMissing`, and the errors of `Graph`."""
        library = await self.library(await self.host(person, deadline), deadline)
        return _paths(library, file_names(person), _SIZES[0])

    async def _newest(self, library: PictureLibrary, person: Person, lookup: Lookup) -> _File | None:
        """Of all files that are the person's, in the largest size that any of them has."""
        names, own = file_names(person), set(map(path_segment, _own_names(person)))
        await lookup.ask(())
        await lookup.ask(self._ahead(library, person, names, own, lookup))
        for size in _SIZES:
            paths = _paths(library, names, size)
            await lookup.ask(paths)
            files = filter(None, (self._known(path, lookup) for path in paths))
            for file in sorted(files, key=lambda file: file.modified or _NO_DATE, reverse=True):
                if _name(file.path) in own or await self._unambiguous(person, lookup):
                    return file
        return None

    def _ahead(
        self, library: PictureLibrary, person: Person, names: tuple[str, ...], own: set[str], lookup: Lookup
    ) -> list[str]:
        """What to ask at once, by what was asked ahead: a large file that is there is downloaded meanwhile; where there
        is none, everything else that may be needed.
        """
        large = _paths(library, names, _SIZES[0])
        files = [file for path in large if lookup.knows(path) and (file := self._known(path, lookup)) is not None]
        newest = max(files, key=lambda file: file.modified or _NO_DATE, default=None)
        if newest is not None:
            if newest.etag and newest.address and _name(newest.path) in own:
                lookup.download(newest.path, newest.etag, newest.address)
        elif any(map(lookup.knows, large)):
            files_of_all_sizes = [path for size in _SIZES for path in _paths(library, names, size)]
            accounts = _twins(person.upn) or () if set(map(path_segment, names)) - own else ()
            return [*files_of_all_sizes, *_folder_paths(library), *map(_account_path, accounts)]
        return list(large)

    @staticmethod
    def _known(path: str, lookup: Lookup) -> _File | None:
        item = lookup.object(path, READ_SITE)
        if item is None:
            return None
        return _File(
            path,
            moment(item.get("lastModifiedDateTime")),
            text(item, "eTag"),
            text(item, "@microsoft.graph.downloadUrl"),
        )

    @staticmethod
    async def _unambiguous(person: Person, lookup: Lookup) -> bool:
        """Whether no other account of the directory can have given a file the plain name of this one."""
        twins = _twins(person.upn)
        if twins is None:
            return False
        paths = [_account_path(upn) for upn in twins]
        await lookup.ask(paths)
        return not any(lookup.object(path, READ_USERS) is not None for path in paths)

    async def _bytes(self, file: _File, lookup: Lookup) -> bytes:
        data = await lookup.downloaded(file.path, file.etag)
        if data is not None:
            return data
        if file.address:
            return await self._graph.download(file.address, deadline=lookup.deadline)
        return await self.bytes_at(file.path, lookup.deadline)

    def _remember(self, library: PictureLibrary, person: Person, file: _File, smaller: list[str]) -> None:
        """What the next look asks ahead."""
        paths = [*_paths(library, file_names(person), _SIZES[0]), file.path, *smaller]
        if _name(file.path) not in map(path_segment, _own_names(person)):
            paths += map(_account_path, _twins(person.upn) or ())
        expires = time.monotonic() + _ADDRESS_FOR
        self._copies[person.id] = _CachedCopy(
            tuple(dict.fromkeys(paths))[:BATCH], file.path, file.etag, file.address, expires
        )
        self._copies.move_to_end(person.id)
        if len(self._copies) > _MAX_COPIES:
            self._copies.popitem(last=False)


def _account_path(upn: str) -> str:
    return f"/users/{path_segment(upn)}?$select=id"


def _name(path: str) -> str:
    """A file's name without its size, as it stands in a path."""
    return _stem(path)[0].rpartition("/")[2]


def _paths(library: PictureLibrary, names: tuple[str, ...], size: str) -> tuple[str, ...]:
    return tuple(
        f"/drives/{library.drive}/root:/{folder}/{path_segment(name)}{size}"
        for folder in library.folders
        for name in names
    )


def _folder_paths(library: PictureLibrary) -> tuple[str, ...]:
    return tuple(f"/drives/{library.drive}/root:/{folder}" for folder in library.folders)


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
