"""The open API: list pages of 1,000 persons through the gate, with 30,000 persons loaded.

    .venv/bin/python -m bench.provider [--persons 30000] [--lessons 150000]

One hub's parts in this process and one client over ASGI, so that what is measured is the API and no network: the
log's and the store's files are real (an fsync for each page's disclosures). The first page of a kind builds its index.
Asked for: below 200 ms a page.
"""

import argparse
import asyncio
import gc
import platform
import random
import resource
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from hub.api.app import create_app
from hub.assembly.services import Services
from hub.clock import SystemClock
from hub.config.model import ClientConfig, Role
from schemas import Category, DataContract, Event
from schemas.contract import Scope
from tests.hub.api.conftest import running

BASE = "/ss12000/v2.0"
SOURCE = "urn:bench:sis"
TOKEN = "token-of-the-bench-0123456789"
SCHOOLS = [str(uuid.UUID(int=n)) for n in range(1, 31)]
WINDOW = {"startTime.onOrAfter": "2026-11-01T00:00:00Z", "startTime.onOrBefore": "2026-12-31T00:00:00Z"}


def id_of(n: int) -> str:
    return str(uuid.UUID(int=random.Random(n).getrandbits(128), version=4))


def client(id: str, *categories: Category, scope: Scope | None = None) -> ClientConfig:
    contract = DataContract(
        purpose="bench", legal_basis="bench", categories=frozenset(categories), scope=scope or Scope()
    )
    return ClientConfig(
        id=id, token=SecretStr(TOKEN + id), roles=frozenset({Role.SUBSCRIBER}), contract=contract
    )  # fmt: skip


CLIENTS = (
    client("all", *Category),
    client("blind", Category.GROUP, Category.NAME, Category.ATTENDANCE),
    client("school", *Category, scope=Scope(organisations=frozenset(SCHOOLS[:15]))),
)


def event(type_: str, id: str, data: dict[str, Any]) -> Event:
    return Event({"specversion": "1.0", "id": id, "source": SOURCE, "type": f"se.skolnav.{type_}.v1"}, data)


def person(n: int, pupils: int) -> Event:
    data: dict[str, Any] = {
        "id": id_of(n), "meta": {"created": "2024-08-15T08:00:00Z", "modified": "2026-11-24T05:42:20Z"},
        "givenName": f"Prov{n % 977}", "familyName": f"Person{n}", "sex": "Okänt", "personStatus": "Aktiv",
        "securityMarking": "Sekretessmarkering" if n % 200 == 7 else "Ingen",
        "civicNo": {"value": f"20130102{n % 10000:04}", "nationality": "SE"}, "birthDate": "2013-01-02",
        "externalIdentifiers": [{"value": str(n), "context": "urn:bench", "globallyUnique": True}],
        "emails": [{"value": f"p{n}@example.se", "type": "Privat"}],
        "addresses": [{"type": "Folkbokföring", "streetAddress": f"Gatan {n}", "postalCode": "11234",
                       "locality": "Prov", "country": "Sverige"}],
    }  # fmt: skip
    if n < pupils:
        data["enrolments"] = [
            {"enroledAt": {"id": SCHOOLS[n % 30]}, "schoolType": "GR", "schoolYear": n % 10, "startDate": "2024-08-15"}
        ]
        data["responsibles"] = [
            {"person": {"id": id_of(pupils + guardian % pupils)}, "relationType": "Vårdnadshavare"}
            for guardian in (n, n + 1)
        ]
    return event("directory.person.upserted", f"person-{n}", data)


def lesson(n: int) -> Event:
    day, minute = 1 + n % 28, n % 480
    start = f"2026-11-{day:02}T{8 + minute // 60:02}:{minute % 60:02}:00+01:00"
    return event(
        "schedule.lesson.scheduled", f"lesson-{n}",
        {
            "id": id_of(10_000_000 + n), "activity": {"id": id_of(9_000_000 + n % 4000)}, "startTime": start,
            "endTime": start.replace(":00+", ":40+"), "organisation": {"id": SCHOOLS[n % 30]},
            "rooms": [{"id": id_of(8_000_000 + n % 500)}],
        },
    )  # fmt: skip


async def load(hub: Services, persons: int, lessons: int) -> None:
    pupils = persons // 2
    await hub.log.append([
        hub.catalogue.describe(event("directory.organisation.upserted", f"organisation-{id}", {
            "id": id, "displayName": f"Skola {id[-4:]}", "organisationType": "Skolenhet", "schoolTypes": ["GR"],
        }))
        for id in SCHOOLS
    ])  # fmt: skip
    for start in range(0, persons, 1000):
        batch = [person(n, pupils) for n in range(start, min(start + 1000, persons))]
        await hub.log.append([hub.catalogue.describe(each) for each in batch])
    for start in range(0, lessons, 1000):
        batch = [lesson(n) for n in range(start, min(start + 1000, lessons))]
        await hub.log.append([hub.catalogue.describe(each) for each in batch])
    now = hub.clock.utc().isoformat()
    await hub.log.append([hub.catalogue.describe(event("directory.current", f"current-{now}", {"asOf": now}))])


@asynccontextmanager
async def serving(folder: Path, persons: int, lessons: int) -> AsyncIterator[httpx.AsyncClient]:
    async with running(folder, SystemClock()) as hub:
        hub.config = replace(hub.config, clients=CLIENTS)
        app = create_app(hub)
        await load(hub, persons, lessons)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=120) as http:
            yield http


async def timed(http: httpx.AsyncClient, id: str, path: str, params: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {TOKEN}{id}"}
    started = time.perf_counter()
    answer = await http.get(BASE + path, params=params, headers=headers)
    took_ms = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return took_ms, found


async def measure(
    http: httpx.AsyncClient, name: str, *, id: str, path: str, params: dict[str, Any], pages: int
) -> None:
    """Times of the first page, then of those that follow it."""
    first_ms, page = await timed(http, id, path, {**params, "limit": 1000})
    times: list[float] = []
    count = len(page["data"])
    while page["pageToken"] is not None and len(times) < pages:
        took_ms, page = await timed(http, id, path, {"limit": 1000, "pageToken": page["pageToken"]})
        times.append(took_ms)
        count += len(page["data"])
    rest = f"then median {statistics.median(times):6.1f}, worst {max(times):6.1f} ms" if times else ""
    print(f"{name:44} {count:6} objects, first page {first_ms:7.1f} ms, {rest}", flush=True)


async def main(persons: int, lessons: int) -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, {persons} persons, {lessons} lessons")
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), persons, lessons) as http:
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)  # as the hub's own (hub/cli/run.py)
            everything = {"expand": ["duties", "responsibleFor", "groupMemberships"], "expandReferenceNames": "true"}
            await measure(http, "persons (first: builds the index)", id="all", path="/persons", params={}, pages=20)
            await measure(http, "persons", id="all", path="/persons", params={}, pages=20)
            await measure(http, "persons, pseudonyms", id="blind", path="/persons", params={}, pages=20)
            await measure(http, "persons, scope of half the schools", id="school", path="/persons", params={}, pages=20)
            await measure(
                http,
                "persons, sorted by name",
                id="all",
                path="/persons",
                params={"sortkey": "FamilyNameAsc"},
                pages=10,
            )
            await measure(http, "persons, expanded and named", id="all", path="/persons", params=everything, pages=5)
            await measure(
                http, "persons, by civic number", id="all", path="/persons", params={"civicNo": "201301020042"}, pages=0
            )
            enrolled = {"relationship.entity.type": "enrolment", "relationship.organisation": SCHOOLS[0]}
            await measure(http, "persons, of one school", id="all", path="/persons", params=enrolled, pages=5)
            late = {"meta.modified.after": "2999-01-01T00:00:00Z"}
            await measure(http, "persons, an empty delta", id="all", path="/persons", params=late, pages=0)
            if lessons:
                await measure(
                    http,
                    "calendarEvents (first: builds the index)",
                    id="all",
                    path="/calendarEvents",
                    params=WINDOW,
                    pages=10,
                )
                day = {"startTime.onOrAfter": "2026-11-24T00:00:00Z", "startTime.onOrBefore": "2026-11-25T00:00:00Z"}
                school = {**day, "organisation": SCHOOLS[1]}
                await measure(
                    http, "calendarEvents, a school's day", id="all", path="/calendarEvents", params=school, pages=5
                )
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, client included")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=30_000)
    parser.add_argument("--lessons", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(main(given.persons, given.lessons))
