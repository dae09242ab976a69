"""Reads the configuration file and checks it as a whole: all errors at once, each with its line and what to write."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from pydantic import SecretBytes, TypeAdapter, ValidationError

from hub.config import key as root_key
from hub.config import risks, shape
from hub.config.findings import ConfigErrors, Finding, dotted
from hub.config.findings import Path as Place
from hub.config.model import (
    BackupSettings,
    ClientConfig,
    ConnectorEntry,
    ConnectorHead,
    FileModel,
    HubConfig,
    LeftOut,
    NamedFarSide,
    NamedId,
    Role,
    TracingSettings,
)
from hub.config.translate import hint, showable, translate, unknown
from hub.config.tree import Tree, Unreadable, text_of
from hub.outbound.addresses import Networks, networks
from hub.subscriptions.spec import NAME, SubscriptionSpec, WebhookSpec, nearest_type, problems
from hub.texts import Text, of_system
from plugins.connector import Connector, DirectoryId
from plugins.names import is_plain, looks_of
from plugins.texts import Text as PackageText
from plugins.trial import Settings, fault_of
from schemas import Catalogue, Category, DataContract
from schemas.contract import SCHOOL_TYPES

_LOOPBACK: Final = networks(("127.0.0.0/8", "::1/128"))
_HUBS_OWN: Final = frozenset(ConnectorHead.model_fields)


class PackageProblem(Protocol):
    @property
    def text(self) -> PackageText: ...


class PackageChange(Protocol):
    @property
    def package(self) -> str: ...

    @property
    def now(self) -> str:
        """The version that is installed; empty if the package has been removed."""


class InstalledConnectors(Protocol):
    """What this module needs of `plugins.manager.Plugins`."""

    @property
    def problems(self) -> Sequence[PackageProblem]:
        """Installed packages that can't be used."""

    def connector(self, name: str) -> type[Connector[Any]]:
        """Raises KeyError."""

    def names(self) -> list[str]: ...

    def built_in(self, name: str) -> bool: ...

    def broken(self, name: str) -> PackageText | None:
        """Why an installed connector can't be used; None if nothing is known of it."""

    def changes(self) -> Sequence[PackageChange]:
        """Packages that are installed in another version than the one that is loaded."""

    def types_with_code(self) -> Mapping[str, Sequence[str]]:
        """By package, its event types that are validated by code of the package."""

    def examine(self, settings: Iterable[Settings]) -> Mapping[str, PackageText]:
        """Why packages can't use their settings, by instance. Takes a bounded time."""

    def catalogue(self) -> Catalogue: ...


def load(
    path: str | os.PathLike[str],
    plugins: InstalledConnectors,
    *,
    environ: Mapping[str, str] = os.environ,
    at_start: bool = False,
) -> HubConfig:
    """Read and check a configuration file. Raises ConfigErrors with everything that is wrong.

    `at_start`: the hub starts with this configuration. What only keeps one connector from its work is then no error:
    the connector is in `HubConfig.left_out`, since no connector must keep the others from starting.

    Relative paths count from the file's folder. An error never holds a secret. It holds a value only if neither the
    value nor its key suggests that it is secret or personal.
    """
    path = Path(path)
    try:
        text = text_of(path)
    except Unreadable as fault:
        raise ConfigErrors([_whole(str(path), fault)]) from None
    except OSError as error:
        raise ConfigErrors(
            [Finding(file=str(path), line=None, path="", key="config.unreadable", values={"error": of_system(error)})]
        ) from None
    return parse(text, plugins, environ=environ, path=path, at_start=at_start)


def parse(
    text: str,
    plugins: InstalledConnectors,
    *,
    environ: Mapping[str, str],
    path: Path | None = None,
    at_start: bool = False,
) -> HubConfig:
    """Like `load`, for a text. Relative paths count from the folder of `path`; without one, from the current folder."""
    tree = Tree((path or Path("skolnav.yaml")).absolute().parent, environ)
    reader = _Reader(tree, plugins, str(path or "skolnav.yaml"), at_start=at_start)
    try:
        tree.read(text)
    except Unreadable as fault:
        raise ConfigErrors([_whole(reader.file, fault)]) from None
    return reader.config(path)


def _whole(file: str, fault: Unreadable) -> Finding:
    return Finding(file=file, line=fault.line, path="", key=fault.key, values=fault.values)


def slug(municipality: str) -> str:
    """`Östra Göinge` -> `ostra-goinge`: the tenant's name in tables, keys and topics."""
    plain = unicodedata.normalize("NFKD", municipality).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63]


class _Named(NamedTuple):
    """A client or subscription that is valid in itself, and its place in the file."""

    place: Place
    value: Any


class _Reader:
    def __init__(self, tree: Tree, plugins: InstalledConnectors, file: str, *, at_start: bool) -> None:
        self.file = file
        self._at_start = at_start
        self._tree = tree
        self._plugins = plugins
        self._catalogue = plugins.catalogue()
        self._errors: list[Finding] = []
        self._warnings: list[Finding] = []
        self._left_out: dict[str, LeftOut] = {}
        self._secrets: set[Place] = {("key",)}

    def config(self, path: Path | None) -> HubConfig:
        for place, name, values, line in self._tree.problems:
            self._errors.append(self._finding(place, name, values, line=line))
        data = self._tree.data
        if data is None:
            data = {}
        # A key without a value (`connectors:`) is the same as no key.
        top = {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data
        model = self._validated(FileModel, top, ())
        sections = top if isinstance(top, dict) else {}
        clients = self._list(sections, "clients", ClientConfig, "id")
        specs = self._list(sections, "subscriptions", SubscriptionSpec, "name")
        connectors = self._connectors(sections.get("connectors"))
        outbound: Networks = model.outbound.allow if model is not None else ()
        if sections.get("school_clock") is not None:
            outbound = _LOOPBACK
        self._check_clients(clients)
        self._check_subscriptions(specs, clients, outbound, sections)
        self._check_clock(sections, specs)
        if model is not None and model.tracing is not None:
            self._check_tracing(model.tracing, clock="school_clock" in sections)
        self._check_far_sides(connectors)
        if model is not None:
            self._check_sources(model, clients, connectors)
            self._check_sums(model)
        for problem in self._plugins.problems:
            self._warn(("connectors",), "warning.plugin", says=Text(*problem.text))
        for package, types in self._plugins.types_with_code().items():
            self._warn(("connectors",), "warning.type-code", package=package, types=", ".join(types))
        key = self._key(sections.get("key"))
        if model is not None and not slug(model.municipality):
            self._error(("municipality",), "config.pattern")
        elif model is not None and not is_plain(model.municipality):
            self._error(("municipality",), "config.not-plain")
        if self._errors or model is None:
            raise ConfigErrors(self._errors)
        self._warnings += [self._finding(*risk) for risk in self._risks(model, clients, specs)]
        return HubConfig(
            municipality=model.municipality,
            tenant=slug(model.municipality),
            data=self._tree.folder / model.data,
            host=model.listen[0],
            port=model.listen[1],
            trusted_proxies=model.trusted_proxies,
            path=None if path is None else path.absolute(),
            key=key,
            clients=tuple(each.value for each in clients),
            connectors=connectors,
            left_out=self._left_out,
            subscriptions=tuple(each.value for each in specs),
            directory=model.directory,
            sums=model.sums,
            outbound=tuple(outbound),
            retention=model.retention,
            disclosure_retention=model.disclosure_retention,
            dedupe_window=model.dedupe_window,
            alerts=model.alerts,
            log_level=model.log_level,
            log=model.log,
            backups=self._backups(model.backups),
            demo=model.demo,
            tracing=model.tracing,
            school_clock=model.school_clock,
            warnings=tuple(self._warnings),
        )

    # -- sections --------------------------------------------------------------------------------------------------

    def _list(self, sections: Mapping[str, Any], name: str, model: type[Any], naming: str) -> list[_Named]:
        """The items of a list that are valid in themselves. A repeated name is an error, and the first item counts."""
        items = sections.get(name)
        found: list[_Named] = []
        first: dict[str, Place] = {}
        for index, item in enumerate(items if isinstance(items, list) else ()):
            place: Place = (name, index)
            value = self._validated(model, item, place)
            called = item.get(naming) if isinstance(item, dict) else None
            if isinstance(called, str) and called:
                if called in first:
                    line = self._tree.line((*first[called], naming))
                    self._error((*place, naming), "config.duplicate", name=called, line=line)
                    continue
                first[called] = place
            if value is not None:
                found.append(_Named(place, value))
        return found

    def _connectors(self, section: Any) -> dict[str, ConnectorEntry]:
        items: dict[str, Any] = section if isinstance(section, dict) else {}
        faults = self._plugins.examine(
            Settings(name, item["use"], _own(item), self._tree.folder)
            for name, item in items.items()
            if isinstance(item, dict) and isinstance(item.get("use"), str)
        )
        found: dict[str, ConnectorEntry] = {}
        for name, item in items.items():
            if not NAME.match(name):
                self._error(("connectors", name), "config.name")
            head = self._head(item, ("connectors", name))
            if head is None:
                continue
            before = len(self._errors)
            entry = self._connector(head, item, ("connectors", name), faults.get(name))
            if self._at_start:
                self._leave_out(name, head.use, before)
            if entry is not None and name not in self._left_out:
                found[name] = entry
        return found

    def _leave_out(self, name: str, use: str, before: int) -> None:
        """Take back the errors since `before`, which concern one connector alone. A literal secret stays an error."""
        errors = self._errors[before:]
        if errors and all(each.key != "config.literal-secret" for each in errors):
            self._left_out[name] = LeftOut(use, tuple(errors))
            del self._errors[before:]

    def _head(self, item: Any, place: Place) -> ConnectorHead | None:
        """The hub's own keys of a connector."""
        if not isinstance(item, dict):
            self._error(place, "config.mapping")
            return None
        head: ConnectorHead | None = self._validated(
            ConnectorHead, {key: item[key] for key in _HUBS_OWN & item.keys()}, place
        )
        if head is None and isinstance(item.get("use"), str):
            self._connector(None, item, place, None)  # for the errors in its own keys
        return head

    def _class(self, use: str, place: Place) -> type[Connector[Any]] | None:
        try:
            return self._plugins.connector(use)
        except KeyError:
            if (*place, "use") in self._tree.unreadable:
                return None
        if (says := self._plugins.broken(use)) is not None:
            self._error((*place, "use"), "config.connector-broken", name=use, says=Text(*says))
            return None
        values = unknown(use, self._plugins.names())
        if changed := [f"{each.package} {each.now}" for each in self._plugins.changes() if each.now]:
            self._error((*place, "use"), "config.connector-restart", name=use, packages=", ".join(changed), **values)
        elif self._plugins.problems:  # one of them may be the package that is meant
            left_out = [problem.text for problem in self._plugins.problems]
            packages = Text(*("; ".join(says) for says in zip(*left_out, strict=True)))
            self._error((*place, "use"), "config.connector-left-out", name=use, packages=packages, **values)
        else:
            self._error((*place, "use"), "config.connector-unknown", name=use, **values)
        return None

    def _connector(
        self, head: ConnectorHead | None, item: Mapping[str, Any], place: Place, fault: PackageText | None
    ) -> ConnectorEntry | None:
        """`head` None: it has errors, and the connector's own keys are checked all the same.

        `fault`: why the package can't use the settings, by its trial in another process.
        """
        use = str(item["use"])
        cls = self._class(use, place)
        if cls is None:
            return None
        if fault is not None:
            self._error(place, "config.connector-broken", name=use, says=Text(*fault))
            return None
        own = _own(item)
        config = self._validated(cls.config_model, own, place, also_known=sorted(_HUBS_OWN), instance=str(place[-1]))
        if head is None or config is None:
            return None
        try:
            for where, says in config.warnings():
                self._warn((*place, *where), "warning.connector", says=Text(*says))
            ids = tuple(self._named_id(place, each) for each in config.directory_ids())
            sides = tuple(NamedFarSide((*place, *each.place), str(each.name)) for each in config.far_sides())
            words = frozenset(map(str, config.sum_words()))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a vendor's code
            self._error(place, "config.connector-failed", error=type(error).__name__)
            return None
        if (wrong := fault_of(cls, config)) is not None:
            self._error(place, "config.connector-broken", name=use, says=Text(*wrong))
            return None
        narrowed = None
        self._check_contract(place)
        if head.contract is not None:
            if cls.contract is None:
                self._error((*place, "contract"), "config.no-contract")
                return None
            narrowed = head.contract.of(cls.contract)
            if extra := sorted(narrowed.categories - cls.contract.categories):
                where = (*place, "contract", "categories")
                self._error(where, "config.connector-contract-wider", extra=", ".join(extra))
        if head.protected:
            self._warn((*place, "protected"), "warning.protected")
        self._check_exact(place, head.exact)
        if head.aggregates and cls.aggregates:
            self._warn((*place, "aggregates"), "warning.aggregates", types=_produced(cls))
        elif head.aggregates:
            self._error((*place, "aggregates"), "config.aggregates-needless", name=use)
        elif cls.aggregates:
            self._error(place, "config.aggregates", name=use, types=_produced(cls))
        isolation = head.isolation or self._isolation(use)
        given = head.limits.descriptors_given
        if isolation == "process" and given < head.limits.descriptors:
            self._warn((*place, "limits", "descriptors"), "warning.descriptors", given=given)
        return ConnectorEntry(
            use=use, cls=cls, config=config, contract=narrowed, corrects=head.corrects, protected=head.protected,
            exact=head.exact, aggregates=head.aggregates, sum_words=words, ids=ids, isolation=isolation,
            limits=head.limits, settings=(own, self._tree.folder),
            far_sides=sides,
        )  # fmt: skip

    def _isolation(self, use: str) -> Literal["process", "none"]:
        """Where a connector runs unless the file says it: only Linux can bound what a process uses."""
        return "none" if self._plugins.built_in(use) or sys.platform != "linux" else "process"

    def _named_id(self, place: Place, named: DirectoryId) -> NamedId:
        where = (*place, *named.place)
        unknown = self._finding(where, f"directory.unknown-{named.kind}", {"id": named.id})
        return NamedId(named.kind, named.id, unknown)

    def _backups(self, given: BackupSettings | None) -> BackupSettings | None:
        return given and given.model_copy(update={"folder": self._tree.folder / given.folder})

    def _key(self, given: Any) -> SecretBytes | None:
        if given is None:
            return None
        key = root_key.named(self._tree, given)
        if key is None:
            if ("key",) not in self._tree.unreadable:
                self._error(("key",), "config.key")
            return None
        return SecretBytes(key)

    # -- what must fit together ------------------------------------------------------------------------------------

    def _check_clients(self, clients: Iterable[_Named]) -> None:
        holders: dict[str, tuple[Place, str]] = {}
        for place, client in clients:
            for name in ("token", "previous_token"):
                # A reference that can't be read gives an empty token, and is an error of its own.
                if (token := getattr(client, name)) is None or not token.get_secret_value():
                    continue
                where = (*place, name)
                first, other = holders.setdefault(token.get_secret_value(), (where, client.id))
                if first != where:
                    self._error(where, "config.same-token", other=other, line=self._tree.line(first))
            if (client.previous_token is None) != (client.previous_token_until is None):
                endless = client.previous_token_until is None
                self._error(
                    (*place, "previous_token"), "config.until-missing" if endless else "config.until-of-nothing"
                )
            if Role.PUBLISHER in client.roles:
                if client.publishes is None:
                    self._warn(place, "warning.publishes-all")
                if client.sources is None:
                    self._warn(place, "warning.sources-all")
            for index, glob in enumerate(client.publishes or ()):
                if not self._catalogue.matching([glob]):
                    self._error((*place, "publishes", index), "config.types-nothing", hint="")
            self._check_contract(place)
            if client.contract is not None and _covers_all(client.contract):
                self._warn((*place, "contract"), "warning.no-scope")
            if client.protected:
                self._warn((*place, "protected"), "warning.protected")
            self._check_exact(place, client.exact)

    def _check_exact(self, place: Place, globs: Sequence[str]) -> None:
        for index, glob in enumerate(globs):
            types = [each for each in self._catalogue.matching([glob]) if self._has_sums(each)]
            if types:
                self._warn((*place, "exact", index), "warning.exact", types=", ".join(types))
            else:
                self._error((*place, "exact", index), "config.no-sums", hint=self._sums_hint())

    def _has_sums(self, type_: str) -> bool:
        return Category.AGGREGATE in self._catalogue.entry(type_).categories

    def _sums_hint(self) -> str:
        return ", ".join(each.type for each in self._catalogue if self._has_sums(each.type))

    def _check_sums(self, model: FileModel) -> None:
        for type_ in model.sums:
            if type_ not in self._catalogue or not self._has_sums(type_):
                self._error(("sums", type_), "config.no-sums", hint=self._sums_hint())
        undeclared = [
            each.type for each in self._catalogue if each.spec.aggregate is None and self._has_sums(each.type)
        ]
        if undeclared:
            self._warn(("connectors",), "warning.sums-undeclared", types=", ".join(undeclared))

    def _check_subscriptions(
        self, specs: Iterable[_Named], clients: Iterable[_Named], outbound: Networks, sections: Mapping[str, Any]
    ) -> None:
        """Check the names of clients and types as they are written, so that no other error in the item hides them."""
        by_id = {each.value.id: each.value for each in clients}
        ids = [item["id"] for item in _mappings(sections.get("clients")) if isinstance(item.get("id"), str)]
        items = sections.get("subscriptions")
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if not isinstance(item, dict):
                continue
            place: Place = ("subscriptions", index)
            self._check_client(item.get("client"), by_id, ids, (*place, "client"))
            self._check_contract(place)
            globs = item.get("types")
            for number, glob in enumerate(globs if isinstance(globs, list) else ()):
                if isinstance(glob, str) and not self._catalogue.matching([glob]):
                    near = nearest_type(glob, self._catalogue)
                    meant = hint(near, [near]) if near else ""
                    self._error((*place, "types", number), "config.types-nothing", hint=meant)
        for place, spec in specs:
            client = by_id.get(spec.client)
            if client is None or client.contract is None:
                continue
            for problem in problems(spec, client.contract, self._catalogue, outbound, in_file=True):
                if problem.key != "config.types-nothing":
                    self._error((*place, *problem.where), problem.key, **problem.values)
            if spec.contract is not None and _covers_all(spec.contract) and _covers_all(client.contract):
                self._warn((*place, "contract"), "warning.no-scope")

    def _check_client(self, id: Any, clients: Mapping[str, ClientConfig], ids: list[str], place: Place) -> None:
        if id is None:
            self._error(place, "config.missing-client")
        elif isinstance(id, str) and id not in ids:
            self._error(place, "config.client-unknown", client=id, **unknown(id, ids))
        elif isinstance(id, str) and id in clients and clients[id].contract is None:
            self._error(place, "config.client-no-contract", client=id)

    def _check_contract(self, place: Place) -> None:
        """Warn of a contract that is valid but probably a mistake: it would silently give the recipient nothing."""
        categories, types = (*place, "contract", "categories"), (*place, "contract", "scope", "school_types")
        if self._tree.at(categories) == []:
            self._warn(categories, "warning.no-categories")
        given = self._tree.at(types)
        for index, code in enumerate(given if isinstance(given, list) else ()):
            if isinstance(code, str) and code not in SCHOOL_TYPES:
                known = sorted(SCHOOL_TYPES)
                # Only a warning: the reform of 2023 has names that the standard's version 2.1 lacks.
                self._warn(
                    (*types, index), "warning.school-type", known=", ".join(known), hint=hint(code.upper(), known)
                )

    def _check_far_sides(self, connectors: Mapping[str, ConnectorEntry]) -> None:
        """No two instances of one connector have a far side of the same name: they would order twice."""
        first: dict[tuple[str, str], Place] = {}
        for entry in connectors.values():
            own: set[str] = set()
            for side in entry.far_sides:
                looks = looks_of(side.name)  # a person, a file system and a kitchen's system take them for one
                other = first.setdefault((entry.use, looks), side.place)
                if other[1] != side.place[1] and looks not in own:
                    values = {"name": side.name, "other": dotted(other), "line": self._tree.line(other) or 0}
                    self._refuse(side.place, "config.same-far-side", **values)
                own.add(looks)

    def _check_sources(
        self, model: FileModel, clients: Iterable[_Named], connectors: Mapping[str, ConnectorEntry]
    ) -> None:
        """Each of `directory.sources` is what a connector or a client publishes as: else persons wait for nothing."""
        if self._left_out or any(each.path.startswith(("clients", "connectors")) for each in self._errors):
            return  # the source may be one of those that have errors
        tenant = slug(model.municipality)
        own = [f"urn:skolnav:{tenant}:{name}" for name, each in connectors.items() if risks.loads_directory(each.cls)]
        publishers = [each.value for each in clients if risks.may_load_directory(each.value, self._catalogue)]
        globs = [glob for client in publishers for glob in client.sources or ()]
        anything = any(client.sources is None for client in publishers)
        for index, source in enumerate(model.directory.sources):
            ours = source.startswith(f"urn:skolnav:{tenant}:")  # a connector of this hub
            if any(risks.overlap(source, each) for each in (*own, *globs)) or (anything and not ours):
                continue
            known = [*own, *(glob for glob in globs if "*" not in glob and "?" not in glob)]
            self._refuse(("directory", "sources", index), "config.source-unknown", **unknown(source, known))

    def _refuse(self, place: Place, key: str, **values: object) -> None:
        """An error; at the start a warning, since the hub can do the rest of its work."""
        (self._warn if self._at_start else self._error)(place, key, **values)

    def _check_clock(self, sections: Mapping[str, Any], specs: Iterable[_Named]) -> None:
        if "school_clock" not in sections:
            return
        if sections.get("demo") is not True:
            self._error(("school_clock",), "config.demo-only")
        for place, spec in specs:
            if isinstance(spec.sink, WebhookSpec) and not _is_local(spec.sink.url):
                self._error((*place, "sink", "url"), "config.clock-webhook")

    def _check_tracing(self, tracing: TracingSettings, *, clock: bool) -> None:
        """`clock`: the hub has a school time of its own, and nothing may leave the machine."""
        if clock and not _is_local(tracing.endpoint):
            self._error(("tracing", "endpoint"), "config.clock-collector")
        try:
            import_module("hub.spans")
        except ImportError:  # of what the extra brings
            self._error(("tracing",), "config.tracing-extra")

    def _risks(self, model: FileModel, clients: Iterable[_Named], specs: Iterable[_Named]) -> Iterator[risks.Risk]:
        for place, client in clients:
            for name in ("token", "previous_token"):
                if (secret := getattr(client, name)) is not None:
                    yield from risks.of_secret((*place, name), secret.get_secret_value())
            yield from risks.of_ended(place, "previous_token", client.previous_token_until)
        for place, spec in specs:
            for name in ("secret", "previous_secret") if isinstance(spec.sink, WebhookSpec) else ():
                if (secret := getattr(spec.sink, name)) is not None:
                    yield from risks.of_secret((*place, "sink", name), secret.get_secret_value())
            if isinstance(spec.sink, WebhookSpec):
                yield from risks.of_ended((*place, "sink"), "previous_secret", spec.sink.previous_secret_until)
        yield from risks.of_files({each: path for each, path in self._tree.files.items() if each in self._secrets})
        yield from risks.of_door(model)
        yield from risks.of_proxies(model)
        yield from risks.of_records(model)
        yield from risks.of_backups(model, self._tree.folder)
        yield from risks.of_directory(clients, model.directory.sources, self._catalogue)

    # -- findings --------------------------------------------------------------------------------------------------

    def _validated(
        self, model: Any, value: Any, place: Place, also_known: Iterable[str] = (), instance: str | None = None
    ) -> Any:
        """The validated value; None if it does not fit, with the errors noted.

        `instance`: the name of the connector that the settings belong to, for rules that need it.
        """
        # At the start a file or folder that is missing now may be there when it is needed, so it is not asked for.
        context = {"folder": self._tree.folder, "instance": instance, "at_start": self._at_start}
        sound = True
        for secret in shape.secrets_in(model, value):
            where = (*place, *secret)
            self._secrets.add(where)
            if where not in self._tree.references and where not in self._tree.unreadable:
                self._error(where, "config.literal-secret")
                sound = False
        try:
            validated = TypeAdapter(model).validate_python(value, context=context)
        except ValidationError as error:
            for where, key, values, show in translate(error, model, value):
                full = (*place, *where)
                if full in self._tree.unreadable:
                    continue  # reported already
                if key == "config.unknown-key":
                    own = shape.keys_at(model, value, where[:-1])
                    values = unknown(str(where[-1]), own + [k for k in also_known if len(where) == 1 and k not in own])
                shown = showable(full, self._tree.at(full)) if show and full not in self._tree.references else ""
                self._errors.append(self._finding(full, key, values, shown))
            return None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # A vendor's validator may raise anything, and its text may quote a value.
            self._error(place, "config.connector-failed", error=type(error).__name__)
            return None
        return validated if sound else None

    def _error(self, place: Place, key: str, **values: object) -> None:
        self._errors.append(self._finding(place, key, values))

    def _warn(self, place: Place, key: str, **values: object) -> None:
        self._warnings.append(self._finding(place, key, values))

    def _finding(
        self, place: Place, key: str, values: Mapping[str, object], shown: str = "", *, line: int | None = None
    ) -> Finding:
        secrets = [secret for secret in self._tree.references.values() if len(secret) > 3]
        masked = {name: _masked(value, secrets) for name, value in values.items()}
        return Finding(
            file=self.file, line=line or self._tree.line(place), path=dotted(place), key=key, values=masked, shown=shown
        )


def _masked(value: object, secrets: Iterable[str]) -> object:
    """A connector's own validator may put the value into its text. A value that came by reference is never shown."""
    if isinstance(value, Text):
        return Text(*(str(_masked(each, secrets)) for each in value))
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
    return value


def _own(item: Mapping[str, Any]) -> dict[str, Any]:
    """The connector's own keys."""
    return {key: value for key, value in item.items() if key not in _HUBS_OWN}


def _produced(cls: type[Connector[Any]]) -> str:
    return ", ".join(model.spec.type for model in cls.produces) or "-"


def _mappings(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _covers_all(contract: DataContract) -> bool:
    return contract.scope.organisations is None and contract.scope.school_types is None


def _is_local(url: str) -> bool:
    return re.match(r"https?://(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(/|\?|\Z)", url) is not None
