"""A hub of real parts behind its API, without followers: what is pushed elsewhere is tested there."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from pydantic import SecretBytes, SecretStr

from hub.alerts.conditions import Conditions
from hub.alerts.raising import Alerts
from hub.api.app import Api, create_app
from hub.assembly.refusals import Refusals
from hub.assembly.services import Services
from hub.clock import Clock
from hub.config.model import ClientConfig, HubConfig, Role
from hub.delivery.counting import Counting
from hub.delivery.delivery import Delivery
from hub.delivery.pages import Pages
from hub.delivery.parts import Parts
from hub.directory.directory import Directory
from hub.engines import EmbeddedEngine
from hub.hosting.hosts import Hosts
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.kept import KeptMarks
from hub.privacy.marks import WithheldMarks
from hub.privacy.telling import Telling
from hub.registry.registry import Registry
from hub.sinks.webhook import WebhookSink
from hub.subscriptions.model import Subscription
from hub.subscriptions.spec import SubscriptionSpec
from plugins.manager import Plugins
from plugins.testing import ManualClock
from schemas import Category, DataContract
from tests.hub.api.described import described_by

TOKENS = {
    name: f"token-of-{name}-0123456789"
    for name in (
        "feeder",
        "narrow",
        "acme",
        "other",
        "op",
        "bare",
        "blind",
        "facilities",
        "officer",
        "auditor",
        "corrector",
    )
}


def contract(*categories: str) -> DataContract:
    return DataContract(purpose="test", legal_basis="test", categories=frozenset(map(Category, categories)))


CONTRACT = contract("attendance", "identity", "none")


def clients() -> tuple[ClientConfig, ...]:
    def client(id: str, role: str, **more: Any) -> ClientConfig:
        return ClientConfig(id=id, token=SecretStr(TOKENS[id]), roles=frozenset({Role(role)}), **more)

    return (
        client("feeder", "publisher"),
        client("narrow", "publisher", publishes=("se.skolnav.absence.*",), sources=("urn:narrow:*",)),
        client("corrector", "publisher", corrects=("urn:sis*",)),
        client("acme", "subscriber", contract=CONTRACT),
        client("other", "subscriber", contract=CONTRACT),
        client("bare", "subscriber"),
        client("blind", "subscriber", contract=contract("attendance")),
        client("facilities", "subscriber", contract=contract("none", "free_text")),
        client("op", "operator"),
        client("officer", "privacy_officer"),
        client("auditor", "auditor"),
    )


def bearer(client: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[client]}"}


async def no_handshake(subscription: Subscription) -> str:
    return "not-granted"


@asynccontextmanager
async def running(folder: Path, clock: Clock, **config: Any) -> AsyncIterator[Services]:
    plugins = Plugins.of()
    catalogue = plugins.catalogue()
    settings = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, key=SecretBytes(b"k" * 32), clients=clients(),
        outbound=(ip_network("127.0.0.0/8"),), **config,
    )  # fmt: skip
    engine = await EmbeddedEngine.open(settings, catalogue=catalogue, clock=clock)
    keys, store, log = engine.keys, engine.store, engine.log
    directory = Directory(clock)
    await directory.load(log, engine.restored)
    disclosures = Disclosures(store, keys, settings.tenant, clock)
    kept_marks = KeptMarks(store, log, directory, disclosures, clock)
    await kept_marks.start()
    log.observe(directory.observe)
    gate = PrivacyGate(catalogue=catalogue, directory=directory, keys=keys, clock=clock, tenant=settings.tenant)
    withheld = WithheldMarks(store, log, directory, settings.tenant)
    telling = Telling(gate, directory, disclosures, withheld)
    registry = Registry(settings, store=store, catalogue=catalogue, clock=clock, keys=keys)
    counting = Counting(store, clock)
    await counting.start()
    parts = Parts(
        tenant=settings.tenant, log=log, store=store, telling=telling, clock=clock, dice=random.Random(1),
        id_key=b"i" * 32, delivered=counting.delivered, count=counting.of_subscription,
    )  # fmt: skip

    def sink(subscription: Subscription) -> WebhookSink:
        return WebhookSink(
            subscription.sink["url"], [subscription.sink["secret"].get_secret_value()], clock=clock,
            allow=settings.outbound, timeout_s=2, concurrency=subscription.sink["concurrency"],
        )  # fmt: skip

    delivery = Delivery(parts, registry=registry, catalogue=catalogue, make_sink=sink, handshake=no_handshake)
    registry.first_cursor = delivery.first_cursor
    await registry.reload(settings)
    pages = Pages(
        log=log, store=store, telling=telling, registry=registry, catalogue=catalogue, keys=keys, clock=clock,
        retention=settings.retention,
        served=lambda subscription, events: counting.of_subscription(subscription, "served", events),
    )  # fmt: skip
    await withheld.start()
    await delivery.start()
    hosts = Hosts(
        plugins=plugins, store=store, clock=clock, directory=cast(Any, None), wake=lambda: None,
        pause=lambda *told: None, on_problem=lambda *told: None,
    )  # fmt: skip
    conditions = Conditions(
        config=lambda: settings, clock=clock, hosts=hosts, delivery=delivery, registry=registry, directory=directory,
        started=clock.utc(),
    )  # fmt: skip
    services = Services(
        config=settings, clock=clock, plugins=plugins, catalogue=catalogue, engine=engine, keys=keys, store=store,
        log=log, directory=directory, gate=gate, disclosures=disclosures, withheld=withheld,
        kept_marks=kept_marks, telling=telling, subscriptions=registry, delivery=delivery, pages=pages, hosts=hosts,
        refusals=Refusals(clock, lambda *told: None), counting=counting,
        conditions=conditions,
        alerts=Alerts(
            conditions, config=lambda: settings, store=store, event_log=log, clock=clock, hosts=hosts,
            wake=lambda: None,
        ),
    )  # fmt: skip
    yield services
    pages.close()
    await delivery.stop()
    await withheld.stop()
    await kept_marks.stop()
    await engine.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-11-24T08:00")


@pytest.fixture
async def hub(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Services]:
    async with running(tmp_path, clock) as services:
        yield services


@pytest.fixture
def app(hub: Services) -> Api:
    return create_app(hub)


@pytest.fixture
async def http(app: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://hub", event_hooks=described_by(app.fastapi.openapi)
    ) as client:
        yield client


@pytest.fixture
async def file_hub(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Services]:
    """With a feed of acme's that stands in the configuration file."""
    spec = SubscriptionSpec.model_validate(
        {"name": "acme-feed", "client": "acme", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
    )
    async with running(tmp_path / "", clock, subscriptions=(spec,)) as services:
        yield services


@pytest.fixture
def shared() -> Path:
    """The reference material beside the repository."""
    found = Path(__file__).resolve().parents[4] / "shared"
    if not found.is_dir():
        pytest.skip("needs the reference material at ../shared")
    return found


@asynccontextmanager
async def serving(hub: Services, app: Api) -> AsyncIterator[int]:
    """The API behind uvicorn on a free loopback port, which is what this gives."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None, access_log=False)
    )
    server.install_signal_handlers = lambda: None
    started = asyncio.Event()
    startup = server.startup

    async def told(sockets=None):
        await startup(sockets)
        started.set()

    server.startup = told
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve())
    await started.wait()
    yield server.servers[0].sockets[0].getsockname()[1]
    hub.pages.close()
    server.should_exit = True
    await task


@pytest.fixture
async def served(hub: Services, app: Api) -> AsyncIterator[int]:
    async with serving(hub, app) as port:
        yield port
