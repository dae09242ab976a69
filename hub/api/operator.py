"""What operators ask and do, over the network or the command line's local socket: ids, types, counts and outcomes.

Each route turns a value of `hub.operating` into JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from hub.config.model import Role
from hub.engines import BackupFailed
from hub.http.access import Caller, Operator, Parts, Spoken
from hub.http.as_json import as_json
from hub.http.problems import NO_SUCH_PATH, ApiProblem
from hub.operating import acts, configured_ids, connectors, dead_letters, disclosure_chain, events, overview
from hub.operating.installed import installed
from hub.operating.why import why


class Apply(Protocol):
    """Reads the configuration again, and returns what would change; without `dry_run`, makes the changes too."""

    async def __call__(self, *, dry_run: bool) -> Mapping[str, Any]: ...


router = APIRouter(prefix="/v1/operator", tags=["operators"])


@router.get("/status", summary="How the hub and every subscription stands", response_class=JSONResponse)
async def show_status(parts: Parts, who: Operator) -> Response:
    return as_json(await overview.overview(parts))


@router.get("/events", summary="What was accepted: ids and types", response_class=JSONResponse)
async def list_events(
    parts: Parts,
    who: Operator,
    since: Annotated[AwareDatetime | None, Query(description="Accepted at or after; left out: the oldest kept")] = None,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the last answer")] = None,
    type: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Subjects are left out: one may name a person. `next` continues from here; `at_head`: there are no more events."""
    try:
        return as_json(await events.page(parts, since=since, after=after, type=type, limit=limit))
    except events.UnknownPage:
        raise ApiProblem("cursor-unknown", "`after` is not the `next` of an earlier answer.") from None


@router.get("/why", summary="Why a recipient did or did not get an event", response_class=JSONResponse)
async def explain(
    parts: Parts,
    who: Caller,
    spoken: Spoken,
    event: Annotated[str, Query(max_length=1024, description="The event's id")],
    recipient: Annotated[str, Query(max_length=200, description="A client's or a connector instance's name")],
    source: Annotated[str | None, Query(max_length=1024, description="Left out: any")] = None,
) -> Response:
    """The last decision in words, and every decision in the log of disclosures. Where it holds none, what the gate
    would decide now (`recomputed`), for each data contract of the recipient.
    """
    who.require(Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)
    found = await why(parts, event=event, source=source, recipient=recipient, language=spoken)
    return as_json({"explanations": found})


@router.get("/disclosures/verify", summary="Whether the log of disclosures is intact", response_class=JSONResponse)
async def verify_disclosures(
    parts: Parts, who: Caller, after: Annotated[int, Query(ge=0, description="`rows` of the last answer")] = 0
) -> Response:
    """Rows are chained by hashes. `rows`: up to this number they fit together. `broken_at`: the number of the first row
    that does not fit or is missing. `trimmed`: the rows up to this number were removed, since their retention had
    passed. `complete` false: call again with `after`, since one call verifies 20,000 rows.
    """
    who.require(Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)
    return as_json(await disclosure_chain.verify(parts, after))


@router.get("/dead-letters", summary="Every dead letter", response_class=JSONResponse)
async def list_dead_letters(
    parts: Parts,
    who: Operator,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    return as_json({"dead_letters": await dead_letters.page(parts, subscription=None, after=after, limit=limit)})


@router.get("/plugins", summary="What is installed and what runs", response_class=JSONResponse)
async def list_plugins(parts: Parts, who: Operator) -> Response:
    return as_json(installed(parts))


@router.get(
    "/connectors", summary="How each connector stands, and what waits for a person", response_class=JSONResponse
)
async def list_connectors(parts: Parts, who: Operator, spoken: Spoken) -> Response:
    """`state`: what a person should read; `status` is the instance's own, and `subscription` how the delivery to the
    instance stands. `failing`: why its last poll failed; `unread`: what a poll that succeeded could not
    do, and `behind`: the far sides that it left behind;
    `failures`: how many polls in a row failed or left something unread. `polled`: when a poll last read everything,
    `polled_s` seconds ago (before the first: since the start). `directory`: how long ago the connector reported the
    directory as complete. `problem`: the code of the last problem; `problems`: how many, by code. `doing`: each call
    under way, with its age in seconds. `unknown_ids`: settings with ids that the directory does not
    know. `waiting`: what the connector does only after a person has confirmed it by its `word`; null if the connector
    did not answer. `trouble` and `says`: the same in the caller's language.
    """
    return as_json({"connectors": await connectors.connectors(parts, spoken)})


class DirectoryId(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["group", "organisation", "room"]
    id: str = Field(min_length=1, max_length=100)


class UnknownRequest(BaseModel):
    """`ids`: of groups, organisations and rooms, none of persons."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ids: tuple[DirectoryId, ...] = Field(max_length=1000)


@router.post("/directory/unknown", summary="Which of these ids the directory lacks", response_class=JSONResponse)
async def unknown_ids(wanted: UnknownRequest, parts: Parts, who: Operator) -> Response:
    """For ids in a configuration file. `empty`: no organisation has arrived yet, so every id is unknown."""
    unknown = configured_ids.unknown(parts, ((each.kind, each.id) for each in wanted.ids))
    found = [{"kind": kind, "id": id} for kind, id in unknown]
    return as_json({"empty": configured_ids.is_empty(parts), "unknown": found})


class ConfirmRequest(BaseModel):
    """`word`: what GET /v1/operator/connectors shows as the `word` of the thing that waits."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    word: str = Field(min_length=1, max_length=100)


@router.post("/connectors/{name}/confirm", summary="Confirm what waits for a person", response_class=JSONResponse)
async def confirm(parts: Parts, who: Operator, name: str, wanted: ConfirmRequest) -> Response:
    """The confirmation and the caller's id are durable before the answer. A poll begins now, and does what was
    confirmed.
    """
    return as_json(await acts.confirm(parts, actor=who.id, connector=name, word=wanted.word))


@router.post(
    "/connectors/{name}/reconcile",
    status_code=202,
    summary="Compare with the far side now",
    response_class=JSONResponse,
)
async def reconcile(parts: Parts, who: Operator, name: str) -> Response:
    """Starts the comparison that otherwise runs at night. It may take long. `begun` false: one is under way already."""
    return as_json(await acts.reconcile(parts, actor=who.id, connector=name), 202)


@router.post(
    "/connectors/{name}/restart", status_code=202, summary="Start a connector anew", response_class=JSONResponse
)
async def restart(parts: Parts, who: Operator, name: str) -> Response:
    """The connector starts with its stored state. Call this after a person has mended what made the connector fail or
    hang. `begun` false: a restart is under way already.
    """
    return as_json(await acts.restart(parts, actor=who.id, connector=name), 202)


class ApplyRequest(BaseModel):
    """`dry_run`: only return what would change."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: bool = True


@router.post("/apply", summary="Read the configuration file again", response_class=JSONResponse)
async def apply(request: Request, wanted: ApplyRequest, who: Operator) -> Response:
    """What the file would change here, and with `dry_run: false` the change itself."""
    hook: Apply | None = request.app.state.apply
    if hook is None:
        raise ApiProblem("state-conflict", "This hub was not started from a file, so there is none to read again.")
    return as_json(await hook(dry_run=wanted.dry_run))


class BackupRequest(BaseModel):
    """`folder`: an absolute path on the hub's machine, of a folder without a backup in it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    folder: str = Field(min_length=2, max_length=4096, pattern=r"^/[^\x00]+$")


@router.post("/backup", include_in_schema=False, response_class=JSONResponse)
async def backup(request: Request, wanted: BackupRequest, parts: Parts, who: Operator) -> Response:
    """Copy the files while the hub runs. For the command line alone: it makes files on the hub's machine."""
    if not request.app.state.local:
        raise ApiProblem("not-found", NO_SUCH_PATH)
    try:
        written = await parts.engine.back_up(Path(wanted.folder))
    except FileExistsError:
        raise ApiProblem("state-conflict", "There is a backup in that folder already. Choose another.") from None
    except OSError as error:
        raise ApiProblem("state-conflict", f"The folder can't be written: {error.strerror}.") from None
    except BackupFailed as error:
        raise ApiProblem("unavailable", str(error)) from None
    return as_json({"bytes": written})
