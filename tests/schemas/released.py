"""What a release of the catalogue promised, kept in `last/`, and what of a later catalogue would break it.

`python -m tests.schemas.released > tests/schemas/last/catalogue-<version>.txt` writes the present catalogue.
"""

from collections.abc import Iterable
from pathlib import Path

from schemas import core_catalogue
from schemas.outline import lines

LAST = sorted((Path(__file__).parent / "last").glob("catalogue-*.txt"))


def current() -> list[str]:
    return [line for entry in core_catalogue() for line in lines(entry)]


def breaking(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """What could break a publisher or a recipient, a sentence each. New types and new optional fields could not."""
    before, after = _by_field(old), _by_field(new)
    types = {type_ for type_, _ in before}
    present = {type_ for type_, _ in after}
    found = [f"{type_} is gone" for type_ in types - present]
    for (type_, field), what in before.items():
        if type_ not in present:
            continue
        if (type_, field) not in after:
            found.append(f"{type_}: {field} is gone")
        elif after[type_, field] != what:
            found.append(f"{type_}: {field} was `{what}` and is `{after[type_, field]}`")
    found += [
        f"{type_}: {field} is new and required"
        for (type_, field), what in after.items()
        if type_ in types and (type_, field) not in before and ", required, " in what and _is_new(field, type_, before)
    ]
    return sorted(found)


def _is_new(field: str, type_: str, before: dict[tuple[str, str], str]) -> bool:
    """Whether the object around the field was there before: inside a new optional object a field may be required."""
    around = field.rpartition(".")[0]
    return not around or (type_, around) in before


def _by_field(found: Iterable[str]) -> dict[tuple[str, str], str]:
    split = (line.split(" ", 2) for line in found)
    return {(type_, field): what for type_, field, what in split}


if __name__ == "__main__":
    print("\n".join(current()))
