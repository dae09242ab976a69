"""Two versions of the hub side by side: what a change costs, whatever the machine does today.

    git worktree add /tmp/before REVISION && make -C /tmp/before install
    .venv/bin/python -m bench.pairs /tmp/before --folder /tmp/bench ingest fanout catchup

Both hubs run at the same time, and one generator sends them the same load in short slices, first to the one, then to
the other, in the order A B B A. A machine that grows slower within a minute slows both slices of a pair; two runs of a
minute each, one after the other, differ by up to 30 % without any change of the code. Two processes of one version
differ too, by up to 4 %, so both hubs are started anew several times. What is printed is the mean over the starts of
the median of the pairs' ratios, with the lowest and the highest of these medians.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import events
from bench.feed import follow, read_all
from bench.load import flat_out, request
from bench.process import BIN, CATEGORIES, Hub, Receiver, fetch, folder, machine, webhook
from bench.run import ABSENCE, MEALS, batches, checked, fill, know_the_persons, received, times

Slice = Callable[[Hub], Awaitable[float]]
"""One portion of a load on one hub; gives the seconds that it took."""
Row = tuple[float, float, float, float]
"""Of one pair: seconds of the hub before and after, and the processor time in seconds that each of them used."""
Found = dict[str, tuple[int, list[list[Row]]]]
"""What was measured -> the units in one slice, and the pairs of each start."""


@contextmanager
def both(
    place: Path,
    before: Path,
    subscriptions: Callable[[str], list[dict[str, Any]]] = lambda name: [],
    categories: Sequence[str] = CATEGORIES,
) -> Iterator[list[Hub]]:
    """A hub of the other tree and one of this, on new files. `subscriptions` gives those of "before" and "after"."""
    binaries = {"before": before / ".venv" / "bin", "after": BIN}
    with ExitStack() as stack:
        hubs = []
        for name, binary in binaries.items():
            files = stack.enter_context(folder(place / name))
            hubs.append(stack.enter_context(Hub(files, subscriptions(name), binary=binary, categories=categories)))
        yield hubs


async def in_turn(hubs: Sequence[Hub], slice_: Slice, pairs: int) -> list[Row]:
    """Run the slice so many times on each hub, in the order A B B A, after one slice on each that does not count."""
    rows: list[Row] = []
    for number in range(-1, pairs):
        took_s, cpu_s = [0.0, 0.0], [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            cpu = hubs[side].cpu_s()
            took_s[side] = await slice_(hubs[side])
            cpu_s[side] = hubs[side].cpu_s() - cpu
        if number >= 0:
            rows.append((*took_s, *cpu_s))  # type: ignore[arg-type]
    return rows


def note(found: Found, what: str, units: int, rows: list[Row]) -> None:
    found.setdefault(what, (units, []))[1].append(rows)


def report(what: str, units: int, starts: Sequence[Sequence[Row]]) -> None:
    """Print the rates, the processor time of each unit, and how the second hub stands; above 1 is better."""
    ratios = [statistics.median(before / after for before, after, _, _ in rows) for rows in starts]
    all_rows = [row for rows in starts for row in rows]
    rates = [units / statistics.median(row[side] for row in all_rows) for side in (0, 1)]
    cpu_us = [sum(row[side] for row in all_rows) / units / len(all_rows) * 1e6 for side in (2, 3)]
    print(
        f"  {what:<30} {rates[0]:>9,.0f} {rates[1]:>9,.0f} /s {statistics.mean(ratios):>7.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f})   "
        f"processor {cpu_us[0]:>6.1f} {cpu_us[1]:>6.1f} us {cpu_us[0] / max(cpu_us[1], 1e-9):>6.3f}",
        flush=True,
    )


async def ingest(before: Path, place: Path, pairs: int, found: Found) -> None:
    make = events.absences()
    with both(place, before) as hubs:
        for hub in hubs:
            await know_the_persons(hub)
        for in_flight, number in ((1, 500), (16, 2_000), (64, 3_000)):

            async def single(hub: Hub, in_flight: int = in_flight, number: int = number) -> float:
                return checked(await flat_out(hub.port, in_flight, times(number, lambda: request(make())))).took_s

            note(found, f"ingest, {in_flight} in flight", number, await in_turn(hubs, single, pairs))

        async def batched(hub: Hub) -> float:
            return checked(await flat_out(hub.port, 4, times(40, batches(make, 500)))).took_s

        note(found, "ingest, batches of 500", 20_000, await in_turn(hubs, batched, pairs))


async def fanout(before: Path, place: Path, pairs: int, found: Found) -> None:
    number, recipients = 1_000, 10
    with Receiver() as receiver:

        def subscriptions(name: str) -> list[dict[str, Any]]:
            named = [f"{name}-{n}" for n in range(recipients)]
            return [webhook(each, receiver.url("ok", each), [ABSENCE]) for each in named]

        with both(place, before, subscriptions) as hubs:
            make = events.absences()
            sent = dict.fromkeys(hubs, 0)
            for hub in hubs:
                await know_the_persons(hub)

            async def slice_(hub: Hub) -> float:
                names = [each["name"] for each in subscriptions("before" if hub is hubs[0] else "after")]
                sent[hub] += number
                began = asyncio.get_running_loop().time()
                await fill(hub, make, number, 100)
                await received(receiver, names, sent[hub], look_s=0.01)
                return asyncio.get_running_loop().time() - began

            note(found, "fan-out to 10 webhooks", number * recipients, await in_turn(hubs, slice_, pairs))


async def catchup(before: Path, place: Path, pairs: int, found: Found) -> None:
    number = 10_000
    for what, make, glob in (("no person", events.meals(), MEALS), ("persons", events.absences(), ABSENCE)):
        feed = {"name": "feed", "types": [glob], "sink": {"kind": "feed"}, "from": "oldest"}
        with both(place, before, lambda name: [feed]) as hubs:  # noqa: B023 - used within the turn
            for hub in hubs:
                await know_the_persons(hub)
                await fill(hub, make, number)

            async def pages(hub: Hub) -> float:
                return (await asyncio.to_thread(read_all, hub.port, "feed")).took_s

            async def stream(hub: Hub) -> float:
                return await asyncio.to_thread(follow, hub.port, "feed", number)

            note(found, f"catch-up by feed, {what}", number, await in_turn(hubs, pages, pairs))
            note(found, f"catch-up by stream, {what}", number, await in_turn(hubs, stream, pairs))


async def provider(before: Path, place: Path, pairs: int, found: Found) -> None:
    persons, pages = len(events.PERSONS), 10
    for what, categories in (("persons", CATEGORIES), ("pseudonyms", ("name", "group", "attendance"))):
        with both(place, before, categories=categories) as hubs:
            for hub in hubs:
                await know_the_persons(hub)

            async def slice_(hub: Hub) -> float:
                began = asyncio.get_running_loop().time()
                for _ in range(pages):
                    body = await asyncio.to_thread(fetch, hub.port, f"/ss12000/v2.0/persons?limit={persons}")
                    assert body.count(b'"givenName"') == persons
                return asyncio.get_running_loop().time() - began

            note(found, f"SS 12000, {what}", persons * pages, await in_turn(hubs, slice_, pairs))


SCENARIOS: Final = {"ingest": ingest, "fanout": fanout, "catchup": catchup, "provider": provider}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a tree of the version to compare with, installed")
    parser.add_argument("scenario", nargs="*", help=f"{', '.join(SCENARIOS)}; left out: all")
    parser.add_argument("--pairs", type=int, default=8, help="slices on each hub, after one that does not count")
    parser.add_argument("--starts", type=int, default=5, help="how often both hubs are started anew")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where the hubs' files go")
    arguments = parser.parse_intermixed_args()
    if unknown := set(arguments.scenario) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))} (there are {', '.join(SCENARIOS)})")
    print(machine(arguments.folder))
    print(f"  {'':<30} {'before':>9} {'after':>9}    ratio (lowest and highest start); above 1 is better", flush=True)
    for name in arguments.scenario or SCENARIOS:
        found: Found = {}
        for number in range(arguments.starts):
            print(f"{name}: start {number + 1}", file=sys.stderr, flush=True)
            uvloop.run(
                SCENARIOS[name](arguments.before.absolute(), arguments.folder.absolute(), arguments.pairs, found)
            )
        for what, (units, starts) in found.items():
            report(what, units, starts)


if __name__ == "__main__":
    main()
