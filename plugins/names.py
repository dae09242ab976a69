"""Names that people read in a terminal or on a page: what they may hold, and which of them look the same."""

import unicodedata
from typing import Final

from plugins.rules import rule

# Control characters, marks of direction and other invisible format characters, halves of characters, characters
# without a meaning of their own, and breaks of line and paragraph.
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing (Unicode: Default_Ignorable_Code_Point), and the empty Braille cell.
_UNSEEN: Final = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)
# Letters of other alphabets that look like a Latin one, in the case in which they do, and dashes of other categories
# than Pd. (The commonest of Unicode's confusables.txt, UTS 39.)
_LOOKALIKES: Final = str.maketrans(
    "АаВвЕеЅѕІіЈјКкМмНнОоРрСсТтУуХхҮүһԁԛԜԝӀΑαΒβΕεΖΗηΙιΚκΜΝνΟοΡρϲΤτΥυΧχϳıɑɡ−⁃˗─━ー",
    "AaBbEeSsIiJjKkMmHhOoPpCcTtYyXxYyhdqWwIAaBbEeZHnIiKkMNvOoPpcTtYuXxjiag------",
)
# Alphabets with letters that look alike: the first word of such a letter's Unicode name.
_ALPHABETS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU"})


def is_plain(name: str) -> bool:
    """Whether the name has something to see, and nothing that could rewrite the line where it is shown."""
    return bool(looks_of(name)) and not any(unicodedata.category(character) in _UNPRINTABLE for character in name)


def looks_of(name: str) -> str:
    """The same for names that a person would take for one: other case, Unicode form, blanks, dashes or alphabet."""
    apart = "".join(
        "-" if unicodedata.category(character) == "Pd" else character
        for character in unicodedata.normalize("NFKD", name)
    )
    composed = unicodedata.normalize("NFKC", apart.translate(_LOOKALIKES).casefold())
    return " ".join("".join(character for character in composed if ord(character) not in _UNSEEN).split())


def mixes_alphabets(name: str) -> bool:
    """Whether the name has letters of several alphabets that look alike, such as Latin ones and a Cyrillic a."""
    letters = (unicodedata.name(each, "").split(" ")[0] for each in unicodedata.normalize("NFKC", name))
    return len(_ALPHABETS.intersection(letters)) > 1


def plain_name(value: str) -> str:
    """Validates a name in a connector's configuration, for pydantic fields (`AfterValidator`)."""
    if not is_plain(value):
        raise rule(
            "plain_name",
            "must have visible characters only, and at least one",
            "ska ha bara synliga tecken, och minst ett",
        )
    return value
