"""What became of events, over the API: searches, attempts, dead letters that end, replays that are counted first."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.store import dead_letters
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, closed_day, current, person, pupil
from tests.hub.api.test_ingest import problem
from tests.peers.webhook import WebhookReceiver, status
from tests.until import until

ABSENCES = ["se.skolnav.absence.*"]
DAYS = ["se.skolnav.schedule.day.closed.v1"]


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as made:
        yield made


async def subscribe(http, hub, client: str, sink: dict[str, Any], types: list[str], name: str = "one") -> str:
    spec = {"name": name, "types": types, "sink": sink, "from": "oldest"}
    answer = await http.post("/v1/subscriptions", json=spec, headers=bearer(client))
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    if sink["kind"] == "webhook":
        await hub.subscriptions.consented(hub.subscriptions.get(id))
    return id


def hook(receiver: WebhookReceiver) -> dict[str, str]:
    return {"kind": "webhook", "url": receiver.url}


async def get(http, client: str, path: str, **query: object) -> Any:
    answer = await http.get(path, params=query, headers=bearer(client))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(http, client: str, path: str, content: object, code: int = 200) -> Any:
    answer = await http.post(path, json=content, headers=bearer(client))
    assert answer.status_code == code, answer.text
    return answer.json()


async def outcomes(http, id: str, client: str = "op") -> dict[str, dict[str, Any]]:
    """By subscription."""
    [found] = (await get(http, client, "/v1/operator/outcomes", event=id))["events"]
    return {each["subscription"]: each for each in found["outcomes"]}


async def becomes(http, id: str, subscription: str, outcome: str) -> None:
    async def it_is() -> bool:
        return (await outcomes(http, id))[subscription]["outcome"] == outcome

    await until(it_is)


@pytest.fixture
async def dead(http, hub, receiver) -> tuple[str, list[str]]:
    """A webhook of `facilities` that has refused three days for good: its id, and its letters' ids."""
    receiver.answer = status(422)
    id = await subscribe(http, hub, "facilities", hook(receiver), DAYS)
    await append(hub, *(closed_day(n) for n in range(3)))

    async def three() -> bool:
        return len(await hub.store.read(dead_letters.page(hub.store.tenant))) == 3

    await until(three)
    letters = (await get(http, "facilities", f"/v1/subscriptions/{id}/dead-letters"))["dead_letters"]
    receiver.answer = status(204)
    return id, [each["id"] for each in letters]


class TestAttempts:
    async def test_a_subscriber_sees_the_attempts_of_its_own_subscription(self, http, hub, receiver):
        receiver.answer = status(503)
        id = await subscribe(http, hub, "facilities", hook(receiver), DAYS)
        await append(hub, closed_day(1))
        await becomes(http, "closed-1", id, "retrying")
        [attempt] = (await get(http, "facilities", f"/v1/subscriptions/{id}/attempts"))["attempts"]
        assert attempt["event"] == {"id": "closed-1", "source": attempt["event"]["source"], "type": DAYS[0]}
        assert (attempt["number"], attempt["status"], attempt["result"]) == (1, 503, "retry")
        assert set(attempt) == {
            "id",
            "at",
            "event",
            "number",
            "result",
            "reason",
            "status",
            "took_s",
            "lane",
        }  # no body

    async def test_no_answer_has_no_status(self, http, hub, receiver):
        receiver.answer = raw_end
        id = await subscribe(http, hub, "facilities", hook(receiver), DAYS)
        await append(hub, closed_day(1))
        await becomes(http, "closed-1", id, "retrying")
        [attempt] = (await get(http, "op", f"/v1/subscriptions/{id}/attempts"))["attempts"]
        assert attempt["status"] is None
        assert attempt["reason"]

    async def test_they_are_paged_from_the_newest(self, http, hub, dead):
        id, _ = dead
        path = f"/v1/subscriptions/{id}/attempts"
        first = (await get(http, "op", path, limit=2))["attempts"]
        rest = (await get(http, "op", path, limit=2, before=first[-1]["id"]))["attempts"]
        assert sorted(each["event"]["id"] for each in first + rest) == ["closed-0", "closed-1", "closed-2"]

    @pytest.mark.parametrize(("client", "code", "kind"), [("other", 404, "not-found"), ("feeder", 403, "role-missing")])
    async def test_another_client_sees_nothing(self, http, dead, client, code, kind):
        for path in ("attempts", "dead-letters/history"):
            problem(await http.get(f"/v1/subscriptions/{dead[0]}/{path}", headers=bearer(client)), code, kind)
        for act, content in (("resend", {"ids": dead[1]}), ("discard", {"ids": dead[1], "why": "x"})):
            path = f"/v1/subscriptions/{dead[0]}/dead-letters/{act}"
            problem(await http.post(path, json=content, headers=bearer(client)), code, kind)

    async def test_what_a_rule_withholds_leaves_no_attempt(self, http, hub, clock, receiver):
        """Promise 5: two worlds that differ in a protected person alone look alike."""
        receiver.answer = status(503)
        await append(hub, person(1, "Sekretessmarkering"), current(clock))
        id = await subscribe(http, hub, "acme", hook(receiver), ABSENCES)
        await append(hub, absence(1, 1))
        await becomes(http, "absence-1-rep", id, "withheld")
        assert (await get(http, "acme", f"/v1/subscriptions/{id}/attempts"))["attempts"] == []
        assert (await get(http, "acme", f"/v1/subscriptions/{id}/dead-letters/history"))["letters"] == []


async def raw_end(received, reader, writer) -> None:
    raise ConnectionResetError


class TestDeadLetters:
    async def test_some_are_sent_again_in_one_step_and_in_their_order(self, http, hub, receiver, dead):
        id, letters = dead
        del receiver.received[:]
        path = f"/v1/subscriptions/{id}/dead-letters"
        answer = await post(http, "facilities", f"{path}/resend", {"ids": letters[:2]}, 202)
        assert len(answer["lanes"]) == 1
        await becomes(http, "closed-0", id, "delivered")
        await becomes(http, "closed-1", id, "delivered")
        assert (await outcomes(http, "closed-2"))[id]["outcome"] == "dead"
        left = (await get(http, "facilities", path))["dead_letters"]
        assert [each["id"] for each in left] == letters[2:]
        history = (await get(http, "facilities", f"{path}/history"))["letters"]
        assert {(each["letter"]["id"], each["how"], each["by"]) for each in history} == {
            (letters[0], "resent", "facilities"),
            (letters[1], "resent", "facilities"),
        }

    async def test_one_is_discarded_with_a_reason_which_its_own_client_does_not_get_from_another(self, http, dead):
        id, letters = dead
        path = f"/v1/subscriptions/{id}/dead-letters"
        assert await post(http, "op", f"{path}/discard", {"ids": letters[:1], "why": "the school has moved"}) == {
            "discarded": 1
        }
        became = (await outcomes(http, "closed-0"))[id]
        assert (became["outcome"], became["ended_by"], became["note"]) == ("discarded", "op", "the school has moved")
        [kept] = (await get(http, "op", "/v1/operator/dead-letters/history"))["letters"]
        assert (kept["how"], kept["by"], kept["note"]) == ("discarded", "op", "the school has moved")
        [shown] = (await get(http, "facilities", f"{path}/history"))["letters"]
        assert (shown["how"], shown["by"], shown["note"]) == ("discarded", "", "")

    async def test_nothing_is_done_if_one_of_the_letters_is_gone(self, http, hub, dead):
        id, letters = dead
        path = f"/v1/subscriptions/{id}/dead-letters"
        await post(http, "op", f"{path}/discard", {"ids": letters[:1], "why": "done"})
        for act, more in (("resend", {}), ("discard", {"why": "x"})):
            answer = await http.post(f"{path}/{act}", json={"ids": letters, **more}, headers=bearer("op"))
            problem(answer, 404, "not-found")
        assert hub.delivery.status(id).dead == 2
        assert len((await get(http, "op", path))["dead_letters"]) == 2

    async def test_a_discard_without_a_reason_is_refused(self, http, dead):
        id, letters = dead
        for content in ({"ids": letters}, {"ids": letters, "why": ""}, {"ids": [], "why": "x"}):
            answer = await http.post(f"/v1/subscriptions/{id}/dead-letters/discard", json=content, headers=bearer("op"))
            assert answer.status_code == 422

    async def test_a_letter_that_dies_again_is_a_new_letter_and_both_are_told(self, http, hub, receiver, dead):
        id, letters = dead
        receiver.answer = status(422)
        await post(http, "op", f"/v1/subscriptions/{id}/dead-letters/resend", {"ids": letters[:1]}, 202)

        async def died_again() -> bool:
            return hub.delivery.status(id).dead == 3

        await until(died_again)
        became = (await outcomes(http, "closed-0"))[id]
        assert became["outcome"] == "dead"
        assert became["letter"] not in letters
        assert [each["status"] for each in became["attempts"]] == [422, 422]


class TestReplay:
    async def test_an_operator_gets_the_count_first_and_nothing_is_sent(self, http, hub, receiver, dead):
        id, _ = dead
        await append(hub, absence(1, 1))  # which the subscription does not ask for
        sent = len(receiver.received)
        assert await post(http, "op", f"/v1/subscriptions/{id}/replay", {"dry_run": True}) == {"events": 3}
        assert hub.delivery.status(id).lanes == []
        assert len(receiver.received) == sent

    async def test_a_subscriber_gets_no_count_which_would_hold_what_is_withheld(self, http, hub, dead):
        id, _ = dead
        answer = await http.post(f"/v1/subscriptions/{id}/replay", json={"dry_run": True}, headers=bearer("facilities"))
        problem(answer, 403, "role-missing")

    async def test_a_count_keeps_to_the_span_of_time(self, http, hub, clock, dead):
        id, _ = dead
        clock.pass_machine(3600)
        since = clock.utc().isoformat()
        await append(hub, closed_day(7), closed_day(8))
        path = f"/v1/subscriptions/{id}/replay"
        assert await post(http, "op", path, {"dry_run": True, "since": since}) == {"events": 2}
        assert await post(http, "op", path, {"dry_run": True, "until": since}) == {"events": 3}


class TestSearch:
    async def test_by_id_type_source_and_time(self, http, hub, clock):
        await append(hub, closed_day(1), absence(1, 1))
        clock.pass_machine(3600)
        between = clock.utc().isoformat()
        await append(hub, closed_day(2), absence(2, 1))

        async def found(**asked: object) -> list[str]:
            page = await get(http, "op", "/v1/operator/search", **asked)
            assert page["next"] is None
            return [each["event"]["id"] for each in page["events"]]

        assert await found(id="closed-1") == ["closed-1"]
        assert await found(type="se.skolnav.schedule.*") == ["closed-2", "closed-1"]
        assert await found(type="se.skolnav.absence.reported.v1", since=between) == ["absence-2-rep"]
        assert sorted(await found(until=between)) == ["absence-1-rep", "closed-1"]
        assert await found(source="urn:nobody*") == []
        assert len(await found(source="urn:*")) == 4

    async def test_pages_hang_together(self, http, hub):
        await append(hub, *(closed_day(n) for n in range(5)))
        ids: list[str] = []
        after: dict[str, object] = {}
        while True:
            page = await get(http, "op", "/v1/operator/search", type="*closed*", limit=2, **after)
            ids += [each["event"]["id"] for each in page["events"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert sorted(ids) == [f"closed-{n}" for n in range(5)]
        answer = await http.get("/v1/operator/search", params={"after": "nonsense"}, headers=bearer("op"))
        problem(answer, 400, "cursor-unknown")

    @pytest.mark.parametrize(("client", "code"), [("op", 403), ("officer", 200), ("auditor", 200), ("acme", 403)])
    async def test_by_subject_for_whom_the_role_allows_it(self, http, hub, client, code):
        await append(hub, person(1), absence(1, 1), absence(2, 2))
        answer = await http.get("/v1/operator/search", params={"subject": f"person/{pupil(1)}"}, headers=bearer(client))
        assert answer.status_code == code
        if code == 200:
            ids = [each["event"]["id"] for each in answer.json()["events"]]
            assert sorted(ids) == ["absence-1-rep", "person-1-Ingen-0"]
        assert pupil(1) not in answer.text

    async def test_by_recipient_and_outcome(self, http, hub, receiver, dead):
        id, letters = dead
        await post(http, "op", f"/v1/subscriptions/{id}/dead-letters/discard", {"ids": letters[:1], "why": "x"})
        await append(hub, closed_day(5))
        await becomes(http, "closed-5", id, "delivered")

        async def found(**asked: object) -> list[str]:
            page = await get(http, "op", "/v1/operator/search", **asked)
            return sorted(each["event"]["id"] for each in page["events"])

        assert await found(outcome="dead") == ["closed-1", "closed-2"]
        assert await found(outcome="dead", recipient="acme") == []
        assert await found(outcome="dead", id="closed-2") == ["closed-2"]
        assert await found(outcome="discarded", recipient="facilities") == ["closed-0"]
        assert await found(outcome="delivered", recipient="client/facilities") == ["closed-5"]
        assert await found(outcome="retrying") == []
        page = await get(http, "op", "/v1/operator/search", recipient="facilities", id="closed-5")
        assert [each["outcome"] for each in page["events"][0]["outcomes"]] == ["delivered"]

    async def test_what_waits_behind_a_failing_event_of_its_key_is_found(self, http, hub, clock, receiver):
        receiver.answer = status(503)
        await append(hub, person(1), current(clock))
        id = await subscribe(http, hub, "acme", hook(receiver), ABSENCES)
        await append(hub, absence(1, 1))
        await becomes(http, "absence-1-rep", id, "retrying")
        await append(hub, absence(2, 1))
        await becomes(http, "absence-2-rep", id, "behind")
        found = (await get(http, "op", "/v1/operator/search", outcome="behind"))["events"]
        assert [each["event"]["id"] for each in found] == ["absence-2-rep"]
        found = (await get(http, "op", "/v1/operator/search", outcome="retrying"))["events"]
        assert [each["event"]["id"] for each in found] == ["absence-1-rep"]


class TestOutcomes:
    async def test_only_officers_and_auditors_see_the_rule(self, http, hub, clock):
        await append(hub, person(1, "Sekretessmarkering"), current(clock))
        id = await subscribe(http, hub, "acme", {"kind": "feed"}, ABSENCES)
        await append(hub, absence(1, 1))
        await http.get(f"/v1/subscriptions/{id}/events", headers=bearer("acme"))
        await hub.withheld.beside.save()
        rules = {who: (await outcomes(http, "absence-1-rep", who))[id]["rule"] for who in ("op", "officer", "auditor")}
        assert rules == {"op": None, "officer": "skydd.person", "auditor": "skydd.person"}
        problem(
            await http.get("/v1/operator/outcomes", params={"event": "x"}, headers=bearer("acme")), 403, "role-missing"
        )

    async def test_before_a_feed_is_read_the_event_waits_and_one_from_before_it_began_is_told_so(
        self, http, hub, clock
    ):
        await append(hub, closed_day(1))
        clock.pass_machine(1)
        answer = await http.post(
            "/v1/subscriptions",
            json={"name": "late", "types": DAYS, "sink": {"kind": "feed"}},
            headers=bearer("facilities"),
        )
        id = answer.json()["id"]
        await append(hub, closed_day(2))
        assert (await outcomes(http, "closed-1"))[id]["outcome"] == "before"
        assert (await outcomes(http, "closed-2"))[id]["outcome"] == "waiting"

    async def test_a_paused_webhook_leaves_its_events_waiting(self, http, hub, receiver):
        id = await subscribe(http, hub, "facilities", hook(receiver), DAYS)
        await http.post(f"/v1/subscriptions/{id}/pause", headers=bearer("facilities"))
        await append(hub, closed_day(1))
        became = (await outcomes(http, "closed-1"))[id]
        assert (became["outcome"], became["state"]) == ("waiting", "paused")

    async def test_an_event_whose_recipient_wants_no_more_is_not_under_way(self, http, hub, receiver):
        receiver.answer = status(410)
        id = await subscribe(http, hub, "facilities", hook(receiver), DAYS)
        await append(hub, closed_day(1))

        async def ended() -> bool:
            became = (await outcomes(http, "closed-1"))[id]
            return (became["outcome"], became["state"]) == ("waiting", "ended") and became["attempts"] != []

        await until(ended)
        [attempt] = (await outcomes(http, "closed-1"))[id]["attempts"]
        assert (attempt["status"], attempt["result"]) == (410, "gone")

    async def test_the_end_of_a_subscription_ends_its_rows(self, http, hub, dead):
        id, letters = dead
        await post(http, "op", f"/v1/subscriptions/{id}/dead-letters/discard", {"ids": letters[:1], "why": "x"})
        assert (await http.delete(f"/v1/subscriptions/{id}", headers=bearer("facilities"))).status_code == 204
        assert id not in await outcomes(http, "closed-0")
        assert (await get(http, "op", "/v1/operator/dead-letters/history"))["letters"] == []
