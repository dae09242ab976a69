"""Two worlds that take the same visible steps, and what each observer sees in them.

pair = Pair((Slot(visible=(Step("group", 3),), hidden=(Step("join"),)),), observers=("all",))
assert differences(pair) == []
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from pydantic import SecretBytes, SecretStr

from hub.config import HubConfig
from hub.config.model import ClientConfig, Role
from hub.ss12000.resources import RESOURCES
from hub.ss12000.routes import PREFIX as SS12000
from hub.subscriptions.spec import SubscriptionSpec
from schemas import Category, DataContract
from schemas.contract import Scope
from tests import school
from tests.school import SCHOOL, SIS
from tests.silence.compare import Names
from tests.silence.doors import Door
from tests.silence.hub import Answer, House, Reading, play
from tests.silence.town import Step, Town, interleaved

ALL: Final = frozenset(Category)
OBSERVERS: Final[dict[str, tuple[frozenset[Category], dict[str, Any]]]] = {
    "all": (ALL, {}),
    "school": (ALL, {"organisations": frozenset({SCHOOL})}),
    "gr": (ALL, {"school_types": frozenset({"GR"})}),
    "blind": (frozenset({Category.ATTENDANCE}), {}),
    "pseudonyms": (ALL - {Category.IDENTITY}, {}),
    "classes": (frozenset({Category.GROUP, Category.IDENTITY}), {}),
    "no-contact": (ALL - {Category.CONTACT}, {}),
    "rooms": (frozenset({Category.NONE}), {}),
}
"""One client for each kind of contract: its categories and its scope."""

_TYPES: Final = ("se.skolnav.*",)
_WEBHOOK_SECRET: Final = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_NO: Final = b"422 Unprocessable Content"
"""What a webhook answers that accepts nothing: each event becomes a dead letter."""
LEAVING: Final = ("what",)
"""The aspects in which a deleted and a protected person leave alike.

The times differ: the hub's event by which a protected person leaves is stored after the event with the mark, so it
arrives some milliseconds later (docs/privacy.md, Times).
"""
SLOT_S: Final = 40.0
_GRID_S: Final = 0.37
"""Between two calls, so that a slow answer does not move the next.

A commit beside the answers (`hub.privacy.beside.PAUSE_S` later) holds up an answer that falls into it, as
docs/privacy.md says under Times. So no multiple of this is near a multiple of that.
"""

ACTS: Final = ("restart", "replay", "from-state", "from-oldest", "refuse", "resend", "pause")
"""What happens to the hub or to subscriptions, in both worlds alike."""


@dataclass(frozen=True)
class Slot:
    """A piece of time. `hidden` and `inside` happen in one world only: alone, or within the batch of `visible`."""

    visible: Sequence[Step] = ()
    hidden: Sequence[Step] = ()
    inside: Sequence[Step] = ()
    acts: Sequence[str] = ()
    looks: Sequence[Door] = ()


@dataclass(frozen=True)
class Pair:
    slots: Sequence[Slot]
    observers: Sequence[str] = ("all",)


@dataclass
class Seen:
    """What one observer saw, by channel in order of time, and when it saw it."""

    what: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    when: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def note(self, channel: str, at: float, what: Any) -> None:
        self.what[channel].append(what)
        self.when[channel].append(round(at, 6))


@dataclass(frozen=True)
class Difference:
    """Where two worlds differ: whether in what was seen or in when, and the first thing that differs."""

    observer: str
    channel: str
    aspect: str
    told: Any
    never: Any


def token(client: str) -> str:
    return f"token-of-{client}-0123456789"


def config(observers: Sequence[str], folder: Path) -> HubConfig:
    def client(id: str, *roles: Role, **more: Any) -> ClientConfig:
        return ClientConfig(id=id, token=SecretStr(token(id)), roles=frozenset(roles), **more)

    clients = [client("sis", Role.PUBLISHER), client("operator", Role.OPERATOR)]
    subscriptions = []
    for number, name in enumerate(observers):
        categories, scope = OBSERVERS[name]
        terms = DataContract(purpose="test", legal_basis="test", categories=categories, scope=Scope(**scope))
        clients.append(
            client(name, Role.SUBSCRIBER, Role.PUBLISHER, contract=terms, publishes=("se.skolnav.absence.*",))
        )
        url = f"http://127.0.0.1:{_port(number)}/hook"
        hook = {"kind": "webhook", "url": url, "secret": _WEBHOOK_SECRET, "handshake": False}
        for kind, sink in (("hook", hook), ("feed", {"kind": "feed"}), ("stream", {"kind": "stream"})):
            subscriptions.append(
                SubscriptionSpec.model_validate(
                    {"name": f"{name}-{kind}", "client": name, "types": _TYPES, "sink": sink}
                )
            )
    return HubConfig(
        municipality="Exempelkommun", tenant="exempelkommun", data=folder, key=SecretBytes(bytes(range(32))),
        clients=tuple(clients), subscriptions=tuple(subscriptions), outbound=(ip_network("127.0.0.0/8"),),
    )  # fmt: skip


def _port(number: int) -> int:
    return 20_000 + number


def _ordered(body: str) -> str:
    """Dead letters of the same moment come in the order of their random ids: here, by type and id of their events."""
    if not body.startswith('{"dead_letters":[{'):
        return body
    page = json.loads(body)
    page["dead_letters"].sort(key=lambda each: (each["dead_at"], each["event"]["type"], each["event"]["id"]))
    return json.dumps(page)


class Observer:
    """One client with a webhook, a feed, a stream and SS 12000 callbacks, and its notes."""

    def __init__(self, house: House, name: str, number: int) -> None:
        self.house = house
        self.name = name
        self.port, self.callback_port = _port(number), 30_000 + number
        self._raw: list[tuple[float, str, Any, float]] = []  # when, channel, what, when relative to the question
        self._cursors = {f"{name}-feed": f"/v1/subscriptions/{name}-feed/events"}
        self._stream: Reading | None = None
        self._last_id = ""

    async def begin(self) -> None:
        resources = [{"resource": each.resource} for each in RESOURCES]
        body = {"name": "test", "target": f"http://127.0.0.1:{self.callback_port}/", "resourceTypes": resources}
        made = await self.call(Door("POST", f"{SS12000}/subscriptions", json.dumps(body)))
        assert made.status == 201, made.body
        self.follow()

    def follow(self) -> None:
        """Open the stream, at the place where it was left."""
        more = {"last-event-id": self._last_id} if self._last_id else {}
        self._stream = self.house.open(
            token(self.name), "GET", f"/v1/subscriptions/{self.name}-stream/stream", headers=more
        )

    async def leave(self) -> None:
        """Close the stream, and note what came."""
        stream, self._stream = self._stream, None
        assert stream is not None
        await stream.close()
        if not self._last_id:
            self._note(0.0, "stream", [stream.status, *map(str, stream.headers)])
        for at, frame in stream.frames:
            if frame.startswith(b"id: "):
                self._last_id = frame.decode().rpartition("id: ")[2].partition("\n")[0]
            self._note(at, "stream", frame.decode())

    async def call(self, door: Door, channel: str = "") -> Answer:
        """Make a request and note the answer, under its own channel or `channel`."""
        path = door.path
        for kind in ("hook", "feed", "stream"):
            path = path.replace(f"{{{kind}}}", f"{self.name}-{kind}")
        asked = self.house.loop.time()
        reading = self.house.open(token(self.name), door.method, path, door.body.encode())
        await asyncio.wait([reading._task], timeout=_GRID_S / 2)
        await reading.close()  # a stream does not end by itself
        took_s = (reading.frames[0][0] if reading.frames else asked) - asked
        answer = Answer(reading.status, reading.headers, b"".join(part for _, part in reading.frames), took_s)
        what = [door.method, path, answer.status, *map(str, answer.headers), _ordered(answer.body.decode())]
        self._note(asked, channel or f"{door.method} {door.path}", what, answer.took_s)
        return answer

    async def poll(self) -> None:
        """Read each feed on from its cursor."""
        for name, path in self._cursors.items():
            answer = await self.call(Door("GET", path), f"feed {name.removeprefix(self.name)}")
            if link := answer.header("link"):
                self._cursors[name] = link.partition(">")[0].removeprefix("<")

    async def subscribe(self, since: str) -> None:
        """A further feed, which begins with the state or with the oldest event."""
        name = f"{self.name}-{since}-{len(self._cursors)}"
        body = {"name": name, "types": _TYPES, "sink": {"kind": "feed"}, "from": since}
        made = await self.call(Door("POST", "/v1/subscriptions", json.dumps(body)))
        self._cursors[name] = f"/v1/subscriptions/{json.loads(made.body)['id']}/events"

    async def resend(self) -> None:
        """Try all dead letters again."""
        answer = await self.call(Door("GET", "/v1/subscriptions/{hook}/dead-letters"))
        ids = [each["id"] for each in json.loads(answer.body)["dead_letters"]]
        if ids:
            path = "/v1/subscriptions/{hook}/dead-letters/resend"
            await self.call(Door("POST", path, json.dumps({"ids": ids})), "resend")

    def seen(self) -> Seen:
        for arrived in self.house.network.arrived:
            channel = {self.port: "webhook", self.callback_port: "callback"}.get(arrived.port)
            if channel is not None:
                self._note(arrived.at, channel, f"{arrived.head.decode()}\r\n\r\n{arrived.body.decode()}")
        names, seen = Names(), Seen()
        for _, channel, what, after_s in sorted(self._raw, key=lambda each: (each[0], each[1])):
            named = [
                names.of(each) if isinstance(each, str) else each
                for each in ([what] if isinstance(what, str) else what)
            ]
            seen.note(channel, after_s, named)
        return seen

    def _note(self, at: float, channel: str, what: Any, after_s: float | None = None) -> None:
        self._raw.append((at, channel, what, at if after_s is None else after_s))


class World:
    """Plays the slots of a pair in one house."""

    def __init__(self, house: House, pair: Pair, told: bool) -> None:
        self.house = house
        self.pair = pair
        self.town = Town(told)
        self.observers = [Observer(house, name, number) for number, name in enumerate(pair.observers)]
        self._current = 0

    async def play(self) -> dict[str, Seen]:
        house = self.house
        await self.post([*self.town.base(), self.is_current()])
        await house.until(10)
        for observer in self.observers:
            await observer.begin()
        for number, slot in enumerate(self.pair.slots):
            await self._slot(SLOT_S * (number + 1), slot)
        end = SLOT_S * (len(self.pair.slots) + 1)
        await house.until(end)
        for observer in self.observers:
            await observer.poll()
            await observer.leave()
        return {observer.name: observer.seen() for observer in self.observers}

    async def _slot(self, begin: float, slot: Slot) -> None:
        house, town = self.house, self.town
        for number, step in enumerate(slot.hidden):
            await house.until(begin + number)
            await self.post(town.hidden(step))
        await house.until(begin + 6)
        visible = [event for step in slot.visible for event in town.visible(step)]
        inside = [event for step in slot.inside for event in town.hidden(step)]
        if any(step.kind == "current" for step in slot.visible):
            visible.append(self.is_current())
        await self.post(interleaved(visible, inside) if visible else inside)
        for number, act in enumerate(slot.acts):
            await house.until(begin + 10 + number)
            await self._act(act)
        asked = begin + 16
        for observer in self.observers:
            await house.until(asked)
            await observer.poll()
            for door in slot.looks:
                asked += _GRID_S
                await house.until(asked)
                await observer.call(door)
            asked += _GRID_S

    async def _act(self, act: str) -> None:
        house = self.house
        for observer in self.observers:
            match act:
                case "from-state" | "from-oldest":
                    await observer.subscribe(act.removeprefix("from-"))
                case "replay":
                    await house.hub.delivery.replay(f"{observer.name}-hook", by="test")
                case "refuse":
                    refused = house.network.refused
                    refused.pop(observer.port) if observer.port in refused else refused.update({observer.port: _NO})
                case "resend":
                    await observer.resend()
                case "pause":
                    await observer.call(Door("POST", "/v1/subscriptions/{feed}/pause"))
                case "restart":
                    await observer.leave()
        if act == "restart":
            await house.stop()
            await house.start()
            for observer in self.observers:
                observer.follow()

    async def post(self, events: Sequence[dict[str, Any]]) -> None:
        if not events:
            return
        batch = json.dumps(list(events)).encode()
        headers = {"content-type": "application/cloudevents-batch+json"}
        answer = await self.house.call(token("sis"), "POST", "/v1/events", batch, headers)
        assert answer.status == 202, answer.body

    def is_current(self) -> dict[str, Any]:
        self._current += 1
        data = {"asOf": self.house.clock.utc().isoformat()}
        more = {"time": "2026-11-24T07:42:00+01:00", "datacontenttype": "application/json"}
        return school.envelope(school.CURRENT, data, id=f"current{self._current}", source=SIS, **more)


def observe(pair: Pair, told: bool) -> dict[str, Seen]:
    """Play one world of a pair."""
    return play(lambda folder: config(pair.observers, folder), lambda house: World(house, pair, told).play())


def differences(pair: Pair, aspects: Sequence[str] = ("what", "when")) -> list[Difference]:
    """Where the worlds of a pair look different to an observer: in what it saw, and in when it saw it."""
    told, never = observe(pair, True), observe(pair, False)
    found = []
    for aspect in aspects:
        for observer in told:
            first, second = getattr(told[observer], aspect), getattr(never[observer], aspect)
            for channel in sorted(first.keys() | second.keys()):
                here, there = first.get(channel, []), second.get(channel, [])
                if here != there:
                    index = next(
                        (n for n, (a, b) in enumerate(zip(here, there, strict=False)) if a != b),
                        min(len(here), len(there)),
                    )
                    found.append(
                        Difference(observer, channel, aspect, here[index : index + 1], there[index : index + 1])
                    )
    return found


@cache
def api_of_an_empty_hub() -> Any:
    """The FastAPI application, for its routes."""

    async def api(house: House) -> Any:
        return house.api.fastapi

    return play(lambda folder: config((), folder), api)


def in_words(pair: Pair, found: Sequence[Difference]) -> str:
    """A pair and its differences in words, for a failing test."""
    lines = [f"observers: {', '.join(pair.observers)}"]
    for number, slot in enumerate(pair.slots, 1):
        for name in ("hidden", "visible", "inside", "acts", "looks"):
            what = [each if isinstance(each, str) else " ".join(map(str, each)) for each in getattr(slot, name)]
            if what:
                lines.append(f"  {number}. {name}: {', '.join(what)}")
    for each in found[:6]:
        lines += [
            f"{each.observer} {each.channel} ({each.aspect})",
            f"    told:  {each.told}",
            f"    never: {each.never}",
        ]
    return "\n".join(lines)
