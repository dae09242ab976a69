"""Family directory: persons, groups, duties, activities, rooms, organisations, diets. The data are SS 12000 v2.1.

Only these events carry names and contacts. The hub accepts entities that deviate from the standard as those of school
systems do: with unknown fields, with unknown values of enumerations, without fields that the standard requires. It
refuses an entity whose id is not a UUID, or with a known field of the wrong JSON type. `_embedded` is an unknown field.

`diet` is not in SS 12000: a separate source has the kitchen's diet codes.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from schemas import directory_examples as examples
from schemas.category import Category
from schemas.payload import (
    HUB_ONLY,
    Date,
    EventSpec,
    LooseTimestamp,
    Meta,
    Part,
    Payload,
    PersonRef,
    Ref,
    Reference,
    Shared,
    Timestamp,
    Uuid,
    pluck,
)


class CivicNo(Part):
    """Personnummer or samordningsnummer, as the source writes it (12 or 10 digits, with or without a dash, TF...)."""

    value: Annotated[str, Category.IDENTITY]
    nationality: Annotated[str | None, Category.IDENTITY] = None


class ExternalIdentifier(Part):
    value: Annotated[str, Category.IDENTITY]
    context: Annotated[str | None, Category.IDENTITY] = None
    globallyUnique: Annotated[bool | None, Category.IDENTITY] = None


class Email(Part):
    value: Annotated[str, Category.CONTACT]
    type: Annotated[str | None, Category.CONTACT] = None


class PhoneNumber(Part):
    value: Annotated[str, Category.CONTACT]
    type: Annotated[str | None, Category.CONTACT] = None
    mobile: Annotated[bool | None, Category.CONTACT] = None


class PersonAddress(Part):
    """Where a person lives. A single field may be enough to find the person."""

    type: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    streetAddress: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    locality: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    postalCode: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    country: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    countyCode: Annotated[int | str | None, Category.PROTECTED_ADDRESS] = None
    municipalityCode: Annotated[int | str | None, Category.PROTECTED_ADDRESS] = None
    realEstateDesignation: Annotated[str | None, Category.PROTECTED_ADDRESS] = None


class Enrolment(Part):
    """The school unit where a pupil is enrolled (`enroledAt` in SS 12000), the school form, the year and the dates.

    The school form alone may reveal a disability (GRS, GYS, SP): if that matters, limit a contract by `school_types`.
    """

    enroledAt: Reference
    schoolType: Annotated[str | None, Category.GROUP] = None
    schoolYear: Annotated[int | None, Category.GROUP] = None
    startDate: Annotated[Date | None, Category.GROUP] = None
    endDate: Annotated[Date | None, Category.GROUP] = None
    cancelled: Annotated[bool | None, Category.GROUP] = None
    educationCode: Annotated[str | None, Category.GROUP] = None
    programme: Reference | None = None
    specification: Annotated[str | None, Category.FREE_TEXT] = None


class Responsible(Part):
    """A guardian or another person responsible for the pupil, and the relation (Vårdnadshavare, God man, ...)."""

    person: PersonRef
    relationType: Annotated[str | None, Category.IDENTITY] = None


class Person(Payload):
    """SS 12000 Person: pupil, guardian or staff.

    The hub reads `securityMarking` and `responsibles`. The marking reaches no recipient. A recipient needs both
    identity and contact to see a family tie, since only a recipient that must reach a guardian needs it.
    """

    id: Annotated[Uuid, Category.IDENTITY]
    # By these times two recipients could match their pseudonyms, so the category is identity and not none.
    meta: Annotated[Meta | None, Category.IDENTITY] = None
    givenName: Annotated[str | None, Category.NAME] = None
    middleName: Annotated[str | None, Category.NAME] = None
    familyName: Annotated[str | None, Category.NAME] = None
    eduPersonPrincipalNames: Annotated[list[str] | None, Category.IDENTITY] = None
    externalIdentifiers: Annotated[list[ExternalIdentifier] | None, Category.IDENTITY] = None
    civicNo: Annotated[CivicNo | None, Category.IDENTITY] = None
    birthDate: Annotated[Date | None, Category.IDENTITY] = None
    sex: Annotated[str | None, Category.IDENTITY] = None
    securityMarking: Annotated[str | None, HUB_ONLY] = None  # Ingen | Sekretessmarkering | Skyddad folkbokföring
    personStatus: Annotated[str | None, Category.IDENTITY] = None  # Aktiv | Utvandrad | Avliden
    emails: Annotated[list[Email] | None, Category.CONTACT] = None
    phoneNumbers: Annotated[list[PhoneNumber] | None, Category.CONTACT] = None
    addresses: Annotated[list[PersonAddress] | None, Category.PROTECTED_ADDRESS] = None
    photo: Annotated[str | None, Category.IDENTITY, Category.NAME] = None
    enrolments: Annotated[list[Enrolment] | None, Category.GROUP] = None
    responsibles: Annotated[list[Responsible] | None, Category.CONTACT, Category.IDENTITY] = None


class GroupMembership(Part):
    person: PersonRef
    startDate: Annotated[Date | None, Category.GROUP] = None
    endDate: Annotated[Date | None, Category.GROUP] = None


class Group(Payload):
    """SS 12000 Group: a class, a teaching group or a mentor group, with its members."""

    id: Annotated[Uuid, Category.NONE]
    meta: Meta | None = None
    displayName: Annotated[str | None, Category.NONE] = None
    startDate: Annotated[Date | None, Category.NONE] = None
    endDate: Annotated[Date | None, Category.NONE] = None
    groupType: Annotated[str | None, Category.NONE] = None
    schoolType: Annotated[str | None, Category.NONE] = None
    organisation: Reference | None = None
    groupMemberships: Annotated[list[GroupMembership] | None, Category.GROUP] = None


class AssignmentRole(Part):
    group: Reference
    assignmentRoleType: Annotated[str | None, Category.STAFF] = None
    startDate: Annotated[Date | None, Category.STAFF] = None
    endDate: Annotated[Date | None, Category.STAFF] = None


class Duty(Payload):
    """SS 12000 Duty (tjänstgöring): where a member of staff works, in which role, and for which groups.

    A duty is about its person: its signature and description could identify a teacher even without the reference.
    """

    id: Annotated[Uuid, Category.STAFF]
    meta: Annotated[Meta | None, Category.STAFF] = None
    person: Annotated[PersonRef | None, Category.STAFF] = None
    dutyAt: Annotated[Reference | None, Category.STAFF] = None
    dutyRole: Annotated[str | None, Category.STAFF] = None
    description: Annotated[str | None, Category.STAFF, Category.FREE_TEXT] = None
    signature: Annotated[str | None, Category.STAFF, Category.NAME] = None
    dutyPercent: Annotated[int | None, Category.STAFF] = None
    hoursPerYear: Annotated[int | None, Category.STAFF] = None
    startDate: Annotated[Date | None, Category.STAFF] = None
    endDate: Annotated[Date | None, Category.STAFF] = None
    assignmentRole: Annotated[list[AssignmentRole] | None, Category.STAFF] = None


class DutyAssignment(Part):
    """A teacher of an activity, by duty (SS 12000) or by person (some school systems)."""

    duty: Reference | None = None
    person: PersonRef | None = None
    startDate: Annotated[Date | None, Category.STAFF] = None
    endDate: Annotated[Date | None, Category.STAFF] = None
    minutesPlanned: Annotated[int | None, Category.STAFF] = None
    grader: Annotated[bool | None, Category.STAFF] = None


class Activity(Payload):
    """SS 12000 Activity: a course or a subject for some groups, with its teachers. Its calendar events are lessons."""

    id: Annotated[Uuid, Category.NONE]
    meta: Meta | None = None
    displayName: Annotated[str | None, Category.NONE] = None
    calendarEventsRequired: Annotated[bool | None, Category.NONE] = None
    startDate: Annotated[Date | None, Category.NONE] = None
    endDate: Annotated[Date | None, Category.NONE] = None
    activityType: Annotated[str | None, Category.NONE] = None
    comment: Annotated[str | None, Category.FREE_TEXT] = None
    minutesPlanned: Annotated[int | None, Category.NONE] = None
    groups: list[Reference] | None = None
    organisation: Reference | None = None
    teachers: Annotated[list[DutyAssignment] | None, Category.STAFF] = None
    syllabus: Reference | None = None
    parentActivity: Reference | None = None


class Room(Payload):
    """SS 12000 Room (lokal)."""

    id: Annotated[Uuid, Category.NONE]
    meta: Meta | None = None
    displayName: Annotated[str | None, Category.NONE] = None
    seats: Annotated[int | None, Category.NONE] = None
    owner: Reference | None = None


class OrganisationAddress(Part):
    type: Annotated[str | None, Category.NONE] = None
    streetAddress: Annotated[str | None, Category.NONE] = None
    locality: Annotated[str | None, Category.NONE] = None
    postalCode: Annotated[str | None, Category.NONE] = None
    country: Annotated[str | None, Category.NONE] = None
    countyCode: Annotated[int | str | None, Category.NONE] = None
    municipalityCode: Annotated[int | str | None, Category.NONE] = None
    realEstateDesignation: Annotated[str | None, Category.NONE] = None


class ContactInfo(Part):
    infoType: Annotated[str | None, Category.NONE] = None
    info: Annotated[str | None, Category.FREE_TEXT] = None


class Organisation(Payload):
    """SS 12000 Organisation: the responsible body (huvudman), a school or a school unit, with its parent."""

    id: Annotated[Uuid, Category.NONE]
    meta: Meta | None = None
    displayName: Annotated[str | None, Category.NONE] = None
    organisationType: Annotated[str | None, Category.NONE] = None
    organisationCode: Annotated[str | None, Category.NONE] = None
    organisationNumber: Annotated[str | None, Category.NONE] = None
    parentOrganisation: Reference | None = None
    schoolUnitCode: Annotated[str | None, Category.NONE] = None
    schoolTypes: Annotated[list[str] | None, Category.NONE] = None
    address: OrganisationAddress | None = None
    municipalityCode: Annotated[str | None, Category.NONE] = None
    url: Annotated[str | None, Category.NONE] = None
    email: Annotated[str | None, Category.NONE] = None
    phoneNumber: Annotated[str | None, Category.NONE] = None
    contactInfo: list[ContactInfo] | None = None
    startDate: Annotated[Date | None, Category.NONE] = None
    endDate: Annotated[Date | None, Category.NONE] = None


class Diet(Payload):
    """A person's diet in the kitchen's own codes. It may reveal health or religion (GDPR article 9)."""

    id: Annotated[Uuid, Category.DIET]
    person: PersonRef
    # NORMAL, GLUTENFRI, LAKTOSFRI, VEGETARISK, HALAL, ...: an open list, defined by the municipality and its kitchens.
    codes: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1), Category.DIET]
    startDate: Annotated[Date | None, Category.DIET] = None
    endDate: Annotated[Date | None, Category.DIET] = None  # the last day (inclusive, as in SS 12000); None: no end


class Deleted(Payload):
    """An entity was deleted; the id is the one in the source's /deletedEntities."""

    id: Annotated[Uuid, Category.NONE]
    deletedAt: Annotated[LooseTimestamp | None, Category.NONE] = None


# What a record that holds nothing but a protection mark may have.
_MARK_ONLY: Final = frozenset({"id", "meta", "securityMarking"})


def is_unprotected(mark: Any) -> bool:
    """Whether a protection mark is `Ingen`. Suppliers write it in upper and lower case, and with spaces around it."""
    return isinstance(mark, str) and mark.strip().casefold() == "ingen"


def _describes(data: Any) -> bool:
    # SS 12000 demands names, so a source that does not know them sends empty ones.
    return any(value not in (None, "", []) and name not in _MARK_ONLY for name, value in data.items())


def _only_adds_a_mark(data: Any, owners: Any) -> bool:
    """Whether the record, beside the owner's, places the person nowhere else: it names no further unit or guardian.

    A record with a stricter mark than Ingen is always accepted, since the mark must count.
    """
    if not is_unprotected(data.get("securityMarking")):
        return True
    return all(
        {each.lower() for each in pluck(data, path)} <= {each.lower() for each in pluck(owners, path)}
        for path in ("enrolments[].enroledAt.id", "responsibles[].person.id")
    )


def _spec(kind: str, what: str, *shown: dict[str, Any], **rest: Any) -> EventSpec:
    entity = Ref(kind, "id")
    return EventSpec(
        type=f"se.skolnav.directory.{kind}.{what}.v1",
        subject=entity,
        key=entity,
        # Each source has its own state of a person: a less strict marking from one must not replace a stricter one.
        entity=Ref(kind, "id/") if kind == "person" else entity,
        ends=what == "deleted",
        examples=shown,
        **rest,
    )


# A source may always take back its own record.
_GONE: Final = Shared(makes=_describes, adds=lambda data, owners: True)


class PersonUpserted(Person):
    """A person is new or has changed. The data is the whole person as the source has it now."""

    spec = _spec(
        "person",
        "upserted",
        examples.PUPIL,
        examples.PUPIL_PROTECTED,
        examples.GUARDIAN,
        examples.TEACHER,
        about=("id",),
        mentions=("responsibles[].person.id",),
        shared=Shared(makes=_describes, adds=_only_adds_a_mark),
        places=("responsibles[].person.id",),
    )


class PersonDeleted(Deleted):
    """A person was deleted from the school system."""

    id: Annotated[Uuid, Category.IDENTITY]
    deletedAt: Annotated[LooseTimestamp | None, Category.IDENTITY] = None
    spec = _spec("person", "deleted", examples.gone(examples.PUPIL), about=("id",), shared=_GONE)


class GroupUpserted(Group):
    """A group is new or has changed, with all its memberships."""

    spec = _spec(
        "group",
        "upserted",
        examples.GROUP,
        examples.TEACHING_GROUP,
        mentions=("groupMemberships[].person.id",),
        organisations=("organisation.id",),
    )


class GroupDeleted(Deleted):
    """A group was deleted."""

    spec = _spec("group", "deleted", examples.gone(examples.GROUP), groups=("id",))


class DutyUpserted(Duty):
    """A duty is new or has changed."""

    spec = _spec(
        "duty",
        "upserted",
        examples.DUTY,
        examples.DUTY_BARE,
        about=("person.id",),
        organisations=("dutyAt.id",),
        places=("person.id",),
    )


class DutyDeleted(Deleted):
    """A duty was deleted. `person` is optional, since some sources list only ids."""

    id: Annotated[Uuid, Category.STAFF]
    person: Annotated[PersonRef | None, Category.STAFF] = None
    deletedAt: Annotated[LooseTimestamp | None, Category.STAFF] = None
    spec = _spec("duty", "deleted", examples.gone(examples.DUTY), about=("person.id",), groups=("id",))


class ActivityUpserted(Activity):
    """An activity is new or has changed."""

    spec = _spec(
        "activity",
        "upserted",
        examples.ACTIVITY,
        examples.ACTIVITY_BY_PERSON,
        mentions=("teachers[].person.id",),
        organisations=("organisation.id",),
        groups=("groups[].id",),
    )


class ActivityDeleted(Deleted):
    """An activity was deleted."""

    spec = _spec("activity", "deleted", examples.gone(examples.ACTIVITY), groups=("id",))


class RoomUpserted(Room):
    """A room is new or has changed."""

    spec = _spec("room", "upserted", examples.ROOM, organisations=("owner.id",))


class RoomDeleted(Deleted):
    """A room was deleted."""

    spec = _spec("room", "deleted", examples.gone(examples.ROOM), groups=("id",))


class OrganisationUpserted(Organisation):
    """An organisation is new or has changed."""

    spec = _spec(
        "organisation", "upserted", examples.SCHOOL_UNIT, examples.SCHOOL, examples.PRINCIPAL, organisations=("id",)
    )


class OrganisationDeleted(Deleted):
    """An organisation was deleted."""

    spec = _spec("organisation", "deleted", examples.gone(examples.SCHOOL_UNIT), organisations=("id",))


class DietUpserted(Diet):
    """A person's diet is new or has changed."""

    spec = _spec("diet", "upserted", examples.DIET, examples.DIET_FOR_A_TIME, about=("person.id",))


class DietDeleted(Deleted):
    """A person's special diet has ended. The event names the person, since the gate could not decide without."""

    id: Annotated[Uuid, Category.DIET]
    person: PersonRef
    deletedAt: Annotated[LooseTimestamp | None, Category.DIET] = None
    spec = _spec("diet", "deleted", examples.DIET_GONE, about=("person.id",))


_SOURCE = Ref("source", "")
Resource = Literal[
    "organisations",
    "persons",
    "groups",
    "duties",
    "activities",
    "rooms",
    "calendarEvents",
    "absences",
    "attendances",
    "attendanceEvents",
]  # fmt: skip


class DirectoryCurrent(Payload):
    """A source declares that what it has published is complete as of this time. It keeps `Ingen` fresh.

    `completeUntil`: until when sums over the source's pupils are complete by what it has published of the directory and
    of absences. By then it will have declared so again. A later sum may lack what the source could not say, and is
    marked incomplete. A time in the past means that the source lacks something now. Left out: for as long as the
    source's last `asOf` keeps `Ingen` fresh.

    `resources`: the SS 12000 resources that the source publishes. Left out: the whole directory. A statement without
    `persons`, as a system for absences alone makes it, keeps no `Ingen` fresh. Its `completeUntil` counts for the sums
    of all pupils, since no pupil belongs to the source.
    """

    asOf: Annotated[Timestamp, Category.NONE]
    completeUntil: Annotated[Timestamp | None, Category.NONE] = None
    resources: Annotated[list[Resource] | None, Category.NONE] = None
    spec = EventSpec(
        type="se.skolnav.directory.current.v1",
        subject=_SOURCE,
        key=_SOURCE,
        entity=_SOURCE,
        examples=(
            {"asOf": "2026-11-24T05:45:00+01:00"},
            {"asOf": "2026-11-24T07:58:00+01:00", "completeUntil": "2026-11-24T08:08:00+01:00"},
            {
                "asOf": "2026-11-24T07:58:00+01:00",
                "completeUntil": "2026-11-24T08:08:00+01:00",
                "resources": ["absences"],
            },
        ),
    )


TYPES = (
    PersonUpserted,
    PersonDeleted,
    GroupUpserted,
    GroupDeleted,
    DutyUpserted,
    DutyDeleted,
    ActivityUpserted,
    ActivityDeleted,
    RoomUpserted,
    RoomDeleted,
    OrganisationUpserted,
    OrganisationDeleted,
    DirectoryCurrent,
    DietUpserted,
    DietDeleted,
)
