"""What only a privacy officer may ask and do: about one person, whose id is in the body, so that no log has it."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from hub.api.answers import HolderList
from hub.config.model import Role
from hub.http.access import Caller, Parts
from hub.http.as_json import Answer, Route, as_json
from hub.http.problems import ApiProblem
from hub.operating import protection
from hub.privacy.kept import NotProtected, StillProtected
from hub.texts import both

router = APIRouter(prefix="/v1/operator/protection", tags=["operators"], route_class=Route)


class PersonRequest(BaseModel):
    """`person`: the SS 12000 id."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    person: str = Field(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")


class LiftRequest(PersonRequest):
    """`reason`: the officer's own words, for the audit. It must name no person, since operators read the audit."""

    reason: str = Field(min_length=1, max_length=500)


@router.post("/lift", summary="Lift a protection that no source will lift", response_class=JSONResponse)
async def lift(wanted: LiftRequest, parts: Parts, who: Caller) -> Answer[protection.Lifted]:
    """For privacy officers. A protection outlives its record: it ends by its own source's `Ingen`. Where that source
    has deleted the person, is gone, or sends no mark any more, an officer ends it here. Refused while a source that has
    the person says that the person is protected. The audit has the act before anything is lifted.
    """
    who.require(Role.PRIVACY_OFFICER)
    try:
        return as_json(await protection.lift(parts, actor=who.id, person=wanted.person, reason=wanted.reason))
    except NotProtected:
        raise ApiProblem("not-found", both("refusal.not-protected")) from None
    except StillProtected as error:
        sources = ", ".join(error.sources)
        raise ApiProblem("state-conflict", both("refusal.still-protected", sources=sources)) from None


@router.post("/holders", summary="Which recipients may hold data about a person", response_class=JSONResponse)
async def holders(wanted: PersonRequest, parts: Parts, who: Caller) -> Answer[HolderList]:
    """For privacy officers: who must be asked to erase what they got. From the log of disclosures, as far as it goes
    back. `listed`: how many answers list the person; `unlisted`: answers that list only some of their persons, so the
    person may be among the others. Events that only mention the person, such as a group with its members, are not
    counted. The audit notes each reading.
    """
    who.require(Role.PRIVACY_OFFICER)
    return as_json({"holders": await protection.holders(parts, actor=who.id, person=wanted.person)})
