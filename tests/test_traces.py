"""What a collector is sent, on loopback: one trace a turn, nobody's name or id; and a turn that does not wait for it."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bot import logs
from bot.app import new_metrics, tracing
from bot.errors import SettingsError
from bot.settings import read
from tests.chatting import scene
from tests.commands.test_serve import free_port
from tests.test_settings import GOOD


@dataclass
class Collector:
    """What came in."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[Any] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # summed over labels
    keys: set[str] = field(default_factory=set)  # that it was shown

    @property
    def everything(self) -> str:
        """All of it as text."""
        return f"{self.spans} {self.resources} {dict(self.metrics)}"

    def of(self, root: Any) -> list[Any]:
        """The spans of one trace, in the order of their beginning."""
        return sorted((one for one in self.spans if one.trace_id == root.trace_id), key=lambda one: one.start_time_unix_nano)  # fmt: skip


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """One that takes OTLP over HTTP as the real one does."""
    here = Collector()

    async def traces(request: web.Request) -> web.Response:
        here.keys.add(request.headers.get("api-key", ""))
        for resource in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            here.resources.append(resource.resource)
            here.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    async def metrics(request: web.Request) -> web.Response:
        for resource in ExportMetricsServiceRequest.FromString(await request.read()).resource_metrics:
            for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
                points = [*metric.sum.data_points, *metric.gauge.data_points]
                here.metrics[metric.name] = sum(point.as_double or point.as_int for point in points)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", traces)
    app.router.add_post("/v1/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()


async def test_a_turn_is_one_trace_of_which_the_log_names_the_number_and_nobody_is_named_in_it() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger("bot").addHandler(handler)
    logging.getLogger("bot").setLevel("DEBUG")
    try:
        async with collector() as here:
            async with scene(OTEL_EXPORTER_OTLP_ENDPOINT=here.url, OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20key") as one:
                chat = one.chat("old")
                await chat.say("my photo is wrong")
            roots = [span for span in here.spans if not span.parent_span_id and span.name == "turn"]
            (root,) = roots
            names = [span.name for span in here.of(root)]
            assert names[:3] == ["turn", "store.load", "look"]
            assert names[-2:] == ["send", "store.commit"]  # which message it became
            assert {"graph", "send", "store.commit"} <= set(names)
            look = next(span for span in here.of(root) if span.name == "look")
            assert {one.name for one in here.of(root) if one.parent_span_id == look.span_id} == {"graph", "send"}
            assert [(one.key, one.value.string_value) for one in look.attributes] == [("photosync.verdict", "differ")]
            person = chat.person
            for secret in (person.id, person.name, person.upn, chat.conversation, "my photo is wrong", one.tenant.secret):  # fmt: skip
                assert secret not in here.everything
            assert here.metrics["photosync_turns_total"] == 1
            assert here.metrics["photosync_turn_seconds_count"] == 1
            assert here.keys == {"a key"}
            assert {one.value.string_value for one in here.resources[0].attributes if one.key == "service.name"} == {"photosync"}  # fmt: skip
    finally:
        logging.getLogger("bot").removeHandler(handler)
        logging.getLogger("bot").setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    of_turn = [line for line in lines if line.get("trace") == root.trace_id.hex()]
    assert [line for line in of_turn if line.get("case")]  # how the two are found by each other
    assert len({line["turn"] for line in of_turn}) == 1


async def test_a_collector_that_is_not_there_keeps_nobody_from_an_answer_nor_the_bot_from_ending() -> None:
    async with scene(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}") as here:
        chat = here.chat("old")
        await chat.say("my photo is wrong")
        assert chat.messages


def test_without_the_extra_it_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bot.telemetry", None)
    with pytest.raises(SettingsError, match=r"photosync-teams-bot\[otel\]"):
        tracing(read(GOOD | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}), new_metrics())


@pytest.mark.parametrize("wrong", ["collector:4317", "grpc://collector:4317", "http://name:word@collector"])
def test_an_address_that_no_collector_has_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT must be"):
        read(GOOD | {"OTEL_EXPORTER_OTLP_ENDPOINT": wrong})
