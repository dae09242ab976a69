"""Which slip of the pen made a file unreadable as YAML, from the parser's error and the lines around it.

The answer is a text of `hub.texts` that says what to write, and the line to write it on. It never quotes the file.
"""

import re
from typing import Final

import yaml

Slip = tuple[str, int | None, dict[str, object]]
"""Key of a text, line (from 1) and the text's values."""

_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # where PyYAML counts a new line
_DASH: Final = re.compile(r"\s*-[^\s\d.-]")
_KEY_ALONE: Final = re.compile(r"\s*(?:- +)*[\w.-]+(?::\S.*)?\s*\Z")
_TWO_COLONS: Final = re.compile(r"\s*(?:- +)*[^\s:#]+:\s+[^\s#'\"].*\Z")
_ODD_SPACE: Final = re.compile(r"[ \t]*[\xa0\u2000-\u200b\u202f\u3000\ufeff]")  # what web pages and chats indent with
_CURLY: Final = re.compile(r"[“”„«»‘’‚].*[“”„«»‘’]\Z", re.DOTALL)
_TAB: Final = re.compile(r"'\\t'")
_SIGN: Final = re.compile(r"found character '(.)'")
# What the parser was reading when it failed -> the sign that a value in quotes may begin with, and no other.
_SIGNS: Final = {"an alias": "*", "an anchor": "&", "a tag": "!", "a directive": "%"}


def slip(error: yaml.YAMLError, text: str) -> Slip:
    """What to write instead, and where."""
    if isinstance(error, yaml.reader.ReaderError):
        return "config.yaml-character", len(_BREAK.split(text[: error.position])), {}
    problem, context = str(getattr(error, "problem", "") or ""), str(getattr(error, "context", "") or "")
    mark, began = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return "config.yaml", None, {}
    lines = _BREAK.split(text)
    here, start = mark.line, began.line if began is not None else mark.line
    if _TAB.search(problem):
        return "config.yaml-tab", here + 1, {}
    for line in (here, _above(lines, here), start):
        if _ODD_SPACE.match(lines[line]):
            return "config.yaml-space", line + 1, {}
    if "quoted scalar" in context:
        escape = "double" in context
        return ("config.yaml-backslash", here + 1, {}) if escape else ("config.yaml-quote", start + 1, {})
    if (sign := _sign(problem, context)) is not None:
        return "config.yaml-sign", here + 1, {"sign": sign}
    if "found '<scalar>'" in problem:
        return "config.yaml-quote", _odd_quote(lines, here) + 1, {}
    if "flow" in context:
        odd = lines[start].count('"') % 2 or lines[start].count("'") % 2
        return "config.yaml-quote" if odd else "config.yaml-bracket", start + 1, {}
    return _of_block(problem, lines, here, start, mark.column)


def dash_without_space(line: str) -> bool:
    """`-publisher` where `- publisher` was meant. A negative number and `---` are no slip."""
    return _DASH.match(line) is not None


def is_curly(value: str) -> bool:
    """A value in the quotes of a word processor, which are letters to YAML."""
    return _CURLY.match(value) is not None


def _of_block(problem: str, lines: list[str], here: int, start: int, column: int) -> Slip:
    """Keys and list items that do not fit together."""
    above = _above(lines, here)
    if "could not find expected ':'" in problem:  # the key began at `start`
        return "config.yaml-dash" if dash_without_space(lines[start]) else "config.yaml-key", start + 1, {}
    for line in (here, above):
        if dash_without_space(lines[line]):
            return "config.yaml-dash", line + 1, {}
    if "mapping values are not allowed" in problem:
        if _TWO_COLONS.match(lines[here][:column]):
            return "config.yaml-colon", here + 1, {}
        if above != here and _KEY_ALONE.match(lines[above]):
            return "config.yaml-key", above + 1, {}
        return "config.yaml-indent", here + 1, {}
    if "expected <block end>" in problem or "expected '<document start>'" in problem:
        return "config.yaml-indent", here + 1, {}
    return "config.yaml", here + 1, {}


def _sign(problem: str, context: str) -> str | None:
    """The sign that YAML gives a meaning of its own, where it begins a value that is not in quotes."""
    if found := _SIGN.search(problem):
        return found[1]
    if "undefined alias" in problem:
        return "*"
    if "constructor for the tag" in problem:
        return "!"
    return next((sign for what, sign in _SIGNS.items() if context.endswith(what)), None)


def _above(lines: list[str], here: int) -> int:
    """The nearest line above that is neither empty nor a comment; `here` if there is none."""
    return next((at for at in range(here - 1, -1, -1) if lines[at].strip() and lines[at].lstrip()[0] != "#"), here)


def _odd_quote(lines: list[str], here: int) -> int:
    """The line whose quotes do not come in pairs, at `here` or above it; `here` if there is none."""
    return next((at for at in range(here, -1, -1) if lines[at].count('"') % 2 or lines[at].count("'") % 2), here)
