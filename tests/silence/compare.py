"""What an observer got, with names for what differs at random between any two runs.

- Ids that the hub makes (UUIDs of version 4, deliveries, lanes, dead letters) are named in the order in which the
  observer met them.
- Sealed tokens (cursors, page tokens) count by their length.
"""

import re
from typing import Final
from urllib.parse import unquote

_RANDOM: Final = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b|\bmsg_[0-9A-Za-z_-]+|\b[a-z]+-[0-9a-f]{8}\b"
    r"|\b[0-9a-f]{14}-[0-9a-f]{10}\b"
)
_SEALED: Final = (
    re.compile(r"(after=)([^&>]*)"),
    re.compile(r'("pageToken":")([^"]*)'),
    re.compile(r"(?m)^(id: )(.*)$"),
    re.compile(r"(webhook-signature: )([^\r\n]*)"),
)


class Names:
    """One observer's names, in the order in which it met what they stand for."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, text: str) -> str:
        for each in _SEALED:
            text = each.sub(lambda found: f"{found[1]}<{len(unquote(found[2]))}>", text)
        return _RANDOM.sub(lambda found: self._names.setdefault(found[0], f"<new {len(self._names) + 1}>"), text)
