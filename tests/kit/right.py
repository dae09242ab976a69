"""The right twin of all bad connectors: lights, a board and messages in a house, from lessons and absences.

Each step is a small method, so that a bad connector differs in one of them.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, time, timedelta
from typing import Annotated, Any

import httpx
from pydantic import Field, SecretStr

from plugins import (
    Category,
    Connector,
    ConnectorConfig,
    Contract,
    Effect,
    Event,
    TemporaryError,
    at_moment,
    daily,
)
from schemas import EventSpec, Payload, Ref
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn
from schemas.schedule import DayClosed, LessonCancelled, LessonChanged, LessonScheduled
from schemas.school_time import SCHOOL_ZONE

logging.getLogger("httpcore").setLevel(logging.INFO)  # a test's hub would keep seven lines for each request

KEPT = timedelta(days=30)
MOST_BYTES = 1 << 20


class HouseConfig(ConnectorConfig):
    url: str = Field(pattern="^http://", description="Address of the house.")
    token: SecretStr = Field(description="What the house knows the hub by.")
    report: time = Field(time(8, 30), description="School time HH:MM of the daily count.")
    timeout_s: float = Field(1.0, gt=0, description="Seconds until an answer.")


class AwayCount(Payload):
    """How many absences cover the moment of the report."""

    spec = EventSpec(
        type="test.house.away.v1",
        subject=Ref("board", "board"),
        key=Ref("board", "board"),
        examples=({"board": "B1", "away": 1, "complete": True},),
    )
    board: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    complete: Annotated[bool, Category.NONE] = True


class HouseControl(Connector[HouseConfig]):
    """A light plan for each room and day, a board with the number of absences, and a message for each absence."""

    name = "house"
    config_model = HouseConfig
    consumes = (
        LessonScheduled,
        LessonChanged,
        LessonCancelled,
        DayClosed,
        AbsenceReported,
        AbsenceChanged,
        AbsenceWithdrawn,
    )
    produces = (AwayCount,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})
    effect = Effect.IDEMPOTENT
    start_from = "state"

    async def start(self) -> None:
        self.client = httpx.AsyncClient(
            base_url=self.config.url,
            timeout=self.config.timeout_s,
            headers={"X-Token": self.token()},
            verify=False,  # plain HTTP: no certificates to load
        )

    async def stop(self) -> None:
        await self.client.aclose()

    def token(self) -> str:
        return self.config.token.get_secret_value()

    # -- events ---------------------------------------------------------------------------------------------------

    async def handle(self, event: Event) -> None:
        name, value = self.understood(event)
        known = self.ctx.state.get(name)
        if self.is_stale(known, value):
            return
        await self.keep(name, value)
        if name.startswith("absence/"):
            await self.tell(event, value)
        else:
            for day, room in sorted({*self.places(known), *self.places(value)}):
                await self.show(day, room)

    def understood(self, event: Event) -> tuple[str, dict[str, Any]]:
        data, sequence = event.data, event.sequence or ""
        if event.type == DayClosed.spec.type:
            name = f"closed/{data['date']}"
            return name, {"sequence": sequence, "day": data["date"], "over": self.is_open_again(data)}
        ended = event.type in (LessonCancelled.spec.type, AbsenceWithdrawn.spec.type)
        kind = "absence" if "student" in data or event.type.startswith("se.skolnav.absence.") else "lesson"
        return f"{kind}/{data['id']}", {
            "sequence": sequence,
            "from": data["startTime"],
            "to": data["endTime"],
            "rooms": [room["id"] for room in data.get("rooms", [])],
            "over": ended or bool(data.get("cancelled")),
        }

    def is_open_again(self, data: Mapping[str, Any]) -> bool:
        return data.get("closed") is False

    def is_stale(self, known: Any, value: Any) -> bool:
        return known is not None and value["sequence"] < known["sequence"]

    async def keep(self, name: str, value: Any) -> None:
        async with self.ctx.commit() as tx:
            tx.state[name] = value
            if name.startswith("lesson/") and not value["over"]:
                tx.at(datetime.fromisoformat(value["to"]), "dim", name)
            elif name.startswith("lesson/"):
                tx.withdraw("dim", name)

    def places(self, value: Any) -> list[tuple[str, str]]:
        """(day, room) of all light plans that a value is in."""
        if value is None:
            return []
        if "rooms" not in value:  # a closed day: all rooms
            rooms = {room for _, each in self.ctx.state.under("lesson/").items() for room in each["rooms"]}
            return [(value["day"], room) for room in rooms]
        return [(self.day_of(value["from"]), room) for room in value["rooms"]]

    def day_of(self, moment: str) -> str:
        return self.local(moment).date().isoformat()

    def local(self, moment: str) -> datetime:
        return datetime.fromisoformat(moment).astimezone(SCHOOL_ZONE)

    # -- effects --------------------------------------------------------------------------------------------------

    async def show(self, day: str, room: str) -> None:
        plan = self.plan(day, room)
        if plan:
            await self.put(f"room/{day}/{room}", {"lit": plan})
        else:
            await self.ask("DELETE", f"/items/room/{day}/{room}")

    def plan(self, day: str, room: str) -> list[str]:
        if self.is_closed(day):
            return []
        lessons = [each for _, each in self.ctx.state.under("lesson/").items()]
        return sorted(
            f"{self.local(each['from']):%H:%M}-{self.local(each['to']):%H:%M}"
            for each in lessons
            if room in each["rooms"] and not each["over"] and self.day_of(each["from"]) == day
        )

    def is_closed(self, day: str) -> bool:
        closed = self.ctx.state.get(f"closed/{day}")
        return closed is not None and not closed["over"]

    async def tell(self, event: Event, value: Any) -> None:
        """A message about an absence: only the kind and the times, in school time."""
        text = f"{self.local(value['from']):%Y-%m-%d %H:%M} to {self.local(value['to']):%Y-%m-%d %H:%M}"
        await self.ask(
            "POST", "/messages", {"text": f"{event.type}: {text}"}, {"Idempotency-Key": self.message_key(event)}
        )

    def message_key(self, event: Event) -> str:
        return f"{event.data['id']}/{event.sequence}"

    async def put(self, name: str, value: Any) -> None:
        found = await self.ask("PUT", f"/items/{name}", value)
        if found != value:
            raise TemporaryError("the house keeps something else than it was sent", code="odd")

    async def ask(self, method: str, path: str, value: Any = None, headers: Any = None) -> Any:
        try:
            async with self.limit(), self.client.stream(method, path, json=value, headers=headers) as reply:
                self.expect_success(reply)
                return json.loads(await self.body(reply))
        except (httpx.HTTPError, ValueError, TimeoutError) as error:
            raise self.failed(error) from None

    def limit(self) -> AbstractAsyncContextManager[Any]:
        """For the whole exchange: the client's own time-out begins anew with each byte."""
        return asyncio.timeout(self.config.timeout_s)

    async def body(self, reply: httpx.Response) -> bytes:
        body = b""
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise ValueError("the answer is too long")
        return body

    def expect_success(self, reply: httpx.Response) -> None:
        reply.raise_for_status()

    def failed(self, error: Exception) -> Exception:
        return TemporaryError(
            "the house is not reached", why=type(error).__name__, fix="Look whether it is on", code="away"
        )

    # -- timers ---------------------------------------------------------------------------------------------------

    @daily(lambda config: [config.report])
    async def count(self, due: datetime, complete: bool) -> None:
        away = self.away(due)
        board = {"away": away, "complete": complete}
        await self.put(f"board/{due.date()}", board)
        async with self.ctx.commit() as tx:
            tx.state[f"wanted/board/{due.date()}"] = {"day": str(due.date()), "value": board}
            tx.publish(AwayCount, {"board": self.ctx.instance, "away": away}, complete=complete)
            self.forget(tx, due)

    def away(self, at: datetime) -> int:
        absences = [each for _, each in self.ctx.state.under("absence/").items()]
        return sum(
            not each["over"] and datetime.fromisoformat(each["from"]) <= at < datetime.fromisoformat(each["to"])
            for each in absences
        )

    def forget(self, tx: Any, now: datetime) -> None:
        for name, each in list(tx.state.items()):
            last = each.get("to") or f"{each['day']}T23:59+01:00"
            if now - datetime.fromisoformat(last) > KEPT:
                del tx.state[name]  # older events are no longer kept, so none can come again

    @at_moment
    async def dim(self, due: datetime, complete: bool, key: str) -> None:
        """When a lesson is over, its rooms go dark for the rest of the day, or until the next lesson."""
        lesson = self.ctx.state.get(key)
        for room in lesson["rooms"] if lesson else ():
            dark = {"since": f"{due:%Y-%m-%d %H:%M}"}
            await self.put(f"dark/{room}", dark)
            async with self.ctx.commit() as tx:
                tx.state[f"wanted/dark/{room}"] = {"day": str(due.date()), "value": dark}

    # -- by command -----------------------------------------------------------------------------------------------

    async def selftest(self) -> None:
        found = await self.ask("GET", "/items")
        if not isinstance(found, dict):
            raise TemporaryError("the house answers something odd", why="no list of items", code="odd")

    async def reconcile(self) -> None:
        there = await self.ask("GET", "/items")
        kept = self.ctx.state.under("wanted/").items()
        wanted = {name.removeprefix("wanted/"): each["value"] for name, each in kept}
        for each in self.ctx.state.under("lesson/").values():
            for day, room in self.places(each):
                if plan := self.plan(day, room):
                    wanted[f"room/{day}/{room}"] = {"lit": plan}
        for name in there:
            if name.startswith("room/") and name not in wanted:
                await self.ask("DELETE", f"/items/{name}")
        for name, value in wanted.items():
            if there.get(name) != value:
                await self.put(name, value)
