"""The pages stay true: every setting, event and code has its place, the examples load, the commands run."""

import ast
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import connectors.ss12000
from connectors.ss12000 import words
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.connector import Ss12000
from plugins.wires import https, login, tls
from tests.connectors.ss12000.records import school
from tests.docs.snippets import DOCS, Fence, Stage, fences
from tests.peers.sis import Made, serving
from tests.plugins.wires.failures import failures_in

FOLDER = Path(connectors.ss12000.__file__).parent
README = (FOLDER / "README.md").read_text("utf-8")
PAGE = DOCS / "connectors" / "ss12000.md"


def test_every_setting_has_a_row() -> None:
    schema = Ss12000Config.model_json_schema()
    names = {name for model in (schema, *schema["$defs"].values()) for name in model.get("properties", {})}
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", table))))
    assert len(names) > 20
    assert names - told - {"dialect", "window", "auth"} == set()


def test_the_example_loads() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    settings = yaml.safe_load(block)["connectors"]["sis"]
    assert settings.pop("use") == Ss12000.name
    assert Ss12000Config.model_validate(settings).window.ahead.days == 60


def test_every_event_is_named() -> None:
    for model in Ss12000.produces:
        name = model.spec.type.removeprefix("se.skolnav.").removesuffix(".v1")
        assert name in README or (
            name.rpartition(".")[0] in README and name.rpartition(".")[2] in ("upserted", "deleted")
        ), name


def codes() -> set[str]:
    """What the connector says to the operator: codes of its own failures, of its wire's, and of its problems."""
    found = {failure.code for module in (words, login, https, tls) for failure in failures_in(module)}
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "problem":
                found |= {each.value for each in node.args[:1] if isinstance(each, ast.Constant)}
    return found


def test_every_code_is_explained() -> None:
    found = codes()
    assert len(found) > 25
    section = README.split("## When something fails")[1].split("\n## ")[0]
    assert {each for each in found if f"`{each}`" not in section} == set()


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs bash and curl")
def test_a_municipality_can_follow_its_page(tmp_path: Path) -> None:
    """With this address, secret and word in place of those that are shown."""
    with serving(Made(**school())) as sis, Stage(tmp_path) as stage:
        own = {"https://sis.example": sis.url, "the-secret-from-your-supplier": "hub-secret"}
        page = [replace(each, text=replaced(each.text, own)) for each in fences(PAGE)]
        disappears = next(n for n, each in enumerate(page) if each.text == "skolnav connectors\n") - 2
        assert stage.play(page[:disappears]) == 3
        assert "/v2.0/persons" in sis.paths()

        assert isinstance(sis, Made)
        del sis.records["persons"][5:]
        assert stage.play(page[disappears : disappears + 2]) == 1
        listed = tmp_path / "waiting.json"
        wait = f"until skolnav connectors --json > {listed.name} && grep -q persons: {listed.name}; do sleep 0.1; done"
        stage.play([Fence("sh", "run", wait, "until it waits")])
        (waits,) = json.loads(listed.read_text())["connectors"][0]["waiting"]
        rest = [
            replace(each, text=replaced(each.text, {"persons:1a2b3c4d": waits["word"]}))
            for each in page[disappears + 2 :]
        ]
        assert stage.play(rest) == 2
        gone = "until skolnav events --json | grep -q person.deleted; do sleep 0.1; done"
        stage.play([Fence("sh", "run", gone, "until they are removed")])


def replaced(text: str, by: dict[str, str]) -> str:
    for before, after in by.items():
        text = text.replace(before, after)
    return text
