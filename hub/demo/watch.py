"""What became of each event, from the recipients' side: the receivers' own records, the kitchen's folder, the feed.

The hub never says what a recipient got. The demo asks it two things, as an operator may: which events it has accepted
(`GET /v1/operator/events`), and why a recipient did not get one (`GET /v1/operator/why`, which `skolnav why` shows).
The hub answers with ids, types and a rule, without data.
"""

import asyncio
import contextlib
import csv
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from hub.demo.day import Cancelled, Posted, Report, Step
from hub.demo.receivers import Arrival
from hub.demo.school import GUARDIANS
from hub.demo.screen import Screen
from hub.demo.town import Town
from hub.privacy.base import Rule
from hub.texts.text import Language
from schemas.directory import DirectoryCurrent
from schemas.meals import MealsCount

OUTSIDE: Final = {"acme": ("acme webhook", "acme webhook"), "statistics": ("statistics feed", "statistik, feed")}
KITCHEN: Final = "kitchen"  # the instance in demo.yaml
WAIT_S: Final = 20.0
LATE: Final = "late_change"
STAFF: Final = "PERSONAL"  # the kitchen's row for staff
_STATUS: Final = {"preliminary": "preliminär", "fixed": "slutlig", LATE: "sen ändring"}
_PROTECTION: Final = frozenset({Rule.PROTECTED, Rule.UNKNOWN, Rule.STALE})


def outside(client: str, language: Language) -> str:
    """A client's name on the screen."""
    return OUTSIDE[client][language == "sv"]


@dataclass(slots=True, kw_only=True)
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
    """Does the day's steps one by one and prints what became of each. Everything runs on the event loop."""

    screen: Screen
    town: Town
    files: dict[str, bytes] = field(default_factory=dict)
    withheld: list[Withheld] = field(default_factory=list)
    retried: list[Arrival] = field(default_factory=list)
    reported: dict[str, dict[str, Any]] = field(default_factory=dict)  # the hub's answers, by the reports' keys
    _arrivals: dict[tuple[str, str], list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    _posted: set[str] = field(default_factory=set)
    # (client, event) for each event that had not arrived when its line was printed.
    _owed: set[tuple[str, str]] = field(default_factory=set)
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)  # by day and sitting, as last printed
    _shown: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    # Each cancelled lesson whose cancellation no recipient has got yet, and when it was cancelled.
    _cancelled: dict[str, float] = field(default_factory=dict)
    _accepted: str | None = None  # the place in the hub's log up to which it was read
    # Lines that wait until the line of the event that caused them is printed, with that event's id.
    _held: list[tuple[str, Any]] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.town.kitchen.on_file = lambda name, content: _in(loop, self.filed, name, content)
        self.town.webhook.on_arrival = lambda arrival: _in(loop, self.arrived, arrival)
        self.town.feed.on_arrival = self.arrived

    # -- what the receivers got ------------------------------------------------------------------------------------

    def arrived(self, arrival: Arrival) -> None:
        """A recipient got something."""
        place = (arrival.recipient, arrival.event["id"])
        self._arrivals[place].append(arrival)
        self._news.set()
        if place in self._owed and arrival.accepted:
            self._owed.discard(place)
            self.retried.append(arrival)
            name = f"{self._name(arrival.recipient)} {arrival.status or ''}"
            text = self._say(
                f"{name}, attempt {arrival.attempt}: nothing was lost",
                f"{name}, försök {arrival.attempt}: inget gick förlorat",
            )
            self._print(short(arrival.event["type"]), whom(arrival.event), [(text, "good")])
        elif arrival.event["id"] not in self._posted:
            since = self._cancelled.pop(arrival.event["data"].get("id", ""), None)
            seconds = f"{0 if since is None else arrival.at - since:.1f}"
            took = (
                ""
                if since is None
                else self._say(
                    f": pulled {seconds} s after the change", f": hämtat {seconds.replace('.', ',')} s efter ändringen"
                )
            )
            became = [self._got(arrival, None, took)]
            self._print(short(arrival.event["type"]), whom(arrival.event), became, about=arrival.event["id"])

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
        texts = []
        for serving, number in portions.items():
            before = self._totals.get((rows[0]["date"], serving))
            changed = f" ({number - before:+d})" if before is not None and before != number else ""
            texts.append(
                self._say(
                    f"{serving}: {number} portions{changed}, {special[serving]} special",
                    f"{serving}: {number} portioner{changed}, {special[serving]} specialkost",
                )
            )
            self._totals[rows[0]["date"], serving] = number
        status = status_of(rows)
        style = "late" if status == LATE else "good"
        what = self._say("kitchen's order", "beställning")
        self._print(what, self._status(status), [(text, style) for text in texts], name)

    # -- the day ---------------------------------------------------------------------------------------------------

    async def pulled(self, source: str) -> tuple[int, float]:
        """Wait until the hub has read the whole school system. Returns the number of events that this made, and the
        seconds from the first to the last by the hub's own times. Raises TimeoutError.
        """
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(WAIT_S):
            # The hub asks last for the lists that are not offered.
            while not self.town.sis.missing or len(found) < sum(map(len, self.town.sis.given.values())):
                found += [each for each in await self._new() if each["source"] == source and not _is_current(each)]
                await asyncio.sleep(0.02)
        first, last = (datetime.fromisoformat(found[at]["accepted"]) for at in (0, -1))
        return len(found), (last - first).total_seconds()

    async def play(self, step: Step) -> None:
        """Do the step, print its outcome, and then its other consequences."""
        self._held = []
        files, started = len(self.files), time.monotonic()
        match step.what:
            case Cancelled(lesson):
                self._cancelled[lesson] = started
                self.town.sis.cancel(lesson)
                what, who = self._say("timetable", "schema"), f"lesson/{lesson[:4]}…"
                hint = self._say(
                    "the system sends no notice: the hub will find it",
                    "systemet meddelar inget: hubben hittar ändringen själv",
                )
                became = [(hint, "kept")]
            case _:
                event = await self._send(step.what)
                what, who = short(event["type"]), whom(event)
                if event["id"] in self._posted:
                    hint = self._say(
                        "duplicate: accepted once, and delivered once to each recipient",
                        "dubblett: mottagen en gång och levererad en gång till varje mottagare",
                    )
                    became = [(hint, "kept")]
                else:
                    self._posted.add(event["id"])
                    async with asyncio.timeout(WAIT_S):
                        await self.town.hub.settled()
                    became = await self._became(event, started, new_file=len(self.files) > files)
        held, self._held = self._held, None
        self.screen.line(f"{step.at:%H:%M}", what, who, became, self._say(*step.story))
        for about, line in held:
            if about not in self._posted:
                self.screen.line(*line)

    async def _send(self, what: Report | Posted) -> dict[str, Any]:
        """Send a report or an event. Returns the resulting event; for a repeated report, the event of the first one."""
        if isinstance(what, Posted):
            event = what.event
            if what.of is not None:
                event = {**event, "data": {**event["data"], "id": self.reported[what.of]["data"]["id"]}}
            sender = self.town.guardians if event["source"] == GUARDIANS else self.town.office
            await sender.post(event)
            return event
        answer = await self.town.guardians.report(what.absence, what.key)
        new = [each for each in await self._new() if each["source"] == GUARDIANS and each["type"] == what.type]
        if not new:
            return self.reported[what.key]
        data = {name: value for name, value in answer.items() if name != "meta"}
        event = {"id": new[-1]["id"], "source": GUARDIANS, "type": what.type, "data": data}
        self.reported[what.key] = event
        return event

    async def _new(self) -> list[dict[str, Any]]:
        """The events that the hub has accepted since the last call."""
        found: list[dict[str, Any]] = []
        while True:
            query: dict[str, str | int] = {"limit": 1000}
            if self._accepted is not None:
                query["after"] = self._accepted
            answer = (await self.town.officer.get("/v1/operator/events", params=query)).raise_for_status().json()
            found += answer["events"]
            self._accepted = answer["next"]
            if answer["at_head"]:
                return found

    async def nothing_owed(self) -> None:
        """Return when retried deliveries and changes that the hub must find have arrived. Raises TimeoutError."""
        async with asyncio.timeout(2 * WAIT_S):
            while self._owed or self._cancelled:
                self._news.clear()
                await self._news.wait()

    async def _became(self, event: dict[str, Any], started: float, *, new_file: bool) -> list[tuple[str, str]]:
        became: list[tuple[str, str]] = []
        rules: dict[str, str] = {}
        for client in OUTSIDE:
            decided = await self._decided(event, f"client/{client}")
            if decided is None:
                continue  # it has no subscription to this type
            allowed, rule = decided
            if not allowed:
                rules[client] = rule
                continue
            arrival = await self._first(client, event["id"])
            if arrival is not None and arrival.accepted:
                became.append(self._got(arrival, event, f" ({(arrival.at - started) * 1000:.0f} ms)"))
            else:
                self._owed.add((client, event["id"]))
                answered = self._say("not yet", "inte än") if arrival is None else f"{arrival.status}"
                hint = self._say("is tried again, no other recipient waits", "nytt försök följer, ingen annan väntar")
                became.append((f"{self._name(client)} {answered}: {hint}", "kept"))
        kitchen = await self._decided(event, f"connector/{KITCHEN}")
        counted = kitchen is not None and kitchen[0]
        if rules:
            protection = _PROTECTION.issuperset(rules.values())
            everyone = self._say("all recipients outside", "alla mottagare utanför")
            names = ", ".join(map(self._name, rules)) if became else everyone
            why = self._say("protected", "skyddad") if protection else self._say("the contract", "avtalet")
            sums = self._say("; counted in the kitchen's sum", "; räknad i kökets summa") if counted else ""
            withheld = self._say(f"{why}: withheld from {names}{sums}", f"{why}: lämnas inte ut till {names}{sums}")
            became.append((withheld, "kept"))
            self.withheld.append(
                Withheld(
                    id=event["id"],
                    clock=self._now(),
                    type=short(event["type"]),
                    whom=whom(event),
                    rules=rules,
                    counted=counted,
                )
            )
        elif counted:
            now = self._say("kitchen informed at once", "köket fick besked direkt")
            later = self._say("kitchen got it, for its next order", "köket fick det till nästa beställning")
            became.append((now if new_file else later, "good"))
        return became

    async def _first(self, client: str, id: str) -> Arrival | None:
        """What the recipient got; None if nothing arrived in time."""
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
        # If the feed's reader has not read the event yet, the hub answers with what it would decide now.
        explained = answer.raise_for_status().json()["explanations"][0]
        if not any(each["asks_for_the_type"] for each in explained["subscriptions"]):
            return None
        return explained["allowed"], explained["rule"]

    # -- lines -----------------------------------------------------------------------------------------------------

    def _got(self, arrival: Arrival, sent: dict[str, Any] | None, took: str = "") -> tuple[str, str]:
        """What a recipient got: under which id the person came, and the first time, which parts were left out."""
        event = arrival.event
        label = self._name(arrival.recipient)
        status = f" {arrival.status}" if arrival.status is not None else ""
        text = f"{label}{status}{took}"
        if event["type"] == MealsCount.spec.type:
            # The statistics do not cook, so they get blurred sums.
            portions = sum(each["portions"] for each in event["data"]["counts"])
            return f"{text}: " + self._say(f"about {portions} portions", f"ungefär {portions} portioner"), "good"
        if sent is not None and whom(event) != whom(sent):
            text += self._say(f", as {whom(event)}", f", som {whom(event)}")
        left_out = [] if sent is None else sorted(sent["data"].keys() - event["data"].keys())
        if left_out and (arrival.recipient, tuple(left_out)) not in self._shown:
            self._shown.add((arrival.recipient, tuple(left_out)))
            text += self._say(", without ", ", utan ") + ", ".join(left_out)
        return text, "good"

    def _print(self, what: str, who: str, became: list[tuple[str, str]], story: str = "", *, about: str = "") -> None:
        line = (self._now(), what, who, became, story)
        if self._held is not None:
            self._held.append((about, line))
        else:
            self.screen.line(*line)

    def _say(self, english: str, swedish: str) -> str:
        return self.screen.say(english, swedish)

    def _name(self, client: str) -> str:
        return outside(client, self.screen.language)

    def _status(self, status: str) -> str:
        return status_text(status, self.screen.language)

    def _now(self) -> str:
        return f"{self.town.clock.school():%H:%M}"


def _in(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *what: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, so the screen shows nothing more
        loop.call_soon_threadsafe(call, *what)


def _is_current(event: dict[str, Any]) -> bool:
    return str(event["type"]) == DirectoryCurrent.spec.type


def read_csv(content: bytes) -> list[dict[str, str]]:
    """A kitchen's file, row by row."""
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines(), delimiter=";"))


def status_of(rows: list[dict[str, str]]) -> str:
    """The status of a file. If those of its sittings differ, one of them changed late."""
    statuses = {row["status"] for row in rows}
    return statuses.pop() if len(statuses) == 1 else LATE


def status_text(status: str, language: Language) -> str:
    """An order's status for a viewer; the files have it as it is."""
    return _STATUS.get(status, status) if language == "sv" else status


def short(type: str) -> str:
    """`se.skolnav.absence.reported.v1` -> `absence.reported`"""
    return type.removeprefix("se.skolnav.").rpartition(".")[0].removeprefix("schedule.")


def whom(event: dict[str, Any]) -> str:
    """The person or thing that an event is about, by the beginning of its id, never by name."""
    data = event["data"]
    if "student" in data:
        return f"person/{data['student']['id'][:4]}…"
    if "kitchen" in data:
        return f"{data['kitchen']} {data['servingTime']}"
    if "organisation" in data and "date" in data:
        return f"{data['date']}"
    kind = event["type"].removeprefix("se.skolnav.").split(".")[-3]
    return f"{kind}/{data['id'][:4]}…" if "id" in data else ""
