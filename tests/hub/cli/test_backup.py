"""Backup and restore: the two files as a pair, from a hub that runs or not."""

import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from hub.api.operator import BackupRequest
from tests.hub.cli.conftest import TOKENS, Place, absence, config


def ids(place: Place) -> list[str]:
    return [each["id"] for each in place.ask("events", "--json").json()["events"]]


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "stopped"])
def test_what_was_accepted_before_the_copy_is_there_after_it_is_put_back(place: Place, running: bool) -> None:
    with place.hub() as hub:
        hub.post(absence("kept-1"), absence("kept-2"))
        if running:
            copied = place.ask("backup", "copy")
            hub.post(absence("later-1"))
    if not running:
        copied = place.ask("backup", "copy")
    assert copied.code == 0, copied.err
    assert "store.db och log.db är kopierade till" in copied.out
    assert f"Nyckeln ({place.data}/key) ingår inte" in copied.out
    assert sorted(each.name for each in (place.folder / "copy").iterdir()) == ["log.db", "store.db"]
    assert all(each.stat().st_mode & 0o077 == 0 for each in (place.folder / "copy").iterdir())

    key = (place.data / "key").read_bytes()
    shutil.rmtree(place.data)
    put_back = place.ask("restore", "copy")
    assert put_back.code == 0, put_back.err
    assert "Lägg tillbaka nyckeln också" in put_back.out
    (place.data / "key").write_bytes(key)
    with place.hub():
        assert ids(place) == ["kept-1", "kept-2"]
        assert "aktiv" in place.ask("subscriptions").out
        if running:  # a copy of all data is an act like any other
            assert f"backup.made {place.folder / 'copy'}" in " ".join(place.ask("audit").out.split())


def test_a_copy_never_overwrites_another(place: Place) -> None:
    with place.hub():
        assert place.ask("backup", "copy").code == 0
        again = place.ask("backup", "copy")
        assert again.code == 1
    assert place.ask("backup", "copy").code == 1
    over = place.ask("restore", "copy")
    assert over.code == 1
    assert "finns redan. Flytta undan filen först." in over.err


def test_a_copy_is_not_put_back_under_a_hub_that_runs(place: Place) -> None:
    with place.hub():
        assert place.ask("backup", "copy").code == 0
        ran = place.ask("restore", "copy")
    assert ran.code == 4
    assert "En hubb använder filerna i" in ran.err


def test_a_damaged_copy_is_refused_and_nothing_is_written(place: Place) -> None:
    with place.hub():
        assert place.ask("backup", "copy").code == 0
    shutil.rmtree(place.data)
    log = place.folder / "copy" / "log.db"
    content = bytearray(log.read_bytes())
    content[8192:] = secrets.token_bytes(len(content) - 8192)
    log.write_bytes(content)
    ran = place.ask("restore", "copy")
    assert ran.code == 1
    assert not (place.data / "log.db").exists()


def test_a_copy_made_with_another_key_is_not_put_back(place: Place) -> None:
    with place.hub():
        assert place.ask("backup", "copy").code == 0
    key = (place.data / "key").read_bytes()
    shutil.rmtree(place.data)
    with place.hub():  # begun anew, hence with a new key
        pass
    new = (place.data / "key").read_bytes()
    for file in place.data.glob("*.db*"):
        file.unlink()
    ran = place.ask("restore", "copy")
    assert ran.code == 6
    assert "Kopian gjordes med en annan nyckel än hubbens" in ran.err
    assert not (place.data / "store.db").exists()

    # The key that the configuration names is the one that counts.
    (place.folder / "kept").write_text(key.hex())
    place.configure(key="${file:kept}")
    assert place.ask("restore", "copy").code == 0
    with place.hub():
        pass
    place.configure()
    (place.data / "key").write_bytes(new)
    ran = place.ask("check")
    assert ran.code == 6
    assert "Hubbens nyckel öppnar inte det som sparats" in ran.out
    (place.data / "key").unlink()
    ran = place.ask("check", "--json")
    assert ran.code == 6
    assert "Hubbens nyckel saknas" in ran.json()["key"]["error"]
    assert not (place.data / "key").exists()


def test_options_may_come_before_the_subcommand(place: Place) -> None:
    """`backup --data D check` wrote a backup into a folder called check."""
    with place.hub():
        assert place.ask("backup", "copy").code == 0
        made = place.ask("backup", "--data", str(place.data), "other")
        checked = place.ask("backup", "--data", str(place.data), "--json", "check", "copy")
    assert made.code == 0, made.err
    assert (place.folder / "other" / "log.db").exists()
    assert checked.code == 0, checked.err
    assert checked.json()["folder"] == "copy"
    assert not (place.folder / "check").exists()


def test_nothing_to_copy_is_told(place: Place) -> None:
    assert place.ask("backup", "copy").code == 6
    assert place.ask("restore", "nowhere").code == 1


def test_a_backup_is_asked_for_over_the_local_socket_alone(place: Place, tmp_path: Path) -> None:
    """It makes files on the hub's machine: no token is enough for that."""
    clients = [*config(place.port)["clients"], {"id": "op", "token": "${file:op.token}", "roles": ["operator"]}]
    (tmp_path / "op.token").write_text("token-of-op-0123456789-abcdef")
    place.configure(clients=clients)
    with place.hub():
        url = f"http://127.0.0.1:{place.port}/v1/operator/backup"
        for token in (TOKENS["ACME_TOKEN"], "token-of-op-0123456789-abcdef"):
            answer = httpx.post(url, json={"folder": str(tmp_path / "x")}, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in (403, 404)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_no_file_system_can_have_is_refused_before_it_is_made() -> None:
    with pytest.raises(ValidationError):
        BackupRequest(folder="/tmp/canary\0")


_WAITING = {
    "it copies": "hub.engines.embedded_files._check = lambda copy: wait()",
    "it reads": "hub.bus.sqlite.SqliteLog.read = lambda *_: wait()",
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("waiting", _WAITING.values(), ids=_WAITING)
def test_a_check_that_is_ended_leaves_no_copy_behind(place: Place, waiting: str, number: signal.Signals) -> None:
    """A copy of a backup holds personal data."""
    with place.hub():
        assert place.ask("backup", "copy").code == 0
    temporary = place.folder / "temporary"
    temporary.mkdir()
    code = f"""
import select, sys, hub.bus.sqlite, hub.engines.embedded_files
from hub.cli import main
def wait():
    print("there", flush=True)
    # Not one long call: a signal that comes just before such a call begins is seen only after it.
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        pass
{waiting}
main(["backup", "check", "copy"])
"""
    environ = {**place.environ(), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=place.folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        assert list(temporary.glob("*/*store.db*"))
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert list(temporary.iterdir()) == []
