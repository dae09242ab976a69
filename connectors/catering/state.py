"""What the connector remembers: who is away and when, what is closed, what each kitchen was last told.

Names are `absence/<id>`, `closed/<organisation>/<date>`, `day/<kitchen>/<date>` and `mail/<address>/<kitchen>/<date>`
(the address as a digest). Only what a count needs is kept
(a pseudonym, start, end, the organisation), and only until the day is past. Each value that is read is decoded anew,
so nothing here that runs for every event walks through all of them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from connectors.catering.config import Kitchen
from connectors.catering.counting import SCHOOL, Away, instant
from connectors.catering.mapping import Snapshot
from plugins import Event
from schemas.absence import AbsenceWithdrawn
from schemas.event import parse_timestamp

_ABSENCE: Final = "absence/"
_CLOSED: Final = "closed/"
_DAY: Final = "day/"
_MAIL: Final = "mail/"

State = Mapping[str, Any]


def note_absence(state: MutableMapping[str, Any], event: Event, now: datetime) -> list[Away]:
    """Keep an absence as the event has it; returns it as it was and as it is, where either counts. Empty: no news."""
    data = event.data
    name = f"{_ABSENCE}{data['id'].lower()}"
    kept = state.get(name)
    end = parse_timestamp(data["endTime"]).astimezone(UTC)
    if _is_older(event, kept) or (kept is None and end <= _start_of(now)):
        return []
    # A withdrawn one stays as its end and sequence, so that a replay of what came before does not revive it.
    new: dict[str, Any] = {"end": end.isoformat(), "sequence": event.sequence}
    if event.type != AbsenceWithdrawn.spec.type:
        new["student"] = data["student"]["id"]
        new["start"] = parse_timestamp(data["startTime"]).astimezone(UTC).isoformat()
        new["organisation"] = organisation_of(data)
    state[name] = new
    return [away for away in (_away(kept), _away(new)) if away is not None]


def note_closed(state: MutableMapping[str, Any], event: Event, now: datetime) -> date | None:
    """Keep that an organisation is closed on a day, or open after all; returns the day. None: no news."""
    organisation, day = organisation_of(event.data), date.fromisoformat(event.data["date"])
    name = f"{_CLOSED}{organisation}/{day}"
    if day < now.astimezone(SCHOOL).date() or _is_older(event, state.get(name)):
        return None
    state[name] = {"closed": event.data.get("closed", True), "sequence": event.sequence}
    return day


def absences(state: State) -> Iterator[Away]:
    """Every absence that stands."""
    for name in state:
        if name.startswith(_ABSENCE) and (away := _away(state[name])) is not None:
            yield away


def closed_on(state: State, day: date) -> frozenset[str]:
    """Ids of the organisations that are closed that day."""
    return frozenset(
        name.split("/")[1]
        for name in state
        if name.startswith(_CLOSED) and name.endswith(f"/{day}") and state[name]["closed"]
    )


def snapshot(state: State, kitchen: Kitchen, day: date) -> Snapshot | None:
    """What the kitchen was last told of a day; None if nothing."""
    kept = state.get(f"{_DAY}{kitchen.id}/{day}")
    return None if kept is None else Snapshot.model_validate(kept)


def snapshots(state: State, kitchen: Kitchen) -> list[Snapshot]:
    """What the kitchen was last told, by day."""
    prefix = f"{_DAY}{kitchen.id}/"
    found = [Snapshot.model_validate(state[name]) for name in state if name.startswith(prefix)]
    return sorted(found, key=lambda told: told.day)


def keep_snapshot(state: MutableMapping[str, Any], told: Snapshot) -> None:
    state[f"{_DAY}{told.kitchen}/{told.day}"] = told.model_dump(mode="json")


def queue(state: MutableMapping[str, Any], address: str, told: Snapshot, at: datetime) -> None:
    """Keep that an address is to be told of a day. What waited there of an earlier revision is told by this one."""
    state[f"{_mail(address, told.kitchen)}{told.day}"] = {"revision": told.revision, "at": at.isoformat()}


def queued(state: State, address: str, kitchen: Kitchen) -> list[tuple[str, Snapshot, datetime]]:
    """(name, what to tell, when that was decided) of the days that an address waits to be told of."""
    prefix = _mail(address, kitchen.id)
    names = sorted(name for name in state if name.startswith(prefix))
    waiting = [(name, snapshot(state, kitchen, date.fromisoformat(name.removeprefix(prefix)))) for name in names]
    return [(name, told, datetime.fromisoformat(state[name]["at"])) for name, told in waiting if told is not None]


def mark_sending(state: MutableMapping[str, Any], names: Iterable[str]) -> None:
    """Keep that mail is about to be sent, and may have been after a crash."""
    for name in names:
        if "sending" not in state[name]:
            state[name] = {**state[name], "sending": True}


def forget_past(state: MutableMapping[str, Any], now: datetime) -> None:
    """Drop what no count to come can need."""
    today, midnight = now.astimezone(SCHOOL).date().isoformat(), _start_of(now)
    for name in list(state):
        if name.startswith(_ABSENCE):
            past = datetime.fromisoformat(state[name]["end"]) <= midnight
        else:
            past = name.rsplit("/", 1)[1] < today
        if past:
            del state[name]


def organisation_of(data: Mapping[str, Any]) -> str | None:
    reference = data.get("organisation")
    return reference["id"].lower() if isinstance(reference, Mapping) and "id" in reference else None


def _mail(address: str, kitchen: str) -> str:
    return f"{_MAIL}{hashlib.sha256(address.encode()).hexdigest()[:32]}/{kitchen}/"


def _away(kept: Mapping[str, Any] | None) -> Away | None:
    if kept is None or "student" not in kept:
        return None
    start, end = datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"])
    return Away(kept["student"], start, end, kept["organisation"])


def _is_older(event: Event, kept: Mapping[str, Any] | None) -> bool:
    """Whether a newer event of the same thing was seen: repeats and replays come in any order."""
    before = kept.get("sequence") if kept is not None else None
    return event.sequence is not None and before is not None and event.sequence < before


def _start_of(now: datetime) -> datetime:
    return instant(now.astimezone(SCHOOL).date(), time(0))
