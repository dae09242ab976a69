"""A real far side for the kit's connectors: a house with lights, a board and messages, behind HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final


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
        self.most_poured = 0  # bytes of the longest endless answer
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

    def busy(self, on: bool) -> None:
        self.fault = "busy" if on else ""

    def missing(self, on: bool) -> None:
        self.fault = "missing" if on else ""

    def drips(self, on: bool) -> None:
        self.never(on)
        self.fault = "drips" if on else ""

    def pours(self, on: bool) -> None:
        self.fault = "pours" if on else ""

    def poured(self) -> int:
        return self.most_poured

    def tamper(self) -> None:
        """As a person at the far side would: one item changed, one removed, one added."""
        names = sorted(self.items)
        self.items[names[0]] = {"by": "hand"}
        if len(names) > 1:
            del self.items[names[-1]]
        self.items["room/by-hand"] = {"by": "hand"}


class LateHouse(House):
    """One that drops one more request when it is up again, as a call on a busy machine may run out of time."""

    def down(self, on: bool) -> None:
        self.fault = "down" if on else "late"


_REFUSALS: Final = {"refuse": 503, "busy": 429, "missing": 404}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head
    house: House

    def _serve(self) -> None:
        house = self.house
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if house.fault in ("down", "late"):
            house.fault = "" if house.fault == "late" else house.fault
            self.close_connection = True
            return
        if house.fault == "never":
            house.go_on.wait(60)
            self.close_connection = True
            return
        time.sleep(house.delay_s)
        if house.fault in ("drips", "pours"):
            self._answer_without_end()
        elif house.fault in _REFUSALS:
            self._answer(_REFUSALS[house.fault], {"error": "no"})
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

    def _answer_without_end(self) -> None:
        house, self.close_connection = self.house, True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        sent = 0
        try:
            if house.fault == "drips":
                while not house.go_on.wait(0.05):
                    self.wfile.write(b" ")
            while house.fault == "pours" and sent < 24 << 20:
                sent += self.wfile.write(b" " * (1 << 16))
        except OSError:
            pass  # the connector has given up
        house.most_poured = max(house.most_poured, sent)

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
def open_house(kind: type[House] = House) -> Iterator[House]:
    house = kind()
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
