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
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests import school
from tests.hub.cli.conftest import SKOLNAV, STUDENT, Place, Running, absence
from tests.until import block_until

LESSON: dict[str, Any] = school.envelope(
    school.DAY_CLOSED, {"organisation": {"id": school.UNIT}, "date": school.DAY}, id="closed-1", source="urn:sis"
)
CONTRACT = {"purpose": "facilities", "legal_basis": "agreement", "categories": ["none", "free_text"]}


class Hook:
    """A webhook on loopback that answers what it is told to."""

    def __init__(self) -> None:
        self.answer = 204
        self.taken: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.answer == 204:
                    hook.taken.append(json.loads(body))
                self.send_response(hook.answer)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


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
    shown = place.run("events", "--limit", "500").out
    assert r"evt-\u202egnol\u2028" in shown
    assert "\u202e" not in shown
    printed = place.run("events", "--limit", "500", "--json")
    assert "\u202e" not in printed.out
    assert "evt-\u202egnol\u2028" in [each["id"] for each in printed.json()["events"]]


def test_subscriptions_are_listed_for_people_and_for_programs(place: Place, hub: Running) -> None:
    ran = place.run("subscriptions")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.startswith("namn")
    assert re.match(r"acme-absence +client/acme +feed +aktiv$", rows[0])
    assert re.match(r"facilities-days +client/facilities +webhook +aktiv$", rows[1])
    told = place.run("subscriptions", "--json").json()["subscriptions"]
    assert [each["name"] for each in told] == ["acme-absence", "facilities-days"]


def test_the_hub_is_found_by_folder_too_and_without_its_secrets(place: Place, hub: Running) -> None:
    env = place.environ()
    del env["SIS_TOKEN"]
    assert place.run("subscriptions", env=env).code == 0
    assert place.run("subscriptions", "--data", str(place.data), "show", "acme-absence").code == 0
    elsewhere = place.run("events", "--data", str(place.folder))
    assert elsewhere.code == 3


def test_one_is_shown_with_how_it_stands_and_without_its_secret(place: Place, hub: Running) -> None:
    ran = place.run("subscriptions", "show", "facilities-days")
    assert ran.code == 0
    assert re.search(r"^läge +aktiv$", ran.out, re.M)
    assert re.search(r"^går till +webhook http://127", ran.out, re.M)
    assert "token" not in ran.out
    assert "token-of" not in place.run("subscriptions", "show", "facilities-days", "--json").out


def test_pausing_and_resuming(place: Place, hub: Running) -> None:
    assert place.run("subscriptions", "pause", "acme-absence").out == "acme-absence: pausad (pausad för hand)\n"
    assert re.search(r"acme-absence .* pausad +pausad för hand$", place.run("subscriptions").out, re.M)
    assert place.run("subscriptions", "resume", "acme-absence", "--json").json()["status"] == "active"


def test_an_unknown_subscription_is_told_with_what_was_probably_meant(place: Place, hub: Running) -> None:
    ran = place.run("subscriptions", "pause", "acme-absense")
    assert ran.code == 1
    assert "Ingen prenumeration heter acme-absense. Menade du acme-absence?" in ran.err


def test_what_stands_in_the_file_is_not_removed_by_command(place: Place, hub: Running) -> None:
    ran = place.run("subscriptions", "remove", "acme-absence", "--yes")
    assert ran.code == 1
    assert "acme-absence står i konfigurationsfilen" in ran.err
    assert place.run("subscriptions", "remove", "acme-absence").code == 2  # nobody to ask


def test_events_tell_time_type_and_id_and_no_person(place: Place, hub: Running) -> None:
    hub.post(absence("listed-1"), absence("listed-2"))
    ran = place.run("events", "--type", "se.skolnav.absence.reported.v1", "--limit", "1")
    assert ran.code == 0
    head, row = ran.out.splitlines()
    assert head.split() == ["mottagen", "typ", "id", "källa"]
    assert "listed-2" in row
    assert STUDENT not in place.run("events", "--json").out
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert place.run("events", "--since", later).out == "Inga händelser.\n"


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
    ran = place.run("why", "why-1", "acme")
    assert ran.code == 0
    first, contract, decided = ran.out.splitlines()
    assert first.startswith("Inte levererad. Regel skydd.okand (version 1): personen som händelsen gäller är inte känd")
    assert contract == "Mottagarens avtal: identitet, närvaro, ”school attendance”."
    assert re.match(r"Inget beslut finns i loggen: omräknat \d{4}-\d\d-\d\d ", decided)
    english = place.run("why", "why-1", "acme", "--language", "en").out
    assert english.startswith("Not delivered. Rule skydd.okand")
    assert place.run("why", "why-1", "acme", "--json").json()["explanations"][0]["recomputed"] is True
    assert STUDENT not in ran.out
    nothing = place.run("why", "no-such-event", "acme")
    assert nothing.code == 1
    assert "Ingen händelse med det id:t finns kvar" in nothing.err


def test_a_test_event_goes_now_and_its_outcome_is_told(place: Place, hub: Running, hook: Hook) -> None:
    assert place.run("subscriptions", "test", "facilities-days").code == 0
    assert hook.taken[-1]["type"] == "se.skolnav.subscription.test.v1"
    hook.answer = 503
    failed = place.run("subscriptions", "test", "facilities-days")
    hook.answer = 204
    assert failed.code == 1
    assert "mottagaren tog inte emot provhändelsen (http-503)" in failed.err
    assert place.run("subscriptions", "test", "acme-absence").code == 1  # a feed is tested by reading it


def test_what_was_given_up_is_listed_and_sent_again(place: Place, hub: Running, hook: Hook) -> None:
    hook.answer = 422
    hub.post(LESSON)
    block_until(lambda: bool(place.run("dead-letters", "--json").json()["dead_letters"]))
    ran = place.run("dead-letters")
    assert "facilities-days" in ran.out
    assert "http-422" in ran.out
    [letter] = place.run("dead-letters", "--json").json()["dead_letters"]
    assert place.run("dead-letters", "resend").code == 2
    assert place.run("dead-letters", "resend", "no-such-letter").code == 1
    hook.answer = 204
    assert f"{letter['id']}: försöks igen" in place.run("dead-letters", "resend", letter["id"]).out
    block_until(lambda: any(each["id"] == "closed-1" for each in hook.taken))
    assert place.run("dead-letters").out == "Inget är olevererbart.\n"


def test_a_stretch_is_sent_again(place: Place, hub: Running, hook: Hook) -> None:
    hub.post({**LESSON, "id": "closed-2", "data": {**LESSON["data"], "date": "2026-11-25"}})
    block_until(lambda: any(each["id"] == "closed-2" for each in hook.taken))
    ran = place.run("subscriptions", "replay", "facilities-days", "--since", "1h")
    assert "facilities-days: skickas igen (replay-" in ran.out
    block_until(lambda: any(each["id"] == "closed-2" and "skolnavlane" in each for each in hook.taken))


def test_the_socket_is_for_the_hubs_user_alone(place: Place, hub: Running) -> None:
    assert (place.data / "hub.sock").stat().st_mode & 0o777 == 0o600


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The address of a Unix socket holds 107 bytes."""
    folder = tmp_path / ("a" * 120)
    folder.mkdir()
    place = Place(folder)
    with place.hub():
        assert place.run("subscriptions").code == 0


def test_a_hub_that_was_killed_leaves_a_socket_at_which_nobody_answers(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.hub() as hub:
        hub.process.kill()
        hub.process.wait()
    assert (place.data / "hub.sock").exists()
    assert place.run("subscriptions").code == 3
    with place.hub():
        assert place.run("subscriptions").code == 0


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
