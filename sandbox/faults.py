"""Switches that make the outside world fail as the real one does. Each fault is used up by its number of requests."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One request answered otherwise.

    `status` 0 does not answer properly: `kind` is then `drop` (the connection breaks), `hang`, `slow` (a byte a
    second) or `short` (fewer bytes than announced). `lost` lets the request take effect first. `path` waits for a
    request whose path contains it; without one the next request is meant. `after` lets that many such requests pass.
    """

    status: int = 0
    kind: str = ""
    retry_after: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    code: str = ""
    lost: bool = False
    path: str = ""
    after: int = 0


_USUAL = (Fault(500), Fault(503), Fault(502), Fault(429, retry_after="0.5"), Fault(kind="drop"))
"""What systems do when they fail by themselves."""


_SHAREPOINT = ("/v1.0/sites", "/v1.0/drives", "/download")
_LISTS = ("/children", "/drives", "/lists", "/items")


@dataclass
class Throttle:
    """Takes so many requests in a window of time, and refuses the rest until it ends. Parts of a batch count too.

    With `units` it is SharePoint's limit for one application: only its requests and downloads count, by resource units.
    """

    requests: int
    seconds: float
    units: bool = False
    refused: int = 0
    used: int = 0
    _left: int = 0
    _ends: float = 0.0

    def wait(self, path: str) -> int:
        """Counts one request; 0 if it is taken, else the seconds to wait."""
        cost, now = self._cost(path), time.monotonic()
        if now >= self._ends:
            self._left, self._ends = self.requests, now + self.seconds
        if self._left >= cost:
            self._left -= cost
            self.used += cost
            return 0
        self.refused += 1
        return math.ceil(self._ends - now)

    def _cost(self, path: str) -> int:
        """In units: 2 for a list, 1 for an item and for a download, 0 for what is not SharePoint's."""
        if not self.units:
            return 1
        if not path.startswith(_SHAREPOINT):
            return 0
        return 2 if path.endswith(_LISTS) else 1


@dataclass
class Faults:
    """All switches; everything off in the beginning."""

    forbidden: set[str] = field(default_factory=set)  # people whose photo Graph refuses to show
    site_grant: bool = True  # off: SharePoint refuses us on the my-site host, whatever roles the token has
    library: str = "drive"  # how the picture library shows: `drive`, `list` or `none`
    my_site: bool = True  # `mySite` may be read
    graph_seconds: float = 0.0  # how long every request to Graph takes at least
    photo_seconds: float = 0.01  # how long a photo request takes: what runs into the limit of four at once
    photos_refused: int = 0  # requests for a photo beyond four at once, counted
    login_refuses: bool = False
    login_delay: float = 0.0  # seconds
    keys_down: bool = False
    keys_delay: float = 0.0  # seconds
    send_ids_invalid: bool = False  # a message can be updated by its `replyToId` only (botbuilder-dotnet#4838)
    paced: bool = True  # the connector holds a conversation to Teams' rates for new messages
    latency: tuple[float, float] = (0.0, 0.002)  # seconds that an answer of the connector takes; of Teams 0.03 to 0.3
    retry_after: float = 15.0  # seconds after which Teams delivers again what got no answer or a 5xx
    graph: deque[Fault] = field(default_factory=deque)  # the next requests, one each
    files: deque[Fault] = field(default_factory=deque)
    connector: deque[Fault] = field(default_factory=deque)
    tickets: deque[Fault] = field(default_factory=deque)
    login: deque[Fault] = field(default_factory=deque)  # requests for a token
    azure: deque[Fault] = field(default_factory=deque)
    graph_always: Fault | None = None  # every request
    change: Callable[[str, Any], Any] | None = (
        None  # what Graph and the login service answer, by path: (path, document)
    )
    throttle: Throttle | None = None  # of Graph
    chances: dict[str, float] = field(default_factory=dict)  # how often a system fails by itself, 0 to 1
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def next(self, where: str, path: str = "") -> Fault | None:
        """The fault of the present request of `graph`, `files`, `login`, `azure`, `connector` or `tickets`, if any."""
        waiting: deque[Fault] = getattr(self, where)
        for place, fault in enumerate(waiting):
            if fault.path not in path:
                continue
            if fault.after:
                waiting[place] = replace(fault, after=fault.after - 1)
                return None
            waiting.remove(fault)
            return fault
        if self.dice.random() < self.chances.get(where, 0.0):
            return self.dice.choice(_USUAL)
        return self.graph_always if where == "graph" else None

    def inside(self, path: str) -> Fault | None:
        """The fault of one request of a batch: only those that wait for a path reach in."""
        for fault in self.graph:
            if fault.path and fault.path in path:
                self.graph.remove(fault)
                return fault
        return None

    def plan(self, where: str, faults: Iterable[Fault]) -> None:
        """Let the next requests fail."""
        waiting: deque[Fault] = getattr(self, where)
        waiting.extend(faults)
