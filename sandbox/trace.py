"""What reached the pretend servers, for whoever wants to see what the bot asks of the outside."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_MOST = 2_000  # requests that are kept


@dataclass(frozen=True)
class Traced:
    """One request and how it was answered."""

    number: int  # from 1, in the order of the answers
    at: float  # seconds since 1970, when it came
    system: str
    method: str
    path: str  # with the query
    status: int  # 0: the connection was broken
    seconds: float
    batched: bool = False  # a part of a batch, which is traced after its parts


class Trace:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self.requests: deque[Traced] = deque(maxlen=_MOST)
        self.count = 0

    def add(self, system: str, method: str, path: str, status: int, begun: float, *, batched: bool = False) -> None:
        """Keep one that was answered just now; `begun` in seconds since 1970."""
        self.count += 1
        seconds = time.time() - begun
        self.requests.append(Traced(self.count, begun, system, method, unquote(path), status, seconds, batched))

    def about(self, names: Collection[str]) -> list[Traced]:
        """Those whose path has one of the names in it, and the batches that these were parts of."""
        found, part_at = list[Traced](), 0.0
        for one in self.requests:
            named = any(name in one.path for name in names)
            if named and one.batched:
                part_at = max(part_at, one.at)
            if named or (one.path.endswith("/$batch") and one.at <= part_at):
                found.append(one)
        return found

    def of(self, system: str) -> Middleware:
        """What an application of that system goes through to have its requests traced."""

        @web.middleware
        async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
            begun, status = time.time(), 0
            try:
                answer = await handler(request)
                status = answer.status
            except web.HTTPException as error:
                status = error.status
                raise
            finally:
                self.add(system, request.method, request.path_qs, status, begun)
            return answer

        return traced
