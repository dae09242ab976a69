"""Every rule is explained in both languages."""

from dataclasses import replace

import pytest

from hub.privacy.base import RULES_VERSION, Rule
from hub.privacy.explanations import explanation
from plugins import Contract
from schemas import Category
from tests.clock import MORNING
from tests.hub.privacy.house import contract, recipient


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_has_its_words(rule: Rule, language: str) -> None:
    text = explanation(
        rule, recipient(contract(*Category)), allowed=rule is Rule.ALLOWED, recomputed=False, at=MORNING,
        version=RULES_VERSION, language=language,
    )  # fmt: skip
    assert rule.value in text
    assert "2026-11-24 07:00:00" in text
    assert "protected_address" not in text


@pytest.mark.parametrize(("language", "purpose"), [("sv", "skolmåltider"), ("en", "school meals")])
def test_a_contract_s_purpose_is_told_in_the_reader_s_language(language: str, purpose: str) -> None:
    asked = Contract("school meals", "public task", {Category.DIET}, swedish=("skolmåltider", "allmänt intresse"))
    text = explanation(
        Rule.ALLOWED, recipient(asked), allowed=True, recomputed=False, at=MORNING, version=RULES_VERSION,
        language=language,
    )  # fmt: skip
    assert purpose in text


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.ALLOWED])
def test_without_its_rule_each_refusal_has_the_same_words(rule: Rule) -> None:
    """Promise 5 towards operators."""
    texts = {
        explanation(
            each, recipient(contract(*Category)), allowed=False, recomputed=False, at=MORNING,
            version=RULES_VERSION, with_rule=False, language="en",
        )
        for each in (rule, Rule.CONTRACT)
    }  # fmt: skip
    assert len(texts) == 1


def test_who_only_makes_sums_is_not_said_to_have_been_told_of_nobody_protected() -> None:
    """A kitchen counts a protected pupil too: the words must not claim that none was there."""
    counting = replace(recipient(contract(Category.ATTENDANCE)), aggregates=True)
    text = explanation(
        Rule.ALLOWED, counting, allowed=True, recomputed=False, at=MORNING, version=RULES_VERSION, language="sv"
    )
    assert "skyddade eller inte, under pseudonym" in text
