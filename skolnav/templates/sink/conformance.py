"""What every connector must keep, run against a real hub: `python -m pytest`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from skolnav.testing.suites import (
    ConfigurationSuite,
    DaylightSuite,
    EffectSuite,
    FaultSuite,
    HistorySuite,
    LifeSuite,
    OrderSuite,
    PrivacySuite,
    SchoolTimeSuite,
    SelftestSuite,
    SensitivitySuite,
    Subject,
)

from .connector import Example


class Folder:
    """The outside system: a real folder. Put a real server here where yours is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir()

    def effects(self) -> list[tuple[str, str, bool]]:
        found = [json.loads(file.read_bytes()) for file in sorted(self.path.glob("*.json"))]
        return [(each["from"], each["to"], each["withdrawn"]) for each in found]

    standing = effects  # a file is what holds now; a journal would have no `standing`

    def bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.path.glob("*.json")))

    def reset(self) -> None:
        for file in self.path.glob("*.json"):
            file.unlink()

    def down(self, on: bool) -> None:
        away = self.path.with_name("away")
        if on:
            self.path.rename(away)
        else:
            away.rename(self.path)

    def wrong(self, on: bool) -> None:
        self.down(True) if on else self.path.unlink()
        self.path.write_text("no folder") if on else self.down(False)


class Tested(Subject):
    connector = Example
    faults = ("down", "wrong")  # and "slow", where there is a network between

    @pytest.fixture
    def peer(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path / "folder")

    @pytest.fixture
    def config(self, peer: Folder) -> Mapping[str, Any]:
        return {"folder": str(peer.path)}


class TestConfiguration(Tested, ConfigurationSuite):
    bad: ClassVar[Mapping[str, Any]] = {"prefix": "../secrets", "folder": None}


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
    pass


class TestSelftest(Tested, SelftestSuite):
    pass


class TestLife(Tested, LifeSuite):
    pass


class TestSchoolTime(Tested, SchoolTimeSuite):
    pass


class TestDaylight(Tested, DaylightSuite):
    pass
