"""What every log promises of searches."""

import random
import uuid

import pytest

from hub.bus.base import Log, Position, Stored, Wanted, corrects_all
from tests.clock import HandClock
from tests.contracts.log_events import SOURCE, Reopen, event, everything, matter, names, reading


class SearchContract:
    """A part of `LogContract`."""

    async def test_an_event_is_found_by_its_id_from_every_source(self, log: Log) -> None:
        await log.append([reading(n, id=f"r{n}") for n in range(20)])
        await log.append([event("sensor.reading", {"sensor": "b", "value": 1}, id="r7", source="urn:example:other")])
        found = await log.search(Wanted(id="r7"), limit=10)
        assert sorted(each.source for each in found.events) == ["urn:example:other", SOURCE]
        assert found.upto is None
        of_one = Wanted(id="r7", source=lambda name: name == SOURCE)
        assert [each.source for each in (await log.search(of_one, limit=10)).events] == [SOURCE]
        assert (await log.search(Wanted(id="no-such-id"), limit=10)).events == []

    async def test_a_search_by_a_person_finds_what_is_about_the_person(self, log: Log) -> None:
        one, two = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
        await log.append(
            [
                matter("m1", one), matter("m2", one, two), matter("m3", two), matter("m4"), matter("m5", "sven", one),
                reading(1),
            ]
        )  # fmt: skip

        async def subjects(of: str) -> list[str]:
            return sorted(each.subject for each in (await log.search(Wanted(subject=of), limit=10)).events)

        assert await subjects(f"person/{one}") == ["matter/m1", "matter/m2", "matter/m5"]
        assert await subjects(f"person/{two}") == ["matter/m2", "matter/m3"]
        assert await subjects("person/sven") == ["matter/m5"]
        assert await subjects("matter/m4") == ["matter/m4"]
        assert await subjects("person/nobody") == []

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_a_search_pages_from_the_newest_and_misses_none(self, log: Log, clock: HandClock, limit: int) -> None:
        """While events go on arriving: each page ends at a position that later events do not move."""
        dice = random.Random(limit)
        for n in range(30):
            clock.move(seconds=1)
            await log.append(
                [
                    event(
                        dice.choice(("sensor.reading", "matter.opened")),
                        {"sensor": f"s{n % 5}", "value": n, "id": f"m{n % 7}", "people": []},
                        id=f"e{n}",
                        source=f"urn:example:{dice.randint(1, 2)}",
                    )
                ],
                corrects_all,
            )
        wanted = Wanted(type=lambda name: "reading" in name, source=lambda name: name.endswith("1"))
        everything_now = [each for each in await everything(log) if wanted.matches(each)]
        found: list[Stored] = []
        upto: Position | None = None
        while True:
            page = await log.search(wanted, upto=upto, limit=limit)
            assert len(page.events) <= limit
            found += page.events
            await log.append([reading(99, sensor=f"s{len(found)}", id=f"late{len(found)}-{dice.random()}")])
            if page.upto is None:
                break
            upto = page.upto
        assert [each.at for each in found] == [
            each.at for each in sorted(everything_now, key=lambda each: (each.accepted_us, each.at), reverse=True)
        ]

    async def test_a_search_and_a_count_keep_to_a_span_of_time(self, log: Log, clock: HandClock) -> None:
        times = []
        for n in range(6):
            times.append(clock.utc())
            await log.append([reading(n, sensor=f"s{n}", id=f"e{n}"), matter(f"m{n}", id=f"m{n}")])
            clock.move(minutes=1)
        span = {"after": await log.at(times[1]), "upto": await log.at(times[4])}
        readings = Wanted(type=lambda name: "reading" in name)
        assert names((await log.search(readings, limit=10, **span)).events) == ["e3", "e2", "e1"]
        assert await log.count(readings, **span) == 3
        assert await log.count(Wanted(), **span) == 6
        assert await log.count(Wanted(type=lambda name: False), **span) == 0

    async def test_what_was_trimmed_is_not_found_and_spared_state_is(self, log: Log, clock: HandClock) -> None:
        await log.append([reading(1, id="gone"), matter("m", id="state")])
        while await log.keep_up():
            pass
        clock.move(days=1)
        await log.append([reading(2, id="new")])
        await log.trim(clock.utc())
        while await log.keep_up():
            pass
        assert (await log.search(Wanted(id="gone"), limit=5)).events == []
        assert names((await log.search(Wanted(id="state"), limit=5)).events) == ["state"]
        assert names((await log.search(Wanted(), limit=5)).events) == ["new", "state"]

    async def test_a_search_after_a_restart_finds_old_and_new(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(1, id="before"), reading(2, id="between")])
        await log.search(Wanted(id="before"), limit=1)
        again = await reopen()
        await again.append([reading(3, id="after")])
        for id in ("before", "between", "after"):
            assert names((await again.search(Wanted(id=id), limit=1)).events) == [id]
