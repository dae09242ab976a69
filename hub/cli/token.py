"""`skolnav token new`: a token or a webhook secret that can't be guessed, written where only its owner reads it."""

import base64
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure, of_files
from hub.cli.language import say

_BYTES: Final = 32
_OLD: Final = ".previous"

token = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Kind(StrEnum):
    TOKEN = "token"  # noqa: S105 - a kind, not a token
    WEBHOOK = "webhook"
    ED25519 = "ed25519"


@token.callback()
def group() -> None:
    pass


@token.command(help=say("help.token-new"))
def new(
    kind: Annotated[Kind, typer.Option(help=say("option.kind-of-secret"))] = Kind.TOKEN,
    file: Annotated[Path | None, typer.Option(help=say("option.token-file"))] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help=say("option.rotate"))] = False,
) -> None:
    from hub.outbound.signature import public_key

    if rotate and file is None:
        raise Failure(Code.USAGE, say("token.rotate-what"))
    made = make(kind)
    if file is None:
        output.line(made)
    else:
        write(file, made, rotate=rotate)
        output.line(say("token.written", path=file))
        if rotate:
            output.line(say("token.rotated", path=file.with_name(file.name + _OLD)))
    if (public := public_key(made)) is not None:
        output.note(say("token.public", key=public))


def make(kind: Kind) -> str:
    from hub.outbound.signature import new_key

    match kind:
        case Kind.TOKEN:
            return secrets.token_urlsafe(_BYTES)
        case Kind.WEBHOOK:
            return f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"
        case Kind.ED25519:
            return new_key(secrets.token_bytes(_BYTES))


def write(path: Path, content: str, *, rotate: bool = False) -> None:
    """Write a secret to a file of mode 0600. `rotate`: the file's present content goes to `<path>.previous` first.

    Both change by a rename, so that a hub which reads them meanwhile gets whole ones. Raises Failure.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and not rotate:
            raise Failure(Code.USAGE, say("token.exists", path=path))
        if rotate:
            _put(path.with_name(path.name + _OLD), path.read_bytes())
        _put(path, f"{content}\n".encode())
    except OSError as error:
        raise of_files(error, path) from None


def _put(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
