"""Every word for people, Swedish and English, by key: one catalogue, with a module for each theme.

Each section is a dict sorted by key, and all keys of a section begin alike. A key is `theme.what`, such as
`failure.no-hub`. The installed packages bring their own words with them (`plugins`).
"""

from collections.abc import Mapping
from typing import Final

from hub.texts import (
    alerts,
    backup,
    catalogue,
    check,
    config,
    connectors,
    decisions,
    disclosures,
    ending,
    events,
    first,
    help,
    pages,
    plan,
    privacy,
    problems,
    refusals,
    running,
    subscriptions,
    system,
    tables,
    usage,
    webhooks,
)
from hub.texts.system import of_system as of_system
from hub.texts.text import Language as Language
from hub.texts.text import Text as Text
from hub.texts.users_language import language_of as language_of

SECTIONS: Final = (
    alerts.ALERT,
    alerts.ALERTS,
    alerts.SEVERITY,
    alerts.ADVICE,
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
    events.COUNTED,
    events.COUNTERS,
    events.DEAD_LETTERS,
    events.EVENT,
    events.EVENTS,
    events.OUTCOME,
    events.WHY,
    ending.FAILURE,
    first.INIT,
    first.TOKEN,
    help.HELP,
    help.OPTION,
    pages.DOCS,
    pages.TYPE,
    plan.ANSWER,
    plan.APPLY,
    plan.PLAN,
    privacy.PRIVACY,
    problems.PROBLEM,
    refusals.REFUSAL,
    running.DEMO,
    running.RUN,
    subscriptions.FILTER,
    subscriptions.REASON,
    subscriptions.SUBSCRIPTION,
    subscriptions.SUBSCRIPTIONS,
    system.SYSTEM,
    tables.COLUMN,
    tables.STATUS,
    usage.PAGE,
    usage.SYNTAX,
    usage.WORD,
    webhooks.VERIFY,
)
TEXTS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}


def text(key: str, language: str, /, **values: object) -> str:
    """The text in Swedish (`sv`) or English (anything else), filled in. Raises KeyError for an unknown key."""
    return TEXTS[key].say(language, values)


def both(key: str, /, **values: object) -> Text:
    """The text in both languages, filled in. A value that is itself a Text is filled in by language."""
    filled = ({name: each[at] if isinstance(each, Text) else each for name, each in values.items()} for at in (0, 1))
    return Text(*(TEXTS[key].say(language, found) for language, found in zip(("sv", "en"), filled, strict=True)))


def reason(code: str, language: str) -> str:
    """Why something failed, is paused or has ended, in words; a code without words (a vendor's) unchanged."""
    return meaning(code, language) or code


def meaning(code: str, language: str) -> str:
    """A code of the hub's own in words; `http-503` and `error-ValueError` with what follows. Empty: no words."""
    if f"reason.{code}" in TEXTS:
        return text(f"reason.{code}", language)
    kind, _, name = code.partition("-")
    if not name:
        return ""
    if kind == "http":
        return text("reason.http", language, status=name)
    return f"{text(f'reason.{kind}', language)} ({name})" if kind in ("error", "fault", "sink") else ""
