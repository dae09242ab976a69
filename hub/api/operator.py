"""What operators ask, over the network or the command line's local socket: ids, types, counts and outcomes, no data."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from hub.api.health import standing, status, waits
from hub.assembly.services import Services
from hub.bus.base import Position, Stored
from hub.clock import from_us
from hub.config.model import Role
from hub.engines import BackupFailed
from hub.hosting.failures import NothingWaits, NotRunning
from hub.http.access import Caller, Operator, Parts
from hub.http.problems import ApiProblem, language, unavailable
from hub.privacy.base import Recipient
from hub.store import audit, dead_letters, disclosures
from hub.store.dead_letters import DeadLetter

Apply = Callable[[bool], Awaitable[Mapping[str, Any]]]
"""Read the configuration again and say what would change (True), or change it (False)."""

_SCAN: Final = 2000  # events looked through in one read

router = APIRouter(prefix="/v1/operator", tags=["operators"])


@router.get("/status", summary="How the hub and every subscription stands", response_class=JSONResponse)
async def overview(parts: Parts, who: Operator) -> Response:
    config = parts.config
    oldest = await parts.log.oldest_time()
    return JSONResponse(
        {
            "municipality": config.municipality,
            "demo": config.demo,
            "school_time": parts.clock.school().isoformat(timespec="seconds"),
            "oldest_event": None if oldest is None else oldest.isoformat(),
            "subscriptions": [
                {
                    "name": each.name,
                    "recipient": each.recipient.name,
                    "sink": each.sink["kind"],
                    "origin": each.origin,
                    "types": sorted(each.types),
                    **status(parts, each.id),
                }
                for each in parts.subscriptions.all()
            ],
        }
    )


@router.get("/events", summary="What was accepted: ids and types", response_class=JSONResponse)
async def events(
    parts: Parts,
    who: Operator,
    since: Annotated[AwareDatetime | None, Query(description="Accepted at or after; left out: the oldest kept")] = None,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the last answer")] = None,
    type: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """No subject: it may name a person. `next` goes on from here; `at_head` says that nothing more is there."""
    if after is not None:
        position = _position(after)
    else:
        position = parts.log.start() if since is None else await parts.log.at(since)
    found: list[Stored] = []
    while True:
        batch = await parts.log.read(position, limit)
        for stored in batch.events:
            position = position.past(stored.at)
            if type is None or stored.type == type:
                found.append(stored)
                if len(found) == limit:
                    return _events(found, position, at_head=False)
        position = batch.position
        if batch.at_head:
            return _events(found, position, at_head=True)


@router.get("/why", summary="Why a recipient did or did not get an event", response_class=JSONResponse)
async def why(
    parts: Parts,
    who: Caller,
    event: Annotated[str, Query(max_length=1024, description="The event's id")],
    recipient: Annotated[str, Query(max_length=200, description="A client's or a connector instance's name")],
    source: Annotated[str | None, Query(max_length=1024, description="Left out: any")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """The last decision in plain words, and every one that the log of disclosures holds. Where it holds none, what
    would be decided now (`recomputed`), for each subscription of the recipient's that asks for the type.
    """
    who.require(Role.OPERATOR, Role.PRIVACY_OFFICER, Role.AUDITOR)
    found = await _named(parts, event, source)
    if not found:
        raise ApiProblem("not-found", "No event of this id is kept; it may have been trimmed.")
    names = (recipient,) if "/" in recipient else (f"client/{recipient}", f"connector/{recipient}")
    explained = [
        await _explained(parts, stored, each, language(accept_language))
        for stored in found
        for each in _recipients(parts, names)
    ]
    if not explained:
        raise ApiProblem("not-found", "No such client with a data contract, and no such connector.")
    return JSONResponse({"explanations": explained})


@router.get("/dead-letters", summary="Every dead letter", response_class=JSONResponse)
async def letters(
    parts: Parts,
    who: Operator,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    found = await parts.store.read(dead_letters.page(parts.store.tenant, None, after, limit))
    return JSONResponse({"dead_letters": [letter(each) for each in found]})


@router.get("/plugins", summary="What is installed and what runs", response_class=JSONResponse)
async def plugins(parts: Parts, who: Operator) -> Response:
    return JSONResponse(
        {
            "connectors": [asdict(each) for each in parts.plugins.describe()],
            "instances": {name: entry.use for name, entry in parts.config.connectors.items()},
        }
    )


@router.get(
    "/connectors", summary="How each connector stands, and what waits for a person", response_class=JSONResponse
)
async def connectors(parts: Parts, who: Operator, accept_language: Annotated[str, Header()] = "") -> Response:
    """`failing`: why its last poll failed; `unread`: what the last one did not get although it went on; `failures`: how
    many of them in a row. `polled`: when one last got all, `polled_s`: how many seconds ago (before the first: since it
    began). `directory`: how old its word is that all of it is here. `problem`: the code of what was told last;
    `problems`: how many, by code. `doing`: what it is at work with, for how many seconds. `subscription`: how the
    delivery to it stands. `waiting`: what it does only when somebody has confirmed it by its `word`; null where it
    could not be asked.
    """
    found = parts.hosts.statuses()
    waiting = await asyncio.gather(*(_waiting(parts, each.name, language(accept_language)) for each in found))
    return JSONResponse(
        {"connectors": [{**standing(parts, each), "waiting": w} for each, w in zip(found, waiting, strict=True)]}
    )


class ConfirmRequest(BaseModel):
    """`word`: of something that waits."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    word: str = Field(min_length=1, max_length=100)


@router.post("/connectors/{name}/confirm", summary="Confirm what waits for a person", response_class=JSONResponse)
async def confirm(parts: Parts, who: Operator, name: str, wanted: ConfirmRequest) -> Response:
    """Durable with the answer, together with who it was; what was confirmed is done at once, by the next poll."""
    noted = audit.add(parts.store.tenant, parts.clock.utc(), who.id, "connector.confirmed", f"{name} {wanted.word}")
    try:
        await parts.hosts.confirm(name, wanted.word, noted)
    except KeyError:
        raise _no_connector() from None
    except NothingWaits:
        raise ApiProblem(
            "state-conflict",
            "Nothing waits under this word. GET /v1/operator/connectors lists what does: it may have come to pass, or "
            "be something else by now.",
        ) from None
    except NotRunning as error:
        raise _not_running(error) from None
    except Exception:  # told to the operator by the instance, with its place
        raise unavailable("The connector could not take this. The hub's log says where.", 5) from None
    return JSONResponse({"name": name, "word": wanted.word})


@router.post("/connectors/{name}/reconcile", summary="Compare with the far side now", response_class=JSONResponse)
async def reconcile(parts: Parts, who: Operator, name: str) -> Response:
    """What happens each night, begun now; it may take long. `begun` false: one that was asked for is going on."""
    try:
        begun = parts.hosts.reconcile_soon(name)
    except KeyError:
        raise _no_connector() from None
    except NotRunning as error:
        raise _not_running(error) from None
    if begun:
        now = parts.clock.utc()
        await parts.store.commit(audit.add(parts.store.tenant, now, who.id, "connector.reconciled", name))
    return JSONResponse({"name": name, "begun": begun}, 202)


@router.post("/connectors/{name}/restart", summary="Begin a connector anew", response_class=JSONResponse)
async def restart(parts: Parts, who: Operator, name: str) -> Response:
    """With what it kept, after a person has mended what made it fail or hang. `begun` false: that goes on already."""
    try:
        begun = parts.hosts.restart_soon(name)
    except KeyError:
        raise _no_connector() from None
    if begun:
        now = parts.clock.utc()
        await parts.store.commit(audit.add(parts.store.tenant, now, who.id, "connector.restarted", name))
    return JSONResponse({"name": name, "begun": begun}, 202)


class ApplyRequest(BaseModel):
    """`dry_run`: only say what would change."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: bool = True


@router.post("/apply", summary="Read the configuration file again", response_class=JSONResponse)
async def apply(request: Request, wanted: ApplyRequest, who: Operator) -> Response:
    """What the file would change here, and with `dry_run: false` the change itself."""
    hook: Apply | None = request.app.state.apply
    if hook is None:
        raise ApiProblem("state-conflict", "This hub was not started from a file, so there is none to read again.")
    return JSONResponse(await hook(wanted.dry_run))


class BackupRequest(BaseModel):
    """`folder`: an absolute path on the hub's machine, of a folder without a backup in it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    folder: str = Field(min_length=2, max_length=4096, pattern="^/")


@router.post("/backup", include_in_schema=False, response_class=JSONResponse)
async def backup(request: Request, wanted: BackupRequest, parts: Parts, who: Operator) -> Response:
    """Copy the files while the hub runs. For the command line alone: it makes files on the hub's machine."""
    if not request.app.state.local:
        raise ApiProblem("not-found", "No such path. See /openapi.json for what is served.")
    try:
        written = await parts.engine.back_up(Path(wanted.folder))
    except FileExistsError:
        raise ApiProblem("state-conflict", "There is a backup in that folder already. Choose another.") from None
    except OSError as error:
        raise ApiProblem("state-conflict", f"The folder can't be written: {error.strerror}.") from None
    except BackupFailed as error:
        raise ApiProblem("unavailable", str(error)) from None
    return JSONResponse({"bytes": written})


def letter(found: DeadLetter) -> dict[str, Any]:
    """A dead letter as it may be shown: which event, why, how often; never what was in it."""
    return {
        "id": found.id,
        "subscription": found.subscription,
        "event": {"id": found.event_id, "source": found.source, "type": found.type},
        "reason": found.reason,
        "attempts": found.attempts,
        "first_at": found.first_at.isoformat(),
        "dead_at": found.dead_at.isoformat(),
    }


def _event(stored: Stored) -> dict[str, Any]:
    return {
        "id": stored.id,
        "source": stored.source,
        "type": stored.type,
        "accepted": from_us(stored.accepted_us).isoformat(),
    }


def _events(found: Sequence[Stored], position: Position, *, at_head: bool) -> Response:
    return JSONResponse(
        {
            "events": [_event(stored) for stored in found],
            "next": base64.urlsafe_b64encode(position.pack()).decode(),
            "at_head": at_head,
        }
    )


def _position(token: str) -> Position:
    try:
        return Position.unpack(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise ApiProblem("cursor-unknown", "`after` is no `next` of this list.") from None


async def _waiting(parts: Services, name: str, language: str) -> list[dict[str, str]] | None:
    found = await waits(parts, name)
    return (
        None
        if found is None
        else [
            {
                "word": each.word,
                "says": each.sv if language == "sv" and each.sv else each.says,
                "since": each.since.isoformat(timespec="seconds"),
            }
            for each in found
        ]
    )


def _no_connector() -> ApiProblem:
    return ApiProblem("not-found", "No connector of this name runs here. GET /v1/operator/connectors lists them.")


def _not_running(error: NotRunning) -> ApiProblem:
    return ApiProblem("state-conflict", f"The connector does not run ({error.code}): mend that first.")


async def _named(parts: Services, id: str, source: str | None) -> Sequence[Stored]:
    if source is not None:
        known = await parts.log.find(source, id)
        return [] if known is None else [known]
    found: list[Stored] = []
    position = parts.log.start()
    while True:
        batch = await parts.log.read(position, _SCAN)
        found += [stored for stored in batch.events if stored.id == id]
        if batch.at_head:
            return found
        position = batch.position


def _recipients(parts: Services, names: Sequence[str]) -> Sequence[Recipient]:
    """One for each contract under which the recipient of one of these names is told things."""
    found = [each.recipient for each in parts.subscriptions.all() if each.recipient.name in names]
    if found:
        return list({(each.name, each.contracts): each for each in found}.values())
    return [
        Recipient(f"client/{client.id}", (client.contract,), protected=client.protected)
        for client in parts.config.clients
        if f"client/{client.id}" in names and client.contract is not None
    ]


async def _explained(parts: Services, stored: Stored, recipient: Recipient, language: str) -> dict[str, Any]:
    told = await parts.disclosures.explain(stored, recipient, language, parts.gate)
    rows = await parts.store.read(disclosures.for_place(parts.store.tenant, recipient.name, stored.at))
    return {
        "event": _event(stored),
        "recipient": recipient.name,
        "allowed": told.allowed,
        "rule": told.rule,
        "at": told.at.isoformat(),
        "recomputed": told.recomputed,
        "text": told.text,
        "subscriptions": [
            {"id": each.id, "state": each.status, "asks_for_the_type": stored.type in each.types}
            for each in parts.subscriptions.all()
            if each.recipient.name == recipient.name
        ],
        "decisions": [
            {
                "row": row.n,
                "at": row.disclosure.at.isoformat(),
                "rule": row.disclosure.rule,
                "allowed": row.disclosure.allowed,
                "subscription": row.disclosure.subscription,
                "lane": row.disclosure.lane,
                "contracts": list(row.disclosure.contracts),
            }
            for row in rows
        ],
    }
