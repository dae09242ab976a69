"""`skolnav plugins` and `skolnav catalogue`: what is installed here. No hub need run."""

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hub.cli import output
from hub.cli.exits import Code, Failure, of_config, of_files
from hub.cli.language import language, say
from hub.cli.options import Json

if TYPE_CHECKING:
    from plugins.manager import Plugins


class ShowsOne(TyperGroup):
    """`catalogue TYPE` is `catalogue show TYPE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


plugins = typer.Typer(invoke_without_command=True, rich_markup_mode=None, cls=ShowsOne)
catalogue = typer.Typer(invoke_without_command=True, rich_markup_mode=None, cls=ShowsOne)


@plugins.callback()
def list_plugins(ctx: typer.Context, json: Json = False) -> None:
    if ctx.invoked_subcommand is not None:
        return
    found = _installed()
    connectors = found.describe()
    if json:
        output.as_json({"connectors": [_connector(each) for each in connectors], "problems": _problems(found)})
        return
    if connectors:
        rows = [(each.name, f"{each.distribution} {each.version}", each.effect, each.summary) for each in connectors]
        output.table(("name", "package", "effect", "what"), rows)
    else:
        output.line(say("plugins.none"))
    for problem in found.problems:
        output.note(f"{problem.plugin}: {say('plugins.problem', says=problem.says)}")


@plugins.command("show", help=say("help.plugins-show"))
def show_plugin(name: Annotated[str, typer.Argument(help=say("option.name"))], json: Json = False) -> None:
    found = _installed()
    info = next((each for each in found.describe() if each.name == name), None)
    if info is None:
        raise Failure(Code.FAILED, say("plugins.unknown", known=", ".join(found.names()) or "-"))
    if json:
        output.as_json(_connector(info))
        return
    output.facts(
        {
            "name": info.name,
            "package": f"{info.distribution} {info.version}",
            "what": info.summary,
            "effect": info.effect,
            "consumes": "\n".join(info.consumes),
            "produces": "\n".join(info.produces),
            "categories": ", ".join(info.categories),
            "timers": ", ".join(info.timers),
        }
    )
    output.line()
    output.table(("setting", "what"), list(info.settings.items()))


@plugins.command("new", help=say("help.plugins-new"))
def new_plugin(
    name: Annotated[str, typer.Argument(help=say("option.name"))],
    into: Annotated[Path, typer.Option("--in", help=say("option.in"))] = Path("."),
) -> None:
    from plugins.errors import ConfigurationError
    from plugins.scaffold import create

    try:
        written = create(name, into)
    except ConfigurationError as error:
        raise Failure(Code.USAGE, str(error)) from None
    except OSError as error:
        raise _unwritable(error, into) from None
    for file in written:
        output.line(str(file))
    output.line(say("plugins.written", folder=into / name))


@catalogue.callback()
def list_types(ctx: typer.Context, json: Json = False) -> None:
    if ctx.invoked_subcommand is not None:
        return
    from schemas.export import catalogue_list

    found = catalogue_list(_installed().catalogue())
    if json:
        output.as_json(found)
        return
    rows = [(each["type"], each["key"], each["description"].partition("\n")[0]) for each in found["types"]]
    output.table(("type", "key", "what"), rows)


@catalogue.command("show", help=say("help.catalogue-show"))
def show_type(type: Annotated[str, typer.Argument(help=say("option.type"))], json: Json = False) -> None:
    from schemas.export import catalogue_entry

    types = _installed().catalogue()
    known = [each.type for each in types]
    if type not in known:
        near = get_close_matches(type, known, 1)
        from hub.texts import text

        hint = text("hint.did-you-mean", language(), name=near[0]) if near else ""
        raise Failure(Code.FAILED, say("catalogue.unknown", hint=hint))
    found = catalogue_entry(types, types.entry(type))
    if json:
        output.as_json(found)
        return
    output.facts({"type": found["type"], "key": found["key"], "what": found["description"]})
    output.line()
    output.table(("field", "categories"), [(path, ", ".join(each)) for path, each in found["categories"].items()])
    for example in found["examples"][:1]:
        output.line()
        output.as_json(example)


@catalogue.command("export", help=say("help.catalogue-export"))
def export(folder: Annotated[Path, typer.Argument(help=say("option.folder"))]) -> None:
    from importlib.metadata import version

    from schemas.export import files

    written = files(_installed().catalogue(), version=version("skolnav"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (folder / name).write_text(content, "utf-8")
    except OSError as error:
        raise _unwritable(error, folder) from None
    output.line(say("catalogue.exported", count=len(written), folder=folder))


def _installed() -> "Plugins":
    from plugins.manager import Plugins, PluginsError

    try:
        return Plugins.load()
    except PluginsError as error:
        raise of_config(error) from None


def _connector(info: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(info)


def _problems(found: "Plugins") -> list[dict[str, str]]:
    return [{"plugin": each.plugin, "says": each.says} for each in found.problems]


def _unwritable(error: OSError, folder: Path) -> Failure:
    failure = of_files(error, folder)
    return Failure(Code.FAILED, failure.text)
