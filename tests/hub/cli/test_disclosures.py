"""`skolnav disclosures verify`: the log of disclosures of a running hub, intact and tampered with."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.hub.cli.conftest import STUDENT, TOKENS, Place, absence


def read_feed(place: Place, events: int) -> None:
    """Publish, and have acme read: each event that is denied to it becomes a row of the log of disclosures."""
    with place.hub() as hub:
        for number in range(events):
            hub.post(absence(f"told-{number}"))
            answer = httpx.get(
                f"http://127.0.0.1:{place.port}/v1/subscriptions/acme-absence/events",
                headers={"Authorization": f"Bearer {TOKENS['ACME_TOKEN']}"},
            )
            assert answer.status_code == 200, answer.text


def tamper(place: Place, statement: str) -> None:
    with sqlite3.connect(place.data / "store.db") as store:
        assert store.execute(statement).rowcount > 0
    store.close()


def rows(place: Place) -> int:
    with sqlite3.connect(place.data / "store.db") as store:
        (count,) = store.execute("SELECT count(*) FROM disclosures").fetchone()
    store.close()
    return int(count)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("hub"))
    read_feed(made, 3)
    return made


@pytest.fixture
def copied(place: Place, tmp_path: Path) -> Callable[[], Place]:
    """A hub of its own on a copy of the stopped hub's files."""

    def copy() -> Place:
        made = Place(tmp_path)
        made.data.mkdir()
        for name in ("store.db", "log.db", "key"):
            (made.data / name).write_bytes((place.data / name).read_bytes())
        return made

    return copy


def test_an_intact_log_is_said_to_hold_together_with_its_number_of_rows(copied: Callable[[], Place]) -> None:
    place = copied()
    count = rows(place)
    assert count >= 1
    with place.hub():
        ran = place.ask("disclosures", "verify")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == f"Loggen över utlämnanden är oförändrad: {count} rader, från den första till den sista.\n"
        english = place.ask("disclosures", "verify", "--language", "en")
        assert english.out == f"The log of disclosures holds together: {count} rows, from the first to the last.\n"
        assert place.ask("disclosures", "verify", "--json").json() == {"rows": count, "broken_at": None, "trimmed": 0}


def test_of_a_trimmed_log_it_says_where_it_begins(copied: Callable[[], Place]) -> None:
    place = copied()
    count = rows(place)
    tamper(place, "INSERT INTO disclosure_anchors SELECT tenant, n, hash FROM disclosures WHERE n = 1")
    tamper(place, "DELETE FROM disclosures WHERE n = 1")
    with place.hub():
        ran = place.ask("disclosures", "verify", "--language", "en")
        assert ran.code == 0
        assert f"the rows after row 1, up to row {count}" in ran.out
        program = place.ask("disclosures", "verify", "--json")
        assert program.json() == {"rows": count, "broken_at": None, "trimmed": 1}


def test_an_empty_log_holds_together(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.hub():
        ran = place.ask("disclosures", "verify", "--json")
    assert (ran.code, ran.json()) == (0, {"rows": 0, "broken_at": None, "trimmed": 0})


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE disclosures SET decided = replace(decided, 'false', 'true') WHERE n = 1", 1),
        ("DELETE FROM disclosures WHERE n = 2", 2),
        ("DELETE FROM disclosures WHERE n >= 3", 3),
    ],
    ids=["a row changed", "a row removed", "the end removed"],
)
def test_where_the_log_was_tampered_with_is_said_by_number_and_the_command_fails(
    copied: Callable[[], Place], statement: str, broken_at: int
) -> None:
    place = copied()
    tamper(place, statement)
    with place.hub():
        ran = place.ask("disclosures", "verify")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"Kedjan bryts vid rad {broken_at}: ")
        assert f"De {broken_at - 1} raderna före den är oförändrade" in ran.err
        program = place.ask("disclosures", "verify", "--json", "--language", "en")
        assert (program.code, program.json()) == (1, {"rows": broken_at - 1, "broken_at": broken_at, "trimmed": 0})
        assert program.err.startswith(f"The chain breaks at row {broken_at}: ")
    assert STUDENT not in ran.out + ran.err + program.out + program.err


def test_where_no_hub_runs_it_says_so(tmp_path: Path) -> None:
    assert Place(tmp_path).ask("disclosures", "verify").code == 3
