"""How each connector stands, and what it does only after a person has confirmed it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.assembly.services import Services
from hub.hosting.far_sides import FarSide
from hub.hosting.firing import TimerTrouble
from hub.hosting.hosts import InstanceInfo
from hub.hosting.instance import InstanceStatus
from hub.hosting.usage import Usage
from hub.operating.configured_ids import unknown_settings
from hub.operating.sources import Freshness, freshness
from hub.subscriptions.model import Status
from hub.texts import Language, meaning, reason, text
from hub.texts.quantities import lasted
from hub.texts.times import shown
from plugins.texts import words_of

MOST_PLACES: Final = 5  # settings or far sides that one line names


@dataclass(frozen=True, slots=True, kw_only=True)
class ToConfirm:
    """One thing that waits for a person."""

    word: str  # what the person confirms it by
    says: str  # what the connector would do, in the operator's language
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """How the delivery of events to a connector stands."""

    state: Status
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarSideStanding:
    """One of several far sides of an instance: a kitchen, a mailbox."""

    name: str
    reached: datetime | None  # when it last got all that waited for it; None: never, as far as the hub knows
    reached_s: float | None  # seconds since then
    behind: datetime | None  # since when it is behind; None while it is not
    code: str  # why it is behind
    next_try: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerStanding:
    """A run of a timer that should have happened and did not."""

    name: str
    state: str  # late, failing, given-up
    since: datetime
    error: str  # the code of the last failure; empty where it is only late
    failures: int
    next_try: datetime | None
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStanding:
    """One connector instance."""

    name: str
    use: str  # the installed connector that it is an instance of
    package: str  # the distribution and version that the running hub has loaded it from
    state: str  # what a person should read: `status`, or the subscription's state while that is not active
    status: InstanceStatus
    reason: str  # a code: why it does not run; empty while it does
    subscription: Feeding | None  # None where it consumes no events
    failing: str  # a code: why the last poll failed; empty if it did not
    unread: str  # a code: what the last poll could not read although it succeeded; empty if it read everything
    behind: Sequence[str]  # the far sides that the last poll which succeeded left behind, such as kitchens
    failures: int  # polls in a row that failed or left something unread
    timers: Sequence[TimerStanding]  # runs of its timers that should have happened and did not
    far_sides: Sequence[FarSideStanding]  # those that its configuration names
    doing: Mapping[str, float]  # each call under way, with its age in seconds
    since: datetime  # when the instance started
    polled: datetime | None  # when a poll last read everything
    polled_s: float | None  # seconds since then, or since the instance started; None where it does not poll
    directory: Freshness | None  # None if the connector has never reported the directory as complete
    problem: str  # the code of the last problem since the hub started; empty if there was none
    problem_at: datetime | None
    problems: Mapping[str, int]  # problems since the hub started, by code
    usage: Usage | None  # what it uses of the machine, as far as that can be told apart; None where it does not run
    unknown_ids: Sequence[str]  # settings with ids that the directory does not know
    waiting: Sequence[ToConfirm] | None  # None where the connector did not answer
    trouble: str  # why it does not do all of its work, in the operator's language; empty while it does
    says: str  # the polls, the directory and the last problem in one line, in the operator's language

    @property
    def up(self) -> bool:
        """It runs, and events that it consumes are delivered to it."""
        return self.state == InstanceStatus.RUNNING

    @property
    def waiting_count(self) -> int | None:
        return None if self.waiting is None else len(self.waiting)


async def connectors(services: Services, language: Language = "en") -> Sequence[ConnectorStanding]:
    """Every instance, by name. All are asked at once, each in bounded time (`hub.alerts.waits`)."""
    found = services.hosts.statuses()
    waiting = await asyncio.gather(*(_waiting(services, each.name, language) for each in found))
    fed = {each.id for each in services.subscriptions.all()}
    return [
        _standing(services, info, waiting=waits, fed=fed, language=language)
        for info, waits in zip(found, waiting, strict=True)
    ]


async def _waiting(services: Services, name: str, language: Language) -> Sequence[ToConfirm] | None:
    found = await services.conditions.waits.ask(name)
    if found is None:
        return None
    return [
        ToConfirm(
            word=each.word,
            says=each.sv if language == "sv" and each.sv else each.says,
            since=each.since.replace(microsecond=0),
        )
        for each in found
    ]


def _standing(
    services: Services,
    info: InstanceInfo,
    *,
    waiting: Sequence[ToConfirm] | None,
    fed: set[str],
    language: Language,
) -> ConnectorStanding:
    now = services.clock.utc()
    id = f"connector:{info.name}"
    delivery = services.delivery.status(id) if id in fed else None
    paused = delivery is not None and delivery.state is not Status.ACTIVE
    polled_s = max(0.0, (now - (info.polled or info.since)).total_seconds())
    unknown = unknown_settings(services, info.name)
    directory = freshness(services, f"urn:skolnav:{services.config.tenant}:{info.name}")
    return ConnectorStanding(
        name=info.name,
        use=info.use,
        package=info.package,
        state=delivery.state if delivery and paused and info.status is InstanceStatus.RUNNING else info.status,
        status=info.status,
        reason=info.reason,
        subscription=None if delivery is None else Feeding(state=delivery.state, reason=delivery.reason),
        failing=info.failing,
        unread=info.unread,
        behind=info.behind,
        failures=info.failures,
        timers=[_timer(each) for each in info.timers],
        far_sides=[_far_side(each, now) for each in info.far_sides],
        doing=info.doing,
        since=info.since.replace(microsecond=0),
        polled=None if info.polled is None else info.polled.replace(microsecond=0),
        polled_s=round(polled_s, 1) if info.polls else None,
        directory=directory,
        problem=info.problem,
        problem_at=None if info.problem_at is None else info.problem_at.replace(microsecond=0),
        problems=info.problems,
        usage=info.usage,
        unknown_ids=unknown,
        waiting=waiting,
        trouble=_trouble(info, delivery.reason if delivery else "", language),
        says=_line(info, polled_s, directory, unknown, language),
    )


def _timer(timer: TimerTrouble) -> TimerStanding:
    return TimerStanding(
        name=timer.name, state=timer.state, since=timer.since.replace(microsecond=0), error=timer.error,
        failures=timer.failures, next_try=_whole(timer.next_try), runs=timer.runs,
    )  # fmt: skip


def _far_side(side: FarSide, now: datetime) -> FarSideStanding:
    return FarSideStanding(
        name=side.name, reached=_whole(side.reached),
        reached_s=None if side.reached is None else round((now - side.reached).total_seconds(), 1),
        behind=_whole(side.behind), code=side.code, next_try=_whole(side.next_try),
    )  # fmt: skip


def _whole(moment: datetime | None) -> datetime | None:
    """Without fractions of a second."""
    return None if moment is None else moment.replace(microsecond=0)


def _trouble(info: InstanceInfo, not_delivered: str, language: Language) -> str:
    if code := info.reason or not_delivered:
        return reason(code, language)
    if info.timers:
        timer = info.timers[0]
        at = shown(timer.since)
        return text(f"connector.timer-{timer.state}", language, name=timer.name, at=at, code=timer.error or "?")
    if sides := [each for each in info.far_sides if each.behind is not None]:
        return text("connector.behind", language, code=sides[0].code, sides=_few([each.name for each in sides]))
    if info.failing:
        return text("connector.failing", language, code=info.failing)
    if info.behind:
        return text("connector.behind", language, code=info.unread, sides=_few(info.behind))
    return text("connector.unread", language, code=info.unread) if info.unread else ""


def _line(
    info: InstanceInfo, polled_s: float, directory: Freshness | None, unknown: Sequence[str], language: Language
) -> str:
    """One line: the last poll that read everything, failures since, the directory, the last problem, unknown ids.

    For a connector that the hub has started without: why.
    """
    if info.left_out is not None:
        says = " ".join(each.render(language).replace("\n ", "") for each in info.left_out.findings)
        return text("connector.left-out", language, name=info.name, says=says)
    if not info.polls:
        line = text("connector.quiet", language, name=info.name)
    elif info.polled is None:
        line = text("connector.not-polled", language, name=info.name, at=shown(info.since))
    else:
        age = lasted(int(polled_s), language)
        line = text("connector.polled", language, name=info.name, at=shown(info.polled), age=age)
    if info.usage is not None and info.usage.memory_bytes is not None:
        memory = info.usage.memory_bytes >> 20
        line += text("connector.process", language, pid=info.usage.process, memory=memory)
    if info.failures:
        line += text("connector.failures", language, count=info.failures, code=info.failing or info.unread)
    if info.behind:
        line += text("connector.are-behind", language, sides=_few(info.behind))
    if directory is not None:
        line += text("connector.directory", language, at=shown(directory.as_of))
    if info.problem and info.problem_at is not None:
        count = info.problems.get(info.problem, 1)
        line += text("connector.problem", language, code=info.problem, at=shown(info.problem_at), count=count)
    codes = [info.failing or info.unread, info.problem, *(each.error for each in info.timers)]
    for code in dict.fromkeys(filter(None, codes)):
        if says := _meaning(info, code, language):
            line += text("connector.means", language, code=code, says=says)
    if unknown:
        line += text("connector.unknown-ids", language, places=_few(unknown))
    return line


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_PLACES]) + (" ..." if len(names) > MOST_PLACES else "")


def _meaning(info: InstanceInfo, code: str, language: Language) -> str:
    """A code in the connector's own words, else in the hub's; empty if neither has words for it."""
    own = words_of(code, info.words)
    if own is None:
        return meaning(code, language)
    return own.sv if language == "sv" else own.en
