"""What the API says of itself, and the answers to calls that it does not know."""

import json
from dataclasses import replace
from datetime import datetime

import httpx
import pytest

from hub.api.app import create_app
from hub.assembly.reload import Reloaded
from hub.config.findings import Finding
from hub.operating import disclosure_chain
from hub.registry.plan import Change, Effect
from hub.store import disclosures, tables
from plugins.manager import PackageChange
from tests.hub.api.conftest import bearer
from tests.hub.api.described import described_by
from tests.hub.api.school import absence as absence_of
from tests.hub.api.school import append, closed_day, current, person, pupil
from tests.hub.api.test_feed import feed
from tests.hub.api.test_ingest import CANARY, absence, post, problem

GUARDS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class TestBrowsers:
    @pytest.mark.parametrize(
        "path",
        [
            "/openapi.json", "/v1/catalogue", "/healthz", "/nothing", "/v1/events", "/v1/subscriptions", "/metrics",
            "/ss12000/v2.0/persons", "/connectors/none/x",
        ],
    )  # fmt: skip
    async def test_a_browser_neither_guesses_a_type_nor_frames_nor_stores_an_answer(self, http, path):
        answer = await http.get(path)
        assert {name: answer.headers.get(name) for name in GUARDS} == GUARDS

    async def test_answers_with_data_are_guarded_too(self, http, hub):
        await append(hub, closed_day(1))
        made = await feed(http, types=["se.skolnav.schedule.*"])
        for answer in (await made.get(), await http.get("/v1/subscriptions", headers=bearer("acme"))):
            assert answer.status_code == 200
            assert {name: answer.headers.get(name) for name in GUARDS} == GUARDS

    async def test_an_accepted_event_is_not_sniffed(self, http, hub):
        assert (await post(http, absence(hub))).headers["x-content-type-options"] == "nosniff"


class TestDocuments:
    async def test_the_catalogue_lists_every_type_and_has_an_entry_for_each(self, http, hub):
        listed = (await http.get("/v1/catalogue")).json()["types"]
        assert [each["type"] for each in listed] == [entry.type for entry in hub.catalogue]
        entry = (await http.get(f"/v1/catalogue/{listed[0]['type']}")).json()
        assert {"schema", "key", "categories", "examples"} <= set(entry)

    async def test_an_unknown_type_is_404(self, http):
        problem(await http.get(f"/v1/catalogue/{CANARY}"), 404, "not-found")

    async def test_asyncapi(self, http):
        assert (await http.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"

    async def test_openapi_has_every_call_of_the_outside_contract(self, http):
        document = (await http.get("/openapi.json")).json()
        assert {
            "/v1/events", "/v1/catalogue", "/v1/catalogue/{type}", "/asyncapi.json", "/v1/subscriptions",
            "/v1/subscriptions/{id}", "/v1/subscriptions/{id}/events", "/v1/subscriptions/{id}/stream",
            "/v1/subscriptions/{id}/pause", "/v1/subscriptions/{id}/resume", "/v1/subscriptions/{id}/test",
            "/v1/subscriptions/{id}/replay", "/v1/subscriptions/{id}/dead-letters", "/v1/state/{subject}",
            "/healthz", "/readyz", "/metrics", "/oauth/token",
        } <= set(document["paths"])  # fmt: skip
        assert set(document["paths"]["/v1/events"]["post"]["responses"]) >= {
            "202", "401", "403", "409", "413", "415", "422", "429", "503",
        }  # fmt: skip
        assert "HTTPValidationError" not in document["components"]["schemas"]

    async def test_openapi_has_the_ss12000_api_too(self, http):
        document = (await http.get("/openapi.json")).json()
        listed = document["paths"]["/ss12000/v2.0/persons"]["get"]
        assert listed["security"] == [{"bearer": []}, {"oauth": []}]
        assert "civicNo" in {each["name"] for each in listed["parameters"]}

    @pytest.mark.parametrize(
        ("host", "url"),
        [
            ("hub.exempel.se", "https://hub.exempel.se"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("localhost", "http://localhost"),
            ("10.0.0.7:8443", "https://10.0.0.7:8443"),
            ('"><script>', "http://localhost"),
        ],
    )
    async def test_both_documents_name_the_address_that_the_caller_used(self, http, host, url):
        """A generated client calls this address. Only this machine itself reaches the hub without TLS."""
        headers = {"Host": host}
        (server,) = (await http.get("/openapi.json", headers=headers)).json()["servers"]
        assert server["url"] == url
        document = (await http.get("/asyncapi.json", headers=headers)).json()
        hub = document["servers"]["hub"]
        assert f"{hub['protocol']}://{hub['host']}" == url
        oauth = document["components"]["securitySchemes"]["oauth"]
        assert oauth["flows"]["clientCredentials"]["tokenUrl"] == f"{url}/oauth/token"

    async def test_asyncapi_describes_publishing_webhooks_feeds_and_streams(self, http):
        document = (await http.get("/asyncapi.json")).json()
        assert {name: each["address"] for name, each in document["channels"].items()} == {
            "publish": "/v1/events",
            "webhook": "{path}",
            "feed": "/v1/subscriptions/{id}/events",
            "stream": "/v1/subscriptions/{id}/stream",
        }
        assert {name: each["bindings"]["http"]["method"] for name, each in document["operations"].items()} == {
            "publish": "POST", "deliver": "POST", "read": "GET", "stream": "GET",
        }  # fmt: skip
        (query,) = [each["bindings"]["http"].get("query") for each in [document["operations"]["read"]]]
        described = (await http.get("/openapi.json")).json()["paths"]["/v1/subscriptions/{id}/events"]["get"]
        assert set(query["properties"]) == {e["name"] for e in described["parameters"] if e["in"] == "query"}

    async def test_every_reference_in_openapi_leads_somewhere(self, http):
        document = (await http.get("/openapi.json")).json()

        def references(value):
            if isinstance(value, dict):
                if isinstance(value.get("$ref"), str):
                    yield value["$ref"]
                for item in value.values():
                    yield from references(item)
            elif isinstance(value, list):
                for item in value:
                    yield from references(item)

        found = set(references(document))
        assert found
        for reference in found:
            here = document
            for part in reference.removeprefix("#/").split("/"):
                here = here[part]


class TestOtherSites:
    """Pages of any site may read the public documents, and nothing else: a browser would send what it has stored."""

    PUBLIC = (
        "/", "/docs", "/docs/types/se.skolnav.absence.reported.v1", "/openapi.json", "/asyncapi.json", "/v1/catalogue",
        "/v1/catalogue/se.skolnav.absence.reported.v1",
    )  # fmt: skip

    @pytest.mark.parametrize("path", PUBLIC)
    async def test_a_public_document_may_be_read_by_pages_of_other_sites(self, http, path):
        answer = await http.get(path, headers={"Origin": "https://elsewhere.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers

    async def test_no_other_answer_may(self, http, hub):
        await append(hub, closed_day(1))
        document = (await http.get("/openapi.json")).json()
        public = {*self.PUBLIC, "/v1/catalogue/{type}"}
        calls = [
            (method.upper(), path.replace("{", "").replace("}", ""))
            for path, operations in document["paths"].items() if path not in public
            for method in operations
        ]  # fmt: skip
        assert len(calls) > 60
        made = await feed(http, types=["se.skolnav.schedule.*"])
        calls += [("GET", f"/v1/subscriptions/{made.id}/events"), ("GET", "/nothing"), ("PUT", "/healthz")]
        calls += [("OPTIONS", path) for path in (*self.PUBLIC, "/v1/events", "/v1/subscriptions", "/oauth/token")]
        origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
        for method, path in calls:
            for client in ({}, bearer("op"), bearer("acme")):
                answer = await http.request(method, path, headers={**origin, **client})
                named = [name for name in answer.headers if name.startswith("access-control-")]
                assert (method, path, named) == (method, path, [])


class TestUnknownCalls:
    async def test_an_unknown_path_is_404(self, http):
        problem(await http.get(f"/{CANARY}"), 404, "not-found")

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/v1/events"), ("PUT", "/healthz"), ("DELETE", "/v1/catalogue")]
    )
    async def test_another_method_is_refused(self, http, method, path):
        answer = await http.request(method, path)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"]
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_fault_of_the_hubs_own_is_500_without_a_word_of_it(self, hub, monkeypatch, caplog):
        async def broken(self, *subject):
            raise RuntimeError(CANARY)

        monkeypatch.setattr(type(hub.log), "states_of", broken)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(hub), raise_app_exceptions=False), base_url="http://hub"
        ) as http:
            problem(await http.get(f"/v1/state/person/{CANARY}", headers=bearer("acme")), 500, "internal")
        assert "RuntimeError" in caplog.text
        assert CANARY not in caplog.text


class TestHealth:
    async def test_live(self, http):
        assert (await http.get("/healthz")).json() == {"status": "live"}

    async def test_ready_tells_an_operator_what_it_rests_on(self, http, hub, clock):
        await append(hub, person(1), current(clock))
        document = (await http.get("/readyz", headers=bearer("op"))).json()
        assert document["status"] == "ready"
        (source,) = document["directory"]["sources"]
        assert (source["fresh"], source["age_s"] >= 0) == (True, True)
        assert datetime.fromisoformat(source["as_of"]) <= hub.clock.utc()
        assert [each["subscription"] for each in document["subscriptions"]] == [
            each.id for each in hub.subscriptions.all()
        ]

    @pytest.mark.parametrize("caller", [None, "acme", "feeder"])
    async def test_ready_tells_others_no_more_than_that(self, http, hub, clock, caller):
        """Promise 1: which durability holds, for everybody. Names of sources tell which systems a municipality has."""
        await append(hub, person(1), current(clock))
        answer = await http.get("/readyz", headers=bearer(caller) if caller else {})
        document = answer.json()
        assert document.pop("school_clock")
        assert (answer.status_code, document) == (
            200,
            {
                "status": "ready",
                "log": {"writable": True, "durability": "fsync before the answer"},
                "store": {"writable": True},
            },
        )

    async def test_asking_whether_it_is_ready_writes_to_both_files(self, http, tmp_path):
        """A transaction without a change says nothing of a full disk."""
        await http.get("/readyz")
        before = [(tmp_path / name).stat().st_size for name in ("log.db-wal", "store.db-wal")]
        await http.get("/readyz")
        after = [(tmp_path / name).stat().st_size for name in ("log.db-wal", "store.db-wal")]
        assert after[0] > before[0]
        assert after[1] > before[1]

    async def test_it_is_not_ready_while_the_log_cannot_be_written(self, http, hub, monkeypatch):
        async def broken(self, batch):
            raise OSError

        monkeypatch.setattr(type(hub.log), "append", broken)
        answer = await http.get("/readyz")
        document = answer.json()
        assert (answer.status_code, document["status"]) == (503, "not-ready")
        assert (document["log"]["writable"], document["store"]["writable"]) == (False, True)

    async def test_metrics_are_for_operators_and_name_no_event(self, http, hub):
        problem(await http.get("/metrics"), 401, "unauthenticated")
        problem(await http.get("/metrics", headers=bearer("acme")), 403, "role-missing")
        event = absence(hub)
        await post(http, event)
        text = (await http.get("/metrics", headers=bearer("op"))).text
        assert "process_resident_memory_bytes" in text
        assert event["data"]["student"]["id"] not in text


class TestOperators:
    async def test_events_are_listed_by_page_without_subject_or_data(self, http, hub):
        for n in range(3):
            await post(http, absence(hub, f"e{n}"))
        first = (await http.get("/v1/operator/events?limit=2", headers=bearer("op"))).json()
        assert [each["id"] for each in first["events"]] == ["e0", "e1"]
        assert set(first["events"][0]) == {"id", "source", "type", "accepted"}
        rest = (await http.get(f"/v1/operator/events?after={first['next']}", headers=bearer("op"))).json()
        assert ([each["id"] for each in rest["events"]], rest["at_head"]) == (["e2"], True)
        problem(await http.get(f"/v1/operator/events?after={'x' * 9}", headers=bearer("op")), 400, "cursor-unknown")

    async def test_ids_that_the_directory_lacks(self, http):
        wanted = {"ids": [{"kind": "room", "id": "r1"}]}
        answer = await http.post("/v1/operator/directory/unknown", json=wanted, headers=bearer("op"))
        assert answer.json() == {"empty": True, "unknown": wanted["ids"]}

    async def test_plugins_and_dead_letters(self, http):
        assert (await http.get("/v1/operator/plugins", headers=bearer("op"))).json() == {
            "connectors": [], "instances": {},
        }  # fmt: skip
        assert (await http.get("/v1/operator/dead-letters", headers=bearer("op"))).json() == {"dead_letters": []}

    async def test_apply_asks_the_engine(self, hub):
        asked = []

        effects = (Effect("connector-restarted"),)
        changed = Change(kind="changed", what="connector", name="kitchen", fields=("host",), effects=effects)
        warning = Finding(file="hub.yaml", line=None, path="", key="config.missing")
        reloaded = Reloaded(
            changes=[changed], applied=True, config=hub.config, read=replace(hub.config, warnings=(warning,)),
            packages=[PackageChange(package="acme-connector", was="", now="1.0")],
        )  # fmt: skip

        async def hook(*, dry_run):
            asked.append(dry_run)
            return reloaded.to_json()

        app = create_app(hub, apply=hook)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://hub", event_hooks=described_by(app.fastapi.openapi)
        ) as http:
            answer = await http.post("/v1/operator/apply", json={"dry_run": False}, headers=bearer("op"))
        assert (answer.json(), asked) == (reloaded.to_json(), [False])

    async def test_without_a_file_there_is_nothing_to_apply(self, http):
        problem(await http.post("/v1/operator/apply", json={}, headers=bearer("op")), 409, "state-conflict")


class TestWhy:
    @pytest.fixture
    async def read(self, hub, http, clock):
        """A feed of acme's that has been read: one event was given to it, one was not."""
        await append(hub, person(1), person(5, "Skyddad folkbokföring"), current(clock))
        await append(hub, absence_of(1, 1), absence_of(2, 5), closed_day(1))
        await (await feed(http, types=["se.skolnav.absence.*"])).ids()

    async def why(self, http, event, recipient="acme", language="sv", who="op"):
        headers = {**bearer(who), "Accept-Language": language}
        answer = await http.get(f"/v1/operator/why?event={event}&recipient={recipient}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert pupil(1) not in answer.text
        assert pupil(5) not in answer.text
        (told,) = answer.json()["explanations"]
        return told

    async def test_it_reads_the_decision_from_the_log_of_disclosures(self, read, http):
        told = await self.why(http, "absence-1-rep")
        assert (told["allowed"], told["recomputed"], told["rule"]) == (True, False, "tillaten")
        told = await self.why(http, "absence-2-rep", who="officer")
        assert (told["allowed"], told["recomputed"], told["rule"]) == (False, False, "skydd.person")
        assert told["text"].startswith("Händelsen lämnas inte ut.")
        assert (await self.why(http, "absence-2-rep", language="en"))["text"].startswith("Not delivered.")

    @pytest.mark.parametrize("unknown", [False, True], ids=["protected", "unknown"])
    async def test_an_operator_is_not_told_which_rule_withheld(self, read, http, hub, unknown):
        """Promise 5 towards operators: a protected and an unknown pupil, read and recomputed, look alike."""
        if unknown:
            await append(hub, absence_of(3, 6))
        told = await self.why(http, "absence-3-rep" if unknown else "absence-2-rep")
        assert (told["allowed"], told["rule"]) == (False, None)
        assert {each["rule"] for each in told["decisions"]} == (set() if unknown else {None})
        assert "skydd." not in json.dumps(told)
        assert told["text"].startswith("Händelsen lämnas inte ut. En regel hindrar det.")

    async def test_it_says_when_it_recomputes(self, read, http):
        told = await self.why(http, "closed-1")
        assert (told["recomputed"], told["decisions"]) == (True, [])
        assert told["subscriptions"][0]["asks_for_the_type"] is False
        assert (await self.why(http, "absence-1-rep", "other"))["recomputed"] is True

    async def test_what_is_not_there_is_404_and_who_may_not_ask_403(self, read, http):
        for query in (f"event={CANARY}&recipient=acme", f"event=absence-1-rep&recipient={CANARY}"):
            problem(await http.get(f"/v1/operator/why?{query}", headers=bearer("op")), 404, "not-found")
        query = "event=absence-1-rep&recipient=acme"
        problem(await http.get(f"/v1/operator/why?{query}", headers=bearer("acme")), 403, "role-missing")


class TestTheChainOfDisclosures:
    @pytest.fixture(autouse=True)
    async def rows(self, hub):
        row = disclosures.Disclosure(
            at=hub.clock.utc(),
            recipient="client/acme",
            subscription="s",
            contracts=("c",),
            decided=(disclosures.Decided(lane="", rule="tillaten", allowed=True, places=(1,), subjects=("p",)),),
        )
        await hub.store.commit(disclosures.append(hub.store.tenant, [row] * 5))

    async def verify(self, http, after=0):
        answer = await http.get(f"/v1/operator/disclosures/verify?after={after}", headers=bearer("op"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_it_is_verified_in_steps_of_bounded_time(self, http, monkeypatch):
        monkeypatch.setattr(disclosure_chain, "ROWS", 2)
        assert await self.verify(http) == {"rows": 2, "broken_at": None, "complete": False, "trimmed": 0}
        assert await self.verify(http, 2) == {"rows": 4, "broken_at": None, "complete": False, "trimmed": 0}
        assert await self.verify(http, 4) == {"rows": 5, "broken_at": None, "complete": True, "trimmed": 0}

    async def test_a_break_is_said_by_number_alone(self, http, hub):
        rows = tables.disclosures
        await hub.store.commit(lambda c: c.execute(rows.update().where(rows.c.n == 3).values(recipient=CANARY)))
        assert await self.verify(http) == {"rows": 2, "broken_at": 3, "complete": True, "trimmed": 0}

    async def test_an_officer_reads_its_rows(self, http):
        answer = (await http.get("/v1/operator/disclosures?after=4", headers=bearer("officer"))).json()
        assert [each["n"] for each in answer["disclosures"]] == [5]

    async def test_it_is_for_operators_officers_and_auditors(self, http):
        problem(await http.get("/v1/operator/disclosures/verify"), 401, "unauthenticated")
        for client in ("acme", "feeder"):
            problem(await http.get("/v1/operator/disclosures/verify", headers=bearer(client)), 403, "role-missing")
        for client in ("officer", "auditor"):
            assert (await http.get("/v1/operator/disclosures/verify", headers=bearer(client))).status_code == 200
