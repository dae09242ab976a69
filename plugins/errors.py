"""Failures by what happens next. A connector raises them; the hub does the rest.

Say what, why and what to do. Refer by id; never quote an event, a person or a secret.
"""


class SkolnavError(Exception):
    """Base. `what` went wrong, `why`, how to `fix` it, `ref` for looking it up; `code` is short and stable. `sv` may be
    set to all of it in Swedish: a failed self-test is read by a municipality.
    """

    sv: str = ""

    def __init__(self, what: str, *, why: str = "", fix: str = "", ref: str = "", code: str = "") -> None:
        self.what, self.why, self.fix, self.ref = what, why, fix, ref
        self.code = code or type(self).__name__.removesuffix("Error").lower()
        super().__init__(". ".join(part for part in (what, why, fix, f"[{ref}]" if ref else "") if part))


class TemporaryError(SkolnavError):
    """It may work later: the hub tries again, the key waits. `retry_after_s` is what the far side asked for."""

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        fix: str = "",
        ref: str = "",
        code: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(what, why=why, fix=fix, ref=ref, code=code)
        self.retry_after_s = retry_after_s


class PermanentError(SkolnavError):
    """This event will never be taken: it becomes a dead letter and the key goes on."""


class ConfigurationError(SkolnavError):
    """Nothing can work until a person changes something: the connector is paused, visibly."""


class PrivacyError(SkolnavError):
    """Going on would tell what may not be told. Nothing is sent; an operator is told without data."""
