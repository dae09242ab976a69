"""The terminal: a line for each thing that happened and what became of it. Plain text if it is not a terminal."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hub.texts.text import Language
from hub.texts.visible import visible

WIDTH: Final = 110  # longer lines are hard to follow; also the width of plain text


def _seen(text: str, style: str = "") -> Text:
    """Names come from clients and far sides, also from those of a person who tries the demo."""
    return Text(visible(text), style)


class Screen:
    """Styles: `what` an event, `good` delivered, `kept` withheld or refused, `late`, `dim`."""

    STYLES: Final = {"what": "cyan", "good": "green", "kept": "yellow", "late": "magenta", "dim": "dim", "": ""}

    def __init__(self, language: Language = "en", console: Console | None = None) -> None:
        self.language: Language = language
        self._console = console or Console(highlight=False, emoji=False, markup=False)
        self._console.width = min(self._console.width, WIDTH) if self._console.is_terminal else WIDTH

    def say(self, english: str, swedish: str) -> str:
        """The demo's words stand where they are used, in both languages: nothing else uses them."""
        return swedish if self.language == "sv" else english

    def title(self, text: str) -> None:
        self._console.print()
        self._console.print(Rule(_seen(text, "bold"), align="left", style="dim", characters="─"))

    def text(self, text: str, style: str = "") -> None:
        self._console.print(_seen(text, self.STYLES[style]))

    def line(self, clock: str, what: str, whom: str, became: Iterable[tuple[str, str]], story: str = "") -> None:
        """`became` are pairs of a text and its style: on the same line, or under it where a `story` is on the line."""
        table = self._columns(5, 18, 14)
        rest = _seen(story) if story else self._joined(became, self._console.width - 45)
        table.add_row(_seen(clock, "bold"), _seen(what, self.STYLES["what"]), _seen(whom), rest)
        self._console.print(table)
        if story:
            self._console.print(Padding(self._joined(became, self._console.width - 7), (0, 0, 0, 7), expand=False))

    def fact(self, name: str, text: str, style: str = "") -> None:
        table = self._columns(18)
        table.add_row(_seen(name, "bold"), _seen(text, self.STYLES[style]))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def block(self, text: str, style: str = "") -> None:
        """The text unchanged and indented. It is never wrapped, so that the user can copy it."""
        for line in text.splitlines():
            self._console.print(_seen(f"  {line}", self.STYLES[style]), soft_wrap=True)

    def _joined(self, became: Iterable[tuple[str, str]], width: int) -> Text:
        """The pieces one after another. A piece that does not fit begins a new line and is not broken."""
        joined, room = Text(), width
        for text, style in became:
            if joined and len(text) + 3 > room:
                joined.append("\n")
                room = width
            mark = "   " if joined else "-> "
            joined.append(mark, "dim")
            joined.append(visible(text), self.STYLES[style])
            room -= len(mark) + len(text)
        return joined

    @staticmethod
    def _columns(*widths: int) -> Table:
        table = Table.grid(padding=(0, 2))
        for width in widths:
            table.add_column(width=width, no_wrap=False)
        table.add_column(overflow="fold")
        return table
