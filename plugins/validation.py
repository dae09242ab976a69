"""Whether a connector class can be run at all: what its declarations promise, checked before anything starts.

Every text says what to do, since a vendor reads it in the first minute with the hub.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from plugins.bounded import is_ours
from plugins.connector import Connector, ConnectorConfig, Effect
from plugins.errors import ConfigurationError
from plugins.texts import Text
from plugins.timers import daily_timers_of, moment_timers_of
from schemas import Aggregate, Catalogue, Category, DataContract, EventSpec, Payload, Ref
from schemas.catalogue import Field

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
VENDOR_TYPE: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9_-]+){2,}\.v[1-9][0-9]*\Z")
CORE_PREFIX: Final = "se.skolnav."

# From what sums over people may be made (docs/architecture.md, The gate), and what of them may be published.
AGGREGATE_INPUT: Final = frozenset(
    {Category.GROUP, Category.ATTENDANCE, Category.DIET, Category.AGGREGATE, Category.NONE}
)
AGGREGATE_OUTPUT: Final = frozenset({Category.AGGREGATE, Category.NONE})

# The coroutines that the hub calls, and how many arguments it gives them beside `self`.
_CALLED: Final[Mapping[str, int]] = {
    "start": 0,
    "handle": 1,
    "run": 0,
    "poll": 0,
    "receive": 1,
    "waiting": 0,
    "confirm": 1,
    "selftest": 0,
    "reconcile": 0,
    "stop": 0,
}

_ARGUMENT: Final = {"handle": "self and the event", "receive": "self and the request", "confirm": "self and the word"}


def validate_class(cls: Any) -> list[str]:
    """What is wrong with a connector class, each with what to do; empty if it can be run."""
    if not (isinstance(cls, type) and issubclass(cls, Connector)):
        return [f"{cls!r} is no subclass of plugins.Connector: return classes from skolnav_connectors, not instances"]
    return [f"{cls.__module__}.{cls.__qualname__}: {problem}" for problem in _problems(cls)]


def validate_event_type(model: Any) -> str | None:
    """What is wrong with a vendor's event type, with what to do; None if it can be registered."""
    if not (isinstance(model, type) and issubclass(model, Payload)):
        return f"{model!r} is no subclass of schemas.Payload"
    spec = getattr(model, "spec", None)
    if spec is None:
        return f"{model.__name__} has no `spec`: give it an EventSpec"
    if spec.type.startswith(CORE_PREFIX):
        return f"{model.__name__} is called {spec.type}: {CORE_PREFIX}* is the hub's own, use a prefix of yours"
    if not VENDOR_TYPE.match(spec.type):
        return f"{model.__name__} is called {spec.type}: name it like com.acme.kitchen.menu.v1"
    refs = (spec.subject, spec.key, *([spec.entity] if spec.entity is not None else []))
    if type(spec) is not EventSpec or any(type(ref) is not Ref for ref in refs):
        return f"{model.__name__}.spec must be an EventSpec with Refs, and no subclass of them: the hub calls them"
    if spec.aggregate is not None and type(spec.aggregate) is not Aggregate:
        return f"{model.__name__}.spec.aggregate must be an Aggregate, and no subclass of it: the hub calls it"
    return None


def runs_own_code(model: type[Payload]) -> bool:
    """Whether validating a type's data calls functions that neither pydantic nor the hub has written."""
    return any(not is_ours(each) for each in _functions(model.__pydantic_core_schema__))


def _functions(schema: Any) -> Iterator[Any]:
    """The functions that a core schema of pydantic names as validators, also inside."""
    if isinstance(schema, dict):
        if str(schema.get("type", "")).startswith("function-") and isinstance(schema.get("function"), dict):
            yield schema["function"]["function"]
        for name, each in schema.items():
            if name not in ("serialization", "metadata"):
                yield from _functions(each)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from _functions(each)


def poll_every_s(cls: type[Connector[Any]], config: ConnectorConfig) -> float | None:
    """Seconds between two polls of an instance; None if its class does not poll. Raises ConfigurationError."""
    if cls.poll is Connector.poll:
        return None
    every: Any = config.poll  # type: ignore[attr-defined]  # a class that polls has the field, see _config_problems
    seconds: Any = every.total_seconds() if isinstance(every, timedelta) else every
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ConfigurationError(
            Text(
                "`poll` ska vara ett antal sekunder eller en timedelta över 0",
                "`poll` must be a number of seconds or a timedelta above 0",
            ),
            code="poll",
        )
    return float(seconds)


def only_categories(data: Any, fields: Mapping[str, Field], allowed: frozenset[Category]) -> Iterator[str]:
    """The places in `data` that are of another category than `allowed`, or that the catalogue does not know.

    Places are names from the model. A name that the model does not know becomes `(unlisted)`, since it may be data.
    """
    for name, value in data.items() if isinstance(data, Mapping) else ():
        known = fields.get(name)
        if known is None:
            yield "(unlisted)"
        elif not known.categories <= allowed:
            yield name
        elif known.inside is not None:
            for item in value if isinstance(value, list) else (value,):
                yield from (f"{name}.{inner}" for inner in only_categories(item, known.inside, allowed))


def _problems(cls: type[Connector[Any]]) -> Iterator[str]:
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not NAME.match(name):
        yield 'has no usable `name`: lower-case letters, digits and single hyphens, for example name = "acme-kitchen"'
    for method, found in inspect.getmembers_static(cls):
        if getattr(found, "__isabstractmethod__", False):
            yield f"does not override `{method}`, which its base class leaves to it"
    yield from _config_problems(cls)
    yield from _contract_problems(cls)
    yield from _coroutine_problems(cls)
    effect: Any = cls.effect
    if not isinstance(effect, Effect):
        yield "`effect` must be one of Effect.IDEMPOTENT, Effect.VERIFIABLE, Effect.BLIND"
    if cls.start_from not in ("now", "oldest", "state"):
        yield '`start_from` must be "now", "oldest" or "state"'
    if cls.concurrency not in ("instance", "key"):
        yield '`concurrency` must be "instance" or "key"'
    words: Any = cls.problems
    if not isinstance(words, Mapping) or not all(
        isinstance(code, str) and isinstance(says, Text) for code, says in words.items()
    ):
        yield "`problems` must have a plugins.Text for each code"
    size: Any = cls.receive_limit
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        yield "`receive_limit` must be a number of bytes above 0"
    for limit in ("timeout_s", "poll_timeout_s", "receive_timeout_s"):
        value: Any = getattr(cls, limit)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            yield f"`{limit}` must be a number of seconds above 0"


def _config_problems(cls: type[Connector[Any]]) -> Iterator[str]:
    model = getattr(cls, "config_model", None)
    if not (isinstance(model, type) and issubclass(model, ConnectorConfig)):
        yield "has no `config_model`: a subclass of plugins.ConnectorConfig"
        return
    if model.model_config.get("extra") != "forbid":
        yield f'{model.__name__} must keep extra="forbid", so that a misspelt key is an error'
    if not model.model_config.get("hide_input_in_errors"):
        yield f"{model.__name__} must keep hide_input_in_errors=True, so that no secret turns up in an error"
    if cls.poll is not Connector.poll and "poll" not in model.model_fields:
        yield f"overrides poll(), but {model.__name__} has no field `poll` (seconds or timedelta) to say how often"


def _contract_problems(cls: type[Connector[Any]]) -> Iterator[str]:
    for attribute in ("consumes", "produces"):
        models: Any = getattr(cls, attribute)
        if not isinstance(models, tuple) or not all(
            isinstance(model, type) and issubclass(model, Payload) and hasattr(model, "spec") for model in models
        ):
            yield f"`{attribute}` must be a tuple of event types (subclasses of schemas.Payload with a `spec`)"
            return
    contract: Any = cls.contract
    if contract is not None and not isinstance(contract, DataContract):
        yield "`contract` must be made by plugins.Contract(purpose, basis, categories)"
        return
    if cls.consumes and cls.contract is None:
        yield "consumes events without a `contract`: say why, on which legal basis, and which categories it may see"
    if cls.consumes and cls.handle is Connector.handle:
        yield "consumes events, but does not override handle(event)"
    if cls.handle is not Connector.handle and not cls.consumes:
        yield "overrides handle(event), but `consumes` is empty"
    if cls.start_from == "state" and not any(model.spec.entity for model in cls.consumes):
        yield 'starts from "state", but none of the types that it consumes is state: use "now" or "oldest"'
    if cls.aggregates:
        yield from _aggregate_problems(cls)


def _aggregate_problems(cls: type[Connector[Any]]) -> Iterator[str]:
    if cls.contract is None:
        yield "is `aggregates` without a `contract`"
    elif more := sorted(cls.contract.categories - AGGREGATE_INPUT):
        yield f"is `aggregates`, so its contract can't have {', '.join(more)}: sums are made of group, attendance, diet"
    for model in cls.produces:
        try:
            entry = Catalogue([model]).entry(model.spec.type)
        except ValueError as error:
            yield str(error)
            continue
        bad = sorted(path for path, categories in entry.flat_fields() if not categories <= AGGREGATE_OUTPUT)
        if bad or model.spec.about or model.spec.mentions:
            what = ", ".join(bad) or "a person it is about or mentions"
            yield f"is `aggregates`, but {model.spec.type} can reveal one person ({what}): publish sums only"


def _coroutine_problems(cls: type[Connector[Any]]) -> Iterator[str]:
    for name, arguments in _CALLED.items():
        method = getattr(cls, name)
        if not inspect.iscoroutinefunction(method):
            yield f"{name}() must be `async def`; put blocking calls into `await self.ctx.blocking(...)`"
        elif not _takes(method, *[None] * arguments):
            yield f"{name}() must take {_ARGUMENT.get(name, 'only self')}"
    if (cls.waiting is Connector.waiting) is not (cls.confirm is Connector.confirm):
        yield "what is `waiting` can be confirmed, and nothing else: override both waiting() and confirm(word)"
    for name, declared in daily_timers_of(cls).items():
        method = getattr(cls, name)
        if not inspect.iscoroutinefunction(method) or not _takes(method, None, True):
            yield f"timer {name} must be `async def {name}(self, due: datetime, complete: bool)`"
        times: Any = declared.times
        if not callable(times):
            yield f"timer {name}: @daily takes a function of the configuration, for example lambda config: config.times"
    for name in sorted(moment_timers_of(cls)):
        method = getattr(cls, name)
        if not inspect.iscoroutinefunction(method) or not _takes(method, None, True, ""):
            yield f"timer {name} must be `async def {name}(self, due: datetime, complete: bool, key: str)`"


def _takes(method: Callable[..., Any], *arguments: object) -> bool:
    try:
        inspect.signature(method).bind(None, *arguments)
    except TypeError:
        return False
    return True
