"""Words from outside, made safe to show on a terminal or in a log: nothing in them may move, hide or rewrite a line."""

import json
import unicodedata
from typing import Final

# Control characters, marks of direction and other invisible format characters, lone surrogates, private and
# unassigned characters, breaks of line and paragraph.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, but: str = "") -> str:
    r"""The text with each unsafe character as its escape (`\x1b`, `\u202e`), except those in `but`."""
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode("ascii") if each not in but and _is_unsafe(each) else each for each in text
    )


def visible_json(text: str) -> str:
    """A JSON document with each unsafe character inside its strings escaped as JSON does: the same document."""
    return "".join(json.dumps(each)[1:-1] if each != "\n" and _is_unsafe(each) else each for each in text)


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE
