from hub.cli.events import OUTCOMES
from hub.operating.outcomes import What


def test_the_outcomes_that_can_be_asked_for_are_those_that_the_hub_concludes() -> None:
    assert list(OUTCOMES) == sorted(What)
