"""`skolnav connectors try` and `trace`: what a connector would do with an event, and why it did not handle one."""

import asyncio
import json as standard_json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hub.cli import output
from hub.cli.exits import Code, Failure, of_config, of_files
from hub.cli.installed import installed
from hub.cli.language import did_you_mean, language, say
from hub.cli.local_hub import CONFIG, LocalHub, Refused
from hub.texts.visible import visible
from plugins.errors import SkolnavError
from schemas import Category, Event, InvalidEvent
from schemas.catalogue import Entry

_NEWEST: Final = 20  # events that `trace` looks at if none is named


def try_connector(name: str, file: Path, *, record: Path | None, config: Path | None, json: bool) -> None:
    """Raises Failure. Ends with FAILED if the event would not be handled."""
    from hub.cli.rehearse import recorded, rehearse
    from hub.config import ConfigErrors, load
    from plugins.manager import Plugins
    from plugins.testing.invented import invented

    path = config if config is not None else CONFIG
    try:
        plugins = Plugins.load()
        entries = load(path, plugins).connectors
    except ConfigErrors as error:
        raise of_config(error) from None
    if name not in entries:
        raise Failure(Code.FAILED, say("connectors.unknown", name=name, hint=did_you_mean(name, entries)))
    entry, catalogue = entries[name], plugins.catalogue()
    try:
        event = Event.from_dict(standard_json.loads(file.read_bytes()))
        if event.type not in {model.spec.type for model in entry.cls.consumes}:
            raise Failure(Code.FAILED, say("connectors.consumes-not", name=name, type=event.type))
        if record is not None:
            event = invented(event, catalogue)
        found = asyncio.run(rehearse(name, entry, event, catalogue))
        if record is not None:
            record.write_text(recorded(name, event, found), "utf-8")
    except OSError as error:
        raise Failure(Code.FAILED, of_files(error, file if record is None else record).text) from None
    except standard_json.JSONDecodeError:
        raise Failure(Code.USAGE, say("connectors.no-event", file=file, says="JSON")) from None
    except InvalidEvent as error:
        raise Failure(Code.USAGE, say("connectors.no-event", file=file, says=str(error))) from None
    except SkolnavError as error:
        raise Failure(Code.FAILED, (language() == "sv" and error.sv) or str(error)) from None
    if json:
        deeds = [{"what": each.what, "content": each.content.decode(errors="replace")} for each in found.deeds]
        shown = {name: getattr(found, name) for name in ("handled", "why", "got", "taken_away", "published", "state")}
        output.as_json({**shown, "effects": deeds})
    else:
        _show(name, found)
    if record is not None and not json:
        output.line(say("connectors.recorded", file=record))
    if not found.handled:
        raise Failure(
            Code.FAILED, say("connectors.not-handled", name=name, why=found.why or say("connectors.withheld"))
        )


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
            output.line("  " + say("connectors.given-up", reason=each["reason"]))
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


def _uncovered(entry: Entry, allowed: frozenset[Category]) -> Iterator[str]:
    for path, categories in entry.flat_fields():
        if more := categories - allowed - {Category.NONE}:
            yield f"{path} ({', '.join(sorted(more))})"
