"""What is left of an event for one contract: a plan per type and set of categories, made once and used for each event.

Only fields that the catalogue lists get through; `securityMarking` is not listed, so it reaches no recipient. A person
who must stay hidden is removed as if never listed: an id, a reference, or the item of a list that is about the person.
An optional list that comes out empty is left out, and so is an optional reference that is null, also if the source sent
it so: otherwise `[]` would reveal that a person was removed.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

import orjson

from hub.directory.records import Mark, read_mark
from schemas import Category, Entry
from schemas.catalogue import CORE_ATTRIBUTES, Field
from schemas.event import HUB_ATTRIBUTES

CHANGED: Final = "changed"
THERE: Final = "#"
"""After a path: whether there is a value there, or null."""

# The object around a reference of this name is about that person, also where the reference is optional.
_SELVES: Final = frozenset({"person", "duty"})
_DUTIES: Final = frozenset({"duty", "duties"})  # fields of these names hold ids of duties, or references to them
_ATTRIBUTES: Final = CORE_ATTRIBUTES | HUB_ATTRIBUTES
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


class Ref(IntEnum):
    """What an id stands for."""

    OTHER = 0  # neither a person nor a duty
    ABOUT = 1  # a person that the whole event is about: the gate has decided on that person already
    PERSON = 2  # a person who is mentioned
    DUTY = 3  # a member of staff, by duty


class Op(IntEnum):
    COPY = 1  # a plain value, or a list or free-form object, which is copied: the stored event is never shared
    ID = 2  # the id of a person, as it is or as a pseudonym, or of a duty
    IDS = 3  # a list of ids, or of such lists
    OBJECT = 4
    LIST = 5  # of objects


class Step:
    __slots__ = ("judged", "matters", "node", "op", "own_order", "pseudonym", "ref", "tidy")

    def __init__(
        self,
        op: Op,
        *,
        matters: bool = False,
        node: "Node | None" = None,
        tidy: bool = False,
        pseudonym: bool = False,
        ref: Ref = Ref.ABOUT,
        own_order: bool = False,
    ) -> None:
        self.op = op
        # The list comes in the order of what the recipient sees. A source's order (by family name) beside a list of
        # names would tell whose pseudonyms these are.
        self.own_order = own_order
        self.matters = matters  # the field tells more than who a person is, or concerns no person
        self.node = node
        self.tidy = tidy  # the field is left out if it is empty
        self.pseudonym = pseudonym
        self.ref = ref  # what a single id, or each id of a list, stands for
        self.judged = ref is not Ref.ABOUT  # whether each id is kept is decided here


class Node:
    """An object's known fields that the contract allows; `ref` and `selves` name persons who may have to be hidden."""

    __slots__ = ("ref", "selves", "steps")

    def __init__(self, steps: dict[str, Step], ref: Ref, selves: tuple[tuple[str, Ref], ...]) -> None:
        self.steps = steps
        self.ref = ref
        self.selves = selves  # (field, what it refers to): the object is about that person


class Marked(Exception):
    """A reference to the person that the event is about carries a protection marking."""


class Walk:
    """One event on its way through a plan.

    `keep(id, ref)` decides whether a mentioned person stays; `pseudonym` gives the recipient's name for a person.
    """

    __slots__ = ("changed", "keep", "marks_about", "marks_mentioned", "matters", "pseudonym", "removed")

    def __init__(
        self,
        keep: Callable[[str, Ref], bool],
        pseudonym: Callable[[str], str],
        *,
        marks_about: bool = True,
        marks_mentioned: bool = True,
    ) -> None:
        self.keep = keep
        self.pseudonym = pseudonym
        # Whether a marking on a reference counts. It does not for a recipient that may get protected persons.
        self.marks_about = marks_about
        self.marks_mentioned = marks_mentioned
        self.removed = False  # the result is not what is stored
        self.matters = False  # something is left that tells more than who the persons are
        self.changed: bool | None = None  # whether something is left of the change; None: the event lists no change


class Plan:
    """How one type is reduced for one set of categories. `whole`: nothing that the catalogue lists is ever removed."""

    def __init__(self, entry: Entry, allowed: frozenset[Category]) -> None:
        spec = entry.spec
        self._about = frozenset(spec.about)
        self._mentions = frozenset(spec.mentions)
        self._allowed = allowed
        self.whole = True
        self.has_people = bool(self._about or self._mentions)
        self._root = self._object(entry.fields, "", self._ref_of(entry.fields, "", ""), root=True)
        named = Category.IDENTITY in allowed
        people = self._about | self._mentions
        self.paths = frozenset(_paths(self._root, ""))  # of what is let through, as in `hub.privacy.parts`
        self._names = {
            name
            for name, ref in (("subject", spec.subject), ("partitionkey", spec.key))
            if not named and (ref.kind == "person" or ref.path in people)
        }
        self._ids = frozenset(path for path in self._about if "." not in path)
        if self._names:
            self.whole = False

    @property
    def nodes(self) -> Node:
        """The object that is the data, for `hub.privacy.parts`."""
        return self._root

    @property
    def leaves_something(self) -> bool:
        """Whether any field can be left that tells more than who the persons are."""
        return any(_matters(step) for name, step in self._root.steps.items() if name != CHANGED)

    def reduce(self, event: Mapping[str, Any], walk: Walk) -> dict[str, Any]:
        """The event as the recipient may see it; a new object throughout. Raises Marked."""
        out: dict[str, Any] = {}
        for name, value in event.items():
            if name == "data":
                out[name] = self._data(value, walk)
            elif name not in _ATTRIBUTES:
                walk.removed = True
            elif name in self._names:
                kind, _, person = value.partition("/")
                out[name] = f"{kind}/{walk.pseudonym(person.lower())}"
                walk.removed = True
            else:
                out[name] = value
        return out

    def _data(self, data: Any, walk: Walk) -> dict[str, Any]:
        if not isinstance(data, dict):
            walk.removed = True
            return {}
        if self._root.ref is Ref.ABOUT:
            _check_mark(data, walk)
        before = data.get(CHANGED)
        out = _object(self._root, data, walk)
        if not before:
            return out
        walk.changed = False
        reduced = out.get(CHANGED)
        if isinstance(reduced, dict):
            # A field whose previous and present values are equal after the reduction did not change for this recipient.
            # A list of people that is missing from `reduced` was empty for this recipient: its previous value is null.
            node = self._root.steps[CHANGED].node
            names = [name for name in before if node is not None and name in node.steps]
            left = {name: reduced.get(name) for name in names if _plain(reduced.get(name)) != _plain(out.get(name))}
            walk.changed = bool(left)
            walk.removed |= len(left) != len(before)
            if left:
                out[CHANGED] = left
            else:
                del out[CHANGED]
        return out

    # -- making the plan ----------------------------------------------------------------------------------------

    def _object(
        self, fields: Mapping[str, Field], prefix: str, ref: Ref, *, root: bool = False, inside_ref: bool = False
    ) -> Node:
        steps: dict[str, Step] = {}
        selves: list[tuple[str, Ref]] = []
        inside_ref = inside_ref or (ref is not Ref.OTHER and not root)
        for name, known in fields.items():
            path = f"{prefix}{name}{'[]' if known.many else ''}"
            if known.inside is None:
                goes_with_object = name == "id" and ref is not Ref.OTHER and not (root and ref is Ref.PERSON)
                step = self._leaf(name, path, known, inside_ref=inside_ref, goes_with_object=goes_with_object)
                if step is not None and step.judged:
                    self.has_people = True
                    if (known.required or name in _SELVES) and not known.many and not root:
                        selves.append((name, step.ref))
            else:
                inner = self._ref_of(known.inside, f"{path}.", name)
                node = self._object(
                    known.inside, f"{path}.", inner, root=path == CHANGED, inside_ref=inside_ref
                )  # fmt: skip
                tells = inner in (Ref.PERSON, Ref.DUTY)
                if tells and not known.many and not root and (known.required or name in _SELVES):
                    selves.append((name, inner))
                can_vanish = tells or bool(node.selves)
                step = (
                    Step(
                        Op.LIST if known.many else Op.OBJECT,
                        node=node,
                        tidy=can_vanish and not known.required,
                        own_order=can_vanish and known.many and Category.IDENTITY not in self._allowed,
                    )
                    if node.steps
                    else None
                )
                if can_vanish:
                    self.has_people = True
            if step is None:
                self.whole = False
            else:
                steps[name] = step
        return Node(steps, ref, tuple(selves))

    def _leaf(
        self, name: str, path: str, known: Field, *, inside_ref: bool, goes_with_object: bool
    ) -> Step | None:  # fmt: skip
        """`goes_with_object`: this is the id of a reference, which is kept or removed as a whole."""
        needed = known.categories - {Category.NONE}
        op = Op.IDS if known.many else Op.ID
        if name in _DUTIES and not goes_with_object:
            if not needed <= self._allowed:
                return None
            return Step(op, ref=Ref.DUTY, tidy=not known.required, matters=bool(needed) and not inside_ref)
        if self._is_person(name, path, known):
            pseudonym = Category.IDENTITY not in self._allowed
            if not (needed - {Category.IDENTITY} <= self._allowed):
                return None
            if pseudonym:
                self.whole = False
            ref = Ref.ABOUT if path in self._about or goes_with_object else Ref.PERSON
            return Step(op, pseudonym=pseudonym, ref=ref, tidy=not known.required)
        if not needed <= self._allowed:
            return None
        return Step(Op.COPY, matters=bool(needed) and not inside_ref)

    def _is_person(self, name: str, path: str, known: Field) -> bool:
        return (
            path in self._about
            or path in self._mentions
            or (name == "id" and not known.many and Category.IDENTITY in known.categories)
        )

    def _ref_of(self, inside: Mapping[str, Field], prefix: str, name: str) -> Ref:
        id_ = inside.get("id")
        if id_ is None or id_.inside is not None or name == CHANGED:
            return Ref.OTHER
        if name in _DUTIES:
            return Ref.DUTY
        if f"{prefix}id" in self._about:
            return Ref.ABOUT
        return Ref.PERSON if self._is_person("id", f"{prefix}id", id_) else Ref.OTHER


def _paths(node: Node, prefix: str) -> Iterator[str]:
    for name, step in node.steps.items():
        path = prefix + name
        yield path
        if not step.tidy:
            yield path + THERE
        if step.node is not None:
            yield from _paths(step.node, f"{path}.")


def _matters(step: Step) -> bool:
    return step.matters or (step.node is not None and any(_matters(inner) for inner in step.node.steps.values()))


def _object(node: Node, value: dict[str, Any], walk: Walk) -> dict[str, Any]:
    steps = node.steps
    out: dict[str, Any] = {}
    for name, item in value.items():
        step = steps.get(name)
        if step is None:
            walk.removed = True
            continue
        op = step.op
        if op is Op.COPY:
            out[name] = _copied(item) if isinstance(item, list | dict) else item
            if step.matters and not walk.matters and item not in _EMPTY:
                walk.matters = True
        elif op is Op.ID:
            _id(name, item, step, out, walk)
        elif item is None:
            if step.tidy:
                walk.removed = True
            else:
                out[name] = None
        elif op is Op.OBJECT and isinstance(item, dict):
            assert step.node is not None
            if _hidden(step.node, item, walk):
                walk.removed = True
            elif name == CHANGED:
                matters = walk.matters
                out[name] = _object(step.node, item, walk)
                walk.matters = matters  # previous values alone are no reason to deliver the event
            else:
                out[name] = _object(step.node, item, walk)
        elif op is Op.LIST and isinstance(item, list):
            assert step.node is not None
            node_ = step.node
            kept = [
                _object(node_, each, walk) for each in item if isinstance(each, dict) and not _hidden(node_, each, walk)
            ]
            walk.removed |= len(kept) != len(item)
            if step.own_order and len(kept) > 1:
                kept.sort(key=orjson.dumps)
                walk.removed = True
            if kept or not step.tidy:
                out[name] = kept
            else:
                walk.removed = True
        elif op is Op.IDS and isinstance(item, list):
            ids = _ids(item, step, walk)
            if ids or not step.tidy:
                out[name] = ids
            else:
                walk.removed = True
        else:  # the value does not have the shape that the catalogue promises
            walk.removed = True
    return out


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return value


def _id(name: str, item: Any, step: Step, out: dict[str, Any], walk: Walk) -> None:
    if not isinstance(item, str):
        if item is None and not step.tidy:
            out[name] = None
        else:
            walk.removed = True
    elif step.judged and not walk.keep(item.lower(), step.ref):
        walk.removed = True
    elif step.pseudonym:
        out[name] = walk.pseudonym(item.lower())
        walk.removed = True
    else:
        out[name] = item
        walk.matters |= step.matters


def _ids(items: list[Any], step: Step, walk: Walk) -> list[Any]:
    """The ids that stay, nested as they came; an inner list without ids is left out."""
    kept: list[Any] = []
    for each in items:
        if isinstance(each, list):
            inner = _ids(each, step, walk)
            if inner:
                kept.append(inner)
        elif isinstance(each, str) and (not step.judged or walk.keep(each.lower(), step.ref)):
            kept.append(walk.pseudonym(each.lower()) if step.pseudonym else each)
            walk.matters |= step.matters
    walk.removed |= step.pseudonym or len(kept) != len(items)
    return sorted(kept, key=orjson.dumps) if step.pseudonym else kept


def _hidden(node: Node, value: dict[str, Any], walk: Walk) -> bool:
    """Whether this object names, or is about, a person who must stay hidden."""
    if node.ref is not Ref.OTHER and _refers_to_hidden(value, node.ref, walk):
        return True
    for name, ref in node.selves:
        inner = value.get(name)
        if isinstance(inner, dict):
            if _refers_to_hidden(inner, ref, walk):
                return True
        elif isinstance(inner, str) and not walk.keep(inner.lower(), ref):
            return True
    return False


def _refers_to_hidden(value: dict[str, Any], ref: Ref, walk: Walk) -> bool:
    if ref is Ref.ABOUT:
        _check_mark(value, walk)
        return False
    id_ = value.get("id")
    if not isinstance(id_, str):
        return True
    if (
        walk.marks_mentioned
        and ref is Ref.PERSON
        and value.get("securityMarking")
        and read_mark(value) is not Mark.NONE
    ):
        return True
    return not walk.keep(id_.lower(), ref)


def _check_mark(value: dict[str, Any], walk: Walk) -> None:
    if walk.marks_about and value.get("securityMarking") and read_mark(value) is not Mark.NONE:
        raise Marked


def _plain(value: Any) -> Any:
    """Null, an empty list and a missing field mean the same in a change."""
    return None if value in _EMPTY else value
