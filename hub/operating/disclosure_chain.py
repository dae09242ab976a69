"""The log of disclosures and the audit, read by those who watch over the hub, and whether the first is intact.

Each row of the log of disclosures is hashed together with the row before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.store import audit, disclosures
from hub.store.base import Store

ROWS: Final = 20_000  # verified in one call, in less than a second


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """The rows that one call has verified: after the row that the caller named, to the end or as many as fit a call."""

    rows: int  # rows up to this number fit together
    broken_at: int | None  # the number of the first row that does not fit, or that is missing
    complete: bool  # the end was reached, or the chain is broken; else verify again after row number `rows`
    trimmed: int  # the rows up to this number were removed, since their retention had passed


async def verify(store: Store, after: int) -> ChainCheck:
    """Verify up to ROWS rows that follow row number `after`, which an earlier call has verified (0: from the first).

    Raises StoreUnavailable.
    """
    found = await store.read(disclosures.verify(store.tenant, after=after, limit=ROWS))
    return ChainCheck(rows=found.rows, broken_at=found.broken_at, complete=found.complete, trimmed=found.trimmed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedEvents:
    """Events of one answer under one rule. `subjects`: pseudonyms that only the log of disclosures uses."""

    rule: str
    allowed: bool
    lane: str
    events: int
    subjects: Sequence[str]
    more_subjects: int  # of these the row has the number and a digest only


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureRow:
    n: int
    at: datetime
    recipient: str
    subscription: str
    contracts: Sequence[str]
    decided: Sequence[DecidedEvents]


async def page(store: Store, *, after: int, limit: int, reader: str, at: datetime) -> Sequence[DisclosureRow]:
    """Rows of the log of disclosures that follow row number `after`. The audit notes the `reader`, a client's id.

    Raises StoreUnavailable.
    """
    await store.commit(audit.add(store.tenant, at, actor=reader, action="disclosures.read", target=f"after {after}"))
    rows = await store.read(disclosures.page(store.tenant, after, limit))
    return [
        DisclosureRow(
            n=n, at=row.at, recipient=row.recipient, subscription=row.subscription, contracts=row.contracts,
            decided=[
                DecidedEvents(
                    rule=each.rule, allowed=each.allowed, lane=each.lane, subjects=each.subjects,
                    events=len(each.places) + (each.unlisted.places if each.unlisted else 0),
                    more_subjects=each.unlisted.subjects if each.unlisted else 0,
                )
                for each in row.decided
            ],
        )
        for n, row in rows
    ]  # fmt: skip


async def acts(store: Store, *, after: int, limit: int) -> Sequence[audit.AuditRow]:
    """Rows of the audit that follow row number `after`. Raises StoreUnavailable."""
    return await store.read(audit.page(store.tenant, after, limit))
