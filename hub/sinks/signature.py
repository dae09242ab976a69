"""Signing as Standard Webhooks say: HMAC-SHA256 over `id.timestamp.body`, sent as `v1,<base64>`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"


def secret_key(secret: str) -> bytes:
    """The key in a secret: base64 after `whsec_`, else the text itself (UTF-8).

    The standard recommends 24 to 64 random bytes. Raises ValueError, whose text does not hold the secret.
    """
    if not secret.startswith(_PREFIX):
        key = secret.encode()
    else:
        encoded = secret.removeprefix(_PREFIX).rstrip("=")
        try:
            key = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
        except ValueError:
            raise ValueError("a secret that begins with whsec_ goes on in base64") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


class Signer:
    """Signs with one or more secrets: while a secret is exchanged, the old and the new one both verify."""

    __slots__ = ("_keys",)

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a webhook needs a secret")
        self._keys = tuple(secret_key(secret) for secret in secrets)

    def sign(self, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
        """The value of `webhook-signature`: one signature for each secret, in their order."""
        signed = b"%b.%b.%b" % (message_id, timestamp, body)
        return b" ".join(
            b"v1," + binascii.b2a_base64(hmac.digest(key, signed, "sha256"), newline=False) for key in self._keys
        )
