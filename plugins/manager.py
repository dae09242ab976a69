"""Which connectors are installed: discovery through entry points, and the event types that vendors add.

Each package is asked once, at start, separately from the others. A package that cannot be imported, raises an error or
offers a broken class is named in `problems` and left out; the others are used. Two packages that offer the same name
are an error, since running either of them would be a guess.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from plugins import hookspecs
from plugins.connector import Connector
from plugins.errors import ConfigurationError
from plugins.hookspecs import ENTRY_POINT_GROUP, PROJECT
from plugins.sdk import refusal
from plugins.timers import daily_timers_of, moment_timers_of
from plugins.validation import validate_class, validate_event_type
from schemas import Catalogue, Payload, core_catalogue

__all__ = ["ConnectorInfo", "PluginProblem", "Plugins", "PluginsError", "UnknownConnector", "validate_class"]


class PluginsError(ConfigurationError):
    """Two installed packages offer the same name: nothing is loaded until one of them is removed or renamed."""


class UnknownConnector(KeyError):
    """No installed package offers a connector of this name. `str()` lists what is installed and what failed to load."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a package, or one class of it, was left out. `plugin` is `<distribution> (<entry point>)`."""

    plugin: str
    says: str
    sv: str = ""  # the same in Swedish; empty where there is no Swedish text

    def __str__(self) -> str:
        return f"{self.plugin}: {self.says}"


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    """One connector as `skolnav plugins` shows it."""

    name: str
    distribution: str
    version: str
    summary: str  # the first line of the class's docstring; empty if it has none
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    categories: tuple[str, ...]  # of the class's contract
    aggregates: bool
    effect: str
    timers: tuple[str, ...]
    settings: Mapping[str, str]  # configuration key -> its description


@dataclass(slots=True, kw_only=True)
class _Package:
    """What one entry point offers."""

    name: str
    distribution: str
    version: str
    connectors: list[type[Connector[Any]]] = field(default_factory=list)
    types: list[type[Payload]] = field(default_factory=list)


class Plugins:
    """The connectors and event types of all packages. Make it with `load` or, in tests, with `of`."""

    def __init__(self, packages: Iterable[_Package], problems: Iterable[PluginProblem] = ()) -> None:
        self.problems: list[PluginProblem] = list(problems)
        self._catalogue = core_catalogue()
        self._types: list[type[Payload]] = []
        self._offered: dict[str, tuple[type[Connector[Any]], _Package]] = {}
        packages = list(packages)
        clashes = [*self._register_types(packages), *self._register_connectors(packages)]
        if clashes:
            raise PluginsError(
                "installed packages offer the same name",
                why="; ".join(clashes),
                fix="Uninstall one of the packages, or ask its vendor to rename it",
            )

    @classmethod
    def load(cls, entry_points: bool = True) -> "Plugins":
        """Find what is installed in the group `skolnav.connectors`. Raises PluginsError where names clash."""
        packages: list[_Package] = []
        problems: list[PluginProblem] = []
        for point in _installed() if entry_points else ():
            distribution = point.dist.name if point.dist else "unknown"
            package = _Package(
                name=f"{distribution} ({point.name})",
                distribution=distribution,
                version=point.dist.version if point.dist else "",
            )
            if says := refusal(point):  # before any code of the package runs
                problems.append(PluginProblem(package.name, says.en, says.sv))
                continue
            try:
                _ask(point.load(), package)
            except Exception as error:  # an error at the import of one package must not end the others
                # The text may be shown: no data from a school has been read yet, and "No module named" is what helps.
                problems.append(PluginProblem(package.name, f"can't be loaded: {type(error).__name__}: {error}"))
                continue
            packages.append(package)
        return cls(packages, problems)

    @classmethod
    def of(cls, *connectors: type[Connector[Any]], event_types: Sequence[type[Payload]] = ()) -> "Plugins":
        """Just these classes, as if one package offered them: for tests. Raises PluginsError if one can't be run.

        Types that the classes name and that are not in the core need not be given.
        """
        core = core_catalogue()
        named = [model for connector in connectors for model in (*connector.consumes, *connector.produces)]
        types = dict.fromkeys([*event_types, *(model for model in named if model.spec.type not in core)])
        package = _Package(
            name="(given)", distribution="(given)", version="", connectors=list(connectors), types=list(types)
        )
        plugins = cls([package])
        if plugins.problems:
            raise PluginsError("connectors can't be run", why="; ".join(problem.says for problem in plugins.problems))
        return plugins

    def connector(self, name: str) -> type[Connector[Any]]:
        """The class behind `use: <name>`. Raises UnknownConnector (a KeyError)."""
        try:
            return self._offered[name][0]
        except KeyError:
            text = f"no installed package offers a connector {name!r}; installed: {', '.join(self.names()) or 'none'}"
            if self.problems:
                text += f". Left out: {'; '.join(map(str, self.problems))}"
            raise UnknownConnector(text) from None

    def names(self) -> list[str]:
        return sorted(self._offered)

    def event_types(self) -> Sequence[type[Payload]]:
        """The types that vendors add to the core's."""
        return tuple(self._types)

    def catalogue(self) -> Catalogue:
        """The types of the core and of all vendors, one catalogue for the whole hub."""
        return self._catalogue

    def describe(self) -> list[ConnectorInfo]:
        """All installed connectors, in the order of their names."""
        return [_info(*self._offered[name]) for name in self.names()]

    def _register_types(self, packages: Iterable[_Package]) -> Iterator[str]:
        owners: dict[str, str] = {}
        for package in packages:
            for model in package.types:
                says = validate_event_type(model)
                if says is None and model.spec.type in owners:
                    yield f"event type {model.spec.type} by {owners[model.spec.type]} and {package.name}"
                    continue
                if says is None:
                    try:
                        self._catalogue.register(model)
                    except ValueError as error:
                        says = str(error)
                if says is not None:
                    self.problems.append(PluginProblem(package.name, says))
                    continue
                owners[model.spec.type] = package.name
                self._types.append(model)

    def _register_connectors(self, packages: Iterable[_Package]) -> Iterator[str]:
        for package in packages:
            for cls in package.connectors:
                says = validate_class(cls) or [
                    f"{cls.__module__}.{cls.__qualname__}: {model.spec.type} is in no catalogue; "
                    "offer it by the hook skolnav_event_types"
                    for model in (*cls.consumes, *cls.produces)
                    if model.spec.type not in self._catalogue
                ]
                if says:
                    self.problems += [PluginProblem(package.name, one) for one in says]
                elif cls.name in self._offered:
                    yield f"connector {cls.name} by {self._offered[cls.name][1].name} and {package.name}"
                else:
                    self._offered[cls.name] = (cls, package)


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)


def _ask(plugin: object, package: _Package) -> None:
    """Call the hooks of one package in a manager of its own, since an error ends a hook call for all packages in it."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=package.name)
    manager.check_pending()  # without this a misspelt hook is ignored silently
    for offered in manager.hook.skolnav_connectors():
        package.connectors += offered
    for offered in manager.hook.skolnav_event_types():
        package.types += offered
    if not package.connectors and not package.types:
        raise ConfigurationError(
            "it offers nothing",
            fix="Decorate skolnav_connectors with @plugins.hookimpl in the module that the entry point names",
        )


def _info(cls: type[Connector[Any]], package: _Package) -> ConnectorInfo:
    return ConnectorInfo(
        name=cls.name,
        distribution=package.distribution,
        version=package.version,
        summary=(cls.__doc__ or "").strip().partition("\n")[0],
        consumes=tuple(model.spec.type for model in cls.consumes),
        produces=tuple(model.spec.type for model in cls.produces),
        categories=tuple(sorted(cls.contract.categories)) if cls.contract else (),
        aggregates=cls.aggregates,
        effect=cls.effect.value,
        timers=(*daily_timers_of(cls), *sorted(moment_timers_of(cls))),
        settings={name: info.description or "" for name, info in cls.config_model.model_fields.items()},
    )
