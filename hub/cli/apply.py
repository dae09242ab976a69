"""`skolnav plan` and `skolnav apply`: show what the configuration file would change at the running hub, and do it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from hub.cli import output
from hub.cli.exits import Code, Failure
from hub.cli.language import language, say
from hub.cli.local_hub import LocalHub, Refused, data_folder

_SIGNS: Final = {"added": "+", "returned": "+", "changed": "~", "paused": "-", "removed": "-"}


def plan(path: Path, *, json: bool) -> None:
    """Compare the file with the configuration that the running hub uses; if no hub runs, with nothing.

    Raises Failure.
    """
    try:
        with LocalHub(data_folder(path, None)) as hub:
            found = _ask(hub, path, dry_run=True)
    except Failure as failure:
        if failure.code is not Code.NO_HUB:
            raise
        found = _against_nothing(path)
        if not json:
            output.line(say("plan.of-nothing"))
    if json:
        output.as_json(found)
    else:
        _show(found)


def apply(path: Path, *, yes: bool, json: bool) -> None:
    """Raises Failure."""
    with LocalHub(data_folder(path, None)) as hub:
        found = _ask(hub, path, dry_run=True)
        if not json:
            _show(found)
        if not found["changes"]:
            if json:
                output.as_json(found)
            return
        if not yes and not output.agreed(say("apply.asked")):
            output.line(say("apply.left"))
            return
        done = _ask(hub, path, dry_run=False)
    if json:
        output.as_json(done)
    else:
        output.line(say("apply.done"))


def _ask(hub: LocalHub, path: Path, *, dry_run: bool) -> dict[str, Any]:
    """Ask the hub to read its file, since the hub has the environment and the secrets. Raises Failure."""
    try:
        found: dict[str, Any] = hub.post("/v1/operator/apply", {"dry_run": dry_run})
    except Refused as refused:
        if refused.kind == "invalid-content":
            raise Failure(Code.USAGE, "\n".join(map(_finding, refused.problem["errors"]))) from None
        raise
    if not _same(Path(found["file"]), path):
        theirs, ours = found["file"], path.absolute()
        raise Failure(Code.USAGE, say("failure.another-config", theirs=theirs, ours=ours))
    return found


def _against_nothing(path: Path) -> dict[str, Any]:
    from hub.cli.run import read
    from hub.registry.plan import plan as planned

    config, plugins = read(path)
    changes = planned(None, config, plugins.catalogue())
    return {
        "file": str(config.path),
        "applied": False,
        "changes": [each.to_json() for each in changes],
        "warnings": [each.to_json() for each in config.warnings],
        "packages": [],  # what is installed was loaded just now
    }


def _show(found: Mapping[str, Any]) -> None:
    for warning in found["warnings"]:
        output.note(f"{say('check.warning')}: {_finding(warning)}")
    for package in found["packages"]:
        output.note(f"{say('check.warning')}: {package[language()]}")
    if not found["changes"]:
        output.line(say("plan.nothing"))
    for text in _changes(found["changes"]):
        output.line(text)


def _changes(changes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    from hub.texts import text

    for each in changes:
        what = say(f"plan.what.{each['what']}")
        name = "" if each["what"] == "hub" else f" {each['name']}"
        fields = f": {', '.join(each['fields'])}" if each["fields"] else ""
        happens = text(f"plan.{each['kind']}", language())
        yield f"{_SIGNS[each['kind']]} {what}{name} {happens}{fields}"
        for effect in each["effects"]:
            yield f"    {effect[language()]}"


def _finding(found: Mapping[str, Any]) -> str:
    where = found["file"] if found["line"] is None else f"{found['file']}:{found['line']}"
    return f"{where}  {found['path']}\n  {found[language()]}" if found["path"] else f"{where}\n  {found[language()]}"


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.absolute().resolve()
