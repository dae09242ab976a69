"""The timers that one instance has set for a moment (`tx.at`), fired in the order of their due times.

One task for each instance, which wakes for the next moment, however many are pending. Moments that are due together
wait once for the events before them, and then run one after the other in the instance's turn.
"""

import asyncio
import heapq
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from hub.clock import from_us, to_us
from hub.hosting.connector_errors import NotRunning, code_of
from hub.hosting.firing import CAUGHT_UP_S, LATE_S, Firing, TimerTrouble
from hub.hosting.hosts import Hosts
from hub.hosting.moments import Moments
from hub.store.moments import Moment
from plugins.errors import PermanentError, PrivacyError

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class _Retry:
    """A moment whose last run failed."""

    moment: Moment
    failures: int
    error: str = ""  # the code of its last failure
    failed: datetime | None = None  # its first failure, machine time


class MomentTimers:
    """The timers at a moment of one instance of `hosts`.

    `was_down`: the hub was down until now. Then a moment that was loaded from the store was missed if it was due more
    than LATE_S ago.
    """

    def __init__(self, firing: Firing, *, hosts: Hosts, was_down: bool) -> None:
        self._firing = firing
        self._name = firing.instance
        self._clock = firing.clock
        self._hosts = hosts
        now = firing.clock.school()
        self._missed_before_us = to_us(now - timedelta(seconds=LATE_S)) if was_down else None
        self._running = False
        self._numbers = count()
        self._later: list[tuple[float, int, _Retry]] = []  # by machine time
        self._away_until: float | None = None  # machine time: the instance did not run when it was last tried
        self._away = 0  # times in a row that it did not run
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Fire each moment at its time, until cancelled."""
        while True:
            now = self._clock.school()
            if self._ready(now):
                await self._fire_all(now)
            else:
                await self._firing.wait(self._changed, self._seconds_to_next())

    def look(self) -> None:
        """School time was moved, the instance began anew, or it has set an earlier moment: look again what is due."""
        self._away_until = None
        self._changed.set()

    def quiet(self) -> bool:
        """Nothing is due that could run now."""
        return not self._running and not self._ready(self._clock.school())

    def troubles(self) -> list[TimerTrouble]:
        """By the name of the timer: the moments that are tried again, and those that are late."""
        found = [trouble for trouble in (self._failing(name) for name in sorted(self._names_later())) if trouble]
        due = self.next()
        late = None if due is None else self._firing.late("", due)
        if late is not None and (moments := self._moments()) is not None:
            found += [replace(late, name=name, runs=count) for name, count in moments.late(to_us(self._late())).items()]
        return found

    def _names_later(self) -> set[str]:
        return {retry.moment.name for _, _, retry in self._later}

    def _late(self) -> datetime:
        return self._clock.school() - timedelta(seconds=LATE_S + CAUGHT_UP_S)

    def _failing(self, name: str) -> TimerTrouble | None:
        moments = self._moments()
        mine = [
            (at, retry)
            for at, _, retry in self._later
            if retry.moment.name == name and moments is not None and moments.has(retry.moment)
        ]
        if not mine:
            return None
        first = min((retry for _, retry in mine), key=lambda retry: retry.failed or self._clock.utc())
        return TimerTrouble(
            name=name, state="failing", since=first.failed or self._clock.utc(), error=first.error,
            failures=max(retry.failures for _, retry in mine), next_try=self._firing.at(min(at for at, _ in mine)),
            runs=len(mine),
        )  # fmt: skip

    def next(self) -> datetime | None:
        """When the next moment is due that has not failed; None if there is none."""
        moments = self._moments()
        due_us = None if moments is None else moments.next_due_us()
        return None if due_us is None else from_us(due_us)

    def _moments(self) -> Moments | None:
        """Looked up each time, since the instance may be restarted. None: it is not open yet, or gone."""
        try:
            return self._hosts.instance(self._name).moments
        except KeyError:
            return None

    def _ready(self, now: datetime) -> bool:
        moments, machine = self._moments(), self._clock.monotonic()
        if moments is None or (self._away_until is not None and self._away_until > machine):
            return False
        due_us = moments.next_due_us()
        return (due_us is not None and due_us <= to_us(now)) or bool(self._later and self._later[0][0] <= machine)

    def _seconds_to_next(self) -> float | None:
        machine = self._clock.monotonic()
        if self._away_until is not None and self._away_until > machine:
            return self._away_until - machine
        due = self.next()
        waits = [] if due is None else [self._clock.machine_seconds_until(due)]
        if self._later:
            waits.append(self._later[0][0] - machine)
        return min(waits, default=None)

    async def _fire_all(self, now: datetime) -> None:
        """Run all moments that are due at `now`, after one wait for all events before `now`."""
        self._running = True
        try:
            handled = await self._firing.handled_before(now)
            while self._ready(now) and (moments := self._moments()) is not None:
                retry = self._take(moments, to_us(now))
                if retry is not None:
                    await self._fire(moments, retry, handled=handled)
        except Exception as error:
            self._pause(error)
        finally:
            self._running = False

    def _take(self, moments: Moments, until_us: int) -> _Retry | None:
        moment = moments.take(until_us)
        if moment is not None:
            return _Retry(moment=moment, failures=0)
        if self._later and self._later[0][0] <= self._clock.monotonic():
            retry = heapq.heappop(self._later)[2]
            if moments.has(retry.moment):
                return retry
        return None

    async def _fire(self, moments: Moments, retry: _Retry, *, handled: bool) -> None:
        moment = retry.moment
        missed = self._missed_before_us is not None and moment.loaded and moment.due_us < self._missed_before_us
        try:
            await self._hosts.instance(self._name).run_moment(moment, complete=handled and not missed)
        except (PermanentError, PrivacyError) as error:
            # The log gets the timer's name alone: key and due time may be about a person, as the end of an absence is.
            self._firing.given_up(moment.name, error)
        except (NotRunning, KeyError) as error:
            moments.put_back(moment)
            self._pause(error)
            return
        except Exception as error:
            retry.failures += 1
            retry.error, retry.failed = code_of(error), retry.failed or self._clock.utc()
            pause_s = self._firing.pause_s(error, retry.failures)
            self._firing.failed(moment.name, error, pause_s)
            heapq.heappush(self._later, (self._clock.monotonic() + pause_s, next(self._numbers), retry))
        except BaseException:  # cancelled: the timers end, the moment does not
            moments.put_back(moment)
            raise
        self._away = 0

    def _pause(self, error: Exception) -> None:
        """No moment can run now: the instance does not run, or is on its way out."""
        self._away += 1
        pause_s = self._firing.pause_s(error, self._away)
        self._away_until = self._clock.monotonic() + pause_s
        log.warning("%s: timers are due and can't run now: %s; next try in %.0f s", self._name, code_of(error), pause_s)
