import asyncio
import logging
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from pydantic import Field

from hub.clock import SystemClock
from hub.config.findings import Finding
from hub.config.model import ConnectorEntry, LeftOut
from hub.delivery.base import Result
from hub.hosting import hosts as hosting
from hub.hosting.connector_errors import NotRunning
from hub.hosting.hosts import HostedConnector, recipient_of
from hub.hosting.instance import InstanceStatus
from hub.hosting.publishing import Publisher
from hub.privacy.base import PermitRefused
from hub.registry.build import of_connector
from hub.store import connector_state, outbox
from hub.store.base import StoreUnavailable
from hub.subscriptions.model import Status
from plugins import (
    Category,
    ConfigurationError,
    Connector,
    ConnectorConfig,
    Contract,
    PermanentError,
    PrivacyError,
    TemporaryError,
)
from plugins.testing import ManualClock
from schemas import DataContract, EventSpec, Payload, Ref, core_catalogue
from schemas.absence import AbsenceReported
from schemas.meals import MealsCount
from tests.hub.hosting.conftest import NoConfig, attempt
from tests.school import uid
from tests.until import until

CONTRACT = Contract("tests", "none", {Category.ATTENDANCE, Category.GROUP})
LEFT = LeftOut("elsewhere", (Finding(file="skolnav.yaml", line=7, path="connectors.late", key="use"),))


class Tally(Payload):
    """A sum, of a vendor's."""

    spec = EventSpec(type="test.kitchen.tally.v1", subject=Ref("kitchen", "kitchen"), key=Ref("kitchen", "kitchen"))

    kitchen: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    complete: Annotated[bool, Category.AGGREGATE] = True


class Note(Payload):
    """Something about one person, of a vendor's."""

    spec = EventSpec(
        type="test.kitchen.note.v1",
        subject=Ref("kitchen", "kitchen"),
        key=Ref("kitchen", "kitchen"),
    )

    kitchen: Annotated[str, Category.NONE]
    pupil: Annotated[str | None, Category.IDENTITY] = None


class Counter(Connector[NoConfig]):
    """Counts, and publishes the count."""

    name = "counter"
    config_model = NoConfig
    consumes = (AbsenceReported,)
    produces = (Tally,)
    contract = CONTRACT

    async def handle(self, event):
        async with self.ctx.commit() as tx:
            tx.state["count"] = tx.state.get("count", 0) + 1
            tx.publish(Tally, {"kitchen": "K1", "away": tx.state["count"]})


async def commit(store, outcome):
    """What delivery does with an outcome, without its cursor."""
    await store.commit(*outcome.operations)
    if outcome.on_stored:
        outcome.on_stored()


async def rows(store):
    state = await store.read(connector_state.load("exempel", "counter"))
    return state, await store.read(outbox.load("exempel"))


def failing(error, **attributes):
    class Failing(Connector[NoConfig]):
        """Fails as it is told."""

        name = "failing"
        config_model = NoConfig
        consumes = (AbsenceReported,)
        contract = CONTRACT

        async def handle(self, event):
            raise error

    for name, value in attributes.items():
        setattr(Failing, name, value)
    return Failing


async def test_state_and_published_events_are_kept_with_the_outcome_and_not_before(hosted, store, told):
    """One commit: state, outbox and cursor."""
    hosts = await hosted(Counter)
    outcome = await hosts.sink("counter").deliver(attempt())
    assert outcome.result is Result.DELIVERED
    assert await rows(store) == ({}, [])
    await commit(store, outcome)
    state, published = await rows(store)
    assert state == {"count": b"1"}
    assert [row.connector for row in published] == ["counter"]
    assert b'"away":1' in published[0].body
    assert b'"source":"urn:skolnav:exempel:counter"' in published[0].body
    assert told.woken == 1


async def test_a_later_call_sees_what_an_earlier_one_staged(hosted):
    hosts = await hosted(Counter)
    sink = hosts.sink("counter")
    await sink.deliver(attempt("a"))
    second = await sink.deliver(attempt("b"))
    assert second.result is Result.DELIVERED
    assert hosts.instance("counter")._context.state == {"count": 2}


async def test_what_a_failed_call_staged_is_dropped(hosted, store):
    class Staging(Counter):
        async def handle(self, event):
            await super().handle(event)
            assert self.ctx.state["count"] == 1
            raise TemporaryError("not yet")

    hosts = await hosted(Staging)
    outcome = await hosts.sink("counter").deliver(attempt())
    assert (outcome.result, list(outcome.operations)) == (Result.RETRY, [])
    assert dict(hosts.instance("counter")._context.state) == {}


async def test_a_block_left_by_an_exception_keeps_nothing(hosted, store):
    class Careful(Counter):
        async def handle(self, event):
            try:
                async with self.ctx.commit() as tx:
                    tx.state["count"] = 99
                    raise KeyError("inside")
            except KeyError:
                pass
            async with self.ctx.commit() as tx:
                tx.state["other"] = 1

    hosts = await hosted(Careful)
    await commit(store, await hosts.sink("counter").deliver(attempt()))
    assert (await rows(store))[0] == {"other": b"1"}


@pytest.mark.parametrize("use", ["set", "delete", "publish"])
async def test_a_transaction_that_is_used_after_its_block_raises(hosted, store, use):
    """What it were given would be lost without a word."""
    said = []

    class Late(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state["count"] = 1
            try:
                if use == "set":
                    tx.state["count"] = 2
                elif use == "delete":
                    del tx.state["count"]
                else:
                    tx.publish(Tally, {"kitchen": "K1", "away": 1})
            except RuntimeError as error:
                said.append(str(error))

    hosts = await hosted(Late)
    await commit(store, await hosts.sink("counter").deliver(attempt()))
    assert said == ["the transaction's block has ended: what it is given now would be lost. Use it inside `async with`"]
    assert await rows(store) == ({"count": b"1"}, [])


async def test_state_is_there_again_after_a_restart(hosted, store):
    hosts = await hosted(Counter)
    await commit(store, await hosts.sink("counter").deliver(attempt("a")))
    await hosts.restart("counter")
    await commit(store, await hosts.sink("counter").deliver(attempt("b")))
    assert (await rows(store))[0] == {"count": b"2"}


async def test_a_value_that_was_read_is_a_copy(hosted, store):
    class Aliasing(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state["list"] = [1]
                tx.state["list"].append(2)
                assert tx.state["list"] == [1]

    hosts = await hosted(Aliasing)
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DELIVERED


async def test_state_takes_plain_json_only(hosted):
    class Odd(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state["when"] = timedelta(1)

    hosts = await hosted(Odd)
    assert (await hosts.sink("counter").deliver(attempt())).reason == "error-TypeError"


async def test_an_older_change_that_is_committed_later_does_not_win(hosted, store):
    """A delivery's outcome may be committed after a timer's change that was made later."""

    class Both(Counter):
        async def reset(self):
            async with self.ctx.commit() as tx:
                del tx.state["count"]

    hosts = await hosted(Both)
    outcome = await hosts.sink("counter").deliver(attempt())
    await hosts.instance("counter").call("reset", limit_s=5)
    await commit(store, outcome)
    assert (await rows(store))[0] == {}


async def test_outside_handle_leaving_the_block_is_durable(hosted, store, told):
    class Polling(Counter):
        async def once(self):
            async with self.ctx.commit() as tx:
                tx.state["count"] = 7
                tx.publish(Tally, {"kitchen": "K1", "away": 7})
            self.seen = True

    hosts = await hosted(Polling)
    await hosts.instance("counter").call("once", limit_s=5)
    state, published = await rows(store)
    assert (state, len(published), told.woken) == ({"count": b"7"}, 1, 1)


async def test_outside_handle_a_commit_that_fails_is_tried_until_it_holds(hosted, store):
    class Away:
        tenant = "exempel"
        failures = 2

        async def read(self, query):
            return await store.read(query)

        def commit(self, *operations):
            if self.failures:
                self.failures -= 1
                failed = asyncio.get_running_loop().create_future()
                failed.set_exception(StoreUnavailable("full"))
                return failed
            return store.commit(*operations)

    class Polling(Counter):
        async def once(self):
            async with self.ctx.commit() as tx:
                tx.state["count"] = 7

    hosts = await hosted(Polling, store=Away())
    await hosts.instance("counter").call("once", limit_s=5)
    assert (await rows(store))[0] == {"count": b"7"}


async def test_handle_gets_the_event_that_the_permit_gave(hosted):
    seen = []

    class Seeing(Counter):
        async def handle(self, event):
            seen.append((event.id, event.data["id"], event.subject, threading.current_thread().name))

    hosts = await hosted(Seeing)
    await hosts.sink("counter").deliver(attempt("evt-7"))
    pupil = uid("person", 1)
    assert seen == [("evt-7", uid("absence", pupil), f"person/{pupil}", "skolnav-counter")]


async def test_a_refused_permit_passes_through_and_nothing_is_called(hosted):
    """Promise 4: no delivery without a decision of that moment."""
    called = []

    class Seeing(Counter):
        async def handle(self, event):
            called.append(event)

    def refuse():
        raise PermitRefused

    hosts = await hosted(Seeing)
    with pytest.raises(PermitRefused):
        await hosts.sink("counter").deliver(attempt(permit=refuse))
    assert called == []


@pytest.mark.parametrize(
    ("error", "result", "reason", "retry_after_s"),
    [
        (TemporaryError("away", retry_after_s=30), Result.RETRY, "temporary", 30),
        (TemporaryError("away", code="sftp-away"), Result.RETRY, "sftp-away", None),
        (PermanentError("no such kitchen"), Result.DEAD, "permanent", None),
        (ConfigurationError("no key"), Result.MISCONFIGURED, "configuration", None),
        (PrivacyError("would tell"), Result.DEAD, "privacy", None),
        (KeyError("Anna Andersson"), Result.RETRY, "error-KeyError", None),
        (TemporaryError("x", code="pupil Anna Andersson"), Result.RETRY, "failed", None),
        (SystemExit(3), Result.RETRY, "error-SystemExit", None),
        (asyncio.CancelledError(), Result.RETRY, "error-CancelledError", None),
    ],
)
async def test_a_failure_says_what_happens_next(hosted, error, result, reason, retry_after_s):
    hosts = await hosted(failing(error))
    outcome = await hosts.sink("failing").deliver(attempt())
    assert (outcome.result, outcome.reason, outcome.retry_after_s) == (result, reason, retry_after_s)
    assert hosts.instance("failing").status is InstanceStatus.RUNNING


async def test_an_error_is_told_by_class_and_place_without_its_text(hosted, told, caplog):
    """Promise 8: no personal data in an error or a log line."""
    caplog.set_level(logging.DEBUG)
    hosts = await hosted(failing(KeyError("Anna Andersson")))
    await hosts.sink("failing").deliver(attempt())
    await until(lambda: told.problems)
    ((instance, code, detail),) = told.problems
    assert (instance, code) == ("failing", "error-KeyError")
    assert "test_hosts.py:" in detail
    assert "KeyError" in caplog.text
    assert "Anna" not in caplog.text + detail


async def test_a_background_task_that_fails_tells_no_data_either(hosted, told, caplog):
    """Promise 8: asyncio itself would print the exception of a task that nobody awaits."""

    async def fail():
        raise ValueError("Anna Andersson")

    class Spawning(Counter):
        async def handle(self, event):
            asyncio.get_running_loop().create_task(fail())
            await asyncio.sleep(0)

    hosts = await hosted(Spawning)
    await hosts.sink("counter").deliver(attempt())
    import gc

    await until(lambda: gc.collect() >= 0 and told.problems)
    assert told.problems[0][1] == "error-ValueError"
    assert "Anna" not in caplog.text


async def test_publishing_something_undeclared_is_refused(hosted):
    class Wild(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.publish(Note, {"kitchen": "K1"})

    hosts = await hosted(Wild, event_types=[Note])
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DEAD


async def test_published_data_that_is_not_of_its_type_is_refused_without_its_value(hosted, caplog):
    class Wrong(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.publish(Tally, {"kitchen": "K1", "away": "Anna Andersson"})

    hosts = await hosted(Wrong)
    outcome = await hosts.sink("counter").deliver(attempt())
    assert (outcome.result, outcome.reason) == (Result.DEAD, "publish")
    assert "Anna" not in caplog.text


async def test_a_refused_publish_names_the_path_and_the_rule_in_the_log(hosted, caplog):
    class Wrong(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.publish(Tally, {"kitchen": "K1", "away": "Anna Andersson"})

    hosts = await hosted(Wrong)
    await hosts.sink("counter").deliver(attempt())
    assert "data.away: " in caplog.text
    assert "integer" in caplog.text
    assert "Anna" not in caplog.text


async def test_aggregates_publish_sums_and_nothing_else(hosted, told):
    """docs/architecture.md, The gate: what a connector with `aggregates` publishes must be of category aggregate."""

    class Sums(Counter):
        aggregates = True

        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.publish(Tally, {"kitchen": "K1", "away": 1, "pupil": event.data["student"]["id"]})

    hosts = await hosted(Sums)
    outcome = await hosts.sink("counter").deliver(attempt())
    assert (outcome.result, outcome.reason) == (Result.DEAD, "privacy")
    await until(lambda: told.problems)
    assert told.problems[0][1] == "privacy"


def test_a_row_of_sums_is_called_as_a_list_of_the_settings_says() -> None:
    """Promise 5: a free text may be a child's name, or a diagnosis that one child has."""

    class Kitchen(Counter):
        aggregates = True
        produces = (MealsCount,)

    data = dict(MealsCount.spec.examples[0])
    source = "urn:skolnav:t:kitchen"
    for words, refused in (((), False), (("NORMAL", "GLUTENFRI"), False), (("NORMAL",), True)):
        publisher = Publisher(source, Kitchen, core_catalogue(), SystemClock(), words)
        with pytest.raises(PrivacyError) if refused else nullcontext() as caught:
            publisher.build(MealsCount, data, None, None)
        assert caught is None or "GLUTENFRI" not in str(caught.value)


async def test_an_incomplete_result_says_so(hosted, store):
    class Partial(Counter):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.publish(Tally, {"kitchen": "K1", "away": 1}, complete=False)

    hosts = await hosted(Partial)
    await commit(store, await hosts.sink("counter").deliver(attempt()))
    assert b'"complete":false' in (await rows(store))[1][0].body


async def test_a_call_that_takes_too_long_is_cancelled_and_tried_again(hosted, told):
    class Hanging(Counter):
        timeout_s = 0.05

        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state["count"] = 1
            await asyncio.Event().wait()

    hosts = await hosted(Hanging)
    outcome = await hosts.sink("counter").deliver(attempt())
    assert (outcome.result, outcome.reason, outcome.recipient_down) == (Result.RETRY, "timeout", True)
    assert dict(hosts.instance("counter")._context.state) == {}
    assert hosts.instance("counter").status is InstanceStatus.RUNNING
    await until(lambda: told.problems)
    assert told.problems[0][:2] == ("counter", "timeout")


async def test_a_connector_that_blocks_is_named_with_its_line_and_paused_and_hurts_nobody(hosted, told):
    """Promise 3: one recipient never hurts another."""
    release = threading.Event()

    class Blocking(Counter):
        name = "blocking"

        async def handle(self, event):
            release.wait(30)

    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(Blocking, Counter, clock=clock)
    stuck = asyncio.create_task(hosts.sink("blocking").deliver(attempt()))
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DELIVERED
    try:
        await until(lambda: told.paused, meanwhile=lambda: clock.pass_machine(2))
        outcome = await stuck
    finally:
        release.set()
    assert told.paused == [("blocking", "blocked")]
    assert told.problems[0][:2] == ("blocking", "blocked")
    assert "test_hosts.py" in told.problems[0][2]
    assert (outcome.result, outcome.reason) == (Result.RETRY, "blocked")
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DELIVERED


async def test_a_call_that_ignores_its_end_is_given_up_and_what_it_does_later_does_not_count(hosted, told, store):
    release = threading.Event()

    class Stubborn(Counter):
        timeout_s = 0.05

        async def handle(self, event):
            while not release.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue

    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(Stubborn, clock=clock)
    call = asyncio.create_task(hosts.sink("counter").deliver(attempt()))
    await until(lambda: told.paused, meanwhile=lambda: clock.pass_machine(1))
    assert (await call).reason == "hung"
    assert told.paused == [("counter", "hung")]
    release.set()
    assert await hosts.restart("counter") is InstanceStatus.RUNNING


async def test_a_fault_in_the_watch_over_one_instance_ends_no_watch_over_another(hosted, told, monkeypatch):
    class One(Connector[NoConfig]):
        name, config_model = "one", NoConfig

    class Two(One):
        name = "two"

    hosts = await hosted(One, Two)
    watched: list[str] = []

    def fails():
        watched.append("one")
        raise KeyError("canary")

    monkeypatch.setattr(hosts.instance("one"), "over_limit", fails)
    monkeypatch.setattr(hosts.instance("two"), "over_limit", lambda: watched.append("two"))
    await until(lambda: watched.count("one") >= 2 and watched.count("two") >= 2)
    assert told.problems == [("one", "fault", "watch: KeyError")]


async def test_a_fault_in_the_watch_over_the_hubs_loop_does_not_end_it(hosted, monkeypatch, caplog):
    hosts, failures = await hosted(), []

    def fails():
        failures.append(1)
        raise KeyError("canary")

    monkeypatch.setattr(hosting, "SPENT_S", 0.0)
    monkeypatch.setattr(hosts, "_spending", fails)
    await until(lambda: len(failures) >= 2)
    assert "the watch over the hub's loop has failed" in caplog.text


async def test_an_instance_that_a_reload_leaves_out_has_failed_since_then(hosted):
    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(clock=clock)
    hosts.leave_out({"early": LEFT})
    reloaded = clock.utc()  # which goes on by itself
    hosts.leave_out({"early": LEFT, "late": LEFT})
    since = {each.name: (each.since, each.status_since) for each in hosts.statuses()}
    assert min(since["late"]) >= reloaded > max(since["early"])


async def test_a_start_that_fails_for_now_is_tried_again_and_hurts_no_other(hosted):
    """Promise 3."""
    tries = []

    class Late(Counter):
        name = "late"

        async def start(self):
            tries.append(1)
            if len(tries) < 3:
                raise TemporaryError("not up yet", code="away")

    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(Late, Counter, clock=clock)
    assert [(i.name, i.status, i.reason) for i in hosts.statuses()] == [
        ("counter", InstanceStatus.RUNNING, ""),
        ("late", InstanceStatus.FAILED, "away"),
    ]
    assert (await hosts.sink("late").deliver(attempt())).result is Result.RETRY
    await until(
        lambda: hosts.instance("late").status is InstanceStatus.RUNNING, meanwhile=lambda: clock.pass_machine(1)
    )
    assert len(tries) == 3


async def test_a_start_with_a_wrong_configuration_waits_for_a_person(hosted, told):
    class Wrong(Counter):
        async def start(self):
            raise ConfigurationError("no host")

    hosts = await hosted(Wrong)
    assert hosts.statuses()[0].status is InstanceStatus.FAILED
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.MISCONFIGURED
    await until(lambda: told.problems)
    with pytest.raises(NotRunning):
        await hosts.selftest("counter")


async def test_run_is_restarted_when_it_fails(hosted):
    runs = []

    class Pushed(Counter):
        async def run(self):
            runs.append(1)
            raise OSError("connection lost")

    clock = ManualClock("2026-11-24T08:00")
    await hosted(Pushed, clock=clock)
    await until(lambda: len(runs) >= 3, meanwhile=lambda: clock.pass_machine(1))


class PollConfig(ConnectorConfig):
    poll: timedelta = Field(timedelta(seconds=60), description="How often, seconds.")


async def test_poll_is_called_at_once_and_then_as_often_as_configured(hosted):
    polls = []

    class Pulling(Connector[PollConfig]):
        """Pulls."""

        name = "pulling"
        config_model = PollConfig

        async def poll(self):
            polls.append(round(self.ctx.clock.monotonic()))

    clock = ManualClock("2026-11-24T08:00")
    await hosted(Pulling, clock=clock)
    await until(lambda: len(polls) == 1)
    clock.pass_machine(50)
    await asyncio.sleep(0.02)
    assert len(polls) == 1
    clock.pass_machine(11)
    await until(lambda: len(polls) == 2)


async def test_calls_to_one_instance_do_not_overlap(hosted):
    inside = []

    class Slow(Counter):
        async def handle(self, event):
            inside.append(event.id)
            assert len(inside) == 1
            await asyncio.sleep(0.01)
            inside.pop()

        async def timer(self):
            await self.handle(type("E", (), {"id": "timer"}))

    hosts = await hosted(Slow)
    sink = hosts.sink("counter")
    assert sink.concurrency == 1
    outcomes = await asyncio.gather(
        sink.deliver(attempt("a")), sink.deliver(attempt("b")), hosts.instance("counter").call("timer", limit_s=5)
    )
    assert [outcome.result for outcome in outcomes[:2]] == [Result.DELIVERED] * 2


async def test_with_concurrency_by_key_calls_overlap_and_keep_their_staging_apart(hosted, store):
    barrier = []

    class Parallel(Counter):
        concurrency = "key"

        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state[event.id] = 1
            barrier.append(event.id)
            await until(lambda: len(barrier) >= 2)
            if event.id == "bad":
                raise TemporaryError("no")
            assert "bad" not in self.ctx.state

    hosts = await hosted(Parallel)
    sink = hosts.sink("counter")
    assert sink.concurrency > 1
    good, bad = await asyncio.gather(sink.deliver(attempt("good")), sink.deliver(attempt("bad")))
    assert (good.result, bad.result) == (Result.DELIVERED, Result.RETRY)
    await commit(store, good)
    assert (await rows(store))[0] == {"good": b"1"}


async def test_a_blocking_call_runs_beside_the_loop(hosted):
    class Blocking(Counter):
        async def handle(self, event):
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)

            task = asyncio.get_running_loop().create_task(tick())
            await self.ctx.blocking(time.sleep, 0.05)
            task.cancel()
            assert ticks > 5

    hosts = await hosted(Blocking)
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DELIVERED


async def test_a_stop_that_never_returns_does_not_hold_up_the_hub(hosted, told, monkeypatch):
    import hub.hosting.instance as module

    monkeypatch.setattr(module, "STOP_S", 0.1)

    class Endless(Counter):
        async def stop(self):
            await asyncio.Event().wait()

    hosts = await hosted(Endless)
    async with asyncio.timeout(3):
        await hosts.stop()


async def test_selftest_tells_what_is_wrong(hosted):
    class Testing(Counter):
        async def selftest(self):
            raise TemporaryError("no answer", code="away")

    hosts = await hosted(Testing)
    with pytest.raises(TemporaryError, match="no answer"):
        await hosts.selftest("counter")


async def test_the_directory_is_asked_on_the_hubs_own_loop(hosted):
    threads = []

    class View:
        async def organisations(self):
            threads.append(threading.current_thread())
            return [{"id": "o"}]

    class Asking(Counter):
        async def handle(self, event):
            assert await self.ctx.directory.organisations() == [{"id": "o"}]

    hosted.directory = View()
    hosts = await hosted(Asking)
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.DELIVERED
    assert threads == [threading.main_thread()]


async def test_what_was_given_up_begins_anew_when_its_subscription_is_resumed(hosted, told):
    """Delivery asks for the sink again when somebody resumes the subscription."""
    mended = []

    class Wrong(Counter):
        async def start(self):
            if not mended:
                raise ConfigurationError("no host")

    hosts = await hosted(Wrong)
    assert (await hosts.sink("counter").deliver(attempt())).result is Result.MISCONFIGURED
    mended.append(True)
    sink = hosts.sink("counter")
    await until(lambda: hosts.instance("counter").status is InstanceStatus.RUNNING)
    assert (await sink.deliver(attempt())).result is Result.DELIVERED


async def test_after_the_stop_nothing_is_called_any_more(hosted):
    hosts = await hosted(Counter)
    sink = hosts.sink("counter")
    instance = hosts.instance("counter")
    await hosts.stop()
    outcome = await instance.deliver(attempt())
    assert (outcome.result, outcome.recipient_down) == (Result.RETRY, True)
    with pytest.raises(NotRunning):
        await instance.call("selftest", limit_s=1)
    assert (await sink.deliver(attempt())).reason == "removed"


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("narrowed", [None, DataContract(purpose="less", legal_basis="none", categories=frozenset())])
def test_an_instance_asks_the_directory_as_the_recipient_that_gets_its_events(
    protected: bool, narrowed: DataContract | None
) -> None:
    """Promise 4: one recipient, one set of rights."""
    entry = ConnectorEntry("counter", Counter, NoConfig(), narrowed, protected)
    created = datetime(2026, 11, 24, tzinfo=UTC)
    told = of_connector("hall", entry, created, (Status.ACTIVE, "")).subscription.recipient
    assert recipient_of("hall", Counter, HostedConnector.of(entry)) == told
