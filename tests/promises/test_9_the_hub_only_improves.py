"""Promise 9: when the hub is down, kitchens go on as on a normal day.

The hub is a process of its own and ends by kill -9; the kitchen's server runs on. What the kitchen takes are the files
`*.csv` that stand there (connectors/catering/README.md): each is whole, whatever happened to the hub, and a kitchen
without one has its standing order. Ventilation and calendars have no connector yet.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.peers.hub import OPERATOR, HubProcess, client
from tests.peers.sftp import Peer, sftp_peer
from tests.school import (
    ABSENCE,
    CURRENT,
    DAY,
    ORGANISATION,
    PERSON,
    SIS,
    UNIT,
    absence,
    envelope,
    organisation,
    pupil,
    uid,
)
from tests.until import until

COUNT = "se.skolnav.meals.count.v1"
PUPILS = [uid("person", number) for number in range(4)]


def school() -> list[dict[str, Any]]:
    names = {"givenName": "Prov", "familyName": "Provsson"}
    return [
        envelope(ORGANISATION, organisation()),
        *(envelope(PERSON, pupil(id, **names)) for id in PUPILS),
        envelope(CURRENT, {"asOf": datetime.now(UTC).isoformat()}),
    ]


def away(pupil: str) -> dict[str, Any]:
    return envelope(ABSENCE, absence(pupil))


def configuration(peer: Peer, now: str) -> dict[str, Any]:
    kitchen = {
        "id": "K-1",
        "unit_code": "10000001",
        "units": [UNIT],
        "sittings": [
            {"id": "1", "from": "11:10", "to": "11:40"},
            {"id": "2", "from": "14:00", "to": "14:30"},
        ],
        "cutoffs": [{"applies_to": "normal", "time": "08:00"}],
    }
    transport = {**peer.transport(timeout_s=30, deadline_s=60), "password": "${env:SFTP_PASSWORD}"}
    return {
        "demo": True,
        "school_clock": {"start": f"{DAY}T{now}:00", "speed": 1},
        "clients": [client("sis", "publisher", publishes=["se.skolnav.*"], sources=[SIS])],
        "connectors": {
            "kitchen": {
                "use": "catering",
                "aggregates": True,
                "report_times": ["08:00", "09:30"],
                "kitchens": [kitchen],
                "transport": transport,
            }
        },
    }


class Kitchen:
    """The hub and the kitchen's server over one school day. School time is moved by starting the hub anew."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.peer = peer
        password = {"SFTP_PASSWORD": peer.transport()["password"]}
        self.hub = HubProcess(folder, configuration(peer, "06:00"), env=password)

    async def morning(self) -> None:
        """The school is known, and one of four pupils is away. It is 06:00."""
        answer = await self.hub.caller("sis").post_events([*school(), away(PUPILS[0])])
        assert answer.status == 202, answer.body
        await self.hub.delivered()

    async def start_at(self, now: str) -> None:
        self.hub.configure(configuration(self.peer, now))
        await self.hub.start()

    def taken(self) -> dict[str, bytes]:
        """What the kitchen's system sees."""
        return {name: content for name, content in self.peer.files().items() if name.endswith(".csv")}

    async def reported(self) -> None:
        """The report is done with, and not only its file: one that a crash ends is made again."""
        operator = self.hub.caller(OPERATOR)

        async def counted() -> bool:
            return bool((await operator.request("GET", f"/v1/operator/events?type={COUNT}")).json()["events"])

        await until(counted)

    async def file(self, name: str) -> bytes:
        await until(lambda: name in self.taken(), name, within_s=60)
        return self.taken()[name]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Kitchen]:
    async with sftp_peer(folder / "peer") as peer:
        kitchen = Kitchen(folder, peer)
        async with kitchen.hub:  # killed at the end, whatever happens
            await kitchen.morning()
            yield kitchen


def told(file: bytes) -> dict[str, tuple[str, str]]:
    """By diet: portions, and whether the file says that it is complete. A file that is cut off fails."""
    assert file.endswith(b"\r\n")
    header, *rows = file.decode("utf-8-sig").splitlines()
    names = header.split(";")
    cells = [dict(zip(names, row.split(";"), strict=True)) for row in rows]
    assert {cell["date"] for cell in cells} == {DAY}
    return {cell["diet"]: (cell["portions"], cell["complete"]) for cell in cells}


NOTHING: tuple[str, str] = ("0", "yes")
FIRST = "KOST_10000001_20261124_0800_v1.csv"
SECOND = "KOST_10000001_20261124_0930_v2.csv"


async def test_the_last_file_stands_and_a_late_start_says_that_it_is_late(tmp_path: Path) -> None:
    async with running(tmp_path) as kitchen:
        peer = kitchen.peer
        await kitchen.hub.kill()
        await kitchen.start_at("08:00")
        first = await kitchen.file(FIRST)
        assert told(first) == {"NORMAL": ("3", "yes"), "ÖVRIG": NOTHING, "PERSONAL": NOTHING}
        await kitchen.reported()
        await kitchen.hub.kill()  # and 09:30 comes
        assert peer.files() == {FIRST: first}, "nothing half written, and the last number stands"

        await kitchen.start_at("09:45")
        second = await kitchen.file(SECOND)
        assert told(second)["NORMAL"] == ("3", "no"), "nobody could report while it was down"
        assert kitchen.taken() == {FIRST: first, SECOND: second}
        assert await kitchen.hub.stop() == 0


@pytest.mark.parametrize("at", ["write", "rename"])
async def test_a_file_that_was_begun_is_none_until_it_is_whole(tmp_path: Path, at: str) -> None:
    async with running(tmp_path) as kitchen:
        peer = kitchen.peer
        assert await kitchen.hub.stop() == 0
        peer.faults.freeze_at = at
        await kitchen.start_at("08:00")
        await until(lambda: any(name.endswith(".part") for name in peer.files()), "a file begins", within_s=60)
        await kitchen.hub.kill()
        assert kitchen.taken() == {}, "the kitchen cooks what it always cooks"

        peer.faults.freeze_at = ""
        await kitchen.start_at("08:10")
        # Counted at its time and kept before it was begun: the kitchen may have seen it, so that it comes unchanged.
        assert told(await kitchen.file(FIRST))["NORMAL"] == ("3", "yes")
        await until(lambda: list(peer.files()) == [FIRST], "the beginning is gone", within_s=60)
        assert await kitchen.hub.stop() == 0


async def test_of_a_meal_that_is_over_a_late_start_tells_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as kitchen:
        peer = kitchen.peer
        await kitchen.hub.kill()
        assert peer.files() == {}
        await kitchen.start_at("13:00")
        file = await kitchen.file("KOST_10000001_20261124_0930_v2.csv")
        for each in kitchen.taken().values():
            assert b";11:10;" not in each, "that one was eaten by the standing order"
            assert b";14:00;" in each
        assert told(file)["NORMAL"] == ("3", "no")
        assert await kitchen.hub.stop() == 0
