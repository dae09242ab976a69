"""A vendor imports `skolnav.*` and nothing else, whatever the vendor's own folders are called."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import plugins
import plugins.testing
import plugins.testing.suites
import schemas
import skolnav
from schemas import CORE_TYPES

PUBLIC = sorted(
    module.name
    for module in pkgutil.walk_packages(skolnav.__path__, "skolnav.")
    if module.name.split(".")[1] in ("sdk", "events", "rest", "wires", "testing")
)

CONNECTOR = '''
"""A vendor's connector, in a folder that has the name of one of Skolnav's."""

from skolnav.events import AbsenceReported
from skolnav.sdk import Category, Connector, ConnectorConfig, Contract, Event, hookimpl


class Mine(Connector[ConnectorConfig]):
    """Counts."""

    name = "acme-mine"
    config_model = ConnectorConfig
    consumes = (AbsenceReported,)
    contract = Contract("a count", "public task", {Category.ATTENDANCE})

    async def handle(self, event: Event) -> None:
        async with self.ctx.commit() as tx:
            tx.state["count"] = tx.state.get("count", 0) + 1


@hookimpl
def skolnav_connectors():
    return (Mine,)
'''

TEST = """
from {import_first} import {name_first}
from {package}.mine import Mine
from {package} import MARK

from skolnav.events import AbsenceReported
from skolnav.testing import School, open_hub


async def test_it_runs_on_a_real_hub():
    assert MARK == "the vendor's own"
    school = School()
    async with open_hub() as hub:
        await hub.add(Mine, {{}})
        await hub.post(school.directory(hub.clock.utc().isoformat()))
        await hub.post([school.about(AbsenceReported, school.pupils[0])])
        await hub.settle()
        assert await hub.state("acme-mine") == {{"count": 1}}
"""


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_has_names_of_the_rooms_and_no_code_of_its_own(module):
    loaded = importlib.import_module(module)
    tree = ast.parse(Path(loaded.__file__).read_text("utf-8"))
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize(
    ("public", "room"),
    [
        ("skolnav.sdk", plugins),
        ("skolnav.testing", plugins.testing),
        ("skolnav.testing.suites", plugins.testing.suites),
    ],
)
def test_all_public_names_of_the_rooms_are_there_and_are_the_same(public, room):
    here = importlib.import_module(public)
    assert [name for name in room.__all__ if getattr(here, name, None) is not getattr(room, name)] == []


def test_every_event_type_of_the_core_is_there():
    events = importlib.import_module("skolnav.events")
    assert [model.__name__ for model in CORE_TYPES if getattr(events, model.__name__, None) is not model] == []
    assert events.Payload is schemas.Payload


@pytest.mark.parametrize("package", ["plugins", "schemas", "connectors", "hub"])
@pytest.mark.parametrize("first", ["vendor", "skolnav"])
def test_a_vendors_folder_with_the_name_of_a_room_hides_nothing(installed_hub, tmp_path, package, first):
    """The vendor's own modules can be imported too, whichever of the two folders is imported first."""
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text('MARK = "the vendor\'s own"\n' if first == "vendor" else "")
    (folder / "mine.py").write_text(CONNECTOR)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()
    text = TEST.format(
        package=package,
        import_first=f"{package}.mine" if first == "vendor" else "skolnav.sdk",
        name_first="Mine as First" if first == "vendor" else "Connector",
    )
    if first == "skolnav":  # then the vendor's __init__ never runs: Skolnav's package has the name
        text = text.replace(f"from {package} import MARK\n", 'MARK = "the vendor\'s own"\n')
    (tmp_path / "tests" / "test_mine.py").write_text(text)
    # pytest loads the kit's plugin, and so skolnav, before anything of the vendor's.
    without = ["-p", "no:skolnav"] if first == "vendor" else []
    done = installed_hub.run("python", "-m", "pytest", "-q", "-o", "asyncio_mode=auto", *without, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_vendors_module_in_the_place_of_one_of_skolnavs_is_named(installed_hub, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "__init__.py").touch()
    (tmp_path / "plugins" / "errors.py").touch()
    done = installed_hub.run("python", "-c", "import plugins.errors, skolnav.sdk", cwd=tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: plugins.errors of ")
    assert last.endswith("has the name of a module of Skolnav's. Import skolnav before it, or rename it")


def test_the_wheel_works_from_an_empty_folder(installed_hub, tmp_path):
    for command in (
        ("skolnav", "plugins"),
        ("python", "-m", "skolnav", "plugins"),
        ("python", "-c", "import skolnav.sdk, skolnav.events, skolnav.testing.suites, skolnav.wires.https"),
    ):
        done = installed_hub.run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if "plugins" in command:
            assert "catering" in done.stdout
    assert list(tmp_path.iterdir()) == []
