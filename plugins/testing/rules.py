"""The rules that the suites check, each with a level and a page: `docs/vendors/rules/<name>.md`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, get_args, get_origin

from plugins.connector import Connector, ConnectorConfig
from plugins.timers import daily_timers_of

PAGES: Final = "docs/vendors/rules"


class Level(IntEnum):
    """How far a connector is proven. A connector has a level when its rules are done, or exempt with a reason."""

    BRONZE = 1  # it works when nothing disturbs it, and leaks nothing
    SILVER = 2  # and nothing is lost or repeated when something fails
    GOLD = 3  # and it goes on for years without a person
    PLATINUM = 4  # and it mends what others changed


Applies = Callable[[type[Connector[Any]]], str]
"""Why a rule does not apply to a connector class; empty if it does."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    level: Level
    says: str  # one sentence
    tests: tuple[str, ...]  # the suites' tests that show it; all that apply must pass
    without: Applies
    only: Mapping[str, str] = field(default_factory=dict)  # a test -> the method whose owners it is for

    def needed(self, cls: type[Connector[Any]]) -> tuple[str, ...]:
        """The tests that must pass for a class."""
        return tuple(test for test in self.tests if test not in self.only or _has_own(cls, self.only[test]))

    @property
    def page(self) -> str:
        return f"{PAGES}/{self.name}.md"


def broken(rule: str, says: str) -> str:
    """The message of a failed check: what was found, and the page of the rule that it breaks."""
    return f"{says}\nRule {rule}: {RULES[rule].says} See {RULES[rule].page}"


def _always(cls: type[Connector[Any]]) -> str:
    return ""


def _consumes(cls: type[Connector[Any]]) -> str:
    return "" if cls.consumes else "it consumes no events"


def _reports(cls: type[Connector[Any]]) -> str:
    return "" if daily_timers_of(cls) else "it has no daily timer"


def _is_pushed(cls: type[Connector[Any]]) -> str:
    own = _has_own(cls, "receive") or _has_own(cls, "run")
    return "" if own and cls.produces else "it is no source that is pushed to"


def _is_pulled(cls: type[Connector[Any]]) -> str:
    return "" if _has_own(cls, "poll") and cls.produces else "it is no source that is pulled"


def _has_own(cls: type[Connector[Any]], method: str) -> bool:
    return getattr(cls, method) is not getattr(Connector, method)


def _has_several(cls: type[Connector[Any]]) -> str:
    named = cls.config_model.far_sides is not ConnectorConfig.far_sides
    if cls.consumes and (named or any(_is_several(info.annotation) for info in cls.config_model.model_fields.values())):
        return ""
    return "its settings have no list of far sides" if cls.consumes else "it consumes no events"


def _is_several(annotation: Any) -> bool:
    """Whether a setting is a list or a mapping."""
    outer = get_origin(annotation)
    if isinstance(outer, type) and issubclass(outer, Iterable):
        return True
    return any(_is_several(each) for each in get_args(annotation))


_EXEMPTIONS: Final = {
    "expected_problems": "undisturbed",
    "no_difference": "makes-a-difference",
    "order_matters": "order",
    "says_nothing": "complete",
    "of_today": "complete",
    "shared_state": "leaves-nothing",
}
"""An attribute of a suite that takes something out of its checks -> the rule whose check that is."""


def exemptions_of(suite: type) -> dict[str, list[str]]:
    """By rule, what a suite leaves out of its checks, with the reasons. Raises ValueError where a reason is missing."""
    found: dict[str, list[str]] = {}
    for attribute, rule in _EXEMPTIONS.items():
        stated = getattr(suite, attribute, None) or {}
        for what, reason in ({"": stated} if isinstance(stated, str) else stated).items():
            named = f"{attribute} {what}".strip()
            if not isinstance(reason, str) or not reason.strip():
                raise ValueError(f"{suite.__name__}.{named}: an exemption needs a reason")
            found.setdefault(rule, []).append(f"{named}: {reason.strip()}")
    return found


_BRONZE, _SILVER, _GOLD, _PLATINUM = Level

_RECEIVED: Final = (
    "test_each_request_is_taken_and_once_if_it_comes_again",
    "test_a_crash_after_the_answer_loses_nothing",
    "test_a_crash_between_commit_and_answer_repeats_nothing",
    "test_a_stranger_is_answered_as_if_nothing_were_there",
    "test_garbage_is_refused_and_harms_nothing",
    "test_a_flood_leaves_no_more_than_one_request",
)
_LISTENED: Final = (
    "test_what_is_pushed_is_acknowledged_once_it_is_kept",
    "test_what_comes_again_is_taken_once",
    "test_garbage_on_the_stream_harms_nothing",
    "test_a_flood_on_the_stream_is_kept_whole_and_in_order",
)

_ALL: Final = (
    Rule(
        "undisturbed",
        _BRONZE,
        "While nothing fails, no call raises, no problem is reported and no event is given up.",
        ("test_there_is_an_effect",),
        _consumes,
    ),
    Rule(
        "makes-a-difference",
        _BRONZE,
        "Each consumed type, each timer and each category changes what the connector does.",
        ("test_each_part_makes_a_difference",),
        _consumes,
    ),
    Rule(
        "stable-effects",
        _BRONZE,
        "The same events have the same effects in each run.",
        ("test_each_part_makes_a_difference",),
        _consumes,
    ),
    Rule(
        "no-leaks",
        _BRONZE,
        "Data that the contract does not allow, and secrets, appear nowhere.",
        ("test_no_canary_gets_out", "test_no_canary_gets_out_when_the_far_side_fails"),
        _consumes,
    ),
    Rule(
        "settings",
        _BRONZE,
        "Each wrong setting is an error that names the setting and repeats no value.",
        (
            "test_the_class_can_be_run",
            "test_each_setting_is_described",
            "test_secrets_are_kept_as_secrets",
            "test_an_unknown_key_is_refused",
            "test_a_value_of_the_wrong_kind_is_named_and_not_repeated",
            "test_the_values_named_as_bad_are_refused",
        ),
        _always,
    ),
    Rule(
        "one-effect",
        _BRONZE,
        "The same event twice has the same effect once.",
        ("test_the_same_events_twice_have_one_effect",),
        _consumes,
    ),
    Rule(
        "order",
        _BRONZE,
        "The effects do not depend on the pace at which events come, nor on the order of different entities.",
        ("test_all_at_once_has_the_effects_of_one_at_a_time", "test_events_about_others_may_come_first"),
        _consumes,
    ),
    Rule(
        "crash",
        _SILVER,
        "A crash between the effect and its acknowledgement changes nothing at the far side.",
        ("test_a_crash_between_effect_and_acknowledgement_repeats_nothing",),
        _consumes,
    ),
    Rule(
        "effect-before-return",
        _SILVER,
        "A call returns only after its effect has happened.",
        ("test_a_far_side_that_fails_for_a_while_is_told_everything_in_the_end",),
        _consumes,
    ),
    Rule(
        "temporary",
        _SILVER,
        "A far side that fails for a while gets everything in the end.",
        ("test_a_far_side_that_fails_for_a_while_is_told_everything_in_the_end",),
        _consumes,
    ),
    Rule(
        "time-out",
        _SILVER,
        "A far side that does not answer holds nothing up.",
        ("test_it_fails_while_the_far_side_does_and_says_what_to_do",),
        _always,
    ),
    Rule(
        "stale",
        _SILVER,
        "An event that is older than what is known changes nothing.",
        ("test_an_event_that_comes_again_alone_changes_nothing",),
        _consumes,
    ),
    Rule(
        "restart",
        _SILVER,
        "A restart between two events changes nothing.",
        ("test_a_restart_between_two_events_changes_nothing", "test_a_restart_has_no_effect_of_its_own"),
        _consumes,
    ),
    Rule(
        "complete",
        _SILVER,
        "A result that comes late is about the moment that was due, and says if it may lack something.",
        ("test_a_result_that_may_lack_something_says_so", "test_a_timer_that_is_late_is_about_the_moment_it_was_due"),
        _reports,
    ),
    Rule(
        "pushed",
        _SILVER,
        "What a source pushes is kept before it is acknowledged, and nothing else is let in.",
        (*_RECEIVED, *_LISTENED),
        _is_pushed,
        only={**dict.fromkeys(_RECEIVED, "receive"), **dict.fromkeys(_LISTENED, "run")},
    ),
    Rule(
        "pulled",
        _SILVER,
        "What a source has is published once, and what can't be read has not been deleted.",
        (
            "test_a_pull_tells_what_is_there",
            "test_a_second_identical_pull_tells_nothing",
            "test_a_change_is_told_once",
            "test_a_restart_tells_nothing_of_its_own",
            "test_a_crash_between_pages_repeats_nothing_and_loses_nothing",
            "test_a_far_side_that_fails_takes_nothing_away",
            "test_a_pull_follows_school_time",
            "test_a_pull_keeps_secrets",
        ),
        _is_pulled,
    ),
    Rule(
        "selftest",
        _SILVER,
        "The self-test is a real round trip.",
        ("test_it_passes_and_leaves_nothing", "test_it_fails_while_the_far_side_does_and_says_what_to_do"),
        _always,
    ),
    Rule(
        "bounded",
        _GOLD,
        "Each call ends in bounded time, and reads a bounded answer.",
        ("test_it_starts_and_ends_in_bounded_time",),
        _always,
    ),
    Rule(
        "cancellation",
        _GOLD,
        "A call that is cancelled ends.",
        ("test_a_call_that_is_cancelled_ends",),
        _consumes,
    ),
    Rule(
        "school-time",
        _GOLD,
        "Cut-offs, dates and times of day follow school time, at each hour of each day.",
        (
            "test_a_day_on_which_the_clocks_change_is_told_as_any_other",
            "test_an_hour_in_which_utc_has_another_date_is_like_the_next",
            "test_the_same_moments_written_in_utc_have_the_same_outcome",
            "test_nothing_asks_the_machine_for_the_time",
        ),
        _consumes,
    ),
    Rule(
        "leaves-nothing",
        _GOLD,
        "An ended instance leaves no task, thread, process, file, socket, memory or changed global value.",
        ("test_an_instance_leaves_nothing_behind",),
        _always,
    ),
    Rule(
        "forgets",
        _GOLD,
        "State and memory that are no longer needed are given back.",
        ("test_what_is_over_is_forgotten",),
        _consumes,
    ),
    Rule(
        "last-event",
        _GOLD,
        "The last event of an entity alone leads to what the whole history leads to.",
        ("test_the_last_event_of_an_entity_is_enough",),
        _consumes,
    ),
    Rule(
        "far-sides",
        _GOLD,
        "One far side's failure is its own.",
        ("test_one_that_refuses_keeps_nothing_from_the_others",),
        _has_several,
    ),
    Rule(
        "reconcile",
        _PLATINUM,
        "reconcile() mends what was changed by hand at the far side, and leaves alone what is right.",
        ("test_it_leaves_alone_what_is_right", "test_it_mends_what_was_changed_by_hand"),
        _consumes,
    ),
)

RULES: Final[Mapping[str, Rule]] = {rule.name: rule for rule in _ALL}
