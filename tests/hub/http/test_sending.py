"""Promise 4: the first byte leaves in the turn of the permit, or the permit is asked for again."""

import asyncio

import pytest

from hub.http.sending import send_batch


class Server:
    """What a server does where the client has not taken its last answer: it waits before it writes."""

    def __init__(self, waits):
        self.waits, self.sent = waits, []

    async def send(self, message):
        if self.waits:
            self.waits = False
            await asyncio.sleep(0)
        self.sent.append(message)


async def test_in_one_turn_the_permit_holds():
    server = Server(waits=False)
    await send_batch(server.send, [b"1", b"2"], (), lambda: pytest.fail("it was asked again"))
    assert server.sent[1]["body"] == b"[1,2]"


async def test_after_a_wait_the_permit_is_asked_for_again():
    server = Server(waits=True)
    await send_batch(server.send, [b"1"], (), lambda: True)
    assert server.sent[1]["body"] == b"[1]"


async def test_without_it_nothing_but_headers_has_left():
    server = Server(waits=True)
    with pytest.raises(ConnectionAbortedError):
        await send_batch(server.send, [b"1"], (), lambda: False)
    assert [message["type"] for message in server.sent] == ["http.response.start"]
