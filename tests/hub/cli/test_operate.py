"""What an operator asks of a running hub and tells it, over its local socket."""

import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import school
from tests.hub.cli.conftest import SKOLNAV, STUDENT, Place, Running, absence
from tests.hub.cli.test_one_language import assert_one_language
from tests.hub.cli.webhooks import Hook
from tests.until import block_until

LESSON: dict[str, Any] = school.envelope(
    school.DAY_CLOSED, {"organisation": {"id": school.UNIT}, "date": school.DAY}, id="closed-1", source="urn:sis"
)
CONTRACT = {"purpose": "facilities", "legal_basis": "agreement", "categories": ["none", "free_text"]}


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Place:
    made = Place(tmp_path_factory.mktemp("hub"))
    subscriptions = [
        {
            "name": "acme-absence",
            "client": "acme",
            "types": ["se.skolnav.absence.*"],
            "sink": {"kind": "feed"},
        },
        {
            "name": "facilities-days",
            "client": "facilities",
            "types": ["se.skolnav.schedule.day.closed.v1"],
            "sink": {"kind": "webhook", "url": hook.url, "secret": "${env:ACME_SECRET}", "handshake": False},
        },
    ]
    made.configure(subscriptions=subscriptions, outbound={"allow": ["127.0.0.0/8"]})
    written = json.loads(made.file.read_text())
    del written["clients"][1]["contract"]["scope"]  # whose school is not known is then not what decides
    written["clients"].append(
        {"id": "facilities", "token": "${file:facilities.token}", "roles": ["subscriber"], "contract": CONTRACT}
    )
    (made.folder / "facilities.token").write_text("token-of-facilities-0123456789")
    made.file.write_text(json.dumps(written))
    return made


@pytest.fixture(scope="module")
def hub(place: Place) -> Iterator[Running]:
    with place.hub() as running:
        yield running


def test_what_a_publisher_chose_can_not_rewrite_the_terminal(place: Place, hub: Running) -> None:
    """Promise 8: an operator reads what came in, not what its sender wants to be read."""
    hub.post({**absence("x"), "id": "evt-\u202egnol\u2028"})
    shown = place.ask("events", "--limit", "500").out
    assert r"evt-\u202egnol\u2028" in shown
    assert "\u202e" not in shown
    printed = place.ask("events", "--limit", "500", "--json")
    assert "\u202e" not in printed.out
    assert "evt-\u202egnol\u2028" in [each["id"] for each in printed.json()["events"]]


def test_subscriptions_are_listed_for_people_and_for_programs(place: Place, hub: Running) -> None:
    ran = place.ask("subscriptions")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.startswith("namn")
    assert re.match(r"acme-absence +client/acme +feed +aktiv$", rows[0])
    assert re.match(r"facilities-days +client/facilities +webhook +aktiv$", rows[1])
    told = place.ask("subscriptions", "--json").json()["subscriptions"]
    assert [each["name"] for each in told] == ["acme-absence", "facilities-days"]


def test_the_hub_is_found_by_folder_too_and_without_its_secrets(place: Place, hub: Running) -> None:
    env = place.environ()
    del env["SIS_TOKEN"]
    assert place.run("subscriptions", env=env).code == 0
    assert place.ask("subscriptions", "--data", str(place.data), "show", "acme-absence").code == 0
    elsewhere = place.ask("events", "--data", str(place.folder))
    assert elsewhere.code == 3


def test_one_is_shown_with_how_it_stands_and_without_its_secret(place: Place, hub: Running) -> None:
    ran = place.ask("subscriptions", "show", "facilities-days")
    assert ran.code == 0
    assert re.search(r"^status +aktiv$", ran.out, re.M)
    assert re.search(r"^går till +webhook http://127", ran.out, re.M)
    assert "token" not in ran.out
    assert "token-of" not in place.ask("subscriptions", "show", "facilities-days", "--json").out


def test_pausing_and_resuming(place: Place, hub: Running) -> None:
    assert (
        place.ask("subscriptions", "pause", "acme-absence").out
        == "acme-absence: pausad (en person har pausat prenumerationen)\n"
    )
    assert re.search(
        r"acme-absence .* pausad +en person har pausat prenumerationen$", place.ask("subscriptions").out, re.M
    )
    assert place.ask("subscriptions", "resume", "acme-absence", "--json").json()["status"] == "active"


def test_an_unknown_subscription_is_told_with_what_was_probably_meant(place: Place, hub: Running) -> None:
    ran = place.ask("subscriptions", "pause", "acme-absense")
    assert ran.code == 1
    assert "Det finns ingen prenumeration som heter acme-absense. Menade du acme-absence?" in ran.err


def test_what_stands_in_the_file_is_not_removed_by_command(place: Place, hub: Running) -> None:
    ran = place.ask("subscriptions", "remove", "acme-absence", "--yes")
    assert ran.code == 1
    assert "acme-absence finns i konfigurationsfilen" in ran.err
    assert place.ask("subscriptions", "remove", "acme-absence").code == 2  # nobody to ask


def test_events_tell_time_type_and_id_and_no_person(place: Place, hub: Running) -> None:
    hub.post(absence("listed-1"), absence("listed-2"))
    ran = place.ask("events", "--type", "se.skolnav.absence.reported.v1", "--limit", "1")
    assert ran.code == 0
    head, row = ran.out.splitlines()
    assert head.split() == ["mottagen", "typ", "id", "källa"]
    assert "listed-2" in row
    assert STUDENT not in place.ask("events", "--json").out
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert place.ask("events", "--since", later).out == "Det finns inga händelser.\n"


def test_events_are_followed_as_they_come(place: Place, hub: Running) -> None:
    hub.post(absence("followed-1"))
    with subprocess.Popen(
        [SKOLNAV, "events", "--follow", "--json", "--since", "1h"], cwd=place.folder, env=place.environ(), text=True,
        stdout=subprocess.PIPE,
    ) as following:  # fmt: skip
        patience = threading.Timer(60, following.kill)  # an end of its output ends the test
        patience.start()
        try:
            assert following.stdout is not None
            ids = (json.loads(line)["id"] for line in following.stdout)
            assert "followed-1" in ids
            hub.post(absence("followed-2"))
            assert "followed-2" in ids
        finally:
            patience.cancel()
            following.kill()


def test_why_reads_the_decision_in_plain_swedish_and_english(place: Place, hub: Running) -> None:
    """The student is not known here, hence withheld."""
    hub.post(absence("why-1"))
    ran = place.ask("why", "why-1", "acme")
    assert ran.code == 0
    first, contract, decided, *_ = ran.out.splitlines()
    assert first.startswith("Händelsen lämnas inte ut. En regel hindrar det. Vilken regel det är visas bara för ")
    assert contract == "Mottagarens avtal: identitet, närvaro, ”school attendance”."
    assert re.match(r"Det finns inget beslut i loggen. Så här skulle beslutet bli nu \(\d{4}-\d\d-\d\d ", decided)
    english = place.ask("why", "why-1", "acme", "--language", "en").out
    assert english.startswith("Not delivered. A rule forbids it.")
    assert place.ask("why", "why-1", "acme", "--json").json()["explanations"][0]["recomputed"] is True
    assert STUDENT not in ran.out
    nothing = place.ask("why", "no-such-event", "acme")
    assert nothing.code == 1
    assert "Ingen händelse med det id:t finns kvar" in nothing.err


def test_a_test_event_goes_now_and_its_outcome_is_told(place: Place, hub: Running, hook: Hook) -> None:
    assert place.ask("subscriptions", "test", "facilities-days").code == 0
    assert hook.taken[-1]["type"] == "se.skolnav.subscription.test.v1"
    hook.answer = 503
    failed = place.ask("subscriptions", "test", "facilities-days")
    hook.answer = 204
    assert failed.code == 1
    assert "mottagaren tog inte emot testhändelsen (mottagaren svarade med HTTP-status 503)" in failed.err
    assert place.ask("subscriptions", "test", "acme-absence").code == 1  # a feed is tested by reading it


def test_what_was_given_up_is_listed_and_sent_again(place: Place, hub: Running, hook: Hook) -> None:
    hook.answer = 422
    hub.post(LESSON)
    block_until(lambda: bool(place.ask("dead-letters", "--json").json()["dead_letters"]))
    ran = place.ask("dead-letters")
    assert "facilities-days" in ran.out
    assert "HTTP-status 422" in ran.out
    [letter] = place.ask("dead-letters", "--json").json()["dead_letters"]
    assert place.ask("dead-letters", "resend").code == 2
    assert place.ask("dead-letters", "resend", "no-such-letter").code == 1
    hook.answer = 204
    assert f"{letter['id']}: händelsen skickas igen" in place.ask("dead-letters", "resend", letter["id"]).out
    block_until(lambda: any(each["id"] == "closed-1" for each in hook.taken))
    assert place.ask("dead-letters").out == "Det finns inga ej levererade händelser.\n"


def test_a_stretch_is_sent_again(place: Place, hub: Running, hook: Hook) -> None:
    hub.post({**LESSON, "id": "closed-2", "data": {**LESSON["data"], "date": "2026-11-25"}})
    block_until(lambda: any(each["id"] == "closed-2" for each in hook.taken))
    assert place.ask("subscriptions", "replay", "facilities-days", "--since", "1h").code == 2  # nobody to ask
    counted = place.ask("subscriptions", "replay", "facilities-days", "--since", "1h", "--dry-run")
    assert re.search(r"facilities-days: \d+ händelser prövas på nytt", counted.out)
    ran = place.ask("subscriptions", "replay", "facilities-days", "--since", "1h", "--yes")
    assert "facilities-days: händelserna skickas igen (replay-" in ran.out
    block_until(lambda: any(each["id"] == "closed-2" and "skolnavlane" in each for each in hook.taken))


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("events --recipient acmee", 1, "Ingen prenumeration har en mottagare som heter acmee"),
        ("subscriptions replay facilities-days --since 1h --until 2h --yes", 1, "Tidsperioden måste sluta efter"),
        ("subscriptions replay acme-absence --after no-cursor --yes", 1, "Markören hör inte till den här"),
        ("subscriptions replay acme-absence --yes", 2, "Ange antingen --since eller --after."),
        ("dead-letters discard --all --subscription acme-absence --yes --why=", 2, "varför händelserna aldrig ska"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_write(
    place: Place, hub: Running, command: str, code: int, words: str
) -> None:
    ran = place.ask(*command.split())
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err


def test_a_replay_of_nothing_says_so_and_begins_none(place: Place, hub: Running) -> None:
    ran = place.ask("subscriptions", "replay", "acme-absence", "--since", "3d", "--until", "2d", "--yes")
    assert ran.code == 0
    assert "det finns inga händelser att skicka igen" in ran.out
    assert not place.ask("subscriptions", "show", "acme-absence", "--json").json()["delivery"]["lanes"]


# What a configuration, an event or its publisher says in words of its own.
_GIVEN = r"se\.skolnav\.\S+|facilities(-days?)?|public task|school attendance|agreement|said-\w+|client/\w+"


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_running_hub_is_shown_in_one_language(place: Place, hub: Running, hook: Hook, language: str) -> None:
    hook.answer = 422
    data = {**LESSON["data"], "date": "2026-12-02" if language == "sv" else "2026-12-03"}
    hub.post({**LESSON, "id": f"said-{language}", "data": data})
    block_until(lambda: f"said-{language}" in place.ask("dead-letters").out)
    hook.answer = 204
    for command in (
        "subscriptions", "subscriptions show facilities-days", "subscriptions show acme-absence", "connectors",
        "alerts", f"event said-{language}", f"why said-{language} facilities", "dead-letters",
        "dead-letters discard x --why y", "disclosures verify",
        "plan", "backup check", "subscriptions test acme-absence", "connectors confirm x",
        "subscriptions show facilities-day", "alerts acknowledge x --name y", "events --outcome dead",
    ):  # fmt: skip
        ran = place.ask(*command.split(), "--language", language)
        text = re.sub(_GIVEN, " ", (ran.out + ran.err).replace(str(place.folder), " "))
        assert_one_language(text, language)
    place.ask("dead-letters", "discard", "--all", "--subscription", "facilities-days", "--why", "y", "--yes")


def test_the_socket_is_for_the_hubs_user_alone(place: Place, hub: Running) -> None:
    assert (place.data / "hub.sock").stat().st_mode & 0o777 == 0o600


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The address of a Unix socket holds 107 bytes."""
    folder = tmp_path / ("a" * 120)
    folder.mkdir()
    place = Place(folder)
    with place.hub():
        assert place.ask("subscriptions").code == 0


def test_a_hub_that_was_killed_leaves_a_socket_at_which_nobody_answers(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.hub() as hub:
        hub.process.kill()
        hub.process.wait()
    assert (place.data / "hub.sock").exists()
    assert place.ask("subscriptions").code == 3
    with place.hub():
        assert place.ask("subscriptions").code == 0


def test_a_terminal_gets_a_table_that_fits_it(place: Place, hub: Running) -> None:
    keeper, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    env = {name: value for name, value in place.environ(TERM="xterm").items() if name != "COLUMNS"}
    with os.fdopen(keeper, "rb", 0) as shown:
        with subprocess.Popen([SKOLNAV, "subscriptions"], cwd=place.folder, env=env, stdout=terminal) as process:
            os.close(terminal)
            written = b""
            with suppress(OSError):  # the terminal is gone when the command ends
                while piece := shown.read(4096):
                    written += piece
        assert process.returncode == 0
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in written.decode().splitlines()]
    assert max(map(len, lines)) <= 100
    assert any(re.match(r" acme-absence +client/acme +feed +aktiv", line) for line in lines)
    assert any("───" in line for line in lines)
