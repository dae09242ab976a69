"""Measures a real hub from outside, and NATS JetStream beside it. By hand, on a machine that does nothing else.

    python -m bench.run                    every scenario, as long as the figures in README.md took
    python -m bench.run ingest fanout      some of them
    python -m bench.run --quick            shorter, to see that everything works; its figures are not to be kept

Each scenario starts its own hub on new files under --folder (put that on the disk that is to be measured).
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from bench import events, jetstream
from bench.feed import read_all
from bench.load import BATCH, Load, flat_out, paced, request
from bench.process import Hub, Receiver, folder, machine, webhook

ABSENCE: Final = "se.skolnav.absence.*"
MEALS: Final = "se.skolnav.meals.*"
ALL: Final = "se.skolnav.*"


@dataclass(frozen=True)
class Options:
    quick: bool
    folder: Path
    events: int  # of the large scenarios: catch-up, memory, disk

    def shorter(self, full: float, quick: float) -> float:
        return quick if self.quick else full


def report(what: str, figure: float, unit: str, target: str = "") -> None:
    digits = 0 if abs(figure) >= 1000 else 1 if abs(figure) >= 10 else 2
    print(f"  {what:<58} {figure:>12,.{digits}f} {unit:<14} {target}", flush=True)


# Sending


def until(seconds: float, make: Callable[[], bytes]) -> Callable[[], bytes | None]:
    end = time.perf_counter() + seconds
    return lambda: make() if time.perf_counter() < end else None


def times(number: int, make: Callable[[], bytes]) -> Callable[[], bytes | None]:
    left = iter(range(number))
    return lambda: make() if next(left, None) is not None else None


def batches(make: events.Make, size: int) -> Callable[[], bytes]:
    return lambda: request(events.batch(make, size), BATCH)


async def know_the_persons(hub: Hub) -> None:
    """Post the directory, one batch after the other."""
    known = list(events.directory())
    bodies: Iterator[bytes] = iter(
        [request(b"[" + b",".join(known[n : n + 200]) + b"]", BATCH) for n in range(0, len(known), 200)]
    )
    checked(await flat_out(hub.port, 1, lambda: next(bodies, None)))


async def fill(hub: Hub, make: events.Make, number: int, batch: int = 500) -> float:
    """Store so many events; gives the rate."""
    load = checked(await flat_out(hub.port, 4, times(number // batch, batches(make, batch))))
    return load.accepted * batch / load.took_s


def checked(load: Load) -> Load:
    if load.refused:
        raise SystemExit(f"the hub refused requests, by status: {load.refused}")
    return load


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def received(
    receiver: Receiver, names: list[str], number: int, patience_s: float = 120, look_s: float = 0.2
) -> None:
    """Until each of these recipients has so many events, or nothing has come for a while."""
    seen, quiet = -1, time.perf_counter()
    while True:
        counts = await asyncio.to_thread(receiver.counts)
        now = sum(min(number, counts.get(name, {"events": 0})["events"]) for name in names)
        if now == number * len(names):
            return
        if now != seen:
            seen, quiet = now, time.perf_counter()
        elif time.perf_counter() - quiet > patience_s:
            raise SystemExit(f"only {now} of {number * len(names)} deliveries came")
        await asyncio.sleep(look_s)


def latencies_ms(receiver: Receiver, names: list[str], load: Load) -> list[float]:
    """From each event's acknowledgement to its receipt at each recipient; 0 where it was received before."""
    found = []
    for name in names:
        for id_, at in receiver.receipts(name).items():
            if (acked := load.acked.get(id_)) is not None:
                found.append(max(0, at - acked) / 1e6)
    return found


# Scenarios


async def ingest(options: Options) -> None:
    """One event a request, then batches of 500, acknowledged after fsync; JetStream on the same disk after each."""
    seconds = options.shorter(10, 2)
    targets = {1: 1_800, 16: 9_000, 64: 12_000}
    with folder(options.folder) as place, Hub(place) as hub:
        async with jetstream.server(place) as nats:
            await know_the_persons(hub)
            make = events.absences()
            for in_flight, target in targets.items():
                load = checked(await flat_out(hub.port, in_flight, until(seconds, lambda: request(make()))))
                rate = load.accepted / load.took_s
                report(f"ingest over HTTP, {in_flight} in flight", rate, "events/s", f">= {target:,}")
                report("  its answer: median", statistics.median(load.waits_s) * 1e3, "ms")
                report("  its answer: p99", percentile(load.waits_s, 0.99) * 1e3, "ms")
                peer = await jetstream.publish(nats, in_flight, make, seconds=seconds)
                report(f"  JetStream, sync_interval always, {in_flight} in flight", peer, "events/s")
                report("  the hub to JetStream", rate / peer, "times")
            cpu = hub.cpu_s()
            load = checked(await flat_out(hub.port, 4, until(seconds, batches(make, 500))))
            cpu = hub.cpu_s() - cpu
            number = load.accepted * 500
            report("ingest over HTTP, batches of 500, 4 in flight", number / load.took_s, "events/s", ">= 25,000")
            report("  processor time of the hub for each event", cpu / number * 1e6, "us")


async def fanout(options: Options) -> None:
    """Every event to 10 webhooks, through gate and signature, from publishing to the last receipt."""
    number = int(options.shorter(20_000, 3_000))
    names = [f"r{n}" for n in range(10)]
    with (
        folder(options.folder) as place,
        Receiver() as receiver,
        Hub(place, [webhook(name, receiver.url("ok", name), [ABSENCE]) for name in names]) as hub,
    ):
        await know_the_persons(hub)
        began = time.monotonic_ns()
        cpu = hub.cpu_s()
        await fill(hub, events.absences(), number, 100)
        await received(receiver, names, number)
        cpu = hub.cpu_s() - cpu
        counts = receiver.counts()
        took_s = (max(counts[name]["last_ns"] for name in names) - began) / 1e9
        rate = number * len(names) / took_s
        report("fan-out to 10 webhooks", rate, "deliveries/s", ">= 8,000")
        report("  processor time of the hub for each delivery", cpu / number / len(names) * 1e6, "us")
        requests = sum(counts[name]["requests"] for name in names)
        report("  requests for each delivery (1: no repeats)", requests / number / len(names), "")
    with folder(options.folder) as place, Receiver() as receiver:
        async with jetstream.server(place) as nats:
            command = [sys.executable, "-m", "bench.jetstream", str(nats), str(receiver.port), str(len(names))]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
                try:
                    assert worker.stdout is not None
                    await asyncio.to_thread(worker.stdout.readline)
                    began = time.monotonic_ns()
                    await jetstream.publish(nats, 64, events.absences(), number=number)
                    await received(receiver, names, number)
                finally:
                    worker.terminate()
            took_s = (max(each["last_ns"] for each in receiver.counts().values()) - began) / 1e9
            peer = number * len(names) / took_s
            report("  JetStream with a worker (aiohttp)", peer, "deliveries/s")
            report("  the hub to JetStream", rate / peer, "times")


async def pace(options: Options) -> None:
    """500 events/s to one webhook and to ten: from the acknowledgement to the receipt."""
    seconds = options.shorter(30, 4)
    for recipients, target in ((1, "< 10"), (10, "")):
        names = [f"r{n}" for n in range(recipients)]
        with (
            folder(options.folder) as place,
            Receiver() as receiver,
            Hub(place, [webhook(name, receiver.url("ok", name), [ABSENCE]) for name in names]) as hub,
        ):
            await know_the_persons(hub)
            make = events.absences()
            warm = checked(await paced(hub.port, 100, 100, make))
            load = checked(await paced(hub.port, 500, int(500 * seconds), make))
            await received(receiver, names, load.accepted + warm.accepted)
            found = latencies_ms(receiver, names, load)
            what = f"500 events/s, {recipients} webhook{'s' if recipients > 1 else ''}: acknowledgement to receipt"
            report(f"{what}, median", statistics.median(found), "ms")
            report("  p99", percentile(found, 0.99), "ms", target)
            report("  the publisher's answer, p99", percentile(load.waits_s, 0.99) * 1e3, "ms")


async def hostile(options: Options) -> None:
    """100 recipients, 500 deliveries/s in all: 5 hang and 10 answer 500, against a run in which all are well."""
    seconds = options.shorter(60, 10)
    names = [f"r{n}" for n in range(100)]
    healthy = names[15:]
    medians = []
    for how, behaviour in (("all healthy", {}), ("5 hang, 10 answer 500", _misbehaviour(names))):
        with folder(options.folder) as place, Receiver() as receiver:
            wanted = [webhook(n, receiver.url(behaviour.get(n, "ok"), n), [ABSENCE]) for n in names]
            with Hub(place, wanted) as hub:
                await know_the_persons(hub)
                load = checked(await paced(hub.port, 5, int(5 * seconds), events.absences()))
                await received(receiver, healthy, load.accepted)
                found = latencies_ms(receiver, healthy, load)
                medians.append(statistics.median(found))
                report(f"100 recipients, {how}: the healthy ones' median", medians[-1], "ms")
                report("  p99", percentile(found, 0.99), "ms")
    report("  with misbehaving ones to without", medians[1] / medians[0], "times", "<= 1.2")


def _misbehaviour(names: list[str]) -> dict[str, str]:
    return dict.fromkeys(names[:5], "hang") | dict.fromkeys(names[5:15], "error")


async def catchup(options: Options) -> None:
    """Reading a feed from its beginning, 1,000 events a page, one client."""
    for what, make, glob, target in (
        ("no person", events.meals(), MEALS, ">= 100,000"),
        ("persons", events.absences(), ABSENCE, ">= 30,000"),
    ):
        feed = {"name": "feed", "types": [glob], "sink": {"kind": "feed"}, "from": "oldest"}
        with folder(options.folder) as place, Hub(place, [feed]) as hub:
            await know_the_persons(hub)
            stored = await fill(hub, make, options.events)
            report(f"stored for catch-up ({what}), batches of 500", stored, "events/s")
            read = await asyncio.to_thread(read_all, hub.port, "feed")
            if read.events != options.events // 500 * 500:
                raise SystemExit(f"the feed gave {read.events} of {options.events} events")
            report(
                f"catch-up of {read.events:,} events by feed ({what})", read.events / read.took_s, "events/s", target
            )
            report("  memory of the hub, peak", hub.peak_mib(), "MiB")


async def memory(options: Options) -> None:
    """Idle; with 100 subscriptions whose recipients are not there and a backlog; and how soon it starts on that."""
    with folder(options.folder) as place:
        with Hub(place) as hub:
            report("ready after, no data", hub.ready_s, "s", "<= 2")
            await asyncio.sleep(2)
            report("memory idle", hub.rss_mib(), "MiB", "< 200")
        gone = [webhook(f"gone{n}", "http://127.0.0.1:9/", [ALL]) for n in range(100)]
        with Hub(place, gone) as hub:
            await know_the_persons(hub)
            rate = await fill(hub, events.absences(), options.events)
            report(f"storing {options.events:,} events beside 100 dead recipients", rate, "events/s")
            report("  memory with that backlog", hub.rss_mib(), "MiB", "< 400")
            report("  peak", hub.peak_mib(), "MiB")
        with Hub(place, gone) as hub:
            report("  ready after a restart on it", hub.ready_s, "s", "<= 2")
            await asyncio.sleep(5)
            report("  memory after it", hub.rss_mib(), "MiB", "< 400")


async def disk(options: Options) -> None:
    """Bytes on disk for each byte that was posted."""
    with folder(options.folder) as place:
        with Hub(place) as hub:
            empty = hub.disk_bytes()
            await fill(hub, events.absences(), options.events)
        report(
            f"disk for each byte of payload, {options.events:,} events of 1 KiB",
            (hub.disk_bytes() - empty) / (options.events // 500 * 500 * events.SIZE),
            "times",
            "< 1.5",
        )


SCENARIOS: Final[dict[str, Callable[[Options], Awaitable[None]]]] = {
    "ingest": ingest,
    "fanout": fanout,
    "pace": pace,
    "hostile": hostile,
    "catchup": catchup,
    "memory": memory,
    "disk": disk,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="see that everything works")
    parser.add_argument("--events", type=int, help="of catchup, memory and disk (1,000,000; quick 20,000)")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where the hubs' files go")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenario) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))} (there are {', '.join(SCENARIOS)})")
    size = arguments.events or (20_000 if arguments.quick else 1_000_000)
    options = Options(arguments.quick, arguments.folder, size)
    print(machine(options.folder))
    for name in arguments.scenario or SCENARIOS:
        print(f"{name}: {(SCENARIOS[name].__doc__ or '').strip()}", flush=True)
        uvloop.run(SCENARIOS[name](options))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
