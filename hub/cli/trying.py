"""`skolnav connectors try` and `trace`: what a connector would do with an event, and why it did not handle one."""

import asyncio
import json as standard_json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hub.cli import output
from hub.cli.exits import Code, Failure, in_language, of_config, of_files
from hub.cli.installed import installed
from hub.cli.language import did_you_mean, language, say, system
from hub.cli.local_hub import CONFIG, LocalHub, Refused
from hub.texts import reason
from hub.texts.visible import visible
from plugins.connector import Connector
from plugins.errors import SkolnavError
from plugins.receiving import Received
from plugins.timers import daily_timers_of, moment_timers_of
from schemas import Category, Event, InvalidEvent
from schemas.catalogue import Entry
from schemas.school_time import SCHOOL_ZONE

if TYPE_CHECKING:
    from hub.cli.rehearse import Timer

_NEWEST: Final = 20  # events that `trace` looks at if none is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of the call. Exactly one of `event`, `timer` and `request` is given."""

    event: Path | None
    timer: str | None
    request: Path | None
    key: str | None
    at: str | None
    state: Path | None
    record: Path | None


def try_connector(name: str, asked: Asked, *, config: Path | None, json: bool) -> None:
    """Raises Failure. Ends with FAILED if the call would fail."""
    from hub.cli.rehearse import Call, recorded, rehearse
    from hub.config import ConfigErrors, load
    from plugins.manager import Plugins
    from plugins.testing.invented import invented

    if sum(each is not None for each in (asked.event, asked.timer, asked.request)) != 1:
        raise Failure(Code.USAGE, say("connectors.one-of", ways="--event, --timer, --request"))
    path = config if config is not None else CONFIG
    try:
        plugins = Plugins.load(then_examine=True)
        entries = load(path, plugins).connectors
    except ConfigErrors as error:
        raise of_config(error) from None
    if name not in entries:
        raise Failure(Code.FAILED, say("connectors.unknown", name=name, hint=did_you_mean(name, entries)))
    entry, catalogue, record = entries[name], plugins.catalogue(), asked.record
    event = None
    try:
        if asked.event is not None:
            event = Event.from_dict(_json(asked.event))
            if event.type not in {model.spec.type for model in entry.cls.consumes}:
                raise Failure(Code.FAILED, say("connectors.consumes-not", name=name, type=event.type))
            if record is not None:
                event = invented(event, catalogue)
        call = Call(
            event=event,
            timer=_timer(name, entry.cls, asked),
            request=None if asked.request is None else _request(asked.request),
            state={} if asked.state is None else _object(asked.state),
            at=None if asked.at is None else _moment(asked.at),
        )
        found = asyncio.run(rehearse(name, entry, call, catalogue))
        if record is not None and event is not None:
            record.write_text(recorded(name, event, found), "utf-8")
    except OSError as error:
        raise Failure(Code.FAILED, of_files(error, record or asked.event or path).text) from None
    except InvalidEvent as error:
        raise Failure(Code.USAGE, say("connectors.no-event", file=asked.event, says=_wrong(error))) from None
    except SkolnavError as error:
        raise Failure(Code.FAILED, in_language(error)) from None
    if json:
        deeds = [{"what": each.what, "content": each.content.decode(errors="replace")} for each in found.deeds]
        shown = {name: getattr(found, name) for name in ("handled", "why", "got", "taken_away", "published", "state")}
        if asked.request is not None:
            shown["answer"] = found.answer and {
                "status": found.answer.status,
                "body": found.answer.body.decode(errors="replace"),
            }
        output.as_json({**shown, "effects": deeds})
    else:
        if asked.request is not None and found.handled:
            _show_answer(found.answer)
        _show(name, found)
        if not found.handled and any(" https://" in each.what or " http://" in each.what for each in found.deeds):
            output.line(say("connectors.answers-made"))
    if record is not None and event is not None and not json:
        output.line(say("connectors.recorded", file=record))
    if not found.handled and event is None:
        raise Failure(Code.FAILED, say("connectors.fails", name=name, why=found.why))
    if not found.handled:
        raise Failure(
            Code.FAILED, say("connectors.not-handled", name=name, why=found.why or say("connectors.withheld"))
        )


def _json(file: Path) -> Any:
    try:
        return standard_json.loads(file.read_bytes())
    except OSError as error:
        raise Failure(Code.FAILED, say("failure.unreadable", path=file, error=system(error))) from None
    except (ValueError, RecursionError):  # the second: nested too deeply
        raise Failure(Code.USAGE, say("connectors.no-event", file=file, says=say("connectors.not-json"))) from None


def _object(file: Path) -> dict[str, Any]:
    found = _json(file)
    if not isinstance(found, dict):
        raise Failure(Code.USAGE, say("connectors.no-object", file=file))
    return found


def _request(file: Path) -> Received:
    """`{"method", "path", "query", "headers", "body"}`; a body that is no text is sent as JSON."""
    given = {"method": "POST", "path": "", "query": "", "headers": {}, "body": "", **_object(file)}
    headers, body = given.pop("headers"), given.pop("body")
    texts = (given[name] for name in ("method", "path", "query"))
    if len(given) > 3 or not isinstance(headers, dict) or not all(isinstance(each, str) for each in texts):
        raise Failure(Code.USAGE, say("connectors.no-request", file=file, fields="method, path, query, headers, body"))
    content = body if isinstance(body, str) else standard_json.dumps(body, ensure_ascii=False)
    named = {str(key).lower(): str(value) for key, value in headers.items()}
    return Received(given["method"], given["path"], query=given["query"], headers=named, body=content.encode())


def _timer(name: str, cls: type[Connector[Any]], asked: Asked) -> "Timer | None":
    from hub.cli.rehearse import Timer

    if asked.timer is None:
        return None
    if asked.timer in daily_timers_of(cls):
        return Timer(name=asked.timer, key=None)
    if asked.timer in moment_timers_of(cls):
        return Timer(name=asked.timer, key=asked.key or "")
    known = ", ".join(sorted({*daily_timers_of(cls), *moment_timers_of(cls)})) or "-"
    raise Failure(Code.FAILED, say("connectors.no-timer", name=name, timer=asked.timer, known=known))


def _moment(given: str) -> datetime:
    """`HH:MM` of today, or a date with a time; school time unless it has an offset."""
    try:
        if ":" in given[:3]:
            found = datetime.combine(datetime.now(SCHOOL_ZONE), time.fromisoformat(given))
        else:
            found = datetime.fromisoformat(given)
    except ValueError:
        raise Failure(Code.USAGE, say("connectors.no-moment", at=given)) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=SCHOOL_ZONE)


def _show_answer(answer: Any) -> None:
    output.line(say("connectors.answers", status=404 if answer is None else answer.status))
    for line in answer.body.decode(errors="replace").splitlines() if answer is not None else ():
        output.line(f"    {visible(line)}")


def _show(name: str, found: Any) -> None:
    """Content that is not text is shown by its length alone."""
    if found.taken_away:
        output.line(say("connectors.taken-away", fields=", ".join(found.taken_away)))
    output.line(say("connectors.would", name=name) if found.deeds else say("connectors.would-nothing", name=name))
    for deed in found.deeds:
        output.line(f"  {visible(deed.what)}")
        for line in deed.content.decode(errors="replace").splitlines():
            output.line(f"    {visible(line)}")
    for published in found.published:
        output.line(f"  {published['type']}  {standard_json.dumps(published.get('data'), ensure_ascii=False)}")
    for key, value in found.state.items():
        output.line(f"  {visible(key)} = {standard_json.dumps(value, ensure_ascii=False)}")


def trace_connector(hub: LocalHub, standing: Mapping[str, Any], event: str | None, *, json: bool) -> None:
    """How the connector stands, what became of one event or of the newest ones, and what its contract leaves out."""
    name, plugins = standing["name"], installed()
    cls = plugins.connector(standing["use"])
    catalogue = plugins.catalogue()
    consumed = [catalogue.entry(model.spec.type) for model in cls.consumes]
    types = {entry.spec.type for entry in consumed}
    ids = [event] if event is not None else _newest(hub, types)
    became = [each for id in ids for each in _became(hub, name, id)]
    if event is not None and not became:
        raise Failure(Code.FAILED, say("why.unknown"))
    allowed = cls.contract.categories if cls.contract is not None else frozenset[Category]()
    missing = {entry.spec.type: sorted(_uncovered(entry, allowed)) for entry in consumed}
    if json:
        output.as_json({"connector": dict(standing), "events": became, "not_covered": missing})
        return
    output.line(visible(standing["says"]))
    for each in became:
        output.line(f"{each['type']}  {visible(each['id'])}")
        asked = each["type"] in types
        output.line(f"  {visible(each['text'])}" if asked else f"  {say('connectors.consumes-not', **each, name=name)}")
        if each["reason"]:
            output.line("  " + say("connectors.given-up", reason=reason(each["reason"], language())))
    shown = {each["type"] for each in became} if event is not None else types
    for type, fields in missing.items():
        if fields and type in shown:
            output.line(say("connectors.covers-not", type=type, fields=", ".join(fields)))


def _newest(hub: LocalHub, types: set[str]) -> list[str]:
    found = []
    for type in sorted(types):
        page = hub.get("/v1/operator/events", type=type, limit=1000)["events"]
        found += [(each["accepted"], each["id"]) for each in page]
    return [id for _, id in sorted(found)[-_NEWEST:]]


def _became(hub: LocalHub, name: str, id: str) -> Iterator[dict[str, Any]]:
    try:
        found = hub.get("/v1/operator/why", event=id, recipient=f"connector/{name}")["explanations"]
    except Refused as refused:
        if refused.kind == "not-found":
            return
        raise
    letters = hub.get("/v1/operator/dead-letters")["dead_letters"]
    dead = {each["event"]["id"]: each["reason"] for each in letters if each["subscription"] == f"connector/{name}"}
    for each in found:
        yield {"id": id, "type": each["event"]["type"], "text": each["text"], "allowed": each["allowed"],
               "reason": dead.get(id, "")}  # fmt: skip


def _wrong(error: InvalidEvent) -> str:
    """The schemas' own texts are in English; a Swedish user gets each place with the name of its rule."""
    if language() == "sv":
        return "; ".join(say("connectors.breaks-rule", where=each.where, rule=each.rule) for each in error.problems)
    return str(error)


def _uncovered(entry: Entry, allowed: frozenset[Category]) -> Iterator[str]:
    for path, categories in entry.flat_fields():
        if more := categories - allowed - {Category.NONE}:
            yield f"{path} ({', '.join(sorted(more))})"
