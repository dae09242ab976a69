"""Subscriptions by callback, to a receiver on loopback: come and fetch, and not a sound about what is withheld."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from pydantic import SecretStr

from hub.api.app import create_app
from hub.bus.base import Position
from hub.config.model import Role
from hub.ss12000 import callbacks
from hub.store.base import StoreUnavailable
from hub.store.statements import touch
from schemas import Category
from tests.hub.ss12000.conftest import CLIENTS, client
from tests.hub.ss12000.school import (
    CLASS_7A,
    NORTH,
    ROOM,
    SECRET,
    absence,
    lesson,
    load,
    person,
    pupil,
    secret,
)
from tests.school import append, event
from tests.until import until

ALL_TYPES = ["Person", "Absence", "CalendarEvent", "Room", "Attendance"]


class Receiver:
    """An HTTP server that notes what it was sent. `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.heads: list[str] = []
        self.status = 200
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        self.heads.append(head)
        self.got.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @property
    def target(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/unguessable"


@asynccontextmanager
async def receiving():
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    await server.wait_closed()


@pytest.fixture
async def receiver():
    async with receiving() as found:
        yield found


@pytest.fixture
async def school(hub):
    await load(hub, *secret())
    return hub


async def subscribe(caller, receiver, id="all", types=ALL_TYPES, **more):
    body = {"name": "test", "target": receiver.target, "resourceTypes": [{"resource": each} for each in types], **more}
    return await caller(id).call("POST", "/subscriptions", json=body)


async def caught_up(hub, app, id) -> None:
    """Until the subscription has looked at everything that there is."""
    head = hub.log.head()
    await until(lambda: Position.unpack(app.notifier._kept[id].position).reached(head))


async def test_a_subscription_is_made_read_listed_extended_and_ended(school, caller, receiver, clock):
    all_ = caller("all")
    made = await subscribe(caller, receiver)
    assert made.status_code == 201
    given = made.json()
    assert given["resourceTypes"] == [{"resource": each} for each in ALL_TYPES]
    declared = "/subscriptions/{id}"
    assert (await all_.by_id("/subscriptions", given["id"])).json() == given
    assert (await all_.page("/subscriptions"))["data"] == [given]
    clock.pass_machine(timedelta(days=30).total_seconds())
    longer = (await all_.call("PATCH", f"/subscriptions/{given['id']}", declared)).json()
    assert longer["expires"] > given["expires"]
    wanted = (clock.utc() + timedelta(days=1)).isoformat()
    shorter = await all_.call("PATCH", f"/subscriptions/{given['id']}", declared, json={"expires": wanted})
    assert shorter.json()["expires"] < longer["expires"]
    assert (await all_.call("DELETE", f"/subscriptions/{given['id']}", declared)).status_code == 204
    assert (await all_.by_id("/subscriptions", given["id"])).status_code == 404
    assert (await all_.page("/subscriptions"))["data"] == []


async def test_one_that_expires_while_the_store_is_away_is_forgotten_when_it_is_back(
    school, caller, receiver, clock, monkeypatch
):
    given = (await subscribe(caller, receiver)).json()
    forget, tries = callbacks.forget, []

    def first_away(tenant, ids):
        tries.append(ids)
        if len(tries) == 1:
            raise StoreUnavailable("away")
        return forget(tenant, ids)

    monkeypatch.setattr(callbacks, "forget", first_away)

    clock.pass_machine(timedelta(days=400).total_seconds())
    await append(school, lesson(9))  # the subscription's task looks up

    async def is_forgotten():
        return len(tries) == 2 and not await callbacks.load(school.store)

    await until(is_forgotten, meanwhile=lambda: clock.pass_machine(60))
    assert tries == [(given["id"],)] * 2


async def test_plain_strings_as_in_the_standards_example_are_taken(school, caller, receiver):
    made = await subscribe(caller, receiver, resourceTypes=["Organisation", {"resource": "Person"}])
    assert made.json()["resourceTypes"] == [{"resource": "Organisation"}, {"resource": "Person"}]


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "\x1b[2J", " ", "\u3164", "bet\u0430"])
async def test_a_name_that_is_not_plainly_seen_is_refused(school, caller, receiver, name):
    refused = await subscribe(caller, receiver, name=name)
    assert (refused.status_code, refused.json()["code"]) == (400, "body-invalid")
    assert (await caller("all").page("/subscriptions"))["data"] == []


async def test_subscriptions_are_their_own_clients_alone(school, caller, receiver):
    given = (await subscribe(caller, receiver)).json()
    second = caller("second")
    assert (await second.by_id("/subscriptions", given["id"])).status_code == 404
    assert (await second.page("/subscriptions"))["data"] == []
    declared = "/subscriptions/{id}"
    for method in ("PATCH", "DELETE"):
        assert (await second.call(method, f"/subscriptions/{given['id']}", declared)).status_code == 404


async def test_they_come_in_pages(school, caller, receiver):
    ids = sorted([(await subscribe(caller, receiver)).json()["id"] for _ in range(3)])
    page = await caller("all").page("/subscriptions", {"limit": 2})
    rest = await caller("all").page("/subscriptions", {"limit": 2, "pageToken": page["pageToken"]})
    assert [each["id"] for each in page["data"] + rest["data"]] == ids
    assert rest["pageToken"] is None


BAD = [
    {"name": ""}, {"name": 1}, {"target": None}, {"target": "ftp://x"}, {"target": "http://10.0.0.1/x"},
    {"target": "https://169.254.169.254/latest"}, {"target": "http://user:secret@127.0.0.1/x"},
    {"resourceTypes": []}, {"resourceTypes": ["Persons"]}, {"resourceTypes": [{"resource": ["x"]}]},
    {"resourceTypes": None},
]  # fmt: skip


@pytest.mark.parametrize("more", BAD, ids=str)
async def test_a_bad_one_is_refused(school, caller, receiver, more):
    answer = await subscribe(caller, receiver, **more)
    assert answer.status_code == 400
    assert "secret" not in answer.text


async def test_there_is_a_bound(school, caller, receiver, monkeypatch):
    monkeypatch.setattr("hub.ss12000.subscriptions.MAX_EACH", 1)
    assert (await subscribe(caller, receiver)).status_code == 201
    assert (await subscribe(caller, receiver)).status_code == 403
    assert (await subscribe(caller, receiver, "second")).status_code == 201


async def test_a_change_is_told_once_in_the_standards_words(school, app, caller, receiver):
    id = (await subscribe(caller, receiver)).json()["id"]
    await append(school, lesson(9), person(pupil(2), "Bo", "Ny", version=5))
    await until(lambda: receiver.got)
    await caught_up(school, app, id)
    assert {each for got in receiver.got for each in got["modifiedEntites"]} == {"CalendarEvent", "Person"}
    assert not any("deletedEntities" in got for got in receiver.got)
    assert receiver.heads[0].startswith("POST /hook/unguessable HTTP/1.1")


async def test_what_is_gone_is_told_as_deleted(school, app, caller, receiver):
    await subscribe(caller, receiver)
    await append(school, event("directory.room.deleted", {"id": ROOM}, id="gone"))
    await until(lambda: receiver.got)
    assert receiver.got == [{"deletedEntities": True}]


async def test_only_what_was_asked_for_is_told(school, app, caller, receiver):
    id = (await subscribe(caller, receiver, types=["Room"])).json()["id"]
    await append(school, lesson(9), event("directory.activity.deleted", {"id": pupil(9)}, id="gone"))
    await caught_up(school, app, id)
    assert receiver.got == []


async def test_what_is_withheld_makes_no_sound(school, app, caller, receiver):
    """Promise 5: a protected pupil's person, absence, attendance; a pupil nobody knows; beyond the contract."""
    ids = [(await subscribe(caller, receiver)).json()["id"]]
    ids.append((await subscribe(caller, receiver, "timetable", ["Person", "Absence"])).json()["id"])
    ids.append((await subscribe(caller, receiver, "nameless", ["AttendanceEvent", "Absence"])).json()["id"])
    await append(
        school,
        person(SECRET, "Canary", "Ny", "Sekretessmarkering", version=5),
        absence(50, SECRET),
        absence(51, pupil(150)),
        event("directory.person.deleted", {"id": SECRET}, id="gone"),
        event("attendance.checked_out", {
            "id": ROOM, "person": {"id": pupil(2)}, "eventType": "Ut", "time": "2026-11-24T15:58:00+01:00",
            "group": {"id": CLASS_7A},
        }, id="out"),
    )  # fmt: skip
    for id in ids:
        await caught_up(school, app, id)
    assert receiver.got == []


async def test_it_is_heard_when_it_may_be(school, app, caller, receiver):
    id = (await subscribe(caller, receiver, types=["Absence"])).json()["id"]
    await append(school, absence(51, pupil(150)))
    await caught_up(school, app, id)
    assert receiver.got == []
    await append(school, person(pupil(150), "Ny", "Elev", enrolments=[]))
    await until(lambda: receiver.got)
    assert receiver.got == [{"modifiedEntites": ["Absence"]}]


async def test_a_scope_holds_for_signals(school, app, http, caller, receiver):
    school.config = replace(
        school.config, clients=(*CLIENTS, client("north", *Category, scope={"organisations": frozenset({NORTH})}))
    )
    id = (await subscribe(caller, receiver, "north")).json()["id"]
    await append(school, absence(60, pupil(3)))
    await caught_up(school, app, id)
    assert receiver.got == []
    await append(school, absence(61, pupil(1)))
    await until(lambda: receiver.got)


async def test_a_receiver_that_is_down_is_told_when_it_is_back(school, app, caller, receiver, monkeypatch):
    monkeypatch.setattr("hub.ss12000.notify.FIRST_RETRY_S", 0.01)
    receiver.status = 503
    await subscribe(caller, receiver)
    await append(school, lesson(9))
    await until(lambda: len(receiver.got) >= 2)
    receiver.status = 200
    await until(lambda: len(receiver.got) >= 3)
    assert receiver.got[-1] == {"modifiedEntites": ["CalendarEvent"]}


async def test_a_restart_goes_on_where_the_client_was_told(school, app, caller, receiver):
    id = (await subscribe(caller, receiver)).json()["id"]
    await append(school, lesson(9))
    await until(lambda: receiver.got)
    await caught_up(school, app, id)
    await app.stop()
    await school.store.commit(touch(school.store.tenant))  # after what stood before it: a hub closes its store after it
    told = len(receiver.got)
    again = create_app(school)
    await again.start()
    await append(school, event("directory.room.upserted", {"id": ROOM, "displayName": "B215"}, id="room-9"))
    await until(lambda: len(receiver.got) > told)
    await again.stop()
    assert receiver.got[told:] == [{"modifiedEntites": ["Room"]}]


async def test_what_came_while_it_was_down_is_told_after(school, app, caller, receiver):
    await subscribe(caller, receiver)
    await app.stop()
    await append(school, lesson(9))
    again = create_app(school)
    await again.start()
    await until(lambda: receiver.got)
    await again.stop()
    assert receiver.got == [{"modifiedEntites": ["CalendarEvent"]}]


async def test_one_that_has_run_out_is_gone(school, app, caller, receiver, clock):
    given = (await subscribe(caller, receiver)).json()
    clock.pass_machine(timedelta(days=91).total_seconds())
    assert (await caller("all").by_id("/subscriptions", given["id"])).status_code == 404
    await append(school, lesson(9))
    await until(lambda: given["id"] not in app.notifier._kept)
    assert receiver.got == []


async def test_a_client_that_loses_its_contract_hears_nothing_more(school, app, caller, receiver):
    id = (await subscribe(caller, receiver)).json()["id"]
    school.config = replace(school.config, clients=tuple(each for each in CLIENTS if each.id != "all"))
    await append(school, lesson(9))
    await caught_up(school, app, id)
    assert receiver.got == []


async def test_a_deleted_one_hears_nothing_more(school, app, caller, receiver):
    given = (await subscribe(caller, receiver)).json()
    other = (await subscribe(caller, receiver, "second", ["Room"])).json()["id"]
    await caller("all").call("DELETE", f"/subscriptions/{given['id']}", "/subscriptions/{id}")
    await append(school, lesson(9))
    await caught_up(school, app, other)
    assert receiver.got == []


async def test_who_may_subscribe(school, caller, receiver):
    answer = await subscribe(caller, receiver, "reporter")
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")


async def test_a_change_whose_decision_raised_is_signalled_when_deciding_works(
    school, app, caller, receiver, monkeypatch
):
    """Promise 4."""
    monkeypatch.setattr("hub.ss12000.notify.FIRST_RETRY_S", 0.01)
    decide, raised = type(school.gate).decide, []

    def decided(gate, stored, recipient, **more):
        if stored.type.startswith("se.skolnav.schedule") and len(raised) < 3:
            raised.append(stored.id)
            raise RuntimeError("made to fail")
        return decide(gate, stored, recipient, **more)

    id = (await subscribe(caller, receiver)).json()["id"]
    monkeypatch.setattr(type(school.gate), "decide", decided)
    await append(school, lesson(9))
    await until(lambda: receiver.got)
    await caught_up(school, app, id)
    assert len(raised) == 3
    assert receiver.got == [{"modifiedEntites": ["CalendarEvent"]}]


async def test_a_decision_that_always_raises_holds_up_no_other_signal_for_long(
    school, app, caller, receiver, monkeypatch
):
    """Promises 4 and 5."""
    monkeypatch.setattr("hub.ss12000.notify.FIRST_RETRY_S", 0.001)
    decide = type(school.gate).decide

    def decided(gate, stored, recipient, **more):
        if stored.type.startswith("se.skolnav.schedule"):
            raise RuntimeError("made to fail")
        return decide(gate, stored, recipient, **more)

    id = (await subscribe(caller, receiver)).json()["id"]
    monkeypatch.setattr(type(school.gate), "decide", decided)
    await append(school, lesson(9), person(pupil(2), "Bo", "Ny", version=5))
    await until(lambda: receiver.got)
    await caught_up(school, app, id)
    assert receiver.got == [{"modifiedEntites": ["Person"]}]
    monkeypatch.undo()
    school.withheld.new_day(date(2026, 11, 25))
    await until(lambda: len(receiver.got) > 1)
    assert receiver.got[1:] == [{"modifiedEntites": ["CalendarEvent"]}]


class Gate:
    """Holds the hub's next commits back after they were done, as a busy disk does."""

    def __init__(self, store, monkeypatch):
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self._commit = store.commit
        monkeypatch.setattr(store, "commit", self.commit)

    async def commit(self, *operations):
        await self._commit(*operations)
        self.reached.set()
        await self.open.wait()


async def contract_taken(school):
    apply(school, *(each.model_copy(update={"contract": None}) if each.id == "all" else each for each in CLIENTS))


async def role_taken(school):
    roles = frozenset({Role.PUBLISHER})
    apply(school, *(each.model_copy(update={"roles": roles}) if each.id == "all" else each for each in CLIENTS))


async def client_removed(school):
    apply(school, *(each for each in CLIENTS if each.id != "all"))


def apply(school, *clients):
    school.config = replace(school.config, clients=clients)


async def test_a_rotated_token_leaves_subscriptions_as_they_are(school, app, caller, receiver):
    """They belong to the client, as webhooks do: an operator who rotates a token does not cut off the client."""
    await subscribe(caller, receiver)
    token = SecretStr("another-token-0123456789")
    apply(school, *(each.model_copy(update={"token": token}) if each.id == "all" else each for each in CLIENTS))
    await append(school, lesson(9))
    await until(lambda: receiver.got)


@pytest.mark.parametrize("end", [contract_taken, role_taken, client_removed])
async def test_rights_that_end_after_the_decision_stop_its_signal(school, app, caller, receiver, monkeypatch, end):
    """Promise 4."""
    monkeypatch.setattr("hub.ss12000.notify.FIRST_RETRY_S", 0.01)
    id = (await subscribe(caller, receiver)).json()["id"]
    gate = Gate(school.store, monkeypatch)
    await append(school, lesson(9))
    await gate.reached.wait()  # decided, and the disclosure is durable
    await end(school)
    gate.open.set()
    await caught_up(school, app, id)
    assert receiver.got == []


async def test_one_that_expires_after_the_decision_is_not_signalled(school, app, caller, receiver, monkeypatch, clock):
    monkeypatch.setattr("hub.ss12000.notify.FIRST_RETRY_S", 0.01)
    id = (await subscribe(caller, receiver)).json()["id"]
    gate = Gate(school.store, monkeypatch)
    await append(school, lesson(9))
    await gate.reached.wait()
    clock.pass_machine(timedelta(days=91).total_seconds())
    gate.open.set()
    await until(lambda: id not in app.notifier._tasks)
    assert receiver.got == []


async def test_when_a_deletion_answers_the_signal_under_way_has_ended(school, app, caller, receiver, monkeypatch):
    id = (await subscribe(caller, receiver)).json()["id"]
    gate = Gate(school.store, monkeypatch)
    await append(school, lesson(9))
    await gate.reached.wait()
    monkeypatch.undo()
    answer = await caller("all").call("DELETE", f"/subscriptions/{id}", "/subscriptions/{id}")
    assert (answer.status_code, id in app.notifier._tasks) == (204, False)
    gate.open.set()
    await append(school, lesson(10))
    other = (await subscribe(caller, receiver, "second", ["Room"])).json()["id"]
    await caught_up(school, app, other)
    assert receiver.got == []
    assert [each.id for each in await callbacks.load(school.store)] == [other]


async def test_an_extension_under_way_does_not_bring_a_deleted_one_back(school, app, caller, receiver, monkeypatch):
    id = (await subscribe(caller, receiver)).json()["id"]
    declared = "/subscriptions/{id}"
    gate = Gate(school.store, monkeypatch)
    extending = asyncio.create_task(caller("all").call("PATCH", f"/subscriptions/{id}", declared))
    await gate.reached.wait()
    monkeypatch.undo()
    assert (await caller("all").call("DELETE", f"/subscriptions/{id}", declared)).status_code == 204
    gate.open.set()
    await extending
    assert (await caller("all").by_id("/subscriptions", id)).status_code == 404
    assert (id in app.notifier._tasks, await callbacks.load(school.store)) == (False, [])


async def test_a_signal_under_way_does_not_bring_back_the_row_of_a_deleted_one(
    school, app, caller, receiver, monkeypatch
):
    """Its position was stored after the deletion: after a restart the hub signalled again."""
    id = (await subscribe(caller, receiver)).json()["id"]
    gate = Gate(school.store, monkeypatch)
    deleting = asyncio.create_task(caller("all").call("DELETE", f"/subscriptions/{id}", "/subscriptions/{id}"))
    await gate.reached.wait()
    monkeypatch.undo()
    await append(school, lesson(9))
    other = (await subscribe(caller, receiver, "second", ["Room"])).json()["id"]
    await caught_up(school, app, other)
    gate.open.set()
    assert (await deleting).status_code == 204
    assert receiver.got == []
    assert [each.id for each in await callbacks.load(school.store)] == [other]


async def test_a_deletion_that_the_store_refuses_leaves_it_as_it_was(school, app, caller, receiver, monkeypatch):
    id = (await subscribe(caller, receiver)).json()["id"]

    async def away(*operations):
        raise StoreUnavailable("away")

    monkeypatch.setattr(school.store, "commit", away)
    for method in ("DELETE", "PATCH"):
        answer = await caller("all").call(method, f"/subscriptions/{id}", "/subscriptions/{id}")
        assert answer.status_code == 503
    monkeypatch.undo()
    await append(school, lesson(9))
    await until(lambda: receiver.got)
