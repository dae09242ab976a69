"""`skolnav connectors`: how each connector stands, and what waits until a person confirms it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import did_you_mean, say
from hub.cli.local_hub import LocalHub
from hub.cli.options import Config, Data, Json, Where, shown
from hub.texts.visible import visible

connectors = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Connector = Annotated[str, typer.Argument(help=say("option.connector"), metavar="NAME")]


@connectors.callback()
def list_connectors(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = _all(hub)
    if json:
        output.as_json({"connectors": found})
        return
    if not found:
        output.line(say("connectors.none"))
        return
    output.table(
        ("name", "connector", "status", "reason", "doing", "package"),
        [
            (
                each["name"],
                each["use"],
                say(f"status.{each['state']}"),
                each["trouble"],
                ", ".join(f"{what} ({timedelta(seconds=int(for_s))})" for what, for_s in each["doing"].items()),
                each["package"],
            )
            for each in found
        ],
    )
    output.line()
    for each in found:
        output.line(visible(each["says"]))
    waiting = [(each["name"], what) for each in found for what in each["waiting"] or ()]
    if waiting:
        output.line()
        output.line(say("connectors.waiting"))
        output.table(
            ("name", "word", "since", "what"),
            [(name, what["word"], shown(what["since"]), what["says"]) for name, what in waiting],
        )


@connectors.command("confirm", help=say("help.connectors-confirm"))
def confirm(
    ctx: typer.Context,
    name: Connector,
    word: Annotated[str, typer.Argument(help=say("option.word"), metavar="WORD")],
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        waiting = {each["word"]: each for each in _found(hub, name)["waiting"] or ()}
        if word not in waiting:
            hint = say("connectors.waits", words=", ".join(waiting)) if waiting else ""
            raise Failure(Code.FAILED, say("connectors.nothing-waits", name=name, word=word, hint=hint))
        answer = hub.post(f"{_path(name)}/confirm", {"word": word})
    if where.json:
        output.as_json({**answer, **waiting[word]})
    else:
        output.line(say("connectors.confirmed", name=name, word=word, says=waiting[word]["says"]))


@connectors.command("reconcile", help=say("help.connectors-reconcile"))
def reconcile(
    ctx: typer.Context, name: Connector, config: Config = None, data: Data = None, json: Json = False
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        _found(hub, name)
        answer = hub.post(f"{_path(name)}/reconcile")
    if where.json:
        output.as_json(answer)
    else:
        output.line(say("connectors.begun" if answer["begun"] else "connectors.under-way", name=name))


@connectors.command("restart", help=say("help.connectors-restart"))
def restart(ctx: typer.Context, name: Connector, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        _found(hub, name)
        answer = hub.post(f"{_path(name)}/restart")
    if where.json:
        output.as_json(answer)
    else:
        output.line(say("connectors.restarting", name=name))


@connectors.command("try", help=say("help.connectors-try"))
def try_event(
    ctx: typer.Context,
    name: Connector,
    event: Annotated[Path, typer.Option("--event", help=say("option.event-file"), metavar="FILE")],
    record: Annotated[Path | None, typer.Option("--record", help=say("option.record"), metavar="FILE")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    from hub.cli.trying import try_connector

    where = Where.of(ctx, config, None, json)
    try_connector(name, event, record=record, config=where.config, json=where.json)


@connectors.command("trace", help=say("help.connectors-trace"))
def trace(
    ctx: typer.Context,
    name: Connector,
    event: Annotated[str | None, typer.Argument(help=say("option.event"), metavar="EVENT")] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    from hub.cli.trying import trace_connector

    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        trace_connector(hub, _found(hub, name), event, json=where.json)


def _all(hub: LocalHub) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.get("/v1/operator/connectors")["connectors"]
    return found


def _found(hub: LocalHub, name: str) -> Mapping[str, Any]:
    """Raises Failure."""
    everything = {each["name"]: each for each in _all(hub)}
    if name in everything:
        return everything[name]
    raise Failure(Code.FAILED, say("connectors.unknown", name=name, hint=did_you_mean(name, everything)))


def _path(name: str) -> str:
    return f"/v1/operator/connectors/{quote(name, safe='')}"
