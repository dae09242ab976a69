"""Options that many commands share, and the hub that they name."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer

from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.cli.local_hub import CONFIG, LocalHub, data_folder

Config = Annotated[Path | None, typer.Option("--config", "-c", help=say("option.config"), show_default=str(CONFIG))]
Data = Annotated[Path | None, typer.Option("--data", help=say("option.data"))]
Json = Annotated[bool, typer.Option("--json", help=say("option.json"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=say("option.yes"))]

_AGO: Final = re.compile(r"([0-9]{1,9})(s|m|h|d)\Z", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Where:
    """Which hub, and how the answer is written. Options before a subcommand count unless the subcommand has its own."""

    config: Path | None = None
    data: Path | None = None
    json: bool = False

    @classmethod
    def of(cls, ctx: typer.Context, config: Path | None, data: Path | None, json: bool) -> Self:
        before = ctx.obj if isinstance(ctx.obj, cls) else cls()
        # If the subcommand names a folder, a file that was named before it does not count.
        if config is None and data is None:
            config, data = before.config, before.data
        return cls(config, data, json or before.json)

    def hub(self, token_file: Path | None = None) -> LocalHub:
        """A context manager, as the operator `local`, or as the client whose token is in this file. Raises Failure."""
        token = None
        if token_file is not None:
            try:
                token = token_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                says = getattr(error, "strerror", None) or "UTF-8"
                raise Failure(Code.USAGE, say("failure.unreadable", path=token_file, error=says)) from None
        return LocalHub(data_folder(self.config, self.data), token)


def given_before(ctx: typer.Context, name: str) -> Any:
    """The value of an option that stands before the subcommand: it counts unless the subcommand has its own."""
    return None if ctx.parent is None else ctx.parent.params.get(name)


def moment(given: str) -> datetime:
    """The aware time that was given: a time with offset, or how long ago (`6h`). Raises Failure."""
    if ago := _AGO.match(given):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Failure(Code.USAGE, say("failure.since", given=given, expected=say("option.since")))
    return found


def shown(moment: str) -> str:
    """A time from the hub's answer, as people at the school read it."""
    from hub.texts.times import shown

    return shown(datetime.fromisoformat(moment))
