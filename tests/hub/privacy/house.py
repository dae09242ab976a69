"""The real catalogue, directory and gate, without a log, for tests of directory and gate.

`House.say` does what the log's writer does with an event: the catalogue describes it, it gets a place, and the
directory observes it.
"""

import itertools
from datetime import datetime
from typing import Any

import orjson

from hub.bus.base import Place, Stored
from hub.clock import to_us
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Decision, PayloadLevel, Recipient
from hub.privacy.gate import PrivacyGate
from schemas import Catalogue, Category, DataContract, Scope, core_catalogue
from tests import school
from tests.clock import HandClock
from tests.school import CURRENT, ELSEWHERE, ORGANISATION, SCHOOL, SIS, UNIT

ALL = frozenset(Category)


def contract(*categories: Category, purpose: str = "test", **scope: Any) -> DataContract:
    return DataContract(
        purpose=purpose,
        legal_basis="test",
        categories=frozenset(categories),
        scope=Scope(**{name: frozenset(value) for name, value in scope.items()}),
    )


def recipient(
    *contracts: DataContract, name: str = "client/acme", level: PayloadLevel = PayloadLevel.FULL, **rest: Any
) -> Recipient:
    return Recipient(name, contracts or (contract(*ALL),), level, **rest)


class House:
    """Directory and gate on a clock in the test's hand."""

    def __init__(self, catalogue: Catalogue | None = None, current: bool = True) -> None:
        self.clock = HandClock()
        self.catalogue = catalogue or core_catalogue()
        self.problems: list[tuple[str, str]] = []
        self.directory = Directory(self.clock, on_problem=lambda code, id: self.problems.append((code, id)))
        self.gate = PrivacyGate(
            catalogue=self.catalogue, directory=self.directory, keys=Keys(b"k" * 32), clock=self.clock, tenant="test"
        )
        self._numbers = itertools.count(1)
        if current:
            self.current()

    def stored(self, type_: str, data: dict[str, Any], source: str = SIS, **attributes: Any) -> Stored:
        """An event as the log would keep it. The directory is not told."""
        number = next(self._numbers)
        now = self.clock.utc()
        given = {"id": f"e{number}", "time": now.isoformat(), "datacontenttype": "application/json", **attributes}
        event = school.event(type_, data, source=source, **given)
        id_ = event.id
        described = self.catalogue.describe(event)
        whole = {**described.event.to_dict(), "sequence": f"{to_us(now) + number:016d}"}
        return Stored(
            Place(number), type_, source, id_, described.subject, described.key, described.entity,
            described.about, described.organisations, described.extras, to_us(now),
            orjson.dumps(whole, option=orjson.OPT_SORT_KEYS),
        )  # fmt: skip

    def say(self, type_: str, data: dict[str, Any], source: str = SIS, **attributes: Any) -> Stored:
        """An event that the directory has been told of."""
        stored = self.stored(type_, data, source, **attributes)
        self.directory.observe((stored,))
        return stored

    def current(self, source: str = SIS, as_of: datetime | None = None) -> Stored:
        return self.say(CURRENT, {"asOf": (as_of or self.clock.utc()).isoformat()}, source)

    def tree(self) -> None:
        """A school with one unit, and a unit elsewhere."""
        self.say(ORGANISATION, {"id": SCHOOL, "organisationType": "Skola"})
        self.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}, "schoolTypes": ["GR"]})
        self.say(ORGANISATION, {"id": ELSEWHERE, "schoolTypes": ["GY"]})

    def later(self, **passed: float) -> None:
        self.clock.move(**passed)

    def decide(self, stored: Stored, to: Recipient, **how: bool) -> Decision:
        return self.gate.decide(stored, to, **how)

    def bytes_for(self, stored: Stored, to: Recipient) -> bytes | None:
        """What leaves for this recipient now; None if nothing does."""
        decision = self.gate.decide(stored, to)
        return self.gate.permit(decision) if decision.allowed else None

    def seen(self, stored: Stored, to: Recipient) -> Any:
        """The data in what leaves. Fails if nothing does."""
        body = self.bytes_for(stored, to)
        assert body is not None, self.gate.decide(stored, to).rule
        return orjson.loads(body)["data"]
