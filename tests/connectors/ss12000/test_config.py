"""The vendors' kit on the configuration, and what is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ss12000.config import CertificateAuth, ClientAuth, Ss12000Config, TokenAuth
from connectors.ss12000.connector import Ss12000
from hub.config import ConfigErrors, load
from plugins.manager import Plugins
from plugins.testing import open_hub
from plugins.testing.suites import ConfigurationSuite
from tests.peers.tls import Authority

WAYS = (TokenAuth, ClientAuth, CertificateAuth)
TOKEN = {"token": "a-secret-token"}


@pytest.fixture(scope="session")
def auths(tmp_path_factory: pytest.TempPathFactory) -> dict[type, dict[str, str]]:
    certificate, key = Authority(tmp_path_factory.mktemp("authority")).identity("hub")
    return {
        TokenAuth: TOKEN,
        ClientAuth: {"login_url": "https://sis.example/token", "client_id": "hub", "client_secret": "another-secret"},
        CertificateAuth: {"certificate": str(certificate), "key": str(key)},
    }


class TestConfiguration(ConfigurationSuite):
    connector = Ss12000
    bad = {  # noqa: RUF012
        "base_url": "ftp://sis.example",
        "auth": {"password": "x"},
        "poll": "often",
        "window.back": "90m",
        "limit": 0,
        "callback.url": "https://hub.example/connectors/sis?key=1",
        "resources": ["grades"],
        "dialect.repeat_filters": "sometimes",
    }

    @pytest.fixture(params=WAYS)
    def config(self, request: pytest.FixtureRequest, auths: dict[type, dict[str, str]]) -> Mapping[str, Any]:
        return {
            "base_url": "https://sis.example/o/rest/ss12000/",
            "auth": auths[request.param],
            "poll": "60s",
            "window": {"back": "7d", "ahead": "60d"},
            "resources": ["persons", "groups"],
            "callback": {"url": "https://hub.example/connectors/sis"},
            "dialect": {"repeat_filters": "always"},
        }


@pytest.mark.parametrize("kind", WAYS)
def test_each_way_to_log_in_is_known_by_its_keys(kind: type, auths: dict[type, dict[str, str]]) -> None:
    config = Ss12000Config.model_validate({"base_url": "https://sis.example/v2.0", "auth": auths[kind]})
    assert type(config.auth) is kind
    assert Ss12000Config.model_validate({"base_url": "https://sis.example", "auth": config.auth}).auth == config.auth


@pytest.mark.parametrize(
    "address",
    [
        "https://u:canary@sis.example/v2.0",
        "https://sis.example/v2.0?key=canary",
        "https://",
        "sis.example",
        "https://sis.example:99999",
        "http://sis.example/canary",
        "http://127.0.0.1.example/canary",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValidationError) as error:
        Ss12000Config.model_validate({"base_url": address, "auth": TOKEN})
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:9"])
def test_http_stays_on_this_machine(host: str) -> None:
    assert Ss12000Config.model_validate({"base_url": f"http://{host}/v2.0/", "auth": TOKEN}).base_url.endswith("v2.0")


LINES = {
    "base_url": "https://sis.example/v2.0",
    "auth": '{token: "${env:TOKEN}"}',
    "poll": "60s",
    "window": "{back: 7d}",
    "callback": '{url: "https://hub.example/connectors/sis"}',
}
CLIENT = '{login_url: "https://sis.example/token", client_id: hub, client_secret: "${env:TOKEN}"'


def said(folder: Path, **lines: str) -> dict[str, str]:
    """What `check` says of a file with these lines, by language; empty if nothing is wrong."""
    file = folder / "skolnav.yaml"
    written = "".join(f"    {name}: {value}\n" for name, value in {**LINES, **lines}.items())
    file.write_text(f"municipality: Exempelkommun\nconnectors:\n  sis:\n    use: ss12000\n{written}")
    try:
        load(file, Plugins.load(), environ={"TOKEN": "canary-of-a-secret"})
    except ConfigErrors as errors:
        found = {language: errors.render(language).replace(str(folder), "") for language in ("sv", "en")}
        assert "canary" not in str(found)
        return found
    return {}


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    assert said(tmp_path) == {}
    assert said(tmp_path, callback='{url: "https://kommun.example/hub/connectors/sis/"}') == {}


@pytest.mark.parametrize(
    ("lines", "place", "swedish", "english"),
    [
        (
            {"base_url": "http://sis.example/v2.0"},
            "base_url", "ska börja med https:// (http bara", "must begin with https:// (http only",
        ),
        (
            {"auth": CLIENT.replace("https://sis", "http://sis") + "}"},
            "auth.login_url", "ska börja med https://", "must begin with https://",
        ),
        (
            {"auth": CLIENT + ', token: "${env:TOKEN}"}'},
            "auth", "välj ett sätt att logga in: `token`, eller", "choose one way to log in: `token`, or",
        ),
        ({"auth": "{}"}, "auth", "välj ett sätt att logga in", "choose one way to log in"),
        ({"poll": "0s"}, "poll", "ska vara längre än noll", "must be more than zero"),
        ({"window": "{back: 90m}"}, "window.back", "ska vara hela dygn, till exempel 7d", "must be whole days"),
        (
            {"callback": '{url: "https://hub.example/connectors/other"}'},
            "callback.url", "ska sluta med /connectors/ och kopplingens namn", "must end with /connectors/ and this",
        ),
        ({"callback": '{url: "https://hub.example/sis"}'}, "callback.url", "ska sluta med", "must end with"),
        ({"callback": '{url: "http://hub.example/connectors/sis"}'}, "callback.url", "ska börja med", "must begin"),
        ({"ca_file": "none.pem"}, "ca_file", "filen finns inte; en relativ", "there is no such file; a relative"),
        ({"ca_file": "skolnav.yaml"}, "ca_file", "innehåller inga certifikat (PEM)", "holds no certificates (PEM)"),
        ({"auth": "{certificate: none.pem, key: hub.key}"}, "auth.certificate", "filen finns inte", "no such file"),
        ({"auth": "{certificate: hub.crt, key: none.key}"}, "auth.key", "filen finns inte", "no such file"),
        ({"auth": "{certificate: hub.crt, key: hub.crt}"}, "auth.key", "ingen privat nyckel", "no private key"),
        (
            {"auth": "{certificate: hub.crt, key: other.key}"},
            "auth.key", "nyckeln hör inte till certifikatet", "the key does not belong to the certificate",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_in_both_languages(
    tmp_path: Path, lines: dict[str, str], place: str, swedish: str, english: str
) -> None:
    authority = Authority(tmp_path)
    authority.identity("hub")
    authority.identity("other")
    found = said(tmp_path, **lines)
    number = 5 + list({**LINES, **lines}).index(place.partition(".")[0])
    for language, text in (("sv", swedish), ("en", english)):
        where, says = found[language].split("\n")
        assert where == f"/skolnav.yaml:{number}  connectors.sis.{place}"
        assert text in says


async def test_a_file_that_has_gone_since_is_told_with_what_to_do(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).identity("hub")
    auth = {"certificate": str(certificate), "key": str(key)}
    config = Ss12000Config.model_validate({"base_url": "https://127.0.0.1:9/v2.0", "auth": auth})
    key.unlink()
    async with open_hub() as hub:
        await hub.add(Ss12000, config)
        assert await hub.status("ss12000") == "failed: configuration"
        (told,) = [each for each in hub.problems() if "Check auth.certificate and auth.key" in each]
        assert "client-certificate" in told
        assert "Check auth.certificate and auth.key" in hub.logs()
