"""The parts of a running hub, as the API, the command line and the engine's tasks see them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.bus.base import Log
    from hub.clock import Clock
    from hub.config import HubConfig
    from hub.delivery.engine import Delivery
    from hub.delivery.pages import Pages
    from hub.directory.directory import Directory
    from hub.engines.host import Hosts
    from hub.keys import Keys
    from hub.privacy.disclosures import Disclosures
    from hub.privacy.gate import PrivacyGate
    from hub.privacy.withheld import WithheldMarks
    from hub.store.base import Store
    from hub.subscriptions.registry import Registry
    from plugins.manager import Plugins
    from schemas import Catalogue


@dataclass(slots=True)
class Services:
    """Made once by the engine (`hub.engines.embedded`), in the order of the fields."""

    config: "HubConfig"
    clock: "Clock"
    keys: "Keys"
    plugins: "Plugins"
    catalogue: "Catalogue"
    store: "Store"
    log: "Log"
    directory: "Directory"
    gate: "PrivacyGate"
    disclosures: "Disclosures"
    withheld: "WithheldMarks"
    subscriptions: "Registry"
    delivery: "Delivery"
    pages: "Pages"
    hosts: "Hosts"
