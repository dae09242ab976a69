"""A real far side for the kit's connectors: a house with lights, a board and messages, behind HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class House:
    """`PUT`, `GET` and `DELETE` of `/items/<name>`; `POST /messages` with an Idempotency-Key. `GET /items` lists names.

    The same key twice is one message, as in many systems.
    """

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}
        self.sent: list[bytes] = []
        self.fault = ""
        self.delay_s = 0.0
        self.go_on = threading.Event()
        self.url = ""

    # -- plugins.testing.suites.Peer ------------------------------------------------------------------------------

    def effects(self) -> list[Any]:
        return [*sorted(self.items.items()), *(("message", each) for each in list(self.messages.values()))]

    def standing(self) -> list[Any]:
        return sorted(self.items.items())

    def bytes(self) -> bytes:
        return b"\n".join(self.sent)

    def reset(self) -> None:
        self.items.clear()
        self.messages.clear()
        self.sent.clear()

    def down(self, on: bool) -> None:
        self.fault = "down" if on else ""

    def slow(self, seconds: float) -> None:
        self.delay_s = seconds

    def wrong(self, on: bool) -> None:
        self.fault = "wrong" if on else ""

    def refuse(self, on: bool) -> None:
        self.fault = "refuse" if on else ""

    def never(self, on: bool) -> None:
        self.fault = "never" if on else ""
        if on:
            self.go_on.clear()
        else:
            self.go_on.set()

    def tamper(self) -> None:
        """As a person at the far side would: one item changed, one removed, one added."""
        names = sorted(self.items)
        self.items[names[0]] = {"by": "hand"}
        if len(names) > 1:
            del self.items[names[-1]]
        self.items["room/by-hand"] = {"by": "hand"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    house: House

    def _serve(self) -> None:
        house = self.house
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if house.fault == "down":
            self.close_connection = True
            return
        if house.fault == "never":
            house.go_on.wait(60)
            self.close_connection = True
            return
        time.sleep(house.delay_s)
        if house.fault == "refuse":
            self._answer(503, {"error": "busy"})
        elif house.fault == "wrong":
            self._send(200, b"<html>Log in</html>", "text/html")
        else:
            house.sent.append(self.path.encode() + b" " + body)
            self._act(body)

    do_GET = do_PUT = do_DELETE = do_POST = _serve

    def _act(self, body: bytes) -> None:
        items, name = self.house.items, self.path.removeprefix("/items/")
        match self.command:
            case "POST":
                key = self.headers.get("Idempotency-Key", "")
                self.house.messages.setdefault(key, json.loads(body))
                self._answer(201, {"taken": True})
            case "PUT":
                items[name] = json.loads(body)
                self._answer(200, items[name])
            case "DELETE":
                items.pop(name, None)
                self._answer(200, {})
            case _ if self.path == "/items":
                self._answer(200, dict(items))
            case _:
                self._answer(200 if name in items else 404, items.get(name, {}))

    def _answer(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that left


@contextmanager
def open_house() -> Iterator[House]:
    house = House()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"house": house}))
    house.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield house
    finally:
        house.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
