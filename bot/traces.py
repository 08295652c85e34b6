"""What a turn or job was doing when: spans, where an operator has a collector, and nothing at all where not.

`Traces.whole` begins a trace around a turn or a job, `span` a span within it: a look, the store, a message. Both find
what they belong to in the task's own context, so that nothing is handed through the code in between. Without a
collector `span` is one look at a context variable; OpenTelemetry, which only `bot/telemetry.py` imports, is not loaded.

No span names a person: names, kinds, statuses and counts are all there is. Which case a trace is about is in the log,
whose lines name both, and the turn: what a task works on is kept here for them too.
"""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol

CASE: ContextVar[str] = ContextVar("CASE", default="")
"""The case that this task works on; "" for none."""
TURN: ContextVar[int] = ContextVar("TURN", default=0)
"""The turn or job that this task works on; 0 for none."""
_TURNS = itertools.count(1)


def begin_turn() -> None:
    """What this task does from now on is of a new turn or job, and of no case yet."""
    CASE.set("")
    TURN.set(next(_TURNS))


class Span(Protocol):
    """Something that takes a while, and what is to be said of it."""

    def note(self, name: str, value: str | int) -> None:
        """A fact about it. Never an id, name or text of a person."""

    def failed(self, error: BaseException) -> None:
        """It came to nothing; of the error only the type is kept."""

    def child(self, name: str) -> AbstractContextManager[Span]:
        """A span within this one."""

    @property
    def trace(self) -> str:
        """The trace's id, "" if there is none."""


class _Nothing:
    """The span of those who trace nothing; it is its own context manager."""

    trace = ""

    def note(self, name: str, value: str | int) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass

    def child(self, name: str) -> _Nothing:  # noqa: ARG002 - see `Span`
        return self

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


NOTHING = _Nothing()
CURRENT: ContextVar[Span] = ContextVar("CURRENT", default=NOTHING)
"""What this task is doing."""


class Traces:
    """No collector: nothing is traced."""

    def whole(self, name: str, kind: str) -> AbstractContextManager[Span]:  # noqa: ARG002 - of those who trace
        """A trace of its own around a turn or a job, or a span of the one that is under way."""
        return NOTHING

    def close(self) -> None:
        """Send what is left; blocks for some seconds at most."""


def span(name: str) -> AbstractContextManager[Span]:
    """A span of what this task is doing."""
    return CURRENT.get().child(name)
