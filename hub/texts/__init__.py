"""Texts for people, Swedish and English, by key: one catalogue, with a module for each theme.

Each section is a dict sorted by key. What the command line alone says is in `hub.cli.words`.
"""

from collections.abc import Mapping
from typing import Final

from hub.texts import config, connectors, plan, subscriptions
from hub.texts.base import Language as Language
from hub.texts.base import Text as Text
from hub.texts.base import language_of as language_of

SECTIONS: Final = (
    config.CONFIG,
    config.HINT,
    config.WARNING,
    connectors.CONNECTOR,
    plan.PLAN,
    subscriptions.FILTER,
    subscriptions.REASON,
    subscriptions.SUBSCRIPTION,
)
TEXTS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}


def text(key: str, language: str, **values: object) -> str:
    """The text in Swedish (`sv`) or English (anything else), filled in. Raises KeyError for a key that is not there."""
    return TEXTS[key].say(language, values)


def reason(code: str, language: str) -> str:
    """Why a subscription is paused or ended, in words; a code without words (`http-503`) as it is."""
    return text(f"reason.{code}", language) if f"reason.{code}" in TEXTS else code
