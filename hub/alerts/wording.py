"""An alert in words: what is wrong, and what to do."""

from collections.abc import Mapping

from hub.alerts.condition import Condition
from hub.texts import meaning, text
from plugins.texts import Text as PackageText
from plugins.texts import words_of


def says(condition: Condition, language: str, words: Mapping[str, PackageText]) -> str:
    """What is wrong. `words`: what the connector's class says of its codes."""
    error = _error(condition.error, language, words)
    because = text("alerts.because", language, error=error) if error else ""
    some = text("alerts.some", language)
    said = text(
        f"alert.{condition.code}", language, place=condition.place, what=condition.what or condition.place,
        error=because, attempts=some if condition.recalled else condition.attempts,
        count=some if condition.recalled else condition.count,
    )  # fmt: skip
    return said[:1].upper() + said[1:] if said.startswith(some) else said


def todo(condition: Condition, language: str) -> str:
    """What a person should do."""
    return text(f"todo.{condition.code}", language, what=condition.what or condition.place)


def _error(code: str, language: str, words: Mapping[str, PackageText]) -> str:
    if not code:
        return ""
    own = words_of(code, words)
    found = meaning(code, language) if own is None else own.sv if language == "sv" else own.en
    return f"{code}: {found}" if found else code
