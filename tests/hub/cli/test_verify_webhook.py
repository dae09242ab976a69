"""`skolnav verify-webhook`: a recipient asks why its signature does not hold."""

import subprocess
import time

from hub.outbound.signature import Signer
from tests.hub.cli.conftest import SKOLNAV, TOKENS, Place

SECRET = TOKENS["ACME_SECRET"]


def test_it_reads_body_headers_and_secret_and_says_whether_the_signature_holds(place: Place) -> None:
    body, at = '{"id": "å"}'.encode(), str(int(time.time()))
    signature = Signer([SECRET]).sign(b"msg_1", at.encode(), body).decode()
    (place.folder / "headers.txt").write_text(
        f"POST /hook HTTP/1.1\nWebhook-Id: msg_1\nwebhook-timestamp: {at}\nwebhook-signature: {signature}\n"
    )
    (place.folder / "body").write_bytes(body)
    held = place.ask("verify-webhook", "body", "--headers", "headers.txt", "--secret-env", "ACME_SECRET")
    assert (held.code, held.out) == (0, "Signaturen är giltig. webhook-id: msg_1\n")
    (place.folder / "body").write_bytes(body + b"\n")
    failed = place.ask("verify-webhook", "body", "--headers", "headers.txt", "--secret-env", "ACME_SECRET")
    assert failed.code == 1
    assert "radbrytning" in failed.err
    assert SECRET not in failed.out + failed.err
    unset = place.ask("verify-webhook", "body", "--headers", "headers.txt", "--language", "en")
    assert unset.code == 2
    assert "SKOLNAV_WEBHOOK_SECRET is not set" in unset.err


def test_it_reads_the_body_from_its_input(place: Place) -> None:
    fields = ("webhook-id: a", "webhook-timestamp: 1", "webhook-signature: v1,AAAA")
    done = subprocess.run(
        [SKOLNAV, "verify-webhook", *(word for field in fields for word in ("--header", field))],
        input=b"{}", capture_output=True, check=False,
        env=place.environ(SKOLNAV_WEBHOOK_SECRET=SECRET, SKOLNAV_LANG="en"),
    )  # fmt: skip
    assert done.returncode == 1
    assert b"more than 5 min old" in done.stderr
