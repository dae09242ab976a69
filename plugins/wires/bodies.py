"""Bodies of HTTP answers, unpacked in bounded parts."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

ENCODINGS: Final = "gzip, deflate"  # what requests ask for (RFC 9110 section 12.5.3); any other is refused
_PART: Final = 256 * 1024  # bytes that are unpacked at a time: 1 KiB of gzip may hold 1 MiB
_EITHER: Final = zlib.MAX_WBITS | 32  # gzip or zlib, by their first bytes


class NotUnpacked(Exception):
    """A body is packed in another way than the request allows, or not in the way that its header names."""


async def unpacked(answer: httpx.Response) -> AsyncIterator[bytes]:
    """A body as it comes, unpacked, at most `_PART` bytes at a time. Raises NotUnpacked and what httpx raises.

    httpx unpacks each piece as a whole, so that 64 KiB may fill 64 MiB before the reader can count.
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
