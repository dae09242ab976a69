"""A connector to a system that speaks JSON over HTTP: its vendor writes the mapping between events and records.

`RestSink` sends a document for each event, `RestSource` publishes the records of lists, `RestConnector` does both.
Login, time-outs, bounded answers, kinds of errors, paging, order, repeats and the self-test are done here.
"""

import hashlib
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from pydantic import Discriminator, Field, Tag

from plugins.connector import Connector, ConnectorConfig, Transaction, Waiting
from plugins.durations import Duration
from plugins.errors import PermanentError
from plugins.texts import Text
from plugins.wires import words
from plugins.wires.failures import Failure, FarSide
from plugins.wires.https import Endpoint, Https, Reply
from plugins.wires.settings import Address, BasicAuth, CertificateAuth, ClientAuth, TimeOuts, TokenAuth, Trust
from schemas import Event, Payload

Record = Mapping[str, Any]
Publication = tuple[type[Payload], Mapping[str, Any]]  # an event to publish: its type and its data

_SENT: Final = "sent/"
_SWEPT: Final = "swept"
_GONE: Final = "gone/"
# Older events than this come in a replay only, which ends with the newest event of each entity.
_KEPT: Final = timedelta(days=60)
_MOST_RECORDS: Final = 100_000

NO_LIST: Final = Failure(
    "no-list",
    Text("{it} svarar inte med en lista", "{it} does not answer with a list"),
    fix=Text(
        "Kontrollera {url} med den som driver servern, och versionen av dess API",
        "Check {url} and the version of its API with the server's operator",
    ),
)
ENDLESS: Final = Failure(
    "endless",
    Text("{it} har en lista som inte tar slut", "{it} has a list that does not end"),
    Text(
        "listan har fler än {most} poster, eller samma sida igen", "it has more than {most} records, or one page again"
    ),
    Text("Fråga den som driver servern", "Ask the server's operator"),
)
ELSEWHERE: Final = Failure(
    "elsewhere",
    Text("{it} hänvisar till en sida någon annanstans", "{it} refers to a page elsewhere"),
    Text(
        "nästa sida ligger inte under {url}; inget hämtades därifrån",
        "the next page is not below {url}; it was not read",
    ),
    Text("Rätta {url}, eller fråga den som driver servern", "Correct {url}, or ask the server's operator"),
)
RECORDS: Final = "records"
MANY_GONE: Final = "many-gone"
CODES: Final[Mapping[str, Text]] = {
    **words.CODES,
    "elsewhere": Text("nästa sida ligger på en annan server", "the next page is on another server"),
    "endless": Text("listan tar inte slut", "the list does not end"),
    "no-list": Text("svaret är ingen lista", "the answer is no list"),
    MANY_GONE: Text(
        "många poster saknas på en gång, och borttagningen väntar på att en person bekräftar den",
        "many records are gone at once, and their removal waits for a person",
    ),
    RECORDS: Text("några poster går inte att läsa", "some records can't be read"),
}
"""What an operator reads beside the code of a REST connector's failure."""


# -- configuration -------------------------------------------------------------------------------------------------

_WAYS: Final = {"token": "bearer", "username": "basic", "password": "basic", "certificate": "mtls", "key": "mtls"} | (
    dict.fromkeys(("login_url", "client_id", "client_secret", "scope", "send"), "client")
)


def _way(value: Any) -> str | None:
    """The way to log in that a setting means; None for more than one, and for something else."""
    if value is None:
        return "none"
    names = set(value) if isinstance(value, dict) else set(getattr(type(value), "model_fields", ()))
    ways = {way for name, way in _WAYS.items() if name in names}
    return ways.pop() if len(ways) == 1 else None


AnyAuth = Annotated[
    Annotated[TokenAuth, Tag("bearer")]
    | Annotated[BasicAuth, Tag("basic")]
    | Annotated[ClientAuth, Tag("client")]
    | Annotated[CertificateAuth, Tag("mtls")]
    | Annotated[None, Tag("none")],
    Discriminator(
        _way,
        "auth",
        "choose one way to log in: `token`, or `username` with `password`, or `login_url` with `client_id` and "
        "`client_secret`, or `certificate` with `key`",
        {
            "sv": "välj ett sätt att logga in: `token`, eller `username` med `password`, eller `login_url` med "
            "`client_id` och `client_secret`, eller `certificate` med `key`"
        },
    ),
]


class RestConfig(ConnectorConfig, TimeOuts, Trust):
    """What the municipality writes. A subclass adds settings of its own."""

    swedish: ClassVar[Mapping[str, str]] = {
        "base_url": "API:ets adress med hela sökvägen, https://acme.example/api/v1",
        "auth": "Ett sätt att logga in: token; username, password; login_url, client_id, client_secret, scope, send; "
        "certificate, key. Utelämnad: ingen inloggning.",
    }

    base_url: Address = Field(description="Address of the API with its whole path, https://acme.example/api/v1")
    auth: AnyAuth = Field(
        None,
        description="One way to log in: token; username, password; login_url, client_id, client_secret, scope, send; "
        "certificate, key. Left out: no login.",
    )


class RestSourceConfig(RestConfig):
    """The same for a connector that reads lists."""

    swedish: ClassVar[Mapping[str, str]] = {"poll": "Hur ofta listorna läses: 60s, 5m, 1h."}

    poll: Duration = Field(timedelta(minutes=5), description="How often lists are read: 60s, 5m, 1h.")


ConfigT = TypeVar("ConfigT", bound=RestConfig)
SourceConfigT = TypeVar("SourceConfigT", bound=RestSourceConfig)


# -- what a vendor gives -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """One request. `path` follows `base_url/`; quote what may hold other characters than letters, digits, `-._~`."""

    method: str  # POST, PUT, PATCH or DELETE
    path: str
    json: Any = None


@dataclass(frozen=True, slots=True)
class ByNumber:
    """Pages are numbered; the first empty page ends the list."""

    parameter: str = "page"
    first: int = 1

    def next(self, reply: Reply, answer: Any, count: int, number: int) -> dict[str, str] | None:
        return {self.parameter: str(self.first + number)} if count else None


@dataclass(frozen=True, slots=True)
class ByToken:
    """An answer has a token for the next page; without one, the list ends."""

    field: str = "next"  # where the answer has it; dots lead into objects
    parameter: str = "cursor"

    def next(self, reply: Reply, answer: Any, count: int, number: int) -> dict[str, str] | None:
        token = _pluck(answer, self.field)
        return {self.parameter: str(token)} if token not in (None, "") else None


@dataclass(frozen=True, slots=True)
class ByLink:
    """An answer has the address of the next page, in a field or in the header `Link` (RFC 8288)."""

    field: str = ""  # empty: the header

    def next(self, reply: Reply, answer: Any, count: int, number: int) -> str | None:
        if self.field:
            link = _pluck(answer, self.field)
            return link if isinstance(link, str) and link else None
        for part in reply.headers.get("link", "").split(","):
            address, _, rest = part.strip().partition(";")
            if 'rel="next"' in rest.replace(" ", "") or "rel=next" in rest.replace(" ", ""):
                return address.strip("<> ")
        return None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list at the far side. A record is known again by its `id`, and published again where it has changed."""

    path: str
    items: str = ""  # where an answer has its records; dots lead into objects; empty: the answer is the list
    id: str = "id"  # the field of a record with its id, a text or a number
    pages: ByNumber | ByToken | ByLink | None = None  # None: the whole list is one answer
    query: tuple[tuple[str, str], ...] = ()  # of the first request, and of each with ByNumber and ByToken


# -- the connectors ------------------------------------------------------------------------------------------------


class Rest(Connector[ConfigT]):
    """What sinks and sources have in common: the wire and the self-test."""

    far_side: ClassVar[Text] = Text("motparten", "the far side")  # in the middle of a sentence
    ping: ClassVar[str]  # the path that the self-test reads; it must need the login, and change nothing
    most_bytes: ClassVar[int] = 1 << 20  # of one answer, unpacked
    keeps_asking: ClassVar[bool] = False  # see plugins.wires.FarSide
    problems: ClassVar[Mapping[str, Text]] = CODES

    _http: Https | None = None

    @property
    def side(self) -> FarSide:
        return FarSide(
            connector=self.name, name=self.far_side, called={"url": "base_url"}, keeps_asking=self.keeps_asking
        )

    @property
    def http(self) -> Https:
        """The wire, for requests of your own."""
        if self._http is None:
            config = self.config
            endpoint = Endpoint(
                url=config.base_url,
                auth=config.auth,
                ca_file=config.ca_file,
                timeout_s=config.timeout_s,
                deadline_s=config.deadline_s,
                most_bytes=self.most_bytes,
                headers={"Accept": "application/json"},
            )
            self._http = Https(endpoint, self.side, self.ctx.clock)
        return self._http

    async def start(self) -> None:
        _ = self.http  # a certificate file that can't be used is found here

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def selftest(self) -> None:
        reply = await self.http.ask("GET", self.ping)
        self.http.expect_success(reply)
        if reply.body:
            self.http.read_json(reply)


class RestSink(Rest[ConfigT]):
    """Sends one request for each event. Override `send`.

    A document that is sent by PUT, PATCH or DELETE is known by its path: an event that is older than the last one sent
    to that path is not sent. A POST is sent once for each event, with the event's id as `Idempotency-Key`; after a
    crash it may come twice with the same key.
    """

    refusals: ClassVar[frozenset[int]] = frozenset({400, 409, 413, 422})
    """Statuses by which the far side refuses this one document for good: a dead letter, and the others go on. Any other
    status from 300 to 499 but 408, 425 and 429 pauses the instance, since each event would meet it."""

    @abstractmethod
    def send(self, event: Event) -> Send | None:
        """The request for an event; None if the far side need not know of it. Pure: no input or output, no clock."""

    async def handle(self, event: Event) -> None:
        sending, sequence = self.send(event), event.sequence or ""
        if sending is None:
            return
        posted = sending.method == "POST"
        name = f"{_SENT}{event.id if posted else sending.path}"
        known = self.ctx.state.get(name)
        if known is not None and (posted or sequence < known["sequence"]):
            return
        today = self.ctx.clock.school().date()
        await self._request(sending, event)
        async with self.ctx.commit() as tx:
            tx.state[name] = {"sequence": sequence, "on": today.isoformat()}
            self._sweep(tx, today)

    async def _request(self, sending: Send, event: Event) -> None:
        headers = {"Idempotency-Key": event.id} if sending.method == "POST" else {}
        reply = await self.http.ask(sending.method, sending.path, json=sending.json, headers=headers)
        if reply.status in self.refusals:
            raise self.side.permanent(words.NOT_ACCEPTED, status=reply.status)
        if sending.method == "DELETE" and reply.status in (404, 410):
            return  # it is gone
        self.http.expect_success(reply)
        if reply.is_page() or (reply.body and "json" in reply.headers.get("content-type", "")):
            self.http.read_json(reply)  # an answer that broke off, or a page of something in between, is no success

    def _sweep(self, tx: Transaction, today: date) -> None:
        """Once a day, forget what was sent long ago."""
        if tx.state.get(_SWEPT) == today.isoformat():
            return
        tx.state[_SWEPT] = today.isoformat()
        for name, sent in list(tx.state.under(_SENT).items()):
            if date.fromisoformat(sent["on"]) < today - _KEPT:
                del tx.state[name]


class RestSource(Rest[SourceConfigT]):
    """Publishes the records of `lists` that are new or have changed, and what `removed` says of those that are gone.

    A page is one commit: a crash loses and repeats nothing. Override `publish`.
    """

    lists: ClassVar[Sequence[Listing]]
    most_removed: ClassVar[int] = 20
    """If more records than this, and more than half of a list, are gone at once, a person must confirm their removal: a
    far side that answers with half a list by mistake must not withdraw what a school has reported."""

    @abstractmethod
    def publish(self, listing: Listing, record: Record, new: bool) -> Publication | None:
        """The event for a record that is new, or has changed since the last event; None for no event. Pure.

        A record for which this raises KeyError, TypeError or ValueError is left out, and the operator sees that.
        """

    def removed(self, listing: Listing, id: str, data: Mapping[str, Any]) -> Publication | None:
        """The event for a record that is in the list no more; `data` is that of its last event. Default: no event.

        It is called only after all pages of the list were read, and once a person has confirmed it if many are gone.
        """
        return None

    async def poll(self) -> str | None:
        codes = [code for listing in self.lists if (code := await self._pull(listing)) is not None]
        return codes[0] if codes else None

    async def waiting(self) -> Sequence[Waiting]:
        return [
            Waiting(
                each["word"],
                f"{each['count']} of {each['of']} records of {name.removeprefix(_GONE)} would be removed",
                datetime.fromisoformat(each["since"]),
                f"{each['count']} av {each['of']} poster i {name.removeprefix(_GONE)} skulle tas bort",
            )
            for name, each in self.ctx.state.under(_GONE).items()
            if not each["confirmed"]
        ]

    async def confirm(self, word: str) -> None:
        async with self.ctx.commit() as tx:
            for name, each in list(tx.state.under(_GONE).items()):
                if each["word"] == word:
                    tx.state[name] = {**each, "confirmed": True}

    async def _pull(self, listing: Listing) -> str | None:
        """Publish what has changed in a list; returns the code of what could not be read or removed."""
        unread, seen = 0, set[str]()
        async for page in self._pages(listing):
            async with self.ctx.commit() as tx:
                for record in page:
                    name = _name(listing, record)
                    unread += name is None or not self._take(tx, listing, record, name)
                    seen |= {name} if name is not None else set()
        if unread:
            return RECORDS  # a record without its id may be any of those that seem to be gone
        known = list(self.ctx.state.under(_seen(listing)))
        gone = [name for name in known if name not in seen]
        if not await self._may_remove(listing, gone, len(known)):
            return MANY_GONE
        await self._remove(listing, gone)
        return None

    async def _may_remove(self, listing: Listing, gone: Sequence[str], known: int) -> bool:
        """Whether so much may go without a person, or a person has confirmed exactly this."""
        name, asked = f"{_GONE}{listing.path}", self.ctx.state.get(f"{_GONE}{listing.path}")
        many = type(self).removed is not RestSource.removed and len(gone) > max(self.most_removed, known // 2)
        word = f"remove:{hashlib.sha256(json.dumps(sorted(gone)).encode()).hexdigest()[:16]}"
        if many and asked is not None and asked["word"] == word:
            return bool(asked["confirmed"])
        if many or asked is not None:
            async with self.ctx.commit() as tx:
                if many:
                    since = self.ctx.clock.utc().isoformat()
                    tx.state[name] = {"word": word, "count": len(gone), "of": known, "since": since, "confirmed": False}
                else:
                    del tx.state[name]
        return not many

    def _take(self, tx: Transaction, listing: Listing, record: Record, name: str) -> bool:
        digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:32]
        known = tx.state.get(name)
        if known is not None and known["digest"] == digest:
            return True
        try:
            published = self.publish(listing, record, known is None)
            if published is not None:
                tx.publish(published[0], published[1])
        except (KeyError, TypeError, ValueError, PermanentError):  # their texts may quote the record
            return False
        keeps = type(self).removed is not RestSource.removed
        tx.state[name] = {"digest": digest, "data": dict(published[1]) if keeps and published is not None else {}}
        return True

    async def _remove(self, listing: Listing, names: Sequence[str]) -> None:
        for name in names:
            async with self.ctx.commit() as tx:
                told = self.removed(listing, name.removeprefix(_seen(listing)), tx.state[name]["data"])
                if told is not None:
                    tx.publish(told[0], told[1])
                del tx.state[name]

    async def _pages(self, listing: Listing) -> AsyncIterator[Sequence[Any]]:
        path, query, count, number = listing.path, dict(listing.query), 0, 0
        asked = set[str]()
        while True:
            asked.add(f"{path} {sorted(query.items())}")
            reply = await self.http.ask("GET", path, query=query)
            self.http.expect_success(reply)
            answer = self.http.read_json(reply)
            page = _pluck(answer, listing.items)
            if not isinstance(page, list):
                raise self.side.temporary(NO_LIST)
            yield page
            number, count = number + 1, count + len(page)
            further = listing.pages.next(reply, answer, len(page), number) if listing.pages is not None else None
            if further is None:
                return
            if isinstance(further, str):
                path, query = self._below(path, further)
            else:
                query = dict(listing.query) | further
            if count > _MOST_RECORDS or f"{path} {sorted(query.items())}" in asked:
                raise self.side.temporary(ENDLESS, most=_MOST_RECORDS)

    def _below(self, path: str, link: str) -> tuple[str, dict[str, str]]:
        """Path and query of a link to a page. Raises TemporaryError if it leads elsewhere: the login goes with it."""
        base = f"{self.config.base_url}/"
        whole = urljoin(f"{base}{path}", link)
        if not whole.startswith(base):
            raise self.side.temporary(ELSEWHERE)
        parts = urlsplit(whole.removeprefix(base))
        return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


class RestConnector(RestSink[SourceConfigT], RestSource[SourceConfigT]):
    """Both ways: override `send` and `publish`."""


def _seen(listing: Listing) -> str:
    return f"seen/{listing.path}/"


def _name(listing: Listing, record: Any) -> str | None:
    """Under which name the state has a record; None for a record without a usable id."""
    id = record.get(listing.id) if isinstance(record, Mapping) else None
    usable = isinstance(id, str | int) and not isinstance(id, bool) and id != ""
    return f"{_seen(listing)}{id}" if usable else None


def _pluck(answer: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer
