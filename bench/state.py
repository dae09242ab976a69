"""What a connector's state costs with 100,000 entries: a look-up, a commit, `under`, and a walk through all names.

    .venv/bin/python -m bench.state [entries]

In memory alone: what the store writes is the same for all of them. An entry is what `catering` keeps of an absence.
"""

import statistics
import sys
import time
import tracemalloc
import uuid
from collections.abc import Callable

import orjson

from hub.hosting.connector_state import ConnectorState, EditableState, StateView

ENTRIES = 100_000
DAYS = 100  # prefixes that the entries are spread over


def name(n: int) -> str:
    return f"absence/{n % DAYS:03}/{uuid.UUID(int=n)}"


def value(n: int) -> bytes:
    written = orjson.dumps(
        {
            "student": str(uuid.UUID(int=n)), "start": "2026-11-24T07:00:00+00:00", "end": "2026-11-24T15:00:00+00:00",
            "sequence": f"{n:016}", "organisation": str(uuid.UUID(int=1)),
        }
    )  # fmt: skip
    return bytes(memoryview(written))  # as `EditableState` does: without the 4 KiB that it was written into


def measure(what: str, act: Callable[[], object], times: int = 200) -> None:
    taken = []
    for _ in range(times):
        start = time.perf_counter_ns()
        act()
        taken.append(time.perf_counter_ns() - start)
    print(f"{what:60} median {statistics.median(taken) / 1000:12.1f} us, worst {max(taken) / 1000:12.1f} us")


def main() -> None:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    tracemalloc.start()
    state = ConnectorState("bench", "kitchen", {name(n): value(n) for n in range(entries)})
    plain, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    view = StateView(state)
    one = name(entries // 2)
    counter = iter(range(10**9))

    def set_new() -> None:
        transaction = EditableState(state)
        transaction[f"absence/050/new-{next(counter)}"] = {"end": "2026-11-24T15:00:00+00:00"}
        state.apply(transaction.changes)

    def set_new_and_ask() -> None:
        set_new()
        list(view.under("absence/050/new-"))

    print(f"{entries} entries: {plain / 2**20:.1f} MiB")
    measure("state[name]", lambda: view[one])
    measure("a transaction that sets a new name, no order kept", set_new)
    measure("walk through all names for one prefix", lambda: [n for n in view if n.startswith("absence/050/")], 20)
    tracemalloc.start()
    start = time.perf_counter()
    list(view.under("absence/050/"))
    taken_s = time.perf_counter() - start
    order, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"the first under(): {taken_s * 1000:.1f} ms; the order takes {order / 2**20:.1f} MiB")
    measure("under() of nothing", lambda: list(view.under("none/")))
    measure(f"under() of {entries // DAYS} names", lambda: list(view.under("absence/050/")))
    measure(f"under() of {entries // DAYS} names with values", lambda: list(view.under("absence/051/").items()), 50)
    measure("under() of all names", lambda: list(view.under("absence/")), 20)
    measure("state[name], order kept", lambda: view[one])
    measure("a transaction that sets a new name, order kept", set_new)
    measure("the same, and under() of these after each", set_new_and_ask)


if __name__ == "__main__":
    main()
