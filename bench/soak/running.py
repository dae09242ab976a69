"""The whole course: start all, disturb for the given time, let everything arrive, judge."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.soak.clients import Client
from bench.soak.disturbing import RESTARTS, Disturber, Parties
from bench.soak.judging import Use, judge, judge_files, judge_kept, judge_memory, missing, open_files, table
from bench.soak.publishing import Mode, Publisher, about, publish_directory
from bench.soak.receiving import Arrivals, FeedReader, Hook, Passing, SchoolReader, StreamReader
from bench.soak.truth import Truth
from tests.peers.hub import HubProcess, webhook
from tests.peers.webhook import WebhookReceiver
from tests.school import envelope, organisation

TYPES: Final = ["se.skolnav.absence.*"]
PUBLISHERS: Final = {"north": Mode.BATCH, "south": Mode.BATCH, "east": Mode.STRUCTURED, "west": Mode.BINARY}
CONTRACT: Final = {
    "purpose": "a soak",
    "legal_basis": "none: invented people",
    "categories": ["identity", "attendance", "group"],
}
CONCURRENCY: Final = 8  # deliveries at a time, and so connections, of a webhook
HOOKS: Final = {"steady": CONCURRENCY, "flaky": CONCURRENCY, "passing": 0}
"""The webhooks, and how many connections the hub may keep to each in the end (passing: its subscription is deleted)."""

SAMPLE_S: Final = 2.0


@dataclass(frozen=True)
class Course:
    """`seconds` of disturbance, with `gap_s` between two acts at the mean; `long_s` is how long a pause or a trouble of
    a webhook lasts at most, `pause_s` how long a publisher rests between two requests, `patience_s` how long no event
    may come while some are missing. In the last `quiet` of the time the hub is not restarted, so that memory that grows
    has time to show.
    """

    seconds: float
    seed: int
    gap_s: float = 4.0
    long_s: float = 8.0
    pause_s: float = 0.1
    patience_s: float = 300.0
    quiet: float = 0.3


@dataclass
class Outcome:
    truth: Truth
    acts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    samples: list[tuple[float, int, Use]] = field(default_factory=list)
    """Seconds since the start, the hub's process, what it held."""


async def soak(folder: Path, course: Course, say: Callable[[str], None] = lambda line: None) -> Outcome:
    """Run a soak in `folder`, which is empty. `say` gets a line for each act."""
    outcome = Outcome(Truth())
    truth = outcome.truth
    tokens = folder / "tokens"
    tokens.mkdir()
    clients = {name: Client(name, tokens, "publisher", sources=[f"urn:soak:{name}"]) for name in ("sis", *PUBLISHERS)}
    for name in ("hooks", "feed", "stream", "school", "lazy", "passing"):
        clients[name] = Client(name, tokens, "subscriber", contract=CONTRACT)
    clients["desk"] = Client("desk", tokens, "operator")
    steady, flaky, feed, stream = (Arrivals(name, truth) for name in ("steady", "flaky", "feed", "stream"))
    recipients = [steady, flaky, feed, stream]
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(WebhookReceiver()) for _ in HOOKS]
        well, ill = Hook(steady, receivers[0]), Hook(flaky, receivers[1])
        passing = Passing(Arrivals("passing", truth), receivers[2], truth)
        hub = HubProcess(folder, _configuration(clients, well, ill))
        await stack.enter_async_context(hub)
        before = open_files(hub.pid)
        publishers = [
            Publisher(clients[name], mode, truth, hub.port, seed=f"{course.seed} {name}", pause_s=course.pause_s)
            for name, mode in PUBLISHERS.items()
        ]
        await publish_directory(clients["sis"], hub.port, _directory(truth))
        school = SchoolReader(Arrivals("school", truth), clients["school"], hub.port, truth)
        readers: list[FeedReader | StreamReader] = [
            FeedReader(feed, clients["feed"], hub.port, truth),
            StreamReader(stream, clients["stream"], hub.port, truth),
        ]
        parties = Parties(hub, folder / "skolnav.yaml", truth, clients, recipients, ill, passing)
        disturber = Disturber(parties, choice=random.Random(f"{course.seed} acts"), long_s=course.long_s)
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(each.run()) for each in readers]
            mirroring = group.create_task(school.run())
            publishing = [group.create_task(each.run()) for each in publishers]
            sampling = group.create_task(_sample(hub, outcome))
            await _disturb(disturber, course, outcome, say)
            for publisher in publishers:
                publisher.end()
            await asyncio.wait(publishing)
            await disturber.leave()
            say("everything is published; the last events arrive")
            await _drained(truth, recipients, course.patience_s, say)
            mirroring.cancel()
            await asyncio.wait([mirroring])
            await school.again()
            whole = await school.absences()
            for task in (*reading, sampling):
                task.cancel()
        school.close()
        last = Use.of(hub.pid)
        after = await judge_files(truth, before, lambda: open_files(hub.pid) - _kept(receivers), course.patience_s)
        for receiver, (name, most) in zip(receivers, HOOKS.items(), strict=True):
            await judge_kept(truth, name, most, partial(_kept, [receiver]), course.patience_s)
        await _stop(hub, truth)
        await hub.start()
        await school.absences()  # so that the new process holds the index that the one before held
        fresh = Use.of(hub.pid)
        school.close()
        await _stop(hub, truth)
    judge(truth, recipients, school, whole, bytes(hub.output), clients.values())
    first = _first(outcome, course)
    judge_memory(truth, first, last, fresh)
    outcome.lines = [
        *table(recipients, school, passing, truth),
        f"acknowledged: {len(truth.acknowledged):,} events in {truth.requests:,} requests; "
        f"{len(truth.permitted()):,} of them must reach every recipient",
        "acts: " + ", ".join(f"{number} x {name}" for name, number in outcome.acts.items()),
        f"memory: {first.rss_mib:.0f} MiB early, {last.rss_mib:.0f} at the end, "
        f"{fresh.rss_mib:.0f} after one more restart, "
        f"{max(use.rss_mib for _, _, use in outcome.samples):.0f} at most; "
        f"open files: {before} before the first client, "
        f"{max(use.files for _, _, use in outcome.samples)} at most, {after} after the last",
        *(f"FAULT, {number} times: {what} ({truth.examples[what]})" for what, number in truth.faults.items()),
        "no fault" if not truth.faults else f"{len(truth.faults)} kinds of fault",
    ]
    return outcome


def _kept(receivers: Sequence[WebhookReceiver]) -> int:
    """The connections that the hub keeps to these webhooks."""
    return sum(each.open for each in receivers)


async def _stop(hub: HubProcess, truth: Truth) -> None:
    if (code := await hub.stop()) != 0:
        truth.fault(f"the hub ended with {code} after SIGTERM")


def _configuration(clients: dict[str, Client], well: Hook, ill: Hook) -> dict[str, Any]:
    return {
        "clients": [each.config() for each in clients.values()],
        "subscriptions": [
            {"client": "hooks", **webhook("steady", well.url, TYPES, sink={"concurrency": CONCURRENCY})},
            {"client": "hooks", **webhook("flaky", ill.url, TYPES, sink={"concurrency": CONCURRENCY, "timeout_s": 2})},
            *(
                {"client": name, "name": name, "types": TYPES, "sink": {"kind": kind}, "from": "oldest"}
                for name, kind in (("feed", "feed"), ("stream", "stream"), ("lazy", "stream"))
            ),
        ],
    }


def _directory(truth: Truth) -> list[dict[str, Any]]:
    source = "urn:soak:sis"
    return [
        envelope("directory.organisation.upserted", organisation(), source=source),
        *(about(each, hidden=each.hidden) for each in truth.pupils.values()),
        envelope("directory.current", {"asOf": datetime.now(UTC).isoformat()}, source=source),
    ]


async def _disturb(disturber: Disturber, course: Course, outcome: Outcome, say: Callable[[str], None]) -> None:
    """Every act once, in random order, and again, until the time is over: at least once, however slow the machine."""
    choice = random.Random(course.seed)
    began = time.monotonic()
    deck: list[str] = []
    while (now := time.monotonic() - began) < course.seconds or len(outcome.acts) < len(disturber.acts):
        await asyncio.sleep(choice.uniform(0.5, 1.5) * course.gap_s)
        if not deck:
            deck = choice.sample(list(disturber.acts), len(disturber.acts))
        name = deck.pop()
        if outcome.acts[name] and name in RESTARTS and now > course.seconds * (1 - course.quiet):
            continue
        held = f"{outcome.samples[-1][2].rss_mib:.0f} MiB" if outcome.samples else ""
        say(f"{now:6.1f} s  {held:>8}  {name}")
        outcome.acts[name] += 1
        await disturber.acts[name]()


async def _sample(hub: HubProcess, outcome: Outcome) -> None:
    began = time.monotonic()
    while True:
        with suppress(OSError, StopIteration):
            outcome.samples.append((time.monotonic() - began, hub.pid, Use.of(hub.pid)))
        await asyncio.sleep(SAMPLE_S)


def _first(outcome: Outcome, course: Course) -> Use:
    """The most that the hub held in the first minute, or in the first third of a shorter soak."""
    early = [use for at, _, use in outcome.samples if at <= min(60.0, course.seconds / 3)]
    return Use(max(use.rss_mib for use in early), max(use.files for use in early))


async def _drained(truth: Truth, recipients: list[Arrivals], patience_s: float, say: Callable[[str], None]) -> None:
    """Until nothing is missing, or no event has come for `patience_s`."""
    since, before = time.monotonic(), -1
    while lost := missing(truth, recipients):
        if (now := sum(len(each.live) for each in recipients)) != before:
            since, before = time.monotonic(), now
        elif time.monotonic() - since > patience_s:
            return
        say("still missing: " + ", ".join(f"{name} {len(ids)}" for name, ids in lost.items()))
        await asyncio.sleep(5)
