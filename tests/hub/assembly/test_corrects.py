"""A connector's setting `corrects`: which other sources' entities it may change, on a running hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from hub.assembly.hub import Hub
from hub.config import ConnectorEntry, HubConfig
from plugins import Connector, ConnectorConfig
from plugins.manager import Plugins
from schemas.directory import RoomUpserted
from tests.school import ELSEWHERE, UNIT, append, event, organisation, room, uid
from tests.until import until

ROOM: Final = uid("room")
OWN_ROOM: Final = uid("room", "own")


class Config(ConnectorConfig):
    poll: float = 3600


class Second(Connector[Config]):
    """A second source: it moves a room of another source, and has a room of its own."""

    name = "second"
    config_model = Config
    produces = (RoomUpserted,)

    async def poll(self) -> None:
        async with self.ctx.commit() as tx:
            tx.publish(RoomUpserted, room(owner={"id": ELSEWHERE}))
            tx.publish(RoomUpserted, room(id=OWN_ROOM))


@asynccontextmanager
async def running(folder: Path, *corrects: str) -> AsyncIterator[Hub]:
    """A hub where `urn:sis` has made the room before the connector begins."""
    usual = HubConfig(municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=0)
    first = await Hub.start(usual, plugins=Plugins.of())
    try:
        for type_, data in (
            ("organisation", organisation()),
            ("organisation", organisation(ELSEWHERE)),
            ("room", room()),
        ):
            await append(first.services, event(f"se.skolnav.directory.{type_}.upserted.v1", data, source="urn:sis"))
    finally:
        await first.stop()
    entry = ConnectorEntry(Second.name, Second, Config(), corrects=corrects)
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=0,
        connectors={"second": entry},
    )  # fmt: skip
    hub = await Hub.start(config, plugins=Plugins.of(Second))
    try:
        await until(lambda: OWN_ROOM in hub.directory.rooms)
        yield hub
    finally:
        await hub.stop()


def problems(hub: Hub) -> list[tuple[str, str, str]]:
    return [(each.where, each.code, each.detail) for each in hub.problems]


@pytest.mark.parametrize("corrects", [(), ("urn:other", "urn:si")])
async def test_a_second_source_changes_nothing_of_the_first_and_the_operator_sees_that_it_tried(
    tmp_path: Path, corrects: tuple[str, ...]
) -> None:
    async with running(tmp_path, *corrects) as hub:
        assert hub.directory.rooms[ROOM].organisation == UNIT
        assert problems(hub) == [
            ("connectors.second", "owned-by-another", "1 x se.skolnav.directory.room.upserted.v1, owner urn:sis")
        ]


@pytest.mark.parametrize("corrects", ["urn:sis", "urn:s*", "*"])
async def test_with_corrects_it_changes_what_the_named_source_made(tmp_path: Path, corrects: str) -> None:
    async with running(tmp_path, corrects) as hub:
        assert hub.directory.rooms[ROOM].organisation == ELSEWHERE
        assert problems(hub) == []


async def test_the_right_is_that_instances_alone(tmp_path: Path) -> None:
    async with running(tmp_path, "urn:sis") as hub:
        assert hub._corrects("urn:skolnav:provkoping:second", "urn:sis")
        assert not hub._corrects("urn:skolnav:provkoping:other", "urn:sis"), "another instance"
        assert not hub._corrects("urn:sis:second", "urn:sis"), "no connector's source"
