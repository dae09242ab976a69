"""What a call or a transaction in a connector's process has staged, on its way to the hub, which checks all of it."""

from collections.abc import Sequence
from typing import Any

from hub.clock import from_us
from hub.hosting.context import InstanceContext, Staged, staged_now


def described(staged: Staged) -> tuple[list[Any], list[bytes]]:
    """JSON values, and the byte strings that belong to them."""
    changes = [[name, value is not None] for name, value in staged.changes.items()]
    moments = [[name, key, None if each is None else each.due_us] for (name, key), each in staged.moments.items()]
    values = [value for value in staged.changes.values() if value is not None]
    return [changes, moments], [*values, *staged.bodies]


def read(found: Sequence[Any], parts: Sequence[bytes], context: InstanceContext) -> Staged:
    """What `described` gave. Raises PermanentError, PrivacyError, TemporaryError for what must not be kept.

    Raises TypeError, ValueError or LookupError where it is nothing that `described` gives.
    """
    changes, moments = found
    staged, left = Staged(), list(reversed(parts))
    for name, has_value in changes:
        if not isinstance(name, str):
            raise TypeError("a name of the state must be a string")
        staged.changes[name] = left.pop() if has_value else None
    call = staged_now()
    layers = [staged.moments] if call is None else [call.moments, staged.moments]
    for name, key, due_us in moments:
        if due_us is not None:
            moment = context.moments.checked(from_us(due_us), name, key)
            context.moments.require_room((name, key), *layers)
            staged.moments[name, key] = moment
        elif context.moments.is_set((name, key), *layers):
            staged.moments[name, key] = None
    staged.bodies = [context.publisher.checked(body) for body in reversed(left)]
    return staged
