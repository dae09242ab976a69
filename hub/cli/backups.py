"""`skolnav backup FOLDER` and `skolnav backup check`: the commands; the work is in `hub.cli.backup`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hub.cli.language import say
from hub.cli.local_hub import data_folder
from hub.cli.options import Config, Data, Json, Where


class _MakesOne(TyperGroup):
    """`backup FOLDER` is short for `backup make FOLDER`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["make", *args]
        return super().resolve_command(ctx, args)


backup = typer.Typer(no_args_is_help=True, rich_markup_mode=None, cls=_MakesOne)


@backup.callback()
def backup_of(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    ctx.obj = Where(config, data, json)


@backup.command(help=say("help.backup-make"))
def make(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help=say("option.folder"))],
    config: Config = None,
    data: Data = None,
) -> None:
    from hub.cli.backup import backup as back_up

    where = Where.of(ctx, config, data, json=False)
    back_up(data_folder(where.config, where.data), folder)


@backup.command(help=say("help.backup-check"))
def check(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help=say("option.backup-folder"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    from hub.cli.backup import check as check_backup

    where = Where.of(ctx, config, data, json)
    check_backup(folder, where.config, where.data, json=where.json)
