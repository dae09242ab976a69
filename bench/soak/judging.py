"""What must hold at the end, and the table that tells it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.soak.clients import Client
from bench.soak.receiving import Arrivals, Passing, SchoolReader
from bench.soak.truth import Protection, Truth

MORE_MEMORY: Final = 1.25
MORE_MIB: Final = 64.0  # the log's index pages that are kept in memory
MORE_FILES: Final = 8  # SQLite's readers, which are opened when several are needed at a time
LOOK_S: Final = 0.2  # between two looks at a number that falls


@dataclass(frozen=True)
class Use:
    """What the hub's process holds: memory in MiB, open files and sockets."""

    rss_mib: float
    files: int

    @classmethod
    def of(cls, pid: int) -> "Use":
        """Raises OSError if the process is gone."""
        status = Path(f"/proc/{pid}/status").read_text()
        rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return cls(rss / 1024, open_files(pid))


def open_files(pid: int) -> int:
    """Raises OSError if the process is gone."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def fallen(count: Callable[[], int], most: int, patience_s: float) -> int:
    """`count()` once it is `most` or less. If that does not happen within `patience_s`, the number that is left."""
    end = time.monotonic() + patience_s
    while (now := count()) > most and time.monotonic() < end:
        await asyncio.sleep(LOOK_S)
    return now


def missing(truth: Truth, recipients: Iterable[Arrivals]) -> dict[str, set[str]]:
    """By recipient, the acknowledged events that did not come."""
    permitted = truth.permitted()
    return {each.name: lost for each in recipients if (lost := permitted - each.live.keys())}


def judge(
    truth: Truth, recipients: Sequence[Arrivals], school: SchoolReader, whole: dict[str, str], output: bytes,
    clients: Iterable[Client],
) -> None:  # fmt: skip
    """Add every fault that shows at the end. `whole` is a last read of all absences by the school standard."""
    for name, lost in missing(truth, recipients).items():
        for id in sorted(lost):
            truth.fault(f"{name} never got an acknowledged event", id)
    _judge_school(truth, school, whole)
    lines = output.decode(errors="replace").splitlines()
    for n, line in enumerate(lines):
        if " ERROR " in line:  # an exception's frames follow, without the word "Traceback"
            truth.fault("an error in the hub's log", "\n".join(lines[n : n + 30]))
        elif line.startswith("Traceback"):
            truth.fault("a traceback in the hub's log", "\n".join(lines[n : n + 30]))
        if "Soakdotter" in line or any(token in line for client in clients for token in client.seen):
            truth.fault("a name or a token in the hub's log")


def _judge_school(truth: Truth, school: SchoolReader, whole: dict[str, str]) -> None:
    for id, end in truth.stands.items():
        who = truth.absences[id]
        if who.hidden:
            continue
        if whole.get(id) != end:
            truth.fault(
                "the school standard's list differs from what was acknowledged", f"{id}: {whole.get(id)}, {end}"
            )
        # A pupil who was protected for a time leaves no trace in a delta, so only a whole read finds out.
        if who.protection is Protection.NEVER and school.mirror.get(id) != end:
            truth.fault(
                "the school standard's deltas differ from what was acknowledged",
                f"{id}: {school.mirror.get(id)}, {end}",
            )


def judge_memory(truth: Truth, first: Use, last: Use, fresh: Use) -> None:
    """`first`: early in the soak; `last`: at its end; `fresh`: after one more restart, with the same events stored.

    A hub needs more memory for more events, so the end may be as far above `fresh` as above `first`.
    """
    least = max(first.rss_mib, fresh.rss_mib)
    if last.rss_mib > least * MORE_MEMORY + MORE_MIB:
        truth.fault("memory grew", f"{least:.0f} to {last.rss_mib:.0f} MiB")


async def judge_files(truth: Truth, before: int, count: Callable[[], int], patience_s: float) -> int:
    """`before` was counted before the first client came; `count` counts now, after the last one has left.

    While clients are connected, the number depends on who is connected at that moment. The hub may take `patience_s` to
    close what it no longer needs. Returns how many are left.
    """
    after = await fallen(count, before + MORE_FILES, patience_s)
    if after > before + MORE_FILES:
        truth.fault("open files grew", f"{before} to {after}")
    return after


async def judge_kept(truth: Truth, name: str, most: int, count: Callable[[], int], patience_s: float) -> None:
    """No event is delivered any more, so a webhook has the connections that its live deliveries keep, or none."""
    if (kept := await fallen(count, most, patience_s)) > most:
        truth.fault(f"{name} has connections that the hub does not close", f"{kept}, not {most} at most")


def table(recipients: Sequence[Arrivals], school: SchoolReader, passing: Passing, truth: Truth) -> list[str]:
    lines = [f"{'recipient':<12} {'missing':>8} {'received':>9} {'repeats':>8} {'replayed':>9} {'turning':>8}"]
    lost = missing(truth, recipients)
    lines += [
        f"{each.name:<12} {len(lost.get(each.name, ())):>8,} {len(each.live):>9,} {each.repeats:>8,} "
        f"{each.replayed:>9,} {each.restated:>8,}"
        for each in recipients
    ]
    lines.append(f"{'school':<12} {'':>8} {school.read:>9,}  ({len(school.mirror):,} absences in its mirror)")
    lines.append(f"{'passing':<12} {'':>8} {passing.got:>9,}  ({len(passing.deleted)} subscriptions deleted)")
    return lines
