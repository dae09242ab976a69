"""What one instance uses of the machine, as far as it can be told apart inside one process.

Threads that a connector starts by itself, its file descriptors and its memory beside the state can't be told from those
of others: the process's own metrics count them for all. (`tracemalloc` could attribute memory, and halves the hub's
rate.)
"""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    threads: int  # its own, and those of ctx.blocking
    cpu_s: float  # processor time of these threads
    state_bytes: int  # names and values of its state, which the hub holds in memory


def processor_s(threads: Iterable[threading.Thread]) -> float:
    """Processor time of threads so far, to 10 ms; threads that have ended count nothing."""
    found = 0.0
    for thread in threads:
        with suppress(OSError, ValueError, IndexError):
            # Of /proc, not time.pthread_getcpuclockid, which may crash the process for a thread that has just ended.
            stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
            user, system = stat.rpartition(")")[2].split()[11:13]
            found += (int(user) + int(system)) / _TICKS
    return found
