"""`skolnav events`: what was accepted, by time, type and id."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from hub.cli import output
from hub.cli.language import say
from hub.cli.local_hub import PAGE, LocalHub
from hub.cli.options import Config, Data, Json, Where, moment, shown
from hub.texts.visible import visible

FOLLOW_S: Final = 1.0
RECENT: Final = "24h"


def events(
    type: Annotated[str | None, typer.Option(help=say("option.type"))] = None,
    since: Annotated[str, typer.Option(help=say("option.since"))] = RECENT,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help=say("option.limit"))] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=say("option.follow"))] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    start = moment(since).isoformat()
    with Where(config, data, json).hub() as hub:
        latest: deque[Mapping[str, Any]] = deque(maxlen=limit)
        after: str | None = None
        at_head = False
        while not at_head:
            page = hub.get("/v1/operator/events", since=None if after else start, after=after, type=type, limit=PAGE)
            latest.extend(page["events"])
            after, at_head = page["next"], page["at_head"]
        if json and not follow:
            output.as_json({"events": list(latest)})
        elif latest and not follow:
            output.table(
                ("accepted", "type", "id", "source"),
                [(shown(each["accepted"]), each["type"], each["id"], each["source"]) for each in latest],
            )
        elif not follow:
            output.line(say("events.none"))
        else:
            _print_each(latest, json)
            _follow(hub, after, type, json)


def _follow(hub: LocalHub, after: str | None, type: str | None, json: bool) -> None:
    while True:
        sys.stdout.flush()
        page = hub.get("/v1/operator/events", after=after, type=type, limit=PAGE)
        _print_each(page["events"], json)
        after = page["next"]
        if page["at_head"]:
            time.sleep(FOLLOW_S)


def _print_each(found: Iterable[Mapping[str, Any]], json: bool) -> None:
    """One line for each event, so that a program can read them as they come."""
    for each in found:
        if json:
            output.json_line(each)
        else:
            names = (each["type"], each["id"], each["source"])
            output.line("  ".join((shown(each["accepted"]), *map(visible, names))))
