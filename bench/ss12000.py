"""Measures the pull of a whole municipality's school system: full, unchanged, and a delta of 500 records.

    python -m bench.ss12000 [--persons 30000 --groups 4000 --lessons 150000]

An invented municipality is served by a light provider in a process of its own (pages of ready-made bytes), and pulled
by a hub in another on new files, over HTTP on loopback. A pull ends when all its events are in the log. The figures
are wall-clock seconds; memory is the largest resident size of the hub's process so far (all threads, log and store).
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from schemas.school_time import SCHOOL_ZONE

STAMP: Final = "2026-08-17T08:00:00+02:00"
META: Final = {"created": STAMP, "modified": STAMP}
GIVEN: Final = ("Aina", "Bo", "Cilla", "Dag", "Ebba", "Folke", "Gun", "Hugo", "Iris", "Jon")
FAMILY: Final = ("Exempelsson", "Provberg", "Testlund", "Mallqvist", "Utkaststrand")
DELTA: Final = 500


class Municipality:
    """Invented records of an SS 12000 provider, the same for the same numbers."""

    def __init__(self, persons: int, groups: int, lessons: int, today: date) -> None:
        self.dice = random.Random(12000)
        pupils, staff = persons * 2 // 5, persons // 15
        units = [self.id() for _ in range(max(1, pupils // 400))]
        top = self.id()
        self.records: dict[str, list[dict[str, Any]]] = {
            "organisations": [
                {"id": top, "meta": META, "displayName": "Mätkommun", "organisationType": "Huvudman"},
                *(
                    {
                        "id": unit, "meta": META, "displayName": f"Skola {n}", "organisationType": "Skolenhet",
                        "parentOrganisation": {"id": top}, "schoolUnitCode": f"{10000000 + n}", "schoolTypes": ["GR"],
                    }
                    for n, unit in enumerate(units)
                ),
            ]
        }  # fmt: skip
        ids = [self.id() for _ in range(persons)]
        people = [self.person(id, n) for n, id in enumerate(ids)]
        guardians = ids[pupils : persons - staff]
        for n, pupil in enumerate(people[:pupils]):
            pupil["enrolments"] = [
                {
                    "enroledAt": {"id": units[n % len(units)]},
                    "schoolType": "GR",
                    "schoolYear": n % 9 + 1,
                    "startDate": "2024-08-15",
                }
            ]
            pupil["responsibles"] = [
                {"person": {"id": self.dice.choice(guardians)}, "relationType": "Vårdnadshavare"} for _ in range(2)
            ]
        self.records["persons"] = people
        duties = [
            {
                "id": self.id(),
                "meta": META,
                "person": {"id": id},
                "dutyAt": {"id": units[n % len(units)]},
                "dutyRole": "Lärare",
                "startDate": "2024-08-01",
            }
            for n, id in enumerate(ids[persons - staff :])
        ]
        self.records["duties"] = duties
        self.records["groups"] = [
            {
                "id": self.id(), "meta": META, "displayName": f"G{n}", "startDate": "2026-08-17",
                "groupType": "Undervisning", "organisation": {"id": units[n % len(units)]},
                "groupMemberships": [
                    {"person": {"id": ids[self.dice.randrange(pupils)]}, "startDate": "2026-08-17"} for _ in range(25)
                ],
            }
            for n in range(groups)
        ]  # fmt: skip
        self.records["activities"] = [
            {
                "id": self.id(), "meta": META, "displayName": f"Ämne {n}", "calendarEventsRequired": True,
                "startDate": "2026-08-17", "activityType": "Undervisning", "groups": [{"id": group["id"]}],
                "organisation": group["organisation"], "teachers": [{"duty": {"id": self.dice.choice(duties)["id"]}}],
            }
            for n, group in enumerate(self.records["groups"])
        ]  # fmt: skip
        self.records["rooms"] = [
            {"id": self.id(), "meta": META, "displayName": f"Sal {n}", "owner": {"id": units[n % len(units)]}}
            for n in range(1500)
        ]
        days = [day for n in range(-7, 61) if (day := today + timedelta(days=n)).weekday() < 5]
        self.lessons: dict[str, list[bytes]] = defaultdict(list)
        for n in range(lessons):
            day = days[n % len(days)]
            start = datetime(day.year, day.month, day.day, 8 + n % 8, 10 * (n % 6), tzinfo=SCHOOL_ZONE)
            lesson = {
                "id": self.id(), "meta": {"created": start.isoformat(), "modified": start.isoformat()},
                "activity": {"id": self.dice.choice(self.records["activities"])["id"]},
                "startTime": start.isoformat(), "endTime": (start + timedelta(minutes=50)).isoformat(),
                "rooms": [{"id": self.dice.choice(self.records["rooms"])["id"]}],
            }  # fmt: skip
            self.lessons[day.isoformat()].append(json.dumps(lesson).encode())
        self.bytes = {name: [json.dumps(each).encode() for each in each_of] for name, each_of in self.records.items()}
        self.delta: list[bytes] = []

    def id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def person(self, id: str, n: int) -> dict[str, Any]:
        return {
            "id": id, "meta": META, "givenName": GIVEN[n % 10], "familyName": FAMILY[n % 5], "securityMarking": "Ingen",
            "personStatus": "Aktiv", "civicNo": {"value": f"2014{n:08d}", "nationality": "SE"}, "sex": "Okänt",
            "emails": [{"value": f"p{n}@example.se", "type": "Privat"}],
            "addresses": [
                {"streetAddress": f"Gatan {n % 200}", "locality": "Mätstad", "postalCode": "123 45", "country": "SE"}
            ],
        }  # fmt: skip

    def edit(self) -> None:
        """500 persons get another address."""
        for n, person in enumerate(self.records["persons"][:DELTA]):
            person["addresses"][0]["streetAddress"] = f"Nya gatan {n}"
            self.bytes["persons"][n] = json.dumps(person).encode()
        self.delta = self.bytes["persons"][:DELTA]

    def list(self, name: str, query: dict[str, str]) -> list[bytes]:
        if name == "calendarEvents":
            first, last = (query[f"startTime.onOr{end}"] for end in ("After", "Before"))
            return [each for day in sorted(self.lessons) if first[:10] <= day < last[:10] for each in self.lessons[day]]
        if "meta.modified.after" in query:
            return self.delta if name == "persons" else []
        return self.bytes[name]


def serve(numbers: list[int]) -> None:
    town = Municipality(*numbers, today=datetime.now(SCHOOL_ZONE).date())
    offered = {*town.bytes, "calendarEvents", "deletedEntities"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            name = parts.path.rpartition("/")[2]
            if name == "edit":
                town.edit()
            if name not in offered:
                return self.answer(404, b"")
            if "pageToken" in query:
                at, _, rest = query["pageToken"].partition("~")
                found, start = town.list(name, dict(parse_qsl(rest))), int(at)
            else:
                found, start, rest = ([] if name == "deletedEntities" else town.list(name, query)), 0, parts.query
            end = start + int(query.get("limit", 1000))
            token = json.dumps(f"{end}~{rest}") if end < len(found) else "null"
            self.answer(200, b'{"data":[%s],"pageToken":%s}' % (b",".join(found[start:end]), token.encode()))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


async def measure(port: int, folder: Path) -> list[tuple[str, float]]:
    import httpx

    from connectors.ss12000.connector import Ss12000
    from hub.assembly.hub import Hub
    from hub.config import ConnectorEntry, HubConfig

    config = Ss12000.config_model.model_validate(
        {"base_url": f"http://127.0.0.1:{port}/v2.0", "auth": {"token": "bench"}, "poll": "1d"}
    )
    began = time.perf_counter()
    hub = await Hub.start(
        HubConfig(
            municipality="Mätkommun",
            tenant="matkommun",
            data=folder,
            connectors={"sis": ConnectorEntry("ss12000", Ss12000, config)},
        )
    )
    figures: list[tuple[str, float]] = []

    async def done(what: str) -> None:
        nonlocal began
        pulled = time.perf_counter() - began
        await hub.settled()
        figures.append((f"{what}: read and kept, s", pulled))
        figures.append((f"{what}: all events in the log, s", time.perf_counter() - began))
        figures.append((f"{what}: memory at most, MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
        began = time.perf_counter()

    state = hub.hosts.instance("sis")._context.state
    while "pulled" not in state or "mark/calendarEvents" not in state:
        if time.perf_counter() - began > 1800:
            raise SystemExit("no pull was completed: " + "; ".join(str(each) for each in hub.problems))
        await asyncio.sleep(0.1)
    await done("full pull")
    await hub.hosts.reconcile("sis")
    await done("unchanged reconcile")
    httpx.get(f"http://127.0.0.1:{port}/edit")
    began = time.perf_counter()
    await hub.hosts.instance("sis").call("poll", limit_s=600)
    await done(f"delta of {DELTA}")
    figures.append(("problems", len([each for each in hub.problems if each.code != "not-offered"])))
    await hub.stop()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--persons", type=int, default=30_000)
    parser.add_argument("--groups", type=int, default=4_000)
    parser.add_argument("--lessons", type=int, default=150_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = [options.persons, options.groups, options.lessons]
    if options.serve:
        return serve(numbers)
    arguments = [f"--{name}={n}" for name, n in zip(("persons", "groups", "lessons"), numbers, strict=True)]
    server = subprocess.Popen([sys.executable, "-m", "bench.ss12000", "--serve", *arguments], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        print(f"{datetime.now(UTC):%Y-%m-%d}: {numbers} persons, groups, lessons; load {os.getloadavg()[0]:.1f}")
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for what, figure in asyncio.run(measure(port, Path(folder))):
                print(f"  {what:<50} {figure:>10,.1f}")
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
