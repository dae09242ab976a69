"""A vendor's first package, of each kind: it installs, is clean, and keeps the promises as it is."""

import sys
import tomllib
from pathlib import Path

import pytest

from plugins import ConfigurationError
from plugins.sdk import MAJOR
from skolnav.scaffold import KINDS, create
from tests.skolnav.environments import run


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def package(tmp_path, kind):
    create("acme-kitchen", tmp_path, kind)
    return tmp_path / "acme-kitchen"


def whole(package):
    return "".join(path.read_text("utf-8") for path in package.rglob("*") if path.is_file())


def test_the_package_has_the_parts_of_a_connector(package, kind):
    files = sorted(str(path.relative_to(package)) for path in package.rglob("*") if path.is_file())
    modules = ["client", "config", "connector", "mapping"] if kind != "rest" else ["connector"]
    assert files == [
        ".github/workflows/test.yml",
        ".gitignore",
        "README.md",
        "acme_kitchen/__init__.py",
        *(f"acme_kitchen/{module}.py" for module in modules),
        "pyproject.toml",
        "quality.yaml",
        "tests/__init__.py",
        "tests/test_conformance.py",
    ]


def test_the_package_has_the_vendors_names_and_imports_skolnav_alone(package):
    text = whole(package)
    assert "xample" not in text
    assert "skolnav.templates" not in text
    assert not [
        line for line in text.splitlines() if line.startswith(("from plugins", "from schemas", "import plugins"))
    ]


def test_its_metadata_offers_the_connector_pins_the_hub_and_declares_the_sdk(package):
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["skolnav.connectors"] == {"acme-kitchen": "acme_kitchen"}
    assert project["entry-points"]["skolnav.sdk"] == {str(MAJOR): "acme_kitchen"}
    (dependency,) = project["dependencies"]
    assert dependency.startswith("skolnav>=")


@pytest.mark.parametrize("name", ["Acme", "acme_kitchen", "-acme", "acme--kitchen", "../acme", ""])
def test_a_name_that_no_connector_can_have_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError, match="cannot have this name"):
        create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["class", "import", "async", "json", "email", "plugins", "schemas", "hub", "skolnav", "tests", "pytest", "httpx"],
)
def test_a_name_that_python_uses_already_is_refused_in_both_languages(tmp_path, name):
    with pytest.raises(ConfigurationError) as raised:
        create(name, tmp_path)
    assert f"acme-{name}" in str(raised.value)
    assert "skulle inte gå att importera" in raised.value.sv
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["catering", "ss12000"])
def test_a_name_that_a_built_in_connector_keeps_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError, match=f"{name} is a connector that is part of Skolnav.*acme-{name}"):
        create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["event", "text", "connector", "listing", "a", "acme-2-go"])
def test_a_name_that_is_also_a_name_of_the_sdk_gives_a_class_of_its_own(tmp_path, name):
    for kind in KINDS:
        create(name, tmp_path / kind, kind)
        run(Path(sys.executable).with_name("ruff"), "check", "--no-cache", ".", cwd=tmp_path / kind / name)
    text = (tmp_path / "rest" / name / name.replace("-", "_") / "connector.py").read_text("utf-8")
    assert f"class {''.join(part.capitalize() for part in name.split('-'))}" in text


def test_what_is_there_is_never_overwritten(tmp_path):
    create("acme", tmp_path)
    with pytest.raises(ConfigurationError, match="already"):
        create("acme", tmp_path)


@pytest.mark.parametrize(
    ("lang", "says"), [("sv_SE.UTF-8", "skulle inte gå att importera"), ("en_GB.UTF-8", "could not be imported")]
)
def test_the_command_speaks_the_users_language(installed_hub, tmp_path, lang, says):
    done = installed_hub.run("skolnav", "plugins", "new", "json", cwd=tmp_path, LANG=lang, SKOLNAV_LANG="")
    assert done.returncode == 2
    assert says in done.stderr


def test_the_command_makes_the_kind_that_is_asked_for_where_lang_knows_no_swedish_letters(installed_hub, tmp_path):
    done = installed_hub.run(
        "skolnav", "plugins", "new", "acme-app", "--kind", "rest", cwd=tmp_path, LANG="C", LC_ALL="C", PYTHONUTF8="0"
    )
    assert done.returncode == 0, done.stderr
    assert "RestConnector" in (tmp_path / "acme-app" / "acme_app" / "connector.py").read_text("utf-8")
