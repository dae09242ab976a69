"""What the connector remembers between events: absences, closed days, each kitchen's last snapshot, what waits.

Names are `absence/<id>`, `closed/<organisation>/<date>`, `day/<kitchen>/<date>`, `late/<the name of a change>`,
`tell/<far side>/<date>/<revision>`, `lost/<kitchen>/<sitting>/<date>` and `confirmed/<kitchen>/<sitting>`. It keeps
only what a count needs (a pseudonym, start, end, the organisation), and only until the day is past. Each read decodes
its value anew, so no function here that runs for every event walks through all of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from connectors.catering.config import Kitchen
from connectors.catering.counting import Away, instant
from connectors.catering.snapshot import Row, Snapshot
from plugins import Event, MutableState, State
from schemas.absence import AbsenceWithdrawn
from schemas.event import parse_timestamp
from schemas.school_time import SCHOOL_ZONE

_ABSENCE: Final = "absence/"
_CLOSED: Final = "closed/"
_DAY: Final = "day/"
_TELL: Final = "tell/"
_LOST: Final = "lost/"
_CONFIRMED: Final = "confirmed/"
_LATE: Final = "late/"


def note_absence(state: MutableState, event: Event, now: datetime) -> list[Away]:
    """Store an absence. Returns the absence before and after the event, each if it counts; empty: no news."""
    data = event.data
    name = f"{_ABSENCE}{data['id'].lower()}"
    kept = state.get(name)
    end = parse_timestamp(data["endTime"]).astimezone(UTC)
    if _is_older(event, kept) or (kept is None and end <= _start_of(now)):
        return []
    # A withdrawn absence leaves its end and sequence, so that a replay of its report does not revive it.
    new: dict[str, Any] = {"end": end.isoformat(), "sequence": event.sequence}
    if event.type != AbsenceWithdrawn.spec.type:
        new["student"] = data["student"]["id"]
        new["start"] = parse_timestamp(data["startTime"]).astimezone(UTC).isoformat()
        new["organisation"] = organisation_of(data)
        new["reported"] = (kept or {}).get("reported") or now.astimezone(SCHOOL_ZONE).date().isoformat()
    state[name] = new
    return [away for away in (_away(kept), _away(new)) if away is not None]


def note_closed(state: MutableState, event: Event, now: datetime) -> date | None:
    """Store that an organisation is closed on a day, or open after all. Returns the day; None if there is no news."""
    organisation, day = organisation_of(event.data), date.fromisoformat(event.data["date"])
    name = f"{_CLOSED}{organisation}/{day}"
    if day < now.astimezone(SCHOOL_ZONE).date() or _is_older(event, state.get(name)):
        return None
    state[name] = {"closed": event.data.get("closed", True), "sequence": event.sequence}
    return day


def absences(state: State) -> Iterator[Away]:
    """Every absence that was not withdrawn."""
    for kept in state.under(_ABSENCE).values():
        if (away := _away(kept)) is not None:
            yield away


def closed_on(state: State, day: date) -> frozenset[str]:
    """Ids of the organisations that are closed that day."""
    return frozenset(
        name.split("/")[1] for name, kept in state.under(_CLOSED).items() if name.endswith(f"/{day}") and kept["closed"]
    )


def last_snapshot(state: State, kitchen: Kitchen, day: date) -> Snapshot | None:
    """The last snapshot of a day that the kitchen got; None if it got none."""
    kept = state.get(f"{_DAY}{kitchen.id}/{day}")
    return None if kept is None else Snapshot.model_validate(kept)


def days_told(state: State, kitchen: Kitchen) -> list[date]:
    """The days of which the kitchen has an order."""
    return [date.fromisoformat(name.rpartition("/")[2]) for name in state.under(f"{_DAY}{kitchen.id}/")]


def snapshots(state: State, kitchen: Kitchen) -> list[Snapshot]:
    """The kitchen's last snapshot of each day, by day."""
    return [Snapshot.model_validate(kept) for kept in state.under(f"{_DAY}{kitchen.id}/").values()]


def keep_snapshot(state: MutableState, snapshot: Snapshot) -> None:
    state[f"{_DAY}{snapshot.kitchen}/{snapshot.day}"] = snapshot.model_dump(mode="json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A change that came after an order was fixed. The next poll counts what it touches."""

    name: str  # in the state
    student: str | None  # None: it concerns a whole organisation
    organisation: str | None  # None: the event names none
    meals: tuple[tuple[str, date], ...]  # the kitchens, by id, and days that it may touch


def put_late(state: MutableState, event: Event, meals: Iterable[tuple[Kitchen, date]]) -> None:
    """Keep that an event may be a late change of these meals, until they have been counted."""
    data = event.data
    name = f"{_LATE}{data['id'].lower()}" if "id" in data else f"{_LATE}{organisation_of(data)}/{data['date']}"
    kept = [[kitchen.id, day.isoformat()] for kitchen, day in meals]
    before = state.get(name, {}).get("meals", [])
    state[name] = {
        "student": data["student"]["id"] if "student" in data else None,
        "organisation": organisation_of(data),
        "meals": [*before, *(each for each in kept if each not in before)],
    }


def late(state: State) -> list[Late]:
    return [
        Late(
            name=name,
            student=kept["student"],
            organisation=kept["organisation"],
            meals=tuple((kitchen, date.fromisoformat(day)) for kitchen, day in kept["meals"]),
        )
        for name, kept in state.under(_LATE).items()
    ]


def forget_late(state: MutableState, counted: Iterable[Late]) -> None:
    for each in counted:
        del state[each.name]


def note_loss(state: MutableState, kitchen: Kitchen, sitting: str, day: date, now: datetime) -> None:
    """Store that a sitting has lost its pupils, or most of them, as that day's count sees it."""
    since = waiting_losses(state, kitchen).get(sitting, now)
    state[f"{_LOST}{kitchen.id}/{sitting}/{day}"] = since.isoformat()


def forget_loss(state: MutableState, kitchen: Kitchen, sitting: str, day: date) -> None:
    """That day's count has the pupils again, or does without them by a person's word."""
    state.pop(f"{_LOST}{kitchen.id}/{sitting}/{day}", None)


def waiting_losses(state: State, kitchen: Kitchen) -> dict[str, datetime]:
    """The sittings that have lost pupils, with the time when that was first seen, until a person confirms."""
    found: dict[str, datetime] = {}
    for name, since in state.under(f"{_LOST}{kitchen.id}/").items():
        sitting = name.split("/")[2]
        found[sitting] = min(datetime.fromisoformat(since), found.get(sitting, datetime.max.replace(tzinfo=UTC)))
    return found


def confirmed_losses(state: State, kitchen: Kitchen) -> dict[str, datetime]:
    """The sittings of which a person has confirmed that pupils are gone, and when, in UTC."""
    kept = state.under(f"{_CONFIRMED}{kitchen.id}/").items()
    return {name.split("/")[2]: datetime.fromisoformat(at) for name, at in kept}


def confirm_losses(state: MutableState, kitchen: Kitchen, now: datetime) -> None:
    """Each loss that waits is right, as of `now`."""
    for sitting in waiting_losses(state, kitchen):
        state[f"{_CONFIRMED}{kitchen.id}/{sitting}"] = now.isoformat()
    for name in list(state.under(f"{_LOST}{kitchen.id}/")):
        del state[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTell:
    """A snapshot that a far side is still to get."""

    name: str  # in the state
    snapshot: Snapshot
    sittings: tuple[str, ...]  # those that it counts anew
    as_of: datetime
    scheduled: frozenset[str]  # those whose order comes at a report time
    renumbered: int  # how often it got another revision, since other content had its name

    def news(self) -> list[Row]:
        return [row for row in self.snapshot.rows if row.sitting in self.sittings]


def put_to_tell(
    state: MutableState,
    far_side: str,
    snapshot: Snapshot,
    news: Iterable[str],
    as_of: datetime,
    scheduled: Iterable[str] = (),
) -> None:
    """Keep that a far side must get a snapshot: before the first byte, so that a repeat is the same. `news`: the
    sittings that are counted anew. `scheduled`: those of them whose order comes at a report time.
    """
    state[_tell(far_side, snapshot)] = {
        "snapshot": snapshot.model_dump(mode="json"),
        "news": sorted(news),
        "as_of": as_of.isoformat(),
        "scheduled": sorted(scheduled),
    }


def to_tell(state: State, far_side: str) -> list[ToTell]:
    """What waits for a far side, in the order in which it must go."""
    return [
        ToTell(
            name=name,
            snapshot=Snapshot.model_validate(kept["snapshot"]),
            sittings=tuple(kept["news"]),
            as_of=datetime.fromisoformat(kept["as_of"]),
            scheduled=frozenset(kept.get("scheduled", ())),
            renumbered=kept.get("renumbered", 0),
        )
        for name, kept in sorted(state.under(f"{_TELL}{far_side}/").items())
    ]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a far side will not get, since a newer snapshot replaces it."""

    sittings: frozenset[str]  # of which it was news
    scheduled: frozenset[str]  # of which it was the report


def drop_older(state: MutableState, far_side: str, day: date) -> Dropped:
    """Drop what waits for that day."""
    names = list(state.under(f"{_TELL}{far_side}/{day}/"))
    dropped = [state[name] for name in names]
    for name in names:
        del state[name]
    return Dropped(
        frozenset(sitting for kept in dropped for sitting in kept["news"]),
        frozenset(sitting for kept in dropped for sitting in kept.get("scheduled", ())),
    )


def mark_telling(state: MutableState, waiting: Iterable[ToTell]) -> None:
    """Note that these are about to be told."""
    for each in waiting:
        if "telling" not in state[each.name]:
            state[each.name] = {**state[each.name], "telling": True}


def forget_told(state: MutableState, told: ToTell) -> None:
    state.pop(told.name, None)  # a newer snapshot may have replaced it meanwhile


def renumber(state: MutableState, far_side: str, kitchen: Kitchen, day: date) -> None:
    """Give what waits for that day, and the day's last snapshot, later revisions: other content has the first's name.

    The step doubles with each time, so that few requests pass over many names.
    """
    waiting = [each for each in to_tell(state, far_side) if each.snapshot.day == day]
    step = 2 ** waiting[0].renumbered
    kept = [state[each.name] for each in waiting]
    for each in waiting:
        del state[each.name]
    kept[0] = {**kept[0], "renumbered": waiting[0].renumbered + 1}
    for each, value in zip(waiting, kept, strict=True):
        later = each.snapshot.model_copy(update={"revision": each.snapshot.revision + step})
        state[_tell(far_side, later)] = {**value, "snapshot": later.model_dump(mode="json")}
    last = last_snapshot(state, kitchen, day)
    if last is not None:
        keep_snapshot(state, last.model_copy(update={"revision": last.revision + step}))


def _tell(far_side: str, snapshot: Snapshot) -> str:
    return f"{_TELL}{far_side}/{snapshot.day}/{snapshot.revision:08}"


def forget_past(state: MutableState, now: datetime) -> None:
    """Drop what no later count can need. A kitchen's newest snapshot stays: it may have to stand."""
    today, midnight = now.astimezone(SCHOOL_ZONE).date().isoformat(), _start_of(now)
    newest = {name.rsplit("/", 1)[0]: name for name in sorted(state.under(_DAY))}
    for name in list(state):
        if newest.get(name.rsplit("/", 1)[0]) == name or name.startswith((_CONFIRMED, _LATE)):
            continue
        if name.startswith(_ABSENCE):
            past = datetime.fromisoformat(state[name]["end"]) <= midnight
        else:
            past = name.split("/")[2 if name.startswith(_TELL) else -1] < today
        if past:
            del state[name]


def organisation_of(data: Mapping[str, Any]) -> str | None:
    reference = data.get("organisation")
    return reference["id"].lower() if isinstance(reference, Mapping) and "id" in reference else None


def _away(kept: Mapping[str, Any] | None) -> Away | None:
    if kept is None or "student" not in kept:
        return None
    start, end = datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"])
    reported = kept.get("reported")
    return Away(
        kept["student"], start, end, kept["organisation"], None if reported is None else date.fromisoformat(reported)
    )


def _is_older(event: Event, kept: Mapping[str, Any] | None) -> bool:
    """Whether the connector has a newer event of the same entity: repeats and replays come in any order."""
    before = kept.get("sequence") if kept is not None else None
    return event.sequence is not None and before is not None and event.sequence < before


def _start_of(now: datetime) -> datetime:
    return instant(now.astimezone(SCHOOL_ZONE).date(), time(0))
