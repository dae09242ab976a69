"""Listing accepted events by their type."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.bus.sqlite import SqliteLog
from hub.operating import events
from hub.runner import ThreadRunner
from schemas import core_catalogue
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE, Reading, reading

TYPE = Reading.spec.type


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """A log with events of a type that the hub's catalogue no longer has: its package was removed."""
    runner = ThreadRunner()
    options: dict[str, Any] = {"clock": HandClock(), "runner": runner}
    async with await SqliteLog.open(tmp_path / "log.db", catalogue=CATALOGUE, **options) as log:
        await log.append([reading(n, id=f"e{n}") for n in range(5)])
    async with await SqliteLog.open(tmp_path / "log.db", catalogue=core_catalogue(), **options) as log:
        yield log
    runner.close()


async def listed(log: SqliteLog, type: str | None, after: str | None = None, limit: int = 10) -> events.EventPage:
    services: Any = SimpleNamespace(log=log)
    return await events.page(services, since=None, after=after, type=type, limit=limit)


@pytest.mark.parametrize("glob", ["se.example.nothing.*", "SE.EXAMPLE.*", "*.v9", ""])
async def test_a_glob_of_no_events_reads_nothing(log: SqliteLog, monkeypatch: pytest.MonkeyPatch, glob: str) -> None:
    """It read the whole log, which may hold millions of events."""

    async def read(*_: object) -> None:
        pytest.fail("the log was read")

    with monkeypatch.context() as patched:
        patched.setattr(log, "read", read)
        page = await listed(log, glob)
    assert (page.events, page.at_head) == ([], True)
    assert (await listed(log, None, page.next)).events == []  # it goes on after all that there was


@pytest.mark.parametrize("glob", [TYPE, "se.example.sensor.*", "*", None])
async def test_events_of_a_type_that_the_catalogue_no_longer_has_are_found(log: SqliteLog, glob: str | None) -> None:
    assert TYPE not in core_catalogue()
    first = await listed(log, glob, limit=3)
    rest = await listed(log, glob, first.next)
    assert [each.id for each in (*first.events, *rest.events)] == [f"e{n}" for n in range(5)]
    assert (first.at_head, rest.at_head) == (False, True)
    assert (await listed(log, glob, rest.next)).events == []
