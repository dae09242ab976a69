"""Every rule is explained in both languages."""

import pytest

from hub.privacy.base import RULES_VERSION, Rule
from hub.privacy.explanations import explanation
from schemas import Category
from tests.hub.privacy.house import START, contract, recipient


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_has_its_words(rule: Rule, language: str) -> None:
    text = explanation(
        rule, rule is Rule.ALLOWED, language, START, recipient(contract(*Category)), RULES_VERSION, False
    )
    assert rule.value in text
    assert "2026-11-24 07:00:00" in text
    assert "protected_address" not in text
