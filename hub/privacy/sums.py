"""Sums over people, for a recipient that need not act on them: blurred numbers, and no cell below the smallest one.

A recipient may know all but one of the people who are counted. So an exact number is data on that person, and rounding
does not help: a number that is 10 without the person and 11 with them is 15 after rounding up only if they are there.
Therefore each number first gets noise that can be any whole number, by two keyed draws:

- one that lasts, for the place (a kitchen and a sitting) and the cell. It hides who belongs to the place: the average
  of all reports of a year is still off by it.
- one for this report. It hides who is away today: two reports may differ although nothing has changed, and may be the
  same although something has.

Both are two-sided geometric with the cell as their scale: one person more or less in a number changes the odds of any
report by a factor of e^(1/cell) at most, 1.2 for a cell of 5, and a group below the cell by less than e. No report
excludes any number. The draws depend on the type, the place, the report and the cell, not on the recipient or the
event: a resent, restated or repeated report has the same numbers, and two recipients can't average theirs.

All else is computed from the noisy numbers alone, so it tells no more. Rows below the smallest cell are merged, and
added to the largest row if they are too small together. Each number is rounded to a multiple of the cell, and left
out below it. A declared sum is the sum of the delivered numbers. The rows stand apart only for a recipient whose
contract has the category for that (diets), and only under names that the configuration lists, since a name in a free
text may identify a child.

What else depends on single persons is left out: a revision rises when a pupil calls in sick, `complete` is false when a
person is not known. A report that comes because something has changed does not leave at all: what it tells comes
blurred with the next report. For `GET /v1/state` the report before it still stands.

A type that does not declare its sums (`EventSpec.aggregate`) gets each number of category aggregate blurred by itself;
its texts and its times remain as they are.
"""

import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.bus.base import Stored
from schemas import Aggregate, Category, Entry, Field

SMALLEST_CELL: Final = 5

Draw = Callable[[tuple[str, ...], float], int]
"""The noise for what the texts name, with the scale; the same each time."""


@dataclass(frozen=True, slots=True)
class SumRule:
    """How one type's sums are blurred."""

    cell: int = SMALLEST_CELL  # people
    words: frozenset[str] = frozenset()  # the names of rows that may stand apart


def keyed_draw(key: bytes) -> Draw:
    """Draws that only the holder of the key can predict."""

    def draw(what: tuple[str, ...], scale: float) -> int:
        digest = hmac.digest(key, orjson.dumps(what), "sha256")
        return _geometric(digest[:8], scale) - _geometric(digest[8:16], scale)

    return draw


def _geometric(chance: bytes, scale: float) -> int:
    """Each further whole number is less likely by a factor of e^(1/scale)."""
    uniform = (int.from_bytes(chance) + 0.5) / 2.0 ** (8 * len(chance))
    return math.floor(-math.log(uniform) * scale)


def sums_of(entry: Entry, rule: SumRule, draw: Draw, allowed: frozenset[Category]) -> "Sums | Undeclared | None":
    """How a type's sums are blurred for a contract with these categories; None if the type has no sums."""
    declared = entry.spec.aggregate
    if declared is not None:
        return Sums(entry.type, declared, rule, draw, apart=declared.apart is None or declared.apart in allowed)
    return Undeclared(entry, rule, draw) if Category.AGGREGATE in entry.categories else None


class Sums:
    """The rule for one type that declares its sums, and one contract. `apart`: its rows may stand apart."""

    def __init__(self, type_: str, declared: Aggregate, rule: SumRule, draw: Draw, *, apart: bool) -> None:
        self._type = type_
        self._declared = declared
        self._rule = rule
        self._draw = draw
        self._apart = apart

    def is_late(self, stored: Stored) -> bool:
        """Whether the event came because something has changed: then it does not leave."""
        return self._declared.is_late(stored.parsed.get("data"))

    def blur(self, stored: Stored, reduced: dict[str, Any]) -> dict[str, Any]:
        """The data that leaves, from the data that the contract allows."""
        declared, data = self._declared, stored.parsed["data"]
        out = {name: value for name, value in reduced.items() if name not in declared.exact_only}
        place = tuple(str(data.get(name)) for name in declared.place)
        report = tuple(str(data.get(name)) for name in declared.report)

        def noisy(number: int, cell: str) -> int:
            scale = self._rule.cell
            lasts = self._draw(("lasts", self._type, *place, cell), scale)
            return number + lasts + self._draw(("report", self._type, *place, *report, cell), scale)

        added: dict[str, int] = {}  # what each field adds to a sum
        if declared.rows in out:
            rows = self._rows(data, noisy)
            out[declared.rows] = [{declared.name: name, declared.number: number} for name, number in rows.items()]
            added[declared.rows] = sum(rows.values())
        for name in declared.numbers:
            if name in out:
                added[name] = self._rounded(noisy(data[name], name)) if isinstance(data.get(name), int) else 0
                _put(out, name, added[name])
        for name, parts in declared.sums.items():
            if name in out:
                _put(out, name, sum(added.get(part, 0) for part in parts))
        return out

    def _rows(self, data: Mapping[str, Any], noisy: Callable[[int, str], int]) -> dict[str, int]:
        """The rows that leave, each at least a cell."""
        declared, cell = self._declared, self._rule.cell
        counted: dict[str, int] = {}
        for name, number in declared.counted(data).items():
            listed = name if name in self._rule.words else declared.rest
            counted[listed] = counted.get(listed, 0) + number
        # The same noisy numbers whether the rows stand apart or not, so that two recipients learn no more together.
        blurred = {name: noisy(number, f"{declared.rows}/{name}") for name, number in counted.items()}
        rows: dict[str, int] = {}
        if self._apart:
            rows = {name: number for name, number in blurred.items() if number >= cell and name != declared.rest}
        rest = sum(number for name, number in blurred.items() if name not in rows)
        if not rows:
            rows[declared.whole] = rest
        elif rest >= cell:
            rows[declared.rest] = rest
        else:
            rows[max(rows, key=lambda name: rows[name])] += rest
        rounded = {name: self._rounded(number) for name, number in rows.items()}
        return {name: number for name, number in rounded.items() if number}

    def _rounded(self, number: int) -> int:
        """To the nearest multiple of the cell; 0 if that is below it."""
        cell = self._rule.cell
        return max(0, (number + cell // 2) // cell * cell)


class Undeclared:
    """The rule for one type that has fields of category aggregate and does not declare what they count."""

    def __init__(self, entry: Entry, rule: SumRule, draw: Draw) -> None:
        self._entry = entry
        self._rule = rule
        self._draw = draw

    def is_late(self, stored: Stored) -> bool:
        """False: nothing tells which reports come because something has changed."""
        return False

    def blur(self, stored: Stored, reduced: dict[str, Any]) -> dict[str, Any]:
        """The data that leaves. The draws depend on the data, since nothing tells what makes a report another one."""
        data = orjson.dumps(stored.parsed["data"], option=orjson.OPT_SORT_KEYS).decode()
        blurred: dict[str, Any] = self._walk(reduced, self._entry.fields, "", data)
        return blurred

    def _walk(self, value: Any, fields: Mapping[str, Field], path: str, data: str) -> Any:
        out: dict[str, Any] = {}
        for name, each in value.items():
            known, here = fields.get(name), f"{path}.{name}"
            if known is None:
                out[name] = each
            elif Category.AGGREGATE in known.categories:
                out[name] = self._blurred(each, here, data)
            elif known.inside is not None and isinstance(each, list):
                out[name] = [
                    self._walk(item, known.inside, f"{here}[{index}]", data) if isinstance(item, dict) else item
                    for index, item in enumerate(each)
                ]
            elif known.inside is not None and isinstance(each, dict):
                out[name] = self._walk(each, known.inside, here, data)
            else:
                out[name] = each
        return out

    def _blurred(self, value: Any, path: str, data: str) -> Any:
        """The value with each number in it blurred."""
        if isinstance(value, dict):
            return {name: self._blurred(each, f"{path}.{name}", data) for name, each in value.items()}
        if isinstance(value, list):
            return [self._blurred(each, f"{path}[{index}]", data) for index, each in enumerate(value)]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        cell = self._rule.cell
        noise = self._draw(("undeclared", self._entry.type, path, data), cell)
        return max(0, math.floor((value + noise) / cell + 0.5) * cell)


def _put(out: dict[str, Any], name: str, number: int) -> None:
    """A number below the cell is left out."""
    if number:
        out[name] = number
    else:
        del out[name]
