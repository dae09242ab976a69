"""`skolnav privacy`: what a privacy officer does about one person."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli import output
from hub.cli.language import say
from hub.cli.options import Config, Data, Json, Where, Yes, shown

privacy = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Person = Annotated[str, typer.Argument(help=say("option.person"), metavar=say("word.person"))]
Token = Annotated[Path, typer.Option(help=say("option.token-of-officer"))]


@privacy.callback()
def privacy_of(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    ctx.obj = Where(config, data, json)


@privacy.command("lift", help=say("help.privacy-lift"))
def lift(
    ctx: typer.Context,
    person: Person,
    token_file: Token,
    reason: Annotated[str, typer.Option(help=say("option.because"))],
    yes: Yes = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub(token_file) as hub:
        if not yes and not output.agreed(say("privacy.sure")):
            output.line(say("privacy.left"))
            return
        lifted = hub.post("/v1/operator/protection/lift", {"person": person, "reason": reason})
    if where.json:
        output.as_json(lifted)
    else:
        output.line(say("privacy.lifted", sources=", ".join(lifted["sources"])))


@privacy.command("holders", help=say("help.privacy-holders"))
def holders(
    ctx: typer.Context,
    person: Person,
    token_file: Token,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub(token_file) as hub:
        found = hub.post("/v1/operator/protection/holders", {"person": person})["holders"]
    if where.json:
        output.as_json(found)
    elif not found:
        output.line(say("privacy.no-holders"))
    else:
        rows = [
            (each["recipient"], each["subscription"], each["listed"], each["unlisted"], shown(each["first"]),
             shown(each["last"]))
            for each in found
        ]  # fmt: skip
        output.table(("recipient", "subscription", "listed", "unlisted", "first", "last-got"), rows)
        output.line(say("privacy.holders-mentions"))
