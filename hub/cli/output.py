"""Output: drawn tables for a terminal, plain columns for a pipe, JSON for programs.

A client or a far side chose many of the words (names, ids, sources): whatever could move the cursor, turn the writing
or break the line is shown as its escape.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.texts.visible import visible, visible_json


def line(text: str = "") -> None:
    """One line of the answer."""
    sys.stdout.write(visible(text, but="\n") + "\n")


def note(text: str) -> None:
    """One line on standard error, which a program that reads the answer does not get."""
    sys.stdout.flush()
    sys.stderr.write(visible(text, but="\n") + "\n")


def as_json(value: Any) -> None:
    sys.stdout.write(visible_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")


def json_line(value: Any) -> None:
    """A JSON document on one line, for a program that reads them as they come."""
    sys.stdout.write(visible_json(json.dumps(value, ensure_ascii=False)) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """`columns` are keys of `column.*`. A terminal gets lines and colours, a pipe columns that are never cut."""
    heads = [say(f"column.{column}") for column in columns]
    cells = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _drawn(heads, cells)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def facts(about: Mapping[str, object]) -> None:
    """The facts about one thing, by keys of `column.*`. A list has a line for each item. Empty ones are left out."""
    shown = {say(f"column.{key}"): value for key, value in about.items() if value not in (None, "", [], ())}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        first, *more = (visible(str(each)) for each in (value if isinstance(value, list) else [value]))
        line(f"{name.ljust(width)}  {first}")
        for each in more:
            line(f"{' ' * width}  {each}")


def agreed(question: str) -> bool:
    """Ask a person; any answer but yes is no. Raises Failure if standard input is not a terminal."""
    if not sys.stdin.isatty():
        raise Failure(Code.USAGE, say("apply.needs-yes"))
    sys.stdout.write(f"{visible(question)} ({say('answer.yes-no')}) ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("j", "ja", "y", "yes")


def _drawn(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A screen is narrow, so empty columns are left out. The first column names the row and is never broken.
    shown = [number for number in range(len(heads)) if any(row[number] for row in cells)]
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number in shown:
        drawn.add_column(heads[number], overflow="fold", no_wrap=number == 0)
    for row in cells:
        drawn.add_row(*(Text(row[number]) for number in shown))  # not as markup, since an id may look like it
    Console(highlight=False).print(drawn)
