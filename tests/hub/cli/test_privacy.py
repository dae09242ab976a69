"""`skolnav privacy`: what the privacy officer does about one person."""

from datetime import UTC, datetime

import httpx

from tests import school
from tests.hub.cli.conftest import STUDENT, TOKENS, Place, config

OFFICER = "token-of-the-officer-0123456789"


def test_the_officer_lifts_a_protection_and_lists_who_holds_data(place: Place) -> None:
    clients = config(place.port)["clients"]
    clients[0]["publishes"] = ["se.skolnav.*"]
    clients += [{"id": "officer", "token": "${file:officer.token}", "roles": ["privacy_officer"]}]
    (place.folder / "officer.token").write_text(OFFICER)
    (place.folder / "officer.token").chmod(0o600)
    place.configure(clients=clients)
    officer = ("--token-file", "officer.token")
    with place.hub() as hub:
        hub.post(
            school.envelope(school.PERSON, school.pupil(STUDENT, school.HIDDEN), id="hidden", source="urn:sis"),
            school.envelope(school.PERSON_GONE, {"id": STUDENT}, id="gone", source="urn:sis"),
        )
        other = ("--token-file", token_of(place, "ACME_TOKEN"))
        refused = place.ask("privacy", "lift", STUDENT, "--reason", "x", "--yes", *other).err
        assert (
            "Klienten saknar en roll: Klienten har ingen av rollerna som det här kräver (privacy_officer)." in refused
        )
        assert (
            place.ask("privacy", "lift", STUDENT, *officer, "--reason", "beslut 1").code == 2
        )  # no terminal to ask at
        lifted = place.ask("privacy", "lift", STUDENT, *officer, "--reason", "beslut 1", "--yes")
        assert (lifted.code, "Det kom från: urn:sis" in lifted.out) == (0, True), lifted.err
        again = place.ask("privacy", "lift", STUDENT, *officer, "--reason", "beslut 1", "--yes")
        assert (again.code, "Ingen källa skyddar personen" in again.err) == (1, True)
        assert "Ingen mottagare har fått" in place.ask("privacy", "holders", STUDENT, *officer).out

        hub.post(
            school.envelope(school.PERSON, school.pupil(STUDENT), id="open", source="urn:sis"),
            school.envelope(school.CURRENT, {"asOf": datetime.now(UTC).isoformat()}, id="current", source="urn:sis"),
            school.envelope(school.ABSENCE, school.absence(STUDENT), id="away", source="urn:sis"),
        )
        httpx.get(
            f"http://127.0.0.1:{place.port}/v1/subscriptions/acme-absence/events",
            headers={"Authorization": f"Bearer {TOKENS['ACME_TOKEN']}"},
        ).raise_for_status()
        assert "client/acme" in place.ask("privacy", "holders", STUDENT, *officer).out
        (found,) = place.ask("privacy", "holders", STUDENT, *officer, "--json").json()
        assert (found["recipient"], found["listed"], found["unlisted"]) == ("client/acme", 1, 0)
        audit = place.ask("audit").out
        assert "protection.lifted" in audit
        assert "beslut 1" in audit
        assert STUDENT not in audit


def token_of(place: Place, name: str) -> str:
    file = place.folder / "other.token"
    file.write_text(TOKENS[name])
    return str(file)
