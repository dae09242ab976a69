"""What the pairs of worlds may show: times that docs/privacy.md (Times) states as left."""

from collections.abc import Iterable
from typing import Final

from tests.silence.worlds import Difference, Pair

_LESSONS: Final = "/calendarEvents"


def left(pair: Pair, found: Iterable[Difference]) -> list[Difference]:
    """The differences without those times that docs/privacy.md states as left.

    A poll reads what was appended since the last one, and so does a stream that is opened again after a restart. An
    answer with a lesson reads the events that the lesson's last change rests on.
    """
    reopened = any("restart" in slot.acts for slot in pair.slots)

    def is_left(each: Difference) -> bool:
        reads = each.channel.startswith("feed ") or (each.channel == "stream" and reopened) or _LESSONS in each.channel
        return each.aspect == "when" and reads

    return [each for each in found if not is_left(each)]
