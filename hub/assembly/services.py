"""The parts of a running hub, for the API, the SS 12000 provider and the hub's own maintenance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.alerts.conditions import Conditions
    from hub.alerts.raising import Alerts
    from hub.assembly.refusals import Refusals
    from hub.bus.base import Log
    from hub.clock import Clock
    from hub.config import HubConfig
    from hub.delivery.counting import Counting
    from hub.delivery.delivery import Delivery
    from hub.delivery.pages import Pages
    from hub.directory.directory import Directory
    from hub.engines import Engine
    from hub.hosting.hosts import Hosts
    from hub.keys import Keys
    from hub.privacy.disclosures import Disclosures
    from hub.privacy.gate import PrivacyGate
    from hub.privacy.kept import KeptMarks
    from hub.privacy.marks import WithheldMarks
    from hub.privacy.telling import Telling
    from hub.registry.registry import Registry
    from hub.spans import Spans
    from hub.store.base import Store
    from plugins.manager import Plugins
    from schemas import Catalogue


@dataclass(slots=True, kw_only=True)
class Services:
    """Made by the hub (`hub.assembly.hub`) at its start. `config` changes when the file is applied again."""

    config: "HubConfig"
    clock: "Clock"
    plugins: "Plugins"
    catalogue: "Catalogue"
    engine: "Engine"
    keys: "Keys"
    store: "Store"
    log: "Log"
    directory: "Directory"
    gate: "PrivacyGate"
    disclosures: "Disclosures"
    withheld: "WithheldMarks"
    kept_marks: "KeptMarks"
    telling: "Telling"
    subscriptions: "Registry"
    delivery: "Delivery"
    counting: "Counting"
    pages: "Pages"
    hosts: "Hosts"
    refusals: "Refusals"
    conditions: "Conditions"
    alerts: "Alerts"
    spans: "Spans | None" = None
