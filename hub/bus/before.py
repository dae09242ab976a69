"""The states that the events of one transaction follow: the writer asks here what is new in each event."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from hub.bus import entity_state
from hub.bus.base import Stored
from hub.bus.fresh import Fresh
from hub.bus.names import Packed
from hub.bus.news import RETURNED, Again, Compare, Moment, News, following
from hub.bus.reader import LogReader
from hub.bus.rows import CHANGED

log = logging.getLogger(__name__)


class Before:
    """The last states of the entities of a transaction's events, looked up together."""

    def __init__(
        self, db: apsw.Connection, *, fresh: Sequence[Fresh], reader: LogReader, compare: Compare,
        entities: Iterable[Packed],
    ) -> None:  # fmt: skip
        self._compare = compare
        # Each entity's states: the last whole one, then the changes to it, oldest first.
        self._states: dict[Packed, list[Stored]] = {}
        places = entity_state.places_of(db, fresh, set(entities))
        if places:
            found = {each.at: each for each in reader.fetch_chains(db, fresh, places.values())}
            for entity, at in places.items():
                if (last := found.get(at)) is not None:  # type: ignore[call-overload]
                    self._states[entity] = [*reversed(last.earlier), last]

    def news(self, entity: Packed, stored: Stored, data: Any, again: Again | None = None) -> News | None:
        """What is new in an event that is about to be stored; None: all of it.

        `data` is the event's. `again`: the event repeats the state, for some who did not get it.
        """
        try:
            return self._news(entity, stored, data, again)
        except Exception as error:  # of a type whose package was removed, for one: it must not hold up the log
            log.warning("what is new in %s is not known (%s): all counts as new", stored.type, type(error).__name__)
            return None

    def _news(self, entity: Packed, stored: Stored, data: Any, again: Again | None) -> News | None:
        states = self._states.get(entity)
        if states is None or stored.continues or stored.leaves:
            return None
        if again is None and states[0].continues:
            return None  # a recipient that saw nothing of the changes never got the rest: all of it is new
        news: News | None = None
        last: Stored | None = None
        whole: dict[str, Any] = {}
        for state in states:
            told = state.parsed.get("data")
            if not isinstance(told, dict) or (state.type != stored.type and CHANGED not in told):
                return None  # the entity has ended since, or it is another kind of event
            if last is None:
                news, whole = state.news, told
            else:
                changed = {**whole, **told}
                changed.pop(CHANGED, None)
                news = following(_moment(last), news, self._compare.differing(stored.type, whole, changed))
                whole = changed
            last = state
        assert last is not None
        changes = set(self._compare.differing(stored.type, whole, data))
        if again is None:
            again = Again(came_from=self._compare.came_from(stored.type, whole, data, stored.accepted_us))
            return following(_moment(last), news, changes, again=again)
        changes.update(self._compare.naming(stored.type, data, again.persons))
        if again.returned:
            changes.add(RETURNED)
        is_person = stored.entity is not None and stored.entity.startswith("person/")
        recipients = {
            recipient
            for recipient, person in again.recipients
            if not person or person in stored.about or is_person  # a person's home is withheld for the sake of kin
        }
        return following(_moment(last), news, changes, recipients, again)

    def note(self, entity: Packed, stored: Stored) -> None:
        """An event of this transaction, which has its place, its body and its news now."""
        if stored.continues:
            self._states.setdefault(entity, []).append(stored)
        else:
            self._states[entity] = [stored]


def _moment(stored: Stored) -> Moment:
    attributes = stored.parsed
    return Moment(stored.accepted_us, attributes["sequence"], stored.id, attributes["time"])
