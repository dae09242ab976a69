"""The real command in processes of its own, on real files and free ports of loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest

from tests import school, warm
from tests.until import block_until

SKOLNAV: Final = Path(sys.executable).with_name("skolnav")
TOKENS: Final = {
    "SIS_TOKEN": "token-of-the-school-0123456789",
    "ACME_TOKEN": "token-of-acme-0123456789-abc",
    "ACME_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
STUDENT: Final = school.uid("student")
VERSION: Final = version("skolnav")
UP: Final = f"Skolnav {VERSION}: http://"


def config(port: int, **more: Any) -> dict[str, Any]:
    """A configuration without warnings; JSON is YAML."""
    organisations = [school.UNIT]
    contract = {
        "purpose": "school attendance",
        "legal_basis": "public task, Education Act 7:17",
        "categories": ["attendance", "identity"],
        "scope": {"organisations": organisations},
    }
    return {
        "municipality": "Exempelkommun",
        "listen": f"127.0.0.1:{port}",
        "clients": [
            {
                "id": "sis",
                "token": "${env:SIS_TOKEN}",
                "roles": ["publisher"],
                "publishes": ["se.skolnav.absence.*", "se.skolnav.schedule.*"],
                "sources": ["urn:sis"],
            },
            {"id": "acme", "token": "${env:ACME_TOKEN}", "roles": ["subscriber"], "contract": contract},
        ],
        "subscriptions": [
            {"name": "acme-absence", "client": "acme", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
        ],
        **more,
    }


def absence(id: str) -> dict[str, Any]:
    """An event with this id (`a-1`), of one and the same absence, which ends at another minute for each number."""
    number = int("".join(filter(str.isdigit, id)) or 0)
    data = school.absence(STUDENT, endTime=f"{school.DAY}T16:{number % 60:02}:00+01:00")
    return school.envelope(school.ABSENCE, data, id=id, source="urn:sis")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Place:
    """A folder with a configuration file, where commands are given. `program`: the command of the environment."""

    def __init__(self, folder: Path, program: Path = SKOLNAV) -> None:
        self.folder = folder
        self.program = program
        self.port = free_port()
        self.file = folder / "skolnav.yaml"
        self.data = folder / "data"
        self.configure()

    def configure(self, **more: Any) -> None:
        self.file.write_text(json.dumps(config(self.port, **more), ensure_ascii=False))

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "SKOLNAV_"))}
        return {**kept, **TOKENS, "COLUMNS": "200", **more}

    def ask(self, *arguments: str, **environ: str) -> Ran:
        """As `run`, in a process that begins with everything imported: where the start is not what is tested."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            command = warm.start(
                arguments, self.folder, self.environ(**environ), stdout=out.fileno(), stderr=err.fileno(),
                python=self.program.with_name("python"),
            )  # fmt: skip
            code = command.wait(300)
            out.seek(0)
            err.seek(0)
            ran = Ran(code, out.read().decode(), err.read().decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
        """A command that ends by itself; Swedish, since nothing says otherwise."""
        done = subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=self.environ() if env is None else dict(env), text=True,
            capture_output=True, timeout=300, **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def hub(self, *arguments: str, **environ: str) -> Iterator["Running"]:
        """`skolnav run`, up; ended in order at the end if it still runs."""
        with Running(self, arguments, environ) as running:
            yield running


class Running:
    def __init__(self, place: Place, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._place = place
        self._environ = environ
        self._arguments = arguments
        self._written = place.folder / "hub.txt"

    def __enter__(self) -> Self:
        env, command = self._place.environ(**self._environ), ("run", *self._arguments)
        self.process: subprocess.Popen[bytes] | warm.Forked
        with self._written.open("w") as file:
            if "PYTHONPATH" in env:  # it finds other packages than the process that forks
                self.process = subprocess.Popen(
                    [self._place.program, *command], cwd=self._place.folder, env=env, stdin=subprocess.DEVNULL,
                    stdout=file, stderr=subprocess.STDOUT,
                )  # fmt: skip
            else:
                python = self._place.program.with_name("python")
                self.process = warm.start(command, self._place.folder, env, stdout=file.fileno(), python=python)
        try:
            block_until(lambda: UP in self.output or self.process.poll() is not None, "the hub is up", within_s=180)
            assert UP in self.output, self.output
        except BaseException:
            self.process.kill()  # `__exit__` is not called
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            finally:
                self.process.kill()

    @property
    def output(self) -> str:
        return self._written.read_text()

    def post(self, *events: Mapping[str, Any]) -> None:
        answer = httpx.post(
            f"http://127.0.0.1:{self._place.port}/v1/events", content=json.dumps(events),
            headers={
                "Authorization": f"Bearer {TOKENS['SIS_TOKEN']}",
                "Content-Type": "application/cloudevents-batch+json",
            },
        )  # fmt: skip
        assert answer.status_code == 202, answer.text


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
