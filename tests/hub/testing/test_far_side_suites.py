"""The suites for far sides with a mind of their own, on connectors that keep the promise, and on ones that break it."""

from datetime import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from plugins import Category, Connector, ConnectorConfig, Contract, Effect, TemporaryError, daily
from plugins.testing import School
from plugins.testing.suites import SeveralFarSidesSuite, Subject, TakenAtOnceSuite
from schemas.absence import AbsenceReported

ROOMS = ("room-a", "room-b", "room-c")


class RoomsConfig(ConnectorConfig):
    folder: Path = Field(description="A folder with one for each room.")


class Rooms(Connector[RoomsConfig]):
    """Each room's folder gets the number of absences at 08:30."""

    name = "rooms"
    config_model = RoomsConfig
    consumes = (AbsenceReported,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})
    effect = Effect.VERIFIABLE

    async def handle(self, event):
        async with self.ctx.commit() as tx:
            tx.state[f"absence/{event.data['id']}"] = 1

    @daily(lambda config: (time(8, 30),))
    async def report(self, due, complete):
        behind = [room for room in ROOMS if not self.tell(room, self.count())]
        async with self.ctx.commit() as tx:
            tx.state["reported"] = due.isoformat()
        if behind:
            raise TemporaryError(f"rooms: not told: {', '.join(behind)}")

    def count(self) -> str:
        return str(len(self.ctx.state.under("absence/")))

    def tell(self, room: str, text: str) -> bool:
        folder = self.config.folder / room
        if (folder / ".refuses").exists():
            self.ctx.problem("refused", room)
            return False
        if text not in journal(folder):  # it says how much it has had, whoever took it
            with (folder / ".journal").open("a") as lines:
                lines.write(f"{text}\n")
            if not (folder / ".takes").exists():
                (folder / "count").write_text(text)
        return True


def journal(folder: Path) -> list[str]:
    file = folder / ".journal"
    return file.read_text().splitlines() if file.exists() else []


class RoomsPeer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for room in ROOMS:
            (folder / room).mkdir(parents=True)

    def effects(self) -> list[tuple[str, str]]:
        return [(room, line) for room in ROOMS for line in journal(self.folder / room)]

    def bytes(self) -> bytes:
        return repr(self.effects()).encode()

    def reset(self) -> None:
        for file in self.folder.glob("*/*"):
            file.unlink()

    def far_side(self, effect: tuple[str, str]) -> str:
        return effect[0]

    def refuse_one(self, far_side: str, on: bool) -> None:
        self._switch(far_side, ".refuses", on=on)

    def take_at_once(self, on: bool) -> None:
        for room in ROOMS:
            self._switch(room, ".takes", on=on)

    def _switch(self, room: str, name: str, *, on: bool) -> None:
        if on:
            (self.folder / room / name).touch()
        else:
            (self.folder / room / name).unlink(missing_ok=True)


class TheRooms(Subject):
    connector = Rooms
    moments = ("08:30",)

    @pytest.fixture
    def peer(self, tmp_path):
        return RoomsPeer(tmp_path / "peer")

    @pytest.fixture
    def config(self, peer):
        return {"folder": str(peer.folder)}


class TestSeveral(TheRooms, SeveralFarSidesSuite): ...


class TestTaken(TheRooms, TakenAtOnceSuite): ...


@pytest.fixture
def arguments(tmp_path) -> dict[str, Any]:
    school = School()
    peer = RoomsPeer(tmp_path / "peer")
    return {
        "peer": peer,
        "config": {"folder": str(peer.folder)},
        "school": school,
        "events": [school.about(AbsenceReported, pupil) for pupil in school.pupils],
    }


class Stopping(Rooms):
    """The first that refuses ends the report."""

    @daily(lambda config: (time(8, 30),))
    async def report(self, due, complete):
        for room in ROOMS:
            if not self.tell(room, self.count()):
                raise TemporaryError(f"rooms: not told: {room}")


class Unnamed(Rooms):
    @daily(lambda config: (time(8, 30),))
    async def report(self, due, complete):
        for room in ROOMS:
            if not (self.config.folder / room / ".refuses").exists():
                self.tell(room, self.count())


class Forgetting(Rooms):
    @daily(lambda config: (time(8, 30),))
    async def report(self, due, complete):
        for room in ROOMS:
            self.tell(room, self.count())


class Idle(Rooms):
    def tell(self, room, text):
        return True


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (Stopping, "have other effects"),
        (Unnamed, "no problem and no log line names"),
        (Forgetting, "got nothing after"),
        (Idle, "nothing to check"),
    ],
)
async def test_what_hurts_the_others_or_hides_the_one_is_caught(arguments, cls, says):
    suite = type("Suite", (SeveralFarSidesSuite,), {"connector": cls, "moments": ("08:30",)})()
    with pytest.raises(AssertionError, match=says):
        await suite.test_one_that_refuses_keeps_nothing_from_the_others(**arguments)


class Doubting(Rooms):
    """What can't be read back counts as not written."""

    def tell(self, room, text):
        folder = self.config.folder / room
        with (folder / ".journal").open("a") as lines:
            lines.write(f"{text}\n")
        return not (folder / ".takes").exists()


class Renaming(Rooms):
    """A repeat after a crash differs from what came before it."""

    starts = 0

    async def start(self):
        Renaming.starts += 1

    def tell(self, room, text):
        with (self.config.folder / room / ".journal").open("a") as lines:
            lines.write(f"{text} {Renaming.starts > 2}\n")
        return True


@pytest.mark.parametrize(
    ("cls", "method", "says"),
    [
        (Doubting, "test_what_is_taken_at_once_has_arrived", "what came differs"),
        (Renaming, "test_a_repeat_after_a_crash_is_the_same", "differs from before"),
        (Idle, "test_what_is_taken_at_once_has_arrived", "nothing to check"),
    ],
)
async def test_what_is_repeated_otherwise_is_caught(arguments, cls, method, says):
    suite = type("Suite", (TakenAtOnceSuite,), {"connector": cls, "moments": ("08:30",)})()
    with pytest.raises(AssertionError, match=says):
        await getattr(suite, method)(**arguments)
