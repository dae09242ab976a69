"""Connectors to JSON over HTTP, on a whole hub and against a real server."""

from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest

from plugins import Category, Contract, TemporaryError
from plugins.rest import CODES, ByLink, ByNumber, ByToken, Listing, RestSink, RestSource, RestSourceConfig, Send
from plugins.rest import RestConfig as Config
from plugins.testing import School, open_hub
from plugins.testing.rest import RestPeer
from schemas.absence import AbsenceReported, AbsenceWithdrawn
from schemas.schedule import DayClosed

CONTRACT = Contract("a test", "public task", {Category.ATTENDANCE})
IDS = [f"6f1f6a2e-6d0b-4b0e-9a54-0a3f0f5a7c{n:02}" for n in range(20)]


class Sink(RestSink[Config]):
    """Puts each absence, and deletes one that was withdrawn."""

    name = "acme-sink"
    config_model = Config
    ping = "health"
    consumes = (AbsenceReported, AbsenceWithdrawn)
    contract = CONTRACT

    def send(self, event):
        id = event.data["id"]
        if event.type == AbsenceWithdrawn.spec.type:
            return Send("DELETE", f"away/{id}")
        return Send("PUT", f"away/{id}", {"from": event.data["startTime"]})


class Poster(Sink):
    """Posts a notice for each report."""

    name = "acme-poster"

    def send(self, event):
        return Send("POST", "notices", {"id": event.data["id"]}) if event.type == AbsenceReported.spec.type else None


def source(listing, **members):
    def publish(self, listing, record, new):
        return DayClosed, {"id": record["id"], "date": record["date"], "organisation": {"id": record["unit"]}}

    members = {"publish": publish, "name": "acme-source", "config_model": RestSourceConfig, "ping": "health",
               "produces": (DayClosed,), "lists": (listing,), **members}  # fmt: skip
    return type("Source", (RestSource,), members)


def records(count):
    return [{"id": IDS[n], "date": f"2026-12-{n + 1:02}", "unit": IDS[0]} for n in range(count)]


async def told(hub, school, *events):
    await hub.post(school.directory(hub.clock.utc().isoformat()))
    await hub.post(events)
    await hub.settle()


def shown(hub):
    return [*hub.problems(), *hub.logs().splitlines()]


# -- sinks -----------------------------------------------------------------------------------------------------------


async def test_an_event_that_is_older_than_what_was_sent_is_not_sent_again():
    school = School()
    reported, withdrawn = (school.about(model) for model in (AbsenceReported, AbsenceWithdrawn))
    with RestPeer() as peer:
        async with open_hub() as hub:
            await hub.add(Sink, {"base_url": peer.url})
            await told(hub, school, reported)
            assert len(peer.effects()) == 1
            await told(hub, school, withdrawn)
            assert peer.effects() == []
            await hub.replay("acme-sink")
            assert peer.effects() == []
            assert await hub.dead_letters() == []  # the second DELETE was a 404: it is gone


async def test_a_post_is_sent_once_for_each_event_and_carries_a_key_over_a_crash():
    school = School()
    with RestPeer() as peer:
        async with open_hub() as hub:
            await hub.add(Poster, {"base_url": peer.url})
            hub.crash_after_effect(peer.effects)
            await told(hub, school, *(school.about(AbsenceReported, pupil) for pupil in school.pupils[:3]))
            assert hub.crashed
            await hub.restart()
            assert len(peer.effects()) == 3
            asked = peer.bytes().count(b"POST ")
            assert asked > 3, "the crash should have made it repeat a request"
            await hub.replay("acme-poster")
            assert peer.bytes().count(b"POST ") == asked


@pytest.mark.parametrize(("status", "letters", "state"), [(422, 1, "running"), (409, 1, "running"),
                                                          (503, 0, "running"), (429, 0, "running"),
                                                          (401, 0, "paused"), (403, 0, "paused"),
                                                          (404, 0, "paused")])  # fmt: skip
async def test_the_status_decides_what_happens_next(status, letters, state):
    school = School()
    with RestPeer() as peer:
        async with open_hub() as hub:
            await hub.add(Sink, {"base_url": peer.url})
            peer.refuse(True, status)
            await told(hub, school, school.about(AbsenceReported))
            assert len(await hub.dead_letters()) == letters
            assert (await hub.status("acme-sink")).partition(":")[0] == state
            assert any(f"http-{status}" in line or "login-refused" in line for line in shown(hub)) or letters


async def test_what_was_sent_long_ago_is_forgotten():
    school = School()
    with RestPeer() as peer:
        async with open_hub() as hub:
            await hub.add(Sink, {"base_url": peer.url})
            await told(hub, school, school.about(AbsenceReported, school.pupils[0]))
            first = {name for name in await hub.state("acme-sink") if name.startswith("sent/")}
            later = datetime.fromisoformat("2026-11-24T07:30+01:00") + timedelta(days=61)
            await hub.advance_to(later)
            await told(hub, school, school.about(AbsenceReported, school.pupils[1]))
            left = {name for name in await hub.state("acme-sink") if name.startswith("sent/")}
            assert len(first) == len(left) == 1
            assert first != left


# -- sources ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pages", [None, ByNumber(), ByNumber("p", 0), ByToken("meta.next", "after"), ByLink(),
                                   ByLink("links.next")])  # fmt: skip
@pytest.mark.parametrize("items", ["", "data.items"])
async def test_all_pages_are_read_and_each_record_is_published_once(pages, items):
    if isinstance(pages, ByToken | ByLink) and getattr(pages, "field", "") and not items:
        items = "items"  # a token needs an object around the list
    listing = Listing("closed", items=items, pages=pages)
    with RestPeer({listing: records(5)}) as peer:
        async with open_hub() as hub:
            await hub.add(source(listing), {"base_url": peer.url, "poll": "1h"})
            await hub.poll("acme-source")
            assert [event.data["id"] for event in await hub.published()] == IDS[:5], hub.problems()
            peer.records(listing)[1]["date"] = "2026-12-24"
            await hub.poll("acme-source")
            assert [event.data["date"] for event in await hub.published()][5:] == ["2026-12-24"]


async def test_a_record_that_cannot_be_read_keeps_none_of_the_others_and_is_reported():
    listing = Listing("closed")
    given = [*records(2), {"id": IDS[5], "date": "secret words", "unit": IDS[0]}, {"no": "id"}, "no object"]
    codes = []

    async def poll(self):
        codes.append(await RestSource.poll(self))
        return codes[-1]

    with RestPeer({listing: given}) as peer:
        async with open_hub() as hub:
            await hub.add(source(listing, poll=poll), {"base_url": peer.url, "poll": "1h"})
            await hub.poll("acme-source")
            assert len(await hub.published()) == 2
            assert set(codes) == {"records"}
            assert "secret words" not in hub.logs() + "".join(hub.problems())


async def test_what_is_gone_is_told_after_the_whole_list_was_read_and_only_then():
    listing = Listing("closed", items="items", pages=ByToken())

    def removed(self, listing, id, data):
        return DayClosed, {**data, "open": True}

    with RestPeer({listing: records(5)}) as peer:
        async with open_hub() as hub:
            await hub.add(source(listing, removed=removed), {"base_url": peer.url, "poll": "1h"})
            await hub.poll("acme-source")
            gone = peer.records(listing).pop(0)
            peer.wrong(True)
            await hub.poll("acme-source")
            peer.wrong(False)
            assert len(await hub.published()) == 5
            peer.records(listing).append({"no": "id"})  # may be the one that seems to be gone
            await hub.poll("acme-source")
            assert len(await hub.published()) == 5
            peer.records(listing).pop()
            for _ in range(2):
                await hub.poll("acme-source")
                assert [event.data["id"] for event in await hub.published()][5:] == [gone["id"]]


async def test_the_loss_of_most_of_a_list_waits_for_a_person():
    listing = Listing("closed")

    def removed(self, listing, id, data):
        return DayClosed, {**data, "closed": False}

    cls = source(listing, removed=removed, most_removed=3, problems=CODES)
    with RestPeer({listing: records(6)}) as peer:
        async with open_hub() as hub:
            await hub.add(cls, {"base_url": peer.url, "poll": "1h"})
            await hub.poll("acme-source")
            there = list(peer.records(listing))
            peer.records(listing)[:] = there[:2]
            await hub.poll("acme-source")
            (first,) = await hub.waiting("acme-source")
            assert (first.says, first.sv) == (
                "4 of 6 records of closed would be removed",
                "4 av 6 poster i closed skulle tas bort",
            )
            assert len(await hub.published()) == 6
            peer.records(listing)[:] = there[:1]
            await hub.poll("acme-source")
            (second,) = await hub.waiting("acme-source")
            with pytest.raises(TemporaryError):
                await hub.confirm("acme-source", first.word)  # one more is gone than what was shown
            await hub.confirm("acme-source", second.word)
            assert len(await hub.published()) == 11
            assert await hub.waiting("acme-source") == []
            peer.records(listing)[:] = there
            await hub.poll("acme-source")
            assert len(await hub.published()) == 16
            assert not [name for name in await hub.state("acme-source") if name.startswith("gone/")]


@pytest.mark.parametrize(
    ("link", "code"),
    [("http://127.0.0.1:9/api/closed?page=2", "elsewhere"), ("/closed?page=1", "elsewhere"), ("?page=1", "endless")],
)
async def test_a_link_that_leads_elsewhere_or_in_a_circle_is_not_followed(link, code):
    listing = Listing("closed", items="items", pages=ByLink("next"))

    class Circling(RestPeer):
        def _page(self, listing, query):
            answer = super()._page(listing, query)
            answer.body = answer.body.replace(b'"next": "', b'"next": "' + link.encode() + b'", "was": "')
            return answer

    with Circling({listing: records(5)}, token="t") as peer:
        async with open_hub() as hub:
            await hub.add(source(listing), {"base_url": peer.url, "poll": "1h", "auth": {"token": "t"}})
            await hub.poll("acme-source")
            assert any(code in line for line in shown(hub)), shown(hub)


async def test_an_answer_without_the_list_is_a_failure_and_takes_nothing_away():
    listing = Listing("closed", items="items")
    with RestPeer({Listing("closed", items="other"): records(2)}) as peer:
        async with open_hub() as hub:
            await hub.add(source(listing), {"base_url": peer.url, "poll": "1h"})
            await hub.poll("acme-source")
            assert any("no-list" in line for line in shown(hub)), shown(hub)


# -- both ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "fits"),
    [
        (None, True), ({"token": "t"}, True), ({"username": "u", "password": "p"}, True),
        ({"login_url": "https://a.example/t", "client_id": "c", "client_secret": "s"}, True),
        ({}, False), ({"token": "t", "username": "u"}, False), ("t", False), ({"token": ""}, False),
    ],
)  # fmt: skip
def test_one_way_to_log_in_is_chosen(auth, fits):
    given = {"base_url": "https://acme.example", "auth": auth}
    with nullcontext() if fits else pytest.raises(ValueError, match="auth"):
        Config.model_validate(given)
