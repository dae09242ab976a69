"""Hubs that break promise 5 in one place each, and the small pair of worlds that shows it.

A judge that passes every hub proves nothing.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from hub.api import feed, state
from hub.delivery.feed_cursor import CursorSealer
from hub.directory.directory import Directory, Protection
from hub.http.access import subscription_of
from hub.http.problems import ApiProblem
from hub.http.sending import send_batch
from hub.privacy.gate import PrivacyGate
from hub.privacy.numbers import Numbers
from hub.privacy.protection import Basis
from hub.privacy.telling import Ledger
from hub.ss12000 import deleted, routes
from hub.ss12000.errors import NotFound
from hub.ss12000.notify import Notifier
from hub.ss12000.posting import post
from hub.ss12000.routes import PREFIX as SS12000
from hub.ss12000.sight import Seen, Sight
from tests.school import TERM, UNIT, absence
from tests.silence.doors import Door
from tests.silence.town import SECRETS, TEACHERS, Step
from tests.silence.worlds import Pair, Slot


@dataclass(frozen=True)
class Broken:
    """`channel` is part of the name of the channel that tells, `aspect` what about it does."""

    name: str
    mend: Callable[[], AbstractContextManager[Any]]
    pair: Pair
    channel: str
    aspect: str = "what"


def _pair(*slots: Slot, observers: Sequence[str] = ("all",)) -> Pair:
    return Pair(slots, observers)


def _forbids_nothing(self: Basis, *_: Any) -> None:
    return None


def _keeps_everybody(self: Basis, *_: Any) -> bool:
    return True


@contextmanager
def _events_without_news() -> Iterator[None]:
    decide = PrivacyGate._decide

    def always(self: PrivacyGate, stored: Any, recipient: Any, *, state: bool) -> Any:
        return decide(self, stored, recipient, state=True)

    with patch.object(PrivacyGate, "_decide", always):
        yield


@contextmanager
def _mark_ends_with_its_record() -> Iterator[None]:
    judge = Directory.judge

    def forgets(self: Directory, person: str, now_us: int, *, leaving: bool = False) -> tuple[Protection, int]:
        found = self.persons.get(person)
        if found is not None and not found.known and leaving:
            return Protection.OPEN, now_us + 60_000_000
        return judge(self, person, now_us, leaving=leaving)

    with patch.object(Directory, "judge", forgets), patch.object(Directory, "may_have_left", lambda *_: True):
        yield


@contextmanager
def _state_says_withheld() -> Iterator[None]:
    decide = state._State._closed

    def tells(self: Any, name: str, **how: bool) -> bool:
        if _is_protected(self._parts, name):
            raise ApiProblem("not-found", "This subject is withheld.")
        return decide(self, name, **how)

    with patch.object(state._State, "_closed", tells):
        yield


@contextmanager
def _state_commits_a_denial() -> Iterator[None]:
    decide = state._State._decide

    async def commits(self: Any, stored: Sequence[Any]) -> None:
        if _is_protected(self._parts, self._name()):
            await self._parts.store.commit()
        await decide(self, stored)

    with patch.object(state._State, "_decide", commits):
        yield


def _is_protected(services: Any, subject: str) -> bool:
    person = subject.partition("/")[2]
    found: Protection = services.directory.protection(person, services.clock.utc())
    return found is Protection.PROTECTED


@contextmanager
def _header_that_counts() -> Iterator[None]:
    async def counts(send: Any, bodies: Any, headers: Any, permit: Any) -> None:
        page = permit.__closure__[0].cell_contents
        scanned = b"%d" % sum(page.cursor.read.position.offsets)
        await send_batch(send, bodies, [*headers, (b"x-scanned", scanned)], permit)

    with patch.object(feed, "send_batch", counts):
        yield


@contextmanager
def _late_callback() -> Iterator[None]:
    judge, decide = Ledger.judge, Notifier._decide
    denied: list[bool] = []

    def noted(self: Ledger, stored: Any, **how: Any) -> Any:
        decision = judge(self, stored, **how)
        denied.append(not decision.allowed)
        return decision

    async def waits(self: Notifier, *given: Any, **how: Any) -> None:
        denied.clear()
        with patch.object(Ledger, "judge", noted):
            await decide(self, *given, **how)
        if any(denied):
            await self._services.clock.sleep(2)

    with patch.object(Notifier, "_decide", waits):
        yield


@contextmanager
def _cursor_that_grows() -> Iterator[None]:
    seal = CursorSealer.seal

    def grows(self: CursorSealer, subscription: Any, cursor: Any) -> str:
        grown: str = "A" * (sum(cursor.read.position.offsets) % 64)
        return seal(self, subscription, cursor) + grown

    with patch.object(CursorSealer, "seal", grows):
        yield


@contextmanager
def _post_that_knows() -> Iterator[None]:
    async def knows(provider: Any, who: Any, resource: Any, *, body: Any, key: Any) -> Any:
        if _is_protected(provider.services, f"person/{body['student']['id']}"):
            raise NotFound
        return await post(provider, who, resource, body=body, key=key)

    with patch.object(routes, "post", knows):
        yield


@contextmanager
def _deleted_for_all() -> Iterator[None]:
    async def sees(sight: Sight, table: Any, rows: Sequence[Any]) -> list[Any]:
        return [Seen(row, None, {}) for row in rows]  # type: ignore[arg-type]

    page = deleted.page

    async def unjudged(place: Any, sight: Sight) -> Any:
        with patch.object(Sight, "see", sees), patch.object(Sight, "use", lambda *_: None):
            return await page(place, sight)

    with patch.object(deleted, "page", unjudged):
        yield


@contextmanager
def _number_that_counts() -> Iterator[None]:
    with patch.object(Numbers, "apply", lambda self, draft: None):
        yield


@contextmanager
def _refusal_that_counts() -> Iterator[None]:
    def marked(parts: Any, who: Any, id: str) -> Any:
        found = subscription_of(parts, who, id)
        if parts.log.head().offsets[0] % 2:
            raise ApiProblem("not-found", "An odd number of events.")
        return found

    with patch.object(feed, "subscription_of", marked):
        yield


def _simple(target: Any, name: str, value: Any) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(target, name, value)


_SECRET: Final = (Step("secret"),)
_ABSENCE: Final = json.dumps(
    {
        **{name: value for name, value in absence(SECRETS[0]).items() if name != "id"},
        "organisation": {"id": UNIT}, "registeredBy": {"id": TEACHERS[0]},
    }
)  # fmt: skip
_STATE: Final = Door("GET", f"/v1/state/person/{SECRETS[0]}")
_DELETED: Final = Door("GET", f"{SS12000}/{deleted.PATH}?after={TERM}T00:00:00%2B01:00")

BROKEN: Final = (
    Broken("whose data are about a protected person is not asked", _simple(Basis, "forbids", _forbids_nothing),
           _pair(Slot(hidden=(Step("secret-diet"),))), "webhook"),
    Broken("who is mentioned is not asked", _simple(Basis, "keep", _keeps_everybody),
           _pair(Slot(visible=(Step("lesson"),), hidden=_SECRET)), "webhook"),
    Broken("an event without news is delivered", _events_without_news,
           _pair(Slot(visible=(Step("lesson"),)), Slot(hidden=(Step("secret-substitute"),))), "stream"),
    Broken("a mark ends with its record", _mark_ends_with_its_record,
           _pair(Slot(hidden=_SECRET), Slot(hidden=(Step("secret-gone"),))), "webhook"),
    Broken("an error that differs", _state_says_withheld, _pair(Slot(hidden=_SECRET, looks=(_STATE,))), "/v1/state"),
    Broken("an extra commit for what is withheld", _state_commits_a_denial,
           _pair(Slot(hidden=_SECRET, looks=(_STATE,))), "/v1/state", "when"),
    Broken("a header that counts", _header_that_counts, _pair(Slot(hidden=_SECRET)), "feed"),
    Broken("a number that counts", _number_that_counts,
           _pair(Slot(hidden=(Step("secret-teacher"),)),
                 Slot(visible=(Step("lesson"), Step("lesson-changed", 1)), inside=(Step("secret-substitute"),))),
           "webhook"),
    Broken("a cursor whose length counts", _cursor_that_grows, _pair(Slot(hidden=_SECRET)), "feed"),
    Broken("a callback that a withheld event makes late", _late_callback,
           _pair(Slot(visible=(Step("absence"),), inside=_SECRET)), "callback", "when"),
    Broken("deletedEntities without the gate", _deleted_for_all,
           _pair(Slot(hidden=(Step("secret-gone"),), looks=(_DELETED,))), deleted.PATH),
    Broken("a post that knows who is protected", _post_that_knows,
           _pair(Slot(hidden=_SECRET, looks=(Door("POST", f"{SS12000}/absences", _ABSENCE),))), "/absences"),
    Broken("a refusal that depends on how much is withheld", _refusal_that_counts,
           _pair(Slot(hidden=_SECRET)), "feed"),
)  # fmt: skip
