"""What `skolnav plugins` and `skolnav catalogue` share: the installed packages, and `NAME` as short for `show NAME`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from hub.cli.exits import Code, Failure, of_files

if TYPE_CHECKING:
    from plugins.manager import Plugins


class ShowsOne(TyperGroup):
    """`catalogue TYPE` is short for `catalogue show TYPE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


def installed() -> "Plugins":
    from plugins.manager import Plugins

    return Plugins.load()


def unwritable(error: OSError, folder: Path) -> Failure:
    return Failure(Code.FAILED, of_files(error, folder).text)
