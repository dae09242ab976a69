"""The crash simulation: real log, store, gate and delivery in a virtual world, and an independent model that judges.

What survives a crash is what stands in the two files, what arrived at the far sides, and the model's own notes. The
model shares no code with the hub: it knows what was acknowledged, whose mark was what when bytes left, and in which
order events stand in the log.
"""

import asyncio
import contextlib
import os
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson

from hub.bus.base import LogUnavailable, Stored
from hub.bus.sqlite import SqliteLog
from hub.clock import to_us
from hub.delivery.base import Attempt, Outcome, Result
from hub.delivery.delivery import Delivery
from hub.delivery.parts import Parts
from hub.delivery.relay import Relay
from hub.directory.directory import Directory
from hub.keys import Keys, Pseudonyms
from hub.privacy.base import Decision, Recipient, Rule
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.marks import WithheldMarks
from hub.privacy.parts import Parts as StateParts
from hub.privacy.telling import LIVE, Telling
from hub.store import connector_state, cursors, dead_letters, disclosures, outbox, parked
from hub.store.base import StoreUnavailable
from hub.store.sql import SqlStore
from hub.subscriptions.model import Status, Subscription
from schemas import CORE_TYPES, Catalogue, Category, DataContract, Event, EventSpec, Payload, Ref
from tests.hub.delivery.virtual import Deadlock, SimClock, SimRunner, VirtualLoop
from tests.school import ABSENCE, ABSENCE_CHANGED, CURRENT, DAY, PERSON, UNIT, absence, event, pupil, uid

TENANT = "simkommun"


class Handled(Payload):
    """What the simulated connector publishes of each event that it has handled."""

    of: Annotated[str, Category.AGGREGATE]
    spec = EventSpec("com.example.sim.handled.v1", Ref("handled", "of"), Ref("handled", "of"))


@dataclass(frozen=True)
class Arrival:
    """Bytes that left: when, in which lane, and the event in them."""

    time: float
    lane: str | None
    place: int
    event: dict[str, Any]


@dataclass
class Far:
    """One recipient's side of the world. `mode` is how it behaves now."""

    mode: Literal["ok", "flaky", "down", "hang"] = "ok"
    answer: Callable[[Attempt], Awaitable[Outcome]] | None = None  # scripted, instead of `mode`
    arrivals: list[Arrival] = field(default_factory=list)


class Crash(BaseException):
    """The machine stops here."""


class CrashingLoop(VirtualLoop):
    """Stops before its `limit`-th step."""

    limit: int | None = None
    steps = 0

    def _run_once(self) -> None:
        self.steps += 1
        if self.limit is not None and self.steps >= self.limit:
            raise Crash
        super()._run_once()  # type: ignore[misc]


class RecordingGate:
    """The real gate; notes what it said of each event the first time."""

    def __init__(self, gate: PrivacyGate, world: "World") -> None:
        self._gate = gate
        self._world = world

    def decide(self, stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
        if self._world.dice.random() < self._world.gate_fails:
            raise RuntimeError("simulated")
        decision = self._gate.decide(stored, recipient, state=state)
        self._world.first_decisions.setdefault((recipient.name, stored.at), decision.allowed)
        return decision

    def permit(self, decision: Decision, lane: str | None = None) -> bytes:
        return self._gate.permit(decision, lane)

    def check(self, decision: Decision) -> None:
        self._gate.check(decision)

    def pseudonyms(self, recipient: Recipient) -> Pseudonyms:
        return self._gate.pseudonyms(recipient)


class SimSink:
    """A far side that answers late, wrongly, never, or takes the bytes and then fails to say so."""

    concurrency = 4

    def __init__(self, world: "World", subscription: Subscription, incarnation: "Incarnation") -> None:
        self._world = world
        self._subscription = subscription
        self._incarnation = incarnation

    async def deliver(self, attempt: Attempt) -> Outcome:
        dice = self._world.dice
        far = self._world.far[self._subscription.id]
        if far.answer is not None:
            self._world.arrived(self._subscription, attempt, attempt.permit())
            return await far.answer(attempt)
        await asyncio.sleep(dice.random() * 0.01)
        if self._incarnation.dead:
            raise Crash
        if far.mode == "down":
            return Outcome(Result.RETRY, "connect", recipient_down=True)
        body = attempt.permit()
        self._world.arrived(self._subscription, attempt, body)
        if far.mode == "hang":
            await asyncio.sleep(20)
            return Outcome(Result.RETRY, "timeout", recipient_down=True)
        await asyncio.sleep(dice.random() * 0.01)
        if far.mode == "flaky":
            what = dice.random()
            if what < 0.2:
                return Outcome(Result.RETRY, "http-500", recipient_down=True)
            if what < 0.3:
                return Outcome(Result.RETRY, "http-408")
            if what < 0.33:
                return Outcome(Result.DEAD, "http-422")
        if self._subscription.id != "conn":
            return Outcome(Result.DELIVERED)
        return Outcome(Result.DELIVERED, operations=self._effects(attempt), on_stored=self._incarnation.relay.wake)

    def _effects(self, attempt: Attempt) -> Sequence[Any]:
        """A connector's state and outbox: how often each event was handled, and an event that says so."""
        name = attempt.stored.id
        count = self._incarnation.handled.get(name, 0) + 1
        self._incarnation.handled[name] = count
        id = f"h{self._world.dice.getrandbits(96):x}"
        body = event(Handled.spec.type, {"of": name}, id=id, source="urn:sim:conn").to_json()
        return [
            connector_state.put(TENANT, "conn", {name: str(count).encode()}),
            outbox.add(TENANT, "conn", [body]),
        ]

    async def close(self) -> None:
        pass


class SimRegistry:
    """Subscriptions and their status; a status survives crashes, as the real registry's does."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._listeners: list[Any] = []

    def all(self) -> list[Subscription]:
        return list(self._world.subscriptions.values())

    def get(self, id: str) -> Subscription:
        return self._world.subscriptions[id]

    def listen(self, callback: Any) -> None:
        self._listeners.append(callback)

    async def set_status(self, id: str, status: Status, reason: str, actor: str) -> None:
        await asyncio.sleep(0.001)
        subscription = self._world.subscriptions[id]
        subscription.status, subscription.reason = status, reason
        for listener in self._listeners:
            listener(subscription)


class World:
    """Everything that survives, and the notes of the model."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.folder = folder
        self.now = 0.0
        self.persons = [uid("person", n) for n in range(1, 9)]
        self.catalogue = Catalogue((*CORE_TYPES, Handled))
        contract = DataContract(
            purpose="simulation", legal_basis="test", categories=frozenset({Category.ATTENDANCE, Category.IDENTITY})
        )
        blind = contract.model_copy(update={"categories": frozenset({Category.ATTENDANCE})})
        self.subscriptions = {
            id: Subscription(
                id, id, Recipient(f"client/{id}", (terms,)), frozenset({ABSENCE, ABSENCE_CHANGED}), {"kind": kind},
                start_from="oldest",
            )
            for id, terms, kind in (
                ("steady", contract, "webhook"), ("flaky", contract, "webhook"), ("hostile", contract, "webhook"),
                ("blind", blind, "webhook"), ("conn", contract, "connector"),
            )
        }  # fmt: skip
        self.far = {id: Far() for id in self.subscriptions}
        self.gate_fails = 0.0
        self.disk_full = False
        self.acknowledged: set[str] = set()
        self.sent: list[list[Event]] = []  # batches that were tried: repeated after a crash
        self.first_decisions: dict[tuple[str, int], bool] = {}
        self.marks: dict[str, str] = {}  # person -> mark, as the log says
        self.ever_closed: set[str] = set()  # persons that were protected or unknown at some time
        self.trimmed_us = 0  # what was accepted before this may be gone
        self.accepted: dict[str, int] = {}  # every event that was ever in the log, by id: when it was accepted
        self.keys: dict[int, str] = {}  # by place
        self.published: dict[str, str] = {}  # the connector's events in the log, by id: of which event
        self.problems: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.crashes = 0
        self._entity = 0

    # -- the model's notes ----------------------------------------------------------------------------------------

    def note(self, stored: Stored) -> None:
        """Read an event of the log as a person with pen and paper would."""
        event = orjson.loads(stored.body)
        self.accepted[event["id"]] = stored.accepted_us
        self.keys[stored.at] = stored.key
        if event["type"] == Handled.spec.type:
            self.published[event["id"]] = event["data"]["of"]
        elif event["type"] == PERSON:
            person = event["data"]["id"]
            self.marks[person] = event["data"].get("securityMarking", "?")
            if self.marks[person] != "Ingen":
                self.ever_closed.add(person)

    def arrived(self, subscription: Subscription, attempt: Attempt, body: bytes) -> None:
        event = orjson.loads(body)
        self.far[subscription.id].arrivals.append(
            Arrival(asyncio.get_running_loop().time(), event.get("skolnavlane"), attempt.stored.at, event)
        )
        person = attempt.stored.about[0]
        if self.marks.get(person) != "Ingen":
            self.violations.append(f"{subscription.id}: bytes left about a person whose mark is not Ingen")
        if subscription.id == "blind" and person.encode() in body:
            self.violations.append("blind: got an identity")

    def accepted_before(self, moment_us: int) -> set[str]:
        return {id for id, accepted_us in self.accepted.items() if accepted_us < moment_us}

    def new_event(self) -> Event:
        """A first report, or a change of one already there."""
        person = self.dice.choice(self.persons)
        fresh = self._entity < 4 or self.dice.random() < 0.6
        if fresh:
            self._entity += 1
        index = self._entity if fresh else self.dice.randint(1, self._entity)
        person = self.persons[index % len(self.persons)]
        end = f"{DAY}T{self.dice.randint(9, 23):02d}:{self.dice.randint(0, 59):02d}:00+01:00"
        data = absence(person, id=uid("absence", index), endTime=end, organisation={"id": UNIT})
        return event(ABSENCE if fresh else ABSENCE_CHANGED, data, id=f"e{self.dice.getrandbits(64):x}")

    def person_event(self, person: str, mark: str) -> Event:
        data = pupil(person, mark, givenName="Test", familyName="Person")
        return event(PERSON, data, id=f"p{self.dice.getrandbits(64):x}")

    def current_event(self, clock: SimClock) -> Event:
        data = {"asOf": clock.utc().isoformat()}
        return event(CURRENT, data, id=f"c{self.dice.getrandbits(64):x}")


class Incarnation:
    """One life of the hub, from start to crash or orderly end."""

    def __init__(self, world: World, loop: CrashingLoop) -> None:
        self.world = world
        self.loop = loop
        self.dead = False
        self.clock = SimClock(loop)
        self.runner = SimRunner(world.dice, lambda: world.disk_full or self.dead)
        self.handled: dict[str, int] = {}

    async def start(self) -> None:
        world = self.world
        world.disk_full = False
        keys = Keys(b"k" * 32)
        self.store = await SqlStore.open(world.folder / "store.db", tenant=TENANT, runner=self.runner)
        self.log = await SqliteLog.open(
            world.folder / "log.db", catalogue=world.catalogue, clock=self.clock, runner=self.runner,
            compare=StateParts(world.catalogue),
        )  # fmt: skip
        self._never_mind_the_disk()
        self._search_in_this_loop()
        self.directory = Directory(self.clock)
        await self.directory.load(self.log)
        self.log.observe(self.directory.observe)
        self.log.observe(self._observe)
        await self._note_all()
        self.gate = gate = PrivacyGate(
            catalogue=world.catalogue, directory=self.directory, keys=keys, clock=self.clock, tenant=TENANT
        )
        recorded = RecordingGate(gate, world)
        self.disclosures = Disclosures(self.store, keys, TENANT, self.clock)
        self.withheld = WithheldMarks(self.store, self.log, self.directory, TENANT)
        self.relay = Relay(tenant=TENANT, store=self.store, log=self.log, catalogue=world.catalogue, clock=self.clock)
        parts = Parts(
            tenant=TENANT,
            log=self.log,
            store=self.store,
            telling=Telling(recorded, self.directory, self.disclosures, self.withheld),
            clock=self.clock,
            dice=world.dice,
            id_key=b"i" * 32,
            problem=lambda where, code, detail: world.problems.append((where, code)),
        )
        state = await self.store.read(connector_state.load(TENANT, "conn"))
        self.handled = {name: int(count) for name, count in state.items()}
        self.delivery = Delivery(
            parts, registry=SimRegistry(world), catalogue=world.catalogue,  # type: ignore[arg-type]
            make_sink=lambda subscription: SimSink(world, subscription, self), handshake=self._no_handshake,
        )  # fmt: skip
        await self.withheld.start()
        await self.relay.start()
        await self.delivery.prepare()
        await self.delivery.start()

    def _search_in_this_loop(self) -> None:
        """The log searches in threads of its own, which this world's time does not know."""

        async def search(query: Callable[[], Any]) -> Any:
            return query()

        self.log._search = search  # type: ignore[method-assign]

    def _never_mind_the_disk(self) -> None:
        """What is committed survives a crash of this world as it is: waiting for the disk would prove nothing more."""
        self.log._db.execute("PRAGMA synchronous=OFF")
        self.store._writer_engine.raw_connection().driver_connection.execute("PRAGMA synchronous=OFF")

    async def _no_handshake(self, subscription: Subscription) -> bool:
        return True

    def _observe(self, batch: Sequence[Stored]) -> None:
        for stored in batch:
            self.world.note(stored)

    async def _note_all(self) -> None:
        """After a crash: what is durable may be more than what was told."""
        for stored in await self.everything():
            self.world.note(stored)

    async def everything(self) -> list[Stored]:
        found: list[Stored] = []
        position = self.log.start()
        while True:
            batch = await self.log.read(position, 500)
            found += batch.events
            position = batch.position
            if not batch.events and batch.at_head:
                return found

    async def post(self, events: Sequence[Event]) -> None:
        """Publish until it is acknowledged, as a good publisher does."""
        while True:
            try:
                await self.log.append([self.world.catalogue.describe(event) for event in events])
            except LogUnavailable:
                await asyncio.sleep(1)
                continue
            self.world.acknowledged |= {event.id for event in events}
            return

    # -- what goes on -----------------------------------------------------------------------------------------------

    async def live(self, seconds: float) -> None:
        """A while of ordinary and less ordinary life."""
        world, dice = self.world, self.world.dice
        await self.post([world.current_event(self.clock)])
        for person in world.persons[:-1]:  # the last is not known to begin with
            if person not in world.marks:
                await self.post([world.person_event(person, "Ingen")])
        for batch in world.sent[-3:]:  # whether they were taken before the crash is not known: once more
            await self.post(batch)
        world.sent.clear()
        actors = [self._publisher() for _ in range(3)] + [self._directory(), self._weather(), self._operator()]
        tasks = [asyncio.create_task(actor) for actor in actors]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert dice is world.dice

    async def _publisher(self) -> None:
        world, dice = self.world, self.world.dice
        while True:
            await asyncio.sleep(dice.expovariate(2))
            batch = [world.new_event() for _ in range(dice.randint(1, 4))]
            world.sent.append(batch)
            await self.post(batch)
            if dice.random() < 0.1:
                await self.post(batch)  # a publisher that lost the answer

    async def _directory(self) -> None:
        world, dice = self.world, self.world.dice
        while True:
            await asyncio.sleep(dice.expovariate(1))
            what = dice.random()
            if what < 0.3:
                await self.post([world.current_event(self.clock)])
            else:
                person = dice.choice(world.persons[3:])  # the first three are never touched
                mark = dice.choice(["Ingen", "Ingen", "Sekretessmarkering", "Skyddad folkbokföring"])
                await self.post([world.person_event(person, mark)])

    async def _weather(self) -> None:
        """Recipients that break and mend; a gate that fails now and then; a disk that fills."""
        world, dice = self.world, self.world.dice
        while True:
            await asyncio.sleep(dice.expovariate(0.5))
            world.far["flaky"].mode = dice.choice(["ok", "flaky", "down"])
            world.far["hostile"].mode = dice.choice(["ok", "hang", "down", "flaky"])
            world.far["conn"].mode = dice.choice(["ok", "ok", "down"])
            world.gate_fails = dice.choice([0.0, 0.0, 0.05])
            if dice.random() < 0.2:
                world.disk_full = True
                await asyncio.sleep(dice.random() * 5)
                world.disk_full = False

    async def _operator(self) -> None:
        """Replays, resends, trims, pause and resume."""
        dice = self.world.dice
        while True:
            await asyncio.sleep(dice.expovariate(0.3))
            try:
                what = dice.random()
                if what < 0.3:
                    since = self.clock.utc() - timedelta(seconds=dice.random() * 30)
                    await self.delivery.replay(dice.choice(["steady", "flaky", "blind"]), since=since, by="sim")
                elif what < 0.5:
                    letters = await self.store.read(dead_letters.page(TENANT))
                    if letters:
                        letter = dice.choice(letters)
                        await self.delivery.resend(letter.subscription, [letter.id], by="sim")
                elif what < 0.6:
                    before = self.clock.utc() - timedelta(seconds=5 + dice.random() * 30)
                    self.world.trimmed_us = max(self.world.trimmed_us, to_us(before))
                    await self.log.trim(before)
                elif what < 0.9:
                    id = dice.choice(["steady", "flaky", "conn"])
                    registry = self.delivery._registry
                    await registry.set_status(id, Status.PAUSED, "person", "sim")
                    await asyncio.sleep(dice.random() * 2)
                    await registry.set_status(id, Status.ACTIVE, "", "sim")
            except (StoreUnavailable, LogUnavailable):
                continue

    async def calm(self) -> None:
        """All faults end; run until nothing is left to do, with the directory kept fresh as days go by."""
        world = self.world
        world.disk_full = False
        world.gate_fails = 0.0
        for far in world.far.values():
            far.mode = "ok"
        for subscription in world.subscriptions.values():
            if subscription.status is not Status.ACTIVE:
                await self.delivery._registry.set_status(subscription.id, Status.ACTIVE, "", "sim")
        for batch in world.sent:
            await self.post(batch)
        await self.post([world.person_event(person, "Ingen") for person in world.persons[:6]])
        for _ in range(400):
            await self.post([world.current_event(self.clock)])
            await self.withheld.settled()
            await self.delivery.settled()
            if await self._nothing_left():
                return
            await asyncio.sleep(600)
        world.violations.append("something is never done: parked keys or open deliveries stay")

    async def _nothing_left(self) -> bool:
        rows = await self.store.read(parked.load(TENANT))
        letters = await self.store.read(outbox.load(TENANT))
        live = [row for row in await self.store.read(cursors.load(TENANT)) if row.lane == LIVE]
        busy = any(row.open for row in live)
        return not rows and not letters and not busy and self.relay.idle

    # -- judgement --------------------------------------------------------------------------------------------------

    async def judge(self) -> None:
        world = self.world
        events = await self.everything()
        stored = {event.id: event for event in events}
        trimmed = world.accepted_before(world.trimmed_us)
        lost = world.acknowledged - stored.keys() - trimmed
        if lost:
            world.violations.append(f"promise 1: {len(lost)} acknowledged events are not in the log")
        if len({(event.source, event.id) for event in events}) != len(events):
            world.violations.append("an event stands twice in the log")
        absences = [event for event in events if event.type in (ABSENCE, ABSENCE_CHANGED) and event.id not in trimmed]
        letters = await self._letters()
        for id in world.subscriptions:
            self._judge_recipient(id, absences, letters[id])
        await self._judge_connector()
        checked = await self.store.read(disclosures.verify(TENANT))
        if checked.broken_at is not None:
            world.violations.append("the chain of disclosures is broken")

    async def _letters(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        for letter in await self.store.read(dead_letters.page(TENANT, limit=100_000)):
            found[letter.subscription].add(letter.place)
        return found

    def _judge_recipient(self, id: str, absences: list[Stored], dead: set[int]) -> None:
        world = self.world
        arrivals = world.far[id].arrivals
        came = {arrival.place for arrival in arrivals}
        last: dict[str, Stored] = {}  # the newest event of each entity that has news for this recipient
        for stored in absences:
            person = stored.about[0]
            news = self.gate.decide(stored, world.subscriptions[id].recipient).rule is not Rule.NOTHING_LEFT
            if not news:
                continue
            last[stored.entity or ""] = stored
            always_open = person not in world.ever_closed and person in world.marks and person in world.persons[:3]
            if always_open and stored.at not in came and stored.at not in dead:
                world.violations.append(f"promise 2: {id} never got an event that it might have")
        for stored in last.values():
            if world.marks.get(stored.about[0]) == "Ingen" and stored.at not in came and stored.at not in dead:
                world.violations.append(f"promise 4: {id} never learned the current state of an entity")
        first: dict[str, list[int]] = defaultdict(list)
        seen: set[int] = set()
        name = world.subscriptions[id].recipient.name
        for arrival in arrivals:
            if arrival.lane is None and arrival.place not in seen:
                seen.add(arrival.place)
                if world.first_decisions.get((name, arrival.place)):
                    first[world.keys[arrival.place]].append(arrival.place)
        for places in first.values():
            if places != sorted(places):
                world.violations.append(f"promise 2: {id} got a key's first arrivals out of order")

    async def _judge_connector(self) -> None:
        """State, outbox and cursor are one commit: each event was handled to the end once, and said so once."""
        published: dict[str, int] = defaultdict(int)
        for of in self.world.published.values():
            published[of] += 1
        state = await self.store.read(connector_state.load(TENANT, "conn"))
        counts = {name: int(count) for name, count in state.items()}
        if any(count != 1 for count in counts.values()):
            self.world.violations.append("promise 6: a committed event was handled again")
        if published != counts:
            self.world.violations.append("promise 6: what the connector published and what it keeps differ")

    def let_go(self) -> None:
        """Close the files as the end of a process does: nothing more is written."""
        store, log = getattr(self, "store", None), getattr(self, "log", None)
        if store is not None:
            store._reader_engine.dispose()
            store._writer_engine.dispose()
        if log is not None:
            log._readers.close()
            log._db.close()
            with contextlib.suppress(OSError):
                os.close(log._lock)

    async def stop(self) -> None:
        await self.delivery.stop()
        await self.withheld.stop()
        await self.relay.stop()
        self.log._searching.close()  # not in a thread (`_search_in_this_loop`)
        await self.log.close()
        await self.store.close()


def simulate(seed: int, folder: Path) -> World:
    """Some lives that end in crashes, one that ends in calm, and the verdict in `violations`."""
    world = World(seed, folder)
    for _ in range(world.dice.randint(1, 4)):
        _live(world, crash=True)
    _live(world, crash=False)
    return world


def _live(world: World, *, crash: bool) -> None:
    loop = CrashingLoop(world.now)
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda _loop, context: _blame(world, context))
    incarnation = Incarnation(world, loop)
    try:
        if crash:
            loop.limit = int(world.dice.paretovariate(0.7) * 150)
            loop.run_until_complete(incarnation.start())
            loop.run_until_complete(incarnation.live(world.dice.uniform(2, 15)))
            loop.limit = loop.steps + world.dice.randint(1, 50)
            loop.run_until_complete(incarnation.stop())
        else:
            loop.run_until_complete(incarnation.start())
            loop.run_until_complete(incarnation.live(world.dice.uniform(1, 8)))
            loop.run_until_complete(incarnation.calm())
            loop.run_until_complete(incarnation.judge())
            loop.run_until_complete(incarnation.stop())
    except Crash:
        world.crashes += 1
    except Deadlock:
        world.violations.append("the hub waits for ever")
    finally:
        world.now = loop.now + 1.0
        _bury(incarnation, loop)


def _blame(world: World, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if error is not None and not isinstance(error, Crash):
        world.violations.append(f"unhandled: {type(error).__name__}: {error}")


def _bury(incarnation: Incarnation, loop: CrashingLoop) -> None:
    """Let the dead tasks unwind where they can do no more harm: nothing commits, nothing arrives."""
    incarnation.dead = True
    loop.limit = None
    loop.set_exception_handler(lambda _loop, _context: None)
    for _ in range(5):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        with contextlib.suppress(RuntimeError):  # the crash came between the end of a life and the loop's notice of it
            loop.run_until_complete(asyncio.wait(tasks, timeout=5))
    incarnation.let_go()
    loop.close()
    asyncio.set_event_loop(None)
