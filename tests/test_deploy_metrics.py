"""The files in `deploy/` name what the hub has."""

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import yaml

from hub.api.limits import Standing
from hub.api.metrics import AtTheDoor, Standings
from hub.api.pulls import Pulls
from hub.http.counted import Counted
from hub.http.guesses import Guesses
from hub.http.unread import Unread
from plugins.testing import ManualClock

DEPLOY = Path(__file__).parents[1] / "deploy"


def metrics(*types: str) -> set[str]:
    """The names of the hub's own metrics, as `/metrics` writes them; those of these types, if any are given."""
    clock = ManualClock("2026-11-24T08:00")
    standings = Standings([], [], [], Standing(), [], datetime.now(UTC))
    refused = Counted(clock, logging.getLogger(), "refused")
    families = [*standings.collect(), *AtTheDoor(Unread(clock), Guesses(clock), Pulls(clock), refused).collect()]
    return {
        each.name + ("_total" if each.type == "counter" else "") for each in families if each.type in types or not types
    }


def named(*expressions: str) -> set[str]:
    return {name for each in expressions for name in re.findall(r"\bskolnav_\w+", each)}


def test_each_metric_of_the_alert_rules_is_there() -> None:
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text("utf-8"))["groups"]
    assert len(group["rules"]) > 5
    for rule in group["rules"]:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("critical", "warning")
    assert named(*(rule["expr"] for rule in group["rules"])) - metrics() == set()


def test_only_counters_are_asked_for_their_increase() -> None:
    """A gauge that falls would look like a counter that was reset: resending dead letters raised an alarm."""
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text("utf-8"))["groups"]
    asked = re.findall(r"(?:increase|irate|rate|resets)\((\w+)", " ".join(rule["expr"] for rule in group["rules"]))
    assert set(asked) - metrics("counter") == set()


def test_each_metric_of_the_dashboard_is_there_and_no_panel_is_empty() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert all(panel["targets"] for panel in dashboard["panels"])
    assert named(*shown) - metrics() == set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_no_misspelt_metric_passes() -> None:
    """The check itself: a metric that is not there is found."""
    assert named("rate(skolnav_subscription_lags[5m])") - metrics() == {"skolnav_subscription_lags"}
