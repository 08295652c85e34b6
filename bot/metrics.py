"""What is counted, under the names of the contract. No label ever carries a person."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_TEXT_SHARE, _TEXT_BURST = 0.2, 0.2  # of the time, under a flood of requests for it; seconds before that


class Labelled:
    """A counter with one label; its parts are kept, since the library looks each up under a lock."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._parts: dict[str, Counter] = {}

    def labels(self, value: str) -> Counter:
        """The part that counts this value."""
        part = self._parts.get(value)
        if part is None:
            part = self._parts[value] = self._counter.labels(value)
        return part


class Metrics:
    """One registry of its own, so that two bots in one process do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._text, self._owed, self._written_at = b"", 0.0, time.monotonic()
        self.turns = self._counter("photosync_turns", "Activities that were worked on", "kind")
        self.turn_seconds = Histogram(
            "photosync_turn_seconds", "Seconds from an activity to its HTTP answer", registry=self.registry
        )
        self.checks = self._counter("photosync_checks", "Looks at a person's two photos", "verdict")
        self.cases = self._counter("photosync_cases", "Cases that ended", "outcome")
        self.follow_ups_pending = Gauge(
            "photosync_follow_ups_pending",
            "Looks still to come by themselves",
            registry=self.registry,
        )
        self.background_alive = Gauge(
            "photosync_background_alive", "Whether a background task works", ["task"], registry=self.registry
        )
        self.tickets = self._counter("photosync_tickets", "Tickets handed to the helpdesk system", "result")
        self.refused = self._counter("photosync_refused", "Requests and presses that were not honoured", "reason")
        self.graph_requests = self._counter("photosync_graph_requests", "Answers of Microsoft Graph", "status")
        self.understood = self._counter("photosync_understood", "Typed messages, by how well they were", "result")
        for result in ("right_away", "asked", "nothing"):
            self.understood.labels(result)
        self.messages_sent = self._counter("photosync_messages_sent", "Messages to Teams", "result")

    def _counter(self, name: str, meaning: str, label: str) -> Labelled:
        return Labelled(Counter(name, meaning, [label], registry=self.registry))

    def report_background(self, task: str, alive: bool) -> None:
        """Whether a background task works now."""
        self.background_alive.labels(task).set(int(alive))

    def report_closed(self, reason: str) -> None:
        """A connection that the server has closed by itself."""
        self.refused.labels(reason).inc()

    def text(self) -> bytes:
        """The Prometheus text format, as it is now; only under a flood of requests for it one of a moment ago.

        Writing it takes a fifth of the time at most: what it took is owed, and paid back as time goes by.
        """
        begun = time.monotonic()
        self._owed = max(0.0, self._owed - (begun - self._written_at) * _TEXT_SHARE)
        self._written_at = begun
        if self._owed < _TEXT_BURST:
            self._text = generate_latest(self.registry)
            self._owed += time.monotonic() - begun
        return self._text
