"""What the directory alone decides about a person, before anything of the person is read.

What an answer costs must not depend on what it withholds (promise 5). So a look-up asks here first. If nothing about
the person may leave, the look-up reads nothing, and takes the steps that it takes for an unknown person.
"""

from collections.abc import Iterable
from typing import Final

from hub.bus.base import Place, Stored
from hub.directory.directory import Directory, Protection
from hub.privacy.base import Recipient, Rule
from hub.privacy.scope import ScopeCheck

_NOWHERE: Final = Place(0)


def closed(directory: Directory, recipient: Recipient, persons: Iterable[str], now_us: int) -> bool:
    """Whether nothing about one of these persons may leave now, because of the person's protection.

    False for a person whose deletion may still be announced, and for recipients to which protection does not apply.
    """
    if recipient.aggregates or recipient.protected:
        return False
    return any(directory.judge(person, now_us, leaving=True)[0] is not Protection.OPEN for person in persons)


def outside(scope: ScopeCheck | None, type_: str, person: str, now_us: int, *, unknown: bool) -> bool:
    """Whether a person belongs outside a scope today. `unknown`: the answer where it is not known."""
    if scope is None:
        return False
    nothing = Stored(
        at=_NOWHERE, type=type_, source="", id="", subject="", key="", entity=None, about=(), organisations=(),
        extras=False, accepted_us=0, body=b"",
    )  # fmt: skip
    need = scope.need(nothing, (person,), now_us)
    return not need.met and (unknown or need.rule is Rule.SCOPE)
