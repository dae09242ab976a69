"""State in the order of the recipient's pseudonyms. Promise 5: ids from elsewhere unlock no pseudonym by rank."""

import itertools
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from hub.delivery import own_order
from hub.delivery.own_order import OwnOrder, is_marked, marked, unmarked
from hub.delivery.reading import ReadCursor, Reader, Reading, entity_of
from hub.keys import Keys
from hub.subscriptions.spec import SubscriptionSpec
from plugins.testing import ManualClock
from tests import school as records
from tests.hub.api.conftest import running
from tests.hub.api.school import append, current, pupil
from tests.school import event, uid

COUNT = 60
TYPES = ("se.skolnav.attendance.checked_in.v1",)


@pytest.fixture
def clock():
    return ManualClock("2026-11-24T08:00")


def specs():
    def spec(client):
        return SubscriptionSpec.model_validate(
            {"name": client, "client": client, "types": TYPES, "sink": {"kind": "feed"}, "from": "state"}
        )

    return spec("acme"), spec("blind")


def pupils(count=COUNT):
    return [pupil(1000 + n) for n in range(count)]


def check_in(n, person, version=0):
    data = {"id": uid("in", n), "person": {"id": person}, "eventType": "In", "group": {"id": uid("group", 1)},
            "time": f"2026-11-24T07:3{version}:00+01:00"}  # fmt: skip
    return event(TYPES[0], data, id=f"in-{n}-{version}")


@asynccontextmanager
async def school(folder, clock):
    async with running(folder, clock, subscriptions=specs()) as hub:
        if not await hub.log.entities("person"):
            known = [event(records.PERSON, records.pupil(each), id=f"person-{each}") for each in pupils()]
            await append(hub, *known, *(check_in(n, each) for n, each in enumerate(pupils())), current(clock))
        yield hub


async def read(hub, id, limit, cursor=None):
    """The persons of the pages from a cursor on, and the last cursor, as a client would have it."""
    pages = []
    cursor = cursor or await hub.pages.open(id, None)
    while True:
        page = await hub.pages.page(id, cursor, limit)
        await hub.pages.settled(page)
        pages.append([each.decision.content["data"]["person"]["id"] for each in page.entries])
        cursor = await hub.pages.open(id, page.next())
        if page.at_head:
            return pages, cursor


def own_names(hub):
    return [hub.keys.pseudonyms("provkoping/client/blind").of(each) for each in pupils()]


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_a_feed_gives_state_in_the_order_of_the_pseudonyms_in_full_pages(tmp_path, clock, limit):
    async with school(tmp_path, clock) as hub:
        pages, cursor = await read(hub, "blind", limit)
        found = [each for page in pages for each in page]
        assert found == sorted(own_names(hub))
        assert all(len(page) == limit for page in pages[:-1])
        await append(hub, check_in(3, pupils()[3], 1))
        assert (await read(hub, "blind", limit, cursor))[0][0] == [own_names(hub)[3]]


async def test_who_may_see_the_ids_gets_them_in_their_order(tmp_path, clock):
    async with school(tmp_path, clock) as hub:
        pages, _ = await read(hub, "acme", 7)
        assert [each for page in pages for each in page] == sorted(pupils())


async def test_a_cursor_within_the_state_goes_on_after_a_restart(tmp_path, clock):
    async with school(tmp_path, clock) as hub:
        page = await hub.pages.page("blind", await hub.pages.open("blind", None), 7)
        await hub.pages.settled(page)
        first = [each.decision.content["data"]["person"]["id"] for each in page.entries]
        token = page.next()
    async with school(tmp_path, clock) as hub:
        pages, _ = await read(hub, "blind", 7, await hub.pages.open("blind", token))
        assert first + [each for page in pages for each in page] == sorted(own_names(hub))


async def test_a_cursor_of_an_earlier_version_begins_the_kind_again(tmp_path, clock):
    """Nothing is lost: the entities before it in the log's order are not those before it in the recipient's."""
    async with school(tmp_path, clock) as hub:
        start = await hub.pages.open("blind", None)
        old = replace(start, read=ReadCursor(start.read.position, f"presence/{sorted(pupils())[40]}"))
        pages, _ = await read(hub, "blind", 7, old)
        assert [each for page in pages for each in page] == sorted(own_names(hub))
        new = replace(start, read=ReadCursor(start.read.position, marked(f"presence/{sorted(pupils())[40]}")))
        pages, _ = await read(hub, "acme", 7, new)
        assert [each for page in pages for each in page] == sorted(pupils())


@pytest.mark.parametrize("chunk", [1, 10, 59, 60, 61])
async def test_a_reader_gives_all_of_the_state_once_whatever_the_size_of_a_chunk(tmp_path, clock, monkeypatch, chunk):
    monkeypatch.setattr(own_order, "CHUNK", chunk)
    async with school(tmp_path, clock) as hub:
        pseudonyms = Keys(b"x" * 32).pseudonyms("test")
        kinds = ["person", "presence"]
        own = OwnOrder(hub.log, kinds, pseudonyms)
        reader = Reader(hub.log, Reading(hub.log, kinds).from_state(), kinds=kinds, own=own)
        found = []
        while (part := await reader.next(7)).events or reader.position is None:
            found += [entity_of(each) for each in part.events]
            reader.accept()
            reader = Reader.open(hub.log, reader.pack(), kinds, own)
            if reader.position is not None:
                break
        order = [pseudonyms.of(name.split("/")[1]) for name in found]
        assert order == sorted(order[:COUNT]) + sorted(order[COUNT:])
        assert len(found) == len(set(found)) == 2 * COUNT


async def test_a_new_reader_does_not_miss_what_came_since_the_last_one_began(tmp_path, clock):
    """A feed's order is kept between its clients' requests."""
    async with school(tmp_path, clock) as hub:
        own = OwnOrder(hub.log, ["presence"], hub.keys.pseudonyms("provkoping/client/blind"))
        reading = Reading(hub.log, ["presence"], own=own)
        await reading.read(reading.from_state(), 7)
        late = pupil(7777)
        await append(hub, check_in(99, late))
        found = (await reading.read(reading.from_state(), 1000)).events
        assert f"presence/{late}" in {entity_of(each) for each in found}


async def test_the_entities_of_one_person_come_one_after_another(tmp_path, clock):
    """Each source has an entity of its own of a person."""
    async with school(tmp_path, clock) as hub:
        twice = [
            event(records.PERSON, records.pupil(each), id=f"again-{each}", source="urn:other:" + "x" * 80)
            for each in pupils()[:5]
        ]
        await append(hub, *twice)
        own = OwnOrder(hub.log, ["person"], hub.keys.pseudonyms("provkoping/client/blind"))
        found = await own.states("person", "person/", hub.log.head(), 1000)
        persons = [entity_of(each).split("/")[1] for each in found]
        assert len(found) == COUNT + 5
        assert len(list(dict.fromkeys(persons))) == COUNT
        assert [each for each, _ in itertools.groupby(persons)] == list(dict.fromkeys(persons))


@pytest.mark.parametrize("name", ["presence/x", f"person/{pupil(1)}/urn:a/b~c", "person/~x"])
def test_a_mark_is_put_on_and_taken_off(name):
    assert is_marked(marked(name))
    assert unmarked(marked(name)) == name
