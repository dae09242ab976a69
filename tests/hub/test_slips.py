"""Slips of the pen in a configuration file: each is named in the user's language, at its line, with what to write."""

from pathlib import Path

import pytest

from hub.cli import main
from hub.config import ConfigErrors, Finding
from hub.config.load import load
from plugins.manager import Plugins

PLUGINS = Plugins.load()
ID = "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"
PARSERS = ("expected", "found", "mapping", "scalar", "token", "block", "None")


def findings(folder: Path, content: bytes) -> list[Finding]:
    path = folder / "skolnav.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigErrors) as caught:
        load(path, PLUGINS, environ={"T": "a-token-of-many-letters-0123456789"})
    return list(caught.value.errors)


SLIPS = [
    ("tab", "municipality: X\ndirectory:\n\tsources: []\n", 3),
    ("tab", "clients:\n  - id: x\n  \troles: [operator]\n", 3),
    ("tab", "municipality:\tX\n", 1),
    ("tab", "clients:\n\t- id: x\n", 2),
    ("indent", "municipality: X\n  listen: 127.0.0.1:8080\n", 2),
    ("indent", "clients:\n  - id: x\n   roles: [operator]\n", 3),
    ("indent", "clients:\n    - id: x\n  - id: y\n", 3),
    ("indent", "directory:\n    sources: []\n  grace: 2h\n", 3),
    ("indent", " municipality: X\nlisten: y\n", 2),
    ("quote", 'municipality: "X\nlisten: y\n', 1),
    ("quote", "data: d\nmunicipality: 'X\nlisten: y\n", 2),
    ("quote", 'municipality: "X\nlisten: "y"\n', 1),
    ("quote", "municipality: 'O'Brien'\n", 1),
    ("quote", 'clients:\n  - publishes: ["a]\n    sources: ["b"]\n', 2),
    ("curly", "data: d\nmunicipality: ”X”\n", 2),
    ("curly", "municipality: X\nclients:\n  - id: “x”\n    roles: [operator]\n    token: '${env:T}'\n", 3),
    ("space", "municipality: X\nclients:\n  - id: x\n\u00a0   roles: [operator]\n    token: y\n", 4),
    ("space", "directory:\n  sources: []\n \u2009grace: 2h\n", 3),
    ("backslash", 'municipality: X\ndata: "C:\\Users"\n', 2),
    ("colon", "municipality: Kommun: Norr\n", 1),
    ("colon", "data: d\nclients:\n  - id: a: b\n", 3),
    ("colon", "municipality: X\nkey: nyckel: # vilken?\n", 2),
    ("dash", "clients:\n  -id: x\n   roles: [operator]\n", 2),
    ("dash", "clients:\n  - id: x\n    roles: [operator]\n  -id: y\n", 4),
    ("dash", "clients:\n  - id: x\n    roles:\n      - operator\n      -auditor\n    token: x\n", 5),
    ("key", "municipality:X\nlisten: y\n", 1),
    ("key", "data: d\nlisten\nmunicipality: X\n", 2),
    ("bracket", "clients:\n  - id: x\n    roles: [operator\n    token: y\n", 3),
    ("bracket", "outbound: {allow: []\nlisten: y\n", 1),
    ("sign", "data: d\nmunicipality: @X\n", 2),
    ("sign", "clients:\n  - publishes: [*]\n", 2),
    ("sign", "clients:\n  - publishes:\n      - *.v1\n", 3),
    ("character", "data: d\nmunicipality: X\x07\n", 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "line"), SLIPS)
def test_a_slip_is_named_at_its_line_without_the_parsers_words(tmp_path: Path, kind: str, text: str, line: int) -> None:
    (found,) = findings(tmp_path, text.encode())
    assert (found.key, found.line) == (f"config.yaml-{kind}", line)
    assert found.says("sv") != found.says("en")
    assert not [word for word in PARSERS if word in found.says("sv")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("municipality: X\nclients:\n  -id: x\n", 3),
        (
            'municipality: X\nclients:\n  - id: x\n    token: "${env:T}"\n    roles:\n      -auditor\n      -b\n',
            6,
        ),
        ('municipality: X\ndirectory:\n  sources:\n    -"urn:x"\n', 4),
    ],
)
def test_a_dash_without_its_space_that_is_valid_yaml_is_the_one_error(tmp_path: Path, text: str, line: int) -> None:
    (found,) = findings(tmp_path, text.encode())
    assert (found.key, found.line) == ("config.yaml-dash", line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("municipality: X\n# Åre\n".encode("latin-1"), 2),
        ("data: d\nlisten: y\nmunicipality: Malmö\n".encode("cp1252"), 3),
        ("municipality: X\n".encode("utf-16"), 1),
    ],
)
def test_another_encoding_is_named_at_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    (found,) = findings(tmp_path, content)
    assert (found.key, found.line) == ("config.yaml-encoding", line)


@pytest.mark.parametrize(
    ("text", "line", "first"),
    [
        ("municipality: X\nlisten: 127.0.0.1:1\nmunicipality: Y\n", 3, 1),
        ("municipality: X\ndirectory:\n  sources: []\n  sources: [a]\n", 4, 3),
    ],
)
def test_a_repeated_key_is_named_with_the_line_of_the_first(tmp_path: Path, text: str, line: int, first: int) -> None:
    (found,) = findings(tmp_path, text.encode())
    assert (found.key, found.line) == ("config.duplicate-key", line)
    assert (f"rad {first}" in found.says("sv"), f"line {first}" in found.says("en")) == (True, True)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ('"12345678"', "uuid-school-unit"),
        ('"87654321"', "uuid-school-unit"),
        ("212000-1234", "uuid-organisation-number"),
        ('"2120001234"', "uuid-organisation-number"),
        ('"162120001234"', "uuid-organisation-number"),
        ("010101-1234", "uuid"),  # as a civic number
        ("Norrskolan", "uuid"),
    ],
)
@pytest.mark.parametrize("place", ["clients", "connectors"])
def test_another_code_in_place_of_an_id_is_named(tmp_path: Path, given: str, key: str, place: str) -> None:
    text = f"""municipality: X
clients:
  - id: x
    token: "${{env:T}}"
    roles: [subscriber]
    contract:
      purpose: p
      legal_basis: l
      categories: []
      scope: {{organisations: [{given if place == "clients" else ID}]}}
connectors:
  kitchen:
    use: catering
    aggregates: true
    kitchens: [{{id: K1, units: [{given if place == "connectors" else ID}]}}]
"""
    found = next(each for each in findings(tmp_path, text.encode()) if "uuid" in each.key)
    assert found.key == f"config.{key}"
    assert "SS 12000" in found.says("sv")
    assert "1234" not in found.says("sv").replace("12345678", "" if key == "uuid" else "12345678")
    if key != "uuid":
        assert "/ss12000/v2.0/organisations" in found.says("en")


@pytest.mark.parametrize(("locale", "says"), [("sv", "Raden innehåller en tabb"), ("en", "This line holds a tab")])
@pytest.mark.parametrize("command", [["check"], ["subscriptions"]], ids=str)
def test_commands_say_it_in_the_users_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], locale: str, says: str
) -> None:
    path = tmp_path / "skolnav.yaml"
    path.write_text("municipality: X\ndirectory:\n\tsources: []\n")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--config", str(path), "--language", locale])
    assert ended.value.code not in (0, None)
    said = "".join(capsys.readouterr())
    assert says in said
    assert f"{path}:3" in said
