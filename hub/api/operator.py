"""What operators ask and do, over the network or the command line's local socket: ids, types, counts and outcomes.

Each route turns a value of `hub.operating` into JSON.
"""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from hub.api.answers import (
    ActList,
    AlertList,
    Applied,
    BackupSize,
    ConnectorList,
    DirectoryName,
    DisclosureList,
    EndedLetterList,
    ExplanationList,
    LetterList,
    OutcomeList,
    SpanList,
    UnknownIds,
)
from hub.config.model import Role
from hub.engines import BackupFailed
from hub.http.access import Caller, Operator, Parts, Spoken
from hub.http.as_json import Answer, Route, as_json
from hub.http.auth import Principal
from hub.http.problems import NO_SUCH_PATH, ApiProblem
from hub.operating import (
    acts,
    alerts,
    configured_ids,
    connectors,
    counters,
    dead_letters,
    disclosure_chain,
    events,
    outcomes,
    overview,
    search,
)
from hub.operating.installed import Installed, installed
from hub.operating.outcomes import What
from hub.operating.why import why
from hub.store import audit
from hub.store.base import StoreUnavailable
from hub.texts import both, of_system
from hub.texts.visible import visible


class Apply(Protocol):
    """Reads the configuration again, and returns what would change; without `dry_run`, makes the changes too."""

    async def __call__(self, *, dry_run: bool) -> Applied: ...


_SEE_OUTCOMES: Final = (Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)

router = APIRouter(prefix="/v1/operator", tags=["operators"], route_class=Route)


def _sees_rules(who: Principal) -> bool:
    """Whether the caller may see which rule withheld an event. It could tell an operator who is protected."""
    return not who.roles.isdisjoint((Role.PRIVACY_OFFICER, Role.AUDITOR))


@router.get("/status", summary="How the hub and every subscription stands", response_class=JSONResponse)
async def show_status(parts: Parts, who: Operator) -> Answer[overview.Overview]:
    return as_json(await overview.overview(parts))


@router.get("/events", summary="What was accepted: ids and types", response_class=JSONResponse)
async def list_events(
    parts: Parts,
    who: Operator,
    since: Annotated[AwareDatetime | None, Query(description="Accepted at or after; left out: the oldest kept")] = None,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the last answer")] = None,
    type: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[events.EventPage]:
    """Subjects are left out: one may name a person. `next` continues from here; `at_head`: there are no more events."""
    try:
        return as_json(await events.page(parts, since=since, after=after, type=type, limit=limit))
    except events.UnknownPage:
        raise ApiProblem("cursor-unknown", both("refusal.after")) from None


@router.get("/why", summary="Why a recipient did or did not get an event", response_class=JSONResponse)
async def explain(
    parts: Parts,
    who: Caller,
    spoken: Spoken,
    event: Annotated[str, Query(max_length=1024, description="The event's id")],
    recipient: Annotated[str, Query(max_length=200, description="A client's or a connector instance's name")],
    source: Annotated[str | None, Query(max_length=1024, description="Left out: any")] = None,
) -> Answer[ExplanationList]:
    """The last decision in words, what became of the event, and every decision in the log of disclosures. Where that
    log holds none, what the gate would decide now (`recomputed`), for each data contract of the recipient. Only a
    privacy officer and an auditor are told which rule withheld the event: it could tell an operator who is protected.
    """
    who.require(*_SEE_OUTCOMES)
    found = await why(
        parts, event=event, source=source, recipient=recipient, language=spoken, with_rules=_sees_rules(who)
    )
    return as_json({"explanations": found})


@router.get("/search", summary="Search events, newest first", response_class=JSONResponse)
async def search_events(
    parts: Parts,
    who: Caller,
    id: Annotated[str | None, Query(max_length=1024)] = None,
    type: Annotated[str | None, Query(max_length=200, description="A glob: `se.skolnav.absence.*`")] = None,
    source: Annotated[str | None, Query(max_length=1024, description="A glob")] = None,
    subject: Annotated[
        str | None, Query(max_length=1024, description="`person/<uuid>`: also events about the person")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="Accepted at or after")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Accepted before")] = None,
    recipient: Annotated[str | None, Query(max_length=200, description="A client's or an instance's name")] = None,
    outcome: Annotated[What | None, Query(description="Of the recipient, or of any")] = None,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the last answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[search.FoundPage]:
    """With `recipient` or `outcome` each event comes with its `outcomes`. `next` null: there are no older events; an
    empty page may have a `next`, since one call looks at 1,000 events. Only a privacy officer and an auditor may search
    by `subject`: with the outcome it could tell an operator who is protected.
    """
    who.require(*_SEE_OUTCOMES)
    if subject is not None:
        who.require(Role.PRIVACY_OFFICER, Role.AUDITOR)
    asked = search.Asked(
        id=id, type=type, source=source, subject=subject, since=since, until=until, recipient=recipient,
        outcome=outcome,
    )  # fmt: skip
    try:
        found = await search.search(parts, asked, after=after, limit=limit, with_rules=_sees_rules(who))
    except events.UnknownPage:
        raise ApiProblem("cursor-unknown", both("refusal.after")) from None
    except search.UnknownRecipient as unknown:
        raise ApiProblem("not-found", both("refusal.recipient-unknown", name=visible(unknown.name))) from None
    return as_json(found)


@router.get("/counters", summary="What was counted over time", response_class=JSONResponse)
async def show_counters(
    parts: Parts,
    who: Operator,
    about: Annotated[
        str | None,
        Query(max_length=1100, description="`subscription/<id>`, `connector/<name>`, `source/<source>`, `hub`"),
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="Left out: 24 hours ago")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Left out: now")] = None,
    hours: Annotated[bool, Query(description="Spans of an hour instead of five minutes")] = False,
) -> Answer[SpanList]:
    """Spans of five minutes (stored for 14 days) or of an hour (13 months), in UTC. A counter whose name ends with
    `_max` is the largest value in the span, any other one a sum. A span in which nothing was counted is left out.
    """
    now = parts.clock.utc()
    since, until = since or now - timedelta(hours=24), until or now + timedelta(seconds=1)
    try:
        found = await counters.counters(parts, about=about, since=since, until=until, hours=hours)
    except counters.TooManySpans:
        raise ApiProblem("invalid-request", both("refusal.spans", most=counters.MOST)) from None
    return as_json({"spans": found})


@router.get("/outcomes", summary="What became of an event, for every subscription", response_class=JSONResponse)
async def show_outcomes(
    parts: Parts,
    who: Caller,
    spoken: Spoken,
    event: Annotated[str, Query(max_length=1024, description="The event's id")],
    source: Annotated[str | None, Query(max_length=1024, description="Left out: any")] = None,
) -> Answer[OutcomeList]:
    """For each subscription: whether the event was permitted, the attempts that failed, and the `outcome`: `not-asked`,
    `before`, `waiting`, `under-way`, `withheld`, `retrying`, `behind`, `delivered`, `served`, `acknowledged`, `dead`,
    `resent`, `discarded` or `unrecorded`. Only a privacy officer and an auditor see which `rule` decided.
    """
    who.require(*_SEE_OUTCOMES)
    found = await outcomes.of_event(parts, event=event, source=source, with_rules=_sees_rules(who))
    return as_json({"events": outcomes.worded(parts, found, spoken)})


@router.get("/disclosures/verify", summary="Whether the log of disclosures is intact", response_class=JSONResponse)
async def verify_disclosures(
    parts: Parts, who: Caller, after: Annotated[int, Query(ge=0, description="`rows` of the last answer")] = 0
) -> Answer[disclosure_chain.ChainCheck]:
    """Rows are chained by hashes. `rows`: up to this number they fit together. `broken_at`: the number of the first row
    that does not fit or is missing. `trimmed`: the rows up to this number were removed, since their retention had
    passed. `complete` false: call again with `after`, since one call verifies 20,000 rows.
    """
    who.require(Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)
    return as_json(await disclosure_chain.verify(parts.store, after))


_After = Annotated[int, Query(ge=0, description="The number of the last row that you have; 0: from the first")]
_Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/disclosures", summary="The log of disclosures, row by row", response_class=JSONResponse)
async def list_disclosures(parts: Parts, who: Caller, after: _After = 0, limit: _Limit = 100) -> Answer[DisclosureList]:
    """For privacy officers and auditors: which recipient got how many events, about which pseudonyms, under which rule;
    and what was denied. The audit notes each reading.
    """
    who.require(Role.PRIVACY_OFFICER, Role.AUDITOR)
    now = parts.clock.utc()
    rows = await disclosure_chain.page(parts.store, after=after, limit=limit, reader=who.id, at=now)
    return as_json({"disclosures": rows})


@router.get("/audit", summary="Which client did what to the hub", response_class=JSONResponse)
async def list_audit(parts: Parts, who: Caller, after: _After = 0, limit: _Limit = 100) -> Answer[ActList]:
    """Oldest first; ids and times, no data."""
    who.require(Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)
    return as_json({"acts": await disclosure_chain.acts(parts.store, after=after, limit=limit)})


@router.get("/dead-letters", summary="Every dead letter", response_class=JSONResponse)
async def list_dead_letters(
    parts: Parts,
    who: Operator,
    spoken: Spoken,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[LetterList]:
    """`reason` is a code; `says`: what it means, in the caller's language."""
    found = await dead_letters.page(parts, subscription=None, after=after, limit=limit, language=spoken)
    return as_json({"dead_letters": found})


@router.get("/dead-letters/history", summary="What became of dead letters", response_class=JSONResponse)
async def list_ended_letters(
    parts: Parts,
    who: Operator,
    spoken: Spoken,
    before: Annotated[str | None, Query(max_length=200, description="The last letter's id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[EndedLetterList]:
    """Letters that were sent again or discarded, newest first. They are stored for as long as events (`retention`)."""
    found = await dead_letters.history(parts, subscription=None, before=before, limit=limit, language=spoken)
    return as_json({"letters": found})


@router.get("/plugins", summary="What is installed and what runs", response_class=JSONResponse)
async def list_plugins(parts: Parts, who: Operator, spoken: Spoken) -> Answer[Installed]:
    """Texts are in the caller's language."""
    return as_json(installed(parts, spoken))


@router.get(
    "/connectors", summary="How each connector stands, and what waits for a person", response_class=JSONResponse
)
async def list_connectors(parts: Parts, who: Operator, spoken: Spoken) -> Answer[ConnectorList]:
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
async def unknown_ids(wanted: UnknownRequest, parts: Parts, who: Operator) -> Answer[UnknownIds]:
    """For ids in a configuration file. `empty`: no organisation has arrived yet, so every id is unknown."""
    unknown = configured_ids.unknown(parts, ((each.kind, each.id) for each in wanted.ids))
    found = [DirectoryName(kind=kind, id=id) for kind, id in unknown]
    return as_json({"empty": configured_ids.is_empty(parts), "unknown": found})


class ConfirmRequest(BaseModel):
    """`word`: what GET /v1/operator/connectors shows as the `word` of the thing that waits."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    word: str = Field(min_length=1, max_length=100)


@router.post("/connectors/{name}/confirm", summary="Confirm what waits for a person", response_class=JSONResponse)
async def confirm(parts: Parts, who: Operator, name: str, wanted: ConfirmRequest) -> Answer[acts.Confirmed]:
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
async def reconcile(parts: Parts, who: Operator, name: str) -> Answer[acts.Begun]:
    """Starts the comparison that otherwise runs at night. It may take long. `begun` false: one is under way already."""
    return as_json(await acts.reconcile(parts, actor=who.id, connector=name), 202)


@router.post(
    "/connectors/{name}/restart", status_code=202, summary="Start a connector anew", response_class=JSONResponse
)
async def restart(parts: Parts, who: Operator, name: str) -> Answer[acts.Begun]:
    """The connector starts with its stored state. Call this after a person has mended what made the connector fail or
    hang. `begun` false: a restart is under way already.
    """
    return as_json(await acts.restart(parts, actor=who.id, connector=name), 202)


@router.get("/alerts", summary="What should have happened and did not", response_class=JSONResponse)
async def list_alerts(parts: Parts, who: Operator, spoken: Spoken) -> Answer[AlertList]:
    """What needs a person first, then what a person has acknowledged; the most severe and then the oldest first.
    `since`: when what should have happened did not. `error`: the code of the last failure; `attempts`: failures in a
    row; `count`: how many wait behind it. `says` and `todo` are in the caller's language. The same is published as
    events `se.skolnav.operator.*`.
    """
    return as_json({"alerts": alerts.alerts(parts, spoken)})


class AcknowledgeRequest(BaseModel):
    """`name`: who sees to it, as colleagues know that person."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=100)


@router.post("/alerts/{id}/acknowledge", summary="Say who sees to an alert", response_class=JSONResponse)
async def acknowledge(parts: Parts, who: Operator, id: str, wanted: AcknowledgeRequest) -> Answer[alerts.Acknowledged]:
    """The name and the caller's id are durable before the answer. Reminders end; the alert goes when it is over."""
    try:
        return as_json(await alerts.acknowledge(parts, actor=who.id, id=id, name=wanted.name))
    except alerts.NoSuchAlert:
        raise ApiProblem("not-found", both("refusal.no-alert")) from None


class ApplyRequest(BaseModel):
    """`dry_run`: only return what would change."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: bool = True


@router.post("/apply", summary="Read the configuration file again", response_class=JSONResponse)
async def apply(request: Request, wanted: ApplyRequest, who: Operator) -> Answer[Applied]:
    """What the file would change here, and with `dry_run: false` the change itself."""
    hook: Apply | None = request.app.state.apply
    if hook is None:
        raise ApiProblem("state-conflict", both("refusal.no-file"))
    return as_json(await hook(dry_run=wanted.dry_run))


class BackupRequest(BaseModel):
    """`folder`: an absolute path on the hub's machine, of a folder without a backup in it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    folder: str = Field(min_length=2, max_length=4096, pattern=r"^/[^\x00]+$")


@router.post("/backup", include_in_schema=False, response_class=JSONResponse)
async def backup(request: Request, wanted: BackupRequest, parts: Parts, who: Operator) -> Answer[BackupSize]:
    """Copy the files while the hub runs. For the command line alone: it makes files on the hub's machine."""
    if not request.app.state.local:
        raise ApiProblem("not-found", NO_SUCH_PATH)
    noted = audit.add(parts.store.tenant, parts.clock.utc(), actor=who.id, action="backup.made", target=wanted.folder)
    with contextlib.suppress(StoreUnavailable):  # on a full disk a backup is needed most
        await parts.store.commit(noted)
    try:
        written = await parts.engine.back_up(Path(wanted.folder))
    except FileExistsError:
        raise ApiProblem("state-conflict", both("refusal.backup-exists")) from None
    except OSError as error:
        raise ApiProblem("state-conflict", both("refusal.backup-folder", error=of_system(error))) from None
    except BackupFailed as error:
        raise ApiProblem("unavailable", error.says) from None
    with contextlib.suppress(StoreUnavailable):  # the backup is there all the same
        await parts.alerts.note_backup()
    return as_json({"bytes": written})
