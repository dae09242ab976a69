"""What every connector must keep, run against a real hub and a real HTTP server: `python -m pytest`."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from skolnav.rest import ByToken, Listing
from skolnav.testing.rest import RestPeer
from skolnav.testing.suites import (
    ConfigurationSuite,
    DaylightSuite,
    EffectSuite,
    FaultSuite,
    HistorySuite,
    LifeSuite,
    OrderSuite,
    PrivacySuite,
    PullSuite,
    SchoolTimeSuite,
    SelftestSuite,
    SensitivitySuite,
    Subject,
)

from .connector import Example

# How the server of the tests pages its list.
REPORTS = Listing("reports", items="items", pages=ByToken("next", "cursor"))


def report(n: int) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"report {n}")),
        "pupil": str(uuid.uuid5(uuid.NAMESPACE_OID, f"pupil {n}")),
        "from": f"2026-11-{24 + n}T08:00:00+01:00",
        "to": f"2026-11-{24 + n}T16:00:00+01:00",
    }


def correct(record: dict[str, Any]) -> None:
    """What a user of the outside system changes."""
    record["to"] = record["to"].replace("T16:", "T12:")


class Tested(Subject):
    connector = Example
    slow_s = 1  # seconds, more than the time-outs in `hasty`
    hasty: ClassVar[Mapping[str, Any]] = {"timeout_s": 0.3, "deadline_s": 0.3}

    @pytest.fixture
    def peer(self) -> Iterator[RestPeer]:
        with RestPeer({REPORTS: [report(n) for n in range(5)]}, token="invented", change=correct) as peer:
            yield peer

    @pytest.fixture
    def config(self, peer: RestPeer) -> Mapping[str, Any]:
        return {"url": peer.url, "token": "invented"}


class TestConfiguration(Tested, ConfigurationSuite):
    bad: ClassVar[Mapping[str, Any]] = {"url": "ftp://wrong.invalid", "token": "", "poll": "often", "timeout_s": 0}


class TestEffect(Tested, EffectSuite):
    pass


class TestOrder(Tested, OrderSuite):
    pass


class TestSensitivity(Tested, SensitivitySuite):
    pass


class TestHistory(Tested, HistorySuite):
    pass


class TestPrivacy(Tested, PrivacySuite):
    pass


class TestFaults(Tested, FaultSuite):
    faults = ("down", "slow", "wrong", "never", "busy", "missing", "drips", "pours")


class TestSelftest(Tested, SelftestSuite):
    faults = ("down", "slow", "wrong", "never", "refuse")


class TestPull(Tested, PullSuite):
    faults = ("down", "slow", "wrong", "never", "refuse")


class TestLife(Tested, LifeSuite):
    pass


class TestSchoolTime(Tested, SchoolTimeSuite):
    pass


class TestDaylight(Tested, DaylightSuite):
    pass
