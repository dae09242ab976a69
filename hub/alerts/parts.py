"""The parts in which the hub looks for conditions: one that fails ends no other, and is a condition itself."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from hub.alerts.condition import Condition

log = logging.getLogger(__name__)


def tried(find: Callable[[], Iterable[Condition]]) -> Sequence[Condition] | Exception:
    """What a part finds, or why it failed. May run in a thread."""
    try:
        return list(find())
    except Exception as error:
        return error


class LookedParts:
    """What each part showed last, by its name."""

    def __init__(self) -> None:
        self._last: dict[str, Sequence[Condition]] = {}
        self._failed: dict[str, datetime] = {}

    def take(self, part: str, now: datetime, outcome: Sequence[Condition] | Exception) -> list[Condition]:
        """The conditions of a part at this moment. If it failed: those that it showed last, and that it fails."""
        if isinstance(outcome, Exception):
            if part not in self._failed:
                # The class alone: the text of a library's error may quote what it read.
                log.error("looking for alerts in %s failed: %s", part, type(outcome).__name__)
            since = self._failed.setdefault(part, now)
            error = f"error-{type(outcome).__name__}"
            fails = Condition(code="look-failing", place="hub", what=part, since=since, error=error)
            return [*self._last.get(part, ()), fails]
        self._failed.pop(part, None)
        before = {each.key: each.since for each in self._last.get(part, ())}
        # `now` in `since` means that the part can't know since when: then it lasts since it was found first.
        found = [replace(each, since=before.get(each.key, now)) if each.since >= now else each for each in outcome]
        self._last[part] = found
        return found

    def keep(self, parts: Collection[str]) -> None:
        """Forget all other parts: their connectors or subscriptions are gone."""
        self._last = {part: found for part, found in self._last.items() if part in parts}
        self._failed = {part: since for part, since in self._failed.items() if part in parts}

    @property
    def blind(self) -> bool:
        """Whether a part has failed at each look so far, so that what it should show is unknown."""
        return any(part not in self._last for part in self._failed)
