"""Whether an event is one that a subscription asked for, from the log's columns alone."""

from fnmatch import fnmatchcase

from hub.bus.base import Stored
from hub.subscriptions.filters import compile_filter
from hub.subscriptions.model import Subscription


class Matcher:
    """`matches` looks at type and source; `filter` (None: no filter) is for the reduced event, after the gate.

    On the event as stored it would be an oracle for what the recipient may not see.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._types = subscription.types
        self._globs = subscription.sources
        self._sources: dict[str, bool] = {}
        self.filter = compile_filter(subscription.filter) if subscription.filter else None

    def may_match(self, stored: Stored) -> bool:
        """Whether it matches, or one that it rests on, which the recipient may get in its place."""
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
