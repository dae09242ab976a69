"""Where a protected or unknown person is withheld: from events about them, and from events that mention them.

The gate asks this module about every event that names persons. It also gathers what the answers rest on: the version
of each person in the directory, and the time from which a mark counts as too old.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hub.bus.base import Stored
from hub.clock import NEVER_US
from hub.directory.directory import Directory, Protection
from hub.privacy.base import Recipient, Rule
from hub.privacy.reduce import Ref
from schemas.payload import EventSpec

RULES: Final = {
    Protection.PROTECTED: Rule.PROTECTED,
    Protection.UNKNOWN: Rule.UNKNOWN,
    Protection.STALE: Rule.STALE,
}


class Basis:
    """What a decision rests on, gathered while deciding."""

    __slots__ = ("about", "directory", "expires_us", "hidden", "kept", "now_us", "versions")

    def __init__(self, directory: Directory, now_us: int, about: Sequence[str]) -> None:
        self.directory = directory
        self.now_us = now_us
        self.about = about
        self.versions: dict[str, int] = {}
        self.expires_us = NEVER_US
        self.hidden: set[str] = set()  # persons and duties that were removed, or that are not known
        self.kept: set[str] = set()

    def protection(self, person: str, *, leaving: bool = False) -> Protection:
        protection, expires_us = self.directory.judge(person, self.now_us, leaving=leaving)
        self.versions[person] = self.directory.version(person)
        if expires_us < self.expires_us:
            self.expires_us = expires_us
        return protection

    def keep(self, id: str, ref: Ref) -> bool:
        """Whether a person who is mentioned stays in the event."""
        person = self._person(id, ref)
        if person is None:
            self.hidden.add(f"duty/{id}")
            return False
        if person in self.kept or person in self.about:
            return True
        if self.protection(person) is Protection.OPEN:
            self.kept.add(person)
            return True
        self.hidden.add(person)
        return False

    def sees(self, id: str, ref: Ref) -> bool:
        """As `keep`, for a person who may be gone from the event: nothing waits until such a person is open."""
        person = self._person(id, ref)
        return person is not None and (
            person in self.kept or person in self.about or self.protection(person) is Protection.OPEN
        )

    def _person(self, id: str, ref: Ref) -> str | None:
        if ref is not Ref.DUTY:
            return id
        duty = f"duty/{id}"
        self.versions[duty] = self.directory.version(duty)
        return self.directory.duty_person(id)

    def forbids(self, stored: Stored, recipient: Recipient, spec: EventSpec) -> Rule | None:
        """The rule that withholds the event because of the persons that it is about; None if none does."""
        if recipient.aggregates:
            return None
        if not self.about:
            return Rule.UNKNOWN  # the duty's person is unknown; its signature could identify a protected teacher
        rule: Rule | None = None
        for person in self.about:
            protection = self.protection(person, leaving=spec.ends)
            if (
                spec.ends
                and spec.subject.kind == "person"
                and protection is Protection.OPEN
                and not recipient.protected
                and not self.directory.may_have_left(person, stored.source)
            ):
                # The source withdraws a record that never left the hub. The event would reveal that there was one.
                return Rule.PROTECTED
            if protection is not Protection.OPEN and not recipient.protected:
                self.hidden.add(person)
                rule = rule or RULES[protection]
        return rule

    def share_a_home(self, persons: Iterable[str]) -> bool:
        """Whether one of these persons may share a home with a person who is not surely open."""
        found = False
        for person in persons:
            for kin in self.directory.kin(person):
                if self.protection(kin) is not Protection.OPEN:
                    self.hidden.add(kin)
                    found = True
        return found
