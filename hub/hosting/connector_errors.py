"""What a connector's failure means for its event, and what is logged: the error's class and line, not its text."""

import logging
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hub.delivery.base import Outcome, Result
from hub.pauses import at_least, doubled_s
from plugins.connector import Connector
from plugins.errors import ConfigurationError, PermanentError, PrivacyError, SkolnavError, TemporaryError

_CODE: Final = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*\Z", re.ASCII)
MAX_BACKOFF_S: Final = 300.0

log = logging.getLogger(__name__)


class NotRunning(TemporaryError):
    """The instance cannot be called now."""


class NoTurn(TemporaryError):
    """Other clients had their turn for so long that this one had none."""


class NothingWaits(TemporaryError):
    """The word that a person confirmed does not wait for a confirmation, or no longer does."""


class RefusedPublish(PermanentError):
    """What a connector would publish does not fit. The text is the hub's own: path and rule, and no value."""


class TimedOut(TemporaryError):
    """A call took longer than its limit and was cancelled, or given up."""


class ProcessEnded(NotRunning):
    """The connector's process has ended, or the hub has ended it."""


class Failed(Exception):
    """An error in a connector's process that is none of `plugins.errors`. `name` is its class; its text stays there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def code_of(error: BaseException) -> str:
    """A short stable code: the connector's own for a typed failure, else `error-<class name>`."""
    return coded(getattr(error, "code", "")) if isinstance(error, SkolnavError) else f"error-{_class_of(error)}"


def _class_of(error: BaseException) -> str:
    return error.name if isinstance(error, Failed) else type(error).__name__


def coded(code: object) -> str:
    """A connector's own code, or `failed` if it does not look like a code: a vendor may have put data into it."""
    return code if isinstance(code, str) and len(code) <= 40 and _CODE.match(code) else "failed"


def outcome_of(error: BaseException) -> Outcome:
    """What delivery does next after handle() raised `error`."""
    match error:
        case TimedOut():
            return Outcome(Result.RETRY, error.code, recipient_down=True)
        case TemporaryError():
            return Outcome(Result.RETRY, code_of(error), retry_after_s=_wish_of(error))
        case PrivacyError():
            return Outcome(Result.DEAD, "privacy")
        case PermanentError():
            return Outcome(Result.DEAD, code_of(error))
        case ConfigurationError():
            return Outcome(Result.MISCONFIGURED, code_of(error))
        case _:
            return Outcome(Result.RETRY, code_of(error))


def backoff_s(failures: int, error: BaseException) -> float:
    """Seconds until the next try after this many failures in a row: at least as long as the far side has asked for."""
    wished = _wish_of(error) if isinstance(error, TemporaryError) else None
    return at_least(doubled_s(failures, first_s=1.0, last_s=MAX_BACKOFF_S), wished)


def _wish_of(error: TemporaryError) -> float | None:
    """The pause that the far side asked for; None where the vendor's class gives no number."""
    wish: Any = getattr(error, "retry_after_s", None)
    return float(wish) if isinstance(wish, int | float) else None


def place_of(error: BaseException, cls: type[Connector[Any]]) -> str:
    """The line that raised the error, for the vendor: `mapping.py:42 portions`."""
    if isinstance(place := getattr(error, "_skolnav_place", None), str):  # it was raised in the connector's process
        return place
    return innermost(traceback.extract_tb(error.__traceback__), cls)


def innermost(stack: traceback.StackSummary, cls: type[Connector[Any]]) -> str:
    """The innermost line in the connector's own folder, else the innermost of all; empty for an empty stack."""
    folder = Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or "/").parent
    own = [frame for frame in stack if folder in Path(frame.filename).parents]
    frames = own or list(stack)
    if not frames:
        return ""
    frame = frames[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"


def report(
    what: str,
    error: BaseException,
    *,
    instance: str,
    cls: type[Connector[Any]],
    event: str,
    problem: Callable[[str, str], None],
) -> None:
    """Log that something failed, and report to the operator (`problem(code, detail)`) what waiting will not correct.

    Both get the class and the line of the error, since its text may quote data. `event`: the id of the event that was
    being handled; empty if there was none.
    """
    code = code_of(error)
    about = f" on event {event}" if event else ""
    place = place_of(error, cls)
    if isinstance(error, NotRunning | TimedOut | RefusedPublish):
        log.warning("%s: %s%s: %s", instance, what, about, error)
    else:
        log.warning("%s: %s failed%s: %s (%s at %s)", instance, what, about, code, _class_of(error), place)
    if isinstance(error, PrivacyError | ConfigurationError | TimedOut) or not isinstance(error, SkolnavError):
        detail = f"{what}: {_class_of(error)} at {place}" if place else what
        problem("privacy" if isinstance(error, PrivacyError) else code, detail)
