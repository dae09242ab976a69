"""What should have happened and did not, as it stands now: the one place from which every view reads it.

`skolnav connectors`, `subscriptions` and `alerts`, `/readyz`, `/metrics` and the events `se.skolnav.operator.*` show
these conditions. Each has a code with texts (`alert.<code>` and `todo.<code>` in `hub.texts`), since when it lasts,
and, as far as they are known, the last error, the attempts and the next one. None holds personal data: places are of
the configuration, and names are those that the configuration gives.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from pydantic import BaseModel

from hub.alerts.certificates import ends, first_end
from hub.alerts.condition import KINDS, Condition
from hub.alerts.parts import LookedParts, tried
from hub.alerts.waits import Waits
from hub.clock import Clock
from hub.config import HubConfig
from hub.delivery.delivery import Delivery, DeliveryStatus
from hub.directory.directory import Directory
from hub.hosting.hosts import Hosts, InstanceInfo
from hub.hosting.instance import InstanceStatus
from hub.registry.registry import Registry
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.spec import TlsSpec, WebhookSpec

FULL: Final = 256 << 20  # bytes free; with less the hub soon refuses events
LOW: Final = 0.05  # the share of the disk that is free
CERTIFICATE: Final = timedelta(days=30)
EXPIRES: Final = 0.7  # of `retention`: an event that has waited for all of it is trimmed, and the recipient misses it

# Why a subscription is paused or ended where a person has wanted that.
_WANTED: Final = frozenset(
    {"paused", "paused-in-file", "left-file", "client-left", "no-contract", "expired", "removed", ""}
)


class Conditions:
    """Finds the conditions. Other parts may `add` what they alone can see."""

    def __init__(
        self,
        *,
        config: Callable[[], HubConfig],
        clock: Clock,
        hosts: Hosts,
        delivery: Delivery,
        registry: Registry,
        directory: Directory,
        started: datetime,
        unread_since: Callable[[str], datetime | None] = lambda subscription: None,
    ) -> None:
        """`unread_since`: when the client of a feed last came, if there are events that it has not read."""
        self._config = config
        self._clock = clock
        self._hosts = hosts
        self._delivery = delivery
        self._registry = registry
        self._directory = directory
        self._started = started
        self._unread_since = unread_since
        self._others: list[Callable[[datetime], Sequence[Condition]]] = []
        self._parts = LookedParts()
        self.waits = Waits(hosts, clock)

    def add(self, others: Callable[[datetime], Sequence[Condition]]) -> None:
        """Ask `others(now)` too, from now on."""
        self._others.append(others)

    async def now(self) -> Sequence[Condition]:
        """All conditions, also those that may be over in a moment (`Kind.grace_s`), in the order of their places."""
        asked = asyncio.gather(*(self.waits.ask(each.name) for each in self._hosts.statuses() if not each.left_out))
        counted, _ = await asyncio.gather(self._count_waiting(), asked)
        parts = _certificate_parts(self._config())
        now = self._clock.utc()
        certificates = await asyncio.to_thread(
            lambda: {place: tried(partial(_certificates, place, find, now)) for place, find in parts.items()}
        )
        outcomes = self._seen(now)
        outcomes["backlog"] = counted
        for info in self._hosts.statuses():
            outcomes[f"connectors.{info.name} waiting"] = tried(partial(self.waits.conditions, info))
        outcomes |= {f"{place} certificates": outcome for place, outcome in certificates.items()}
        outcomes["disk"] = tried(partial(self._disk, now))
        self._parts.keep(outcomes.keys())
        found = [each for part, outcome in outcomes.items() for each in self._parts.take(part, now, outcome)]
        return sorted(found, key=lambda each: (each.place, each.code, each.what))

    def seen(self) -> list[Condition]:
        """Those that the hub's own memory shows, without asking a connector or the disk."""
        now = self._clock.utc()
        outcomes = self._seen(now)
        return [each for part, outcome in outcomes.items() for each in self._parts.take(part, now, outcome)]

    def unsure(self, key: tuple[str, str, str]) -> bool:
        """Whether the hub can't know yet that this is over: it has started lately, and has neither seen it nor tried.

        For a condition that `now` has not shown since the start.
        """
        code, place, _ = key
        if self._parts.blind:
            return True
        kind, _, name = place.partition(".")
        if kind == "connectors":
            info = next((each for each in self._hosts.statuses() if each.name == name), None)
            if info is None:
                return False
            if code == "waits-for-person":
                return not self.waits.known(name)
            if code == "poll-failing" and info.polled is not None:
                return False
        elif kind == "subscriptions" and all(place_of(each.id) != place for each in self._registry.all()):
            return False
        lasts_s = (self._clock.utc() - self._started).total_seconds()
        return code in KINDS and lasts_s < KINDS[code].settles_s

    def of(self, place: str) -> list[Condition]:
        """Those at one place, as `seen`."""
        return [each for each in self.seen() if each.place == place]

    def _seen(self, now: datetime) -> dict[str, Sequence[Condition] | Exception]:
        """What the hub's own memory shows, by the parts in which it is looked for."""
        outcomes: dict[str, Sequence[Condition] | Exception] = {}
        for info in self._hosts.statuses():
            outcomes[f"connectors.{info.name}"] = tried(partial(_of_instance, info, now))
        for subscription in self._registry.all():
            outcomes[f"subscription {subscription.id}"] = tried(partial(self._of_subscription, subscription, now))
        outcomes["directory"] = tried(partial(self._sources, now))
        for n, others in enumerate(self._others):
            outcomes[f"{getattr(others, '__module__', 'others')} {n}"] = tried(partial(others, now))
        return outcomes

    def _of_subscription(self, subscription: Subscription, now: datetime) -> Iterator[Condition]:
        status = self._status(subscription)
        yield from _of_subscription(subscription, status, now)
        keeps = self._config().retention
        waited = timedelta(seconds=status.lag_s)
        if subscription.sink["kind"] == "feed" and (came := self._unread_since(subscription.id)) is not None:
            waited = now - came
        if status.state is not Status.ENDED and waited > EXPIRES * keeps:
            # Also where a person has paused it: who did may have forgotten, and what is trimmed is lost.
            yield Condition(
                code="events-expire", place=place_of(subscription.id), since=now - waited + EXPIRES * keeps,
                error=status.reason, count=max(0, (keeps - waited).days),
            )  # fmt: skip

    async def _count_waiting(self) -> Sequence[Condition] | Exception:
        try:
            await self._delivery.count_waiting()
        except Exception as error:
            return error
        return []

    def _sources(self, now: datetime) -> Iterator[Condition]:
        """Directory sources that are waited for, and those whose protection marks have become too old."""
        config, directory = self._config(), self._directory
        complete = directory.current_sources()
        for wanted in config.directory.sources:
            if not any(fnmatchcase(each, wanted) for each in complete):
                yield Condition(
                    code="source-missing", place="directory", what=wanted, since=self._started,
                    count=sum(each.waiting for each in map(self._status, self._registry.all()) if each.waits),
                )  # fmt: skip
        own = f"urn:skolnav:{config.tenant}:"
        for source in sorted(complete):
            gone = source.startswith(own) and source.removeprefix(own) not in config.connectors
            listed = not config.directory.sources or any(fnmatchcase(source, each) for each in config.directory.sources)
            as_of = directory.current_as_of(source)
            if listed and not gone and as_of is not None and not directory.fresh(source, now):
                since = as_of + config.directory.max_age
                yield Condition(code="marks-old", place="directory", what=source, since=min(since, now))

    def _status(self, subscription: Subscription) -> DeliveryStatus:
        return self._delivery.status(subscription.id)

    def _disk(self, now: datetime) -> Iterator[Condition]:
        usage = shutil.disk_usage(self._config().data)
        if usage.free < FULL:
            yield Condition(code="disk-full", place="hub", since=now, count=usage.free >> 20)
        elif usage.free < LOW * usage.total:
            yield Condition(code="disk-low", place="hub", since=now, count=usage.free >> 20)


_Found = Iterator[tuple[str, str, datetime]]  # a certificate's short name, its whole name, and when it ends


def _certificate_parts(config: HubConfig) -> dict[str, Callable[[], _Found]]:
    """The places in the configuration that name certificates, each with what reads them."""
    parts: dict[str, Callable[[], _Found]] = {
        f"connectors.{name}": partial(_in_files, entry.config) for name, entry in config.connectors.items()
    }
    if config.alerts is not None:
        parts["alerts"] = partial(_in_files, config.alerts)
    for spec in config.subscriptions:
        if isinstance(spec.sink, WebhookSpec) and spec.sink.tls is not None:
            parts[f"subscriptions.{spec.name}"] = partial(_in_tls, spec.sink.tls)
    return parts


def _in_files(settings: BaseModel) -> _Found:
    for file, end in ends(settings):
        yield file.name, str(file), end


def _in_tls(tls: TlsSpec) -> _Found:
    for name in ("certificate", "ca"):
        if (end := first_end((getattr(tls, name) or "").encode())) is not None:
            yield f"sink.tls.{name}", f"sink.tls.{name}", end


def _certificates(place: str, find: Callable[[], _Found], now: datetime) -> Iterator[Condition]:
    found = list(find())
    names = [name for name, _, _ in found]
    for name, whole, end in found:
        if end - now < CERTIFICATE:
            yield Condition(
                code="certificate-ends", place=place, what=name if names.count(name) == 1 else whole,
                since=end - CERTIFICATE, error="certificate-ended" if end <= now else "",
                count=max(0, (end - now).days),
            )  # fmt: skip


def _of_instance(info: InstanceInfo, now: datetime) -> Iterator[Condition]:
    place = f"connectors.{info.name}"
    if info.status not in (InstanceStatus.RUNNING, InstanceStatus.STOPPED):
        error = info.reason or info.status.value
        yield Condition(code="connector-down", place=place, since=info.status_since, error=error)
    for timer in info.timers:
        yield Condition(
            code=f"timer-{timer.state}", place=place, what=timer.name, since=timer.since, error=timer.error,
            attempts=timer.failures, next_try=timer.next_try, count=timer.runs,
        )  # fmt: skip
    behind = [side for side in info.far_sides if side.behind is not None]
    for side in behind:
        yield Condition(
            code="far-side-behind", place=place, what=side.name, since=side.behind or now, error=side.code,
            next_try=side.next_try,
        )  # fmt: skip
    named = {side.name for side in behind}
    if info.failures and not (info.behind and not info.failing and named.issuperset(info.behind)):
        yield Condition(
            code="poll-failing", place=place, since=info.failed_since or now, error=info.failing or info.unread,
            attempts=info.failures,
        )  # fmt: skip


def _of_subscription(subscription: Subscription, status: DeliveryStatus, now: datetime) -> Iterator[Condition]:
    place, down = place_of(subscription.id), status.down
    oldest = now - timedelta(seconds=status.lag_s)
    error, attempts, next_try, failing = "", 0, None, now
    if down is not None:
        error, attempts, next_try, failing = down.reason, down.attempts, down.next_try, down.since
    if status.state is Status.PENDING:
        yield Condition(
            code="recipient-pending", place=place, since=failing, error=error, attempts=attempts, next_try=next_try,
            count=status.waiting,
        )  # fmt: skip
    elif down is not None:
        yield Condition(
            code="recipient-failing", place=place, since=failing, error=error, attempts=attempts, next_try=next_try,
            count=status.parked,
        )  # fmt: skip
    if status.state in (Status.PAUSED, Status.ENDED) and status.reason not in _WANTED:
        yield Condition(code="recipient-paused", place=place, since=now, error=status.reason, count=status.waiting)
    if status.parked:
        yield Condition(code="keys-parked", place=place, since=oldest, count=status.parked)
    if status.dead:
        yield Condition(code="dead-letters", place=place, since=now, count=status.dead)


def place_of(subscription: str) -> str:
    """`connectors.kitchen` for the own subscription of a connector."""
    kind, _, name = subscription.partition(":")
    return f"connectors.{name}" if kind == "connector" and name else f"subscriptions.{subscription}"
