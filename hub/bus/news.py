"""Since when each part of an entity's state is as it is: so that an event without news is known as one.

An event may change nothing that a recipient can see, and such a recipient must not get it (promise 5). So the writer
compares each whole state with the state before it, and stores beside the event which parts differ, and since which
event each part is as it is now. What a part is, and who may see it, is for `hub.privacy.parts`: here it is a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, Self

import orjson

RETURNED: Final = "*"
"""The part that the person whom an entity is about may be seen again: whoever returns, returns as new."""

Belongings = Sequence[tuple[str, str | None]]
"""Organisations, each with a school type where one is known."""

# Of one entity, besides those that its last event has changed. A part that is left out counts as old.
MAX_PARTS: Final = 500


class Compare(Protocol):
    """Names the parts of states. Called in the writer's thread."""

    def differing(self, type_: str, before: Any, after: Any) -> Iterable[str]:
        """The parts in which the data of two states of an entity differ."""

    def came_from(self, type_: str, before: Any, after: Any, at_us: int) -> Belongings | None:
        """Where the person belonged at a time (microseconds), if the new state moves the person; else None."""

    def naming(self, type_: str, data: Any, persons: frozenset[str]) -> Iterable[str]:
        """The parts of a state that only those see who may see one of these persons (lower-case ids)."""


class Moment(NamedTuple):
    """What tells that there was an event: its acceptance time, and attributes that recipients see."""

    accepted_us: int
    sequence: str
    id: str
    time: str


@dataclass(frozen=True, slots=True)
class Again:
    """For whom an entity comes again although its data has not changed.

    `recipients`: those from whom it was withheld, each with the person (lower-case id) who was the reason ("" for any
    other reason). `persons`: the entity is news for whoever sees one of these persons in it. `came_from`: where the
    entity's persons belonged before they moved; it is news for whoever did not see them there. `returned`: the entity's
    person may be seen again, so it is news for all.

    A recipient from whom only a mentioned person was withheld has the rest of the entity, so `persons` decides.
    """

    recipients: frozenset[tuple[str, str]] = frozenset()
    persons: frozenset[str] = frozenset()
    came_from: Belongings | None = None
    returned: bool = False

    def __or__(self, other: "Again") -> "Again":
        return Again(
            recipients=self.recipients | other.recipients,
            persons=self.persons | other.persons,
            came_from=other.came_from if self.came_from is None else self.came_from,
            returned=self.returned or other.returned,
        )


NOBODY: Final = Again()


@dataclass(frozen=True, slots=True)
class News:
    """The history of one entity's state, as far as it shows in what is now. An entity's first event has none.

    `parts` and `told` lead to an index in `moments`; the index after the last one (`here`) stands for the event itself.
    A part that is not listed is from `moments[0]`.
    """

    moments: tuple[Moment, ...]  # of earlier events, oldest first
    parts: Mapping[str, int]  # since when a part, also one that is gone, is as it is
    told: Mapping[str, int]  # recipient -> when the entity came again for it (`Again.recipients`)
    moved: tuple[int, Belongings] | None = None  # when its persons moved last, and from where (`Again.came_from`)
    fresh: tuple[str, ...] = field(init=False)  # the parts that this event has changed

    def __post_init__(self) -> None:
        here = len(self.moments)
        object.__setattr__(self, "fresh", tuple(part for part, at in self.parts.items() if at == here))

    @property
    def here(self) -> int:
        return len(self.moments)

    def pack(self) -> bytes:
        moments = [tuple(each) for each in self.moments]  # orjson takes no named tuple
        return orjson.dumps([moments, self.parts, self.told, self.moved])

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        moments, parts, told, moved = orjson.loads(packed)
        return cls(tuple(Moment(*each) for each in moments), parts, told, moved)


def following(
    before: Moment, news: News | None, changed: Iterable[str], recipients: Iterable[str] = (), again: Again = NOBODY
) -> News:
    """The news of the event that follows another one (`before`, with its own `news`) and differs in these parts."""
    moments = (*(news.moments if news is not None else ()), before)
    here = len(moments)
    parts = dict(news.parts) if news is not None else {}
    changed = sorted(changed)
    for part in changed:
        parts.pop(part, None)  # so that the newest parts are the last
        parts[part] = here
    told = {**(news.told if news is not None else {}), **dict.fromkeys(recipients, here)}
    moved = news.moved if news is not None else None
    if again.came_from is not None:
        moved = here, again.came_from
    kept = list(parts.items())[-MAX_PARTS - len(changed) :]
    used = sorted({0, here, *(at for _, at in kept), *told.values(), *([moved[0]] if moved else [])})
    index = {at: number for number, at in enumerate(used)}
    return News(
        moments=tuple(moments[at] for at in used[:-1]),
        parts={part: index[at] for part, at in kept},
        told={recipient: index[at] for recipient, at in told.items()},
        moved=None if moved is None else (index[moved[0]], moved[1]),
    )
