"""Files that the hub writes for people, safely in a folder where others may write too."""

import os
import secrets
from pathlib import Path
from typing import Final

OWN_MODE: Final = 0o600
SHARED_MODE: Final = 0o640


def replace_file(path: Path, content: bytes, *, mode: int = SHARED_MODE) -> None:
    """Write a file whole, or not at all. A link that has its name is replaced, never followed. Raises OSError."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(_made(part, mode), "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def append_line(path: Path, line: bytes) -> None:
    """Raises OSError, also where a link has the name."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, SHARED_MODE), "ab") as file:
        file.write(line + b"\n")


def _made(path: Path, mode: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
