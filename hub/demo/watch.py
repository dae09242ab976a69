"""What became of each event, told by those who got it: the receivers' own records, the kitchen's folder, the feed.

What a recipient got is never taken from the hub. The hub is asked one thing, as an operator may: why a recipient did
not get an event (`GET /v1/operator/why`, what `skolnav why` shows). It answers with a rule, no data.
"""

import asyncio
import contextlib
import csv
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from hub.demo.day import Step
from hub.demo.receivers import Arrival
from hub.demo.screen import Screen
from hub.demo.town import Town
from hub.privacy.base import Rule
from schemas.meals import MealsCount

OUTSIDE: Final = {"acme": "acme webhook", "statistics": "statistics feed"}  # client -> how the screen calls it
KITCHEN: Final = "kitchen"  # the instance in demo.yaml
WAIT_S: Final = 20.0
LATE: Final = "late_change"
STAFF: Final = "PERSONAL"  # the kitchen's row for staff
_PROTECTION: Final = frozenset({Rule.PROTECTED, Rule.UNKNOWN, Rule.STALE})


@dataclass(slots=True)
class Withheld:
    """An event that outside recipients did not get. `rules` by client."""

    id: str
    clock: str
    type: str
    whom: str
    rules: dict[str, str]
    counted: bool


@dataclass(slots=True)
class Watch:
    """Posts the day's events one by one and prints what became of each. All on the event loop."""

    screen: Screen
    town: Town
    files: dict[str, bytes] = field(default_factory=dict)
    withheld: list[Withheld] = field(default_factory=list)
    retried: list[Arrival] = field(default_factory=list)
    _arrivals: dict[tuple[str, str], list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    _posted: set[str] = field(default_factory=set)
    _owed: set[tuple[str, str]] = field(default_factory=set)  # (client, event) that have not come when told of
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)  # by day and sitting, as last told
    _shown: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    _held: list[Any] | None = None  # lines that wait until the event that brought them has its own
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.town.kitchen.on_file = lambda name, content: _in(loop, self.filed, name, content)
        self.town.webhook.on_arrival = lambda arrival: _in(loop, self.arrived, arrival)
        self.town.feed.on_arrival = self.arrived

    # -- what the receivers tell -----------------------------------------------------------------------------------

    def arrived(self, arrival: Arrival) -> None:
        """A recipient got something."""
        place = (arrival.recipient, arrival.event["id"])
        self._arrivals[place].append(arrival)
        self._news.set()
        if place in self._owed and arrival.taken:
            self._owed.discard(place)
            self.retried.append(arrival)
            text = f"{OUTSIDE[arrival.recipient]} {arrival.status or ''}, attempt {arrival.attempt}: nothing was lost"
            self._print(short(arrival.event["type"]), whom(arrival.event), [(text, "good")])
        elif arrival.event["id"] not in self._posted:
            self._print(short(arrival.event["type"]), whom(arrival.event), [self._got(arrival, None)])

    def filed(self, name: str, content: bytes) -> None:
        """The kitchen's server has a new file."""
        self.files[name] = content
        rows = read_csv(content)
        portions: dict[str, int] = defaultdict(int)
        special: dict[str, int] = defaultdict(int)
        for row in rows:
            if row["diet"] != STAFF:
                portions[row["serving"]] += int(row["portions"])
                special[row["serving"]] += int(row["portions"]) * (row["diet"] != "NORMAL")
        told = []
        for serving, number in portions.items():
            before = self._totals.get((rows[0]["date"], serving))
            changed = f" ({number - before:+d})" if before is not None and before != number else ""
            told.append(f"{serving}: {number} portions{changed}, {special[serving]} special")
            self._totals[rows[0]["date"], serving] = number
        status = status_of(rows)
        style = "late" if status == LATE else "good"
        self._print("kitchen's order", status, [(text, style) for text in told], name)

    # -- the day ---------------------------------------------------------------------------------------------------

    async def play(self, step: Step) -> None:
        """Post an event and print what became of it, then what else came of it."""
        event = step.event
        self._posted.add(event["id"])
        self._held = []
        files, started = len(self.files), time.monotonic()
        answer = await self.town.publisher.post(event)
        if answer["duplicates"]:
            became = [("duplicate: it is taken once, and nobody is told twice", "kept")]
        else:
            async with asyncio.timeout(WAIT_S):
                await self.town.hub.settled()
            became = await self._became(event, started, new_file=len(self.files) > files)
        held, self._held = self._held, None
        self.screen.line(f"{step.at:%H:%M}", short(event["type"]), whom(event), became, step.story)
        for line in held:
            self._print(*line)

    async def nothing_owed(self) -> None:
        """Return when whatever was to be tried again has come. Raises TimeoutError."""
        async with asyncio.timeout(2 * WAIT_S):
            while self._owed:
                self._news.clear()
                await self._news.wait()

    async def _became(self, event: dict[str, Any], started: float, *, new_file: bool) -> list[tuple[str, str]]:
        became: list[tuple[str, str]] = []
        rules: dict[str, str] = {}
        for client in OUTSIDE:
            decided = await self._decided(event, f"client/{client}")
            if decided is None:
                continue  # it does not subscribe to this
            allowed, rule = decided
            if not allowed:
                rules[client] = rule
                continue
            arrival = await self._first(client, event["id"])
            if arrival is not None and arrival.taken:
                became.append(self._got(arrival, event, f" ({(arrival.at - started) * 1000:.0f} ms)"))
            else:
                self._owed.add((client, event["id"]))
                answered = "not yet" if arrival is None else f"{arrival.status}"
                became.append((f"{OUTSIDE[client]} {answered}: is tried again, nobody else waits for it", "kept"))
        kitchen = await self._decided(event, f"connector/{KITCHEN}")
        counted = kitchen is not None and kitchen[0]
        if rules:
            protection = _PROTECTION.issuperset(rules.values())
            names = "nobody is told" if not became else "not told: " + ", ".join(map(OUTSIDE.__getitem__, rules))
            why = "protected" if protection else "the contract"
            became.append((f"{why}: {names}" + ("; counted in the kitchen's sum" if counted else ""), "kept"))
            self.withheld.append(Withheld(event["id"], self._now(), short(event["type"]), whom(event), rules, counted))
        elif counted:
            became.append(("kitchen told at once" if new_file else "kitchen noted it", "good"))
        return became

    async def _first(self, client: str, id: str) -> Arrival | None:
        """What the recipient got; None if nothing came in time."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not self._arrivals[client, id]:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._arrivals[client, id][-1]

    async def _decided(self, event: dict[str, Any], recipient: str) -> tuple[bool, str] | None:
        """(allowed, rule); None if the recipient has nothing to do with this type."""
        query = {"event": event["id"], "source": event["source"], "recipient": recipient}
        answer = await self.town.officer.get("/v1/operator/why", params=query)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        # A feed's reader may not have come for it yet; then the hub says what it would decide now.
        explained = answer.raise_for_status().json()["explanations"][0]
        if not any(each["asks_for_the_type"] for each in explained["subscriptions"]):
            return None
        return explained["allowed"], explained["rule"]

    # -- lines -----------------------------------------------------------------------------------------------------

    def _got(self, arrival: Arrival, sent: dict[str, Any] | None, took: str = "") -> tuple[str, str]:
        """What a recipient got: as whom the person came, and the first time what was left out for it."""
        event = arrival.event
        label = OUTSIDE[arrival.recipient]
        status = f" {arrival.status}" if arrival.status is not None else ""
        text = f"{label}{status}{took}"
        if event["type"] == MealsCount.spec.type:
            data = event["data"]
            portions = sum(each["portions"] for each in data["counts"])
            return f"{text}: {portions} portions, {data['absent']} of {data['enrolled']} away, {data['status']}", "good"
        if sent is not None and whom(event) != whom(sent):
            text += f", as {whom(event)}"
        left_out = [] if sent is None else sorted(sent["data"].keys() - event["data"].keys())
        if left_out and (arrival.recipient, tuple(left_out)) not in self._shown:
            self._shown.add((arrival.recipient, tuple(left_out)))
            text += f", without {', '.join(left_out)}"
        return text, "good"

    def _print(self, what: str, who: str, became: list[tuple[str, str]], story: str = "") -> None:
        if self._held is not None:
            self._held.append((what, who, became, story))
        else:
            self.screen.line(self._now(), what, who, became, story)

    def _now(self) -> str:
        return f"{self.town.clock.school():%H:%M}"


def _in(loop: asyncio.AbstractEventLoop, tell: Callable[..., None], *what: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
        loop.call_soon_threadsafe(tell, *what)


def read_csv(content: bytes) -> list[dict[str, str]]:
    """A kitchen's file, row by row."""
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines(), delimiter=";"))


def status_of(rows: list[dict[str, str]]) -> str:
    """A file's status: where the sittings differ, one of them has changed late."""
    statuses = {row["status"] for row in rows}
    return statuses.pop() if len(statuses) == 1 else LATE


def short(type: str) -> str:
    """`se.skolnav.absence.reported.v1` -> `absence.reported`"""
    return type.removeprefix("se.skolnav.").rpartition(".")[0].removeprefix("schedule.")


def whom(event: dict[str, Any]) -> str:
    """Whom or what an event is about, by the beginning of its id; never by name."""
    data = event["data"]
    if "student" in data:
        return f"person/{data['student']['id'][:4]}…"
    if "kitchen" in data:
        return f"{data['kitchen']} {data['servingTime']}"
    if "organisation" in data and "date" in data:
        return f"{data['date']}"
    kind = event["type"].removeprefix("se.skolnav.").split(".")[-3]
    return f"{kind}/{data['id'][:4]}…" if "id" in data else ""
