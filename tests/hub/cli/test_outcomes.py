"""What became of an event, asked of a running hub: by id, by search, and what an operator does with what failed."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import school
from tests.hub.cli.conftest import STUDENT, TOKENS, Place, Running, absence
from tests.hub.cli.webhooks import Hook
from tests.until import block_until

CONTRACT = {"purpose": "facilities", "legal_basis": "agreement", "categories": ["none", "free_text"]}
OFFICER = "token-of-the-officer-0123456789"
OPERATOR = "token-of-the-operator-0123456789"
FACILITIES = "token-of-facilities-0123456789"


def closed(id: str, day: int) -> dict[str, Any]:
    """A day on which the school is closed: it is about no person, so `facilities` may have it."""
    data = {"organisation": {"id": school.UNIT}, "date": f"2026-12-{day:02d}"}
    return school.envelope(school.DAY_CLOSED, data, id=id, source="urn:sis")


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Place:
    made = Place(tmp_path_factory.mktemp("hub"))
    days = ["se.skolnav.schedule.day.closed.v1"]
    webhook = {"kind": "webhook", "url": hook.url, "secret": "${env:ACME_SECRET}", "handshake": False}
    subscriptions = [
        {"name": "absences", "client": "acme", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}},
        {"name": "days", "client": "facilities", "types": days, "sink": webhook},
        {"name": "days-feed", "client": "facilities", "types": days, "sink": {"kind": "feed"}},
    ]
    made.configure(subscriptions=subscriptions, outbound={"allow": ["127.0.0.0/8"]})
    written = json.loads(made.file.read_text())
    del written["clients"][1]["contract"]["scope"]  # whose school is not known is then not what decides
    written["clients"] += [
        {"id": "facilities", "token": "${file:facilities.token}", "roles": ["subscriber"], "contract": CONTRACT},
        {"id": "ops", "token": "${file:operator.token}", "roles": ["operator"]},
        {"id": "officer", "token": "${file:officer.token}", "roles": ["privacy_officer"]},
    ]
    (made.folder / "operator.token").write_text(OPERATOR)
    (made.folder / "facilities.token").write_text(FACILITIES)
    (made.folder / "officer.token").write_text(OFFICER)
    made.file.write_text(json.dumps(written))
    return made


@pytest.fixture(scope="module")
def hub(place: Place) -> Iterator[Running]:
    with place.hub() as running:
        yield running


def get(place: Place, token: str, path: str, **query: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"http://127.0.0.1:{place.port}{path}", params=query or None, headers=headers)  # type: ignore[arg-type]


def outcomes(place: Place, id: str) -> dict[str, dict[str, Any]]:
    """By the subscription's name."""
    [found] = get(place, OPERATOR, "/v1/operator/outcomes", event=id).json()["events"]
    return {each["name"]: each for each in found["outcomes"]}


def reaches(place: Place, id: str, name: str, outcome: str) -> None:
    block_until(lambda: outcomes(place, id)[name]["outcome"] == outcome, f"{id} of {name} is {outcome}")


def test_one_look_tells_what_became_of_an_event_for_every_recipient(place: Place, hub: Running) -> None:
    hub.post(closed("glance", 1))
    reaches(place, "glance", "days", "delivered")
    ran = place.ask("event", "glance")
    assert ran.code == 0
    about, head, *rows = ran.out.splitlines()
    assert "glance" in about
    assert head.split()[:3] == ["mottagare", "prenumeration", "utfall"]
    assert re.match(r"client/facilities +days +levererad +20\d\d-", rows[0])
    assert re.match(r"client/facilities +days-feed +väntar$", rows[1])
    assert len(rows) == 2  # acme does not ask for it
    assert "omfattar den inte" in place.ask("event", "glance", "--all").out


def test_an_attempt_that_failed_is_shown_with_its_status_and_one_that_succeeded_leaves_no_row(
    place: Place, hub: Running, hook: Hook
) -> None:
    hub.post(closed("smooth", 2))
    reaches(place, "smooth", "days", "delivered")
    assert outcomes(place, "smooth")["days"]["attempts"] == []
    hook.answer = 503
    hub.post(closed("stumbled", 3))
    reaches(place, "stumbled", "days", "retrying")
    waiting = outcomes(place, "stumbled")["days"]
    assert (waiting["reason"], waiting["decision"]) == ("http-503", True)
    assert waiting["next_try"]
    hook.answer = 204
    reaches(place, "stumbled", "days", "delivered")
    [first, *_] = outcomes(place, "stumbled")["days"]["attempts"]
    assert (first["number"], first["status"], first["result"], first["reason"]) == (1, 503, "retry", "http-503")
    assert first["took_s"] > 0
    shown = place.ask("event", "stumbled").out
    assert re.search(r"^days +20\d\d-\S+ \S+ +1 +503 +.*503 +\d+,\d+ s$", shown, re.M), shown


def test_a_feed_is_acknowledged_when_its_client_comes_back(place: Place, hub: Running) -> None:
    hub.post(closed("fetched", 4))
    path = "/v1/subscriptions/days-feed/events"
    answer = get(place, FACILITIES, path)
    assert "fetched" in [each["id"] for each in answer.json()]
    assert outcomes(place, "fetched")["days-feed"]["outcome"] == "served"
    hub.post(closed("fetched-next", 5))
    get(place, FACILITIES, answer.links["next"]["url"])
    assert outcomes(place, "fetched")["days-feed"]["outcome"] == "acknowledged"
    assert outcomes(place, "fetched-next")["days-feed"]["outcome"] == "served"


def test_an_operator_sees_that_a_rule_withheld_and_a_privacy_officer_sees_which(place: Place, hub: Running) -> None:
    """Promise 5 towards operators: which rule it was could tell who is protected."""
    hub.post(absence("unknown-child"))
    get(place, TOKENS["ACME_TOKEN"], "/v1/subscriptions/absences/events")
    reaches(place, "unknown-child", "absences", "withheld")  # the denial is stored beside the answer
    ran = place.ask("event", "unknown-child")
    assert re.search(r"^client/acme +absences +ej levererad enligt regel", ran.out, re.M)
    assert STUDENT not in ran.out
    assert outcomes(place, "unknown-child")["absences"]["rule"] is None
    seen = get(place, OFFICER, "/v1/operator/outcomes", event="unknown-child").json()["events"][0]["outcomes"]
    assert {each["name"]: each["rule"] for each in seen}["absences"] == "skydd.okand"
    assert get(place, FACILITIES, "/v1/operator/outcomes", event="unknown-child").status_code == 403
    assert "skydd." not in place.ask("why", "unknown-child", "acme").out
    token = place.folder / "officer.token"
    token.write_text(OFFICER)
    assert "Regel skydd.okand" in place.ask("why", "unknown-child", "acme", "--token-file", str(token)).out


def test_why_says_the_decision_and_the_outcome(place: Place, hub: Running, hook: Hook) -> None:
    hook.answer = 422
    hub.post(closed("refused", 6))
    reaches(place, "refused", "days", "dead")
    hook.answer = 204
    ran = place.ask("why", "refused", "facilities")
    assert ran.out.startswith("Händelsen får lämnas ut.")  # the decision
    assert re.search(r"^Utfall för days: ej levererad, försöken är slut, .*422, 1 misslyckade försök\.$", ran.out, re.M)
    english = place.ask("why", "refused", "facilities", "--language", "en").out
    assert "Outcome for days: not delivered, given up" in english


def test_an_unknown_id_is_told(place: Place, hub: Running) -> None:
    ran = place.ask("event", "no-such-event")
    assert ran.code == 1
    assert "Det finns ingen händelse med id no-such-event" in ran.err


def test_events_are_searched_by_type_and_outcome(place: Place, hub: Running, hook: Hook) -> None:
    hook.answer = 422
    hub.post(closed("sought", 8))
    reaches(place, "sought", "days", "dead")
    hook.answer = 204
    ran = place.ask("events", "--type", "se.skolnav.schedule.*", "--outcome", "dead", "--recipient", "facilities")
    assert re.search(r"sought +urn:sis +days +ej levererad, försöken är slut$", ran.out, re.M)
    assert "unknown-child" not in ran.out
    assert [each["id"] for each in place.ask("events", "--id", "sought", "--json").json()["events"]] == ["sought"]
    wrong = place.ask("events", "--outcome", "deat")
    assert wrong.code == 2
    assert "dead" in wrong.err


def test_a_dead_letter_is_discarded_with_a_reason_that_is_kept(place: Place, hub: Running, hook: Hook) -> None:
    hook.answer = 422
    hub.post(closed("useless", 9))
    reaches(place, "useless", "days", "dead")
    hook.answer = 204
    listed = place.ask("dead-letters", "--reason", "http-422", "--json").json()["dead_letters"]
    [letter] = [each["id"] for each in listed if each["event"]["id"] == "useless"]
    assert place.ask("dead-letters", "discard", letter, "--why", "moved").code == 2  # nobody to ask
    ran = place.ask("dead-letters", "discard", letter, "--why", "skolan har flyttat", "--yes")
    assert ran.out == "Avskrivna: 1.\n"
    assert re.search(r"avskriven +local +skolan har flyttat +days .*useless", place.ask("dead-letters", "history").out)
    assert "skolan har flyttat" in place.ask("event", "useless").out


def test_counters_are_read_in_sum_and_by_the_hour(place: Place, hub: Running) -> None:
    hub.post(closed("counted", 10))
    reaches(place, "counted", "days", "delivered")
    summed = place.ask("counters").out
    assert re.search(r"^subscription/days +.*levererade \d", summed, re.M), summed
    assert re.search(r"längsta tid till leverans \d+(,\d)? s", summed), summed
    assert re.search(r"^source/urn:sis +händelser \d", summed, re.M)
    [span] = place.ask("counters", "subscription/days", "--hours", "--json").json()["spans"][-1:]
    assert span["open"] is True
    assert span["counted"]["delivered"] >= 1
