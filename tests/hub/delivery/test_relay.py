"""What connectors publish reaches the log in order and once, and nothing holds up the rest."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import field_validator

from hub.bus.sqlite import SqliteLog
from hub.delivery.relay import PAGE, Relay
from hub.runner import ThreadRunner
from hub.store import outbox
from hub.store.sql import SqlStore
from schemas import Catalogue, Category, EventSpec, Payload, Ref, core_catalogue
from tests.clock import HandClock
from tests.contracts.log_events import everything
from tests.school import DAY_CLOSED, event, uid
from tests.until import until

TENANT = "provkoping"


class Outbox:
    """A relay between a real store and a real log."""

    def __init__(self, store: SqlStore, log: SqliteLog, clock: HandClock, catalogue: Catalogue) -> None:
        self.store = store
        self.log = log
        self.clock = clock
        self.catalogue = catalogue
        self.problems: list[tuple[str, str]] = []
        self.relay = Relay(
            tenant=TENANT, store=store, log=log, catalogue=self.catalogue, clock=clock,
            on_problem=lambda code, detail: self.problems.append((code, detail)),
        )  # fmt: skip

    async def add(self, *bodies: bytes) -> None:
        await self.store.commit(outbox.add(TENANT, "desk", bodies))

    async def left(self) -> list[outbox.OutboxRow]:
        return await self.store.read(outbox.load(TENANT, limit=10_000))

    async def passed_on(self, left: int = 0) -> list[str]:
        await until(lambda: self.relay.idle)
        assert len(await self.left()) == left
        return [each.id for each in await everything(self.log)]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    runner, clock, catalogue = ThreadRunner(), HandClock(), core_catalogue()
    store = await SqlStore.open(tmp_path / "store.db", tenant=TENANT, runner=runner)
    log = await SqliteLog.open(tmp_path / "log.db", catalogue=catalogue, clock=clock, runner=runner)
    made = Outbox(store, log, clock, catalogue)
    yield made
    await made.relay.stop()
    await log.close()
    await store.close()
    runner.close()


def closed(id: str, unit: str = "unit") -> bytes:
    return event(DAY_CLOSED, {"organisation": {"id": uid(unit)}, "date": "2026-11-25"}, id=id).to_json()


async def test_what_was_waiting_at_the_start_goes_out_in_order(box: Outbox) -> None:
    names = [str(n) for n in range(2 * PAGE + 1)]
    await box.add(*map(closed, names))
    assert not box.relay.idle
    await box.relay.start()
    assert await box.passed_on() == names


async def test_what_comes_later_goes_out_when_it_is_told(box: Outbox) -> None:
    await box.relay.start()
    await until(lambda: box.relay.idle)
    for name in ("a", "b"):
        await box.add(closed(name))
        box.relay.wake()
        assert not box.relay.idle
        await until(lambda: box.relay.idle)
    assert await box.passed_on() == ["a", "b"]
    assert box.problems == []


async def test_what_a_crash_left_in_the_outbox_is_in_the_log_once(box: Outbox) -> None:
    """Promise 6."""
    await box.log.append([box.catalogue.describe(event(DAY_CLOSED, {
        "organisation": {"id": uid("unit")}, "date": "2026-11-25",
    }, id="a"))])  # fmt: skip
    await box.add(closed("a"), closed("b"))
    await box.relay.start()
    assert await box.passed_on() == ["a", "b"]
    assert box.problems == []


async def test_an_id_with_other_content_is_a_problem_and_holds_up_no_other(box: Outbox) -> None:
    await box.add(closed("a"))
    await box.relay.start()
    await until(lambda: box.relay.idle)
    await box.add(closed("before"), closed("a", "another unit"), closed("after"))
    box.relay.wake()
    assert await box.passed_on() == ["a", "before", "after"]
    assert box.problems == [("outbox-conflict", "a")]


async def test_an_event_whose_type_has_gone_is_a_problem_and_holds_up_no_other(box: Outbox) -> None:
    gone = event("com.acme.gone.seen.v1", {"id": "x"}, id="gone").to_json()
    await box.add(closed("before"), gone, closed("after"))
    await box.relay.start()
    assert await box.passed_on(left=1) == ["before", "after"]
    assert box.problems == [("outbox-invalid", "desk")]


class Seen(Payload):
    """What a vendor's package says, and its validator, which fails while `broken`."""

    spec = EventSpec(
        type="com.acme.room.seen.v1", subject=Ref("room", "id"), key=Ref("room", "id"), examples=({"id": "x"},)
    )
    broken: ClassVar[bool] = False
    id: Annotated[str, Category.NONE]

    @field_validator("id")
    @classmethod
    def valid(cls, value: str) -> str:
        if cls.broken:
            raise SystemExit("no")
        return value


@pytest.mark.parametrize("fails", [False, True], ids=["the type has gone", "its validator raises"])
async def test_an_event_that_no_longer_fits_its_type_stays_until_it_does(box: Outbox, fails: bool) -> None:
    """Promise 1: it was accepted from a connector, whose state and cursor say so."""
    if fails:
        box.catalogue.register(Seen)
    Seen.broken = fails
    try:
        await box.add(event("com.acme.room.seen.v1", {"id": "x"}, id="kept").to_json(), closed("a"))
        await box.relay.start()
        assert await box.passed_on(left=1) == ["a"]
        await box.add(closed("b"))
        box.relay.wake()
        assert await box.passed_on(left=1) == ["a", "b"]
        assert box.problems == [("outbox-invalid", "desk")]  # once
        await box.relay.stop()
    finally:
        Seen.broken = False
    if not fails:
        box.catalogue.register(Seen)  # the package is back, and the hub starts again
    box.relay = Relay(tenant=TENANT, store=box.store, log=box.log, catalogue=box.catalogue, clock=box.clock)
    await box.relay.start()
    assert await box.passed_on() == ["a", "b", "kept"]


async def test_what_belongs_to_another_source_is_told_and_holds_up_no_other(box: Outbox) -> None:
    refused: list[tuple[str, str, str]] = []
    box.relay = Relay(
        tenant=TENANT, store=box.store, log=box.log, catalogue=box.catalogue, clock=box.clock,
        corrects=lambda source, owner: owner == "urn:corrected",
        on_refused=lambda *line: refused.append(line),
    )  # fmt: skip
    for unit, owner in (("theirs", "urn:theirs"), ("corrected", "urn:corrected")):
        closed_day = {"organisation": {"id": uid(unit)}, "date": "2026-11-25"}
        await box.log.append([box.catalogue.describe(event(DAY_CLOSED, closed_day, id=unit, source=owner))])
    await box.add(closed("before"), closed("a", "theirs"), closed("b", "corrected"), closed("after", "mine"))
    await box.relay.start()
    assert await box.passed_on() == ["theirs", "corrected", "before", "b", "after"]
    assert refused == [("desk", DAY_CLOSED, "urn:theirs")]
