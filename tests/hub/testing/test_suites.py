"""The suites on a connector that keeps its promises, and on ones that break each of them."""

from pathlib import Path

import pytest
from pydantic import ConfigDict, Field

from plugins import Category, Connector, ConnectorConfig, Contract, Effect
from plugins.testing import School
from plugins.testing.suites import ConfigurationSuite, EffectSuite, OrderSuite, PrivacySuite, Subject
from schemas.absence import AbsenceChanged, AbsenceReported
from tests.hub.testing.ledger import FolderPeer, Ledger, LedgerConfig, write


class TheLedger(Subject):
    connector = Ledger
    moments = ("08:30",)

    @pytest.fixture
    def peer(self, tmp_path):
        return FolderPeer(tmp_path / "peer")

    @pytest.fixture
    def config(self, peer):
        return {"folder": str(peer.folder), "token": "very-secret", "report_times": ["08:30"]}

    @pytest.fixture
    def events(self, school):
        return absences(school)


class TestConfiguration(TheLedger, ConfigurationSuite):
    bad = {"report_times.0": "25:10", "folder": None}  # noqa: RUF012


class TestEffect(TheLedger, EffectSuite):
    pass


class TestOrder(TheLedger, OrderSuite):
    def key(self, effect):
        return effect[0]


class TestPrivacy(TheLedger, PrivacySuite):
    pass


def absences(school):
    """Two notifications, one of them changed twice."""
    events = []
    for number, pupil in enumerate(school.pupils[:2]):
        for model, end in ((AbsenceReported, "16"), (AbsenceChanged, "12"), (AbsenceChanged, "14")):
            event = school.about(model, pupil)
            event["data"]["id"] = f"00000000-0000-4000-8000-00000000000{number}"
            event["data"]["endTime"] = f"2026-11-24T{end}:00:00+01:00"
            events.append(event)
            if number:
                break
    return events


@pytest.fixture
def school():
    return School()


@pytest.fixture
def peer(tmp_path):
    return FolderPeer(tmp_path / "peer")


@pytest.fixture
def arguments(school, peer):
    return {"peer": peer, "config": {"folder": str(peer.folder)}, "school": school, "events": absences(school)}


def suite(kind, cls):
    """A suite as a vendor would write it for a class."""
    return type("Suite", (kind,), {"connector": cls, "moments": ("08:30",), "key": lambda self, effect: None})()


class Appending(Ledger):
    """Breaks promise 6: each call adds something."""

    async def handle(self, event):
        async with self.ctx.commit() as tx:
            tx.state[event.id] = True
        with (self.config.folder / ".journal").open("a") as journal:
            journal.write(f"{event.data['id']} {event.data['endTime']}\n")


async def test_an_effect_for_each_call_is_caught(arguments):
    with pytest.raises(AssertionError, match="delivering the same events again"):
        await suite(EffectSuite, Appending).test_the_same_events_twice_have_one_effect(**arguments)


async def test_an_effect_that_a_crash_repeats_is_caught(arguments):
    with pytest.raises(AssertionError, match="after the crash"):
        await suite(EffectSuite, Appending).test_a_crash_between_effect_and_acknowledgement_repeats_nothing(**arguments)


async def test_a_blind_effect_may_repeat_after_a_crash(arguments):
    class Blind(Appending):
        effect = Effect.BLIND

    await suite(EffectSuite, Blind).test_a_crash_between_effect_and_acknowledgement_repeats_nothing(**arguments)


async def test_an_effect_of_the_start_itself_is_caught(arguments):
    class Starting(Ledger):
        async def start(self):
            if self.ctx.state:
                write(self.config.folder / "started", "1", "again")

    with pytest.raises(AssertionError, match="a restart changed"):
        await suite(EffectSuite, Starting).test_a_restart_has_no_effect_of_its_own(**arguments)


async def test_a_connector_without_effect_fails_every_suite(arguments):
    class Idle(Ledger):
        async def handle(self, event):
            pass

        async def report(self, due, complete):
            pass

    for kind, method in (
        (EffectSuite, "test_there_is_an_effect"),
        (EffectSuite, "test_the_same_events_twice_have_one_effect"),
        (OrderSuite, "test_all_at_once_has_the_effects_of_one_at_a_time"),
        (PrivacySuite, "test_no_canary_gets_out"),
    ):
        with pytest.raises(AssertionError, match=r"(?s)nothing to check.*a task that is not awaited.*Rule undisturbed"):
            await getattr(suite(kind, Idle), method)(**arguments)


async def test_an_order_that_depends_on_the_pace_is_caught(arguments):
    class Unsteady(Ledger):
        """In order in the first run; in the second it collects, and writes the newest first."""

        runs = 0

        async def start(self):
            Unsteady.runs += 1
            self.kept = []

        async def handle(self, event):
            self.kept.append(event)
            if Unsteady.runs == 1 or len(self.kept) == 3:
                for kept in reversed(self.kept):
                    write(self.config.folder / kept.data["endTime"], "1", kept.data["id"])
                self.kept = []

        async def report(self, due, complete):
            pass

    arguments["events"] = arguments["events"][:3]
    with pytest.raises(AssertionError, match="depends on the pace"):
        await suite(OrderSuite, Unsteady).test_all_at_once_has_the_effects_of_one_at_a_time(**arguments)


async def test_a_value_in_a_log_line_is_caught_and_not_repeated(arguments, school):
    class Chatty(Ledger):
        async def handle(self, event):
            self.ctx.log.info("got %s", event.data)
            await super().handle(event)

    with pytest.raises(AssertionError, match="attendance in the logs") as caught:
        await suite(PrivacySuite, Chatty).test_no_canary_gets_out(**arguments)
    assert school.found_in(str(caught.value).encode()) == []


async def test_a_value_from_a_lesson_that_was_asked_for_is_caught(arguments):
    class Asking(Ledger):
        contract = Contract("tests", "none", {Category.ATTENDANCE, Category.FREE_TEXT})

        async def handle(self, event):
            lessons = await self.ctx.directory.lessons(on=self.ctx.clock.school().date())
            self.ctx.log.info("there is %s", [each["comment"] for each in lessons])
            await super().handle(event)

    with pytest.raises(AssertionError, match="free_text in the logs"):
        await suite(PrivacySuite, Asking).test_no_canary_gets_out(**arguments)


async def test_a_value_told_to_the_operator_is_caught(arguments):
    class Telling(Ledger):
        async def handle(self, event):
            await super().handle(event)
            self.ctx.problem("odd", str(event.data))

    with pytest.raises(AssertionError, match="attendance in the operator's problems"):
        await suite(PrivacySuite, Telling).test_no_canary_gets_out(**arguments)


async def test_single_values_at_the_far_side_of_sums_are_caught(arguments):
    class Sums(Ledger):
        aggregates = True

    with pytest.raises(AssertionError, match="attendance at the far side"):
        await suite(PrivacySuite, Sums).test_no_canary_gets_out(**arguments)


async def test_a_far_side_that_refuses_provokes_the_errors_that_are_looked_through(arguments):
    class Loud(Ledger):
        async def handle(self, event):
            try:
                await super().handle(event)
            except Exception:
                self.ctx.log.exception("no: %s", event.data["startTime"])
                raise

    await suite(PrivacySuite, Ledger).test_no_canary_gets_out_when_the_far_side_fails(**arguments)
    arguments["peer"].reset()
    with pytest.raises(AssertionError, match="attendance in the logs"):
        await suite(PrivacySuite, Loud).test_no_canary_gets_out_when_the_far_side_fails(**arguments)


def configured(model):
    class Configured(Connector[model]):
        name = "configured"
        config_model = model

    return suite(ConfigurationSuite, Configured)


class Good(ConnectorConfig):
    folder: Path = Field(description="A folder.")


@pytest.mark.parametrize(
    ("model", "method", "says"),
    [
        (type("Bare", (Good,), {"__annotations__": {"port": int}}), "test_each_setting_is_described", "port"),
        (
            type("Plain", (Good,), {"__annotations__": {"api_token": str}, "api_token": Field(description="It.")}),
            "test_secrets_are_kept_as_secrets",
            "api_token",
        ),
        (ConnectorConfig, "test_each_setting_is_described", "no settings"),
    ],
)
def test_a_configuration_that_is_careless_is_caught(model, method, says):
    with pytest.raises(AssertionError, match=says):
        getattr(configured(model), method)()


def test_an_error_that_repeats_a_value_is_caught():
    class Echoing(LedgerConfig):
        model_config = ConfigDict(hide_input_in_errors=False)

    with pytest.raises(AssertionError, match="repeats a value"):
        configured(Echoing).test_a_value_of_the_wrong_kind_is_named_and_not_repeated({"folder": "x"})


def test_a_bad_value_that_is_taken_is_caught():
    checked = configured(LedgerConfig)
    type(checked).bad = {"folder": "/no/such"}
    with pytest.raises(pytest.fail.Exception, match="a bad value was accepted"):
        checked.test_the_values_named_as_bad_are_refused({"folder": "x"})
    type(checked).bad = {}
    with pytest.raises(AssertionError, match="give `bad`"):
        checked.test_the_values_named_as_bad_are_refused({"folder": "x"})
