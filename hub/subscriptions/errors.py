"""The registry's refusals, a class for each, so that the API answers with the right status."""

from collections.abc import Sequence

from hub.subscriptions.spec import SpecProblem
from hub.texts import text


class RegistryError(Exception):
    """Base. `key` and `values` make a text of hub.texts; `str()` is the English one."""

    def __init__(self, key: str, **values: str) -> None:
        self.key, self.values = key, values
        super().__init__(text(key, "en", **values))

    def says(self, language: str) -> str:
        return text(self.key, language, **self.values)


class NoContract(RegistryError):
    """The client has no data contract, so nothing may be sent to it (403)."""

    def __init__(self, client: str) -> None:
        super().__init__("subscription.no-contract", client=client)


class NotNarrower(RegistryError):
    """The subscription asks for more than its client's contract allows (403)."""

    def __init__(self, extra: Sequence[str]) -> None:
        super().__init__("subscription.not-narrower", extra=", ".join(extra))


class FileOwned(RegistryError):
    """The subscription belongs to the configuration file and can be changed only there (409)."""

    def __init__(self, name: str, key: str = "subscription.file-owned") -> None:
        super().__init__(key, name=name)


class Expired(RegistryError):
    """The subscription's expiry date has passed, so it can't be resumed (409)."""

    def __init__(self) -> None:
        super().__init__("subscription.expired")


class SpecRefused(RegistryError):
    """The specification does not fit this hub (422). `problems` name each place."""

    def __init__(self, problems: Sequence[SpecProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("subscription.refused", says="; ".join(problem_text(each, "en") for each in problems))

    def says(self, language: str) -> str:
        listed = "; ".join(problem_text(each, language) for each in self.problems)
        return text(self.key, language, says=listed)


class UnknownSubscription(RegistryError, KeyError):
    """No such subscription (404)."""

    def __init__(self) -> None:
        super().__init__("subscription.unknown")

    __str__ = Exception.__str__  # KeyError would quote it


def problem_text(problem: SpecProblem, language: str) -> str:
    """One problem in words, with its place."""
    values: dict[str, object] = dict(problem.values)
    if problem.key == "config.types-nothing":
        values["hint"] = text("hint.did-you-mean", language, name=problem.hint) if problem.hint else ""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.where).lstrip(".")
    return f"{place}: {text(problem.key, language, **values)}"
