"""Reading on from a feed cursor, stage by stage, and the cursor itself."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from hub.bus.base import Position
from hub.clock import to_us
from hub.delivery.feed_cursor import NAME_BYTES, CursorSealer, CursorUnknown, FeedCursor, cut
from hub.delivery.pages import MAX_PAGE_BYTES
from hub.delivery.reading import ReadCursor
from hub.keys import Keys
from hub.privacy.base import Recipient
from hub.store import lanes
from hub.subscriptions.model import Subscription
from hub.subscriptions.spec import SubscriptionSpec
from plugins.testing import ManualClock
from tests.hub.api.conftest import running
from tests.hub.api.school import CLOSED, absence, append, closed_day, current, person
from tests.school import ABSENCE_CHANGED

NAMES = ["", "absence/", "absence/6f1f6a2e-6d0b-4b0e-9a54-0a3f0f5a7c11", "current/" + "x" * 87, "current/" + "x" * 88,
         "current/" + "å" * 80, "current/x" + "å" * 80, "current/" + "x" * 1000]  # fmt: skip


EMPTY = FeedCursor(read=ReadCursor(Position(0, (0,))), read_us=0)


def subscription(id="a", recipient="client/a"):
    return Subscription(id, id, Recipient(recipient, ()), frozenset(), {"kind": "feed"})


class TestCursor:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("lane_at", [None, Position(3, (0,)), Position(3, (1 << 40,))])
    @pytest.mark.parametrize("served", [0, 70_000])
    def test_what_is_sealed_is_opened_again_in_one_length(self, name, lane_at, served):
        """Promise 5."""
        sealer = CursorSealer(Keys(bytes(32)))
        cursor = FeedCursor(
            read=ReadCursor(Position(3, (5,)), cut(name)), read_us=77, lane_us=9, lane_at=lane_at, lane_served=served
        )
        token = sealer.seal(subscription(), cursor)
        assert sealer.open(subscription(), token) == cursor
        assert len(token) == len(sealer.seal(subscription(), EMPTY))
        assert token != sealer.seal(subscription(), cursor)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_cut_name_stands_after_all_that_begin_like_it_and_before_all_others(self, name):
        short = cut(name)
        if len(name.encode()) < NAME_BYTES:
            assert short == name
        else:
            assert short.encode() > name.encode()
            assert short.encode() > (name + "z").encode()
            assert short.encode() < (name[:40] + "\uffff").encode()

    @pytest.mark.parametrize("other", [subscription("b"), subscription("a", "client/b")])
    def test_it_is_bound_to_subscription_and_recipient(self, other):
        sealer = CursorSealer(Keys(bytes(32)))
        token = sealer.seal(subscription(), EMPTY)
        with pytest.raises(CursorUnknown):
            sealer.open(other, token)

    def test_another_hubs_key_does_not_open_it(self):
        token = CursorSealer(Keys(bytes(32))).seal(subscription(), EMPTY)
        with pytest.raises(CursorUnknown):
            CursorSealer(Keys(b"x" * 32)).open(subscription(), token)


@pytest.fixture
def clock():
    return ManualClock("2026-11-24T08:00")


def specs():
    def spec(name, client, start, *types):
        return SubscriptionSpec.model_validate(
            {"name": name, "client": client, "types": types, "sink": {"kind": "feed"}, "from": start}
        )

    return (
        spec("all", "acme", "oldest", "se.skolnav.absence.*"),
        spec("state", "acme", "state", "se.skolnav.absence.*"),
        spec("days", "facilities", "oldest", CLOSED),
    )


@pytest.fixture
async def hub(tmp_path, clock):
    async with running(tmp_path, clock, subscriptions=specs()) as services:
        await append(services, *(person(n) for n in range(1, 5)), person(5, "Sekretessmarkering"), current(clock))
        yield services


async def read(hub, id, limit=100, cursor=None):
    """Everything from the cursor on, as (id, lane), page by page, and the last cursor."""
    pages = []
    cursor = cursor or await hub.pages.open(id, None)
    while True:
        page = await hub.pages.page(id, cursor, limit, each=True)
        await hub.pages.settled(page)
        pages.append([(entry.decision.stored.id, entry.part.lane) for entry in page.entries])
        cursor = page.cursor
        if page.at_head:
            return pages, cursor


@asynccontextmanager
async def restarted(folder, clock):
    """A hub in its second life, a cursor of the first one, and the ids of the events after it."""
    async with running(folder, clock, subscriptions=specs()) as hub:
        await append(hub, person(1), current(clock), absence(0, 1))
        _, cursor = await read(hub, "all")
    async with running(folder, clock, subscriptions=specs()) as hub:
        await append(hub, *(absence(n, 1) for n in range(1, 131)))
        yield hub, cursor, [f"absence-{n}-rep" for n in range(1, 131)]


@pytest.mark.parametrize("limit", [1, 5, 63])
async def test_a_cursor_of_before_a_restart_leads_through_a_backlog_in_pages_of_any_size(tmp_path, clock, limit):
    """Promise 1. A page that ended within what was read at once once led back to the restart, again and again."""
    async with restarted(tmp_path, clock) as (hub, cursor, ids):
        found = []
        while len(found) < len(ids):
            page = await hub.pages.page("all", cursor, limit, each=True)
            found += [entry.stored.id for entry in page.entries]
            assert found == ids[: len(found)]
            cursor = page.cursor


async def test_each_events_own_cursor_leads_past_it_after_a_restart(tmp_path, clock):
    """Promise 1: a stream's client may be cut off after any event."""
    async with restarted(tmp_path, clock) as (hub, cursor, ids):
        page = await hub.pages.page("all", cursor, 10, each=True)
        for index, entry in enumerate(page.entries):
            following = await hub.pages.page("all", entry.cursor, 1)
            assert [each.stored.id for each in following.entries] == [ids[index + 1]]


class TestWalking:
    @pytest.mark.parametrize("limit", [1, 2, 7, 64, 1000])
    async def test_pages_of_any_size_give_all_of_the_state_and_then_the_log_once(self, hub, limit):
        await append(hub, *(absence(n, 1 + n % 5) for n in range(150)))
        pages, cursor = await read(hub, "state", limit)
        found = [id for page in pages for id, _ in page]
        assert sorted(found) == sorted(f"absence-{n}-rep" for n in range(150) if 1 + n % 5 != 5)
        assert all(len(page) == limit for page in pages[:-1])
        await append(hub, absence(200, 1))
        assert (await read(hub, "state", limit, cursor))[0] == [[("absence-200-rep", None)]]

    async def test_the_cursor_of_each_event_reads_on_after_it(self, hub):
        await append(hub, *(absence(n, 1 + n % 5) for n in range(20)))
        for id in ("all", "state"):
            page = await hub.pages.page(id, await hub.pages.open(id, None), 100, each=True)
            ids = [entry.decision.stored.id for entry in page.entries]
            for index in range(len(ids)):
                cursor = await hub.pages.open(id, page.cursor_of(index))
                rest, _ = await read(hub, id, cursor=cursor)
                assert [found for part in rest for found, _ in part] == ids[index + 1 :]

    async def test_a_page_ends_where_its_bytes_would_be_too_many(self, hub, monkeypatch):
        for name in ("MAX_PAGE_BYTES", "MAX_STREAM_BYTES"):
            monkeypatch.setattr(f"hub.delivery.pages.{name}", 4000)
        await append(hub, *(closed_day(n) for n in range(50)))
        pages, _ = await read(hub, "days", 1000)
        assert len(pages) > 3
        assert [id for page in pages for id, _ in page] == [f"closed-{n}" for n in range(50)]
        assert MAX_PAGE_BYTES < 16 << 20

    async def test_a_resend_comes_first_and_once(self, hub):
        await append(hub, *(absence(n, 1) for n in range(5)))
        _, cursor = await read(hub, "all")
        stored = (await hub.log.read(hub.log.start(), 100)).events
        places = tuple(each.at for each in stored if each.id in ("absence-1-rep", "absence-3-rep"))
        packed = hub.log.head().pack()
        lane = lanes.Lane(
            subscription="all",
            lane="resend-1",
            kind="resend",
            start=packed,
            until=packed,
            places=places,
            by="op",
            at=hub.clock.utc(),
            done=False,
        )
        await hub.store.commit(lanes.add("provkoping", lane))
        hub.pages.wake()
        await append(hub, absence(9, 1))
        pages, _ = await read(hub, "all", 1, cursor)
        assert [each for page in pages for each in page] == [
            ("absence-1-rep", "resend-1"), ("absence-3-rep", "resend-1"), ("absence-9-rep", None),
        ]  # fmt: skip

    async def test_replays_are_served_in_the_order_in_which_they_were_asked_for(self, hub, clock):
        await append(hub, absence(1, 1), absence(2, 2))
        _, cursor = await read(hub, "all")
        first = await hub.delivery.replay("all", by="op")
        clock.pass_machine(1)
        second = await hub.delivery.replay("all", by="op")
        hub.pages.wake()
        for limit in (1, 3, 100):
            pages, _ = await read(hub, "all", limit, cursor)
            assert [each for page in pages for each in page] == [
                (f"absence-{n}-rep", lane) for lane in (first, second) for n in (1, 2)
            ]

    async def test_a_new_client_gets_no_old_replay(self, hub, clock):
        await append(hub, absence(1, 1))
        await hub.delivery.replay("all", by="op")
        clock.pass_machine(1)
        hub.pages.wake()
        assert (await read(hub, "all"))[0] == [[("absence-1-rep", None)]]

    async def test_after_a_restore_the_time_says_where_to_read_on(self, hub, clock):
        await append(hub, absence(1, 1))
        _, cursor = await read(hub, "all")
        clock.pass_machine(1)
        await append(hub, absence(2, 2))
        elsewhere = replace(cursor, read=ReadCursor(Position(cursor.read.position.epoch + 1, (1 << 30,))))
        assert (await read(hub, "all", cursor=elsewhere))[0] == [[("absence-2-rep", None)]]

    async def test_a_decision_that_fails_sends_nothing_and_is_made_up_for(self, hub, monkeypatch, clock):
        """Promise 4: never send what is not surely permitted, never lose it, never stall others."""
        decide = type(hub.gate).decide

        def failing(gate, stored, recipient, **more):
            if stored.id == "absence-1-rep":
                raise RuntimeError
            return decide(gate, stored, recipient, **more)

        await append(hub, absence(1, 1), absence(2, 2))
        monkeypatch.setattr(type(hub.gate), "decide", failing)
        pages, cursor = await read(hub, "all")
        assert pages == [[("absence-2-rep", None)]]
        monkeypatch.undo()
        clock.pass_machine(60)
        page = await hub.pages.page("all", cursor, 10)
        (body,) = await hub.pages.settled(page)
        assert orjson.loads(body)["data"] == absence(1, 1).data

    @pytest.mark.parametrize("behind", [(), (ABSENCE_CHANGED,)], ids=["alone", "with a newer event of its key"])
    async def test_a_decision_that_fails_while_a_page_is_answered_is_made_up_for(self, hub, monkeypatch, clock, behind):
        """Promises 2 and 4: the page was permitted once, then the directory changed and deciding failed."""
        decide, fails = type(hub.gate).decide, []

        def failing(gate, stored, recipient, **more):
            if stored.id in fails:
                raise RuntimeError
            return decide(gate, stored, recipient, **more)

        monkeypatch.setattr(type(hub.gate), "decide", failing)
        await append(hub, absence(1, 1))
        later = [absence(1, 1, type_) for type_ in behind]
        await append(hub, *later)
        page = await hub.pages.page("all", await hub.pages.open("all", None), 10)
        assert len(page) == 1 + len(behind)
        await append(hub, person(1, "Sekretessmarkering"), person(1, version=1))
        fails.append("absence-1-rep")
        assert await hub.pages.settled(page) == []
        fails.clear()
        came = []
        for _ in range(2):
            clock.pass_machine(60)
            page = await hub.pages.page("all", page.cursor, 10)
            came += [orjson.loads(body)["id"] for body in await hub.pages.settled(page)]
        assert came == ["absence-1-rep", *(each.id for each in later)]

    async def test_a_feed_with_too_many_late_events_waits(self, hub, monkeypatch, clock):
        """Promise 4: the fault is the hub's. No event is passed without a row that serves it later."""
        monkeypatch.setattr("hub.delivery.pages.MAX_LATE", 2)
        decide, broken = type(hub.gate).decide, [True]

        def failing(gate, stored, recipient, **more):
            if broken and stored.id.startswith("absence"):
                raise RuntimeError
            return decide(gate, stored, recipient, **more)

        monkeypatch.setattr(type(hub.gate), "decide", failing)
        await append(hub, *(absence(number, number) for number in (1, 2, 3)))
        page = await hub.pages.page("all", await hub.pages.open("all", None), 10)
        assert (len(page), page.blocked) == (0, True)
        page = await hub.pages.page("all", page.cursor, 10)
        assert (len(page), page.blocked) == (0, True)
        broken.clear()
        clock.pass_machine(3600)
        pages, _ = await read(hub, "all", cursor=page.cursor)
        assert sorted(id for each in pages for id, _ in each) == [f"absence-{number}-rep" for number in (1, 2, 3)]


class TestWaitingForTheDirectory:
    async def test_a_subscription_that_must_wait_stays_at_its_cursor(self, hub, monkeypatch):
        await append(hub, absence(1, 1))
        start = await hub.pages.open("all", None)
        monkeypatch.setattr(hub.pages, "_waits", lambda subscription: True)
        page = await hub.pages.page("all", start, 10, 0.05)
        assert (page.entries, page.cursor) == ([], start)
        monkeypatch.undo()
        assert len(await hub.pages.settled(await hub.pages.page("all", start, 10))) == 1


async def test_an_empty_page_at_the_head_has_read_up_to_now(hub, clock):
    _, cursor = await read(hub, "all")
    clock.pass_machine(timedelta(days=3).total_seconds())
    _, later = await read(hub, "all", cursor=cursor)
    assert later.read_us - cursor.read_us >= 3 * 86400 * 1_000_000
    assert later.read_us <= to_us(clock.utc())
