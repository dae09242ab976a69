"""How the delivery to each subscription stands."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    state: Status
    reason: str  # a code: why it is not active; empty while it is
    lag_s: float  # age of the oldest event that has not reached the recipient; 0 if there is none
    open: int  # deliveries under way
    parked: int  # keys that wait for their next attempt
    dead: int  # dead letters
    holding: bool  # the recipient as a whole fails, and the hub calls it less often for a while
    lanes: Sequence[str]  # replays and resends under way


def subscriptions(services: Services) -> Sequence[SubscriptionStanding]:
    return [_standing(services, each) for each in services.subscriptions.all()]


def subscription(services: Services, id: str) -> SubscriptionStanding:
    """Raises NotFound and KeyError where there is no such subscription."""
    return _standing(services, services.subscriptions.get(id))


def _standing(services: Services, subscription: Subscription) -> SubscriptionStanding:
    delivery = services.delivery.status(subscription.id)
    return SubscriptionStanding(
        subscription=subscription.id,
        name=subscription.name,
        recipient=subscription.recipient.name,
        sink=subscription.sink["kind"],
        origin=subscription.origin,
        types=sorted(subscription.types),
        state=delivery.state,
        reason=delivery.reason,
        lag_s=round(delivery.lag_s, 3),
        open=delivery.open,
        parked=delivery.parked,
        dead=delivery.dead,
        holding=delivery.holding,
        lanes=list(delivery.lanes),
    )
