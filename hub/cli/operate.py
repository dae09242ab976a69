"""What an operator asks of the running hub and tells it: ids, types, counts and outcomes, never data."""

import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import language, say
from hub.cli.local import LocalHub, Refused
from hub.cli.options import Config, Data, Json, Where, Yes, moment, shown

PAGE: Final = 1000
FOLLOW_S: Final = 1.0
RECENT: Final = "24h"

subscriptions = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
dead_letters = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Subscription = Annotated[str, typer.Argument(help=say("option.subscription"), metavar="NAME")]


# -- events --------------------------------------------------------------------------------------------------------


def events(
    type: Annotated[str | None, typer.Option(help=say("option.type"))] = None,
    since: Annotated[str, typer.Option(help=say("option.since"))] = RECENT,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help=say("option.limit"))] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=say("option.follow"))] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    start = moment(since).isoformat()
    with Where(config, data, json).hub() as hub:
        latest: deque[Mapping[str, Any]] = deque(maxlen=limit)
        after: str | None = None
        at_head = False
        while not at_head:
            page = hub.get("/v1/operator/events", since=None if after else start, after=after, type=type, limit=PAGE)
            latest.extend(page["events"])
            after, at_head = page["next"], page["at_head"]
        if json and not follow:
            output.as_json({"events": list(latest)})
        elif latest and not follow:
            output.table(
                ("accepted", "type", "id", "source"),
                [(shown(each["accepted"]), each["type"], each["id"], each["source"]) for each in latest],
            )
        elif not follow:
            output.line(say("events.none"))
        else:
            _print_each(latest, json)
            _follow(hub, after, type, json)


def _follow(hub: LocalHub, after: str | None, type: str | None, json: bool) -> None:
    while True:
        sys.stdout.flush()
        page = hub.get("/v1/operator/events", after=after, type=type, limit=PAGE)
        _print_each(page["events"], json)
        after = page["next"]
        if page["at_head"]:
            time.sleep(FOLLOW_S)


def _print_each(found: Any, json: bool) -> None:
    """A line each, so that programs can read them as they come."""
    from json import dumps

    for each in found:
        plain = f"{shown(each['accepted'])}  {each['type']}  {each['id']}  {each['source']}"
        output.line(dumps(each, ensure_ascii=False) if json else plain)


# -- subscriptions -------------------------------------------------------------------------------------------------


@subscriptions.callback()
def list_subscriptions(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = hub.get("/v1/operator/status")["subscriptions"]
    if json:
        output.as_json({"subscriptions": found})
        return
    if not found:
        output.line(say("subscriptions.none"))
        return
    output.table(
        ("name", "recipient", "sink", "status", "reason", "lag", "open", "parked", "dead"),
        [
            (
                each["name"],
                each["recipient"],
                each["sink"],
                _status(each["state"]),
                _reason(each["reason"]),
                _lag(each["lag_s"]),
                each["open"] or "",
                each["parked"] or "",
                each["dead"] or "",
            )
            for each in found
        ],
    )


@subscriptions.command("show", help=say("help.subscriptions-show"))
def show(ctx: typer.Context, name: Subscription, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        found = _found(hub, name)
    if where.json:
        output.as_json(found)
        return
    delivery = found["delivery"]
    output.facts(
        {
            "name": found["name"],
            "id": found["id"] if found["id"] != found["name"] else "",
            "status": _status(found["status"]),
            "reason": _reason(found["reason"]),
            "origin": found["origin"],
            "recipient": found.get("client") or "",
            "created": shown(found["created"]),
            "type": "\n".join(found["types"]),
            "sink": " ".join(str(found["sink"][key]) for key in ("kind", "url", "instance") if key in found["sink"]),
            "payload": found.get("payload", ""),
            "starts": found.get("from", ""),
            "lag": _lag(delivery["lag_s"]),
            "open": delivery["open"],
            "parked": delivery["parked"],
            "dead": delivery["dead"],
            "holding": say("answer.yes") if delivery["holding"] else "",
            "lanes": ", ".join(delivery["lanes"]),
        }
    )


@subscriptions.command("pause", help=say("help.subscriptions-pause"))
def pause(ctx: typer.Context, name: Subscription, config: Config = None, data: Data = None, json: Json = False) -> None:
    _set(Where.of(ctx, config, data, json), name, "pause")


@subscriptions.command("resume", help=say("help.subscriptions-resume"))
def resume(
    ctx: typer.Context, name: Subscription, config: Config = None, data: Data = None, json: Json = False
) -> None:
    _set(Where.of(ctx, config, data, json), name, "resume")


@subscriptions.command("test", help=say("help.subscriptions-test"))
def send_test(
    ctx: typer.Context, name: Subscription, config: Config = None, data: Data = None, json: Json = False
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        outcome = hub.post(f"{_path(_found(hub, name))}/test")
    delivered = outcome["result"] == "delivered"
    if where.json:
        output.as_json(outcome)
    elif delivered:
        output.line(say("subscriptions.test.delivered", name=name))
    if not delivered:
        reason = outcome["reason"] or outcome["result"]
        raise Failure(Code.FAILED, say("subscriptions.test.failed", name=name, reason=reason))


@subscriptions.command("replay", help=say("help.subscriptions-replay"))
def replay(
    ctx: typer.Context,
    name: Subscription,
    since: Annotated[str, typer.Option(help=say("option.since"))],
    until: Annotated[str | None, typer.Option(help=say("option.until"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    stretch = {"since": moment(since).isoformat()}
    if until is not None:
        stretch["until"] = moment(until).isoformat()
    with where.hub() as hub:
        answer = hub.post(f"{_path(_found(hub, name))}/replay", stretch)
    if where.json:
        output.as_json(answer)
    else:
        output.line(say("subscriptions.replaying", name=name, lane=answer["lane"]))


@subscriptions.command("remove", help=say("help.subscriptions-remove"))
def remove(ctx: typer.Context, name: Subscription, yes: Yes = False, config: Config = None, data: Data = None) -> None:
    where = Where.of(ctx, config, data, False)
    with where.hub() as hub:
        path = _path(_found(hub, name))
        if not yes and not output.agreed(say("subscriptions.sure", name=name)):
            output.line(say("apply.left"))
            return
        hub.delete(path)
    output.line(say("subscriptions.removed", name=name))


def _set(where: Where, name: str, to: str) -> None:
    with where.hub() as hub:
        found = hub.post(f"{_path(_found(hub, name))}/{to}")
    if where.json:
        output.as_json(found)
    else:
        output.line(f"{found['name']}: {_status(found['status'])}{_because(found['reason'])}")


def _found(hub: LocalHub, name: str) -> dict[str, Any]:
    """By id, else by name; a connector's own by the connector's name. Raises Failure."""
    everything: list[dict[str, Any]] = hub.get("/v1/subscriptions")["subscriptions"]
    for wanted in (name, f"connector:{name}"):
        for each in everything:
            if each["id"] == wanted:
                return each
    named = [each for each in everything if each["name"] == name]
    if len(named) == 1:
        return named[0]
    if named:
        raise Failure(Code.FAILED, say("subscriptions.several", name=name, ids=", ".join(each["id"] for each in named)))
    near = get_close_matches(name, [each["name"] for each in everything], 1)
    raise Failure(Code.FAILED, say("subscriptions.unknown", name=name, hint=_hint(near)))


def _path(found: Mapping[str, Any]) -> str:
    return f"/v1/subscriptions/{quote(found['id'], safe='')}"


# -- dead letters --------------------------------------------------------------------------------------------------


@dead_letters.callback()
def list_dead_letters(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = list(_letters(hub))
    if json:
        output.as_json({"dead_letters": found})
    elif not found:
        output.line(say("dead-letters.none"))
    else:
        output.table(
            ("id", "subscription", "type", "event", "reason", "attempts", "dead-at"),
            [
                (
                    each["id"],
                    each["subscription"],
                    each["event"]["type"],
                    each["event"]["id"],
                    _reason(each["reason"]),
                    each["attempts"],
                    shown(each["dead_at"]),
                )
                for each in found
            ],
        )


@dead_letters.command("resend", help=say("help.dead-letters-resend"))
def resend(
    ctx: typer.Context,
    letters: Annotated[list[str] | None, typer.Argument(help=say("option.letter"), metavar="[ID]...")] = None,
    all: Annotated[bool, typer.Option("--all", help=say("option.all"))] = False,
    subscription: Annotated[str | None, typer.Option(help=say("option.subscription"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    if bool(letters) == all or (all and subscription is None):
        raise Failure(Code.USAGE, say("dead-letters.which"))
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        known = {each["id"]: each for each in _letters(hub)}
        if subscription is not None:
            id = _found(hub, subscription)["id"]
            known = {key: each for key, each in known.items() if each["subscription"] == id}
        wanted = list(known) if all else letters or []
        for letter in wanted:
            if letter not in known:
                raise Failure(Code.FAILED, say("dead-letters.unknown", id=letter))
        sent = []
        for letter in wanted:
            path = f"/v1/subscriptions/{quote(known[letter]['subscription'], safe='')}/dead-letters/{letter}/resend"
            sent.append({"id": letter, **hub.post(path)})
    if where.json:
        output.as_json({"resent": sent})
    elif not sent:
        output.line(say("dead-letters.none"))
    else:
        for each in sent:
            output.line(say("dead-letters.resent", id=each["id"], lane=each["lane"]))


def _letters(hub: LocalHub) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page: list[dict[str, Any]] = hub.get("/v1/operator/dead-letters", after=after, limit=PAGE)["dead_letters"]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["id"]


# -- why -----------------------------------------------------------------------------------------------------------


def why(
    event: Annotated[str, typer.Argument(help=say("option.event"))],
    recipient: Annotated[str, typer.Argument(help=say("option.recipient"))],
    source: Annotated[str | None, typer.Option(help=say("option.source"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    with Where(config, data, json).hub() as hub:
        try:
            found = hub.get("/v1/operator/why", event=event, recipient=recipient, source=source)["explanations"]
        except Refused as refused:
            if refused.kind == "not-found":
                raise Failure(Code.FAILED, say("why.unknown")) from None
            raise
    if json:
        output.as_json({"explanations": found})
        return
    for number, each in enumerate(found):
        if number:
            output.line()
        if len(found) > 1:
            output.line(f"{each['event']['type']}  {each['event']['source']}  {each['recipient']}")
        output.line(each["text"])
        for subscription in each["subscriptions"]:
            if not subscription["asks_for_the_type"]:
                output.line(say("why.asks-not", name=subscription["id"]))
            elif subscription["state"] != "active":
                output.line(say("why.state", name=subscription["id"], status=_status(subscription["state"]), reason=""))


# -- words ---------------------------------------------------------------------------------------------------------


def _status(state: str) -> str:
    return say(f"status.{state}")


def _reason(code: str) -> str:
    from hub.texts import reason

    return reason(code, language()) if code else ""


def _because(code: str) -> str:
    return f" ({_reason(code)})" if code else ""


def _lag(seconds: float) -> str:
    if not seconds:
        return ""
    return str(timedelta(seconds=round(seconds))) if seconds >= 60 else f"{seconds:.1f} s"


def _hint(near: list[str]) -> str:
    from hub.texts import text

    return text("hint.did-you-mean", language(), name=near[0]) if near else ""
