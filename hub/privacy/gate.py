"""The gate: what one recipient may get of one event, decided now, and the permit without which no byte leaves.

The gate asks in this order: does the contract leave anything of this type, is the event within the scope, may anything
about its persons leave at all, and is something left after reducing. The first denial decides, and the recipient gets
no sign of it. An event that is withheld because of a person makes a mark, so that the hub delivers the event's entity
once that is permitted (`hub.privacy.marks`).

An event about persons passes if a field is left that tells more than who the persons are; an event of a type that is
about no person passes with any field, and with its sums over people blurred (`hub.privacy.sums`). If the event lists
what changed, some of the change must be left too; if it is a whole state, something in it must be new for the recipient
(`hub.privacy.parts`). The event that announces a person's deletion passes if the recipient
could get anything of an event of the person's own type. A report of sums that comes because something has changed
leaves for no recipient but one that must act on it.
"""

import hmac
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from hub.bus.base import Stored
from hub.bus.news import RETURNED, Moment, News
from hub.bus.rows import PERSON_DELETED, utc_text
from hub.clock import NEVER_US, Clock
from hub.directory.directory import Directory
from hub.keys import Keys, Pseudonyms
from hub.privacy.base import Decision, Draft, PayloadLevel, PermitRefused, Recipient, Rule
from hub.privacy.numbers import Numbers
from hub.privacy.parts import sees as sees_part
from hub.privacy.protection import Basis
from hub.privacy.reduce import CHANGED, Marked, Plan, Walk
from hub.privacy.scope import ScopeCheck
from hub.privacy.sums import Draw, SumRule, keyed_draw, sums_of
from hub.store.withheld import Withheld
from schemas import Catalogue, Category, Entry

# What a recipient that only makes sums may see about each person.
SUMMED: Final = frozenset({Category.GROUP, Category.ATTENDANCE, Category.DIET, Category.AGGREGATE})
# These reveal where a person lives, so they are withheld for the family of a protected person.
HOME: Final = frozenset({Category.CONTACT, Category.PROTECTED_ADDRESS})

_SIGNS: Final = ("specversion", "id", "source", "type", "time")  # the attributes of payload level `none`
_TELLING: Final = ("id", "sequence", "time")  # the attributes that tell one event of an entity from another
_MAX_VIEWS: Final = 4096
_NEWS_ALONE: Final = (Rule.NOTHING_LEFT, Rule.LATE)  # the entity's last event does not leave, and an earlier one may
_ANY_SUM: Final = SumRule()


def allowed_categories(recipient: Recipient) -> frozenset[Category]:
    """What all contracts in force let a recipient see; nothing without a contract."""
    if not recipient.contracts:
        return frozenset()
    allowed = frozenset.intersection(*(contract.categories for contract in recipient.contracts))
    return allowed & SUMMED if recipient.aggregates else allowed


class View:
    """One recipient's contracts, worked out for one type."""

    __slots__ = (
        "about", "allowed", "away_from_home", "constant", "departs", "entry", "forbidden", "plan", "recipient", "scope",
        "sums",
    )  # fmt: skip

    def __init__(
        self,
        recipient: Recipient,
        entry: Entry,
        siblings: Iterable[Entry],
        directory: Directory,
        rule: SumRule,
        draw: Draw,
    ) -> None:
        self.recipient = recipient
        self.entry = entry
        self.allowed = allowed = allowed_categories(recipient)
        self.plan = Plan(entry, allowed)
        self.away_from_home = Plan(entry, allowed - HOME) if allowed & HOME & entry.categories else None
        self.about = bool(entry.spec.about)
        self.departs = entry.type == PERSON_DELETED
        self.scope = ScopeCheck.of(recipient, entry, directory)
        if not self.about:
            # How the hub works shows only to whom its contract says so, not even that there was an event.
            self.forbidden = Category.OPERATIONS in entry.categories - allowed
        elif entry.spec.ends:
            kin = [each for each in siblings if each.spec.entity == entry.spec.entity]
            self.forbidden = not any(Plan(each, allowed).leaves_something for each in kin)
        else:
            self.forbidden = not self.plan.leaves_something
        self.forbidden = self.forbidden or not recipient.contracts
        exact = any(fnmatchcase(entry.type, glob) for glob in recipient.exact)
        self.sums = None if exact else sums_of(entry, rule, draw, allowed)
        # Such events may leave as they are stored, unparsed.
        self.constant = (
            self.sums is None and self.plan.whole and not self.plan.has_people and CHANGED not in entry.fields
        )

    def plan_for(self, basis: Basis) -> Plan:
        """The plan for an event about these persons, as far as those that it mentions change nothing."""
        away = self.away_from_home
        if away is not None and not self.recipient.protected and basis.share_a_home(basis.about):
            return away
        return self.plan


class PrivacyGate:
    """Decides for every recipient. `decide` runs on the event loop; `permit` in any thread."""

    def __init__(self, *, catalogue: Catalogue, directory: Directory, keys: Keys, clock: Clock, tenant: str) -> None:
        self._catalogue = catalogue
        self._directory = directory
        self._keys = keys
        self._clock = clock
        self._tenant = tenant
        self._departures = keys.derive(f"departures/{tenant}")
        self._draw = keyed_draw(keys.derive(f"{tenant}/sums"))
        self._sum_rules: Mapping[str, SumRule] = {}
        self._views: dict[tuple[int, str], View] = {}
        self._pseudonyms: dict[str, Pseudonyms] = {}
        self._numbers = Numbers(
            directory, clock, lambda stored, recipient: self._decide(stored, recipient, state=False)
        )

    def configure(self, sum_rules: Mapping[str, SumRule]) -> None:
        """Blur the sums of these types by these rules from now on, and those of all other types by the usual one."""
        if sum_rules != self._sum_rules:
            self._sum_rules = sum_rules
            self._views.clear()
            self._numbers.forget()

    # -- deciding -----------------------------------------------------------------------------------------------

    def decide(self, stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
        """Decide now. Pure in-memory work; raises nothing that is expected (`hub.privacy.telling` catches the rest).

        `state`: the event stands for its entity as it is (a subscription that starts from state, `/v1/state`). If
        nothing is left of the entity's last change, the gate decides on the event before that change, so that the
        answer is the same as without the change (promise 5). The decision's `stored` is then that earlier event.
        """
        decision: Any = self._decide(stored, recipient, state=state and not stored.earlier)
        if state and decision.rule in _NEWS_ALONE:
            decision = self._decide_before(stored, recipient, decision)
        if decision.stored.later and decision.allowed:
            self._numbers.apply(decision)
        decision.__class__ = Decision
        return decision  # type: ignore[no-any-return]

    def _decide_before(self, stored: Stored, recipient: Recipient, decision: Any) -> Any:
        """The draft about the newest earlier event of which something is left."""
        marks = dict.fromkeys(decision.withheld)
        for before in stored.earlier:
            decision = self._decide(before, recipient, state=not before.continues)
            marks.update(dict.fromkeys(decision.withheld))
            if decision.rule not in _NEWS_ALONE:
                break
        else:
            # The log no longer has the event that holds the whole entity: better the last state than nothing.
            decision = self._decide(stored, recipient, state=True)
        decision.withheld = tuple(marks)
        return decision

    def _decide(self, stored: Stored, recipient: Recipient, *, state: bool) -> Any:
        """A draft of the decision; `decide` makes it final."""
        view = self.view(recipient, stored.type)
        if view.forbidden:
            return Draft(stored, recipient, Rule.CONTRACT, False)
        if stored.leaves and (recipient.aggregates or recipient.protected):
            return Draft(stored, recipient, Rule.SUPERSEDED, False)  # for these the person is still there
        directory = self._directory
        if view.constant and view.scope is None and not stored.extras and stored.news is None:
            return Draft(stored, recipient, Rule.ALLOWED, True, None, True)
        now_us = self._clock.utc_us()
        about = self._about(stored, view)
        basis = Basis(directory, now_us, about)
        if view.scope is not None:
            need = view.scope.need(stored, about, now_us)
            basis.versions.update(need.versions)
            basis.expires_us = min(basis.expires_us, need.expires_us)
            if not need.met:
                return self._denied(stored, recipient, need.rule, need.waits_for)
        if about or (view.about and view.entry.spec.subject.kind == "duty"):
            rule = None if stored.leaves else basis.forbids(stored, recipient, view.entry.spec)
            if rule is not None:
                return self._denied(stored, recipient, rule, basis.hidden)
        if view.constant and not stored.extras and stored.news is None:
            return Draft(stored, recipient, Rule.ALLOWED, True, None, True, basis.versions, (), basis.expires_us)
        if view.sums is not None and view.sums.is_late(stored):
            return Draft(stored, recipient, Rule.LATE, False)
        return self._reduced(stored, view, basis, state=state)

    def told_us(self, recipient: Recipient, type_: str, about: Sequence[str], news: News, accepted_us: int) -> int:
        """The acceptance time of the newest event that told a recipient something of an entity, from the news of the
        entity's last event alone (its type, persons and acceptance time). Raises UnknownType.
        """
        view = self.view(recipient, type_)
        basis = Basis(self._directory, self._clock.utc_us(), about)
        at = _told_at(news, view, view.plan_for(basis), basis, state=True)
        return accepted_us if at == news.here else news.moments[at].accepted_us

    def _about(self, stored: Stored, view: View) -> Sequence[str]:
        if stored.about or not view.about or view.entry.spec.subject.kind != "duty":
            return stored.about
        # Some sources list deleted duties by id alone. Their persons are known from before.
        person = self._directory.duty_person(stored.subject.partition("/")[2])
        return () if person is None else (person,)

    def _reduced(self, stored: Stored, view: View, basis: Basis, *, state: bool) -> Any:
        recipient = view.recipient
        plan = view.plan_for(basis)
        while True:
            walk = Walk(
                (lambda id, ref: True) if recipient.aggregates else basis.keep,
                self.pseudonyms(recipient).of,
                marks_about=not recipient.aggregates and not recipient.protected,
                marks_mentioned=not recipient.aggregates,
            )
            try:
                content = plan.reduce(stored.parsed, walk)
            except Marked:
                return self._denied(stored, recipient, Rule.PROTECTED, basis.about)
            if view.away_from_home in (None, plan) or not basis.share_a_home(basis.kept):
                break
            plan = view.away_from_home
        marks = self._marks(stored, recipient, basis.hidden)
        if (view.about and not walk.matters and not view.entry.spec.ends) or (walk.changed is False and not state):
            return Draft(stored, recipient, Rule.NOTHING_LEFT, False, withheld=marks)
        if view.sums is not None and isinstance(content.get("data"), dict):
            content["data"] = view.sums.blur(stored, content["data"])
            walk.removed = True
        unchanged = not walk.removed and not stored.extras
        if (news := stored.news) is not None:
            told_at = _told_at(news, view, plan, basis, state=state)
            if told_at != news.here:
                if not state:
                    return Draft(stored, recipient, Rule.NOTHING_LEFT, False, withheld=marks)
                stored, unchanged = _as_of(stored, news.moments[told_at]), False
                content.update((name, stored.parsed[name]) for name in _TELLING if name in content)
        if view.departs:
            content, unchanged = self._departure(stored, content), False
        return Draft(
            stored,
            recipient,
            Rule.ALLOWED,
            True,
            None if unchanged else content,
            unchanged,
            basis.versions,
            marks,
            basis.expires_us,
        )

    def _departure(self, stored: Stored, content: Mapping[str, Any]) -> dict[str, Any]:
        """How a person leaves, whether a source deleted them or a protection began: nothing in it tells which."""
        digest = hmac.digest(self._departures, f"{stored.source}\n{stored.id}".encode(), "sha256")
        return {
            "specversion": content["specversion"],
            "id": str(uuid.UUID(bytes=digest[:16], version=4)),
            "source": stored.source,
            "type": stored.type,
            **{name: content[name] for name in ("subject", "partitionkey") if name in content},
            # As the hub writes it: a source's own time would tell that a source has sent this.
            "time": stored.parsed["time"] if stored.leaves else utc_text(stored.accepted_us),
            "sequence": content["sequence"],
            "data": {"id": content["data"]["id"]},
        }

    def _denied(self, stored: Stored, recipient: Recipient, rule: Rule, waits_for: Iterable[str]) -> Any:
        return Draft(stored, recipient, rule, False, withheld=self._marks(stored, recipient, waits_for))

    def _marks(self, stored: Stored, recipient: Recipient, names: Iterable[str]) -> Sequence[Withheld]:
        entity = stored.entity
        return () if entity is None else tuple(Withheld(name, entity, recipient.name) for name in sorted(names))

    # -- permitting ---------------------------------------------------------------------------------------------

    def permit(self, decision: Decision, lane: str | None = None) -> bytes:
        """The bytes that may leave, in the JSON event format, at the recipient's payload level. Raises PermitRefused.

        Call it in the turn in which the first byte leaves: no await between. The event gets the lane as `skolnavlane`.
        A connector's own thread holds `Directory.lock` from this call until its first byte (or call) has left.
        """
        with self._directory.lock:
            self.check(decision)
            level = decision.recipient.level
            if level is PayloadLevel.FULL and decision.unchanged:
                return _with_lane(decision.stored.body, lane)
            content = decision.content
            assert content is not None
            if level is PayloadLevel.FULL:
                return _with_lane(orjson.dumps(content), lane)
            if level is PayloadLevel.ID:
                left = {name: value for name, value in content.items() if name != "data"}
            else:
                left = {name: content[name] for name in _SIGNS if name in content}
            return _with_lane(orjson.dumps(left), lane)

    def check(self, decision: Decision) -> None:
        """Raises PermitRefused if the decision is a denial, or if something that it rests on has changed."""
        if not decision.allowed:
            raise PermitRefused("denied")
        version = self._directory.version
        for name, decided_on in decision.versions.items():
            if version(name) != decided_on:
                raise PermitRefused("the directory has changed")
        if decision.expires_us != NEVER_US and self._clock.utc_us() >= decision.expires_us:
            raise PermitRefused("the decision is too old")

    # -- views --------------------------------------------------------------------------------------------------

    def view(self, recipient: Recipient, type_: str) -> View:
        """The recipient's contracts for a type. Raises UnknownType."""
        key = (id(recipient), type_)
        view = self._views.get(key)
        if view is None or view.recipient is not recipient:
            if len(self._views) >= _MAX_VIEWS:
                self._views.clear()
            entry = self._catalogue.entry(type_)
            # The view holds a reference to the recipient, so that no other object can get the same id().
            view = self._views[key] = View(
                recipient,
                entry,
                self._catalogue,
                self._directory,
                self._sum_rules.get(type_, _ANY_SUM),
                self._draw,
            )
        return view

    def allowed(self, recipient: Recipient) -> frozenset[Category]:
        """What all the recipient's contracts together let it see."""
        return allowed_categories(recipient)

    def pseudonyms(self, recipient: Recipient) -> Pseudonyms:
        """The recipient's own pseudonyms for persons."""
        known = self._pseudonyms.get(recipient.name)
        if known is None:
            known = self._pseudonyms[recipient.name] = self._keys.pseudonyms(f"{self._tenant}/{recipient.name}")
        return known

    def person_of(self, recipient: Recipient, name: str) -> str:
        """The SS 12000 id behind the recipient's name for a person: a pseudonym, or the id if its contract shows ids.

        Raises ValueError if `name` is not a UUID. For a name that it never got, the result is no person's id.
        """
        if Category.IDENTITY in self.allowed(recipient):
            return name.lower()
        return self.pseudonyms(recipient).person(name)


def _told_at(news: News, view: View, plan: Plan, basis: Basis, *, state: bool) -> int:
    """The newest of an entity's events that told the recipient something: an index as in `News`.

    Unless `state`, the index is right only for the event itself: another one means that the event tells nothing.
    """
    recipient, here = view.recipient, news.here
    newest = news.told.get(recipient.name, 0)
    if news.moved is not None and view.scope is not None and not view.scope.contained(news.moved[1]):
        newest = max(newest, news.moved[0])
    sums = recipient.aggregates
    sees = (lambda id, ref: True) if sums else basis.sees
    for part, at in news.parts.items() if state else ((part, here) for part in news.fresh):
        if at > newest and (
            not (sums or recipient.protected)  # for these the person has been there all the time
            if part == RETURNED
            else sees_part(part, plan.paths, sees, marked=sums)
        ):
            newest = at
    return newest


def _as_of(stored: Stored, moment: Moment) -> Stored:
    """The event as one that a recipient gets who learns nothing from the later ones."""
    parsed = {**stored.parsed, "id": moment.id, "sequence": moment.sequence, "time": moment.time}
    then = next((each for each in stored.then if each.id == moment.id), None)
    return replace(
        stored,
        id=moment.id,
        accepted_us=moment.accepted_us,
        body=orjson.dumps(parsed),
        _parsed=parsed,
        news=None,
        # If the log has trimmed the event of that moment, it has no sibling any more.
        later=int(moment.sequence) > moment.accepted_us if then is None else then.later,
        sibling=None if then is None else then.sibling,
    )


def _with_lane(body: bytes, lane: str | None) -> bytes:
    if lane is None:
        return body
    return body[:-1] + b',"skolnavlane":' + orjson.dumps(lane) + b"}"
