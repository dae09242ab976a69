"""Promise 5: each of these hubs breaks it in one place, and the pairs of worlds say so."""

import pytest

from tests.silence.broken import BROKEN, Broken
from tests.silence.worlds import differences, in_words


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.name)
def test_a_broken_hub_is_caught(broken: Broken) -> None:
    """Promise 5: and the whole hub passes the same pair."""

    def tell() -> list[object]:
        found = differences(broken.pair, (broken.aspect,))
        return [each for each in found if broken.channel in each.channel]

    assert not tell(), in_words(broken.pair, differences(broken.pair, (broken.aspect,)))
    with broken.mend():
        assert tell()
