"""What a connector's process is given at its start. The hub writes it, and the process reads it: pickle is safe."""

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from hub.clock import SystemClock
from hub.config.limits import Limits
from plugins.connector import Connector, ConnectorConfig
from plugins.timers import daily_timers_of, moment_timers_of

_ASKED: Final = ("poll", "run", "receive", "waiting", "selftest")  # the hub asks whether a class has them


@dataclass(frozen=True, slots=True)
class Settings:
    """An instance's settings as the file gives them; relative paths count from `folder`."""

    values: Mapping[str, Any] = field(repr=False)  # they may hold secrets
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """`config` is pickled apart, since its class can be found only when the path is known."""

    path: list[str]  # where modules are looked for
    instance: str
    tenant: str
    module: str
    cls: str
    distribution: str  # that the class comes from; empty for a class that a test has given
    made_by: list[Callable[[Any], Any]]  # what the test kit has made of the class, the last first
    limits: Limits
    log_level: int  # lines below it are not written
    clock: SystemClock | None  # None: a clock that a test moves, which the hub is asked for
    settings: Settings | None  # None: `config` is given instead
    names: list[str]  # of the state, in the order of their values

    def find(self) -> type[Connector[Any]]:
        """Import the class. Raises what the vendor's modules raise, ImportError, AttributeError."""
        importlib.invalidate_caches()  # the package may be newer than the fork server
        found: Any = importlib.import_module(self.module)
        for name in self.cls.split("."):
            found = getattr(found, name)
        for make in reversed(self.made_by):
            found = make(found)
        return found  # type: ignore[no-any-return]

    def package(self) -> str:
        """The distribution and its installed version."""
        return f"{self.distribution} {importlib.metadata.version(self.distribution)}" if self.distribution else ""

    def config(self, cls: type[Connector[Any]]) -> ConnectorConfig:
        """The settings as the class's own model reads them. Raises what the vendor's validators raise."""
        assert self.settings is not None
        context = {"folder": self.settings.folder, "instance": self.instance}
        return TypeAdapter(cls.config_model).validate_python(dict(self.settings.values), context=context)


def written(cls: type[Connector[Any]]) -> tuple[type[Connector[Any]], list[Callable[[Any], Any]]]:
    """The class in a module that a process can import, and what the test kit has made of it (`Beginning.made_by`)."""
    made_by = []
    while (make := vars(cls).get("_made_by")) is not None:
        made_by.append(make)
        cls = cls.__bases__[0]
    return cls, made_by


def is_found_again(cls: type[Connector[Any]]) -> bool:
    """Whether a process that imports by module and name gets this very class, with what the test kit made of it."""
    original, _ = written(cls)
    found: Any = importlib.import_module(original.__module__)
    for name in original.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is original


def declared(cls: type[Connector[Any]]) -> list[Any]:
    """What the hub goes by of a class, as JSON values: another version of it that differs here needs another hub."""
    contract = cls.contract
    return [
        cls.name,
        [model.spec.type for model in cls.consumes],
        [model.spec.type for model in cls.produces],
        None if contract is None else contract.model_dump(mode="json", exclude={"categories"}),
        [] if contract is None else sorted(contract.categories),
        [cls.aggregates, cls.effect, cls.start_from, cls.concurrency, cls.timeout_s, cls.poll_timeout_s],
        [cls.receive_limit, cls.receive_timeout_s],
        [list(daily_timers_of(cls)), sorted(moment_timers_of(cls))],
        [name for name in _ASKED if getattr(cls, name) is not getattr(Connector, name)],
    ]
