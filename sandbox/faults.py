"""Switches that make the outside world fail as the real one does. Each fault is used up by its number of requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One request answered otherwise.

    `status` 0 does not answer at all: `kind` is then `drop` (the connection breaks), `hang`, or `slow`.
    `lost` lets the request take effect first.
    """

    status: int = 0
    kind: str = ""
    retry_after: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    code: str = ""
    lost: bool = False


@dataclass
class Faults:
    """All switches; everything off in the beginning."""

    forbidden: set[str] = field(default_factory=set)  # people whose photo Graph refuses to show
    site_grant: bool = True  # Sites.Selected is granted on the my-site host
    library: str = "drive"  # how the picture library shows: `drive`, `list` or `none`
    my_site: bool = True  # `mySite` may be read
    login_refuses: bool = False
    login_delay: float = 0.0  # seconds
    keys_down: bool = False
    graph: deque[Fault] = field(default_factory=deque)  # the next requests, one each
    files: deque[Fault] = field(default_factory=deque)
    connector: deque[Fault] = field(default_factory=deque)
    tickets: deque[Fault] = field(default_factory=deque)
    graph_always: Fault | None = None  # every request

    def next(self, where: str) -> Fault | None:
        """The fault of the next request of `graph`, `files`, `connector` or `tickets`, if any."""
        waiting: deque[Fault] = getattr(self, where)
        if waiting:
            return waiting.popleft()
        return self.graph_always if where == "graph" else None

    def plan(self, where: str, faults: Iterable[Fault]) -> None:
        """Let the next requests fail."""
        waiting: deque[Fault] = getattr(self, where)
        waiting.extend(faults)
