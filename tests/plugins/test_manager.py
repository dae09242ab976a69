import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Annotated

import pytest
from pydantic import AfterValidator, field_validator

import plugins.manager
import plugins.trial
from hub.clock import SystemClock
from hub.hosting.connector_errors import RefusedPublish
from hub.hosting.publishing import Publisher
from plugins import Category, Connector, ConnectorConfig, hookimpl
from plugins.manager import Plugins, PluginsError, UnknownConnector
from plugins.packages import Found, Offer
from plugins.validation import runs_own_code
from schemas import CORE_TYPES, Event, EventSpec, Payload, Ref
from schemas.absence import AbsenceReported


class Config(ConnectorConfig):
    pass


def connector(name="acme-kitchen", **attributes):
    return type("Kitchen", (Connector,), {"__doc__": "A kitchen.", "name": name, "config_model": Config, **attributes})


def event_type(name):
    class Menu(Payload):
        """A menu."""

        spec = EventSpec(type=name, subject=Ref("kitchen", "kitchen"), key=Ref("kitchen", "kitchen"))
        kitchen: Annotated[str, Category.NONE]

    return Menu


@pytest.fixture
def install(monkeypatch):
    """Pretend that packages are installed: a module each, found through real entry points."""
    points = []

    def add(distribution, **hooks):
        module = ModuleType(f"installed_{len(points)}")
        for name, function in hooks.items():
            setattr(module, name, hookimpl(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        point = EntryPoint("kitchen", module.__name__, "skolnav.connectors")
        points.append(Offer(point, distribution, "1.2"))
        return point

    monkeypatch.setattr(plugins.manager, "find", lambda: Found(tuple(points), ()))
    # Another process does not have these modules.
    monkeypatch.setattr(plugins.trial.Trials, "load", lambda trials, offers: {})
    return add


def test_an_installed_package_offers_its_connectors(install):
    cls = connector()
    install("acme", skolnav_connectors=lambda: [cls])
    plugins = Plugins.load()
    assert plugins.names() == ["acme-kitchen"]
    assert plugins.connector("acme-kitchen") is cls
    assert plugins.problems == []


def test_what_is_installed_is_described_for_an_operator(install):
    install("acme", skolnav_connectors=lambda: [connector()])
    (info,) = Plugins.load().describe()
    assert (info.name, info.distribution, info.version, info.summary.en) == (
        "acme-kitchen",
        "acme",
        "1.2",
        "A kitchen.",
    )


def test_the_catering_of_this_very_distribution_comes_through_the_vendors_door():
    plugins = Plugins.load()
    assert "catering" in plugins.names(), plugins.problems


def test_a_package_that_raises_is_named_and_ends_no_other(install):
    """Promise 3, at load time."""

    def broken():
        raise RuntimeError("no licence file")

    install("acme", skolnav_connectors=broken)
    install("beta", skolnav_connectors=lambda: [connector("beta-kitchen")])
    plugins = Plugins.load()
    assert plugins.names() == ["beta-kitchen"]
    (problem,) = plugins.problems
    assert "acme" in problem.plugin
    assert "RuntimeError: no licence file" in problem.says


def test_a_package_that_cannot_be_imported_is_named_and_ends_no_other(install):
    point = install("acme", skolnav_connectors=lambda: [connector()])
    del sys.modules[point.value]
    install("beta", skolnav_connectors=lambda: [connector("beta-kitchen")])
    plugins = Plugins.load()
    assert plugins.names() == ["beta-kitchen"]
    assert "ModuleNotFoundError" in plugins.problems[0].says


def test_a_misspelt_hook_is_an_error_that_names_it(install):
    install("acme", skolnav_conectors=lambda: [connector()])
    (problem,) = Plugins.load().problems
    assert "skolnav_conectors" in problem.says


def test_a_package_that_offers_nothing_is_told_how(install):
    install("acme")
    (problem,) = Plugins.load().problems
    assert "hookimpl" in problem.says


def test_of_two_packages_with_one_connector_name_neither_is_used_and_both_are_named(install):
    install("acme", skolnav_connectors=lambda: [connector()])
    install("beta", skolnav_connectors=lambda: [connector(), connector("beta-kitchen")])
    plugins = Plugins.load()
    assert plugins.names() == ["beta-kitchen"]
    assert "acme-kitchen by acme (kitchen) and beta (kitchen)" in plugins.problems[0].says
    assert "acme (kitchen) och beta (kitchen)" in plugins.broken("acme-kitchen").sv


def test_a_built_in_connector_keeps_its_name(install):
    """A package that is installed later can't take a kitchen's connector away."""
    own = connector("catering")
    install("aaa", skolnav_connectors=lambda: [connector("catering")])
    install("skolnav", skolnav_connectors=lambda: [own])
    plugins = Plugins.load()
    assert plugins.connector("catering") is own
    assert plugins.broken("catering") is None
    assert "aaa" in plugins.problems[0].plugin


def test_an_unknown_connector_says_what_is_there_and_what_failed(install):
    install("acme", skolnav_connectors=lambda: 1 / 0)
    install("beta", skolnav_connectors=lambda: [connector("beta-kitchen")])
    with pytest.raises(UnknownConnector) as raised:
        Plugins.load().connector("acme-kitchen")
    assert isinstance(raised.value, KeyError)
    assert "installed: beta-kitchen" in str(raised.value)
    assert "ZeroDivisionError" in str(raised.value)


def test_a_class_that_cannot_be_run_is_left_out_and_the_others_stand(install):
    good, bad = connector("good"), connector("Bad Name")
    install("acme", skolnav_connectors=lambda: [bad, good])
    plugins = Plugins.load()
    assert plugins.names() == ["good"]
    assert "lower-case" in plugins.problems[0].says


def test_vendors_add_types_to_the_catalogue(install):
    menu = event_type("com.acme.kitchen.menu.v1")
    install(
        "acme", skolnav_event_types=lambda: [menu], skolnav_connectors=lambda: [connector(produces=(menu,))]
    )  # fmt: skip
    plugins = Plugins.load()
    assert plugins.problems == []
    assert "com.acme.kitchen.menu.v1" in plugins.catalogue()
    assert AbsenceReported.spec.type in plugins.catalogue()
    assert plugins.event_types() == (menu,)


def checked(text):
    return text


def test_types_that_are_validated_by_code_of_their_package_are_known(install):
    class Menu(Payload):
        spec = EventSpec(type="com.acme.kitchen.menu.v1", subject=Ref("x", "x"), key=Ref("x", "x"))
        x: Annotated[str, Category.NONE]

        @field_validator("x")
        @classmethod
        def valid(cls, value):
            return value

    class Dish(Payload):
        spec = EventSpec(type="com.acme.kitchen.dish.v1", subject=Ref("x", "x"), key=Ref("x", "x"))
        x: Annotated[str, Category.NONE]
        names: Annotated[list[Annotated[str, AfterValidator(checked)]] | None, Category.NONE] = None

    plain = event_type("com.acme.kitchen.plain.v1")
    install("acme", skolnav_event_types=lambda: [Menu, Dish, plain])
    plugins = Plugins.load()
    assert plugins.problems == []
    assert plugins.types_with_code() == {"acme (kitchen)": ["com.acme.kitchen.menu.v1", "com.acme.kitchen.dish.v1"]}
    assert not [model for model in CORE_TYPES if runs_own_code(model)]


def test_functions_of_a_vendors_type_run_where_its_connector_publishes_and_nowhere_else_in_the_hub(install):
    """Promise 3: one that held the interpreter would stop the hub."""
    ran = []

    class Menu(Payload):
        spec = EventSpec(
            type="com.acme.kitchen.menu.v1", subject=Ref("x", "x"), key=Ref("x", "x"), examples=({"x": "example"},)
        )
        x: Annotated[str, Category.NONE]

        @field_validator("x")
        @classmethod
        def valid(cls, value):
            ran.append(value)
            if value == "bad":
                raise ValueError("bad")
            return value

    cls = connector(produces=(Menu,))
    install("acme", skolnav_event_types=lambda: [Menu], skolnav_connectors=lambda: [cls])
    catalogue = Plugins.load().catalogue()
    publisher = Publisher("urn:acme", cls, catalogue, SystemClock())
    event = publisher.build(Menu, {"x": "good"}, None, None)
    assert ran == ["good"]
    publisher.checked(event.to_json())
    catalogue.describe(
        Event({name: event.attributes[name] for name in ("specversion", "id", "source", "type")}, {"x": "bad"})
    )
    assert ran == ["good"]
    with pytest.raises(RefusedPublish):
        publisher.build(Menu, {"x": "bad"}, None, None)


@pytest.mark.parametrize("name", ["se.skolnav.meals.menu.v1", "menu.v1", "com.acme.menu", "com.Acme.kitchen.menu.v1"])
def test_a_vendors_type_has_a_prefix_of_the_vendors_own(install, name):
    install("acme", skolnav_event_types=lambda: [event_type(name)])
    plugins = Plugins.load()
    assert name in plugins.problems[0].says
    assert name not in plugins.catalogue()


def test_of_two_packages_with_one_event_type_neither_is_used_and_both_are_named(install):
    install("acme", skolnav_event_types=lambda: [event_type("com.acme.kitchen.menu.v1")])
    install("beta", skolnav_event_types=lambda: [event_type("com.acme.kitchen.menu.v1")])
    plugins = Plugins.load()
    assert "com.acme.kitchen.menu.v1" not in plugins.catalogue()
    assert "acme (kitchen) and beta (kitchen)" in plugins.problems[0].says


def test_a_type_with_a_field_without_category_is_left_out(install):
    class Leaky(Payload):
        spec = EventSpec(type="com.acme.leaky.thing.v1", subject=Ref("x", "x"), key=Ref("x", "x"))
        x: Annotated[str, Category.NONE]
        name: str

    install("acme", skolnav_event_types=lambda: [Leaky])
    assert "no category" in Plugins.load().problems[0].says


def test_a_connector_whose_type_nobody_offers_is_told_where_to_offer_it(install):
    menu = event_type("com.acme.kitchen.menu.v1")
    install("acme", skolnav_connectors=lambda: [connector(produces=(menu,))])
    assert "skolnav_event_types" in Plugins.load().problems[0].says


def test_given_classes_are_refused_at_once_if_they_cannot_be_run():
    with pytest.raises(PluginsError, match="without a `contract`"):
        Plugins.of(connector(consumes=(AbsenceReported,)))


def test_given_classes_bring_the_types_that_they_name():
    menu = event_type("com.acme.kitchen.menu.v1")
    assert "com.acme.kitchen.menu.v1" in Plugins.of(connector(produces=(menu,))).catalogue()
