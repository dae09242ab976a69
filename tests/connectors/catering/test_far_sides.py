"""Several kitchens behind one transport, and kitchens that take their files at once: on a running hub, with real peers.

Promises 3 and 6: one kitchen's refusal is its own; what was told is never told otherwise.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.catering.connector import Catering
from plugins.testing import School, TestHub, open_hub
from schemas.absence import AbsenceReported
from tests.peers.orders import Orders, order_peer
from tests.peers.sftp import Peer, sftp_peer

COUNT = "se.skolnav.meals.count.v1"
KITCHENS = ("K-1", "K-2", "K-3", "K-4")


def config(transport: Mapping[str, Any], school: School, kitchens: tuple[str, ...] = KITCHENS) -> dict[str, Any]:
    return {
        "report_times": ["08:00", "09:30"],
        "kitchens": [
            {
                "id": each,
                "units": [school.unit],
                "unit_code": each,
                "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
                "cutoffs": [{"applies_to": "normal", "time": "08:30"}],
            }
            for each in kitchens
        ],
        "transport": transport,
        "poll": "1h",
    }


@pytest.fixture
def school() -> School:
    return School()


async def running(hub: TestHub, school: School, settings: Mapping[str, Any]) -> None:
    await hub.add(Catering, settings)
    await hub.post(school.directory(hub.clock.utc().isoformat()))
    await hub.settle()


async def away(hub: TestHub, school: School, number: int) -> None:
    event = school.about(AbsenceReported, school.pupils[number])
    event["data"]["id"] = str(uuid4())
    await hub.post([event])
    await hub.settle()


class TestRefusals:
    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Orders]:
        async with order_peer(tmp_path / "peer") as running:
            yield running

    @pytest.fixture
    async def hub(self, peer: Orders, school: School) -> AsyncIterator[TestHub]:
        async with open_hub("2026-11-24T07:30") as hub:
            await running(hub, school, config(peer.transport(), school))
            yield hub

    def orders(self, peer: Orders) -> list[str]:
        return [key.replace("/2026-11-24/1/", " v") for key in peer.orders]

    @pytest.mark.parametrize("status", [403, 404, 409, 422, 429, 500, 503])
    async def test_the_others_get_theirs_and_the_operator_sees_which_one_did_not(
        self, hub: TestHub, peer: Orders, status: int
    ) -> None:
        peer.refuses = {"K-2": status}
        await hub.advance_to("08:00")
        assert self.orders(peer) == ["K-1 v1", "K-3 v1", "K-4 v1"]
        told = [each for each in hub.problems() if "kitchen K-2: catering" in each]
        assert len(told) == 1
        assert "secret-of-the-server" not in "".join(told) + hub.logs()
        assert [event.data["kitchen"] for event in await hub.published(COUNT)] == ["K-1", "K-3", "K-4"]
        assert await hub.status("catering") == "running"
        peer.refuses = {}
        await hub.retry()
        assert sorted(self.orders(peer))[1].startswith("K-2 v")
        assert len(await hub.published(COUNT)) == 4

    async def test_a_refused_late_change_keeps_no_absence_from_counting(
        self, hub: TestHub, peer: Orders, school: School
    ) -> None:
        for moment in ("08:00", "08:30"):
            await hub.advance_to(moment)
        peer.refuses = {"K-2": 422, "K-3": 422}
        for number in range(2):
            await away(hub, school, number)
        assert await hub.status("catering") == "running"
        assert await hub.dead_letters() == []
        assert self.orders(peer)[8:] == ["K-1 v3", "K-4 v3", "K-1 v4", "K-4 v4"]
        peer.refuses = {}
        await hub.retry()
        assert self.orders(peer)[12:] == ["K-2 v4", "K-3 v4"], "the last order replaces those that waited"

    @pytest.mark.parametrize("probed", [400, 401, 403, 422, 429, 500])
    async def test_a_system_that_knows_no_kitchen_of_a_probe_refuses_one_kitchen_alone(
        self, hub: TestHub, peer: Orders, probed: int
    ) -> None:
        """A system that checks the kitchen's id refuses the probe as it refuses the kitchen that it does not know."""
        peer.refuses = {"K-1": 401 if probed == 401 else 422}
        peer.probed = probed
        await hub.advance_to("08:00")
        assert self.orders(peer) == ["K-2 v1", "K-3 v1", "K-4 v1"]
        assert await hub.status("catering") == "running"
        assert any("kitchen K-1:" in each for each in hub.problems())

    async def test_a_refused_revision_keeps_none_of_the_next_from_the_kitchen(
        self, hub: TestHub, peer: Orders, school: School
    ) -> None:
        await hub.advance_to("08:00")
        peer.refuses = {"K-2": 422}
        await hub.advance_to("08:30")
        await away(hub, school, 0)  # counted while the kitchen still refuses, so that no try of before it succeeds
        peer.refuses = {}
        await hub.advance_to("09:30")
        mine = [each for each in self.orders(peer) if each.startswith("K-2")]
        assert mine[0] == "K-2 v1"
        assert "K-2 v2" not in mine
        assert len(mine) >= 2
        assert [event.data["revision"] for event in await hub.published(COUNT) if event.data["kitchen"] == "K-2"] == [
            int(each.partition(" v")[2]) for each in mine
        ]

    async def test_a_system_that_answers_409_to_every_key_gets_few_revisions(self, hub: TestHub, peer: Orders) -> None:
        peer.refuses = {"K-2": 409}
        await hub.advance_to("08:00")
        for _ in range(3):
            await hub.retry()
        tried = [each.path.split("/")[-1] for each in peer.server.received if each.path.startswith("/orders/K-2/")]
        assert tried[:9] == ["1", "2", "4", "8", "16", "32", "64", "128", "256"]
        assert len(tried) > 9
        assert set(tried[9:]) == {"256"}, "it tries again, and makes no further revision"
        peer.refuses = {}
        await hub.retry()
        assert [event.data["revision"] for event in await hub.published(COUNT)] == [1, 1, 1, 256]

    async def test_all_that_refuse_are_named_and_no_one_is_paused(self, hub: TestHub, peer: Orders) -> None:
        peer.refuses = dict.fromkeys(KITCHENS, 422)
        await hub.advance_to("08:00")
        assert [name for name in KITCHENS if any(f"kitchen {name}:" in each for each in hub.problems())] == [*KITCHENS]
        assert await hub.status("catering") == "running"

    async def test_a_login_that_is_refused_for_all_is_the_transports(self, hub: TestHub, peer: Orders) -> None:
        """Further tries could lock the account: only a person can mend it."""
        peer.server.answer = refused
        await hub.advance_to("08:00")
        asked = len(peer.server.received)
        assert asked <= 3, "two orders, and the question whether all are refused"
        assert any("login-refused" in each for each in (*hub.problems(), hub.logs()))


async def refused(request: Any, reader: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


class TestTakers:
    """The kitchen's program takes each file as soon as it has its name."""

    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Peer]:
        async with sftp_peer(tmp_path / "peer") as running:
            running.faults.takes = True
            yield running

    def came(self, peer: Peer) -> list[str]:
        return [name.rpartition("/")[2] for name in peer.faults.renamed]

    async def test_each_file_comes_once(self, peer: Peer, school: School) -> None:
        async with open_hub("2026-11-24T07:30") as hub:
            await running(hub, school, config(peer.transport(), school, ("K-1",)))
            for moment in ("08:00", "08:30", "09:30"):
                await hub.advance_to(moment)
                await hub.poll("catering")
            await away(hub, school, 0)
            await hub.retry()
            assert self.came(peer) == [
                "KOST_K-1_20261124_0800_v1.csv",
                "KOST_K-1_20261124_0830_v2.csv",
                "KOST_K-1_20261124_0930_v3.csv",
                "KOST_K-1_20261124_0930_v4.csv",
            ]
            assert [event.data["revision"] for event in await hub.published(COUNT)] == [1, 2, 3, 4]

    async def test_a_crash_after_the_file_was_taken_repeats_the_same_file(self, peer: Peer, school: School) -> None:
        taken: list[tuple[str, bytes]] = []
        peer.faults.on_take = lambda name, content: taken.append((name, content))
        async with open_hub("2026-11-24T07:30") as hub:
            await running(hub, school, config(peer.transport(), school, ("K-1",)))
            hub.crash_after_effect(lambda: len(taken))
            await hub.advance_to("08:00")
            assert hub.crashed
            await hub.restart()
            await away(hub, school, 0)  # a count made anew would differ
            await hub.poll("catering")
            await hub.advance_to("08:30")
        names = [name for name, _ in taken]
        assert names[:2] == [names[0]] * 2, "the repeat has the same name"
        assert taken[0] == taken[1], "and the same bytes"
        assert sorted(names) == names, "no older report comes after a newer one"
