"""`skolnav why`: why a recipient got an event, or did not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli import output
from hub.cli.event import outcome_text, reason_text
from hub.cli.exits import Code, Failure
from hub.cli.language import say
from hub.cli.local_hub import Refused
from hub.cli.options import Config, Data, Json, Where, shown
from hub.cli.subscriptions import status_text
from hub.texts.visible import visible


def why(
    event: Annotated[str, typer.Argument(help=say("option.event"), metavar=say("word.event"))],
    recipient: Annotated[str, typer.Argument(help=say("option.recipient"), metavar=say("word.recipient"))],
    token_file: Annotated[Path | None, typer.Option(help=say("option.token-of-reader"))] = None,
    source: Annotated[str | None, typer.Option(help=say("option.source"))] = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    with Where(config, data, json).hub(token_file) as hub:
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
            named = (each["event"]["type"], each["event"]["source"], each["recipient"])
            output.line("  ".join(map(visible, named)))
        output.line(each["text"])
        for became in each["outcomes"]:
            if became["outcome"] not in ("not-asked", "before"):
                output.line(say("why.outcome", name=became["name"], outcome=outcome_text(became), more=_more(became)))
        for subscription in each["subscriptions"]:
            if not subscription["asks_for_the_type"]:
                output.line(say("why.asks-not", name=subscription["id"]))
            elif subscription["state"] != "active":
                output.line(say("why.state", name=subscription["id"], status=status_text(subscription["state"])))


def _more(outcome: Mapping[str, Any]) -> str:
    """When, why not, and how many attempts failed."""
    parts = [
        shown(outcome["at"]) if outcome["at"] else "",
        reason_text(outcome),
        say("why.attempts", count=len(outcome["attempts"])) if outcome["attempts"] else "",
    ]
    return "".join(f", {part}" for part in parts if part)
