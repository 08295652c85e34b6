"""Traces and metrics to an OpenTelemetry collector (extra `otel`); the only importer of OpenTelemetry.

Batches leave in threads of the SDK's own: no turn waits for the collector, and one that is away costs dropped batches
and lines in the log. Metrics are those of `/metrics`, read when they are sent; a histogram is its sum and its count.
Other `OTEL_` names (sampler, service name, compression, intervals) are the SDK's, from the process's environment.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from prometheus_client import CollectorRegistry

from bot.setting_values import pairs
from bot.settings import Settings
from bot.traces import CURRENT, NOTHING, Span, Traces

_TIMEOUT = 5  # seconds that one batch may take, tries included
_ASKED_FOR = ("photosync_follow_ups_pending",)  # counted in the database when `/metrics` is
_PACKAGE = "photosync-teams-bot"


class _Traced:
    """A span that is under way."""

    def __init__(self, tracer: Tracer, span: SdkSpan) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def trace(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}"

    def note(self, name: str, value: str | int) -> None:
        self._span.set_attribute(f"photosync.{name}", value)

    def failed(self, error: BaseException) -> None:
        # Not `record_exception`: an exception's text may be a person's.
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def child(self, name: str) -> Iterator[Span]:
        span = self._tracer.start_span(name, set_span_in_context(self._span))
        with _current(_Traced(self._tracer, span), span) as child:
            yield child


@contextmanager
def _current(traced: _Traced, span: SdkSpan) -> Iterator[Span]:
    token = CURRENT.set(traced)
    try:
        yield traced
    except Exception as error:
        traced.failed(error)
        raise
    finally:
        CURRENT.reset(token)
        span.end()


class Exported(Traces):
    """Traces and metrics that are sent to where the settings say."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        about = {"service.version": metadata.version(_PACKAGE), "service.instance.id": secrets.token_hex(8)}
        resource = Resource.create(about)
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):  # the environment does not name it
            resource = resource.merge(Resource({SERVICE_NAME: "photosync"}))
        trusted = settings.requests_ca_bundle or settings.ssl_cert_file
        options: dict[str, Any] = {
            "headers": pairs(settings.otlp_headers),
            "timeout": _TIMEOUT,
            "certificate_file": str(trusted) if trusted else None,
        }
        base = settings.otlp_endpoint
        self._traces = TracerProvider(resource=resource)
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces", **options)))
        self._tracer = self._traces.get_tracer("photosync")
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics", **options))
        self._metrics = MeterProvider([reader], resource=resource)
        _observe(self._metrics, registry)

    @contextmanager
    def whole(self, name: str, kind: str) -> Iterator[Span]:
        outer = CURRENT.get()
        if outer is not NOTHING:
            with outer.child(name) as child:
                child.note("kind", kind)
                yield child
            return
        span = self._tracer.start_span(name, kind=SpanKind.SERVER)
        with _current(_Traced(self._tracer, span), span) as whole:
            whole.note("kind", kind)
            yield whole

    def close(self) -> None:
        self._traces.shutdown()
        self._metrics.shutdown(timeout_millis=_TIMEOUT * 1_000)


def _observe(provider: MeterProvider, registry: CollectorRegistry) -> None:
    meter = provider.get_meter("photosync")
    ends = {"gauge": ("",), "histogram": ("_sum", "_count"), "counter": ("_total",)}
    for family in registry.collect():
        if family.name in _ASKED_FOR:
            continue
        create = meter.create_observable_gauge if family.type == "gauge" else meter.create_observable_counter
        for end in ends[family.type]:
            create(family.name + end, [_samples(registry, family.name + end)], description=family.documentation)


def _samples(registry: CollectorRegistry, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """The present values under one name of `/metrics`."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        for family in registry.collect():
            if name.startswith(family.name):
                yield from (Observation(one.value, one.labels) for one in family.samples if one.name == name)

    return read
