"""Standard Webhooks: the published vectors, and the official library as the other side."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from hub.outbound.signature import Signer, is_sound, new_key, public_key, secret_key

VECTORS = Path(__file__).parents[4] / "shared/reference/conformance/standard-webhooks.json"


@pytest.fixture(scope="module")
def vectors() -> Any:
    if not VECTORS.exists():
        pytest.skip("the reference material is not at ../shared")
    return json.loads(VECTORS.read_text())


@pytest.mark.shared
def test_the_published_signing_vectors_hold(vectors: Any) -> None:
    assert vectors["sign"]
    for vector in vectors["sign"]:
        signature = Signer([vector["secret"]]).sign(
            vector["id"].encode(), str(vector["timestamp"]).encode(), vector["payload"].encode()
        )
        assert signature.decode() == vector["signature"]


@pytest.mark.shared
def test_the_published_verifying_vectors_hold_for_what_is_signed_here(vectors: Any) -> None:
    """The library verifies as the vectors say, with this signer's value wherever the vector's own is right."""
    assert vectors["verify"]
    for vector in vectors["verify"]:
        base = vectors["sign"][vector["base"]]
        signed = Signer([base["secret"]]).sign(
            base["id"].encode(), str(base["timestamp"]).encode(), base["payload"].encode()
        )
        headers = dict(vector["headers"])
        if headers["webhook-signature"] == base["signature"]:
            headers["webhook-signature"] = signed.decode()
        with patch("standardwebhooks.webhooks.datetime") as clock:
            clock.now.return_value = datetime.fromtimestamp(vector["clock"], UTC)
            clock.fromtimestamp = datetime.fromtimestamp
            if vector["ok"]:
                Webhook(base["secret"]).verify(base["payload"], headers)
            else:
                with pytest.raises(WebhookVerificationError):
                    Webhook(base["secret"]).verify(base["payload"], headers)


def test_a_secret_is_base64_after_its_prefix() -> None:
    assert secret_key("whsec_aGVq") == b"hej"
    assert secret_key("whsec_aGVqYQ") == b"heja"  # unpadded, as the library takes it


# A plain text is none: the official library would read it as base64, and verify nothing that was signed with it.
@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!hemlig!", "whsec_a", "aGVq", "hemlig text"])
def test_a_secret_that_is_none_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError) as error:
        secret_key(secret)
    assert "hemlig" not in str(error.value)
    assert error.value.__cause__ is None


def test_while_a_secret_is_exchanged_both_verify() -> None:
    now = int(datetime.now(UTC).timestamp())
    signature = Signer(["whsec_bnkgbnkgbnk=", "whsec_Z2FtbWFsIGdhbW1hbA=="]).sign(b"msg_1", b"%d" % now, b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature.decode()}
    Webhook("whsec_bnkgbnkgbnk=").verify("{}", headers)
    Webhook("whsec_Z2FtbWFsIGdhbW1hbA==").verify("{}", headers)


def test_a_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError):
        Signer([])


KEY = new_key(bytes(range(32)))


def _verify(public: str, signature: str, message: bytes) -> None:
    """As the standard tells a recipient to: with the public key alone."""
    raw = base64.b64decode(public.removeprefix("whpk_"))
    Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature.removeprefix("v1a,")), message)


def test_a_recipient_verifies_an_ed25519_signature_with_the_public_key_alone() -> None:
    signature = Signer([KEY]).sign(b"msg_1", b"1795000000", b"{}").decode()
    public = public_key(KEY)
    assert public is not None
    assert public.startswith("whpk_")
    assert signature.startswith("v1a,")
    _verify(public, signature, b"msg_1.1795000000.{}")
    with pytest.raises(InvalidSignature):
        _verify(public, signature, b"msg_1.1795000000.{ }")


def test_hmac_and_ed25519_stand_beside_each_other_while_a_recipient_changes_over() -> None:
    now = int(datetime.now(UTC).timestamp())
    signature = Signer([KEY, "whsec_bnkgbnkgbnk="]).sign(b"msg_1", b"%d" % now, b"{}").decode()
    asymmetric, _, shared = signature.partition(" ")
    _verify(public_key(KEY) or "", asymmetric, b"msg_1.%d.{}" % now)
    assert shared.startswith("v1,")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}
    Webhook("whsec_bnkgbnkgbnk=").verify("{}", headers)  # the official library passes over what it does not know


def test_a_key_may_be_the_seed_alone_but_not_with_another_keys_public_half() -> None:
    seed = base64.b64encode(bytes(range(32))).decode()
    other = base64.b64encode(bytes(range(32)) + bytes(32)).decode()
    assert public_key(f"whsk_{seed}") == public_key(KEY)
    assert is_sound(f"whsk_{seed}")
    assert is_sound(KEY)
    assert not is_sound(f"whsk_{other}")
    assert not is_sound("whsk_aGVq")
    assert not is_sound("whsec_aGVq")
    assert public_key("whsec_bnkgbnkgbnk=") is None
