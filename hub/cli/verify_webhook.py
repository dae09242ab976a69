"""`skolnav verify-webhook`: whether the signature of a delivery holds, and if not, why. It needs no hub."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure, of_files
from hub.cli.language import say

_SECRET: Final = "SKOLNAV_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_INPUT: Final = "-"


def verify_webhook(
    body: Annotated[str, typer.Argument(help=say("option.delivered-body"), metavar=say("word.file"))] = _INPUT,
    header: Annotated[list[str] | None, typer.Option("--header", "-H", help=say("option.delivered-header"))] = None,
    headers: Annotated[Path | None, typer.Option(help=say("option.delivered-headers"))] = None,
    secret_env: Annotated[str, typer.Option(help=say("option.secret-env"))] = _SECRET,
    any_time: Annotated[bool, typer.Option("--any-time", help=say("option.any-time"))] = False,
) -> None:
    from hub.clock import SystemClock
    from hub.outbound.verifying import NAMES, TOLERANCE_S, verify

    secret = os.environ.get(secret_env, "").strip()
    if not secret:
        raise Failure(Code.USAGE, say("verify.no-secret", name=secret_env))
    lines = header or []
    if headers is not None:
        lines = [*_read(headers).decode("latin-1").splitlines(), *lines]
    given = dict(_named(lines))
    content = sys.stdin.buffer.read() if body == _INPUT else _read(Path(body))
    fault = verify(secret, given, content, None if any_time else SystemClock().utc().timestamp())
    if fault is None:
        output.line(say("verify.holds", id=given["webhook-id"]))
        return
    why = say(
        f"verify.{fault.value}",
        name=secret_env,
        missing=", ".join(each for each in NAMES if not given.get(each)),
        minutes=TOLERANCE_S // 60,
    )
    raise Failure(Code.FAILED, say("verify.fails", why=why))


def _named(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Name and value of each line like `name: value`; the first line of an answer and empty ones are passed over."""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_files(error, path) from None
