"""Starting the publisher, listening to it, and ending it without warning."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).parents[2]


class Publisher:
    """A running `tests.faults.publisher`. `acknowledged` grows as its lines come in."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.acknowledged: list[tuple[str, int]] = []
        self.unavailable = 0
        self._came = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.publisher", str(path), json.dumps(options)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # cut off by the kill: it was not said
            with self._came:
                if line.startswith(b"unavailable"):
                    self.unavailable += 1
                else:
                    key, number = line.split()
                    self.acknowledged.append((key.decode(), int(number)))
                self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def wait_for(self, acknowledged: int = 0, unavailable: int = 0, timeout_s: float = 60) -> None:
        """Until it has said so much; fails if it ends before."""

        def said() -> bool:
            return len(self.acknowledged) >= acknowledged and self.unavailable >= unavailable

        with self._came:
            came = self._came.wait_for(lambda: said() or self._process.poll() is not None, timeout_s)
            assert came, f"nothing more after {len(self.acknowledged)} acknowledgements"
            assert said(), "the publisher ended by itself"

    def kill(self) -> None:
        """kill -9, then read what it had said before."""
        self._process.kill()
        self._process.wait()
        self._reading.join(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.returncode is None:
            self.kill()
