"""Joins configuration, mapping and the wire."""

from typing import Any

from skolnav.events import AbsenceChanged, AbsenceReported
from skolnav.sdk import Connector, Context, PermanentError, Text, Transaction
from skolnav.wires.words import CODES

from .client import Client
from .config import ExampleConfig
from .mapping import absence, digest


class Example(Connector[ExampleConfig]):
    """Reports of absence come from the outside system."""

    name = "example"
    config_model = ExampleConfig
    produces = (AbsenceReported, AbsenceChanged)
    problems = {  # noqa: RUF012
        **CODES,
        "no-list": Text("svaret är ingen lista", "the answer is no list"),
        "records": Text("några poster går inte att läsa", "some records can't be read"),
    }

    def __init__(self, config: ExampleConfig, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._client = Client(config, ctx.clock)

    async def poll(self) -> str | None:
        """Each page is one commit: a crash between pages loses and repeats nothing."""
        unread = 0
        async for page in self._client.pages():
            async with self.ctx.commit() as tx:
                unread += sum(not self._take(tx, record) for record in page)
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

    async def selftest(self) -> None:
        await self._client.probe()

    async def stop(self) -> None:
        await self._client.close()
