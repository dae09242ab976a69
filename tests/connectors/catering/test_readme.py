"""The README stays true: every setting has its row, and the example is one that loads."""

import re
from pathlib import Path

import yaml

import connectors.catering
from connectors.catering.config import CateringConfig
from connectors.catering.connector import Catering

README = (Path(connectors.catering.__file__).parent / "README.md").read_text()


def test_every_setting_has_a_row() -> None:
    schema = CateringConfig.model_json_schema()
    names = {name for model in (schema, *schema["$defs"].values()) for name in model.get("properties", {})}
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", table))))
    assert len(names) > 20
    assert names - told == set()


def test_the_example_loads() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    settings = yaml.safe_load(block)["connectors"]["kitchen"]
    assert settings.pop("use") == Catering.name
    assert CateringConfig.model_validate(settings).kitchens[0].cutoff("special").offset_days == 1


def test_every_event_is_named() -> None:
    for model in (*Catering.consumes, *Catering.produces):
        assert model.spec.type.removeprefix("se.skolnav.").removesuffix(".v1") in README
