"""Tells each far side what waits for it. One that refuses, or is slow, keeps none of the others from theirs.

A far side is a kitchen's system or, by mail, one of its addresses. What is told was kept before (`memory.put_to_tell`):
revision and rows, so that a repeat after a crash has the same name and the same bytes. The snapshots of a far side go
in their order, so that no older one comes after a newer one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.catering import words
from connectors.catering.client import Client, KitchenSide
from connectors.catering.config import Kitchen
from connectors.catering.mapping import event_data
from connectors.catering.memory import (
    ToTell,
    drop_older,
    forget_told,
    keep_snapshot,
    mark_telling,
    put_to_tell,
    renumber,
    to_tell,
)
from connectors.catering.snapshot import Row, Snapshot
from plugins import ConfigurationError, Context, PermanentError, SkolnavError, TemporaryError, Transaction
from plugins.texts import Text
from plugins.wires.files import Put
from schemas.meals import MealsCount
from schemas.school_time import SCHOOL_ZONE

# The connector passes over a name that other content has. After this many new revisions of one snapshot, which together
# pass over 255, the far side refuses the snapshot whatever its name: no further revision is made.
_MOST_REVISIONS: Final = 8
_AWAY: Final = frozenset({"unreachable", "slow", "sftp", "folder", "smtp", "smtp-421"})
_MOST_AWAY: Final = 3  # far sides in a row that can't be reached: the others would not be either
# A system may refuse a kitchen that it does not know as it refuses a login, and the kitchen of a probe likewise. Two
# kitchens and the probe are no chance; more tries with a wrong password could lock the account.
_ENOUGH_REFUSED: Final = 2
_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_WISH_S: Final = 3600.0
_MOST_NAMED: Final = 10


@dataclass(slots=True)
class _Failing:
    """A far side that could not be told; forgotten at a restart, which tries all of them again."""

    error: SkolnavError
    failures: int
    not_before: datetime  # machine time


class Teller:
    """The far sides of one transport. One call at a time."""

    def __init__(self, ctx: Context, client: Client, kitchens: Sequence[Kitchen]) -> None:
        self._ctx = ctx
        self._client = client
        self._kitchens = kitchens
        self._failing: dict[str, _Failing] = {}

    async def keep(
        self, kitchen: Kitchen, snapshot: Snapshot, news: Iterable[Row], as_of: datetime, *, scheduled: bool = False
    ) -> None:
        """Store a snapshot that all far sides of the kitchen are to get. `scheduled`: it comes at a report time.

        Its news is published once the kitchen has got it; at once by mail, since nothing shows whether a mail has
        arrived. It replaces what still waits for its day: a kitchen that refuses one revision gets the next.
        """
        news = list(news)
        sittings = {row.sitting for row in news}
        reported = sittings if scheduled else set[str]()
        async with self._ctx.commit() as tx:
            keep_snapshot(tx.state, snapshot)
            for to in self._client.sides(kitchen):
                waited = drop_older(tx.state, to.key, snapshot.day)
                counted = set[str]() if self._client.blind else sittings | waited.sittings
                # A report that a late change replaces before the kitchen has got it is still published as a report:
                # its absence would tell that something has changed.
                put_to_tell(tx.state, to.key, snapshot, counted, as_of, counted & (reported | waited.scheduled))
            if self._client.blind:
                _publish(tx, kitchen, snapshot, news, as_of, reported)

    async def send(self, *, within_s: float, patient: bool) -> Mapping[str, SkolnavError]:
        """Tell every far side what waits. Returns those that are behind, each with its error.

        After `within_s` the rest waits for the next call. `patient`: leave a far side alone that failed a moment ago.
        Raises ConfigurationError if the far sides refuse the hub as a whole (its key, certificate or login).
        """
        begun = self._ctx.clock.utc()
        sides = [to for kitchen in self._kitchens for to in self._client.sides(kitchen)]
        waiting = {to.name: found for to in sides if (found := to_tell(self._ctx.state, to.key))}
        if not waiting:
            return {}
        # The state shows what `handle` has staged a moment before the hub has made it durable. Waiting for a commit
        # of our own keeps what is told behind it.
        async with self._ctx.commit() as tx:
            mark_telling(tx.state, (each for found in waiting.values() for each in found))
        behind: dict[str, SkolnavError] = {}
        away, away_code = 0, ""
        refused: int | None = 0  # far sides in a row that refuse the login, key or certificate; None: not all do
        for to in sorted(sides, key=lambda each: each.name in self._failing):
            if to.name not in waiting:
                continue
            failing, now = self._failing.get(to.name), self._ctx.clock.utc()
            if (
                (now - begun).total_seconds() > within_s
                or away >= _MOST_AWAY
                or (failing and patient and now < failing.not_before)
            ):
                behind |= {to.name: failing.error} if failing else {}
                if away >= _MOST_AWAY and not failing:
                    self._ctx.far_side(to.name, away_code)
                continue
            try:
                unfit = await self._tell(to)
            except (ConfigurationError, TemporaryError) as error:
                behind[to.name] = error
                away, away_code = (away + 1, error.code) if error.code in _AWAY else (0, "")
                self._failed(to, error)
                if refused is not None and _may_be_of_all(error):
                    refused += 1
                    if refused == min(_ENOUGH_REFUSED, len(waiting)):
                        await self._check_transport(error)
                        refused = None
            else:
                away, refused = 0, None
                self._failing.pop(to.name, None)
                self._ctx.far_side(to.name, unfit)
        return behind

    async def _check_transport(self, error: SkolnavError) -> None:
        """Raise ConfigurationError if a question that concerns no kitchen is refused like `error` too."""
        try:
            await self._client.probe()
        except ConfigurationError as of_all:
            if of_all.code == error.code:
                raise
        except TemporaryError:
            pass  # nothing is known: each far side stands for itself

    def is_behind(self, kitchen: Kitchen) -> bool:
        return any(to_tell(self._ctx.state, to.key) for to in self._client.sides(kitchen))

    async def _tell(self, to: KitchenSide) -> str:
        """Tell one far side all that waits for it, in order, each with its events in the commit that forgets it.

        Returns why the last of it was refused for good; empty if it was accepted.
        """
        refused = ""
        while found := to_tell(self._ctx.state, to.key):
            waits, refused = found[0], ""
            try:
                became = await self._client.put(to, waits.snapshot, waits.as_of)
            except PermanentError as error:  # this one is refused for good: what comes later may be accepted
                self._ctx.problem(error.code, f"kitchen {to.name}: {error.why}")
                became, refused = Put.THERE, error.code
            if became is not Put.TAKEN:
                await self._told(to, waits)
                continue
            if waits.renumbered >= _MOST_REVISIONS:
                day = waits.snapshot.day
                raise words.FOLDER.temporary(words.NAMES_TAKEN, kitchen=to.name, day=day, many=_MOST_REVISIONS + 1)
            # Other content has the name. The kitchen may have read it, so it is never replaced.
            async with self._ctx.commit() as tx:
                renumber(tx.state, to.key, to.kitchen, waits.snapshot.day)
        return refused

    async def _told(self, to: KitchenSide, told: ToTell) -> None:
        async with self._ctx.commit() as tx:
            forget_told(tx.state, told)
            _publish(tx, to.kitchen, told.snapshot, told.news(), told.as_of, told.scheduled)

    def _failed(self, to: KitchenSide, error: SkolnavError) -> None:
        before = self._failing.get(to.name)
        if before is None or before.error.code != error.code:
            self._ctx.problem(error.code, f"kitchen {to.name}: {error}")
        failures = 1 if before is None else before.failures + 1
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)
        wish_s = (error.retry_after_s if isinstance(error, TemporaryError) else None) or 0.0
        not_before = self._ctx.clock.utc() + timedelta(seconds=max(pause_s, min(wish_s, _LONGEST_WISH_S)))
        self._failing[to.name] = _Failing(error, failures, not_before)
        self._ctx.far_side(to.name, error.code, not_before)


def _may_be_of_all(error: SkolnavError) -> bool:
    """Whether a refusal may concern the hub. A status that refuses a document concerns the kitchen that it is for."""
    return isinstance(error, ConfigurationError) and not error.code.startswith("http-")


def _publish(
    tx: Transaction,
    kitchen: Kitchen,
    snapshot: Snapshot,
    news: Iterable[Row],
    as_of: datetime,
    scheduled: Collection[str],
) -> None:
    """`scheduled`: the sittings whose order comes at a report time."""
    for row in news:
        is_report = row.sitting in scheduled
        data = event_data(kitchen, snapshot, row, as_of, scheduled=is_report)
        # Everyone who gets a report sees its time, which must not tell when something has changed since.
        time = snapshot.due if is_report else as_of
        tx.publish(MealsCount, data, time=time.astimezone(SCHOOL_ZONE), complete=row.complete)


def behind_error(behind: Mapping[str, SkolnavError]) -> TemporaryError:
    """The error for far sides that are behind: it names them, and says of the first why. The others got theirs."""
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
