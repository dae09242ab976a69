"""The hub's clients: their tokens, which change while they work, and one kept connection for each task."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.peers.hub import Answer, Caller

ANSWER_S: Final = 60.0  # a call without an answer for this long is a fault of the hub
AGAIN_S: Final = 0.2  # between two tries of a call

Gone = (OSError, asyncio.IncompleteReadError)
"""The hub went away in the middle of a call, as it does when it is killed. `TimeoutError` is one of them too, so it is
caught first: a hub that lives must answer."""


class Client:
    """`token` is the one to use. `ended` are the tokens that the hub no longer accepts; `seen` are all so far."""

    def __init__(self, id: str, folder: Path, *roles: str, **more: Any) -> None:
        self.id = id
        self.ended: set[str] = set()
        self._file = folder / f"{id}.token"
        self._roles, self._more = roles, more
        self.token = self.write_new()
        self.seen = [self.token]

    def config(self) -> dict[str, Any]:
        """The client's entry in the configuration."""
        return {"id": self.id, "token": f"${{file:{self._file}}}", "roles": list(self._roles), **self._more}

    def write_new(self) -> str:
        """Put a new token into the file. It is valid once the hub has read its configuration again."""
        new = secrets.token_urlsafe(32)
        self._file.write_text(new)
        self._file.chmod(0o600)
        return new

    def rotated(self, new: str) -> str:
        """The new token is valid, and the old one, which is returned, has ended."""
        old, self.token = self.token, new
        self.seen.append(new)
        self.ended.add(old)
        return old


class Line:
    """One kept connection, opened anew where the hub has restarted or the client's token has changed."""

    def __init__(self, client: Client, port: int) -> None:
        self.client = client
        self.token = ""
        """The token of the last call."""
        self._port = port
        self._caller: Caller | None = None

    async def call(
        self, method: str, path: str, body: bytes = b"", kind: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call. Raises one of `Gone`."""
        if self._caller is None or self.token != self.client.token:
            self.close()
            self.token = self.client.token
            self._caller = Caller(self._port, self.token)
        caller = self._caller
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await caller.request(method, path, body, kind, headers)
        finally:
            caller.received.clear()
        return answer

    async def sure(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        """The same, repeated until the hub answers with anything but 503. Raises TimeoutError."""
        while True:
            try:
                answer = await self.call(method, path, body, kind)
            except TimeoutError:
                raise
            except Gone:
                pass
            else:
                if answer.status != 503:
                    return answer
            await asyncio.sleep(AGAIN_S)

    def close(self) -> None:
        if self._caller is not None:
            self._caller.close()
            self._caller = None


async def all_read() -> None:
    """Let every task read what has reached this machine's sockets, so that what comes later was sent later."""
    for _ in range(50):
        await asyncio.sleep(0)
