"""`skolnav subscriptions`: how the delivery to each stands, and what an operator does to one."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import did_you_mean, language, say
from hub.cli.local_hub import LocalHub
from hub.cli.options import Config, Data, Json, Where, Yes, moment, shown
from hub.texts import reason
from hub.texts.quantities import lasted
from hub.texts.visible import visible

subscriptions = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Subscription = Annotated[str, typer.Argument(help=say("option.subscription"), metavar=say("word.name"))]


@subscriptions.callback()
def list_subscriptions(ctx: typer.Context, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        status = hub.get("/v1/operator/status")
    found = status["subscriptions"]
    if json:
        output.as_json({"subscriptions": found})
        return
    if not found:
        output.line(say("subscriptions.none"))
        return
    output.table(
        ("name", "recipient", "sink", "status", "reason", "lag", "waiting", "open", "parked", "dead"),
        [
            (
                each["name"],
                each["recipient"],
                _sink(each["sink"]),
                status_text(each["state"]),
                reason_text(each["reason"] or each["error"]),
                _lag(each["lag_s"]),
                each["waiting"] or "",
                each["open"] or "",
                each["parked"] or "",
                each["dead"] or "",
            )
            for each in found
        ],
    )
    for source in status["sources"]:
        if source["waited_for"]:
            behind = ", ".join(source["behind"]) or "-"
            output.line(say("subscriptions.source", source=source["source"], age=_lag(source["age_s"]), behind=behind))


@subscriptions.command("show", help=say("help.subscriptions-show"))
def show(ctx: typer.Context, name: Subscription, config: Config = None, data: Data = None, json: Json = False) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        found = named(hub, name)
    if where.json:
        output.as_json(found)
        return
    delivery = found["delivery"]
    sink = found["sink"]
    output.facts(
        {
            "name": found["name"],
            "id": found["id"] if found["id"] != found["name"] else "",
            "status": status_text(delivery["state"]),
            "reason": reason_text(found["reason"] or delivery["reason"]),
            "error": reason_text(delivery["error"]),
            "since": shown(delivery["failing"]) if delivery["failing"] else "",
            "attempts": delivery["attempts"],
            "next-try": shown(delivery["next_try"]) if delivery["next_try"] else "",
            "origin": say(f"subscriptions.origin-{found['origin']}"),
            "recipient": found.get("client") or "",
            "created": shown(found["created"]),
            "type": list(found["types"]),
            "sink": " ".join((_sink(sink["kind"]), *(str(sink[key]) for key in ("url", "instance") if key in sink))),
            "payload": found.get("payload", ""),
            "starts": found.get("from", ""),
            "lag": _lag(delivery["lag_s"]),
            "open": delivery["open"],
            "waiting": delivery["waiting"],
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
        outcome = hub.post(f"{_path(named(hub, name))}/test")
    delivered = outcome["result"] == "delivered"
    if where.json:
        output.as_json(outcome)
    elif delivered:
        output.line(say("subscriptions.test.delivered", name=name))
    if not delivered:
        code = outcome["reason"] or outcome["result"]
        says = reason(code, language())
        raise Failure(Code.FAILED, say("subscriptions.test.failed", name=name, reason=says))


@subscriptions.command("replay", help=say("help.subscriptions-replay"))
def replay(
    ctx: typer.Context,
    name: Subscription,
    since: Annotated[str | None, typer.Option(help=say("option.since"))] = None,
    until: Annotated[str | None, typer.Option(help=say("option.until"))] = None,
    after: Annotated[str | None, typer.Option(help=say("option.after"))] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("option.dry-run"))] = False,
    yes: Yes = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    if (since is None) == (after is None):
        raise Failure(Code.USAGE, say("subscriptions.from-where"))
    where = Where.of(ctx, config, data, json)
    stretch: dict[str, object] = {"after": after} if since is None else {"since": moment(since).isoformat()}
    if until is not None:
        stretch["until"] = moment(until).isoformat()
    with where.hub() as hub:
        path = f"{_path(named(hub, name))}/replay"
        count = hub.post(path, {**stretch, "dry_run": True})["events"]
        if dry_run:
            _counted(where, name, count)
            return
        if not count and not where.json:
            output.line(say("subscriptions.replay.nothing", name=name))
            return
        if not yes and not output.agreed(say("subscriptions.replay.sure", name=name, count=count)):
            output.line(say("subscriptions.replay.left"))
            return
        answer = {**hub.post(path, stretch), "events": count}
    if where.json:
        output.as_json(answer)
    else:
        output.line(say("subscriptions.replaying", name=name, lane=answer["lane"]))


def _counted(where: Where, name: str, count: int) -> None:
    if where.json:
        output.as_json({"events": count})
    else:
        output.line(say("subscriptions.replay.count", name=name, count=count))


@subscriptions.command("remove", help=say("help.subscriptions-remove"))
def remove(ctx: typer.Context, name: Subscription, yes: Yes = False, config: Config = None, data: Data = None) -> None:
    where = Where.of(ctx, config, data, json=False)
    with where.hub() as hub:
        path = _path(named(hub, name))
        if not yes and not output.agreed(say("subscriptions.sure", name=name)):
            output.line(say("apply.left"))
            return
        hub.delete(path)
    output.line(say("subscriptions.removed", name=name))


def _set(where: Where, name: str, to: str) -> None:
    with where.hub() as hub:
        found = hub.post(f"{_path(named(hub, name))}/{to}")
    if where.json:
        output.as_json(found)
    else:
        output.line(f"{visible(found['name'])}: {status_text(found['status'])}{_because(found['reason'])}")


def named(hub: LocalHub, name: str) -> dict[str, Any]:
    """The subscription with this id, else this name; for a connector's own, the connector's name. Raises Failure."""
    everything: list[dict[str, Any]] = hub.get("/v1/subscriptions")["subscriptions"]
    for wanted in (name, f"connector:{name}"):
        for each in everything:
            if each["id"] == wanted:
                return each
    found = [each for each in everything if each["name"] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise Failure(Code.FAILED, say("subscriptions.several", name=name, ids=", ".join(each["id"] for each in found)))
    hint = did_you_mean(name, [each["name"] for each in everything])
    raise Failure(Code.FAILED, say("subscriptions.unknown", name=name, hint=hint))


def _path(found: Mapping[str, Any]) -> str:
    return f"/v1/subscriptions/{quote(found['id'], safe='')}"


def status_text(state: str) -> str:
    return say(f"status.{state}")


def reason_text(code: str) -> str:
    """Why a subscription is not active, in words; empty for an empty code."""
    return reason(code, language()) if code else ""


def _because(code: str) -> str:
    return f" ({reason_text(code)})" if code else ""


def _sink(kind: str) -> str:
    """Webhook, feed and stream are the same words in both languages."""
    return say("column.connector") if kind == "connector" else kind


def _lag(seconds: float) -> str:
    return lasted(seconds, language()) if seconds else ""
