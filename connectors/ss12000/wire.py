"""What asking the API and asking the token server share: certificates that are refused, and bodies that are packed."""

import ssl
import zlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

ENCODINGS: Final = "gzip, deflate"  # what is asked for (RFC 9110 section 12.5.3); a body in anything else is refused
_PART: Final = 256 * 1024  # a body is unpacked in parts of so many bytes: 1 KiB of gzip may hold 1 MiB
_EITHER: Final = zlib.MAX_WBITS | 32  # gzip or zlib, by their first bytes
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_WRONG_TIME: Final = frozenset({9, 10})


class NotUnpacked(Exception):
    """A body is packed in another way than was asked for, or not as it says."""


def certificate_trouble(error: BaseException) -> str | None:
    """Why a connection failed, if it was for its TLS; None if it was for something else. Names no host."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    if found is None:
        return None
    if not isinstance(found, ssl.SSLCertVerificationError):
        return "it speaks no TLS that the hub takes"
    if found.verify_code in _WRONG_TIME:
        return "its certificate has expired, or is for a time to come"
    return "its certificate is from an authority that is not trusted, or for another name"


async def unpacked(answer: httpx.Response) -> AsyncIterator[bytes]:
    """A body as it comes, unpacked, never more than `_PART` at a time. Raises NotUnpacked and what httpx raises.

    httpx unpacks each piece that comes as a whole, so that 64 KiB may take 64 MiB before anybody can count.
    """
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for piece in answer.aiter_raw():
            yield piece
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise NotUnpacked
    unpacker = zlib.decompressobj(_EITHER)
    async for piece in answer.aiter_raw():
        while piece:
            try:
                part = unpacker.decompress(piece, _PART)
            except zlib.error:
                raise NotUnpacked from None
            piece = unpacker.unconsumed_tail
            if part:
                yield part
