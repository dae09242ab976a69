"""Failures, grouped by what the hub does next. A connector raises them.

Say what, why and what to do. Refer by id; never quote an event, a person or a secret.
"""

from collections.abc import Iterable

from plugins.texts import Text


class SkolnavError(Exception):
    """Base: `what` went wrong, `why`, how to `fix` it, `ref` for looking it up; `code` is short and stable.

    A `Text` has both languages; `str()` and the attributes are in English. `sv` is the whole in Swedish, empty unless
    every part is a `Text`: `skolnav check --selftest` shows it to a Swedish user.
    """

    def __init__(
        self, what: str | Text, *, why: str | Text = "", fix: str | Text = "", ref: str = "", code: str = ""
    ) -> None:
        parts = what, why, fix
        self.what, self.why, self.fix = (part.en if isinstance(part, Text) else part for part in parts)
        self.ref = ref
        self.code = code or type(self).__name__.removesuffix("Error").lower()
        is_swedish = all(isinstance(part, Text) or not part for part in parts)
        swedish = [part.sv if isinstance(part, Text) else "" for part in parts]
        self.sv = _joined(swedish, ref) if is_swedish else ""
        super().__init__(_joined([self.what, self.why, self.fix], ref))


class TemporaryError(SkolnavError):
    """It may work later: the hub tries again, the key waits. `retry_after_s`: the pause that the far side asked for."""

    def __init__(
        self,
        what: str | Text,
        *,
        why: str | Text = "",
        fix: str | Text = "",
        ref: str = "",
        code: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(what, why=why, fix=fix, ref=ref, code=code)
        self.retry_after_s = retry_after_s


class PermanentError(SkolnavError):
    """The far side will never accept this event: it becomes a dead letter and the key goes on."""


class ConfigurationError(SkolnavError):
    """Nothing can work until a person changes something: the connector is paused, visibly."""


class PrivacyError(SkolnavError):
    """Going on would disclose what must not be disclosed. Nothing is sent; the operator is notified without data."""


def _joined(parts: Iterable[str], ref: str) -> str:
    return ". ".join(part for part in (*parts, f"[{ref}]" if ref else "") if part)
