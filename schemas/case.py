"""Family case: business that a human decides (ärende), from a form, a signal or another system.

Every event carries the whole case after the change: its fields, its items and their decisions. Messages are not part of
the case; each message is an event of its own. The kind of a case alone may reveal a pupil's health, so its category is
`case_content`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas import directory_examples as directory
from schemas.category import Category
from schemas.payload import Count, Date, EventSpec, Part, Payload, PersonRef, Ref, Reference, Timestamp, Uuid, was

KINDS: Final = (
    "student_health_referral",  # elevhälsa
    "training_application",  # fortbildning
    "examination",  # prövning
    "boarding_allowance",  # inackorderingstillägg
    "workplace_learning_expense",  # utlägg vid APL
    "offensive_treatment",  # kränkande behandling (Education Act 6:10)
    "safety_and_calm",  # trygghet och studiero
    "report_of_concern",  # orosanmälan (Social Services Act)
    "csn_assessment",  # whether to report truancy to CSN
    "work_environment",  # arbetsmiljö
    "delivery_failure",  # an event that the hub could not deliver
)
# A decision in such a case hits a person hard. No machine takes it: each decision names the human who took it.
HUMAN_KINDS: Final = frozenset({"offensive_treatment", "safety_and_calm", "report_of_concern", "csn_assessment"})


def _kind(value: str) -> str:
    # A vendor's kind has the vendor's prefix, as its types have. So a misspelt core kind cannot pass for a vendor's.
    if value not in KINDS and "." not in value:
        raise PydanticCustomError("kind", "must be a kind of case that the hub knows, or a kind with a vendor's prefix")
    return value


Kind = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=64), AfterValidator(_kind)]
ItemId = Annotated[str, Field(min_length=1, max_length=64)]


class Origin(Part):
    """The outside system that handles the case, its number for the case, and the page where a human opens the case."""

    system: Annotated[str, Category.NONE]
    reference: Annotated[str | None, Category.CASE_CONTENT] = None
    url: Annotated[str | None, Category.CASE_CONTENT] = None


class Decision(Part):
    """The decision on one item. Amounts are in öre; dates are inclusive."""

    outcome: Annotated[Literal["granted", "partly_granted", "rejected", "dismissed"], Category.CASE_CONTENT]
    decidedAt: Annotated[Timestamp, Category.CASE_CONTENT]
    decidedBy: Annotated[PersonRef | None, Category.STAFF] = None
    amount: Annotated[Count | None, Category.CASE_CONTENT] = None
    startDate: Annotated[Date | None, Category.CASE_CONTENT] = None
    endDate: Annotated[Date | None, Category.CASE_CONTENT] = None
    reason: Annotated[str | None, Category.FREE_TEXT] = None


class Item(Part):
    """One thing that the case asks for. Each item has its own decision; None: not decided yet."""

    id: Annotated[ItemId, Category.CASE_CONTENT]
    title: Annotated[str | None, Category.FREE_TEXT] = None
    amount: Annotated[Count | None, Category.CASE_CONTENT] = None
    decision: Decision | None = None


class Evidence(Part):
    """Evidence for the case: an entity of the hub (`attendance/<id>`, ...), with a note on what it shows."""

    entity: Annotated[str, Category.CASE_CONTENT]
    note: Annotated[str | None, Category.FREE_TEXT] = None


class CaseFields(Part):
    """Any fields of a case."""

    id: Annotated[Uuid | None, Category.NONE] = None
    kind: Annotated[Kind | None, Category.CASE_CONTENT] = None
    status: Annotated[str | None, Category.CASE_CONTENT] = None  # in the words of the handling system
    title: Annotated[str | None, Category.CASE_CONTENT, Category.FREE_TEXT] = None
    pupil: Annotated[PersonRef | None, Category.CASE_CONTENT] = None  # None: the case is about no pupil
    reporter: Annotated[PersonRef | None, Category.CASE_CONTENT] = None  # a guardian, a pupil or staff
    handlers: Annotated[list[PersonRef] | None, Category.STAFF] = None
    organisation: Reference | None = None
    openedAt: Annotated[Timestamp | None, Category.CASE_CONTENT] = None
    due: Annotated[Timestamp | None, Category.CASE_CONTENT] = None
    origin: Origin | None = None
    items: Annotated[list[Item] | None, Category.CASE_CONTENT] = None
    evidence: Annotated[list[Evidence] | None, Category.CASE_CONTENT] = None
    # The form's answers by field. They may hold anything, so a recipient needs all three categories.
    content: Annotated[dict[str, Any] | None, Category.CASE_CONTENT, Category.FREE_TEXT, Category.HEALTH] = None


class Case(Payload, CaseFields):
    """A whole case. If its kind is one of `HUMAN_KINDS`, every decision must have `decidedBy`."""

    id: Annotated[Uuid, Category.NONE]
    kind: Annotated[Kind, Category.CASE_CONTENT]

    @model_validator(mode="after")
    def _decided_by_a_human(self) -> Self:
        decisions = [item.decision for item in self.items or () if item.decision is not None]
        if self.kind in HUMAN_KINDS and not all(decision.decidedBy for decision in decisions):
            raise _no_human()
        return self


def _no_human() -> PydanticCustomError:
    says = "a decision in a case of this kind must name the human who took it: items[].decision.decidedBy"
    return PydanticCustomError("decided_by_a_human", says)


class Attachment(Part):
    """A file that stays in the handling system: name, media type, size in bytes, and the system's reference to it."""

    name: Annotated[str, Category.FREE_TEXT]
    mediaType: Annotated[str | None, Category.CASE_CONTENT] = None
    size: Annotated[int | None, Field(ge=0), Category.CASE_CONTENT] = None
    reference: Annotated[str | None, Category.CASE_CONTENT] = None


class Message(Part):
    """A message in a case. An `internal` one is between handlers, and not for the person who opened the case."""

    id: Annotated[ItemId, Category.CASE_CONTENT]
    time: Annotated[Timestamp, Category.CASE_CONTENT]
    author: PersonRef | None = None
    internal: Annotated[bool | None, Category.CASE_CONTENT] = None
    text: Annotated[str | None, Category.FREE_TEXT] = None
    attachments: list[Attachment] | None = None


_CASE = Ref("case", "id")
_PEOPLE = ("reporter.id", "handlers[].id", "items[].decision.decidedBy.id")
_REFERRAL: dict[str, Any] = {
    "id": "ca5e0000-6d2a-4b0f-9c3d-4e5f6a7b1201",
    "kind": "student_health_referral",
    "status": "Inkommen",
    "pupil": {"id": directory.PUPIL["id"]},
    "reporter": {"id": directory.TEACHER["id"]},
    "organisation": {"id": directory.SCHOOL_UNIT["id"]},
    "openedAt": "2026-11-24T08:15:00+01:00",
    "origin": {"system": "oep", "reference": "2026-000123", "url": "https://oep.example/case/2026-000123"},
    "content": {"concern": "Exempeltext", "consent": True},
}
_EXPENSE: dict[str, Any] = {
    "id": "ca5e0000-6d2a-4b0f-9c3d-4e5f6a7b1202",
    "kind": "workplace_learning_expense",
    "pupil": {"id": directory.PUPIL["id"]},
    "items": [
        {"id": "1", "title": "Buss, november", "amount": 48000},
        {"id": "2", "title": "Arbetskläder", "amount": 120000},
    ],
}
_DECIDED: dict[str, Any] = {
    **_EXPENSE,
    "items": [
        {
            **_EXPENSE["items"][0],
            "decision": {
                "outcome": "granted",
                "amount": 48000,
                "decidedAt": "2026-11-24T13:00:00+01:00",
                "decidedBy": {"id": directory.TEACHER["id"]},
            },
        },
        _EXPENSE["items"][1],
    ],
}
_SIGNAL: dict[str, Any] = {
    "id": "ca5e0000-6d2a-4b0f-9c3d-4e5f6a7b1203",
    "kind": "csn_assessment",
    "pupil": {"id": directory.PUPIL["id"]},
    "evidence": [{"entity": "unauthorised/0f710000-2f4a-4e0d-a3b1-9c8d7e6f1101"}],
}
_VENDOR: dict[str, Any] = {
    "id": "ca5e0000-6d2a-4b0f-9c3d-4e5f6a7b1204",
    "kind": "acme.locker_key",
    "organisation": {"id": directory.SCHOOL_UNIT["id"]},
}


def _spec(what: str, *examples: dict[str, Any], mentions: tuple[str, ...], ends: bool = False) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.case.{what}.v1",
        subject=_CASE,
        key=_CASE,
        entity=_CASE,
        ends=ends,
        makes=what == "opened",
        about=("pupil.id",),
        mentions=mentions,
        organisations=("organisation.id",),
        examples=examples,
    )


class CaseOpened(Case):
    """A case was opened."""

    spec = _spec("opened", _REFERRAL, _EXPENSE, _SIGNAL, _VENDOR, mentions=_PEOPLE)


class CaseChanged(Case):
    """A case was changed, for example its status, its handlers or its content."""

    changed: CaseFields | None = None  # the previous values of the changed fields
    spec = _spec(
        "changed",
        {
            **_REFERRAL,
            "status": "Under handläggning",
            "handlers": [{"id": directory.TEACHER["id"]}],
            "changed": {"status": "Inkommen", "handlers": None},
        },
        mentions=(*was(*_PEOPLE), "changed.pupil.id"),
    )


class CaseMessageAdded(Case):
    """A message was added to a case."""

    message: Annotated[Message, Category.CASE_CONTENT]
    spec = _spec(
        "message_added",
        {
            **_REFERRAL,
            "message": {
                "id": "m-1",
                "time": "2026-11-24T09:00:00+01:00",
                "author": {"id": directory.GUARDIAN["id"]},
                "internal": False,
                "text": "Exempeltext",
                "attachments": [{"name": "intyg.pdf", "mediaType": "application/pdf", "size": 10240}],
            },
        },
        mentions=(*_PEOPLE, "message.author.id"),
    )


class CaseDecided(Case):
    """One or more items of a case were decided; `decided` has their ids. Other items may still be open."""

    items: Annotated[list[Item], Category.CASE_CONTENT]
    decided: Annotated[list[ItemId], Field(min_length=1), Category.CASE_CONTENT]
    spec = _spec("decided", {**_DECIDED, "decided": ["1"]}, mentions=_PEOPLE)

    @model_validator(mode="after")
    def _each_has_its_decision(self) -> Self:
        if self.kind in HUMAN_KINDS and set(self.decided) - {item.id for item in self.items if item.decision}:
            raise _no_human()
        return self


class CaseClosed(Case):
    """A case was finished or withdrawn. `outcome` is in the words of the handling system."""

    outcome: Annotated[str | None, Category.CASE_CONTENT] = None
    closedAt: Annotated[Timestamp | None, Category.CASE_CONTENT] = None
    spec = _spec(
        "closed",
        {**_DECIDED, "outcome": "Avslutat", "closedAt": "2026-11-24T15:00:00+01:00"},
        _VENDOR,
        mentions=_PEOPLE,
        ends=True,
    )


TYPES = (CaseOpened, CaseChanged, CaseMessageAdded, CaseDecided, CaseClosed)
