"""`skolnav alerts`: what needs a person, and who sees to it."""

import getpass
from typing import Annotated
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import did_you_mean, say
from hub.cli.options import Config, Data, Json, Where, shown
from hub.texts.visible import visible

alerts = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@alerts.callback()
def list_alerts(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = hub.get("/v1/operator/alerts")["alerts"]
    if json:
        output.as_json({"alerts": found})
        return
    if not found:
        output.line(say("alerts.none"))
        return
    output.table(
        ("id", "severity", "place", "since", "next-try", "acknowledged-by"),
        [
            (
                each["id"][:8],
                say(f"severity.{each['severity']}"),
                each["place"],
                shown(each["since"]),
                shown(each["next_try"]) if each["next_try"] else "",
                each["acknowledged_by"],
            )
            for each in found
        ],
    )
    for each in found:
        output.line()
        output.line(visible(f"{each['id'][:8]}  {each['says']}"))
        output.line(visible(f"          {each['todo']}"))


@alerts.command("acknowledge", help=say("help.alerts-acknowledge"))
def acknowledge(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(help=say("option.alert"), metavar="ID")],
    name: Annotated[str | None, typer.Option("--name", help=say("option.seen-to-by"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        ids = [each["id"] for each in hub.get("/v1/operator/alerts")["alerts"]]
        meant = [each for each in ids if each.startswith(id)]
        if len(meant) != 1:
            hint = did_you_mean(id, [each[:8] for each in ids])
            raise Failure(Code.FAILED, say("alerts.unknown", id=id, hint=hint))
        path = f"/v1/operator/alerts/{quote(meant[0], safe='')}/acknowledge"
        answer = hub.post(path, {"name": name or getpass.getuser()})
    if where.json:
        output.as_json(answer)
    else:
        output.line(visible(say("alerts.acknowledged", id=answer["id"][:8], name=answer["name"])))
