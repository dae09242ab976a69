"""A client's token is replaced without a gap: the previous one is valid until its end, and not a moment longer."""

import dataclasses
from datetime import timedelta

import pytest
from pydantic import SecretStr

from hub.http.auth import Authenticator
from hub.http.problems import ApiProblem
from tests.hub.api.conftest import TOKENS
from tests.hub.api.test_ingest import absence, post, problem

OLD, NEW = f"Bearer {TOKENS['feeder']}", "Bearer token-that-is-new-0123456789"
FORM = {"grant_type": "client_credentials", "client_id": "feeder", "client_secret": TOKENS["feeder"]}


def rotate(hub, clock, hours: float = 2) -> None:
    def rotated(client):
        if client.id != "feeder":
            return client
        return client.model_copy(
            update={
                "token": SecretStr(NEW.removeprefix("Bearer ")),
                "previous_token": client.token,
                "previous_token_until": clock.utc() + timedelta(hours=hours),
            }
        )

    hub.config = dataclasses.replace(hub.config, clients=tuple(map(rotated, hub.config.clients)))


async def test_both_tokens_are_valid_until_the_previous_ones_end(http, hub, clock):
    rotate(hub, clock)
    for header in (OLD, NEW, f"bearer  {TOKENS['feeder']}"):
        assert (await post(http, absence(hub), Authorization=header)).status_code == 202
    clock.pass_machine(2 * 3600)
    for header in (OLD, OLD, f"bearer  {TOKENS['feeder']}"):  # fresh, from the cache, in another form
        problem(await post(http, absence(hub), Authorization=header), 401, "unauthenticated")
    assert (await post(http, absence(hub), Authorization=NEW)).status_code == 202


async def test_the_previous_oauth_secret_is_one_too_and_what_it_is_given_ends_with_it(http, hub, clock):
    rotate(hub, clock, hours=0.5)
    answer = (await http.post("/oauth/token", data=FORM)).json()
    assert answer["expires_in"] in (1799, 1800)
    header = f"Bearer {answer['access_token']}"
    assert (await post(http, absence(hub), Authorization=header)).status_code == 202
    clock.pass_machine(1800)
    problem(await post(http, absence(hub), Authorization=header), 401, "unauthenticated")
    assert (await http.post("/oauth/token", data=FORM)).status_code == 401


async def test_access_that_was_issued_before_the_rotation_goes_on_until_the_overlap_ends(http, hub, clock):
    header = f"Bearer {(await http.post('/oauth/token', data=FORM)).json()['access_token']}"
    rotate(hub, clock, hours=0.5)
    assert (await post(http, absence(hub), Authorization=header)).status_code == 202
    clock.pass_machine(1800)
    problem(await post(http, absence(hub), Authorization=header), 401, "unauthenticated")


async def test_a_previous_token_that_can_be_guessed_is_held_to_the_limit_of_guesses(hub, clock):
    rotate(hub, clock)
    assert not Authenticator(hub).principal(NEW.encode()).guessable

    def weak(client):
        return client.model_copy(update={"previous_token": SecretStr("12345678")}) if client.id == "feeder" else client

    hub.config = dataclasses.replace(hub.config, clients=tuple(map(weak, hub.config.clients)))
    assert Authenticator(hub).principal(NEW.encode()).guessable


async def test_a_token_that_was_never_one_is_refused_as_before(hub, clock):
    rotate(hub, clock)
    with pytest.raises(ApiProblem):
        Authenticator(hub).principal(b"Bearer ")
    with pytest.raises(ApiProblem):
        Authenticator(hub).principal(b"Bearer another")
