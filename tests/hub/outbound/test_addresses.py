"""Where a webhook may go."""

import asyncio
import ipaddress

import pytest

from hub.outbound.addresses import (
    AddressRefused,
    Target,
    UrlRefused,
    admit,
    check_url,
    is_loopback,
    networks,
    system_resolve,
)

PUBLIC = ["193.10.0.1", "8.8.8.8", "2a00:801:f0::1", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "5f00::1",
    "not an address",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached_over_tls_only(address: str) -> None:
    assert admit([address], (), public=True) == [address]
    with pytest.raises(AddressRefused):
        admit([address], (), public=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_or_special_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        admit([address], (), public=True)


def test_one_refused_address_among_many_refuses_the_name() -> None:
    with pytest.raises(AddressRefused):
        admit(["8.8.8.8", "10.0.0.1"], (), public=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_an_allowed_range_may_be_reached_also_without_tls(address: str) -> None:
    allow = networks(["127.0.0.0/8"])
    assert admit([address], allow, public=False) == [address]
    assert admit([address], allow, public=True) == [address]
    with pytest.raises(AddressRefused):
        admit(["10.0.0.1"], allow, public=True)


def test_a_url_is_taken_apart() -> None:
    assert check_url("https://Skola.Example/hook?a=1") == Target(True, "skola.example", 443, "/hook?a=1")
    assert check_url("https://skola.example") == Target(True, "skola.example", 443, "/")
    assert check_url("https://skola.example:8443/").authority == "skola.example:8443"
    assert check_url("https://skola.example:443/").authority == "skola.example"
    assert check_url("https://[2a00:801:f0::1]/").authority == "[2a00:801:f0::1]"
    assert check_url("https://skola.example./").server_name == "skola.example"


def test_names_and_paths_beyond_ascii_are_encoded() -> None:
    target = check_url("https://förskola.example/närvaro/å%20b?ö=1")
    assert target.host == "xn--frskola-90a.example"
    assert target.path == "/n%C3%A4rvaro/%C3%A5%20b?%C3%B6=1"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://skola.example/", "url-scheme"),
        ("//skola.example/", "url-scheme"),
        ("skola.example/hook", "url-scheme"),
        ("https:///hook", "url"),
        ("https://skola.example:0/", "url"),
        ("https://skola.example:99999/", "url"),
        ("https://skola.example:x/", "url"),
        ("https://[::1/", "url"),
        ("https://anna:hemligt@skola.example/", "url-credentials"),
        ("https://@skola.example/", "url-credentials"),
        ("https://skola.example/#del", "url-fragment"),
        ("https://skola .example/", "url-characters"),
        ("https://skola.example/\r\nHost: annan", "url-characters"),
        ("https://skola.example/\udc80", "url-characters"),
        ("https://skola.example\\@annan.example/", "url-characters"),
        ("https://skola..example/", "url-host"),
        ("https://-skola.example/", "url-host"),
        ("https://" + "a" * 64 + ".example/", "url-host"),
        ("https://skola.example/" + "a" * 2048, "url-length"),
        ("https://127.0.0.1/", "url-address"),
        ("https://[::ffff:127.0.0.1]/", "url-address"),
        ("https://169.254.169.254/latest/meta-data", "url-address"),
        ("https://localhost:8080/", "url-address"),
        ("https://a.localhost/", "url-address"),
        ("http://8.8.8.8/", "url-address"),
        ("http://skola.example/", "url-plain"),
    ],
)
def test_a_url_that_no_webhook_may_have_is_refused_by_rule_and_not_quoted(url: str, code: str) -> None:
    with pytest.raises(UrlRefused) as error:
        check_url(url)
    assert error.value.code == code
    assert url not in str(error.value)
    assert "hemligt" not in str(error.value)


def test_what_outbound_allow_names_passes_early_as_well() -> None:
    allow = networks(["127.0.0.0/8"])
    assert check_url("http://127.0.0.1:9000/hook", allow).port == 9000
    assert check_url("http://localhost:9000/hook", allow).host == "localhost"
    assert check_url("http://kitchen.internal/hook", allow).host == "kitchen.internal"  # decided at each connection
    with pytest.raises(UrlRefused):
        check_url("http://10.0.0.1/hook", allow)


async def test_the_machines_own_look_up_finds_every_address_and_never_raises() -> None:
    found = await asyncio.wait_for(system_resolve("localhost", 80), 10)
    assert any(ipaddress.ip_address(address).is_loopback for address in found)
    assert await asyncio.wait_for(system_resolve("x" * 70 + ".invalid", 80), 10) == []


async def test_numbers_in_disguise_are_checked_by_what_they_resolve_to() -> None:
    """`2130706433` and `0x7f.1` are 127.0.0.1 to the machine's resolver."""
    for host in ("2130706433", "0x7f.1"):
        target = check_url(f"https://{host}/")
        found = await asyncio.wait_for(system_resolve(target.host, 443), 10)
        with pytest.raises(AddressRefused):
            admit(found, (), public=True)


@pytest.mark.parametrize(
    ("host", "found"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False),
     ("mail.example", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_a_host_that_is_this_machine(host: str, found: bool) -> None:
    """A rehearsal's alert mails leave the machine by no other: docs/architecture.md, Time."""
    assert is_loopback(host) is found
