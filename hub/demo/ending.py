"""The end of the day: what each recipient got, what was withheld, the kitchen's file, and what to try next."""

import json
import shutil
import sys
from collections import Counter
from datetime import time
from pathlib import Path

from hub.demo.kitchen import FOLDER
from hub.demo.school import GUARDIANS, School, at, envelope
from hub.demo.screen import Screen
from hub.demo.town import CONFIG
from hub.demo.watch import LATE, Watch, outside, read_csv, status_of, status_text
from hub.files import replace_file
from schemas.absence import AbsenceWithdrawn


def summary(screen: Screen, watch: Watch, school: School) -> None:
    """Show what each recipient got and what was withheld. Every number is counted from what the receivers got."""
    webhook, feed = watch.town.webhook, watch.town.feed
    say, language = screen.say, screen.language
    screen.title(say("What each recipient got", "Det här fick varje mottagare"))
    statuses = {name: status_of(read_csv(content)) for name, content in watch.files.items()}
    screen.fact(
        say("kitchen", "kök"),
        say(
            f"{len(watch.files)} files over SFTP, the server's host key pinned: ",
            f"{len(watch.files)} filer över SFTP, med serverns nyckel kontrollerad: ",
        )
        + ", ".join(
            f"{number} {status_text(status, language)}" for status, number in Counter(statuses.values()).items()
        ),
    )
    screen.fact(
        outside(webhook.name, language),
        say(
            f"{len(webhook.ids)} events; {webhook.verified} signatures right, {webhook.refused} wrong; "
            f"{len(watch.retried)} after another attempt, {webhook.repeated} twice",
            f"{len(webhook.ids)} händelser; {webhook.verified} rätta signaturer, {webhook.refused} felaktiga; "
            f"{len(watch.retried)} efter ett nytt försök, {webhook.repeated} två gånger",
        ),
    )
    screen.fact(
        outside(feed.name, language),
        say(
            f"{feed.received} events in {len(feed.cursors)} pages, persons under pseudonyms",
            f"{feed.received} händelser på {len(feed.cursors)} sidor, personer under pseudonym",
        ),
    )

    screen.title(
        say(
            "What was withheld, and why no recipient can notice",
            "Det här lämnades inte ut, och därför märker ingen mottagare det",
        )
    )
    for each in watch.withheld:
        names = ", ".join(f"{outside(client, language)} ({rule})" for client, rule in each.rules.items())
        counted = say("; counted in the kitchen's sum", "; räknad i kökets summa") if each.counted else ""
        screen.fact(each.clock, f"{each.type} {each.whom}: {names}{counted}", "kept")
    lengths = say(" or ", " eller ").join(map(str, sorted({len(cursor) for cursor in feed.cursors})))
    screen.fact(
        say("silence", "tystnad"),
        say(
            f"{len(feed.cursors)} cursors of the feed, {len(set(feed.cursors))} different, of {lengths} characters "
            "each: nothing in them, in webhook-ids or in `sequence` counts, so no gap shows",
            f"feedens {len(feed.cursors)} markörer, {len(set(feed.cursors))} olika, har alla {lengths} tecken: inget i "
            "dem, i webhook-id eller i `sequence` räknar, så ingen lucka syns",
        ),
    )
    received = [*webhook.bodies, *feed.bodies, *watch.files.values()]
    hidden = _of_the_protected(school, watch)
    found = sum(value.encode() in body for value in hidden for body in received)
    size = sum(map(len, received))
    screen.fact(
        say("searched", "genomsökt"),
        say(
            f"all {size} bytes received, for ids and names of protected pupils: found {found} times",
            f"alla {size} mottagna byte, efter skyddade elevers id:n och namn: hittade {found} gånger",
        ),
    )

    late = [name for name, status in statuses.items() if status == LATE]
    for name in late or list(watch.files)[-1:]:
        screen.title(say(f"The kitchen's order: {name}", f"Kökets beställning: {name}"))
        screen.block(watch.files[name].decode("utf-8-sig"))


def next_steps(screen: Screen, watch: Watch, school: School) -> None:
    """Commands to copy."""
    town, command = watch.town, _command()
    url, withheld = town.url, watch.withheld[0].id
    new, protected = _files_to_try(watch, school)
    person = school.pupil("7A", 3).id

    def post(where: str, file: str, header: str) -> str:
        return (
            f"curl -s {url}{where} -d @{file} \\\n"
            '  -H "Authorization: Bearer $(cat secrets/guardians)" \\\n'
            f"  -H '{header}'"
        )

    say = screen.say
    screen.title(say("What to try next, in another terminal", "Att prova härnäst, i en annan terminal"))
    screen.text("")
    screen.block(f"cd {town.folder}", "what")
    for why, commands in (
        (
            say(
                "Report an absence over SS 12000, and see here what each recipient gets. Again: same answer, no news.",
                "Anmäl en frånvaro över SS 12000, och se vad varje mottagare får. En gång till: samma svar.",
            ),
            [post("/ss12000/v2.0/absences", new, "Idempotency-Key: try-absence")],
        ),
        (
            say(
                "A protected pupil comes after all: the kitchen's number changes, no other recipient gets anything.",
                "En skyddad elev kommer trots allt: kökets antal ändras, och ingen annan mottagare får något.",
            ),
            [post("/v1/events", protected, "Content-Type: application/cloudevents+json")],
        ),
        (
            say(
                "The hub answers SS 12000 queries too: the morning's lessons, as far as the app's contract allows.",
                "Hubben svarar också på SS 12000-frågor: förmiddagens lektioner, så långt appens avtal tillåter.",
            ),
            [
                f"curl -sG {url}/ss12000/v2.0/calendarEvents \\\n"
                f"  --data-urlencode 'startTime.onOrAfter={at(time(8))}' \\\n"
                f"  --data-urlencode 'startTime.onOrBefore={at(time(10))}' \\\n"
                '  -H "Authorization: Bearer $(cat secrets/acme)"'
            ],
        ),
        (
            say(
                "The feed from its oldest event; the Link header leads on.",
                "Feeden från den äldsta händelsen; huvudet Link leder vidare.",
            ),
            [f'curl -si {town.feed.address} \\\n  -H "Authorization: Bearer $(cat secrets/statistics)"'],
        ),
        (
            say(
                "What does the hub know about a pupil now? A protected pupil gives 404, as an unknown pupil does.",
                "Vad vet hubben om en elev nu? En skyddad elev ger 404, precis som en okänd.",
            ),
            [f'curl -s {url}/v1/state/person/{person} \\\n  -H "Authorization: Bearer $(cat secrets/acme)"'],
        ),
        (
            say(
                "What can be published, with schemas and examples.", "Vad som kan publiceras, med scheman och exempel."
            ),
            [f"curl -s {url}/v1/catalogue"],
        ),
        (
            say(
                "As an operator: the state of each subscription, and why a recipient did not get an event.",
                "För driften: hur det går för varje prenumeration, och varför en mottagare inte fick en händelse.",
            ),
            [f"{command} subscriptions", f"{command} why {withheld} acme"],
        ),
        (
            say(
                "Everything that each recipient got; the configuration; the hub's log.",
                "Allt som varje mottagare fick; konfigurationen; hubbens logg.",
            ),
            [f"ls received kitchen/{FOLDER}", f"less {CONFIG} hub.log"],
        ),
    ):
        screen.text("")
        screen.text(why)
        screen.block("\n".join(commands), "what")


def _files_to_try(watch: Watch, school: School) -> tuple[str, str]:
    """Write a report and an event as files in the folder, ready to be sent. Returns their names."""
    pupil, protected = school.pupil("9A", 4), next(pupil for pupil in school.pupils if pupil.protected)
    given = watch.reported[protected.id]["data"]
    content = {
        "try-absence.json": school.absence(pupil, time(10, 30)),
        "try-protected.json": envelope(AbsenceWithdrawn, given, "try-protected", GUARDIANS),
    }
    for name, body in content.items():
        replace_file(watch.town.folder / name, json.dumps(body, indent=2, ensure_ascii=False).encode())
    first, second = content
    return first, second


def _command() -> str:
    """The command as this user can call it from any folder."""
    return "skolnav" if shutil.which("skolnav") else str(Path(sys.executable).parent / "skolnav")


def _of_the_protected(school: School, watch: Watch) -> list[str]:
    """What would reveal a protected pupil: names, and the ids of the pupil, a guardian, an absence and its event."""
    return [
        value
        for pupil in school.pupils
        if pupil.protected
        for value in (
            pupil.id,
            pupil.family,
            f'"{pupil.given}"',  # a short name may occur in any text
            *(school.absence(pupil)[name]["id"] for name in ("student", "registeredBy")),
            watch.reported[pupil.id]["data"]["id"],
            watch.reported[pupil.id]["id"],
        )
    ]
