"""`skolnav dead-letters`: what could not be delivered, sending it again, discarding it, and how letters ended."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.cli.local_hub import PAGE, LocalHub
from hub.cli.options import Config, Data, Json, Where, Yes, given_before, shown
from hub.cli.subscriptions import named

AT_A_TIME: Final = 1000  # letters of one call

dead_letters = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Ids = Annotated[list[str] | None, typer.Argument(help=say("option.letter"), metavar=say("word.id"))]
All = Annotated[bool, typer.Option("--all", help=say("option.all"))]
Of = Annotated[str | None, typer.Option(help=say("option.subscription"))]
Reason = Annotated[str | None, typer.Option(help=say("option.reason"))]
Type = Annotated[str | None, typer.Option(help=say("option.type-glob"))]


@dead_letters.callback()
def list_dead_letters(
    ctx: typer.Context,
    subscription: Of = None,
    reason: Reason = None,
    type: Type = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = ctx.obj = Where(config, data, json)
    if ctx.invoked_subcommand is not None:
        return
    with where.hub() as hub:
        found = _matching(hub, subscription, reason, type)
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
                    each["says"],
                    each["attempts"],
                    shown(each["dead_at"]),
                )
                for each in found
            ],
        )


@dead_letters.command("resend", help=say("help.dead-letters-resend"))
def resend(
    ctx: typer.Context,
    letters: Ids = None,
    all: All = False,
    subscription: Of = None,
    reason: Reason = None,
    type: Type = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    subscription = subscription or given_before(ctx, "subscription")
    reason, type = reason or given_before(ctx, "reason"), type or given_before(ctx, "type")
    with where.hub() as hub:
        chosen = _chosen(letters, _matching(hub, subscription, reason, type), all=all, of=subscription)
        sent = []
        for path, ids in _by_subscription(chosen):
            lanes = hub.post(f"{path}/resend", {"ids": ids})["lanes"]
            sent += [{"id": id, "lane": ", ".join(lanes)} for id in ids]
    if where.json:
        output.as_json({"resent": sent})
    elif not sent:
        output.line(say("dead-letters.none"))
    else:
        for each in sent:
            output.line(say("dead-letters.resent", id=each["id"], lane=each["lane"]))


@dead_letters.command("discard", help=say("help.dead-letters-discard"))
def discard(
    ctx: typer.Context,
    why: Annotated[str, typer.Option(help=say("option.because"))],
    letters: Ids = None,
    all: All = False,
    subscription: Of = None,
    reason: Reason = None,
    type: Type = None,
    yes: Yes = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    if not why.strip():
        raise Failure(Code.USAGE, say("dead-letters.why"))
    where = Where.of(ctx, config, data, json)
    subscription = subscription or given_before(ctx, "subscription")
    reason, type = reason or given_before(ctx, "reason"), type or given_before(ctx, "type")
    with where.hub() as hub:
        chosen = _chosen(letters, _matching(hub, subscription, reason, type), all=all, of=subscription)
        if chosen and not yes and not output.agreed(say("dead-letters.sure", count=len(chosen))):
            output.line(say("dead-letters.left"))
            return
        for path, ids in _by_subscription(chosen):
            hub.post(f"{path}/discard", {"ids": ids, "why": why})
    if where.json:
        output.as_json({"discarded": [each["id"] for each in chosen]})
    elif not chosen:
        output.line(say("dead-letters.none"))
    else:
        output.line(say("dead-letters.discarded", count=len(chosen)))


@dead_letters.command("history", help=say("help.dead-letters-history"))
def history(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=say("option.limit"))] = 50,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    where = Where.of(ctx, config, data, json)
    with where.hub() as hub:
        found = hub.get("/v1/operator/dead-letters/history", limit=limit)["letters"]
    if where.json:
        output.as_json({"letters": found})
    elif not found:
        output.line(say("dead-letters.no-history"))
    else:
        output.table(
            ("ended", "outcome", "by", "note", "subscription", "type", "event", "reason"),
            [
                (
                    shown(each["ended_at"]),
                    say(f"outcome.{each['how']}"),
                    each["by"],
                    each["note"],
                    each["letter"]["subscription"],
                    each["letter"]["event"]["type"],
                    each["letter"]["event"]["id"],
                    each["letter"]["says"],
                )
                for each in found
            ],
        )


def _matching(hub: LocalHub, subscription: str | None, reason: str | None, type: str | None) -> list[dict[str, Any]]:
    """The dead letters of one subscription or of all, with this code as their reason, of this glob of types."""
    id = None if subscription is None else named(hub, subscription)["id"]
    return [
        each
        for each in _letters(hub)
        if (id is None or each["subscription"] == id)
        and (reason is None or each["reason"] == reason)
        and (type is None or fnmatchcase(each["event"]["type"], type))
    ]


def _chosen(
    ids: Sequence[str] | None, matching: Sequence[dict[str, Any]], *, all: bool, of: str | None
) -> Sequence[dict[str, Any]]:
    """The letters that the caller means: all that match, or those with these ids among them. Raises Failure."""
    if bool(ids) == all or (all and of is None):
        raise Failure(Code.USAGE, say("dead-letters.which"))
    if all:
        return matching
    known = {each["id"]: each for each in matching}
    for id in ids or ():
        if id not in known:
            raise Failure(Code.FAILED, say("dead-letters.unknown", id=id))
    return [known[id] for id in dict.fromkeys(ids or ())]


def _by_subscription(letters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Pairs of a subscription's path and some ids, as many as one call takes."""
    by_subscription = defaultdict(list)
    for each in letters:
        by_subscription[each["subscription"]].append(each["id"])
    for subscription, ids in by_subscription.items():
        for start in range(0, len(ids), AT_A_TIME):
            path = f"/v1/subscriptions/{quote(subscription, safe='')}/dead-letters"
            yield path, ids[start : start + AT_A_TIME]


def _letters(hub: LocalHub) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page: list[dict[str, Any]] = hub.get("/v1/operator/dead-letters", after=after, limit=PAGE)["dead_letters"]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["id"]
