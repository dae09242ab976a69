"""Whether the log of disclosures is as it was written: each row is hashed together with the row before it."""

from dataclasses import dataclass
from typing import Final

from hub.assembly.services import Services
from hub.store import disclosures

ROWS: Final = 20_000  # verified in one call, in less than a second


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """The rows that one call has verified: after the row that the caller named, to the end or as many as fit a call."""

    rows: int  # rows up to this number fit together
    broken_at: int | None  # the number of the first row that does not fit, or that is missing
    complete: bool  # the end was reached, or the chain is broken; else verify again after row number `rows`
    trimmed: int  # the rows up to this number were removed, since their retention had passed


async def verify(services: Services, after: int) -> ChainCheck:
    """Verify up to ROWS rows that follow row number `after`, which an earlier call has verified (0: from the first).

    Raises StoreUnavailable.
    """
    found = await services.store.read(disclosures.verify(services.store.tenant, after=after, limit=ROWS))
    return ChainCheck(rows=found.rows, broken_at=found.broken_at, complete=found.complete, trimmed=found.trimmed)
