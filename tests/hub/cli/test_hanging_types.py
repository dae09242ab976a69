"""A running hub answers a `POST` whatever installed packages do at import and in the rules of their event types.

What a package does here never ends, so an answer that depended on it would not come.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests import school
from tests.hub.cli.bad_place import BadPlace, closed
from tests.hub.cli.conftest import TOKENS, Running
from tests.packages import KINDS, source
from tests.until import block_until

ANSWERED_S: Final = 60  # a bound for a busy machine; the answer takes milliseconds
BAD: Final = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"

_MODULE: Final = '''
import os, re, sys, time
from pathlib import Path
from typing import Annotated, Any
from pydantic import BeforeValidator, Field, field_validator, model_validator
from skolnav.events import EventSpec, Payload, Ref
from skolnav.sdk import Category, Connector, ConnectorConfig, Contract, hookimpl

def bad(value):
    if value == {bad!r}:
        {statement}
    return value

class Note(Payload):
    spec = EventSpec(
        type="com.acme.{name}.note.v1", subject=Ref("note", "id"), key=Ref("note", "id"),
        examples=({{"id": "a", "x": "a"}},),
    )
    id: Annotated[str, Category.NONE]
    x: Annotated[str, Category.NONE{rule}]
{method}

class Settings(ConnectorConfig):
    path: Path = Field(description="A line for each event.")

class Notes(Connector[Settings]):
    """Writes a line for each event."""

    name = {name!r}
    config_model = Settings
    consumes = (Note,)
    contract = Contract("a test", "none", {{Category.NONE}})

    async def handle(self, event):
        with self.config.path.open("a") as file:
            file.write(event.id + "\\n")

@hookimpl
def skolnav_event_types():
    return [Note]

@hookimpl
def skolnav_connectors():
    return [Notes]
'''

_FIELD: Final = '    _x = field_validator("x")(lambda cls, value: bad(value))'
_MODEL: Final = '    _all = model_validator(mode="after")(lambda self: (bad(self.x), self)[1])'
_INIT: Final = "    def model_post_init(self, context):\n        bad(self.x)"
_SCHEMA: Final = (
    "    @classmethod\n    def __get_pydantic_core_schema__(cls, source, handler):\n"
    "        from pydantic_core import core_schema\n"
    "        return core_schema.no_info_before_validator_function(\n"
    "            lambda value: (bad(value.get('x') if isinstance(value, dict) else value), value)[1], handler(source))"
)
RULES: Final = {
    "field-hangs": ("", _FIELD, "hangs"),
    "model-holds": ("", _MODEL, "holds"),
    "init-ends": ("", _INIT, "ends"),
    "schema-exits": ("", _SCHEMA, "exits"),
    "before-holds": (", BeforeValidator(bad)", "", "holds"),
    "pattern": (', Field(pattern=r"^(?=(a+)+$).")', '    model_config = {"regex_engine": "python-re"}', "raises"),
}
"""By the name of a package: where the code of its type stands, and what it does with `BAD`."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> BadPlace:
    place = BadPlace(tmp_path_factory.mktemp("types"))
    for name, (rule, method, kind) in RULES.items():
        text = _MODULE.format(name=name, rule=rule, method=method, statement=KINDS[kind], bad=BAD)
        place.site.install(name, text)
    place.site.install("import-hangs", source("import-hangs", "imports", KINDS["hangs"]))
    place.site.install("well", source("well"))
    place.use("import-hangs", "well", *RULES, writing=("well", *RULES), publishes=["com.acme.*"])
    return place


@pytest.fixture(scope="module")
def hub(place: BadPlace) -> Iterator[Running]:
    with place.hub() as running:
        yield running


def post(place: BadPlace, event: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"http://127.0.0.1:{place.port}/v1/events",
        json=event,
        headers={"Authorization": f"Bearer {TOKENS['SIS_TOKEN']}", "Content-Type": "application/cloudevents+json"},
        timeout=ANSWERED_S,
    )


def note(name: str, id: str, **data: Any) -> dict[str, Any]:
    return school.envelope(f"com.acme.{name}.note.v1", {"id": id, **data}, id=id, source="urn:sis")


def written(place: BadPlace, name: str, id: str) -> None:
    path: Path = place.folder / f"{name}.txt"
    block_until(lambda: path.exists() and id in path.read_text(), f"{id} reached {name}", within_s=ANSWERED_S)


@pytest.mark.parametrize("name", RULES)
def test_an_event_is_accepted_whatever_its_types_own_rules_do_with_it(place: BadPlace, hub: Running, name: str) -> None:
    answer = post(place, note(name, f"{name}-1", x=BAD))
    assert answer.status_code == 202, answer.text
    written(place, name, f"{name}-1")


@pytest.mark.parametrize("name", RULES)
def test_what_pydantic_checks_itself_is_refused_all_the_same(place: BadPlace, hub: Running, name: str) -> None:
    answer = post(place, note(name, f"{name}-2", x=7))
    assert answer.status_code == 422, answer.text


def test_an_event_of_a_type_whose_package_hangs_at_import_is_refused(place: BadPlace, hub: Running) -> None:
    assert post(place, note("import-hangs", "unknown-1", x="a")).status_code == 422


def test_the_neighbour_is_served_afterwards(place: BadPlace, hub: Running) -> None:
    for name in RULES:
        assert post(place, note(name, f"{name}-3", x=BAD)).status_code == 202
    assert post(place, closed("evt-afterwards")).status_code == 202
    written(place, "well", "evt-afterwards")
