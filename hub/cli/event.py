"""`skolnav event`: what became of one event, for every recipient."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import language, say
from hub.cli.local_hub import Refused
from hub.cli.options import Config, Data, Json, Where, shown
from hub.texts.quantities import decimal
from hub.texts.visible import visible

_FAILED: Final = frozenset({"dead", "discarded", "resent", "retrying"})


def event(
    id: Annotated[str, typer.Argument(help=say("option.event"), metavar=say("word.event"))],
    source: Annotated[str | None, typer.Option(help=say("option.source"))] = None,
    all: Annotated[bool, typer.Option("--all", help=say("option.all-subscriptions"))] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    with Where(config, data, json).hub() as hub:
        try:
            found = hub.get("/v1/operator/outcomes", event=id, source=source)["events"]
        except Refused as refused:
            if refused.kind == "not-found":
                raise Failure(Code.FAILED, say("event.unknown", id=id)) from None
            raise
    if json:
        output.as_json({"events": found})
        return
    for number, each in enumerate(found):
        if number:
            output.line()
        _show(each, everything=all)


def _show(found: Mapping[str, Any], *, everything: bool) -> None:
    about = found["event"]
    names = (shown(about["accepted"]), about["type"], about["id"], about["source"])
    output.line("  ".join(map(visible, names)))
    asked = [each for each in found["outcomes"] if everything or each["outcome"] not in ("not-asked", "before")]
    if not asked:
        output.line(say("event.nobody"))
        return
    output.table(
        ("recipient", "subscription", "outcome", "at", "reason", "attempts", "next-try"),
        [
            (
                each["recipient"],
                each["name"],
                outcome_text(each),
                shown(each["at"]) if each["at"] else "",
                reason_text(each),
                len(each["attempts"]) or "",
                shown(each["next_try"]) if each["next_try"] else "",
            )
            for each in asked
        ],
    )
    tried = [(each["name"], attempt) for each in asked for attempt in each["attempts"]]
    if tried:
        output.line()
        output.table(
            ("subscription", "at", "attempt", "http", "reason", "took"),
            [
                (
                    name,
                    shown(attempt["at"]),
                    attempt["number"],
                    attempt["status"] or "",
                    attempt["says"],
                    f"{decimal(attempt['took_s'], language(), 3)} s",
                )
                for name, attempt in tried
            ],
        )


def outcome_text(outcome: Mapping[str, Any]) -> str:
    return say(f"outcome.{outcome['outcome']}")


def reason_text(outcome: Mapping[str, Any]) -> str:
    """The last failure of an event that was not delivered, and what a person wrote who discarded it."""
    parts = [outcome["says"] if outcome["outcome"] in _FAILED else "", outcome["note"]]
    return ": ".join(part for part in parts if part)
