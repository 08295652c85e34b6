"""What is counted, under the names of the contract. No label ever carries a person."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_TEXT_SHARE = 0.2  # of the time that writing the text may take


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
        self._text, self._begun, self._rest_until = b"", 0.0, 0.0
        self._writing = asyncio.Lock()
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
        self.credential_ends = Gauge(
            "photosync_credential_ends_timestamp_seconds",
            "When a certificate that the bot signs in with runs out, in seconds since 1970",
            ["setting"],
            registry=self.registry,
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

    async def text(self) -> bytes:
        """The Prometheus text format, written after it was asked for.

        Under a flood writing it takes a fifth of the time at most: whoever waits meanwhile gets the same text.
        """
        asked = time.monotonic()
        async with self._writing:
            if self._begun < asked:
                await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
                self._begun = time.monotonic()
                self._text = generate_latest(self.registry)
                ended = time.monotonic()
                self._rest_until = ended + (ended - self._begun) * (1 / _TEXT_SHARE - 1)
            return self._text
