"""What a connector writes beside its far side: lines that it prints, warnings, and files of its own."""

import base64
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_APPEND
_LONG: Final = 8  # bytes
_MOST: Final = 1 << 20  # bytes of one file that are looked at

_listeners: list[Callable[[str, tuple[Any, ...]], None]] = []
_listening = False


def spelled(value: str) -> Iterator[bytes]:
    """How a value appears in a text: as it is, in hexadecimal, and inside base64, as a login in a header is written.

    A short value is looked for as it is: its other spellings would be found by chance.
    """
    plain = value.encode()
    yield plain
    if len(plain) < _LONG:
        return
    yield plain.hex().encode()
    for before in range(3):  # characters of base64 depend on the place of a byte in a group of three
        coded = base64.b64encode(b"\0" * before + plain).rstrip(b"=")
        inner = coded[-(-before * 8 // 6) : len(coded) - (1 if (before + len(plain)) % 3 else 0)]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


@contextmanager
def printed() -> Iterator[Callable[[], str]]:
    """What is printed and warned of in the block, by all threads."""
    text = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, redirect_stdout(text), redirect_stderr(text):
        yield lambda: "\n".join([text.getvalue(), *(str(each.message) for each in warned)])


@contextmanager
def files_written(instance: str) -> Iterator[Callable[[], bytes]]:
    """The beginnings of all files that an instance's threads open for writing in the block and that are still there."""
    paths: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not threading.current_thread().name.startswith(f"skolnav-{instance}"):
            return
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wxa+") if isinstance(mode, str) else bool((flags or 0) & _WRITES)
        if writes and isinstance(path, str | bytes | os.PathLike):
            paths.add(os.fsdecode(path))

    _listen()
    _listeners.append(note)
    try:
        yield lambda: b"\n".join(_beginning(Path(path)) for path in sorted(paths))
    finally:
        _listeners.remove(note)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST) if path.is_file() else b""
    except OSError:
        return b""


def _listen() -> None:
    """An audit hook stays for the life of the process; without a listener it does nothing."""
    global _listening

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        for each in _listeners:
            each(event, arguments)

    if not _listening:
        _listening = True
        sys.addaudithook(hook)
