"""The connector alone at its desk: a context in memory, so that one rule can be tried in milliseconds.

What only a running hub can show (delivery, the gate, pseudonyms, timers, crashes) is in `test_conformance.py`.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from connectors.catering.config import CateringConfig
from connectors.catering.connector import Catering
from plugins import MutableState
from plugins.validation import AGGREGATE_OUTPUT, only_categories
from schemas import Event, Payload, core_catalogue
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.schedule import DayClosed
from schemas.school_time import SCHOOL_ZONE
from tests import school as invented
from tests.clock import HandClock
from tests.school import ELSEWHERE, UNIT, uid

T = TypeVar("T")
PARENT, OTHER_UNIT = invented.SCHOOL, uid("other unit")
CATALOGUE = core_catalogue()


def school(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SCHOOL_ZONE)


def pupil(number: int, *codes: str, unit: str = UNIT, groups: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "id": f"pseudonym-{number}",
        "groups": list(groups),
        "diet": list(codes),
        "enrolments": [invented.enrolment(unit, cancelled=False)],
    }


def kitchen(**changes: Any) -> dict[str, Any]:
    return {
        "id": "K-017",
        "units": [PARENT],
        "unit_code": "12345678",
        "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
        "diet_codes": {"G": "GLUTENFRI"},
        "staff_portions": 2,
        **changes,
    }


class Directory:
    """Ten pupils at UNIT, number 0 without gluten; two at OTHER_UNIT; five at a school that no kitchen here feeds."""

    def __init__(self) -> None:
        self.here = [pupil(0, "G"), *(pupil(n) for n in range(1, 10)), *(pupil(n, unit=OTHER_UNIT) for n in (10, 11))]
        self.elsewhere = [pupil(n, unit=ELSEWHERE) for n in range(20, 25)]
        self.fresh = True
        self.known_groups: list[dict[str, Any]] = [{"id": uid("group", number)} for number in (1, 2)]
        self.asked_groups = 0
        self.asked: list[tuple[str, ...]] = []

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        self.asked.append(tuple(organisations))
        return self.here if organisations else [*self.here, *self.elsewhere]

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        parent = {"parentOrganisation": {"id": PARENT}}
        return [{"id": UNIT, **parent}, {"id": OTHER_UNIT, **parent}, {"id": PARENT}, {"id": ELSEWHERE}]

    async def groups(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        self.asked_groups += 1
        return self.known_groups

    async def activity(self, id: str) -> Mapping[str, Any] | None:
        raise AssertionError("not asked for")

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        return self.fresh


class Memory(dict[str, Any], MutableState):
    """A connector's state, without a store."""

    def under(self, prefix: str) -> Mapping[str, Any]:
        return {name: self[name] for name in sorted(self) if name.startswith(prefix)}


class _Transaction:
    def __init__(self, state: MutableState) -> None:
        self.state = state
        self.published: list[dict[str, Any]] = []
        self.times: list[datetime | None] = []

    def publish(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        *,
        time: datetime | None = None,
        complete: bool | None = None,
    ) -> str:
        assert isinstance(data, Mapping)
        described = CATALOGUE.describe(invented.event(model.spec.type, dict(data)))
        assert list(only_categories(data, described.entry.fields, AGGREGATE_OUTPUT)) == []
        assert complete is data["complete"]
        self.published.append(dict(data))
        self.times.append(time)
        return described.event.id


class Desk:
    """One connector instance, its far side, and what happened. Also its `plugins.Context`."""

    instance = "kitchen"
    log = logging.getLogger("desk")

    def __init__(self, transport: Mapping[str, Any], *kitchens: Mapping[str, Any], **changes: Any) -> None:
        self.clock = HandClock(school("2026-11-24T07:00"))
        self.directory = Directory()
        self.state = Memory()
        self.published: list[dict[str, Any]] = []
        self.times: list[datetime | None] = []  # of the published events
        self.problems: list[tuple[str, str]] = []
        self.stands: dict[str, str] = {}
        self._sequence = 0
        self._soon = False
        settings = {"kitchens": kitchens or (kitchen(),), "transport": transport, **changes}
        self.connector = Catering(CateringConfig.model_validate(settings), self)

    @asynccontextmanager
    async def commit(self) -> AsyncIterator[_Transaction]:
        transaction = _Transaction(Memory(self.state))
        yield transaction
        self.state = Memory(json.loads(json.dumps(transaction.state)))
        self.published += transaction.published
        self.times += transaction.times

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return function(*args, **kwargs)

    def poll_soon(self) -> None:
        self._soon = True

    def far_side(self, name: str, code: str = "", next_try: datetime | None = None) -> None:
        self.stands[name] = code

    def problem(self, code: str, detail: str = "") -> None:
        self.problems.append((code, detail))

    # -- what happens ---------------------------------------------------------------------------------------------

    @contextmanager
    def crash_once(self) -> Iterator[None]:
        """The connector's next poll or timer crashes after its first effect, before it can note the effect."""
        teller = self.connector._teller
        assert teller is not None
        told = teller._told

        async def crash(*_: Any) -> None:
            raise ConnectionAbortedError

        teller._told = crash  # type: ignore[method-assign]
        try:
            with suppress(ConnectionAbortedError):
                yield
        finally:
            teller._told = told  # type: ignore[method-assign]

    async def handle(self, event: Event, *, crash: bool = False) -> None:
        """Deliver an event: all that is staged counts when `handle` returns, and nothing if it raises or crashes. Then
        let the poll run that it asked for.
        """
        before, published = self.state, list(self.published)
        try:
            await self.connector.handle(event)
        except BaseException:
            self.state, self.published = before, published
            raise
        if crash:
            self.state, self.published, self._soon = before, published, False
        if self._soon:
            self._soon = False
            await self.connector.poll()

    def event(self, model: type[Payload], data: Mapping[str, Any]) -> Event:
        self._sequence += 1
        return invented.event(model.spec.type, dict(data), sequence=f"{self._sequence:016}")

    def absence(
        self,
        number: int,
        start: str = "2026-11-24T08:00",
        end: str = "2026-11-24T16:00",
        model: type[Payload] = AbsenceReported,
        organisation: str | None = UNIT,
        id: str | None = None,
    ) -> Event:
        data = invented.absence(
            f"pseudonym-{number}",
            id=id or uid("absence", number),
            startTime=school(start).isoformat(),
            endTime=school(end).isoformat(),
            **({"type": "Beviljad ledighet"} if model is LeaveGranted else {}),
            **({"organisation": {"id": organisation}} if organisation else {}),
        )
        return self.event(model, data)

    async def away(self, number: int, *times: str, **more: Any) -> None:
        await self.handle(self.absence(number, *times, **more))

    async def withdrawn(self, number: int, *times: str) -> None:
        await self.handle(self.absence(number, *times, model=AbsenceWithdrawn))

    async def changed(self, number: int, *times: str) -> None:
        await self.handle(self.absence(number, *times, model=AbsenceChanged))

    async def closed(self, organisation: str, day: str = "2026-11-24", closed: bool = True) -> None:
        data = {"organisation": {"id": organisation}, "date": day, "closed": closed}
        await self.handle(self.event(DayClosed, data))

    async def report(self, at: str, complete: bool = True) -> None:
        self.clock.now = max(self.clock.now, school(at))
        await self.connector.report(school(at), complete)

    async def cut_off(self, at: str, complete: bool = True) -> None:
        self.clock.now = max(self.clock.now, school(at))
        await self.connector.cut_off(school(at), complete)

    # -- what came of it ------------------------------------------------------------------------------------------

    def told(self) -> list[tuple[int, str, int, int]]:
        """(revision, status, all pupils' portions, those without gluten) of each event."""
        return [
            (
                data["revision"],
                data["status"],
                sum(row["portions"] for row in data["counts"]),
                next(row["portions"] for row in data["counts"] if row["diet"] == "GLUTENFRI"),
            )
            for data in self.published
        ]


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """A file's rows, read as a kitchen's system would."""
    text = (folder / name).read_bytes().decode("utf-8-sig")
    head, *lines = [line.split(";") for line in text.removesuffix("\r\n").split("\r\n")]
    return [dict(zip(head, line, strict=True)) for line in lines]
