"""Signatures of Standard Webhooks over `id.timestamp.body`: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`), in base64.

A secret's prefix says which. With `whsec_` (HMAC) the recipient has the same secret; with `whsk_` (Ed25519) it has only
the public key (`whpk_`), so that nothing that leaks at the recipient can sign.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
_SHARED_BYTES: Final = range(24, 65)  # the standard's, "Signature scheme"
_SEED: Final = 32

_Sign = Callable[[bytes], bytes]


def secret_key(secret: str) -> bytes:
    """The bytes in a secret: its prefix and base64.

    No other form is accepted: the official libraries decode every secret as base64, so they would refuse a signature
    made with a plain text as its key. Raises ValueError; its text does not contain the secret.
    """
    prefix = next((each for each in (_SHARED, _PRIVATE) if secret.startswith(each)), None)
    encoded = secret.removeprefix(prefix or "").rstrip("=")
    if prefix is None or not encoded:
        raise ValueError("a secret must be whsec_ or whsk_ and base64")
    try:
        return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError:
        raise ValueError("a secret must have base64 after its prefix") from None


def is_sound(secret: str) -> bool:
    """Whether the standard allows the secret: `whsec_` with 24 to 64 bytes, or `whsk_` with an Ed25519 key."""
    try:
        if secret.startswith(_PRIVATE):
            _private(secret)
            return True
        return len(secret_key(secret)) in _SHARED_BYTES
    except ValueError:
        return False


def public_key(secret: str) -> str | None:
    """What a recipient verifies signatures of a `whsk_` key with, as `whpk_` and base64; None for another secret."""
    if not secret.startswith(_PRIVATE):
        return None
    return f"{PUBLIC}{_base64(_private(secret).public_key().public_bytes_raw()).decode()}"


def new_key(seed: bytes) -> str:
    """The `whsk_` form of a key: its 32 bytes of seed and the public key, as the libraries of the standard write it."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return f"{_PRIVATE}{_base64(seed + key.public_key().public_bytes_raw()).decode()}"


class Signer:
    """Signs with one or more secrets, so that the old and the new one both verify while a secret is replaced."""

    __slots__ = ("_signing",)

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a webhook needs a secret")
        self._signing: tuple[_Sign, ...] = tuple(map(_signing, secrets))

    def sign(self, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
        """The value of `webhook-signature`: one signature for each secret, in their order."""
        signed = b"%b.%b.%b" % (message_id, timestamp, body)
        return b" ".join([sign(signed) for sign in self._signing])


def _signing(secret: str) -> _Sign:
    if secret.startswith(_PRIVATE):
        return partial(_asymmetric, _private(secret))
    return partial(_symmetric, secret_key(secret))


def _symmetric(key: bytes, signed: bytes) -> bytes:
    return b"v1," + _base64(hmac.digest(key, signed, "sha256"))


def _asymmetric(key: Ed25519PrivateKey, signed: bytes) -> bytes:
    return b"v1a," + _base64(key.sign(signed))


def _private(secret: str) -> Ed25519PrivateKey:
    """Raises ValueError. A key of 64 bytes ends with its public key, which must be its own."""
    raw = secret_key(secret)
    if len(raw) not in (_SEED, 2 * _SEED):
        raise ValueError("an Ed25519 key has 32 bytes, or 64 with its public key")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED])
    if raw[_SEED:] not in (b"", key.public_key().public_bytes_raw()):
        raise ValueError("the two halves of the Ed25519 key do not belong together")
    return key


def _base64(raw: bytes) -> bytes:
    return binascii.b2a_base64(raw, newline=False)
