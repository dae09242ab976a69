"""Promise 10: reports to CSN, reports of concern and the like become cases with evidence; a human decides.

What the hub can hold: a decision in such a case that names no human gets in by neither door (a connector's commit,
`POST /v1/events`, which validates by the same catalogue); no connector of the hub's own decides; and the hub itself
says nothing about cases. What a vendor's code does at its own far side is outside the hub's reach
(docs/vendors/README.md).
"""

import ast
from pathlib import Path
from typing import Any

import pytest

import hub
from plugins import Category, Connector, ConnectorConfig, Contract, Event
from plugins.manager import Plugins
from plugins.testing import open_hub
from schemas import InvalidEvent, core_catalogue
from schemas.attendance import UnauthorisedConfirmed
from schemas.case import HUMAN_KINDS, CaseChanged, CaseClosed, CaseDecided, CaseOpened
from schemas.directory_examples import PUPIL, TEACHER
from tests.school import PERSON, current, event, person

CASE = "ca5e0000-6d2a-4b0f-9c3d-4e5f6a7b1299"
SIGNAL = dict(UnauthorisedConfirmed.spec.examples[0])
DECIDING = {CaseDecided, CaseClosed}


def case(kind: str, by: str | None, **more: Any) -> dict[str, Any]:
    decision: dict[str, Any] = {"outcome": "granted", "decidedAt": "2026-11-24T13:00:00+01:00"}
    if by is not None:
        decision["decidedBy"] = {"id": by}
    return {
        "id": CASE,
        "kind": kind,
        "pupil": {"id": PUPIL["id"]},
        "items": [{"id": "1", "decision": decision}],
        **more,
    }


class Truancy(Connector[ConnectorConfig]):
    """Opens a case for each signal, as it should, or decides by itself, as `says` tells it."""

    name = "truancy"
    config_model = ConnectorConfig
    consumes = (UnauthorisedConfirmed,)
    produces = (CaseOpened, CaseDecided)
    contract = Contract("truancy", "public task", set(Category))
    says: Any = None

    async def handle(self, event: Event) -> None:
        async with self.ctx.commit() as tx:
            tx.publish(*self.says(event))


def opens(event: Event) -> tuple[Any, dict[str, Any]]:
    evidence = [{"entity": f"unauthorised/{event.data['id']}"}]
    return CaseOpened, {"id": CASE, "kind": "csn_assessment", "pupil": event.data["student"], "evidence": evidence}


async def published_by(says: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Event], list[str]]:
    """What a connector's word becomes on a real hub, and why it was refused."""
    monkeypatch.setattr(Truancy, "says", staticmethod(says))
    async with open_hub("2026-11-24T07:00") as running:
        await running.add(Truancy, {}, "truancy")
        known = event(PERSON, person(PUPIL["id"]))
        await running.post([known, current(running.clock.utc()), event(UnauthorisedConfirmed.spec.type, SIGNAL)])
        await running.settle()
        return await running.published(), [each.reason for each in await running.dead_letters()]


async def test_a_signal_becomes_a_case_with_its_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    (opened,), refused = await published_by(opens, monkeypatch)
    assert refused == []
    assert opened.type == CaseOpened.spec.type
    assert opened.data["evidence"] == [{"entity": f"unauthorised/{SIGNAL['id']}"}]
    assert "items" not in opened.data


@pytest.mark.parametrize("kind", sorted(HUMAN_KINDS))
async def test_a_connector_that_decides_by_itself_publishes_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    says = (CaseDecided, case(kind, None, decided=["1"]))
    published, refused = await published_by(lambda event: says, monkeypatch)
    assert published == []
    assert refused == ["publish"]


async def test_a_humans_decision_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    says = (CaseDecided, case("csn_assessment", TEACHER["id"], decided=["1"]))
    (decided,), refused = await published_by(lambda event: says, monkeypatch)
    assert (decided.type, refused) == (CaseDecided.spec.type, [])


@pytest.mark.parametrize("model", [CaseOpened, CaseChanged, CaseDecided, CaseClosed])
@pytest.mark.parametrize("kind", sorted(HUMAN_KINDS))
def test_no_door_lets_such_a_decision_in_without_its_human(model: Any, kind: str) -> None:
    catalogue = core_catalogue()

    def taken(data: dict[str, Any]) -> None:
        more = {"decided": ["1"]} if model is CaseDecided else {}
        catalogue.describe(event(model.spec.type, {**data, **more}))

    taken(case(kind, TEACHER["id"]))
    taken(case("examination", None))  # an ordinary case: the school's own system answers for who decided
    with pytest.raises(InvalidEvent, match="decidedBy"):
        taken(case(kind, None))


def test_what_is_called_decided_has_a_decision() -> None:
    data = {"id": CASE, "kind": "report_of_concern", "items": [{"id": "1"}], "decided": ["1"]}
    with pytest.raises(InvalidEvent, match="decidedBy"):
        core_catalogue().describe(event(CaseDecided.spec.type, data))


def test_no_connector_of_the_hubs_own_decides() -> None:
    plugins = Plugins.load()
    connectors = [plugins.connector(name) for name in plugins.names()]
    assert len(connectors) >= 2
    assert [cls.name for cls in connectors if DECIDING & set(cls.produces)] == []


def test_the_hub_itself_says_nothing_about_cases() -> None:
    """Of all its code only a vendor's door and the example town may name such a type; neither does.

    The words of `/docs` for each type (`type.se.skolnav.case.…`) are no events.
    """
    told: list[str] = []
    files = list(Path(hub.__file__).parent.rglob("*.py"))
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "skolnav.case." in node.value:
                if node.value.startswith("type.") and file.parent.name == "texts":
                    continue
                told.append(f"{file.name}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and node.module == "schemas.case":
                told.append(f"{file.name}:{node.lineno}")
    assert len(files) > 100
    assert told == []
