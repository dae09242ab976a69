"""What `skolnav check` warns of: weak secrets, files that others read, an open address, a directory from anywhere."""

import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.config import load
from hub.config.risks import bits
from plugins.manager import Plugins
from tests.hub.test_config import SECRET

STRONG = "4f1c9a02b7d85e6630c2a1f7e49b8d15"
FEEDER: dict[str, Any] = {
    "id": "feeder", "token": "${env:FEEDER}", "roles": ["publisher"], "publishes": ["se.skolnav.absence.*"],
    "sources": ["urn:feeder"],
}  # fmt: skip


B = {"B": "0" + STRONG[1:]}


def warnings(folder: Path, environ: dict[str, str] | None = None, **config: Any) -> dict[str, str]:
    """The place of each warning with its key, as `check` finds them."""
    path = folder / "skolnav.yaml"
    path.write_text(yaml.safe_dump({"municipality": "Exempelkommun", "clients": [FEEDER], **config}))
    found = load(path, Plugins.of(), environ={"FEEDER": STRONG, **(environ or {})}).warnings
    for each in found:
        for language in ("sv", "en"):
            assert STRONG not in each.render(language)
            assert "{" not in each.says(language)
    return {each.path: each.key for each in found}


def test_a_sound_configuration_has_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path) == {}


@pytest.mark.parametrize(
    "weak",
    ["hemligt", "correct horse batt", "0123456789" * 5, "f00dbabe" * 8, "a" * 64, "ab" * 40, "8" * 31, STRONG[:-1]],
)
def test_a_token_below_128_bits(tmp_path: Path, weak: str) -> None:
    assert warnings(tmp_path, {"FEEDER": weak}) == {"clients[0].token": "warning.weak-secret"}


@pytest.mark.parametrize("make", [lambda: secrets.token_hex(16), lambda: secrets.token_urlsafe(16)])
def test_128_bits_by_chance_are_enough(make: Any) -> None:
    assert all(bits(make()) >= 128 for _ in range(500))


def test_a_webhook_secret_is_measured_without_its_prefix() -> None:
    assert bits(SECRET) >= 128
    assert bits("whsec_" + "QUJD" * 8) < 128


@pytest.mark.parametrize(("mode", "found"), [(0o600, {}), (0o400, {}), (0o640, {"x"}), (0o604, {"x"}), (0o644, {"x"})])
def test_a_secret_file_that_others_may_read(tmp_path: Path, mode: int, found: set[str]) -> None:
    (tmp_path / "token").write_text(STRONG)
    (tmp_path / "token").chmod(mode)
    clients = [{**FEEDER, "token": "${file:token}"}]
    expected = {"clients[0].token": "warning.secret-readable"} if found else {}
    assert warnings(tmp_path, clients=clients) == expected


def test_a_file_that_holds_no_secret_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "listen").write_text("127.0.0.1:8081")
    (tmp_path / "listen").chmod(0o644)
    assert warnings(tmp_path, listen="${file:listen}") == {}


def test_the_hubs_key_is_a_secret_file_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "key").chmod(0o644)
    assert warnings(tmp_path, key="${file:key}") == {"key": "warning.secret-readable"}


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:8080", "hub.example:8080"])
def test_an_address_for_others_without_a_proxy(tmp_path: Path, listen: str) -> None:
    assert warnings(tmp_path, listen=listen) == {"listen": "warning.public"}


@pytest.mark.parametrize(
    "wide", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "64.0.0.0/7", "8.0.0.0/6", "2000::/3", "2a00::/12"]
)
def test_a_range_of_proxies_that_clients_are_in_too(tmp_path: Path, wide: str) -> None:
    found = warnings(tmp_path, trusted_proxies=["127.0.0.1/32", wide])
    assert found == {"trusted_proxies[1]": "warning.proxies-wide"}


@pytest.mark.parametrize("narrow", ["10.0.0.0/8", "192.0.2.7/32", "8.0.0.0/8", "fc00::/7", "2a00::/16", "::1/128"])
def test_a_range_of_proxies_that_may_be_theirs_alone(tmp_path: Path, narrow: str) -> None:
    assert warnings(tmp_path, trusted_proxies=[narrow]) == {}


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "127.3.2.1:8080", "[::1]:8080", "localhost:8080"])
def test_an_address_of_this_machine(tmp_path: Path, listen: str) -> None:
    assert warnings(tmp_path, listen=listen) == {}


@pytest.mark.parametrize("publishes", [["se.skolnav.directory.*"], ["se.skolnav.*"], ["*.person.upserted.v1"]])
def test_a_publisher_of_the_directory_that_is_no_source_of_it(tmp_path: Path, publishes: list[str]) -> None:
    clients = [{**FEEDER, "publishes": publishes}]
    assert warnings(tmp_path, clients=clients) == {"clients[0]": "warning.directory-publisher"}
    current = {**FEEDER, "publishes": ["se.skolnav.directory.current.*"]}
    named = {"directory": {"sources": ["urn:feeder"]}}
    assert warnings(tmp_path, clients=[*clients, {**current, "id": "b", "token": "${env:B}"}], environ=B, **named) == {}
    other = {"directory": {"sources": ["urn:sis"]}}
    sis = {**current, "id": "b", "token": "${env:B}", "sources": ["urn:sis"]}
    found = warnings(tmp_path, clients=[*clients, sis], environ=B, **other)
    assert found == {"clients[0]": "warning.directory-publisher"}


def test_a_kitchens_diet_codes_have_a_source_of_their_own(tmp_path: Path) -> None:
    assert warnings(tmp_path, clients=[{**FEEDER, "publishes": ["se.skolnav.directory.diet.*"]}]) == {}


def test_a_directory_source_is_a_glob(tmp_path: Path) -> None:
    clients = [{**FEEDER, "publishes": ["se.skolnav.directory.*"]}]
    assert warnings(tmp_path, clients=clients, directory={"sources": ["urn:feed*"]}) == {}


def test_a_publisher_without_sources(tmp_path: Path) -> None:
    clients = [{name: value for name, value in FEEDER.items() if name != "sources"}]
    assert warnings(tmp_path, clients=clients) == {"clients[0]": "warning.sources-all"}


@pytest.mark.parametrize(
    ("backups", "found"),
    [("data/saved", True), ("data", True), ("./x/../data/saved", True), ("saved", False), ("data-saved", False)],
)
def test_backups_that_are_lost_with_the_data(tmp_path: Path, backups: str, found: bool) -> None:
    expected = {"backups.folder": "warning.backups-inside"} if found else {}
    assert warnings(tmp_path, backups={"folder": backups}) == expected


def test_backups_that_can_not_be_made(tmp_path: Path) -> None:
    """The hub makes folders that are not there, but not in a file."""
    (tmp_path / "saved").write_text("no folder")
    assert warnings(tmp_path, backups={"folder": "saved/daily"}) == {"backups.folder": "warning.backups-locked"}


def test_backups_that_a_link_leads_into_the_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "saved").symlink_to(tmp_path / "data")
    assert warnings(tmp_path, backups={"folder": "saved"}) == {"backups.folder": "warning.backups-inside"}


@pytest.mark.parametrize(("year", "found"), [(2020, True), (2999, False)])
def test_a_previous_secret_whose_time_is_over(tmp_path: Path, year: int, found: bool) -> None:
    until = f"{year}-01-01T12:00:00+01:00"
    contract = {"purpose": "a", "legal_basis": "b", "categories": ["attendance"]}
    client = {**FEEDER, "previous_token": "${env:B}", "previous_token_until": until, "contract": contract,
              "roles": ["publisher", "subscriber"]}  # fmt: skip
    hook = {
        "name": "x", "client": "feeder", "types": ["se.skolnav.absence.*"],
        "sink": {"kind": "webhook", "url": "https://x.example/", "secret": "${env:S}", "previous_secret": "${env:P}",
                 "previous_secret_until": until},
    }  # fmt: skip
    environ = {**B, "S": SECRET, "P": "whsec_C2VraG9tbWVyLWV0dC1oZW1saWd0LW9yZDEyMzQ1Njc4"}
    ended = {name: key for name, key in warnings(tmp_path, environ, clients=[client], subscriptions=[hook]).items()
             if key == "warning.ended"}  # fmt: skip
    places = ["clients[0].previous_token_until", "subscriptions[0].sink.previous_secret_until"]
    assert ended == (dict.fromkeys(places, "warning.ended") if found else {})
