"""Which connectors are installed: discovery through entry points, and the event types that vendors add.

Each package is asked once, at start, separately from the others, after it has been tried in a process of its own
(`plugins.trial`). A package that cannot be imported, hangs, raises an error or offers a broken class is named in
`problems` and left out; the others are used. Where two packages offer the same name, neither is used, since running
either of them would be a guess; the built-in connectors keep their names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any

import pluggy

from plugins import hookspecs
from plugins.bounded import validator_without_code
from plugins.connector import Connector, ConnectorConfig
from plugins.errors import ConfigurationError
from plugins.hookspecs import ENTRY_POINT_GROUP, PROJECT
from plugins.level import measured
from plugins.packages import Offer, find
from plugins.sdk import MAJOR, declared, refusal
from plugins.texts import NOTHING, Text
from plugins.timers import daily_timers_of, moment_timers_of
from plugins.trial import Settings, Trials, cant_load
from plugins.validation import runs_own_code, validate_class, validate_event_type
from schemas import CORE_TYPES, Catalogue, Payload, core_catalogue

__all__ = [
    "ConnectorInfo",
    "PackageChange",
    "PluginProblem",
    "Plugins",
    "PluginsError",
    "UnknownConnector",
    "has_vendors_code",
    "validate_class",
]


class PluginsError(ConfigurationError):
    """Classes that a test gives by hand can't be run together."""


class UnknownConnector(KeyError):
    """No installed package offers a connector of this name. `str()` lists what is installed and what failed to load."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a package, or one class of it, was left out. `plugin` is `<distribution> (<entry point>)`."""

    plugin: str
    says: str
    sv: str = ""  # the same in Swedish; empty where only the vendor can act on it
    names: frozenset[str] = frozenset()  # names of connectors that can't be used because of it, as far as known

    @property
    def text(self) -> Text:
        return Text(f"{self.plugin}: {self.sv or self.says}", f"{self.plugin}: {self.says}")

    def __str__(self) -> str:
        return self.text.en


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package that was installed, upgraded or removed since this process loaded it."""

    package: str
    was: str  # the version that is loaded; empty if it was not installed
    now: str  # the version that is installed; empty if it has been removed


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    """One connector as `skolnav plugins` shows it."""

    name: str
    distribution: str
    version: str
    summary: Text  # the class's own, or the first line of its docstring; empty if it has none
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    purpose: Text  # of the class's contract
    legal_basis: Text
    categories: tuple[str, ...]
    aggregates: bool
    effect: str
    timers: tuple[str, ...]
    settings: Mapping[str, Text]  # configuration key -> its description
    level: str  # that its vendor has measured of this code; empty if there is none
    sdk: str  # the versions of the SDK that the package declares


@dataclass(slots=True, kw_only=True)
class _Package:
    """What one entry point offers."""

    offer: Offer
    connectors: list[type[Connector[Any]]] = field(default_factory=list)
    types: list[type[Payload]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.offer.package


class Plugins:
    """The connectors and event types of all packages. Make it with `load` or, in tests, with `of`."""

    def __init__(
        self,
        packages: Iterable[_Package],
        problems: Iterable[PluginProblem] = (),
        *,
        loaded: Sequence[Offer] | None = None,
        trials: Trials | None = None,
    ) -> None:
        self.problems: list[PluginProblem] = list(problems)
        self._catalogue = core_catalogue()
        self._types: list[type[Payload]] = []
        self._owners: dict[str, _Package] = {}  # by event type
        self._offered: dict[str, tuple[type[Connector[Any]], _Package]] = {}
        self._loaded = loaded  # None: classes were given, nothing was looked for
        self._trials = trials  # whose processes wait for settings, until `examine`
        packages = sorted(packages, key=lambda package: not package.offer.built_in)
        self._register_types(packages)
        self._register_connectors(packages)

    @classmethod
    def load(cls, *, then_examine: bool = False) -> "Plugins":
        """Find and load what is installed in the group `skolnav.connectors`. Takes a bounded time.

        `then_examine`: the caller will call `examine`. The processes that try the packages then wait for it, so that
        each package is tried once.
        """
        found = find()
        problems = [
            PluginProblem(folder, "its metadata can't be read", "paketets metadata går inte att läsa")
            for folder in found.unreadable
        ]
        packages: list[_Package] = []
        wrong = {offer: says for offer in found.offers if (says := refusal(offer.point))}
        trials = Trials()
        wrong |= trials.load([offer for offer in found.offers if not offer.built_in and offer not in wrong])
        if not then_examine:
            trials.close()
        for offer in found.offers:
            says = wrong.get(offer)
            if says is None:
                try:
                    packages.append(_asked(offer))
                    continue
                except KeyboardInterrupt:
                    raise  # the trial has shown that the package raises none: it is the user's
                except BaseException as error:  # a failure of one package must not end the others
                    says = cant_load(error)
            problems.append(PluginProblem(offer.package, says.en, says.sv, _names_of(offer)))
        return cls(packages, problems, loaded=found.offers, trials=trials if then_examine else None)

    @classmethod
    def of_offer(cls, offer: Offer) -> "Plugins":
        """Load one package alone, in a trial. Raises what the package raises."""
        return cls([_asked(offer)])

    @classmethod
    def of(cls, *connectors: type[Connector[Any]], event_types: Sequence[type[Payload]] = ()) -> "Plugins":
        """Just these classes, as if one package offered them: for tests. Raises PluginsError if one can't be run.

        Types that the classes name and that are not in the core need not be given.
        """
        core = {model.spec.type for model in CORE_TYPES}
        named = [model for connector in connectors for model in (*connector.consumes, *connector.produces)]
        types = dict.fromkeys([*event_types, *(model for model in named if model.spec.type not in core)])
        plugins = cls([_Package(offer=_GIVEN, connectors=list(connectors), types=list(types))])
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

    def broken(self, name: str) -> Text | None:
        """Why no connector of this name can be used although its package is installed; None if that is not known."""
        found = [problem.text for problem in self.problems if name in problem.names]
        return Text("; ".join(each.sv for each in found), "; ".join(each.en for each in found)) if found else None

    def examine(self, settings: Iterable[Settings]) -> dict[str, Text]:
        """Let each package examine the settings of its instances, in a process of its own unless it is built in.

        Returns, by instance, why the package can't use them, except what its model says of single settings.
        """
        wanted: dict[Offer, list[Settings]] = {}
        for each in settings:
            if each.use in self._offered:
                offer = self._offered[each.use][1].offer
                if offer is not _GIVEN and not offer.built_in:
                    wanted.setdefault(offer, []).append(each)
        trials, self._trials = self._trials or Trials(), None
        try:
            return trials.examine(wanted)
        finally:
            trials.close()

    def package(self, name: str) -> str:
        """The distribution and version that a connector comes from; empty if it is not installed."""
        if name not in self._offered:
            return ""
        offer = self._offered[name][1].offer
        return f"{offer.distribution} {offer.version}".strip()

    def built_in(self, name: str) -> bool:
        """Whether a connector is part of Skolnav, or was given by a test. Raises KeyError."""
        offer = self._offered[name][1].offer
        return offer is _GIVEN or offer.built_in

    def changes(self) -> list[PackageChange]:
        """The packages that are installed in another version or build than this process has loaded."""
        if self._loaded is None:
            return []
        was = {each.distribution: each for each in self._loaded}
        now = {each.distribution: each for each in find().offers}
        return [
            PackageChange(
                package=name,
                was=was[name].version if name in was else "",
                now=now[name].version if name in now else "",
            )
            for name in sorted(was.keys() | now.keys())
            if name not in was or name not in now or _build(was[name]) != _build(now[name])
        ]

    def types_with_code(self) -> dict[str, list[str]]:
        """By package, its event types with rules in code of the package, which the hub leaves out."""
        found: dict[str, list[str]] = {}
        for model in self._types:
            if runs_own_code(model) and not (offer := self._owners[model.spec.type].offer).built_in:
                found.setdefault(offer.package, []).append(model.spec.type)
        return found

    def event_types(self) -> Sequence[type[Payload]]:
        """The types that vendors add to the core's."""
        return tuple(self._types)

    def catalogue(self) -> Catalogue:
        """The types of the core and of all vendors, one catalogue for the whole hub."""
        return self._catalogue

    def describe(self) -> list[ConnectorInfo]:
        """All installed connectors, in the order of their names."""
        return [_info(*self._offered[name]) for name in self.names()]

    def _register_types(self, packages: Iterable[_Package]) -> None:
        owners = self._owners
        offered = [(package, model) for package in packages for model in package.types]
        sound: list[tuple[_Package, type[Payload]]] = []
        clashing: set[str] = set()
        for package, model in offered:
            if says := _guarded(_type_problems, model):
                self.problems += [PluginProblem(package.name, one) for one in says]
                continue
            name = model.spec.type
            if name in owners and owners[name] is not package:
                clashing.add(name)
                self.problems.append(_clash("event type", "händelsetypen", name, owners[name], package, ()))
                continue
            owners[name] = package
            sound.append((package, model))
        for package, model in sound:
            if model.spec.type in clashing:
                continue
            if says := _guarded(partial(self._registered, package), model):
                self.problems += [PluginProblem(package.name, one) for one in says]
            else:
                self._types.append(model)

    def _registered(self, package: _Package, model: type[Payload]) -> list[str]:
        # In a trial, in the process of a connector and in a vendor's tests, all of the type's functions may run.
        in_the_hub = self._loaded is not None and not package.offer.built_in
        try:
            self._catalogue.register(model, validator_without_code(model) if in_the_hub else None)
        except ValueError as error:
            return [str(error)]
        return []

    def _register_connectors(self, packages: Iterable[_Package]) -> None:
        clashing: set[str] = set()
        for package in packages:
            for cls in package.connectors:
                if says := _guarded(self._wrong_with, cls):
                    name = vars(cls).get("name") if isinstance(cls, type) else None
                    names = frozenset({name} if isinstance(name, str) else ())
                    self.problems += [PluginProblem(package.name, one, names=names) for one in says]
                elif cls.name not in self._offered:
                    self._offered[cls.name] = (cls, package)
                else:
                    owner = self._offered[cls.name][1]
                    if not owner.offer.built_in:
                        clashing.add(cls.name)
                    without = () if owner.offer.built_in else (cls.name,)
                    self.problems.append(_clash("connector", "kopplingen", cls.name, owner, package, without))
        for name in clashing:
            del self._offered[name]

    def _wrong_with(self, cls: type[Connector[Any]]) -> list[str]:
        return validate_class(cls) or [
            f"{cls.__module__}.{cls.__qualname__}: {model.spec.type} is in no catalogue; "
            "offer it by the hook skolnav_event_types"
            for model in (*cls.consumes, *cls.produces)
            if model.spec.type not in self._catalogue
        ]


_GIVEN = Offer(EntryPoint("given", "", ENTRY_POINT_GROUP), "(given)", "")


def _names_of(offer: Offer) -> frozenset[str]:
    """The names that the connectors of a package which can't be asked probably have: the scaffold's are the same."""
    return frozenset({offer.point.name, offer.distribution.lower().replace("_", "-")})


def _build(offer: Offer) -> tuple[str, str]:
    return offer.version, offer.files


def _clash(what: str, swedish: str, name: str, one: _Package, other: _Package, names: Iterable[str]) -> PluginProblem:
    """Two packages offer the same name. `names`: the connectors that are left out because of it."""
    both = (one.name, other.name)
    return PluginProblem(
        other.name,
        f"{what} {name} by {' and '.join(both)}: uninstall one of the packages, or ask its vendor to rename it",
        f"{swedish} {name} finns i {' och '.join(both)}: avinstallera ett av paketen, eller be leverantören byta namn",
        frozenset(names),
    )


def _type_problems(model: Any) -> list[str]:
    says = validate_event_type(model)
    return [] if says is None else [says]


def _guarded(examine: Callable[[Any], list[str]], offered: Any) -> list[str]:
    """What `examine` says is wrong; a failure of the vendor's code under it is wrong too."""
    try:
        return examine(offered)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [cant_load(error).en]


_vendors: set[str] = set()  # the packages that are not built in and that this process has imported


def has_vendors_code() -> bool:
    """Whether this process has imported a package that is not built in.

    Such a package may have registered functions for the interpreter's end that never return.
    """
    return bool(_vendors)


def _asked(offer: Offer) -> _Package:
    package = _Package(offer=offer)
    if not offer.built_in:
        _vendors.add(offer.package)
    _ask(offer.point.load(), package)
    return package


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


def _english(text: str) -> Text:
    """A text that its author gives in English alone, which is better than none."""
    return Text(text, text)


def _both(say: Callable[[str], str]) -> Text:
    return Text(say("sv"), say("en"))


def _described(model: type[ConnectorConfig]) -> dict[str, Text]:
    swedish: dict[str, str] = {}
    for base in reversed(model.__mro__):
        swedish |= vars(base).get("swedish", {})
    described = {name: info.description or "" for name, info in model.model_fields.items()}
    return {name: Text(swedish.get(name, english), english) for name, english in described.items()}


def _info(cls: type[Connector[Any]], package: _Package) -> ConnectorInfo:
    return ConnectorInfo(
        name=cls.name,
        distribution=package.offer.distribution,
        version=package.offer.version,
        summary=cls.summary or _english((cls.__doc__ or "").strip().partition("\n")[0]),
        consumes=tuple(model.spec.type for model in cls.consumes),
        produces=tuple(model.spec.type for model in cls.produces),
        purpose=_both(cls.contract.purpose_in) if cls.contract else NOTHING,
        legal_basis=_both(cls.contract.legal_basis_in) if cls.contract else NOTHING,
        categories=tuple(sorted(cls.contract.categories)) if cls.contract else (),
        aggregates=cls.aggregates,
        effect=cls.effect.value,
        timers=(*daily_timers_of(cls), *sorted(moment_timers_of(cls))),
        settings=_described(cls.config_model),
        level=measured(cls),
        sdk=", ".join(declared(package.offer.point)) or str(MAJOR),
    )
