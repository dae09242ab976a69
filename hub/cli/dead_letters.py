"""`skolnav dead-letters`: what could not be delivered, and sending it again."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.cli.local_hub import PAGE, LocalHub
from hub.cli.options import Config, Data, Json, Where, shown
from hub.cli.subscriptions import named, reason_text

dead_letters = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@dead_letters.callback()
def list_dead_letters(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = list(_letters(hub))
    if json:
        output.as_json({"dead_letters": found})
    elif not found:
        output.line(say("dead-letters.none"))
    else:
        output.table(
            ("id", "subscription", "type", "event", "reason", "attempts", "dead-at"),
            [
                (
                    each["id"],
                    each["subscription"],
                    each["event"]["type"],
                    each["event"]["id"],
                    reason_text(each["reason"]),
                    each["attempts"],
                    shown(each["dead_at"]),
                )
                for each in found
            ],
        )


@dead_letters.command("resend", help=say("help.dead-letters-resend"))
def resend(
    ctx: typer.Context,
    letters: Annotated[list[str] | None, typer.Argument(help=say("option.letter"), metavar="[ID]...")] = None,
    all: Annotated[bool, typer.Option("--all", help=say("option.all"))] = False,
    subscription: Annotated[str | None, typer.Option(help=say("option.subscription"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    if bool(letters) == all or (all and subscription is None):
        raise Failure(Code.USAGE, say("dead-letters.which"))
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        known = {each["id"]: each for each in _letters(hub)}
        if subscription is not None:
            id = named(hub, subscription)["id"]
            known = {key: each for key, each in known.items() if each["subscription"] == id}
        wanted = list(known) if all else letters or []
        for letter in wanted:
            if letter not in known:
                raise Failure(Code.FAILED, say("dead-letters.unknown", id=letter))
        sent = []
        for letter in wanted:
            path = f"/v1/subscriptions/{quote(known[letter]['subscription'], safe='')}/dead-letters/{letter}/resend"
            sent.append({"id": letter, **hub.post(path)})
    if where.json:
        output.as_json({"resent": sent})
    elif not sent:
        output.line(say("dead-letters.none"))
    else:
        for each in sent:
            output.line(say("dead-letters.resent", id=each["id"], lane=each["lane"]))


def _letters(hub: LocalHub) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page: list[dict[str, Any]] = hub.get("/v1/operator/dead-letters", after=after, limit=PAGE)["dead_letters"]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["id"]
