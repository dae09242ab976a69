"""Documentation that runs: a page's marked fences, executed in order in one folder, against a hub that they start.

The mark stands after the language, where a reader does not see it:

    ```yaml file=skolnav.yaml   is written to the folder
    ```sh run, ```python run    runs to its end; what it exports the next ones have; a failing command fails the page
    ```sh run=TestEffect        the same, and pytest in it runs the tests of this name alone: all are run elsewhere
    ```sh start                 runs in the background; the page goes on when the hub says that it listens
    ```json answer, ```text answer    what the fence before it printed, with … for what differs from run to run

8080 and 9000 in a page become ports that are free here.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
_FENCE = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = """set -euo pipefail; set -a
[ ! -f .exported ] || . ./.exported
trap '{ export -p; declare -f; } > .exported' EXIT
"""


@dataclass(frozen=True)
class Fence:
    """A fenced block. `mark` is empty for one that is only shown; `where` is `page:line`."""

    language: str
    mark: str
    text: str
    where: str


def fences(page: Path) -> list[Fence]:
    whole = page.read_text("utf-8")
    return [
        Fence(found[1], found[2] or "", found[3], f"{page.name}:{whole.count(chr(10), 0, found.start()) + 1}")
        for found in _FENCE.finditer(whole)
    ]


class Stage:
    """Where pages are played. Leaving it ends everything that they have started."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """`environ`: the whole environment of what runs. None: this process's own, with the repository on the path."""
        self.folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ours = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "SKOLNAV_LANG": "en"}
        self._environ = ours if environ is None else dict(environ)
        self._ports = dict(zip(("8080", "9000"), _free_ports(), strict=True))
        self._groups: list[subprocess.Popen[bytes]] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)  # what it left in the background too
        for process in self._groups:
            process.wait(20)
        for reader in self._readers:
            reader.join(20)

    def play(self, page: Sequence[Fence]) -> int:
        """Run the marked fences; returns how many ran. AssertionError names the one that did not hold."""
        ran, printed = 0, ""
        for fence in page:
            text = re.sub(r"\b(8080|9000)\b", lambda port: self._ports[port[1]], fence.text)
            if fence.mark.startswith("file="):
                path = self.folder / fence.mark.removeprefix("file=")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            elif fence.mark == "run":
                printed = self._run(fence, text)
                ran += 1
            elif fence.mark.startswith("run="):
                only = fence.mark.removeprefix("run=")
                printed = self._run(fence, f"export PYTEST_ADDOPTS='-k {only}'\n{text}\nunset PYTEST_ADDOPTS")
                ran += 1
            elif fence.mark == "start":
                self._start(fence, text)
                ran += 1
            elif fence.mark == "answer":
                assert alike(fence, text, printed), f"{fence.where}: what came was\n{printed}"
            else:
                assert not fence.mark, f"{fence.where}: {fence.mark} is no mark"
        return ran

    def _run(self, fence: Fence, text: str) -> str:
        script = f"python - <<'EOF_OF_FENCE'\n{text}\nEOF_OF_FENCE" if fence.language == "python" else text
        # A file and not a pipe: what a fence leaves in the background would hold a pipe open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self._process(script, out, err)
            code = process.wait(900)
            out.seek(0), err.seek(0)
            printed, said = out.read().decode(), err.read().decode()
        assert code == 0, f"{fence.where} ended with {code}\n{printed[-3000:]}\n{said[-3000:]}"
        return printed

    def _start(self, fence: Fence, text: str) -> None:
        process = self._process(text, subprocess.DEVNULL, subprocess.PIPE)
        said: list[bytes] = []
        listens = threading.Event()

        def read() -> None:
            assert process.stderr is not None
            with process.stderr as lines:
                for line in lines:
                    said.append(line)
                    if b"http://" in line:
                        listens.set()
            listens.set()

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()
        assert listens.wait(120), f"{fence.where}: it does not come up"
        assert process.poll() is None, f"{fence.where}: {b''.join(said).decode()}"

    def _process(self, script: str, out: Any, err: Any) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            ["bash", "-c", _SHELL + script], cwd=self.folder, env=self._environ, stdin=subprocess.DEVNULL, stdout=out,
            stderr=err, start_new_session=True,
        )  # fmt: skip
        self._groups.append(process)
        return process


def _free_ports() -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return [str(each.getsockname()[1]) for each in (one, other)]


def alike(fence: Fence, shown: str, printed: str) -> bool:
    """Whether a page shows what came. An object in JSON may have more than is shown where it ends with "…"."""
    if fence.language == "json":
        return _alike(json.loads(shown), json.loads(printed))
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def _alike(shown: Any, came: Any) -> bool:
    if isinstance(shown, dict) and isinstance(came, dict):
        names = {name for name in shown if name != "…"}
        complete = "…" in shown or names == came.keys()
        return complete and all(name in came and _alike(shown[name], came[name]) for name in names)
    if isinstance(shown, list) and isinstance(came, list):
        return len(shown) == len(came) and all(map(_alike, shown, came))
    if isinstance(shown, str) and isinstance(came, str):
        return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), came, re.DOTALL) is not None
    return bool(shown == came) or shown == "…"
