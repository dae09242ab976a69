"""Timers of a connector class: `@daily` methods are called each day, `@at_moment` methods when `tx.at` asked for it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice
from typing import Any, Final

from plugins.errors import ConfigurationError
from plugins.texts import Text

DailyMethod = Callable[[Any, datetime, bool], Awaitable[None]]
MomentMethod = Callable[[Any, datetime, bool, str], Awaitable[None]]

MOST_TIMES: Final = 1440  # times of day of one timer: one for each minute
_MARK: Final = "__skolnav_timer__"


@dataclass(frozen=True, slots=True)
class Daily:
    """A declaration: `times` gives the local times of day, from the configuration."""

    times: Callable[[Any], Iterable[time]]


@dataclass(frozen=True, slots=True)
class AtMoment:
    """A declaration: `tx.at(when, <the method's name>, key)` may name this method."""


def daily(times: Callable[[Any], Iterable[time]]) -> Callable[[DailyMethod], DailyMethod]:
    """Call a method `(self, due, complete)` each day at the local times that `times(config)` gives (Europe/Stockholm).

    The method runs after all events accepted before `due`; `complete` is False if some could not be handled within
    60 s. After downtime a missed timer runs once, with its own `due`. A repeated local time fires at the first, a
    missing one at the next valid minute. A crash may repeat a run with the same `due`.
    """

    def declare(method: DailyMethod) -> DailyMethod:
        setattr(method, _MARK, Daily(times))
        return method

    return declare


def at_moment(method: MomentMethod) -> MomentMethod:
    """Call a method `(self, due, complete, key)` at each moment that `tx.at(when, name, key)` has set for its name.

    The method runs once for each key, under the promises of `daily`: after all events accepted before `due`; after
    downtime with its own `due` and `complete` False; a crash may repeat a run. A run that raises TemporaryError is
    tried again. If the same key is set to another moment, or withdrawn, the earlier moment does not come.
    """
    setattr(method, _MARK, AtMoment())
    return method


def daily_timers_of(connector: type[Any]) -> Mapping[str, Daily]:
    """The declared daily timers by method name."""
    return {name: declared for name, declared in _declared(connector).items() if isinstance(declared, Daily)}


def times_of(connector: type[Any], config: Any) -> list[tuple[str, time]]:
    """(method, local time of day) of each daily timer of an instance; a time that is given twice counts once.

    Calls the vendor's functions, which may hang. Raises ConfigurationError if one raises or gives anything but times.
    """
    found = [
        (name, at) for name, declared in daily_timers_of(connector).items() for at in _times(name, declared, config)
    ]
    return list(dict.fromkeys(found))


def _times(name: str, declared: Daily, config: Any) -> list[time]:
    try:
        given: list[Any] = list(islice(declared.times(config), MOST_TIMES + 1))
    except BaseException as error:
        # Without the error's text, which may quote a setting.
        raise _no_times(name, Text(type(error).__name__, "it raised " + type(error).__name__)) from None
    if len(given) > MOST_TIMES:
        raise _no_times(name, Text(f"fler än {MOST_TIMES} tider", f"it gave more than {MOST_TIMES} times"))
    for each in given:
        if not isinstance(each, time) or each.tzinfo is not None:
            kind = type(each).__name__ if not isinstance(each, time) else "time with tzinfo"
            raise _no_times(name, Text(kind, "it gave a " + kind))
    return given


def _no_times(name: str, gave: Text) -> ConfigurationError:
    return ConfigurationError(
        Text(
            f"@daily för {name} ger inga klockslag (datetime.time utan tidszon), utan {gave.sv}",
            f"the function in @daily of {name} must give times of day (datetime.time without tzinfo); {gave.en}",
        ),
        code="times",
    )


def moment_timers_of(connector: type[Any]) -> frozenset[str]:
    """The names of the methods that `tx.at` may name."""
    return frozenset(name for name, declared in _declared(connector).items() if isinstance(declared, AtMoment))


def _declared(connector: type[Any]) -> dict[str, object]:
    """A subclass's method that is not decorated keeps the declaration of the one that it overrides."""
    found: dict[str, object] = {}
    for cls in reversed(connector.__mro__):
        for name, member in vars(cls).items():
            declared = getattr(member, _MARK, None)
            if declared is not None:
                found[name] = declared
    return found
