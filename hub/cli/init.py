"""`skolnav init`: writes a first configuration, with its secrets in files, from what a person or the options answer.

What a connector needs it says itself: the required settings of its model. So the questions fit each installed package.
"""

import contextlib
import getpass
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from hub.cli import output
from hub.cli.exits import Code, Failure, of_files
from hub.cli.installed import installed
from hub.cli.language import did_you_mean, say
from hub.cli.token import Kind, make, write
from hub.config import slug
from plugins.connector import Connector

SECRETS: Final = "secrets"
_DIRECTORY: Final = "se.skolnav.directory.person."
_PUBLISHES: Final = ["se.skolnav.directory.*", "se.skolnav.schedule.*", "se.skolnav.absence.*"]


class Answers:
    """Answers by place, such as `kitchen.kitchens[0].id`. What is not among them is asked for, if a person is there."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._used: set[str] = set()
        self.asks = sys.stdin.isatty()

    def get(self, place: str, question: str, default: str = "", *, secret: bool = False) -> str:
        """Raises Failure where there is neither an answer, nor a person, nor a default."""
        if place in self._given:
            self._used.add(place)
            return self._given[place]
        if not self.asks:
            if default:
                return default
            raise Failure(Code.USAGE, say("init.needs-answer", place=place, question=question))
        while True:
            shown = f"{question} [{default}]: " if default else f"{question}: "
            found = (getpass.getpass(shown) if secret else _line(shown)).strip() or default
            if found:
                return found

    def more(self, place: str) -> bool:
        """Whether a list has an item at this place."""
        if any(each.startswith((f"{place}.", f"{place}[")) or each == place for each in self._given):
            return True
        return self.asks and not self._given and output.agreed(say("init.another", place=place))

    def unused(self) -> list[str]:
        return sorted(set(self._given) - self._used)


class Secrets:
    """The secrets of a configuration, each in a file of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[Path, str] = {}

    def add(self, place: str, content: str) -> str:
        """Returns the reference for the configuration. The file is named after the place, such as `sis.auth.token`."""
        name = wanted = re.sub(r"[^a-z0-9]+", "-", place.lower()).strip("-") or "secret"
        number = 1
        while self.folder / name in self.files:  # `a.b-c` and `a-b.c` would be the same name
            number += 1
            name = f"{wanted}-{number}"
        self.files[self.folder / name] = content
        return f"${{file:{SECRETS}/{name}}}"


def _line(question: str) -> str:
    sys.stdout.write(question)
    sys.stdout.flush()
    found = sys.stdin.readline()
    if not found:
        raise Failure(Code.USAGE, say("init.ended"))
    return found


def init(path: Path, *, connectors: list[str], given: list[str], options: Mapping[str, str | None]) -> None:
    """`connectors`: `NAME=USE` each; `given`: `PLACE=VALUE` each. Raises Failure; then nothing was written."""
    if path.exists():
        raise Failure(Code.USAGE, say("init.exists", path=path))
    answers = Answers(_pairs(given) | {name: value for name, value in options.items() if value is not None})
    municipality = answers.get("municipality", say("init.municipality"))
    listen = answers.get("listen", say("init.listen"), "127.0.0.1:8080")
    data = answers.get("data", say("init.data"), "./data")
    secrets = Secrets(path.parent / SECRETS)
    entries, sources = _connectors(_pairs(connectors), answers, secrets, slug(municipality))
    clients: list[dict[str, Any]] = [_client("ops", ["operator", "auditor"], secrets)]
    if not sources:
        sources = [f"urn:{slug(municipality)}:sis"]
        publisher = _client("sis", ["publisher"], secrets)
        clients.insert(0, {**publisher, "publishes": _PUBLISHES, "sources": sources})
    if unused := answers.unused():
        raise Failure(Code.USAGE, say("init.unused", places=", ".join(unused)))
    written: dict[str, Any] = {"municipality": municipality, "listen": listen, "data": data, "clients": clients}
    if entries:
        written["connectors"] = entries
    written["directory"] = {"sources": sources}
    _write(path, f"# {say('init.header')}\n{_yaml(written)}", secrets)
    output.line(say("init.written", path=path, count=len(secrets.files), folder=secrets.folder))


def _write(path: Path, text: str, secrets: Secrets) -> None:
    """Write the configuration and its secrets, all or none. Raises Failure."""
    for file in secrets.files:
        if os.path.lexists(file):
            raise Failure(Code.USAGE, say("init.exists", path=file))
    made: list[Path] = [] if secrets.folder.exists() else [secrets.folder]
    try:
        for file, content in secrets.files.items():
            write(file, content)
            made.append(file)
        with path.open("x", encoding="utf-8") as file_:
            made.append(path)
            file_.write(text)
    except BaseException as error:
        # With secrets left behind, a second try would find them and be refused.
        for each in reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir() if each.is_dir() else each.unlink()
        if isinstance(error, OSError):
            raise of_files(error, path) from None
        raise


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name or not value:
            raise Failure(Code.USAGE, say("init.not-a-pair", given=each))
        pairs[name] = value
    return pairs


def _client(id: str, roles: list[str], secrets: Secrets) -> dict[str, Any]:
    return {"id": id, "token": secrets.add(id, make(Kind.TOKEN)), "roles": roles}


def _connectors(
    wanted: dict[str, str], answers: Answers, secrets: Secrets, tenant: str
) -> tuple[dict[str, Any], list[str]]:
    """The entries, and the sources of those that bring the directory."""
    plugins = installed()
    if not wanted and answers.asks:
        names = _line(say("init.connectors", known=", ".join(plugins.names()))).split()
        wanted = {use: use for use in names}
    entries: dict[str, Any] = {}
    sources: list[str] = []
    for name, use in wanted.items():
        try:
            cls: type[Connector[Any]] = plugins.connector(use)
        except KeyError:
            known = plugins.names()
            hint = did_you_mean(use, known)
            raise Failure(Code.USAGE, say("init.no-connector", name=use, known=", ".join(known), hint=hint)) from None
        schema = cls.config_model.model_json_schema()
        entries[name] = {"use": use}
        if cls.aggregates:
            question = say("init.aggregates", name=name)
            entries[name]["aggregates"] = _typed(answers.get(f"{name}.aggregates", question, "true"))
        entries[name] |= _required(schema, schema, name, answers, secrets)
        if any(model.spec.type.startswith(_DIRECTORY) for model in cls.produces):
            sources.append(f"urn:skolnav:{tenant}:{name}")
    return entries, sources


def _required(
    schema: Mapping[str, Any], whole: Mapping[str, Any], place: str, answers: Answers, secrets: Secrets
) -> dict[str, Any]:
    """The required settings of a model, by its JSON Schema."""
    return {
        name: _value(schema["properties"][name], whole, f"{place}.{name}", answers, secrets)
        for name in schema.get("required", ())
    }


def _value(part: Mapping[str, Any], whole: Mapping[str, Any], place: str, answers: Answers, secrets: Secrets) -> Any:
    about = str(part.get("description", place))
    part = {**part, **_resolved(part, whole)}
    choices = [_resolved(each, whole) for each in part.get("oneOf") or part.get("anyOf") or ()]
    models = [each for each in choices if each.get("type") == "object" and "properties" in each]
    if models:
        return _chosen(models, whole, place, about, answers, secrets)
    if choices:
        part = {**part, **choices[0]}
    if "const" in part:
        return part["const"]
    if part.get("type") == "object":
        return _required(part, whole, place, answers, secrets)
    if part.get("type") == "array":
        items = [_value(part["items"], whole, f"{place}[0]", answers, secrets)]
        while answers.more(f"{place}[{len(items)}]"):
            items.append(_value(part["items"], whole, f"{place}[{len(items)}]", answers, secrets))
        return items
    question = f"{place}: {about}"
    if part.get("format") == "password":
        return secrets.add(place, answers.get(place, question, secret=True))
    if "enum" in part:
        question += f" ({', '.join(map(str, part['enum']))})"
    found = answers.get(place, question, str(part.get("default") or ""))
    return _typed(found) if part.get("type") in ("integer", "number", "boolean") else found


def _chosen(
    models: list[Mapping[str, Any]],
    whole: Mapping[str, Any],
    place: str,
    about: str,
    answers: Answers,
    secrets: Secrets,
) -> dict[str, Any]:
    """One of several models: by its tag (`kind: folder`), else by the name of its first required setting."""
    tags = {}
    for model in models:
        tagged = [(name, each["const"]) for name, each in model["properties"].items() if "const" in each]
        name, value = tagged[0] if tagged else ("kind", model["required"][0])
        tags[str(value)] = (name, model)
    name = next(iter(tags.values()))[0]
    known = ", ".join(tags)
    found = answers.get(f"{place}.{name}", f"{place}.{name}: {about} ({known})", next(iter(tags)))
    if found not in tags:
        raise Failure(Code.USAGE, say("init.no-choice", place=f"{place}.{name}", given=found, known=known))
    return _required(tags[found][1], whole, place, answers, secrets)


def _resolved(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference (`#/$defs/Name`) means."""
    reference = part.get("$ref")
    return part if reference is None else whole["$defs"][reference.rpartition("/")[2]]


def _typed(text: str) -> Any:
    try:
        return json.loads(text.lower())
    except ValueError:
        return text  # `check` says what is wrong with it


def _yaml(written: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(written), allow_unicode=True, sort_keys=False, width=100)
