"""`skolnav run`: from the start line to each way in which it ends."""

import contextlib
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from hub.store import migrations
from tests.faults.disks import LoopDisk, why_not
from tests.hub.cli.conftest import STUDENT, TOKENS, UP, VERSION, Place, absence
from tests.until import block_until

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0[12]:00 (DEBUG|INFO|WARNING|ERROR) [\w.]+: .+")


def test_it_says_in_one_line_where_it_listens_and_what_it_has(place: Place) -> None:
    with place.hub() as hub:
        lines = hub.output.splitlines()
    assert lines == [
        f"Skolnav {VERSION}: http://127.0.0.1:{place.port}, data i {place.data}, inbyggd motor (fsync före svaret), "
        "kopplingar: 0, prenumerationer: 1"
    ]


def test_warnings_come_before_that_line_and_are_counted_in_it(place: Place) -> None:
    place.configure(clients=[{"id": "sis", "token": "${env:SIS_TOKEN}", "roles": ["publisher"]}], subscriptions=[])
    with place.hub() as hub:
        *before, up = hub.output.splitlines()
    assert len(before) == 3
    assert all(LINE.fullmatch(line) for line in before)
    assert "may publish every event type" in before[0].lower()
    assert up.endswith("prenumerationer: 0, varningar: 3 (skolnav check)")


def test_its_log_holds_time_level_logger_and_nothing_personal(place: Place) -> None:
    """Promise 8: no personal data or secret in a log line, not at any level."""
    place.configure(log_level="debug")
    with place.hub() as hub:
        hub.post(absence("a-1"))
        place.ask("subscriptions")
        place.ask("why", "a-1", "acme")
        hub.process.send_signal(signal.SIGTERM)
        assert hub.process.wait(10) == 0
        written = hub.output
    for line in written.splitlines():
        assert line.startswith(UP) or LINE.fullmatch(line), line
    assert "ended in order" in written
    for value in (STUDENT, *TOKENS.values()):
        assert value not in written


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_although_somebody_is_in_the_middle_of_a_call(
    place: Place, number: signal.Signals
) -> None:
    with place.hub() as hub, _half_a_request(place.port):
        hub.process.send_signal(number)
        assert hub.process.wait(10) == 0
        assert "ended in order" in hub.output
    assert not (place.data / "hub.sock").exists()


def test_a_second_ctrl_c_ends_it_at_once(place: Place) -> None:
    with place.hub() as hub, _half_a_request(place.port):
        hub.process.send_signal(signal.SIGINT)
        block_until(lambda: "ending" in hub.output)
        hub.process.send_signal(signal.SIGINT)
        assert hub.process.wait(2) == 130
        assert "ends at once" in hub.output
    with place.hub():  # nothing is damaged
        assert place.ask("subscriptions").code == 0


def test_a_second_hub_on_the_same_data_is_refused(place: Place) -> None:
    with place.hub():
        second = place.run("run")
        assert second.code == 4
        assert f"En annan hubb använder redan filerna i {place.data}" in second.err
        assert place.ask("subscriptions").code == 0  # the first is none the worse


def test_an_address_that_is_taken_is_told(place: Place) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        ran = place.ask("run")
    assert ran.code == 5
    assert f"Hubben kan inte lyssna på 127.0.0.1:{place.port}: adressen används redan" in ran.err


def test_data_that_cannot_be_used_is_told(place: Place) -> None:
    place.data.write_text("a file where the folder should be")
    ran = place.run("run")
    assert ran.code == 6
    assert str(place.data) in ran.err


@pytest.mark.parametrize("file", ["log.db", "store.db"])
def test_a_damaged_file_is_named(place: Place, file: str) -> None:
    place.data.mkdir()
    (place.data / file).write_bytes(secrets.token_bytes(65536))
    ran = place.ask("run")
    assert ran.code == 6
    assert f"{place.data / file} är skadad" in ran.err
    assert "säkerhetskopian" in ran.err


@pytest.mark.parametrize("key", [secrets.token_bytes(32), b"no key"], ids=["another", "broken"])
def test_a_key_that_is_not_the_one_that_was_used_is_told(place: Place, key: bytes) -> None:
    with place.hub():
        pass
    (place.data / "key").write_bytes(key)
    ran = place.ask("run")
    assert ran.code == 6
    assert "Hubbens nyckel öppnar inte det som sparats" in ran.err


NOBODY = {"clients": [], "subscriptions": []}


@pytest.mark.parametrize("seals_nothing", [True, False], ids=["without clients", "with clients"])
def test_a_key_that_is_gone_is_told_and_no_other_is_made(place: Place, seals_nothing: bool) -> None:
    place.configure(**(NOBODY if seals_nothing else {}))
    with place.hub():
        pass
    key = (place.data / "key").read_bytes()
    (place.data / "key").unlink()
    ran = place.ask("run")
    assert ran.code == 6
    assert "Hubbens nyckel saknas" in ran.err
    assert "Lägg tillbaka nyckeln" in ran.err
    assert "The hub's key is missing" in place.ask("--language", "en", "run").err
    assert not (place.data / "key").exists()
    (place.data / "key").write_bytes(key)
    with place.hub():
        pass


def test_another_key_is_told_although_nothing_was_sealed_with_the_first(place: Place) -> None:
    place.configure(**NOBODY)
    with place.hub():
        pass
    (place.data / "key").write_bytes(secrets.token_bytes(32))
    ran = place.ask("run")
    assert ran.code == 6
    assert "Hubbens nyckel öppnar inte det som sparats" in ran.err


def _of_the_first_schema(path: Path) -> None:
    """Make a store what it was before all later steps of its schema, with the rows that it had then."""
    now = path.rename(path.with_name("now.db"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migrations.config(connection), "0001")
    engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("ATTACH ? AS now", [str(now)])
        for (table,) in store.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in store.execute(f"PRAGMA main.table_info({table})"))
                store.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}")
    now.unlink()


def test_what_was_made_before_there_were_fingerprints_gets_the_one_of_the_key_that_opens_it(place: Place) -> None:
    with place.hub():
        pass
    _of_the_first_schema(place.data / "store.db")
    key = (place.data / "key").read_bytes()
    (place.data / "key").write_bytes(secrets.token_bytes(32))
    assert place.ask("run").code == 6
    (place.data / "key").write_bytes(key)
    with place.hub():
        pass
    assert place.ask("check").code == 0


def test_a_full_disk_at_the_start_is_told(place: Place, tmp_path: Path) -> None:
    if (reason := why_not(tmp_path)) is not None:
        pytest.skip(reason)
    folder = tmp_path / "full"
    folder.mkdir()
    disk = LoopDisk(folder, 16)
    try:
        filler = disk.path / "filler"
        for size in (1 << 20, 512):  # a large write that fails leaves room for small ones
            with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
        place.configure(data=str(disk.path / "data"))
        ran = place.ask("run")
        assert ran.code == 6
        assert "Disken är full" in ran.err
        filler.unlink()
        with place.hub() as hub:
            hub.post(absence("a-1"))
    finally:
        disk.unmount()


def test_unset_variables_are_told_and_values_never(place: Place) -> None:
    env = place.environ()
    del env["ACME_TOKEN"]
    ran = place.run("run", env=env)
    assert ran.code == 2
    assert "Miljövariabeln ACME_TOKEN saknas eller är tom." in ran.err
    assert TOKENS["SIS_TOKEN"] not in ran.err


def test_a_failure_that_nobody_thought_of_is_no_traceback_either(place: Place) -> None:
    """An exception's own words may quote data: its class and place are told."""
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "sitecustomize.py").write_text(
        "import plugins.manager\n"
        "def load(*_): raise RuntimeError('Anna Andersson')\n"
        "plugins.manager.Plugins.load = load\n"
    )
    ran = place.run("plugins", env=place.environ(PYTHONPATH=str(place.folder / "mine")))
    assert ran.code == 1
    assert "RuntimeError (sitecustomize.py:2)" in ran.err
    assert "Anna" not in ran.err


def _half_a_request(port: int) -> socket.socket:
    """A call whose body never comes."""
    caller = socket.create_connection(("127.0.0.1", port))
    caller.sendall(
        b"POST /v1/events HTTP/1.1\r\nHost: hub\r\nContent-Type: application/cloudevents+json\r\n"
        b"Authorization: Bearer " + TOKENS["SIS_TOKEN"].encode() + b"\r\nContent-Length: 1000\r\n\r\n{"
    )
    time.sleep(0.2)  # until the hub waits for the rest
    return caller


def test_the_module_is_the_same_command(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hub.cli", "catalogue"], capture_output=True, text=True, env=place.environ(),
        cwd=place.folder, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "se.skolnav.absence.reported.v1" in done.stdout
