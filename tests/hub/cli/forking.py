"""Commands of the command line, each in a process of its own that begins with everything imported.

An interpreter's start and its imports are most of what a command costs. Here one process imports the command line, and
forks for each command: the command runs alone, in its folder and environment, as `skolnav` does.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_SERVER: Final = """
import json, os, sys, traceback
import httpx, hub.cli, hub.cli.commands, hub.cli.check, hub.cli.apply, hub.cli.backup, hub.config.load
sys.stdout.write("ready\\n"); sys.stdout.flush()
for line in sys.stdin:
    ask = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, name, flags in ((0, ask["stdin"], os.O_RDONLY), (1, ask["out"], os.O_WRONLY),
                                    (2, ask["err"], os.O_WRONLY)):
            os.dup2(os.open(name, flags), number)
        sys.stdin = open(0, closefd=False)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        os.chdir(ask["cwd"])
        os.environ.clear()
        os.environ.update(ask["env"])
        sys.path[:0] = filter(None, ask["env"].get("PYTHONPATH", "").split(os.pathsep))
        code = 0
        try:
            hub.cli.main(ask["arguments"])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(f"{code}\\n"); sys.stdout.flush()
"""


class Commands:
    """The process that has imported the command line; its help is in Swedish. Begun at the first command.

    `python`: the interpreter of the environment in which the command line is installed.
    """

    def __init__(self, python: Path = Path(sys.executable)) -> None:
        self._python = python
        self._server: subprocess.Popen[str] | None = None

    def run(self, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
        """The exit code, standard output and standard error."""
        server = self._begun(env)
        assert server.stdin is not None
        assert server.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            ask: dict[str, Any] = {
                "arguments": list(arguments), "cwd": str(folder), "env": dict(env), "stdin": os.devnull,
                "out": out.name, "err": err.name,
            }  # fmt: skip
            server.stdin.write(json.dumps(ask) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
            return code, Path(out.name).read_text("utf-8"), Path(err.name).read_text("utf-8")

    def _begun(self, env: Mapping[str, str]) -> "subprocess.Popen[str]":
        if self._server is None:
            self._server = subprocess.Popen(
                [self._python, "-P", "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={name: value for name, value in env.items() if name != "PYTHONPATH"},  # each command has its own
            )  # fmt: skip
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == "ready\n"
        return self._server

    def end(self) -> None:
        if self._server is not None:
            self._server.communicate()
            self._server = None
