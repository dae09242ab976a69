import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from hub.privacy.base import PayloadLevel
from hub.store import audit, cursors
from hub.store import subscriptions as rows
from hub.subscriptions.errors import Expired, FileOwned, NoContract, NotNarrower, SpecRefused, UnknownSubscription
from hub.subscriptions.model import Status
from hub.subscriptions.spec import SubscriptionSpec
from plugins import Category
from plugins.errors import ConfigurationError
from tests.hub.registry.conftest import CONNECTORS, FILE, SUBSCRIPTION, configured

T = "exempelkommun"
SECRET = "whsec_" + base64.b64encode(b"canary-secret-of-32-bytes-length").decode()
WEBHOOK = SUBSCRIPTION.replace(
    "{kind: feed}", '{kind: webhook, url: "https://acme.example/hook", secret: "${env:SECRET}"}'
)


def spec(**changes) -> SubscriptionSpec:
    asked = {"name": "mine", "types": ["se.skolnav.absence.reported.v1"], "sink": {"kind": "feed"}, **changes}
    return SubscriptionSpec.model_validate(asked)


async def actions(store) -> list[str]:
    return [f"{row.actor} {row.action} {row.target}" for row in await store.read(audit.page(T))]


class TestWhatStandsInTheFile:
    async def test_a_subscription_of_the_file_is_there_under_its_name(self, open_registry) -> None:
        registry = await open_registry(FILE, SUBSCRIPTION)
        found = registry.get("acme-absence")
        assert (found.origin, found.status, found.start_from) == ("file", Status.ACTIVE, "now")
        assert found.types == {
            f"se.skolnav.absence.{what}.v1" for what in ("reported", "changed", "withdrawn", "leave_granted")
        }
        assert found.recipient.name == "client/acme"
        assert found.recipient.level is PayloadLevel.FULL
        assert [contract.purpose for contract in found.recipient.contracts] == ["school attendance"]

    async def test_both_contracts_are_in_force_together(self, open_registry) -> None:
        """Promise 4: a subscription can only narrow what its client may see."""
        narrower = SUBSCRIPTION + "    contract: {purpose: less, legal_basis: same, categories: [attendance]}\n"
        recipient = (await open_registry(FILE, narrower)).get("acme-absence").recipient
        assert [contract.categories for contract in recipient.contracts] == [
            {Category.ATTENDANCE, Category.IDENTITY},
            {Category.ATTENDANCE},
        ]

    async def test_a_connector_has_a_subscription_of_its_own(self, open_registry) -> None:
        found = (await open_registry(FILE, CONNECTORS)).get("connector:north")
        assert found.sink == {"kind": "connector", "instance": "north"}
        assert (found.origin, found.start_from) == ("connector", "state")
        assert found.recipient.name == "connector/north"
        assert found.recipient.aggregates
        declared, narrowed = found.recipient.contracts
        assert narrowed.categories == declared.categories
        assert narrowed.scope.school_types == {"GR"}
        assert narrowed.version != declared.version

    async def test_a_webhook_waits_for_consent_unless_the_file_says_no_handshake(self, open_registry) -> None:
        registry = await open_registry(FILE, WEBHOOK)
        assert registry.get("acme-absence").status is Status.PENDING
        await registry.consented(registry.get("acme-absence"))
        assert (await open_registry(FILE, WEBHOOK)).get("acme-absence").status is Status.ACTIVE

    async def test_a_webhook_that_moved_is_asked_again(self, open_registry) -> None:
        registry = await open_registry(FILE, WEBHOOK)
        await registry.consented(registry.get("acme-absence"))
        moved = await open_registry(FILE, WEBHOOK.replace("acme.example", "new.acme.example"))
        assert moved.get("acme-absence").status is Status.PENDING
        no_handshake = WEBHOOK.replace("secret:", "handshake: false, secret:").replace("/hook", "/other")
        assert (await open_registry(FILE, no_handshake)).get("acme-absence").status is Status.ACTIVE

    async def test_what_left_the_file_is_paused_and_goes_on_when_it_comes_back(self, open_registry, store) -> None:
        await open_registry(FILE, SUBSCRIPTION, CONNECTORS)
        registry = await open_registry(FILE)
        for id in ("acme-absence", "connector:north"):
            assert (registry.get(id).status, registry.get(id).reason) == (Status.PAUSED, "left-file")
            with pytest.raises(FileOwned):
                await registry.set_status(id, Status.ACTIVE, "", "acme")
        registry = await open_registry(FILE, SUBSCRIPTION, CONNECTORS)
        assert {each.status for each in registry.all()} == {Status.ACTIVE}

    async def test_what_left_the_file_can_be_removed_with_its_trail(self, open_registry, store) -> None:
        await open_registry(FILE, SUBSCRIPTION)
        registry = await open_registry(FILE)
        await store.commit(
            cursors.save(T, cursors.Cursor(subscription="acme-absence", lane="", position=b"p", open=(), accepted_us=0))
        )
        await registry.remove("acme-absence", "local")
        assert registry.all() == []
        assert await store.read(cursors.load(T)) == []
        assert (await open_registry(FILE)).all() == []

    async def test_what_the_file_owns_refuses_change(self, open_registry) -> None:
        registry = await open_registry(FILE, SUBSCRIPTION, CONNECTORS)
        for id in ("acme-absence", "connector:north"):
            with pytest.raises(FileOwned):
                await registry.remove(id, "acme")
            with pytest.raises(FileOwned):
                await registry.update(id, {"payload": "none"}, "acme")

    async def test_a_person_may_pause_what_the_file_owns_and_a_restart_keeps_it_so(self, open_registry) -> None:
        registry = await open_registry(FILE, SUBSCRIPTION)
        await registry.set_status("acme-absence", Status.PAUSED, "paused", "local")
        assert (await open_registry(FILE, SUBSCRIPTION)).get("acme-absence").status is Status.PAUSED

    async def test_what_the_file_pauses_only_the_file_resumes(self, open_registry) -> None:
        paused = SUBSCRIPTION + "    paused: true\n"
        registry = await open_registry(FILE, paused)
        assert registry.get("acme-absence").reason == "paused-in-file"
        with pytest.raises(FileOwned, match="paused in the configuration file"):
            await registry.set_status("acme-absence", Status.ACTIVE, "", "local")
        assert (await open_registry(FILE, SUBSCRIPTION)).get("acme-absence").status is Status.ACTIVE

    async def test_an_unchanged_start_writes_nothing_to_the_audit(self, open_registry, store) -> None:
        await open_registry(FILE, WEBHOOK, CONNECTORS)
        before = await actions(store)
        assert before == ["file subscription.added acme-absence", "file subscription.added connector:north"]
        await open_registry(FILE, WEBHOOK, CONNECTORS)
        assert await actions(store) == before

    async def test_another_key_than_the_stores_is_told(self, open_registry) -> None:
        await open_registry(FILE, SUBSCRIPTION)
        with pytest.raises(ConfigurationError, match="key"):
            await open_registry(FILE, SUBSCRIPTION, key=b"x" * 32)


class TestReloading:
    async def test_only_what_changed_is_told_and_the_rest_stays_the_same_object(self, open_registry) -> None:
        registry = await open_registry(FILE, SUBSCRIPTION, CONNECTORS)
        told = []
        registry.listen(told.append)
        kept = registry.get("connector:north")
        await registry.reload(configured(FILE, SUBSCRIPTION + "    payload: id\n", CONNECTORS))
        assert [each.id for each in told] == ["acme-absence"]
        assert told[0].recipient.level is PayloadLevel.ID
        assert registry.get("connector:north") is kept

    async def test_a_changed_contract_of_the_client_reaches_its_subscriptions(self, open_registry) -> None:
        registry = await open_registry(FILE, SUBSCRIPTION)
        await registry.reload(configured(FILE.replace("[attendance, identity]", "[attendance]"), SUBSCRIPTION))
        assert registry.get("acme-absence").recipient.contracts[0].categories == {Category.ATTENDANCE}

    async def test_a_new_subscription_begins_in_the_same_commit(self, open_registry, store) -> None:
        registry = await open_registry(FILE)
        registry.first_cursor = lambda each: cursors.save(
            T, cursors.Cursor(subscription=each.id, lane="", position=b"start", open=(), accepted_us=0)
        )
        await registry.reload(configured(FILE, SUBSCRIPTION))
        assert [row.subscription for row in await store.read(cursors.load(T))] == ["acme-absence"]

    async def test_another_municipality_is_refused(self, open_registry) -> None:
        registry = await open_registry(FILE)
        with pytest.raises(ConfigurationError, match="name"):
            await registry.reload(configured(FILE.replace("Exempelkommun", "Annankommun")))


class TestTheApi:
    async def test_an_added_subscription_is_there_after_a_restart_with_its_secret(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(sink={"kind": "webhook", "url": "https://acme.example/h"}), "acme")
        assert (added.origin, added.status) == ("api", Status.PENDING)
        again = (await open_registry()).get(added.id)
        assert again == added
        assert again.sink["secret"].get_secret_value().startswith("whsec_")

    async def test_no_secret_stands_in_the_store_in_clear_or_in_what_a_client_sees(self, open_registry, store) -> None:
        """Promise 8: secrets are sealed at rest and never shown again."""
        registry = await open_registry()
        sink = {"kind": "webhook", "url": "https://acme.example/h", "secret": SECRET}
        added = await registry.add(spec(sink=sink), "acme")
        (row,) = await store.read(rows.load(T))
        assert SECRET.encode() not in row.spec
        assert b"acme.example" not in row.spec
        assert SECRET not in str(registry.spec(added.id).public())
        assert SECRET not in repr(added)

    async def test_it_begins_in_the_same_commit_and_is_audited(self, open_registry, store) -> None:
        registry = await open_registry()
        registry.first_cursor = lambda each: cursors.save(
            T, cursors.Cursor(subscription=each.id, lane="", position=b"start", open=(), accepted_us=0)
        )
        added = await registry.add(spec(), "acme")
        assert [row.subscription for row in await store.read(cursors.load(T))] == [added.id]
        assert await actions(store) == [f"acme subscription.added {added.id}"]

    async def test_a_client_without_a_contract_can_not_subscribe(self, open_registry) -> None:
        registry = await open_registry()
        for client in ("feeder", "local", "nobody"):
            with pytest.raises(NoContract):
                await registry.add(spec(), client)
        assert registry.all() == []

    async def test_a_contract_can_not_be_wider_than_the_clients(self, open_registry) -> None:
        registry = await open_registry()
        wider = {"purpose": "x", "legal_basis": "y", "categories": ["attendance", "health"]}
        with pytest.raises(NotNarrower, match="health"):
            await registry.add(spec(contract=wider), "acme")

    @pytest.mark.parametrize(
        ("changes", "where"),
        [
            ({"types": ["se.skolnav.absense.*"]}, ("types", 0)),
            ({"filter": [{"exact": {"data": "x"}}]}, ("filter", 0, "exact")),
            ({"sink": {"kind": "kafka", "topic": "x"}}, ("sink", "kind")),
            ({"sink": {"kind": "webhook", "url": "https://10.0.0.1/"}}, ("sink", "url")),
            ({"sink": {"kind": "webhook", "url": "https://a.example/", "handshake": False}}, ("sink", "handshake")),
            ({"sink": {"kind": "webhook", "url": "https://a.example/", "secret": "whsec_%"}}, ("sink", "secret")),
            ({"sink": {"kind": "webhook", "url": "https://a.example/", "secret": "plain text"}}, ("sink", "secret")),
            (
                {"sink": {"kind": "webhook", "url": "https://a.example/", "secret": "whsec_c2hvcnQ="}},
                ("sink", "secret"),
            ),
            ({"client": "feeder"}, ("client",)),
        ],
    )
    async def test_what_does_not_fit_the_hub_is_refused_by_place(self, open_registry, changes, where) -> None:
        registry = await open_registry()
        with pytest.raises(SpecRefused) as caught:
            await registry.add(spec(**changes), "acme")
        assert [problem.where for problem in caught.value.problems] == [where]
        assert caught.value.says("sv") != caught.value.says("en")
        assert registry.all() == []

    @pytest.mark.parametrize(
        "name", ["acme\nabsence", "acme\u202eabsence", "acme\x1b[31m", " \u00a0", "\u3164", "a\u200bb"]
    )
    async def test_a_name_that_is_not_plainly_seen_is_refused(self, open_registry, name: str) -> None:
        registry = await open_registry(FILE)
        with pytest.raises(SpecRefused) as refused:
            await registry.add(spec(name=name), "acme")
        assert [(each.where, each.key) for each in refused.value.problems] == [(("name",), "config.not-plain")]
        made = await registry.add(spec(), "acme")
        with pytest.raises(SpecRefused):
            await registry.update(made.id, {"name": name}, "acme")

    async def test_the_other_words_of_a_client_are_seen_plainly_too(self, open_registry) -> None:
        registry = await open_registry(FILE)
        contract = {
            "purpose": "a\u202e", "legal_basis": "b\n", "purpose_sv": "a\u202e", "legal_basis_sv": "b\n",
            "categories": ["attendance"],
        }  # fmt: skip
        with pytest.raises(SpecRefused) as refused:
            await registry.add(spec(contract=contract, sources=["urn:\x9b*"]), "acme")
        assert [each.where for each in refused.value.problems] == [
            ("contract", "purpose"),
            ("contract", "legal_basis"),
            ("contract", "purpose_sv"),
            ("contract", "legal_basis_sv"),
            ("sources", 0),
        ]

    @pytest.mark.parametrize(
        "name",
        [
            "acme-absence",
            "Acme-Absence",
            "ａcme-absence",
            " acme-absence",
            "acme-ab\ufe0fsence",
            "acme\u2011absence",
            "acme\u2212absence",
            "north",
            "Connector:North",
        ],
    )
    async def test_a_twin_of_a_name_of_the_file_is_refused(self, open_registry, name: str) -> None:
        """An operator who pauses `acme-absence` must not pause another client's subscription."""
        registry = await open_registry(FILE, SUBSCRIPTION, CONNECTORS)
        with pytest.raises(SpecRefused) as refused:
            await registry.add(spec(name=name), "acme")
        assert [(each.where, each.key) for each in refused.value.problems] == [(("name",), "config.name-in-file")]
        made = await registry.add(spec(), "acme")
        with pytest.raises(SpecRefused):
            await registry.update(made.id, {"name": name}, "acme")
        assert registry.get(made.id).name == "mine"

    @pytest.mark.parametrize("name", ["bet\u0430-feed", "be\u03bf"])
    async def test_a_name_that_mixes_alphabets_is_refused(self, open_registry, name: str) -> None:
        registry = await open_registry(FILE)
        with pytest.raises(SpecRefused) as refused:
            await registry.add(spec(name=name), "acme")
        assert [(each.where, each.key) for each in refused.value.problems] == [(("name",), "config.mixed-alphabets")]

    async def test_a_name_that_the_file_takes_later_keeps_no_change_from_being_made(self, open_registry) -> None:
        made = await (await open_registry(FILE)).add(spec(name="acme-absence"), "acme")
        registry = await open_registry(FILE, SUBSCRIPTION)
        assert (await registry.update(made.id, {"payload": "id"}, "acme")).name == "acme-absence"

    async def test_a_change_is_merged_and_keeps_what_was_not_named(self, open_registry) -> None:
        registry = await open_registry()
        sink = {"kind": "webhook", "url": "https://acme.example/h", "secret": SECRET}
        added = await registry.add(spec(sink=sink, filter={"prefix": {"subject": "person/"}}), "acme")
        await registry.consented(registry.get(added.id))
        changed = await registry.update(added.id, {"payload": "id", "sink": {"rate_per_s": 5}, "filter": None}, "acme")
        assert changed.recipient.level is PayloadLevel.ID
        assert changed.filter == []
        assert changed.sink["rate_per_s"] == 5
        assert changed.sink["secret"].get_secret_value() == SECRET
        assert changed.status is Status.ACTIVE
        assert (await open_registry()).get(added.id) == changed

    async def test_a_changed_url_is_asked_again_and_another_kind_of_sink_starts_clean(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(sink={"kind": "webhook", "url": "https://acme.example/h"}), "acme")
        await registry.consented(registry.get(added.id))
        moved = await registry.update(added.id, {"sink": {"url": "https://acme.example/i"}}, "acme")
        assert moved.status is Status.PENDING
        fed = await registry.update(added.id, {"sink": {"kind": "feed"}}, "acme")
        assert fed.sink == {"kind": "feed"}

    async def test_a_change_that_does_not_hold_changes_nothing(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(), "acme")
        with pytest.raises(ValidationError):
            await registry.update(added.id, {"payload": "everything"}, "acme")
        with pytest.raises(SpecRefused):
            await registry.update(added.id, {"types": ["none.such"]}, "acme")
        assert registry.get(added.id) is added

    async def test_pausing_and_resuming_through_the_specification(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(), "acme")
        assert (await registry.update(added.id, {"paused": True}, "acme")).status is Status.PAUSED
        assert (await registry.set_status(added.id, Status.ACTIVE, "", "acme")).status is Status.ACTIVE
        assert (await open_registry()).get(added.id).status is Status.ACTIVE

    async def test_a_paused_webhook_is_asked_again_before_it_goes_on(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(sink={"kind": "webhook", "url": "https://acme.example/h"}), "acme")
        await registry.consented(registry.get(added.id))
        await registry.set_status(added.id, Status.PAUSED, "http-503", "hub")
        assert (await registry.set_status(added.id, Status.ACTIVE, "", "acme")).status is Status.PENDING

    async def test_nobody_but_the_recipient_makes_a_pending_webhook_active(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(sink={"kind": "webhook", "url": "https://acme.example/h"}), "acme")
        told = []
        registry.listen(told.append)
        assert (await registry.set_status(added.id, Status.ACTIVE, "", "acme")).status is Status.PENDING
        assert told == [added]  # it is asked again, now
        await registry.consented(registry.get(added.id))
        assert registry.get(added.id).status is Status.ACTIVE

    async def test_consent_counts_only_for_what_was_asked(self, open_registry) -> None:
        registry = await open_registry()
        asked = await registry.add(spec(sink={"kind": "webhook", "url": "https://acme.example/h"}), "acme")
        await registry.update(asked.id, {"sink": {"url": "https://victim.example/"}}, "acme")
        await registry.consented(asked)
        assert registry.get(asked.id).status is Status.PENDING
        paused = await registry.set_status(asked.id, Status.PAUSED, "paused", "acme")
        await registry.consented(asked)
        assert registry.get(asked.id) is paused

    async def test_a_removed_subscription_is_told_of_a_last_time(self, open_registry) -> None:
        registry = await open_registry()
        added = await registry.add(spec(), "acme")
        told = []
        registry.listen(told.append)
        await registry.remove(added.id, "acme")
        assert told == [replace(added, status=Status.ENDED, reason="removed")]
        with pytest.raises(UnknownSubscription):
            registry.get(added.id)
        with pytest.raises(KeyError):
            await registry.remove(added.id, "acme")
        assert await registry.set_status(added.id, Status.PAUSED, "paused", "hub") is None
        assert (await open_registry()).all() == []

    async def test_it_waits_while_its_client_is_not_in_the_file(self, open_registry) -> None:
        added = await (await open_registry()).add(spec(), "acme")
        without = FILE[: FILE.index("  - id: acme")] + FILE[FILE.index("  - {id: feeder") :]
        gone = (await open_registry(without)).get(added.id)
        assert (gone.status, gone.reason) == (Status.PAUSED, "client-left")
        assert (await open_registry()).get(added.id).status is Status.ACTIVE

    async def test_listeners_hear_only_of_what_is_durable(self, open_registry, store) -> None:
        """Promise 1: nothing acts on a change before it is stored."""
        registry = await open_registry()
        heard = []
        registry.listen(heard.append)
        registry.first_cursor = lambda each: _failing
        with pytest.raises(ZeroDivisionError):
            await registry.add(spec(), "acme")
        assert heard == registry.all() == []
        assert await store.read(rows.load(T)) == []
        assert await actions(store) == []


class TestExpiry:
    async def test_it_ends_at_its_time_and_stays_ended(self, open_registry, clock) -> None:
        registry = await open_registry()
        end = clock.utc() + timedelta(days=1)
        added = await registry.add(spec(expires_at=end.isoformat()), "acme")
        assert registry.next_expiry() == end
        await registry.expire()
        assert registry.get(added.id).status is Status.ACTIVE
        clock.move(days=1)
        await registry.expire()
        assert (registry.get(added.id).status, registry.get(added.id).reason) == (Status.ENDED, "expired")
        assert registry.next_expiry() is None
        with pytest.raises(Expired):
            await registry.set_status(added.id, Status.ACTIVE, "", "acme")

    async def test_a_later_date_lets_it_go_on(self, open_registry, clock) -> None:
        registry = await open_registry()
        added = await registry.add(spec(expires_at=(clock.utc() + timedelta(days=1)).isoformat()), "acme")
        clock.move(days=2)
        assert (await open_registry()).get(added.id).status is Status.ENDED
        later = (clock.utc() + timedelta(days=1)).isoformat()
        registry = await open_registry()
        assert (await registry.update(added.id, {"expires_at": later}, "acme")).status is Status.ACTIVE


def _failing(connection) -> None:
    raise ZeroDivisionError
