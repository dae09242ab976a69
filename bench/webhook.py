"""Deliveries per second of the webhook sink alone, against a raw receiver in another process.

    python -m bench.webhook [--sinks 10] [--concurrency 8] [--deliveries 50000] [--size 1024]

Prints the rate and the processor time that one delivery takes in the sending process: the hub's share, since the
receiver's is spent elsewhere.
"""

import argparse
import asyncio
import ipaddress
import itertools
import subprocess
import sys
import time

import uvloop

from hub.bus.base import Stored, place
from hub.clock import SystemClock
from hub.delivery.base import Attempt, Result
from hub.sinks.webhook import WebhookSink


def event(size: int) -> bytes:
    """One event in the JSON event format, `size` bytes long."""
    frame = b'{"id":"evt-0","source":"urn:bench","type":"se.skolnav.bench.v1","specversion":"1.0","data":"%b"}'
    return frame % (b"x" * (size - len(frame) + 2))


async def measure(port: int, *, sinks: int, concurrency: int, deliveries: int, size: int) -> None:
    body = event(size)
    stored = Stored(
        at=place(0, 1), type="se.skolnav.bench.v1", source="urn:bench", id="evt-0", subject="", key="", entity=None,
        about=(), organisations=(), extras=False, accepted_us=0, body=body,
    )  # fmt: skip
    allow = (ipaddress.ip_network("127.0.0.0/8"),)
    clock = SystemClock()
    secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    opened = [
        WebhookSink(f"http://127.0.0.1:{port}/ok/{n}", secrets, clock=clock, allow=allow, concurrency=concurrency)
        for n in range(sinks)
    ]
    numbers = itertools.count()

    async def work(sink: WebhookSink, until: int) -> None:
        while (number := next(numbers)) < until:
            outcome = await sink.deliver(Attempt(stored, f"msg_{number:020d}", 1, lambda: body))
            assert outcome.result is Result.DELIVERED, outcome

    async def run(until: int) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work(sink, until) for sink in opened for _ in range(concurrency)))
        return time.perf_counter() - wall, time.process_time() - cpu

    await run(sinks * concurrency)  # opens the connections
    numbers = itertools.count()
    wall_s, cpu_s = await run(deliveries)
    print(f"{deliveries / wall_s:10,.0f} deliveries/s, {cpu_s / deliveries * 1e6:.1f} us of processor each")
    for sink in opened:
        await sink.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sinks", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--deliveries", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=1024, help="bytes of one event")
    a = parser.parse_args()
    with subprocess.Popen([sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        try:
            port = int(receiver.stdout.readline())
            uvloop.run(measure(port, sinks=a.sinks, concurrency=a.concurrency, deliveries=a.deliveries, size=a.size))
        finally:
            receiver.terminate()


if __name__ == "__main__":
    main()
