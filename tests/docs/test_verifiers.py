"""The functions of docs/consumers.md that verify a webhook without a library, against what the hub signs."""

import base64
import json
import re
import time

from hub.outbound.signature import Signer
from tests.docs.snippets import DOCS, fences
from tests.peers import node

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
BODY = '{"id": "absence-1", "name": "Åsa"}\n'.encode()

ASK = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const said = given.map(([secret, headers, body]) => verify(secret, headers, Buffer.from(body, "base64")));
console.log(JSON.stringify(said));
"""


def shown(language: str) -> str:
    """The fence of consumers.md in this language that defines `verify`."""
    found = [each.text for each in fences(DOCS / "consumers.md") if each.language == language]
    (one,) = (each for each in found if re.search(r"^(def|function) verify\(", each, re.MULTILINE))
    return one


def signed(*secrets: str, age_s: int = 0) -> dict[str, str]:
    at = str(int(time.time()) - age_s)
    value = Signer(secrets).sign(b"msg_1", at.encode(), BODY).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": value}


def cases() -> list[tuple[bool, dict[str, str], bytes]]:
    """What a verifier must answer, for which headers and body. They are signed with the present time."""
    return [
        (True, signed(SECRET), BODY),
        (True, signed(OTHER, SECRET), BODY),
        (False, signed(OTHER), BODY),
        (False, signed(SECRET, age_s=86_400), BODY),
        (False, signed(SECRET) | {"webhook-id": "msg_2"}, BODY),
        (False, signed(SECRET) | {"webhook-signature": "v1,"}, BODY),
        (False, signed(SECRET), BODY.strip()),
    ]


def test_the_function_in_python():
    made: dict[str, object] = {}
    exec(shown("python"), made)
    verify = made["verify"]
    assert callable(verify)
    asked = cases()
    assert [verify(SECRET, headers, body) for _, headers, body in asked] == [right for right, _, _ in asked]


def test_the_function_in_javascript():
    asked = cases()
    given = [[SECRET, headers, base64.b64encode(body).decode()] for _, headers, body in asked]
    script = shown("javascript") + ASK
    assert json.loads(node.run(script, json.dumps(given).encode())) == [right for right, _, _ in asked]
