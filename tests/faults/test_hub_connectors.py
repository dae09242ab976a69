"""Connectors that raise, block and never return, in one hub with recipients that are well."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checks import missing, out_of_order, repeated
from tests.faults.load import Publishers, configuration, numbers
from tests.peers.hub import HubProcess
from tests.peers.webhook import WebhookReceiver

pytestmark = pytest.mark.fault

COMMAND = (sys.executable, "-m", "tests.faults.bad_connectors", "run", "--config")
BAD = ("raises", "blocks", "never-returns", "will-not-be-cancelled")
LATE_S = 3.0


async def found(hub: HubProcess, name: str) -> dict[str, Any]:
    return (await hub.subscriptions())[name]


async def test_bad_connectors_delay_nobody_and_are_named(tmp_path: Path) -> None:
    """Promises 3 and 8: who is well gets everything in time, the operator sees who is not, and no log quotes data.

    Nor do they hold up the end: SIGTERM ends the hub before a supervisor would kill it.
    """
    file = tmp_path / "well.txt"
    loop = asyncio.get_running_loop()
    async with WebhookReceiver() as hook:
        config = configuration(hook.url)
        config["connectors"] = {name: {"use": name} for name in BAD} | {"well": {"use": "well", "path": str(file)}}
        hub = HubProcess(tmp_path, config, command=COMMAND)
        async with hub, Publishers(hub, 16, size=50, pause_s=0.1) as publishers:
            publishers.up.set()
            worst = 0.0
            async with asyncio.timeout(60):
                while (await found(hub, "blocks"))["state"] != "paused":
                    lessons = [each for each in publishers.acknowledged if int(each[0]) % 2 == 0]
                    since = loop.time()
                    await hook.wait_for(len(lessons), 30)
                    worst = max(worst, loop.time() - since)
                    await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 16)
            publishers.up.clear()
            await hub.delivered("hook0", "well")
            assert worst < LATE_S
            states = {name: await found(hub, name) for name in BAD}
            assert states["blocks"]["reason"] == "blocked"
            assert states["raises"]["parked"] == 8, "one key each, and all that is behind it"
            behind = {name for name, each in states.items() if each["lag_s"] > 0}
            assert behind >= set(BAD) - {"blocks"}, "the operator sees who is behind"
            since = loop.time()
            assert await hub.stop(timeout_s=15) == 0
            assert loop.time() - since < 10
        lessons = [each for each in publishers.acknowledged if int(each[0]) % 2 == 0]
        written = [(key, int(number)) for key, _, number in (line.partition("-") for line in file.read_text().split())]
        for arrived in (written, numbers(each.body for each in hook.received)):
            assert missing(lessons, arrived) == set()
            assert out_of_order(arrived) == []
            assert repeated(arrived) == []
        output = hub.output.decode()
        assert "bad_connectors.py" in output, "it says where"
        assert "xxxx" not in output
        assert "Traceback" not in output
