"""What waits for a person, seen and confirmed on the command line: a school system whose list is cut short."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.ss12000.records import school
from tests.hub.cli.conftest import Place
from tests.peers.sis import TOKEN, Made, Reply, serving
from tests.until import block_until


@pytest.fixture
def sis() -> Iterator[Made]:
    with serving(Made(**school())) as sis:
        assert isinstance(sis, Made)
        yield sis


def only(place: Place) -> dict[str, Any]:
    """The one connector, as the command line shows it to a program."""
    (found,) = place.ask("connectors", "--json").json()["connectors"]
    return dict(found)


def test_a_list_that_can_never_be_read_is_shown_and_since_when(tmp_path: Path, sis: Made) -> None:
    """It stood in one line of the log; `skolnav connectors` had shown nothing wrong, for ever."""
    place = Place(tmp_path)
    (tmp_path / "sis").write_text(TOKEN)
    sis.faults.append(lambda path, query: Reply(403, raw=b"canary") if path == "/v2.0/groups" else None)
    auth = {"token": "${file:sis}"}
    place.configure(connectors={"sis": {"use": "ss12000", "base_url": f"{sis.url}/v2.0", "auth": auth, "poll": "1s"}})
    with place.hub():
        block_until(lambda: only(place)["failures"] >= 2, within_s=60)
        found = only(place)
        assert (found["status"], found["unread"], found["polled"], found["directory"]) == (
            "running",
            "refused",
            None,
            None,
        )
        shown = place.ask("connectors").out
        assert "sis   ss12000   igång   en del kan inte hämtas: refused" in shown
        assert "sis: kopplingen har inte hämtat allt sedan den startade 20" in shown
        assert "(refused). Senaste problemet: refused, 20" in shown
        assert shown.count("refused betyder: hubbens konto får inte läsa listan, eller så nekades frågan.") == 1
        sis.faults.clear()
        block_until(lambda: only(place)["polled"], within_s=60)
        found = only(place)
        assert (found["failures"], found["unread"], found["directory"]["fresh"]) == (0, "", True)
        english = place.ask("connectors", "--language", "en").out
        assert "sis: last read everything 20" in english
        assert "It last reported its directory as complete at 20" in english
        assert "canary" not in shown + english


def removed(place: Place) -> int:
    found = place.ask("events", "--type", "se.skolnav.directory.person.deleted.v1", "--json").json()
    return len(found["events"])


def test_an_operator_sees_what_waits_and_confirms_it(tmp_path: Path, sis: Made) -> None:
    place = Place(tmp_path)
    (tmp_path / "sis").write_text(TOKEN)
    auth = {"token": "${file:sis}"}
    place.configure(connectors={"sis": {"use": "ss12000", "base_url": f"{sis.url}/v2.0", "auth": auth, "poll": "1h"}})
    with place.hub():
        block_until(lambda: "directory.current" in place.ask("events").out)
        assert "sis   ss12000   igång" in place.ask("connectors").out
        del sis.records["persons"][5:]
        assert place.ask("connectors", "reconcile", "sis").out == "sis: jämförelsen har börjat.\n"
        block_until(lambda: only(place)["waiting"])
        shown = place.ask("connectors").out
        assert "Detta väntar på att en person bekräftar det (skolnav connectors confirm NAMN ORD):" in shown
        assert "26 av 31 personer skulle tas bort" in shown
        word = place.ask("connectors", "--json").json()["connectors"][0]["waiting"][0]["word"]
        assert word in shown

        wrong = place.ask("connectors", "confirm", "sis", "persons:00000000")
        assert wrong.code == 1
        assert "Ingenting i sis väntar på ordet persons:00000000" in wrong.err
        assert f"Dessa väntar: {word}." in wrong.err
        nobody = place.ask("connectors", "confirm", "sys", word, "--language", "en")
        assert nobody.code == 1
        assert "No connector is called sys. Did you mean sis?" in nobody.err
        assert place.ask("connectors", "confirm", "sis").code == 2
        assert removed(place) == 0

        done = place.ask("connectors", "confirm", "sis", word)
        assert done.code == 0
        assert done.out == f"sis {word} är bekräftat och utförs nu: 26 av 31 personer skulle tas bort.\n"
        block_until(lambda: removed(place) >= 26)
        assert place.ask("connectors", "--json").json()["connectors"][0]["waiting"] == []
        assert "väntar på att" not in place.ask("connectors").out
        assert place.ask("connectors", "restart", "sis").out == (
            "sis: kopplingen startar om. Följ den med: skolnav connectors.\n"
        )
        assert place.ask("connectors", "restart", "sys").code == 1
