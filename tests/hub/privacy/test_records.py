"""How long the log of disclosures and the audit are kept, and how they are trimmed."""

import asyncio
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from hub.bus.base import Place
from hub.privacy import records
from hub.privacy.base import Intent, Rule
from hub.privacy.records import ChainBroken, kept_since, trim
from hub.store import audit, disclosures, tables
from hub.store.base import StoreUnavailable
from tests.clock import HandClock
from tests.hub.privacy.conftest import TENANT, Hub
from tests.school import uid

YEAR = timedelta(days=365)


async def disclose(hub: Hub, count: int) -> None:
    for place in range(count):
        intent = Intent(
            recipient="client/acme", subscription="state", lane="live", rule=Rule.ALLOWED, allowed=True,
            contracts=("c",), places=(Place(place),), subjects=(uid("Anna"),),
        )  # fmt: skip
        act = audit.add(TENANT, hub.clock.utc(), actor="client/acme", action="state.read", target="")
        await hub.store.commit(act, hub.disclosures.record([intent]))


async def rows(hub: Hub) -> tuple[int, int | None, int]:
    found = await hub.store.read(disclosures.verify(TENANT))
    return found.rows, found.broken_at, found.trimmed


async def acts(hub: Hub) -> list[tuple[str, str]]:
    return [(row.action, row.target) for row in await hub.store.read(audit.page(TENANT))]


async def test_what_is_older_than_the_retention_goes_and_the_audit_says_so(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ROWS", 2)
    await disclose(hub, 3)
    hub.clock.move(days=300)
    await disclose(hub, 1)
    await trim(hub.store, hub.clock, YEAR)
    assert await rows(hub) == (4, None, 0)
    hub.clock.move(days=66)
    await trim(hub.store, hub.clock, YEAR)
    assert await rows(hub) == (4, None, 3)
    assert await acts(hub) == [
        ("state.read", ""),
        ("audit.trimmed", "2"), ("audit.trimmed", "3"), ("disclosures.trimmed", "2"), ("disclosures.trimmed", "3"),
    ]  # fmt: skip


def test_rows_are_kept_for_whole_days_in_school_time_and_never_shorter() -> None:
    clock = HandClock(datetime(2027, 3, 28, 22, 30, tzinfo=UTC))  # 00:30 in school, the day after the clocks changed
    assert kept_since(clock, timedelta(days=1)) == datetime(2027, 3, 27, 22, tzinfo=UTC)
    clock.move(hours=21)
    assert kept_since(clock, timedelta(days=1)) == datetime(2027, 3, 27, 22, tzinfo=UTC)


async def test_a_school_clock_of_a_demo_that_is_years_ahead_removes_nothing(hub: Hub) -> None:
    await disclose(hub, 1)
    ahead = Mock(utc=hub.clock.utc, school=lambda: hub.clock.school() + 10 * YEAR)
    await trim(hub.store, ahead, YEAR)
    assert await rows(hub) == (1, None, 0)


async def test_after_a_crash_between_two_transactions_the_chain_holds_and_the_trim_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ROWS", 2)
    await disclose(hub, 5)
    hub.clock.move(days=400)
    commit, left = hub.store.commit, 4  # three for the audit, one for the disclosures

    def crashing(*operations):
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreUnavailable("crash")
        return commit(*operations)

    monkeypatch.setattr(hub.store, "commit", crashing)
    with pytest.raises(StoreUnavailable):
        await trim(hub.store, hub.clock, YEAR)
    monkeypatch.setattr(hub.store, "commit", commit)
    await hub.restart()
    assert await rows(hub) == (5, None, 2)
    assert (await acts(hub))[-1] == ("disclosures.trimmed", "2")
    await trim(hub.store, hub.clock, YEAR)
    assert await rows(hub) == (5, None, 5)


async def test_a_chain_that_is_broken_is_not_trimmed(hub: Hub) -> None:
    await disclose(hub, 5)
    table = tables.disclosures
    await hub.store.commit(lambda connection: connection.execute(table.delete().where(table.c.n == 3)))
    hub.clock.move(days=400)
    with pytest.raises(ChainBroken) as broken:
        await trim(hub.store, hub.clock, YEAR)
    assert broken.value.row == 3
    assert await rows(hub) == (2, 3, 0)
    assert await acts(hub) == [("audit.trimmed", "5")]


async def test_rows_that_come_during_a_trim_are_chained(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ROWS", 1)
    await disclose(hub, 5)
    hub.clock.move(days=400)
    await asyncio.gather(trim(hub.store, hub.clock, YEAR), disclose(hub, 5))
    assert await rows(hub) == (10, None, 5)
