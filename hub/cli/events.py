"""`skolnav events`: what was accepted, by id, time, type, source, recipient and outcome."""

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import did_you_mean, say
from hub.cli.local_hub import PAGE, LocalHub
from hub.cli.options import Config, Data, Json, Where, moment, shown
from hub.texts.visible import visible

FOLLOW_S: Final = 1.0
RECENT: Final = "24h"
# The values of `hub.operating.outcomes.What`, as a copy: its import would make every command slow to begin.
OUTCOMES: Final = (
    "acknowledged", "before", "behind", "dead", "delivered", "discarded", "not-asked", "resent", "retrying", "served",
    "under-way", "unrecorded", "waiting", "withheld",
)  # fmt: skip


def events(
    id: Annotated[str | None, typer.Option(help=say("option.event"))] = None,
    type: Annotated[str | None, typer.Option(help=say("option.type-glob"))] = None,
    source: Annotated[str | None, typer.Option(help=say("option.source-glob"))] = None,
    since: Annotated[str | None, typer.Option(help=say("option.since"), show_default=RECENT)] = None,
    until: Annotated[str | None, typer.Option(help=say("option.until"))] = None,
    recipient: Annotated[str | None, typer.Option(help=say("option.recipient"))] = None,
    outcome: Annotated[str | None, typer.Option(help=say("option.outcome", outcomes=", ".join(OUTCOMES)))] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help=say("option.limit"))] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=say("option.follow"))] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    if outcome is not None and outcome not in OUTCOMES:
        hint = did_you_mean(outcome, OUTCOMES)
        raise Failure(Code.USAGE, say("events.no-such-outcome", outcome=outcome, hint=hint))
    if follow and (id or source or until or recipient or outcome):
        raise Failure(Code.USAGE, say("events.follow-alone"))
    start = moment(since if since is not None else RECENT).isoformat() if since or not id else None
    with Where(config, data, json).hub() as hub:
        if follow:
            _follow(hub, start, type, limit, json)
            return
        asked = {
            "id": id,
            "type": type,
            "source": source,
            "since": start,
            "until": None if until is None else moment(until).isoformat(),
            "recipient": recipient,
            "outcome": outcome,
        }
        found = _search(hub, asked, limit)
    if json:
        output.as_json({"events": [{**each["event"], "outcomes": each["outcomes"]} for each in found]})
    elif not found:
        output.line(say("events.none"))
    else:
        _print_table(found)


def _search(hub: LocalHub, asked: Mapping[str, str | None], limit: int) -> list[dict[str, Any]]:
    """The latest events, oldest first."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = hub.get("/v1/operator/search", **asked, after=after, limit=min(PAGE, limit - len(found)))
        found += page["events"]
        after = page["next"]
        if after is None or len(found) >= limit:
            return found[::-1]


def _print_table(found: Iterable[Mapping[str, Any]]) -> None:
    """A line for each event; with outcomes, one for each event and recipient."""
    rows: list[tuple[str, ...]] = []
    with_outcomes = False
    for each in found:
        event = each["event"]
        names = (shown(event["accepted"]), event["type"], event["id"], event["source"])
        outcomes = [one for one in each["outcomes"] if one["outcome"] != "not-asked"] or each["outcomes"]
        with_outcomes = with_outcomes or bool(outcomes)
        rows += [(*names, one["name"], say(f"outcome.{one['outcome']}")) for one in outcomes] or [(*names, "", "")]
    columns = ("accepted", "type", "id", "source", "subscription", "outcome")
    if with_outcomes:
        output.table(columns, rows)
    else:
        output.table(columns[:4], [row[:4] for row in rows])


def _follow(hub: LocalHub, start: str | None, type: str | None, limit: int, json: bool) -> None:
    """The latest events, then those that come, without end."""
    latest = _search(hub, {"type": type, "since": start}, limit)
    _print_each((each["event"] for each in latest), json)
    after: str | None = None
    seen = {(each["event"]["source"], each["event"]["id"]) for each in latest}
    since = latest[-1]["event"]["accepted"] if latest else start
    while True:
        sys.stdout.flush()
        page = hub.get("/v1/operator/events", since=None if after else since, after=after, type=type, limit=PAGE)
        _print_each((each for each in page["events"] if (each["source"], each["id"]) not in seen), json)
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
