"""Connectors over the operator's API: how they stand, what waits for a person, and who confirmed it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ConnectorEntry, HubConfig
from hub.config.model import ClientConfig, Role
from hub.store import audit
from hub.store.base import StoreUnavailable
from hub.subscriptions.model import Status
from plugins import (
    Category,
    ConfigurationError,
    Connector,
    ConnectorConfig,
    Contract,
    Event,
    TemporaryError,
    Unfinished,
    Waiting,
)
from plugins.manager import Plugins
from schemas.schedule import DayClosed
from tests.hub.api.described import described_by
from tests.until import until

SINCE = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
OP = {"Authorization": "Bearer token-of-the-operator-0123456789"}
SUB = {"Authorization": "Bearer token-of-a-subscriber-0123456789"}


class Config(ConnectorConfig):
    poll: float = 3600


class Plain(ConnectorConfig):
    """Nothing to set."""


class Careful(Connector[Config]):
    """Waits for a person."""

    name = "careful"
    config_model = Config
    reconciled = 0

    async def poll(self) -> None:
        """Nothing to fetch."""

    async def reconcile(self) -> None:
        Careful.reconciled += 1
        await asyncio.Event().wait()

    async def waiting(self) -> Sequence[Waiting]:
        return [] if "done" in self.ctx.state else [Waiting("order:1", "one order", SINCE, "en beställning")]

    async def confirm(self, word: str) -> None:
        async with self.ctx.commit() as tx:
            tx.state["done"] = word


class Silent(Careful):
    name = "silent"

    async def waiting(self) -> Sequence[Waiting]:
        raise ValueError("canary")


class Half(Careful):
    """Reads all but one list, for ever."""

    name = "half"
    config_model = Config

    async def poll(self) -> str:
        self.ctx.problem("refused", "one list")
        return "refused"


class Sender(Careful):
    """Two of its far sides get nothing, for ever."""

    name = "sender"
    config_model = Config

    async def poll(self) -> Unfinished:
        return Unfinished("refused", ("K-2", "K-3"))


class Away(Careful):
    name = "away"

    async def poll(self) -> None:
        raise TemporaryError("canary", code="unreachable")


class Broken(Careful):
    name = "broken"
    mended = False

    async def start(self) -> None:
        if not Broken.mended:
            raise ConfigurationError("it can't work")


class Eater(Connector[Plain]):
    name = "eater"
    config_model = Plain
    consumes = (DayClosed,)
    contract = Contract("test", "public task", {Category.NONE, Category.GROUP})

    async def handle(self, event: Event) -> None:
        """Eaten."""


@dataclass
class Served:
    hub: Hub
    http: httpx.AsyncClient

    async def connectors(self, **headers: str) -> dict[str, Any]:
        answer = await self.http.get("/v1/operator/connectors", headers={**OP, **headers})
        assert answer.status_code == 200
        return {each["name"]: each for each in answer.json()["connectors"]}

    async def confirm(self, name: str, word: Any, **headers: str) -> httpx.Response:
        path = f"/v1/operator/connectors/{name}/confirm"
        return await self.http.post(path, json={"word": word}, headers=headers or OP)


@asynccontextmanager
async def serving(folder: Path, *more: type[Connector[Any]]) -> AsyncIterator[Served]:
    classes = (Careful, Silent, Broken, Half, Away, *more)
    clients = (
        ClientConfig(id="ops", token=SecretStr(OP["Authorization"][7:]), roles=frozenset({Role.OPERATOR})),
        ClientConfig(id="sub", token=SecretStr(SUB["Authorization"][7:]), roles=frozenset({Role.SUBSCRIBER})),
    )
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=0, clients=clients,
        connectors={cls.name: ConnectorEntry(cls.name, cls, cls.config_model()) for cls in classes},
    )  # fmt: skip
    hub = await Hub.start(config, plugins=Plugins.of(*classes))
    servers = Servers(hub.services)
    try:
        await servers.start()
        host, port = servers.address
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}", timeout=20, event_hooks=described_by(servers.app.fastapi.openapi)
        ) as http:
            yield Served(hub, http)
    finally:
        await servers.stop()
        await hub.stop()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


async def test_installed_connectors_are_listed_in_the_operators_language(served: Served) -> None:
    """Their texts are in two languages, which a JSON answer can't hold as they are."""
    listed = (await served.http.get("/v1/operator/plugins", headers=OP)).json()
    assert {each["name"]: each["summary"] for each in listed["connectors"]}["half"] == (
        "Reads all but one list, for ever."
    )
    assert listed["instances"]["half"] == "half"


async def test_what_waits_is_listed_in_the_operators_language(served: Served) -> None:
    found = await served.connectors()
    assert found["careful"]["waiting"] == [
        {"word": "order:1", "says": "one order", "since": "2026-11-24T07:00:00+00:00"}
    ]
    assert (found["careful"]["status"], found["broken"]["status"]) == ("running", "failed")
    assert found["broken"]["waiting"] == []
    assert found["silent"]["waiting"] is None  # it could not be asked; the others are shown all the same
    swedish = await served.connectors(**{"Accept-Language": "sv"})
    assert swedish["careful"]["waiting"][0]["says"] == "en beställning"


async def test_it_is_confirmed_once_and_the_audit_tells_by_whom(served: Served) -> None:
    assert (await served.confirm("careful", "order:1")).json() == {"name": "careful", "word": "order:1"}
    store = served.hub.store
    (row,) = [row for row in await store.read(audit.page(store.tenant)) if row.action == "connector.confirmed"]
    assert (row.actor, row.target) == ("ops", "careful order:1")
    assert (await served.connectors())["careful"]["waiting"] == []
    again = await served.confirm("careful", "order:1")
    assert (again.status_code, again.json()["type"]) == (409, "urn:skolnav:problem:state-conflict")


@pytest.mark.parametrize(
    ("name", "word", "status"),
    [("careful", "canary", 409), ("nobody", "order:1", 404), ("broken", "order:1", 409), ("silent", "order:1", 503),
     ("careful", "", 422), ("careful", 7, 422)],
)  # fmt: skip
async def test_what_cannot_be_confirmed_is_told_and_changes_nothing(
    served: Served, name: str, word: Any, status: int
) -> None:
    answer = await served.confirm(name, word)
    assert answer.status_code == status
    assert "canary" not in answer.text
    assert await served.hub.store.read(audit.page(served.hub.store.tenant)) == []


async def test_only_an_operator_may(served: Served) -> None:
    assert (await served.confirm("careful", "order:1", **SUB)).status_code == 403
    assert (await served.http.get("/v1/operator/connectors", headers=SUB)).status_code == 403
    assert (await served.http.post("/v1/operator/connectors/careful/reconcile", headers=SUB)).status_code == 403
    assert (await served.http.post("/v1/operator/connectors/careful/reconcile")).status_code == 401
    assert len((await served.connectors())["careful"]["waiting"]) == 1


async def test_a_comparison_is_begun_and_not_waited_for(served: Served) -> None:
    path = "/v1/operator/connectors/careful/reconcile"
    before = Careful.reconciled
    answer = await served.http.post(path, headers=OP)
    assert (answer.status_code, answer.json()) == (202, {"name": "careful", "begun": True})
    assert (await served.http.post(path, headers=OP)).json()["begun"] is False

    async def reconciling() -> bool:
        return (await served.connectors())["careful"]["doing"].keys() == {"reconcile"}

    await until(reconciling)
    assert Careful.reconciled == before + 1
    store = served.hub.store
    assert [
        row.target for row in await store.read(audit.page(store.tenant)) if row.action == "connector.reconciled"
    ] == ["careful"]


async def test_a_connector_that_failed_begins_anew_when_a_person_has_mended_the_cause(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source has no subscription that could be resumed: only a restart of the hub had helped."""
    path = "/v1/operator/connectors/broken/restart"
    assert (await served.http.post(path, headers=SUB)).status_code == 403
    assert (await served.http.post(path.replace("broken", "nobody"), headers=OP)).status_code == 404
    assert (await served.connectors())["broken"]["status"] == "failed"
    monkeypatch.setattr(Broken, "mended", True)
    answer = await served.http.post(path, headers=OP)
    assert (answer.status_code, answer.json()) == (202, {"name": "broken", "begun": True})

    async def running() -> bool:
        return (await served.connectors())["broken"]["status"] == "running"

    await until(running)
    store = served.hub.store
    assert [
        row.target for row in await store.read(audit.page(store.tenant)) if row.action == "connector.restarted"
    ] == ["broken"]


@pytest.mark.parametrize(("act", "begin"), [("reconcile", "reconcile_soon"), ("restart", "restart_soon")])
async def test_no_act_begins_before_its_row_of_the_audit_is_durable(
    served: Served, monkeypatch: pytest.MonkeyPatch, act: str, begin: str
) -> None:
    begun: list[str] = []

    def full(*_: object) -> asyncio.Future[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_exception(StoreUnavailable("the store can't write now (SQLITE_FULL)"))
        return answer

    monkeypatch.setattr(type(served.hub.hosts), begin, lambda hosts, name: begun.append(name) or True)
    path = f"/v1/operator/connectors/careful/{act}"
    with monkeypatch.context() as patched:
        patched.setattr(served.hub.store, "commit", full)
        assert (await served.http.post(path, headers=OP)).status_code == 503
    assert begun == []
    assert (await served.http.post(path, headers=OP)).json()["begun"] is True  # it can be done when there is space
    assert begun == ["careful"]


async def stands(served: Served) -> dict[str, Any]:
    """The connectors as soon as each that can has polled."""

    async def polled() -> dict[str, Any] | None:
        found = await served.connectors()
        return found if found["careful"]["polled"] and found["half"]["unread"] and found["away"]["failing"] else None

    found: dict[str, Any] = await until(polled)
    return found


async def test_an_operator_sees_when_all_was_read_and_why_not(served: Served) -> None:
    found = await stands(served)
    good, half, away, broken = (found[name] for name in ("careful", "half", "away", "broken"))
    assert (good["status"], good["failures"], good["failing"], good["unread"]) == ("running", 0, "", "")
    assert datetime.fromisoformat(good["polled"]).tzinfo is not None
    assert 0 <= good["polled_s"] < 60
    assert (half["status"], half["failures"], half["failing"], half["unread"]) == ("running", 1, "", "refused")
    assert (half["polled"], half["problem"], half["problems"]) == (None, "refused", {"refused": 1})
    assert half["polled_s"] >= 0
    assert (away["failures"] >= 1, away["failing"], away["polled"]) == (True, "unreachable", None)
    assert (broken["status"], broken["reason"], broken["problem"]) == ("failed", "configuration", "configuration")
    assert "canary" not in str(found)


async def test_the_same_is_measured_and_shown_to_those_who_watch(served: Served) -> None:
    await stands(served)
    text = (await served.http.get("/metrics", headers=OP)).text
    for line in (
        'skolnav_connector_up{connector="careful"} 1.0',
        'skolnav_connector_up{connector="half"} 1.0',
        'skolnav_connector_up{connector="broken"} 0.0',
        'skolnav_connector_poll_failures{connector="careful"} 0.0',
        'skolnav_connector_poll_failures{connector="half"} 1.0',
        'skolnav_connector_poll_failures{connector="away"} ',  # it is asked again, so there may be more than one by now
        'skolnav_connector_waiting{connector="careful"} 1.0',
        'skolnav_connector_problems_total{code="refused",connector="half"} 1.0',
    ):
        assert line in text
    assert 'skolnav_connector_waiting{connector="silent"}' not in text, "it could not be asked"
    assert 'skolnav_connector_poll_age_seconds{connector="half"} ' in text
    ready = (await served.http.get("/readyz", headers=OP)).json()
    shown = {each["name"]: each for each in ready["connectors"]}
    assert (shown["careful"]["waiting"], shown["half"]["unread"]) == (1, "refused")
    assert "connectors" not in (await served.http.get("/readyz", headers=SUB)).json()


async def test_what_troubles_a_connector_is_said_in_the_operators_language(tmp_path: Path) -> None:
    """The value has the words, so that the command line and a page show the same."""
    async with serving(tmp_path, Eater) as served:
        await stands(served)
        await served.hub.services.subscriptions.set_status("connector:eater", Status.PAUSED, "left-file", "ops")
        english, swedish = await served.connectors(), await served.connectors(**{"Accept-Language": "sv"})
        assert {name: each["trouble"] for name, each in english.items()} == {
            "careful": "",
            "silent": "",
            "broken": "nothing can work until a setting is changed",
            "half": "some of it can't be read: refused",
            "away": "polling fails: unreachable",
            "eater": "is no longer in the configuration file",
        }
        assert swedish["away"]["trouble"] == "hämtningen misslyckas: unreachable"
        assert swedish["eater"]["trouble"] == "prenumerationen finns inte längre i konfigurationsfilen"
        assert swedish["eater"]["says"] == "eater: kopplingen hämtar ingenting."
        assert english["careful"]["says"].startswith("careful: last read everything 20")
        failures = "Attempts in a row that did not do everything: 1 (refused). Last problem: refused, 20"
        assert failures in english["half"]["says"]


async def test_the_far_sides_that_are_behind_are_named(tmp_path: Path) -> None:
    async with serving(tmp_path, Sender) as served:

        async def unfinished() -> dict[str, Any] | None:
            found = (await served.connectors())["sender"]
            return found if found["unread"] else None

        english = await until(unfinished)
        swedish = (await served.connectors(**{"Accept-Language": "sv"}))["sender"]
        assert english["behind"] == ["K-2", "K-3"]
        assert english["trouble"] == "behind: K-2, K-3 (refused)"
        assert swedish["trouble"] == "dessa släpar efter: K-2, K-3 (refused)"
        assert "These are behind: K-2, K-3." in english["says"]
        assert "K-2" not in (await served.http.get("/metrics", headers=OP)).text


async def test_a_paused_connector_is_not_up(tmp_path: Path) -> None:
    async with serving(tmp_path, Eater) as served:
        await served.hub.services.subscriptions.set_status("connector:eater", Status.PAUSED, "left-file", "ops")
        found = (await served.connectors())["eater"]
        assert found["subscription"] == {"state": "paused", "reason": "left-file"}
        assert (found["state"], found["status"]) == ("paused", "running")
        assert 'skolnav_connector_up{connector="eater"} 0.0' in (await served.http.get("/metrics", headers=OP)).text


async def test_a_connector_gets_no_test_event(tmp_path: Path) -> None:
    """Its class handles the types that it names, and a test's is none of them: the kitchens' failed on it."""
    async with serving(tmp_path, Eater) as it:
        path = "/v1/subscriptions/connector:eater/test"
        answer = await it.http.post(path, headers={**OP, "Accept-Language": "sv"})
        assert answer.status_code == 409
        assert "skolnav check --selftest" in answer.json()["detail"]
