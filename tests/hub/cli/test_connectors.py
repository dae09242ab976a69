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
    (found,) = place.run("connectors", "--json").json()["connectors"]
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
        shown = place.run("connectors").out
        assert "sis   ss12000  kör   allt kan inte hämtas: refused" in shown
        assert "sis: har inte hämtat allt sedan den startade 20" in shown
        assert "(refused). Senaste problem: refused, 20" in shown
        assert shown.count("refused betyder: hubbens konto får inte läsa listan, eller så är frågan vägrad.") == 1
        sis.faults.clear()
        block_until(lambda: only(place)["polled"], within_s=60)
        found = only(place)
        assert (found["failures"], found["unread"], found["directory"]["fresh"]) == (0, "", True)
        english = place.run("connectors", "--language", "en").out
        assert "sis: last read everything 20" in english
        assert "It last reported its directory as complete at 20" in english
        assert "canary" not in shown + english


def removed(place: Place) -> int:
    found = place.run("events", "--type", "se.skolnav.directory.person.deleted.v1", "--json").json()
    return len(found["events"])


def test_an_operator_sees_what_waits_and_confirms_it(tmp_path: Path, sis: Made) -> None:
    place = Place(tmp_path)
    (tmp_path / "sis").write_text(TOKEN)
    auth = {"token": "${file:sis}"}
    place.configure(connectors={"sis": {"use": "ss12000", "base_url": f"{sis.url}/v2.0", "auth": auth, "poll": "1h"}})
    with place.hub():
        block_until(lambda: "directory.current" in place.run("events").out)
        assert "sis   ss12000  kör" in place.run("connectors").out
        del sis.records["persons"][5:]
        assert place.run("connectors", "reconcile", "sis").out == "sis: jämförelsen har börjat.\n"
        block_until(lambda: only(place)["waiting"])
        shown = place.run("connectors").out
        assert "Väntar på att en människa bekräftar (skolnav connectors confirm NAMN ORD):" in shown
        assert "26 av 31 personer skulle tas bort" in shown
        word = place.run("connectors", "--json").json()["connectors"][0]["waiting"][0]["word"]
        assert word in shown

        wrong = place.run("connectors", "confirm", "sis", "persons:00000000")
        assert wrong.code == 1
        assert "Inget väntar under persons:00000000 hos sis" in wrong.err
        assert f"Det som väntar: {word}." in wrong.err
        nobody = place.run("connectors", "confirm", "sys", word, "--language", "en")
        assert nobody.code == 1
        assert "No connector is called sys. Did you mean sis?" in nobody.err
        assert place.run("connectors", "confirm", "sis").code == 2
        assert removed(place) == 0

        done = place.run("connectors", "confirm", "sis", word)
        assert done.code == 0
        assert done.out == f"sis {word}: bekräftat, och görs nu: 26 av 31 personer skulle tas bort.\n"
        block_until(lambda: removed(place) >= 26)
        assert place.run("connectors", "--json").json()["connectors"][0]["waiting"] == []
        assert "Väntar på" not in place.run("connectors").out
        assert place.run("connectors", "restart", "sis").out == (
            "sis: startar om. Se hur det går: skolnav connectors.\n"
        )
        assert place.run("connectors", "restart", "sys").code == 1
