"""The commands with their names and options.

A command that needs the hub's rooms imports its module when it is called, so that `skolnav --help` is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.catalogue import catalogue
from hub.cli.connectors import connectors
from hub.cli.dead_letters import dead_letters
from hub.cli.disclosures import disclosures
from hub.cli.events import events
from hub.cli.language import say
from hub.cli.local_hub import CONFIG, data_folder, root_key
from hub.cli.options import Config, Data, Json, Yes
from hub.cli.plugins import plugins
from hub.cli.subscriptions import subscriptions
from hub.cli.why import why

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=say("help.app"),
    epilog=say("help.after"),
)

Folder = Annotated[Path, typer.Argument(help=say("option.folder"))]
File = Annotated[Path, typer.Option("--config", "-c", help=say("option.config"))]


@app.callback()
def skolnav() -> None:
    pass


@app.command(help=say("help.run"))
def run(config: File = CONFIG) -> None:
    from hub.cli import import_names
    from hub.cli.run import run as run_hub

    import_names.check_distributions()
    run_hub(config)


@app.command(help=say("help.demo"))
def demo(
    speed: Annotated[float | None, typer.Option(min=1, max=100_000, help=say("option.speed"))] = None,
    keep: Annotated[Path | None, typer.Option(help=say("option.keep"))] = None,
    stay: Annotated[bool, typer.Option(help=say("option.stay"))] = True,
) -> None:
    from hub.cli.exits import Code, Failure
    from hub.demo.play import main as play

    try:
        code = play(speed, stay, keep)
    except FileExistsError:
        raise Failure(Code.USAGE, say("demo.folder", folder=keep)) from None
    raise typer.Exit(code)


@app.command(help=say("help.check"))
def check(
    config: File = CONFIG,
    selftest: Annotated[bool, typer.Option("--selftest", help=say("option.selftest"))] = False,
    json: Json = False,
) -> None:
    from hub.cli import check as checking
    from hub.cli import import_names

    import_names.check_distributions()
    raise typer.Exit(checking.check(config, selftest=selftest, json=json))


@app.command(help=say("help.plan"))
def plan(config: File = CONFIG, json: Json = False) -> None:
    from hub.cli.apply import plan as show_plan

    show_plan(config, json=json)


@app.command(help=say("help.apply"))
def apply(config: File = CONFIG, yes: Yes = False, json: Json = False) -> None:
    from hub.cli.apply import apply as apply_changes

    apply_changes(config, yes=yes, json=json)


@app.command(help=say("help.backup"))
def backup(folder: Folder, config: Config = None, data: Data = None) -> None:
    from hub.cli.backup import backup as back_up

    back_up(data_folder(config, data), folder)


@app.command(help=say("help.restore"))
def restore(folder: Folder, config: Config = None, data: Data = None) -> None:
    from hub.cli.backup import put_back

    put_back(folder, data_folder(config, data), root_key(config, data))


app.add_typer(plugins, name="plugins", help=say("help.plugins"))
app.add_typer(catalogue, name="catalogue", help=say("help.catalogue"))
app.add_typer(subscriptions, name="subscriptions", help=say("help.subscriptions"))
app.add_typer(connectors, name="connectors", help=say("help.connectors"))
app.add_typer(dead_letters, name="dead-letters", help=say("help.dead-letters"))
app.add_typer(disclosures, name="disclosures", help=say("help.disclosures"))
app.command(help=say("help.events"))(events)
app.command(help=say("help.why"))(why)
