"""What `check` warns about: words of a kitchen's file that Excel rewrites, and diet codes that differ in case alone."""

from pathlib import Path

import pytest

from connectors.catering.connector import Catering
from connectors.catering.spreadsheets import is_rewritten
from hub.config.load import load
from plugins.manager import Plugins
from tests.connectors.catering.desk import Desk, kitchen, pupil
from tests.school import UNIT

CONFIG = """\
municipality: Exempelkommun
data: ./data
connectors:
  kitchen:
    use: catering
    aggregates: true
    kitchens:
      - id: "{id}"
        units: ["{unit}"]
        unit_code: "{code}"
        sittings: [{{id: "{sitting}", from: "11:10", to: "11:40"}}]
        diet_codes: {{{diets}}}
    transport: {transport}
"""
RIGHT = {
    "id": "K-017", "unit": UNIT, "code": "12345678", "sitting": "1", "diets": 'G: "GLUTENFRI"',
    "transport": "{kind: folder, path: out}",
}  # fmt: skip
HTTPS = '{kind: https, url: "https://meals.example/orders", token: "${env:TOKEN}"}'


def warned(folder: Path, **changes: str) -> list[tuple[str, str, str]]:
    path = folder / "skolnav.yaml"
    (folder / "out").mkdir(exist_ok=True)
    path.write_text(CONFIG.format(**{**RIGHT, **changes}))
    found = load(path, Plugins.of(Catering), environ={"TOKEN": "secret-token-of-the-kitchen"}).warnings
    return [(each.path, each.says("sv"), each.says("en")) for each in found if each.key == "warning.connector"]


@pytest.mark.parametrize(
    "word",
    [
        *("1-2", "1E5", "00123456", "0001", "3e10", "2026-11-24", "MAJ-1", "1maj", "12/3", "1.5", "123456789012"),
        *("april-3", "Augusti-2", "oktober4", "december-1", "2-jan-26", "1-mars-2026", "1-2026", "3 juli"),
    ],
)
def test_a_word_that_a_spreadsheet_rewrites_is_known(word: str) -> None:
    assert is_rewritten(word)


@pytest.mark.parametrize(
    "word", ["1", "K-017", "12345678", "LUNCH-A", "E5", "GLUTENFRI", "K1-2", "MAJA", "0", "APRIL", "1-MARSKOLAN"]
)
def test_a_word_that_stays_as_it_is(word: str) -> None:
    assert not is_rewritten(word)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": "1-2"}, "kitchens[0].id"),
        ({"code": "00123456"}, "kitchens[0].unit_code"),
        ({"sitting": "1E5"}, "kitchens[0].sittings[0].id"),
        ({"diets": 'G: "5E3"'}, "kitchens[0].diet_codes.G"),
    ],
)
def test_check_names_the_place_in_both_languages(tmp_path: Path, changes: dict[str, str], path: str) -> None:
    ((where, sv, en),) = warned(tmp_path, **changes)
    assert where == f"connectors.kitchen.{path}"
    assert sv.startswith("Excel skriver om")
    assert en.startswith("Excel rewrites")


def test_check_is_silent_where_nothing_is_rewritten_or_no_file_is_made(tmp_path: Path) -> None:
    assert warned(tmp_path) == []
    assert warned(tmp_path, id="1-2", code="00123456", transport=HTTPS) == []


def test_check_names_diet_codes_that_differ_in_case_alone(tmp_path: Path) -> None:
    ((where, sv, _),) = warned(tmp_path, diets='G: "GLUTENFRI", g: "GRÖT"')
    assert where == "connectors.kitchen.kitchens[0].diet_codes"
    assert "stora och små bokstäver" in sv


@pytest.mark.parametrize(
    ("diet", "known"),
    [(["g"], "G"), (["laktosfri"], "Laktosfri"), (["gluten", "LAKTOS"], "GLUTEN+LAKTOS"), (["Normal"], "NORMAL")],
)
async def test_a_diet_that_differs_in_case_alone_is_named(tmp_path: Path, diet: list[str], known: str) -> None:
    codes = {"G": "GLUTENFRI", "Laktosfri": "LAKTOSFRI", "GLUTEN+LAKTOS": "GLULAK"}
    desk = Desk({"kind": "folder", "path": str(tmp_path)}, kitchen(diet_codes=codes))
    desk.directory.here += [pupil(30, *diet), pupil(31, "NÖT")]
    await desk.report("2026-11-24T08:00")
    ((_, said),) = [each for each in desk.problems if each[0] == "unknown-diet"]
    assert said.endswith(f"upper and lower case alone make them differ from {known}")
    assert "NÖT" not in said
