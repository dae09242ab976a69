"""What the directory alone decides about a person, before anything of the person is read.

What an answer costs must not depend on what it withholds (promise 5). So a look-up asks here first. If nothing about
the person may leave, the look-up reads nothing, and takes the steps that it takes for an unknown person.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hub.bus.base import Place, Stored
from hub.directory.directory import Directory, Protection
from hub.privacy.base import Decision, Recipient, Rule
from hub.privacy.protection import RULES
from hub.privacy.scope import ScopeCheck
from hub.store.withheld import Withheld

_NOWHERE: Final = Place(0)


def closed(
    directory: Directory, recipient: Recipient, persons: Iterable[str], now_us: int, *, leaving: bool = False
) -> bool:
    """Whether nothing about one of these persons may leave now, because of the person's protection.

    `leaving`: not so if the person's deletion may still be announced. False for recipients to which protection does not
    apply.
    """
    if recipient.aggregates or recipient.protected:
        return False
    return any(
        directory.judge(person, now_us, leaving=leaving)[0] is not Protection.OPEN
        and not (leaving and directory.has_left(person))
        for person in persons
    )


def refused(directory: Directory, recipient: Recipient, event: Stored, now_us: int) -> Decision | None:
    """The denial of an event that was not read, about persons about whom nothing may leave; None if something may.

    Of `event` only the place, the entity and the persons are filled in. The marks are those that the gate would make.
    """
    if not closed(directory, recipient, event.about, now_us):
        return None
    hidden = {each: directory.judge(each, now_us)[0] for each in event.about}
    hidden = {each: why for each, why in hidden.items() if why is not Protection.OPEN}
    entity = event.entity
    marks = () if entity is None else tuple(Withheld(name, entity, recipient.name) for name in sorted(hidden))
    return Decision(event, recipient, RULES[next(iter(hidden.values()))], allowed=False, withheld=marks)


def unread(type_: str, at: Place = _NOWHERE, entity: str | None = None, about: Sequence[str] = ()) -> Stored:
    """An event of which only this is known."""
    return Stored(
        at=at, type=type_, source="", id="", subject="", key="", entity=entity, about=tuple(about), organisations=(),
        extras=False, accepted_us=0, body=b"",
    )  # fmt: skip


def outside(scope: ScopeCheck | None, type_: str, person: str, now_us: int, *, unknown: bool) -> bool:
    """Whether a person belongs outside a scope today. `unknown`: the answer where it is not known."""
    if scope is None:
        return False
    need = scope.need(unread(type_), (person,), now_us)
    return not need.met and (unknown or need.rule is Rule.SCOPE)
