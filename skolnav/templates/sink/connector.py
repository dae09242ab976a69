"""Joins configuration, mapping and the wire."""

from skolnav.events import AbsenceChanged, AbsenceReported, AbsenceWithdrawn
from skolnav.sdk import Category, Connector, Context, Contract, Effect, Event

from .client import Client
from .config import ExampleConfig
from .mapping import content, file_name, is_older


class Example(Connector[ExampleConfig]):
    """Who is away, as one file per notification."""

    name = "example"
    config_model = ExampleConfig
    consumes = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn)
    # Ask for no more than the outside system needs, and say why: the privacy officer reads this.
    contract = Contract("what the outside system is for", "the legal basis", {Category.ATTENDANCE})
    effect = Effect.VERIFIABLE
    start_from = "state"

    def __init__(self, config: ExampleConfig, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._client = Client(config.folder)

    async def start(self) -> None:
        await self.selftest()

    async def handle(self, event: Event) -> None:
        """Plan, look, apply. The file says how new it is, so an event that comes twice has one effect."""
        name, planned = file_name(self.config.prefix, event), content(event)
        there = await self.ctx.blocking(self._client.read, name)
        if not is_older(planned, there):
            await self.ctx.blocking(self._client.write, name, planned)

    async def selftest(self) -> None:
        await self.ctx.blocking(self._client.probe)
