"""The vendors' kit on the configuration, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ss12000.config import CertificateAuth, ClientAuth, Ss12000Config, TokenAuth
from connectors.ss12000.connector import Ss12000
from plugins.testing.suites import ConfigurationSuite

AUTHS: dict[type, dict[str, str]] = {
    TokenAuth: {"token": "a-secret-token"},
    ClientAuth: {"login_url": "https://sis.example/token", "client_id": "hub", "client_secret": "another-secret"},
    CertificateAuth: {"certificate": "hub.pem", "key": "hub.key"},
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

    @pytest.fixture(params=AUTHS.values(), ids=lambda auth: next(iter(auth)))
    def config(self, request: pytest.FixtureRequest) -> Mapping[str, Any]:
        return {
            "base_url": "https://sis.example/o/rest/ss12000/",
            "auth": request.param,
            "poll": "60s",
            "window": {"back": "7d", "ahead": "60d"},
            "resources": ["persons", "groups"],
            "callback": {"url": "https://hub.example/connectors/sis"},
            "dialect": {"repeat_filters": "always"},
        }


@pytest.mark.parametrize("kind", AUTHS)
def test_each_way_to_log_in_is_known_by_its_keys(kind: type) -> None:
    config = Ss12000Config.model_validate({"base_url": "https://sis.example/v2.0", "auth": AUTHS[kind]})
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
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValidationError) as error:
        Ss12000Config.model_validate({"base_url": address, "auth": AUTHS[TokenAuth]})
    assert "canary" not in str(error.value)
