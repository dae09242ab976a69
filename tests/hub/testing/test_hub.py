import pytest

from plugins import Answer, Received
from plugins.manager import PluginsError
from plugins.testing import School, open_hub
from schemas import InvalidEvent
from schemas.absence import AbsenceReported
from tests.hub.testing.ledger import FolderPeer, Ledger, Tally


@pytest.fixture
def peer(tmp_path):
    return FolderPeer(tmp_path / "peer")


@pytest.fixture
def school():
    return School()


@pytest.fixture
async def hub(peer, school):
    async with open_hub() as hub:
        await hub.add(Ledger, {"folder": str(peer.folder)})
        await hub.post(school.directory(hub.clock.utc().isoformat()))
        await hub.settle()
        yield hub


def absence(school, pupil=0, **changes):
    event = school.event(AbsenceReported, {**AbsenceReported.spec.examples[0], **changes})
    event["data"]["student"] = {"id": school.pupils[pupil]}
    event["data"]["organisation"] = {"id": school.unit}
    event["data"].pop("registeredBy", None)
    return event


async def test_an_event_goes_all_the_way_to_the_far_side_and_into_state(hub, peer, school):
    event = absence(school)
    await hub.post([event])
    await hub.settle()
    assert peer.effects() == [(event["data"]["id"], event["data"]["endTime"])]
    assert await hub.state("ledger") == {event["data"]["id"]: event["data"]["endTime"]}


async def test_an_event_about_a_protected_pupil_is_withheld(hub, peer, school):
    """Promise 4: this is the real gate."""
    await hub.post([absence(school, pupil=-1)])
    await hub.settle()
    assert peer.effects() == []


async def test_a_timer_fires_in_school_time_and_what_it_publishes_is_in_the_log(hub, peer, school):
    await hub.post([absence(school)])
    await hub.settle()
    await hub.advance_to("08:29")
    assert await hub.published() == []
    await hub.advance_to("08:30")
    (event,) = await hub.published(Tally.spec.type)
    assert event.data == {"kitchen": "K1", "away": 1, "complete": True}
    assert event.source == "urn:skolnav:exempelkommun:ledger"
    assert ("count", "1 True") in peer.effects()


async def test_a_crash_loses_nothing_that_was_posted(hub, peer, school):
    """Promise 1."""
    await hub.post([absence(school)])
    await hub.crash()
    await hub.restart()
    assert len(peer.effects()) == 1
    assert len(await hub.state("ledger")) == 1


async def test_a_crash_between_effect_and_acknowledgement_is_one(hub, peer, school):
    hub.crash_after_effect(peer.effects)
    await hub.post([absence(school)])
    await hub.settle()
    assert hub.crashed
    assert len(peer.effects()) == 1
    await hub.crash()
    await hub.restart()
    assert not hub.crashed
    assert len(await hub.state("ledger")) == 1


async def test_what_was_lost_in_a_crash_is_not_there_after_it(hub, peer, school):
    """The crash is real: the state that the connector had kept in memory was never durable."""
    hub.crash_after_effect(peer.effects)
    event = absence(school)
    await hub.post([event])
    await hub.settle()
    peer.refuse(True)
    await hub.restart()
    assert await hub.state("ledger") == {}
    peer.refuse(False)
    await hub.retry()
    assert await hub.state("ledger") == {event["data"]["id"]: event["data"]["endTime"]}


async def test_what_failed_waits_for_a_retry(hub, peer, school):
    peer.refuse(True)
    await hub.post([absence(school)])
    await hub.settle()
    assert peer.effects() == []
    assert "refused" in hub.logs()
    peer.refuse(False)
    await hub.settle()
    assert peer.effects() == []
    await hub.retry()
    assert len(peer.effects()) == 1


async def test_a_replay_delivers_again_and_says_so(peer, school):
    heard = []

    class Hearing(Ledger):
        async def handle(self, event):
            heard.append((event.id, event.lane is not None))

    async with open_hub() as hub:
        await hub.add(Hearing, {"folder": str(peer.folder)})
        await hub.post([*school.directory(hub.clock.utc().isoformat()), event := absence(school)])
        await hub.settle()
        await hub.replay("ledger")
    assert heard == [(event["id"], False), (event["id"], True)]


async def test_one_event_comes_again_alone_and_as_old_as_it_was(peer, school):
    sequences = []

    class Noting(Ledger):
        async def handle(self, event):
            sequences.append((event.id, event.sequence))

    older, newer = absence(school), absence(school, pupil=1)
    async with open_hub() as hub:
        await hub.add(Noting, {"folder": str(peer.folder)})
        await hub.post(school.directory(hub.clock.utc().isoformat()))
        for event in (older, newer):
            await hub.post([event])
            await hub.settle()
        await hub.resend("ledger", older["id"])
        assert [id for id, _ in sequences] == [older["id"], newer["id"], older["id"]]
        assert sequences[2] == sequences[0]
        with pytest.raises(KeyError):
            await hub.resend("ledger", "no-such-event")


async def test_after_a_stop_nothing_runs_until_the_restart(hub, peer, school):
    await hub.post([absence(school)])
    await hub.stop()
    with pytest.raises(RuntimeError, match="not running"):
        await hub.settle()
    await hub.restart()
    assert len(peer.effects()) == 1


async def test_a_bad_event_is_refused(hub, school):
    event = absence(school)
    event["data"]["startTime"] = "yesterday"
    with pytest.raises(InvalidEvent):
        await hub.post([event])


async def test_a_class_that_cannot_be_run_is_refused(hub):
    class Wrong(Ledger):
        name = "Wrong Name"

    with pytest.raises(PluginsError):
        await hub.add(Wrong, {"folder": "x"})


async def test_a_body_that_is_larger_than_the_class_says_is_refused_as_over_http(hub, peer):
    class Small(Ledger):
        name = "small"
        receive_limit = 4

        async def receive(self, request):
            return Answer(200, await request.body())

    await hub.add(Small, {"folder": str(peer.folder)})
    assert await hub.receive("small", Received("POST", "/x", body=b"four")) == Answer(200, b"four")
    assert await hub.receive("small", Received("POST", "/x", body=b"fives")) == Answer(413)
