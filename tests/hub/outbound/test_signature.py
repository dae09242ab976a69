"""Standard Webhooks: the published vectors, and the official library as the other side."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from hub.outbound.signature import Signer, secret_key

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
