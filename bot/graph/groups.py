"""Who belongs to a group of the directory: for `PHOTOSYNC_PILOT`, which may name groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from bot.background import Beat
from bot.errors import NotFound, OutsideError, Refused
from bot.graph.client import Graph, path_segment, text

log = logging.getLogger(__name__)

READ_GROUPS = "GroupMember.Read.All (application permission of Microsoft Graph)"
_PAGE = 999  # the most that Graph gives at once
_MOST_PAGES = 200
_INTERVAL = 300.0  # seconds between two readings


class Groups:
    """Who belongs to groups of the directory."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def members(self, group: str) -> frozenset[str] | None:
        """The object ids of all in a group, also by a group in it; None where the id is no group's.

        Raises the errors of `Graph`.
        """
        path = f"/groups/{path_segment(group)}/transitiveMembers?$select=id&$top={_PAGE}"
        try:
            found = await self._graph.pages(path, permission=READ_GROUPS, most=_MOST_PAGES)
        except NotFound:
            return None
        return frozenset(text(one, "id").lower() for one in found) - {""}


class Pilot:
    """The people of the pilot: those who are named, and those in groups that are named."""

    def __init__(self, named: Collection[str], groups: Groups, tell: Callable[[frozenset[str]], None]) -> None:
        """`tell` is called with all of them whenever they have been read."""
        self._named = frozenset(named)
        self._groups = groups
        self._tell = tell
        self._members: dict[str, frozenset[str]] = {}
        self._logged = ""

    async def keep(self, beat: Beat) -> None:
        """Read the groups now and again every five minutes, for ever: a background task. What Graph does not give is as
        it was.
        """
        while True:
            await self.read()
            beat()
            await asyncio.sleep(_INTERVAL)

    async def read(self) -> None:
        """Read the groups once. Raises nothing of Graph's."""
        for one in sorted(self._named):
            try:
                members = await self._groups.members(one)
            except Refused:
                self._log_once(f"if PHOTOSYNC_PILOT names groups, grant {READ_GROUPS}; people's own ids need nothing")
                break
            except OutsideError as error:
                self._log_once(f"who belongs to the groups of the pilot is not known: {type(error).__name__}")
                break
            self._members[one] = members or frozenset()  # a person's id, or a group that is gone, has none
        self._tell(self._named.union(*self._members.values()))

    def _log_once(self, line: str) -> None:
        if line != self._logged:
            log.info("%s", line)
        self._logged = line
