"""What every connector must keep, as pytest classes: subclass each, and say what is tested.

    class Kitchen(Subject):
        connector = AcmeKitchen
        moments = ("08:30",)

        @pytest.fixture
        def peer(self, tmp_path):
            return FolderPeer(tmp_path)

        @pytest.fixture
        def config(self, peer):
            return {"folder": str(peer.folder)}

        @pytest.fixture
        def events(self, school):
            return [school.about(AbsenceReported, pupil) for pupil in school.pupils]

    class TestConfiguration(Kitchen, ConfigurationSuite):
        bad = {"folder": 7}

    class TestEffect(Kitchen, EffectSuite): ...
    class TestOrder(Kitchen, OrderSuite): ...
    class TestPrivacy(Kitchen, PrivacySuite): ...

A suite that finds nothing to check fails: a test that cannot fail is none. Needs pytest and pytest-asyncio.
"""

import copy
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final, Protocol, get_args

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from plugins.connector import Connector, Effect
from plugins.testing.hub import START, TestHub, open_hub
from plugins.testing.school import School
from plugins.validation import AGGREGATE_OUTPUT, validate_class
from schemas import Category

_SECRET_NAME: Final = re.compile(r"(^|_)(password|passphrase|secret|token|api_?key|credentials?)($|_)", re.IGNORECASE)


class Peer(Protocol):
    """The far side, as a test sees it: a real server or folder that the test started, not a mock of one."""

    def effects(self) -> Sequence[Any]:
        """What is there now because of the connector, in the order in which it came; equal effects compare equal.

        Leave out what differs from run to run (times, random ids). Called from another thread, also while the
        connector works.
        """

    def bytes(self) -> bytes:
        """Everything that the far side was sent or holds, raw."""

    def reset(self) -> None:
        """Forget everything, as if the connector had never been there."""


class Subject:
    """What is tested. Subclass it once, and put it first among the bases of each suite."""

    connector: ClassVar[type[Connector[Any]]]
    start: ClassVar[str] = START  # school time when the hub opens
    moments: ClassVar[Sequence[str]] = ()  # school times to go to after the events, where timers do the work

    @pytest.fixture
    def peer(self) -> Peer:
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `peer`: see plugins.testing.suites.Peer")

    @pytest.fixture
    def config(self) -> Mapping[str, Any]:
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `config`: a configuration that works")

    @pytest.fixture
    def school(self) -> School:
        """Whom the events are about. Override it to give the school what the connector needs."""
        return School()

    @pytest.fixture
    def events(self, school: School) -> Sequence[Mapping[str, Any]]:
        """Events that lead to effects. Default: each type that is consumed, about each pupil."""
        return [school.about(model, pupil) for model in self.connector.consumes for pupil in school.pupils]

    @asynccontextmanager
    async def running(self, config: Mapping[str, Any], school: School) -> AsyncIterator[tuple[TestHub, str]]:
        """A hub that knows the school and runs the connector."""
        async with open_hub(self.start) as hub:
            name = await hub.add(self.connector, config)
            status = await hub.status(name)
            assert status == "running", f"the connector did not start: {status}\n{hub.logs()}"
            await hub.post(school.directory(hub.clock.utc().isoformat()))
            await hub.settle()
            yield hub, name

    async def play(self, hub: TestHub, events: Sequence[Mapping[str, Any]]) -> None:
        """Post the events, then go through `moments`. Stops where the hub has crashed."""
        await hub.post(events)
        await hub.settle()
        for moment in self.moments:
            if hub.crashed:
                return
            await hub.advance_to(moment)


class ConfigurationSuite(Subject):
    """Every wrong value is an error that names its field and tells no secret (promise 8)."""

    bad: ClassVar[Mapping[str, Any]] = {}  # dotted path (`kitchens.0.cutoff`) -> a value that must be refused

    def test_the_class_can_be_run(self) -> None:
        assert validate_class(self.connector) == []

    def test_a_working_configuration_is_taken(self, config: Mapping[str, Any]) -> None:
        self.connector.config_model.model_validate(config)

    def test_each_setting_is_described(self) -> None:
        fields = list(_fields(self.connector.config_model))
        assert fields, "the configuration has no settings to check"
        bare = [path for path, info in fields if not info.description]
        assert not bare, f"say in Field(description=...) what it is and in which unit: {', '.join(bare)}"

    def test_secrets_are_kept_as_secrets(self) -> None:
        plain = [
            path
            for path, info in _fields(self.connector.config_model)
            if _SECRET_NAME.search(path.rpartition(".")[2]) and not _holds(info.annotation, (SecretStr, SecretBytes))
        ]
        assert not plain, f"declare as SecretStr, so that it is never printed: {', '.join(plain)}"

    def test_an_unknown_key_is_refused(self, config: Mapping[str, Any]) -> None:
        self._refused({**config, "no_such_key": "canary-value"}, "no_such_key")

    def test_a_missing_setting_is_named(self, config: Mapping[str, Any]) -> None:
        required = [name for name, info in self.connector.config_model.model_fields.items() if info.is_required()]
        if not required:
            pytest.skip("every setting has a default")
        for name in required:
            key = self.connector.config_model.model_fields[name].alias or name
            self._refused({other: value for other, value in config.items() if other != key}, key)

    def test_a_value_of_the_wrong_kind_is_named_and_not_repeated(self, config: Mapping[str, Any]) -> None:
        checked = 0
        for path in _paths(config):
            wrong = _with(config, path, {"no_such_key": ["canary-value"]})
            try:
                self.connector.config_model.model_validate(wrong)
            except ValidationError:
                self._refused(wrong, path)
                checked += 1
        assert checked, "no setting refuses a value of another kind: is the model typed?"

    def test_the_values_named_as_bad_are_refused(self, config: Mapping[str, Any]) -> None:
        assert self.bad, "give `bad`: settings with values that must be refused, such as a time of 25:10"
        for path, value in self.bad.items():
            self._refused(_with(config, path, value), path)

    def _refused(self, config: Mapping[str, Any], path: str) -> None:
        try:
            self.connector.config_model.model_validate(config)
        except ValidationError as error:
            texts = [str(error), json.dumps(error.errors(include_input=False, include_context=False), default=str)]
            named = [".".join(str(part) for part in detail["loc"]) for detail in error.errors(include_input=False)]
        else:
            pytest.fail(f"{path}: a bad value was taken")
        first = path.split(".")[0]
        # A rule over several settings may stand at the whole that they are part of.
        assert any(name == "" or name.split(".")[0] == first for name in named), f"{path}: the error names {named}"
        secrets = ["canary-value", *_secrets(self.connector.config_model, config)]
        assert not any(secret in text for secret in secrets for text in texts), f"{path}: the error repeats a value"


class EffectSuite(Subject):
    """The same event twice has the same effect once (promise 6)."""

    @pytest.mark.asyncio
    async def test_there_is_an_effect(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        await self._undisturbed(peer, config, school, events)

    @pytest.mark.asyncio
    async def test_the_same_events_twice_have_one_effect(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            once = list(peer.effects())
            assert once, _no_effect(hub)
            await hub.replay(name)
            assert list(peer.effects()) == once, "delivering the same events again changed what is at the far side"

    @pytest.mark.asyncio
    async def test_a_restart_has_no_effect_of_its_own(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            once = list(peer.effects())
            assert once, _no_effect(hub)
            await hub.restart()
            assert list(peer.effects()) == once, "a restart changed what is at the far side"

    @pytest.mark.asyncio
    async def test_a_crash_between_effect_and_acknowledgement_repeats_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Connectors whose effect is blind may repeat here, and here only."""
        wanted = await self._undisturbed(peer, config, school, events)
        peer.reset()
        async with self.running(config, school) as (hub, _):
            hub.crash_after_effect(lambda: list(peer.effects()))
            await self.play(hub, events)
            assert hub.crashed, "no effect came that a crash could have hit"
            await hub.restart()
            for moment in self.moments:
                if hub.clock.resolve(moment) > hub.clock.school():
                    await hub.advance_to(moment)
            found = list(peer.effects())
        if self.connector.effect is Effect.BLIND:
            assert _distinct(found) == _distinct(wanted), "after the crash something is missing, or other than it was"
        else:
            assert _sorted(found) == _sorted(wanted), "after the crash the far side is not as it is without one"

    async def _undisturbed(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            effects = list(peer.effects())
            assert effects, _no_effect(hub)
        return effects


class OrderSuite(Subject):
    """The events of one key take effect in order (promise 2)."""

    def key(self, effect: Any) -> Hashable:
        """Which effects must keep their order among each other. Default: all of them."""
        return None

    @pytest.mark.asyncio
    async def test_all_at_once_has_the_effects_of_one_at_a_time(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, _):
            for event in events[:-1]:
                await hub.post([event])
                await hub.settle()
            await self.play(hub, events[-1:])
            one_at_a_time = self._by_key(peer.effects())
            assert one_at_a_time, _no_effect(hub)
        peer.reset()
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            assert self._by_key(peer.effects()) == one_at_a_time, "the order of the effects depends on the pace"

    def _by_key(self, effects: Sequence[Any]) -> dict[Hashable, list[Any]]:
        found: dict[Hashable, list[Any]] = defaultdict(list)
        for effect in effects:
            found[self.key(effect)].append(effect)
        return dict(found)


class PrivacySuite(Subject):
    """What the contract does not allow turns up nowhere: not at the far side, in state, in logs or in errors."""

    @pytest.mark.asyncio
    async def test_no_canary_gets_out(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Canaries of every category stand in the events and in the directory."""
        async with self.running(config, school) as (hub, name):
            await self.play(hub, [*events, *self._more(school)])
            assert peer.bytes(), _no_effect(hub)
            await self._check(hub, name, peer, school)

    @pytest.mark.asyncio
    async def test_no_canary_gets_out_when_the_far_side_fails(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Errors are where data leaks. The peer's `refuse(on)` makes it fail while it is on."""
        refuse = getattr(peer, "refuse", None)
        if refuse is None:
            pytest.skip("the peer has no refuse(on), which would make it fail")
        async with self.running(config, school) as (hub, name):
            refuse(True)
            try:
                await self.play(hub, [*events, *self._more(school)])
                said = [*hub.problems(), *(line for line in hub.logs().splitlines() if name in line)]
                assert said, "nothing was said of a far side that refuses: does it fail at all?"
            finally:
                refuse(False)
            await hub.retry()
            await self._check(hub, name, peer, school)

    def _more(self, school: School) -> list[dict[str, Any]]:
        """One event of each type that is consumed, about the protected pupil and about another, full of canaries."""
        models = [model for model in self.connector.consumes if model.spec.examples]
        return [school.about(model, pupil) for model in models for pupil in (school.pupils[1], school.protected)]

    async def _check(self, hub: TestHub, name: str, peer: Peer, school: School) -> None:
        contract = self.connector.contract
        seen = contract.categories if contract is not None else frozenset[Category]()
        told = AGGREGATE_OUTPUT if self.connector.aggregates else seen
        dead = repr(await hub.dead_letters())
        state = json.dumps(await hub.state(name), ensure_ascii=False)
        published = json.dumps([event.to_dict() for event in await hub.published()], ensure_ascii=False)
        places = [
            ("at the far side", peer.bytes(), told),
            ("in what it published", published.encode(), told),
            ("in its state", state.encode(), seen),
            ("in the logs", hub.logs().encode(), ()),
            ("in what the operator was told", "\n".join(hub.problems()).encode(), ()),
            ("in the dead letters", dead.encode(), ()),
        ]
        leaks = [f"{', '.join(found)} {where}" for where, text, may in places if (found := school.found_in(text, may))]
        assert not leaks, f"data about people got out: {'; '.join(leaks)}"


def _no_effect(hub: TestHub) -> str:
    said = "\n".join(hub.problems()) or "nothing"
    return f"nothing to check: the events had no effect at the far side. The operator was told: {said}"


def _sorted(effects: Sequence[Any]) -> list[str]:
    return sorted(map(repr, effects))


def _distinct(effects: Sequence[Any]) -> set[str]:
    return set(map(repr, effects))


def _fields(model: type[BaseModel], prefix: str = "", seen: tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
    """(dotted path, field) of every setting, those of parts included."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path, info
        for part in _models(info.annotation):
            if part not in seen:
                yield from _fields(part, f"{path}.", (*seen, part))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _holds(annotation: Any, kinds: tuple[type, ...]) -> bool:
    return annotation in kinds or any(_holds(inner, kinds) for inner in get_args(annotation))


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Dotted paths of everything in a configuration."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, inner in items:
        yield f"{prefix}{name}"
        yield from _paths(inner, f"{prefix}{name}.")


def _with(config: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(dict(config))
    here = changed
    *way, last = path.split(".")
    for part in way:
        here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return changed  # type: ignore[no-any-return]


def _secrets(model: type[BaseModel], config: Mapping[str, Any]) -> list[str]:
    """The secrets in a configuration that works."""
    names = {
        path.rpartition(".")[2] for path, info in _fields(model) if _holds(info.annotation, (SecretStr, SecretBytes))
    }
    return [value for name, value in _leaves(config) if name in names and isinstance(value, str) and value]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value
