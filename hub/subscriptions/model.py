"""A subscription: which recipient wants which events, where they go, and under which contract."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from hub.privacy.base import Recipient

StartFrom = Literal["now", "oldest", "state"]


class Status(StrEnum):
    PENDING = "pending"  # webhook handshake not answered yet; the cursor is kept
    ACTIVE = "active"
    PAUSED = "paused"  # by a person, or because it left the file, or because its recipient failed for too long
    ENDED = "ended"  # the recipient answered 410, or the subscription was deleted or has expired


@dataclass(slots=True)
class Subscription:
    """One subscription as it runs. `id` is its name for one of the file, and a UUID for one made over the API.

    `types` are resolved against the catalogue; `filter` is the CloudEvents filter dialect object as given, applied to
    the reduced event. `sink` is the validated sink configuration (`kind` and its own keys); for a connector's own
    subscription `{"kind": "connector", "instance": ...}`.
    """

    id: str
    name: str
    recipient: Recipient
    types: frozenset[str]
    sink: dict[str, Any]
    filter: list[dict[str, Any]] = field(default_factory=list)
    start_from: StartFrom = "now"
    origin: Literal["file", "api", "connector"] = "file"
    status: Status = Status.ACTIVE
    reason: str = ""  # why it is paused or ended: a short code (`reason.<code>` in hub.texts), never data
    expires_at: datetime | None = None
    sources: tuple[str, ...] = ()  # source globs; empty = all
