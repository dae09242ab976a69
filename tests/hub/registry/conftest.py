from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import pytest

from hub.config import HubConfig, parse
from hub.keys import Keys
from hub.registry.registry import Registry
from hub.runner import ThreadRunner
from hub.store.sql import SqlStore
from plugins import Category, Connector, ConnectorConfig, Contract, Event
from plugins.manager import Plugins
from schemas.absence import AbsenceReported, AbsenceWithdrawn
from tests.clock import HandClock


class KitchenConfig(ConnectorConfig):
    where: str = "here"


class Kitchen(Connector[KitchenConfig]):
    """Counts."""

    name = "kitchen"
    config_model = KitchenConfig
    consumes = (AbsenceReported, AbsenceWithdrawn)
    contract = Contract("meals", "public task", {Category.ATTENDANCE, Category.GROUP})
    aggregates = True
    start_from: ClassVar = "state"

    async def handle(self, event: Event) -> None: ...


PLUGINS = Plugins.of(Kitchen)
ENVIRON = {
    "TOKEN": "a-token-of-a-client",
    "TOKEN2": "another-token",
    "SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
FILE = """
municipality: Exempelkommun
clients:
  - id: acme
    token: "${env:TOKEN}"
    roles: [subscriber]
    contract: {purpose: school attendance, legal_basis: public task, categories: [attendance, identity]}
  - {id: feeder, token: "${env:TOKEN2}", roles: [publisher]}
"""
SUBSCRIPTION = """
subscriptions:
  - name: acme-absence
    client: acme
    types: ["se.skolnav.absence.*"]
    sink: {kind: feed}
"""
CONNECTORS = """
connectors:
  north: {use: kitchen, aggregates: true, contract: {scope: {school_types: [GR]}}}
"""


def configured(*parts: str) -> HubConfig:
    return parse("".join(parts) or FILE, PLUGINS, environ=ENVIRON)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    runner = ThreadRunner()
    opened = await SqlStore.open(tmp_path / "store.db", tenant="exempelkommun", runner=runner)
    yield opened
    await opened.close()
    runner.close()


@pytest.fixture
def open_registry(store: SqlStore, clock: HandClock) -> Callable[..., object]:
    """Open the registry on one store under a configuration, as a start of the hub does."""

    async def open_(*parts: str, key: bytes = bytes(32)) -> Registry:
        config = configured(*parts)
        return await Registry.open(config, store=store, catalogue=PLUGINS.catalogue(), clock=clock, keys=Keys(key))

    return open_
