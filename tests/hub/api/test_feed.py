"""Reading a feed: pages, cursors and waiting, and that nothing of what is withheld shows in them."""

import asyncio
import base64
import re
from datetime import timedelta

import orjson
import pytest

from hub.bus.base import LogUnavailable
from hub.clock import to_us
from hub.store import disclosures, withheld
from tests.hub.api.conftest import bearer, running
from tests.hub.api.school import ABSENCE, CLOSED, absence, append, closed_day, current, person, pupil
from tests.hub.api.test_ingest import problem
from tests.school import uid

NEXT = re.compile(r'<(?P<link>[^>]+)>; rel="next"')


class Feed:
    """One subscription, read as a client would: by following `Link`."""

    def __init__(self, http, made, client):
        self.http, self.id, self.client = http, made["id"], client
        self.path = f"/v1/subscriptions/{made['id']}/events"
        self.start = self.path

    async def get(self, path=None, **query):
        answer = await self.http.get(path or self.start, params=query or None, headers=bearer(self.client))
        if answer.status_code == 200:
            assert answer.headers["content-type"] == "application/cloudevents-batch+json"
            self.start = self.link(answer)
        return answer

    @staticmethod
    def link(answer):
        return NEXT.fullmatch(answer.headers["link"])["link"]

    async def ids(self, path=None, **query):
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return [event["id"] for event in answer.json()]


async def feed(http, client="acme", **spec):
    wanted = {
        "name": "f",
        "types": ["se.skolnav.absence.*", "se.skolnav.schedule.*"],
        "sink": {"kind": "feed"},
        "from": "oldest",
        **spec,
    }
    answer = await http.post("/v1/subscriptions", json=wanted, headers=bearer(client))
    assert answer.status_code == 201, answer.text
    return Feed(http, answer.json(), client)


@pytest.fixture
async def school(hub, clock):
    """Pupils 1 to 4 are open, 5 is protected, 6 is not known."""
    await append(hub, *(person(n) for n in range(1, 5)), person(5, "Skyddad folkbokföring"), current(clock))
    return hub


class TestPages:
    async def test_link_leads_through_all_events_in_order_also_from_an_empty_page(self, school, http):
        reader = await feed(http)
        assert await reader.ids() == []
        await append(school, *(absence(n, 1 + n % 4) for n in range(7)))
        assert await reader.ids(reader.start.replace("limit=100", "limit=3")) == [f"absence-{n}-rep" for n in range(3)]
        assert "limit=3" in reader.start
        assert await reader.ids() == [f"absence-{n}-rep" for n in range(3, 6)]
        assert await reader.ids() == ["absence-6-rep"]
        assert await reader.ids() == []

    async def test_without_a_cursor_it_starts_where_the_subscription_does(self, school, http):
        await append(school, absence(1, 1))
        now, oldest = await feed(http, **{"from": "now"}), await feed(http)
        await append(school, absence(2, 2))
        assert await now.ids(now.path) == ["absence-2-rep"]
        assert await now.ids(now.path) == ["absence-2-rep"]
        assert await oldest.ids() == ["absence-1-rep", "absence-2-rep"]

    async def test_from_state_gives_each_entitys_last_event_and_then_follows(self, school, http):
        changed = "se.skolnav.absence.changed.v1"
        earlier = {"endTime": "2026-11-24T12:00:00+01:00", "changed": {"endTime": "2026-11-24T16:00:00+01:00"}}
        first, second, third, fourth, fifth, sixth = sorted(range(6), key=lambda n: uid("absence", n))
        await append(school, *(absence(n, 1 + n % 4) for n in range(6)))
        await append(school, absence(third, 1 + third % 4, changed, **earlier))
        reader = await feed(http, **{"from": "state"})
        before = [f"absence-{first}-rep", f"absence-{second}-rep", f"absence-{third}-cha", f"absence-{fourth}-rep"]
        assert await reader.ids(limit=4) == before
        await append(school, absence(sixth, 1 + sixth % 4, changed, **earlier), absence(7, 1))
        # An entity that changes after the reader began comes once, in its changed form.
        assert await reader.ids() == [f"absence-{fifth}-rep", f"absence-{sixth}-cha", "absence-7-rep"]

    async def test_what_is_not_permitted_is_not_there(self, school, http):
        """Promise 4."""
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 5), absence(3, 6), absence(4, 2))
        answer = await reader.get()
        assert [event["id"] for event in answer.json()] == ["absence-1-rep", "absence-4-rep"]
        assert pupil(5) not in answer.text
        assert pupil(6) not in answer.text

    async def test_what_was_withheld_comes_as_state_when_the_person_becomes_known(self, school, http):
        reader = await feed(http)
        await append(school, absence(3, 6))
        assert await reader.ids() == []
        await append(school, person(6))
        await school.withheld.settled()
        (event,) = (await reader.get()).json()
        assert event["data"]["student"]["id"] == pupil(6)

    async def test_every_read_is_decided_anew(self, school, http):
        """Promise 4."""
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 2))
        first = reader.start
        assert await reader.ids(first) == ["absence-1-rep", "absence-2-rep"]
        await append(school, person(1, "Sekretessmarkering"))
        assert await reader.ids(first) == ["absence-2-rep"]

    async def test_a_mark_that_comes_while_the_page_is_made_counts(self, school, http, monkeypatch):
        """Promise 4: between the intent and the first byte."""
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 2), absence(3, 3))
        commit = school.store.commit
        done = False

        async def committed(*operations):
            nonlocal done
            await commit(*operations)
            if not done:
                done = True
                await append(school, person(1, "Skyddad folkbokföring"))

        monkeypatch.setattr(school.pages._store, "commit", committed)
        assert await reader.ids(limit=2) == ["absence-2-rep", "absence-3-rep"]
        assert done

    async def test_disclosures_are_durable_before_the_answer(self, school, http):
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 5))
        await reader.get()
        (allowed, _) = (await school.log.read(school.log.start(), 100)).events[-2:]
        rows = await school.store.read(disclosures.for_place("provkoping", "client/acme", allowed.at))
        assert [row.decided.allowed for row in rows] == [True]
        assert pupil(1) not in str(rows)
        marks = await school.store.read(withheld.of("provkoping", [pupil(5)]))
        assert [mark.recipient for mark in marks] == ["client/acme"]

    async def test_a_page_is_filled_past_what_is_denied(self, school, http):
        """Promise 5: a page is short only at the head."""
        reader = await feed(http)
        await append(school, *(absence(n, 5) for n in range(700)), absence(701, 1), absence(702, 1))
        assert await reader.ids(limit=2) == ["absence-701-rep", "absence-702-rep"]

    async def test_the_filter_sees_what_the_recipient_sees(self, school, http):
        reader = await feed(http, filter=[{"suffix": {"subject": pupil(2)}}])
        await append(school, absence(1, 1), absence(2, 2))
        assert await reader.ids() == ["absence-2-rep"]

    async def test_payload_id_leaves_the_data_out(self, school, http):
        reader = await feed(http, payload="id")
        await append(school, absence(1, 1))
        (event,) = (await reader.get()).json()
        assert "data" not in event
        assert event["id"] == "absence-1-rep"

    async def test_events_of_nobody_go_as_they_are(self, school, http):
        contract = {"purpose": "x", "legal_basis": "x", "categories": ["attendance"]}
        reader = await feed(http, types=[CLOSED], contract=contract)
        await append(school, *(closed_day(n) for n in range(1200)))
        assert len(await reader.ids(limit=1000)) == 1000
        assert len(await reader.ids()) == 200

    async def test_a_store_that_cannot_be_written_gives_nothing(self, school, http, monkeypatch):
        from hub.store.base import StoreUnavailable

        reader = await feed(http)
        await append(school, absence(1, 1))

        def full(*operations):
            future = asyncio.get_running_loop().create_future()
            future.set_exception(StoreUnavailable("full"))
            return future

        monkeypatch.setattr(school.pages._store, "commit", full)
        answer = await reader.get()
        problem(answer, 503, "unavailable")
        assert pupil(1) not in answer.text

    async def test_a_replay_is_served_first_in_a_lane_of_its_own(self, school, http):
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 2))
        assert len(await reader.ids()) == 2
        await append(school, absence(3, 3))
        answer = await http.post(f"/v1/subscriptions/{reader.id}/replay", json={}, headers=bearer("acme"))
        lane = answer.json()["lane"]
        first = (await reader.get(reader.start.replace("limit=100", "limit=2"))).json()
        assert [(event["id"], event.get("skolnavlane")) for event in first] == [
            ("absence-1-rep", lane), ("absence-2-rep", lane),
        ]  # fmt: skip
        rest = (await reader.get()).json()
        assert [(event["id"], event.get("skolnavlane")) for event in rest] == [
            ("absence-3-rep", lane), ("absence-3-rep", None),
        ]  # fmt: skip
        assert await reader.ids() == []


class TestWaiting:
    async def test_a_long_poll_ends_with_the_first_event(self, school, http):
        reader = await feed(http)
        waiting = asyncio.create_task(reader.ids(wait=30))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await append(school, absence(1, 1))
        assert await asyncio.wait_for(waiting, 5) == ["absence-1-rep"]
        assert "wait=30" in reader.start

    async def test_denied_events_end_no_long_poll(self, school, http):
        """Promise 5."""
        reader = await feed(http)
        waiting = asyncio.create_task(reader.ids(wait=0.3))
        started = asyncio.get_running_loop().time()
        await append(school, absence(1, 5), absence(2, 6))
        assert await waiting == []
        assert asyncio.get_running_loop().time() - started >= 0.29

    async def test_the_stop_of_the_hub_answers_it(self, school, http):
        reader = await feed(http)
        waiting = asyncio.create_task(reader.ids(wait=30))
        await asyncio.sleep(0.05)
        school.pages.close()
        assert await asyncio.wait_for(waiting, 5) == []

    async def test_deleting_the_subscription_answers_it(self, school, http):
        reader = await feed(http)
        waiting = asyncio.create_task(reader.get(wait=30))
        await asyncio.sleep(0.05)
        await http.delete(f"/v1/subscriptions/{reader.id}", headers=bearer("acme"))
        problem(await asyncio.wait_for(waiting, 5), 404, "not-found")

    async def test_a_client_has_a_bounded_number_open(self, school, http, monkeypatch):
        monkeypatch.setattr("hub.api.pulls.MAX_EACH", 1)
        reader = await feed(http)
        waiting = asyncio.create_task(reader.ids(wait=1))
        await asyncio.sleep(0.05)
        problem(await reader.get(), 429, "too-many-requests")
        assert await waiting == []
        assert await reader.ids() == []


class TestCursors:
    async def test_each_answer_has_a_fresh_one_of_one_length(self, school, http):
        """Promise 5: nothing can be learned by comparing."""
        reader = await feed(http)
        links = [reader.link(await reader.get(reader.path)) for _ in range(3)]
        for n in range(3):
            await append(school, absence(n, 1), absence(n + 10, 5))
            links.append(reader.link(await reader.get()))
        assert len(set(links)) == 6
        assert len({len(link) for link in links}) == 1

    @pytest.mark.parametrize("token", ["", "x", "AAAA", "é", "x" * 226, "a" * 1024])
    async def test_a_wrong_one_is_400(self, school, http, token):
        reader = await feed(http)
        problem(await reader.get(after=token), 400, "cursor-unknown")

    async def test_anothers_is_400(self, school, http):
        mine, other = await feed(http), await feed(http, "other")
        await other.get()
        token = other.start.partition("after=")[2].partition("&")[0]
        problem(await mine.get(after=token), 400, "cursor-unknown")

    async def test_one_bit_more_or_less_is_400(self, school, http):
        reader = await feed(http)
        await reader.get()
        token = reader.start.partition("after=")[2].partition("&")[0]
        raw = bytearray(base64.urlsafe_b64decode(token + "=="))
        raw[40] ^= 1
        problem(await reader.get(after=base64.urlsafe_b64encode(raw).decode().rstrip("=")), 400, "cursor-unknown")

    async def test_it_is_410_only_when_what_it_has_read_is_older_than_the_retention(self, school, http, clock):
        reader = await feed(http)
        await append(school, absence(1, 1), absence(2, 2))
        assert await reader.ids(limit=1) == ["absence-1-rep"]
        behind = reader.start
        assert await reader.ids() == ["absence-2-rep"]
        clock.pass_machine(timedelta(days=29).total_seconds())
        assert await reader.ids(behind) == []  # too old to tell about, and the cursor still holds
        at_head = reader.start
        clock.pass_machine(timedelta(days=2).total_seconds())
        problem(await reader.get(behind), 410, "cursor-too-old")
        assert await reader.ids(at_head) == []

    async def test_a_position_below_the_trim_point_is_moved_up(self, school, http, clock):
        reader = await feed(http)
        await append(school, closed_day(1), closed_day(2))
        await reader.get(limit=1)
        await school.log.trim(clock.utc() + timedelta(seconds=1))
        await append(school, closed_day(3))
        assert await reader.ids() == ["closed-3"]

    @pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 5001}, {"limit": "x"}, {"wait": -1}, {"wait": 61}])
    async def test_other_numbers_than_allowed_are_422(self, school, http, query):
        reader = await feed(http)
        problem(await reader.get(**query), 422, "invalid-content")

    async def test_a_webhook_has_no_feed(self, http):
        reader = await feed(http, sink={"kind": "webhook", "url": "https://acme.example/"})
        answer = await reader.get()
        problem(answer, 409, "state-conflict")

    async def test_a_log_that_cannot_be_read_is_503(self, school, http, monkeypatch):
        reader = await feed(http)

        async def away(self, *_, **__):
            raise LogUnavailable

        monkeypatch.setattr(type(school.log), "read", away)
        problem(await reader.get(), 503, "unavailable")


class TestTwoWorlds:
    """Promise 5: two hubs that differ only in what is withheld give the same answers."""

    async def observe(self, folder, clock, withheld_too):
        import httpx

        from hub.api.app import create_app

        folder.mkdir()
        seen = []
        async with running(folder, clock) as hub:
            await append(hub, *(person(n) for n in range(1, 5)), person(5, "Skyddad folkbokföring"), current(clock))
            transport = httpx.ASGITransport(create_app(hub))
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
                for start in ("oldest", "now", "state"):
                    reader = await feed(http, **{"from": start})
                    for n in range(6):
                        events = [absence(10 * n + 1, 1 + n % 4)]
                        if withheld_too:
                            events.insert(n % 2, absence(10 * n + 2, 5))
                            events.append(absence(10 * n + 3, 6))
                        await append(hub, *events)
                        answer = await reader.get(limit=2) if n == 0 else await reader.get()
                        seen.append((answer.status_code, self.public(answer), len(reader.start)))
                answer = await http.get(f"/v1/subscriptions/{reader.id}", headers=bearer("acme"))
                seen.append(sorted(answer.json()))
        return seen

    @staticmethod
    def public(answer):
        events = answer.json()
        for event in events:
            event.pop("sequence"), event.pop("time")  # when it was accepted, in microseconds
        headers = {name: value for name, value in answer.headers.items() if name not in ("link", "content-length")}
        return orjson.dumps(events), headers

    async def test_what_is_withheld_shows_in_no_answer(self, tmp_path, clock):
        one = await self.observe(tmp_path / "one", clock, False)
        other = await self.observe(tmp_path / "other", clock, True)
        assert one == other
        assert any(b"absence-" in body for _, (body, _), _ in one[:-1])


async def test_the_time_read_up_to_never_goes_back(school, http, clock):
    reader = await feed(http)
    times = []
    for n in range(3):
        await append(school, absence(n, 1))
        await reader.get(limit=1)
        token = reader.start.partition("after=")[2].partition("&")[0]
        times.append((await school.pages.open(reader.id, token)).read_us)
    assert times == sorted(times)
    assert times[-1] <= to_us(clock.utc())


async def test_types_that_are_not_asked_for_do_not_come(school, http):
    reader = await feed(http, types=[ABSENCE])
    await append(school, absence(1, 1), closed_day(1))
    assert await reader.ids() == ["absence-1-rep"]
