"""The Microsoft 365 side: the person, and the photo as Graph serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.errors import Malformed, NotFound, OutsideError, Refused
from bot.graph.client import BadRequest, Graph
from bot.graph.fields import path_segment, text, whole_number
from bot.photos.picture import Picture

READ_USERS = "User.Read.All (application permission of Microsoft Graph)"
_FIELDS = "id,userPrincipalName,displayName,userType,accountEnabled,assignedPlans"
# Large enough to compare with SharePoint's 200-300 px, small enough to fetch for everyone.
_SIZE = "360x360"
_PHOTO_REQUESTS = 4  # that Graph takes from one application at a time
_NO_PERSON = "Request_ResourceNotFound"
_NO_MAILBOX = "AuthenticationError"  # with 400
_MAILBOX_ELSEWHERE = "MailboxNotHostedInExchangeOnline"
_ENABLED = ("Enabled", "Warning")  # states in which a plan works
# Codes of a 404 that mean "no photo"; some services send none at all. Any other says that Graph cannot tell: there may
# be a photo elsewhere.
_NO_PHOTO = frozenset(
    {"", "ImageNotFound", "ErrorEntityNotFound", "ErrorItemNotFound", "ErrorNonExistentMailbox", "itemNotFound"}
)


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


class NoMailbox(OutsideError):
    """Graph cannot serve the photo because the mailbox is missing, or (`elsewhere`) on premises."""

    def __init__(self, detail: str, *, elsewhere: bool) -> None:
        super().__init__("graph", detail)
        self.elsewhere = elsewhere


class Users:
    """Reads people and their photos."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.photo_slots = asyncio.Semaphore(_PHOTO_REQUESTS)  # for every request for a photo

    async def person(self, who: str) -> Person:
        """By object id or user principal name. Raises `PersonUnknown`, and the errors of `Graph`."""
        path = f"/users/{path_segment(who)}?$select={_FIELDS}"
        try:
            # Some tenants answer 400 or 403 for `mySite` alone.
            found = await self._person(f"{path},mySite")
        except (BadRequest, Refused):
            found = await self._person(path)
        return _person(found)

    async def people(self, ids: Sequence[str]) -> dict[str, Person]:
        """Of up to 20 object ids those that one batch finds. Raises the errors of `Graph`."""
        paths = [f"/users/{path_segment(one)}?$select={_FIELDS},mySite" for one in ids]
        answers = zip(ids, await self._graph.batch(paths), strict=True)
        return {identity: _person(found) for identity, (status, found) in answers if status == 200}

    async def _person(self, path: str) -> dict[str, Any]:
        try:
            return await self._graph.json(path, permission=READ_USERS)
        except NotFound as error:
            if error.code == _NO_PERSON:
                raise PersonUnknown("graph", error.detail, error.code) from None
            raise

    async def photo(self, person: str) -> Picture | None:
        """The photo, or None where there is none. Raises `PersonUnknown`, and the errors of `Graph`."""
        base = f"/users/{path_segment(person)}"
        async with self.photo_slots:
            try:
                facts = await self._graph.json(f"{base}/photo", permission=READ_USERS)
                if _is_placeholder(facts):
                    return None
                data, modified = await self._bytes(base)
            except NotFound as error:
                return self._none(error)
            except BadRequest as error:
                raise NoMailbox(error.detail, elsewhere=False) if error.code == _NO_MAILBOX else error from None
        etag = text(facts, "@odata.mediaEtag")
        return Picture(data, etag, modified, whole_number(facts.get("width")), whole_number(facts.get("height")))

    @staticmethod
    def _none(error: NotFound) -> None:
        if error.code == _NO_PERSON:
            raise PersonUnknown("graph", error.detail, error.code)
        if error.code == _MAILBOX_ELSEWHERE:
            raise NoMailbox(error.detail, elsewhere=True)
        if error.code not in _NO_PHOTO:
            raise error

    async def _bytes(self, base: str) -> tuple[bytes, datetime | None]:
        try:
            return await self._graph.picture(f"{base}/photos/{_SIZE}/$value", permission=READ_USERS)
        except (NotFound, BadRequest):
            # Photos held in Entra ID come in one size of their own.
            return await self._graph.picture(f"{base}/photo/$value", permission=READ_USERS)


def _person(found: dict[str, Any]) -> Person:
    identity = text(found, "id")
    if not identity:
        raise Malformed("graph", "a person without an id")
    return Person(
        identity,
        text(found, "userPrincipalName"),
        _host(found.get("mySite")),
        text(found, "userType").casefold() == "guest",
        found["accountEnabled"] if isinstance(found.get("accountEnabled"), bool) else None,
        _plans(found.get("assignedPlans")),
    )


def _is_placeholder(facts: dict[str, Any]) -> bool:
    """The second shape of "no photo": 200 with a 1x1 GIF."""
    return text(facts, "id") == "1x1" or text(facts, "@odata.mediaContentType").endswith("gif")


def _plans(assigned: object) -> frozenset[str] | None:
    if not isinstance(assigned, list):
        return None
    enabled = (one for one in assigned if isinstance(one, dict) and one.get("capabilityStatus") in _ENABLED)
    return frozenset(text(one, "service").casefold() for one in enabled)


def _host(my_site: object) -> str:
    if not isinstance(my_site, str) or not my_site.startswith("https://"):
        return ""
    return my_site.removeprefix("https://").partition("/")[0].lower()
