"""What must hold after a crash, whoever received: the log's reader, a webhook, a feed.

Publishers number their events per key, from 0 without gaps, and publish the next one only after the last was
acknowledged. An event is a (key, number).
"""

from collections.abc import Iterable

Numbered = tuple[str, int]


def first_arrivals(arrived: Iterable[Numbered]) -> dict[str, list[int]]:
    """Per key the numbers in the order in which they came first; repeats may follow and are left out."""
    numbers: dict[str, dict[int, None]] = {}
    for key, number in arrived:
        numbers.setdefault(key, {})[number] = None
    return {key: list(found) for key, found in numbers.items()}


def missing(acknowledged: Iterable[Numbered], arrived: Iterable[Numbered]) -> set[Numbered]:
    """Promise 1: what was acknowledged and did not arrive. Must be empty."""
    return set(acknowledged) - set(arrived)


def out_of_order(arrived: Iterable[Numbered]) -> list[Numbered]:
    """Promise 2: first arrivals that came after a later one of their key, or after a gap. Must be empty."""
    return [
        (key, number)
        for key, numbers in first_arrivals(arrived).items()
        for place, number in enumerate(numbers)
        if number != place
    ]


def repeated(arrived: Iterable[Numbered]) -> list[Numbered]:
    """Promise 6: what came more than once. Empty for a log, since it suppresses duplicates; not for a recipient."""
    seen: set[Numbered] = set()
    return [each for each in arrived if each in seen or seen.add(each)]  # type: ignore[func-returns-value]
