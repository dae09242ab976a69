"""What was acknowledged, who is protected, and every fault that was found. All else is judged against this."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.school import HIDDEN, pupil, uid


class Protection(Enum):
    """Whether a pupil is protected: never, always, or at times."""

    NEVER = "never"
    ALWAYS = "always"
    TURNING = "turning"


@dataclass
class Pupil:
    """`hidden`: protected, and the hub has acknowledged that."""

    id: str
    protection: Protection
    hidden: bool = False
    revision: int = 0

    def record(self, *, hidden: bool) -> dict[str, Any]:
        """The pupil's entry in the directory."""
        return pupil(self.id, HIDDEN if hidden else "Ingen", givenName=f"Elev{self.id[:8]}", familyName="Soakdotter")


@dataclass
class Truth:
    pupils: dict[str, Pupil] = field(default_factory=dict)
    absences: dict[str, Pupil] = field(default_factory=dict)
    """All absences that were ever published, acknowledged or not."""
    acknowledged: dict[str, Pupil] = field(default_factory=dict)
    """By event id."""
    stands: dict[str, str | None] = field(default_factory=dict)
    """The end of each absence after the last acknowledged event; None: it was withdrawn."""
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def fault(self, what: str, example: str = "") -> None:
        self.faults[what] += 1
        self.examples.setdefault(what, example)

    def add_pupils(self, publisher: str, number: int) -> list[Pupil]:
        """The pupils of one publisher: of each eight, one is protected and one is so at times."""
        made = []
        for n in range(number):
            protection = {6: Protection.ALWAYS, 7: Protection.TURNING}.get(n % 8, Protection.NEVER)
            made.append(Pupil(uid("soak", publisher, n), protection, hidden=protection is Protection.ALWAYS))
        self.pupils |= {each.id: each for each in made}
        return made

    def permitted(self) -> set[str]:
        """The ids of the acknowledged events that each recipient must have got."""
        return {id for id, who in self.acknowledged.items() if who.protection is Protection.NEVER}
