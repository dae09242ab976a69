"""The frame of the command line: its help pages, and what is wrong with what was typed."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

PAGE: Final[Mapping[str, Text]] = {
    "page.argument": Text("argumentet", "the argument"),
    "page.arguments": Text("Argument", "Arguments"),
    "page.command-args": Text("KOMMANDO [ARGUMENT]...", "COMMAND [ARGS]..."),
    "page.commands": Text("Kommandon", "Commands"),
    "page.default": Text("förval: {value}", "default: {value}"),
    "page.help": Text("Visa den här hjälpen.", "Show this help."),
    "page.number": Text("<tal>", "<number>"),
    "page.option": Text("flaggan", "the option"),
    "page.options": Text("Flaggor", "Options"),
    "page.options-args": Text("[FLAGGOR]", "[OPTIONS]"),
    "page.path": Text("<sökväg>", "<path>"),
    "page.required": Text("måste anges", "required"),
    "page.text": Text("<text>", "<text>"),
    "page.usage": Text("Användning: ", "Usage: "),
    "page.whole-number": Text("<heltal>", "<integer>"),
}

SYNTAX: Final[Mapping[str, Text]] = {
    "syntax.choice": Text("{name} ska vara något av: {choices}.", "{name} must be one of: {choices}."),
    "syntax.error": Text("Fel: {says}", "Error: {says}"),
    "syntax.extra": Text("Det finns ord för mycket på raden: {words}.", "There are too many words: {words}."),
    "syntax.help": Text("Hjälp visas med: {command}", "For help: {command}"),
    "syntax.missing": Text("{what} {name} saknas.", "{what} {name} is missing."),
    "syntax.no-command": Text("Kommando saknas.", "A command is missing."),
    "syntax.no-value": Text("Flaggan {name} kräver ett värde.", "The option {name} needs a value."),
    "syntax.number": Text("{name} ska vara ett tal ({range}).", "{name} must be a number ({range})."),
    "syntax.other": Text("Raden är inte rätt skriven.", "This is not written right."),
    "syntax.unknown-command": Text("Det finns inget kommando {name}.{hint}", "There is no command {name}.{hint}"),
    "syntax.unknown-option": Text("Det finns ingen flagga {name}.{hint}", "There is no option {name}.{hint}"),
    "syntax.value": Text("Flaggan {name} tar inget värde.", "The option {name} takes no value."),
    "syntax.whole-number": Text("{name} ska vara ett heltal ({range}).", "{name} must be an integer ({range})."),
    "syntax.wrong": Text("{name} har ett värde som inte är giltigt.", "{name} has a value that is not valid."),
}

# The words that stand for a value in a help page.
WORD: Final[Mapping[str, Text]] = {
    "word.about": Text("[VAD]", "[ABOUT]"),
    "word.event": Text("HÄNDELSE", "EVENT"),
    "word.file": Text("FIL", "FILE"),
    "word.folder": Text("MAPP", "FOLDER"),
    "word.id": Text("[ID]...", "[ID]..."),
    "word.name": Text("NAMN", "NAME"),
    "word.person": Text("PERSON", "PERSON"),
    "word.recipient": Text("MOTTAGARE", "RECIPIENT"),
    "word.type": Text("TYP", "TYPE"),
    "word.word": Text("ORD", "WORD"),
}
