"""`skolnav run` under a service manager and in a terminal: SIGHUP, a terminal that closes, and what systemd is told."""

import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub.bus.migrations import FORMAT
from tests.hub.cli.conftest import SKOLNAV, UP, VERSION, Place, absence
from tests.until import block_until

FEED = {"name": "acme-absence", "client": "acme", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
LESSONS = {"name": "acme-lessons", "client": "acme", "types": ["se.skolnav.schedule.*"], "sink": {"kind": "feed"}}


class TestReadAgain:
    def test_a_changed_file_is_in_force_after_sighup(self, place: Place) -> None:
        with place.hub() as hub:
            place.configure(subscriptions=[FEED, LESSONS])
            hub.process.send_signal(signal.SIGHUP)
            block_until(lambda: "subscription acme-lessons added" in hub.output)
            assert "configuration read again: 1 changes" in hub.output
            assert "acme-lessons" in place.ask("subscriptions").out

    @pytest.mark.parametrize(
        ("broken", "says"),
        [
            ('{"municipality": "Exempelkommun", "clients": [{"id": "x"}]}', "clients[0].token"),
            ("{no yaml", "skolnav.yaml:1"),
            ('{"municipality": "Annanstad"}', "municipality can't change while the hub runs"),
        ],
        ids=["a missing token", "no YAML", "another municipality"],
    )
    def test_a_file_with_errors_changes_nothing_and_the_log_says_why(
        self, place: Place, broken: str, says: str
    ) -> None:
        with place.hub() as hub:
            good = place.file.read_text()
            place.file.write_text(broken)
            hub.process.send_signal(signal.SIGHUP)
            block_until(lambda: "the configuration in force stays as it is" in hub.output)
            assert says in hub.output
            hub.post(absence("a-1"))  # its clients are still there
            assert "acme-absence" in place.ask("subscriptions", "--data", str(place.data)).out

            place.file.write_text(good)
            hub.process.send_signal(signal.SIGHUP)
            block_until(lambda: "configuration read again: 0 changes" in hub.output)

    def test_what_only_a_start_reads_is_named(self, place: Place) -> None:
        with place.hub() as hub:
            place.configure(log_level="debug")
            hub.process.send_signal(signal.SIGHUP)
            block_until(lambda: "hub log_level changed, at the next start" in hub.output)


def test_it_survives_its_terminal(place: Place) -> None:
    ours, theirs = pty.openpty()
    hub = subprocess.Popen(
        [SKOLNAV, "run"], cwd=place.folder, env=place.environ(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=lambda: _control(theirs),
    )  # fmt: skip
    try:
        os.close(theirs)
        written = b""
        while UP.encode() not in written:
            written += os.read(ours, 4096)
        os.close(ours)  # the kernel sends SIGHUP, and each write fails from now on
        block_until(lambda: _ready(place.port))
        assert place.ask("apply", "--yes").code == 0
        assert hub.poll() is None
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(10) == 0
    finally:
        hub.kill()
        hub.wait()


def _control(terminal: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200


class TestServiceManager:
    @pytest.fixture
    def manager(self, tmp_path: Path) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(tmp_path / "notify"))
            listening.settimeout(30)
            yield listening

    def test_it_hears_ready_reload_and_stop_in_this_order(self, place: Place, manager: socket.socket) -> None:
        with place.hub(NOTIFY_SOCKET=manager.getsockname()) as hub:
            assert manager.recv(1000) == b"READY=1"
            hub.process.send_signal(signal.SIGHUP)
            reloading, began = manager.recv(1000).split(b"\n")
            assert reloading == b"RELOADING=1"
            assert int(began.removeprefix(b"MONOTONIC_USEC=")) > 0
            assert manager.recv(1000) == b"READY=1"
            hub.process.send_signal(signal.SIGTERM)
            assert manager.recv(1000) == b"STOPPING=1"

    def test_a_reload_that_fails_ends_too(self, place: Place, manager: socket.socket) -> None:
        with place.hub(NOTIFY_SOCKET=manager.getsockname()) as hub:
            assert manager.recv(1000) == b"READY=1"
            place.file.write_text("{no yaml")
            hub.process.send_signal(signal.SIGHUP)
            assert manager.recv(1000).startswith(b"RELOADING=1")
            assert manager.recv(1000) == b"READY=1"

    def test_the_watchdog_hears_of_it(self, place: Place, manager: socket.socket) -> None:
        with place.hub(NOTIFY_SOCKET=manager.getsockname(), WATCHDOG_USEC="20000"):
            heard = [manager.recv(1000) for _ in range(4)]
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]

    def test_a_watchdog_of_another_process_and_an_abstract_socket(self, place: Place) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(f"\0skolnav-test-{place.port}")
            listening.settimeout(30)
            environ = {"NOTIFY_SOCKET": f"@skolnav-test-{place.port}", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}
            with place.hub(**environ) as hub:
                assert listening.recv(1000) == b"READY=1"
                hub.process.send_signal(signal.SIGTERM)
                assert listening.recv(1000) == b"STOPPING=1"


class TestVersion:
    def test_the_command_tells_it(self, place: Place) -> None:
        assert place.run("--version").out == f"skolnav {VERSION}\n"

    def test_operators_see_it_in_readyz_and_in_the_metrics(self, place: Place) -> None:
        place.configure(clients=[{"id": "ops", "token": "${env:SIS_TOKEN}", "roles": ["operator"]}], subscriptions=[])
        with place.hub():
            url, operator = (
                f"http://127.0.0.1:{place.port}",
                {"Authorization": f"Bearer {place.environ()['SIS_TOKEN']}"},
            )
            assert httpx.get(f"{url}/readyz", headers=operator).json()["version"] == VERSION
            assert "version" not in httpx.get(f"{url}/readyz").json()
            metrics = httpx.get(f"{url}/metrics", headers=operator).text
        assert f'skolnav_info{{log="{FORMAT}",version="{VERSION}"}} 1.0' in metrics


def test_json_lines_and_an_access_log_by_choice(place: Place) -> None:
    """Promise 8: the access log holds neither a path that may name a person, nor a token, nor a query."""
    place.configure(log={"format": "json", "access": True})
    token = place.environ()["ACME_TOKEN"]
    with place.hub() as hub:
        hub.post(absence("a-1"))
        url, acme = f"http://127.0.0.1:{place.port}", {"Authorization": f"Bearer {token}"}
        httpx.get(f"{url}/v1/state/person/2f0a1f57-60f5-4a4e-9a8c-5a1b9d3e7c21", headers=acme)
        httpx.get(f"{url}/v1/subscriptions/acme-absence/events?limit=1&wait=0", headers=acme)
        httpx.get(f"{url}/connectors/Alva-Pahittad/anything")
        httpx.get(f"{url}/Alva-Pahittad")
        hub.process.send_signal(signal.SIGTERM)
        assert hub.process.wait(10) == 0
        lines = [json.loads(line) for line in hub.output.splitlines()]
    assert all(set(line) == {"time", "level", "logger", "message"} for line in lines)
    access = [
        line["message"].partition(" bytes")[0].rsplit(" ", 1)[0] for line in lines if line["logger"] == "hub.api.access"
    ]
    assert access == [
        "POST /v1/events 202 sis",
        "GET /v1/state/{subject:path} 404 acme",
        "GET /v1/subscriptions/{id}/events 200 acme",
        "GET /connectors/(unknown) 404 -",
        "GET (no route) 404 -",
    ]
    for hidden in ("2f0a1f57", "Alva", token, "limit="):
        assert hidden not in hub.output
