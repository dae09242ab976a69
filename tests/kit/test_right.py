"""The right connector keeps all rules."""

from collections.abc import Sequence
from typing import Any

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


class TestSelftest(TheHouse, SelftestSuite): ...


class TestDaylight(TheHouse, DaylightSuite): ...


class TestSchoolTime(TheHouse, SchoolTimeSuite): ...


class TestComplete(TheHouse, CompleteSuite): ...


class TestReconcile(TheHouse, ReconcileSuite): ...


class TestLife(TheHouse, LifeSuite): ...


class TestMailroom(TheMailroom, PushSuite): ...


class TestWire(TheWire, RunSuite): ...
