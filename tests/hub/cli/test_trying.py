"""`skolnav connectors try`: a timer, a request and stored state. For events: tests/skolnav/test_trying.py."""

import json
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any

import pytest

from hub.cli.exits import Failure
from hub.cli.trying import Asked, try_connector
from plugins import Answer, Category, Connector, ConnectorConfig, PermanentError, Received, Text, at_moment, daily
from plugins.manager import Plugins
from plugins.wires import FarSide
from plugins.wires.https import Endpoint, Https
from schemas import EventSpec, Payload, Ref


class Count(Payload):
    spec = EventSpec(type="com.acme.clerk.count.v1", subject=Ref("x", "x"), key=Ref("x", "x"))
    x: Annotated[str, Category.NONE]
    count: Annotated[int, Category.AGGREGATE]
    at: Annotated[str, Category.NONE]


class ClerkConfig(ConnectorConfig):
    pass


class Clerk(Connector[ClerkConfig]):
    """Counts what it is sent."""

    name = "clerk"
    config_model = ClerkConfig
    produces = (Count,)

    async def start(self) -> None:
        self.before = self.ctx.state.get("count", 0)

    @daily(lambda config: [time(8, 30)])
    async def cut_off(self, due: datetime, complete: bool) -> None:
        async with self.ctx.commit() as tx:
            at = f"{due:%H:%M} {self.ctx.clock.school():%H:%M}"
            tx.publish(Count, {"x": "all", "count": tx.state.get("count", 0), "at": at})

    @daily(lambda config: [time(9)])
    async def send(self, due: datetime, complete: bool) -> None:
        side = FarSide(connector="clerk", name=Text("arkivet", "the archive"))
        async with Https(Endpoint(url="https://archive.invalid"), side, self.ctx.clock) as wire:
            kept = wire.read_json(await wire.ask("PUT", "list", json={"count": 1}))
            async with self.ctx.commit() as tx:
                tx.state["kept"] = kept
            if self.ctx.state.get("strict"):
                wire.expect_success(await wire.ask("GET", "list"))

    @at_moment
    async def remind(self, due: datetime, complete: bool, key: str) -> None:
        if key == "bad":
            raise PermanentError("clerk: no such list", code="no-list")
        async with self.ctx.commit() as tx:
            tx.state["reminded"] = key

    async def receive(self, request: Received) -> Answer | None:
        if request.headers.get("x-key") != "right":
            return None
        async with self.ctx.commit() as tx:
            tx.state["count"] = self.before + len(json.loads(await request.body()))
        return Answer(202, b"taken")


Tried = Callable[..., Any]


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tried:
    """Ask as the command does; files are given as their content. Returns what `--json` prints."""
    monkeypatch.setattr(Plugins, "load", lambda **_: Plugins.of(Clerk))
    config = tmp_path / "skolnav.yaml"
    config.write_text(
        "municipality: Exempelkommun\nlisten: 127.0.0.1:8080\ndata: ./data\nconnectors: {desk: {use: clerk}}\n"
    )

    def tried(*, json_: bool = True, **given: Any) -> Any:
        for name in ("request", "state", "event"):
            if name in given:
                (tmp_path / name).write_text(json.dumps(given[name]))
                given[name] = tmp_path / name
        asked = dict.fromkeys(("event", "timer", "request", "key", "at", "state", "record")) | given
        try_connector("desk", Asked(**asked), config=config, json=json_)
        printed = capsys.readouterr().out
        return json.loads(printed) if json_ else printed

    return tried


def test_a_daily_timer_runs_at_the_given_time_over_the_stored_state(tried: Tried) -> None:
    found = tried(timer="cut_off", at="08:30", state={"count": 7})
    assert [each["data"] for each in found["published"]] == [{"x": "all", "count": 7, "at": "08:30 08:30"}]
    assert found["state"] == {"count": 7}


def test_a_timer_at_a_moment_gets_its_key(tried: Tried) -> None:
    assert tried(timer="remind", key="list/1", at="2026-11-24T12:00")["state"] == {"reminded": "list/1"}


def test_a_request_is_answered_and_what_it_stores_is_shown(tried: Tried) -> None:
    found = tried(request={"headers": {"X-Key": "right"}, "body": [1, 2]}, state={"count": 7})
    assert found["answer"] == {"status": 202, "body": "taken"}
    assert found["state"] == {"count": 9}
    assert tried(request={"headers": {"x-key": "wrong"}})["answer"] is None
    assert "404" in tried(request={}, json_=False)


def test_a_call_that_fails_says_how(tried: Tried) -> None:
    with pytest.raises(Failure, match="no-list"):
        tried(timer="remind", key="bad")
    with pytest.raises(Failure, match="JSONDecodeError"):
        tried(request={"headers": {"x-key": "right"}, "body": "{"})


def test_an_answer_to_what_is_sent_can_be_read(tried: Tried) -> None:
    assert tried(timer="send")["state"] == {"kept": {}}


def test_a_call_that_fails_by_an_answer_of_the_trial_says_that_nothing_else_has_answered(
    tried: Tried, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Failure, match="http-404"):
        tried(timer="send", state={"strict": True}, json_=False)
    assert "404 på GET och 200 med {} på allt annat" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "--event"),
        ({"timer": "cut_off", "request": {}}, "--event"),
        ({"timer": "report"}, "cut_off, remind, send"),
        ({"timer": "cut_off", "at": "half past"}, "HH:MM"),
        ({"timer": "cut_off", "state": [1]}, "JSON"),
        ({"request": {"headers": []}}, "method, path"),
        ({"request": {"boddy": 1}}, "method, path"),
    ],
)
def test_what_cannot_be_tried_says_why(tried: Tried, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Failure, match=says):
        tried(**given)
