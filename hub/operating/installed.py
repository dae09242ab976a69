"""What is installed, and what of it the configuration uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.assembly.services import Services
from hub.texts import Language
from plugins.manager import ConnectorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledConnector:
    """As `plugins.manager.ConnectorInfo`, with texts in one language."""

    name: str
    distribution: str
    version: str
    summary: str
    consumes: Sequence[str]
    produces: Sequence[str]
    purpose: str
    legal_basis: str
    categories: Sequence[str]
    aggregates: bool
    effect: str
    timers: Sequence[str]
    settings: Mapping[str, str]  # configuration key -> its description
    level: str
    sdk: str

    @classmethod
    def of(cls, info: ConnectorInfo, language: Language) -> "InstalledConnector":
        return cls(
            name=info.name,
            distribution=info.distribution,
            version=info.version,
            summary=info.summary.say(language, {}),
            consumes=info.consumes,
            produces=info.produces,
            purpose=info.purpose.say(language, {}),
            legal_basis=info.legal_basis.say(language, {}),
            categories=info.categories,
            aggregates=info.aggregates,
            effect=info.effect,
            timers=info.timers,
            settings={key: says.say(language, {}) for key, says in info.settings.items()},
            level=info.level,
            sdk=info.sdk,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    connectors: Sequence[InstalledConnector]
    instances: Mapping[str, str]  # each instance in the configuration, with the connector that it uses


def installed(services: Services, language: Language = "en") -> Installed:
    return Installed(
        connectors=[InstalledConnector.of(each, language) for each in services.plugins.describe()],
        instances={name: entry.use for name, entry in services.config.connectors.items()},
    )
