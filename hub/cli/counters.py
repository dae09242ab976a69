"""`skolnav counters`: what was counted over time, of the whole hub or of one recipient, connector or source."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from hub.cli import output
from hub.cli.language import language, say
from hub.cli.options import Config, Data, Json, Where, moment, shown
from hub.cli.subscriptions import named
from hub.texts.quantities import lasted


def counters(
    about: Annotated[str | None, typer.Argument(help=say("option.about"), metavar=say("word.about"))] = None,
    since: Annotated[str, typer.Option(help=say("option.since"))] = "24h",
    until: Annotated[str | None, typer.Option(help=say("option.until"))] = None,
    hours: Annotated[bool, typer.Option("--hours", help=say("option.hours"))] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    span = {"since": moment(since).isoformat(), "until": None if until is None else moment(until).isoformat()}
    with Where(config, data, json).hub() as hub:
        kind, _, name = (about or "").partition("/")
        if kind == "subscription":
            about = f"{kind}/{named(hub, name)['id']}"
        found = hub.get("/v1/operator/counters", about=about, hours=str(hours).lower(), **span)["spans"]
    if json:
        output.as_json({"spans": found})
    elif not found:
        output.line(say("counters.none"))
    elif about is None:
        _print_sums(found)
    else:
        _print_spans(found)


def _print_sums(spans: Sequence[Mapping[str, Any]]) -> None:
    """A line for each thing, over the whole time."""
    totals: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for span in spans:
        total = totals[span["about"]]
        for name, value in span["counted"].items():
            total[name] = max(total.get(name, 0), value) if name.endswith("_max") else total.get(name, 0) + value
    output.table(("about", "counted"), [(about, _words(total)) for about, total in sorted(totals.items())])


def _print_spans(spans: Sequence[Mapping[str, Any]]) -> None:
    output.table(("since", "counted"), [(shown(span["start"]), _words(span["counted"])) for span in spans])


def _words(counted: Mapping[str, float]) -> str:
    """`levererade 5 · längsta tid till leverans 1,2 s`. The API's own names are in docs/municipality.md."""
    return " · ".join(f"{say(f'counted.{name}')} {_value(name, value)}" for name, value in sorted(counted.items()))


def _value(name: str, value: float) -> str:
    return lasted(value, language()) if name.removesuffix("_max").endswith("_s") else f"{value:.0f}"
