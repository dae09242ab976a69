"""A recipient's own `sequence`: events of one key that were stored together are one apart for every recipient.

The log's numbers count the events of a key in one group (`Stored.later`), also those that are withheld from a
recipient. So the gate counts anew: the number is the acceptance time and one for each earlier event of the key and the
group that the recipient could get now. What a subscription itself leaves out counts too, since it is no secret.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from hub.bus.base import Place, Stored
from hub.clock import NEVER_US, Clock
from hub.directory.directory import Directory
from hub.privacy.base import Recipient

_MAX_KNOWN: Final = 65_536
_KNOWN_FOR_US: Final = 1_000_000


class Rank(NamedTuple):
    """How many events of a chain of siblings a recipient could see, and what that rests on."""

    recipient: Recipient
    seen: int
    versions: Mapping[str, int]
    expires_us: int


class Numbers:
    """Counts, and remembers for a moment: a recipient asks for the events of a batch one after another.

    `decide` makes the draft of a decision about one event.
    """

    def __init__(self, directory: Directory, clock: Clock, decide: Callable[[Stored, Recipient], Any]) -> None:
        self._directory = directory
        self._clock = clock
        self._decide = decide
        self._known: dict[tuple[int, Place], Rank] = {}
        self._changes = 0  # what is known is from when the directory had changed this many times
        self._until_us = 0  # and is valid until then

    def apply(self, draft: Any) -> None:
        """Give an allowed draft about a `later` event the recipient's number, and what the number rests on."""
        stored: Stored = draft.stored
        rank = self._rank(stored.sibling, draft.recipient)
        number = f"{stored.accepted_us + rank.seen:016d}"
        content = stored.parsed if draft.reduced is None else draft.reduced
        if content.get("sequence", number) != number:
            draft.reduced, draft.unchanged = {**content, "sequence": number}, False
        # If one of these events is withheld by the time when the first byte leaves, it must not have been counted.
        draft.versions = {**rank.versions, **draft.versions}
        draft.expires_us = min(rank.expires_us, draft.expires_us)

    def forget(self) -> None:
        """Contracts or rules have changed."""
        self._known.clear()

    def _rank(self, newest: Stored | None, recipient: Recipient) -> Rank:
        """Of an event and the siblings before it."""
        now_us = self._clock.utc_us()
        if now_us >= self._until_us or self._changes != self._directory.changes or len(self._known) >= _MAX_KNOWN:
            self._known.clear()
            self._changes, self._until_us = self._directory.changes, now_us + _KNOWN_FOR_US
        rank = Rank(recipient, 0, {}, NEVER_US)
        unknown: list[Stored] = []
        while newest is not None:
            known = self._known.get((id(recipient), newest.at))
            if known is not None and known.recipient is recipient:
                rank = known
                break
            unknown.append(newest)
            newest = newest.sibling
        for each in reversed(unknown):
            # The rank holds a reference to the recipient, so that no other object can get the same id().
            rank = self._known[id(recipient), each.at] = self._with(rank, each)
            self._until_us = min(self._until_us, rank.expires_us)
        return rank

    def _with(self, rank: Rank, stored: Stored) -> Rank:
        try:
            draft = self._decide(stored, rank.recipient)
        except Exception:
            return rank  # an event that can't be decided on leaves for no recipient
        if not draft.allowed:
            return rank
        versions = rank.versions
        if not draft.versions.items() <= versions.items():
            versions = {**versions, **draft.versions}
        return Rank(rank.recipient, rank.seen + 1, versions, min(rank.expires_us, draft.expires_us))
