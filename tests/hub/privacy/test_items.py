"""An object that is about a hidden person goes as a whole; one that only mentions that person stays without the id."""

from typing import Annotated, Any

import pytest

from hub.privacy.base import Recipient
from schemas import CORE_TYPES, Catalogue, Category, EventSpec, Part, Payload, Ref
from schemas.payload import Uuid
from tests.hub.privacy.house import ALL, House, contract, recipient
from tests.school import HIDDEN, PERSON, pupil, uid

ANNA, BO = uid("Anna"), uid("Bo")


class Errand(Part):
    """A vendor's object that names persons by plain ids."""

    what: Annotated[str, Category.FREE_TEXT]
    holder: Annotated[Uuid, Category.IDENTITY]
    person: Annotated[Uuid | None, Category.IDENTITY] = None
    helper: Annotated[Uuid | None, Category.IDENTITY] = None
    helpers: Annotated[list[Uuid] | None, Category.IDENTITY] = None


class ErrandsPlanned(Payload):
    id: Annotated[Uuid, Category.NONE]
    planner: Annotated[Uuid, Category.IDENTITY]
    errand: Errand | None = None
    errands: list[Errand]

    spec = EventSpec(
        "com.acme.errands.planned.v1",
        Ref("errands", "id"),
        Ref("errands", "id"),
        mentions=(
            "planner",
            *(f"{place}.{name}" for place in ("errand", "errands[]") for name in ("holder", "person", "helper")),
            "errand.helpers[]",
            "errands[].helpers[]",
        ),
    )


@pytest.fixture
def house() -> House:
    house = House(Catalogue((*CORE_TYPES, ErrandsPlanned)))
    house.say(PERSON, pupil(ANNA))
    house.say(PERSON, pupil(BO, HIDDEN))
    return house


def seen(house: House, to: Recipient | None = None, **data: Any) -> Any:
    whole = {"id": uid("errands"), "planner": ANNA, "errands": [], **data}
    return house.seen(house.say(ErrandsPlanned.spec.type, whole), to or recipient())


def errand(**names: Any) -> dict[str, Any]:
    return {"what": "fetch the ball", "holder": ANNA, **names}


@pytest.mark.parametrize("about", ["holder", "person"])
def test_an_object_whose_required_id_or_whose_person_is_hidden_is_removed(house: House, about: str) -> None:
    """Promise 5: the rest of the object would tell of the person."""
    hidden = errand(**{about: BO})
    found = seen(house, errand=hidden, errands=[errand(), hidden, errand(what="sweep")])
    assert "errand" not in found
    assert found["errands"] == [errand(), errand(what="sweep")]


def test_an_object_that_only_mentions_a_hidden_person_stays_without_the_id(house: House) -> None:
    both = errand(helper=BO, helpers=[BO, ANNA])
    found = seen(house, errand=both, errands=[both, errand(helpers=[BO])])
    assert found["errand"] == errand(helpers=[ANNA])
    assert found["errands"] == [errand(helpers=[ANNA]), errand()]


def test_an_event_that_mentions_a_hidden_person_at_its_root_stays_without_the_id(house: House) -> None:
    found = seen(house, planner=BO, errands=[errand()])
    assert found == {"id": uid("errands"), "errands": [errand()]}


def test_open_persons_stay_wherever_they_are_named(house: House) -> None:
    whole = errand(person=ANNA, helper=ANNA, helpers=[ANNA])
    assert seen(house, errand=whole, errands=[whole]) == {
        "id": uid("errands"), "planner": ANNA, "errand": whole, "errands": [whole],
    }  # fmt: skip


def test_without_identity_every_id_is_the_recipients_pseudonym(house: House) -> None:
    to = recipient(contract(*(ALL - {Category.IDENTITY})))
    name = house.gate.pseudonyms(to).of(ANNA)
    found = seen(house, to, errands=[errand(person=ANNA, helper=ANNA, helpers=[ANNA, ANNA])])
    assert found["planner"] == name
    assert found["errands"] == [{"what": "fetch the ball", **dict.fromkeys(("holder", "person", "helper"), name),
                                 "helpers": [name, name]}]  # fmt: skip
