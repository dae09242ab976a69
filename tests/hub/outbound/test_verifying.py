"""Whether a signature holds, and why not: against what the hub signs."""

import base64

import pytest

from hub.outbound.signature import Signer, new_key, public_key
from hub.outbound.verifying import Fault, verify

NOW = 1_764_000_000
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
KEY = new_key(b"s" * 32)
BODY = b'{"id": "absence-1"}'


def headers(*secrets: str, **more: str) -> dict[str, str]:
    signature = Signer(secrets).sign(b"msg_1", str(NOW).encode(), BODY).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signature, **more}


@pytest.mark.parametrize("secret", [SECRET, KEY, public_key(KEY)])
def test_it_holds_under_each_of_the_secrets_that_signed(secret):
    assert verify(secret, headers(OTHER, SECRET, KEY), BODY, NOW) is None


def test_a_delivery_that_was_kept_holds_at_any_time():
    assert verify(SECRET, headers(SECRET), BODY, None) is None
    assert verify(SECRET, headers(SECRET), BODY, NOW + 300) is None


@pytest.mark.parametrize(
    ("secret", "given", "body", "now", "fault"),
    [
        ("plain text", headers(SECRET), BODY, NOW, Fault.SECRET),
        ("whpk_AAAA", headers(SECRET), BODY, NOW, Fault.SECRET),
        (SECRET, {}, BODY, NOW, Fault.MISSING),
        (SECRET, headers(SECRET) | {"webhook-id": ""}, BODY, NOW, Fault.MISSING),
        (SECRET, headers(SECRET) | {"webhook-timestamp": "today"}, BODY, NOW, Fault.TIMESTAMP),
        (SECRET, headers(SECRET), BODY, NOW + 301, Fault.OLD),
        (SECRET, headers(SECRET), BODY, NOW - 301, Fault.EARLY),
        (SECRET, headers(KEY), BODY, NOW, Fault.KIND),
        (public_key(KEY), headers(SECRET), BODY, NOW, Fault.KIND),
        (SECRET, headers(SECRET), BODY + b"\n", NOW, Fault.LINE_BREAK),
        (SECRET, headers(OTHER), BODY, NOW, Fault.DIFFERS),
        (SECRET, headers(SECRET) | {"webhook-signature": "v1,not base64"}, BODY, NOW, Fault.DIFFERS),
        (SECRET, headers(SECRET), BODY.replace(b" ", b""), NOW, Fault.DIFFERS),
        (public_key(new_key(b"t" * 32)), headers(KEY), BODY, NOW, Fault.DIFFERS),
    ],
)
def test_it_says_why_it_does_not_hold(secret, given, body, now, fault):
    assert verify(secret, given, body, now) is fault
