"""The rules that the suites check, each with a level and a page: `docs/vendors/rules/<name>.md`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

PAGES: Final = "docs/vendors/rules"


class Level(IntEnum):
    """How far a connector is proven. A connector has a level when its rules are done, or exempt with a reason."""

    BRONZE = 1  # it works when nothing disturbs it, and leaks nothing
    SILVER = 2  # and nothing is lost or repeated when something fails
    GOLD = 3  # and it goes on for years without a person
    PLATINUM = 4  # and it mends what others changed


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    level: Level
    says: str  # one sentence

    @property
    def page(self) -> str:
        return f"{PAGES}/{self.name}.md"


def _rules(level: Level, rules: Mapping[str, str]) -> Iterable[Rule]:
    return (Rule(name, level, says) for name, says in rules.items())


_ALL: Final = (
    *_rules(
        Level.BRONZE,
        {
            "undisturbed": "While nothing fails, no call raises, no problem is reported and no event is given up.",
            "makes-a-difference": "Each consumed type, each timer and each category changes what the connector does.",
            "stable-effects": "The same events have the same effects in each run.",
            "no-leaks": "Data that the contract does not allow, and secrets, appear nowhere.",
            "settings": "Each wrong setting is an error that names the setting and repeats no value.",
            "one-effect": "The same event twice has the same effect once.",
            "order": "The effects do not depend on the pace at which events come.",
            "bounded": "Each call ends in bounded time.",
        },
    ),
    *_rules(
        Level.SILVER,
        {
            "crash": "A crash between the effect and its acknowledgement changes nothing at the far side.",
            "effect-before-return": "A call returns only after its effect has happened.",
            "temporary": "A far side that fails for a while gets everything in the end.",
            "time-out": "A far side that does not answer holds nothing up.",
            "cancellation": "A call that is cancelled ends.",
            "stale": "An event that is older than what is known changes nothing.",
            "restart": "A restart between two events changes nothing.",
            "complete": "A result that may lack something says so.",
            "pushed": "What a source pushes is kept before it is acknowledged, and nothing else is let in.",
            "selftest": "The self-test is a real round trip.",
        },
    ),
    *_rules(
        Level.GOLD,
        {
            "school-time": "Cut-offs, dates and times of day follow school time, at each hour of each day.",
            "leaves-nothing": "An ended instance leaves no task, thread, file, socket or changed global value.",
            "forgets": "State that is no longer needed is deleted.",
            "last-event": "The last event of an entity alone leads to what the whole history leads to.",
            "far-sides": "One far side's failure is its own.",
        },
    ),
    *_rules(
        Level.PLATINUM,
        {
            "reconcile": "reconcile() mends what was changed by hand at the far side, and leaves alone what is right.",
        },
    ),
)

RULES: Final[Mapping[str, Rule]] = {rule.name: rule for rule in _ALL}


def broken(rule: str, says: str) -> str:
    """The message of a failed check: what was found, and the page of the rule that it breaks."""
    return f"{says}\nRule {rule}: {RULES[rule].says} See {RULES[rule].page}"
