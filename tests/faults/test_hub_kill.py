"""The hub's process is killed while 64 publishers post to it, and it delivers."""

import random
from pathlib import Path

import pytest

from tests.faults.checks import first_arrivals, missing, out_of_order, repeated
from tests.faults.load import Publishers, configuration, directory, number_of, numbers
from tests.peers.hub import HubProcess
from tests.peers.webhook import WebhookReceiver

pytestmark = pytest.mark.fault


async def test_kill_9_twenty_times_loses_no_acknowledged_event_for_anybody(tmp_path: Path) -> None:
    """Promises 1 and 2: each is delivered to each subscription at least once, first arrivals in order per key.

    After each kill every publisher repeats the event that was not acknowledged: the log suppresses it where it was
    stored (promise 6).
    """
    choice = random.Random(20261124)
    async with WebhookReceiver() as one, WebhookReceiver() as two:
        async with HubProcess(tmp_path, configuration(one.url, two.url)) as hub:
            answer = await hub.caller("load").post_events(directory(64))
            assert answer.status == 202, answer.body
            async with Publishers(hub) as publishers:
                for _ in range(20):
                    publishers.up.set()
                    await publishers.wait_for(acknowledged=len(publishers.acknowledged) + choice.randrange(64, 600))
                    await hub.kill()
                    publishers.up.clear()
                    await hub.start()
            assert len(publishers.acknowledged) > 20 * 64
            await hub.delivered(timeout_s=60)
            read = [number_of(event) for event in await hub.caller("reader").read_feed("all", limit=1000)]
        hooks = {name: numbers(each.body for each in hook.received) for name, hook in (("one", one), ("two", two))}
    for name, arrived in {"feed": read, **hooks}.items():
        assert missing(publishers.acknowledged, arrived) == set(), name
        assert out_of_order(arrived) == [], name
        assert set(arrived) == set(read), name
    assert repeated(read) == []
    assert len(first_arrivals(read)) == 64
