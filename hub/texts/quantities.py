"""Numbers, sizes and lengths of time as people read them."""

from typing import Final

from hub.texts.text import Language

_UNITS: Final = ((86_400, {"sv": "dygn", "en": "d"}), (3_600, {"sv": "h", "en": "h"}), (60, {"sv": "min", "en": "min"}))


def decimal(value: float, language: Language, digits: int = 1) -> str:
    """With a decimal comma in Swedish: `3,4`."""
    found = f"{value:.{digits}f}"
    return found.replace(".", ",") if language == "sv" else found


def lasted(seconds: float, language: Language) -> str:
    """A length of time in its two largest units: `2 h 5 min`, `3 dygn`, `4,2 s`. Whole seconds from one minute on."""
    if seconds < 60:
        return f"{decimal(seconds, language)} s" if seconds != int(seconds) else f"{int(seconds)} s"
    left, parts = round(seconds), list[str]()
    for length, names in _UNITS:
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {names[language]}" if count else "")
    parts.append(f"{left} s" if left else "")
    return " ".join(filter(None, parts[:2]))


def size(count: int, language: Language) -> str:
    """A number of bytes: `1,5 GiB`."""
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= bytes_:
            return f"{decimal(count / bytes_, language)} {unit}"
    return f"{count >> 10} KiB"
