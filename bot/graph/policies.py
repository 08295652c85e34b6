"""What optional permissions tell: whether people may change their photo, and whose a mailbox is.

Without the permission nothing is known, which is no error: the answer is asked for again an hour later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from bot.errors import OutsideError, Refused, TimedOut
from bot.graph.client import BETA, NO_DEADLINE, Graph, path_segment, text
from bot.http_client import before

log = logging.getLogger(__name__)

READ_POLICY = "PeopleSettings.Read.All (application permission of Microsoft Graph)"
READ_MAILBOX = "MailboxSettings.Read (application permission of Microsoft Graph)"
PHOTO_SETTINGS = f"{BETA}/admin/people/photoUpdateSettings"
_KNOWN_FOR = 600.0  # seconds; a change takes a day to work
_REFUSED_FOR = 3600.0
_FAILED_FOR = 60.0


@dataclass(frozen=True)
class PhotoPolicy:
    """Who may change a photo in the cloud."""

    on_premises: bool = False  # nobody: photos come from the organisation's own directory
    roles: frozenset[str] = frozenset()  # only who has one of these roles, by template id; empty: everybody


class Policies:
    """Who may change a photo, as the tenant says: read when it is first asked for, and cached."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._policy: PhotoPolicy | None = None
        self._policy_until = float("-inf")
        self._reading = asyncio.Lock()
        self._purposes_from = float("-inf")  # not asked for before

    async def photo(self, deadline: float = NO_DEADLINE) -> PhotoPolicy | None:
        """None where that is not known: without the permission, or where Graph does not answer before `deadline`."""
        if time.monotonic() < self._policy_until:
            return self._policy
        try:
            await before(deadline, self._reading.acquire(), TimedOut("graph", "the policy was not read in time"))
        except TimedOut:
            return None
        try:
            if time.monotonic() >= self._policy_until:
                self._policy, known_for = await self._read(deadline)
                self._policy_until = time.monotonic() + known_for
            return self._policy
        finally:
            self._reading.release()

    async def _read(self, deadline: float) -> tuple[PhotoPolicy | None, float]:
        try:
            return await self.photo_now(deadline), _KNOWN_FOR
        except OutsideError as error:
            log.info("whether people may change their photo is not known: %s", error)
            return None, _REFUSED_FOR if isinstance(error, Refused) else _FAILED_FOR

    async def photo_now(self, deadline: float = NO_DEADLINE) -> PhotoPolicy:
        """What Graph says now, and for how many seconds it is cached. Raises the errors of `Graph`."""
        found = await self._graph.json(PHOTO_SETTINGS, permission=READ_POLICY, deadline=deadline)
        roles = found.get("allowedRoles")  # documented as a list, and shown as {} or null where it is empty
        named = frozenset(one for one in roles if isinstance(one, str)) if isinstance(roles, list) else frozenset()
        return PhotoPolicy(text(found, "source").casefold() == "onpremises", named)

    async def purpose(self, person: str, deadline: float = NO_DEADLINE) -> str:
        """Whose a mailbox is, by its owner's object id: `user`, `shared`, `room`, ...; "" where that is not known."""
        if time.monotonic() < self._purposes_from:
            return ""
        path = f"/users/{path_segment(person)}/mailboxSettings?$select=userPurpose"
        try:
            return text(
                await self._graph.json(path, permission=READ_MAILBOX, deadline=deadline), "userPurpose"
            ).casefold()
        except Refused:
            self._purposes_from = time.monotonic() + _REFUSED_FOR
        except OutsideError:
            pass
        return ""
