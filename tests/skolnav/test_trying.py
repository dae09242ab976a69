"""`skolnav connectors try` and `trace`, as a vendor gives them: on installed packages and a configuration file.

The first test starts the installed program. The others give their command to a process of the same environment that has
imported it (`Place.ask`).
"""

import json
import shutil

import pytest

from skolnav.events import AbsenceReported, LessonCancelled
from skolnav.scaffold import create
from skolnav.testing import School
from tests import school
from tests.hub.cli.conftest import Place
from tests.skolnav.environments import REPOSITORY, environment, wheel

PUPIL = school.uid("student")


@pytest.fixture(scope="module")
def installed(tmp_path_factory, hub_wheel):
    folder = tmp_path_factory.mktemp("trying")
    create("acme-files", folder)
    create("acme-hasty", folder)
    hasty = folder / "acme-hasty" / "acme_hasty" / "connector.py"
    text = hasty.read_text("utf-8")
    begin, end = text.index("        name, planned ="), text.index("    async def selftest")
    around = "import os\nimport socket\n\nfrom skolnav.sdk import"
    does = '        os.system("true")\n        socket.create_connection(("192.0.2.1", 9))\n\n'
    hasty.write_text((text[:begin] + does + text[end:]).replace("from skolnav.sdk import", around, 1), "utf-8")
    shutil.copytree(REPOSITORY / "examples" / "acme-app", folder / "acme-app")
    wheels = [wheel(folder / name, folder) for name in ("acme-files", "acme-hasty", "acme-app")]
    return environment(folder / "env", hub_wheel, *wheels)


@pytest.fixture
def place(tmp_path, installed):
    for name in ("out", "hasty"):
        (tmp_path / name).mkdir()
    place = Place(tmp_path, installed.folder / "bin" / "skolnav")
    place.configure(
        connectors={
            "files": {"use": "acme-files", "folder": "out"},
            "hasty": {"use": "acme-hasty", "folder": "hasty"},
            "app": {
                "use": "acme-app",
                "base_url": "https://app.acme.invalid/api",
                "auth": {"token": "${env:ACME_TOKEN}"},
            },
        }
    )
    return place


def event(place, model, **more):
    made = School().about(model)
    made["data"] |= more
    (place.folder / "event.json").write_text(json.dumps(made))
    return made


def ran(place, *arguments, lang="en", **environ):
    return place.ask(*arguments, SKOLNAV_LANG=lang, **environ)


def test_what_a_wire_would_send_is_shown_and_not_sent(place):
    lesson = event(place, LessonCancelled)
    done = place.run("connectors", "try", "app", "--event", "event.json", env=place.environ(SKOLNAV_LANG="en"))
    assert done.code == 0, done.out + done.err
    assert f"PUT https://app.acme.invalid/api/lessons/{lesson['data']['id']}" in done.out
    assert '"cancelled":true' in done.out
    assert "comment" in next(line for line in done.out.splitlines() if line.startswith("The contract takes away:"))
    assert "token-of-acme" not in done.out


def test_what_a_connector_would_write_is_shown_and_not_written(place):
    reported = event(place, AbsenceReported)
    done = ran(place, "connectors", "try", "files", "--event", "event.json", lang="sv")
    assert done.code == 0, done.out + done.err
    assert "Inget av det är gjort" in done.out
    assert f"write {place.folder / 'out'}/absence-{reported['data']['id']}.json" in done.out
    assert list((place.folder / "out").iterdir()) == []


def test_what_a_connector_does_without_a_wire_is_refused_and_named(place):
    event(place, AbsenceReported)
    done = ran(place, "connectors", "try", "hasty", "--event", "event.json", "--json")
    found = json.loads(done.out)
    assert done.code == 1
    assert not found["handled"]
    assert "NotDone" in found["why"]
    assert any("os.system" in each["what"] for each in found["effects"])


def test_nothing_is_done_either_where_tests_run_in_processes_of_their_own(place):
    reported = event(place, AbsenceReported)
    done = ran(place, "connectors", "try", "files", "--event", "event.json", SKOLNAV_ISOLATION="process")
    assert done.code == 0, done.out + done.err
    assert f"write {place.folder / 'out'}/absence-{reported['data']['id']}.json" in done.out


def test_a_recorded_case_has_invented_identities_and_the_same_effect(place):
    reported = event(place, AbsenceReported)
    done = ran(place, "connectors", "try", "files", "--event", "event.json", "--record", "case.json")
    assert done.code == 0, done.out + done.err
    text = (place.folder / "case.json").read_text("utf-8")
    case = json.loads(text)
    assert case["connector"] == "files"
    assert case["event"]["type"] == reported["type"]
    assert case["event"]["data"]["startTime"] == reported["data"]["startTime"]
    assert len(case["effects"]) == 1, case["effects"]
    (effect,) = case["effects"]
    assert case["event"]["data"]["id"] in effect["what"]
    given = reported["data"]
    ids = [
        reported["id"],
        given["id"],
        given["student"]["id"],
        given["organisation"]["id"],
        given["registeredBy"]["id"],
    ]
    canaries = [word for word in json.dumps(reported).split('"') if word.startswith("canary")]
    assert canaries
    assert [each for each in (*ids, *canaries) if each in text] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no event: its content is no JSON"),
        pytest.param("[" * 100_000, "is no event: its content is no JSON", id="deep"),
        ('{"id": "1"}', "is no event"),
        (None, "does not consume se.skolnav.absence"),
    ],
)
def test_a_file_that_cannot_be_tried_says_why(place, content, says):
    event(place, AbsenceReported)
    if content is not None:
        (place.folder / "event.json").write_text(content)
    done = ran(place, "connectors", "try", "app", "--event", "event.json")
    assert done.code
    assert says in done.err


@pytest.mark.parametrize("option", ["--event", "--request", "--state"])
def test_a_file_that_cannot_be_read_is_named(place, option):
    event(place, AbsenceReported)
    (place.folder / "folder.json").mkdir()
    given = () if option != "--state" else ("--event", "event.json")
    for name in ("missing.json", "folder.json"):
        done = ran(place, "connectors", "try", "files", *given, option, name)
        assert done.code == 1
        assert f"{name} can't be read" in done.err


def test_trace_says_what_became_of_an_event_and_what_the_contract_leaves_out(place):
    """The pupil is not in the directory, so the gate lets nothing through."""
    with place.hub() as hub:
        hub.post(school.envelope(school.ABSENCE, school.absence(PUPIL), id="a-1", source="urn:sis"))
        for arguments in (("trace", "files", "a-1"), ("trace", "files")):
            done = ran(place, "connectors", *arguments)
            assert done.code == 0, done.err
            assert "a-1" in done.out
            assert "Not delivered" in done.out
            assert "does not cover, in se.skolnav.absence.reported.v1:" in done.out
            assert "student.id (identity)" in done.out
            assert PUPIL not in done.out
        other = ran(place, "connectors", "trace", "app", "a-1")
        assert "app does not consume se.skolnav.absence.reported.v1" in other.out
        assert ran(place, "connectors", "trace", "files", "no-such").code == 1
