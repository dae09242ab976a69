"""The right connector keeps all rules."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from plugins.testing.suites import (
    CompleteSuite,
    ConfigurationSuite,
    DaylightSuite,
    EffectSuite,
    FaultSuite,
    HistorySuite,
    LifeSuite,
    OrderSuite,
    PrivacySuite,
    PushSuite,
    ReconcileSuite,
    RunSuite,
    SchoolTimeSuite,
    SelftestSuite,
    SensitivitySuite,
)
from tests.kit.house import House, LateHouse, open_house
from tests.kit.subject import TheHouse, TheMailroom, TheWire


class TestConfiguration(TheHouse, ConfigurationSuite): ...


class TestEffect(TheHouse, EffectSuite): ...


class TestOrder(TheHouse, OrderSuite):
    def key(self, effect: Any) -> Any:
        return effect[0] if effect[0] != "message" else repr(effect)


class TestSensitivity(TheHouse, SensitivitySuite): ...


class TestHistory(TheHouse, HistorySuite): ...


class TestPrivacy(TheHouse, PrivacySuite): ...


class TestFaults(TheHouse, FaultSuite):
    def outcome(self, effects: Sequence[Any]) -> Sequence[Any]:
        return super().outcome([effect for effect in effects if not str(effect[0]).startswith("board/")])


class TestALateRecovery(TestFaults):
    """The suite blames no connector for a call that fails once more on a busy machine: it tries again."""

    faults = ("down",)

    @pytest.fixture
    def peer(self) -> Iterator[House]:
        with open_house(LateHouse) as house:
            yield house


class TestSelftest(TheHouse, SelftestSuite): ...


class TestDaylight(TheHouse, DaylightSuite): ...


class TestSchoolTime(TheHouse, SchoolTimeSuite): ...


class TestComplete(TheHouse, CompleteSuite): ...


class TestReconcile(TheHouse, ReconcileSuite): ...


class TestLife(TheHouse, LifeSuite): ...


class TestMailroom(TheMailroom, PushSuite): ...


class TestWire(TheWire, RunSuite): ...
