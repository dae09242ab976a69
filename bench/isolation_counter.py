"""The connector of `bench.isolation`: a module that its process can import."""

from plugins import Category, Connector, ConnectorConfig, Contract, Event
from schemas.absence import AbsenceReported


class Counter(Connector[ConnectorConfig]):
    """Counts in its state."""

    name = "counter"
    config_model = ConnectorConfig
    consumes = (AbsenceReported,)
    contract = Contract("a benchmark", "none: invented events", {Category.ATTENDANCE, Category.GROUP})
    concurrency = "key"

    async def handle(self, event: Event) -> None:
        async with self.ctx.commit() as tx:
            tx.state["count"] = tx.state.get("count", 0) + 1
