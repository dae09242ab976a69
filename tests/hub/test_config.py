import base64
import re
import resource
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from hub.config import ConfigErrors, Finding, HubConfig, Role, load, parse, slug
from plugins import Category, Connector, ConnectorConfig, Contract, Event
from plugins.manager import Plugins
from schemas.absence import AbsenceReported
from schemas.school_time import SCHOOL_ZONE

TOKEN = "canary-token-of-feeder-0123456789"
SECRET = "whsec_" + base64.b64encode(b"canary-of-a-webhook-secret").decode()
ENVIRON = {"FEEDER_TOKEN": TOKEN, "ACME_TOKEN": "canary-token-of-acme-0123456789", "ACME_SECRET": SECRET}


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: str
    password: SecretStr


def _quoting(value: str) -> str:
    raise ValueError(f"{value} is no code of ours")  # as a careless vendor may write it


class AcmeConfig(ConnectorConfig):
    login: Login | None = None
    keys: tuple[SecretStr, ...] = ()
    mode: int = Field(3, ge=1, le=9)
    code: Annotated[str, AfterValidator(_quoting)] | None = None
    level: str | None = None
    folder: str | None = None

    @field_validator("level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value == "broken":
            raise RuntimeError(value)
        raise PydanticCustomError("acme_level", "write low or high", {"sv": "skriv låg eller hög"})

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str, info: ValidationInfo) -> str:
        return str(info.context["folder"] / value)


class Acme(Connector[AcmeConfig]):
    """Sends."""

    name = "acme"
    config_model = AcmeConfig
    consumes = (AbsenceReported,)
    contract = Contract("meals", "public task", {Category.ATTENDANCE}, swedish=("måltider", "allmänt intresse"))

    async def handle(self, event: Event) -> None: ...


class Source(Connector[AcmeConfig]):
    """Only publishes."""

    name = "source"
    config_model = AcmeConfig


PLUGINS = Plugins.of(Acme, Source)
WHOLE = """\
municipality: Exempelkommun
listen: 127.0.0.1:8081
data: ./data
engine: embedded
clients:
  - {id: feeder, token: "${env:FEEDER_TOKEN}", roles: [publisher], publishes: ["se.skolnav.absence.*", "se.skolnav.directory.*"], sources: ["urn:skolnav:feeder"]}
  - {id: acme, token: "${file:secrets/acme}", roles: [subscriber], contract: {purpose: "school attendance", legal_basis: "public task", categories: [attendance, identity], scope: {school_types: [GR]}}}
connectors:
  north: {use: acme, mode: 4}
subscriptions:
  - name: acme-absence
    client: acme
    types: ["se.skolnav.absence.*"]
    sink: {kind: webhook, url: "https://acme.example/hook", secret: "${env:ACME_SECRET}"}
    payload: full
    contract:
      purpose: "school attendance"
      legal_basis: "public task, Education Act 7:17"
      categories: [attendance]
      scope: {organisations: ["0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"]}
    from: state
    expires_at: 2027-06-30T23:59:00+02:00
outbound: {allow: ["127.0.0.0/8"]}
directory: {max_age: 20h, sources: ["urn:skolnav:feeder"]}
retention: 7d
dedupe_window: 90m
log_level: warning
"""  # noqa: E501 - the file in the form that users write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "acme").write_text("canary-token-of-acme-0123456789\n")
    (tmp_path / "secrets" / "acme").chmod(0o600)
    return tmp_path


def read(folder: Path, text: str, environ: dict[str, str] = ENVIRON) -> HubConfig:
    path = folder / "skolnav.yaml"
    path.write_text(text)
    return load(path, PLUGINS, environ=environ)


def errors(folder: Path, text: str, environ: dict[str, str] = ENVIRON) -> list[Finding]:
    with pytest.raises(ConfigErrors) as caught:
        read(folder, text, environ)
    return list(caught.value.errors)


def one_error(folder: Path, text: str) -> Finding:
    found = errors(folder, text)
    assert len(found) == 1, [error.render("en") for error in found]
    return found[0]


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


class TestAWholeFile:
    def test_it_becomes_what_it_says(self, folder: Path) -> None:
        config = read(folder, WHOLE)
        assert (config.municipality, config.tenant) == ("Exempelkommun", "exempelkommun")
        assert (config.host, config.port) == ("127.0.0.1", 8081)
        assert config.data == folder / "data"
        assert config.outbound == (ip_network("127.0.0.0/8"),)
        assert config.directory.max_age == timedelta(hours=20)
        assert (config.retention, config.dedupe_window) == (timedelta(days=7), timedelta(minutes=90))
        assert (config.log_level, config.demo, config.school_clock) == ("warning", False, None)
        assert config.warnings == ()

    def test_disclosures_are_kept_for_five_years_unless_it_says_otherwise(self, folder: Path) -> None:
        assert read(folder, WHOLE).disclosure_retention >= timedelta(days=5 * 365 + 2)
        config = read(folder, WHOLE + "disclosure_retention: 730d\n")
        assert config.disclosure_retention == timedelta(days=730)
        assert config.warnings == ()

    def test_it_warns_of_disclosures_that_are_forgotten_before_their_events(self, folder: Path) -> None:
        (warning,) = read(folder, WHOLE + "disclosure_retention: 6d\n").warnings
        assert (warning.key, warning.path) == ("warning.disclosures-short", "disclosure_retention")

    def test_clients_have_their_secrets_from_where_the_file_points(self, folder: Path) -> None:
        feeder, acme = read(folder, WHOLE).clients
        assert feeder.token.get_secret_value() == TOKEN
        assert acme.token.get_secret_value() == "canary-token-of-acme-0123456789"  # without the line's end
        assert feeder.roles == {Role.PUBLISHER}
        assert (feeder.publishes, feeder.sources) == (
            ("se.skolnav.absence.*", "se.skolnav.directory.*"),
            ("urn:skolnav:feeder",),
        )
        assert feeder.contract is None
        assert acme.publishes is None
        assert acme.contract is not None
        assert acme.contract.categories == {Category.ATTENDANCE, Category.IDENTITY}

    def test_a_subscription_becomes_a_specification(self, folder: Path) -> None:
        (spec,) = read(folder, WHOLE).subscriptions
        assert spec.start_from == "state"
        assert spec.expires_at == datetime(2027, 6, 30, 21, 59, tzinfo=UTC)
        assert spec.sink.secret.get_secret_value() == SECRET
        assert spec.contract.scope.organisations == {"0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"}

    def test_a_connector_gets_its_own_keys_and_the_hub_keeps_its(self, folder: Path) -> None:
        narrowed = "{use: acme, mode: 4, contract: {scope: {school_types: [GR]}}}"
        entry = read(folder, changed("{use: acme, mode: 4}", narrowed)).connectors["north"]
        assert (entry.use, entry.cls) == ("acme", Acme)
        assert entry.config == AcmeConfig(mode=4)
        assert entry.contract is not None
        assert (entry.contract.purpose, entry.contract.scope.school_types) == ("meals", {"GR"})

    @pytest.mark.parametrize(
        ("narrowed", "sv"), [("scope: {school_types: [GR]}", "måltider"), ("purpose: lunch", "lunch")]
    )
    def test_a_purpose_that_the_file_gives_stands_in_both_languages(self, folder: Path, narrowed: str, sv: str) -> None:
        file = changed("{use: acme, mode: 4}", f"{{use: acme, mode: 4, contract: {{{narrowed}}}}}")
        contract = read(folder, file).connectors["north"].contract
        assert contract is not None
        assert contract.purpose_in("sv") == sv

    def test_a_connector_may_count_paths_from_the_file(self, folder: Path) -> None:
        config = read(folder, changed("mode: 4", "folder: out"))
        assert config.connectors["north"].config.folder == str(folder / "out")

    def test_little_is_enough(self, folder: Path) -> None:
        config = read(folder, "municipality: Östra Göinge\nconnectors:\nclients:\n")
        assert (config.tenant, config.host, config.port) == ("ostra-goinge", "127.0.0.1", 8080)
        assert (config.clients, config.connectors, config.subscriptions) == ((), {}, ())

    def test_no_secret_stands_in_the_configurations_own_text(self, folder: Path) -> None:
        """Promise 8."""
        assert "canary" not in repr(read(folder, WHOLE))

    def test_a_text_may_stand_in_no_file(self) -> None:
        config = parse("municipality: X", PLUGINS, environ={})
        assert (config.path, config.data) == (None, Path("data").absolute())


class TestEveryErrorAtOnce:
    def test_each_has_file_line_and_place_in_the_order_of_the_file(self, folder: Path) -> None:
        """Promise 8: what was wrong, where, and what to do."""
        text = (
            "municipality: Exempelkommun\n"
            "lissen: 127.0.0.1:8080\n"
            "clients:\n"
            '  - {id: acme, token: "${env:ACME_TOKEN}", roles: [subscriber, boss]}\n'
            "connectors:\n"
            "  north:\n"
            "    use: acme\n"
            "    mode: eleven\n"
            "    login:\n"
            "      username: acme\n"
            "subscriptions:\n"
            "  - name: one\n"
            "    client: acne\n"
            '    types: ["se.skolnav.absense.*"]\n'
            "    sink: {kind: feed, url: x}\n"
        )
        found = errors(folder, text)
        assert [(error.line, error.path) for error in found] == [
            (2, "lissen"),
            (4, "clients[0].roles[1]"),
            (8, "connectors.north.mode"),
            (9, "connectors.north.login.password"),
            (13, "subscriptions[0].client"),
            (14, "subscriptions[0].types[0]"),
            (15, "subscriptions[0].sink.url"),
        ]
        assert {error.file for error in found} == {str(folder / "skolnav.yaml")}

    def test_it_reads_in_swedish_and_english(self, folder: Path) -> None:
        error = one_error(folder, changed("roles: [publisher]", "roles: [publicist]"))
        assert error.render("sv") == (
            f"{folder}/skolnav.yaml:6  clients[0].roles[0]\n"
            '  "publicist" är inte ett giltigt värde. Skriv publisher, subscriber, operator, privacy_officer, auditor.'
        )
        assert '"publicist" is not possible here. Write publisher' in error.render("en")

    def test_the_exception_itself_speaks_the_users_language(self, folder: Path, monkeypatch) -> None:
        for language, word in (("sv", "saknas"), ("en", "missing")):
            monkeypatch.setenv("SKOLNAV_LANG", language)
            with pytest.raises(ConfigErrors, match=f"(?i){word}"):
                read(folder, "data: x")

    def test_a_wrong_time_of_day_is_named_with_its_line_in_swedish(self, folder: Path) -> None:
        """Promise 8, on the installed catering connector."""
        kitchens = (
            "connectors:\n  kitchen:\n    use: catering\n    aggregates: true\n"
            "    transport: {kind: folder, path: .}\n    kitchens:\n"
            "      - id: K-017\n        units: [0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10]\n        unit_code: '12345678'\n"
            '        sittings: [{id: LUNCH, from: "11:00", to: "11:30"}]\n        cutoffs:\n'
            '          - {applies_to: normal, time: "08:30"}\n          - {applies_to: bulk, time: 25:10}\n'
        )
        with pytest.raises(ConfigErrors) as caught:
            parse("municipality: X\n" + kitchens, Plugins.load(), environ={}, path=Path("skolnav.yaml"))
        assert caught.value.render("sv") == (
            "skolnav.yaml:14  connectors.kitchen.kitchens[0].cutoffs[1].time\n"
            '  "25:10" är inte ett klockslag. Skriv HH:MM mellan 00:00 och 23:59, till exempel "09:30".'
        )


class TestOneErrorEach:
    @pytest.mark.parametrize(
        ("old", "new", "path", "says"),
        [
            ("municipality: Exempelkommun", "municipality: '???'", "municipality", "right form"),
            ("municipality: Exempelkommun", 'municipality: "Exempel\\u202ekommun"', "municipality", "visible"),
            ("listen: 127.0.0.1:8081", "listen: 8081", "listen", "host and port"),
            ("listen: 127.0.0.1:8081", "listen: 127.0.0.1:70000", "listen", "host and port"),
            ("engine: embedded", "engine: {cluster: {kafka: 'h:9092'}}", "engine", "embedded engine only"),
            ("retention: 7d", "retention: 7", "retention", 'for example "60s"'),
            ("retention: 7d", "retention: 0s", "retention", 'for example "60s"'),
            ("max_age: 20h", "maxage: 20h", "directory.maxage", "Did you mean max_age?"),
            ('"127.0.0.0/8"', '"127.0.0.1/8"', "outbound.allow[0]", "must be a network"),
            ("log_level: warning", "log_level: loud", "log_level", "Write debug, info, warning, error"),
            ("id: feeder", "id: Feeder", "clients[0].id", "lower-case"),
            ("se.skolnav.absence.*\", \"se.skolnav.directory.*", "nothing", "clients[0].publishes[0]", "no event type"),
            ("roles: [publisher]", "roles: []", "clients[0].roles", "at least 1"),
            ("roles: [publisher]", "roles: publisher", "clients[0].roles", "must be a list"),
            (", roles: [publisher]", "", "clients[0].roles", "is missing"),
            ("categories: [attendance]", "categories: [atendance]", "subscriptions[0].contract.categories[0]", "Write"),
            ("categories: [attendance]", "categories: [diet]", "subscriptions[0].contract.categories", "Outside it"),
            (
                "{organisations:",
                "{school_types: [GY], organisations:",
                "subscriptions[0].contract.scope.school_types",
                "Outside it: GY",
            ),
            ("north: {use: acme", "North: {use: acme", "connectors.North", "lower-case"),
            ("use: acme", "use: acm", "connectors.north.use", "Did you mean acme?"),
            ("use: acme, ", "", "connectors.north.use", "is missing"),
            ("mode: 4", "mode: 10", "connectors.north.mode", "9 at most"),
            ("mode: 4", "mod: 4", "connectors.north.mod", "Did you mean mode?"),
            (
                "mode: 4",
                "contract: {categories: [health]}",
                "connectors.north.contract.categories",
                "the contract of the connector's class. Outside it: health",
            ),
            ("{use: acme, mode: 4}", "{use: source, contract: {}}", "connectors.north.contract", "no contract of"),
            ("mode: 4", "level: 7", "connectors.north.level", "must be text"),
            ("mode: 4", "level: x", "connectors.north.level", "is wrong: write low or high"),
            ("mode: 4", "level: broken", "connectors.north", "RuntimeError"),
            ("name: acme-absence", "name: Acme absence", "subscriptions[0].name", "lower-case"),
            ("    client: acme", "    client: feeder", "subscriptions[0].client", "has no contract"),
            ("    client: acme\n", "", "subscriptions[0].client", "which client"),
            ('types: ["se.skolnav.absence.*"]\n', "types: []\n", "subscriptions[0].types", "at least 1"),
            ("payload: full", "payload: everything", "subscriptions[0].payload", "Write none, id, full"),
            ("payload: full", "filter: {sql: x}", "subscriptions[0].filter[0]", "not a filter"),
            ("payload: full", "filter: [{exact: {data: x}}]", "subscriptions[0].filter[0].exact", "never at its data"),
            ("https://acme.example/hook", "https://10.0.0.1/", "subscriptions[0].sink.url", "outbound.allow"),
            ("https://acme.example/hook", "ftp://acme.example/", "subscriptions[0].sink.url", "https://"),
            (', secret: "${env:ACME_SECRET}"', "", "subscriptions[0].sink.secret", "is missing"),
            ("kind: webhook", "kind: pigeon", "subscriptions[0].sink.kind", "Write webhook, feed, stream"),
            ("kind: webhook, ", "", "subscriptions[0].sink.kind", "is missing"),
            ("from: state", "from: yesterday", "subscriptions[0].from", "Write now, oldest, state"),
            ("2027-06-30T23:59:00+02:00", "2027-06-30", "subscriptions[0].expires_at", "with offset"),
            ("data: ./data", "data: ./data\nkey: abc", "key", "32 bytes"),
            ("data: ./data", "data: ./data\ndata: ./other", "data", "is on line 3 too"),
            ("data: ./data", "data: x${env:HOME}", "data", "must be the whole value"),
            ("${env:FEEDER_TOKEN}", "${env:NONE}", "clients[0].token", "NONE is not set"),
            ("${file:secrets/acme}", "${file:secrets/none}", "clients[1].token", "no such file"),
        ],
    )  # fmt: skip
    def test_it_says_where_and_what_to_write(self, folder: Path, old: str, new: str, path: str, says: str) -> None:
        error = one_error(folder, changed(old, new))
        assert error.path == path
        assert says.lower() in error.says("en").lower()
        assert error.line is not None
        assert error.says("sv") != error.says("en")

    def test_the_same_name_twice_names_the_other_line(self, folder: Path) -> None:
        error, _ = errors(folder, changed("id: acme", "id: feeder"))
        assert (error.line, error.path) == (7, "clients[1].id")
        assert "line 6" in error.says("en")

    def test_two_clients_with_one_token_are_refused_since_the_hub_could_not_tell_who_calls(self, folder: Path) -> None:
        environ = {**ENVIRON, "FEEDER_TOKEN": "canary-token-of-acme-0123456789"}
        (error,) = errors(folder, WHOLE, environ)
        assert error.path == "clients[1].token"
        assert error.key == "config.same-token"
        assert "feeder" in error.render("sv")
        assert "canary" not in error.render("sv") + error.render("en") + repr(error)

    def test_an_organisation_of_a_scope_is_an_ss_12000_id(self, folder: Path) -> None:
        error = one_error(folder, changed("scope: {school_types: [GR]}", 'scope: {organisations: ["<uuid>"]}'))
        assert error.key == "config.uuid"
        assert "SS 12000" in error.render("sv")

    @pytest.mark.parametrize(
        ("was", "now", "path", "says"),
        [
            ("[GR]", "[gr]", "clients[1].contract.scope.school_types[0]", "Did you mean GR?"),
            ("[GR]", "[GR, GYM]", "clients[1].contract.scope.school_types[1]", "Did you mean GY?"),
            (
                "mode: 4",
                "contract: {scope: {school_types: [GRUNDSKOLA]}}",
                "connectors.north.contract.scope.school_types[0]",
                "ABU, AU, FHS",
            ),
        ],
    )
    def test_a_school_type_that_the_standard_lacks_is_a_warning(
        self, folder: Path, was: str, now: str, path: str, says: str
    ) -> None:
        """It would cover nobody; but school systems may be ahead of the standard."""
        (warning,) = (each for each in read(folder, changed(was, now)).warnings if each.key == "warning.school-type")
        assert warning.path == path
        assert says in warning.says("en")

    def test_what_is_wrong_with_a_webhooks_address_is_told_in_one_language(self, folder: Path) -> None:
        error = one_error(folder, changed("https://acme.example/hook", "https://10.0.0.1/hook"))
        assert error.key == "config.url-address"
        assert error.values == {}

    def test_a_duplicate_connector_name_names_both_lines(self, folder: Path) -> None:
        error = one_error(
            folder, changed("  north: {use: acme, mode: 4}\n", "  north: {use: acme}\n  north: {use: acme}\n")
        )
        assert (error.line, error.path) == (10, "connectors.north")
        assert "line 9" in error.says("en")

    def test_kafka_is_told_to_be_missing(self, folder: Path) -> None:
        sink = 'sink: {kind: webhook, url: "https://acme.example/hook", secret: "${env:ACME_SECRET}"}'
        error = one_error(folder, changed(sink, "sink: {kind: kafka, topic: x}"))
        assert (error.path, "Kafka yet" in error.says("en")) == ("subscriptions[0].sink.kind", True)

    def test_a_file_that_is_no_yaml_is_told_by_line(self, folder: Path) -> None:
        error = one_error(folder, "municipality: X\nclients: [\n  {id: a\n")
        assert (error.key, error.path, error.line) == ("config.yaml-bracket", "", 3)

    def test_a_list_where_keys_belong_is_told(self, folder: Path) -> None:
        assert "keys with values" in one_error(folder, "- a\n- b\n").says("en")

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigErrors) as caught:
            load(tmp_path / "none.yaml", PLUGINS)
        (error,) = caught.value.errors
        assert "no such file" in error.says("en")
        assert "finns inte" in error.says("sv")

    def test_a_file_beyond_all_reason_is_refused_before_it_is_parsed(self, tmp_path: Path) -> None:
        path = tmp_path / "skolnav.yaml"
        with path.open("wb") as file:
            file.write(b"municipality: X\n")
            file.truncate(100 << 20)
        with pytest.raises(ConfigErrors) as caught:
            load(path, PLUGINS)
        (error,) = caught.value.errors
        assert error.key == "config.too-large"
        assert "2 MiB" in error.says("en")

    @pytest.mark.parametrize("name", ["connectors", "clients"])
    def test_aliases_of_aliases_are_refused_where_they_become_too_many(self, folder: Path, name: str) -> None:
        """A billion laughs: nine levels of nine."""
        lines = ["a0: &a0 [" + "x, " * 9 + "]"]
        lines += [f"a{n}: &a{n} [" + f"*a{n - 1}, " * 9 + "]" for n in range(1, 10)]
        error = one_error(folder, "\n".join([*lines, f"{name}: *a9"]))
        assert error.key == "config.too-many"
        assert "200000" in error.says("en")

    def test_what_is_nested_without_end_is_refused(self, folder: Path) -> None:
        assert one_error(folder, "clients: " + "[" * 100_000).key == "config.too-deep"

    def test_an_alias_that_holds_itself_is_told(self, folder: Path) -> None:
        assert "config.anchor" in {error.key for error in errors(folder, "municipality: X\nclients: &a [*a]\n")}


class TestSecrets:
    """Promise 8: no secret in an error; and none in the file itself."""

    @pytest.mark.parametrize(
        ("old", "new", "path"),
        [
            ("${env:FEEDER_TOKEN}", "canary-literal", "clients[0].token"),
            ("${env:ACME_SECRET}", "canary-literal", "subscriptions[0].sink.secret"),
            ("mode: 4", "login: {username: acme, password: canary-literal}", "connectors.north.login.password"),
            ("mode: 4", "keys: ['${env:ACME_SECRET}', canary-literal]", "connectors.north.keys[1]"),
        ],
    )
    def test_a_literal_secret_is_an_error_that_does_not_repeat_it(self, folder, old, new, path) -> None:
        error = one_error(folder, changed(old, new))
        assert (error.key, error.path) == ("config.literal-secret", path)
        assert "canary" not in error.render("sv") + error.render("en") + repr(error)

    def test_a_secret_where_no_secret_belongs_is_not_told(self, folder: Path) -> None:
        for old, new in (
            ("listen: 127.0.0.1:8081", 'listen: "${env:FEEDER_TOKEN}"'),
            ("payload: full", 'payload: "${env:FEEDER_TOKEN}"'),
            ("mode: 4", 'mode: "${env:FEEDER_TOKEN}"'),
            ("mode: 4", 'code: "${env:FEEDER_TOKEN}"'),
            ("https://acme.example/hook", "${env:FEEDER_TOKEN}"),
        ):
            error = one_error(folder, changed(old, new))
            assert "canary" not in error.render("sv") + error.render("en") + repr(error)

    @given(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=1000, exclude_characters="\\'\"$"), min_size=8)
    )
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_the_secret_is_no_error_holds_it(self, folder: Path, secret: str) -> None:
        text = changed("mode: 4", 'mode: "${env:A}", code: "${env:A}", login: "${env:A}"').replace("acme.example", "")

        def told(secret: str) -> str:
            found = errors(folder, text, {**ENVIRON, "A": secret, "ACME_SECRET": "whsec_" + secret})
            return "".join(error.render("sv") + error.render("en") + repr(error) for error in found)

        # Hypothesis tries words that stand in the code, such as "config.m".
        assume(secret not in told("canary-of-another"))
        assert secret not in told(secret)

    def test_what_may_be_personal_is_not_quoted(self, folder: Path) -> None:
        for value in ("anna.andersson@example.se", "Anna Andersson", "20100101-2385", "'0701234567'"):
            error = one_error(folder, changed("mode: 4", f"mode: {value}"))
            assert error.shown == ""
            assert value.strip("'") not in error.render("en") + repr(error)

    def test_the_key_is_32_bytes_from_a_file_or_written_out(self, folder: Path) -> None:
        raw = bytes(range(200, 232))
        (folder / "hub.key").write_bytes(raw)
        with_key = WHOLE + 'key: "${file:hub.key}"\n'
        assert read(folder, with_key).key.get_secret_value() == raw
        from_env = WHOLE + 'key: "${env:KEY}"\n'
        assert read(folder, from_env, {**ENVIRON, "KEY": raw.hex()}).key.get_secret_value() == raw
        (folder / "hub.key").write_bytes(raw + b"x")
        assert one_error(folder, with_key).path == "key"


class TestYaml:
    def test_nothing_is_guessed_from_the_look_of_a_value(self, folder: Path) -> None:
        """YAML 1.1 reads these as 630, False and a date."""
        config = read(folder, changed("municipality: Exempelkommun", "municipality: 10:30"))
        assert config.municipality == "10:30"
        assert read(folder, changed("Exempelkommun", "no")).municipality == "no"
        assert read(folder, changed("Exempelkommun", "2026-11-24")).municipality == "2026-11-24"

    def test_an_anchor_may_be_used_again(self, folder: Path) -> None:
        text = changed("categories: [attendance]", "categories: &c [attendance]").replace("from: state", "sources: *c")
        assert read(folder, text).subscriptions[0].sources == ("attendance",)


class TestWarnings:
    def test_a_file_that_limits_nothing_is_warned_about_place_by_place(self, folder: Path) -> None:
        text = (
            WHOLE.replace(
                ', publishes: ["se.skolnav.absence.*", "se.skolnav.directory.*"], sources: ["urn:skolnav:feeder"]', ""
            )
            .replace(", scope: {school_types: [GR]}", "")
            .replace('      scope: {organisations: ["0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"]}\n', "")
            .replace("mode: 4", "protected: true")
        )
        found = {(warning.key, warning.path) for warning in read(folder, text).warnings}
        assert found == {
            ("warning.publishes-all", "clients[0]"),
            ("warning.sources-all", "clients[0]"),
            ("warning.no-scope", "clients[1].contract"),
            ("warning.no-scope", "subscriptions[0].contract"),
            ("warning.protected", "connectors.north.protected"),
        }

    def test_more_descriptors_than_the_system_gives_are_warned_about(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limit of this process can't be lowered and raised again."""
        monkeypatch.setattr(resource, "getrlimit", lambda of: (300, 300))
        for wanted, isolation, warned in (("301", "process", True), ("300", "process", False), ("301", "none", False)):
            text = changed("mode: 4", f"isolation: {isolation}, limits: {{descriptors: {wanted}}}")
            found = [each for each in read(folder, text).warnings if each.key == "warning.descriptors"]
            assert [(each.path, each.values) for each in found] == (
                [("connectors.north.limits.descriptors", {"given": 300})] if warned else []
            )

    def test_a_contract_without_a_category_is_warned_about(self, folder: Path) -> None:
        text = changed("categories: [attendance]", "categories: []").replace(
            "mode: 4", "contract: {categories: [], scope: {school_types: [GR]}}"
        )
        assert {(warning.key, warning.path) for warning in read(folder, text).warnings} == {
            ("warning.no-categories", "subscriptions[0].contract.categories"),
            ("warning.no-categories", "connectors.north.contract.categories"),
        }


class TestTheSchoolClock:
    CLOCK = "demo: true\nschool_clock: {start: 2026-11-24T07:40:00, speed: 60}\n"

    def test_it_starts_in_school_time_and_keeps_the_hub_to_itself(self, folder: Path) -> None:
        local = changed("https://acme.example/hook", "http://127.0.0.1:9000/hook")
        config = read(folder, local.replace('outbound: {allow: ["127.0.0.0/8"]}\n', self.CLOCK))
        assert config.school_clock is not None
        assert config.school_clock.start == datetime(2026, 11, 24, 7, 40, tzinfo=SCHOOL_ZONE)
        assert config.loopback_only
        assert {str(network) for network in config.outbound} == {"127.0.0.0/8", "::1/128"}

    def test_it_stands_only_in_a_demo(self, folder: Path) -> None:
        error = one_error(folder, "municipality: X\nschool_clock: {start: 2026-11-24T07:40:00}\n")
        assert (error.line, error.path, error.key) == (2, "school_clock", "config.demo-only")

    @pytest.mark.parametrize("endpoint", ["collector:4318", "grpc://collector", "http://a:b@collector", "http://", "x"])
    def test_a_collector_is_a_url_without_credentials(self, folder: Path, endpoint: str) -> None:
        error = one_error(folder, f"municipality: X\ntracing: {{endpoint: '{endpoint}'}}\n")
        assert (error.path, error.key) == ("tracing.endpoint", "config.collector")

    def test_a_collectors_header_comes_by_reference_and_is_one_line(self, folder: Path) -> None:
        head = "municipality: X\ntracing: {endpoint: 'http://127.0.0.1:4318', headers: {authorization: '%s'}}\n"
        found = read(folder, head % "${env:FEEDER_TOKEN}").tracing
        assert found is not None
        assert found.headers["authorization"].get_secret_value() == TOKEN
        assert one_error(folder, head % "Bearer canary").key == "config.literal-secret"
        error = errors(folder, head % "${env:FEEDER_TOKEN}", {**ENVIRON, "FEEDER_TOKEN": "a\nb: canary"})[0]
        assert error.key == "config.not-plain"
        assert "canary" not in error.render("en")

    def test_a_collector_elsewhere_does_not_go_with_it(self, folder: Path) -> None:
        head = "municipality: X\n" + self.CLOCK
        assert read(folder, head + "tracing: {endpoint: 'http://127.0.0.1:4318'}\n").tracing is not None
        error = one_error(folder, head + "tracing: {endpoint: 'https://collector.example'}\n")
        assert (error.path, error.key) == ("tracing.endpoint", "config.clock-collector")

    def test_a_webhook_elsewhere_does_not_go_with_it(self, folder: Path) -> None:
        error = one_error(folder, WHOLE + self.CLOCK)
        assert (error.path, error.key) == ("subscriptions[0].sink.url", "config.clock-webhook")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Östra Göinge", "ostra-goinge"), ("Malå", "mala"), ("Upplands-Bro", "upplands-bro"), ("---", "")],
)
def test_the_tenant_is_the_municipalitys_name_in_plain_letters(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_every_text_key_that_config_uses_is_in_the_catalogue_and_the_other_way_round() -> None:
    from hub.texts import TEXTS

    root = Path(__file__).parents[2] / "hub"
    source = "\n".join(path.read_text() for path in root.rglob("*.py") if path.parent != root / "texts")
    used = set(re.findall(r'"((?:config|filter|hint|warning|subscription)\.[a-z-]+)"', source))
    used |= {f"config.{code}" for code in re.findall(r'UrlRefused\(\s*"([a-z-]+)"', source)}
    listed = {key for key in TEXTS if key.partition(".")[0] in ("config", "filter", "hint", "warning", "subscription")}
    assert {key for key in used if not key.startswith("subscription.")} <= listed
    assert listed <= used


class TestAtTheStart:
    """No connector's settings keep the others from starting: what concerns one connector alone leaves it out."""

    @pytest.mark.parametrize(
        ("connector", "place", "key"),
        [
            ("{use: acme, mode: 10}", "connectors.north.mode", "config.maximum"),
            ("{use: acme, level: high}", "connectors.north.level", "config.other"),
            ("{use: acme, level: broken}", "connectors.north", "config.connector-failed"),
            ("{use: acme, moed: 4}", "connectors.north.moed", "config.unknown-key"),
            ("{use: acmee}", "connectors.north.use", "config.connector-unknown"),
        ],
    )
    def test_a_connector_that_cannot_be_used_is_left_out(
        self, folder: Path, connector: str, place: str, key: str
    ) -> None:
        text = changed("north: {use: acme, mode: 4}", f"north: {connector}\n  south: {{use: acme}}")
        with pytest.raises(ConfigErrors):
            read(folder, text)
        found = parse(text, PLUGINS, environ=ENVIRON, path=folder / "skolnav.yaml", at_start=True)
        assert list(found.connectors) == ["south"]
        (finding,) = found.left_out["north"].findings
        assert (finding.path, finding.key) == (place, key)

    @pytest.mark.parametrize(
        "connector",
        [
            "{use: acme, login: {username: u, password: literal-canary}}",
            "{mode: 4}",
            "[acme]",
            "{use: acme, corrects: 4}",
        ],
    )
    def test_what_is_wrong_with_the_hubs_own_keys_or_a_secret_is_refused_all_the_same(
        self, folder: Path, connector: str
    ) -> None:
        text = changed("north: {use: acme, mode: 4}", f"north: {connector}")
        with pytest.raises(ConfigErrors):
            parse(text, PLUGINS, environ=ENVIRON, path=folder / "skolnav.yaml", at_start=True)


class TestPreviousToken:
    @pytest.mark.parametrize(
        ("more", "key"),
        [
            ("previous_token: '${env:OLD}'", "config.until-missing"),
            ("previous_token_until: 2026-12-24T12:00:00+01:00", "config.until-of-nothing"),
            ("previous_token: '${env:NEW}'\n    previous_token_until: 2026-12-24T12:00:00+01:00", "config.same-token"),
            ("previous_token: literal-token", "config.literal-secret"),
        ],
    )
    def test_a_previous_token_has_an_end_is_another_and_is_a_reference(self, more: str, key: str) -> None:
        text = f"municipality: X\nclients:\n  - id: a\n    token: '${{env:NEW}}'\n    roles: [operator]\n    {more}\n"
        with pytest.raises(ConfigErrors) as errors:
            parse(text, Plugins.of(), environ={"NEW": "n" * 40, "OLD": "o" * 40})
        assert key in [error.key for error in errors.value.errors]


def test_a_type_that_is_like_none_has_no_suggestion(tmp_path: Path) -> None:
    text = changed('types: ["se.skolnav.absence.*"]', 'types: ["”*”"]')
    (found,) = [each for each in errors(tmp_path, text) if each.key == "config.types-nothing"]
    assert "Menade du" not in found.says("sv")
