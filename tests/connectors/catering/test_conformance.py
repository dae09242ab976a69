"""The vendors' kit on the real hub, with a real SFTP server as the kitchen's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.catering.connector import Catering
from plugins.testing import School, TestHub
from plugins.testing.suites import ConfigurationSuite, EffectSuite, OrderSuite, PrivacySuite, Subject
from schemas.absence import AbsenceReported
from tests.connectors.catering.sftp_peer import Peer, sftp_peer


class Kitchen:
    """`plugins.testing.suites.Peer`: the files that have come to the kitchen's server, in the order of their names'."""

    def __init__(self, server: Peer) -> None:
        self.server = server

    def effects(self) -> Sequence[tuple[str, bytes]]:
        found = self.server.files()
        return [(name, found[name]) for path in list(self.server.faults.renamed) if (name := Path(path).name) in found]

    def bytes(self) -> bytes:
        return b"\n".join(name.encode() + b"\n" + content for name, content in self.server.files().items())

    def reset(self) -> None:
        self.server.faults.renamed.clear()
        for path in (self.server.root / "in").iterdir():
            path.unlink()

    def refuse(self, on: bool) -> None:
        self.server.faults.full_after = 0 if on else None


class AtTheReports(Subject):
    """The events come before the kitchen's order is fixed."""

    connector = Catering
    moments = ("08:00", "08:30", "09:30")

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Kitchen]:
        async with sftp_peer(tmp_path / "peer") as server:
            yield Kitchen(server)

    @pytest.fixture
    def config(self, peer: Kitchen, school: School) -> Mapping[str, Any]:
        return {
            "report_times": ["08:00", "09:30"],
            "kitchens": [
                {
                    "id": "K-017",
                    "units": [school.unit],
                    "unit_code": "12345678",
                    "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
                    "cutoffs": [{"applies_to": "normal", "offset_days": 0, "time": "08:30"}],
                    "staff_portions": 2,
                }
            ],
            "transport": peer.server.transport(),
        }

    @pytest.fixture
    def events(self, school: School) -> Sequence[Mapping[str, Any]]:
        """Each pupil but the second is reported away for the day."""
        found = [school.about(AbsenceReported, pupil) for pupil in (*school.pupils[:1], *school.pupils[2:])]
        for event in found:
            event["data"]["id"] = str(uuid4())
        return found


class AfterTheCutOff(AtTheReports):
    """The events come when the order is fixed: each is a late change."""

    moments = ()

    @asynccontextmanager
    async def running(self, config: Mapping[str, Any], school: School) -> AsyncIterator[tuple[TestHub, str]]:
        async with super().running(config, school) as (hub, name):
            await hub.advance_to("08:30")
            yield hub, name


class TestConfiguration(AtTheReports, ConfigurationSuite):
    bad = {  # noqa: RUF012
        "report_times.0": "25:10",
        "kitchens.0.cutoffs.0.time": "24:00",
        "kitchens.0.cutoffs.0.applies_to": "all",
        "kitchens.0.sittings.0.to": "11:10",
        "kitchens.0.unit_code": "../12345678",
        "transport.host_key": "AAAA",
        "transport.port": 0,
    }


class TestReports(AtTheReports, EffectSuite): ...


class TestLateChanges(AfterTheCutOff, EffectSuite): ...


class TestOrderOfReports(AtTheReports, OrderSuite): ...


class TestOrderOfLateChanges(AfterTheCutOff, OrderSuite): ...


class TestPrivacyOfReports(AtTheReports, PrivacySuite): ...


class TestPrivacyOfLateChanges(AfterTheCutOff, PrivacySuite): ...
