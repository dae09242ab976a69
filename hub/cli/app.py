"""The commands. Each says what it does in one line; what they do stands in modules of their own."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from hub.cli.serve import read, serve
from hub.config import ConfigErrors
from hub.engines.embedded import Hub
from hub.engines.server import Servers
from hub.texts import language_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Skolnav: the integration hub for schools.")

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]


@app.callback()
def skolnav() -> None:
    """The integration hub for Swedish schools."""


@app.command()
def run(config: Config = Path("skolnav.yaml")) -> None:
    """Run the hub until it is told to stop."""
    try:
        settings, plugins = read(config)
    except ConfigErrors as errors:
        typer.echo(errors.render(language_of(os.environ)), err=True)
        raise typer.Exit(2) from None
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def ready(hub: Hub, servers: Servers) -> None:
        typer.echo(f"Skolnav: http://{servers.address[0]}:{servers.address[1]}", err=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, plugins, ready=ready))


@app.command()
def demo(exit: Annotated[bool, typer.Option("--exit", help="End after the day.")] = False) -> None:
    """Play a school day with an invented municipality, then stay up until Ctrl-C."""
    from hub.demo import play  # not needed by the other commands

    raise typer.Exit(play.main(stay=not exit))


def main() -> None:
    """Entry point."""
    sys.exit(app())
