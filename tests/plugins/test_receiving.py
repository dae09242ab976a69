"""What a connector is given of a request: its body whole, or in pieces and once."""

import pytest

from plugins import Received


async def pieces(*parts):
    for part in parts:
        yield part


async def test_a_body_that_is_here_already_is_one_piece_as_often_as_it_is_asked_for():
    request = Received("POST", "/x", body=b"whole")
    for _ in range(2):
        assert [piece async for piece in request.stream()] == [b"whole"]
        assert await request.body() == b"whole"


async def test_an_empty_body_has_no_piece():
    assert [piece async for piece in Received("GET", "/x").stream()] == []


async def test_a_body_that_arrives_is_streamed_once():
    request = Received("POST", "/x", body=pieces(b"a", b"b"))
    assert request.whole is None
    assert [piece async for piece in request.stream()] == [b"a", b"b"]
    with pytest.raises(RuntimeError, match="streamed already"):
        await request.body()


async def test_a_body_that_was_asked_for_as_a_whole_is_kept():
    request = Received("POST", "/x", body=pieces(b"a", b"b"))
    for _ in range(2):
        assert await request.body() == b"ab"
    assert [piece async for piece in request.stream()] == [b"ab"]
