"""What the newest events add to the indexes, held in memory until enough has come to be written in key order.

Digests and state are indexes over the event rows, which alone are written with every commit. Their keys are random:
written one by one each would rewrite a page of its own, many times the size of the event. After a crash they are made
again from the rows (`Index.recover`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.bus.names import Packed

Noted = tuple[bytes, bytes, int, Packed | None, tuple[Packed, ...]]
"""What an event adds: key digest, content digest and place (`digests.pack_found`), place, entity, names."""


@dataclass(slots=True)
class Fresh:
    """Changed by the writer alone; readers look things up in it."""

    digests: dict[bytes, bytes] = field(default_factory=dict)  # key -> content digest and place
    state: dict[Packed, int] = field(default_factory=dict)  # entity -> place
    related: dict[Packed, list[Packed]] = field(default_factory=dict)  # name -> entities, repeats among them
    newest_us: int = 0  # acceptance time of the last event in it

    def note(self, events: Iterable[Noted]) -> None:
        """Add events, in log order."""
        digests, state, related = self.digests, self.state, self.related
        for key, found, place, entity, names in events:
            digests[key] = found
            if entity is None:
                continue
            state[entity] = place
            for name in names:
                entities = related.get(name)
                if entities is None:
                    related[name] = [entity]
                else:
                    entities.append(entity)
