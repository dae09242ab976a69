"""`skolnav plugins`: the connectors that are installed here, and a package to begin a new one with. Needs no hub."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import output
from hub.cli.catalogue import named
from hub.cli.exits import Code, Failure, in_language
from hub.cli.installed import ShowsOne, installed, unwritable
from hub.cli.language import language, say
from hub.cli.options import Json, given_before

if TYPE_CHECKING:
    from plugins.manager import ConnectorInfo
    from plugins.texts import Text


class Kind(StrEnum):
    """What a new package does; `skolnav.scaffold.KINDS`."""

    SINK = "sink"
    SOURCE = "source"
    BOTH = "both"
    REST = "rest"


plugins = typer.Typer(invoke_without_command=True, rich_markup_mode=None, cls=ShowsOne)


@plugins.callback()
def list_plugins(ctx: typer.Context, json: Json = False) -> None:
    if ctx.invoked_subcommand is not None:
        return
    found = installed()
    connectors = found.describe()
    if json:
        output.as_json(
            {
                "connectors": [_as_dict(each) for each in connectors],
                "problems": [{"plugin": each.plugin, "says": each.says} for each in found.problems],
            }
        )
        return
    if connectors:
        rows = [
            (
                each.name,
                f"{each.distribution} {each.version}",
                each.sdk,
                each.level or "-",
                ", ".join(each.categories) or "-",
                _in_words(each.summary),
            )
            for each in connectors
        ]
        output.table(("name", "package", "sdk", "level", "contract", "what"), rows)
    else:
        output.line(say("plugins.none"))
    for problem in found.problems:
        says = problem.sv if problem.sv and language() == "sv" else problem.says
        output.note(f"{problem.plugin}: {say('plugins.problem', says=says)}")


def _in_words(text: "Text") -> str:
    return text.sv if language() == "sv" else text.en


def _as_dict(info: "ConnectorInfo") -> dict[str, Any]:
    settings = {name: _in_words(text) for name, text in info.settings.items()}
    words = {name: _in_words(getattr(info, name)) for name in ("summary", "purpose", "legal_basis")}
    return {**asdict(info), **words, "settings": settings}


@plugins.command("show", help=say("help.plugins-show"))
def show_plugin(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help=say("option.name"), metavar=say("word.name"))],
    json: Json = False,
) -> None:
    found = installed()
    info = next((each for each in found.describe() if each.name == name), None)
    if info is None and (says := found.broken(name)) is not None:
        raise Failure(Code.FAILED, say("plugins.problem", says=_in_words(says)))
    if info is None:
        raise Failure(Code.FAILED, say("plugins.unknown", known=", ".join(found.names()) or "-"))
    if json or given_before(ctx, "json"):
        output.as_json(_as_dict(info))
        return
    output.facts(
        {
            "name": info.name,
            "package": f"{info.distribution} {info.version}",
            "sdk": info.sdk,
            "level": info.level or say("plugins.no-level"),
            "what": _in_words(info.summary),
            "effect": f"{info.effect}: {say(f'plugins.effect-{info.effect}')}",
            "consumes": list(info.consumes),
            "produces": list(info.produces),
            "purpose": _in_words(info.purpose),
            "legal-basis": _in_words(info.legal_basis),
            "categories": named(info.categories),
            "timers": ", ".join(info.timers),
        }
    )
    output.line()
    output.table(("setting", "what"), [(name, _in_words(text)) for name, text in info.settings.items()])


@plugins.command("new", help=say("help.plugins-new"))
def new_plugin(
    name: Annotated[str, typer.Argument(help=say("option.name"), metavar=say("word.name"))],
    into: Annotated[Path, typer.Option("--in", help=say("option.in"))] = Path("."),
    kind: Annotated[Kind, typer.Option("--kind", help=say("option.kind"))] = Kind.SINK,
) -> None:
    from plugins.errors import ConfigurationError
    from skolnav.scaffold import create

    try:
        written = create(name, into, kind.value)
    except ConfigurationError as error:
        raise Failure(Code.USAGE, in_language(error)) from None
    except OSError as error:
        raise unwritable(error, into) from None
    for file in written:
        output.line(str(file))
    output.line(say("plugins.written", folder=into / name))
