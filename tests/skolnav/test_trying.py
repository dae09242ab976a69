"""`skolnav connectors try` and `trace`, as a vendor gives them: on installed packages and a configuration file."""

import json
import shutil
import signal
import subprocess

import pytest

from skolnav.events import AbsenceReported, LessonCancelled
from skolnav.scaffold import create
from skolnav.testing import School
from tests import school
from tests.hub.cli.conftest import Place
from tests.skolnav.environments import REPOSITORY, environment, wheel
from tests.until import block_until

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
def place(tmp_path):
    for name in ("out", "hasty"):
        (tmp_path / name).mkdir()
    place = Place(tmp_path)
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


def ran(installed, place, *arguments, lang="en"):
    return installed.run("skolnav", *arguments, cwd=place.folder, **place.environ(SKOLNAV_LANG=lang))


def test_what_a_wire_would_send_is_shown_and_not_sent(installed, place):
    lesson = event(place, LessonCancelled)
    done = ran(installed, place, "connectors", "try", "app", "--event", "event.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PUT https://app.acme.invalid/api/lessons/{lesson['data']['id']}" in done.stdout
    assert '"cancelled":true' in done.stdout
    assert "comment" in next(line for line in done.stdout.splitlines() if line.startswith("The contract takes away:"))
    assert "token-of-acme" not in done.stdout


def test_what_a_connector_would_write_is_shown_and_not_written(installed, place):
    reported = event(place, AbsenceReported)
    done = ran(installed, place, "connectors", "try", "files", "--event", "event.json", lang="sv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Inget av det är gjort" in done.stdout
    assert f"write {place.folder / 'out'}/absence-{reported['data']['id']}.json" in done.stdout
    assert list((place.folder / "out").iterdir()) == []


def test_what_a_connector_does_without_a_wire_is_refused_and_named(installed, place):
    event(place, AbsenceReported)
    done = ran(installed, place, "connectors", "try", "hasty", "--event", "event.json", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert not found["handled"]
    assert "NotDone" in found["why"]
    assert any("os.system" in each["what"] for each in found["effects"])


def test_nothing_is_done_either_where_tests_run_in_processes_of_their_own(installed, place):
    reported = event(place, AbsenceReported)
    done = installed.run(
        *("skolnav", "connectors", "try", "files", "--event", "event.json"),
        cwd=place.folder,
        **place.environ(SKOLNAV_ISOLATION="process", SKOLNAV_LANG="en"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"write {place.folder / 'out'}/absence-{reported['data']['id']}.json" in done.stdout


def test_a_recorded_case_has_invented_identities_and_the_same_effect(installed, place):
    reported = event(place, AbsenceReported)
    done = ran(installed, place, "connectors", "try", "files", "--event", "event.json", "--record", "case.json")
    assert done.returncode == 0, done.stdout + done.stderr
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
        ('{"id": "1"}', "is no event"),
        (None, "does not consume se.skolnav.absence"),
    ],
)
def test_a_file_that_cannot_be_tried_says_why(installed, place, content, says):
    event(place, AbsenceReported)
    if content is not None:
        (place.folder / "event.json").write_text(content)
    done = ran(installed, place, "connectors", "try", "app", "--event", "event.json")
    assert done.returncode
    assert says in done.stderr


def test_trace_says_what_became_of_an_event_and_what_the_contract_leaves_out(installed, place):
    """The pupil is not in the directory, so the gate lets nothing through."""
    with subprocess.Popen(
        [installed.folder / "bin" / "skolnav", "run"], cwd=place.folder, env=place.environ(), stderr=subprocess.PIPE
    ) as process:
        try:
            block_until(lambda: ran(installed, place, "connectors").returncode == 0, "the hub is up", within_s=60)
            from httpx import post

            answer = post(
                f"http://127.0.0.1:{place.port}/v1/events",
                content=json.dumps(school.envelope(school.ABSENCE, school.absence(PUPIL), id="a-1", source="urn:sis")),
                headers={"Authorization": "Bearer token-of-the-school-0123456789",
                         "Content-Type": "application/cloudevents+json"},
            )  # fmt: skip
            assert answer.status_code == 202, answer.text
            for arguments in (("trace", "files", "a-1"), ("trace", "files")):
                done = ran(installed, place, "connectors", *arguments)
                assert done.returncode == 0, done.stderr
                assert "a-1" in done.stdout
                assert "Not delivered" in done.stdout
                assert "does not cover, in se.skolnav.absence.reported.v1:" in done.stdout
                assert "student.id (identity)" in done.stdout
                assert PUPIL not in done.stdout
            other = ran(installed, place, "connectors", "trace", "app", "a-1")
            assert "app does not consume se.skolnav.absence.reported.v1" in other.stdout
            assert ran(installed, place, "connectors", "trace", "files", "no-such").returncode == 1
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
