"""Guessing tokens and secrets is slowed, seen by operators, and locks out no client that works."""

import base64

import httpx
import pytest
from pydantic import SecretStr

from hub.http import guesses
from tests.hub.api.conftest import TOKENS, bearer
from tests.hub.api.test_ingest import problem
from tests.hub.api.test_rights import put_in_force

PATH = "/v1/subscriptions"
FORM = {"grant_type": "client_credentials", "client_id": "acme"}


def at(app, address):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 4711)), base_url="http://hub")


async def guess(http, count, path=PATH):
    """Wrong tokens, each another. Returns the answers."""
    return [await http.get(path, headers={"Authorization": f"Bearer guess-{n}"}) for n in range(count)]


async def guess_secrets(http, count, client="acme"):
    return [
        await http.post("/oauth/token", data={**FORM, "client_id": client, "client_secret": f"guess-{n}"})
        for n in range(count)
    ]


def statuses(answers):
    return [answer.status_code for answer in answers]


WEAK = {"Authorization": "Bearer acme-2026"}


@pytest.fixture
async def weak(hub):
    """acme's and feeder's tokens are such that `skolnav check` warns of them."""
    await put_in_force(hub, "acme", token=SecretStr("acme-2026"))
    await put_in_force(hub, "feeder", token=SecretStr("feeder-2026"))


class TestTokens:
    async def test_a_right_token_that_cannot_be_guessed_is_served_whatever_others_tried_at_its_address(self, app, hub):
        async with at(app, "192.0.2.1") as http:
            await guess(http, 2 * guesses.BURST)
            await guess_secrets(http, 2 * guesses.BURST_OF_CLIENT)
            assert (await http.get(PATH, headers=bearer("acme"))).status_code == 200
            assert (await http.post("/v1/events", headers=bearer("feeder"))).status_code == 415
            (refused,) = await guess(http, 1)
            problem(refused, 429, "too-many-requests")

    async def test_wrong_tokens_are_slowed_and_then_even_a_right_one_that_is_weak_is(self, app, weak):
        async with at(app, "192.0.2.1") as http:
            assert statuses(await guess(http, guesses.BURST)) == [401] * guesses.BURST
            (refused,) = await guess(http, 1)
            problem(refused, 429, "too-many-requests")
            assert int(refused.headers["retry-after"]) > 0
            problem(await http.get(PATH, headers=WEAK), 429, "too-many-requests")

    async def test_the_way_in_for_events_is_slowed_with_the_rest(self, app, weak):
        async with at(app, "192.0.2.1") as http:
            for n in range(guesses.BURST):
                wrong = await http.post("/v1/events", headers={"Authorization": f"Bearer guess-{n}"})
                assert wrong.status_code == 401
            feeder = {"Authorization": "Bearer feeder-2026"}
            problem(await http.post("/v1/events", headers=feeder), 429, "too-many-requests")
            assert (await http.get("/ss12000/v2.0/persons", headers=WEAK)).status_code == 429

    async def test_a_client_at_another_address_and_one_that_was_served_here_go_on(self, app, hub):
        await put_in_force(hub, "other", token=SecretStr("other-2026"))
        await put_in_force(hub, "acme", token=SecretStr("acme-2026"))
        other = {"Authorization": "Bearer other-2026"}
        async with at(app, "192.0.2.1") as here, at(app, "192.0.2.2") as elsewhere:
            assert (await here.get(PATH, headers=other)).status_code == 200
            await guess(here, guesses.BURST + 5)
            assert (await elsewhere.get(PATH, headers=WEAK)).status_code == 200
            assert (await here.get(PATH, headers=other)).status_code == 200
            assert (await here.get(PATH, headers=WEAK)).status_code == 429

    async def test_one_host_counts_as_one_with_all_its_ipv6_addresses(self, app):
        answers = []
        for n in range(guesses.BURST + 1):
            async with at(app, f"2001:db8:1:2::{n:x}") as http:
                answers += await guess(http, 1)
        assert statuses(answers) == [401] * guesses.BURST + [429]

    async def test_it_ends_with_time(self, app, clock, weak):
        async with at(app, "192.0.2.1") as http:
            await guess(http, guesses.BURST + 1)
            clock.pass_machine(1 / guesses.PER_S)
            assert (await http.get(PATH, headers=WEAK)).status_code == 200

    async def test_an_access_token_that_has_expired_is_no_guess(self, app, clock):
        async with at(app, "192.0.2.1") as http:
            issued = await http.post("/oauth/token", data={**FORM, "client_secret": TOKENS["acme"]})
            clock.pass_machine(3601)
            expired = {"Authorization": f"Bearer {issued.json()['access_token']}"}
            for _ in range(2 * guesses.BURST):
                assert (await http.get(PATH, headers=expired)).status_code == 401
            assert (await http.get(PATH, headers=bearer("other"))).status_code == 200

    async def test_no_token_at_all_is_no_guess(self, app):
        async with at(app, "192.0.2.1") as http:
            for _ in range(2 * guesses.BURST):
                assert (await http.get(PATH)).status_code == 401


class TestSecrets:
    @pytest.mark.parametrize("client", ["acme", "no-such-client"])
    async def test_secrets_of_one_client_are_slowed_alike_whether_it_exists_or_not(self, app, client):
        async with at(app, "192.0.2.1") as http:
            answers = await guess_secrets(http, guesses.BURST_OF_CLIENT + 1, client)
            assert statuses(answers) == [401] * guesses.BURST_OF_CLIENT + [429]

    async def test_the_right_secret_is_not_told_while_it_is_slowed(self, app):
        async with at(app, "192.0.2.1") as http, at(app, "192.0.2.2") as elsewhere:
            await guess_secrets(http, guesses.BURST_OF_CLIENT)
            right = {**FORM, "client_secret": TOKENS["acme"]}
            problem(await http.post("/oauth/token", data=right), 429, "too-many-requests")
            assert (await elsewhere.post("/oauth/token", data=right)).status_code == 200

    async def test_http_basic_and_names_of_many_clients_count_for_the_address(self, app):
        async with at(app, "192.0.2.1") as http:
            answers = []
            for n in range(guesses.BURST + 1):
                basic = base64.b64encode(f"client-{n}:guess".encode()).decode()
                sent = {"Authorization": f"Basic {basic}"}
                answers.append(await http.post("/oauth/token", data={"grant_type": FORM["grant_type"]}, headers=sent))
            assert statuses(answers) == [401] * guesses.BURST + [429]


async def test_operators_see_guesses_in_one_line_and_in_figures(app, caplog):
    async with at(app, "192.0.2.1") as http, at(app, "192.0.2.2") as operator:
        await guess(http, guesses.BURST + 3)
        text = (await operator.get("/metrics", headers=bearer("op"))).text
    assert f"skolnav_http_wrong_tokens_total {guesses.BURST + 3:.1f}" in text
    assert "skolnav_http_guesses_slowed_total 3.0" in text
    (line,) = [record.message for record in caplog.records if "slowed" in record.message]
    assert "guess-" not in line
