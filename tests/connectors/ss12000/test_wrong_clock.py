"""A school system whose stamps or clock are wrong: no change is missed, or it is found, counted and told."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import absence
from tests.peers.sis import Made

CREATED = "2026-08-17T08:00:00+02:00"


def stamped(at: datetime) -> dict[str, str]:
    return {"created": CREATED, "modified": at.isoformat()}


def mark_person(sis: Made, n: int, at: datetime) -> None:
    sis.records["persons"][n] |= {"securityMarking": "Sekretessmarkering", "meta": stamped(at)}


@pytest.mark.parametrize("behind", [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=5)])
async def test_stamps_that_lie_behind_the_date_lose_no_mark(hub: Pulled, sis: Made, behind: timedelta) -> None:
    await hub.news()
    now = datetime.now(UTC)
    for n, later in enumerate((timedelta(0), timedelta(minutes=20), timedelta(minutes=40)), start=3):
        sis.clock = lambda later=later: now + later
        mark_person(sis, n, now + later - behind)
        (only,) = await hub.poll()
        assert only.data["securityMarking"] == "Sekretessmarkering"
    assert hub.problems("changes-missed") == []


async def test_a_date_that_is_ahead_of_every_other_clock_loses_no_mark(hub: Pulled, sis: Made) -> None:
    """The `Date` is a proxy's; the hub's own clock and the stamps are right."""
    await hub.news()
    now = hub.hub.clock.utc()
    sis.clock = lambda: now + timedelta(hours=2)
    mark_person(sis, 3, now)
    assert kinds(await hub.poll()) == {"directory.person.upserted": 1}
    mark_person(sis, 4, now + timedelta(minutes=5))
    assert kinds(await hub.poll()) == {"directory.person.upserted": 1}


@pytest.mark.parametrize("resource", ["persons", "groups"])
async def test_what_was_missed_is_counted_in_the_night_and_asked_for_from_then_on(
    hub: Pulled, sis: Made, resource: str
) -> None:
    """One machine of the supplier's is right, another is five hours behind."""
    now = hub.hub.clock.utc()
    sis.clock = hub.hub.clock.utc
    await hub.news()
    name = {"persons": "familyName", "groups": "displayName"}[resource]
    records = sis.records[resource]
    records.append({**records[0], "id": records[0]["id"][:-4] + "fade", "meta": stamped(now)})
    await hub.poll()  # the newest stamp is now
    records[0] |= {name: "Ändrat", "meta": stamped(now - timedelta(hours=5))}
    assert await hub.poll() == []
    assert kinds(await hub.nightly(25))[f"directory.{resource.removesuffix('s')}.upserted"] == 1
    (said,) = hub.problems("changes-missed")
    assert f"{resource}: 1 changes" in said
    assert f"{110 if resource == 'persons' else 290} min too early" in said
    records[-1] |= {name: "Nyast", "meta": stamped(hub.hub.clock.utc())}
    await hub.poll()
    records[0] |= {name: "Igen", "meta": stamped(hub.hub.clock.utc() - timedelta(hours=5))}
    assert len(await hub.poll()) == 1, "the overlap has grown"


async def test_persons_are_read_whole_once_changes_were_missed(hub: Pulled, sis: Made) -> None:
    now = hub.hub.clock.utc()
    sis.clock = hub.hub.clock.utc
    await hub.news()
    sis.records["persons"][1]["meta"] = stamped(now)
    await hub.poll()
    sis.records["persons"][2] |= {"familyName": "Ändrat", "meta": stamped(now - timedelta(hours=5))}
    await hub.nightly(25)
    await hub.news()
    mark_person(sis, 5, now - timedelta(days=40))
    (only,) = await hub.poll()
    assert only.data["securityMarking"] == "Sekretessmarkering"
    asked: list[Any] = [query for path, query in sis.asked if path == "/v2.0/persons"]
    assert "meta.modified.after" not in asked[-1]


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(hours=2, minutes=30), timedelta(hours=3)])
async def test_an_absence_of_a_clock_that_begins_to_lie_is_found_within_minutes(
    hub: Pulled, sis: Made, back: timedelta
) -> None:
    """Promise 9. Until then a kitchen's order would look complete."""
    clock = hub.hub.clock
    sis.clock = clock.utc

    async def report(n: int, stamp: datetime, polls: int) -> Counter[str]:
        whole_day = ("2026-11-24T08:00:00+01:00", "2026-11-24T16:00:00+01:00")
        sis.records["absences"].append(absence(n, n, *whole_day, meta=stamped(stamp)))
        for _ in range(polls):
            clock.pass_machine(60)
            await hub.hub.poll("ss12000")
        return kinds(await hub.news())

    await hub.news()
    assert await report(7, clock.utc(), 1) == {"absence.reported": 1}
    assert await report(8, clock.utc() - back, 5) == {"absence.reported": 1}
    (said,) = hub.problems("changes-missed")
    assert "absences: 1 changes" in said
    assert await report(9, clock.utc() - back, 1) == {"absence.reported": 1}, "each poll goes that far back"


async def test_a_mark_that_is_stamped_an_hour_back_is_found_at_the_next_poll(hub: Pulled, sis: Made) -> None:
    now = hub.hub.clock.utc()
    sis.clock = hub.hub.clock.utc
    await hub.news()
    sis.records["persons"][1] |= {"familyName": "Nyast", "meta": stamped(now)}
    await hub.poll()
    mark_person(sis, 3, now - timedelta(hours=1))
    (only,) = await hub.poll()
    assert only.data["securityMarking"] == "Sekretessmarkering"
