"""No self-test of a built-in connector answers in English alone."""

import ast
import inspect
import string
from pathlib import Path
from types import ModuleType

import pytest

import connectors.catering.words
import connectors.ss12000.words
import plugins.wires
from connectors.catering.config import CateringConfig
from connectors.ss12000.config import Ss12000Config
from plugins import errors
from plugins.texts import NOTHING
from plugins.wires import Failure, FarSide, files, folder, https, login, sftp, smtp, tls, words
from tests.plugins.wires.failures import failures_in

CATALOGUES = (connectors.catering.words, connectors.ss12000.words, words)
FAILURES = [
    pytest.param(failure, id=f"{module.__name__}.{name}")
    for module in CATALOGUES
    for name, failure in vars(module).items()
    if isinstance(failure, Failure)
]
ERRORS = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
FOLDERS = [Path(module.__file__).parent for module in (connectors.catering.words, connectors.ss12000.words)]
FOLDERS.append(Path(plugins.wires.__file__).parent)


@pytest.mark.parametrize("file", [file for folder in FOLDERS for file in folder.glob("*.py")], ids=str)
def test_every_error_is_made_from_a_catalogue(file: Path) -> None:
    """An error that is made of plain strings has no Swedish."""
    made = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ERRORS
    ]
    assert made == []


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_of_a_catalogue_has_swedish_with_the_same_facts(failure: Failure) -> None:
    for text in (failure.what, failure.why, failure.fix):
        assert bool(text.sv) == bool(text.en)
        assert names(text.sv) == names(text.en)
    assert failure.what != NOTHING


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


SETTINGS = {"catering": CateringConfig, "ss12000": Ss12000Config}
GIVEN = {"it", "why", "status", "seconds", "most", "file", "kind", "name", "explained"}
KITCHEN, SCHOOL = connectors.catering.words, connectors.ss12000.words
USES = [
    (KITCHEN.FOLDER, (folder, files)),
    (KITCHEN.SFTP, (sftp, files)),
    (KITCHEN.MAIL, (smtp, tls)),
    (KITCHEN.ORDERS, (https, tls)),
    (SCHOOL.SUPPLIER, (https, login, tls)),
]


@pytest.mark.parametrize(("far_side", "wires"), USES, ids=lambda each: getattr(each, "connector", ""))
def test_an_error_of_a_wire_names_settings_that_the_connector_has(
    far_side: FarSide, wires: tuple[ModuleType, ...]
) -> None:
    schema = SETTINGS[far_side.connector].model_json_schema()
    known = {name for model in (schema, *schema["$defs"].values()) for name in model["properties"]}
    has_own_certificate = "certificate" in known
    failures = [failure for wire in wires for failure in failures_in(wire)]
    named = {
        far_side.setting(name).split(".")[-1]
        for failure in failures
        if failure.code != "client-certificate" or has_own_certificate
        for name in names("".join((failure.what.en, failure.why.en, failure.fix.en))) - GIVEN
    }
    assert named - known == set()


def test_every_far_side_is_looked_at() -> None:
    there = [each for module in CATALOGUES for each in vars(module).values() if isinstance(each, FarSide)]
    assert there == [far_side for far_side, _ in USES]
