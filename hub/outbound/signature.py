"""Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, sent as `v1,<base64>`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"


def secret_key(secret: str) -> bytes:
    """The key in a secret: `whsec_` and base64. The standard wants 24 to 64 random bytes.

    No other form is accepted: the official libraries decode every secret as base64, so they would refuse a signature
    made with a plain text as its key. Raises ValueError; its text does not contain the secret.
    """
    encoded = secret.removeprefix(_PREFIX).rstrip("=")
    if not secret.startswith(_PREFIX) or not encoded:
        raise ValueError("a secret must be whsec_ and base64")
    try:
        return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError:
        raise ValueError("a secret must have base64 after whsec_") from None


class Signer:
    """Signs with one or more secrets, so that the old and the new one both verify while a secret is replaced."""

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
