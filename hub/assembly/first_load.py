"""The first load of the directory: subscriptions that need it wait until it is complete."""

from datetime import datetime
from fnmatch import fnmatchcase

from hub.clock import Clock
from hub.config import HubConfig
from hub.directory.directory import Directory
from hub.subscriptions.model import Subscription
from schemas import Catalogue


class FirstLoad:
    """Answers whether a subscription must wait as a whole since a configured directory source has never been complete.

    Until all sources are complete, persons are unknown. Waiting loses nothing, while a decision would withhold every
    event. After `directory.first_load` (24 h) the gate decides person by person.
    """

    def __init__(
        self, config: HubConfig, *, catalogue: Catalogue, directory: Directory, clock: Clock, since: datetime
    ) -> None:
        self._sources = config.directory.sources
        self._catalogue = catalogue
        self._directory = directory
        self._clock = clock
        self._until = since + config.directory.first_load
        self._over = not self._sources

    def __call__(self, subscription: Subscription) -> bool:
        if self._over:
            return False
        complete = self._directory.current_sources()
        missing = any(not any(fnmatchcase(each, source) for each in complete) for source in self._sources)
        if not missing or self._clock.utc() >= self._until:
            self._over = True
            return False
        return any(entry.spec.about or entry.spec.mentions for entry in map(self._catalogue.entry, subscription.types))
