"""The demo as a newcomer runs it: in a process of its own, judged by what its recipients got."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.demo import day
from hub.demo.school import DAY, School, at

SPEED = 100  # faster, and a report that a busy machine delays would come after the kitchen's time
SITTINGS = {"10:50": "11:20", "11:30": "12:00"}  # as demo.yaml has them
DIETS = {"GLUTEN": "GLUTENFRI", "LAKTOS": "LAKTOSFRI", "VEG": "VEGETARISK"}
FILES = {"0800_v1": (time(8), "preliminary"), "0900_v2": (time(9), "fixed"), "0900_v3": (time(9, 30), "late_change")}


@dataclass
class Run:
    """A demo's process. `folder` is where its files are, and `lines` what it has printed."""

    process: "subprocess.Popen[str]"
    lines: list[str]
    folder: Path = Path()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def read_until(self, text: str) -> str:
        """The line with `text`; fails if the process ends without it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"the demo ended without {text!r}:\n{self.output}")

    def read_to_end(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout
        return self.process.wait()


def start(temporary: Path, arguments: str) -> Run:
    temporary.mkdir()
    program = f"import sys; from pathlib import Path; from hub.demo.play import main; sys.exit(main({arguments}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"},
    )
    return Run(process, [])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run]]:
    """One that ends by itself and one that stays, side by side, since a day takes a while."""
    root = tmp_path_factory.mktemp("demo")
    ends = start(root / "ends", f"speed={SPEED}, stay=False, folder=Path({str(root / 'kept')!r})")
    ends.read_until("  hub ")  # it listens: the other must find a port of its own
    stays = start(root / "stays", f"speed={SPEED}, language='sv'")
    ends.folder, stays.folder = root / "kept", root / "stays"
    watchdog = threading.Timer(400, lambda: [run.process.kill() for run in (ends, stays)])
    watchdog.start()
    try:
        yield ends, stays
    finally:
        watchdog.cancel()
        for run in (ends, stays):
            run.process.kill()
            run.process.communicate()


@pytest.fixture(scope="module")
def ended(runs: tuple[Run, Run]) -> Run:
    run = runs[0]
    assert run.read_to_end() == 0, run.output
    return run


@pytest.fixture(scope="module")
def school() -> School:
    return School()


def told(school: School, until: time) -> list[tuple[str, dict[str, Any]]]:
    """What was said of absences until then: (what, absence). Said twice under one key counts once."""
    keys: set[str] = set()
    found = []
    for step in day.steps(school):
        if step.at >= until:
            break
        if isinstance(step.what, day.Report) and step.what.key not in keys:
            keys.add(step.what.key)
            found.append(("reported", step.what.absence))
        elif isinstance(step.what, day.Posted) and "student" in step.what.event["data"]:
            found.append((step.what.event["type"].split(".")[3], step.what.event["data"]))
    return found


def protected(school: School) -> set[str]:
    return {each["id"] for each in school.records()["persons"] if each["securityMarking"] != "Ingen"}


def essence(what: str, absence: dict[str, Any]) -> tuple[str, ...]:
    return what, absence["student"]["id"], absence["startTime"], absence["endTime"]


def portions(school: School, until: time) -> dict[tuple[str, str], int]:
    """By serving time and diet, from the school alone: what was said until then, and no code of the hub's."""
    listed = [event["data"] for event in school.diets(datetime.now(UTC))]
    diets = {data["person"]["id"]: data["codes"][0] for data in listed if "codes" in data}
    away: dict[str, dict[str, Any]] = {}
    for what, absence in told(school, until):
        if what == "withdrawn":
            del away[absence["student"]["id"]]
        else:
            away[absence["student"]["id"]] = absence
    counted: Counter[tuple[str, str]] = Counter()
    for group in (each for each in school.records()["groups"] if each["displayName"].startswith("Lunch")):
        start = group["displayName"].removeprefix("Lunch ").replace(".", ":")
        opens, closes = at(time.fromisoformat(start)), at(time.fromisoformat(SITTINGS[start]))
        absent = {d["student"]["id"] for d in away.values() if d["startTime"] < closes and d["endTime"] > opens}
        for member in group["groupMemberships"]:
            pupil = member["person"]["id"]
            if pupil not in absent:
                counted[start, DIETS[diets[pupil]] if pupil in diets else "NORMAL"] += 1
    return {key: number for key, number in counted.items() if number}


def rows(content: bytes) -> list[dict[str, str]]:
    header, *lines = content.decode("utf-8-sig").splitlines()
    return [dict(zip(header.split(";"), line.split(";"), strict=True)) for line in lines]


def received(run: Run) -> dict[str, bytes]:
    files = [*(run.folder / "received").iterdir(), *(run.folder / "kitchen" / "in").iterdir()]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize(("name", "until", "status"), [(name, *rest) for name, rest in FILES.items()])
def test_the_kitchens_file_equals_an_independent_count(
    ended: Run, school: School, name: str, until: time, status: str
) -> None:
    ordered = rows(received(ended)[f"KOST_12345678_{DAY:%Y%m%d}_{name}.csv"])
    pupils = {
        (row["serving"], row["diet"]): int(row["portions"])
        for row in ordered
        if row["diet"] != "PERSONAL" and row["portions"] != "0"
    }
    assert pupils == portions(school, until)
    assert {row["complete"] for row in ordered} == {"yes"}
    assert status in {row["status"] for row in ordered}


def test_the_late_change_is_a_file_of_its_own(ended: Run) -> None:
    names = sorted(name for name in received(ended) if name.startswith("KOST"))
    assert names == [f"KOST_12345678_{DAY:%Y%m%d}_{name}.csv" for name in FILES]
    assert "late_change" not in received(ended)[names[1]].decode("utf-8-sig")


def test_protected_pupils_are_in_no_recipients_bytes(ended: Run, school: School) -> None:
    """Promise 4, promise 5: neither they nor who is registered with them; that no event came of it, see below."""
    hidden = protected(school)
    assert len(hidden) == 4, "two pupils and a guardian each"
    assert hidden & {absence["student"]["id"] for _, absence in told(school, time(23))}
    for name, content in received(ended).items():
        assert not [value for value in hidden if value.encode() in content], name


def test_nobody_gets_a_name_and_neither_does_the_screen(ended: Run, school: School) -> None:
    families = {pupil.family for pupil in school.pupils}
    for content in (*received(ended).values(), ended.output.encode()):
        assert not [family for family in families if family.encode() in content]


def test_the_webhook_got_every_other_absence_and_no_more(ended: Run, school: School) -> None:
    got = [json.loads(line) for line in received(ended)["acme.jsonl"].splitlines()]
    first = {event["id"]: event for event in reversed(got)}
    came = [essence(event["type"].split(".")[3], event["data"]) for event in reversed(first.values())]
    said = [essence(*each) for each in told(school, time(23)) if each[1]["student"]["id"] not in protected(school)]
    assert came == said
    assert len(got) == len(said) + 1, "one came again after a 503"


def test_what_guardians_change_is_about_what_they_reported(ended: Run) -> None:
    """An absence has one id in all that is said of it, the one that `POST /ss12000/v2.0/absences` gave."""
    got = [json.loads(line) for line in received(ended)["acme.jsonl"].splitlines()]
    reported = {event["data"]["student"]["id"]: event["data"]["id"] for event in got if ".reported." in event["type"]}
    later = [event["data"] for event in got if ".reported." not in event["type"]]
    assert len(later) == 2
    assert {data["student"]["id"]: data["id"] for data in later}.items() <= reported.items()


def test_the_first_line_is_the_pull(ended: Run, school: School) -> None:
    """Nothing that stands in the school's system was posted: the hub has read it, and it became events."""
    records = school.records()
    line = re.search(r"pull, SS 12000.*?\n  .*?-> (\d+) events in \d+ ms", ended.output, re.DOTALL)
    assert line
    shown = {name: int(number) for number, name in re.findall(r"(\d+)\s+([a-zA-Z]+)[,\s]", line[0])}
    assert {name: shown[name] for name in records} == {name: len(each) for name, each in records.items()}
    assert int(line[1]) == sum(map(len, records.values()))
    assert "absences are not offered" in ended.output


def test_a_lesson_cancelled_in_the_schools_system_is_found_by_a_pull(ended: Run, school: School) -> None:
    (lesson,) = (step.what.lesson for step in day.steps(school) if isinstance(step.what, day.Cancelled))
    pages = [json.loads(page) for page in received(ended)["statistics.jsonl"].splitlines()]
    came = [event for page in pages for event in page if ".lesson.cancelled." in event["type"]]
    assert [(event["data"]["id"], event["source"]) for event in came] == [(lesson, "urn:skolnav:exempelkommun:sis")]
    assert re.search(r"lesson\.cancelled .*: pulled \d\.\d s after the change", ended.output)


def test_the_feed_has_pseudonyms_and_the_same_events(ended: Run, school: School) -> None:
    content = received(ended)["statistics.jsonl"]
    assert not [pupil.id for pupil in school.pupils if pupil.id.encode() in content]
    got = [event for page in content.splitlines() for event in json.loads(page)]
    absences = [event["id"] for event in got if event["type"].startswith("se.skolnav.absence.")]
    acme = [json.loads(line)["id"] for line in received(ended)["acme.jsonl"].splitlines()]
    assert absences == list(dict.fromkeys(acme))
    assert {"se.skolnav.meals.count.v1", "se.skolnav.schedule.lesson.cancelled.v1"} <= {event["type"] for event in got}


def test_the_screen_tells_what_each_event_became_in_plain_text(ended: Run) -> None:
    text = ended.output
    assert "\x1b" not in text
    assert text.count("-> protected: withheld from all recipients outside; counted in the kitchen's sum") == 2
    assert "-> duplicate: " in text
    assert "acme webhook 503" in text
    assert re.search(r"acme webhook 204, attempt 2", text)
    for line in received(ended)[f"KOST_12345678_{DAY:%Y%m%d}_0900_v3.csv"].decode("utf-8-sig").splitlines():
        assert line in text
    assert "found 0 times" in text
    assert "What to try next" not in text, "the hub has ended"


def test_what_to_try_next_works_until_ctrl_c_and_then_nothing_is_left(runs: tuple[Run, Run]) -> None:
    run = runs[1]
    run.read_until("Hubben är igång")
    assert "är upptagen: hubben lyssnar på" in run.output
    printed = run.output.partition("Att prova härnäst")[2].replace("\\\n", " ")
    place = Path(printed.partition("cd ")[2].split()[0])
    calls = (call(place, line) for line in printed.splitlines() if line.strip().startswith("curl"))
    # The screen goes on: a change of the day's lunch comes late. Both changes at once would leave the number as it is.
    absence = next(calls)
    assert "sen ändring" in run.read_until("v4.csv")
    taken_back = next(calls)
    assert "sen ändring" in run.read_until("v5.csv")
    lessons, feed, state, catalogue = calls

    assert (absence.status_code, taken_back.status_code) == (200, 202)
    assert len(lessons.json()["data"]) == 18, "two lessons of nine classes begin before ten"
    assert sum(each["cancelled"] for each in lessons.json()["data"]) == 1
    assert feed.links["next"]
    assert len(feed.json()) >= 15
    assert {event["type"] for event in state.json()} >= {"se.skolnav.absence.reported.v1"}
    assert catalogue.status_code == 200

    run.process.send_signal(signal.SIGINT)
    assert run.read_to_end() == 0
    assert run.lines[-1].strip() == "Avslutad. Inga filer finns kvar."
    assert_swedish(run.output)
    assert list(run.folder.iterdir()) == []


def assert_swedish(output: str) -> None:
    """No English word of the demo's own: commands, paths, types, names of fields and of options are what they are."""
    told = re.sub(r"(?m)^  (?:cd |curl |  -|  --|ls |less |\S*skolnav ).*$|https?://\S+|/\S+|`\w+`", " ", output)
    told = re.sub(r"\b[a-z]+(\.[a-z_]+)+\b|[a-z]+/\S+|\w+\.csv|(\w+;)+\w*", " ", told)
    english = re.compile(
        r"\b(the|and|of|is|are|not|it|to|with|from|what|who|pupils?|kitchen's|events?|protected|withheld|order|portions|"
        r"attempt|received|found|away|fixed|preliminary|late|ill|day|school|hub stays|stopped|without|late_change)\b",
        re.IGNORECASE,
    )
    assert sorted({found[0] for found in english.finditer(told)}) == [], told


def call(place: Path, command: str) -> httpx.Response:
    """What curl would do."""
    words = shlex.split(re.sub(r"\$\(cat ([^)]+)\)", lambda found: (place / found[1]).read_text(), command))[1:]
    options = {"-d", "-H", "--data-urlencode"}
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    url = body = ""
    while words:
        word = words.pop(0)
        if word not in options:
            url = word if not word.startswith("-") else url
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "--data-urlencode":
            name, _, value = words.pop(0).partition("=")
            query[name] = value
        else:
            body = words.pop(0).removeprefix("@")
    content = (place / body).read_bytes() if body else None
    method = "POST" if content else "GET"
    return httpx.request(method, url, params=query or None, content=content, headers=headers, trust_env=False)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    from hub.demo.play import main

    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="not empty"):
        main(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
