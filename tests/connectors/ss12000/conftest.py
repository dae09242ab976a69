"""A small school behind a provider that keeps to the standard, and a hub that pulls it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from plugins.testing import TestHub, open_hub
from schemas import Event
from tests.connectors.ss12000.records import school
from tests.peers.sis import TOKEN, Made, serving

CURRENT = "se.skolnav.directory.current.v1"


@dataclass
class Pulled:
    """A hub with one instance of the connector."""

    hub: TestHub
    told: int = 0

    async def poll(self) -> list[Event]:
        """One more pull of changes; returns what it told."""
        await self.hub.restart()
        return await self.news()

    async def nightly(self, day: int) -> list[Event]:
        """Past 03:40 on that day of November 2026: a whole pull."""
        await self.hub.advance_to(f"2026-11-{day}T04:00")
        return await self.news()

    async def news(self) -> list[Event]:
        """What was published since the last time, without the word that all is current."""
        events = await self.hub.published()
        fresh, self.told = events[self.told :], len(events)
        return [each for each in fresh if each.type != CURRENT]

    async def currents(self) -> int:
        return len(await self.hub.published(CURRENT))

    def problems(self, code: str) -> list[str]:
        return [each for each in self.hub.problems() if f" {code} " in each]


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(each.type.removeprefix("se.skolnav.").removesuffix(".v1") for each in events)


@pytest.fixture
def sis() -> Iterator[Made]:
    with serving(Made(**school())) as sis:
        assert isinstance(sis, Made)
        yield sis


@pytest.fixture
def config(sis: Made) -> dict[str, Any]:
    return {
        "base_url": f"{sis.url}/v2.0",
        "auth": {"token": TOKEN},
        "poll": "1h",
        "window": {"back": "7d", "ahead": "14d"},
        "answer_timeout_s": 6,  # more than an answer takes on a busy machine
        "deadline_s": 10,
        "max_answer_mib": 1,
    }


@pytest.fixture
async def hub(config: dict[str, Any]) -> AsyncIterator[Pulled]:
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, config)
        yield Pulled(hub)
