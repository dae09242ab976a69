"""What a privacy officer does about one person: lifting a protection, and asking who holds data about the person."""

import pytest

from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, current, person, pupil
from tests.school import PERSON_GONE, event

ALL = ("op", "auditor", "acme", "feeder")


async def ask(http, what, client="officer", language="en", **body):
    return await http.post(
        f"/v1/operator/protection/{what}", json=body, headers={**bearer(client), "Accept-Language": language}
    )


async def acts(http):
    answer = await http.get("/v1/operator/audit", headers=bearer("op"))
    return [(each["actor"], each["action"], each["target"]) for each in answer.json()["acts"]]


async def test_a_protection_that_no_source_will_lift_is_lifted_by_the_officer(http, hub):
    await append(hub, current(hub.clock), person(1, "Sekretessmarkering"))
    refused = await ask(http, "lift", person=pupil(1), reason="decided")
    assert refused.status_code == 409
    assert "urn:prov:sis" in refused.json()["detail"]
    await append(hub, event(PERSON_GONE, {"id": pupil(1)}, id="gone"))
    lifted = await ask(http, "lift", person=pupil(1).upper(), reason="decided 24 November")
    assert lifted.json() == {"sources": ["urn:prov:sis"]}
    (act,) = await acts(http)
    assert act == ("officer", "protection.lifted", f"{hub.disclosures.subject(pupil(1))}: decided 24 November")
    again = await ask(http, "lift", "officer", "sv", person=pupil(1), reason="decided")
    assert again.status_code == 404
    assert "Ingen källa skyddar personen" in again.json()["detail"]


@pytest.mark.parametrize("what", ["lift", "holders"])
@pytest.mark.parametrize("client", ALL)
async def test_it_is_for_the_privacy_officer_alone(http, hub, client, what):
    await append(hub, person(1, "Sekretessmarkering"), event(PERSON_GONE, {"id": pupil(1)}, id="gone"))
    body = {"person": pupil(1), **({"reason": "x"} if what == "lift" else {})}
    assert (await ask(http, what, client, **body)).status_code == 403
    assert hub.directory.protected()
    assert await acts(http) == []


async def test_who_holds_data_about_a_person_comes_from_the_log_of_disclosures(http, hub, clock):
    await append(hub, current(clock), person(1), person(2), absence(1, 1), absence(2, 2))
    for client, n in (("acme", 1), ("acme", 1), ("other", 2)):
        answer = await http.get(f"/v1/state/person/{pupil(n)}", headers=bearer(client))
        assert answer.status_code == 200, answer.text
    found = (await ask(http, "holders", person=pupil(1).upper())).json()["holders"]
    assert [(each["recipient"], each["listed"], each["unlisted"]) for each in found] == [("client/acme", 2, 0)]
    assert (await ask(http, "holders", person=pupil(3))).json() == {"holders": []}
    reading = [each for each in await acts(http) if each[0] == "officer"]
    assert [action for _, action, _ in reading] == ["protection.holders-read"] * 2
    assert reading[0][2] == hub.disclosures.subject(pupil(1))


@pytest.mark.parametrize("person", ["Anna", "", pupil(1) + "0"])
async def test_a_name_that_is_no_id_is_refused_and_not_repeated(http, person):
    answer = await ask(http, "holders", person=person)
    assert answer.status_code == 422
    assert not person or person not in answer.text
