"""What is installed, and what of it the configuration uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.assembly.services import Services
from plugins.manager import ConnectorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    connectors: Sequence[ConnectorInfo]
    instances: Mapping[str, str]  # each instance in the configuration, with the connector that it uses


def installed(services: Services) -> Installed:
    return Installed(
        connectors=services.plugins.describe(),
        instances={name: entry.use for name, entry in services.config.connectors.items()},
    )
