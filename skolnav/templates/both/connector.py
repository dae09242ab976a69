"""Joins configuration, mapping and the wire."""

from datetime import date, timedelta
from typing import Any

from skolnav.events import AbsenceChanged, AbsenceReported, Lesson, LessonCancelled, LessonChanged, LessonScheduled
from skolnav.sdk import Category, Connector, Context, Contract, Effect, Event, PermanentError, Text, Transaction
from skolnav.wires.words import CODES

from .client import Client
from .config import ExampleConfig
from .mapping import absence, digest, document


class Example(Connector[ExampleConfig]):
    """Reports of absence come from the outside system, and lessons go to it."""

    name = "example"
    config_model = ExampleConfig
    consumes = (LessonScheduled, LessonChanged, LessonCancelled)
    produces = (AbsenceReported, AbsenceChanged)
    # Ask for no more than the outside system needs, and say why: the privacy officer reads this.
    contract = Contract("what the outside system is for", "the legal basis", {Category.NONE})
    effect = Effect.IDEMPOTENT  # a document is stored under the lesson's id: twice is once
    start_from = "state"
    problems = {  # noqa: RUF012
        **CODES,
        "no-list": Text("svaret är ingen lista", "the answer is no list"),
        "records": Text("några poster går inte att läsa", "some records can't be read"),
    }

    def __init__(self, config: ExampleConfig, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._client = Client(config, ctx.clock)

    async def handle(self, event: Event) -> None:
        """Store the lesson at the far side, unless a newer event has stored it: a replay brings older ones again."""
        path, sequence = f"lessons/{event.as_(Lesson).id}", event.sequence or ""
        known = self.ctx.state.get(path)
        if known is not None and sequence < known["sequence"]:
            return
        await self._client.put(path, document(event))
        async with self.ctx.commit() as tx:
            tx.state[path] = {"sequence": sequence, "on": self.ctx.clock.school().date().isoformat()}

    async def poll(self) -> str | None:
        """Each page is one commit: a crash between pages loses and repeats nothing."""
        unread = 0
        async for page in self._client.pages():
            async with self.ctx.commit() as tx:
                unread += sum(not self._take(tx, record) for record in page)
        await self._forget(self.ctx.clock.school().date())
        return "records" if unread else None

    def _take(self, tx: Transaction, record: Any) -> bool:
        """Publish a record that is new or has changed; returns whether it can be read."""
        try:
            name, now = f"seen/{record['id']}", digest(record)
            if tx.state.get(name) != now:
                tx.publish(AbsenceChanged if name in tx.state else AbsenceReported, absence(record))
                tx.state[name] = now
        except (KeyError, TypeError, PermanentError):  # their texts may quote the record
            return False
        return True

    async def _forget(self, today: date) -> None:
        """Once a day, forget lessons of which nothing was heard for 60 days."""
        if self.ctx.state.get("forgot") == today.isoformat():
            return
        async with self.ctx.commit() as tx:
            tx.state["forgot"] = today.isoformat()
            for path, known in list(tx.state.under("lessons/").items()):
                if date.fromisoformat(known["on"]) < today - timedelta(days=60):
                    del tx.state[path]

    async def selftest(self) -> None:
        await self._client.probe()

    async def stop(self) -> None:
        await self._client.close()
