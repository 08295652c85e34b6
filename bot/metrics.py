"""What is counted, under the names of the contract. No label ever carries a person.

Most of it is of this process, and begins at zero with it. What came of people's cases is of the installation: it is
kept in the store, so that a restart loses none of it, and several processes show the same figures. Such counters are
brought into the store, and those of all processes read back, before the text is written; until that has succeeded once
they are left out, because a counter that begins at zero and then jumps would look like so many cases at once.

Whether a commit took place is not known where its answer is lost: the process ends, the connection breaks. So what is
brought in goes as a batch with a number, which the store keeps with it; until the answer is there the same batch is
brought again, and the store adds it once.
"""

from __future__ import annotations

import asyncio
import collections
import secrets
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.conversation import ActivityKind

_TEXT_SHARE = 0.2  # of the time that writing the text may take
_LONGEST_WRITING = 0.1  # seconds; what takes longer is waiting for the store
_FIX_BUCKETS = (60, 300, 900, 3_600, 4 * 3_600, 86_400, 3 * 86_400, 7 * 86_400)  # seconds
# Labels that are known before anything is counted under them; those of `bot.teams.refusal` are added there.
_REFUSED = ("idle", "connections", "malformed", "ticket_call", "stale", "invented", "foreign")
_GRAPH = ("200", "302", "304", "400", "401", "403", "404", "429", "500", "502", "503", "504", "outage", "timedout")
_SENT = ("sent", "updated", "typing", "gone", "refused", "throttled", "failed")
_UNDERSTOOD = ("right_away", "asked", "nothing")
_TICKETS = ("sent", "contact", "queued", "failed")

Counts = Mapping[tuple[str, str], int]
"""(name, label) -> how many."""


class Labelled:
    """A counter with one label; its children are kept, since the library looks each up under a lock.

    `labels(value)` is the child that counts a value.
    """

    def __init__(self, counter: Counter, known: Collection[str] = ()) -> None:
        self.labels: Callable[[str], Counter] = cache(counter.labels)
        for value in known:
            self.labels(value)


@dataclass(frozen=True)
class _Family:
    """A counter, or a histogram of whole seconds, of the installation."""

    name: str
    meaning: str
    label: str
    known: tuple[str, ...]
    buckets: tuple[int, ...] = ()


class InstallationCounters(Collector):
    """What all processes of the installation counted, ever."""

    def __init__(self) -> None:
        self._families: list[_Family] = []
        self._stored: Counts = {}
        self._batch: Counts = {}  # on its way into the store, under its number
        self._number = 0
        self._process = secrets.token_hex(8)
        self._added: collections.Counter[tuple[str, str]] = collections.Counter()  # since then
        self._keeping = asyncio.Lock()
        self._known = True

    def counter(self, name: str, meaning: str, label: str, known: Collection[str]) -> KeptCounter:
        """A counter with one label."""
        self._families.append(_Family(name, meaning, label, tuple(known)))
        return KeptCounter(self, name)

    def histogram(self, name: str, meaning: str, buckets: tuple[int, ...]) -> KeptHistogram:
        """A histogram without labels."""
        self._families.append(_Family(name, meaning, "", (), buckets))
        return KeptHistogram(self, name, buckets)

    def add(self, name: str, label: str, number: int) -> None:
        """Count it here; the store has it with the next `keep`."""
        self._added[name, label] += number

    def await_store(self) -> None:
        """Show nothing before the store has said what was counted until now."""
        self._known = False

    async def keep(self, add: Callable[[Counts, str, int], Awaitable[Counts]]) -> None:
        """Bring what was counted into the store, and read what all processes have: by `Store.add_to_counters`. Raises
        `StoreUnavailable`; nothing is lost then, nor added twice."""
        async with self._keeping:
            if self._batch:  # of a try whose end is not known
                await self._bring(add)
            self._batch, self._added = dict(self._added), collections.Counter()
            self._number += 1
            await self._bring(add)
            self._known = True

    async def _bring(self, add: Callable[[Counts, str, int], Awaitable[Counts]]) -> None:
        self._stored = await add(self._batch, self._process, self._number)
        self._batch = {}

    def collect(self) -> Iterator[Metric]:
        if not self._known:
            return
        found = collections.Counter(self._stored)
        found.update(self._batch)
        found.update(self._added)
        for family in self._families:
            yield _histogram(family, found) if family.buckets else _counter(family, found)


def _counter(family: _Family, found: collections.Counter[tuple[str, str]]) -> Metric:
    metric = CounterMetricFamily(family.name, family.meaning, labels=[family.label])
    labels = dict.fromkeys((*family.known, *sorted(label for name, label in found if name == family.name)))
    for label in labels:
        metric.add_metric([label], found[family.name, label])
    return metric


def _histogram(family: _Family, found: collections.Counter[tuple[str, str]]) -> Metric:
    bounds = [*map(str, family.buckets), "+Inf"]
    counts = list(accumulate(found[family.name, bound] for bound in bounds))
    said = [bound if bound == "+Inf" else f"{bound}.0" for bound in bounds]  # as the library writes them
    metric = HistogramMetricFamily(family.name, family.meaning)
    metric.add_metric([], list(zip(said, counts, strict=True)), found[family.name, "sum"])
    return metric


@dataclass(frozen=True)
class _KeptLabel:
    """One label of a counter."""

    counters: InstallationCounters
    name: str
    label: str

    def inc(self, number: int = 1) -> None:
        self.counters.add(self.name, self.label, number)


@dataclass(frozen=True)
class KeptCounter:
    """A counter of the installation, used like the library's."""

    _counters: InstallationCounters
    _name: str

    def labels(self, value: str) -> _KeptLabel:
        """The child that counts this value."""
        return _KeptLabel(self._counters, self._name, value)


@dataclass(frozen=True)
class KeptHistogram:
    """A histogram of the installation, used like the library's."""

    _counters: InstallationCounters
    _name: str
    _buckets: tuple[int, ...]

    def observe(self, seconds: int) -> None:
        place = bisect_left(self._buckets, seconds)
        bound = str(self._buckets[place]) if place < len(self._buckets) else "+Inf"
        self._counters.add(self._name, bound, 1)
        self._counters.add(self._name, "sum", seconds)


class Metrics:
    """One registry of its own, so that two bots in one process do not share counts."""

    def __init__(self, *, verdicts: Collection[str], reasons: Collection[str], outcomes: Collection[str]) -> None:
        """What a look may find, why it may find nothing, and how a case may end: the labels that are there from the
        start.
        """
        self.registry = CollectorRegistry()
        self._text, self._begun, self._rest_until = b"", 0.0, 0.0
        self._writing = asyncio.Lock()
        self.turns = self._counter("photosync_turns", "Activities that were worked on", "kind", list(ActivityKind))
        self.turn_seconds = Histogram(
            "photosync_turn_seconds", "Seconds from an activity to its HTTP answer", registry=self.registry
        )
        self.checks = self._counter("photosync_checks", "Looks at a person's two photos", "verdict", verdicts)
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
        self.refused = self._counter(
            "photosync_refused", "Requests and presses that were not honoured", "reason", _REFUSED
        )
        self.graph_requests = self._counter("photosync_graph_requests", "Answers of Microsoft Graph", "status", _GRAPH)
        self.messages_sent = self._counter("photosync_messages_sent", "Messages to Teams", "result", _SENT)

        self.installation = kept = InstallationCounters()
        self.registry.register(kept)
        self.cases = kept.counter("photosync_cases", "Cases that ended", "outcome", outcomes)
        self.causes = kept.counter("photosync_causes", "Cases, by what was found", "cause", [*verdicts, *reasons])
        self.seconds_to_fix = kept.histogram(
            "photosync_seconds_to_fix", "Seconds from what was wrong to the match", _FIX_BUCKETS
        )
        self.ratings = kept.counter("photosync_ratings", "Cases that were rated", "score", ("up", "down"))
        self.tickets = kept.counter("photosync_tickets", "Tickets handed to the helpdesk system", "result", _TICKETS)
        self.understood = kept.counter(
            "photosync_understood",
            "Typed messages, by how well they were",
            "result",
            _UNDERSTOOD,
        )

    def _counter(self, name: str, meaning: str, label: str, known: Collection[str]) -> Labelled:
        return Labelled(Counter(name, meaning, [label], registry=self.registry), known)

    def report_background(self, task: str, alive: bool) -> None:
        """Whether a background task works now."""
        self.background_alive.labels(task).set(int(alive))

    def report_closed(self, reason: str) -> None:
        """A connection that the server has closed by itself."""
        self.refused.labels(reason).inc()

    async def text(self, bring: Callable[[], Awaitable[object]] | None = None) -> bytes:
        """The Prometheus text format, written after it was asked for.

        Under a flood writing it takes a fifth of the time at most: whoever waits meanwhile gets the same text. `bring`
        is awaited before, to bring in what is of the installation.
        """
        asked = time.monotonic()
        async with self._writing:
            if self._begun < asked:
                await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
                self._begun = time.monotonic()
                if bring is not None:
                    await bring()
                self._text = generate_latest(self.registry)
                ended = time.monotonic()
                spent = min(ended - self._begun, _LONGEST_WRITING)
                self._rest_until = ended + spent * (1 / _TEXT_SHARE - 1)
            return self._text
