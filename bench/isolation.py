"""What a process of its own costs a connector: time and processor time for each event, memory, and a start.

    .venv/bin/python -m bench.isolation [events]

The same connector, which counts in its state, is called once in the hub's process and once in one of its own: one event
at a time, and eight at a time (`concurrency: key`).
"""

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import orjson

from bench.isolation_counter import Counter
from hub.bus.base import Place, Stored
from hub.clock import SystemClock
from hub.config.limits import Limits
from hub.delivery.base import Attempt, Result
from hub.hosting.hosts import HostedConnector, Hosts
from hub.hosting.isolated.forks import shared
from hub.hosting.isolated.stand_in import Isolation
from hub.hosting.usage import measured
from hub.runner import ThreadRunner
from hub.store.sql import SqlStore
from plugins import ConnectorConfig
from plugins.manager import Plugins

EVENTS = 3000
AT_A_TIME = (1, 8)


def attempt(n: int) -> Attempt:
    data = {
        "id": f"{n:032x}", "student": {"id": f"{n:032x}"}, "startTime": "2026-11-24T08:00:00+01:00",
        "endTime": "2026-11-24T16:00:00+01:00", "type": "Anmäld frånvaro",
    }  # fmt: skip
    envelope = {
        "specversion": "1.0", "id": f"evt-{n}", "source": "urn:bench", "type": "se.skolnav.absence.reported.v1",
        "sequence": f"{n:016}", "data": data,
    }  # fmt: skip
    body = orjson.dumps(envelope)
    stored = Stored(Place(n), envelope["type"], "urn:bench", envelope["id"], None, None, None, (), (), False, 0, body)
    return Attempt(stored, f"dlv-{n}", 1, lambda: body)


async def measure(hosts: Hosts, name: str, events: int, at_a_time: int) -> tuple[list[float], float]:
    """Seconds of each event, and processor seconds of hub and process together for each."""
    instance = hosts.instance(name)
    numbers = iter(range(events))
    taken: list[float] = []

    async def work() -> None:
        for n in numbers:
            began = time.perf_counter()
            outcome = await instance.deliver(attempt(n))
            taken.append(time.perf_counter() - began)
            assert outcome.result is Result.DELIVERED, outcome.reason
            if outcome.on_stored is not None:
                outcome.on_stored()

    before = processor_s(instance.process)
    await asyncio.gather(*(work() for _ in range(at_a_time)))
    return taken, (processor_s(instance.process) - before) / events


def processor_s(process: int) -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    there = measured(process) if process else None
    return used.ru_utime + used.ru_stime + (there.cpu_s if there else 0.0)


def private_mib(pid: int) -> float:
    """Memory that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


async def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"{events} events, load average {load}")
    with tempfile.TemporaryDirectory() as folder:
        runner = ThreadRunner()
        store = await SqlStore.open(Path(folder) / "store.db", tenant="bench", runner=runner)
        hosts = Hosts(
            plugins=Plugins.of(Counter), store=store, clock=SystemClock(), directory=lambda *_: None,  # type: ignore[arg-type,return-value]
            wake=lambda: None, pause=lambda *_: None, on_problem=print,
        )  # fmt: skip
        began = time.perf_counter()
        await asyncio.to_thread(shared().begin)
        print(f"the fork server, once: {time.perf_counter() - began:.2f} s")
        await hosts.start({})
        try:
            for name, how in (("here", None), ("there", Isolation(Limits()))):
                began = time.perf_counter()
                await hosts.add(name, HostedConnector("counter", ConnectorConfig(), isolation=how))
                print(f"{name}: started in {(time.perf_counter() - began) * 1000:.0f} ms")
            for at_a_time in AT_A_TIME:
                found: dict[str, list[float]] = {"here": [], "there": []}
                for _ in range(3):  # in turns: a machine is not equally busy all the time
                    for name, times in found.items():
                        taken, processor = await measure(hosts, name, events // 3, at_a_time)
                        times += taken
                        print(f"{name}, {at_a_time} at a time: {processor * 1e6:.0f} us of processor time for each")
                here, there = (statistics.median(found[name]) * 1e6 / at_a_time for name in ("here", "there"))
                more = there - here
                print(f"{at_a_time} at a time: median {here:.0f} us here, {there:.0f} us there: {more:.0f} us more")
            pid = hosts.instance("there").process
            found_there = measured(pid)
            assert found_there is not None
            total = found_there.memory_bytes / 2**20
            print(f"memory of the process: {private_mib(pid):.1f} MiB of its own, {total:.0f} MiB with what is shared")
        finally:
            await hosts.stop()
            await store.close()
            runner.close()


if __name__ == "__main__":
    asyncio.run(main())
