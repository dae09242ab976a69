"""`skolnav connectors`: how each connector stands, and what waits until a person confirms it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import did_you_mean, language, say
from hub.cli.local_hub import LocalHub
from hub.cli.options import Config, Data, Json, Where, shown
from hub.texts.quantities import lasted
from hub.texts.visible import visible

connectors = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Connector = Annotated[str, typer.Argument(help=say("option.connector"), metavar=say("word.name"))]


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
                ", ".join(f"{what} ({lasted(int(for_s), language())})" for what, for_s in each["doing"].items()),
                each["package"],
            )
            for each in found
        ],
    )
    output.line()
    for each in found:
        output.line(visible(each["says"]))
    sides = [(each["name"], side) for each in found for side in each["far_sides"]]
    if sides:
        output.line()
        output.line(say("connectors.far-sides"))
        output.table(
            ("connector", "far-side", "last", "since", "reason", "next-try"),
            [
                (name, side["name"], *(shown(side[at]) if side[at] else "" for at in ("reached", "behind")),
                 side["code"], shown(side["next_try"]) if side["next_try"] else "")
                for name, side in sides
            ],
        )  # fmt: skip
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
    word: Annotated[str, typer.Argument(help=say("option.word"), metavar=say("word.word"))],
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
    event: Annotated[
        Path | None, typer.Option("--event", help=say("option.event-file"), metavar=say("word.file"))
    ] = None,
    timer: Annotated[str | None, typer.Option("--timer", help=say("option.timer"), metavar=say("word.name"))] = None,
    request: Annotated[
        Path | None, typer.Option("--request", help=say("option.request-file"), metavar=say("word.file"))
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help=say("option.timer-key"), metavar=say("word.name"))] = None,
    at: Annotated[str | None, typer.Option("--at", help=say("option.try-at"), metavar="HH:MM")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help=say("option.state-file"), metavar=say("word.file"))
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help=say("option.record"), metavar=say("word.file"))
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    from hub.cli.trying import Asked, try_connector

    where = Where.of(ctx, config, None, json)
    asked = Asked(event=event, timer=timer, request=request, key=key, at=at, state=state, record=record)
    try_connector(name, asked, config=where.config, json=where.json)


@connectors.command("trace", help=say("help.connectors-trace"))
def trace(
    ctx: typer.Context,
    name: Connector,
    event: Annotated[str | None, typer.Argument(help=say("option.event"), metavar=say("word.event"))] = None,
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
