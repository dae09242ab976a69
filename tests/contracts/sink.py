"""What delivery relies on in every sink, whatever is behind it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import pytest

from hub.bus.base import Stored, place
from hub.delivery.base import Attempt, Outcome, Result, Sink
from hub.privacy.base import PermitRefused

CANARY = "Kanariefågel-7f3a"  # stands for personal data in the event


class SinkRig(Protocol):
    """A sink and its far side, made for the suite. `bound_s`: how long one attempt may take at the most."""

    sink: Sink
    bound_s: float

    def received(self) -> Sequence[bytes]:
        """The bytes of each event that has arrived, in the order of arrival."""

    async def wait_for(self, number: int) -> None:
        """Until so many events have arrived."""

    async def hang(self) -> None:
        """From now on the far side takes events and never answers."""

    async def vanish(self) -> None:
        """From now on nobody is there."""

    async def heal(self) -> None:
        """From now on all is well."""


def attempt(number: int = 1, *, refuse: bool = False, calls: list[int] | None = None) -> Attempt:
    """An attempt at an invented event; `calls` notes each call of its permit."""
    body = b'{"id":"evt-%d","data":{"text":"%b"}}' % (number, CANARY.encode())
    stored = Stored(
        place(0, number),
        "se.skolnav.test.happened.v1",
        "urn:test",
        f"evt-{number}",
        "lesson/1",
        "lesson/1",
        None,
        (),
        (),
        False,
        0,
        body,
    )

    def permit() -> bytes:
        if calls is not None:
            calls.append(number)
        if refuse:
            raise PermitRefused
        return body

    return Attempt(stored, f"msg_{number}", 1, permit)


class SinkContract:
    """Promises every sink keeps. Subclass as Test...; give a `rig` fixture."""

    async def test_what_was_permitted_arrives_unchanged(self, rig: SinkRig) -> None:
        outcome = await rig.sink.deliver(attempt(1))
        assert outcome.result is Result.DELIVERED
        await rig.wait_for(1)
        assert rig.received() == [attempt(1).permit()]

    async def test_one_delivery_asks_for_one_permit(self, rig: SinkRig) -> None:
        calls: list[int] = []
        await rig.sink.deliver(attempt(1, calls=calls))
        assert calls == [1]

    async def test_a_refused_permit_passes_through_and_nothing_is_sent(self, rig: SinkRig) -> None:
        """Promise 4: no delivery without a decision taken at that moment."""
        with pytest.raises(PermitRefused):
            await rig.sink.deliver(attempt(1, refuse=True))
        assert (await rig.sink.deliver(attempt(2))).result is Result.DELIVERED
        await rig.wait_for(1)
        assert rig.received() == [attempt(2).permit()]

    async def test_a_far_side_that_hangs_ends_in_an_outcome_in_bounded_time(self, rig: SinkRig) -> None:
        """Promise 3: a hanging recipient costs its own slot, and that for a known time."""
        await rig.hang()
        began = time.monotonic()
        outcome = await rig.sink.deliver(attempt(1))
        assert time.monotonic() - began < rig.bound_s + 1
        assert_temporary(outcome)

    async def test_where_nobody_is_there_the_outcome_says_so_and_no_permit_is_used(self, rig: SinkRig) -> None:
        await rig.vanish()
        calls: list[int] = []
        assert_temporary(await rig.sink.deliver(attempt(1)))
        # The first may have met a connection that was still kept; from then on it is known.
        assert_temporary(await rig.sink.deliver(attempt(2, calls=calls)))
        assert calls == []

    async def test_a_recipient_that_heals_gets_the_next_attempt(self, rig: SinkRig) -> None:
        await rig.hang()
        assert_temporary(await rig.sink.deliver(attempt(1)))
        await rig.heal()
        assert (await rig.sink.deliver(attempt(1))).result is Result.DELIVERED

    async def test_a_cancelled_attempt_leaves_its_slot_to_the_next(self, rig: SinkRig) -> None:
        await rig.hang()
        tasks = [asyncio.create_task(rig.sink.deliver(attempt(n))) for n in range(rig.sink.concurrency)]
        await rig.wait_for(rig.sink.concurrency)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await rig.heal()
        assert (await rig.sink.deliver(attempt(99))).result is Result.DELIVERED

    async def test_closing_ends_what_is_under_way(self, rig: SinkRig) -> None:
        await rig.hang()
        task = asyncio.create_task(rig.sink.deliver(attempt(1)))
        await rig.wait_for(1)
        await rig.sink.close()
        async with asyncio.timeout(rig.bound_s + 1):
            assert (await task).result is Result.RETRY
        await rig.sink.close()  # twice is once

    async def test_no_reason_holds_data(self, rig: SinkRig) -> None:
        """Promise 8: no payload in an outcome's reason, however the attempt ends."""
        outcomes = [await rig.sink.deliver(attempt(1))]
        await rig.hang()
        outcomes.append(await rig.sink.deliver(attempt(2)))
        await rig.vanish()
        outcomes.append(await rig.sink.deliver(attempt(3)))
        for outcome in outcomes:
            assert len(outcome.reason) < 32
            assert outcome.reason.isascii()
            assert CANARY not in outcome.reason


def assert_temporary(outcome: Outcome) -> None:
    assert outcome.result is Result.RETRY
    assert outcome.recipient_down
    assert outcome.reason
