"""reconcile() mends what was changed by hand at the far side."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest

from plugins.connector import Connector
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import outcome_of
from plugins.testing.suites.subject import Peer, Subject, no_effect


class TamperedPeer(Peer, Protocol):
    """A far side that people change too."""

    def tamper(self) -> None:
        """Change by hand what the connector has made: change something, remove something, add something."""


class ReconcileSuite(Subject):
    """reconcile() mends a far side that was changed by hand, and leaves one alone that is right."""

    @pytest.mark.asyncio
    async def test_it_leaves_alone_what_is_right(
        self, peer: TamperedPeer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        assert self.connector.reconcile is not Connector.reconcile, broken(
            "reconcile", "the connector has no reconcile(): what is changed by hand at the far side stays so"
        )
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            right = await outcome_of(self, hub, peer)
            assert any(right), no_effect(hub)
            await hub.reconcile(name)
            assert await outcome_of(self, hub, peer) == right, broken(
                "reconcile", "reconcile() changed a far side that was right"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_it_mends_what_was_changed_by_hand(
        self, peer: TamperedPeer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            right = await outcome_of(self, hub, peer)
            assert any(right), no_effect(hub)
            peer.tamper()
            assert await outcome_of(self, hub, peer) != right, "nothing to check: does the peer's `tamper` work?"
            await hub.reconcile(name)
            await self.polled(hub)
            assert await outcome_of(self, hub, peer) == right, broken(
                "reconcile", "reconcile() did not mend what was changed by hand"
            )
            await self.check_undisturbed(hub, name)
