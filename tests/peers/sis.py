"""School systems that speak SS 12000 over HTTP on loopback: the recorded demo provider, and one made of records.

Both answer on a thread pool of the standard library's server. `faults` puts something else in place of an answer;
`asked` tells what was asked for.
"""

import json
import ssl
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "sis-token-for-tests"
DEMO = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ss12000" / "demo-sis"
Query = Mapping[str, str]


@dataclass
class Reply:
    """`declared`: what Content-Length says, where that is not the truth."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    declared: int | None = None
    stream: Callable[[], Iterable[bytes]] | None = None

    def content(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.body, ensure_ascii=False).encode()


Fault = Callable[[str, Query], Reply | None]


class Provider(ABC):
    """Subclass: answer one question. `clock` is the provider's own."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.faults: list[Fault] = []
        self.clock: Callable[[], datetime | None] = lambda: datetime.now(UTC)
        self.tokens = {TOKEN}
        self.sent: list[tuple[str, str, Any]] = []  # method, path and JSON of what was no question
        self.url = ""
        self.down = False  # hangs up on whoever calls
        self.lock = threading.Lock()

    @abstractmethod
    def answer(self, path: str, query: Query) -> Reply:
        """Answer a GET."""

    def change(self, method: str, path: str, body: Any) -> Reply:
        """POST, PATCH, DELETE."""
        return Reply(404, {"detail": "Not Found"})

    def handle(self, method: str, path: str, query: dict[str, str], bearer: str, content: str) -> Reply:
        with self.lock:
            if path == "/token" and method == "POST":
                return self.login(dict(parse_qsl(content)))
            if method == "GET":
                self.asked.append((path, query))
            else:
                self.sent.append((method, path, json.loads(content) if content else None))
            for fault in list(self.faults):
                if (reply := fault(path, query)) is not None:
                    return reply
            if self.tokens and bearer not in self.tokens:
                return Reply(401, {"detail": "Invalid or expired token"})
            return self.answer(path, query) if method == "GET" else self.change(*self.sent[-1])

    def login(self, form: Query) -> Reply:
        if form.get("client_secret") != "hub-secret":
            return Reply(401, {"detail": "Invalid client credentials"})
        token = f"access-{len(self.tokens)}"
        self.tokens.add(token)
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class Recorded(Provider):
    """The answers of ss12000-demo-sis as they were recorded; `edited` true gives those after the edits.

    What its recordings do not hold as one file is cut from them: a window of calendarEvents, a record by id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edited = False
        self.asked_for = {(each["path"], each["query"]): each for each in _load("requests.json")}

    def answer(self, path: str, query: Query) -> Reply:
        _, version, *rest = path.split("/")
        if version != "v2":
            return Reply(404, {"detail": "Not Found"})
        resource = rest[0]
        if len(rest) == 2:
            found = next((each for each in self.records(resource) if each["id"] == rest[1]), None)
            return Reply(404, _load("error.unknownId.json")) if found is None else Reply(200, found)
        if resource == "calendarEvents":
            if "startTime.onOrAfter" not in query:
                return Reply(422, _load("error.calendarEvents.tokenOnly.json"))
            first, last = (datetime.fromisoformat(query[f"startTime.onOr{end}"]) for end in ("After", "Before"))
            inside = [
                each for each in self.records(resource) if first <= datetime.fromisoformat(each["startTime"]) <= last
            ]
            return Reply(200, {"data": inside, "pageToken": None})
        if resource not in ("organisations", "persons", "groups", "duties", "activities", "deletedEntities"):
            return Reply(404, _load("error.noResource.absences.json"))
        if resource == "deletedEntities" or "meta.modified.after" in query:
            before = f"{resource}.page1.json" if resource == "deletedEntities" else "deletedEntities.page1.json"
            return Reply(200, _load(f"delta.{resource}.page1.json" if self.edited else before))
        token = query.get("pageToken", "")
        recorded = self.asked_for.get((path, f"pageToken={token}" if token else ""))
        if recorded is None:
            return Reply(400, _load("error.badPageToken.json"))
        number = 0 if not token else int(recorded["file"].split(".page")[1][0]) - 1
        return Reply(200, self.pages(resource)[number])

    def pages(self, resource: str) -> list[Any]:
        """The whole list. The edits were recorded in `after.*` for some lists, else in the delta alone."""
        if self.edited and (DEMO / f"after.{resource}.page1.json").exists():
            return [_load(f"after.{resource}.page1.json")]
        pages = [_load(file.name) for file in sorted(DEMO.glob(f"{resource}.page*.json"))]
        if self.edited:
            changed = {each["id"]: each for each in _load(f"delta.{resource}.page1.json")["data"]}
            gone = {each["id"] for each in _load("delta.deletedEntities.page1.json")["data"]}
            for page in pages:
                page["data"] = [changed.get(each["id"], each) for each in page["data"] if each["id"] not in gone]
        return pages

    def records(self, resource: str) -> list[dict[str, Any]]:
        return [each for page in self.pages(resource) for each in page["data"]]


def _load(name: str) -> Any:
    return json.loads((DEMO / name).read_text("utf-8"))


class Made(Provider):
    """A provider that keeps to the standard, made of records by resource. What is not a key is not offered."""

    def __init__(self, **records: list[dict[str, Any]]) -> None:
        super().__init__()
        self.records: dict[str, list[dict[str, Any]]] = records
        self.page = 50
        self.deleted: dict[str, list[str]] | list[dict[str, Any]] = {}
        self.refuse_bare_token = False
        self.subscriptions: dict[str, dict[str, Any]] | None = None  # None: not offered
        self.life = timedelta(days=90)  # of a subscription

    def answer(self, path: str, query: Query) -> Reply:
        resource, _, id = path.removeprefix("/v2.0/").partition("/")
        if resource == "deletedEntities" and "deletedEntities" not in self.records:
            return Reply(200, {"data": self.deleted, "pageToken": None})
        if resource not in self.records:
            return Reply(404, raw=b"")
        if id:
            found = next((each for each in self.records[resource] if each.get("id") == id), None)
            return Reply(404, raw=b"") if found is None else Reply(200, found)
        if "pageToken" in query:
            if self.refuse_bare_token and not any("." in name for name in query):
                return Reply(422, {"code": "filters", "message": "the window is missing"})
            state = json.loads(bytes.fromhex(query["pageToken"]))
        else:
            state = {"at": 0, "query": {name: value for name, value in query.items() if "." in name}}
        kept = [each for each in self.records[resource] if _passes(each, state["query"])]
        size = min(self.page, int(query.get("limit", self.page)))
        here = kept[state["at"] : state["at"] + size]
        more = state["at"] + size < len(kept)
        token = json.dumps({**state, "at": state["at"] + size}).encode().hex() if more else None
        return Reply(200, {"data": here, "pageToken": token})

    def change(self, method: str, path: str, body: Any) -> Reply:
        """Subscriptions, as the standard has them; PATCH takes no body and renews."""
        resource, _, id = path.removeprefix("/v2.0/").partition("/")
        if resource != "subscriptions" or self.subscriptions is None:
            return Reply(404, raw=b"")
        if method == "POST" and not id:
            if not isinstance(body, dict) or not {"name", "target", "resourceTypes"} <= set(body):
                return Reply(400, {"code": "body", "message": "name, target and resourceTypes are needed"})
            id = str(uuid.uuid4())
            self.subscriptions[id] = {**body, "id": id, "expires": self.end()}
            return Reply(201, self.subscriptions[id])
        if id not in self.subscriptions:
            return Reply(404, raw=b"")
        if method == "PATCH":
            self.subscriptions[id]["expires"] = self.end()
            return Reply(200, self.subscriptions[id])
        if method == "DELETE":
            del self.subscriptions[id]
            return Reply(204, raw=b"")
        return Reply(405, raw=b"")

    def end(self) -> str:
        return ((self.clock() or datetime.now(UTC)) + self.life).isoformat()

    def notify(self, **said: Any) -> list[int]:
        """Call every subscriber as a provider does; returns the statuses."""
        return [call(each["target"], said) for each in list((self.subscriptions or {}).values())]


def call(url: str, said: Any) -> int:
    """POST JSON; the status that is answered."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("POST", parts.path, json.dumps(said), {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def _passes(record: Any, filters: Query) -> bool:
    for name, value in filters.items():
        field_, _, how = name.rpartition(".")
        here = record
        for part in field_.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        if not isinstance(here, str):
            continue
        one, other = _moment(here), _moment(value)
        if (
            (how == "after" and one <= other)
            or (how == "onOrAfter" and one < other)
            or (how == "onOrBefore" and one > other)
        ):
            return False
    return True


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@contextmanager
def serving(provider: Provider, context: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """Serve on a free port of loopback; sets `provider.url` (without path)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two packets: the second would wait 40 ms for an ACK

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def do_PATCH(self) -> None:
            self._reply("PATCH")

        def do_DELETE(self) -> None:
            self._reply("DELETE")

        def _reply(self, method: str) -> None:
            if provider.down:
                self.close_connection = True
                return
            content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            parts = urlsplit(self.path)
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            reply = provider.handle(method, parts.path, dict(parse_qsl(parts.query)), bearer, content)
            body = b"" if reply.stream is not None else reply.content()
            self.send_response_only(reply.status)
            date = provider.clock()
            if date is not None:
                self.send_header("Date", format_datetime(date, usegmt=True))
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            if reply.stream is None:
                self.send_header("Content-Length", str(reply.declared if reply.declared is not None else len(body)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            try:
                for chunk in reply.stream() if reply.stream is not None else (body,):
                    self.wfile.write(chunk)
            except OSError:  # the hub had enough of it
                self.close_connection = True
            if reply.declared is not None or reply.stream is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing: what is asked for is in `asked`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            """A client that goes away is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    provider.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
