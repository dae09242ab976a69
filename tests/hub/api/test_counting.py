"""The counter of a request's I/O can see a difference, and counts nothing of other tasks."""

import asyncio

from hub.store import audit
from tests.counting import Step, counted, counting, steps_of
from tests.hub.api.school import absence, append


async def test_each_call_is_a_step_with_its_rows(hub, clock):
    await append(hub, absence(1, 1), absence(2, 1))
    row = audit.add(hub.store.tenant, clock.utc(), actor="a", action="b", target="")
    with counted(hub.log, hub.store), counting() as path:
        await hub.log.read(hub.log.start(), 9)
        await hub.store.commit(row, row)
        await hub.store.commit()
        await hub.store.read(audit.page(hub.store.tenant))
    log_read, written, nothing, stored = path
    assert log_read == Step("log.read", 2)
    assert (written.what, nothing, stored) == ("store.commit", Step("store.commit"), Step("store.read", 2))
    assert written.rows > 0
    assert steps_of(path, rows=False) == ["log.read", "store.commit", "store.commit", "store.read"]


async def test_what_another_task_does_is_not_counted(hub):
    ready = asyncio.Event()

    async def other():
        await ready.wait()
        await hub.store.commit()

    task = asyncio.create_task(other())
    with counted(hub.log, hub.store), counting() as path:
        ready.set()
        await task
    assert path == []
