"""Family meals: for how many people a kitchen must cook. Sums only, never names or ids.

A count of 1 may still identify a child, so counts are per kitchen and sitting, never per class, and only a recipient
that the configuration names under `exact` gets the exact numbers. The others get them blurred (`hub.privacy.sums`), at
report times alone: the fields `revision`, `status`, `asOf` and `complete` are left out, and so is a number below the
smallest cell. Their rows may be called ÖVRIG (the diets that are too small) and ALLA (all pupils).
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas import directory_examples as directory
from schemas.aggregate import Aggregate
from schemas.category import Category
from schemas.payload import ClockTime, Code, Count, Date, EventSpec, Part, Payload, Ref, Reference, Timestamp


class SchoolUnit(Reference):
    """A school unit that the kitchen cooks for. `schoolUnitCode` is Skolverket's."""

    schoolUnitCode: Annotated[str | None, Category.NONE] = None


class DietCount(Part):
    """Portions of one diet code. NORMAL counts all who have no other diet: each eater is in exactly one row."""

    diet: Annotated[str, Field(min_length=1, max_length=64), Category.AGGREGATE]
    portions: Annotated[Count, Category.AGGREGATE]


class MealsCount(Payload):
    """A kitchen's order for one sitting: a full snapshot that replaces every lower revision, never a difference.

    The idempotency key is (kitchen, date, sitting, revision): two events with the same four values are the same order.
    """

    kitchen: Annotated[Code, Category.NONE]
    schoolUnits: list[SchoolUnit]
    date: Annotated[Date, Category.NONE]
    sitting: Annotated[Code, Category.NONE]
    servingTime: Annotated[ClockTime, Category.NONE]
    revision: Annotated[int, Field(ge=1), Category.NONE]  # rises with each snapshot of this sitting, not always by one
    status: Annotated[Literal["preliminary", "fixed", "late_change"], Category.NONE]  # late: after a cut-off
    due: Annotated[Timestamp, Category.NONE]  # the report or cut-off time that the order is for
    asOf: Annotated[Timestamp, Category.NONE]  # the sums include all events accepted before this time
    counts: list[DietCount]  # of pupils
    staffPortions: Annotated[Count, Category.AGGREGATE]
    enrolled: Annotated[Count, Category.AGGREGATE]
    absent: Annotated[Count, Category.AGGREGATE]  # how many of the enrolled are away during the sitting
    complete: Annotated[bool, Category.NONE]  # False: a person is not known yet, or events were late
    # True: the order comes at a report time, with or without news. False: it comes because something has changed. Left
    # out: `status` tells, where late_change means False. Who does not act on the order gets what is scheduled, alone.
    scheduled: Annotated[bool | None, Category.NONE] = None

    spec = EventSpec(
        type="se.skolnav.meals.count.v1",
        subject=Ref("kitchen", "kitchen"),
        key=Ref("kitchen", "kitchen"),
        entity=Ref("meal", "kitchen/date/sitting"),
        organisations=("schoolUnits[].id",),
        window=True,
        until="date",
        aggregate=Aggregate(
            place=("kitchen", "sitting"),
            report=("date", "due", "revision"),
            rows="counts",
            number="portions",
            name="diet",
            apart=Category.DIET,
            numbers=("staffPortions", "absent"),
            sums={"enrolled": ("counts", "absent")},
            scheduled="scheduled",
            late=("status", "late_change"),
            exact_only=("revision", "status", "asOf", "complete", "scheduled"),
        ),
        examples=(
            {
                "kitchen": "K-017",
                "schoolUnits": [{"id": directory.SCHOOL_UNIT["id"], "schoolUnitCode": "00000001"}],
                "date": "2026-11-24",
                "sitting": "1",
                "servingTime": "11:10",
                "revision": 1,
                "status": "preliminary",
                "due": "2026-11-24T08:30:00+01:00",
                "asOf": "2026-11-24T08:30:00+01:00",
                "counts": [{"diet": "NORMAL", "portions": 208}, {"diet": "GLUTENFRI", "portions": 4}],
                "staffPortions": 9,
                "enrolled": 235,
                "absent": 23,
                "complete": True,
                "scheduled": True,
            },
            {
                "kitchen": "K-017",
                "schoolUnits": [{"id": directory.SCHOOL_UNIT["id"]}],
                "date": "2026-11-24",
                "sitting": "1",
                "servingTime": "11:10",
                "revision": 3,
                "status": "late_change",
                "due": "2026-11-24T09:30:00+01:00",
                "asOf": "2026-11-24T09:47:12+01:00",
                "counts": [{"diet": "NORMAL", "portions": 0}],
                "staffPortions": 0,
                "enrolled": 235,
                "absent": 235,
                "complete": False,
            },
        ),
    )


TYPES = (MealsCount,)
