"""A far side for tests that speaks JSON over HTTP: a real server on this machine, which a test can make fail."""

import copy
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qs, urlsplit

from plugins.rest import ByLink, ByNumber, ByToken, Listing

_Bytes = bytes  # RestPeer has a method of this name
_PAGE: Final = b"<!doctype html><title>Log in</title>"
_DRIP_S: Final = 0.05
_MOST_POURED: Final = 64 << 20
_LONGEST_S: Final = 120.0  # an answer that never comes ends with the test, or after this


class RestPeer:
    """Serves the records of lists page by page, as each `Listing` says, and keeps the documents that it is sent.

    It is a `FaultyPeer` and a `PulledPeer` of `plugins.testing.suites`: `with RestPeer(...) as peer`. A PUT or PATCH
    keeps one document for each path, a DELETE removes it, and a POST adds one for each `Idempotency-Key`.
    """

    def __init__(
        self,
        lists: Mapping[Listing, Sequence[Any]] | None = None,
        *,
        page_size: int = 2,
        token: str = "",
        ping: str = "health",
        change: Callable[[dict[str, Any]], None] | None = None,
        shown: Callable[[str, Any], Any] = lambda path, document: (path, document),
    ) -> None:
        """`token`: the bearer token without which every request is a 401; empty: none is needed. `change`: changes a
        record as a user of the far side does. `shown`: what `effects` lists of a document, without random ids.
        """
        self._given = {listing: list(records) for listing, records in (lists or {}).items()}
        self._page_size, self._token, self._ping, self._change, self._shown = page_size, token, ping, change, shown
        self._lock = threading.Lock()
        self._going_on = threading.Event()  # set: no answer waits
        self._slow_s, self._status = 0.0, 0
        self._wrong = False
        self._endless, self._poured = "", 0
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.reset()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._going_on.set()
        self._hang_up()

    @property
    def url(self) -> str:
        """What `base_url` is."""
        return f"http://127.0.0.1:{self._port}/api"

    # -- what a suite asks -----------------------------------------------------------------------------------------

    def effects(self) -> list[Any]:
        with self._lock:
            return [self._shown(path.partition("#")[0], document) for path, document in self._documents.items()]

    def standing(self) -> list[Any]:
        """The documents that hold now. What was added by a POST is what has been, and is left out."""
        with self._lock:
            return [self._shown(path, document) for path, document in self._documents.items() if "#" not in path]

    def bytes(self) -> bytes:
        with self._lock:
            return b"\n".join(self._received)

    def reset(self) -> None:
        with self._lock:
            self._records = copy.deepcopy(self._given)
            self._documents: dict[str, Any] = {}
            self._received: list[bytes] = []
            self._served = 0

    def served(self) -> int:
        with self._lock:
            return self._served

    def change(self) -> None:
        assert self._change is not None, "give RestPeer `change`: what a user of the far side changes in a record"
        with self._lock:
            self._change(next(iter(self._records.values()))[0])

    def records(self, listing: Listing) -> list[Any]:
        """The records of a list. A test may change the list itself."""
        return self._records[listing]

    # -- faults ----------------------------------------------------------------------------------------------------

    def down(self, on: bool) -> None:
        """While on, no connection can be made."""
        self._hang_up() if on else self._listen()

    def slow(self, seconds: float) -> None:
        """From now on each answer takes this long; what is sent takes effect at once. 0: as fast as before."""
        self._wait(seconds)

    def never(self, on: bool) -> None:
        """While on, connections are accepted and no answer comes."""
        self._wait(_LONGEST_S if on else 0)

    def wrong(self, on: bool) -> None:
        """While on, each answer is a web page with status 200, and nothing takes effect."""
        self._wrong = on

    def refuse(self, on: bool, status: int = 422) -> None:
        """While on, nothing is accepted: each request gets this status, and nothing takes effect."""
        self._status = status if on else 0

    def busy(self, on: bool) -> None:
        """While on, each request is one too many (429), and nothing takes effect."""
        self.refuse(on, 429)

    def missing(self, on: bool) -> None:
        """While on, nothing is found (404), and nothing takes effect."""
        self.refuse(on, 404)

    def drips(self, on: bool) -> None:
        """While on, an answer comes a byte at a time and does not end, and nothing takes effect."""
        self._wait(0)
        self._endless = "drips" if on else ""

    def pours(self, on: bool) -> None:
        """While on, an answer comes fast and does not end, and nothing takes effect."""
        self._endless = "pours" if on else ""

    def poured(self) -> int:
        """The number of bytes of the longest answer that did not end."""
        return self._poured

    def _pour(self, write: Callable[[_Bytes], int]) -> None:
        """Write an answer that does not end, until it is called off or the connector has given up."""
        going_on, sent = self._going_on, 0
        while self._endless and not (self._endless == "drips" and going_on.wait(_DRIP_S)):
            try:
                sent += write(b" " * (1 if self._endless == "drips" else 1 << 16))
            except OSError:
                break
            if sent >= _MOST_POURED:
                break
        self._poured = max(self._poured, sent)

    @property
    def _is_endless(self) -> bool:
        return bool(self._endless)

    # -- the server ------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        before, self._slow_s, self._going_on = self._going_on, seconds, threading.Event()
        before.set()

    def _listen(self) -> None:
        if self._server is None:
            handler = type("Handler", (_Handler,), {"peer": self})
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
            self._server.daemon_threads = True
            self._port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: _Bytes) -> "_Answer":
        """What a request gets, after the pause of a slow far side."""
        going_on, seconds = self._going_on, self._slow_s
        answered = self._answer(method, target, headers, body)
        if seconds:
            going_on.wait(seconds)
        return answered

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: _Bytes) -> "_Answer":
        parts = urlsplit(target)
        path, query = parts.path.removeprefix("/api/"), {name: each[0] for name, each in parse_qs(parts.query).items()}
        with self._lock:
            self._received.append(f"{method} {target} ".encode() + body)
            if self._wrong:
                return _Answer(200, _PAGE, {"content-type": "text/html"})
            if self._endless:
                return _Answer(200, b"")
            if self._token and headers.get("authorization") != f"Bearer {self._token}":
                return _Answer(401, b"{}")
            if self._status:
                return _Answer(self._status, b"{}")
            if method != "GET":
                return self._kept(method, path, headers, body)
            if path == self._ping:
                return _Answer(200, b'{"status":"ok"}')
            listing = next((each for each in self._records if each.path == path), None)
            return self._page(listing, query) if listing is not None else _Answer(404, b"{}")

    def _kept(self, method: str, path: str, headers: Mapping[str, str], body: _Bytes) -> "_Answer":
        if method == "DELETE":
            return _Answer(204 if self._documents.pop(path, None) is not None else 404)
        name = f"{path}#{headers.get('idempotency-key') or len(self._documents)}" if method == "POST" else path
        new = name not in self._documents
        if new or method != "POST":
            self._documents[name] = json.loads(body)
        return _Answer(201 if new else 200, b"{}")

    def _page(self, listing: Listing, query: Mapping[str, str]) -> "_Answer":
        self._served += 1
        records, pages = self._records[listing], listing.pages
        if pages is None:
            return _Answer(200, _inside(listing.items, records))
        first = pages.first if isinstance(pages, ByNumber) else 0
        parameter = "page" if isinstance(pages, ByLink) else pages.parameter
        number = int(query.get(parameter, first)) - first
        begin, end = number * self._page_size, (number + 1) * self._page_size
        following, headers, more = number + 1, dict[str, str](), dict[str, Any]()
        if end < len(records) and isinstance(pages, ByToken):
            more = _object(pages.field, str(following))
        elif end < len(records) and isinstance(pages, ByLink):
            link = f"{self.url}/{listing.path}?page={following}"
            more = _object(pages.field, link) if pages.field else {}
            headers = {} if pages.field else {"link": f'<{link}>; rel="next"'}
        return _Answer(200, _inside(listing.items, records[begin:end], more), headers)


class _Answer:
    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.body = status, body
        self.headers = {"content-type": "application/json", **(headers or {})}


class _Handler(BaseHTTPRequestHandler):
    peer: ClassVar[RestPeer]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.peer.answer(self.command, self.path, headers, body)
        try:
            self.send_response(answer.status)
            if self.peer._is_endless:
                self.end_headers()
                self.peer._pour(self.wfile.write)
                return
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            pass  # the connector has given up

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test prints its own."""


def _object(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def _inside(path: str, records: Sequence[Any], more: Mapping[str, Any] | None = None) -> bytes:
    return json.dumps({**_object(path, records), **(more or {})} if path else records).encode()
