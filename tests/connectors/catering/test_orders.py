"""Orders over HTTPS, against a real server under an authority of its own: what is sent, and what answers mean."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.catering.config import HttpsTransport, Kitchen
from connectors.catering.orders import PROBE, OrderClient
from connectors.catering.snapshot import Snapshot
from plugins import ConfigurationError, SkolnavError, TemporaryError
from plugins.testing import ManualClock
from plugins.wires.files import Put
from schemas import core_catalogue
from schemas.meals import MealsCount
from tests.connectors.catering.test_readme import shown
from tests.peers.orders import TOKEN, Orders, order_peer
from tests.peers.webhook import status

KEY = "K-017/2026-11-24/1/2"


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Orders]:
    async with order_peer(tmp_path / "peer") as running:
        yield running


@pytest.fixture
async def readable(tmp_path: Path) -> AsyncIterator[Orders]:
    async with order_peer(tmp_path / "readable", readable=True) as running:
        yield running


def client(peer: Orders, **changes: Any) -> OrderClient:
    return OrderClient(HttpsTransport.model_validate(peer.transport(**changes)), ManualClock("2026-11-24T08:30"))


async def put(peer: Orders, told: Snapshot | None = None, **changes: Any) -> Put:
    kitchen, usual = shown()
    return await client(peer, **changes).put(kitchen, told or usual)


async def failure(peer: Orders, within_s: float = 30, **changes: Any) -> SkolnavError:
    """What `put` raises: in bounded time, without the token, the document or what the server said."""
    begin = time.monotonic()
    with pytest.raises(SkolnavError) as caught:
        await put(peer, **changes)
    assert time.monotonic() - begin < within_s
    assert caught.value.__cause__ is None
    assert not any(text in str(caught.value) for text in (TOKEN, "208", "GLUTENFRI", "secret-of-the-server"))
    assert caught.value.fix
    return caught.value


async def test_an_order_is_put_under_its_key(peer: Orders) -> None:
    assert await put(peer) is Put.WRITTEN
    (request,) = peer.server.received
    assert (request.method, request.path) == ("PUT", f"/orders/{KEY}")
    assert request.headers["idempotency-key"] == f'"{KEY}"'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert list(peer.orders) == [KEY]


async def test_an_order_is_a_count_but_for_what_changes_without_a_revision(peer: Orders) -> None:
    """Names and values as the catalogue has them."""
    await put(peer)
    (document,) = peer.documents()
    assert document.pop("unit") == "12345678"
    full = {**document, "asOf": document["due"], "enrolled": 0, "absent": 0}
    core_catalogue().entry(MealsCount.spec.type).validate(full)
    assert document.keys() == full.keys() - {"asOf", "enrolled", "absent"}


async def test_a_name_with_other_letters_stays_one_part_of_the_address(peer: Orders) -> None:
    kitchen, told = shown()
    kitchen = Kitchen.model_validate({**kitchen.model_dump(by_alias=True), "id": "Kök.Å:1"})
    assert await client(peer).put(kitchen, told) is Put.WRITTEN
    assert list(peer.orders) == ["K%C3%B6k.%C3%85%3A1/2026-11-24/1/2"]


async def test_the_same_order_again_is_one(peer: Orders) -> None:
    await put(peer)
    await put(peer)
    assert len(peer.orders) == 1


async def test_another_order_under_the_key_is_told_and_left_alone(peer: Orders) -> None:
    peer.orders[KEY] = b"{}"
    assert await put(peer) is Put.TAKEN
    assert peer.orders == {KEY: b"{}"}


async def test_what_is_there_is_looked_at_before_and_after(readable: Orders) -> None:
    assert await put(readable) is Put.WRITTEN
    assert [request.method for request in readable.server.received] == ["GET", "PUT", "GET"]
    readable.server.received.clear()
    assert await put(readable) is Put.THERE
    assert [request.method for request in readable.server.received] == ["GET"]


async def test_the_far_side_may_add_to_an_order_and_may_not_change_it(readable: Orders) -> None:
    await put(readable)
    kept = json.loads(readable.orders[KEY])
    readable.orders[KEY] = json.dumps({**kept, "receivedAt": "2026-11-24T08:31:00+01:00"}).encode()
    assert await put(readable) is Put.THERE
    readable.orders[KEY] = json.dumps({**kept, "staffPortions": 0}).encode()
    assert await put(readable) is Put.TAKEN


@pytest.mark.parametrize("gone", [404, 410])
async def test_an_acknowledged_order_that_is_not_there_was_accepted_and_every_sitting_is_sent(
    readable: Orders, gone: int
) -> None:
    """A system that moves orders at once, as some SFTP servers move files."""
    kitchen, usual = shown()
    second = usual.rows[0].model_copy(update={"sitting": "2"})
    told = usual.model_copy(update={"rows": (usual.rows[0], second)})
    readable.answers = [status(404), status(201), status(gone)]
    readable.keep = False
    assert await client(readable).put(kitchen, told) is Put.WRITTEN
    puts = [request.path for request in readable.server.received if request.method == "PUT"]
    assert [path.removeprefix("/orders/") for path in puts] == [KEY, "K-017/2026-11-24/2/2"]


async def test_an_acknowledged_order_that_reads_differently_is_not_verified(readable: Orders) -> None:
    readable.answers = [status(404), status(201), status(200, body=b'{"staffPortions": 0}')]
    error = await failure(readable)
    assert (type(error), error.code) == (TemporaryError, "unverified")


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (301, ConfigurationError, "http-301"),
        (307, ConfigurationError, "http-307"),
        (400, ConfigurationError, "http-400"),
        (401, ConfigurationError, "login-refused"),
        (403, ConfigurationError, "http-403"),
        (404, ConfigurationError, "http-404"),
        (413, ConfigurationError, "http-413"),
        (422, ConfigurationError, "http-422"),
        (408, TemporaryError, "http-408"),
        (429, TemporaryError, "http-429"),
        (500, TemporaryError, "http-500"),
        (503, TemporaryError, "http-503"),
    ],
)
async def test_each_answer_means_what_happens_next(peer: Orders, code: int, kind: type, says: str) -> None:
    """None is PermanentError: the event would be given up, and with it who is away."""
    peer.answers = [status(code, "Location: https://127.0.0.1/elsewhere", body=b"secret-of-the-server")]
    error = await failure(peer)
    assert (type(error), error.code) == (kind, says)
    assert len(peer.server.received) == 1


async def test_a_web_page_is_no_answer(peer: Orders) -> None:
    peer.wrong(True)
    error = await failure(peer)
    assert (type(error), error.code) == (TemporaryError, "not-json")


@pytest.mark.parametrize(
    ("answer", "code"), [(b"[]", "odd-answer"), (b"null", "odd-answer"), (b"{", "cut-off"), (b"\xff", "cut-off")]
)
async def test_what_is_read_back_must_be_an_order(readable: Orders, answer: bytes, code: str) -> None:
    readable.answers = [status(200, body=answer)]
    error = await failure(readable)
    assert (type(error), error.code) == (TemporaryError, code)


async def test_a_setting_is_named_as_the_municipality_writes_it(peer: Orders) -> None:
    error = await failure(peer, token="fel")
    assert str(error) == (
        "catering: the system for orders refuses the login. it answered 401. "
        "Check transport.token with the server's operator"
    )
    assert error.sv == (
        "catering: beställningssystemet nekar inloggningen. svaret var 401. "
        "Kontrollera transport.token med den som driver servern"
    )


class TestProbe:
    async def test_it_asks_for_an_order_that_cannot_be(self, peer: Orders, readable: Orders) -> None:
        for each in (peer, readable):
            await client(each).probe()
            assert [(r.method, r.path) for r in each.server.received] == [("GET", f"/orders/{PROBE}")]

    async def test_a_wrong_token_is_found_out(self, peer: Orders) -> None:
        with pytest.raises(ConfigurationError) as caught:
            await client(peer, token="fel").probe()
        assert caught.value.code == "login-refused"

    async def test_an_answer_for_everything_is_found_out(self, peer: Orders) -> None:
        peer.answers = [status(200, body=b"{}")]
        with pytest.raises(ConfigurationError) as caught:
            await client(peer).probe()
        assert caught.value.code == "odd-answer"
