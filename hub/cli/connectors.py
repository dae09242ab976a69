"""`skolnav connectors`: how each connector stands, and what waits until a person confirms it."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import language, say
from hub.cli.local import LocalHub
from hub.cli.options import Config, Data, Json, Where, shown

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
        ("name", "connector", "status", "reason", "doing"),
        [
            (
                each["name"],
                each["use"],
                say(f"status.{_status(each)}"),
                _reason(each["reason"] or _delivery(each).get("reason", "")) or _failing(each),
                ", ".join(f"{what} ({timedelta(seconds=int(for_s))})" for what, for_s in each["doing"].items()),
            )
            for each in found
        ],
    )
    output.line()
    for each in found:
        output.line(_standing(each))
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


def _all(hub: LocalHub) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.get("/v1/operator/connectors")["connectors"]
    return found


def _found(hub: LocalHub, name: str) -> Mapping[str, Any]:
    """Raises Failure."""
    everything = {each["name"]: each for each in _all(hub)}
    if name in everything:
        return everything[name]
    from hub.texts import text

    near = get_close_matches(name, everything, 1)
    hint = text("hint.did-you-mean", language(), name=near[0]) if near else ""
    raise Failure(Code.FAILED, say("connectors.unknown", name=name, hint=hint))


def _path(name: str) -> str:
    return f"/v1/operator/connectors/{quote(name, safe='')}"


def _reason(code: str) -> str:
    from hub.texts import reason

    return reason(code, language()) if code else ""


def _failing(each: Mapping[str, Any]) -> str:
    from hub.texts import text

    if each["failing"]:
        return say("connectors.failing", code=each["failing"])
    return text("connector.unread", language(), code=each["unread"]) if each["unread"] else ""


def _status(each: Mapping[str, Any]) -> str:
    """How it stands: a connector that runs may be paused, so that nothing is delivered to it."""
    state = _delivery(each).get("state", "active")
    return str(each["status"] if each["status"] != "running" or state == "active" else state)


def _delivery(each: Mapping[str, Any]) -> Mapping[str, Any]:
    return each["subscription"] or {}


def _standing(each: Mapping[str, Any]) -> str:
    """When it last read all, how often it has failed since, and what it told last."""
    from hub.texts import text

    speaks, name = language(), each["name"]
    if each["polled_s"] is None:
        says = text("connector.quiet", speaks, name=name)
    elif each["polled"] is None:
        says = text("connector.not-polled", speaks, name=name, at=shown(each["since"]))
    else:
        age = timedelta(seconds=int(each["polled_s"]))
        says = text("connector.polled", speaks, name=name, at=shown(each["polled"]), age=age)
    if each["failures"]:
        code = each["failing"] or each["unread"]
        says += text("connector.failures", speaks, count=each["failures"], code=code)
    if each["directory"]:
        says += text("connector.directory", speaks, at=shown(each["directory"]["as_of"]))
    if code := each["problem"]:
        at, count = shown(each["problem_at"]), each["problems"].get(code, 1)
        says += text("connector.problem", speaks, code=code, at=at, count=count)
    return says
