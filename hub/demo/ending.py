"""The end of the day: what each recipient got, what was withheld, the kitchen's file, and what to try next."""

import shutil
import sys
from collections import Counter
from pathlib import Path

from hub.demo.day import STUDY_DAY
from hub.demo.school import DAY, SIS, School
from hub.demo.screen import Screen
from hub.demo.town import CONFIG, Town
from hub.demo.watch import OUTSIDE, Watch, read_csv


def summary(screen: Screen, watch: Watch, school: School) -> None:
    """All of it is counted from what was received."""
    webhook, feed = watch.town.webhook, watch.town.feed
    screen.title("What each recipient got")
    statuses = Counter(read_csv(content)[-1]["status"] for content in watch.files.values())
    late = [
        name for name, content in watch.files.items() if any(r["status"] == "late_change" for r in read_csv(content))
    ]
    screen.fact(
        "kitchen",
        f"{len(watch.files)} files over SFTP, the server's host key pinned: "
        + ", ".join(f"{number} {status}" for status, number in statuses.items()),
    )
    screen.fact(
        OUTSIDE[webhook.name],
        f"{len(webhook.ids)} events; {webhook.verified} signatures right, {webhook.refused} wrong; "
        f"{len(watch.retried)} after another attempt, {webhook.repeated} twice",
    )
    screen.fact(OUTSIDE[feed.name], f"{feed.taken} events in {len(feed.cursors)} pages, persons under pseudonyms")

    screen.title("What was withheld, and why nobody could tell")
    for each in watch.withheld:
        names = ", ".join(f"{OUTSIDE[client]} ({rule})" for client, rule in each.rules.items())
        counted = "; counted in the kitchen's sum" if each.counted else ""
        screen.fact(each.clock, f"{each.type} {each.whom}: {names}{counted}", "kept")
    lengths = " or ".join(map(str, sorted({len(cursor) for cursor in feed.cursors})))
    screen.fact(
        "silence",
        f"{len(feed.cursors)} cursors of the feed, {len(set(feed.cursors))} different, of {lengths} characters each: "
        "nothing in them, in webhook-ids or in `sequence` counts, so no gap shows",
    )
    received = [*webhook.bodies, *feed.bodies, *watch.files.values()]
    found = sum(value.encode() in body for value in _of_the_protected(school) for body in received)
    size = sum(map(len, received))
    screen.fact("searched", f"all {size} bytes received, for ids and names of protected pupils: found {found} times")

    for name in late or list(watch.files)[-1:]:
        screen.title(f"The kitchen's order: {name}")
        screen.block(watch.files[name].decode("utf-8-sig"))


def next_steps(screen: Screen, town: Town, school: School, withheld: str) -> None:
    """Commands to copy. `withheld` is the id of an event that nobody was told of."""
    url, folder = town.url, town.folder
    told, other = school.pupil("7A", 3), school.pupil("9A", 4)
    secrets = folder / "secrets"
    absent = (
        f'{{"specversion":"1.0","id":"\'$(date +%s)\'","source":"{SIS}","type":"se.skolnav.absence.reported.v1",'
        f'"data":{{"id":"\'$(cat /proc/sys/kernel/random/uuid)\'","student":{{"id":"{other.id}"}},'
        f'"startTime":"{DAY}T10:30:00+01:00","endTime":"{DAY}T16:00:00+01:00","type":"Anmäld frånvaro"}}}}'
    )
    command = _command()
    config = f"--config {folder / CONFIG}"
    screen.title("What to try next, in another terminal")
    for why, lines in (
        (
            "Report an absence: see here what the kitchen, the app and the feed get. In the name of a protected pupil\n"
            f"({next(pupil.id for pupil in school.pupils if pupil.protected)}) only the kitchen's number moves.",
            [
                f"curl -sH 'Authorization: Bearer '$(cat {secrets}/school) {url}/v1/events \\",
                "  -H 'Content-Type: application/cloudevents+json' \\",
                f"  -d '{absent}'",
            ],
        ),
        (
            "Read the feed from the oldest event (the answer's Link header leads on):",
            [f"curl -siH 'Authorization: Bearer '$(cat {secrets}/statistics) {town.feed.address}"],
        ),
        (
            "What does the hub know of a pupil now? (Of a protected one: 404, as of one who does not exist.)",
            [f"curl -sH 'Authorization: Bearer '$(cat {secrets}/acme) {url}/v1/state/person/{told.id}"],
        ),
        (
            "What can be published, with schemas and examples; and this API's documents:",
            [f"curl -s {url}/v1/catalogue", f"curl -s {url}/openapi.json", f"curl -s {url}/readyz"],
        ),
        (
            "As the operator: why a recipient was not told, and how everybody stands:",
            [f"{command} why {withheld} acme {config}", f"{command} subscriptions {config}"],
        ),
        (
            f"Look around: the configuration, the hub's log, the kitchen's folder ({STUDY_DAY:%A} is a study day):",
            [f"ls {folder} {folder / 'kitchen' / 'in'}"],
        ),
    ):
        screen.text("")
        for line in why.splitlines():
            screen.text(line)
        screen.block("\n".join(lines), "what")


def _command() -> str:
    """How this user can call the command."""
    if shutil.which("skolnav") is not None:
        return "skolnav"
    called = Path(sys.argv[0])
    return str(called) if called.name == "skolnav" else f"{sys.executable} -m hub.cli"


def _of_the_protected(school: School) -> list[str]:
    """What would give a protected pupil away: ids of their own, of a guardian and an absence, and names."""
    return [
        value
        for pupil in school.pupils
        if pupil.protected
        for value in (
            pupil.id,
            pupil.family,
            f'"{pupil.given}"',  # a short one may stand in any text
            *(school.absence(pupil)[name]["id"] for name in ("student", "registeredBy")),
            school.absence(pupil)["id"],
        )
    ]
