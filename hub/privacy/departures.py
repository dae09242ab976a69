"""Finds persons who became protected and whose departure was not published before a crash.

A person who becomes protected leaves as one who was deleted does. The log says so in an event of its own (`Log.leave`),
which follows the event with the mark. After a crash between the two the start looks here.
"""

from typing import Final

from hub.bus.base import Left, Log, Position, Stored, Wanted
from hub.bus.news import Belongings
from hub.directory.directory import Directory
from hub.directory.records import Mark, read_mark, read_person

_PERSON: Final = "se.skolnav.directory.person."
_PAGE: Final = 1000
_BACK: Final = 50  # of one person's events, how many are looked at


def left(directory: Directory, person: str, at: Belongings, accepted_us: int) -> Left | None:
    """What to tell of a person who belonged there and has left; None if the person is not protected any more."""
    found = directory.persons.get(person)
    if found is None or found.mark is not Mark.PROTECTED:
        return None
    return Left(person, found.owner.source, tuple(sorted({organisation for organisation, _ in at})), accepted_us)


async def untold(log: Log, directory: Directory, since: Position) -> list[Left]:
    """The persons who became protected after a position and of whom nothing was told. Raises LogUnavailable."""
    wanted = Wanted(type=lambda type_: type_.startswith(_PERSON))
    persons: dict[str, int] = {}  # and when the newest event about them was accepted
    upto: Position | None = None
    while True:
        found = await log.search(wanted, after=since, upto=upto, limit=_PAGE)
        for stored in found.events:
            person = stored.about[0]
            known = directory.persons.get(person)
            for each in (person, *(known.guardians if known is not None else ())):
                persons.setdefault(each, stored.accepted_us)
        upto = found.upto
        if upto is None:
            break
    told: list[Left] = []
    now_us = directory.clock.utc_us()
    today = directory.clock.school().date().isoformat()
    for person, accepted_us in sorted(persons.items()):
        if (seen := await _last_seen(log, person)) is None:
            continue
        enrolments = read_person(seen.source, seen.at, seen.parsed.get("data") or {}).enrolments
        at = [(each.organisation, each.school_type) for each in enrolments if each.active(today)]
        one = left(directory, person, at or tuple(directory.belongings(person, today, now_us)), accepted_us)
        if one is not None:
            told.append(one)
    return told


async def _last_seen(log: Log, person: str) -> Stored | None:
    """The last event with a person's data that recipients may have got; None if an end of the person came after it."""
    wanted = Wanted(subject=f"person/{person}", type=lambda type_: type_.startswith(_PERSON))
    found = await log.search(wanted, limit=_BACK)
    for stored in found.events:
        if stored.leaves or ".deleted." in stored.type:
            return None
        if not stored.adds and _open(stored):
            return stored
    return None


def _open(stored: Stored) -> bool:
    return read_mark(stored.parsed.get("data") or {}) is Mark.NONE
