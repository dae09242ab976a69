"""Spans for the operator's OpenTelemetry collector: how events are accepted, and each attempt to deliver one.

The extra `tracing` brings the packages that this module imports. So it is imported only where the configuration asks
for tracing; every other module has `Spans | None`. The names follow OpenTelemetry's conventions, and docs/operations.md
lists them: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

A span holds ids, types, names and codes, and never data, a subject or a `tracestate`, in which a publisher may write
what it likes. The hub attempts no delivery of an event that the gate withholds, so such a delivery has no span. The
exporter has a thread and a bounded queue: a collector that is away delays nothing, and only spans are lost.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.clock import Clock
from hub.texts import both
from plugins.errors import ConfigurationError
from plugins.texts import Text
from schemas import Described

CLOSE_S: Final = 2.0  # how long the stop of the hub waits for the last export
MAX_LINKS: Final = 32  # of one span
PATH: Final = "/v1/traces"

_HEADER_LOG: Final = logging.getLogger("opentelemetry.util.re")  # it quotes an OTEL_*_HEADERS that it can't read
_MARK: Final = b'"traceparent"'
_PROPAGATOR: Final = TraceContextTextMapPropagator()

log = logging.getLogger(__name__)


class Accepting:
    """The span of one request of events. It is made when the request's outcome is known."""

    __slots__ = ("_began_ns", "_header", "_spans", "events")

    def __init__(self, spans: "Spans", header: str, began_ns: int) -> None:
        self._spans = spans
        self._header = header
        self._began_ns = began_ns
        self.events: Sequence[Described] = ()  # set when all of them are valid

    def ended(self, status: int, problem: str = "") -> None:
        """The answer: its HTTP status and the problem's stable code; empty if the events were accepted.

        The span's parent is the request's `traceparent`, else that of its events, if they have only one between them.
        """
        events = [described.event.attributes for described in self.events]
        carried = islice(dict.fromkeys(event.get("traceparent") for event in events), MAX_LINKS)
        remotes = [remote for remote in map(_remote, carried) if remote is not None]
        parent = _remote(self._header) or (remotes[0] if len(remotes) == 1 else None)
        attributes: dict[str, Any] = {"http.response.status_code": status}
        if len(events) == 1:
            attributes["messaging.message.id"] = events[0]["id"]
        elif events:
            attributes["messaging.batch.message_count"] = len(events)
        types = {event["type"] for event in events}
        span = self._spans.begin(
            "accept", types.pop() if len(types) == 1 else "", SpanKind.SERVER, attributes, parent,
            [Link(remote) for remote in remotes if remote != parent], self._began_ns,
        )  # fmt: skip
        self._spans.end(span, problem)


class Delivering:
    """The span of one attempt, from its beginning. `ended` exports it; not called if the gate stops the attempt."""

    __slots__ = ("_span", "_spans", "traceparent")

    def __init__(self, spans: "Spans", span: Span) -> None:
        self._spans = spans
        self._span = span
        own = span.get_span_context()
        self.traceparent = f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"

    def ended(self, result: str, reason: str, status: int | None) -> None:
        """The outcome, as in `hub.delivery.base.Outcome`."""
        self._span.set_attribute("skolnav.result", result)
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        self._spans.end(self._span, "" if result == "delivered" else reason or result)


class Spans:
    """Makes the spans of one hub."""

    def __init__(
        self, endpoint: str, *, tenant: str, clock: Clock, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start the exporter's thread. `endpoint`: the collector's URL; without a path, it gets `/v1/traces`.

        The packages read everything else from the standard variables OTEL_* (docs/operations.md). Raises
        ConfigurationError if those that bound the queue do not fit together.
        """
        _HEADER_LOG.setLevel(logging.CRITICAL)
        self._clock = clock
        url = endpoint if urlsplit(endpoint).path not in ("", "/") else endpoint.rstrip("/") + PATH
        ours = {"service.name": "skolnav", "service.namespace": tenant, "service.version": version("skolnav")}
        self._provider = TracerProvider(
            resource=Resource.create(ours).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        try:
            processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=url, headers=headers))
        except ValueError:
            raise ConfigurationError(Text(*both("refusal.tracing-queue")), code="tracing-queue") from None
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("skolnav", version("skolnav"))

    def accepting(self, traceparent: bytes) -> Accepting:
        """A known client's request has arrived. `traceparent`: its header, or empty."""
        return Accepting(self, traceparent.decode("latin-1"), self._now_ns())

    def delivering(
        self, body: bytes, *, id: str, type: str, subscription: str, connector: bool, number: int, lane: str | None
    ) -> Delivering:
        """An attempt begins. Its parent is the event's own `traceparent`. `body`: the event as it is stored."""
        attributes: dict[str, Any] = {
            "messaging.operation.type": "process" if connector else "send",
            "messaging.destination.subscription.name": subscription,
            "messaging.message.id": id,
            "skolnav.attempt": number,
        }
        if lane is not None:
            attributes["skolnav.lane"] = lane
        operation, kind = ("handle", SpanKind.CONSUMER) if connector else ("deliver", SpanKind.CLIENT)
        parent = _remote(orjson.loads(body).get("traceparent")) if _MARK in body else None
        return Delivering(self, self.begin(operation, type, kind, attributes, parent, (), self._now_ns()))

    def begin(
        self, operation: str, type: str, kind: SpanKind, attributes: dict[str, Any], parent: SpanContext | None,
        links: Sequence[Link], began_ns: int,
    ) -> Span:  # fmt: skip
        """`type`: of the span's events; empty if they differ. `parent` None: the span begins a trace."""
        attributes |= {"messaging.system": "skolnav", "messaging.operation.name": operation}
        if type:
            attributes["messaging.destination.name"] = type
        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        name = f"{operation} {type}" if type else operation
        return self._tracer.start_span(name, context, kind, attributes, links, start_time=began_ns)

    def end(self, span: Span, error: str) -> None:
        """Queue the span for export. `error`: a stable code; empty if the operation succeeded."""
        if error:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(self._now_ns())

    async def close(self) -> None:
        """Export what is queued, or give it up after CLOSE_S."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def last() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop is closed, since the hub has stopped waiting
                loop.call_soon_threadsafe(done.set)

        # asyncio waits for the threads of its own pool before a process ends, and a collector can take half a minute.
        threading.Thread(target=last, name="last-spans", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSE_S):
                await done.wait()
        except TimeoutError:
            log.warning("the last spans are lost: the collector did not take them within %g s", CLOSE_S)

    def _now_ns(self) -> int:
        return self._clock.utc_us() * 1000


def _remote(traceparent: object) -> SpanContext | None:
    """The span that a `traceparent` names; None if it is not well formed."""
    if not isinstance(traceparent, str):
        return None
    context = _PROPAGATOR.extract({"traceparent": traceparent}, Context())
    found = get_current_span(context).get_span_context()
    return found if found.is_valid else None
