"""`skolnav plan` and `skolnav apply` against a hub that runs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests import school
from tests.hub.cli.conftest import STUDENT, TOKENS, Place, Running, absence, config

FEED = {"name": "acme-absence", "client": "acme", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
LESSONS = {"name": "acme-lessons", "client": "acme", "types": ["se.skolnav.schedule.*"], "sink": {"kind": "feed"}}
STUDENT_RECORD = school.envelope(
    school.PERSON, school.person(STUDENT, givenName="Alva", familyName="Påhittad"), id="person-1", source="urn:sis"
)
CURRENT = school.envelope(school.CURRENT, {"asOf": datetime.now(UTC).isoformat()}, id="current-1", source="urn:sis")


def read(place: Place, cursor: str | None = None) -> tuple[list[str], str]:
    """A page of acme's feed: the ids, and where it goes on."""
    answer = httpx.get(
        cursor or f"http://127.0.0.1:{place.port}/v1/subscriptions/acme-absence/events",
        headers={"Authorization": f"Bearer {TOKENS['ACME_TOKEN']}"},
    )
    assert answer.status_code == 200, answer.text
    link = answer.links["next"]["url"]
    return [each["id"] for each in answer.json()], str(answer.url.join(link))


def everybody(place: Place) -> None:
    """Without a scope, so that acme may know of a student whose school is not known."""
    written = config(place.port)
    del written["clients"][1]["contract"]["scope"]
    written["clients"][0]["publishes"].append("se.skolnav.directory.*")
    place.file.write_text(json.dumps(written))


def change(place: Place, **more: Any) -> None:
    place.file.write_text(json.dumps({**json.loads(place.file.read_text()), **more}))


@pytest.fixture
def hub(place: Place) -> Any:
    everybody(place)
    with place.hub() as running:
        yield running


def test_nothing_changes_where_the_file_is_as_it_was(place: Place, hub: Running) -> None:
    assert place.ask("plan").out == "Ingenting ändras.\n"
    assert place.ask("apply").out == "Ingenting ändras.\n"


def test_a_subscription_is_added_to_the_running_hub_and_another_keeps_its_cursor(place: Place, hub: Running) -> None:
    hub.post(STUDENT_RECORD, CURRENT)
    hub.post(absence("a-1"))
    ids, cursor = read(place)
    assert ids == ["a-1"]

    change(place, subscriptions=[FEED, LESSONS])
    told = (
        "+ prenumeration acme-lessons tillkommer\n"
        "    Mottagaren får det som händer från och med nu. Ingenting skickas i efterhand.\n"
    )  # fmt: skip
    assert place.ask("plan").out == told
    assert "acme-lessons" not in place.ask("subscriptions").out  # a plan changes nothing

    assert place.ask("apply").code == 2  # nobody is there to ask
    done = place.ask("apply", "--yes")
    assert done.code == 0
    assert done.out == told + "Ändringarna är genomförda.\n"
    assert "acme-lessons" in place.ask("subscriptions").out
    assert place.ask("plan").out == "Ingenting ändras.\n"
    hub.post(absence("a-2"))
    assert read(place, cursor)[0] == ["a-2"]


def test_what_left_the_file_is_paused_can_be_removed_and_comes_back_where_it_was(place: Place, hub: Running) -> None:
    change(place, subscriptions=[FEED, LESSONS])
    assert place.ask("apply", "--yes").code == 0
    change(place, subscriptions=[LESSONS])
    planned = place.ask("plan", "--json").json()
    assert [(each["kind"], each["name"]) for each in planned["changes"]] == [("paused", "acme-absence")]
    assert planned["applied"] is False
    applied = place.ask("apply", "--yes", "--json").json()
    assert applied["applied"] is True
    assert "finns inte längre i konfigurationsfilen" in place.ask("subscriptions").out
    change(place, subscriptions=[FEED, LESSONS])
    assert place.ask("apply", "--yes").code == 0
    assert place.ask("subscriptions", "show", "acme-absence", "--json").json()["status"] == "active"
    change(place, subscriptions=[FEED])
    assert place.ask("apply", "--yes").code == 0
    assert place.ask("subscriptions", "remove", "acme-lessons", "--yes").out == "acme-lessons är borttagen.\n"
    assert "acme-lessons" not in place.ask("subscriptions").out


def test_what_comes_back_gets_what_has_happened_meanwhile_and_the_plan_says_so(place: Place, hub: Running) -> None:
    hub.post(STUDENT_RECORD, CURRENT)
    hub.post(absence("a-1"))
    cursor = read(place)[1]
    change(place, subscriptions=[])
    assert place.ask("apply", "--yes").code == 0
    hub.post(absence("a-2"))
    change(place, subscriptions=[FEED])
    assert place.ask("apply", "--yes").out == (
        "+ prenumeration acme-absence kommer tillbaka\n"
        "    Prenumerationen fortsätter från sin plats i kön. Det som har hänt sedan den togs ur filen levereras "
        "också, så långt tillbaka som lagringstiden räcker, och utlämnandet prövas på nytt.\n"
        "Ändringarna är genomförda.\n"
    )
    assert read(place, cursor)[0] == ["a-2"]


def test_a_file_with_errors_changes_nothing_and_each_is_told(place: Place, hub: Running) -> None:
    change(place, subscriptions=[FEED, {**LESSONS, "client": "akme"}])
    for command in (["plan"], ["apply", "--yes"]):
        ran = place.ask(*command)
        assert ran.code == 2
        assert "subscriptions[1].client" in ran.err
        assert "Menade du acme?" in ran.err
    assert "acme-lessons" not in place.ask("subscriptions").out


def test_a_clients_new_token_counts_at_once(place: Place, hub: Running) -> None:
    (place.folder / "acme.token").write_text("another-token-of-acme-0123456789")
    written = json.loads(place.file.read_text())
    written["clients"][1]["token"] = "${file:acme.token}"
    place.file.write_text(json.dumps(written))
    assert "Klientens gamla token och den åtkomst som den har fått slutar gälla." in place.ask("apply", "--yes").out
    answer = httpx.get(
        f"http://127.0.0.1:{place.port}/v1/subscriptions", headers={"Authorization": f"Bearer {TOKENS['ACME_TOKEN']}"}
    )
    assert answer.status_code == 401


def test_what_is_read_at_the_start_only_is_said_to_wait_for_it(place: Place, hub: Running) -> None:
    change(place, log_level="debug")
    assert place.ask("apply", "--yes").out == (
        "~ hubben ändras: log_level\n    Ändringen gäller först när hubben startas om.\nÄndringarna är genomförda.\n"
    )
    assert "log_level" in place.ask("plan").out  # still to come


@pytest.mark.parametrize(
    ("key", "value"), [("municipality", "Annankommun"), ("data", "elsewhere")], ids=["municipality", "data"]
)
def test_what_would_be_another_hub_is_refused(place: Place, hub: Running, key: str, value: str) -> None:
    before = place.data
    change(place, **{key: value}, subscriptions=[FEED, LESSONS])
    if key == "data":  # the command would look for the hub there
        value = str(before)
        (place.folder / "elsewhere").symlink_to(before)
    ran = place.ask("apply", "--yes")
    assert ran.code == 1
    assert "kan inte ändras medan hubben är igång" in ran.err
    assert "acme-lessons" not in place.ask("subscriptions", "--data", str(before)).out


def test_another_file_than_the_hubs_own_is_refused(place: Place, hub: Running, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(place.file.read_text())
    ran = place.ask("apply", "--yes", "--config", str(other))
    assert ran.code == 2
    assert f"Hubben som är igång här läser {place.file}, inte {other}." in ran.err


def test_a_connector_comes_changes_and_leaves_while_the_hub_runs(place: Place, hub: Running) -> None:
    (place.folder / "out").mkdir()
    text = (Path(__file__).parents[3] / "hub" / "demo" / "demo.yaml").read_text("utf-8")
    kitchen = {
        "use": "catering",
        "aggregates": True,
        "transport": {"kind": "folder", "path": str(place.folder / "out")},
        "report_times": ["08:30"],
        "kitchens": yaml.safe_load(text)["connectors"]["kitchen"]["kitchens"],
    }
    change(place, connectors={"kitchen": kitchen})
    added = place.ask("apply", "--yes")
    assert added.code == 0, added.err
    assert "+ koppling kitchen tillkommer" in added.out
    assert place.ask("subscriptions", "show", "kitchen", "--json").json()["status"] == "active"
    change(place, connectors={"kitchen": {**kitchen, "report_times": ["08:30", "10:00"]}})
    assert "~ koppling kitchen ändras: report_times" in place.ask("apply", "--yes").out
    change(place, connectors={})
    assert "- koppling kitchen pausas" in place.ask("apply", "--yes").out
    assert place.ask("subscriptions", "show", "kitchen", "--json").json()["status"] == "paused"
