"""URIs and URI-references as RFC 3986 (appendix A) spells them: ASCII only, each `%` followed by two hex digits."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_PLAIN: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}"  # unreserved, sub-delims, percent-encoded
_PCHAR: Final = rf"(?:{_PLAIN}|[:@])"
_HOST: Final = rf"(?:\[(?P<ip>[0-9A-Fa-f:.]+)\]|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\]|(?:{_PLAIN})*)"
_AUTHORITY: Final = rf"//(?:(?:{_PLAIN}|:)*@)?{_HOST}(?::[0-9]*)?(?:/{_PCHAR}*)*"
_ABSOLUTE: Final = rf"/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_ROOTLESS: Final = rf"{_PCHAR}+(?:/{_PCHAR}*)*"
_NO_SCHEME: Final = rf"(?:{_PLAIN}|@)+(?:/{_PCHAR}*)*"
_REST: Final = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?\Z"
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.\-]*:"

_URI: Final = re.compile(f"{_SCHEME}(?:{_AUTHORITY}|{_ABSOLUTE}|{_ROOTLESS})?{_REST}")
_RELATIVE: Final = re.compile(f"(?:{_AUTHORITY}|{_ABSOLUTE}|{_NO_SCHEME})?{_REST}")


@lru_cache(4096)  # a hub's sources are few, and each event names one
def is_uri_reference(text: str) -> bool:
    """Whether this is a URI or a relative reference."""
    return _matches(_URI, text) or _matches(_RELATIVE, text)


@lru_cache(1024)
def is_uri(text: str) -> bool:
    """Whether this is a URI, with a scheme and something after it."""
    return _matches(_URI, text) and not text.endswith(":")


def _matches(shape: re.Pattern[str], text: str) -> bool:
    found = shape.match(text)
    if found is None:
        return False
    address = found["ip"]
    try:
        return address is None or bool(IPv6Address(address))
    except AddressValueError:
        return False
