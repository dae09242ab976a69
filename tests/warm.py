"""Processes of the command `skolnav` that begin with everything imported.

An interpreter's start and its imports are most of what a command costs. Here one process for each test session imports
the hub, and forks for each command: the command runs alone, in its own folder and environment, and ends with its code.
What depends on how a program is started (a terminal, a broken installation) takes `skolnav` itself.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_IMPORTED: Final = (
    "httpx", "typer", "uvloop", "connectors.catering", "connectors.ss12000", "hub.cli.local_hub", "hub.cli.run",
)  # fmt: skip
"""Nothing that speaks the user's language when it is imported, as `hub.cli.commands` does."""
_LARGEST: Final = 1 << 20  # bytes of a question: an environment and arguments


class Forked:
    """A command that runs; the part of `subprocess.Popen` that tests use."""

    def __init__(self, server: "_Server", pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None
        self._ended = os.pidfd_open(pid)
        self._lock = threading.Lock()  # one thread may wait while another polls

    def __del__(self) -> None:
        os.close(self._ended)

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("skolnav", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens where the command has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._ended, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            with self._lock:
                if self.returncode is None:
                    self.returncode = self._server.ask({"reap": self.pid})
        return self.returncode


def start(
    arguments: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    stdout: int,
    stderr: int | None = None,
    python: Path = Path(sys.executable),
) -> Forked:
    """Begin `skolnav ARGUMENTS` in a folder. `stdout` and `stderr` are descriptors; without `stderr` both are one.

    `python`: the interpreter of the environment in which `skolnav` is installed.
    """
    question = {"arguments": [str(each) for each in arguments], "cwd": str(folder), "env": dict(env)}
    server = _servers.get(python) or _servers.setdefault(python, _Server(python))
    return Forked(server, server.ask(question, [stdout, stdout if stderr is None else stderr]))


class _Server:
    def __init__(self, python: Path) -> None:
        self._lock = threading.Lock()  # an answer belongs to the last question
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # each command has its own
        with theirs:
            # Not in the folder `tests`, whose modules have names of their own. The server ends with its socket.
            self._process = subprocess.Popen(
                [python, "-P", __file__], stdin=theirs, stdout=subprocess.DEVNULL, env=env
            )  # fmt: skip

    def ask(self, question: Mapping[str, Any], descriptors: Sequence[int] = ()) -> int:
        with self._lock:
            socket.send_fds(self._control, [json.dumps(question).encode()], descriptors)
            answer = self._control.recv(64)
        assert answer, "the process that forks has ended"
        return int(answer)


_servers: Final[dict[Path, _Server]] = {}


def _serve() -> None:
    control = socket.socket(fileno=os.dup(0))
    for module in _IMPORTED:
        __import__(module)
    children: set[int] = set()
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 2)
        if not data:
            break
        question = json.loads(data)
        if "reap" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["reap"], 0)[1])
            children.discard(question["reap"])
        else:
            answer = os.fork()
            if answer == 0:
                control.close()
                _become(question, *descriptors)
            children.add(answer)
            for each in descriptors:
                os.close(each)
        control.send(str(answer).encode())
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _become(question: Mapping[str, Any], stdout: int, stderr: int) -> None:
    """Be the command, and end with its code."""
    for number, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, stdout), (2, stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # Its own streams: the server's are those of a file, and these may be pipes.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(question["cwd"])
    os.environ.clear()
    os.environ.update(question["env"])
    sys.path[:0] = filter(None, question["env"].get("PYTHONPATH", "").split(os.pathsep))
    code = 1
    try:
        from hub.cli import main

        main(question["arguments"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
