"""The commands with their names and options.

A command that needs the hub's rooms imports its module when it is called, so that `skolnav --help` is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.alerts import alerts
from hub.cli.backups import backup
from hub.cli.catalogue import catalogue
from hub.cli.connectors import connectors
from hub.cli.counters import counters
from hub.cli.dead_letters import dead_letters
from hub.cli.disclosures import audit, disclosures
from hub.cli.event import event
from hub.cli.events import events
from hub.cli.language import language, say
from hub.cli.local_hub import CONFIG, data_folder, root_key
from hub.cli.options import Config, Data, Json, Yes
from hub.cli.plugins import plugins
from hub.cli.privacy import privacy
from hub.cli.subscriptions import subscriptions
from hub.cli.token import token
from hub.cli.verify_webhook import verify_webhook
from hub.cli.why import why

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=say("help.app"),
    epilog=say("help.after"),
)

Folder = Annotated[Path, typer.Argument(help=say("option.folder"), metavar=say("word.folder"))]
File = Annotated[Path, typer.Option("--config", "-c", help=say("option.config"))]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from hub.cli import output

        output.line(f"skolnav {version('skolnav')}")
        raise typer.Exit


@app.callback()
def skolnav(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=say("option.version"))
    ] = False,
) -> None:
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
        code = play(speed, stay, keep, language())
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


@app.command(help=say("help.init"))
def init(
    config: File = CONFIG,
    municipality: Annotated[str | None, typer.Option(help=say("init.municipality"))] = None,
    listen: Annotated[str | None, typer.Option(help=say("init.listen"))] = None,
    data: Annotated[str | None, typer.Option(help=say("init.data"))] = None,
    connector: Annotated[list[str] | None, typer.Option(help=say("option.connector-use"))] = None,
    answer: Annotated[list[str] | None, typer.Option(help=say("option.answer"))] = None,
) -> None:
    from hub.cli import check as checking
    from hub.cli.init import init as write_first

    options = {"municipality": municipality, "listen": listen, "data": data}
    write_first(config, connectors=connector or [], given=answer or [], options=options)
    raise typer.Exit(checking.check(config, selftest=False, json=False))


@app.command(help=say("help.plan"))
def plan(config: File = CONFIG, json: Json = False) -> None:
    from hub.cli.apply import plan as show_plan

    show_plan(config, json=json)


@app.command(help=say("help.apply"))
def apply(config: File = CONFIG, yes: Yes = False, json: Json = False) -> None:
    from hub.cli.apply import apply as apply_changes

    apply_changes(config, yes=yes, json=json)


@app.command(help=say("help.restore"))
def restore(folder: Folder, config: Config = None, data: Data = None) -> None:
    from hub.cli.backup import put_back

    put_back(folder, data_folder(config, data), root_key(config, data))


app.add_typer(alerts, name="alerts", help=say("help.alerts"))
app.add_typer(plugins, name="plugins", help=say("help.plugins"))
app.add_typer(catalogue, name="catalogue", help=say("help.catalogue"))
app.add_typer(subscriptions, name="subscriptions", help=say("help.subscriptions"))
app.add_typer(connectors, name="connectors", help=say("help.connectors"))
app.add_typer(dead_letters, name="dead-letters", help=say("help.dead-letters"))
app.add_typer(disclosures, name="disclosures", help=say("help.disclosures"))
app.add_typer(privacy, name="privacy", help=say("help.privacy"))
app.add_typer(backup, name="backup", help=say("help.backup"))
app.add_typer(token, name="token", help=say("help.token"))
app.command(help=say("help.audit"))(audit)
app.command(help=say("help.counters"))(counters)
app.command(help=say("help.event"))(event)
app.command(help=say("help.events"))(events)
app.command("verify-webhook", help=say("help.verify-webhook"))(verify_webhook)
app.command(help=say("help.why"))(why)
