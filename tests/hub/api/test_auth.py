"""Tokens and roles."""

import base64
import dataclasses

import httpx
import pytest
from pydantic import SecretStr

from hub.api.app import create_app
from hub.http.auth import Authenticator
from hub.http.problems import ApiProblem
from tests.hub.api.conftest import TOKENS, bearer
from tests.hub.api.test_ingest import CANARY, absence, post, problem

FORM = {"grant_type": "client_credentials", "client_id": "feeder", "client_secret": TOKENS["feeder"]}


async def issued(http, **form):
    answer = await http.post("/oauth/token", data={**FORM, **form})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestOAuth:
    async def test_credentials_in_the_form_give_a_token_that_publishes(self, http, hub):
        answer = await issued(http)
        assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3600, "publisher")
        assert TOKENS["feeder"] not in answer["access_token"]
        for _ in range(2):  # opened, then from the cache
            taken = await post(http, absence(hub), Authorization=f"bearer  {answer['access_token']}")
            assert taken.status_code == 202

    async def test_credentials_by_http_basic(self, http):
        basic = base64.b64encode(f"feeder:{TOKENS['feeder']}".encode()).decode()
        answer = await http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
        )
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"

    async def test_a_token_ends_after_its_hour_also_from_the_cache(self, http, hub, clock):
        token = (await issued(http))["access_token"]
        header = f"Bearer {token}"
        assert (await post(http, absence(hub), Authorization=header)).status_code == 202
        clock.pass_machine(3601)
        problem(await post(http, absence(hub), Authorization=header), 401, "unauthenticated")

    async def test_a_changed_secret_takes_the_tokens_with_it(self, http, hub):
        header = f"Bearer {(await issued(http))['access_token']}"
        assert (await post(http, absence(hub), Authorization=header)).status_code == 202
        renewed = tuple(
            client.model_copy(update={"token": SecretStr("renewed")}) if client.id == "feeder" else client
            for client in hub.config.clients
        )
        hub.config = dataclasses.replace(hub.config, clients=renewed)
        problem(await post(http, absence(hub), Authorization=header), 401, "unauthenticated")
        problem(await post(http, absence(hub)), 401, "unauthenticated")
        assert (await post(http, absence(hub), Authorization="Bearer renewed")).status_code == 202

    @pytest.mark.parametrize(
        ("form", "status", "error"),
        [
            ({"client_secret": CANARY}, 401, "invalid_client"),
            ({"client_id": CANARY}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"grant_type": ""}, 400, "unsupported_grant_type"),
        ],
    )
    async def test_a_refusal_is_the_standards(self, http, form, status, error):
        answer = await http.post("/oauth/token", data={**FORM, **form})
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert CANARY not in answer.text
        assert ("www-authenticate" in answer.headers) == (status == 401)

    async def test_a_form_that_is_none_is_refused(self, http):
        for body in (b"\xff\xfe", b"&".join(b"a=%d" % n for n in range(50))):
            answer = await http.post("/oauth/token", content=body)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        problem(await http.post("/oauth/token", content=b"x" * 20_000), 413, "too-large")

    async def test_a_token_of_another_hub_or_a_changed_one_is_401(self, http, hub):
        token = (await issued(http))["access_token"]
        changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
        problem(await post(http, absence(hub), Authorization=f"Bearer {changed}"), 401, "unauthenticated")


class TestPrincipals:
    async def test_no_glob_at_all_allows_nothing(self, hub):
        clients = tuple(client.model_copy(update={"publishes": ()}) for client in hub.config.clients)
        hub.config = dataclasses.replace(hub.config, clients=clients)
        feeder = Authenticator(hub).client("feeder")
        assert feeder.may_not_publish("se.skolnav.absence.reported.v1", "urn:x") == "publishes"

    async def test_a_principal_shows_no_secret(self, hub):
        shown = repr(Authenticator(hub).client("feeder"))
        assert "secret" not in shown
        assert TOKENS["feeder"] not in shown

    async def test_the_local_socket_is_an_operator_without_a_token(self, hub):
        app = create_app(hub, local=True)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as http:
            assert (await http.get("/v1/operator/status")).status_code == 200
            problem(await http.get("/v1/state/person/x"), 403, "role-missing")
            problem(await http.get("/v1/operator/status", headers=bearer("acme")), 403, "role-missing")
            problem(await post(http, absence(hub), Authorization=None), 401, "unauthenticated")

    async def test_over_the_network_nobody_is_local(self, http):
        problem(await http.get("/v1/operator/status"), 401, "unauthenticated")

    async def test_an_unknown_client_has_no_principal(self, hub):
        assert Authenticator(hub).client(CANARY) is None
        with pytest.raises(ApiProblem):
            Authenticator(hub).principal(b"Bearer ")
