"""What a source pushes: kept before it is acknowledged, once for each request, and nothing else gets in."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import pytest

from plugins.connector import Connector
from plugins.receiving import Answer, Received
from plugins.testing.hub import TestHub
from plugins.testing.memory import held
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import Outcome, in_any_order, outcome_of
from plugins.testing.suites.subject import Peer, Subject

_FLOOD: Final = 60
_SOON: Final = 30  # tenths of a second until something that was acknowledged must have been kept


class PushSuite(Subject):
    """For sources that call (`receive`). Give `requests`, and `forged`, which spoils what a caller is recognised by.

    A redelivery, a crash between commit and answer, a stranger, garbage and a flood change nothing.
    """

    garbage: ClassVar[Sequence[bytes]] = (
        b"",
        b"\x00\xff\xfe garbage",
        b"{",
        b"null",
        b"[]",
        b'{"id": null}',
        b"[" * 2000,
        b"<?xml version='1.0'?><a>",
        b'{"id": "' + b"x" * 100_000 + b'"}',
    )

    @pytest.fixture
    def requests(self) -> Sequence[Received]:
        """What the source sends, in order; each leads to something that is published, or to an effect."""
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `requests`: what the source sends, as Received")

    @pytest.fixture
    def peer(self) -> Peer:
        """The far side; a source that only sends needs none."""
        return _NoFarSide()

    def forged(self, request: Received) -> Received:
        """The same request from a caller who does not know the secret."""
        raise pytest.UsageError(f"{type(self).__name__} needs a method `forged(request)`: without a valid signature")

    def signed(self, request: Received, body: bytes) -> Received:
        """The same request with another body, from the right caller. Override it where the signature is of the body."""
        return _copy(request, body)

    @pytest.mark.asyncio
    async def test_each_request_is_taken_and_once_if_it_comes_again(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self._sent(hub, name, requests)
            once = await self._outcome(hub, name, peer)
            assert any(once), "nothing to check: what the source sent was not published and had no effect"
            await self._sent(hub, name, requests)
            assert await self._outcome(hub, name, peer) == once, broken(
                "pushed", "a request that came again was taken twice: keep the source's id of what you have taken"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_crash_after_the_answer_loses_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        """The source deletes what was acknowledged."""
        wanted = await self._undisturbed(peer, config, school, requests)
        async with self.running(config, school) as (hub, name):
            for request in requests:
                # The first commit after the answer is never made: what is kept only then is lost.
                hub.crash_after_effect(lambda: len(self.watch.took))
                await hub.receive(name, _copy(request))
                if not hub.crashed:
                    await hub.crash()
                await hub.restart()
            assert await self._outcome(hub, name, peer) == wanted, broken(
                "pushed", "what had been acknowledged was lost in a crash: answer after `ctx.commit` has ended"
            )

    @pytest.mark.asyncio
    async def test_a_crash_between_commit_and_answer_repeats_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        """The source got no answer, and sends it again; also where nothing had been kept yet."""
        wanted = await self._undisturbed(peer, config, school, requests)
        async with self.running(config, school) as (hub, name):
            for n, request in enumerate(requests):
                if n % 2:
                    hub.crash_after_effect(lambda: (len(self.watch.going), len(self.watch.took)))
                    await hub.receive(name, _copy(request))  # the hub dies at its first commit
                else:
                    await self._sent(hub, name, [request])
                if not hub.crashed:
                    await hub.crash()
                await hub.restart()
                await self._sent(hub, name, [request])
            assert await self._outcome(hub, name, peer) == wanted, broken(
                "pushed", "a request that came again after a crash was lost or taken twice"
            )

    @pytest.mark.asyncio
    async def test_a_stranger_is_answered_as_if_nothing_were_there(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            before = await self._outcome(hub, name, peer), await hub.state(name)
            for request in [stranger for each in requests for stranger in self._strangers(each)]:
                answer = await hub.receive(name, request)
                assert answer is None or answer.status in (401, 403, 404), broken(
                    "pushed", f"a caller without a valid signature got {_status(answer)}: return None"
                )
            assert (await self._outcome(hub, name, peer), await hub.state(name)) == before, broken(
                "pushed", "what a caller without a valid signature sent was taken"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_garbage_is_refused_and_harms_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        wanted = await self._undisturbed(peer, config, school, requests)
        async with self.running(config, school) as (hub, name):
            before = await self._outcome(hub, name, peer)
            for body in self.garbage:
                answer = await self._answer(hub, name, self.signed(requests[0], body))
                assert answer is None or 400 <= answer.status < 500, broken(
                    "pushed", f"a body that makes no sense was answered with {_status(answer)}, and not with a 4xx"
                )
            assert await self._outcome(hub, name, peer) == before, broken(
                "pushed", "a body that makes no sense was taken"
            )
            await self._sent(hub, name, requests)
            assert await self._outcome(hub, name, peer) == wanted, broken(
                "pushed", "after garbage, what is right is no longer taken"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_flood_leaves_no_more_than_one_request(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self._sent(hub, name, requests)
            once, size = await self._outcome(hub, name, peer), len(json.dumps(await hub.state(name)))
            for _ in range(_FLOOD // len(requests) + 1):
                for request in requests:
                    await self._answer(hub, name, _copy(request))
                    await self._answer(hub, name, self.forged(_copy(request)))
            assert await self._outcome(hub, name, peer) == once, broken("pushed", "a flood of repeats was taken")
            now = len(json.dumps(await hub.state(name)))
            assert now <= max(1.5 * size, size + 500), broken(
                "pushed", f"a flood of repeats made the state grow from {size} to {now} bytes"
            )
            await self.check_undisturbed(hub, name)

    def _strangers(self, request: Received) -> list[Received]:
        """The request without a valid signature; and without any header, where a header is what is forged."""
        forged = self.forged(_copy(request))
        if (forged.path, forged.query) != (request.path, request.query):
            return [forged]
        return [forged, Received(request.method, request.path, query=request.query, body=_copy(request).whole or b"")]

    async def _undisturbed(
        self, peer: Peer, config: Mapping[str, Any], school: School, requests: Sequence[Received]
    ) -> Outcome:
        async with self.running(config, school) as (hub, name):
            await self._sent(hub, name, requests)
            outcome = await self._outcome(hub, name, peer)
            assert any(outcome), "nothing to check: what the source sent was not published and had no effect"
        peer.reset()
        return outcome

    async def _sent(self, hub: TestHub, name: str, requests: Sequence[Received]) -> None:
        for request in requests:
            answer = await self._answer(hub, name, _copy(request))
            taken = answer is not None and answer.status < 300
            assert taken, broken("pushed", f"a request from the right caller was answered with {_status(answer)}")

    async def _answer(self, hub: TestHub, name: str, request: Received) -> Answer | None:
        try:
            return await hub.receive(name, request)
        except Exception:
            failed = "\n".join(str(each) for each in self.watch.failures[-1:])
            pytest.fail(broken("pushed", f"a request made the connector fail (the caller gets a 500):\n{failed}"))

    async def _outcome(self, hub: TestHub, name: str, peer: Peer) -> Outcome:
        await hub.settle()
        if self.connector.poll is not Connector.poll:
            await hub.poll(name)
        return await outcome_of(self, hub, peer)


class RunningPeer(Peer, Protocol):
    """A source that the connector listens to (`run`): a broker, a socket.

    `garbage(body)`, where it exists, makes the source send a message with this body, which makes no sense.
    `waiting()` does not count it.
    """

    def push(self) -> None:
        """Make the source send something new, on its own connection."""

    def again(self) -> None:
        """Make it send the last thing once more, as a source does that has lost the acknowledgement."""

    def waiting(self) -> int:
        """The number of things that were sent and have not been acknowledged. They are sent again on reconnecting."""


class RunSuite(Subject):
    """For sources that are listened to (`run`): what was acknowledged has been kept, and comes once.

    Garbage between two messages harms neither; a flood is kept whole and in order, and waits at the source: little of
    it is read ahead, and nothing stays in memory.
    """

    garbage: ClassVar[Sequence[bytes]] = PushSuite.garbage
    read_ahead: ClassVar[int] = 16_384  # bytes that an instance may hold more while a flood lasts, and after it

    @pytest.mark.asyncio
    async def test_what_is_pushed_is_acknowledged_once_it_is_kept(
        self, peer: RunningPeer, config: Mapping[str, Any], school: School
    ) -> None:
        async with self.running(config, school) as (hub, name):
            wanted = await self._pushed(hub, peer)
            await self.check_undisturbed(hub, name)
        peer.reset()
        async with self.running(config, school) as (hub, name):
            peer.push()
            sent = peer.waiting()
            # The hub dies at a commit for which the source has its acknowledgement already: nothing sends it again.
            hub.crash_after_effect(lambda: peer.waiting() < sent)
            await self._acknowledged(hub, peer)
            if not hub.crashed:
                await hub.crash()
            await hub.restart()
            await self._acknowledged(hub, peer)
            assert await outcome_of(self, hub, peer) == wanted, broken(
                "pushed", "what had been acknowledged was lost in a crash: acknowledge after `ctx.commit` has ended"
            )

    @pytest.mark.asyncio
    async def test_what_comes_again_is_taken_once(
        self, peer: RunningPeer, config: Mapping[str, Any], school: School
    ) -> None:
        """Also after a crash."""
        async with self.running(config, school) as (hub, name):
            wanted = await self._pushed(hub, peer)
            for crash in (False, True):
                if crash:
                    await hub.crash()
                    await hub.restart()
                peer.again()
                await self._acknowledged(hub, peer)
                assert await outcome_of(self, hub, peer) == wanted, broken(
                    "pushed", f"what came again{' after a crash' if crash else ''} was lost or taken twice"
                )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_garbage_on_the_stream_harms_nothing(
        self, peer: RunningPeer, config: Mapping[str, Any], school: School
    ) -> None:
        send = getattr(peer, "garbage", None)
        if send is None:
            pytest.skip("the peer has no `garbage(body)`")
        async with self.running(config, school) as (hub, _):
            await self._pushed(hub, peer)
            peer.push()
            await self._acknowledged(hub, peer)
            wanted = await outcome_of(self, hub, peer)
        peer.reset()
        async with self.running(config, school) as (hub, name):
            await self._pushed(hub, peer)
            for body in self.garbage:
                send(body)
            peer.push()
            while peer.waiting() and not self.watch.failures:  # noqa: ASYNC110 - as in `_acknowledged`
                await asyncio.sleep(0.02)
            await hub.settle()
            failed = "\n".join(map(str, self.watch.failures))
            assert not failed, broken("pushed", f"a message that makes no sense made the connector fail:\n{failed}")
            assert await outcome_of(self, hub, peer) == wanted, broken(
                "pushed", "a message that makes no sense was taken, or one before or after it was lost"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_flood_on_the_stream_is_kept_whole_and_in_order(
        self, peer: RunningPeer, config: Mapping[str, Any], school: School
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self._pushed(hub, peer)
            memory = self._memory()
            for _ in range(_FLOOD - 1):
                peer.push()
                await self._acknowledged(hub, peer)
            wanted = await self._in_order(hub), in_any_order(peer.effects())
        peer.reset()
        async with self.running(config, school) as (hub, name):
            for _ in range(_FLOOD):
                peer.push()
            peak = 0
            while peer.waiting():
                peak = max(peak, self._memory())
                await asyncio.sleep(0.005)
            await hub.settle()
            assert (await self._in_order(hub), in_any_order(peer.effects())) == wanted, broken(
                "pushed", "of messages that came fast, some were lost, taken twice or put in another order"
            )
            now, most = self._memory(), max(2 * memory, memory + self.read_ahead)
            assert now <= most, broken(
                "pushed", f"after a flood the instance holds {now} bytes in memory, and {memory} after one message"
            )
            assert peak <= most, broken(
                "pushed",
                f"in a flood the instance held {peak} bytes in memory, and {memory} after one message: read no faster "
                "than you keep, so that the rest waits at the source (`read_ahead` says how many bytes may be read)",
            )
            await self.check_undisturbed(hub, name)

    async def _in_order(self, hub: TestHub) -> dict[str | None, list[Any]]:
        """What was published, by subject: the order of different subjects is not promised."""
        found: dict[str | None, list[Any]] = {}
        for event in await hub.published():
            found.setdefault(event.subject, []).append(self.told(event))
        return found

    def _memory(self) -> int:
        """Bytes. 0 where the instance is in another process."""
        return held(self.watch.instances[-1], self.watch.run) if self.watch.instances else 0

    async def _pushed(self, hub: TestHub, peer: RunningPeer) -> Outcome:
        peer.push()
        await self._acknowledged(hub, peer)
        for _ in range(_SOON):
            if any(outcome := await outcome_of(self, hub, peer)):
                return outcome
            await asyncio.sleep(0.1)
            await hub.settle()
        pytest.fail("nothing to check: what the source sent was not published and had no effect")

    async def _acknowledged(self, hub: TestHub, peer: RunningPeer) -> None:
        """Wait until the source has nothing that waits, or the hub has crashed. `limit_s` bounds it."""
        # The source is another process, or another thread: nothing announces what it knows.
        while peer.waiting() and not hub.crashed:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if not hub.crashed:
            await hub.settle()


class _NoFarSide:
    def effects(self) -> Sequence[Any]:
        return ()

    def bytes(self) -> bytes:
        return b""

    def reset(self) -> None:
        pass


def _copy(request: Received, body: bytes | None = None) -> Received:
    whole = request.whole if body is None else body
    assert whole is not None, "give `requests` whole bodies"
    return Received(request.method, request.path, query=request.query, headers=dict(request.headers), body=whole)


def _status(answer: Answer | None) -> str:
    return "a 404" if answer is None else f"a {answer.status}"
