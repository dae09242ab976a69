"""The durable peer beside the hub: NATS JetStream on a file store that is synced for each message.

As a program it is the worker that a municipality would write to turn a stream into webhooks, without gate, catalogue or
duplicate table: `python -m bench.jetstream NATS_PORT RECEIVER_PORT RECIPIENTS`.
"""

import asyncio
import contextlib
import hmac
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import nats
import uvloop
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

from bench.events import Make
from bench.process import BIN

STREAM: Final = "EVENTS"
SUBJECT: Final = "events.absence"
KEY: Final = b"k" * 24
SLOTS: Final = 8  # deliveries at a time for each recipient, as in the hub


@contextlib.asynccontextmanager
async def server(folder: Path) -> AsyncIterator[int]:
    """A server with one stream; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    configuration = folder / "nats.conf"
    configuration.write_text(
        f'host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: "{folder}", sync_interval: always }}\n'
    )
    process = subprocess.Popen([BIN / "nats-server", "-c", configuration], stderr=subprocess.DEVNULL)
    try:
        client = await _connect(port)
        await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["events.*"]))
        await client.close()
        yield port
    finally:
        process.terminate()
        process.wait()


async def _connect(port: int) -> Any:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return await nats.connect(f"nats://127.0.0.1:{port}")
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    raise SystemExit("nats-server did not start")


async def publish(port: int, in_flight: int, make: Make, *, seconds: float = 1e9, number: int | None = None) -> float:
    """Messages per second, each acknowledged before the same task sends the next."""
    client = await _connect(port)
    stream = client.jetstream(publish_async_max_pending=in_flight + 1)
    numbers = itertools.count()
    sent = 0
    began = time.perf_counter()

    async def work() -> None:
        nonlocal sent
        while time.perf_counter() - began < seconds and (number is None or next(numbers) < number):
            await stream.publish(SUBJECT, make())
            sent += 1

    await asyncio.gather(*(work() for _ in range(in_flight)))
    rate = sent / (time.perf_counter() - began)
    await client.close()
    return rate


async def worker(port: int, receiver: int, recipients: int) -> None:
    """For each recipient a durable consumer; each message is signed, posted and, on 2xx, acknowledged."""
    client = await _connect(port)
    stream = client.jetstream()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = []
        for n in range(recipients):
            config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=1024)
            pull = await stream.pull_subscribe("events.*", durable=f"r{n}", stream=STREAM, config=config)
            queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=2 * SLOTS)
            url = f"http://127.0.0.1:{receiver}/ok/r{n}"
            tasks += [_fetch(pull, queue), *(_post(session, url, queue) for _ in range(SLOTS))]
        print("ready", flush=True)
        await asyncio.gather(*tasks)


async def _fetch(pull: Any, queue: "asyncio.Queue[Any]") -> None:
    while True:
        with contextlib.suppress(nats.errors.TimeoutError):
            for message in await pull.fetch(100, timeout=5):
                await queue.put(message)


async def _post(session: aiohttp.ClientSession, url: str, queue: "asyncio.Queue[Any]") -> None:
    while True:
        message = await queue.get()
        timestamp = str(int(time.time()))
        id_ = str(message.metadata.sequence.stream)
        signature = hmac.digest(KEY, f"{id_}.{timestamp}.".encode() + message.data, "sha256").hex()
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": id_,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature,
        }
        async with session.post(url, data=message.data, headers=headers) as answer:
            if answer.status < 300:
                await message.ack()


if __name__ == "__main__":
    uvloop.run(worker(*map(int, sys.argv[1:4])))
