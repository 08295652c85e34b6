"""The Microsoft 365 side: the person, and the photo as Graph serves it.

One request reads a photo: `/photos/360x360/$value`. A photo held in Entra ID comes in one size of its own, so that a
404 there leads to `/photo/$value`, whose answer counts. "No photo" has many spellings, none of which is an outage: a
404 by any of a dozen codes of four services, or 200 with a GIF of one pixel.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from bot.errors import Malformed, NotFound, OutsideError, Refused, TimedOut
from bot.graph.client import NO_DEADLINE, BadRequest, Graph, path_segment, text, whole_number
from bot.http_client import before
from bot.photos.picture import Picture

READ_USERS = "User.Read.All (application permission of Microsoft Graph)"
_FIELDS = "id,userPrincipalName,displayName,userType,accountEnabled,assignedPlans,preferredLanguage"
# Large enough to compare with SharePoint's 200-300 px, small enough to fetch for everyone.
_SIZE = "360x360"
PHOTO_REQUESTS = 4  # that Graph takes from one application at a time
_NO_PERSON = "request_resourcenotfound"
_ENABLED = ("Enabled", "Warning")  # states in which a plan works
_STATES = (*_ENABLED, "Suspended", "Deleted", "LockedOut")  # graph/api/resources/assignedplan
# What a 404 or 400 for the photo of a person who is there means, by its code in lower case. Any other code says that
# Graph cannot tell: there may be a photo elsewhere.
_NO_PHOTO = frozenset(
    {
        "",
        "imagenotfound",
        "errorimagenotfound",
        "getuserphoto",
        "erroritemnotfound",
        "itemnotfound",
        "errorentitynotfound",
        "errornonexistentmailbox",
        "photonotfound",
        _NO_PERSON,
    }
)
_NO_MAILBOX = frozenset(
    {"authenticationerror", "resourcenotfound", "errorinvaliduser", "errormailboxnotfound", "mailboxnotfound"}
)
_MAILBOX_ELSEWHERE = frozenset(
    {
        "mailboxnothostedinexchangeonline",
        "mailboxnotenabledforrestapi",
        "mailboxnotsupportedforrestapi",
        "errormailboxmoveinprogress",
    }
)
_PERSONAL_SITE = re.compile(r"https://(?P<host>[^/?#]+)(?:/personal/(?P<name>[^/?#]+))?", re.IGNORECASE)

PhotoSlots = Callable[[], AbstractAsyncContextManager[object]]
"""Entered around every request for a photo: at most four at once, of all processes together where it can do that."""


class PersonUnknown(NotFound):
    """The directory has no such person."""


@dataclass(frozen=True)
class Person:
    """What the directory says of someone."""

    id: str
    upn: str = field(default="", repr=False)
    my_site: str = ""  # host of the personal site, "" where it has none or we may not know
    guest: bool = False
    enabled: bool | None = None  # None: not known
    plans: frozenset[str] | None = None  # services with an enabled plan, in lower case; None: not known
    my_site_name: str = field(default="", repr=False)  # SharePoint's own spelling of the account, "" where unknown
    language: str = ""  # `preferredLanguage`, "" where it has none
    has_site: bool | None = None  # whether the personal site was ever made; None: not known


class NoMailbox(OutsideError):
    """Graph cannot serve the photo because the mailbox is missing, or (`elsewhere`) on premises."""

    def __init__(self, detail: str, *, elsewhere: bool) -> None:
        super().__init__("graph", detail)
        self.elsewhere = elsewhere


class Users:
    """Reads people and their photos."""

    def __init__(self, graph: Graph, photo_slots: PhotoSlots | None = None) -> None:
        self._graph = graph
        slots = asyncio.Semaphore(PHOTO_REQUESTS)
        self._photo_slots: PhotoSlots = photo_slots or (lambda: slots)

    async def person(self, who: str, deadline: float = NO_DEADLINE) -> Person:
        """By object id or user principal name. Raises `PersonUnknown`, and the errors of `Graph`."""
        path = f"/users/{path_segment(who)}?$select={_FIELDS}"
        try:
            # Some tenants answer 400 or 403 for `mySite` alone.
            found = await self._person(f"{path},mySite", deadline)
        except (BadRequest, Refused):
            found = await self._person(path, deadline)
        return _person(found)

    async def people(self, ids: Sequence[str]) -> dict[str, Person]:
        """Of some object ids those that are found, by one request for twenty. Raises the errors of `Graph`."""
        paths = [f"/users/{path_segment(one)}?$select={_FIELDS},mySite" for one in ids]
        answers = dict(zip(ids, await self._graph.batch(paths), strict=True))
        for part in answers.values():
            if part.transient:
                part.object()
        return {identity: _person(part.body) for identity, part in answers.items() if part.status == 200}

    async def _person(self, path: str, deadline: float) -> dict[str, Any]:
        try:
            return await self._graph.json(path, permission=READ_USERS, deadline=deadline)
        except NotFound as error:
            if error.code.lower() == _NO_PERSON:
                raise PersonUnknown("graph", error.detail, error.code) from None
            raise

    async def photo(self, person: str, deadline: float = NO_DEADLINE) -> Picture | None:
        """The photo of a person, by object id or user principal name, or None: also where there is no such person.
        Raises `NoMailbox`, and the errors of `Graph`.
        """
        base = f"/users/{path_segment(person)}"
        try:
            data, modified = await self._bytes(f"{base}/photos/{_SIZE}/$value", deadline)
        except (NotFound, BadRequest):
            try:
                data, modified = await self._bytes(f"{base}/photo/$value", deadline)
            except (NotFound, BadRequest) as error:
                _raise_unless_absent(error)
                return None
        return None if _is_one_pixel(data) else Picture(data, modified=modified)

    async def original(self, person: str, deadline: float = NO_DEADLINE) -> Picture:
        """The photo in its largest size. Raises the errors of `Graph`."""
        data, modified = await self._bytes(f"{photo_path(person)}/$value", deadline)
        return Picture(data, modified=modified)

    async def original_size(self, person: str) -> tuple[int, int] | None:
        """Width and height of the largest photo; None where that is not known. Raises the errors of `Graph`."""
        async with self.photo_slot():
            facts = await self._graph.json(photo_path(person), permission=READ_USERS)
        width, height = whole_number(facts.get("width")), whole_number(facts.get("height"))
        return (width, height) if width and height else None

    @asynccontextmanager
    async def photo_slot(self, deadline: float = NO_DEADLINE) -> AsyncIterator[None]:
        """Around every request for a photo. Raises `TimedOut` where there is no room before `deadline`."""
        async with AsyncExitStack() as stack:
            no_slot = TimedOut("graph", "no room among the photo requests in time")
            await before(deadline, stack.enter_async_context(self._photo_slots()), no_slot)
            yield

    async def _bytes(self, path: str, deadline: float) -> tuple[bytes, datetime | None]:
        async with self.photo_slot(deadline):
            return await self._graph.picture(path, permission=READ_USERS, deadline=deadline)


def photo_path(person: str) -> str:
    """What is known of a photo: its size and its eTag."""
    return f"/users/{path_segment(person)}/photo"


def _raise_unless_absent(error: NotFound | BadRequest) -> None:
    """Returns where there is no photo; raises `NoMailbox`, or the error where that is not sure."""
    code = error.code.lower()
    if code in _NO_MAILBOX:
        raise NoMailbox(error.detail, elsewhere=False) from None
    if code in _MAILBOX_ELSEWHERE:
        raise NoMailbox(error.detail, elsewhere=True) from None
    # 400 without a code is a request that Graph does not understand.
    if code not in _NO_PHOTO or (isinstance(error, BadRequest) and not code):
        raise error


def _is_one_pixel(data: bytes) -> bool:
    """The other shape of "no photo": 200 with a GIF of one pixel."""
    sides = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return data.startswith((b"GIF87a", b"GIF89a")) and max(sides) <= 1


def _person(found: Mapping[str, Any]) -> Person:
    identity = text(found, "id")
    if not identity:
        raise Malformed("graph", "a person without an id")
    my_site = _PERSONAL_SITE.match(text(found, "mySite"))
    return Person(
        identity,
        text(found, "userPrincipalName"),
        my_site["host"].lower() if my_site else "",
        text(found, "userType").casefold() == "guest",
        found["accountEnabled"] if isinstance(found.get("accountEnabled"), bool) else None,
        _plans(found.get("assignedPlans")),
        unquote(my_site["name"] or "") if my_site else "",
        text(found, "preferredLanguage"),
        bool(my_site and my_site["name"]) if isinstance(found.get("mySite", 0), str | None) else None,
    )


def _plans(assigned: object) -> frozenset[str] | None:
    """None where one cannot be read, for it may be the very one whose absence would be a cause."""
    if not isinstance(assigned, list):
        return None
    read = [(text(one, "service").casefold(), one.get("capabilityStatus")) for one in assigned if isinstance(one, dict)]
    if len(read) < len(assigned) or not all(service and state in _STATES for service, state in read):
        return None
    return frozenset(service for service, state in read if state in _ENABLED)
