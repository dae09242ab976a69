"""`skolnav catalogue`: the event types that are installed here. Needs no hub."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.installed import ShowsOne, installed, unwritable
from hub.cli.language import did_you_mean, language, say
from hub.cli.options import Json, given_before
from hub.files import replace_file
from hub.texts.types import meaning_of_type

catalogue = typer.Typer(invoke_without_command=True, rich_markup_mode=None, cls=ShowsOne)


@catalogue.callback()
def list_types(ctx: typer.Context, json: Json = False) -> None:
    if ctx.invoked_subcommand is not None:
        return
    from schemas.export import catalogue_list

    found = catalogue_list(installed().catalogue())
    if json:
        output.as_json(found)
        return
    rows = [(each["type"], each["key"], _meaning(each)) for each in found["types"]]
    output.table(("type", "key", "what"), rows)


@catalogue.command("show", help=say("help.catalogue-show"))
def show_type(
    ctx: typer.Context,
    type: Annotated[str, typer.Argument(help=say("option.type"), metavar=say("word.type"))],
    json: Json = False,
) -> None:
    from schemas.export import catalogue_entry

    types = installed().catalogue()
    known = [each.type for each in types]
    if type not in known:
        hint = did_you_mean(type, known)
        raise Failure(Code.FAILED, say("catalogue.unknown", hint=hint))
    found = catalogue_entry(types, types.entry(type))
    if json or given_before(ctx, "json"):
        output.as_json(found)
        return
    what = [_meaning(found)] if language() == "sv" else found["description"].splitlines()
    output.facts({"type": found["type"], "key": found["key"], "what": what})
    output.line()
    output.table(("field", "categories"), [(path, named(each)) for path, each in found["categories"].items()])
    for example in found["examples"][:1]:
        output.line()
        output.as_json(example)


def _meaning(entry: Mapping[str, Any]) -> str:
    return meaning_of_type(entry["type"], entry["description"], language())


def named(categories: Iterable[str]) -> str:
    """Data categories as the file spells them, in Swedish each with its word."""
    if language() == "en":
        return ", ".join(categories)
    return ", ".join(f"{each} ({say(f'category.{each}')})" for each in categories)


@catalogue.command("export", help=say("help.catalogue-export"))
def export(folder: Annotated[Path, typer.Argument(help=say("option.folder"), metavar=say("word.folder"))]) -> None:
    from importlib.metadata import version

    from schemas.files import files

    written = files(installed().catalogue(), version=version("skolnav"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            replace_file(folder / name, content.encode())
    except OSError as error:
        raise unwritable(error, folder) from None
    output.line(say("catalogue.exported", count=len(written), folder=folder))
