"""`check` sees what is not there: promise 8. At a start the same is no reason to leave a connector out."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hub.cli import check as checking
from hub.cli.disk import Durability
from hub.cli.exits import Code
from hub.config import ConfigErrors, load
from plugins.manager import Plugins
from tests.school import UNIT

PLUGINS = Plugins.load()
TOKEN = "token-of-the-school-0123456789-4f1c9a02b7d85e66"
KEY = Ed25519PrivateKey.generate()
HOST_KEY = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def errors(
    folder: Path, *, at_start: bool = False, environ: dict[str, str] | None = None, **config: Any
) -> dict[str, str]:
    """The place of each error with its text in English; empty if there is none."""
    path = folder / "skolnav.yaml"
    path.write_text(yaml.safe_dump({"municipality": "Exempelkommun", **config}))
    try:
        found = load(path, PLUGINS, environ={"TOKEN": TOKEN} if environ is None else environ, at_start=at_start)
    except ConfigErrors as refused:
        return {each.path: each.says("en") for each in refused.errors}
    assert not found.left_out
    return {}


def client(id: str = "feeder", **more: Any) -> dict[str, Any]:
    publishes = ["se.skolnav.directory.*"]
    return {"id": id, "token": "${env:TOKEN}", "roles": ["publisher"], "publishes": publishes, **more}


def sis() -> dict[str, Any]:
    return {"use": "ss12000", "base_url": "https://sis.example/v2.0", "auth": {"token": "${env:TOKEN}"}, "window": {}}


def kitchen(transport: dict[str, Any], *ids: str, code: int = 1) -> dict[str, Any]:
    sittings = [{"id": "1", "from": "11:10", "to": "11:40"}]
    kitchens = [
        {"id": id, "units": [UNIT], "unit_code": f"{code}{n:07}", "sittings": sittings} for n, id in enumerate(ids)
    ]
    return {"use": "catering", "aggregates": True, "kitchens": kitchens, "transport": transport}


def sftp(**more: Any) -> dict[str, Any]:
    return {"kind": "sftp", "host": "kost.example", "username": "u", "host_key": HOST_KEY, "key_file": "key", **more}


class TestADirectorySource:
    def test_that_is_a_misspelt_connector_is_named_with_what_was_meant(self, tmp_path: Path) -> None:
        said = errors(tmp_path, connectors={"sis": sis()}, directory={"sources": ["urn:skolnav:exempelkommun:siss"]})
        assert list(said) == ["directory.sources[0]"]
        assert "Did you mean urn:skolnav:exempelkommun:sis?" in said["directory.sources[0]"]

    def test_that_is_a_misspelt_client_s_source_too(self, tmp_path: Path) -> None:
        said = errors(tmp_path, clients=[client(sources=["urn:prov:sis"])], directory={"sources": ["urn:prov:ssi"]})
        assert "Did you mean urn:prov:sis?" in said["directory.sources[0]"]

    def test_whose_client_may_not_say_that_it_is_complete(self, tmp_path: Path) -> None:
        only = client(sources=["urn:sis"], publishes=["se.skolnav.absence.*"])
        assert list(errors(tmp_path, clients=[only], directory={"sources": ["urn:sis"]})) == ["directory.sources[0]"]

    def test_in_other_case_is_another_source_that_was_meant(self, tmp_path: Path) -> None:
        said = errors(tmp_path, clients=[client(sources=["urn:sis"])], directory={"sources": ["urn:SIS"]})
        assert "Did you mean urn:sis?" in said["directory.sources[0]"]

    def test_of_the_hub_s_own_names_is_no_client_s_even_if_that_may_say_anything(self, tmp_path: Path) -> None:
        sources = ["urn:elsewhere", "urn:skolnav:exempelkommun:sis"]
        said = errors(tmp_path, clients=[client()], directory={"sources": sources})
        assert list(said) == ["directory.sources[1]"]

    def test_at_a_start_the_hub_does_the_rest_of_its_work(self, tmp_path: Path) -> None:
        assert errors(tmp_path, at_start=True, directory={"sources": ["urn:siss"]}) == {}

    def test_that_is_right(self, tmp_path: Path) -> None:
        right = {"directory": {"sources": ["urn:skolnav:exempelkommun:sis", "urn:prov:*"]}}
        assert errors(tmp_path, connectors={"sis": sis()}, clients=[client(sources=["urn:prov:sis"])], **right) == {}


class TestFilesAndFolders:
    def written(self, folder: Path, secret: bytes | None = None) -> None:
        how = BestAvailableEncryption(secret) if secret else NoEncryption()
        (folder / "key").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how))

    def test_an_ssh_key_that_is_there(self, tmp_path: Path) -> None:
        self.written(tmp_path)
        assert errors(tmp_path, connectors={"kitchen": kitchen(sftp(), "K-1")}) == {}

    @pytest.mark.parametrize("content", [None, b"no key", b"locked"])
    def test_an_ssh_key_that_is_missing_none_or_locked(self, tmp_path: Path, content: bytes | None) -> None:
        if content == b"locked":
            self.written(tmp_path, b"passphrase")
        elif content is not None:
            (tmp_path / "key").write_bytes(content)
        connectors = {"kitchen": kitchen(sftp(), "K-1")}
        said = errors(tmp_path, connectors=connectors)
        assert list(said) == ["connectors.kitchen.transport.key_file"]
        words = {None: "no such file", b"no key": "no private key", b"locked": "passphrase"}
        assert words[content] in said["connectors.kitchen.transport.key_file"]
        assert errors(tmp_path, at_start=True, connectors=connectors) == {}

    def test_an_ssh_key_that_is_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "key").mkdir()
        said = errors(tmp_path, connectors={"kitchen": kitchen(sftp(), "K-1")})
        assert "folder" in said["connectors.kitchen.transport.key_file"]

    @pytest.mark.parametrize(
        "host_key",
        ["ssh-ed25519 AAAA", HOST_KEY[:-8], HOST_KEY.replace("ed25519", "rsa", 1)],
        ids=["short", "cut off", "of another kind"],  # the key is made anew in each process
    )
    def test_a_host_key_that_is_none(self, tmp_path: Path, host_key: str) -> None:
        self.written(tmp_path)
        said = errors(tmp_path, connectors={"kitchen": kitchen(sftp(host_key=host_key), "K-1")})
        assert list(said) == ["connectors.kitchen.transport.host_key"]

    @pytest.mark.parametrize("made", [False, True])
    def test_a_kitchen_s_folder_that_is_missing_or_a_file(self, tmp_path: Path, made: bool) -> None:
        if made:
            (tmp_path / "kost").write_text("")
        connectors = {"kitchen": kitchen({"kind": "folder", "path": "kost"}, "K-1")}
        assert list(errors(tmp_path, connectors=connectors)) == ["connectors.kitchen.transport.path"]
        assert errors(tmp_path, at_start=True, connectors=connectors) == {}


class TestTwice:
    def test_the_same_kitchen_in_two_connectors(self, tmp_path: Path) -> None:
        (tmp_path / "kost").mkdir()
        to = {"kind": "folder", "path": "kost"}
        connectors = {"north": kitchen(to, "K-1", "K-2"), "south": kitchen(to, "K-3", "K-2", code=2)}
        said = errors(tmp_path, connectors=connectors)
        assert list(said) == ["connectors.south.kitchens[1].id"]
        assert "K-2 is also at connectors.north.kitchens[1].id" in said["connectors.south.kitchens[1].id"]
        assert errors(tmp_path, at_start=True, connectors=connectors) == {}

    def test_ids_that_look_alike_are_the_same_kitchen(self, tmp_path: Path) -> None:
        (tmp_path / "kost").mkdir()
        to = {"kind": "folder", "path": "kost"}
        connectors = {"north": kitchen(to, "K-1"), "south": kitchen(to, "k-1", code=2)}
        assert list(errors(tmp_path, connectors=connectors)) == ["connectors.south.kitchens[0].id"]

    def test_the_same_kitchen_by_mail(self, tmp_path: Path) -> None:
        def mail(id: str) -> dict[str, Any]:
            return {"kind": "email", "host": "m.example", "sender": "a@b.se", "recipients": {id: ["k@b.se", "l@b.se"]}}

        connectors = {"north": kitchen(mail("K-1"), "K-1"), "south": kitchen(mail("K-1"), "K-1", code=2)}
        assert list(errors(tmp_path, connectors=connectors)) == ["connectors.south.kitchens[0].id"]

    @pytest.mark.parametrize("reference", ["${env:NONE}", "${file:missing}"])
    def test_secrets_that_can_not_be_read_are_not_the_same_secret(self, tmp_path: Path, reference: str) -> None:
        clients = [client(id, sources=["urn:x"], token=reference) for id in ("one", "two")]
        said = errors(tmp_path, clients=clients)
        assert list(said) == ["clients[0].token", "clients[1].token"]
        assert not any("same secret" in text for text in said.values())


@pytest.mark.parametrize(
    ("free", "code"), [(1 << 20, Code.FILES), (0, Code.FILES), (1 << 30, Code.OK), (None, Code.OK)]
)
def test_a_data_folder_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free: int | None, code: Code
) -> None:
    path = tmp_path / "skolnav.yaml"
    path.write_text("municipality: Exempelkommun\n")
    found = Durability(folder=tmp_path, kind="ext4", fsync_ms=1.0, free=free)
    monkeypatch.setattr(checking, "probe", lambda data: found)
    assert checking.check(path, selftest=False, json=False) is code
    assert ("Frigör utrymme" in capsys.readouterr().out) is (code is Code.FILES)


class TestAnIdWithoutQuotes:
    """YAML reads 12345678 as a number: quotes alone would not make it an id."""

    def test_in_a_scope_and_in_a_kitchen(self, tmp_path: Path) -> None:
        (tmp_path / "kost").mkdir()
        connectors = {"kitchen": kitchen({"kind": "folder", "path": "kost"}, "K-1")}
        connectors["kitchen"]["kitchens"][0]["units"] = [12345678]
        contract = {"purpose": "a", "legal_basis": "b", "categories": [], "scope": {"organisations": [UNIT, 12345678]}}
        acme = {"id": "acme", "token": "${env:TOKEN}", "roles": ["subscriber"], "contract": contract}
        said = errors(tmp_path, connectors=connectors, clients=[acme])
        assert list(said) == ["clients[0].contract.scope.organisations[1]", "connectors.kitchen.kitchens[0].units[0]"]
        assert all("school-unit code" in text for text in said.values())

    def test_elsewhere_quotes_are_what_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "kost").mkdir()
        connectors = {"kitchen": kitchen({"kind": "folder", "path": "kost"}, "K-1")}
        connectors["kitchen"]["kitchens"][0].update(unit_code=12345678, units=[2120000142])
        said = errors(tmp_path, connectors=connectors)
        assert "quotes" in said["connectors.kitchen.kitchens[0].unit_code"]
        assert "organisation number" in said["connectors.kitchen.kitchens[0].units[0]"]
