"""The README stays true: every setting has its row, and the example is one that loads."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

import connectors.catering
from connectors.catering import words
from connectors.catering.config import CateringConfig, Kitchen
from connectors.catering.connector import Catering
from connectors.catering.mapping import csv_bytes, mail_text, order
from connectors.catering.snapshot import Row, Snapshot
from plugins.wires import files, folder, https, sftp, smtp, tls
from tests.plugins.wires.failures import failures_in

FOLDER = Path(connectors.catering.__file__).parent
README = (FOLDER / "README.md").read_text("utf-8")


def test_every_setting_has_a_row() -> None:
    schema = CateringConfig.model_json_schema()
    names = {name for model in (schema, *schema["$defs"].values()) for name in model.get("properties", {})}
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", table))))
    assert len(names) > 20
    assert names - told == set()


def test_the_examples_load() -> None:
    whole, *transports = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    settings = yaml.safe_load(whole)["connectors"]["kitchen"]
    assert (settings.pop("use"), settings.pop("aggregates")) == (Catering.name, True)
    assert CateringConfig.model_validate(settings).kitchens[0].cutoff("special").offset_days == 1
    kinds = [CateringConfig.model_validate(settings | yaml.safe_load(each)).transport.kind for each in transports]
    assert kinds == ["https", "email"]


def shown() -> tuple[Kitchen, Snapshot]:
    """The day that the page's file, order and mail are of."""
    (found, *_) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    kitchens = yaml.safe_load(found)["connectors"]["kitchen"]["kitchens"]
    row = Row(
        sitting="1",
        serving="11:10",
        status="fixed",
        portions={"NORMAL": 208, "GLUTENFRI": 4, "ÖVRIG": 0},
        staff=9,
        enrolled=235,
        absent=23,
        complete=True,
        fixed=("normal",),
        closed=(),
    )
    due = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    told = Snapshot(kitchen="K-017", day=date(2026, 11, 24), due=due, revision=2, rows=(row,))
    return Kitchen.model_validate(kitchens[0]), told


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_the_file_the_order_and_the_mail_are_what_is_told() -> None:
    kitchen, told = shown()
    assert csv_bytes(kitchen, told).decode("utf-8-sig").replace("\r\n", "\n") == block("csv")
    assert order(kitchen, told, told.rows[0]) == json.loads(block("json"))
    assert mail_text(kitchen, told) == block("text")


def test_every_code_is_explained() -> None:
    found = {
        failure.code for module in (words, files, folder, sftp, smtp, tls, https) for failure in failures_in(module)
    }
    for file in FOLDER.glob("*.py"):
        found |= set(re.findall(r'problem\("([\w-]+)"', file.read_text("utf-8")))
    found = {each for each in found if "{" not in each} - {"client-certificate"}  # it has no such setting
    assert len(found) > 20
    section = README.split("## When something fails")[1].split("\n## ")[0]
    assert {each for each in found if f"`{each}`" not in section} == set()


def test_every_event_is_named() -> None:
    for model in (*Catering.consumes, *Catering.produces):
        assert model.spec.type.removeprefix("se.skolnav.").removesuffix(".v1") in README
