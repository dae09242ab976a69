"""Tells each kitchen what waits for it. One that refuses, or is slow, keeps none of the others from theirs.

What is told was kept before (`memory.put_to_tell`): revision and rows, so that a repeat after a crash has the same name
and the same bytes. The snapshots of a kitchen go in their order, so that no older one comes after a newer one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.catering import words
from connectors.catering.client import Client
from connectors.catering.config import Kitchen
from connectors.catering.mapping import event_data
from connectors.catering.memory import ToTell, forget_told, mark_telling, renumber, to_tell
from plugins import ConfigurationError, Context, SkolnavError, TemporaryError
from plugins.texts import Text
from plugins.wires.files import Put
from schemas.meals import MealsCount
from schemas.school_time import SCHOOL_ZONE

# The connector passes over a name that other content has; this many in a row are no accident.
_MOST_TAKEN: Final = 50
_AWAY: Final = frozenset({"unreachable", "slow", "sftp", "folder"})
_MOST_AWAY: Final = 3  # kitchens in a row that can't be reached: the others would not be either
_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_WISH_S: Final = 3600.0
_MOST_NAMED: Final = 10


@dataclass(slots=True)
class _Failing:
    """A kitchen that could not be told; forgotten at a restart, which tries all of them again."""

    error: SkolnavError
    failures: int
    not_before: datetime  # machine time


class Teller:
    """The kitchens of one transport. One call at a time."""

    def __init__(self, ctx: Context, client: Client, kitchens: Sequence[Kitchen]) -> None:
        self._ctx = ctx
        self._client = client
        self._kitchens = kitchens
        self._failing: dict[str, _Failing] = {}

    async def send(self, *, within_s: float, patient: bool) -> Mapping[str, SkolnavError]:
        """Tell every kitchen what waits. Returns those that are behind, each with its error.

        After `within_s` the rest waits for the next call. `patient`: leave a kitchen alone that failed a moment ago.
        Raises ConfigurationError if the far side refuses the hub as a whole (its key, certificate or login).
        """
        begun = self._ctx.clock.utc()
        waiting = {kitchen.id: found for kitchen in self._kitchens if (found := to_tell(self._ctx.state, kitchen))}
        if not waiting:
            return {}
        # The state shows what `handle` has staged a moment before the hub has made it durable. Waiting for a commit
        # of our own keeps what is told behind it.
        async with self._ctx.commit() as tx:
            mark_telling(tx.state, (each for found in waiting.values() for each in found))
        behind: dict[str, SkolnavError] = {}
        away = 0
        for kitchen in sorted(self._kitchens, key=lambda each: each.id in self._failing):
            if kitchen.id not in waiting:
                continue
            failing, now = self._failing.get(kitchen.id), self._ctx.clock.utc()
            if (
                (now - begun).total_seconds() > within_s
                or away >= _MOST_AWAY
                or (failing and patient and now < failing.not_before)
            ):
                behind |= {kitchen.id: failing.error} if failing else {}
                continue
            try:
                await self._tell(kitchen)
            except (ConfigurationError, TemporaryError) as error:
                if isinstance(error, ConfigurationError):
                    await self._client.probe()  # raises if it is not this kitchen's own
                behind[kitchen.id] = error
                away = away + 1 if error.code in _AWAY else 0
                self._failed(kitchen, error)
            else:
                away = 0
                self._failing.pop(kitchen.id, None)
        return behind

    def is_behind(self, kitchen: Kitchen) -> bool:
        return bool(to_tell(self._ctx.state, kitchen))

    async def _tell(self, kitchen: Kitchen) -> None:
        """Tell one kitchen all that waits for it, in order, each with its events in the commit that forgets it."""
        taken = 0
        while found := to_tell(self._ctx.state, kitchen):
            waits = found[0]
            if await self._client.put(kitchen, waits.snapshot) is not Put.TAKEN:
                await self._told(kitchen, waits)
                continue
            taken += 1
            if taken >= _MOST_TAKEN:
                day = waits.snapshot.day
                raise words.FOLDER.temporary(words.NAMES_TAKEN, kitchen=kitchen.id, day=day, many=_MOST_TAKEN)
            # Other content has the name. The kitchen may have read it, so it is never replaced.
            async with self._ctx.commit() as tx:
                renumber(tx.state, kitchen, waits.snapshot.day)

    async def _told(self, kitchen: Kitchen, told: ToTell) -> None:
        async with self._ctx.commit() as tx:
            forget_told(tx.state, told)
            for row in told.news():
                data = event_data(kitchen, told.snapshot, row, told.as_of)
                tx.publish(MealsCount, data, time=told.as_of.astimezone(SCHOOL_ZONE), complete=row.complete)

    def _failed(self, kitchen: Kitchen, error: SkolnavError) -> None:
        before = self._failing.get(kitchen.id)
        if before is None or before.error.code != error.code:
            self._ctx.problem(error.code, f"kitchen {kitchen.id}: {error}")
        failures = 1 if before is None else before.failures + 1
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)
        wish_s = (error.retry_after_s if isinstance(error, TemporaryError) else None) or 0.0
        not_before = self._ctx.clock.utc() + timedelta(seconds=max(pause_s, min(wish_s, _LONGEST_WISH_S)))
        self._failing[kitchen.id] = _Failing(error, failures, not_before)


def behind_error(behind: Mapping[str, SkolnavError]) -> TemporaryError:
    """The error for kitchens that are behind: it names them, and says of the first why. The others got theirs."""
    first = next(iter(behind.values()))
    named = ", ".join(list(behind)[:_MOST_NAMED]) + (" ..." if len(behind) > _MOST_NAMED else "")
    return words.FOLDER.temporary(
        words.BEHIND,
        retry_after_s=first.retry_after_s if isinstance(first, TemporaryError) else None,
        many=len(behind),
        kitchens=named,
        first=Text(_literal(first.sv or str(first)), _literal(str(first))),
    )


def _literal(text: str) -> str:
    """For a text that is filled in: its braces mark no values."""
    return text.replace("{", "{{").replace("}", "}}")
