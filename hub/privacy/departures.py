"""Who left before the hub ended without a word to anybody: found again in the log, at the start.

A person who becomes protected leaves as one who was deleted does. The log says so in an event of its own (`Log.leave`),
which follows the event with the mark. After a crash between the two the start finds the person here.
"""

from typing import Final

from hub.bus.base import Left, Log, Position, Stored, Wanted
from hub.bus.news import Belongings
from hub.directory.directory import Directory
from hub.directory.records import Mark, read_mark

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
        one = left(directory, person, tuple(directory.belongings(person, today, now_us)), accepted_us)
        if one is not None and await _was_seen(log, person):
            told.append(one)
    return told


async def _was_seen(log: Log, person: str) -> bool:
    """Whether the last that recipients may have got of a person is an event with the person's data."""
    wanted = Wanted(subject=f"person/{person}", type=lambda type_: type_.startswith(_PERSON))
    found = await log.search(wanted, limit=_BACK)
    for stored in found.events:
        if stored.leaves or ".deleted." in stored.type:
            return False
        if not stored.adds and _open(stored):
            return True
    return False


def _open(stored: Stored) -> bool:
    return read_mark(stored.parsed.get("data") or {}) is Mark.NONE
