"""Makes the processes that run vendors' code: the trials of packages, and the connectors that a hub isolates.

They are forked from one small process that has imported what all of them need, so they share that memory, and one
starts in milliseconds. The hub itself can't be forked: it has threads, open files and personal data. The fork server
has none of these, runs no vendor's code, and ends all its processes when the hub is gone.
"""

import errno
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

GRACE_S: Final = 0.05  # how long a process that is asked to end may take to end by itself
KILLED_S: Final = 1.0  # how long a process may take to end after SIGKILL: one that waits for a disk does not end
BEGIN_S: Final = 60.0  # how long the fork server may take to begin
ANSWER_S: Final = 10.0  # how long the fork server may take to answer; most of that is KILLED_S, and a busy machine
END_S: Final = 5.0  # how long the fork server may take to end by itself, and then after SIGKILL

_READY: Final = b"ready"
_LATER: Final = "SIGKILL without effect"
_MAIN: Final = (
    "import orjson, socket, sys; control = socket.socket(fileno=0); sys.path[:] = orjson.loads(control.recv(1 << 20)); "
    "from plugins.fork_server import main; main(control, sys.argv[1])"
)


class ForkServer:
    """The hub's end of a fork server. Any thread may call the methods.

    `module`: what the processes run. Its `preload()` is called once in the fork server, and its `main(channel, output)`
    in each process, with two file descriptors; `main` does not return. `environ`: the environment of the fork server.

    The methods block: for milliseconds as a rule, for the grace and KILLED_S where a process does not end, for a second
    or more where the fork server has to begin first, and for ANSWER_S and twice END_S where it does not answer and is
    replaced.
    """

    def __init__(self, module: str, environ: Callable[[], Mapping[str, str]]) -> None:
        self._module = module
        self._environ = environ
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def begun(self) -> bool:
        return self._control is not None

    def begin(self) -> None:
        """Begin it now, which takes about a second, rather than with the first process. Raises OSError."""
        with self._lock:
            if self._control is None:
                self._begin()

    def fork(self, channel: socket.socket, output: int) -> int:
        """Start a process that talks over `channel` and prints to `output`. Returns its id.

        Raises OSError: the machine has no room for another process, or the fork server is gone.
        """
        with self._lock:
            if self._control is None:
                self._begin()
            try:
                pid: int = self._ask(["fork"], [channel.fileno(), output])
            except OSError:
                self._end()  # it is gone: the next call begins another
                raise
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def end(self, pid: int, grace_s: float = GRACE_S) -> str:
        """End a process and its children, if they have not ended by themselves within `grace_s`.

        Returns how it ended: `exit 3`, `SIGKILL`; `SIGKILL without effect` where the kernel will end it only later.
        """
        with self._lock:
            if self._control is None:
                return "SIGKILL"  # it ended with the fork server
            try:
                how: str = self._ask(["end", pid, grace_s])
            except OSError:
                self._end()
                return "SIGKILL"
            return how

    def close(self) -> None:
        """End it, and with it all processes that it has made."""
        with self._lock:
            self._end()

    def _begin(self) -> None:
        try:
            self._begin_process()
        except BaseException:
            self._end()
            raise

    def _begin_process(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-c", _MAIN, self._module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=dict(self._environ()),
                start_new_session=True,  # Ctrl-C at a terminal is for the hub, which stops its connectors in order
            )
        self._control.settimeout(BEGIN_S)
        self._control.send(orjson.dumps(sys.path))
        ready = b""
        with suppress(TimeoutError):
            ready = self._control.recv(1 << 12)
        if ready != _READY:
            raise ConnectionError("the fork server did not begin")

    def _ask(self, question: list[Any], fds: list[int] | None = None) -> Any:
        """Raises OSError, of which TimeoutError is one."""
        assert self._control is not None
        self._control.settimeout(ANSWER_S)
        socket.send_fds(self._control, [orjson.dumps(question)], fds or [])
        answer = self._control.recv(1 << 12)
        if not answer:
            raise ConnectionError("the fork server has ended")
        return orjson.loads(answer)

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            self._process = None


def how_ended(code: int) -> str:
    """For the exit code of a process, which is negative for a signal: `exit 3`, `SIGKILL`, `signal 40`."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # most real-time signals have no name
        return f"signal {-code}"


# -- in the fork server ----------------------------------------------------------------------------------------------


def main(control: socket.socket, module: str) -> None:
    """Serve until the hub closes its end, or is gone."""
    child = importlib.import_module(module)
    child.preload()
    control.send(_READY)
    gc.freeze()  # a collection in a child would write to, and so copy, the memory that all share
    alive: set[int] = set()
    ending: set[int] = set()  # killed, but the kernel has not ended them yet
    try:
        while True:
            asked, fds, _, _ = socket.recv_fds(control, 1 << 12, 2)
            if not asked:
                return
            ending -= {pid for pid in ending if _collected(pid)}
            what, *arguments = orjson.loads(asked)
            if what == "fork":
                try:
                    pid = os.fork()
                except OSError as error:  # no memory, or too many processes: the others must go on
                    pid = -(error.errno or errno.EAGAIN)
                if pid == 0:
                    control.close()
                    child.main(*fds)  # does not return
                for fd in fds:
                    os.close(fd)
                if pid > 0:
                    alive.add(pid)
                control.send(orjson.dumps(pid))
            else:
                pid, grace_s = arguments
                how = "SIGKILL"
                if pid in alive:
                    alive.remove(pid)
                    if (how := _ended(pid, grace_s)) == _LATER:
                        ending.add(pid)
                control.send(orjson.dumps(how))
    except (OSError, KeyboardInterrupt):
        return
    finally:
        for pid in alive:
            _kill(pid)


def _ended(pid: int, grace_s: float) -> str:
    """Give a process a moment to end by itself, then end it and its children. Returns how it ended, or `_LATER`."""
    with suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            select.select([fd], [], [], grace_s)
            _kill(pid)
            select.select([fd], [], [], KILLED_S)
        finally:
            os.close(fd)
    _kill(pid)
    return _collected(pid) or _LATER


def _collected(pid: int) -> str:
    """How a process ended, which is then forgotten by the kernel; empty if it has not ended."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return how_ended(os.waitstatus_to_exitcode(status)) if found else ""


def _kill(pid: int) -> None:
    """While it is not waited for, its number belongs to no other process."""
    for kill in (os.killpg, os.kill):  # by itself too: it may not have a group yet
        with suppress(OSError):
            kill(pid, signal.SIGKILL)
