"""The published CloudEvents vectors (../shared/reference/conformance/cloudevents)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas import Event

pytestmark = pytest.mark.shared


def _outlines(text: str) -> list[tuple[str, list[tuple[str, str]], bytes, dict[str, str], Any]]:
    """(mode, headers, body, attributes, data) of each example of each scenario outline in the feature file."""
    found = []
    for scenario in text.split("Scenario Outline: ")[1:]:
        mode = scenario.partition(" content mode")[0]
        *_, examples = scenario.partition("Examples:")
        content_types = [row.strip("| \t") for row in examples.splitlines() if row.strip().startswith("|")][1:]
        request, data = re.findall(r'"""\n(.*?)"""', scenario, re.DOTALL)
        head, _, body = request.partition("\n\n")
        table = scenario.partition("the attributes are:")[2].partition("And the data")[0]
        rows = [
            [cell.strip() for cell in row.strip().strip("|").split("|")] for row in table.splitlines() if "|" in row
        ]
        for content_type in content_types:
            headers = [
                (name.strip(), value.strip().replace("<contentType>", content_type))
                for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
            ]
            expected = {key: value.replace("<contentType>", content_type) for key, value in rows[1:]}
            found.append((mode, headers, body.encode(), expected, json.loads(data)))
    return found


def test_the_http_binding_reads_every_published_request(reference: Path) -> None:
    outlines = _outlines((reference / "conformance/cloudevents/http-protocol-binding.feature").read_text())
    assert [mode for mode, *_ in outlines] == ["Binary"] * 2 + ["Structured"] * 2
    for mode, headers, body, attributes, data in outlines:
        event = Event.from_binary(headers, body) if mode == "Binary" else Event.from_structured(body)
        assert event.attributes == attributes
        assert event.data == data


def test_the_conformance_events_read_the_same_in_both_modes(reference: Path) -> None:
    vectors = yaml.load_all((reference / "conformance/cloudevents/v1.yaml").read_text(), yaml.BaseLoader)
    events = []
    for vector in vectors:
        attributes = dict(vector["ContextAttributes"])
        # A trailing newline of the YAML block is no part of a header's value.
        attributes |= {name: value.strip() for name, value in attributes.pop("Extensions").items()}
        data = vector["Data"].encode()
        if vector["Mode"] == "binary":
            headers = [(f"ce-{name}", value) for name, value in attributes.items()]
            headers += vector["TransportExtensions"].items()
            events.append(Event.from_binary([*headers, ("content-type", "application/json")], data))
        else:
            events.append(Event.from_structured(json.dumps({**attributes, "data": json.loads(data)}).encode()))
    binary, structured = events
    assert binary.attributes == {**structured.attributes, "datacontenttype": "application/json"}
    assert binary.data == structured.data == {"world": "hello"}
    assert binary.attributes["comexampleextension2"] == '{"othervalue": 5}'
