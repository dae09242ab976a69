"""Recipients that hang, drip, flood and fail, beside one that is well."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.checks import missing, out_of_order
from tests.faults.load import Publishers, configuration, directory, numbers
from tests.peers.hub import HubProcess
from tests.peers.webhook import Answer, WebhookReceiver, endless, hang, status
from tests.until import until

pytestmark = pytest.mark.fault

FLOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"
BAD: dict[str, Answer] = {
    "hangs": hang,
    "drips": endless(b"HTTP/1.1 200 OK\r\n", b"X", 0.2),
    "floods": endless(FLOOD, b"x" * 65536),
    "fails": status(500),
}
LATE_S = 3.0  # generous on a shared machine; hanging recipients would hold others up for their whole time-out


def resident_mib(pid: int) -> float:
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def test_bad_recipients_delay_nobody_and_lose_nothing_themselves(tmp_path: Path) -> None:
    """Promise 3: while they are bad the healthy one gets everything in order and in time; mended, they get all too."""
    receivers = [WebhookReceiver() for _ in range(1 + len(BAD))]
    async with (
        receivers[0] as well,
        receivers[1] as one,
        receivers[2] as two,
        receivers[3] as three,
        receivers[4] as four,
    ):
        bad = dict(zip(BAD, (one, two, three, four), strict=True))
        for name, receiver in bad.items():
            receiver.answer = BAD[name]
        config = configuration(*(each.url for each in receivers))
        for each in config["subscriptions"][1:-1]:
            each["sink"]["timeout_s"] = 2
        loop = asyncio.get_running_loop()
        async with HubProcess(tmp_path, config) as hub:
            answer = await hub.caller("load").post_events(directory(64))
            assert answer.status == 202, answer.body
            worst = 0.0
            async with Publishers(hub, pause_s=0.2) as publishers:
                publishers.up.set()
                for _ in range(20):  # about 300 events a second, for some seconds
                    await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 64)
                    said, since = len(publishers.acknowledged), loop.time()
                    await well.wait_for(said, 30)
                    worst = max(worst, loop.time() - since)
            await until(lambda: not missing(publishers.acknowledged, numbers(each.body for each in well.received)))
            arrived = numbers(each.body for each in well.received)
            assert out_of_order(arrived) == []
            assert worst < LATE_S
            assert resident_mib(hub.pid) < 400
            found = await hub.subscriptions()
            assert {each["state"] for each in found.values()} <= {"active", "holding"}, (
                "nobody is given up on within seconds"
            )
            behind = {name for name, each in found.items() if each["lag_s"] > 0}
            assert behind >= {"hook1", "hook2", "hook4"}, "an operator sees who is behind"
            assert all(each["dead"] == 0 for each in found.values())
            # Who floods had said 200 before: that is delivered. What came to the others so far is not.
            taken = {name: 0 if name == "floods" else len(each.received) for name, each in bad.items()}
            for receiver in bad.values():
                receiver.answer = status(204)
            # They are looked for after 1, 5 and 15 s: never longer for having been asked several things at once.
            await hub.delivered(timeout_s=40)
        for name, receiver in bad.items():
            arrived = numbers(each.body for each in receiver.received[taken[name] :])
            assert missing(publishers.acknowledged, arrived) == set(), name
            assert out_of_order(arrived) == [], name
