"""Decisions in plain Swedish and English for `skolnav why` (docs/municipality.md, Every day). No person, no data.

The words are in `hub.texts.decisions`: each rule by its value, each category by its value.
"""

from collections.abc import Callable
from datetime import datetime

from hub.privacy.base import Recipient, Rule
from hub.texts import text
from schemas import Category


def explanation(
    rule: Rule,
    recipient: Recipient,
    *,
    allowed: bool,
    recomputed: bool,
    at: datetime,
    version: int,
    unlisted: bool = False,
    with_rule: bool = True,
    language: str,
    title: Callable[[str], str] = str,
) -> str:
    """The text for one decision. `language` is `sv` or `en`; `at` is shown in the zone that it has.

    `unlisted`: the event may also have been in an answer that was too large to be listed whole.

    `with_rule`: whether the reader may know which rule withheld the event. It would tell who is protected.

    `title` turns a category that a vendor added into words.
    """
    sums = rule is Rule.ALLOWED and recipient.aggregates
    why = text("decision.sums" if sums else f"rule.{rule}", language)
    reason = text("decision.rule", language, rule=rule.value, version=version, why=why)
    if not allowed and not with_rule:
        reason = text("decision.by-rule", language)
    lines = [f"{text('decision.allowed' if allowed else 'decision.denied', language)} {reason}"]
    for contract in recipient.contracts:
        names = sorted(
            text(f"category.{category}", language) if category in set(Category) else title(category)
            for category in contract.categories
        )
        categories = ", ".join(names) or "-"
        lines.append(text("decision.contract", language, categories=categories, purpose=contract.purpose_in(language)))
    when = f"{at:%Y-%m-%d %H:%M:%S}"
    lines.append(text("decision.recomputed" if recomputed else "decision.read", language, at=when))
    if unlisted:
        lines.append(text("decision.unlisted", language))
    return "\n".join(lines)
