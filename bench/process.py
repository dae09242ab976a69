"""The processes that are measured: a hub, a receiver; and what the machine is."""

import contextlib
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.load import TOKEN

BIN: Final = Path(sys.executable).parent
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CATEGORIES: Final = ("identity", "name", "group", "attendance", "aggregate")


class Hub:
    """A hub in a process of its own, on the files in `folder`."""

    def __init__(
        self,
        folder: Path,
        subscriptions: list[dict[str, Any]] | None = None,
        *,
        binary: Path = BIN,
        categories: Sequence[str] = CATEGORIES,
    ) -> None:
        """`binary`: the folder of the command `skolnav`; `categories`: what the client may see of persons."""
        self._binary = binary / "skolnav"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.data = folder / "data"
        self._file = folder / "skolnav.yaml"
        self._log = folder / "hub.log"
        configuration = {  # JSON is YAML
            "municipality": "Mätkommun",
            "listen": f"127.0.0.1:{self.port}",
            "data": str(self.data),
            "clients": [
                {
                    "id": "bench",
                    "token": "${env:BENCH_TOKEN}",
                    "roles": ["publisher", "subscriber", "operator"],
                    "contract": {
                        "purpose": "measuring",
                        "legal_basis": "none: invented people",
                        "categories": list(categories),
                    },
                    # Meals stand for events that leave as they are stored. A hub from before has no such setting.
                    **({"exact": ["se.skolnav.meals.*"]} if binary == BIN else {}),
                }
            ],
            "subscriptions": [{"client": "bench", **each} for each in subscriptions or []],
            "outbound": {"allow": ["127.0.0.0/8"]},
            "log_level": "warning",
        }
        self._file.write_text(json.dumps(configuration, ensure_ascii=False, indent=1))

    def __enter__(self) -> "Hub":
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "run", "--config", self._file],
                stdout=log,
                stderr=log,
                env={**os.environ, "BENCH_TOKEN": TOKEN, "BENCH_SECRET": SECRET},
            )
        while not self._ready():
            if self._process.poll() is not None or time.perf_counter() - began > 120:
                self.__exit__()
                raise SystemExit("the hub did not get ready:\n" + self._log.read_text()[-4000:])
            time.sleep(0.005)
        self.ready_s = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def rss_mib(self) -> float:
        """Memory that is resident now."""
        return self._status("VmRSS")

    def peak_mib(self) -> float:
        return self._status("VmHWM")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def disk_bytes(self) -> int:
        return sum(file.stat().st_blocks * 512 for file in self.data.rglob("*") if file.is_file())

    def get(self, path: str) -> Any:
        return get(self.port, path)

    def _status(self, name: str) -> float:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        raise LookupError(name)

    def _ready(self) -> bool:
        try:
            get(self.port, "/readyz")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return True


def webhook(name: str, url: str, types: list[str], **more: Any) -> dict[str, Any]:
    """A subscription for the configuration."""
    sink = {"kind": "webhook", "url": url, "secret": "${env:BENCH_SECRET}", "handshake": False}
    return {"name": name, "types": types, "sink": sink, **more}


class Receiver:
    """`bench.receiver` in a process of its own."""

    def __enter__(self) -> "Receiver":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def url(self, how: str, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{how}/{name}"

    def counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = get(self.port, "/counts")
        return counts

    def receipts(self, name: str) -> dict[bytes, int]:
        """When each event came first: id -> CLOCK_MONOTONIC, ns."""
        lines = fetch(self.port, f"/receipts/{name}").splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines}


def fetch(port: int, path: str) -> bytes:
    """GET as the bench's client. Raises OSError, or ValueError for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ValueError(f"{path} answered {answer.status}")
        return body
    finally:
        connection.close()


def get(port: int, path: str) -> Any:
    return json.loads(fetch(port, path))


@contextlib.contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """A folder for one measurement, gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="bench-") as name:
        yield Path(name).resolve()


def machine(parent: Path) -> str:
    """Processors, memory, versions, and what an fdatasync takes where the files lie: no figure means much without."""
    parent.mkdir(parents=True, exist_ok=True)
    waits: list[float] = []
    with tempfile.TemporaryFile(dir=parent) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - began)
    waits.sort()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpus if line.startswith("model name")), "processor")
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}; "
        f"fdatasync after appending 4 KiB: median {waits[100] * 1e3:.2f} ms, p99 {waits[197] * 1e3:.2f} ms; "
        f"load average {os.getloadavg()[0]:.1f}"
    )
