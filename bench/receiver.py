"""A webhook receiver as light as Python allows, in a process of its own: counts, and notes when each event came.

    python -m bench.receiver [--port 0]         prints the port it listens on

The first part of a path says how to behave, the second which recipient it is:
`/ok/<name>` answers 204, `/error/<name>` 500, `/hang/<name>` never. Consent to the handshake is given to all.
`GET /counts` gives `{name: {"requests", "events", "last_ns"}}`, `GET /receipts/<name>` a line `<event id> <ns>` for
each first arrival. Times are CLOCK_MONOTONIC, which is the same in all processes of a machine.
"""

import argparse
import asyncio
import json
import time
from typing import Final, cast

import uvloop

NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
ERROR: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
CONSENT: Final = b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"
_ID: Final = b'"id":"evt-'  # the envelope's id, wherever it stands: those of `bench.events` begin so


class Receipts:
    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.first: dict[str, dict[bytes, int]] = {}

    def note(self, name: str, body: bytes) -> None:
        self.requests[name] = self.requests.get(name, 0) + 1
        start = body.index(_ID) + 6
        self.first.setdefault(name, {}).setdefault(body[start : body.index(b'"', start)], time.monotonic_ns())

    def counts(self) -> dict[str, dict[str, int]]:
        return {
            name: {"requests": self.requests[name], "events": len(first), "last_ns": next(reversed(first.values()))}
            for name, first in self.first.items()
        }


class Receiver(asyncio.Protocol):
    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._kept = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._kept + data if self._kept else data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            head = data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            method, path, _ = data[: data.index(b"\r\n")].split(b" ", 2)
            self._answer(method, path.decode().strip("/").split("/"), data[end + 4 : end + 4 + length])
            data = data[end + 4 + length :]
        self._kept = data

    def _answer(self, method: bytes, path: list[str], body: bytes) -> None:
        if method == b"OPTIONS":
            self._transport.write(CONSENT)
        elif path[0] == "ok":
            self._receipts.note(path[1], body)
            self._transport.write(NO_CONTENT)
        elif path[0] == "error":
            self._receipts.note(path[1], body)
            self._transport.write(ERROR)
        elif path[0] == "hang":
            self._receipts.note(path[1], body)
        elif path[0] == "counts":
            self._document(json.dumps(self._receipts.counts()).encode())
        elif path[0] == "receipts":
            lines = (b"%b %d\n" % pair for pair in self._receipts.first.get(path[1], {}).items())
            self._document(b"".join(lines))

    def _document(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def main(port: int) -> None:
    receipts = Receipts()
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(receipts), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    uvloop.run(main(arguments.parse_args().port))
