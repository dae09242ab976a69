"""Every word for people, Swedish and English, by key: one catalogue, with a module for each theme.

Each section is a dict sorted by key, and all keys of a section begin alike. A key is `theme.what`, such as
`failure.no-hub`. The installed packages bring their own words with them (`plugins`).
"""

from collections.abc import Mapping
from typing import Final

from hub.texts import (
    backup,
    catalogue,
    check,
    config,
    connectors,
    decisions,
    disclosures,
    ending,
    events,
    help,
    plan,
    problems,
    running,
    subscriptions,
    tables,
)
from hub.texts.text import Language as Language
from hub.texts.text import Text as Text
from hub.texts.users_language import language_of as language_of

SECTIONS: Final = (
    backup.BACKUP,
    backup.RESTORE,
    catalogue.CATALOGUE,
    catalogue.PLUGINS,
    check.CHECK,
    check.DIRECTORY,
    check.DURABLE,
    config.CONFIG,
    config.HINT,
    config.WARNING,
    connectors.CONNECTOR,
    connectors.CONNECTORS,
    decisions.CATEGORY,
    decisions.DECISION,
    decisions.RULE,
    disclosures.DISCLOSURES,
    events.DEAD_LETTERS,
    events.EVENTS,
    events.WHY,
    ending.FAILURE,
    help.HELP,
    help.OPTION,
    plan.ANSWER,
    plan.APPLY,
    plan.PLAN,
    problems.PROBLEM,
    running.DEMO,
    running.RUN,
    subscriptions.FILTER,
    subscriptions.REASON,
    subscriptions.SUBSCRIPTION,
    subscriptions.SUBSCRIPTIONS,
    tables.COLUMN,
    tables.STATUS,
)
TEXTS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}


def text(key: str, language: str, /, **values: object) -> str:
    """The text in Swedish (`sv`) or English (anything else), filled in. Raises KeyError for an unknown key."""
    return TEXTS[key].say(language, values)


def reason(code: str, language: str) -> str:
    """Why a subscription is paused or ended, in words; a code without words (`http-503`) unchanged."""
    return meaning(code, language) or code


def meaning(code: str, language: str) -> str:
    """A code of the hub's own in words; `error-ValueError` and `fault-ValueError` with the class. Empty: no words."""
    if f"reason.{code}" in TEXTS:
        return text(f"reason.{code}", language)
    kind, _, name = code.partition("-")
    return f"{text(f'reason.{kind}', language)} ({name})" if kind in ("error", "fault") and name else ""
