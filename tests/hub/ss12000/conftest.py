"""The provider before real parts of the hub, with an independent school's records or with an invented school's."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hub.api.app import Api, create_app
from hub.assembly.services import Services
from hub.config.model import ClientConfig, Role
from plugins.testing import ManualClock
from schemas import Category, DataContract, Event
from schemas.contract import Scope
from tests.hub.api.conftest import running, serving
from tests.hub.api.described import described_by
from tests.hub.ss12000 import official
from tests.school import append, current, event

BASE = "/ss12000/v2.0"
SIS = official.FILE.parent / "demo-sis"
SOURCE = "urn:demo:sis"
FILES = {
    "organisation": ["organisations.page1"],
    "person": ["persons.page1", "persons.page2", "persons.page3"],
    "group": ["groups.page1"],
    "duty": ["duties.page1"],
    "activity": ["activities.page1"],
    "lesson": ["calendarEvents.page1"],
}
LISTS = {
    "organisation": "organisations",
    "person": "persons",
    "group": "groups",
    "duty": "duties",
    "activity": "activities",
    "lesson": "calendarEvents",
}
WINDOW = {"startTime.onOrAfter": "2026-10-01T00:00:00+02:00", "startTime.onOrBefore": "2026-12-31T00:00:00+01:00"}
ALL = frozenset(Category)


def contract(categories: frozenset[Category], **scope: Any) -> DataContract:
    return DataContract(purpose="test", legal_basis="test", categories=categories, scope=Scope(**scope))


def client(id: str, *categories: Category, roles: tuple[str, ...] = ("subscriber",), **more: Any) -> ClientConfig:
    scope = more.pop("scope", {})
    held = contract(frozenset(categories), **scope) if categories else None
    return ClientConfig(
        id=id, token=SecretStr(token(id)), roles=frozenset(map(Role, roles)), contract=held, **more
    )  # fmt: skip


def token(id: str) -> str:
    return f"token-of-{id}-0123456789"


CLIENTS = (
    client("all", *ALL),
    client("second", *ALL),
    client("blind", Category.GROUP, Category.ATTENDANCE, Category.STAFF, Category.NAME),
    client("timetable", Category.NONE),
    client("nameless", Category.IDENTITY, Category.GROUP),
    client("reporter", roles=("publisher",)),
    client("both", *ALL, roles=("publisher", "subscriber")),
    client("elsewhere", roles=("publisher",), sources=("urn:other:*",)),
    client("leaver", roles=("publisher",), publishes=("se.skolnav.absence.leave_granted.*",)),
)


class Caller:
    """One client's calls; every answer is held to the official file."""

    def __init__(self, http: httpx.AsyncClient, id: str) -> None:
        self.http = http
        self.id = id
        self.hides = id not in ("all", "second", "both")

    async def call(self, method: str, path: str, declared: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(self.id)}", **more.pop("headers", {})}
        answer = await self.http.request(method, f"{BASE}{path}", headers=headers, **more)
        declared = declared or path
        body = answer.json() if answer.content else None
        found = list(official.problems(method.lower(), declared, answer.status_code, body, hides=self.hides))
        assert not found, (declared, answer.status_code, sorted(set(found)))
        return answer

    async def get(self, path: str, declared: str | None = None, **params: Any) -> httpx.Response:
        return await self.call("GET", path, declared, params=_flat(params))

    async def page(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.call("GET", path, params=_flat(params or {}))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def every(self, path: str, params: dict[str, Any] | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """A whole list, page by page as a client should: a token and `limit` alone."""
        params = {**(params or {}), "limit": limit}
        if path == "/calendarEvents":
            params = {**WINDOW, **params}
        page = await self.page(path, params)
        found = list(page["data"])
        while page["pageToken"] is not None:
            assert len(page["data"]) == limit
            page = await self.page(path, {"pageToken": page["pageToken"], "limit": limit})
            assert page["data"], "a token led to nothing"
            found += page["data"]
        return found

    async def by_id(self, path: str, id: str, **params: Any) -> httpx.Response:
        return await self.get(f"{path}/{id}", f"{path}/{{id}}", **params)

    async def lookup(self, path: str, body: Any, **params: Any) -> httpx.Response:
        return await self.call("POST", f"{path}/lookup", json=body, params=_flat(params))


def _flat(params: dict[str, Any]) -> list[tuple[str, Any]]:
    listed: list[tuple[str, Any]] = []
    for name, value in params.items():
        listed += [(name, each) for each in value] if isinstance(value, list) else [(name, value)]
    return listed


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-11-24T08:00")


@pytest.fixture
async def hub(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Services]:
    async with running(tmp_path, clock) as services:
        services.config = replace(services.config, clients=CLIENTS)
        yield services


@pytest.fixture
async def app(hub: Services) -> AsyncIterator[Api]:
    api = create_app(hub)
    api.notifier._interval_s = 0.0
    await api.start()
    yield api
    await api.stop()


@pytest.fixture
async def http(app: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://hub", event_hooks=described_by(app.fastapi.openapi)
    ) as found:
        yield found


@pytest.fixture
async def served(hub: Services, app: Api) -> AsyncIterator[int]:
    async with serving(hub, app) as port:
        yield port


@pytest.fixture
def caller(http: httpx.AsyncClient):
    return lambda id: Caller(http, id)


def records(kind: str) -> Iterator[dict[str, Any]]:
    """What the independent school system answered."""
    for name in FILES[kind]:
        yield from json.loads((SIS / f"{name}.json").read_text())["data"]


def wrapped(kind: str, record: dict[str, Any], version: int = 0) -> Event:
    type_ = "schedule.lesson.scheduled" if kind == "lesson" else f"directory.{kind}.upserted"
    if kind == "lesson" and record.get("cancelled"):
        type_ = "schedule.lesson.cancelled"
    return event(type_, record, id=f"{kind}-{record['id']}-{version}", source=SOURCE)


def is_current(hub: Services, source: str = SOURCE) -> Event:
    return current(hub.clock.utc(), source)


@pytest.fixture
async def sis(hub: Services) -> Services:
    """The demo school, as its system sent it."""
    if not SIS.is_dir():
        pytest.skip("needs the reference material at ../shared")
    for kind in FILES:
        await append(hub, *(wrapped(kind, each) for each in records(kind)))
    await append(hub, is_current(hub))
    return hub


__all__ = ["Path"]
