"""What a real OTLP receiver gets from a running hub."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.cli.exits import Code
from hub.config import load
from plugins import Category, Connector, ConnectorConfig, Contract, Event
from plugins.manager import Plugins
from schemas.schedule import DayClosed
from tests.peers.hub import BATCH, SECRET, STRUCTURED, HubProcess, client, free_port, webhook
from tests.peers.webhook import WebhookReceiver, hang, status
from tests.school import ABSENCE, DAY_CLOSED, UNIT, absence, envelope, uid
from tests.until import until

TRACE, PUBLISHER, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{PUBLISHER}-01"
TYPES = [DAY_CLOSED, ABSENCE]
CONTRACT = {"purpose": "test", "legal_basis": "test", "categories": ["none", "free_text"]}


class Desk(Connector[ConnectorConfig]):
    """Takes closed days."""

    name = "desk"
    config_model = ConnectorConfig
    consumes = (DayClosed,)
    contract = Contract("test", "test", {Category.NONE, Category.FREE_TEXT})

    async def handle(self, event: Event) -> None: ...


class Collector(WebhookReceiver):
    """An OTLP receiver over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = status(200, "Content-Type: application/x-protobuf")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def exports(self) -> Iterator[ExportTraceServiceRequest]:
        for request in self.received:
            assert (request.path, request.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            yield ExportTraceServiceRequest.FromString(request.body)

    def spans(self, operation: str = "") -> list[Span]:
        found = [
            span
            for export in self.exports()
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return [span for span in found if span.name.startswith(operation)]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as made:
        yield made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")  # milliseconds


def settings(receiver: WebhookReceiver, **more: Any) -> dict[str, Any]:
    return {
        "clients": [client("sis", "publisher"), client("acme", "subscriber", contract=CONTRACT)],
        "subscriptions": [webhook("days", receiver.url, TYPES, client="acme")],
        **more,
    }


@asynccontextmanager
async def running(folder: Path, config: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    path = folder / "skolnav.yaml"
    whole = {"municipality": "Provköping", "data": "data", "outbound": {"allow": ["127.0.0.0/8"]}, **config}
    path.write_text(json.dumps({**whole, "listen": f"127.0.0.1:{free_port()}"}))
    plugins = Plugins.of(Desk)
    environ = {"TOKEN_SIS": "token-of-sis-0123456789", "TOKEN_ACME": "token-of-acme-0123456789", "SECRET": SECRET}
    hub = await Hub.start(load(path, plugins, environ=environ), plugins=plugins)
    servers = Servers(hub.services)
    try:
        await servers.start()
        host, port = servers.address
        headers = {"Authorization": f"Bearer {environ['TOKEN_SIS']}"}
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", headers=headers, timeout=30) as http:
            yield http
    finally:
        await servers.stop()
        await hub.stop()


def closed(id: str, **more: Any) -> dict[str, Any]:
    return envelope(DAY_CLOSED, {"organisation": {"id": UNIT}, "date": f"2026-12-{id[-2:]}"}, id=id, **more)


async def post(http: httpx.AsyncClient, *events: dict[str, Any], traceparent: str | None = None) -> httpx.Response:
    headers = {"Content-Type": STRUCTURED if len(events) == 1 else BATCH}
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return await http.post("/v1/events", json=events[0] if len(events) == 1 else events, headers=headers)


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in span.attributes}


async def test_a_publishers_trace_goes_through_the_hub_to_the_recipient(
    tmp_path: Path, collector: Collector, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "a-name-of-its-own")
    tracing = {"endpoint": collector.endpoint, "headers": {"Authorization": "${env:SECRET}"}}
    more = {"tracing": tracing, "connectors": {"desk": {"use": "desk"}}}
    async with running(tmp_path, settings(receiver, **more)) as http:
        assert (await post(http, closed("day-01", traceparent=PARENT, tracestate="a=b"))).status_code == 202
        await until(lambda: len(collector.spans()) == 3)
    accept, deliver, handle = (collector.spans(each)[0] for each in ("accept", "deliver", "handle"))
    assert {span.trace_id.hex() for span in (accept, deliver, handle)} == {TRACE}
    assert {span.parent_span_id.hex() for span in (accept, deliver, handle)} == {PUBLISHER}
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in (accept, deliver, handle))
    [delivered] = receiver.received
    assert delivered.headers["traceparent"] == f"00-{TRACE}-{deliver.span_id.hex()}-01"
    assert delivered.headers["tracestate"] == "a=b"
    assert json.loads(delivered.body)["traceparent"] == PARENT  # the event is the publisher's
    shared = {
        "messaging.system": "skolnav", "messaging.destination.name": DAY_CLOSED, "messaging.message.id": "day-01",
    }  # fmt: skip
    assert (accept.name, accept.kind) == (f"accept {DAY_CLOSED}", Span.SPAN_KIND_SERVER)
    assert attributes(accept) == {
        **shared, "messaging.operation.name": "accept", "http.response.status_code": 202,
    }  # fmt: skip
    assert (deliver.name, deliver.kind) == (f"deliver {DAY_CLOSED}", Span.SPAN_KIND_CLIENT)
    assert attributes(deliver) == {
        **shared, "messaging.operation.name": "deliver", "messaging.operation.type": "send",
        "messaging.destination.subscription.name": "days", "http.response.status_code": 204,
        "skolnav.result": "delivered", "skolnav.attempt": 1,
    }  # fmt: skip
    assert (handle.name, handle.kind) == (f"handle {DAY_CLOSED}", Span.SPAN_KIND_CONSUMER)
    assert attributes(handle) == {
        **shared, "messaging.operation.name": "handle", "messaging.operation.type": "process",
        "messaging.destination.subscription.name": "connector:desk",
        "skolnav.result": "delivered", "skolnav.attempt": 1,
    }  # fmt: skip
    resource = next(collector.exports()).resource_spans[0].resource
    assert {request.headers["authorization"] for request in collector.received} == {SECRET}
    named = {each.key: each.value.string_value for each in resource.attributes}
    assert (named["service.name"], named["service.namespace"]) == ("a-name-of-its-own", "provkoping")
    assert named["telemetry.sdk.language"] == "python"


async def test_the_requests_own_trace_comes_before_its_events(
    tmp_path: Path, collector: Collector, receiver: WebhookReceiver
) -> None:
    header = f"00-{'1' * 32}-{CALLER}-01"
    async with running(tmp_path, settings(receiver, tracing={"endpoint": collector.endpoint})) as http:
        await post(http, closed("day-01", traceparent=PARENT), closed("day-02"), traceparent=header)
        await until(lambda: len(collector.spans()) == 3)
    [accept] = collector.spans("accept")
    assert (accept.trace_id.hex(), accept.parent_span_id.hex()) == ("1" * 32, CALLER)
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in accept.links] == [(TRACE, PUBLISHER)]
    assert attributes(accept)["messaging.batch.message_count"] == 2
    assert "messaging.message.id" not in attributes(accept)
    found = {attributes(span)["messaging.message.id"]: span for span in collector.spans("deliver")}
    assert found["day-01"].parent_span_id.hex() == PUBLISHER
    assert found["day-02"].parent_span_id == b""  # it has no trace, so its delivery begins one
    assert {"traceparent" in request.headers for request in receiver.received} == {True, False}


async def test_a_withheld_event_is_attempted_nowhere_and_no_span_tells_of_whom_an_event_is(
    tmp_path: Path, collector: Collector, receiver: WebhookReceiver
) -> None:
    student = uid("student")
    async with running(tmp_path, settings(receiver, tracing={"endpoint": collector.endpoint})) as http:
        sent = envelope(ABSENCE, absence(student), id="absence-1", traceparent=PARENT, tracestate=f"a={student}")
        assert (await post(http, sent)).status_code == 202
        await post(http, closed("day-01"))
        await until(lambda: collector.spans("deliver") and len(collector.spans("accept")) == 2)
    assert [attributes(span)["messaging.message.id"] for span in collector.spans("deliver")] == ["day-01"]
    for request in collector.received:
        for told in (student, UNIT, "2026-12-01", "Anmäld"):
            assert told.encode() not in request.body


async def test_what_fails_has_its_code_and_no_more(
    tmp_path: Path, collector: Collector, receiver: WebhookReceiver
) -> None:
    receiver.answer = status(400, body=b"nobody wants this")
    async with running(tmp_path, settings(receiver, tracing={"endpoint": collector.endpoint})) as http:
        await post(http, closed("day-01"))
        assert (await post(http, {**closed("day-02"), "data": {}})).status_code == 422
        assert (await post(http, closed("day-03"), traceparent="nonsense")).status_code == 202
        await until(lambda: len(collector.spans()) == 5)
    [refused] = [span for span in collector.spans("accept") if span.status.code == Status.STATUS_CODE_ERROR]
    assert attributes(refused) == {
        "messaging.system": "skolnav", "messaging.operation.name": "accept", "http.response.status_code": 422,
        "error.type": "invalid-event",
    }  # fmt: skip
    for span in collector.spans("deliver"):
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert not span.status.message
        assert not span.events
        found = attributes(span)
        assert (found["error.type"], found["skolnav.result"]) == ("http-400", "dead")


async def test_a_stranger_makes_no_span(tmp_path: Path, collector: Collector, receiver: WebhookReceiver) -> None:
    async with running(tmp_path, settings(receiver, tracing={"endpoint": collector.endpoint})) as http:
        answer = await http.post("/v1/events", json={}, headers={"Authorization": "Bearer none", "traceparent": PARENT})
        assert answer.status_code == 401
        await post(http, closed("day-01"))
        await until(lambda: collector.spans("deliver") and collector.spans("accept"))
    assert len(collector.spans("accept")) == 1


async def test_without_tracing_the_publishers_header_is_passed_on(tmp_path: Path, receiver: WebhookReceiver) -> None:
    async with running(tmp_path, settings(receiver)) as http:
        await post(http, closed("day-01", traceparent=PARENT))
        [delivered] = await receiver.wait_for(1, 30)
    assert delivered.headers["traceparent"] == PARENT


@pytest.mark.parametrize("away", [True, False], ids=["down", "never answers"])
async def test_a_collector_that_takes_nothing_delays_nothing(
    tmp_path: Path, collector: Collector, receiver: WebhookReceiver, away: bool
) -> None:
    collector.answer = hang
    if away:
        await collector.vanish()
    # A queue so small that it is full.
    env = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"}
    config = settings(receiver, tracing={"endpoint": collector.endpoint})
    hub = HubProcess(tmp_path, config, env=env)
    await hub.start()
    try:
        caller = hub.caller("sis")
        for batch in range(3):
            answer = await caller.post_events([closed(f"day-{batch}{day}") for day in range(1, 9)])
            assert answer.status == 202
        await receiver.wait_for(24, 60)
    finally:
        code = await hub.stop()
    assert code == 0
    assert b"Traceback" not in hub.output


async def test_asked_for_without_the_extra_the_hub_says_what_to_install(
    tmp_path: Path, receiver: WebhookReceiver
) -> None:
    bare = "import sys; sys.modules['opentelemetry.sdk'] = None; from hub.cli import main; main()"
    for language, says in (("sv_SE.UTF-8", "kräver tillägget tracing"), ("en_US.UTF-8", "needs the extra `tracing`")):
        config = settings(receiver, tracing={"endpoint": "http://127.0.0.1:4318"})
        command = (sys.executable, "-c", bare, "run", "--config")
        hub = HubProcess(
            tmp_path, config, command=command, env={"LANG": language, "LC_ALL": language, "COLUMNS": "200"}
        )
        assert await hub.try_start() == Code.USAGE
        output = hub.output.decode()
        assert says in output
        assert "pip install 'skolnav[tracing]'" in output
        assert len(output.splitlines()) == 2  # the place and the text: nothing else is wrong


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary-of-a-token", ""),
    ],
    ids=["a queue too small", "no header"],
)
async def test_a_wrong_variable_is_named_and_never_quoted(
    tmp_path: Path, receiver: WebhookReceiver, variable: str, value: str, says: str
) -> None:
    config = settings(receiver, tracing={"endpoint": "http://127.0.0.1:9"})
    hub = HubProcess(tmp_path, config, env={variable: value, "LANG": "en_US.UTF-8"})
    code = await hub.try_start()
    if says:
        assert code == Code.USAGE
    else:
        assert await hub.stop() == 0
    assert says in hub.output.decode()
    assert "canary" not in hub.output.decode()
    assert "Traceback" not in hub.output.decode()
