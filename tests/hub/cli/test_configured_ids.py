"""Ids of schools and groups in a connector's settings that the school's directory does not know."""

import json
from pathlib import Path
from typing import Any, Final

from tests import school
from tests.hub.cli.conftest import Place

GROUP: Final = school.uid("group")
MISTYPED_UNIT: Final = "00000000-0000-4000-8000-00000000aaaa"
MISTYPED_GROUP: Final = "00000000-0000-4000-8000-00000000bbbb"


def kitchen(folder: Path, *, units: list[str], groups: list[str]) -> dict[str, Any]:
    (folder / "out").mkdir(exist_ok=True)
    return {
        "use": "catering",
        "aggregates": True,
        "transport": {"kind": "folder", "path": "out"},
        "kitchens": [
            {
                "id": "K-017",
                "units": units,
                "unit_code": "12345678",
                "sittings": [{"id": "1", "from": "11:10", "to": "11:40", "groups": groups}],
            }
        ],
    }


def configured(place: Place, *, units: list[str], groups: list[str], **more: Any) -> None:
    place.configure(connectors={"kitchen": kitchen(place.folder, units=units, groups=groups)}, **more)
    settings = json.loads(place.file.read_text())
    settings["clients"][0]["publishes"].append("se.skolnav.directory.*")
    settings["directory"] = {"sources": ["urn:sis"]}
    place.file.write_text(json.dumps(settings, indent=1))


def line_of(place: Place, id: str) -> int:
    return next(n for n, line in enumerate(place.file.read_text().splitlines(), 1) if id in line)


def directory() -> list[dict[str, Any]]:
    made = [("organisation", school.organisation()), ("group", school.group())]
    return [
        school.envelope(f"se.skolnav.directory.{kind}.upserted.v1", data, id=f"{kind}-1", source="urn:sis")
        for kind, data in made
    ]


def test_the_selftest_names_each_mistyped_id_with_its_line(place: Place) -> None:
    """Promise 8. A mistyped unit gave a kitchen no food, and its pupils were missed in the dining hall first."""
    configured(place, units=[school.UNIT, MISTYPED_UNIT], groups=[GROUP, MISTYPED_GROUP])
    with place.hub() as hub:
        hub.post(*directory())
        swedish = place.ask("check", "--selftest")
        english = place.ask("check", "--selftest", "--language", "en")
        for_programs = place.ask("check", "--selftest", "--json")
        shown = place.ask("connectors")
        plain = place.ask("check")
    assert (swedish.code, english.code, for_programs.code, plain.code) == (1, 1, 1, 0)
    assert "kitchen: testet lyckades." in swedish.out
    assert (
        f"skolnav.yaml:{line_of(place, MISTYPED_UNIT)}  connectors.kitchen.kitchens[0].units[1]\n"
        f"  Ingen organisation i hubbens register har id {MISTYPED_UNIT}. Rätta id:t, eller kontrollera att "
        "skolsystemet har organisationen.\n"
    ) in swedish.out
    assert (
        f"connectors.kitchen.kitchens[0].sittings[0].groups\n  Ingen grupp i hubbens register har id {MISTYPED_GROUP}."
    ) in swedish.out
    assert f"No group in the hub's directory has the id {MISTYPED_GROUP}." in english.out
    assert school.UNIT not in swedish.out
    assert GROUP not in swedish.out
    assert for_programs.json()["ok"] is False
    assert [each["path"] for each in for_programs.json()["ids"]["unknown"]] == [
        "connectors.kitchen.kitchens[0].units[1]",
        "connectors.kitchen.kitchens[0].sittings[0].groups",
    ]
    assert (
        "Dessa inställningar har id:n som inte finns i registret: connectors.kitchen.kitchens[0].sittings[0].groups, "
        "connectors.kitchen.kitchens[0].units[1]."
    ) in shown.out


def test_a_corrected_file_is_compared_before_it_is_in_force(place: Place) -> None:
    """The ids of the file are compared, not those that the hub runs with. Upper case is the same id."""
    configured(place, units=[MISTYPED_UNIT], groups=[])
    with place.hub() as hub:
        hub.post(*directory())
        assert place.ask("check", "--selftest").code == 1
        configured(place, units=[school.UNIT.upper()], groups=[GROUP])
        there = place.ask("check", "--selftest")
        assert there.code == 0
        assert "Alla 2 id:n i inställningarna finns i hubbens register." in there.out


def test_without_a_directory_the_selftest_says_that_it_compared_nothing(place: Place) -> None:
    configured(place, units=[MISTYPED_UNIT], groups=[])
    stopped = place.ask("check", "--selftest")
    assert stopped.code == 0
    assert "Id:n i inställningarna är inte jämförda med registret: Ingen hubb är igång på" in stopped.out
    with place.hub():
        empty = place.ask("check", "--selftest")
        assert empty.code == 0
        assert "Id:n i inställningarna är inte jämförda: hubbens register är tomt." in empty.out
        assert "registret inte känner" not in place.ask("connectors").out
