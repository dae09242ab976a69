"""The vendors' kit on the real hub, with real servers as the kitchen's: SFTP, HTTPS, mail."""

import asyncio
import re
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import uuid4

import pytest

from connectors.catering.connector import Catering
from plugins.testing import School, TestHub
from plugins.testing.suites import (
    CompleteSuite,
    ConfigurationSuite,
    DaylightSuite,
    EffectSuite,
    FaultSuite,
    FaultyPeer,
    HistorySuite,
    LifeSuite,
    OrderSuite,
    PrivacySuite,
    SchoolTimeSuite,
    SelftestSuite,
    SensitivitySuite,
    SeveralFarSidesSuite,
    Subject,
    TakenAtOnceSuite,
)
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.schedule import DayClosed
from tests.peers.mail import NORTH, MailServer, mail_peer
from tests.peers.orders import Orders, order_peer
from tests.peers.sftp import Peer, sftp_peer


class KitchenPeer(FaultyPeer, Protocol):
    def transport(self, **changes: Any) -> dict[str, Any]: ...


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

    def transport(self, **changes: Any) -> dict[str, Any]:
        return self.server.transport(**changes)

    def refuse(self, on: bool) -> None:
        self.server.faults.full_after = 0 if on else None

    def down(self, on: bool) -> None:
        self.server.faults.down = on

    def slow(self, seconds: float) -> None:
        self.server.faults.delay_s = seconds

    def wrong(self, on: bool) -> None:
        self.server.faults.truncate = on

    def never(self, on: bool) -> None:
        self.server.faults.freeze_at = "auth" if on else ""
        if not on:
            self.server.faults.released.set()
            self.server.faults.released = asyncio.Event()

    def standing(self) -> Sequence[tuple[str, ...]]:
        """What the last file of each day orders."""
        last = {name.split("_")[2]: content for name, content in self.effects()}
        return [tuple(line.split(";")[:7]) for content in last.values() for line in content.decode().splitlines()]


class AtTheReports(Subject):
    """The events come before the kitchen's order is fixed."""

    connector = Catering
    slow_s = 6
    moments: ClassVar[Sequence[str]] = ("08:00", "08:30", "09:30")

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Kitchen]:
        async with sftp_peer(tmp_path / "peer") as server:
            yield Kitchen(server)

    @pytest.fixture
    def config(self, peer: KitchenPeer, school: School, request: pytest.FixtureRequest) -> Mapping[str, Any]:
        settings = self.settings(peer, school)
        if any(word in request.node.name for word in ("slow", "never", "cancelled")):
            settings["transport"] |= {"timeout_s": 2, "deadline_s": 4}
        return settings

    def settings(self, peer: KitchenPeer, school: School) -> dict[str, Any]:
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
                    "diet_codes": {school.diet_code: "GLUTENFRI"},
                    "weekdays": [1, 2, 3, 4, 5, 6, 7],
                }
            ],
            "transport": peer.transport(),
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
            await self.polled(hub)
            yield hub, name


class ByOrders:
    """Orders over HTTPS, where the key alone makes a repeat the same order."""

    readable = False

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Orders]:
        async with order_peer(tmp_path / "peer", readable=self.readable) as server:
            yield server


class ByReadableOrders(ByOrders):
    readable = True


class ByMail:
    """Mail to two addresses of the kitchen."""

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[MailServer]:
        async with mail_peer(tmp_path / "peer") as server:
            yield server

    def key(self, effect: Any) -> str:
        return str(effect[0])

    def alike(self, effect: Any, day: date) -> Any:
        """Without Message-ID, Date and the day."""
        address, _, sent, subject, text = effect
        time_of_day = re.search(r"\d\d:\d\d:\d\d", sent)
        return [address, time_of_day and time_of_day[0], subject.replace(str(day), ""), text.replace(str(day), "")]


class EndsAlike:
    """What is told last is the same; how many revisions it took is not, where an answer came too late."""

    def outcome(self, effects: Sequence[Any]) -> Sequence[Any]:
        last = max(effects, key=lambda effect: [int(n) for n in re.findall(r"\d+", str(effect[0]))])
        return [re.sub(rb'("revision":|;)\d+(?=[,\r])', b"", last[1])]

    def _by_key(self, effects: Sequence[Any]) -> dict[Hashable, list[Any]]:
        """For the suite of order: late changes that come together are one revision."""
        return {None: list(self.outcome(effects))}


class SeveralKitchens(ByOrders, AtTheReports):
    """Four kitchens behind one server."""

    def settings(self, peer: KitchenPeer, school: School) -> dict[str, Any]:
        usual = super().settings(peer, school)
        (kitchen,) = usual["kitchens"]
        return {**usual, "kitchens": [{**kitchen, "id": f"K-{n}", "unit_code": f"K-{n}"} for n in range(1, 5)]}


class Mailboxes(MailServer):
    """Each address is a far side, and the operator reads it as its place under `recipients`."""

    boxes: ClassVar[Mapping[str, Sequence[str]]] = {
        "K-1": ("kok.ett@exempelkommun.se",),
        "K-2": ("kok.tva@exempelkommun.se", "chef.tva@exempelkommun.se"),
    }

    def transport(self, **changes: Any) -> dict[str, Any]:
        return super().transport(recipients={id: list(boxes) for id, boxes in self.boxes.items()}, **changes)

    def far_side(self, effect: Any) -> str:
        return next(f"{id}[{list(boxes).index(effect[0])}]" for id, boxes in self.boxes.items() if effect[0] in boxes)

    def refuse_one(self, far_side: str, on: bool) -> None:
        id, _, n = far_side.rstrip("]").partition("[")
        if on:
            self.refused[self.boxes[id][int(n)]] = "450 later"
        else:
            self.refused.pop(self.boxes[id][int(n)])


class SeveralMailboxes(AtTheReports):
    """Three addresses of two kitchens behind one mail server."""

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Mailboxes]:
        async with mail_peer(tmp_path / "peer", kind=Mailboxes) as server:
            assert isinstance(server, Mailboxes)
            yield server

    def settings(self, peer: KitchenPeer, school: School) -> dict[str, Any]:
        usual = super().settings(peer, school)
        (kitchen,) = usual["kitchens"]
        return {**usual, "kitchens": [{**kitchen, "id": id, "unit_code": id} for id in Mailboxes.boxes]}


class TakingKitchen(Kitchen):
    """A program takes each file as soon as it has its name."""

    def __init__(self, server: Peer) -> None:
        super().__init__(server)
        self.came: list[tuple[str, bytes]] = []

    def take_at_once(self, on: bool) -> None:
        self.server.faults.takes = on
        self.server.faults.on_take = lambda name, content: self.came.append((name, content))

    def effects(self) -> Sequence[tuple[str, bytes]]:
        return [*self.came, *super().effects()]

    def reset(self) -> None:
        super().reset()
        self.came.clear()


class ByTaking:
    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[TakingKitchen]:
        async with sftp_peer(tmp_path / "peer") as server:
            yield TakingKitchen(server)


class TestSeveralKitchens(SeveralKitchens, SeveralFarSidesSuite): ...


class TestSeveralMailboxes(SeveralMailboxes, SeveralFarSidesSuite): ...


# TakenAtOnceSuite is not for mail: a mail can't be read back, so nothing shows that it was taken.
class TestTakenReports(ByTaking, AtTheReports, TakenAtOnceSuite): ...


class TestTakenLateChanges(ByTaking, AfterTheCutOff, TakenAtOnceSuite): ...


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


class TestConfigurationOfOrders(ByOrders, AtTheReports, ConfigurationSuite):
    bad = {  # noqa: RUF012
        "transport.url": "http://kitchen.example/orders",
        "transport.deadline_s": 0,
        "transport.kind": "soap",
    }


class TestConfigurationOfMail(ByMail, AtTheReports, ConfigurationSuite):
    bad = {  # noqa: RUF012
        "transport.sender": "skolnav",
        "transport.recipients": {"K-018": [NORTH]},
        "transport.recipients.K-017": [f"{NORTH}\r\nBcc: {NORTH}"],
        "transport.password": None,
        "transport.port": 65536,
    }


class TestReports(AtTheReports, EffectSuite): ...


class TestReportsByOrders(ByOrders, AtTheReports, EffectSuite): ...


class TestReportsByReadableOrders(ByReadableOrders, AtTheReports, EffectSuite): ...


class TestReportsByMail(ByMail, AtTheReports, EffectSuite): ...


class TestLateChanges(AfterTheCutOff, EffectSuite): ...


class TestLateChangesByOrders(ByOrders, AfterTheCutOff, EffectSuite): ...


class TestLateChangesByReadableOrders(ByReadableOrders, AfterTheCutOff, EffectSuite): ...


class TestLateChangesByMail(ByMail, AfterTheCutOff, EffectSuite): ...


class TestOrderOfReports(AtTheReports, OrderSuite): ...


class TestOrderOfReportsByMail(ByMail, AtTheReports, OrderSuite): ...


class TestOrderOfLateChanges(EndsAlike, AfterTheCutOff, OrderSuite): ...


class TestOrderOfLateChangesByOrders(EndsAlike, ByOrders, AfterTheCutOff, OrderSuite): ...


class TestPrivacyOfReports(AtTheReports, PrivacySuite): ...


class TestPrivacyOfReportsByOrders(ByOrders, AtTheReports, PrivacySuite): ...


class TestPrivacyOfReportsByMail(ByMail, AtTheReports, PrivacySuite): ...


class TestPrivacyOfLateChanges(AfterTheCutOff, PrivacySuite): ...


class TestPrivacyOfLateChangesByOrders(ByReadableOrders, AfterTheCutOff, PrivacySuite): ...


class TestPrivacyOfLateChangesByMail(ByMail, AfterTheCutOff, PrivacySuite): ...


class TestFaultsOfReports(AtTheReports, FaultSuite):
    faults = (*AtTheReports.faults, "never")


class TestFaultsOfReportsByOrders(ByOrders, AtTheReports, FaultSuite): ...


class TestFaultsOfReportsByReadableOrders(ByReadableOrders, AtTheReports, FaultSuite): ...


class TestFaultsOfReportsByMail(ByMail, AtTheReports, FaultSuite): ...


class TestFaultsOfLateChanges(EndsAlike, AfterTheCutOff, FaultSuite): ...


class TestFaultsOfLateChangesByOrders(EndsAlike, ByOrders, AfterTheCutOff, FaultSuite): ...


class TestFaultsOfLateChangesByMail(ByMail, AfterTheCutOff, FaultSuite): ...


class TestSelftest(AtTheReports, SelftestSuite):
    faults = (*AtTheReports.faults, "never")


class TestSelftestOfOrders(ByOrders, AtTheReports, SelftestSuite): ...


class TestSelftestOfReadableOrders(ByReadableOrders, AtTheReports, SelftestSuite): ...


class TestSelftestOfMail(ByMail, AtTheReports, SelftestSuite): ...


class TestDaylight(AtTheReports, DaylightSuite): ...


class TestDaylightByOrders(ByOrders, AtTheReports, DaylightSuite): ...


class TestDaylightByMail(ByMail, AtTheReports, DaylightSuite): ...


class EachType(AtTheReports):
    """One pupil stays away, two eat after all, one has leave, and tomorrow the school is closed."""

    moments = (*AtTheReports.moments, "2026-11-25T08:00", "2026-11-25T08:30", "2026-11-25T09:30")

    @pytest.fixture
    def events(self, school: School) -> Sequence[Mapping[str, Any]]:
        well, late, away, on_leave = school.pupils  # the first has a special diet
        told = [school.about(AbsenceReported, pupil) for pupil in (away, late, well)]
        told += [school.about(AbsenceChanged, late), school.about(AbsenceWithdrawn, well)]
        told[3]["data"] |= {"endTime": "2026-11-24T10:00:00+01:00"}
        return [*told, school.about(LeaveGranted, on_leave), school.about(DayClosed)]


class TestSensitivity(EachType, SensitivitySuite): ...


class TestHistory(EachType, HistorySuite): ...


class TestHistoryOfLateChangesByMail(ByMail, AfterTheCutOff, HistorySuite):
    test_the_last_event_of_an_entity_is_enough = None  # mail is a journal: no mail takes back another


class TestSchoolTime(AtTheReports, SchoolTimeSuite): ...


class TestComplete(AtTheReports, CompleteSuite): ...


class TestLife(AtTheReports, LifeSuite): ...
