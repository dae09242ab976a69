"""The parts of a state: what the writer compares with the state before it, and which parts a recipient can see.

A part is a path in the data together with the persons (and duties) whom a recipient must be allowed to see to see it:
each member of a class is a part of its own. `enrolments.schoolYear` is one; `groupMemberships.startDate|p<uuid>` is one
that shows only with that person. So an event has news for a recipient exactly if one of the parts in which it differs
is visible, before or after. An order among persons is no part: the place of a hidden person must not show.

The parts follow the plan by which an event is reduced (`hub.privacy.reduce`), with all categories.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from hub.bus.base import Place
from hub.bus.news import RETURNED, Belongings
from hub.clock import from_us
from hub.directory.records import Mark, read_mark, read_person
from hub.privacy.reduce import CHANGED, THERE, Node, Op, Plan, Ref
from schemas import Catalogue, Category
from schemas.school_time import SCHOOL_ZONE

PERSON: Final = "se.skolnav.directory.person.upserted.v1"
_NOWHERE: Final = Place(0)
_MARKED: Final = "m"  # a reference with a protection marking of its own
_PERSON: Final = "p"
_DUTY: Final = "d"
_KINDS: Final = {Ref.PERSON: _PERSON, Ref.DUTY: _DUTY}

_Guards = tuple[str, ...]
_Put = Callable[[str, _Guards, Any], None]


class Parts:
    """Implements `hub.bus.news.Compare` for the types of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plans: dict[str, Plan] = {}

    def differing(self, type_: str, before: Any, after: Any) -> Iterable[str]:
        plan = self._plan(type_)
        old, new = _parts(plan, before), _parts(plan, after)
        found = [part for part in {**old, **new} if old.get(part) != new.get(part)]
        if plan.nodes.ref is Ref.ABOUT and _returns(before, after):
            found.append(RETURNED)
        return found

    def came_from(self, type_: str, before: Any, after: Any, at_us: int) -> Belongings | None:
        if type_ != PERSON:
            return None
        on = from_us(at_us).astimezone(SCHOOL_ZONE).date().isoformat()
        old, new = (
            {
                (each.organisation, each.school_type)
                for each in read_person("", _NOWHERE, data).enrolments
                if each.active(on)
            }
            for data in (before, after)
        )
        return None if new <= old else sorted(old, key=str)

    def naming(self, type_: str, data: Any, persons: frozenset[str]) -> Iterable[str]:
        if not persons:
            return ()
        return [part for part in _parts(self._plan(type_), data) if persons.intersection(_names(part))]

    def _plan(self, type_: str) -> Plan:
        plan = self._plans.get(type_)
        if plan is None:
            plan = self._plans[type_] = Plan(self._catalogue.entry(type_), frozenset(Category))
        return plan


def sees(part: str, paths: frozenset[str], may_see: Callable[[str, Ref], bool], *, marked: bool) -> bool:
    """Whether a recipient sees a part. `paths`: those that its plan lets through (`Plan.paths`). `marked`: whether it
    sees what a reference's own marking protects.
    """
    path, _, guards = part.partition("|")
    if path not in paths:
        return False
    for guard in guards.split(",") if guards else ():
        if guard == _MARKED:
            if not marked:
                return False
            continue
        name, _, at = guard[1:].partition("@")
        if at and at not in paths:
            continue  # the plan has no field that names this person, so it hides nothing for their sake
        if not may_see(name, Ref.PERSON if guard[0] == _PERSON else Ref.DUTY):
            return False
    return True


def _names(part: str) -> Iterator[str]:
    for guard in part.partition("|")[2].split(","):
        if guard:
            yield guard[1:].partition("@")[0]


def _returns(before: Any, after: Any) -> bool:
    return read_mark(before) is not Mark.NONE and read_mark(after) is Mark.NONE


def _parts(plan: Plan, data: Any) -> dict[str, list[Any]]:
    """The values of each part, in order."""
    found: dict[str, list[Any]] = {}

    def put(path: str, guards: _Guards, value: Any) -> None:
        found.setdefault(f"{path}|{','.join(guards)}" if guards else path, []).append(value)

    if isinstance(data, dict):
        _object(plan.nodes, data, "", (), put)
    return found


def _object(node: Node, value: dict[str, Any], prefix: str, guards: _Guards, put: _Put) -> None:
    for name, step in node.steps.items():
        if name not in value or (not prefix and name == CHANGED):
            continue
        item, path = value[name], prefix + name
        if item is None or isinstance(item, list | dict):
            put(path + THERE, guards, item is None)
        if step.op in (Op.ID, Op.IDS):
            for id_ in _ids(item):
                own = (f"{_KINDS[step.ref]}{id_.lower()}",) if step.judged else ()
                put(path, _with(guards, own), id_)
        elif step.op is Op.OBJECT and isinstance(item, dict):
            assert step.node is not None
            inside = _with(guards, _guards(step.node, item, path))
            put(path, inside, True)
            _object(step.node, item, f"{path}.", inside, put)
        elif step.op is Op.LIST and isinstance(item, list):
            assert step.node is not None
            for each in item:
                if isinstance(each, dict):
                    inside = _with(guards, _guards(step.node, each, path))
                    put(path, inside, True)
                    _object(step.node, each, f"{path}.", inside, put)
        elif step.op is Op.COPY and item is not None:
            put(path, guards, item)


def _with(guards: _Guards, more: Iterable[str]) -> _Guards:
    return tuple(dict.fromkeys((*guards, *more)))


def _guards(node: Node, value: dict[str, Any], path: str) -> Iterator[str]:
    """Whom an object names or is about: it is hidden with any of them."""
    if node.ref in _KINDS:
        yield from _ref(node.ref, value)
    for name, ref in node.selves:
        inner = value.get(name)
        if isinstance(inner, dict):
            if ref in _KINDS:
                yield from _ref(ref, inner)
        elif isinstance(inner, str):
            yield f"{_KINDS[ref]}{inner.lower()}@{path}.{name}"


def _ref(ref: Ref, value: dict[str, Any]) -> Iterator[str]:
    id_ = value.get("id")
    yield f"{_KINDS[ref]}{id_.lower() if isinstance(id_, str) else ''}"
    if ref is Ref.PERSON and value.get("securityMarking") and read_mark(value) is not Mark.NONE:
        yield _MARKED


def _ids(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, list):
        for each in item:
            yield from _ids(each)
