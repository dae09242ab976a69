"""HTML from values: whatever is not made by `tag` is escaped."""

import re
from html import escape
from typing import Final


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


_EMPTY: Final = frozenset({"meta", "link"})
_CODE: Final = re.compile(r"`([^`]+)`")


def tag(name: str, *inside: str, **attributes: str) -> Html:
    """An element. An attribute's name is written with `_` after it or for a hyphen (`class_`, `aria_label`)."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{given}>" if name in _EMPTY else f"<{name}{given}>{joined(*inside)}</{name}>")


def joined(*parts: str) -> Html:
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def prose(text: str) -> Html:
    """A sentence in which back-ticks mark code."""
    parts = _CODE.split(text)
    return joined(*(tag("code", part) if number % 2 else part for number, part in enumerate(parts)))


def table(caption: str, heads: list[str], rows: list[list[str]]) -> Html:
    """A table in a region of its own, since it may be wider than a screen. The first cell heads its row."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = (tag("tr", tag("th", row[0], scope="row"), *(tag("td", each) for each in row[1:])) for row in rows)
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="wide", role="region", aria_label=caption, tabindex="0")


def code(text: str, label: str, language: str) -> Html:
    inside = tag("code", text, class_=f"language-{language}")
    return tag("pre", inside, role="region", aria_label=label, tabindex="0")
