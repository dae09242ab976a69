"""What a recipient does with a delivery: verify the signature of Standard Webhooks, and say why it does not hold."""

import binascii
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.outbound.signature import PUBLIC, public_key, secret_key

TOLERANCE_S: Final = 300
"""How far the time of a delivery may be from now, either way. The standard leaves the figure to the recipient."""

_ID: Final = "webhook-id"
_TIMESTAMP: Final = "webhook-timestamp"
_SIGNATURE: Final = "webhook-signature"
NAMES: Final = (_ID, _TIMESTAMP, _SIGNATURE)


class Fault(StrEnum):
    """Why a signature does not hold."""

    SECRET = "secret"  # noqa: S105 - not a secret
    MISSING = "missing"  # a header
    TIMESTAMP = "timestamp"  # not a number of seconds
    OLD = "old"
    EARLY = "early"
    KIND = "kind"  # no signature of the kind that the secret is for
    LINE_BREAK = "line-break"  # it holds for the body with a line break more or less at its end
    DIFFERS = "differs"


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float | None) -> Fault | None:
    """None if the signature holds.

    `secret`: `whsec_`, `whpk_` or `whsk_` and base64. `headers`: by name in lower case. `now_s`: seconds since 1970;
    None accepts any time, for a delivery that was kept.
    """
    try:
        check = _Check(secret)
    except ValueError:
        return Fault.SECRET
    if not all(headers.get(name) for name in NAMES):
        return Fault.MISSING
    timestamp = headers[_TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit()):
        return Fault.TIMESTAMP
    if now_s is not None and abs(now_s - int(timestamp)) > TOLERANCE_S:
        return Fault.OLD if int(timestamp) < now_s else Fault.EARLY
    offered = [each.partition(",")[2] for each in headers[_SIGNATURE].split() if each.startswith(f"{check.version},")]
    if not offered:
        return Fault.KIND

    def holds(body: bytes) -> bool:
        signed = b"%b.%b.%b" % (headers[_ID].encode(), timestamp.encode(), body)
        return any(check(signed, each) for each in offered)

    if holds(body):
        return None
    return Fault.LINE_BREAK if any(map(holds, _other_endings(body))) else Fault.DIFFERS


def _other_endings(body: bytes) -> tuple[bytes, ...]:
    """Shells and editors add a line break to a file, or take it away."""
    return body.rstrip(b"\r\n"), body + b"\n", body + b"\r\n"


class _Check:
    """Compares with one secret. Raises ValueError for a secret that can't be used."""

    def __init__(self, secret: str) -> None:
        public = secret if secret.startswith(PUBLIC) else public_key(secret)
        self.version = "v1" if public is None else "v1a"
        self._key = secret_key(secret) if public is None else b""
        self._public = None if public is None else Ed25519PublicKey.from_public_bytes(_raw(public))

    def __call__(self, signed: bytes, offered: str) -> bool:
        try:
            given = binascii.a2b_base64(offered, strict_mode=True)
        except ValueError:
            return False
        if self._public is None:
            return hmac.compare_digest(given, hmac.digest(self._key, signed, "sha256"))
        try:
            self._public.verify(given, signed)
        except InvalidSignature:
            return False
        return True


def _raw(public: str) -> bytes:
    return binascii.a2b_base64(public.removeprefix(PUBLIC), strict_mode=True)
