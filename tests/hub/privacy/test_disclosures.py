"""The log of disclosures: durable, chained, without a person in clear, and explained in plain words."""

from dataclasses import replace

from hub.bus.base import Place
from hub.privacy.base import Intent, Rule
from hub.store import disclosures as rows
from schemas import Category
from tests.hub.privacy.conftest import TENANT, Hub
from tests.hub.privacy.house import contract, recipient
from tests.school import ABSENCE, PERSON, absence, pupil, uid

ANNA, BO = uid("Anna"), uid("Bo")
TO = recipient(contract(Category.ATTENDANCE, purpose="school attendance"))


def intent(place: int, *subjects: str, rule: Rule = Rule.ALLOWED) -> Intent:
    versions = tuple(each.version for each in TO.contracts)
    return Intent(
        recipient=TO.name, subscription="acme-absence", lane="live", rule=rule, allowed=rule is Rule.ALLOWED,
        contracts=versions, places=(Place(place),), subjects=subjects,
    )  # fmt: skip


async def test_rows_are_chained_and_name_nobody(hub: Hub) -> None:
    """Disclosure: no personal data in clear."""
    await hub.store.commit(hub.disclosures.record([intent(1, ANNA), intent(2, ANNA, BO, rule=Rule.PROTECTED)]))
    assert await hub.store.read(rows.verify(TENANT)) == rows.Verified(rows=1, broken_at=None, complete=True)
    raw = b"".join(path.read_bytes() for path in hub.folder.glob("store.db*"))
    assert b"skydd.person" in raw
    assert not any(each.encode() in raw or bytes.fromhex(each.replace("-", "")) in raw for each in (ANNA, BO))


async def test_a_person_has_one_pseudonym_of_the_log_s_own(hub: Hub) -> None:
    await hub.store.commit(hub.disclosures.record([intent(1, ANNA)]), hub.disclosures.record([intent(2, ANNA.upper())]))
    found = [(await hub.store.read(rows.for_place(TENANT, TO.name, n)))[0].decided.subjects for n in (1, 2)]
    assert found[0] == found[1] == (hub.disclosures.subject(ANNA),)
    assert hub.disclosures.subject(ANNA) != hub.gate.pseudonyms(TO).of(ANNA)


async def test_an_intent_without_places_makes_no_row(hub: Hub) -> None:
    empty = replace(intent(1), places=())
    await hub.store.commit(hub.disclosures.record([empty]))
    assert (await hub.store.read(rows.verify(TENANT))).rows == 0


async def test_what_was_decided_is_read_and_not_recomputed(hub: Hub) -> None:
    """`skolnav why` tells what was, also when it would be decided otherwise now."""
    await hub.current()
    stored = await hub.say(ABSENCE, absence(ANNA))
    await hub.store.commit(hub.disclosures.record([intent(stored.at, ANNA, rule=Rule.UNKNOWN)]))
    await hub.say(PERSON, pupil(ANNA))
    explained = await hub.disclosures.explain(stored, TO, "sv", hub.gate)
    assert (explained.allowed, explained.rule, explained.recomputed) == (False, Rule.UNKNOWN, False)
    assert explained.text == (
        "Händelsen lämnas inte ut. Regel skydd.okand (version 1): personen som händelsen gäller är okänd, eller så "
        "saknas uppgift om personens skyddsmarkering.\n"
        "Mottagarens avtal: närvaro, ”school attendance”.\n"
        "Beslutet fattades 2026-11-24 08:00:00 och är läst ur loggen (inte omräknat)."
    )


async def test_of_an_event_that_no_row_lists_it_is_said_that_a_large_answer_may_have_had_it(hub: Hub) -> None:
    stored = await hub.say(ABSENCE, absence(ANNA))
    stored.at = Place(2 * rows.LISTED)
    large = replace(intent(0), places=tuple(Place(stored.at + n) for n in range(-rows.LISTED, 2)))
    await hub.store.commit(hub.disclosures.record([large]))
    explained = await hub.disclosures.explain(stored, TO, "en", hub.gate)
    assert explained.recomputed is True
    assert explained.text.endswith("The event may also have been in an answer that was too large to be listed whole.")


async def test_without_a_record_it_is_recomputed_and_says_so(hub: Hub) -> None:
    stored = await hub.say(ABSENCE, absence(ANNA))
    explained = await hub.disclosures.explain(stored, TO, "en", hub.gate)
    assert (explained.allowed, explained.rule, explained.recomputed) == (False, Rule.UNKNOWN, True)
    assert "No decision is in the log: recomputed 2026-11-24 08:00:00" in explained.text
    assert ANNA not in explained.text
