"""Faults of connectors that are pushed to."""

import asyncio
import json

from plugins import Answer
from plugins.testing.suites import PushSuite, RunSuite
from tests.kit.bad import bad
from tests.kit.mailroom import Mailroom, Wire

CRASHED = "test_a_crash_after_the_answer_loses_nothing"
STRANGER = "test_a_stranger_is_answered_as_if_nothing_were_there"
GARBAGE = "test_garbage_is_refused_and_harms_nothing"
FLOOD = "test_a_flood_on_the_stream_is_kept_whole_and_in_order"
ONCE = "test_each_request_is_taken_and_once_if_it_comes_again"


@bad(PushSuite, CRASHED, "pushed", "had been acknowledged was lost")
class AnswersFirst(Mailroom):
    """Answers before anything is kept."""

    async def receive(self, request):
        counted = self.read(await request.body())
        self.jobs = {*getattr(self, "jobs", ()), asyncio.create_task(self.later(counted))}
        return Answer(202)

    async def later(self, counted):
        await self.take(counted)


@bad(PushSuite, CRASHED, "pushed", "had been acknowledged was lost")
class QueuesInMemory(Mailroom):
    """Keeps requests in memory until there are two of them."""

    async def take(self, counted):
        self.queue = [*getattr(self, "queue", ()), counted]
        if len(self.queue) > 1:
            for each in self.queue:
                await super().take(each)


@bad(PushSuite, ONCE, "pushed", "taken twice")
class TakesTwice(Mailroom):
    """Takes the same request for two."""

    def is_taken(self, state, counted):
        return False


@bad(PushSuite, "test_a_crash_between_commit_and_answer_repeats_nothing", "pushed", "lost or taken twice")
class RemembersInMemory(Mailroom):
    """Remembers in memory what it has taken."""

    def is_taken(self, state, counted):
        self.taken = getattr(self, "taken", set())
        known = counted["id"] in self.taken
        self.taken.add(counted["id"])
        return known


@bad(PushSuite, STRANGER, "pushed", "without a valid signature got a 202")
class LooksAtNoSignature(Mailroom):
    """Takes what anyone sends."""

    def is_known(self, request, body):
        return "x-sign" in request.headers


@bad(PushSuite, STRANGER, "pushed", "without a valid signature got a 202")
class TrustsWhoSignsNothing(Mailroom):
    """Looks at a signature where there is one."""

    def is_known(self, request, body):
        return "x-sign" not in request.headers or super().is_known(request, body)


@bad(PushSuite, STRANGER, "pushed", "without a valid signature got a 400")
class TellsStrangers(Mailroom):
    """Answers a stranger as only an instance that exists would."""

    async def receive(self, request):
        return await super().receive(request) or Answer(400)


@bad(PushSuite, GARBAGE, "pushed", r"the caller gets a 500\):\nreceive\(\) raised")
class ChokesOnGarbage(Mailroom):
    """Raises for a body that makes no sense."""

    def read(self, body):
        return json.loads(body)


@bad(PushSuite, GARBAGE, "pushed", "and not with a 4xx")
class TakesGarbage(Mailroom):
    """Answers garbage as if it had taken it."""

    async def receive(self, request):
        answer = await super().receive(request)
        return Answer(202) if answer is not None else None


@bad(PushSuite, "test_a_flood_leaves_no_more_than_one_request", "pushed", "made the state grow")
class KeepsEachRequest(Mailroom):
    """Keeps a line for each request."""

    async def take(self, counted):
        async with self.ctx.commit() as tx:
            tx.state[f"log/{len(tx.state)}"] = counted
        await super().take(counted)


@bad(RunSuite, "test_what_is_pushed_is_acknowledged_once_it_is_kept", "pushed", "had been acknowledged was lost")
class AcknowledgesBeforeKeeping(Wire):
    """Acknowledges to the source, then keeps."""

    async def take(self, counted, writer):
        self.acknowledge(counted, writer)
        await asyncio.sleep(0.1)
        await self.keep(counted)


@bad(RunSuite, "test_what_comes_again_is_taken_once", "pushed", "lost or taken twice")
class ListensTwice(Wire):
    """Takes what comes again for news."""

    async def keep(self, counted):
        await super().keep({**counted, "id": f"{counted['id']}/{self.ctx.clock.utc()}"})


@bad(RunSuite, "test_garbage_on_the_stream_harms_nothing", "pushed", r"made the connector fail:\n +run\(\) raised")
class ChokesOnALine(Wire):
    """Raises for a line that makes no sense; the loop begins again, and the source sends the line again."""

    def read(self, line):
        return json.loads(line)


@bad(RunSuite, FLOOD, "pushed", "lost, taken twice or put in another order")
class KeepsTheNewest(Wire):
    """Keeps the newest of what came meanwhile, and acknowledges all of it."""

    async def take(self, counted, writer):
        self.newest = counted
        self.jobs = [*getattr(self, "jobs", ()), asyncio.create_task(self.later(counted, writer))]

    async def later(self, counted, writer):
        await asyncio.sleep(0.02)
        if counted is self.newest:
            await self.keep(counted)
        self.acknowledge(counted, writer)


@bad(RunSuite, FLOOD, "pushed", "lost, taken twice or put in another order")
class TakesTheLastFirst(Wire):
    """What came while it was busy is taken from a stack."""

    async def take(self, counted, writer):
        self.stack = [*getattr(self, "stack", ()), counted]
        self.jobs = [*getattr(self, "jobs", ()), asyncio.create_task(self.later(writer))]

    async def later(self, writer):
        await asyncio.sleep(0.02)
        counted = self.stack.pop()
        await self.keep(counted)
        self.acknowledge(counted, writer)


@bad(RunSuite, FLOOD, "pushed", "holds .* bytes in memory")
class RemembersEachMessage(Wire):
    """A list of all that came, which only grows."""

    async def keep(self, counted):
        self.seen = [*getattr(self, "seen", ()), {**counted, "as it came": json.dumps(counted) * 20}]
        await super().keep(counted)


@bad(RunSuite, FLOOD, "pushed", "in a flood the instance held .* bytes in memory")
class ReadsAheadWithoutEnd(Wire):
    """Puts what comes into a queue without a bound, from which it takes one after the other."""

    async def run(self):
        self.came = asyncio.Queue()
        taking = asyncio.create_task(self.take_all(self.came))
        try:
            await super().run()
        finally:
            taking.cancel()

    async def take(self, counted, writer):
        self.came.put_nowait(({**counted, "as it came": json.dumps(counted) * 20}, writer))

    async def take_all(self, came):
        while True:
            counted, writer = await came.get()
            await self.keep(counted)
            self.acknowledge(counted, writer)


@bad(RunSuite, FLOOD, "pushed", "in a flood the instance held .* bytes in memory")
class HidesAQueueInRun(ReadsAheadWithoutEnd):
    """The same with a queue that only run() knows."""

    async def run(self):
        came, reading = asyncio.Queue(), await asyncio.open_connection("127.0.0.1", self.config.port)
        taking = asyncio.create_task(self.take_all(came))
        try:
            while line := await self.line(reading[0]):
                if (counted := self.read(line)) is not None:
                    came.put_nowait(({**counted, "as it came": line * 20}, reading[1]))
        finally:
            taking.cancel()
            reading[1].close()
