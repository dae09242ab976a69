"""The school's own system: an SS 12000 API (v2.1) on a loopback port, as an outside supplier would offer it.

It knows nothing of the hub. A client with an id and a secret gets a bearer token (RFC 6749 section 4.4) and reads lists
page by page, and records by id. Absences are not stored here, so that list is a 404, as at many schools.
"""

import base64
import binascii
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

CLIENT: Final = "hub"
BASE: Final = "/v2.0"
LIFE_S: Final = 3600  # of an access token
PAGE: Final = 200  # records, unless fewer are asked for
_FILTERS: Final = ("meta.modified.after", "startTime.onOrAfter", "startTime.onOrBefore")
_DELETED: Final = "deletedEntities"
_LONG_AGO: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: Any = None


class SchoolSystem:
    """Answers from the moment it is made. `records` are its lists by resource, without `meta`."""

    def __init__(self, records: Mapping[str, list[dict[str, Any]]]) -> None:
        old = _stamp(datetime.now(UTC) - _LONG_AGO)
        self._records = {
            resource: {record["id"]: {**record, "meta": {"created": old, "modified": old}} for record in listed}
            for resource, listed in records.items()
        }
        self.secret = secrets.token_urlsafe(24)
        self.logins = 0
        self.given: dict[str, set[str]] = {resource: set() for resource in records}  # ids that its lists gave
        self.missing: set[str] = set()  # lists that were asked for and are not offered
        self._tokens: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"system": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="school", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{BASE}"

    @property
    def login_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/token"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def cancel(self, lesson: str) -> None:
        """Cancel a lesson, as a person at the school would. A client that wants to know must ask."""
        with self._lock:
            record = self._records["calendarEvents"][lesson]
            meta = {**record["meta"], "modified": _stamp(datetime.now(UTC))}
            self._records["calendarEvents"][lesson] = {**record, "cancelled": True, "meta": meta}

    def log_in(self, form: Mapping[str, str]) -> Answer:
        right = secrets.compare_digest(
            f"{form.get('client_id')}\0{form.get('client_secret')}".encode(), f"{CLIENT}\0{self.secret}".encode()
        )
        if form.get("grant_type") != "client_credentials":
            return Answer(HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"})
        if not right:
            return Answer(HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens.add(token)
            self.logins += 1
        return Answer(HTTPStatus.OK, {"access_token": token, "token_type": "Bearer", "expires_in": LIFE_S})

    def read(self, bearer: str, path: str, query: Mapping[str, str]) -> Answer:
        """A list or a record."""
        with self._lock:
            if bearer not in self._tokens:
                return _error(HTTPStatus.UNAUTHORIZED, "no valid access token")
            resource, _, id = path.removeprefix(f"{BASE}/").partition("/")
            if resource == _DELETED and not id:
                return Answer(HTTPStatus.OK, {"data": {}, "pageToken": None})  # nothing is ever deleted here
            if resource not in self._records or not path.startswith(f"{BASE}/"):
                self.missing.add(resource)
                return _error(HTTPStatus.NOT_FOUND, "no such list")
            if id:
                record = self._records[resource].get(id)
                return _error(HTTPStatus.NOT_FOUND, "no such id") if record is None else Answer(HTTPStatus.OK, record)
            try:
                page, token = self._page(resource, query)
            except (ValueError, KeyError, TypeError, binascii.Error):
                return _error(HTTPStatus.BAD_REQUEST, "a parameter or its value is not known")
            self.given[resource].update(record["id"] for record in page)
            return Answer(HTTPStatus.OK, {"data": page, "pageToken": token})

    def _page(self, resource: str, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], str | None]:
        """Raises ValueError, KeyError or TypeError for an invalid query."""
        asked = dict(query)
        size = min(PAGE, int(asked.pop("limit", PAGE)))
        start = 0
        if "pageToken" in asked:
            start, asked = json.loads(base64.urlsafe_b64decode(asked["pageToken"]))
        if size < 1 or not asked.keys() <= {*_FILTERS}:
            raise ValueError
        bounds = {name: datetime.fromisoformat(value) for name, value in asked.items()}
        found = [record for record in self._records[resource].values() if _within(record, bounds)]
        end = start + size
        token = base64.urlsafe_b64encode(json.dumps([end, asked]).encode()).decode() if end < len(found) else None
        return found[start:end], token


def _within(record: Mapping[str, Any], bounds: Mapping[str, datetime]) -> bool:
    modified = datetime.fromisoformat(record["meta"]["modified"])
    after, first, last = (bounds.get(name) for name in _FILTERS)
    if after is not None and modified <= after:
        return False
    if first is None and last is None:
        return True
    begins = datetime.fromisoformat(record["startTime"])
    return (first is None or begins >= first) and (last is None or begins <= last)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _error(status: HTTPStatus, message: str) -> Answer:
    return Answer(status, {"code": str(int(status)), "message": message})


class _Handler(BaseHTTPRequestHandler):
    system: SchoolSystem
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        if urlsplit(self.path).path == "/token":
            self._answer(self.system.log_in(form))
        else:
            self._answer(_error(HTTPStatus.NOT_FOUND, "no POST is accepted here"))

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._answer(self.system.read(bearer, asked.path, query))

    def _answer(self, answer: Answer) -> None:
        content = json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)  # with Date, from which the caller takes its watermark
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the screen shows what came."""
