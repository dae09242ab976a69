"""Codes that only a connector knows come with its words, wherever an operator meets them (promise 8)."""

from pathlib import Path
from typing import ClassVar

from hub.operating import dead_letters
from hub.operating.outcomes import of_event, worded
from plugins import Connector, Contract, PermanentError, Text
from schemas import Category, Event
from schemas.schedule import DayClosed
from tests.hub.alerts.conftest import watched
from tests.hub.alerts.test_conditions import CLOSED_DATA, NoConfig
from tests.school import DAY_CLOSED, append, event
from tests.until import until


class Refuses(Connector[NoConfig]):
    """Its far side takes nothing."""

    name = "refuses"
    config_model = NoConfig
    consumes = (DayClosed,)
    contract = Contract("facilities", basis="agreement", categories={Category.NONE, Category.FREE_TEXT})
    problems: ClassVar = {"row-refused": Text("raden togs inte emot", "the row was refused")}

    async def handle(self, event: Event) -> None:
        raise PermanentError("no", code="row-refused")


async def test_a_dead_letter_and_its_attempts_say_what_a_connectors_own_code_means(tmp_path: Path) -> None:
    async with watched(tmp_path, Refuses, connectors={"caretakers": {"use": "refuses"}}) as it:
        services = it.hub.services
        await append(services, event(DAY_CLOSED, CLOSED_DATA, id="closed"))

        async def letters(language: str = "sv") -> list[tuple[str, str]]:
            found = await dead_letters.page(services, subscription=None, after="", limit=9, language=language)  # type: ignore[arg-type]
            return [(each.reason, each.says) for each in found]

        assert await until(letters) == [("row-refused", "raden togs inte emot")]
        assert await letters("en") == [("row-refused", "the row was refused")]
        [became] = worded(services, await of_event(services, event="closed", source=None, with_rules=False), "sv")
        [outcome] = became.outcomes
        assert (outcome.outcome, outcome.says) == ("dead", "raden togs inte emot")
        assert [each.says for each in outcome.attempts] == ["raden togs inte emot"]
