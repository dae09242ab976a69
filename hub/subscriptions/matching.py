"""Whether a subscription asks for an event, decided from the log's columns without parsing the event."""

from fnmatch import fnmatchcase

from hub.bus.base import Stored
from hub.subscriptions.filters import compile_filter
from hub.subscriptions.model import Subscription


class Matcher:
    """Decides for one subscription: `matches` and `may_match` by type and source, `filter` by the reduced event.

    `filter` is None without a filter. It runs after the gate: on the stored event it would reveal values that the
    recipient may not see.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._types = subscription.types
        self._globs = subscription.sources
        self._sources: dict[str, bool] = {}
        self.filter = compile_filter(subscription.filter) if subscription.filter else None

    def may_match(self, stored: Stored) -> bool:
        """Whether the state's last event matches, or an event that it rests on, which the recipient may get instead."""
        return self.matches(stored) or any(self.matches(each) for each in stored.earlier)

    def matches(self, stored: Stored) -> bool:
        if stored.type not in self._types:
            return False
        if not self._globs:
            return True
        known = self._sources.get(stored.source)
        if known is None:
            known = self._sources[stored.source] = any(fnmatchcase(stored.source, glob) for glob in self._globs)
        return known
