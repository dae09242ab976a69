"""What the newest events add to the indexes, held in memory until enough has come to be written in key order.

Digests and state are indexes over the event rows, which alone are written with every commit. Their keys are random:
written one by one each would rewrite a page of its own, many times the size of the event. After a crash they are made
again from the rows (`Index.recover`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hub.bus.names import Packed

CHAIN: Final = 32  # events that an entity's last one rests on, at most

Noted = tuple[bytes, bytes, int, Packed | None, tuple[Packed, ...], bool]
"""What an event adds: key digest, content digest and place (`digests.pack_found`), place, entity, names, and whether
it continues what stood before."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What an entity's last event rests on. `open`: on what is older than all that is fresh, too."""

    open: bool
    places: tuple[int, ...]  # in log order, the last event's own not among them


_WHOLE: Final = Chain(open=False, places=())


@dataclass(slots=True)
class Fresh:
    """Changed by the writer alone; readers look things up in it."""

    digests: dict[bytes, bytes] = field(default_factory=dict)  # key -> content digest and place
    state: dict[Packed, int] = field(default_factory=dict)  # entity -> place
    chains: dict[Packed, Chain] = field(default_factory=dict)  # of entities whose last event continues others
    related: dict[Packed, list[Packed]] = field(default_factory=dict)  # name -> entities, repeats among them
    newest_us: int = 0  # acceptance time of the last event in it

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
        """What the entity's last event in here rests on; None if there is none in here."""
        return self.chains.get(entity, _WHOLE) if entity in self.state else None

    def _continue(self, entity: Packed) -> None:
        """The last event of the entity becomes one of those that the next rests on."""
        before = self.chain(entity)
        if before is None:
            self.chains[entity] = Chain(open=True, places=())
        else:
            self.chains[entity] = Chain(before.open, capped((*before.places, self.state[entity])))


def capped(places: tuple[int, ...]) -> tuple[int, ...]:
    """Of very many the first, which all the others are changes of, and the last."""
    return places if len(places) <= CHAIN else (places[0], *places[1 - CHAIN :])
