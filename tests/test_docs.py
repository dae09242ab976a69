"""The documentation says what the code does: tables, names and links are compared with it.

What a page shows as commands and code is run by `tests/docs`.
"""

import ast
import inspect
import logging
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic import BaseModel

import plugins
import plugins.testing
import plugins.wires
from hub.api.limits import Standing
from hub.api.metrics import AtTheDoor, Standings, Sums
from hub.api.pulls import Pulls
from hub.cli.commands import app
from hub.config.model import ClientConfig, ConnectorHead, FileModel, Role
from hub.delivery.retries import ATTEMPTS, DELAYS_S
from hub.http.counted import Counted
from hub.http.guesses import Guesses
from hub.http.problems import STATUSES
from hub.http.unread import Unread
from hub.subscriptions.spec import KafkaSpec, SubscriptionSpec
from hub.texts import TEXTS
from plugins import Connector, Context, DirectoryView, Effect, hookspecs
from plugins.hookspecs import ENTRY_POINT_GROUP
from plugins.manager import Plugins
from plugins.testing import ManualClock, suites
from schemas import Category, DataContract, Scope, core_catalogue
from schemas.export import markdown

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("schemas", "plugins", "connectors", "hub", "tests", "bench")
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "bench/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")), *sorted(REPOSITORY.glob("connectors/*/README.md")),
]  # fmt: skip
CODE = [path for room in ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]
CONNECTORS = sorted(path.parent.name for path in REPOSITORY.glob("connectors/*/__init__.py"))


def page(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text("utf-8")


def tables(text: str, heading: str) -> list[list[list[str]]]:
    """For each table whose header begins with `heading`, the cells of its rows, without back-ticks."""
    found = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[ |-]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [
        [[cell.strip().replace("`", "") for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
        for rows in found
    ]


def table(text: str, heading: str) -> list[list[str]]:
    (rows,) = tables(text, heading)
    return rows


def first_cells(text: str, heading: str) -> list[str]:
    return [row[0] for row in table(text, heading)]


# -- links and commands ------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in reached or here.suffix != ".md":
            continue
        reached.add(here)
        links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", here.read_text("utf-8"))
        waiting += [(here.parent / link).resolve() for link in links if "://" not in link]
    assert set(PAGES) - reached == set()


def test_the_picture_of_the_layers_is_what_the_import_rules_say():
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == ["hub"])
    drawn = re.findall(r"^│ ([a-z0-9_ |]+?) *│", page("architecture.md"), re.MULTILINE)
    assert drawn == layers


def test_comments_lead_to_pages_and_headings_that_exist():
    broken = []
    for path in CODE:
        text = re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text("utf-8"))  # a reference may lie on two lines
        for name, heading in re.findall(r"(?<![\w/])docs/([\w/-]+\.md)(?:, ([A-Z][\w -]*\w))?", text):
            target = REPOSITORY / "docs" / name
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE) if target.exists() else None
            if headings is None or (heading and not any(heading.startswith(each) for each in headings)):
                broken.append(f"{path.relative_to(REPOSITORY)}: {name}, {heading}")
        if re.search(r"\b(DESIGN|STYLE|CLUSTER)\b(\.md| section| \")", text):
            broken.append(f"{path.relative_to(REPOSITORY)}: names a page that is not in the repository")
    assert not broken


def test_the_two_commands_of_the_readme_are_in_the_makefile():
    shown = re.findall(r"^```sh\b[^\n]*\n(.*?)^```", "".join(map(Path.read_text, PAGES)), re.MULTILINE | re.DOTALL)
    commands = set(re.findall(r"^make (\w+)", "".join(shown), re.MULTILINE))
    assert {"run", "test"} <= commands
    targets = set(re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert commands - targets == set()


def test_the_promises_that_the_readme_says_have_tests_have_tests():
    (first, last), *_ = re.findall(r"Promises (\d+) to (\d+) have tests", (REPOSITORY / "README.md").read_text("utf-8"))
    tests = "".join(path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    unnamed = [n for n in range(int(first), int(last) + 1) if not re.search(rf"Promises? [\d, and]*\b{n}\b", tests)]
    assert unnamed == []


def commands(app: typer.Typer, prefix: str = "skolnav") -> list[str]:
    """Each command as it is typed, those of groups too."""
    found: list[str] = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found.append(f"{prefix} {name}")
        found += [f"{prefix} {name} {inner}" for inner in getattr(command, "commands", ())]
    return found


def test_every_command_is_told_and_every_command_told_is_there():
    there = commands(app)
    assert "skolnav dead-letters resend" in there
    text = "".join(path.read_text("utf-8") for path in PAGES if path.name != "CHANGELOG.md")
    text = re.sub(r"skolnav\s+", "skolnav ", text)
    untold = [command for command in there if len(command.split()) == 2 and command not in text]
    assert untold == []
    groups = {command.rsplit(" ", 1)[0] for command in there if len(command.split()) == 3}
    groups.remove("skolnav backup")  # whose second word may be a folder: short for `backup make`
    told = set(re.findall(r"(?:^|`|run )(skolnav [a-z][a-z-]+(?: [a-z][a-z-]+)?)", text, re.MULTILINE))
    made_up = {
        command
        for command in told
        if command not in there and not (command.rsplit(" ", 1)[0] in there and command.rsplit(" ", 1)[0] not in groups)
    }
    assert made_up == set()


# -- consumers -----------------------------------------------------------------------------------------------------


def test_the_table_of_types_is_the_catalogues():
    (found,) = re.findall(r"<!-- types -->\n(.*?)<!-- /types -->", page("consumers.md"), re.DOTALL)
    assert found == markdown(core_catalogue())


def test_every_problem_is_told_with_its_status():
    assert {row[0]: int(row[1]) for row in table(page("consumers.md"), "code")} == STATUSES


def test_the_retries_are_those_of_the_schedule():
    units = {"s": 1, "min": 60, "h": 3600}
    told = [row[1].split() for row in table(page("consumers.md"), "after failure")]
    assert [float(number) * units[unit] for number, unit in told] == list(DELAYS_S)
    assert f"After the {ATTEMPTS}th" in page("consumers.md")


def test_what_a_subscription_is_made_with_is_told():
    (block,) = re.findall(r"^\| key \| what \|\n.*?\n\n", page("consumers.md"), re.MULTILINE | re.DOTALL)
    assert set(first_cells(block, "key")) == keys(SubscriptionSpec)


# -- municipality --------------------------------------------------------------------------------------------------


def keys(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def parts(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for inner in get_args(annotation) for part in parts(inner)]


def settings(model: type[BaseModel], prefix: str) -> set[str]:
    """Dotted paths of a model's settings; contracts, which stand in several places, have a table of their own."""
    found: set[str] = set()
    for name, info in model.model_fields.items():
        path = f"{prefix}{info.alias or name}"
        found.add(path)
        for part in parts(info.annotation):
            if name != "contract" and part is not KafkaSpec:
                found |= settings(part, f"{path}.")
    return found


def test_every_setting_has_an_entry_and_every_entry_is_a_setting():
    told = {row[0] for rows in tables(page("municipality.md"), "setting") for row in rows}
    there = (
        settings(FileModel, "")
        | settings(ClientConfig, "clients[].")
        | settings(ConnectorHead, "connectors.<name>.")
        | settings(SubscriptionSpec, "subscriptions[].")
        | settings(DataContract, "contract.")
    )
    assert told == there
    assert settings(Scope, "contract.scope.") <= told


def test_every_category_and_role_is_explained():
    assert first_cells(page("municipality.md"), "category") == list(Category)
    told = [name for cell in first_cells(page("municipality.md"), "role") for name in cell.split(", ")]
    assert told == list(Role)


def test_every_metric_is_listed():
    clock = ManualClock("2026-11-24T08:00")
    standings = Standings([], [], [], Standing(), [], clock.utc())
    refused = Counted(clock, logging.getLogger(), "refused")
    families = [
        *standings.collect(),
        *Sums({}).collect(),
        *AtTheDoor(Unread(clock), Guesses(clock), Pulls(clock), refused).collect(),
    ]
    there = {each.name + ("_total" if each.type == "counter" else "") for each in families}
    assert len(there) > 10
    assert set(first_cells(page("municipality.md"), "metric")) == there


# -- vendors -------------------------------------------------------------------------------------------------------


def hooks() -> dict[str, object]:
    return {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "skolnav_spec")}


def test_every_hook_is_documented_with_its_arguments():
    told = first_cells(page("vendors/writing.md"), "hook")
    assert told == [f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in hooks().items()]
    assert all(inspect.getdoc(hook) for hook in hooks().values())


@pytest.mark.parametrize("module", [plugins, plugins.testing, plugins.wires])
def test_every_public_name_is_mentioned(module):
    missing = [name for name in module.__all__ if not re.search(rf"\b{name}\b", page("vendors/writing.md"))]
    assert missing == []


def test_every_wire_is_documented():
    made = {path.stem: classes(path) for path in sorted((REPOSITORY / "plugins" / "wires").glob("*.py"))}
    wires = {
        name: node.name
        for name, found in made.items()
        for node in found
        if node.name == name.title() and {getattr(part, "name", "") for part in node.body} & {"probe", "ask"}
    }
    assert {row[0]: row[1] for row in table(page("vendors/writing.md"), "module")} == wires
    models = [node.name for node in made["settings"] if node.name != "Settings"]
    assert [name for name in models if name not in page("vendors/writing.md")] == []


def test_what_a_class_declares_is_documented_with_its_default():
    declared = [name for name in Connector.__annotations__ if name not in ("config", "ctx")]
    rows = {row[0]: row[2] for row in table(page("vendors/writing.md"), "attribute")}
    assert list(rows) == declared
    for name, default in rows.items():
        actual = getattr(Connector, name, None)
        if isinstance(actual, Effect):
            assert default == f"Effect.{actual.name}"
        elif isinstance(actual, bool | str | int | float):
            assert default == str(actual)


def test_what_the_hub_calls_is_documented():
    public = {
        f"{name}({', '.join(inspect.signature(method).parameters)})"
        for name, method in vars(Connector).items()
        if inspect.iscoroutinefunction(method)
    }
    assert {row for row in first_cells(page("vendors/writing.md"), "method") if "(self" in row} == public


@pytest.mark.parametrize("protocol", [Context, DirectoryView])
def test_what_a_context_offers_is_mentioned(protocol):
    names = [name for name in vars(protocol) if not name.startswith("_")]
    assert len(names) > 3
    assert [name for name in names if not re.search(rf"\b{name}\b", page("vendors/writing.md"))] == []


def test_every_effect_and_suite_is_explained():
    assert first_cells(page("vendors/writing.md"), "effect") == [f"Effect.{effect.name}" for effect in Effect]
    there = [name for name in vars(suites) if name.endswith("Suite")]
    assert first_cells(page("vendors/writing.md"), "suite") == there


# -- connectors and backends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_connector_has_a_full_readme(name):
    text = (REPOSITORY / "connectors" / name / "README.md").read_text("utf-8")
    for heading in ("The outside system", "Set-up", "Events", "Personal data", "Unproven"):
        assert f"\n## {heading}\n" in text, f"{name}: no section {heading}"
    described = {info.name: info for info in Plugins.load().describe()}
    (point,) = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.value == f"connectors.{name}"]
    info = described[point.name]
    untold = [setting for setting in info.settings if f"`{setting}" not in text]
    assert untold == []
    assert f"(../../connectors/{name}/README.md)" in page("connectors/README.md")


def test_every_counter_that_the_page_names_has_words():
    (rows,) = [rows for rows in tables(page("municipality.md"), "about") if rows[0][0].startswith("hub")]
    section = page("municipality.md").partition("| about | counters |")[2].partition("\n\n")[0]
    named = {name for name in re.findall(r"`([a-z_]+)`", section) if name not in ("hub",)}
    assert len(rows) == 3
    assert {f"counted.{name}" for name in named} == {key for key in TEXTS if key.startswith("counted.")}


BACKENDS = [("bus", "Log", "LogContract"), ("store", "Store", "StoreContract"), ("sinks", "Sink", "SinkContract")]


def classes(folder: Path) -> list[ast.ClassDef]:
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.py"))
    trees = [ast.parse(path.read_text("utf-8")) for path in files]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize(("room", "ending", "contract"), BACKENDS)
def test_every_backend_passes_the_contract_of_its_interface(room, ending, contract):
    """Promise 7: one suite per interface, run against every implementation."""
    backends = {node.name for node in classes(REPOSITORY / "hub" / room) if re.fullmatch(rf"\w+{ending}", node.name)}
    assert backends
    tested = {
        node.name.removeprefix("Test")
        for node in classes(REPOSITORY / "tests")
        if any(isinstance(base, ast.Name) and base.id == contract for base in node.bases)
    }
    assert backends - tested == set()
