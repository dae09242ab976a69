import pytest

from hub.config import HubConfig
from hub.registry.plan import Change, Left, plan
from hub.subscriptions.spec import SubscriptionSpec
from tests.hub.registry.conftest import CONNECTORS, ENVIRON, FILE, PLUGINS, SUBSCRIPTION, configured

WHOLE = FILE + CONNECTORS + SUBSCRIPTION
WEBHOOK = '{kind: webhook, url: "https://acme.example/h", secret: "${env:SECRET}"}'


def changes(old: str | None, new: str) -> list[Change]:
    before: HubConfig | None = None if old is None else configured(old)
    return plan(before, configured(new), PLUGINS.catalogue())


def brief(found: list[Change]) -> list[tuple[str, str, tuple[str, ...], list[str]]]:
    return [(c.kind, f"{c.what} {c.name}", c.fields, [effect.key for effect in c.effects]) for c in found]


def test_the_same_configuration_changes_nothing() -> None:
    assert changes(WHOLE, WHOLE) == []


def test_a_first_configuration_adds_everything() -> None:
    assert brief(changes(None, WHOLE)) == [
        ("added", "client acme", (), []),
        ("added", "client feeder", (), []),
        ("added", "connector north", (), ["resent-state", "aggregates"]),
        ("added", "subscription acme-absence", (), ["starts-now"]),
    ]


def test_what_leaves_the_file_is_paused_and_kept() -> None:
    assert brief(changes(WHOLE, FILE)) == [
        ("paused", "connector north", (), ["kept"]),
        ("paused", "subscription acme-absence", (), ["kept"]),
    ]


async def test_what_comes_back_continues_from_its_cursor(open_registry) -> None:
    """Its row in the store was kept, so it gets what has happened meanwhile, whatever `from` says."""
    registry = await open_registry(WHOLE)
    assert registry.left() == Left()
    await registry.reload(configured(FILE))
    again = WHOLE.replace("client: acme\n    types", "client: acme\n    from: oldest\n    paused: true\n    types")
    found = plan(configured(FILE), configured(again), PLUGINS.catalogue(), registry.left())
    assert brief(found) == [
        ("returned", "connector north", (), ["continues", "aggregates"]),
        ("returned", "subscription acme-absence", ("from", "paused"), ["continues", "from-kept", "paused"]),
    ]
    await registry.reload(configured(WHOLE))
    assert registry.left() == Left()


async def test_what_was_removed_by_command_begins_anew(open_registry) -> None:
    registry = await open_registry(WHOLE)
    await registry.reload(configured(FILE))
    for each in registry.all():
        await registry.remove(each.id, "operator")
    found = plan(configured(FILE), configured(WHOLE), PLUGINS.catalogue(), registry.left())
    assert brief(found) == [
        ("added", "connector north", (), ["resent-state", "aggregates"]),
        ("added", "subscription acme-absence", (), ["starts-now"]),
    ]


async def test_a_client_that_comes_back_gets_what_waits_for_the_subscriptions_it_made(open_registry) -> None:
    registry = await open_registry(FILE)
    asked = {"name": "mine", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}
    await registry.add(SubscriptionSpec.model_validate(asked), "acme")
    without = FILE.replace("id: acme", "id: other")
    await registry.reload(configured(without))
    found = plan(configured(without), configured(FILE), PLUGINS.catalogue(), registry.left())
    assert brief(found) == [
        ("returned", "client acme", (), ["its-subscriptions-return"]),
        ("removed", "client other", (), ["rejected"]),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{kind: feed}", WEBHOOK, ("changed", "subscription acme-absence", ("sink",), ["handshake"])),
        (
            "client: acme\n    types",
            "client: acme\n    payload: id\n    types",
            ("changed", "subscription acme-absence", ("payload",), ["payload"]),
        ),
        (
            '"se.skolnav.absence.*"',
            '"se.skolnav.absence.reported.*", "se.skolnav.meals.count.*"',
            ("changed", "subscription acme-absence", ("types",), ["new-types", "dropped-types"]),
        ),
        (
            "client: acme\n    types",
            "client: acme\n    from: oldest\n    types",
            ("changed", "subscription acme-absence", ("from",), ["from-kept"]),
        ),
        (
            "client: acme\n    types",
            "client: acme\n    filter: {exact: {type: x}}\n    types",
            ("changed", "subscription acme-absence", ("filter",), ["dropped-by-filter"]),
        ),
        (
            "client: acme\n    types",
            "client: acme\n    paused: true\n    types",
            ("changed", "subscription acme-absence", ("paused",), ["paused"]),
        ),
        (
            "school_types: [GR]",
            "school_types: [GY]",
            ("changed", "connector north", ("contract",), ["connector-restarted", "decided-anew"]),
        ),
        (
            "{use: kitchen,",
            "{use: kitchen, where: there,",
            ("changed", "connector north", ("where",), ["connector-restarted"]),
        ),
        (
            "roles: [publisher]",
            "roles: [publisher, operator]",
            ("changed", "client feeder", ("roles",), ["permissions"]),
        ),
        ("Exempelkommun", "Annankommun", ("changed", "hub municipality", ("municipality",), ["new-tenant"])),
        ("clients:", "retention: 7d\nclients:", ("changed", "hub retention", ("retention",), ["trimmed"])),
        (
            "clients:",
            "disclosure_retention: 730d\nclients:",
            ("changed", "hub disclosure_retention", ("disclosure_retention",), ["disclosures-trimmed"]),
        ),
        (
            "roles: [publisher]",
            "roles: [publisher], exact: [se.skolnav.meals.count.v1]",
            ("changed", "client feeder", ("exact",), ["decided-anew", "exact"]),
        ),
        (
            "{use: kitchen,",
            "{use: kitchen, exact: [se.skolnav.meals.count.v1],",
            ("changed", "connector north", ("exact",), ["connector-restarted", "decided-anew", "exact"]),
        ),
        (
            "clients:",
            "sums: {se.skolnav.meals.count.v1: {cell: 10}}\nclients:",
            ("changed", "hub sums", ("sums",), ["sums"]),
        ),
        ("clients:", "listen: 127.0.0.1:9\nclients:", ("changed", "hub port", ("port",), ["restart"])),
    ],
)
def test_each_change_says_what_it_means(old: str, new: str, expected) -> None:
    assert old in WHOLE
    found = brief(changes(WHOLE, WHOLE.replace(old, new)))
    assert found == [expected]


def test_a_clients_contract_changes_what_its_subscriptions_see() -> None:
    found = brief(changes(WHOLE, WHOLE.replace("[attendance, identity]", "[attendance]")))
    assert found == [
        ("changed", "client acme", ("contract",), ["decided-anew"]),
        ("changed", "subscription acme-absence", (), ["decided-anew"]),
    ]


def test_a_new_token_is_told_without_the_token(monkeypatch) -> None:
    """Promise 8: no secret in what the plan says."""
    before = configured(WHOLE)
    monkeypatch.setitem(ENVIRON, "TOKEN", "canary-token")
    (change,) = plan(before, configured(WHOLE), PLUGINS.catalogue())
    assert (change.fields, [effect.key for effect in change.effects]) == (("token",), ["credentials"])
    assert "canary" not in repr(change)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_effect_can_be_read(language: str) -> None:
    many = WHOLE.replace("{kind: feed}", WEBHOOK).replace('"se.skolnav.absence.*"', '"se.skolnav.meals.*"')
    many = many.replace("clients:", "retention: 36h\nclients:")
    found = [effect.says(language) for change in changes(WHOLE, many) for effect in change.effects]
    assert len(found) == 4
    assert any("1.5" in said for said in found)
