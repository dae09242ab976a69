"""The hub's key, if the configuration names one: a reference to 32 bytes, raw or as hexadecimal or base64."""

import binascii
import re
from typing import Any

from hub.config.tree import Tree
from hub.keys import KEY_BYTES


def named(tree: Tree, given: Any) -> bytes | None:
    """The key that the value of `key` refers to. None if the value is not a reference, or leads to no key."""
    match = re.fullmatch(r"\$\{(env|file):([^}]+)\}", given) if isinstance(given, str) else None
    if match is None:
        return None
    raw = tree.raw(match[1], match[2]) or b""
    return raw if len(raw) == KEY_BYTES else _decoded(raw)


def _decoded(raw: bytes) -> bytes | None:
    text = raw.strip()
    for decode in (binascii.unhexlify, lambda given: binascii.a2b_base64(given, strict_mode=True)):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    return None
