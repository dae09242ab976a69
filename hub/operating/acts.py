"""What an operator does to a connector. Each act is audited with the operator's client id.

What an operator does to a subscription is audited by the registry, which clients' own changes pass too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hub.assembly.services import Services
from hub.hosting.connector_errors import NothingWaits, NotRunning
from hub.store import audit
from hub.store.base import Operation


class NoSuchConnector(LookupError):
    """No connector instance has this name."""


class ConnectorFailed(Exception):
    """The connector failed while it did what was asked. The instance has reported where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    name: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An act that goes on after the answer."""

    name: str
    begun: bool  # False: the same act is under way already


async def confirm(services: Services, *, actor: str, connector: str, word: str) -> Confirmed:
    """Confirm what waits under `word`. The confirmation and its audit row are durable at the return.

    The next poll does what was confirmed.

    Raises NoSuchConnector, NotRunning, NothingWaits, ConnectorFailed.
    """
    noted = _audited(services, actor, "connector.confirmed", f"{connector} {word}")
    try:
        await services.hosts.confirm(connector, word, noted)
    except KeyError:
        raise NoSuchConnector from None
    except (NothingWaits, NotRunning):
        raise
    except Exception:
        raise ConnectorFailed from None
    return Confirmed(name=connector, word=word)


async def reconcile(services: Services, *, actor: str, connector: str) -> Begun:
    """Begin to compare with the far side, as every night. Raises NoSuchConnector, NotRunning, StoreUnavailable.

    The audit row is durable before the comparison begins; after StoreUnavailable none has begun.
    """
    hosts = services.hosts
    return await _begin(
        services, actor, "connector.reconciled", connector, may=hosts.may_reconcile, begin=hosts.reconcile_soon
    )


async def restart(services: Services, *, actor: str, connector: str) -> Begun:
    """Begin to start the connector anew, with its stored state. Raises NoSuchConnector, StoreUnavailable.

    The audit row is durable before the restart begins; after StoreUnavailable none has begun.
    """
    hosts = services.hosts
    return await _begin(
        services, actor, "connector.restarted", connector, may=hosts.may_restart, begin=hosts.restart_soon
    )


async def _begin(
    services: Services,
    actor: str,
    action: str,
    connector: str,
    *,
    may: Callable[[str], bool],
    begin: Callable[[str], bool],
) -> Begun:
    try:
        if not may(connector):
            return Begun(name=connector, begun=False)
        await services.store.commit(_audited(services, actor, action, connector))
        # Asked again: another caller may have begun, or the instance gone, while the row was written.
        return Begun(name=connector, begun=begin(connector))
    except KeyError:
        raise NoSuchConnector from None


def _audited(services: Services, actor: str, action: str, target: str) -> Operation:
    return audit.add(services.store.tenant, services.clock.utc(), actor=actor, action=action, target=target)
