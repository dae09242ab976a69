"""Pairs of worlds that differ only in what is withheld, each through a whole hub: the recipients can't tell them apart.

The pairs are those of the gate's own test (`tests.hub.privacy.worlds`); here everything that a recipient can see is
compared: webhooks, feeds page by page, state, subscriptions, answers to what is not there, their headers and lengths.
"""

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import load
from plugins.manager import Plugins
from tests import school
from tests.hub.privacy.worlds import ANNA, MUM, PAIRS, SECRET, TINA, VERA, Pair, Said
from tests.peers.hub import SECRET as WEBHOOK_SECRET
from tests.peers.hub import Answer, Caller, client, token, webhook
from tests.peers.webhook import WebhookReceiver
from tests.school import SCHOOL, SIS, UNIT, uid

ALL = ["identity", "name", "contact", "protected_address", "group", "attendance", "health", "diet", "case_content",
       "free_text", "staff", "none"]  # fmt: skip
CONTRACTS = {"all": ALL, "blind": ["attendance"], "groups": ["group", "identity"], "rooms": ["none"]}
TYPES = ["se.skolnav.*"]
SUBJECTS = [
    *(f"person/{id}" for id in (ANNA, SECRET, VERA, TINA, MUM, uid("nobody"))),
    *(f"group/{uid('group')}", f"duty/{uid('tina' + chr(39) + 's duty')}", f"lesson/{uid('lesson')}", "person/x"),
]
# What differs between any two runs: when it was, and where the receiver listened.
VOLATILE = {"date", "host", "webhook-timestamp", "webhook-signature"}


def envelope(said: Said) -> dict[str, Any]:
    more = {"time": "2026-11-24T07:42:00+01:00", "datacontenttype": "application/json"}
    return school.envelope(said.type, said.data, id=said.id, source=said.source, **more)


def tree(as_of: str) -> list[Said]:
    """The organisations, and that the source has told all."""
    what = "se.skolnav.directory.organisation.upserted.v1"
    return [
        Said("school", what, {"id": SCHOOL, "displayName": "Provskolan"}, SIS),
        Said("unit", what, {"id": UNIT, "displayName": "Enheten", "parentOrganisation": {"id": SCHOOL}}, SIS),
        Said("current", "se.skolnav.directory.current.v1", {"asOf": as_of}, SIS),
    ]


@asynccontextmanager
async def running(folder: Path, hooks: dict[str, WebhookReceiver]) -> AsyncIterator[tuple[Hub, int]]:
    """A whole hub with its servers, in this process. All worlds have one key, so that names and ids can be compared."""
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "key").write_bytes(bytes(range(32)))
    subscriptions: list[dict[str, Any]] = []
    for name, hook in hooks.items():
        subscriptions += [
            {"client": name, **webhook(f"{name}-hook", hook.url, TYPES)},
            {"client": name, "name": f"{name}-feed", "types": TYPES, "sink": {"kind": "feed"}, "from": "oldest"},
        ]
    contract = {"purpose": "a test", "legal_basis": "none: invented people"}
    clients = [
        client(name, "subscriber", contract={**contract, "categories": categories})
        for name, categories in CONTRACTS.items()
    ]
    file = folder / "skolnav.yaml"
    file.write_text(
        json.dumps(
            {
                "municipality": "Exempelkommun",
                "data": str(data),
                "outbound": {"allow": ["127.0.0.0/8"]},
                "clients": [client("sis", "publisher"), *clients],
                "subscriptions": subscriptions,
            }
        )
    )
    tokens = {f"TOKEN_{each.upper()}": token(each) for each in ("sis", *CONTRACTS)}
    plugins = Plugins.load()
    config = load(file, plugins, environ={**tokens, "SECRET": WEBHOOK_SECRET})
    hub = await Hub.start(dataclasses.replace(config, port=0), plugins=plugins)
    servers = Servers(hub.services)
    try:
        await servers.start()
        yield hub, servers.address[1]
    finally:
        await servers.stop()
        await hub.stop()


def seen(headers: dict[str, str], body: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Without the 16 digits of each `sequence`; a cursor as its length, since each is sealed anew."""
    kept = {name: value for name, value in headers.items() if name not in VOLATILE}
    if "link" in kept:
        kept["link"] = re.sub(r"after=([^&>]*)", lambda found: f"after={len(unquote(found[1]))}", kept["link"])
    return sorted(kept.items()), re.sub(rb'"sequence":"[0-9]{16}"', b"", body)


def told(answer: Answer) -> Any:
    return answer.status, *seen(answer.headers, answer.body)


async def look(caller: Caller, name: str) -> list[Any]:
    """All that a client can ask for."""
    found: list[Any] = []
    for limit in (2, 100):
        path = f"/v1/subscriptions/{name}-feed/events?limit={limit}"
        while True:
            answer = await caller.request("GET", path)
            found.append(told(answer))
            path = answer.headers["link"].partition(">")[0].removeprefix("<")
            if answer.body == b"[]":
                break
    since = asyncio.get_running_loop().time()
    found.append(told(await caller.request("GET", f"{path}&wait=0.2")))
    found.append(asyncio.get_running_loop().time() - since >= 0.2)
    for path in ("/v1/subscriptions", f"/v1/subscriptions/{name}-hook", "/v1/subscriptions/none", "/metrics"):
        status, headers, body = told(await caller.request("GET", path))
        found.append((status, headers, re.sub(rb'"[^"]*(?:T\d\d:\d\d|127\.0\.0\.1)[^"]*"', b"", body)))
    return found


async def states(caller: Caller, name: str) -> list[Any]:
    """By subject, and as a subscription that begins with the state of everything gets them."""
    found = [told(await caller.request("GET", f"/v1/state/{subject}")) for subject in SUBJECTS]
    late = {"name": f"{name}-late", "types": TYPES, "sink": {"kind": "feed"}, "from": "state"}
    made = await caller.request("POST", "/v1/subscriptions", json.dumps(late).encode(), "application/json")
    assert made.status == 201, made.body
    id = json.loads(made.body)["id"]
    path = f"/v1/subscriptions/{id}/events?limit=100"
    for _ in range(2):
        answer = await caller.request("GET", path)
        status, headers, body = told(answer)
        found.append((status, str(headers).replace(id, "late"), body))
        path = answer.headers["link"].partition(">")[0].removeprefix("<")
    return found


async def observe(folder: Path, world: Sequence[Said]) -> dict[str, Any]:
    """Play a world and return what each recipient saw."""
    hooks = {name: WebhookReceiver() for name in CONTRACTS}
    async with hooks["all"], hooks["blind"], hooks["groups"], hooks["rooms"], running(folder, hooks) as (hub, port):
        publisher = Caller(port, token("sis"))
        for said in world:
            answer = await publisher.post_events([envelope(said)])
            assert answer.status == 202, answer.body
        publisher.close()
        await hub.settled()
        callers = {name: Caller(port, token(name)) for name in CONTRACTS}
        looks = await asyncio.gather(*(look(caller, name) for name, caller in callers.items()))
        found: dict[str, Any] = dict(zip(CONTRACTS, looks, strict=True))
        for name, hook in hooks.items():
            found[f"{name}-state"] = await states(callers[name], name)
            callers[name].close()
            found[f"{name}-hook"] = sorted((each.path, *seen(each.headers, each.body)) for each in hook.received)
        return found


class Observed:
    """Each pair is played once, whatever looks at it afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def of(self, pair: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
        if pair.name not in self._known:
            folder = self._folder / str(len(self._known))
            both = tree(datetime.now(UTC).isoformat())
            self._known[pair.name] = (
                asyncio.run(observe(folder / "told", (*both, *pair.told))),
                asyncio.run(observe(folder / "never", (*both, *pair.never))),
            )
        return self._known[pair.name]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    return Observed(tmp_path_factory.mktemp("worlds"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_no_recipient_can_tell_the_worlds_apart(pair: Pair, observed: Observed) -> None:
    """Promise 5."""
    first, second = observed.of(pair)
    for name in first:
        if not name.endswith("-state"):
            assert first[name] == second[name], name
    assert first["all-hook"]
    assert len(first["all"][0][2]) > 2, "somebody gets something, else this would hold for a hub that is shut"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_nor_by_the_state(pair: Pair, observed: Observed) -> None:
    """Promise 5: where nothing is left of an entity's last change, it stands as it did before."""
    first, second = observed.of(pair)
    for name in CONTRACTS:
        assert first[f"{name}-state"] == second[f"{name}-state"], name
    *subjects, first_page, _ = first["all-state"]
    assert any(status == 200 for status, *_ in subjects)
    assert len(first_page[2]) > 2
