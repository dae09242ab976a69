"""What the kit is tried on: the right connector, its far side and its configuration."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from plugins.testing.suites import Subject
from tests.kit.house import House, open_house
from tests.kit.right import HouseControl


class TheHouse(Subject):
    connector = HouseControl
    moments = ("08:30", "23:00")
    faults = ("down", "slow", "wrong", "refuse", "never")
    slow_s = 1.5
    patience_s = 25
    bad: ClassVar[Mapping[str, Any]] = {"report": "25:10", "url": "ftp://house", "timeout_s": 0}

    @pytest.fixture
    def peer(self) -> Iterator[House]:
        with open_house() as house:
            yield house

    @pytest.fixture
    def config(self, peer: House) -> Mapping[str, Any]:
        return {"url": peer.url, "token": "a-very-secret-token", "timeout_s": 0.5}
