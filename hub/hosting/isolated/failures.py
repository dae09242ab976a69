"""A connector's errors on their way from its process to the hub: kind, code and texts, and never the error's own class.

The hub makes an error of its own of them, with which it does the same as with the connector's.
"""

import traceback
from collections.abc import Mapping
from typing import Any, Final

from hub.hosting.connector_errors import Failed, RefusedPublish, innermost
from plugins.connector import Connector
from plugins.errors import ConfigurationError, PermanentError, PrivacyError, SkolnavError, TemporaryError

_KINDS: Final[tuple[tuple[str, type[SkolnavError]], ...]] = (
    ("publish", RefusedPublish),
    ("permanent", PermanentError),
    ("temporary", TemporaryError),
    ("configuration", ConfigurationError),
    ("privacy", PrivacyError),
    ("other", SkolnavError),
)
_CLASSES: Final = dict(_KINDS)
_LONGEST: Final = 2000  # characters of one text


def described(error: BaseException, cls: type[Connector[Any]] | None = None) -> dict[str, Any]:
    """JSON values for an error. `cls`: whose line is named as the place where it was raised."""
    place = "" if cls is None else innermost(traceback.extract_tb(error.__traceback__), cls)
    found: dict[str, Any] = {"class": type(error).__name__, "place": place}
    if not isinstance(error, SkolnavError):
        return found
    texts = {name: str(getattr(error, name, ""))[:_LONGEST] for name in ("what", "why", "fix", "ref", "code", "sv")}
    wish = getattr(error, "retry_after_s", None)
    return {
        **found,
        **texts,
        "kind": next(kind for kind, each in _KINDS if isinstance(error, each)),
        "retry_after_s": float(wish) if isinstance(wish, int | float) else None,
    }


def raised(found: Mapping[str, Any]) -> Exception:
    """The error for what `described` gave. `connector_errors.place_of` knows its place."""
    error: Any
    name = str(found.get("class", ""))[:100]
    if "kind" not in found:
        error = Failed(name if name.isidentifier() else "Exception")
    else:
        what, why, fix, ref, code = (str(found.get(each, "")) for each in ("what", "why", "fix", "ref", "code"))
        error = _CLASSES[str(found["kind"])](what, why=why, fix=fix, ref=ref, code=code)
        error.sv = str(found.get("sv", ""))
        wish = found.get("retry_after_s")
        if isinstance(error, TemporaryError) and isinstance(wish, int | float):
            error.retry_after_s = float(wish)
    error._skolnav_place = str(found.get("place", ""))[:200]
    return error  # type: ignore[no-any-return]
