"""What the municipality opens: protected persons to a connector that counts, exact sums to a recipient that acts.

Promise 5.
"""

from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml

from hub.config import ConfigErrors, HubConfig, load
from hub.config.findings import Finding
from hub.privacy.sums import SumRule
from plugins import Category, Connector, ConnectorConfig, Contract
from plugins.manager import Plugins
from schemas import EventSpec, Payload, Ref
from schemas.absence import AbsenceReported
from tests.school import UNIT

PLUGINS = Plugins.load()
COUNT = "se.skolnav.meals.count.v1"
CLIENT = {"id": "stats", "token": "${env:TOKEN}", "roles": ["subscriber"]}


def kitchen(**more: Any) -> dict[str, Any]:
    place = {
        "id": "K-1",
        "units": [UNIT],
        "unit_code": "12345678",
        "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
        "diet_codes": {"GLU": "GLUTENFRI"},
    }
    return {"use": "catering", "kitchens": [place], "transport": {"kind": "folder", "path": "."}, **more}


def read(folder: Path, *, at_start: bool = False, **config: Any) -> HubConfig:
    path = folder / "skolnav.yaml"
    path.write_text(yaml.safe_dump({"municipality": "Exempelkommun", **config}))
    return load(path, PLUGINS, environ={"TOKEN": "token-of-the-school-0123456789-4f1c9a02b7d85e66"}, at_start=at_start)


def refused(folder: Path, **config: Any) -> list[Finding]:
    with pytest.raises(ConfigErrors) as caught:
        read(folder, **config)
    return list(caught.value.errors)


def warned(config: HubConfig, place: str) -> str:
    return next(each.says("en") for each in config.warnings if each.path == place)


@pytest.mark.parametrize("more", [{}, {"aggregates": False}])
def test_a_connector_that_counts_protected_persons_needs_the_municipality_s_word(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    (found,) = refused(tmp_path, connectors={"kitchen": kitchen(**more)})
    assert found.path == "connectors.kitchen"
    assert "write aggregates: true" in found.says("en")
    assert "skriv aggregates: true" in found.says("sv")
    config = read(tmp_path, at_start=True, connectors={"kitchen": kitchen(**more)})
    assert (list(config.connectors), list(config.left_out)) == ([], ["kitchen"])  # it alone does not start


def test_check_says_what_the_municipality_has_agreed_to(tmp_path: Path) -> None:
    config = read(tmp_path, connectors={"kitchen": kitchen(aggregates=True)})
    assert "every pupil, protected or not" in warned(config, "connectors.kitchen.aggregates")


def test_the_word_is_refused_where_it_would_count_later_only(tmp_path: Path) -> None:
    sis = {"use": "ss12000", "base_url": "https://sis.example/v2.0", "auth": {"token": "${env:TOKEN}"}, "window": {}}
    (found,) = refused(tmp_path, connectors={"sis": {**sis, "aggregates": True}})
    assert found.path == "connectors.sis.aggregates"


def test_check_says_what_exact_sums_tell(tmp_path: Path) -> None:
    config = read(tmp_path, clients=[{**CLIENT, "exact": ["se.skolnav.meals.*"]}])
    said = warned(config, "clients[0].exact[0]")
    assert COUNT in said
    assert "a single pupil is away" in said


@pytest.mark.parametrize("glob", ["se.skolnav.absence.*", "se.skolnav.meal.*"])
def test_exact_names_types_that_have_sums(tmp_path: Path, glob: str) -> None:
    (found,) = refused(tmp_path, clients=[{**CLIENT, "exact": [glob]}])
    assert found.path == "clients[0].exact[0]"
    assert COUNT in found.says("en")


def test_no_subscription_can_ask_for_exact_sums(tmp_path: Path) -> None:
    """Its client makes it, over the API too."""
    spec = {"name": "s", "client": "stats", "types": ["*"], "sink": {"kind": "feed"}, "exact": ["*"]}
    contract = {"purpose": "p", "legal_basis": "b", "categories": ["aggregate"]}
    found = refused(tmp_path, clients=[{**CLIENT, "contract": contract}], subscriptions=[spec])
    assert [each.path for each in found] == ["subscriptions[0].exact"]


def test_the_cell_and_the_rows_names_come_from_the_configuration_alone(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        connectors={"kitchen": kitchen(aggregates=True)},
        sums={COUNT: {"cell": 10, "words": ["NÖTFRI"]}},
    )
    assert config.sum_rules() == {COUNT: SumRule(10, frozenset({"NORMAL", "GLUTENFRI", "ÖVRIG", "NÖTFRI"}))}
    assert read(tmp_path).sum_rules() == {}


@pytest.mark.parametrize(
    ("sums", "place"),
    [
        ({COUNT: {"cell": 2}}, f"sums.{COUNT}.cell"),
        ({"se.skolnav.absence.reported.v1": {}}, "sums.se.skolnav.absence.reported.v1"),
        ({"se.skolnav.meals.*": {}}, "sums.se.skolnav.meals.*"),
    ],
)
def test_a_cell_is_for_a_type_with_sums_and_not_for_one_or_two(
    tmp_path: Path, sums: dict[str, Any], place: str
) -> None:
    assert [each.path for each in refused(tmp_path, sums=sums)] == [place]


class Tally(Payload):
    """What a vendor counts, without saying what it counts."""

    room: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    spec = EventSpec(type="com.acme.tally.v1", subject=Ref("room", "room"), key=Ref("room", "room"))


class Counter(Connector[ConnectorConfig]):
    name = "counter"
    config_model = ConnectorConfig
    consumes = (AbsenceReported,)
    produces = (Tally,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})

    async def handle(self, event: Any) -> None: ...


def test_check_names_a_type_that_does_not_say_what_its_sums_count(tmp_path: Path) -> None:
    path = tmp_path / "skolnav.yaml"
    path.write_text("municipality: Exempelkommun\n")
    config = load(path, Plugins.of(Counter), environ={})
    assert "com.acme.tally.v1" in warned(config, "connectors")
