"""Data that the contract does not allow is found nowhere."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from plugins.testing.hub import TestHub
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.configuration import secrets_in
from plugins.testing.suites.subject import Peer, Subject, no_effect, reported
from plugins.testing.writing import files_written, printed, spelled
from plugins.validation import AGGREGATE_OUTPUT
from schemas import Category


class PrivacySuite(Subject):
    """Data that the contract does not allow is found nowhere: not at the far side, in state, timers, logs or errors."""

    @pytest.mark.asyncio
    async def test_no_canary_gets_out(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The events and the directory contain canaries of every category."""
        with printed() as lines, files_written(self.connector.name) as files:
            async with self.running(config, school) as (hub, name):
                await self.play(hub, [*school.lessons(hub.clock.school().date()), *events, *self._more(school)])
                assert peer.bytes(), no_effect(hub)
                await self._check(hub, name, peer, school, config, beside=(lines(), files()))
                await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_no_canary_gets_out_when_the_far_side_fails(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Data often leaks through errors. The peer's `refuse(on)`, `down(on)` and `wrong(on)` make it fail in turn."""
        switches = {fault: getattr(peer, fault) for fault in ("refuse", "down", "wrong") if hasattr(peer, fault)}
        if not switches:
            pytest.skip("the peer has no refuse(on), down(on) or wrong(on), which would make it fail")
        for fault, switch in switches.items():
            peer.reset()
            await self._check_failing(fault, switch, peer=peer, config=config, school=school, events=events)

    async def _check_failing(
        self,
        fault: str,
        switch: Callable[[bool], None],
        *,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
    ) -> None:
        async with self.running(config, school) as (hub, name):
            switch(True)
            try:
                await self.play(hub, [*school.lessons(hub.clock.school().date()), *events, *self._more(school)])
                assert reported(hub, name), (
                    f"no problem and no log line although the far side fails ({fault}): does it fail?"
                )
            finally:
                switch(False)
            await self.retried(hub)
            await self.polled(hub)
            await self._check(hub, name, peer, school, config)

    def _more(self, school: School) -> list[dict[str, Any]]:
        """Two events of each consumed type, full of canaries: about the protected pupil, and about another pupil."""
        models = [model for model in self.connector.consumes if model.spec.examples]
        return [school.about(model, pupil) for model in models for pupil in (school.pupils[1], school.protected)]

    async def _check(
        self,
        hub: TestHub,
        name: str,
        peer: Peer,
        school: School,
        config: Mapping[str, Any],
        *,
        beside: tuple[str, bytes] = ("", b""),
    ) -> None:
        lines, files = beside
        contract = self.connector.contract
        seen = contract.categories if contract is not None else frozenset[Category]()
        outside = AGGREGATE_OUTPUT if self.connector.aggregates else seen
        dead = repr(await hub.dead_letters())
        state = json.dumps(await hub.state(name), ensure_ascii=False)
        published = json.dumps([event.to_dict() for event in await hub.published()], ensure_ascii=False)
        places = [
            ("at the far side", peer.bytes(), outside),
            ("in what it published", published.encode(), outside),
            ("in its state", state.encode(), seen),
            ("in its timers", repr(await hub.timers(name)).encode(), seen),
            ("in the logs", hub.logs().encode(), ()),
            ("in the operator's problems", "\n".join(hub.problems()).encode(), ()),
            ("in the dead letters", dead.encode(), ()),
            ("in what it prints or warns of", lines.encode(), ()),
            ("in files that it wrote", files, outside),
        ]
        leaks = [f"{', '.join(found)} {where}" for where, text, may in places if (found := school.found_in(text, may))]
        assert not leaks, broken("no-leaks", f"data about people got out: {'; '.join(leaks)}")
        known = [each for each in secrets_in(self.connector.config_model, config) if each]
        secrets = [spelling for each in known for spelling in spelled(each)]
        errors = ("in the text of an error", "\n".join(map(str, self.watch.failures)).encode(), ())
        found_in = [where for where, text, _ in (*places[1:], errors) if any(each in text for each in secrets)]
        assert not found_in, broken("no-leaks", f"a secret of the configuration got out: {', '.join(found_in)}")
        told = school.found_in(errors[1])
        assert not told, broken("no-leaks", f"data about people got out: {', '.join(told)} {errors[0]}")
