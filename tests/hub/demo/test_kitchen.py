"""The demo's SFTP server, asked by an SFTP client."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from hub.demo.kitchen import USER, KitchenServer


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[KitchenServer]:
    server = KitchenServer(tmp_path / "kitchen")
    yield server
    server.stop()


def connect(kitchen: KitchenServer, password: str) -> paramiko.Transport:
    transport = paramiko.Transport(socket.create_connection(("127.0.0.1", kitchen.port)))
    transport.connect(username=USER, password=password)
    return transport


@pytest.fixture
def client(kitchen: KitchenServer) -> Iterator[paramiko.SFTPClient]:
    with connect(kitchen, kitchen.password) as transport:
        opened = paramiko.SFTPClient.from_transport(transport)
        assert opened is not None
        yield opened


def test_it_shows_the_key_that_is_pinned(kitchen: KitchenServer) -> None:
    with connect(kitchen, kitchen.password) as transport:
        key = transport.get_remote_server_key()
    assert kitchen.host_key == f"{key.get_name()} {key.get_base64()}"


def test_a_wrong_password_is_refused(kitchen: KitchenServer) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(kitchen, "wrong")


def test_a_file_is_told_of_when_it_has_its_name(kitchen: KitchenServer, client: paramiko.SFTPClient) -> None:
    told: list[tuple[str, bytes]] = []
    kitchen.on_file = lambda name, content: told.append((name, content))
    client.putfo(io.BytesIO(b"order"), "/in/a.csv.part")
    assert told == []
    client.posix_rename("/in/a.csv.part", "/in/a.csv")
    assert told == [("a.csv", b"order")]
    with client.open("/in/a.csv") as file:
        assert file.read() == b"order"
    assert client.listdir("/in") == ["a.csv"]
    client.remove("/in/a.csv")
    assert client.listdir("/in") == []


def test_only_a_posix_rename_replaces(client: paramiko.SFTPClient) -> None:
    for name in ("old", "new"):
        client.putfo(io.BytesIO(name.encode()), f"/in/{name}")
    with pytest.raises(OSError, match="Failure"):
        client.rename("/in/new", "/in/old")
    client.posix_rename("/in/new", "/in/old")
    assert client.stat("/in/old").st_size == len(b"new")


def test_nothing_outside_its_folder_is_reached(client: paramiko.SFTPClient, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("kept")
    with pytest.raises(FileNotFoundError):
        client.open("../../outside")
    with pytest.raises(FileNotFoundError):
        client.remove("/in/../../outside")
    assert (tmp_path / "outside").read_text() == "kept"
