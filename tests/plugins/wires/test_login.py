"""OAuth 2 client credentials against a real token server: when a token is fetched, and what each refusal means."""

from pathlib import Path
from typing import Any

import pytest

from plugins import ConfigurationError, SkolnavError, TemporaryError
from plugins.testing import ManualClock
from plugins.texts import Text
from plugins.wires import FarSide
from plugins.wires.https import Endpoint, Https
from plugins.wires.settings import ClientAuth
from tests.peers.sis import Made, Provider, Reply, serving
from tests.peers.tls import Authority

SECRET = "hub-secret"  # the one that the peer accepts
FAR_SIDE = FarSide(connector="acme", name=Text("systemet", "the system"), settings="to.auth.")
USED = (
    (b"[]", "token"),
    (b"<html>", "token"),
    (b'{"access_token": "a\\nb"}', "token"),
    (b'{"access_token": "x", "expires_in": "soon"}', "token"),
    (b'{"access_token": "x", "expires_in": -1}', "token"),
    (b'{"access_token": "' + b"x" * 70_000 + b'"}', "token"),
)


class TokenServer(Made):
    """`given`: its answers to a login, in place of its own."""

    def __init__(self) -> None:
        super().__init__(persons=[])
        self.logins: list[dict[str, str]] = []
        self.given: list[Reply] = []

    def login(self, form: Any) -> Reply:
        self.logins.append(dict(form))
        return self.given.pop(0) if self.given else super().login(form)


def opened(server: Provider, clock: ManualClock, **changes: Any) -> Https:
    auth = {"login_url": f"{server.url}/token", "client_id": "hub", "client_secret": SECRET}
    ca_file = changes.pop("ca_file", None)
    login = ClientAuth.model_validate({**auth, **changes})
    return Https(
        Endpoint(url=f"{server.url}/v2.0", auth=login, ca_file=ca_file, timeout_s=1, deadline_s=3), FAR_SIDE, clock
    )


async def failure(server: Provider, **changes: Any) -> SkolnavError:
    async with opened(server, ManualClock("2026-11-24T07:30"), **changes) as wire:
        with pytest.raises(SkolnavError) as caught:
            await wire.ask("GET", "persons")
    assert not any(text in str(caught.value) + caught.value.sv for text in (SECRET, "canary"))
    assert caught.value.sv
    assert server.paths() == []
    return caught.value


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    server, clock = TokenServer(), ManualClock("2026-11-24T07:30")
    with serving(server):
        async with opened(server, clock, scope="read") as wire:
            for wait, logins in ((0, 1), (3560, 1), (20, 2)):  # it lasts an hour
                clock.pass_machine(wait)
                assert (await wire.ask("GET", "persons")).status == 200
                assert len(server.logins) == logins
    form = {"grant_type": "client_credentials", "scope": "read", "client_id": "hub", "client_secret": SECRET}
    assert server.logins == [form, form]


async def test_one_without_a_life_is_used_for_five_minutes() -> None:
    server, clock = TokenServer(), ManualClock("2026-11-24T07:30")
    server.tokens.add("kort")
    server.given = [Reply(200, {"access_token": "kort"})] * 2
    with serving(server):
        async with opened(server, clock) as wire:
            for wait, logins in ((0, 1), (260, 1), (20, 2)):
                clock.pass_machine(wait)
                await wire.ask("GET", "persons")
                assert len(server.logins) == logins


async def test_after_a_401_a_new_token_is_tried_once() -> None:
    server = TokenServer()
    with serving(server):
        async with opened(server, ManualClock("2026-11-24T07:30")) as wire:
            await wire.ask("GET", "persons")
            server.tokens = {"none"}
            assert (await wire.ask("GET", "persons")).status == 200
            server.faults.append(lambda path, query: Reply(401))
            before = len(server.asked)
            assert (await wire.ask("GET", "persons")).status == 401
            assert len(server.asked) - before == 2


async def test_id_and_secret_can_be_sent_as_basic() -> None:
    server = TokenServer()
    server.given = [Reply(200, {"access_token": "x"})]
    server.tokens.add("x")
    with serving(server):
        async with opened(server, ManualClock("2026-11-24T07:30"), send="basic") as wire:
            assert (await wire.ask("GET", "persons")).status == 200
    assert server.logins == [{"grant_type": "client_credentials"}]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_secret_is_for_a_person(status: int) -> None:
    server = TokenServer()
    server.given = [Reply(status, {"error": "canary"})]
    with serving(server):
        error = await failure(server)
    assert (type(error), error.code) == (ConfigurationError, "login-refused")
    assert "Check to.auth.login_url, to.auth.client_id and to.auth.client_secret" in str(error)


@pytest.mark.parametrize("status", [302, 404, 500, 503])
async def test_a_token_server_that_fails_is_temporary(status: int) -> None:
    server = TokenServer()
    server.given = [Reply(status, {"error": "canary"})]
    with serving(server):
        error = await failure(server)
    assert (type(error), error.code) == (TemporaryError, "token")


@pytest.mark.parametrize(("body", "code"), USED, ids=range(len(USED)))
async def test_an_answer_without_a_usable_token_is_temporary(body: bytes, code: str) -> None:
    server = TokenServer()
    server.given = [Reply(200, raw=body)]
    with serving(server):
        error = await failure(server)
    assert (type(error), error.code) == (TemporaryError, code)


async def test_a_token_servers_certificate_is_named_as_the_reason(tmp_path: Path) -> None:
    """Not a wrong id or secret, which a person would look for in vain."""
    server, authority = TokenServer(), Authority(tmp_path)
    with serving(server, authority.server_context("sis.example")):
        error = await failure(server, ca_file=authority.file())
    assert (type(error), error.code) == (ConfigurationError, "certificate")
    assert "token server" in error.what
    assert "to.auth.login_url" in error.fix
    assert "client_secret" not in str(error)
