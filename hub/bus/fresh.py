"""The index entries of the newest events: held in memory until there are enough to write them in key order.

Every commit writes the event rows and nothing else. The indexes' keys are random, so writing them event by event would
rewrite a page for each, many times the size of the event. After a crash the start reads the rows that the tables do
not cover and fills a `Fresh` with them (`hub.bus.sqlite`). Figures: docs/log-indexes.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hub.bus.names import Packed

CHAIN: Final = 32  # the most events that the index lists as those that an entity's last event rests on

Noted = tuple[bytes, bytes, int, Packed | None, tuple[Packed, ...], bool]
"""The index entries of one event: its key digest, its content digest and place (`digests.pack_found`), its place, its
entity, the names that find the entity, and whether the event continues earlier events (`Stored.continues`).
A plain tuple, since the writer makes one for each event."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The events that an entity's last event rests on. `open`: it also rests on events older than this `Fresh`."""

    open: bool
    places: tuple[int, ...]  # in log order, without the last event's own


_WHOLE: Final = Chain(open=False, places=())


@dataclass(slots=True)
class Fresh:
    """The newest part of the indexes. Only the writer changes it; readers look things up in it."""

    digests: dict[bytes, bytes] = field(default_factory=dict)  # key -> content digest and place
    state: dict[Packed, int] = field(default_factory=dict)  # entity -> place of its last event
    # Only of entities whose last event continues earlier events.
    chains: dict[Packed, Chain] = field(default_factory=dict)
    related: dict[Packed, list[Packed]] = field(default_factory=dict)  # name -> entities, with repeats
    newest_us: int = 0  # acceptance time of its last event

    def note(self, events: Iterable[Noted]) -> None:
        """Add events, in log order."""
        digests, state, related = self.digests, self.state, self.related
        for key, found, place, entity, names, continues in events:
            digests[key] = found
            if entity is None:
                continue
            if continues:
                self._continue(entity)
            elif self.chains:
                self.chains.pop(entity, None)
            state[entity] = place
            for name in names:
                entities = related.get(name)
                if entities is None:
                    related[name] = [entity]
                else:
                    entities.append(entity)

    def chain(self, entity: Packed) -> Chain | None:
        """The events that the entity's last event rests on; None if this `Fresh` has no event of the entity."""
        return self.chains.get(entity, _WHOLE) if entity in self.state else None

    def _continue(self, entity: Packed) -> None:
        """Extend the chain: the entity's next event rests on its last event, and on the events under that one."""
        before = self.chain(entity)
        if before is None:
            self.chains[entity] = Chain(open=True, places=())
        else:
            self.chains[entity] = Chain(before.open, capped((*before.places, self.state[entity])))


def capped(places: tuple[int, ...]) -> tuple[int, ...]:
    """At most CHAIN of these places: the first, whose event holds the whole entity, and the newest."""
    return places if len(places) <= CHAIN else (places[0], *places[1 - CHAIN :])
