"""What outside systems send to connectors, over HTTP to a whole hub's own server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hub.api import arriving, inbound, protocol
from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ConnectorEntry, HubConfig
from plugins import Answer, BodyLost, ConfigurationError, Connector, ConnectorConfig, Received, TemporaryError
from plugins.manager import Plugins
from plugins.timers import daily
from tests.until import until


class Config(ConnectorConfig):
    poll: float = 3600


class Door(Connector[Config]):
    """Takes what is sent to it, in every way that a vendor's code may."""

    name = "door"
    config_model = Config

    async def start(self) -> None:
        self.seen: list[Received] = []
        self.polls = 0
        self.inside = 0
        self.polling, self.go_on = asyncio.Event(), asyncio.Event()
        self.hold = False
        self.echoed = 0

    async def poll(self) -> None:
        self.polls += 1
        self.polling.set()
        if self.hold:
            await self.go_on.wait()

    async def receive(self, request: Received) -> Answer | None:
        self.seen.append(request)
        self.inside += 1
        assert self.inside == 1, "one at a time"
        await asyncio.sleep(0)
        self.inside -= 1
        match request.path:
            case "/echo":
                body = await request.body()
                self.echoed += 1
                return Answer(201, body, {"Content-Type": "text/plain", "X-Method": request.method})
            case "/keep":
                async with self.ctx.commit() as tx:
                    tx.state["kept"] = (await request.body()).decode()
                return Answer(200)
            case "/poll":
                self.ctx.poll_soon()
                return Answer(200)
            case "/wait":
                await self.go_on.wait()
                return Answer(200)
            case "/none":
                return Answer(204, b"left out")
            case "/busy":
                raise TemporaryError("canary-text", retry_after_s=7)
            case "/endless":
                raise TemporaryError("canary-text", retry_after_s=float("inf"))
            case "/fault":
                raise ValueError("canary-text")
            case "/wrong":
                return "canary-text"  # type: ignore[return-value]
            case "/header":
                return Answer(200, headers={"X-Split": "a\r\nb"})
            case "/hang":
                await asyncio.Event().wait()
        return None


class Large(Connector[Config]):
    """Takes large bodies, piece by piece."""

    name = "large"
    config_model = Config
    receive_limit = 64 << 20
    receive_timeout_s = 30

    async def start(self) -> None:
        self.size = 0
        self.largest = 0
        self.lost: list[str] = []
        self.more = asyncio.Event()
        self.more.set()

    async def receive(self, request: Received) -> Answer | None:
        self.size = 0
        if request.path == "/unread":
            return Answer(403)
        if request.path == "/unknown":
            return None
        try:
            async for piece in request.stream():
                self.size += len(piece)
                self.largest = max(self.largest, len(piece))
                await self.more.wait()
        except BodyLost as error:
            self.lost.append(error.code)
            if request.path == "/swallowed":
                return Answer(200)
            raise
        return Answer(200, b"%d" % self.size)


class Deaf(Connector[Config]):
    """Offers no path."""

    name = "deaf"
    config_model = Config

    @daily(lambda config: [])
    async def never(self, due, complete) -> None: ...


class Broken(Door):
    name = "broken"

    async def start(self) -> None:
        raise ConfigurationError("it can't work")


@dataclass
class Served:
    hub: Hub
    http: httpx.AsyncClient
    address: tuple[str, int]
    servers: Servers

    def inbound(self) -> inbound.Inbound:
        assert self.servers.app is not None
        return self.servers.app.inbound

    def large(self) -> Large:
        return self.hub.hosts.instance("large")._calls.connector  # type: ignore[return-value]

    def door(self) -> Door:
        return self.hub.hosts.instance("door")._calls.connector  # type: ignore[return-value]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    classes = (Door, Large, Deaf, Broken)
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=0,
        connectors={cls.name: ConnectorEntry(cls.name, cls, Config()) for cls in classes},
    )  # fmt: skip
    hub = await Hub.start(config, plugins=Plugins.of(*classes))
    servers = Servers(hub.services)
    try:
        await servers.start()
        host, port = servers.address
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as http:
            yield Served(hub, http, (host, port), servers)
    finally:
        await servers.stop()
        await hub.stop()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


async def test_a_connector_gets_what_was_sent_and_its_answer_goes_back(served: Served) -> None:
    answer = await served.http.put("/connectors/door/echo?a=%20b", content=b"body", headers={"X-Sign": "s"})
    assert (answer.status_code, answer.content, answer.headers["x-method"]) == (201, b"body", "PUT")
    assert answer.headers["content-type"] == "text/plain"
    (request,) = served.door().seen
    assert (request.method, request.path, request.query, request.whole) == ("PUT", "/echo", "a=%20b", b"body")
    assert request.headers["x-sign"] == "s"
    assert repr(request) == "<Received PUT>", "no header and no path: a client may be known by them"


async def test_an_answer_without_a_body_keeps_the_connection_whole(served: Served) -> None:
    for _ in range(2):
        answer = await served.http.post("/connectors/door/none")
        assert (answer.status_code, answer.content) == (204, b"")


async def test_what_is_not_there_is_the_same_404(served: Served) -> None:
    paths = ("/connectors/door/else", "/connectors/deaf/x", "/connectors/nobody/x", "/connectors/", "/no-such-path")
    answers = [await served.http.post(path, content=b"x") for path in paths]
    assert {(each.status_code, each.content, each.headers["content-type"]) for each in answers} == {
        (404, answers[0].content, "application/problem+json")
    }
    assert (await served.http.get("/connectors")).content == answers[0].content


async def test_what_is_kept_is_durable_when_it_is_answered(served: Served, tmp_path: Path) -> None:
    assert (await served.http.post("/connectors/door/keep", content=b"word")).status_code == 200
    await served.hub.hosts.restart("door")
    assert served.door().ctx.state["kept"] == "word"


@pytest.mark.parametrize(
    ("path", "status", "again"),
    [("busy", 503, "7"), ("endless", 503, "5"), ("fault", 500, None), ("wrong", 500, None), ("header", 500, None)],
)
async def test_a_failure_is_told_without_its_text(served: Served, caplog, path: str, status: int, again: str) -> None:
    answer = await served.http.post(f"/connectors/door/{path}")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, again)
    assert "canary" not in answer.text + caplog.text
    if status == 500:
        assert [each.code for each in served.hub.problems if "receive" in each.detail] != []
    assert (await served.http.post("/connectors/door/echo")).status_code == 201


async def test_one_that_does_not_run_says_when_to_come_again(served: Served) -> None:
    answer = await served.http.post("/connectors/broken/echo")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_one_that_hangs_is_cut_off_and_the_next_gets_in(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(Door, "receive_timeout_s", 0.2)
    assert (await served.http.post("/connectors/door/hang")).status_code == 503
    assert (await served.http.post("/connectors/door/echo")).status_code == 201


@pytest.mark.parametrize("instance", ["door", "nobody"])
async def test_a_body_has_a_limit_whether_it_is_announced_or_not(served: Served, instance: str) -> None:
    async def chunks():
        for _ in range(17):
            yield b"x" * 65536

    fits = await served.http.post(f"/connectors/{instance}/echo", content=b"x" * Connector.receive_limit)
    assert fits.status_code == (201 if instance == "door" else 404)
    for body in (b"x" * (Connector.receive_limit + 1), chunks()):
        assert (await served.http.post(f"/connectors/{instance}/echo", content=body)).status_code == 413
    assert served.door().echoed == (1 if instance == "door" else 0)


async def test_a_body_that_does_not_arrive_is_given_up(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(arriving, "AHEAD_S", 0.2)
    reader, writer = await asyncio.open_connection(*served.address, family=socket.AF_INET)
    writer.write(b"POST /connectors/door/echo HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\npart")
    assert (await reader.readline()).split()[1] == b"408"
    writer.close()
    assert served.door().seen == []


@asynccontextmanager
async def sending(
    served: Served, path: str, length: int | None, instance: str = "large"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request on a socket of its own, whose body the test writes. None: in chunks."""
    reader, writer = await asyncio.open_connection(*served.address, family=socket.AF_INET)
    how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    writer.write(f"POST /connectors/{instance}/{path} HTTP/1.1\r\nHost: hub\r\n{how}\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def status(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        return (await reader.readline()).split()[1]


async def sent_within(seconds: float, writer: asyncio.StreamWriter, size: int) -> int:
    """How much of `size` bytes the other side lets in, so that the next piece waits until `seconds` are over."""
    sent, piece = 0, b"x" * (64 << 10)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while sent < size:
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
    return sent


async def test_a_large_body_comes_in_pieces_while_it_is_sent(served: Served) -> None:
    size = 8 << 20
    async with sending(served, "x", size) as (reader, writer):
        writer.write(b"x" * (size // 2))
        await writer.drain()
        await until(lambda: served.large().size == size // 2)
        writer.write(b"x" * (size // 2))
        assert await status(reader) == b"200"
    assert served.large().size == size
    assert served.large().largest < 1 << 20


async def test_a_client_is_slowed_down_to_the_pace_of_the_connector(served: Served) -> None:
    """What the connector has not asked for stays with the client: no queue grows in the hub."""
    size = 48 << 20
    large = served.large()
    large.more.clear()
    async with sending(served, "x", size) as (reader, writer):
        sent = await sent_within(1, writer, size)
        assert sent < 24 << 20, "the rest waits in the sockets' buffers, and then with the client"
        assert large.size < 1 << 20
        served.hub.hosts.instance("large")._thread.post(large.more.set)
        assert await sent_within(20, writer, size - sent) == size - sent
        assert await status(reader) == b"200"
    assert large.size == size


async def test_a_class_says_how_large_a_body_may_be(served: Served) -> None:
    over = Connector.receive_limit + 1
    assert (await served.http.post("/connectors/large/x", content=b"x" * over)).text == str(over)
    async with sending(served, "x", Large.receive_limit + 1) as (reader, _):
        assert await status(reader) == b"413"
    assert served.large().lost == [], "refused by its announced size, before anything was read"


async def test_a_body_that_turns_out_too_large_is_refused_whatever_the_connector_says(
    served: Served, monkeypatch
) -> None:
    monkeypatch.setattr(Large, "receive_limit", 1 << 20)
    for path in ("x", "swallowed"):
        async with sending(served, path, None) as (reader, writer):
            for _ in range(17):
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            assert await status(reader) == b"413"
    assert served.large().lost == ["body-too-large"] * 2


async def test_a_client_that_stops_sending_is_given_up_and_the_next_gets_in(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(arriving, "STALL_S", 0.2)
    async with sending(served, "x", 8 << 20) as (reader, writer):
        writer.write(b"x" * (1 << 20))
        assert await status(reader) == b"408"
    assert served.large().lost == ["body-slow"]
    assert (await served.http.post("/connectors/large/x", content=b"next")).text == "4"


async def test_a_client_that_sends_a_small_body_slowly_holds_nobody_up(served: Served) -> None:
    async with sending(served, "echo", 1000, "door") as (reader, writer):
        writer.write(b"x" * 500)
        assert (await served.http.post("/connectors/door/echo", content=b"another")).content == b"another"
        writer.write(b"x" * 500)
        assert await status(reader) == b"201"


def blamed(served: Served, caplog) -> list[object]:
    """What an operator sees as the fault of a connector."""
    return [each for each in served.hub.problems if "receive" in each.detail] + [
        each for each in caplog.records if each.levelno >= logging.WARNING and "receive" in each.getMessage()
    ]


async def test_a_client_that_drips_a_body_has_no_more_than_the_time_of_a_call(
    served: Served, monkeypatch, caplog
) -> None:
    """Nor is the connector to blame, or the client behind it that had no turn."""
    monkeypatch.setattr(Large, "receive_timeout_s", 0.5)
    async with sending(served, "x", 8 << 20) as (reader, writer):
        writer.write(b"x" * (1 << 20))
        answer = asyncio.ensure_future(status(reader))
        await until(lambda: served.large().size == 1 << 20)
        behind = asyncio.ensure_future(served.http.post("/connectors/large/x", content=b"behind"))
        while not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert await answer == b"408"
    assert (await behind).status_code in (200, 503)
    assert blamed(served, caplog) == []


async def test_a_client_that_had_no_turn_comes_again_and_nobody_is_blamed(served: Served, monkeypatch, caplog) -> None:
    door = served.door()
    first = asyncio.ensure_future(served.http.post("/connectors/door/wait"))
    await until(lambda: door.seen)
    monkeypatch.setattr(Door, "receive_timeout_s", 0.2)
    behind = await served.http.post("/connectors/door/echo")
    assert (behind.status_code, behind.headers["retry-after"]) == (503, "5")
    served.hub.hosts.instance("door")._thread.post(door.go_on.set)
    assert (await first).status_code == 200
    assert blamed(served, caplog) == []


async def test_a_client_that_goes_away_ends_the_call(served: Served, caplog) -> None:
    async with sending(served, "x", 8 << 20) as (_, writer):
        writer.write(b"x" * (1 << 20))
        await writer.drain()
        await until(lambda: served.large().size == 1 << 20)
    await until(lambda: served.large().lost == ["body-lost"])
    assert (await served.http.post("/connectors/large/x", content=b"next")).text == "4"
    assert blamed(served, caplog) == []


@pytest.mark.parametrize(("path", "expected"), [("unread", b"403"), ("unknown", b"404")])
async def test_an_answer_without_reading_comes_and_the_rest_is_cut_off(
    served: Served, monkeypatch, path: str, expected: bytes
) -> None:
    monkeypatch.setattr(protocol, "UNREAD_S", 0.2)
    async with sending(served, path, 48 << 20) as (reader, writer):
        writer.write(b"x" * (2 << 20))
        assert await status(reader) == expected
        with pytest.raises(ConnectionError):
            await sent_within(20, writer, 1 << 40)


async def test_a_connection_whose_body_came_after_the_answer_goes_on(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_S", 0.2)
    async with sending(served, "unread", 1 << 20) as (reader, writer):
        writer.write(b"x" * (512 << 10))
        assert await status(reader) == b"403"
        writer.write(b"x" * (512 << 10))
        await asyncio.sleep(0.4)
        writer.write(b"POST /connectors/large/x HTTP/1.1\r\nHost: hub\r\nContent-Length: 3\r\n\r\nabc")
        rest = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n3"), 20)
    assert b"HTTP/1.1 200" in rest


async def test_what_a_connector_does_not_know_is_read_as_where_there_is_none(served: Served) -> None:
    """Whether an instance is there must not be seen from what becomes of a body."""
    for instance in ("door", "nobody"):
        async with sending(served, "else", None, instance) as (reader, writer):
            for _ in range(17):
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            assert await status(reader) == b"413"


async def test_a_body_that_is_read_after_the_answer_does_not_come(served: Served) -> None:
    door = served.door()
    found: list[str] = []

    class Late(Door):
        async def receive(self, request: Received) -> Answer | None:
            async def read() -> None:
                await door.go_on.wait()
                try:
                    await request.body()
                except BodyLost as error:
                    found.append(error.code)

            self.task = asyncio.get_running_loop().create_task(read())
            return Answer(202)

    door.__class__ = Late
    async with sending(served, "x", 1 << 20, "door") as (reader, writer):
        writer.write(b"x" * (512 << 10))
        assert await status(reader) == b"202"
        served.hub.hosts.instance("door")._thread.post(door.go_on.set)
        await until(lambda: found == ["body-lost"])


async def test_only_so_many_are_let_in_at_a_time(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(inbound, "MAX_OPEN", 0)
    for instance in ("door", "nobody"):
        answer = await served.http.post(f"/connectors/{instance}/echo")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1"), "which there are is not told"


async def test_the_callers_of_one_instance_keep_none_of_anothers_out(served: Served, caplog, monkeypatch) -> None:
    """Promise 3. Those of an instance that is not there neither."""
    monkeypatch.setattr(inbound, "MAX_OPEN_EACH", inbound.MAX_OPEN)
    monkeypatch.setattr(inbound, "MAX_ASTRAY", 2)
    async with AsyncExitStack() as stack:
        for instance in ["large"] * inbound.MAX_OPEN + ["nobody", "no-one"]:
            _, writer = await stack.enter_async_context(sending(served, "x", 1000, instance))
            writer.write(b"x" * 500)
        await until(lambda: served.inbound()._open.total() == inbound.MAX_OPEN + 2)
        assert (await served.http.post("/connectors/large/x", content=b"x")).status_code == 429
        assert (await served.http.post("/connectors/nil/x", content=b"x")).status_code == 404
        assert (await served.http.post("/connectors/door/echo", content=b"x")).status_code == 201
        assert served.inbound().refused.total == 2
    lines = [each.getMessage() for each in caplog.records if "as many are open as may be" in each.getMessage()]
    assert len(lines) == 1
    await until(lambda: not served.inbound()._open and not served.inbound()._of_caller)
    assert (await served.http.post("/connectors/large/x", content=b"next")).text == "4"


async def test_one_address_leaves_places_to_others(served: Served, monkeypatch) -> None:
    monkeypatch.setattr(inbound, "MAX_OPEN_EACH", 1)
    door = served.door()
    held = asyncio.ensure_future(served.http.post("/connectors/door/wait"))
    await until(lambda: door.seen)
    answer = await served.http.post("/connectors/door/echo")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=transport, base_url=served.http.base_url, timeout=20) as another:
        second = asyncio.ensure_future(another.post("/connectors/deaf/x"))
        assert (await second).status_code == 404
    served.hub.hosts.instance("door")._thread.post(door.go_on.set)
    assert (await held).status_code == 200
    assert (await served.http.post("/connectors/door/echo")).status_code == 201


async def test_one_address_is_let_in_so_often_and_another_as_before(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inbound, "BURST", 2)
    monkeypatch.setattr(inbound, "PER_S", 0.001)
    async with serving(tmp_path) as served:
        for path, status in (("door/echo", 201), ("nobody/x", 404)):
            assert (await served.http.post(f"/connectors/{path}")).status_code == status
        refused = [await served.http.post(f"/connectors/{path}") for path in ("door/echo", "nobody/x")]
        assert {(each.status_code, each.headers["content-type"]) for each in refused} == {
            (429, "application/problem+json")
        }
        assert 900 < int(refused[0].headers["retry-after"]) <= 1000
        assert refused[0].content == refused[1].content, "which connectors there are is not told"
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(transport=transport, base_url=served.http.base_url, timeout=20) as another:
            assert (await another.post("/connectors/door/echo")).status_code == 201
        assert (await served.http.get("/healthz")).status_code == 200


async def test_what_connectors_take_is_described(served: Served) -> None:
    described = (await served.http.get("/openapi.json")).json()["paths"]["/connectors/{instance}/{path}"]["post"]
    assert described["security"] == []
    assert {each["name"] for each in described["parameters"]} == {"instance", "path"}
    assert {"404", "408", "413", "429", "500", "503"} <= described["responses"].keys()


async def test_many_at_once_come_one_at_a_time(served: Served) -> None:
    answers = await asyncio.gather(*(served.http.post("/connectors/door/echo", content=b"%d" % n) for n in range(20)))
    assert [each.content for each in answers] == [b"%d" % n for n in range(20)]


async def polled(door: Door, times: int) -> None:
    await until(lambda: door.polls >= times)


async def test_a_caller_does_not_wait_for_a_poll_and_what_it_asks_for_comes_after_it(served: Served) -> None:
    door = served.door()
    await polled(door, 1)
    door.hold = True
    assert (await served.http.post("/connectors/door/poll")).status_code == 200
    await polled(door, 2)
    for _ in range(5):  # while that poll goes on: together one more
        assert (await served.http.post("/connectors/door/poll")).status_code == 200
    assert door.polls == 2
    door.hold = False
    served.hub.hosts.instance("door")._thread.post(door.go_on.set)
    await polled(door, 3)
    await served.http.post("/connectors/door/poll")
    await polled(door, 4)
    assert door.polls == 4
