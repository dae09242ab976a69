"""Whole files, against a real SFTP server and a real folder, and never over a file that exists."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from plugins import ConfigurationError, SkolnavError, TemporaryError
from plugins.texts import Text
from plugins.wires import FarSide
from plugins.wires.files import FileWire, Put
from plugins.wires.folder import Folder
from plugins.wires.settings import FolderSettings, SftpSettings
from plugins.wires.sftp import Sftp
from tests.peers.sftp import PASSWORD, Peer, sftp_peer
from tests.plugins.wires.deaf import deaf_server

NAME = "KOST_12345678_20261124_0830_v1.csv"
BODY = "﻿kitchen;portions\r\nÖ;17\r\n".encode() * 50


FAR_SIDE = FarSide(connector="acme-kitchen", name=Text("mottagaren", "the receiver"), settings="to.")


def sftp(peer: Peer, **changes: Any) -> Sftp:
    return Sftp(SftpSettings.model_validate(peer.settings(**changes)), FAR_SIDE)


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    async with sftp_peer(tmp_path / "peer") as running:
        yield running


async def put(client: FileWire, content: bytes = BODY, name: str = NAME) -> Put:
    return await asyncio.to_thread(client.put, name, content)


async def failure(client: FileWire, within_s: float = 30) -> SkolnavError:
    """What `put` raises, and that it does in bounded time without saying what is in the file or the password."""
    begin = time.monotonic()
    with pytest.raises(SkolnavError) as caught:
        await put(client)
    assert time.monotonic() - begin < within_s
    assert caught.value.__cause__ is None
    assert not any(secret in str(caught.value) for secret in (PASSWORD, "portions", "No space"))
    assert caught.value.fix
    assert caught.value.sv.startswith("acme-kitchen: ")
    return caught.value


class TestBoth:
    """What holds for a folder and for a server alike."""

    @pytest.fixture(params=["folder", "sftp"])
    async def place(self, request: pytest.FixtureRequest, peer: Peer) -> tuple[FileWire, Path]:
        folder = peer.root / "in"
        if request.param == "folder":
            return Folder(FolderSettings(path=folder), FAR_SIDE), folder
        return sftp(peer), folder

    async def test_a_file_arrives_whole_under_its_name_alone(self, place: tuple[FileWire, Path]) -> None:
        client, folder = place
        assert await put(client) is Put.WRITTEN
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {NAME: BODY}

    async def test_the_same_bytes_again_write_nothing(self, place: tuple[FileWire, Path]) -> None:
        """Promise 6: the same event twice has the same effect once."""
        client, folder = place
        await put(client)
        before = (folder / NAME).stat()
        assert await put(client) is Put.THERE
        after = (folder / NAME).stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    @pytest.mark.parametrize("other", [b"", b"x", BODY[:-1], BODY + b"x"])
    async def test_other_bytes_under_the_name_are_left_alone(self, place: tuple[FileWire, Path], other: bytes) -> None:
        client, folder = place
        (folder / NAME).write_bytes(other)
        assert await put(client) is Put.TAKEN
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {NAME: other}

    async def test_a_part_that_a_crash_left_is_removed(self, place: tuple[FileWire, Path]) -> None:
        client, folder = place
        (folder / f"{NAME}.0123456789abcdef.part").write_bytes(b"longer than what comes" * 1000)
        assert await put(client) is Put.WRITTEN
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {NAME: BODY}

    async def test_a_large_file_is_quick(self, place: tuple[FileWire, Path]) -> None:
        client, folder = place
        large = os.urandom(4_000_000)
        assert await put(client, large) is Put.WRITTEN
        assert (folder / NAME).read_bytes() == large

    async def test_a_probe_goes_there_and_back_and_leaves_nothing(self, place: tuple[FileWire, Path]) -> None:
        client, folder = place
        await asyncio.to_thread(client.probe)
        assert list(folder.iterdir()) == []

    async def test_a_missing_folder_is_told_as_temporary(self, place: tuple[FileWire, Path]) -> None:
        """A share that is not mounted comes back by itself: nothing needs to be changed in the hub."""
        client, folder = place
        folder.rmdir()
        error = await failure(client)
        assert isinstance(error, TemporaryError)
        assert "ENOENT" in error.why
        assert not folder.exists()


class TestServer:
    async def test_a_key_file_opens_it_too(self, peer: Peer, tmp_path: Path) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(tmp_path / "key")
        peer.authorized.append(key.convert_to_public())
        assert await put(sftp(peer, password=None, key_file=str(tmp_path / "key"))) is Put.WRITTEN

    @pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
    async def test_another_host_key_is_refused_before_the_password_leaves(self, peer: Peer, algorithm: str) -> None:
        other = asyncssh.generate_private_key(algorithm).export_public_key().decode().strip()
        error = await failure(sftp(peer, host_key=other))
        assert (type(error), error.code) == (ConfigurationError, "host-key")
        assert peer.files() == {}

    async def test_a_host_key_that_is_none_is_told(self, peer: Peer) -> None:
        error = await failure(sftp(peer, host_key="ssh-ed25519 AAAA"))
        assert (type(error), error.code) == (ConfigurationError, "host-key")

    async def test_a_wrong_password_is_not_tried_again(self, peer: Peer) -> None:
        error = await failure(sftp(peer, password="fel"))
        assert (type(error), error.code) == (ConfigurationError, "login-refused")

    async def test_a_missing_key_file_is_told(self, peer: Peer, tmp_path: Path) -> None:
        error = await failure(sftp(peer, password=None, key_file=str(tmp_path / "none")))
        assert (type(error), error.code) == (ConfigurationError, "key-file")

    async def test_a_key_with_a_passphrase_is_told(self, peer: Peer, tmp_path: Path) -> None:
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key", passphrase="x")
        error = await failure(sftp(peer, password=None, key_file=str(tmp_path / "key")))
        assert (type(error), error.code) == (ConfigurationError, "key-file")

    @pytest.mark.parametrize("at", ["auth", "write", "rename", "read"])
    async def test_a_frozen_server_is_left_in_bounded_time(self, peer: Peer, at: str) -> None:
        """Promise 3: a slow or hostile recipient costs its own connector no more than the time that is set."""
        peer.faults.freeze_at = at
        assert isinstance(await failure(sftp(peer, timeout_s=1, deadline_s=2)), TemporaryError)
        assert NAME not in peer.files() or at == "read"

    @pytest.mark.parametrize("drip", [b"", b"x"])
    async def test_a_server_that_says_nothing_or_drips_is_left_in_bounded_time(self, peer: Peer, drip: bytes) -> None:
        with deaf_server(drip) as port:
            error = await failure(sftp(peer, port=port, timeout_s=1, deadline_s=2))
        assert isinstance(error, TemporaryError)

    async def test_nobody_listening_is_temporary(self, peer: Peer) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            error = await failure(sftp(peer, port=taken.getsockname()[1]))
        assert isinstance(error, TemporaryError)

    @pytest.mark.parametrize("at", ["write", "rename"])
    async def test_a_link_that_breaks_midway_leaves_no_final_name_and_the_next_try_mends_it(
        self, peer: Peer, at: str
    ) -> None:
        client = sftp(peer)
        peer.faults.cut_at = at
        assert isinstance(await failure(client), TemporaryError)
        assert NAME not in peer.files()
        assert await put(client) is Put.WRITTEN
        assert peer.files() == {NAME: BODY}

    async def test_a_full_disk_leaves_no_final_name(self, peer: Peer) -> None:
        peer.faults.full_after = len(BODY) // 2
        assert isinstance(await failure(sftp(peer)), TemporaryError)
        assert NAME not in peer.files()

    async def test_a_server_that_changes_what_is_written_is_found_out_before_the_name_appears(self, peer: Peer) -> None:
        peer.faults.truncate = True
        error = await failure(sftp(peer))
        assert (type(error), error.code) == (TemporaryError, "unverified")
        assert peer.files() == {}

    async def test_a_folder_that_may_not_be_written_is_told(self, peer: Peer) -> None:
        error = await failure(sftp(peer, path="/in/none"))
        assert isinstance(error, TemporaryError)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_under_a_folder_is_temporary_and_leaves_no_final_name(small_disk: Path) -> None:
    client = Folder(FolderSettings(path=small_disk), FAR_SIDE)
    (small_disk / "ballast").write_bytes(b"x" * (small_disk_bytes(small_disk) - 8192))
    with pytest.raises(TemporaryError) as caught:
        client.put(NAME, b"x" * 100_000)
    assert "ENOSPC" in caught.value.why
    assert not (small_disk / NAME).exists()
    (small_disk / "ballast").unlink()
    assert client.put(NAME, b"x" * 100_000) is Put.WRITTEN


def small_disk_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if made.returncode:
        pytest.skip("this machine does not let a small file system be mounted")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
