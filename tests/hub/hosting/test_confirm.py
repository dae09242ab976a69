"""What waits for a person: kept and confirmed whole, beside whatever else is going on, and done at once."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import Field

from hub.hosting.connector_errors import NothingWaits, NotRunning
from hub.store import audit
from plugins import ConfigurationError, Connector, ConnectorConfig, TemporaryError, Waiting
from plugins.testing import ManualClock
from tests.hub.hosting.conftest import Hosted
from tests.until import until

SINCE = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


class Config(ConnectorConfig):
    poll: timedelta = Field(timedelta(hours=1), description="How often.")


class Careful(Connector[Config]):
    """Does nothing with `order:1` until somebody says so."""

    name = "careful"
    config_model = Config
    fails = False
    holds = False

    async def start(self) -> None:
        self.polls = 0
        self.go_on = asyncio.Event()

    async def poll(self) -> None:
        self.polls += 1
        if self.fails:
            raise TemporaryError("away", code="unreachable")
        if self.holds:
            await self.go_on.wait()

    async def waiting(self) -> Sequence[Waiting]:
        return [] if "done" in self.ctx.state else [Waiting("order:1", "one order", SINCE)]

    async def confirm(self, word: str) -> None:
        async with self.ctx.commit() as tx:
            tx.state["done"] = word


def polls(hosts) -> Callable[[], int]:
    return lambda: hosts.instance("careful")._calls.connector.polls


def by(store, who: str = "anna"):
    return audit.add(store.tenant, SINCE, actor=who, action="connector.confirmed", target="careful order:1")


async def rows(store) -> list[tuple[str, str]]:
    return [(row.actor, row.target) for row in await store.read(audit.page(store.tenant))]


async def test_it_is_kept_together_with_who_confirmed_and_polled_at_once(hosted: Hosted, store) -> None:
    hosts = await hosted(Careful, clock=ManualClock("2026-11-24T08:00"))
    await until(lambda: polls(hosts)() == 1)
    (waits,) = await hosts.waiting("careful")
    assert (waits.word, waits.since) == ("order:1", SINCE)
    await hosts.confirm("careful", "order:1", by(store))
    assert await hosts.waiting("careful") == []
    assert await rows(store) == [("anna", "careful order:1")]
    await until(lambda: polls(hosts)() == 2)
    await hosts.restart("careful")
    assert await hosts.waiting("careful") == []


async def test_a_word_that_waits_for_nobody_changes_nothing(hosted: Hosted, store) -> None:
    hosts = await hosted(Careful, clock=ManualClock("2026-11-24T08:00"))
    with pytest.raises(NothingWaits):
        await hosts.confirm("careful", "order:2", by(store))
    assert await rows(store) == []
    assert len(await hosts.waiting("careful")) == 1


async def test_what_confirm_kept_before_it_failed_does_not_count(hosted: Hosted, store, told) -> None:
    class Failing(Careful):
        async def confirm(self, word: str) -> None:
            await super().confirm(word)
            raise ValueError("canary")

    hosts = await hosted(Failing, clock=ManualClock("2026-11-24T08:00"))
    with pytest.raises(ValueError, match="canary"):
        await hosts.confirm("careful", "order:1", by(store))
    assert len(await hosts.waiting("careful")) == 1
    assert await rows(store) == []
    assert "canary" not in str(told.problems)
    assert any("confirm" in detail for _, _, detail in told.problems)


async def test_a_long_poll_does_not_keep_the_person_waiting(hosted: Hosted, store) -> None:
    class Long(Careful):
        holds = True

    hosts = await hosted(Long, clock=ManualClock("2026-11-24T08:00"))
    await until(lambda: polls(hosts)() == 1)
    await asyncio.wait_for(hosts.confirm("careful", "order:1", by(store)), 5)
    assert polls(hosts)() == 1
    instance = hosts.instance("careful")
    instance._thread.post(instance._calls.connector.go_on.set)
    await until(lambda: polls(hosts)() == 2)  # once more, since this one may have looked before


async def test_a_poll_that_fails_is_tried_at_once(hosted: Hosted, store) -> None:
    """A person need not wait for the pause that keeps a far side from being asked too often."""

    class Down(Careful):
        fails = True

    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(Down, clock=clock)
    for n in range(1, 8):  # the pause after these is more than half a minute
        await until(lambda n=n: polls(hosts)() == n)
        await until(lambda: not hosts.instance("careful").calls)
        if n < 7:
            await asyncio.sleep(0.02)
            clock.pass_machine(100)
    assert hosts.statuses()[0].failing == "unreachable"
    await hosts.confirm("careful", "order:1", by(store))
    await until(lambda: polls(hosts)() == 8)


async def test_one_that_does_not_run_can_confirm_nothing(hosted: Hosted, store) -> None:
    class Broken(Careful):
        async def start(self) -> None:
            raise ConfigurationError("never")

    hosts = await hosted(Broken)
    assert await hosts.waiting("careful") == ()
    with pytest.raises(NotRunning):
        await hosts.confirm("careful", "order:1", by(store))
    with pytest.raises(NotRunning):
        hosts.reconcile_soon("careful")
    with pytest.raises(KeyError):
        await hosts.confirm("nobody", "order:1", by(store))


@pytest.mark.parametrize(
    ("word", "since"), [("", SINCE), ("två ord", SINCE), ("a/b", SINCE), ("a", SINCE.replace(tzinfo=None))]
)
def test_what_waits_has_a_word_that_can_be_typed_and_a_time(word: str, since: datetime) -> None:
    with pytest.raises(ValueError, match=r"letters, digits|offset"):
        Waiting(word, "one order", since)
