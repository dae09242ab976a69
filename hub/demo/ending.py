"""The end of the day: what each recipient got, what was withheld, the kitchen's file, and what to try next."""

import json
import shutil
import sys
from collections import Counter
from datetime import time
from pathlib import Path

from hub.demo.kitchen import FOLDER
from hub.demo.school import School, envelope
from hub.demo.screen import Screen
from hub.demo.town import CONFIG, Town
from hub.demo.watch import LATE, OUTSIDE, Watch, read_csv, status_of
from schemas.absence import AbsenceReported, AbsenceWithdrawn


def summary(screen: Screen, watch: Watch, school: School) -> None:
    """All of it is counted from what was received."""
    webhook, feed = watch.town.webhook, watch.town.feed
    screen.title("What each recipient got")
    statuses = {name: status_of(read_csv(content)) for name, content in watch.files.items()}
    screen.fact(
        "kitchen",
        f"{len(watch.files)} files over SFTP, the server's host key pinned: "
        + ", ".join(f"{number} {status}" for status, number in Counter(statuses.values()).items()),
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

    late = [name for name, status in statuses.items() if status == LATE]
    for name in late or list(watch.files)[-1:]:
        screen.title(f"The kitchen's order: {name}")
        screen.block(watch.files[name].decode("utf-8-sig"))


def next_steps(screen: Screen, town: Town, school: School, withheld: str) -> None:
    """Commands to copy. `withheld` is the id of an event that nobody was told of."""
    url, command = town.url, _command()
    new, protected = _events_to_try(town.folder, school)
    person = school.pupil("7A", 3).id

    def post(event: str) -> str:
        return (
            f"curl -s {url}/v1/events -d @{event} \\\n"
            '  -H "Authorization: Bearer $(cat secrets/school)" \\\n'
            "  -H 'Content-Type: application/cloudevents+json'"
        )

    screen.title("What to try next, in another terminal")
    screen.text("")
    screen.block(f"cd {town.folder}", "what")
    for why, commands in (
        ("Report an absence, and see here who gets what. Once more: a duplicate.", [post(new)]),
        ("A protected pupil comes after all: the kitchen's number moves, and nobody else is told.", [post(protected)]),
        (
            "The feed from its oldest event; the Link header leads on.",
            [f'curl -si {town.feed.address} \\\n  -H "Authorization: Bearer $(cat secrets/statistics)"'],
        ),
        (
            "What does the hub know of a pupil now? Of a protected one as much as of one who does not exist: 404.",
            [f'curl -s {url}/v1/state/person/{person} \\\n  -H "Authorization: Bearer $(cat secrets/acme)"'],
        ),
        ("What can be published, with schemas and examples.", [f"curl -s {url}/v1/catalogue"]),
        (
            "As an operator: how everybody stands, and why somebody was not told.",
            [f"{command} subscriptions", f"{command} why {withheld} acme"],
        ),
        (
            "Everything that each recipient got; the configuration; the hub's log.",
            [f"ls received kitchen/{FOLDER}", f"less {CONFIG} hub.log"],
        ),
    ):
        screen.text("")
        screen.text(why)
        screen.block("\n".join(commands), "what")


def _events_to_try(folder: Path, school: School) -> tuple[str, str]:
    """Two events as files in the folder, ready to be posted. Returns their names."""
    pupil, protected = school.pupil("9A", 4), next(pupil for pupil in school.pupils if pupil.protected)
    events = {
        "try-absence.json": envelope(AbsenceReported, school.absence(pupil, time(10, 30)), "try-absence"),
        "try-protected.json": envelope(AbsenceWithdrawn, school.absence(protected), "try-protected"),
    }
    for name, event in events.items():
        (folder / name).write_text(json.dumps(event, indent=2, ensure_ascii=False))
    first, second = events
    return first, second


def _command() -> str:
    """How this user can call the command from any folder."""
    return "skolnav" if shutil.which("skolnav") else str(Path(sys.executable).parent / "skolnav")


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
