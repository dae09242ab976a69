"""`skolnav disclosures` and `skolnav audit`: the records of who got what and who did what, read and verified."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.cli.local_hub import LocalHub
from hub.cli.options import Config, Data, Json, Where, shown

disclosures = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@disclosures.callback()
def disclosures_of(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    ctx.obj = Where(config, data, json)


@disclosures.command("verify", help=say("help.disclosures-verify"))
def verify(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        found = _verified(hub)
    rows, broken_at, trimmed = found["rows"], found["broken_at"], found["trimmed"]
    if where.json:
        output.as_json({"rows": rows, "broken_at": broken_at, "trimmed": trimmed})
    elif broken_at is None and trimmed:
        output.line(say("disclosures.whole-trimmed", rows=rows, trimmed=trimmed))
    elif broken_at is None:
        output.line(say("disclosures.whole", rows=rows))
    if broken_at is not None:
        raise Failure(Code.FAILED, say("disclosures.broken", rows=rows, number=broken_at))


@disclosures.command("list", help=say("help.disclosures-list"))
def list_rows(
    ctx: typer.Context,
    token_file: Annotated[Path, typer.Option(help=say("option.token-of-reader"))],
    after: Annotated[int, typer.Option(min=0, help=say("option.after-row"))] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=say("option.rows"))] = 100,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub(token_file) as hub:
        found = hub.get("/v1/operator/disclosures", after=after, limit=limit)["disclosures"]
    if where.json:
        output.as_json(found)
        return
    rows = [
        (row["n"], shown(row["at"]), row["recipient"], each["rule"], each["events"], len(each["subjects"]))
        for row in found
        for each in row["decided"]
    ]
    output.table(("row", "time", "recipient", "rule", "events", "persons"), rows)


def audit(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help=say("option.after-row"))] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=say("option.rows"))] = 100,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """`skolnav audit`."""
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        found = hub.get("/v1/operator/audit", after=after, limit=limit)["acts"]
    if where.json:
        output.as_json(found)
        return
    rows = [(row["n"], shown(row["at"]), row["actor"], row["action"], row["target"]) for row in found]
    output.table(("row", "time", "actor", "action", "target"), rows)


def _verified(hub: LocalHub) -> dict[str, Any]:
    """Verify the whole log, in calls of some thousands of rows, so that no call takes long."""
    found: dict[str, Any] = {"rows": 0, "complete": False}
    while not found["complete"]:
        found = hub.get("/v1/operator/disclosures/verify", after=found["rows"])
    return found
