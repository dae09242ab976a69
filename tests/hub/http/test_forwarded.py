"""The client's address behind reverse proxies."""

from ipaddress import ip_network

import pytest

from hub.http.forwarded import client_behind, trusted

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


def behind(*fields: tuple[str, str]) -> str | None:
    return client_behind(((name.lower().encode(), value.encode("latin-1")) for name, value in fields), PROXIES)


@pytest.mark.parametrize(
    ("field", "client"),
    [
        (("X-Forwarded-For", "192.0.2.1"), "192.0.2.1"),
        (("X-Forwarded-For", "made up, 192.0.2.1"), "192.0.2.1"),
        (("X-Forwarded-For", "192.0.2.9, 192.0.2.1, 10.1.2.3 , 10.0.0.1"), "192.0.2.1"),
        (("X-Forwarded-For", "192.0.2.1:51000"), "192.0.2.1"),
        (("X-Forwarded-For", "[2001:db8:2::1]:443"), "2001:db8:2::1"),
        (("X-Forwarded-For", "2001:db8:2::1, 2001:db8:1::5"), "2001:db8:2::1"),
        (("X-Forwarded-For", "::ffff:192.0.2.1"), "192.0.2.1"),
        (("X-Forwarded-For", "192.0.2.1, made up"), None),
        (("X-Forwarded-For", "192.0.2.1,"), None),
        (("X-Forwarded-For", ""), None),
        (("X-Forwarded-For", "10.0.0.1"), None),
        (("Forwarded", "for=192.0.2.1"), "192.0.2.1"),
        (("Forwarded", 'For="[2001:db8:2::1]:4711"; proto=https; by=10.0.0.1'), "2001:db8:2::1"),
        (("Forwarded", "for=198.51.100.1, proto=http;for=192.0.2.1, for=10.0.0.1"), "192.0.2.1"),
        (("Forwarded", "for=192.0.2.1, for=unknown"), None),
        (("Forwarded", "for=192.0.2.1, for=_hidden"), None),
        (("Forwarded", "by=192.0.2.1"), None),
    ],
)
def test_the_nearest_address_that_is_no_proxys_counts(field: tuple[str, str], client: str | None) -> None:
    assert behind(field) == client


def test_several_fields_of_one_name_are_one_list() -> None:
    assert behind(("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "192.0.2.1, 10.0.0.1")) == "192.0.2.1"


def test_where_both_names_come_and_differ_neither_counts() -> None:
    assert behind(("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")) == "192.0.2.1"
    assert behind(("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.2")) is None
    assert behind() is None


@pytest.mark.parametrize(
    ("address", "is_trusted"), [("10.9.9.9", True), ("::ffff:10.9.9.9", True), ("11.0.0.1", False), ("", False)]
)
def test_an_ipv4_proxy_may_call_in_the_form_of_ipv6(address: str, is_trusted: bool) -> None:
    assert trusted(address, PROXIES) is is_trusted
