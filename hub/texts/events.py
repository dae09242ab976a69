"""Accepted events, dead letters, and why a recipient got an event or did not."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

DEAD_LETTERS: Final[Mapping[str, Text]] = {
    "dead-letters.none": Text("Inget är olevererbart.", "There are no dead letters."),
    "dead-letters.resent": Text("{id}: försöks igen ({lane}).", "{id}: tried again ({lane})."),
    "dead-letters.unknown": Text("Det finns ingen sådan post: {id}.", "There is no such letter: {id}."),
    "dead-letters.which": Text(
        "Skriv postens id, eller --all --subscription NAMN.", "Write the letter's id, or --all --subscription NAME."
    ),
}

EVENTS: Final[Mapping[str, Text]] = {
    "events.none": Text("Inga händelser.", "No events."),
}

WHY: Final[Mapping[str, Text]] = {
    "why.asks-not": Text(
        "Prenumerationen {name} ber inte om den här typen.", "Subscription {name} does not ask for this type."
    ),
    "why.state": Text("Prenumerationen {name}: {status}.", "Subscription {name}: {status}."),
    "why.unknown": Text(
        "Ingen händelse med det id:t finns kvar, eller ingen mottagare heter så.",
        "No event of that id is kept, or no recipient is called that.",
    ),
}
