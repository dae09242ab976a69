"""Requests made from the official file, right and wrong ones, to the API behind uvicorn: no server error, and every
answer as the file declares it.
"""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.hub.ss12000 import official
from tests.hub.ss12000.conftest import BASE, token
from tests.hub.ss12000.school import (
    CLASS_7A,
    DUTY,
    MATHS_7A,
    NORTH,
    ROOM,
    absence_id,
    attendance_id,
    check_in_id,
    lesson_id,
    load,
    pupil,
    secret,
)

schemathesis = pytest.importorskip("schemathesis")

OFFERED = {
    "organisations", "persons", "groups", "duties", "activities", "calendarEvents", "rooms", "absences", "attendances",
    "attendanceEvents", "deletedEntities", "subscriptions",
}  # fmt: skip
KNOWN = {
    "/organisations": NORTH, "/persons": pupil(1), "/groups": CLASS_7A, "/duties": DUTY, "/activities": MATHS_7A,
    "/calendarEvents": lesson_id(1), "/rooms": ROOM, "/absences": absence_id(1),
    "/attendances": attendance_id(1),
    "/attendanceEvents": check_in_id(1),
}  # fmt: skip
NOT_OFFERED = {("delete", "/attendances/{id}"), ("delete", "/attendanceEvents/{id}")}
METHODS = ("get", "post", "patch", "delete")
OPERATIONS = [
    (method, path)
    for path, operations in (official.document()["paths"].items() if official.FILE.is_file() else ())
    for method in METHODS
    if method in operations and path.split("/")[1] in OFFERED and (method, path) not in NOT_OFFERED
]


@pytest.fixture
async def school(hub, served):
    await load(hub, *secret())
    return served


def _schema() -> Any:
    raw = official.without_examples()
    return schemathesis.openapi.from_dict(raw)


@pytest.mark.shared
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_no_request_brings_a_server_error(school, method, path):
    operation = _schema()[path][method]
    modes = schemathesis.GenerationMode
    cases = st.one_of(
        operation.as_strategy(generation_mode=modes.POSITIVE), operation.as_strategy(generation_mode=modes.NEGATIVE)
    )
    statuses: Counter[int] = Counter()
    known = KNOWN.get(path.removesuffix("/{id}")) if path.endswith("/{id}") else None

    def run() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{school}{BASE}", timeout=30) as http:

            @seed(12000)
            @settings(
                max_examples=20, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(cases)
            def send(case: Any) -> None:
                sent = case.as_transport_kwargs(base_url=str(http.base_url).rstrip("/"))
                headers = {
                    name: value for name, value in dict(sent.get("headers") or {}).items()
                    if name.lower() not in ("authorization", "user-agent") and str(value).isascii()
                }  # fmt: skip
                headers["Authorization"] = f"Bearer {token('both')}"
                content = sent.get("data")
                if not isinstance(content, str | bytes | type(None)):
                    content = None
                extra = {"json": sent["json"]} if "json" in sent else {"content": content}
                url = sent["url"]
                if known is not None and sum(statuses.values()) % 2:
                    url = path.replace("{id}", known)  # random ids are nobody's
                try:
                    answer = http.request(sent["method"], url, params=sent.get("params"), headers=headers, **extra)
                except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError, ValueError):
                    return  # no HTTP client would send it
                statuses[answer.status_code] += 1
                assert answer.status_code < 500, sent["method"]
                if answer.headers.get("content-type", "").startswith("application/json"):
                    body = answer.json() if answer.content else None
                    if answer.url.path.count("/") == (BASE + path).count("/"):
                        assert not list(official.problems(method, path, answer.status_code, body))
                assert "Canary" not in answer.text

            send()

    await asyncio.to_thread(run)
    assert sum(statuses.values()) >= 10
    if known is not None or "/" not in path[1:]:
        assert statuses.keys() - {400, 404} or method == "post"
