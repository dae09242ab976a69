"""What one count rests on: the directory's pupils, the absences and closed units that concern a kitchen's day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from connectors.catering.config import Kitchen, Sitting
from connectors.catering.counting import Away, Count, Organisations, Pupil, count, overlaps, window
from connectors.catering.state import State, absences, closed_on
from plugins import DirectoryView


@dataclass(frozen=True, slots=True)
class People:
    """One kitchen's day."""

    kitchen: Kitchen
    day: date
    pupils: Sequence[Pupil]
    absences: Sequence[Away]
    closed: frozenset[str]  # closed organisations that concern the kitchen
    open_units: frozenset[str] | None  # None: nothing is closed
    complete: bool  # everyone there is known, those who are away too

    def count(self, sitting: Sitting) -> Count:
        return count(self.kitchen, sitting, self.day, self.pupils, self.absences, self.open_units)


class Census:
    """Asks the directory for one run, and no question twice: each answer is a disclosure."""

    def __init__(self, directory: DirectoryView, organisations: Organisations) -> None:
        self._directory = directory
        self._everyone: dict[date, frozenset[str]] = {}
        self.organisations = organisations

    @classmethod
    async def open(cls, directory: DirectoryView) -> "Census":
        return cls(directory, Organisations(await directory.organisations()))

    def concerns(self, organisation: str | None, kitchen: Kitchen) -> bool:
        """Whether the kitchen may cook for somebody there. Not said where: it may."""
        return organisation is None or self.organisations.related(organisation, kitchen.units)

    async def people(self, kitchen: Kitchen, day: date, state: State) -> People:
        pupils = await self._directory.persons(organisations=kitchen.units, on=day)
        windows = [window(sitting, day) for sitting in kitchen.sittings]
        away = [absence for absence in absences(state) if any(overlaps(absence, *span) for span in windows)]
        closed = frozenset(c for c in closed_on(state, day) if self.concerns(c, kitchen))
        complete = await self._directory.complete(kitchen.units, day)
        return People(
            kitchen,
            day,
            pupils,
            away,
            closed,
            self.organisations.open_parts(kitchen.units, closed) if closed else None,
            complete and not await self._stranger_away(kitchen, day, pupils, away),
        )

    async def _stranger_away(self, kitchen: Kitchen, day: date, pupils: Sequence[Pupil], away: Sequence[Away]) -> bool:
        """Whether somebody is away who may eat here and whom the directory does not know: the sum leaves them out."""
        here = {pupil["id"] for pupil in pupils}
        others = {a.student for a in away if a.student not in here and self.concerns(a.organisation, kitchen)}
        if not others:
            return False
        if day not in self._everyone:
            self._everyone[day] = frozenset(pupil["id"] for pupil in await self._directory.persons(on=day))
        return not others <= self._everyone[day]
