"""The suite for pulled sources, on one that keeps its promises and on ones that break each of them."""

from uuid import uuid4

import httpx
import pytest

from plugins.testing.suites import ConfigurationSuite, PullSuite, Subject
from schemas.directory import DirectoryCurrent, OrganisationUpserted
from tests.hub.testing.register import Register, register_peer


@pytest.fixture
def peer():
    with register_peer() as peer:
        yield peer


@pytest.fixture
def config(peer):
    return {"base_url": peer.url, "poll": "5m"}


class TheRegister(Subject):
    connector = Register

    @pytest.fixture
    def peer(self, peer):
        return peer

    @pytest.fixture
    def config(self, config):
        return config


class TestConfiguration(TheRegister, ConfigurationSuite):
    bad = {"poll": 60, "base_url": None}  # noqa: RUF012


class TestPull(TheRegister, PullSuite):
    pass


def suite(cls):
    return type("Suite", (PullSuite,), {"connector": cls})()


class Rereading(Register):
    async def keep(self, records):
        async with self.ctx.commit() as tx:
            for record in records:
                tx.publish(OrganisationUpserted, self.data(record))


async def test_telling_everything_again_is_caught(peer, config):
    for method in (
        "test_a_second_identical_pull_tells_nothing",
        "test_a_change_is_told_once",
        "test_a_restart_tells_nothing_of_its_own",
        "test_a_crash_between_pages_repeats_nothing_and_loses_nothing",
    ):
        peer.reset()
        with pytest.raises(AssertionError, match="events too many"):
            await getattr(suite(Rereading), method)(peer, config)


async def test_keeping_before_telling_is_caught(peer, config):
    class Forgetful(Register):
        async def keep(self, records):
            news = [record for record in records if self.ctx.state.get(record["id"]) != record]
            async with self.ctx.commit() as tx:
                for record in news:
                    tx.state[record["id"]] = record
            await self.ctx.blocking(peer.answer, 0)  # what the crash comes after
            async with self.ctx.commit() as tx:
                for record in news:
                    tx.publish(OrganisationUpserted, self.data(record))

    with pytest.raises(AssertionError, match="lost 2"):
        await suite(Forgetful).test_a_crash_between_pages_repeats_nothing_and_loses_nothing(peer, config)


async def test_telling_before_keeping_is_caught(peer, config):
    class Hasty(Register):
        async def keep(self, records):
            news = [record for record in records if self.ctx.state.get(record["id"]) != record]
            async with self.ctx.commit() as tx:
                for record in news:
                    tx.publish(OrganisationUpserted, self.data(record))
            await self.ctx.blocking(peer.answer, 0)
            async with self.ctx.commit() as tx:
                for record in news:
                    tx.state[record["id"]] = record

    with pytest.raises(AssertionError, match="2 events too many"):
        await suite(Hasty).test_a_crash_between_pages_repeats_nothing_and_loses_nothing(peer, config)


async def test_remembering_that_all_was_read_before_it_was_is_caught(peer, config):
    class Marking(Register):
        async def poll(self):
            if "begun" in self.ctx.state:
                await self.ctx.blocking(peer.answer, 0)
                return
            async with self.ctx.commit() as tx:
                tx.state["begun"] = True
            await super().poll()

    with pytest.raises(AssertionError, match="lost"):
        await suite(Marking).test_a_crash_between_pages_repeats_nothing_and_loses_nothing(peer, config)


async def test_saying_that_it_is_complete_too_early_is_caught(peer, config):
    class Eager(Register):
        async def poll(self):
            async with self.ctx.commit() as tx:
                tx.publish(DirectoryCurrent, {"asOf": self.ctx.clock.utc().isoformat()})
            await super().poll()

    with pytest.raises(AssertionError, match="published before 6 directory events"):
        await suite(Eager).test_a_pull_tells_what_is_there(peer, config)


async def test_never_saying_that_it_is_complete_is_caught(peer, config):
    class Mute(Register):
        async def poll(self):
            async with httpx.AsyncClient() as client:
                await self.keep((await self.read(client, 0))[0])

    with pytest.raises(AssertionError, match="was not published"):
        await suite(Mute).test_a_pull_tells_what_is_there(peer, config)


async def test_taking_away_what_cannot_be_read_is_caught(peer, config):
    class Cruel(Register):
        async def read(self, client, page):
            try:
                return await super().read(client, page)
            except Exception:
                return [{"id": str(uuid4()), "name": "?"}], None

    for fault in ("down", "wrong", "slow"):
        with pytest.raises(AssertionError, match=f"while the far side is {fault} published 1 events too many"):
            await suite(Cruel).test_a_far_side_that_fails_takes_nothing_away(peer, config, fault)


async def test_keeping_silent_about_a_far_side_that_fails_is_caught(peer, config):
    class Silent(Register):
        async def poll(self):
            try:
                await super().poll()
            except Exception:
                return

    with pytest.raises(AssertionError, match="no problem and no log line"):
        await suite(Silent).test_a_far_side_that_fails_takes_nothing_away(peer, config, "down")


async def test_waiting_without_an_end_is_caught(peer, config):
    class Patient(Register):
        async def read(self, client, page):
            client.timeout = None
            return await super().read(client, page)

    tested = suite(Patient)
    tested.slow_s, tested.patience_s = 1.0, 2.0
    with pytest.raises(AssertionError, match="held the connector up"):
        await tested.test_a_far_side_that_fails_takes_nothing_away(peer, config, "slow")


async def test_a_source_that_tells_nothing_or_does_not_see_a_change_fails(peer, config):
    class Blind(Register):
        async def keep(self, records):
            async with self.ctx.commit() as tx:
                for record in records:
                    if record["id"] not in tx.state:
                        tx.state[record["id"]] = True
                        tx.publish(OrganisationUpserted, self.data(record))

    class Idle(Register):
        async def poll(self):
            return

    with pytest.raises(AssertionError, match="was not published"):
        await suite(Blind).test_a_change_is_told_once(peer, config)
    with pytest.raises(AssertionError, match="nothing to check"):
        await suite(Idle).test_a_pull_tells_what_is_there(peer, config)


async def test_a_pull_that_asks_for_nothing_is_none(peer, config):
    class Once(Register):
        async def poll(self):
            if not self.ctx.state:
                await super().poll()

    with pytest.raises(AssertionError, match="made no request"):
        await suite(Once).test_a_second_identical_pull_tells_nothing(peer, config)


async def test_one_page_has_no_middle(peer, config, monkeypatch):
    monkeypatch.setattr("tests.hub.testing.register.PAGES", 1)
    with pytest.raises(AssertionError, match="one page"):
        await suite(Register).test_a_crash_between_pages_repeats_nothing_and_loses_nothing(peer, config)
