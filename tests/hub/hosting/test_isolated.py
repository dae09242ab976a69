"""A connector in a process of its own behaves as in the hub's: the same promises, errors, timers and answers."""

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import threading

import orjson
import pytest

from hub.delivery.base import Result
from hub.hosting import hosts as hosting
from hub.hosting import instance as instances
from hub.hosting.connector_errors import NotRunning
from hub.hosting.instance import MOST_ENDS, InstanceStatus
from hub.hosting.isolated.forks import connectors
from hub.hosting.isolated.frames import BadFrame, Unpacker, packed
from hub.hosting.isolated.stand_in import ANSWERS, MOST_UNREAD, Isolation
from hub.hosting.usage import measured
from hub.store import audit, connector_state, moments, outbox
from plugins import Received, TemporaryError
from plugins.fork_server import ForkServer
from plugins.testing import ManualClock
from tests import school
from tests.hub.hosting.conftest import attempt
from tests.hub.hosting.elsewhere import SINCE, Elsewhere
from tests.packages import Site
from tests.until import block_until, until

ISOLATED = Isolation()


def event(comment: str = "", **more):
    pupil = school.uid("person", 1)
    return attempt(data=school.absence(pupil, comment=comment) if comment else school.absence(pupil), **more)


async def running(hosts):
    """The same hosts, when a slow start has ended too."""
    await until(lambda: hosts.instance("elsewhere").status is not InstanceStatus.STARTING, within_s=120)
    return hosts


async def request(hosts, path: str, body: bytes = b"") -> str:
    answer = await hosts.receive("elsewhere", Received("POST", f"/{path}", body=body))
    assert (answer.status, answer.headers) == (201, {"X-Method": "POST"})
    return answer.body.decode()


async def kept(store) -> dict[str, object]:
    found = await store.read(connector_state.load("exempel", "elsewhere"))
    return {name: orjson.loads(value) for name, value in found.items()}


@pytest.fixture
async def hosts(hosted):
    return await running(await hosted(Elsewhere, isolation=ISOLATED))


async def test_it_runs_in_another_process(hosts) -> None:
    instance = hosts.instance("elsewhere")
    assert instance.process not in (0, os.getpid())
    assert await request(hosts, "blocking") == str(instance.process)
    usage = instance.usage()
    assert usage.process == instance.process
    assert usage.memory_bytes > 10 << 20
    assert usage.descriptors > 2


def test_a_package_with_unreadable_metadata_keeps_no_connector_from_its_process(monkeypatch, tmp_path) -> None:
    """Pydantic reads all packages' metadata as it is imported, to find its plugins."""
    Site(tmp_path).install("unread", "", points="[skolnav.connectors]\nno entry point\n")
    monkeypatch.syspath_prepend(tmp_path)
    server = connectors()
    try:
        server.begin()
        assert server.begun
    finally:
        server.close()


async def test_an_instance_is_there_at_once_however_long_its_processes_take_to_begin(hosted, monkeypatch) -> None:
    """Delivery asks for its sink when the hub's start has waited long enough."""
    slow, begun = threading.Event(), ForkServer.begin
    monkeypatch.setattr(hosting, "START_S", 0.05)
    monkeypatch.setattr(ForkServer, "begin", lambda self: (slow.wait(60), begun(self)))
    hosts = await hosted(Elsewhere, isolation=ISOLATED)
    try:
        assert hosts.instance("elsewhere").status is InstanceStatus.STARTING
        hosts.sink("elsewhere")
    finally:
        slow.set()
    await running(hosts)
    assert hosts.instance("elsewhere").status is InstanceStatus.RUNNING


async def test_what_handle_stages_is_kept_with_the_outcome_and_not_before(hosts, store) -> None:
    instance = hosts.instance("elsewhere")
    for number in (1, 2):
        outcome = await instance.deliver(event(id=f"evt-{number}"))
        assert outcome.result is Result.DELIVERED
        assert (await kept(store)).get("count", 0) == number - 1
        await store.commit(*outcome.operations)
        outcome.on_stored()
    assert (await kept(store))["count"] == 2
    rows = await store.read(outbox.load("exempel"))
    assert [orjson.loads(row.body)["data"]["away"] for row in rows] == [1, 2]
    assert {row.connector for row in rows} == {"elsewhere"}
    assert {each.key for each in await store.read(moments.load("exempel", "elsewhere"))} == {"evt-1", "evt-2"}


@pytest.mark.parametrize(
    ("what", "result", "reason", "retry_after_s"),
    [
        ("temporary", Result.RETRY, "away", 7),
        ("permanent", Result.DEAD, "never", None),
        ("configuration", Result.MISCONFIGURED, "configuration", None),
        ("privacy", Result.DEAD, "privacy", None),
        ("fault", Result.RETRY, "error-ValueError", None),
        ("exits", Result.RETRY, "error-SystemExit", None),
        ("publish-wrong", Result.DEAD, "publish", None),
    ],
)
async def test_an_error_means_the_same_and_what_was_staged_is_dropped(
    hosts, store, told, caplog, what, result, reason, retry_after_s
) -> None:
    outcome = await hosts.instance("elsewhere").deliver(event(what))
    assert (outcome.result, outcome.reason, outcome.retry_after_s) == (result, reason, retry_after_s)
    assert outcome.operations == ()
    again = await hosts.instance("elsewhere").deliver(event())
    await store.commit(*again.operations)
    assert (await kept(store))["count"] == 1, "the process has dropped it too"
    assert "canary" not in caplog.text + repr(told.problems)
    if what == "fault":
        await until(lambda: told.problems)
        ((_, code, detail),) = told.problems
        assert code == "error-ValueError"
        assert detail.startswith("handle: ValueError at elsewhere.py:")


async def test_a_call_that_takes_too_long_is_cancelled_there_and_the_next_one_runs(hosts, monkeypatch) -> None:
    monkeypatch.setattr(Elsewhere, "timeout_s", 0.2)
    outcome = await hosts.instance("elsewhere").deliver(event("hang"))
    assert (outcome.result, outcome.reason) == (Result.RETRY, "timeout")
    monkeypatch.setattr(Elsewhere, "timeout_s", 30)
    pid = hosts.instance("elsewhere").process
    assert (await hosts.instance("elsewhere").deliver(event())).result is Result.DELIVERED
    assert hosts.instance("elsewhere").process == pid


async def test_a_request_with_a_body_is_answered_while_an_event_is_handled(hosts) -> None:
    handling = asyncio.create_task(hosts.instance("elsewhere").deliver(event("hang")))
    assert await request(hosts, "nothing", b"\x00body") == "done\x00body"
    assert not handling.done()
    handling.cancel()
    await asyncio.gather(handling, return_exceptions=True)


async def test_what_waits_is_listed_and_kept_with_who_confirmed_it(hosts, store) -> None:
    (waits,) = await hosts.waiting("elsewhere")
    assert (waits.word, waits.says, waits.sv, waits.since) == ("order:1", "one order", "en order", SINCE)
    noted = audit.add(store.tenant, SINCE, actor="anna", action="connector.confirmed", target="elsewhere order:1")
    await hosts.confirm("elsewhere", "order:1", noted)
    assert (await kept(store))["done"] == "order:1"
    assert [row.actor for row in await store.read(audit.page(store.tenant))] == ["anna"]
    assert await hosts.waiting("elsewhere") == []


async def test_an_exception_is_logged_by_class_and_place_without_its_text(hosts, caplog) -> None:
    await request(hosts, "exception")
    record = await until(lambda: next((each for each in caplog.records if "it failed" in each.getMessage()), None))
    assert record.getMessage().startswith("it failed\n")
    assert "elsewhere.py" in record.getMessage()
    assert record.getMessage().endswith("ValueError")


async def test_a_selftest_says_why_it_failed(hosts) -> None:
    with pytest.raises(TemporaryError, match=r"the far side is away\. Call them") as raised:
        await hosts.selftest("elsewhere")
    assert raised.value.code == "away"


async def test_problems_lines_and_prints_arrive(hosts, told, caplog) -> None:
    caplog.set_level(logging.INFO)
    await request(hosts, "problem")
    assert ("elsewhere", "odd", "in a test") in told.problems
    await until(lambda: "printed" in caplog.text)
    (record,) = [each for each in caplog.records if each.getMessage() == "a line\nof two"]
    assert (record.levelname, record.name) == ("WARNING", "skolnav.connector.elsewhere")


async def test_how_its_far_sides_stand_arrives(hosts) -> None:
    await request(hosts, "far-sides")

    def arrived():
        return [(each.name, each.code, each.next_try) for each in hosts.statuses()[0].far_sides]

    await until(lambda: len(arrived()) == 2)
    assert arrived() == [("kitchen north", "", None), ("kitchen south", "away", SINCE)]


async def test_secrets_pass_over_the_socket_alone(hosts, monkeypatch) -> None:
    assert await request(hosts, "secret") == "canary-secret"
    pid = hosts.instance("elsewhere").process
    seen = await request(hosts, "environment")
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            seen += file.read().decode(errors="replace")
    assert "canary" not in seen
    assert "PYTEST_CURRENT_TEST" not in seen, "a variable of the hub's that the process does not need"


async def test_the_directory_answers(hosted) -> None:
    class Directory:
        async def persons(self, *, organisations, groups, on):
            return [{"id": "p1", "at": organisations, "groups": list(groups), "on": on.isoformat()}]

    hosted.directory = Directory()
    hosts = await running(await hosted(Elsewhere, isolation=ISOLATED))
    assert await request(hosts, "directory") == "[{'id': 'p1', 'at': ['here'], 'groups': [], 'on': '2026-11-24'}]"


async def test_a_process_that_asks_and_does_not_read_gets_few_answers_before_it_reads(hosted) -> None:
    waiting: list[int] = []
    turn = asyncio.Lock()

    class Directory:
        async def persons(self, *, organisations, groups, on):
            async with turn:  # one answer after the other, so that each is seen to wait
                await asyncio.sleep(0.002)
            channel = hosts.instance("elsewhere")._stand_in._channel
            waiting.append(channel._transport.get_write_buffer_size())
            return [{"id": "x" * 100_000}]

    hosted.directory = Directory()
    hosts = await running(await hosted(Elsewhere, isolation=ISOLATED))
    assert await request(hosts, "deaf") == "100"
    assert max(waiting) <= MOST_UNREAD + ANSWERS * 100_100


async def test_timers_run_by_the_clock_that_the_hub_has(timed, store) -> None:
    clock = ManualClock("2026-11-24T08:00")
    timers = await timed(Elsewhere, clock, isolation=ISOLATED)
    await running(timers.hosts)
    assert await request(timers.hosts, "clock") == "2026-11-24T08:00:00+01:00 UTC"
    outcome = await timers.hosts.instance("elsewhere").deliver(event())
    await store.commit(*outcome.operations)
    outcome.on_stored()
    clock.advance_to("08:31")

    async def reported() -> object:
        return (await kept(store)).get("report")

    due, at, complete = await until(reported)
    assert (due, at, complete) == ("2026-11-24T08:30:00+01:00", "2026-11-24T08:31:00+01:00", True)
    clock.advance_to("2026-11-25T08:05")

    async def later() -> object:
        return (await kept(store)).get("later")

    assert await until(later) == ["2026-11-25T08:00:00+01:00", "evt-1"]

    async def ended() -> bool:
        return await store.read(moments.load("exempel", "elsewhere")) == []

    await until(ended)


# -- its end ----------------------------------------------------------------------------------------------------------


async def test_the_next_process_begins_with_the_state_of_the_last(hosts, store, told) -> None:
    instance = hosts.instance("elsewhere")
    outcome = await instance.deliver(event())
    await store.commit(*outcome.operations)
    pid = instance.process
    ended = await instance.deliver(event("exit", id="evt-2"))
    assert (ended.result, ended.reason, ended.recipient_down) == (Result.RETRY, "process-ended", False)
    assert ("elsewhere", "process-ended", "exit 7") in told.problems
    await until(lambda: instance.status is InstanceStatus.RUNNING)
    assert instance.process not in (0, pid)
    again = await instance.deliver(event(id="evt-3"))
    await store.commit(*again.operations)
    assert (await kept(store))["count"] == 2


@pytest.mark.parametrize("what", ["garble", "forge"])
async def test_a_process_that_writes_nonsense_is_ended(hosts, told, what: str) -> None:
    assert (await hosts.instance("elsewhere").deliver(event(what))).reason == "garbled"
    assert "garbled" in [code for _, code, _ in told.problems]


async def test_one_that_ends_again_and_again_is_paused_until_a_person_acts(hosts, told, monkeypatch) -> None:
    monkeypatch.setattr(instances, "backoff_s", lambda failures, error: 0.001)
    instance = hosts.instance("elsewhere")
    for _ in range(MOST_ENDS):
        await until(lambda: instance.status is InstanceStatus.RUNNING)
        await instance.deliver(event("exit"))
    await until(lambda: told.paused == [("elsewhere", "process-ended")])
    assert (instance.status, instance.process) == (InstanceStatus.STUCK, 0)
    with pytest.raises(NotRunning):
        await request(hosts, "nothing")
    await hosts.restart("elsewhere")
    await running(hosts)
    assert await request(hosts, "nothing") == "done"


async def test_a_start_that_fails_leaves_no_process(hosts) -> None:
    await request(hosts, "fail-at-start")
    pid = hosts.instance("elsewhere").process
    await hosts.restart("elsewhere")
    await running(hosts)
    assert hosts.instance("elsewhere").reason == "not-yet"
    assert measured(pid) is None
    await until(lambda: hosts.instance("elsewhere").process == 0)


async def test_another_version_that_declares_something_else_needs_another_hub(hosted, monkeypatch) -> None:
    monkeypatch.setattr(Elsewhere, "receive_limit", 7)  # here, and not in the process
    hosts = await running(await hosted(Elsewhere, isolation=ISOLATED))
    instance = hosts.instance("elsewhere")
    assert (instance.status, instance.reason) == (InstanceStatus.FAILED, "configuration")


_HUB = """
import asyncio, os
from plugins.testing import open_hub
from tests.hub.hosting.elsewhere import Elsewhere

async def main():
    async with open_hub() as hub:
        await hub.add(Elsewhere, {})
        print(hub._hub.hosts.instance("elsewhere").process, flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


def test_no_process_outlives_its_hub() -> None:
    """`kill -9`: the hub can do nothing any more."""
    hub = subprocess.Popen(
        [sys.executable, "-c", _HUB],
        stdout=subprocess.PIPE,
        env={**os.environ, "SKOLNAV_ISOLATION": "process", "PYTHONPATH": os.getcwd()},
    )
    try:
        assert hub.stdout is not None
        pid = int(hub.stdout.readline())
        assert measured(pid) is not None
    finally:
        hub.send_signal(signal.SIGKILL)
        hub.wait()
    block_until(lambda: measured(pid) is None)


# -- frames -----------------------------------------------------------------------------------------------------------


def test_frames_arrive_whole_however_they_are_cut() -> None:
    sent = [(["a", 1, None], [b"", b"\x00\xff"]), (["b", {"c": [1.5]}], []), (["d"], [b"x" * 10_000])]
    written = b"".join(packed(head, parts) for head, parts in sent)
    for size in (1, 7, 4096, len(written)):
        unpacker = Unpacker(1 << 20)
        found = [each for at in range(0, len(written), size) for each in unpacker.feed(written[at : at + size])]
        assert found == sent


@pytest.mark.parametrize("seed", range(200))
def test_nonsense_is_a_bad_frame_and_nothing_else(seed: int) -> None:
    dice = random.Random(seed)
    written = bytearray(packed(["done", 1, None, 0, [[], []]], [b"part"]))
    for _ in range(dice.randint(1, 4)):
        written[dice.randrange(len(written))] = dice.randrange(256)
    try:
        for head, parts in Unpacker(1 << 10).feed(bytes(written)):
            assert isinstance(head[0], str)
            assert all(isinstance(part, bytes) for part in parts)
    except BadFrame:
        pass


def test_a_frame_has_a_largest_size() -> None:
    with pytest.raises(BadFrame):
        list(Unpacker(100).feed(packed(["a"], [b"x" * 101])[:8]))


def test_a_process_that_may_have_more_files_than_the_system_gives_starts_with_fewer() -> None:
    """Without the right to raise a limit, asking for more ended the process before its connector began."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)); "
        "from hub.config.limits import Limits; from hub.hosting.isolated.child import _limit; "
        "_limit(Limits(descriptors=4096)); print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(300, 300)\n"
