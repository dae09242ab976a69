"""How the delivery to each subscription stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.assembly.services import Services
from hub.subscriptions.model import Status, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStanding:
    """One subscription. Only an operator may see this: a subscriber would learn what was withheld from it."""

    subscription: str  # its id
    name: str
    recipient: str  # `client/<id>` or `connector/<instance>`
    sink: str  # the kind: webhook, feed, stream, connector
    origin: str  # file, api or connector
    types: Sequence[str]
    state: str  # its status; while it is active and nothing is delivered: `holding` (the recipient failed), `waiting`
    reason: str  # a code: why it is not active; empty while it is
    error: str  # a code: how the recipient last failed, as a whole; empty while it answers
    failing: datetime | None  # since when it fails; None while it answers
    attempts: int  # failures in a row since then
    next_try: datetime | None  # while deliveries are held
    waiting: int  # events that wait because nothing is delivered: paused, pending, or waiting for the directory
    lag_s: float  # age of the oldest event that has not reached the recipient; 0 if there is none
    open: int  # deliveries under way
    parked: int  # keys that wait for their next attempt
    dead: int  # dead letters
    holding: bool  # the recipient as a whole fails, and the hub calls it less often for a while
    lanes: Sequence[str]  # replays and resends under way


async def counted(services: Services) -> Sequence[SubscriptionStanding]:
    """As `subscriptions`, once the events that wait have been counted."""
    await services.delivery.count_waiting()
    return subscriptions(services)


def subscriptions(services: Services) -> Sequence[SubscriptionStanding]:
    return [_standing(services, each) for each in services.subscriptions.all()]


def subscription(services: Services, id: str) -> SubscriptionStanding:
    """Raises NotFound and KeyError where there is no such subscription."""
    return _standing(services, services.subscriptions.get(id))


def _standing(services: Services, subscription: Subscription) -> SubscriptionStanding:
    delivery = services.delivery.status(subscription.id)
    down = delivery.down
    state: str = delivery.state
    if delivery.state is Status.ACTIVE:
        # With few keys there are few attempts, and deliveries are held late: that the recipient fails shows at once.
        failing = delivery.holding or down is not None
        state = "waiting" if delivery.waits else "holding" if failing else state
    return SubscriptionStanding(
        subscription=subscription.id,
        name=subscription.name,
        recipient=subscription.recipient.name,
        sink=subscription.sink["kind"],
        origin=subscription.origin,
        types=sorted(subscription.types),
        state=state,
        reason="first-load" if state == "waiting" else delivery.reason,
        error="" if down is None else down.reason,
        failing=None if down is None else down.since.replace(microsecond=0),
        attempts=0 if down is None else down.attempts,
        next_try=None if down is None or down.next_try is None else down.next_try.replace(microsecond=0),
        waiting=delivery.waiting,
        lag_s=round(delivery.lag_s, 3),
        open=delivery.open,
        parked=delivery.parked,
        dead=delivery.dead,
        holding=delivery.holding,
        lanes=list(delivery.lanes),
    )
