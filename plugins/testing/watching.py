"""A connector class that notes what its calls do: the suites learn from it what a hub keeps to itself.

An operator must not see the text of an error, since it may quote data. The vendor must: the data of a test is invented.
"""

import asyncio
import functools
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from plugins.connector import Connector, Context
from plugins.timers import daily_timers_of, moment_timers_of
from schemas import Catalogue, Category, DataContract, Event, Payload
from schemas.catalogue import Field

_METHODS: Final = ("start", "handle", "run", "poll", "receive", "waiting", "confirm", "selftest", "reconcile", "stop")
_OURS: Final = tuple(str(Path(__file__).resolve().parents[2] / room) for room in ("hub", "plugins"))


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that raised. `says`: the error's class, text and innermost line. `took_s`: seconds until it raised."""

    call: str
    says: str
    error: BaseException = field(repr=False)
    took_s: float

    def __str__(self) -> str:
        return f"{self.call}() raised {self.says}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TimerRun:
    """One run of a timer. `key`: of a timer at a moment, None for a daily one. `at`: school time of the run."""

    name: str
    due: datetime
    complete: bool
    key: str | None
    at: datetime


@dataclass(slots=True)
class Watch:
    """What the calls of a watched class have done."""

    failures: list[Failure] = field(default_factory=list)
    timers: list[TimerRun] = field(default_factory=list)
    took: list[tuple[str, float]] = field(default_factory=list)  # call, seconds
    handled: int = 0  # calls of handle() that returned
    going: list[str] = field(default_factory=list)  # calls that have begun and not ended
    swallowed: list[str] = field(default_factory=list)  # calls that returned although they had been cancelled
    instances: list[Connector[Any]] = field(default_factory=list)
    run: Any = None  # the coroutine of the last run()
    left_tasks: list[str] = field(default_factory=list)  # tasks that still ran after stop()

    def longest(self, call: str) -> float:
        """Seconds of the longest call; of one that still runs, 0."""
        return max((seconds for name, seconds in self.took if name == call), default=0.0)


def watched(connector: type[Connector[Any]], watch: Watch, *, reconciles: bool = True) -> type[Connector[Any]]:
    """The class, which notes in `watch` what its calls do. It behaves as before, if need be without its reconcile()."""
    timers = {*daily_timers_of(connector), *moment_timers_of(connector)}
    own = [name for name in _METHODS if getattr(connector, name) is not getattr(Connector, name)]
    members: dict[str, Any] = {
        name: _noting(connector, getattr(connector, name), name, watch, timers) for name in {*own, *timers, "stop"}
    }

    def begin(self: Connector[Any], config: Any, ctx: Context) -> None:
        connector.__init__(self, config, ctx)
        watch.instances.append(self)

    members["__init__"] = begin
    if not reconciles:
        members["reconcile"] = Connector.reconcile
    # A connector in a process of its own runs as it is there, and what stands for it in the hub's process is watched.
    members |= {"_made_by": _as_it_is, "_watch": staticmethod(lambda there: _watch_calls(connector, watch, there))}
    return type(connector.__name__, (connector,), {**members, "__module__": connector.__module__})


def _as_it_is(connector: type[Connector[Any]]) -> type[Connector[Any]]:
    return connector


def _watch_calls(connector: type[Connector[Any]], watch: Watch, there: Any) -> None:
    """Note what the calls of an object do that stands for a connector."""
    timers = {*daily_timers_of(connector), *moment_timers_of(connector)}
    for name in {*_METHODS, *timers}:
        method = getattr(type(there), name, None) or functools.partial(_timer, name)
        setattr(there, name, functools.partial(_noting(connector, method, name, watch, timers), there))


async def _timer(name: str, there: Any, *arguments: Any) -> None:
    await there.timer(name, *arguments)


def _noting(
    connector: type[Connector[Any]], method: Callable[..., Any], name: str, watch: Watch, timers: set[str]
) -> Callable[..., Any]:
    @functools.wraps(method)
    async def noting(self: Connector[Any], *arguments: Any) -> Any:
        if name in timers:
            due, complete, *key = arguments
            at = self.ctx.clock.school()
            watch.timers.append(TimerRun(name=name, due=due, complete=complete, key=key[0] if key else None, at=at))
        begun = time.monotonic()
        watch.going.append(name)
        try:
            call = method(self, *arguments)
            if name == "run":
                watch.run = call
            result = await call
        except asyncio.CancelledError:
            raise
        except Exception as error:
            event = arguments[0] if name == "handle" else None
            watch.failures.append(Failure(name, _says(connector, error, event), error, time.monotonic() - begun))
            raise
        else:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                watch.swallowed.append(name)
            watch.handled += name == "handle"
            return result
        finally:
            watch.going.remove(name)
            watch.took.append((name, time.monotonic() - begun))
            if name == "stop":
                watch.left_tasks += _tasks_of_connector()

    return noting


def _says(connector: type[Connector[Any]], error: Exception, event: Event | None) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_OURS)] or list(frames)
    text = f"{type(error).__name__}: {error} ({Path(own[-1].filename).name}:{own[-1].lineno} {own[-1].name})"
    if isinstance(error, KeyError) and event is not None and error.args:
        text += taken_away(connector, event.type, str(error.args[0]))
    return text


def taken_away(connector: type[Connector[Any]], type: str, name: str) -> str:
    """Why an event of a type may lack a field: the categories of the field that the contract does not have."""
    model = next((each for each in connector.consumes if each.spec.type == type), None)
    contract = connector.contract
    if model is None or contract is None:
        return ""
    missing = sorted(
        {
            category.value
            for known in _named(Catalogue([model]).entry(type).fields, name)
            for category in known.categories - contract.categories
        }
    )
    if not missing:
        return ""
    return f". The hub took the field {name} away: the contract does not have the category {', '.join(missing)}"


def _named(fields: Any, name: str) -> list[Field]:
    found = [known for each, known in fields.items() if each == name]
    return found + [known for each in fields.values() if each.inside for known in _named(each.inside, name)]


def _tasks_of_connector() -> list[str]:
    """The tasks of this loop that neither the hub nor the test's clock has started, by the line that they are at."""
    found = []
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        code = getattr(coroutine, "cr_code", None)
        if task is asyncio.current_task() or code is None or code.co_filename.startswith(_OURS):
            continue
        found.append(f"{code.co_name} ({Path(code.co_filename).name}:{code.co_firstlineno})")
    return found


def without_timer(connector: type[Connector[Any]], name: str) -> type[Connector[Any]]:
    """The class, whose timer `name` does nothing."""

    async def nothing(self: Connector[Any], *_: Any) -> None:
        pass

    made_by = functools.partial(without_timer, name=name)
    return type(
        connector.__name__, (connector,), {name: nothing, "__module__": connector.__module__, "_made_by": made_by}
    )


def without_category(connector: type[Connector[Any]], category: Category) -> type[Connector[Any]]:
    """The class, whose contract does not have a category."""
    contract = connector.contract
    assert contract is not None
    less = DataContract(
        purpose=contract.purpose,
        legal_basis=contract.legal_basis,
        categories=contract.categories - {category},
        scope=contract.scope,
    )
    made_by = functools.partial(without_category, category=category)
    members = {"contract": less, "__module__": connector.__module__, "_made_by": made_by}
    return type(connector.__name__, (connector,), members)


def entity_of(event: Any, models: Any) -> tuple[str, str] | None:
    """(kind, id) of the entity that an event is about; None if its type has no entity."""
    model: type[Payload] | None = next((each for each in models if each.spec.type == event["type"]), None)
    if model is None or model.spec.entity is None:
        return None
    described = Catalogue([model]).describe(Event.from_dict(dict(event)))
    return (model.spec.entity.kind, described.entity) if described.entity else None


def lives_of(events: Sequence[Mapping[str, Any]], models: Sequence[type[Payload]]) -> list[list[Mapping[str, Any]]]:
    """The events of each entity, the entities in the order of their first events. Without an entity: of each type."""
    lives: dict[Any, list[Mapping[str, Any]]] = {}
    for event in events:
        lives.setdefault(entity_of(event, models) or event["type"], []).append(event)
    return list(lives.values())


def one_of_each(events: Sequence[Mapping[str, Any]], models: Sequence[type[Payload]]) -> list[Mapping[str, Any]]:
    """An event of each type, each about another entity: the last one of its entity, where a type has such a one."""
    found: dict[str, Mapping[str, Any]] = {}
    for life in lives_of(events, models):
        found.setdefault(life[-1]["type"], life[-1])
    for event in events:
        found.setdefault(event["type"], event)
    return list(found.values())
