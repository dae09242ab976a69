"""Commands that need no hub: what is installed, and the configuration file."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.hub.cli.conftest import Place
from tests.peers.sis import Made, serving


def test_help_lists_the_commands_and_the_exit_codes_in_the_users_language(place: Place) -> None:
    swedish = place.ask("--help")
    assert swedish.code == 0
    named = "run demo check plan apply plugins catalogue events subscriptions dead-letters why"
    for command in named.split():
        assert f"  {command} " in swedish.out
    assert "3 ingen hubb" in swedish.out
    assert "Run the hub" in place.run("--help", env=place.environ(LANG="en_GB.UTF-8")).out
    assert "Run the hub" in place.run("--help", "--language", "en").out


def test_wrong_usage_is_2(place: Place) -> None:
    assert place.ask("nonsense").code == 2
    assert place.ask("why", "only-one-argument").code == 2
    assert place.ask("check", "--language", "fi").code == 2
    assert place.ask("events", "--since", "igår").code == 2


# -- check ---------------------------------------------------------------------------------------------------------


def test_check_says_that_the_file_holds_together_and_how_durable_the_hub_is_here(place: Place) -> None:
    """Promise 1: `check` says which durability holds."""
    ran = place.ask("check")
    assert ran.code == 0
    assert "skolnav.yaml är giltig.\nKlienter: 2, kopplingar: 0, prenumerationer: 1.\n" in ran.out
    assert "Inbyggd motor: händelser som besvarats med 202 är skrivna till disk (fsync före svaret)." in ran.out
    assert "fsync tar" in ran.out
    assert not place.data.exists()  # nothing was made
    assert sorted(each.name for each in place.folder.iterdir()) == ["skolnav.yaml"]


def test_check_tells_every_error_with_file_line_place_and_what_to_write(place: Place) -> None:
    """Promise 8, for a time of day that does not exist."""
    place.file.write_text(
        """municipality: Exempelkommun
clints: []
clients:
  - {id: acme, token: "${env:NO_SUCH}", roles: [subscriber]}
connectors:
  kitchen:
    use: catering
    aggregates: true
    transport: {kind: folder, path: out}
    report_times: ["08:30"]
    kitchens:
      - id: K1
        units: ["22222222-2222-4222-8222-222222222222"]
        cutoffs: [{kind: normal, time: "09:00"}, {kind: special, time: "25:10"}]
"""
    )
    ran = place.ask("check")
    assert ran.code == 2
    assert "skolnav.yaml:2  clints\n  Är ingen inställning här. Menade du clients?" in ran.out
    assert "skolnav.yaml:4  clients[0].token\n  Miljövariabeln NO_SUCH saknas eller är tom." in ran.out
    assert (
        "skolnav.yaml:14  connectors.kitchen.kitchens[0].cutoffs[1].time\n"
        '  "25:10" är inte ett klockslag. Skriv HH:MM mellan 00:00 och 23:59, till exempel "09:30".\n'
    ) in ran.out
    told = place.ask("check", "--json").json()
    assert told["ok"] is False
    assert {"line": 4, "path": "clients[0].token"}.items() <= told["errors"][1].items()


def test_check_tells_an_unknown_connector_and_what_is_installed(place: Place) -> None:
    place.configure(connectors={"kitchen": {"use": "caterign"}})
    ran = place.ask("check")
    assert ran.code == 2
    assert "ingen installerad koppling heter caterign" in ran.out.lower()
    assert "Menade du catering?" in ran.out


def test_check_warns_of_what_holds_for_everybody(place: Place) -> None:
    place.configure(clients=[{"id": "sis", "token": "${env:SIS_TOKEN}", "roles": ["publisher"]}], subscriptions=[])
    ran = place.ask("check")
    assert ran.code == 0
    assert "varning: skolnav.yaml:1  clients[0]\n  Får publicera alla händelsetyper." in ran.out
    told = place.ask("check", "--json", "--language", "en").json()
    assert told["ok"] is True
    assert "may publish every event type" in json.dumps(told["warnings"]).lower()
    assert told["durability"]["acknowledged_after"] == "fsync"


@pytest.mark.parametrize("command", ["check", "run", "plan"])
def test_a_file_that_cannot_be_read_is_told(place: Place, command: str) -> None:
    ran = place.ask(command, "--config", "nowhere.yaml")
    assert ran.code == 2
    assert "nowhere.yaml" in ran.out + ran.err


def test_check_says_where_data_cannot_be_written(place: Place) -> None:
    (place.folder / "taken").write_text("")
    place.configure(data="taken/data")
    ran = place.ask("check")
    assert ran.code == 6
    assert "Hubben kan inte spara säkert i" in ran.out


def test_selftest_makes_a_round_trip_to_each_connectors_far_side(place: Place) -> None:
    out = place.folder / "out"
    kitchen = {
        "use": "catering",
        "aggregates": True,
        "transport": {"kind": "folder", "path": str(out)},
        "report_times": ["08:30"],
        "kitchens": [_kitchen()],
    }
    place.configure(connectors={"kitchen": kitchen})
    missing = place.ask("check", "--selftest")
    assert missing.code == 2, "what the configuration names is not there"
    assert "mappen finns inte" in missing.out
    out.mkdir()
    there = place.ask("check", "--selftest")
    assert there.code == 0, there.out
    assert "kitchen: testet lyckades." in there.out
    assert list(out.iterdir()) == []


def test_a_failed_selftest_of_a_school_system_is_told_in_the_users_language(place: Place) -> None:
    (place.folder / "sis").write_text("canary-of-a-token")
    with serving(Made(organisations=[])) as sis:
        settings = {"use": "ss12000", "base_url": f"{sis.url}/v2.0", "auth": {"token": "${file:sis}"}}
        place.configure(connectors={"sis": settings})
        swedish = place.ask("check", "--selftest")
        english = place.ask("check", "--selftest", "--language", "en")
    assert (swedish.code, english.code) == (1, 1)
    assert (
        "sis: testet misslyckades: ss12000: skolsystemet nekar inloggningen. organisations svarade 401. " in swedish.out
    )
    assert "sis: the test failed: ss12000: the supplier refuses the login. " in english.out
    assert "canary" not in swedish.out + english.out


def _kitchen() -> dict[str, object]:
    text = (Path(__file__).parents[3] / "hub" / "demo" / "demo.yaml").read_text("utf-8")
    found: dict[str, object] = yaml.safe_load(text)["connectors"]["kitchen"]["kitchens"][0]
    return found


# -- shadowed names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plugins", "connectors", "schemas"])
def test_a_folder_that_shadows_an_import_name_is_told_before_it_is_imported(place: Place, name: str) -> None:
    """`check` refuses, with a clear message, where something shadows one of the import names."""
    shadow = place.folder / "mine" / name
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise SystemExit('imported')")
    for command in ("check", "run"):
        ran = place.run(command, env=place.environ(PYTHONPATH=str(place.folder / "mine")))
        assert ran.code == 2
        assert f"{shadow} skymmer Skolnavs paket {name}" in ran.err


@pytest.mark.parametrize("editable", [False, True])
def test_another_distribution_that_brings_an_import_name_is_named(place: Place, editable: bool) -> None:
    site = place.folder / "site"
    info = site / "other_thing-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-thing\nVersion: 2.1\n")
    if editable:
        (info / "top_level.txt").write_text("plugins\n")
    else:
        (info / "RECORD").write_text("plugins/__init__.py,,\nother_thing-2.1.dist-info/METADATA,,\n")
    for command in ("check", "run"):
        ran = place.run(command, env=place.environ(PYTHONPATH=str(site)))
        assert ran.code == 2
        assert "(other-thing 2.1) skymmer plugins" in ran.err


# -- plugins and catalogue -----------------------------------------------------------------------------------------


def test_plugins_are_listed_and_one_is_shown(place: Place) -> None:
    assert "catering  skolnav" in place.ask("plugins").out
    told = place.ask("plugins", "--json").json()
    assert [each["name"] for each in told["connectors"]] == ["catering", "ss12000"]
    shown = place.ask("plugins", "catering")
    assert "report_times" in shown.out
    assert "se.skolnav.meals.count.v1" in shown.out
    assert place.ask("plugins", "show", "nothing").code == 1


def test_a_package_that_cannot_be_used_is_named_beside_the_others(place: Place) -> None:
    info = place.folder / "site" / "broken-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[skolnav.connectors]\nbroken = no_such_module\n")
    env = place.environ(PYTHONPATH=str(info.parent))
    ran = place.run("plugins", env=env)
    assert ran.code == 0
    assert "catering" in ran.out
    assert "broken (broken): kan inte användas: går inte att ladda: ModuleNotFoundError" in ran.err
    assert "varning: skolnav.yaml" in place.run("check", env=env).out


MENU = """
from collections.abc import Iterable
from typing import Annotated

from pydantic import field_validator
from skolnav.events import EventSpec, Payload, Ref
from skolnav.sdk import Category, hookimpl


class Menu(Payload):
    spec = EventSpec(type="com.acme.kitchen.menu.v1", subject=Ref("dish", "dish"), key=Ref("dish", "dish"))
    dish: Annotated[str, Category.NONE]

    @field_validator("dish")
    @classmethod
    def valid(cls, value: str) -> str:
        return value


@hookimpl
def skolnav_event_types() -> Iterable[type[Payload]]:
    return (Menu,)
"""


def test_check_warns_of_a_type_whose_validation_runs_a_packages_code_in_the_hub(place: Place) -> None:
    info = place.folder / "site" / "acme_menu-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-menu\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[skolnav.connectors]\nacme-menu = acme_menu\n")
    (info.parent / "acme_menu.py").write_text(MENU)
    ran = place.run("--language", "en", "check", env=place.environ(PYTHONPATH=str(info.parent)))
    assert ran.code == 0
    says = "acme-menu (acme-menu) validates events with code of its own (com.acme.kitchen.menu.v1)"
    assert says in " ".join(ran.out.split())


def test_a_new_package_is_written_and_never_over_another(place: Place) -> None:
    ran = place.ask("plugins", "new", "acme-kitchen")
    assert ran.code == 0
    assert (place.folder / "acme-kitchen" / "acme_kitchen" / "connector.py").exists()
    assert place.ask("plugins", "new", "acme-kitchen").code == 2
    assert place.ask("plugins", "new", "Not A Name").code == 2


def test_the_catalogue_is_listed_shown_and_exported(place: Place) -> None:
    assert re.search(
        r"se\.skolnav\.absence\.reported\.v1 .*En vårdnadshavare eller skolan anmäler", place.ask("catalogue").out
    )
    assert re.search(
        r"^student\.id +identity \(identitet\)$", place.ask("catalogue", "se.skolnav.absence.reported.v1").out, re.M
    )
    shown = place.ask("catalogue", "se.skolnav.absence.reported.v1", "--json").json()
    jsonschema.Draft202012Validator.check_schema(shown["schema"])
    jsonschema.validate(shown["examples"][0]["data"], shown["schema"])
    near = place.ask("catalogue", "se.skolnav.absence.reportd.v1")
    assert near.code == 1
    assert "Menade du se.skolnav.absence.reported.v1?" in near.err

    assert place.ask("catalogue", "export", "out").code == 0
    written = {each.name for each in (place.folder / "out").iterdir()}
    assert {"asyncapi.json", "types.md", "se.skolnav.absence.reported.v1.schema.json"} <= written
    assert json.loads((place.folder / "out" / "asyncapi.json").read_text())["asyncapi"] == "3.0.0"
    (place.folder / "file").write_text("")
    assert place.ask("catalogue", "export", "file").code == 1


def test_a_reader_that_goes_away_is_no_traceback(place: Place) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [Path(sys.executable).with_name("skolnav"), "catalogue"], stdout=gone, stderr=subprocess.PIPE, text=True,
            env=place.environ(), cwd=place.folder, timeout=60,
        )  # fmt: skip
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["subscriptions"], ["subscriptions", "pause", "x"], ["dead-letters"], ["events"], ["why", "x", "y"], ["apply"],
        ["subscriptions", "--data", "data"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_where_no_hub_runs_it_is_said_with_a_code_of_its_own(place: Place, command: list[str]) -> None:
    ran = place.ask(*command)
    assert ran.code == 3
    assert f"Ingen hubb är igång på {place.data}." in ran.err


def test_the_plan_where_no_hub_runs_counts_from_nothing(place: Place) -> None:
    ran = place.ask("plan")
    assert ran.code == 0
    assert ran.out == (
        "Ingen hubb är igång här, så planen visar allt som nytt. Det som en hubb redan har i sin mapp fortsätter från "
        "sin plats i kön.\n"
        "+ klient sis tillkommer\n"
        "+ klient acme tillkommer\n"
        "+ prenumeration acme-absence tillkommer\n"
        "    Mottagaren får det som händer från och med nu. Ingenting skickas i efterhand.\n"
    )
