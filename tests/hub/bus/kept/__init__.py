"""Files of the log, one of each format that a release has written, and what each of them holds.

`python -m tests.hub.bus.kept` writes the file of today's format beside the others. Do it before the format is changed,
and never again: a kept file is what that version wrote.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schemas import Described, Event
from tests.contracts.log_events import CATALOGUE, SOURCE

FOLDER: Final = Path(__file__).parent
OTHER: Final = "urn:example:other"
THIRD: Final = "urn:example:third"
MATTER: Final = "6b0c6c43-9d43-4b7c-8f04-2d5a5c9c1f10"
PERSON: Final = "2f0a1f57-60f5-4a4e-9a8c-5a1b9d3e7c21"


def _event(id: str, type_: str, data: dict[str, Any], source: str) -> Described:
    attributes = {"specversion": "1.0", "id": id, "source": source, "type": type_}
    return CATALOGUE.describe(Event(attributes, data))


def matter(id: str, name: str, source: str = SOURCE, **more: Any) -> Described:
    return _event(id, "se.example.matter.opened.v1", {"id": name, "people": [PERSON], **more}, source)


def folded() -> Sequence[Described]:
    """The events of the file's first life, which its index tables cover."""
    person = {"id": PERSON, "givenName": "Prov", "familyName": "Person", "securityMarking": "Ingen"}
    return [
        matter("e1", MATTER, note="first"),
        matter("e2", "by text"),
        _event("e3", "se.example.booking.made.v1", {"id": "b", "people": []}, OTHER),
        _event("e4", "se.example.sensor.reading.v1", {"sensor": "a", "value": 1}, OTHER),
        _event("e5", "se.skolnav.directory.person.upserted.v1", person, SOURCE),
    ]


def corrected() -> Described:
    """A source changes what another source made, as the configuration allows."""
    return matter("e6", MATTER, THIRD, note="corrected")


def unfolded() -> Sequence[Described]:
    """The events of the second life, which the index tables do not cover yet."""
    return [_event("e7", "se.example.sensor.reading.v1", {"sensor": "a", "value": 2}, OTHER), matter("e8", "late")]


def unpack(kept: Path, target: Path) -> None:
    target.write_bytes(gzip.decompress(kept.read_bytes()))
