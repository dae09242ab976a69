"""Rights end when their ground ends: before each part of an answer leaves, its caller is asked for again."""

import asyncio
import contextlib
from dataclasses import replace

import orjson
import pytest
from pydantic import SecretStr

from hub.config.model import Role
from schemas.event import BATCH, STRUCTURED
from tests.hub.api.conftest import CONTRACT, TOKENS, bearer
from tests.hub.api.school import absence, append, current, person, pupil
from tests.hub.api.test_feed import feed
from tests.hub.api.test_ingest import problem
from tests.hub.api.test_stream import stream
from tests.hub.api.test_subscriptions import HOOK
from tests.peers.webhook import WebhookReceiver, status
from tests.until import until


async def put_in_force(hub, id="acme", **changes):
    """What `skolnav apply` does after this client was changed in the file."""
    clients = tuple(each.model_copy(update=changes) if each.id == id else each for each in hub.config.clients)
    await apply(hub, clients)


async def apply(hub, clients):
    config = replace(hub.config, clients=clients)
    hub.config = config
    await hub.subscriptions.reload(config)


async def rotate(hub, clock):
    await put_in_force(hub, token=SecretStr("another-token-0123456789"))


async def take_the_role(hub, clock):
    await put_in_force(hub, roles=frozenset({Role.PUBLISHER}))


async def take_the_contract(hub, clock):
    await put_in_force(hub, contract=None)


async def remove(hub, clock):
    await apply(hub, tuple(each for each in hub.config.clients if each.id != "acme"))


ENDED = (EOFError, asyncio.IncompleteReadError, ConnectionError)
ENDS = pytest.mark.parametrize("end", [rotate, take_the_role, take_the_contract, remove])


@pytest.fixture
async def school(hub, clock):
    await append(hub, *(person(n) for n in range(1, 5)), current(clock))
    return hub


async def access_token(http, id="acme"):
    form = {"grant_type": "client_credentials", "client_id": id, "client_secret": TOKENS[id]}
    return (await http.post("/oauth/token", data=form)).json()["access_token"]


class TestStream:
    @ENDS
    async def test_it_ends_and_the_next_event_does_not_leave(self, school, http, served, clock, monkeypatch, end):
        monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await end(school, clock)
            await append(school, absence(1, 1))
            with pytest.raises(ENDED):
                await client.next(1)
            assert b"absence" not in client.raw

    @ENDS
    async def test_it_ends_at_the_next_heartbeat(self, school, http, served, clock, monkeypatch, end):
        monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await end(school, clock)
            with pytest.raises(ENDED):
                await client.next(1)

    async def test_it_ends_with_the_access_token(self, school, http, served, clock):
        made = await feed(http, sink={"kind": "stream"})
        token = await access_token(http)
        async with stream(served, made.id, Authorization=f"Bearer {token}") as client:
            await client.until(b":\n\n")
            clock.pass_machine(3601)
            await append(school, absence(1, 1))
            with pytest.raises(ENDED):
                await client.next(1)
            assert b"absence" not in client.raw

    async def test_an_apply_that_leaves_the_client_as_it_is_ends_nothing(self, school, http, served, clock):
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await put_in_force(school, id="other", token=SecretStr("another-token-0123456789"))
            await append(school, absence(1, 1))
            (event,) = await client.next(1)
            assert "absence-1-rep" in event["data"]


class TestLongPoll:
    @pytest.mark.parametrize(
        ("end", "status"), [(rotate, 401), (take_the_role, 403), (take_the_contract, 403), (remove, 401)]
    )
    async def test_it_answers_as_a_new_call_would(self, school, http, clock, end, status):
        made = await feed(http)
        await made.get()
        polling = asyncio.create_task(made.get(wait=50))
        await until(lambda: http._transport.app.fastapi.state.pulls.open.get("acme"))
        await end(school, clock)
        await append(school, absence(1, 1))
        answer = await polling
        assert (answer.status_code, b"absence" in answer.content) == (status, False), answer.text

    async def test_it_ends_with_the_access_token(self, school, http, clock):
        made = await feed(http)
        token = await access_token(http)
        path = f"{made.path}?wait=50"
        polling = asyncio.create_task(http.get(path, headers={"Authorization": f"Bearer {token}"}))
        await until(lambda: http._transport.app.fastapi.state.pulls.open.get("acme"))
        clock.pass_machine(3601)
        await append(school, absence(1, 1))
        problem(await polling, 401, "unauthenticated")

    async def test_a_narrower_subscription_counts_for_the_poll_that_is_open(self, school, http, clock):
        made = await feed(http)
        await made.get()
        polling = asyncio.create_task(made.get(wait=50))
        await until(lambda: http._transport.app.fastapi.state.pulls.open.get("acme"))
        narrower = {"contract": {"purpose": "t", "legal_basis": "t", "categories": ["identity"]}}
        await http.patch(f"/v1/subscriptions/{made.id}", json=narrower, headers=bearer("acme"))
        await append(school, absence(1, 1))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                assert b"startTime" not in (await polling).content
        polling.cancel()


class SlowStore:
    """The hub's own store; the next commit waits in a gate, as on a busy disk."""

    def __init__(self, store):
        self._commit, self.reached, self.open = store.commit, asyncio.Event(), asyncio.Event()

    async def commit(self, *operations):
        await self._commit(*operations)
        self.reached.set()
        await self.open.wait()


@pytest.fixture
def slow(hub, monkeypatch):
    def begin():
        made = SlowStore(hub.store)
        monkeypatch.setattr(hub.store, "commit", made.commit)
        return made

    yield begin
    monkeypatch.undo()


class TestWhileAnAnswerIsMade:
    """The rights end between the decision and the first byte: the store writes the disclosure meanwhile."""

    @pytest.mark.parametrize("path", ["/v1/state/{pupil}", "/ss12000/v2.0/absences", "/ss12000/v2.0/persons", "{feed}"])
    @pytest.mark.parametrize(("end", "status"), [(rotate, 401), (take_the_role, 403), (remove, 401)])
    async def test_nothing_leaves(self, school, http, clock, slow, monkeypatch, path, end, status):
        made = await feed(http)
        await append(school, absence(1, 1))
        (seen,) = (await made.get()).json()
        path = path.format(pupil=seen["subject"], feed=made.path)
        assert (await http.get(path, headers=bearer("acme"))).status_code == 200
        gate = slow()
        asking = asyncio.create_task(http.get(path, headers=bearer("acme")))
        await gate.reached.wait()
        monkeypatch.undo()
        await end(school, clock)
        gate.open.set()
        answer = await asking
        assert (answer.status_code, b"absence" in answer.content) == (status, False), answer.text

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_an_operators_list_too(self, school, http, clock, monkeypatch, method):
        read, reached, open_ = school.store.read, asyncio.Event(), asyncio.Event()

        async def slow(query):
            reached.set()
            await open_.wait()
            return await read(query)

        monkeypatch.setattr(school.store, "read", slow)
        asking = asyncio.create_task(http.request(method, "/v1/operator/dead-letters", headers=bearer("op")))
        await reached.wait()
        monkeypatch.undo()
        await put_in_force(school, id="op", roles=frozenset({Role.PUBLISHER}))
        open_.set()
        answer = await asking
        assert answer.status_code == 403, answer.text


class TestDelete:
    async def test_when_it_answers_the_stream_has_ended(self, school, http, served, clock):
        made = await feed(http, sink={"kind": "stream"})
        counts = http._transport.app.fastapi.state.pulls.open
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            answer = await http.delete(f"/v1/subscriptions/{made.id}", headers=bearer("acme"))
            assert (answer.status_code, counts) == (204, {})
            with pytest.raises(ENDED):
                await client.next(1)

    async def test_a_stream_whose_client_reads_nothing_is_cut(self, school, http, served, clock):
        made = await feed(http, sink={"kind": "stream"})
        for start in range(0, 8000, 500):
            await append(school, *(absence(n, 1, note="x" * 2000) for n in range(start, start + 500)))
        counts = http._transport.app.fastapi.state.pulls.open
        async with stream(served, made.id):
            answer = await http.delete(f"/v1/subscriptions/{made.id}", headers=bearer("acme"))
            assert (answer.status_code, counts) == (204, {})

    async def test_a_long_poll_is_answered_first(self, school, http, clock):
        made = await feed(http)
        polling = asyncio.create_task(made.get(wait=50))
        await until(lambda: http._transport.app.fastapi.state.pulls.open.get("acme"))
        await http.delete(f"/v1/subscriptions/{made.id}", headers=bearer("acme"))
        assert polling.done()
        problem(polling.result(), 404, "not-found")


@contextlib.asynccontextmanager
async def held_back():
    """A webhook that answers only after `go_on`."""
    go_on, answer = asyncio.Event(), status(204)

    async def held(*request):
        await go_on.wait()
        await answer(*request)

    async with WebhookReceiver() as peer:
        peer.answer = held
        yield peer, go_on


async def webhook(http, hub, url, **sink):
    spec = {**HOOK, "sink": {"kind": "webhook", "url": url, **sink}}
    made = (await http.post("/v1/subscriptions", json=spec, headers=bearer("acme"))).json()
    await hub.subscriptions.consented(hub.subscriptions.get(made["id"]))
    return made


class TestDeleteOfAWebhook:
    async def test_an_attempt_under_way_has_ended_and_later_events_never_leave(self, school, http, clock):
        async with held_back() as (peer, go_on):
            made = await webhook(http, school, peer.url)
            await append(school, absence(1, 1), absence(2, 2))
            await peer.wait_for(1)
            deleting = asyncio.create_task(http.delete(f"/v1/subscriptions/{made['id']}", headers=bearer("acme")))
            await until(lambda: made["id"] not in [each.id for each in school.subscriptions.all()])
            assert not deleting.done()
            go_on.set()
            assert (await deleting).status_code == 204
            count = len(peer.received)
            await append(school, absence(3, 3))
            await school.delivery.settled()
            assert len(peer.received) == count

    async def test_what_waits_for_its_turn_does_not_leave_after_a_pause(self, school, http, clock):
        async with held_back() as (peer, go_on):
            made = await webhook(http, school, peer.url, concurrency=1)
            await append(school, *(absence(n, 1 + n % 4) for n in range(4)))
            await peer.wait_for(1)
            await http.post(f"/v1/subscriptions/{made['id']}/pause", headers=bearer("acme"))
            go_on.set()
            await school.delivery.settled()
            assert len(peer.received) == 1

    async def test_a_test_under_way_has_ended(self, school, http, clock):
        async with held_back() as (peer, go_on):
            made = await webhook(http, school, peer.url)
            path = f"/v1/subscriptions/{made['id']}"
            testing = asyncio.create_task(http.post(f"{path}/test", headers=bearer("acme")))
            await peer.wait_for(1)
            deleting = asyncio.create_task(http.delete(path, headers=bearer("acme")))
            await until(lambda: made["id"] not in [each.id for each in school.subscriptions.all()])
            assert not deleting.done()
            go_on.set()
            assert (await deleting).status_code == 204
            assert testing.done()
            await testing


class TestABodyThatArrivesSlowly:
    """Promise 4, for what comes in: the right to publish is asked for again before anything is stored."""

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"token": SecretStr("another-token-0123456789")}, 401),
            ({"roles": frozenset({Role.SUBSCRIBER}), "contract": CONTRACT}, 403),
            ({"publishes": ("se.skolnav.schedule.*",)}, 403),
            ({"sources": ("urn:another",)}, 403),
            ({}, 202),
        ],
        ids=["rotated", "role", "publishes", "sources", "unchanged"],
    )
    @pytest.mark.parametrize("kind", ["structured", "batch"])
    async def test_it_counts_for_what_the_client_may_do_at_its_end(self, school, http, change, status, kind):
        event = absence(1, 1).to_dict()
        body = orjson.dumps(event if kind == "structured" else [event])
        first, more = asyncio.Event(), asyncio.Event()

        async def halves():
            yield body[:50]
            first.set()
            await more.wait()
            yield body[50:]

        headers = {**bearer("feeder"), "Content-Type": STRUCTURED if kind == "structured" else BATCH}
        sending = asyncio.create_task(http.post("/v1/events", content=halves(), headers=headers))
        await first.wait()
        await put_in_force(school, "feeder", **change)
        more.set()
        answer = await sending
        assert answer.status_code == status, answer.text
        kept = (await school.log.read(school.log.start(), 100)).events
        assert ("absence-1-rep" in [each.id for each in kept]) == (status == 202)

    @pytest.mark.parametrize("pieces", [[50], []], ids=["in pieces", "after the head"])
    async def test_an_access_token_may_expire_meanwhile(self, school, http, clock, pieces):
        token = await access_token(http, "feeder")
        body = orjson.dumps(absence(1, 1).to_dict())
        asked, more = asyncio.Event(), asyncio.Event()

        async def slowly():
            for end in pieces:
                yield body[:end]
            asked.set()
            await more.wait()
            yield body[sum(pieces) :]

        headers = {"Authorization": f"Bearer {token}", "Content-Type": STRUCTURED}
        sending = asyncio.create_task(http.post("/v1/events", content=slowly(), headers=headers))
        await asked.wait()
        clock.pass_machine(3601)
        more.set()
        problem(await sending, 401, "unauthenticated")
        kept = (await school.log.read(school.log.start(), 100)).events
        assert "absence-1-rep" not in [each.id for each in kept]

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"token": SecretStr("another-token-0123456789")}, 401),
            ({"roles": frozenset({Role.SUBSCRIBER}), "contract": CONTRACT}, 403),
            ({"publishes": ("se.skolnav.schedule.*",)}, 403),
            ("expired", 401),
            ({}, 200),
        ],
        ids=["rotated", "role", "publishes", "expired", "unchanged"],
    )
    async def test_a_report_by_the_school_standard_too(self, school, http, clock, change, status):
        token = await access_token(http, "feeder")
        report = {
            "type": "Anmäld frånvaro", "student": {"id": pupil(1)}, "startTime": "2026-11-25T08:00:00+01:00",
            "endTime": "2026-11-25T12:00:00+01:00",
        }  # fmt: skip
        body = orjson.dumps(report)
        first, more = asyncio.Event(), asyncio.Event()

        async def halves():
            yield body[:50]
            first.set()
            await more.wait()
            yield body[50:]

        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        sending = asyncio.create_task(http.post("/ss12000/v2.0/absences", content=halves(), headers=headers))
        await first.wait()
        if change == "expired":
            clock.pass_machine(3601)
        else:
            await put_in_force(school, "feeder", **change)
        more.set()
        answer = await sending
        assert answer.status_code == status, answer.text
        kept = (await school.log.read(school.log.start(), 100)).events
        assert any(".absence." in each.type for each in kept) == (status == 200)

    async def test_a_change_while_a_batch_is_checked_counts_too(self, school, http, monkeypatch):
        describe, described = type(school.catalogue).describe, []

        def noted(catalogue, *event):
            described.append(event)
            return describe(catalogue, *event)

        monkeypatch.setattr(type(school.catalogue), "describe", noted)
        events = [absence(n, 1).to_dict() for n in range(200)]
        headers = {**bearer("feeder"), "Content-Type": BATCH}
        sending = asyncio.create_task(http.post("/v1/events", content=orjson.dumps(events), headers=headers))
        await until(lambda: described)
        assert len(described) < len(events)
        await put_in_force(school, "feeder", publishes=("se.skolnav.schedule.*",))
        problem(await sending, 403, "not-permitted-to-publish")
