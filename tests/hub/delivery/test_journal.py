import asyncio

from hub.delivery.journal import Journal


class Store:
    """Counts commits; each is durable at once, or fails."""

    def __init__(self):
        self.commits = 0
        self.fails = False

    def commit(self, *operations):
        self.commits += 1
        done = asyncio.get_running_loop().create_future()
        if self.fails:
            done.set_exception(OSError())
        else:
            done.set_result(None)
        return done


async def turns(number=3):
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_cursor_that_nobody_waits_for_is_saved_later_and_at_once_when_a_task_waits():
    store = Store()
    journal = Journal(store, lambda: None)
    journal.touch()
    await turns()
    assert (store.commits, journal.resting) == (0, False)
    journal.hurry()
    await turns()
    assert (store.commits, journal.resting) == (1, True)
    journal.hurry()
    await turns()
    assert store.commits == 1  # nothing was left
    journal.close()


async def test_a_task_that_waits_ends_no_pause_after_a_failed_commit():
    store = Store()
    store.fails = True
    journal = Journal(store, lambda: None)
    journal.touch()
    journal.hurry()
    await turns()
    journal.hurry()
    await turns()
    assert store.commits == 1
    journal.close()
