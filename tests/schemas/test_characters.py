"""Which characters an attribute's text may hold: every noncharacter of Unicode, and no neighbour of one, is refused."""

import pytest

from schemas import Event, InvalidEvent
from tests.schemas.test_event import ENVELOPE

PLANES = [plane << 16 for plane in range(17)]


@pytest.mark.parametrize("bad", [chr(plane + last) for plane in PLANES for last in (0xFFFE, 0xFFFF)], ids=ascii)
def test_the_last_two_of_each_plane_are_refused(bad: str) -> None:
    with pytest.raises(InvalidEvent):
        Event.from_dict({**ENVELOPE, "id": f"a{bad}"})


@pytest.mark.parametrize("good", [chr(plane + 0xFFFD) for plane in PLANES], ids=ascii)
def test_the_one_before_them_is_taken(good: str) -> None:
    assert Event.from_dict({**ENVELOPE, "id": f"a{good}"}).id == f"a{good}"
