"""Whether anything changed since the last look: a digest of both sides' eTags, by one `$batch`, without a download."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from bot.graph.client import Graph
from bot.graph.sharepoint import SharePoint
from bot.graph.users import Users

_TOLD = (200, 404)  # there, with its eTag, or not there; anything else says nothing


class Changes:
    """Cheap looks at what a full look has found before."""

    def __init__(self, graph: Graph, microsoft365: Users, sharepoint: SharePoint) -> None:
        self._graph = graph
        self._microsoft365 = microsoft365
        self._sharepoint = sharepoint

    async def watched(self, person: str) -> tuple[str, ...]:
        """The paths on Graph that show a change, for `digest`. Raises the errors of `Graph`."""
        known = await self._microsoft365.person(person)
        return (f"/users/{quote(known.id, safe='')}/photo", *await self._sharepoint.places(known))

    async def digest(self, paths: tuple[str, ...]) -> str:
        """The same text as long as nothing changes; "" where that cannot be told. Raises the errors of `Graph`."""
        async with self._microsoft365.photo_slots:  # a photo in a batch counts against the same limit
            answers = await self._graph.batch(paths)
        if any(status not in _TOLD for status, _ in answers):
            return ""
        seen = [[path, status, _etag(body)] for path, (status, body) in zip(paths, answers, strict=True)]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _etag(body: dict[str, Any]) -> str:
    return str(body.get("@odata.mediaEtag") or body.get("eTag") or "")
