"""The gate alone: a decision with reducing and the permit, for 1 KiB events, parsing included.

    .venv/bin/python -m bench.gate

One recipient, one thread. `parse` stands beside it: what of the figure is orjson reading the event. Bodies are not
parsed before the clock starts.
"""

import platform
import statistics
import time
import tracemalloc
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import orjson

from hub.bus.base import Place, Stored
from hub.clock import SystemClock, to_us
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Recipient
from hub.privacy.gate import PrivacyGate
from schemas import Catalogue, Category, DataContract, Event, core_catalogue

SOURCE = "urn:bench:sis"
UNIT = str(uuid.UUID(int=1))
EVENTS = 5000


class Maker:
    """Stored events without a log."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._n = 0

    def stored(self, type_: str, data: dict[str, Any], size: int = 0) -> Stored:
        self._n += 1
        now = SystemClock().utc()
        attributes = {
            "specversion": "1.0", "id": f"e{self._n}", "source": SOURCE, "type": type_, "time": now.isoformat(),
            "datacontenttype": "application/json",
        }  # fmt: skip
        described = self._catalogue.describe(Event(attributes, data))
        whole = {**described.event.to_dict(), "sequence": f"{to_us(now):016d}"}
        if size:
            whole["data"] = {**data, "pad": ""}
            whole["data"]["pad"] = "x" * max(0, size - len(orjson.dumps(whole)))
        return Stored(
            at=Place(self._n), type=type_, source=SOURCE, id=attributes["id"], subject=described.subject,
            key=described.key, entity=described.entity, about=described.about, organisations=described.organisations,
            extras=bool(size) or described.extras, accepted_us=to_us(now), body=orjson.dumps(whole),
        )  # fmt: skip


def person(n: int, guardians: Sequence[int] = ()) -> dict[str, Any]:
    return {
        "id": str(uuid.UUID(int=1000 + n)),
        "givenName": "Test", "familyName": f"Person {n}", "securityMarking": "Ingen", "personStatus": "Aktiv",
        "enrolments": [{"enroledAt": {"id": UNIT}, "schoolType": "GR", "schoolYear": 7, "startDate": "2024-08-15"}],
        "responsibles": [{"person": {"id": str(uuid.UUID(int=1000 + each))}} for each in guardians],
    }  # fmt: skip


def contract(*categories: Category, **scope: Any) -> DataContract:
    return DataContract(purpose="bench", legal_basis="bench", categories=frozenset(categories), scope=scope or {})


def measure(name: str, events: Sequence[Stored], act: Callable[[Stored], object]) -> None:
    for each in events[:500]:
        act(each)
        each._parsed = None
    taken = []
    for each in events:
        start = time.perf_counter_ns()
        act(each)
        taken.append(time.perf_counter_ns() - start)
    taken.sort()
    median, p99 = statistics.median(taken) / 1000, taken[len(taken) * 99 // 100] / 1000
    print(f"{name:64} median {median:6.1f} us   p99 {p99:6.1f} us")


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, {EVENTS} events of 1 KiB")
    clock = SystemClock()
    catalogue = core_catalogue()
    maker = Maker(catalogue)
    directory = Directory(clock)
    current = {"asOf": (clock.utc() - timedelta(minutes=1)).isoformat()}
    pupils = [maker.stored("se.skolnav.directory.person.upserted.v1", person(n)) for n in range(EVENTS)]
    directory.observe([maker.stored("se.skolnav.directory.current.v1", current), *pupils])
    gate = PrivacyGate(catalogue=catalogue, directory=directory, keys=Keys(b"k" * 32), clock=clock, tenant="bench")

    full = Recipient("client/full", (contract(*Category),))
    blind = Recipient("client/blind", (contract(Category.ATTENDANCE),))
    unit = Recipient("client/unit", (contract(Category.ATTENDANCE, Category.IDENTITY, organisations=[UNIT]),))

    def absences(size: int) -> list[Stored]:
        example = catalogue.entry("se.skolnav.absence.reported.v1").spec.examples[0]
        return [
            maker.stored(
                "se.skolnav.absence.reported.v1",
                {"id": str(uuid.uuid4()), "student": {"id": str(uuid.UUID(int=1000 + n))},
                 **{name: example[name] for name in ("startTime", "endTime", "type")}},
                size,
            )
            for n in range(EVENTS)
        ]  # fmt: skip

    def both(recipient: Recipient) -> Callable[[Stored], object]:
        return lambda stored: gate.permit(gate.decide(stored, recipient))

    measure("parse alone", absences(1024), lambda stored: stored.parsed)
    measure("absence, identity allowed: decide", absences(1024), lambda stored: gate.decide(stored, full))
    measure("absence, identity allowed: decide and permit", absences(1024), both(full))
    measure("absence under pseudonyms: decide and permit", absences(1024), both(blind))
    measure("absence, scope by enrolment: decide and permit", absences(1024), both(unit))
    measure("person, everything allowed: decide and permit", pupils, both(full))
    room = {"id": str(uuid.uuid4()), "displayName": "B214", "seats": 30, "owner": {"id": UNIT}}
    rooms = [maker.stored("se.skolnav.directory.room.upserted.v1", room) for _ in range(EVENTS)]
    measure("room, concerns no person: decide and permit", rooms, both(full))

    count = 30_000
    events = [
        maker.stored("se.skolnav.directory.person.upserted.v1", person(n, (30_000 + n // 2 * 2, 30_001 + n // 2 * 2)))
        for n in range(count)
    ]
    groups = [
        maker.stored(
            "se.skolnav.directory.group.upserted.v1",
            {
                "id": str(uuid.UUID(int=900_000 + n)), "displayName": f"G{n}", "organisation": {"id": UNIT},
                "groupMemberships": [
                    {"person": {"id": str(uuid.UUID(int=1000 + (n * 30 + i) % count))}, "startDate": "2024-08-15"}
                    for i in range(30)
                ],
            },
        )
        for n in range(count * 8 // 30)
    ]  # fmt: skip
    tracemalloc.start()
    large = Directory(clock)
    for each in (*events, *groups):
        large.observe((each,))
        each._parsed = None
    size, _ = tracemalloc.get_traced_memory()
    print(f"directory of {count} persons, each in 8 groups, with 2 guardians: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
