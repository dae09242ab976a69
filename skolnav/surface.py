"""What a vendor may rely on: every public name with its signature, one line each, in `surface.txt` beside this file.

`python -m skolnav.surface` writes the file anew. It refuses if a vendor's package could break by what has changed,
unless the SDK has a new major version (`plugins.sdk.MAJOR`).
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import Enum
from pathlib import Path
from types import ModuleType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from plugins.sdk import MAJOR, MINOR

FILE: Final = Path(__file__).with_name("surface.txt")
MODULES: Final = (
    "skolnav.sdk",
    "skolnav.events",
    "skolnav.rest",
    "skolnav.wires",
    "skolnav.wires.folder",
    "skolnav.wires.https",
    "skolnav.wires.settings",
    "skolnav.wires.sftp",
    "skolnav.wires.smtp",
    "skolnav.wires.words",
    "skolnav.testing",
    "skolnav.testing.rest",
    "skolnav.testing.suites",
)
_ROOMS: Final = ("plugins.", "schemas.")
_HEAD: Final = "# The public names of Skolnav's SDK {}.{}. Written by: python -m skolnav.surface"


def current() -> list[str]:
    """A line for each public name and its members: the name, a space, and what it is."""
    offered = [(f"{module.__name__}.{name}", getattr(module, name)) for module in _modules() for name in module.__all__]
    public = {value for _, value in offered if isinstance(value, type)}
    return sorted({line for name, value in offered for line in _name(name, value, public)})


def recorded(text: str) -> tuple[int, list[str]]:
    """The major version and the lines of a surface file."""
    head, *lines = text.splitlines()
    found = re.search(r"SDK (\d+)\.", head)
    if found is None:
        raise ValueError("a surface file begins with the version of the SDK")
    return int(found[1]), lines


def as_text(lines: Iterable[str]) -> str:
    return "\n".join([_HEAD.format(MAJOR, MINOR), *lines, ""])


def incompatible(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """What of a change could break a package that was written for the old surface, a sentence each."""
    before, after = _by_name(old), _by_name(new)
    found = [f"{name} is gone" for name in before if name not in after]
    found += [
        f"{name} was `{what}` and is `{after[name]}`"
        for name, what in before.items()
        if name in after and not _still(what, after[name])
    ]
    for name in after.keys() - before.keys():
        owner = before.get(name.rpartition(".")[0], "")
        if owner and after[name].endswith(", required"):
            found.append(f"{name} is new and required")
        elif name.startswith("skolnav.testing.suites.") and "Protocol" in owner:
            found.append(f"{name} is new, and vendors' peers do not have it")
    return sorted(found)


# -- what a name is ------------------------------------------------------------------------------------------------


def _modules() -> list[ModuleType]:
    return [importlib.import_module(name) for name in MODULES]


def _name(name: str, value: Any, public: Set[type]) -> Iterator[str]:
    if isinstance(value, type) and get_origin(value) is None:
        yield f"{name} class({', '.join(base.__name__ for base in value.__bases__ if base is not object)})"
        yield from _members(name, value, public - {value})
    elif inspect.isroutine(value):
        yield f"{name} {_callable(value)}"
    else:
        yield f"{name} value {_shown(value) if get_origin(value) else type(value).__name__}"


def _members(name: str, cls: type[Any], listed: Set[type]) -> Iterator[str]:
    if issubclass(cls, Enum):
        yield from (f"{name}.{member.name} member {member.value!r}" for member in cls)
        return
    fields: Mapping[str, Any] = cls.model_fields if issubclass(cls, BaseModel) else {}
    for field, info in fields.items():
        yield f"{name}.{field} field {_shown(info.annotation)}, {'required' if info.is_required() else 'optional'}"
    ours = [each for each in cls.__mro__ if each.__module__.startswith(_ROOMS) and each not in listed]
    seen = set(fields)
    for owner in ours:
        annotations = inspect.get_annotations(owner)
        for member in (*vars(owner), *annotations):
            if member in seen or _is_private(member):
                continue
            seen.add(member)
            if (what := _member(vars(owner).get(member, inspect.Parameter.empty), annotations.get(member))) is not None:
                yield f"{name}.{member} {what}"


def _is_private(member: str) -> bool:
    return (member.startswith("_") and member != "__init__") or member.startswith(("test_", "pytest_"))


def _member(value: Any, annotation: Any) -> str | None:
    if isinstance(value, staticmethod | classmethod):
        return f"{type(value).__name__} {_callable(value.__func__)}"
    if isinstance(value, property):
        return f"property -> {_shown(inspect.signature(value.fget).return_annotation)}" if value.fget else None
    if inspect.isfunction(value):
        return None if value.__module__ == "typing" else _callable(value)  # a Protocol's own __init__
    if isinstance(value, Enum):
        value = value.value
    if "fixture" in type(value).__name__.lower():
        return "fixture"
    if annotation is not None:
        given = "" if value is inspect.Parameter.empty or not _plain(value) else f" = {value!r}"
        return f"attribute {_shown(annotation)}{given}"
    if inspect.isdatadescriptor(value):
        return None  # a slot
    return f"attribute = {value!r}" if _plain(value) else None


def _callable(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        each.replace(
            annotation=each.empty,
            default=each.default if each.default is each.empty or _plain(each.default) else ...,
        )
        for each in signature.parameters.values()
    ]
    types = [f"{each.name}: {_shown(each.annotation)}" for each in signature.parameters.values()
             if each.annotation is not each.empty]  # fmt: skip
    returned = "" if signature.return_annotation is signature.empty else f" -> {_shown(signature.return_annotation)}"
    kind = "async def" if inspect.iscoroutinefunction(function) else "def"
    shape = str(signature.replace(parameters=parameters, return_annotation=signature.empty)).replace(
        "=Ellipsis", "=..."
    )
    return f"{kind} {shape}{returned}{' with ' if types else ''}{', '.join(types)}"


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str) or value in ((), frozenset())


def _shown(annotation: Any) -> str:
    """A type as its reader writes it, without modules, validators and other annotations."""
    if isinstance(annotation, list | tuple):
        return f"[{', '.join(map(_shown, annotation))}]"
    if isinstance(annotation, str):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shown(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(_shown, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is not None:
        return f"{_shown(origin)}[{', '.join(map(_shown, arguments))}]" if arguments else _shown(origin)
    if annotation is Ellipsis:
        return "..."
    return "None" if annotation is type(None) else str(getattr(annotation, "__name__", annotation))


# -- whether it still is -------------------------------------------------------------------------------------------


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    return {name: what for name, _, what in (line.partition(" ") for line in lines)}


def _still(before: str, after: str) -> bool:
    """Whether calls that fitted `before` fit `after`: parameters may have been added that have defaults."""
    if before == after:
        return True
    if " def " not in f" {before}" or " def " not in f" {after}":
        return False
    (old, old_types, old_rest), (new, new_types, new_rest) = _taken_apart(before), _taken_apart(after)
    if old_rest != new_rest or old_types.items() - new_types.items():
        return False
    positional, named = [*old.posonlyargs, *old.args], {each.arg for each in old.kwonlyargs}
    now, now_named = [*new.posonlyargs, *new.args], {each.arg: default for each, default in zip(
        new.kwonlyargs, new.kw_defaults, strict=True)}  # fmt: skip
    if [each.arg for each in now[: len(positional)]] != [each.arg for each in positional] or named - now_named.keys():
        return False
    needed = len(now) - len(new.defaults)
    if needed > len(positional) - len(old.defaults) or any(
        default is None and name not in named for name, default in now_named.items()
    ):
        return False
    # A default that a caller may count on stays what it was.
    defaults = [ast.unparse(each) for each in new.defaults][: len(positional) - needed]
    return defaults == [ast.unparse(each) for each in old.defaults] and (old.kwarg is None or new.kwarg is not None)


def _taken_apart(what: str) -> tuple[ast.arguments, dict[str, str], str]:
    head, _, types = what.partition(" with ")
    kind, _, rest = head.partition("(")
    shape, arrow, returned = rest.rpartition(" -> ") if " -> " in rest else (rest, "", "")
    function = ast.parse(f"def f({shape}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    named = dict(re.findall(r"(?:^|, )(\w+): (.*?)(?=, \w+: |$)", types))
    return function.args, named, f"{kind}{arrow}{returned}"


def main() -> int:
    new = current()
    major, old = recorded(FILE.read_text("utf-8")) if FILE.exists() else (MAJOR, [])
    if major == MAJOR and (broken := incompatible(old, new)):
        sys.stderr.write(
            "\n".join([*broken, "Vendors' packages could break: raise plugins.sdk.MAJOR, or undo it.", ""])
        )
        return 1
    FILE.write_text(as_text(new), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
