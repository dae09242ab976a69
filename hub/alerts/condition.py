"""One thing that should have happened and did not, and the kinds of such things."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple


class Severity(StrEnum):
    """How soon a person should look."""

    CRITICAL = "critical"  # a recipient does not get what it needs today
    WARNING = "warning"  # that will happen soon, or a part is affected
    INFO = "info"


class Kind(NamedTuple):
    """What all conditions with one code have in common. Times are seconds."""

    severity: Severity
    grace_s: float = 0.0  # how long it may last before it is an alert: most of what a machine mends is over by then
    settles_s: float = 0.0  # how long after the hub's start its absence does not mean that it is over
    grows: int = 0  # its count is news again once it has doubled and grown by this; 0: it never is


KINDS: Final[dict[str, Kind]] = {
    "backup-failing": Kind(Severity.WARNING, settles_s=900),
    "backup-old": Kind(Severity.WARNING),
    "certificate-ends": Kind(Severity.WARNING),
    "config-refused": Kind(Severity.WARNING),
    "connector-down": Kind(Severity.CRITICAL, 60),
    "dead-letters": Kind(Severity.WARNING, grows=1),
    "disk-full": Kind(Severity.CRITICAL),
    "disk-low": Kind(Severity.WARNING),
    "events-expire": Kind(Severity.CRITICAL),
    "far-side-behind": Kind(Severity.CRITICAL, 60),
    "keys-parked": Kind(Severity.WARNING, 900, grows=20),
    "log-away": Kind(Severity.CRITICAL, 30),
    "log-ins-failed": Kind(Severity.WARNING, settles_s=3600),
    "look-failing": Kind(Severity.WARNING, 60),
    "mail-failing": Kind(Severity.WARNING, 600, settles_s=900),
    "mail-undelivered": Kind(Severity.WARNING, 600, settles_s=900),
    "marks-old": Kind(Severity.CRITICAL),
    "new-version": Kind(Severity.INFO),
    "poll-failing": Kind(Severity.WARNING, 600, settles_s=3600),
    "recipient-failing": Kind(Severity.WARNING, 300, settles_s=900),
    "recipient-paused": Kind(Severity.CRITICAL),
    "recipient-pending": Kind(Severity.WARNING, 300),
    "source-missing": Kind(Severity.CRITICAL, 600),
    "store-away": Kind(Severity.CRITICAL, 30),
    "timer-failing": Kind(Severity.CRITICAL, settles_s=900),
    "timer-given-up": Kind(Severity.CRITICAL, settles_s=900),
    "timer-late": Kind(Severity.CRITICAL, settles_s=900),
    "waiting-unknown": Kind(Severity.WARNING, 300),
    "waits-for-person": Kind(Severity.WARNING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that should have happened and did not. Times are machine time."""

    code: str
    place: str  # as in the configuration: connectors.kitchen, subscriptions.acme-absence, directory, hub
    what: str = ""  # which of several there: a timer, a far side, a source, a file
    since: datetime
    error: str = ""  # the code of the last failure
    attempts: int = 0  # failures in a row
    next_try: datetime | None = None
    count: int = 0  # how many wait behind it: events, keys, things to confirm
    recalled: bool = False  # of an alert from before the hub's start: `attempts` and `count` are not known

    @property
    def kind(self) -> Kind:
        return KINDS[self.code]

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is known as the same one again."""
        return self.code, self.place, self.what
