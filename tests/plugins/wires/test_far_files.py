"""Files at far sides that are unkind: links under the names to come, servers without a request, drop boxes, and
programs that take a file as soon as it has its name.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugins import ConfigurationError, TemporaryError
from plugins.wires.files import Put, is_part
from plugins.wires.folder import Folder
from plugins.wires.settings import FolderSettings, SftpSettings
from plugins.wires.sftp import Sftp
from tests.peers.openssh import openssh_peer
from tests.peers.sftp import Peer, sftp_peer
from tests.plugins.wires.test_files import BODY, FAR_SIDE, NAME, put, sftp


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    async with sftp_peer(tmp_path / "peer") as running:
        yield running


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestLinks:
    """Promise 8, and the machine's: no one who may write in the folder makes the hub write elsewhere."""

    @pytest.fixture
    def victim(self, tmp_path: Path) -> Path:
        made = tmp_path / "victim"
        made.write_bytes(b"the municipality's")
        return made

    @pytest.fixture(params=["folder", "sftp"])
    def place(self, request: pytest.FixtureRequest, peer: Peer) -> tuple[Folder | Sftp, Path]:
        folder = peer.root / "in"
        return (Folder(FolderSettings(path=folder), FAR_SIDE) if request.param == "folder" else sftp(peer)), folder

    async def test_a_link_under_the_old_parts_name_is_not_followed(
        self, place: tuple[Folder | Sftp, Path], victim: Path
    ) -> None:
        client, folder = place
        (folder / f"{NAME}.part").symlink_to(victim)
        assert await put(client) is Put.WRITTEN
        assert victim.read_bytes() == b"the municipality's"
        assert (folder / NAME).read_bytes() == BODY

    async def test_parts_have_names_that_can_not_be_guessed(
        self, place: tuple[Folder | Sftp, Path], victim: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, folder = place
        monkeypatch.setattr("secrets.token_hex", lambda size: "0" * 2 * size)
        (folder / f"{NAME}.{'0' * 16}.part").symlink_to(victim)
        await put(client)  # removes the link that looks like a part, or refuses; it never writes through it
        assert victim.read_bytes() == b"the municipality's"

    @pytest.mark.parametrize("there", [True, False])
    async def test_a_link_under_the_name_itself_is_left_alone(
        self, place: tuple[Folder | Sftp, Path], victim: Path, there: bool
    ) -> None:
        client, folder = place
        if not there:
            victim.unlink()
        (folder / NAME).symlink_to(victim if isinstance(client, Folder) else os.path.relpath(victim, folder))
        assert await put(client) is Put.TAKEN
        assert (folder / NAME).is_symlink()
        assert not there or victim.read_bytes() == b"the municipality's"
        assert there or not victim.exists()

    async def test_a_pipe_a_folder_or_a_socket_under_the_name_blocks_nothing(
        self, place: tuple[Folder | Sftp, Path]
    ) -> None:
        client, folder = place
        os.mkfifo(folder / NAME)
        assert await put(client) is Put.TAKEN
        (folder / "other.csv").mkdir()
        assert await put(client, name="other.csv") is Put.TAKEN

    async def test_a_file_is_for_the_hub_and_a_group(self, place: tuple[Folder | Sftp, Path]) -> None:
        client, folder = place
        before = os.umask(0o077)
        try:
            await put(client)
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o640


def test_only_the_hubs_own_parts_are_removed() -> None:
    assert is_part(f"{NAME}.0123456789abcdef.part", NAME)
    for other in (
        NAME,
        f"{NAME}.part",
        f"{NAME}.0123456789abcdeg.part",
        f"{NAME}.0123456789abcdef.part.part",
        "x.part",
    ):
        assert not is_part(other, NAME)


class TestTakers:
    """A far side may take a file as soon as it has its name: then the file has arrived."""

    async def test_a_file_that_was_taken_at_once_has_arrived(self, peer: Peer) -> None:
        peer.faults.takes = True
        assert await put(sftp(peer)) is Put.WRITTEN
        await asyncio.to_thread(sftp(peer).probe)
        assert (peer.files(), len(peer.faults.renamed)) == ({}, 2)

    async def test_a_part_that_is_taken_is_no_whole_file(self, tmp_path: Path) -> None:
        """A program that takes parts may have taken a half file: the operator must see it."""

        class Taken(Folder):
            def _files(self):  # type: ignore[no-untyped-def]
                files = super()._files()
                create = files.create

                def taken(name: str, content: bytes) -> None:
                    create(name, content)
                    (tmp_path / name).unlink()

                files.create = taken  # type: ignore[method-assign]
                return files

        with pytest.raises(TemporaryError) as caught:
            await put(Taken(FolderSettings(path=tmp_path), FAR_SIDE))
        assert caught.value.code == "unverified"


class TestPlainSftp:
    """Whatever single request a server does not have, a whole file arrives, or the self-test says what is missing."""

    @pytest.mark.parametrize(
        "without",
        [
            (),
            ("posix-rename",),
            ("rename",),
            ("posix-rename", "hardlink", "fsync", "statvfs", "limits", "expand-path", "copy-data"),
            ("stat", "lstat", "fstat"),
            ("setstat", "fsetstat", "lsetstat"),
            ("opendir", "readdir"),
            ("remove",),
            ("posix-rename", "stat", "lstat", "fstat", "setstat", "fsetstat", "opendir", "remove"),
        ],
    )
    async def test_a_file_arrives_and_a_repeat_is_seen(self, tmp_path: Path, without: tuple[str, ...]) -> None:
        async with openssh_peer(tmp_path, without=without) as settings:
            client = Sftp(SftpSettings.model_validate(settings), FAR_SIDE)
            assert await put(client) is Put.WRITTEN
            assert contents(tmp_path) == {NAME: BODY}
            assert await put(client) is Put.THERE
            assert await put(client, BODY + b"x") is Put.TAKEN
            await asyncio.to_thread(client.probe)
            assert (tmp_path / NAME).read_bytes() == BODY

    async def test_a_server_without_any_renaming_says_so(self, tmp_path: Path) -> None:
        async with openssh_peer(tmp_path, without=("rename", "posix-rename")) as settings:
            client = Sftp(SftpSettings.model_validate(settings), FAR_SIDE)
            with pytest.raises(ConfigurationError) as caught:
                await put(client)
            assert caught.value.code == "no-rename"
            assert contents(tmp_path) == {}

    @pytest.mark.parametrize("read_back", [True, False])
    async def test_a_drop_box_gets_its_files_and_the_self_test_names_the_setting(
        self, tmp_path: Path, read_back: bool
    ) -> None:
        async with openssh_peer(tmp_path, without=("read", "opendir", "posix-rename")) as settings:
            client = Sftp(SftpSettings.model_validate({**settings, "read_back": read_back}), FAR_SIDE)
            assert await put(client) is Put.WRITTEN
            assert await put(client) is Put.THERE
            assert await put(client, BODY + b"x") is Put.TAKEN
            assert contents(tmp_path) == {NAME: BODY}
            if read_back:
                with pytest.raises(ConfigurationError) as caught:
                    await asyncio.to_thread(client.probe)
                assert caught.value.code == "not-readable"
                assert "to.read_back: false" in caught.value.fix
            else:
                await asyncio.to_thread(client.probe)
            assert contents(tmp_path) == {NAME: BODY}

    async def test_a_drop_box_that_answers_nothing_at_all_gets_its_file(self, tmp_path: Path) -> None:
        deaf = ("read", "stat", "lstat", "fstat", "opendir", "readdir", "remove", "setstat", "fsetstat", "posix-rename")
        async with openssh_peer(tmp_path, without=deaf) as settings:
            client = Sftp(SftpSettings.model_validate({**settings, "read_back": False}), FAR_SIDE)
            assert await put(client) is Put.WRITTEN
            assert contents(tmp_path) == {NAME: BODY}
