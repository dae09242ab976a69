"""/v1/subscriptions: a client's own and nobody else's, with errors that help and say nothing that was sent."""

import httpx
import pytest

from hub.api.app import create_app
from tests.hub.api.conftest import bearer
from tests.hub.api.test_ingest import CANARY, problem

FEED = {"name": "närvaro", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
HOOK = {**FEED, "sink": {"kind": "webhook", "url": "http://127.0.0.1:9/hook"}}


async def make(http, spec=FEED, client="acme"):
    answer = await http.post("/v1/subscriptions", json=spec, headers=bearer(client))
    assert answer.status_code == 201, answer.text
    return answer.json()


class TestLife:
    async def test_what_is_made_can_be_read_changed_and_deleted(self, http):
        made = await make(http, {**FEED, "from": "oldest"})
        path = f"/v1/subscriptions/{made['id']}"
        assert (made["status"], made["from"], made["origin"]) == ("active", "oldest", "api")
        assert (await http.get(path, headers=bearer("acme"))).json() == made
        changed = await http.patch(path, json={"types": ["se.skolnav.absence.reported.v1"]}, headers=bearer("acme"))
        assert changed.json()["types"] == ["se.skolnav.absence.reported.v1"]
        listed = (await http.get("/v1/subscriptions", headers=bearer("acme"))).json()
        assert listed == {"subscriptions": [changed.json()]}
        assert (await http.delete(path, headers=bearer("acme"))).status_code == 204
        problem(await http.get(path, headers=bearer("acme")), 404, "not-found")

    async def test_pausing_and_resuming(self, http):
        path = f"/v1/subscriptions/{(await make(http))['id']}"
        assert (await http.post(f"{path}/pause", headers=bearer("acme"))).json()["status"] == "paused"
        problem(await http.get(f"{path}/events", headers=bearer("acme")), 409, "state-conflict")
        assert (await http.post(f"{path}/resume", headers=bearer("acme"))).json()["status"] == "active"
        assert (await http.get(f"{path}/events", headers=bearer("acme"))).status_code == 200

    async def test_a_webhooks_secret_is_shown_once(self, http):
        made = await make(http, HOOK)
        assert made["status"] == "pending"
        assert made["sink"]["secret"].startswith("whsec_")
        again = (await http.get(f"/v1/subscriptions/{made['id']}", headers=bearer("acme"))).text
        assert made["sink"]["secret"] not in again

    async def test_a_test_says_how_it_ended(self, http, hub):
        made = await make(http, HOOK)
        await hub.subscriptions.consented(hub.subscriptions.get(made["id"]))
        answer = await http.post(f"/v1/subscriptions/{made['id']}/test", headers=bearer("acme"))
        assert answer.json()["result"] == "retry"
        assert answer.json()["reason"]

    async def test_a_webhook_that_has_not_consented_gets_nothing_neither_by_a_test_nor_by_resuming(self, http):
        path = f"/v1/subscriptions/{(await make(http, HOOK))['id']}"
        problem(await http.post(f"{path}/test", headers=bearer("acme")), 409, "state-conflict")
        assert (await http.post(f"{path}/resume", headers=bearer("acme"))).json()["status"] == "pending"

    async def test_a_feed_is_not_tested_from_here(self, http):
        made = await make(http)
        answer = await http.post(f"/v1/subscriptions/{made['id']}/test", headers=bearer("acme"))
        problem(answer, 409, "state-conflict")

    async def test_dead_letters_are_listed_and_an_unknown_one_is_404(self, http):
        path = f"/v1/subscriptions/{(await make(http))['id']}/dead-letters"
        assert (await http.get(path, headers=bearer("acme"))).json() == {"dead_letters": []}
        problem(await http.post(f"{path}/{CANARY}/resend", headers=bearer("acme")), 404, "not-found")


class TestPatch:
    """PATCH checks and fills in what POST does."""

    async def test_a_feed_that_becomes_a_webhook_gets_a_secret_which_is_shown_once(self, http, hub):
        path = f"/v1/subscriptions/{(await make(http))['id']}"
        changed = await http.patch(path, json={"sink": HOOK["sink"]}, headers=bearer("acme"))
        assert (changed.status_code, changed.json()["status"]) == (200, "pending")
        assert changed.json()["sink"]["secret"].startswith("whsec_")
        assert "secret" not in (await http.get(path, headers=bearer("acme"))).json()["sink"]
        again = await http.patch(path, json={"sink": {"concurrency": 2}}, headers=bearer("acme"))
        assert "secret" not in again.json()["sink"]
        await hub.subscriptions.consented(hub.subscriptions.get(changed.json()["id"]))
        tested = await http.post(f"{path}/test", headers=bearer("acme"))
        assert (tested.status_code, tested.json()["result"]) == (200, "retry")
        await hub.delivery.settled()
        assert (await http.get(path, headers=bearer("acme"))).json()["status"] == "active"

    async def test_a_secret_that_is_removed_is_replaced(self, http):
        made = await make(http, HOOK)
        path = f"/v1/subscriptions/{made['id']}"
        changed = await http.patch(path, json={"sink": {"secret": None}}, headers=bearer("acme"))
        assert changed.json()["sink"]["secret"] not in (None, made["sink"]["secret"])

    async def test_a_client_that_is_removed_stays(self, http, hub):
        made = await make(http)
        path = f"/v1/subscriptions/{made['id']}"
        changed = await http.patch(path, json={"client": None}, headers=bearer("acme"))
        assert changed.json()["client"] == "acme"
        await hub.subscriptions.reload(hub.config)
        assert (await http.get(path, headers=bearer("acme"))).json()["status"] == "active"

    @pytest.mark.parametrize(
        "sink",
        [
            {"kind": "kafka"},
            {**HOOK["sink"], "secret": "short"},
            {**HOOK["sink"], "handshake": False},
            {**HOOK["sink"], "url": "ftp://acme.example"},
        ],
    )
    async def test_what_post_refuses_patch_refuses(self, http, sink):
        path = f"/v1/subscriptions/{(await make(http))['id']}"
        problem(await http.patch(path, json={"sink": sink}, headers=bearer("acme")), 422, "invalid-content")


class TestReplaySpans:
    @pytest.mark.parametrize(
        "span",
        [
            {"since": "2026-11-24T07:00:00Z", "until": "2026-11-24T06:00:00Z"},
            {"since": "2026-11-24T06:00:00Z", "until": "2026-11-24T07:00:00+01:00"},
            {"since": "2026-11-25T06:00:00Z"},
            {"until": "2026-10-01T06:00:00Z"},
        ],
        ids=["backwards", "empty", "in the future", "before all that is kept"],
    )
    @pytest.mark.parametrize("spec", [FEED, HOOK], ids=["feed", "webhook"])
    async def test_a_span_that_can_hold_nothing_is_refused(self, http, span, spec):
        path = f"/v1/subscriptions/{(await make(http, spec))['id']}"
        answer = problem(await http.post(f"{path}/replay", json=span, headers=bearer("acme")), 422, "invalid-content")
        assert answer["errors"][0]["rule"] == "span-empty"

    async def test_a_span_that_ends_before_its_cursor_is_refused(self, http, clock):
        path = f"/v1/subscriptions/{(await make(http))['id']}"
        page = await http.get(f"{path}/events", headers=bearer("acme"))
        after = page.links["next"]["url"].partition("after=")[2].partition("&")[0]
        span = {"after": after, "until": "2026-11-24T06:00:00Z"}
        problem(await http.post(f"{path}/replay", json=span, headers=bearer("acme")), 422, "invalid-content")

    @pytest.mark.parametrize("spec", [FEED, HOOK], ids=["feed", "webhook"])
    async def test_replays_beyond_the_bound_are_refused(self, http, spec, monkeypatch):
        monkeypatch.setattr("hub.delivery.again.MAX_REPLAYS", 3)
        path = f"/v1/subscriptions/{(await make(http, spec))['id']}/replay"
        answers = [await http.post(path, json={}, headers=bearer("acme")) for _ in range(4)]
        assert [each.status_code for each in answers] == [202, 202, 202, 409]
        problem(answers[3], 409, "state-conflict")


class TestSilence:
    async def test_a_subscriber_sees_nothing_of_backlog_lag_or_positions(self, http):
        """Promise 5."""
        made = await make(http)
        assert set(made) == {
            "id", "name", "client", "types", "sources", "filter", "sink", "payload", "contract", "from", "expires_at",
            "paused", "status", "reason", "origin", "created",
        }  # fmt: skip

    async def test_an_operator_sees_everybodys_with_how_they_stand_and_no_secret(self, http):
        made = await make(http, HOOK)
        (shown,) = (await http.get("/v1/subscriptions", headers=bearer("op"))).json()["subscriptions"]
        assert shown["delivery"]["state"] == "pending"
        assert made["sink"]["secret"] not in str(shown)

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/test"),
         ("POST", "/replay"), ("GET", "/dead-letters"), ("POST", "/dead-letters/1/resend"), ("GET", "/events"),
         ("GET", "/stream")],
    )  # fmt: skip
    async def test_anothers_is_the_same_404_as_none(self, http, method, path):
        made = await make(http)
        answers = []
        for id in (made["id"], "11111111-1111-4111-8111-111111111111"):
            answer = await http.request(
                method, f"/v1/subscriptions/{id}{path}", headers=bearer("other"), json={} if method != "GET" else None
            )
            problem(answer, 404, "not-found")
            answers.append((answer.content, answer.headers))
        assert answers[0] == answers[1]
        assert (await http.get("/v1/subscriptions", headers=bearer("other"))).json() == {"subscriptions": []}


class TestRefusing:
    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"types": []}, "types"),
            ({"types": [CANARY]}, "types[0]"),
            ({"name": 5}, "name"),
            ({"sink": {"kind": CANARY}}, "sink"),
            ({"sink": {"kind": "kafka", "topic": CANARY}}, "sink.kind"),
            ({"sink": {"kind": "webhook", "url": f"https://10.0.0.1/{CANARY}"}}, "sink.url"),
            ({"sink": {"kind": "webhook", "url": f"ftp://{CANARY}.example"}}, "sink.url"),
            ({"sink": {**HOOK["sink"], "handshake": False}}, "sink.handshake"),
            ({"sink": {**HOOK["sink"], "secret": f"whsec_{CANARY}"}}, "sink.secret"),
            ({"filter": [{CANARY: {}}]}, "filter[0]"),
            ({"filter": [{"exact": {"kanariefagel9317": 5}}]}, "filter[0].exact.(unknown)"),
            ({CANARY: CANARY}, "(unknown)"),
            ({"payload": CANARY}, "payload"),
            ({"from": CANARY}, "from"),
            ({"expires_at": CANARY}, "expires_at"),
            ({"contract": {"purpose": CANARY, "legal_basis": CANARY, "categories": [CANARY]}}, "contract.categories"),
            ({"client": "other"}, "client"),
        ],
    )
    async def test_what_does_not_fit_is_422_by_place(self, http, change, where):
        answer = await http.post("/v1/subscriptions", json={**FEED, **change}, headers=bearer("acme"))
        document = problem(answer, 422, "invalid-content")
        assert any(error["where"].startswith(where) for error in document["errors"])
        assert "9317" not in answer.text
        assert all(error["detail"] for error in document["errors"])

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe"])
    async def test_a_body_that_is_no_specification_is_422(self, http, body):
        answer = await http.post(
            "/v1/subscriptions", content=body, headers={"Content-Type": "application/json", **bearer("acme")}
        )
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_client_without_contract_is_403(self, http):
        answer = await http.post("/v1/subscriptions", json=FEED, headers=bearer("bare"))
        problem(answer, 403, "no-contract")

    async def test_a_wider_contract_than_the_clients_is_403(self, http):
        contract = {"purpose": "x", "legal_basis": "x", "categories": ["attendance", "health"]}
        answer = await http.post("/v1/subscriptions", json={**FEED, "contract": contract}, headers=bearer("acme"))
        problem(answer, 403, "contract-too-wide")

    async def test_a_publisher_is_no_subscriber(self, http):
        problem(await http.post("/v1/subscriptions", json=FEED, headers=bearer("feeder")), 403, "role-missing")

    async def test_what_stands_in_the_file_is_changed_there(self, file_hub):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(file_hub)), base_url="http://hub"
        ) as http:
            for method in ("PATCH", "DELETE"):
                answer = await http.request(
                    method, "/v1/subscriptions/acme-feed", headers=bearer("acme"), json={"types": ["*"]}
                )
                problem(answer, 409, "owned-by-file")
            swedish = {**bearer("acme"), "Accept-Language": "sv"}
            answer = await http.delete("/v1/subscriptions/acme-feed", headers=swedish)
            assert "skolnav apply" in answer.json()["detail"]
            assert answer.json()["title"] == "Konfigurationsfilen äger detta"

    async def test_a_body_beyond_the_limit_is_413(self, http):
        answer = await http.post("/v1/subscriptions", json={**FEED, "name": "x" * 200_000}, headers=bearer("acme"))
        problem(answer, 413, "too-large")
