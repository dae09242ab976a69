"""Paths in connectors' settings: where relative ones count from."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter

from hub.config import HubConfig, load
from plugins import ConnectorConfig, LocalPath
from plugins.manager import Plugins
from tests.peers.tls import Authority

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqNyyhJBJ2bqKSBKNXqfpu9C0V8qRW8bZhVgB8WkZ1c"
KITCHEN = (
    "{id: K1, unit_code: '12345678', units: ['22222222-2222-4222-8222-222222222222'], "
    "sittings: [{id: S, from: '11:10', to: '11:40'}]}"
)


class Vendors(ConnectorConfig):
    files: tuple[LocalPath, ...]
    key: LocalPath | None = None


def test_relative_ones_count_from_the_folder_that_the_hub_gives_and_absolute_ones_stay(tmp_path: Path) -> None:
    given = {"files": ["a/b", "/c"], "key": "../d"}
    found = TypeAdapter(Vendors).validate_python(given, context={"folder": tmp_path})
    assert found.files == (tmp_path / "a/b", Path("/c"))
    assert found.key == tmp_path / "../d"
    assert Vendors.model_validate(given).files == (Path("a/b"), Path("/c"))


def configured(tmp_path: Path, connector: str) -> Any:
    """What the hub makes of a connector's settings in a file that lies elsewhere than where it is started."""
    assert Path.cwd() != tmp_path
    authority = Authority(tmp_path)
    certificate, key = authority.identity("hub")
    given = {"kept/it": authority.file(), "ca.pem": authority.file(), "c.pem": certificate, "k.pem": key}
    file = tmp_path / "etc" / "skolnav.yaml"
    (file.parent / "kept").mkdir(parents=True)
    for name, content in given.items():
        (file.parent / name).write_bytes(content.read_bytes())
    file.write_text(f"municipality: Exempelkommun\nconnectors:\n  it: {connector}\n")
    config: HubConfig = load(file, Plugins.load(), environ={"TOKEN": "token-of-a-far-side-0123"}, at_start=True)
    return config.connectors["it"].config


@pytest.mark.parametrize(
    ("transport", "setting"),
    [
        ("{kind: folder, path: kept/it}", "path"),
        (f"{{kind: sftp, host: h, username: u, key_file: kept/it, host_key: {HOST_KEY}}}", "key_file"),
        ("{kind: https, url: 'https://kitchen.example/in', ca_file: kept/it}", "ca_file"),
        (
            "{kind: email, host: h, sender: hub@exempel.se, recipients: {K1: [kok@exempel.se]}, ca_file: kept/it}",
            "ca_file",
        ),
    ],
    ids=["folder", "sftp", "https", "email"],
)
def test_those_of_the_kitchens_transport(tmp_path: Path, transport: str, setting: str) -> None:
    config = configured(tmp_path, f"{{use: catering, aggregates: true, kitchens: [{KITCHEN}], transport: {transport}}}")
    assert getattr(config.transport, setting) == tmp_path / "etc" / "kept/it"


def test_the_sftp_servers_own_folder_is_left_alone(tmp_path: Path) -> None:
    transport = f"{{kind: sftp, host: h, username: u, password: '${{env:TOKEN}}', path: in, host_key: {HOST_KEY}}}"
    config = configured(tmp_path, f"{{use: catering, aggregates: true, kitchens: [{KITCHEN}], transport: {transport}}}")
    assert config.transport.path == "in"


def test_those_of_the_school_system(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        "{use: ss12000, base_url: 'https://sis.example/v2.0', auth: {certificate: c.pem, key: k.pem}, ca_file: ca.pem}",
    )
    found = (config.auth.certificate, config.auth.key, config.ca_file)
    assert found == tuple(tmp_path / "etc" / name for name in ("c.pem", "k.pem", "ca.pem"))


def bare_paths(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    """Settings that are paths without the rule."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            yield from (f"{annotation.__name__}.{name}" for _ in bare_paths(info.annotation, tuple(info.metadata)))
    elif isinstance(annotation, type) and issubclass(annotation, os.PathLike):
        if not metadata:
            yield "bare"
    elif inner := get_args(annotation):
        more = getattr(annotation, "__metadata__", ())
        for each in inner:
            yield from bare_paths(each, (*metadata, *more))


def test_no_connector_has_a_path_that_counts_from_where_the_hub_is_started() -> None:
    class Bare(BaseModel):
        one: Path | None = None
        other: LocalPath

    assert list(bare_paths(Bare)) == ["Bare.one"]
    plugins = Plugins.load()
    assert len(plugins.names()) >= 2
    assert [each for name in plugins.names() for each in bare_paths(plugins.connector(name).config_model)] == []
