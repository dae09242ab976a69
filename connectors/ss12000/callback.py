"""The standard's subscription: the supplier notifies the hub of changes, and the next poll begins at once.

A notification carries no id, no signature and no proof (`Notification` of the standard), so the hub recognises it by
the last part of its address alone, which only the supplier has. Its content can do no more than let `poll` run.
"""

import hmac
import secrets
from collections.abc import Mapping, Set
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from connectors.ss12000.client import Client
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.kinds import ALL, DELETED, LESSONS
from plugins import Answer, Context, Received, TemporaryError
from schemas.school_time import as_school_time

_STATE: Final = "callback"
_ABSENT: Final = "absent/subscriptions"
_GONE: Final = frozenset({404, 410})
_NOT_OFFERED: Final = frozenset({404, 405, 501})
_UNSAID: Final = timedelta(days=1)  # the life of a subscription whose end the supplier does not give
_PAUSE: Final = timedelta(minutes=15)  # after a refusal, before the next attempt
# The standard's own spelling, which lacks an i, and the right one.
_MODIFIED: Final = ("modifiedEntites", "modifiedEntities")
_NEVER_PULLED: Final = frozenset(
    ["grade", "attendanceschedule", "resource", "placement", "studyplan", "programme", "syllabus", "schoolunitoffering"]
)


class _Refused(Exception):
    """An answer that neither grants a subscription nor denies it for good."""


class Callback:
    """One instance's subscription at its supplier. `keep` is called in `poll`, `receive` at any time."""

    def __init__(self, config: Ss12000Config, ctx: Context, client: Client) -> None:
        self._config = config
        self._ctx = ctx
        self._client = client
        self.lessons = False  # a call may have been about lessons; `Rounds` clears it
        self._failing = False
        self._not_before: datetime | None = None

    # -- at the supplier ----------------------------------------------------------------------------------------

    async def keep(self, *, full: bool) -> None:
        """Subscribe, renew at half life, or end the subscription, as configured. `full`: also check that it exists.

        A failure is reported once, and tried again later. It stops nothing else, since polling goes on.
        """
        now = self._ctx.clock.utc()
        if self._not_before is not None and now < self._not_before and not full:
            return
        try:
            await self._keep(now, full)
        except (TemporaryError, _Refused) as error:
            self._not_before = now + _PAUSE
            if not self._failing:
                self._failing = True
                why = error.why if isinstance(error, TemporaryError) else str(error)
                self._ctx.problem("not-subscribed", f"subscriptions: {why}; changes come with the next poll")
        else:
            self._failing, self._not_before = False, None

    async def _keep(self, now: datetime, full: bool) -> None:
        kept = self._kept()
        if self._config.callback is None:
            await self._end(kept)
            return
        if self._ctx.state.get(_ABSENT) and not full:
            return
        segment = kept.get("segment") or secrets.token_urlsafe(32)
        target = f"{self._config.callback.url}/{segment}"
        resources = [kind.entity for kind in ALL if kind.resource in self._config.resources]
        if "id" in kept and (kept["target"], kept["resources"]) != (target, resources):
            await self._drop(kept["id"])
            del kept["id"]
        if "id" not in kept:
            await self._subscribe(now, segment, target, resources)
        elif full or now >= datetime.fromisoformat(kept["renew"]):
            await self._renew(now, kept)

    async def _subscribe(self, now: datetime, segment: str, target: str, resources: list[str]) -> None:
        # The segment is kept before the supplier gets it: the first call may come before the answer.
        async with self._ctx.commit() as tx:
            tx.state[_STATE] = {"segment": segment}
        status, answer = await self._client.send(
            "POST",
            "subscriptions",
            {
                "name": f"skolnav {self._ctx.instance}",
                "target": target,
                "resourceTypes": [{"resource": each} for each in resources],
            },
        )
        id = answer.get("id") if isinstance(answer, Mapping) else None
        if status in _NOT_OFFERED:
            if not self._ctx.state.get(_ABSENT):
                async with self._ctx.commit() as tx:
                    tx.state[_ABSENT] = True
                self._ctx.problem("not-offered", f"subscriptions: the supplier does not offer them ({status})")
            return
        if not 200 <= status < 300 or not isinstance(id, str) or not _plain(id):
            raise _Refused(f"the supplier answered {status}" + (" without an id" if 200 <= status < 300 else ""))
        async with self._ctx.commit() as tx:
            tx.state[_STATE] = {
                "segment": segment,
                "id": id,
                "target": target,
                "resources": resources,
                "renew": _half(now, answer),
            }
            if _ABSENT in tx.state:
                del tx.state[_ABSENT]

    async def _renew(self, now: datetime, kept: dict[str, Any]) -> None:
        status, answer = await self._client.send("PATCH", f"subscriptions/{kept['id']}")
        if 200 <= status < 300:
            async with self._ctx.commit() as tx:
                tx.state[_STATE] = {**kept, "renew": _half(now, answer)}
            return
        if status in (401, 403, 429) or (status >= 500 and status != 501):
            raise _Refused(f"the supplier answered {status}")
        if status not in _GONE:  # the supplier can't renew it: a new subscription replaces it
            await self._drop(kept["id"])
        await self._subscribe(now, kept["segment"], kept["target"], kept["resources"])

    async def _end(self, kept: dict[str, Any]) -> None:
        """End a subscription that the configuration no longer has."""
        if "id" in kept:
            await self._drop(kept["id"])
        if kept:
            async with self._ctx.commit() as tx:
                del tx.state[_STATE]

    async def _drop(self, id: str) -> None:
        """Ask the supplier to delete a subscription. If it does not, the subscription ends by itself; its calls until
        then are refused or harmless.
        """
        await self._client.send("DELETE", f"subscriptions/{id}")

    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = self._ctx.state.get(_STATE) or {}
        return kept

    # -- its calls ----------------------------------------------------------------------------------------------

    async def receive(self, request: Received) -> Answer | None:
        """Answer a notification, and start the poll that it asks for. None: it came to another address."""
        segment = self._kept().get("segment", "")
        last = request.path.rpartition("/")[2]
        if self._config.callback is None or not segment or not hmac.compare_digest(last.encode(), segment.encode()):
            return None
        if request.method != "POST":
            return Answer(405, headers={"Allow": "POST"})
        named = self._named(await request.body())
        if named:
            self.lessons |= LESSONS.resource in named
            self._ctx.poll_soon()
        return Answer(200)

    def _named(self, body: bytes) -> Set[str]:
        """The resources that a notification may be about. Empty only if it names none but resources that are not pulled
        here: it comes from the supplier, so an unreadable name may be a change as well.
        """
        pulled: Set[str] = self._config.resources
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return pulled
        if not isinstance(content, Mapping):
            return pulled
        named: list[Any] = []
        for spelling in _MODIFIED:
            value = content.get(spelling)
            named += value if isinstance(value, list) else [] if value is None else [value]
        if not named and not content.get("deletedEntities"):
            return pulled
        found: set[str] = set()
        for each in named:
            kind = DELETED.get(each.lower()) if isinstance(each, str) else None
            if kind is not None:
                found |= {kind.resource} & pulled
            elif not isinstance(each, str) or each.lower() not in _NEVER_PULLED:
                found |= pulled
        # A poll looks deletions up in /deletedEntities, those of lessons too.
        return found | (pulled - {LESSONS.resource}) if content.get("deletedEntities") else found


def _half(now: datetime, answer: Any) -> str:
    """When half of the subscription's life is over. A time without offset is read as Sweden's, the earlier reading."""
    until = now + _UNSAID
    expires = answer.get("expires") if isinstance(answer, Mapping) else None
    if isinstance(expires, str):
        try:
            end = datetime.fromisoformat(expires)
            until = as_school_time(end).astimezone(UTC)
        except (ValueError, OverflowError):
            until = now + _UNSAID
    return (now + max((until - now) / 2, timedelta(0))).isoformat(timespec="seconds")


def _plain(id: str) -> bool:
    """Whether an id can be part of a path as it is."""
    return 0 < len(id) <= 200 and all(each.isascii() and (each.isalnum() or each in "-_") for each in id)
