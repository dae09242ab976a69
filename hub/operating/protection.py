"""What a privacy officer asks and does about one protected person. The audit has each act, with no id of the person."""

from dataclasses import dataclass

from hub.assembly.services import Services
from hub.privacy.disclosures import Holder
from hub.store import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """`sources`: those whose marks no longer count."""

    sources: tuple[str, ...]


async def lift(services: Services, *, actor: str, person: str, reason: str) -> Lifted:
    """End a protection that no source will end (`hub.privacy.kept`).

    Raises NotProtected, StillProtected, StoreUnavailable.
    """
    return Lifted(sources=await services.kept_marks.lift(person.lower(), actor=actor, reason=reason))


async def holders(services: Services, *, actor: str, person: str) -> list[Holder]:
    """Who may hold data about a person. The reading is in the audit before the answer. Raises StoreUnavailable."""
    target = services.disclosures.subject(person)
    note = audit.add(
        services.store.tenant, services.clock.utc(), actor=actor, action="protection.holders-read", target=target
    )
    await services.store.commit(note)
    return await services.disclosures.holders(person)
