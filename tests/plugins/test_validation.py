from datetime import time
from typing import Annotated

import pytest
from pydantic import ConfigDict

from plugins import Category, Connector, ConnectorConfig, Contract, at_moment, daily
from plugins.rest import RestConfig, RestSink
from plugins.validation import only_categories, validate_class
from schemas import Catalogue, EventSpec, Payload, PersonRef, Ref
from schemas.absence import AbsenceReported

CONTRACT = Contract("meals", "public task", {Category.ATTENDANCE})


class Config(ConnectorConfig):
    pass


class Open(ConnectorConfig):
    model_config = ConfigDict(extra="allow")


class Talkative(ConnectorConfig):
    model_config = ConfigDict(hide_input_in_errors=False)


class Tally(Payload):
    spec = EventSpec(type="test.kitchen.tally.v1", subject=Ref("kitchen", "kitchen"), key=Ref("kitchen", "kitchen"))
    kitchen: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    who: PersonRef | None = None


async def handle(self, event): ...


def plain(self, event): ...


async def without_key(self, due, complete): ...


async def nothing(self): ...


def kitchen(**attributes):
    return type("Kitchen", (Connector,), {"name": "kitchen", "config_model": Config, **attributes})


def test_a_class_with_a_name_and_a_configuration_can_be_run():
    assert validate_class(kitchen()) == []


def test_a_consumer_with_contract_and_handle_can_be_run():
    assert validate_class(kitchen(consumes=(AbsenceReported,), contract=CONTRACT, handle=handle)) == []


CONSUMER = {"consumes": (AbsenceReported,), "contract": CONTRACT, "handle": handle}


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"name": "Kitchen North"}, "name = "),
        ({"name": None}, "name = "),
        ({"config_model": dict}, "config_model"),
        ({"config_model": Open}, 'extra="forbid"'),
        ({"config_model": Talkative}, "hide_input_in_errors"),
        ({"poll": nothing}, "`poll`"),
        ({"consumes": [AbsenceReported]}, "must be a tuple"),
        ({"produces": ("absence",)}, "must be a tuple"),
        ({**CONSUMER, "contract": None}, "without a `contract`"),
        ({**CONSUMER, "contract": "GDPR 6.1 e"}, "plugins.Contract"),
        ({"consumes": (AbsenceReported,), "contract": CONTRACT}, "does not override handle"),
        ({"handle": handle}, "`consumes` is empty"),
        ({**CONSUMER, "handle": plain}, "async def"),
        ({**CONSUMER, "handle": nothing}, "self and the event"),
        ({"start": handle}, "only self"),
        ({"confirm": handle}, "both waiting() and confirm(word)"),
        ({"waiting": nothing}, "both waiting() and confirm(word)"),
        ({"waiting": nothing, "confirm": nothing}, "self and the word"),
        ({"start_from": "state"}, "none of the types"),
        ({"start_from": "yesterday"}, "`start_from`"),
        ({"concurrency": "all"}, "`concurrency`"),
        ({"effect": "twice"}, "`effect`"),
        ({"timeout_s": 0}, "`timeout_s`"),
        ({"receive_timeout_s": None}, "`receive_timeout_s`"),
        ({"problems": {"odd": "in one language"}}, "`problems`"),
        ({"receive_limit": 0}, "`receive_limit`"),
        ({"receive_limit": 1e6}, "`receive_limit`"),
        ({"ends": at_moment(without_key)}, "due: datetime, complete: bool, key: str"),
        ({"aggregates": True}, "without a `contract`"),
        (
            {**CONSUMER, "aggregates": True, "contract": Contract("m", "b", {Category.NAME, Category.HEALTH})},
            "can't have health, name",
        ),
        ({**CONSUMER, "aggregates": True, "produces": (Tally,)}, "who.displayName, who.id"),
        ({"report": daily(lambda config: [time(8)])(nothing)}, "due: datetime, complete: bool"),
        ({"report": daily(lambda config: [time(8)])(plain)}, "due: datetime, complete: bool"),
        ({"report": daily([time(8)])(daily(None))}, "@daily takes a function"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(attributes, says):
    problems = validate_class(kitchen(**attributes))
    assert any(says in problem for problem in problems), problems
    assert all("Kitchen" in problem for problem in problems)


def test_an_instance_is_no_class():
    assert "not instances" in validate_class(object())[0]


def test_places_of_other_categories_are_found_and_unlisted_names_are_not_repeated():
    fields = Catalogue([Tally]).entry(Tally.spec.type).fields
    data = {"kitchen": "K1", "away": 1, "who": {"id": "x"}, "Anna": 1}
    allowed = frozenset({Category.AGGREGATE, Category.NONE})
    assert list(only_categories(data, fields, allowed)) == ["who.id", "(unlisted)"]


def test_what_a_base_class_leaves_to_the_vendor_must_be_there():
    """A sink without `send` would only fail at its first event."""

    class Sink(RestSink):
        name = "kitchen"
        config_model = RestConfig
        ping = "health"
        consumes = (AbsenceReported,)
        contract = CONTRACT

    (problem,) = validate_class(Sink)
    assert "does not override `send`" in problem

    class Sends(Sink):
        def send(self, event):
            return None

    assert validate_class(Sends) == []
