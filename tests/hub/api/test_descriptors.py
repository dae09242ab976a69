"""A hub that may open few files: clients that only connect leave it enough for its own, and it says what it lacks."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.api.limits import ENOUGH_DESCRIPTORS, LEAST_DESCRIPTORS, MAX_CONNECTIONS, RESERVED, Limit
from hub.cli.exits import Code
from tests.hub.api.school import closed_day
from tests.peers.hub import OPERATOR, HubProcess, client
from tests.until import until

SKOLNAV = str(Path(sys.executable).with_name("skolnav"))
LIMITS = (Limit.EACH, Limit.CONNECTIONS, Limit.DESCRIPTORS)
CONFIG = {"clients": [client("sis", "publisher")]}


def limited(soft: int, hard: int) -> Sequence[str]:
    return ("sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec {SKOLNAV} run --config "$0"')


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_more_silent_connections_than_descriptors_shut_nobody_out(tmp_path: Path) -> None:
    """Promises 1 and 3."""
    async with HubProcess(tmp_path, CONFIG, command=limited(256, 1024), env={"SKOLNAV_LANG": "en"}) as hub:
        assert (
            f"only 1024 file descriptors (ulimit -n): the hub accepts at most {1024 - RESERVED}" in hub.output.decode()
        )
        silent = []
        for number in range(1, 1101):
            address = ("127.0.1.1", 0) if number % 2 else (f"127.0.{number % 200}.2", 0)
            silent.append(await asyncio.open_connection("127.0.0.1", hub.port, local_addr=address))
        publisher = hub.caller("sis")
        for day in range(5):
            answer = await publisher.post_events([closed_day(day).to_dict()])
            assert answer.status == 202, answer.body
        assert descriptors(hub.pid) <= 1024 - RESERVED + 64
        metrics = (await hub.caller(OPERATOR).request("GET", "/metrics")).body.decode()
        found = {
            line.split()[0]: float(line.split()[1]) for line in metrics.splitlines() if line.startswith("skolnav_http")
        }
        assert found["skolnav_http_connections"] <= 1024 - RESERVED
        reached = sum(found[f'skolnav_http_limits_reached_total{{limit="{limit}"}}'] for limit in LIMITS)
        assert reached >= 1100 - (1024 - RESERVED)
        await until(lambda: b"http limit" in hub.output)
        assert hub.output.count(b"http limit") <= 4, "not a line for each connection"
        for _, writer in silent:
            writer.transport.abort()


async def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    async with HubProcess(tmp_path, CONFIG, command=limited(200, ENOUGH_DESCRIPTORS)) as hub:
        limits = Path(f"/proc/{hub.pid}/limits").read_text().splitlines()
        (soft,) = (line.split()[3] for line in limits if line.startswith("Max open files"))
        assert int(soft) == ENOUGH_DESCRIPTORS == MAX_CONNECTIONS + RESERVED
        assert b"ulimit" not in hub.output


@pytest.mark.parametrize(("language", "says"), [("sv", "Den behöver minst"), ("en", "It needs at least")])
async def test_with_too_few_descriptors_it_does_not_start(tmp_path: Path, language: str, says: str) -> None:
    command = limited(256, LEAST_DESCRIPTORS - 1)
    hub = HubProcess(tmp_path, CONFIG, command=command, env={"SKOLNAV_LANG": language})
    assert await hub.try_start() == Code.FILES
    assert f"{says} {LEAST_DESCRIPTORS}" in hub.output.decode()
