"""The people of one count: the directory's pupils, and the absences and closed units of a kitchen's day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from connectors.catering.config import Kitchen, Sitting
from connectors.catering.counting import (
    Away,
    Count,
    Organisations,
    Pupil,
    count,
    eats_here,
    exists_on,
    groups_of,
    has_ended,
    organisation_of_group,
    overlaps,
    window,
)
from connectors.catering.memory import absences, closed_on, confirmed_losses, snapshots
from connectors.catering.snapshot import Snapshot
from connectors.catering.standing import Last, as_count, lacks_pupils, last_order
from plugins import DirectoryView, State
from schemas.school_time import SCHOOL_ZONE

_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered for a sitting."""

    count: Count
    stands: bool  # the last order counts, because an incomplete directory lacks its pupils
    lost: bool  # a complete directory lacks all pupils or most, and nothing explains it: a person must confirm it
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One kitchen's day."""

    kitchen: Kitchen
    day: date
    pupils: Sequence[Pupil]
    absences: Sequence[Away]
    closed: frozenset[str]  # closed organisations that concern the kitchen
    open_units: frozenset[str] | None  # None: nothing is closed
    groups: frozenset[str] | None  # the groups of the sittings that exist that day; None: no sitting has groups
    lost: frozenset[str]  # the groups of the sittings that are unknown or have ended
    foreign: frozenset[str]  # the groups of the sittings that belong to other units and have no pupil of the kitchen
    units_go_on: bool  # one of the kitchen's units is known and has not ended
    confirmed: Mapping[str, datetime]  # the sittings of which a person has confirmed that pupils are gone, and when
    unknown_units: frozenset[str]
    complete: bool  # the directory knows every pupil there, also those who are away
    known: bool  # the directory is complete
    told: Sequence[Snapshot]  # the kitchen's snapshots, by day

    def order(self, sitting: Sitting) -> Order:
        """What is ordered for a sitting, by the count or by the last order."""
        counted = self._count(sitting)
        last = last_order(self.told, self.kitchen, sitting, self.day)
        confirmed = self._is_confirmed(sitting, last)
        lacks = last is not None and not self.closed and lacks_pupils(last, counted, complete=self.known)
        stands = lacks and not confirmed and not self.known
        lost = self.known and not confirmed and (lacks or self._is_empty(sitting, counted)) and self._goes_on(sitting)
        if last is not None and (stands or lost):
            counted = as_count(last)
        return Order(counted, stands=stands, lost=lost, complete=not lost and self._is_complete(sitting))

    def _is_confirmed(self, sitting: Sitting, last: Last | None) -> bool:
        """Whether a person has confirmed that the pupils are gone, since the last order."""
        confirmed = self.confirmed.get(sitting.id)
        return confirmed is not None and (last is None or last.due <= confirmed)

    def _is_empty(self, sitting: Sitting, counted: Count) -> bool:
        return not counted.enrolled and not self.closed

    def _goes_on(self, sitting: Sitting) -> bool:
        return bool(self._existing(sitting)) if sitting.groups else self.units_go_on

    def _existing(self, sitting: Sitting) -> frozenset[str]:
        return sitting.groups & (self.groups or frozenset())

    def _count(self, sitting: Sitting) -> Count:
        return count(
            self.kitchen,
            sitting,
            self.day,
            pupils=self.pupils,
            absences=self.absences,
            open_units=self.open_units,
            groups=self.groups,
        )

    def lost_groups(self, sitting: Sitting) -> frozenset[str]:
        """The sitting's groups that are unknown or have ended: their pupils may be missing from the sum."""
        return sitting.groups & self.lost

    def idle_groups(self, sitting: Sitting) -> frozenset[str]:
        """The sitting's groups that belong to other units; where none has begun, also those that begin later."""
        later = frozenset[str]() if self._existing(sitting) else sitting.groups - self.lost
        return later | (sitting.groups & self.foreign)

    def _is_complete(self, sitting: Sitting) -> bool:
        return self.complete and not (self.unknown_units or self.lost_groups(sitting) or self.idle_groups(sitting))


class Census:
    """The directory's answers for one run. It asks each question once, since every answer is a disclosure."""

    def __init__(self, directory: DirectoryView, state: State, organisations: Organisations) -> None:
        self._directory = directory
        self._state = state
        self._away: list[Away] | None = None
        self._everyone: dict[date, frozenset[str]] = {}
        self._groups: dict[str, Mapping[str, Any]] | None = None
        self.organisations = organisations

    @classmethod
    async def open(cls, directory: DirectoryView, state: State) -> "Census":
        return cls(directory, state, Organisations(await directory.organisations()))

    def concerns(self, organisation: str | None, kitchen: Kitchen) -> bool:
        """Whether the kitchen may cook for pupils of an organisation; True if the event names none (None)."""
        return organisation is None or self.organisations.related(organisation, kitchen.units)

    async def people(self, kitchen: Kitchen, day: date) -> People:
        state = self._state
        here = self.organisations.parts(kitchen.units)
        enrolled = await self._directory.persons(organisations=kitchen.units, on=day)
        pupils = [pupil for pupil in enrolled if eats_here(kitchen, pupil, day, here)]
        wanted = frozenset[str]().union(*(sitting.groups for sitting in kitchen.sittings))
        known = await self._known_groups(wanted, kitchen) if wanted else {}
        windows = [window(sitting, day) for sitting in kitchen.sittings]
        away = [absence for absence in self._absences() if any(overlaps(absence, *span) for span in windows)]
        closed = frozenset(each for each in closed_on(state, day) if self.concerns(each, kitchen))
        complete = await self._directory.complete(kitchen.units, day)
        return People(
            kitchen=kitchen,
            day=day,
            pupils=pupils,
            absences=away,
            closed=closed,
            open_units=self.organisations.open_parts(kitchen.units, closed) if closed else None,
            groups=frozenset(id for id in wanted if exists_on(known.get(id), day)) if wanted else None,
            lost=frozenset(id for id in wanted if id not in known or has_ended(known[id], day)),
            foreign=frozenset(id for id in wanted if id in known and self._is_foreign(known[id], kitchen))
            - groups_of(pupils),
            units_go_on=self.organisations.go_on(kitchen.units, day),
            confirmed=confirmed_losses(state, kitchen),
            unknown_units=self.organisations.unknown(kitchen.units),
            complete=complete and not await self._stranger_away(kitchen, day, pupils, away),
            known=complete,
            told=snapshots(state, kitchen),
        )

    def _is_foreign(self, group: Mapping[str, Any], kitchen: Kitchen) -> bool:
        organisation = organisation_of_group(group)
        return organisation is not None and not self.organisations.related(organisation, kitchen.units)

    def _absences(self) -> Sequence[Away]:
        if self._away is None:
            self._away = list(absences(self._state))
        return self._away

    async def _known_groups(self, wanted: frozenset[str], kitchen: Kitchen) -> Mapping[str, Mapping[str, Any]]:
        """The groups of the kitchen's units, where a sitting has groups; if one is missing there, all groups."""
        if self._groups is None:
            here = _by_id(await self._directory.groups(organisations=kitchen.units))
            if wanted <= here.keys():
                return here
            self._groups = _by_id(await self._directory.groups())
        return self._groups

    async def _stranger_away(self, kitchen: Kitchen, day: date, pupils: Sequence[Pupil], away: Sequence[Away]) -> bool:
        """Whether a pupil is away who may eat here and is unknown to the directory: the sum leaves such a pupil out."""
        here = {pupil["id"] for pupil in pupils}
        others = {
            absence for absence in away if absence.student not in here and self.concerns(absence.organisation, kitchen)
        }
        # A pupil who has left is no stranger: the directory knows them on the day on which the absence began, or on
        # which it was reported (a leave may begin after the pupil has left), or a week before (a source may end an
        # enrolment as of an earlier day).
        days = {absence.start.astimezone(SCHOOL_ZONE).date() for absence in others}
        days |= {absence.reported for absence in others if absence.reported is not None}
        days |= {day - _WEEK for day in days}
        for on in (day, *sorted(days - {day})):
            if not others:
                break
            everyone = await self._everyone_on(on)
            others = {absence for absence in others if absence.student not in everyone}
        return bool(others)

    async def _everyone_on(self, day: date) -> frozenset[str]:
        """The ids of all pupils that the directory knows on that day."""
        if day not in self._everyone:
            self._everyone[day] = frozenset(pupil["id"] for pupil in await self._directory.persons(on=day))
        return self._everyone[day]


def _by_id(groups: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(group["id"]).lower(): group for group in groups}
