"""What clients and far sides chose is shown on one line, whatever it holds (promise 8: errors help)."""

import json
import logging

import pytest

from hub.cli import output
from hub.cli.language import say
from hub.cli.log_lines import Formatter
from hub.texts.visible import visible, visible_json

HOSTILE = "a\x1b[2J\u202eb\nc\x9b\u2028\x85\ud800\U000e0041"
SEEN = r"a\x1b[2J\u202eb\nc\x9b\u2028\x85\ud800\U000e0041"


def test_each_unsafe_character_is_shown_as_its_escape() -> None:
    assert visible(HOSTILE) == SEEN
    assert visible("närvaro – åk 4\u00a0A 😀") == "närvaro – åk 4\u00a0A 😀"
    assert visible("a\nb\x1b", but="\n") == "a\nb\\x1b"


def test_a_json_document_stays_the_same_document() -> None:
    value = {"name": HOSTILE.replace("\ud800", ""), "other": ["\U000e0041", "å"]}
    shown = visible_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(shown) == value
    assert "å" in shown
    assert all(each.isprintable() for each in shown.splitlines())


def test_tables_facts_lines_and_notes_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "status"), [(HOSTILE, "x")])
    output.facts({"name": HOSTILE, "type": ["one", HOSTILE]})
    output.line(HOSTILE)
    output.note(HOSTILE)
    output.line(say("subscriptions.removed", name=HOSTILE))
    output.as_json({"name": "a\x9b\u202e\x85"})
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert not {each for each in text if not each.isprintable()} - {"\n"}
    assert printed.out.count(SEEN) == 4
    assert len(printed.out.split("\n")) == 2 + 3 + 2 + 1 + 3 + 1, "only a line of our own may break"


def test_a_terminal_gets_it_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    output.table(("name", "status"), [(HOSTILE, "x")])
    assert SEEN in capsys.readouterr().out


def test_a_log_record_is_one_line() -> None:
    record = logging.LogRecord("hub", logging.WARNING, "f", 1, "kitchen %s: away", (HOSTILE,), None)
    line = Formatter().format(record)
    assert line.endswith(f"WARNING hub: kitchen {SEEN}: away")
    assert line.isprintable()
