"""Family directory: who and what there is. The data is the SS 12000 v2.1 entity as its school system gives it.

Only these events carry names and contacts. They are taken with the oddities that school systems have: unknown fields
and unknown values of enumerations are kept, fields that the standard requires may be missing. An entity without an id
that is a UUID, or with a known field of the wrong JSON type, is refused. `_embedded` is an unknown field.

`diet` is not SS 12000: the kitchen's diet codes come from a source of their own.
"""

from typing import Annotated, Any

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
    Timestamp,
    Uuid,
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
    """Where somebody lives; each part of it alone may be enough to find them."""

    type: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    streetAddress: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    locality: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    postalCode: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    country: Annotated[str | None, Category.PROTECTED_ADDRESS] = None
    countyCode: Annotated[int | str | None, Category.PROTECTED_ADDRESS] = None
    municipalityCode: Annotated[int | str | None, Category.PROTECTED_ADDRESS] = None
    realEstateDesignation: Annotated[str | None, Category.PROTECTED_ADDRESS] = None


class Enrolment(Part):
    """At which school unit a pupil is enrolled (`enroledAt`, so spelt), in which school form and year, and when.

    The school form alone may tell a disability (GRS, GYS, SP): scope a contract by `school_types` where that matters.
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
    """A guardian or another who answers for the pupil, and as what (Vårdnadshavare, God man, ...)."""

    person: PersonRef
    relationType: Annotated[str | None, Category.IDENTITY] = None


class Person(Payload):
    """SS 12000 Person: pupil, guardian or staff.

    `securityMarking` and who is responsible for whom are read by the hub; the marking reaches no recipient at all.
    A family tie takes both identity and contact: it is for who must reach a guardian.
    """

    id: Annotated[Uuid, Category.IDENTITY]
    # When the record changed would let two recipients match their pseudonyms, hence identity and not none.
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
    """SS 12000 Group: a class, a teaching group, a mentor group; with its members."""

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
    """SS 12000 Duty (tjänstgöring): where a member of staff works, as what, and for which groups.

    It is about its person: signature and description name a teacher even where the reference is gone.
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
    """A teacher of an activity: by duty (SS 12000), or by person as some school systems do."""

    duty: Reference | None = None
    person: PersonRef | None = None
    startDate: Annotated[Date | None, Category.STAFF] = None
    endDate: Annotated[Date | None, Category.STAFF] = None
    minutesPlanned: Annotated[int | None, Category.STAFF] = None
    grader: Annotated[bool | None, Category.STAFF] = None


class Activity(Payload):
    """SS 12000 Activity: a course or a subject for some groups, with its teachers. Lessons are its calendar events."""

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
    """SS 12000 Organisation: the responsible body (huvudman), its schools and school units, each with its parent."""

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
    """What a person eats, as the kitchen's own codes. May tell health or religion (GDPR article 9)."""

    id: Annotated[Uuid, Category.DIET]
    person: PersonRef
    # NORMAL, GLUTENFRI, LAKTOSFRI, VEGETARISK, HALAL, ...: an open list that the municipality and its kitchens keep.
    codes: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1), Category.DIET]
    startDate: Annotated[Date | None, Category.DIET] = None
    endDate: Annotated[Date | None, Category.DIET] = None  # the last day (inclusive, as in SS 12000); None: no end


class Deleted(Payload):
    """That an entity is gone; the id is what the source's /deletedEntities gives."""

    id: Annotated[Uuid, Category.NONE]
    deletedAt: Annotated[LooseTimestamp | None, Category.NONE] = None


def _spec(kind: str, what: str, *shown: dict[str, Any], **rest: Any) -> EventSpec:
    entity = Ref(kind, "id")
    return EventSpec(
        type=f"se.skolnav.directory.{kind}.{what}.v1",
        subject=entity,
        key=entity,
        # A person's state is kept per source: a stricter marking must outlive another source's laxer word.
        entity=Ref(kind, "id/") if kind == "person" else entity,
        ends=what == "deleted",
        examples=shown,
        **rest,
    )


class PersonUpserted(Person):
    """A person is new or has changed; the whole person as the source has it now."""

    spec = _spec(
        "person",
        "upserted",
        examples.PUPIL,
        examples.PUPIL_PROTECTED,
        examples.GUARDIAN,
        examples.TEACHER,
        about=("id",),
        mentions=("responsibles[].person.id",),
    )


class PersonDeleted(Deleted):
    """A person is gone from the school system."""

    id: Annotated[Uuid, Category.IDENTITY]
    deletedAt: Annotated[LooseTimestamp | None, Category.IDENTITY] = None
    spec = _spec("person", "deleted", examples.gone(examples.PUPIL), about=("id",))


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
    """A group is gone."""

    spec = _spec("group", "deleted", examples.gone(examples.GROUP), groups=("id",))


class DutyUpserted(Duty):
    """A duty is new or has changed."""

    spec = _spec(
        "duty", "upserted", examples.DUTY, examples.DUTY_BARE, about=("person.id",), organisations=("dutyAt.id",)
    )


class DutyDeleted(Deleted):
    """A duty is gone. `person` may be given; sources that only list ids leave it out."""

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
    """An activity is gone."""

    spec = _spec("activity", "deleted", examples.gone(examples.ACTIVITY), groups=("id",))


class RoomUpserted(Room):
    """A room is new or has changed."""

    spec = _spec("room", "upserted", examples.ROOM, organisations=("owner.id",))


class RoomDeleted(Deleted):
    """A room is gone."""

    spec = _spec("room", "deleted", examples.gone(examples.ROOM), groups=("id",))


class OrganisationUpserted(Organisation):
    """An organisation is new or has changed."""

    spec = _spec(
        "organisation", "upserted", examples.SCHOOL_UNIT, examples.SCHOOL, examples.PRINCIPAL, organisations=("id",)
    )


class OrganisationDeleted(Deleted):
    """An organisation is gone."""

    spec = _spec("organisation", "deleted", examples.gone(examples.SCHOOL_UNIT), organisations=("id",))


class DietUpserted(Diet):
    """A person's diet is new or has changed."""

    spec = _spec("diet", "upserted", examples.DIET, examples.DIET_FOR_A_TIME, about=("person.id",))


class DietDeleted(Deleted):
    """A person's special diet has ended. It names the person: without, nobody could tell whether it may be told."""

    id: Annotated[Uuid, Category.DIET]
    person: PersonRef
    deletedAt: Annotated[LooseTimestamp | None, Category.DIET] = None
    spec = _spec("diet", "deleted", examples.DIET_GONE, about=("person.id",))


_SOURCE = Ref("source", "")


class DirectoryCurrent(Payload):
    """A source says: what I have sent is complete as of this time (the marking `Ingen` is fresh by it)."""

    asOf: Annotated[Timestamp, Category.NONE]
    spec = EventSpec(
        type="se.skolnav.directory.current.v1",
        subject=_SOURCE,
        key=_SOURCE,
        entity=_SOURCE,
        examples=({"asOf": "2026-11-24T05:45:00+01:00"},),
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
