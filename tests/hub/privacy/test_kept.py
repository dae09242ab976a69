"""A protection outlives its record: a deletion, a trim, a record without a mark, a crash; an officer can lift it."""

import sqlite3
from datetime import timedelta

import pytest

from hub.directory.directory import Protection
from hub.privacy.kept import NotProtected, StillProtected
from hub.store import audit, kept_marks
from tests.hub.privacy.conftest import TENANT, Hub
from tests.school import HIDDEN, OTHER, PERSON, PERSON_GONE, person, pupil, tie, uid

ANNA, VERA = uid("Anna"), uid("Vera")


def protection(hub: Hub, id: str = ANNA) -> Protection:
    return hub.directory.protection(id, hub.clock.utc())


async def trimmed(hub: Hub) -> None:
    """The log forgets the deleted, as after the retention."""
    hub.clock.move(days=400)
    await hub.log.trim(hub.clock.utc() - timedelta(days=300))
    await hub.current()
    await hub.current(OTHER)


async def lift(hub: Hub, id: str = ANNA) -> tuple[str, ...]:
    return await hub.kept.lift(id, actor="officer", reason="decided 2026-11-24")


async def test_a_deleted_person_is_protected_although_the_log_has_forgotten_them(hub: Hub) -> None:
    await hub.say(PERSON, pupil(ANNA, HIDDEN, responsibles=tie(VERA)))
    await hub.say(PERSON, person(VERA))
    await hub.say(PERSON_GONE, {"id": ANNA})
    await trimmed(hub)
    assert not await hub.log.states_of(f"person/{ANNA}")
    for _ in range(2):
        await hub.restart()
        assert protection(hub) is Protection.PROTECTED
        assert protection(hub, VERA) is Protection.PROTECTED
    await hub.say(PERSON, pupil(ANNA), OTHER)
    assert protection(hub) is Protection.PROTECTED
    await hub.say(PERSON, pupil(ANNA))
    assert protection(hub) is Protection.OPEN
    await hub.restart()
    assert protection(hub) is Protection.OPEN


async def test_a_newer_record_without_a_mark_does_not_end_it_over_a_restart(hub: Hub) -> None:
    await hub.current()
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.say(PERSON, pupil(ANNA, None))
    await hub.restart()
    assert protection(hub) is Protection.PROTECTED
    await hub.say(PERSON, pupil(ANNA))
    assert protection(hub) is Protection.OPEN


async def test_a_mark_is_not_lost_if_the_hub_ends_before_its_row_is_written(hub: Hub) -> None:
    """The log says it; the next start reads there what the rows do not have yet."""
    await hub.kept.stop()  # the rows have come as far as here
    hub.directory.on_marks = None
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.say(PERSON, pupil(ANNA, None))
    await hub.say(PERSON, pupil(VERA, HIDDEN))
    await hub.say(PERSON, pupil(VERA))
    await hub.withheld.stop()
    await hub.log.close()
    await hub.store.close()
    await hub.start()
    await hub.current()
    assert protection(hub) is Protection.PROTECTED
    assert protection(hub, VERA) is Protection.OPEN


async def test_rows_that_are_void_are_forgotten(hub: Hub) -> None:
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.say(PERSON, pupil(ANNA))
    await hub.restart()
    assert await hub.store.read(kept_marks.load(TENANT)) == []


async def test_an_officer_lifts_what_no_source_will_lift(hub: Hub) -> None:
    await hub.current()
    await hub.current(OTHER)
    await hub.say(PERSON, pupil(ANNA, HIDDEN), OTHER)
    await hub.say(PERSON, pupil(ANNA))
    with pytest.raises(StillProtected) as refused:
        await lift(hub)
    assert refused.value.sources == (OTHER,)
    await hub.say(PERSON_GONE, {"id": ANNA}, OTHER)
    assert protection(hub) is Protection.PROTECTED
    changes = []
    hub.directory.listen(changes.append)
    assert await lift(hub) == (OTHER,)
    assert protection(hub) is Protection.OPEN
    assert ANNA in changes[0].names
    (row,) = await hub.store.read(audit.page(TENANT))
    assert (row.actor, row.action) == ("officer", "protection.lifted")
    assert row.target == f"{hub.disclosures.subject(ANNA)}: decided 2026-11-24"
    assert ANNA not in row.target
    for _ in range(2):
        await hub.restart()
        assert protection(hub) is Protection.OPEN
    with pytest.raises(NotProtected):
        await lift(hub)


async def test_a_person_whom_only_a_markless_record_is_left_of_is_unknown_once_lifted(hub: Hub) -> None:
    """A missing mark is never Ingen."""
    await hub.current()
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.say(PERSON, pupil(ANNA, None))
    await lift(hub)
    assert protection(hub) is Protection.UNKNOWN


async def test_a_source_that_says_it_anew_protects_again(hub: Hub) -> None:
    await hub.current()
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.say(PERSON_GONE, {"id": ANNA})
    await lift(hub)
    await hub.say(PERSON, pupil(ANNA, HIDDEN))
    await hub.restart()
    assert protection(hub) is Protection.PROTECTED


async def test_nothing_is_lifted_if_the_audit_can_not_be_written(hub: Hub) -> None:
    await hub.current(OTHER)
    await hub.say(PERSON, pupil(ANNA, HIDDEN), OTHER)
    await hub.say(PERSON_GONE, {"id": ANNA}, OTHER)
    await hub.kept.tidy()
    with sqlite3.connect(hub.folder / "store.db") as store:
        store.execute("ALTER TABLE audit RENAME TO away")
    store.close()
    with pytest.raises(Exception, match="audit"):
        await lift(hub)
    assert protection(hub) is Protection.PROTECTED
    with sqlite3.connect(hub.folder / "store.db") as store:
        store.execute("ALTER TABLE away RENAME TO audit")
    store.close()
