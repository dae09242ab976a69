"""What the kit is tried on: the right connector, its far side and its configuration."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from plugins import Received
from plugins.testing.suites import Subject
from tests.kit.house import House, open_house
from tests.kit.mailroom import Mailroom, Source, Wire, sign
from tests.kit.right import HouseControl


class TheHouse(Subject):
    connector = HouseControl
    moments = ("08:30", "23:00")
    faults = ("down", "slow", "wrong", "refuse", "never", "busy", "missing", "drips", "pours")
    slow_s = 0.5
    hasty: ClassVar[Mapping[str, Any]] = {"timeout_s": 0.2}
    patience_s = 60
    bad: ClassVar[Mapping[str, Any]] = {"report": "25:10", "url": "ftp://house", "timeout_s": 0}

    @pytest.fixture
    def peer(self) -> Iterator[House]:
        with open_house() as house:
            yield house

    @pytest.fixture
    def config(self, peer: House) -> Mapping[str, Any]:
        return house_config(peer)


def house_config(peer: House) -> Mapping[str, Any]:
    """A busy machine has time enough."""
    return {"url": peer.url, "token": "a-very-secret-token", "timeout_s": 10}


class TheMailroom(Subject):
    connector = Mailroom

    @pytest.fixture
    def config(self) -> Mapping[str, Any]:
        return {"key": "a-very-secret-token"}

    @pytest.fixture
    def requests(self) -> Sequence[Received]:
        return counts()

    def forged(self, request: Received) -> Received:
        return Received(request.method, request.path, headers={"x-sign": sign(b"other")}, body=request.whole or b"")

    def signed(self, request: Received, body: bytes) -> Received:
        return Received(request.method, request.path, headers={"x-sign": sign(body)}, body=body)


def counts() -> Sequence[Received]:
    bodies = [json.dumps({"id": f"count-{n}", "away": n}).encode() for n in range(3)]
    return [Received("POST", "/", headers={"x-sign": sign(body)}, body=body) for body in bodies]


class TheWire(Subject):
    connector = Wire
    limit_s = 30

    @pytest.fixture
    def peer(self) -> Iterator[Source]:
        source = Source()
        yield source
        source.close()

    @pytest.fixture
    def config(self, peer: Source) -> Mapping[str, Any]:
        return {"port": peer.port}
