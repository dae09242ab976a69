"""Examples of directory entities: an invented school, invented people, numbers that no one can have."""

from typing import Any

_META = {"created": "2026-08-10T06:00:00+02:00", "modified": "2026-11-20T06:00:00+01:00"}
_ODD_META = {"created": "2026-08-10T06:00:00.123456", "modified": "2026-11-20T06:00:00.123456"}  # no offset

PRINCIPAL: dict[str, Any] = {
    "id": "c2a1b0de-0f2c-4f57-9b7e-3c6d1f9a0001",
    "meta": _META,
    "displayName": "Exempelkommun",
    "organisationType": "Huvudman",
    "organisationNumber": "2120000000",
    "municipalityCode": "0000",
    "email": "info@exempelkommun.example",
    "address": {"streetAddress": "Torget 1", "postalCode": "000 01", "locality": "Exempelstad"},
}
SCHOOL: dict[str, Any] = {
    "id": "c2a1b0de-0f2c-4f57-9b7e-3c6d1f9a0002",
    "meta": _META,
    "displayName": "Björkskolan",
    "organisationType": "Skola",
    "parentOrganisation": {"id": PRINCIPAL["id"]},
}
SCHOOL_UNIT: dict[str, Any] = {
    "id": "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10",
    "meta": _META,
    "displayName": "Björkskolan 7-9",
    "organisationType": "Skolenhet",
    "schoolUnitCode": "00000001",
    "schoolTypes": ["GR"],
    "parentOrganisation": {"id": SCHOOL["id"], "displayName": "Björkskolan"},
    "contactInfo": [{"infoType": "Publik", "info": "Expeditionen är öppen 7.30-16."}],
}
ROOM: dict[str, Any] = {
    "id": "b2140000-5d1e-4c35-8a3b-2f0e6c7d0214",
    "meta": _META,
    "displayName": "B214",
    "seats": 30,
    "owner": {"id": SCHOOL["id"]},
}

GUARDIAN: dict[str, Any] = {
    "id": "5a7e9c10-44f1-4a0c-8e0b-7d2b6f3c0501",
    "meta": _META,
    "givenName": "Maja",
    "familyName": "Exempelsson",
    "securityMarking": "Ingen",
    "personStatus": "Aktiv",
    "emails": [{"value": "maja@exempel.example", "type": "Privat"}],
    "phoneNumbers": [{"value": "070-000 00 01", "type": "Hem", "mobile": True}],
}
PUPIL: dict[str, Any] = {
    "id": "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01",
    "meta": _META,
    "givenName": "Alva",
    "middleName": "Prov",
    "familyName": "Exempelsson",
    "eduPersonPrincipalNames": ["alvexe@elev.exempelkommun.example"],
    "externalIdentifiers": [{"value": "4711", "context": "https://sis.example", "globallyUnique": True}],
    "civicNo": {"value": "201302300000", "nationality": "SE"},  # the 30th of February
    "birthDate": "2013-02-28",
    "sex": "Kvinna",
    "securityMarking": "Ingen",
    "personStatus": "Aktiv",
    "emails": [{"value": "alvexe@elev.exempelkommun.example", "type": "Skola elev"}],
    "addresses": [
        {
            "type": "Folkbokföring",
            "streetAddress": "Provgatan 3",
            "locality": "Exempelstad",
            "postalCode": "000 02",
            "country": "Sverige",
            "countyCode": 0,
            "municipalityCode": 0,
        }
    ],
    "photo": "https://sis.example/photos/4711",
    "enrolments": [
        {
            "enroledAt": {"id": SCHOOL_UNIT["id"]},
            "schoolType": "GR",
            "schoolYear": 7,
            "startDate": "2026-08-17",
            "cancelled": False,
        }
    ],
    "responsibles": [{"person": {"id": GUARDIAN["id"]}, "relationType": "Vårdnadshavare"}],
}
PUPIL_PROTECTED: dict[str, Any] = {
    "id": "9d020f3a-7c1b-4be4-8c55-0e4a9b7d0202",
    "meta": _ODD_META,
    "givenName": "Test",
    "familyName": "Testsson",
    "civicNo": {"value": "130230-0001"},
    "securityMarking": "Skyddad folkbokföring",
    "personStatus": "Aktiv",
    "enrolments": [
        {
            "enroledAt": {"id": SCHOOL_UNIT["id"]},
            "schoolType": "GR",
            "schoolYear": 7,
            "startDate": "2026-08-17",
            "endDate": "2027-06-11",
        }
    ],
}
TEACHER: dict[str, Any] = {
    "id": "9e2a5a0c-4a4e-4a43-8d9e-0c7b5a1b2c03",
    "meta": _META,
    "givenName": "Nils",
    "familyName": "Provlund",
    "securityMarking": "Ingen",
    "personStatus": "Aktiv",
    "eduPersonPrincipalNames": ["nilpro@exempelkommun.example"],
    "emails": [{"value": "nils.provlund@exempelkommun.example", "type": "Skola personal"}],
}

GROUP: dict[str, Any] = {
    "id": "7a7a7a7a-1c9f-4d55-9f7b-6a1e4e3b0701",
    "meta": _META,
    "displayName": "7A",
    "groupType": "Klass",
    "schoolType": "GR",
    "startDate": "2026-08-17",
    "endDate": "2027-06-11",
    "organisation": {"id": SCHOOL_UNIT["id"]},
    "groupMemberships": [
        {"person": {"id": PUPIL["id"]}, "startDate": "2026-08-17"},
        {
            "person": {"id": PUPIL_PROTECTED["id"], "securityMarking": "Skyddad folkbokföring"},
            "startDate": "2026-08-17",
            "endDate": "2027-06-11",
        },
    ],
}
TEACHING_GROUP: dict[str, Any] = {
    "id": "7a7a7a7a-1c9f-4d55-9f7b-6a1e4e3b0702",
    "meta": _ODD_META,
    "displayName": "MA7",
    "groupType": "Undervisning",
    "startDate": "2026-08-17",
    "organisation": {"id": SCHOOL_UNIT["id"]},
}
DUTY: dict[str, Any] = {
    "id": "d0d0d0d0-3b7a-4e84-9e07-ac81a04c0301",
    "meta": _META,
    "person": {"id": TEACHER["id"]},
    "dutyAt": {"id": SCHOOL["id"]},
    "dutyRole": "Lärare",
    "description": "Ämneslärare",
    "signature": "NPR",
    "dutyPercent": 100,
    "startDate": "2024-01-01",
    "assignmentRole": [
        {"group": {"id": GROUP["id"]}, "assignmentRoleType": "Mentor", "startDate": "2026-08-17"},
    ],
}
DUTY_BARE: dict[str, Any] = {
    "id": "d0d0d0d0-3b7a-4e84-9e07-ac81a04c0302",
    "meta": _META,
    "dutyAt": {"id": SCHOOL["id"]},
    "dutyRole": "Kurator",
    "startDate": "2026-11-01",
    "endDate": "2026-12-31",
}
ACTIVITY: dict[str, Any] = {
    "id": "ac000000-03e6-4481-ae80-39c47fe50401",
    "meta": _META,
    "displayName": "Matematik 7A",
    "calendarEventsRequired": True,
    "startDate": "2026-08-17",
    "endDate": "2027-06-11",
    "activityType": "Undervisning",
    "minutesPlanned": 7200,
    "groups": [{"id": TEACHING_GROUP["id"]}],
    "organisation": {"id": SCHOOL_UNIT["id"]},
    "teachers": [{"duty": {"id": DUTY["id"]}, "startDate": "2026-08-17", "grader": True}],
    "syllabus": {"id": "5e110000-16f5-4cc0-a39e-7e2f21f20501"},
}
ACTIVITY_BY_PERSON: dict[str, Any] = {
    "id": "ac000000-03e6-4481-ae80-39c47fe50402",
    "meta": _ODD_META,
    "displayName": "Idrott och hälsa 7A",
    "startDate": "2026-08-17",
    "activityType": "Undervisning",
    "groups": [{"id": GROUP["id"]}],
    "organisation": {"id": SCHOOL_UNIT["id"]},
    "teachers": [{"person": {"id": TEACHER["id"]}}],
}

DIET: dict[str, Any] = {
    "id": "d1e70000-81b2-4f3f-9a44-5f1f6a3c0601",
    "person": {"id": PUPIL["id"]},
    "codes": ["GLUTENFRI", "LAKTOSFRI"],
    "startDate": "2026-08-17",
    "endDate": "2027-06-11",
}
DIET_FOR_A_TIME: dict[str, Any] = {
    "id": "d1e70000-81b2-4f3f-9a44-5f1f6a3c0602",
    "person": {"id": TEACHER["id"]},
    "codes": ["VEGETARISK"],
}
DIET_GONE: dict[str, Any] = {"id": DIET["id"], "person": DIET["person"], "deletedAt": "2026-11-24T06:10:00+01:00"}


def gone(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity as a source's list of deleted entities has it, with a time without offset, as some sources write it."""
    return {"id": entity["id"], "deletedAt": "2026-11-24T06:10:00"}
