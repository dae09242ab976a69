"""The fork server goes on, whatever becomes of one process: the others run, and another can begin."""

import ctypes
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.hosting import hosts as hosting
from hub.hosting import instance as instances
from hub.hosting.hosts import Hosts
from hub.hosting.instance import InstanceStatus
from hub.hosting.isolated.forks import connectors
from hub.hosting.isolated.stand_in import Isolation
from hub.hosting.usage import measured
from plugins import fork_server
from plugins.fork_server import ForkServer
from tests.hub.hosting.elsewhere import Elsewhere
from tests.until import block_until, until

_PTRACE_SEIZE = 0x4206
_NAMELESS = 40  # a real-time signal


@dataclass
class Server:
    """A fork server of the test's own. `channels` hold the hub's ends, without which a process ends by itself."""

    server: ForkServer = field(default_factory=connectors)
    channels: list[socket.socket] = field(default_factory=list)

    def fork(self) -> int:
        ours, theirs = socket.socketpair()
        self.channels.append(ours)
        with theirs, open(os.devnull, "w") as output:
            return self.server.fork(theirs, output.fileno())

    def close(self) -> None:
        self.server.close()
        for each in self.channels:
            each.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def beginning_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Fork servers that begin from now on run these statements first."""

    def begin_with(statements: str) -> None:
        monkeypatch.setattr(
            fork_server,
            "_MAIN",
            f"import orjson, socket, sys\ncontrol = socket.socket(fileno=0)\n"
            f"sys.path[:] = orjson.loads(control.recv(1 << 20))\n{statements}\n"
            "from plugins.fork_server import main\nmain(control, sys.argv[1])",
        )

    return begin_with


def statuses(hosts: Hosts) -> list[tuple[InstanceStatus, str]]:
    return [(each.status, each.reason) for each in hosts.statuses()]


def test_a_signal_without_a_name_ends_one_process_alone(server: Server) -> None:
    other, pid = server.fork(), server.fork()
    os.kill(pid, _NAMELESS)
    block_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert server.server.end(pid) == f"signal {_NAMELESS}"
    assert server.server.end(other) == "SIGKILL"


_A_FORK_FAILS = """
import errno, itertools, os
made, fork = itertools.count(1), os.fork
def refused():
    if next(made) == {number}:
        raise BlockingIOError(errno.EAGAIN, "too many processes")
    return fork()
os.fork = refused
"""


def test_a_process_that_cannot_begin_harms_none_that_runs(server: Server, beginning_with) -> None:
    beginning_with(_A_FORK_FAILS.format(number=2))
    first = server.fork()
    with pytest.raises(BlockingIOError):
        server.fork()
    assert measured(first) is not None
    assert measured(server.fork()) is not None
    assert server.server.end(first) == "SIGKILL"


async def test_a_connector_whose_process_cannot_begin_for_now_is_tried_again(
    hosted, server, caplog, beginning_with, monkeypatch
) -> None:
    beginning_with(_A_FORK_FAILS.format(number=1))
    for module in (hosting, instances):
        monkeypatch.setattr(module, "shared", lambda: server.server)
    monkeypatch.setattr(instances, "backoff_s", lambda failures, error: 0.001)
    hosts = await hosted(Elsewhere, isolation=Isolation())
    await until(lambda: statuses(hosts) == [(InstanceStatus.RUNNING, "")], within_s=120)
    assert "elsewhere: start failed: no-process" in caplog.text
    await hosts.stop()


def test_a_process_that_does_not_end_holds_up_no_other(server: Server) -> None:
    """A tracer keeps a killed process from its parent, as a disk that does not answer does."""
    pid, other = server.fork(), server.fork()
    libc, said = ctypes.CDLL(None, use_errno=True), []
    if libc.ptrace(_PTRACE_SEIZE, pid, None, None) != 0:
        pytest.skip(f"this machine lets no test trace a process: {os.strerror(ctypes.get_errno())}")
    ending = threading.Thread(target=lambda: said.extend(map(server.server.end, (pid, other))))
    ending.start()
    try:
        block_until(lambda: len(said) == 2, within_s=20)
    finally:
        os.waitpid(pid, 0)  # as its tracer: from now on its parent sees its end
        ending.join(20)
    assert said == ["SIGKILL without effect", "SIGKILL"]
    server.fork()
    assert not Path(f"/proc/{pid}").exists(), "what has ended late is collected with the next question"


def test_a_fork_server_that_does_not_answer_is_replaced(server: Server, monkeypatch) -> None:
    pid = server.fork()
    stopped = server.server._process
    os.kill(stopped.pid, signal.SIGSTOP)
    with monkeypatch.context() as impatient:
        impatient.setattr(fork_server, "ANSWER_S", 0.2)
        impatient.setattr(fork_server, "END_S", 0.2)
        assert server.server.end(pid) == "SIGKILL"
    block_until(lambda: stopped.poll() == -signal.SIGKILL)
    block_until(lambda: measured(pid) is None)
    assert measured(server.fork()) is not None


_SETPRIORITY_IS_REFUSED = """
from tests.hub.hosting.refusing import refuse
refuse("setpriority")
"""


async def test_a_connector_starts_where_its_priority_may_not_change(
    hosted, server, beginning_with, monkeypatch
) -> None:
    """A unit's `SystemCallFilter=` may deny it."""
    beginning_with(_SETPRIORITY_IS_REFUSED)
    for module in (hosting, instances):
        monkeypatch.setattr(module, "shared", lambda: server.server)
    hosts = await hosted(Elsewhere, isolation=Isolation())
    await until(lambda: statuses(hosts) not in ([], [(InstanceStatus.STARTING, "")]), within_s=120)
    assert statuses(hosts) == [(InstanceStatus.RUNNING, "")]
    await hosts.stop()


def test_a_fork_server_that_cannot_begin_has_not_begun() -> None:
    server = ForkServer("hub.hosting.isolated.child", lambda: {"FULL": "x" * (1 << 22)})  # more than the system takes
    with pytest.raises(OSError, match="too long"):
        server.begin()
    assert not server.begun
