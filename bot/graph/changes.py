"""Whether anything changed since the last look: a digest of both sides' eTags, by one `$batch` and no download."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bot.graph.client import NEVER_ENDS, Graph
from bot.graph.fields import path_segment, text
from bot.graph.sharepoint import SharePoint
from bot.graph.users import Users

_CONCLUSIVE = (200, 404)  # there, with its eTag, or not there


class Changes:
    """A cheap way to skip a look that would find what the last one did."""

    def __init__(self, graph: Graph, users: Users, sharepoint: SharePoint) -> None:
        self._graph = graph
        self._users = users
        self._sharepoint = sharepoint

    async def watched(self, person: str, ends: float = NEVER_ENDS) -> tuple[str, ...]:
        """The paths on Graph that show a change, for `digest`. Raises the errors of `Graph`."""
        known = await self._users.person(person, ends)
        return (f"/users/{path_segment(known.id)}/photo", *await self._sharepoint.paths(known, ends))

    async def digest(self, paths: tuple[str, ...], ends: float = NEVER_ENDS) -> str:
        """The same text as long as nothing changes; "" where that is not known. Raises the errors of `Graph`."""
        async with self._users.photo_slots():  # a photo in a batch counts against the same limit
            answers = await self._graph.batch(paths, ends=ends)
        if any(status not in _CONCLUSIVE for status, _ in answers):
            return ""
        seen = [[path, status, _etag(body)] for path, (status, body) in zip(paths, answers, strict=True)]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _etag(body: dict[str, Any]) -> str:
    return text(body, "@odata.mediaEtag") or text(body, "eTag")
