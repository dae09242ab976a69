"""Whether the time of an answer tells what was withheld: the AUC of each door, over a running hub on loopback.

    .venv/bin/python -m bench.silence [pairs] [door ...]

A pair is one request about something withheld and one about nothing, in random order on one connection. The AUC is the
probability that the withheld one of a random pair took longer: 0.5 tells nothing. Asked for: 0.45 to 0.55.
"""

import json
import random
import socket
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.load import BATCH, TOKEN
from bench.process import Hub, folder, machine

PAIRS: Final = 1000
PAUSE_S: Final = 0.02
WARM: Final = 20  # pairs before those that count
FOLDER: Final = Path("build/bench")
CATEGORIES: Final = ("identity", "name", "group", "attendance", "staff", "contact", "none")
SOURCE: Final = "urn:bench"
UNIT, PROTECTED, OPEN = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("unit", "protected", "open"))
CIVIC: Final = "130303-9999"
ABSENCES: Final = 300

Ask = Callable[[], bytes]
"""Prepares a request, which may take calls of its own, and returns it."""


class Connection:
    """One request at a time over one connection; a blocking socket, so that no loop of its own adds to the times."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[float, int, bytes, bytes]:
        """Seconds to the first bytes, status, head and body."""
        began = time.perf_counter()
        self._socket.sendall(request)
        got = self._socket.recv(1 << 16)
        took = time.perf_counter() - began
        while b"\r\n\r\n" not in got:
            got += self._socket.recv(1 << 16)
        head, _, body = got.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
        while len(body) < length:
            body += self._socket.recv(1 << 16)
        return took, int(head[9:12]), head, body


def request(method: str, path: str, content: object = None, content_type: str = "application/json") -> bytes:
    body = b"" if content is None else json.dumps(content).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {TOKEN}"]
    if body:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(type_: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": SOURCE, "type": f"se.skolnav.{type_}.v1",
        "subject": subject, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "data": data,
    }  # fmt: skip


def absence(pupil: str, what: str = "reported") -> dict[str, Any]:
    times = {"startTime": "2026-11-24T08:00:00+01:00", "endTime": "2026-11-24T10:00:00+01:00"}
    data = {
        "id": str(uuid.uuid4()),
        "student": {"id": pupil},
        "type": "Anmäld frånvaro" if what == "reported" else "Beviljad ledighet",
        **times,
    }
    return event(f"absence.{what}", f"person/{pupil}", data)


def person(id: str, mark: str, civic: str) -> dict[str, Any]:
    data = {
        "id": id, "givenName": "Prov", "familyName": "Elev", "securityMarking": mark, "personStatus": "Aktiv",
        "civicNo": {"value": civic, "nationality": "SWE"},
        "enrolments": [{"enroledAt": {"id": UNIT}, "schoolType": "GR", "startDate": "2024-08-15", "cancelled": False}],
    }  # fmt: skip
    return event("directory.person.upserted", f"person/{id}", data)


class Doors:
    """What is asked at each door: about something withheld, and about nothing."""

    def __init__(self, port: int) -> None:
        self._connection = Connection(port)
        self._feeder = Connection(port)
        self._after = "/v1/subscriptions/bench/events"
        organisation = event("directory.organisation.upserted", f"organisation/{UNIT}", {
            "id": UNIT, "displayName": "Skolan", "organisationType": "Skolenhet", "schoolTypes": ["GR"],
        })  # fmt: skip
        current = event("directory.current", f"source/{SOURCE}", {"lists": ["persons"], "asOf": _now()})
        self._publish(
            organisation, person(PROTECTED, "Skyddad folkbokföring", CIVIC), person(OPEN, "Ingen", "130304-9998")
        )
        self._publish(current)
        self._publish(*(absence(PROTECTED) for _ in range(ABSENCES)))

    def all(self) -> dict[str, tuple[Ask, Ask]]:
        base = "/ss12000/v2.0"

        def get(path: str) -> Ask:
            return lambda: request("GET", path.replace("{new}", str(uuid.uuid4())))

        def look_up(list_: str, **body: str) -> Ask:
            return lambda: request(
                "POST", f"{base}/{list_}/lookup",
                {name: [value.replace("{new}", str(uuid.uuid4()))] for name, value in body.items()},
            )  # fmt: skip

        def report(pupil: str) -> Ask:
            return lambda: request("POST", f"{base}/absences", {
                "student": {"id": pupil.replace("{new}", str(uuid.uuid4()))}, "type": "Anmäld frånvaro",
                "startTime": "2026-11-24T08:00:00+01:00", "endTime": "2026-11-24T10:00:00+01:00",
            })  # fmt: skip

        def publish(pupil: str) -> Ask:
            return lambda: request(
                "POST", "/v1/events", absence(pupil.replace("{new}", str(uuid.uuid4()))),
                "application/cloudevents+json",
            )  # fmt: skip

        return {
            "state": (get(f"/v1/state/person/{PROTECTED}"), get("/v1/state/person/{new}")),
            "feed, after an event it does not name": (
                self._poll(lambda: absence(PROTECTED)),
                self._poll(lambda: absence(OPEN, "leave_granted")),
            ),
            "feed, idle": (self._poll(lambda: absence(PROTECTED)), self._poll(None)),
            "persons/{id}": (get(f"{base}/persons/{PROTECTED}"), get(f"{base}/persons/{{new}}")),
            "persons by civic number": (look_up("persons", civicNos=CIVIC), look_up("persons", civicNos="130305-9997")),
            "absences of a pupil": (
                get(f"{base}/absences?student={PROTECTED}"),
                get(f"{base}/absences?student={{new}}"),
            ),
            "POST /absences": (report(PROTECTED), report(OPEN)),
            "POST /v1/events": (publish(PROTECTED), publish("{new}")),
        }

    def measure(self, withheld: Ask, nothing: Ask, pairs: int) -> tuple[list[float], list[float]]:
        """Seconds of both. Raises SystemExit if the answers differ."""
        found: tuple[list[float], list[float]] = ([], [])
        answers: list[set[object]] = [set(), set()]
        for number in range(pairs + WARM):
            for which in random.sample((0, 1), 2):
                took, status, head, body = self._connection.ask((withheld, nothing)[which]())
                link = head.partition(b"link: <")[2].partition(b">")[0]
                if link:
                    self._after = link.decode()
                answers[which].add((status, len(body), len(head)))
                if number >= WARM:
                    found[which].append(took)
        if answers[0] != answers[1]:
            raise SystemExit(f"the answers differ: {answers}")
        return found

    def _poll(self, before: Callable[[], dict[str, Any]] | None) -> Ask:
        def ask() -> bytes:
            if before is not None:
                self._publish(before())
            time.sleep(PAUSE_S)  # a client does not know when something is published
            return request("GET", self._after)

        return ask

    def _publish(self, *events: dict[str, Any]) -> None:
        _, status, _, body = self._feeder.ask(request("POST", "/v1/events", events, BATCH))
        if status != 202:
            raise SystemExit(f"{status} {body.decode()}")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def auc(longer: Sequence[float], shorter: Sequence[float]) -> float:
    """The probability that one of the first takes longer than one of the second (Mann-Whitney)."""
    ranked = sorted([(each, 1) for each in longer] + [(each, 0) for each in shorter])
    ranks, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        ranks += sum(which for _, which in ranked[at:end]) * (at + end + 1) / 2
        at = end
    n, m = len(longer), len(shorter)
    return (ranks - n * (n + 1) / 2) / (n * m)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    print(machine(FOLDER))
    spec = {"name": "bench", "types": ["se.skolnav.absence.reported.v1"], "sink": {"kind": "feed"}, "from": "now"}
    with folder(FOLDER) as where, Hub(where, [spec], categories=CATEGORIES) as hub:
        doors = Doors(hub.port)
        for name, (withheld, nothing) in doors.all().items():
            if sys.argv[2:] and not any(each in name for each in sys.argv[2:]):
                continue
            one, other = doors.measure(withheld, nothing, pairs)
            both = [statistics.median(each) * 1000 for each in (one, other)]
            print(
                f"{name:40} AUC {auc(one, other):.3f}   median {both[0]:.2f} ms withheld, {both[1]:.2f} ms nothing",
                flush=True,
            )


if __name__ == "__main__":
    main()
