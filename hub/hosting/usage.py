"""What one instance uses of the machine, as far as it can be told apart inside one process.

Threads that a connector starts by itself, its file descriptors and its memory beside the state can't be told from those
of others: the process's own metrics count them for all. (`tracemalloc` could attribute memory, and halves the hub's
rate.) The kernel counts them for a connector in a process of its own.
"""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    threads: int  # its own, and those of ctx.blocking
    cpu_s: float  # processor time of these threads
    state_bytes: int  # names and values of its state, which the hub holds in memory
    process: int = 0  # the number of its own process; 0 if it runs in the hub's
    memory_bytes: int | None = None  # of its own process, with what it shares with other processes
    descriptors: int | None = None  # of its own process


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


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process uses, as the kernel counts it."""

    threads: int
    cpu_s: float
    memory_bytes: int
    waited_s: float  # how long its first thread was ready to run, and had no processor
    reading: bool  # it waits for the disk, perhaps for its own memory


def measured(pid: int) -> Measured | None:
    """None if there is no such process any more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        user, system, threads, pages = (int(stat[at]) for at in (11, 12, 17, 21))  # man 5 proc: fields 14, 15, 20, 24
    except (OSError, ValueError, IndexError):
        return None
    return Measured(threads, (user + system) / _TICKS, pages * _PAGE, waited / 1e9, stat[0] == "D")


def descriptors(pid: int) -> int | None:
    """Open files and connections of a process."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
