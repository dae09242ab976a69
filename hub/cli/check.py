"""`skolnav check`: the whole configuration file, how durable a hub would be here, and the connectors' self-tests."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.bus.file import LogLocked, lock
from hub.cli import output
from hub.cli.disk import Durability, probe, size
from hub.cli.exits import Code, of_config, of_files
from hub.cli.language import language, say
from hub.config import ConfigErrors, ConnectorEntry, Finding, HubConfig, load
from hub.engines.embedded_files import LOG, STORE
from hub.engines.root_key import FILE as KEY
from hub.engines.root_key import fits, made_with
from hub.hosting.connector_errors import place_of
from hub.hosting.selftest import has_selftest, selftest
from plugins.errors import SkolnavError
from plugins.manager import Plugins, PluginsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The self-test of one connector. `passed` is None where it has none."""

    name: str
    passed: bool | None
    says: str = ""


def check(path: Path, *, selftest: bool, json: bool) -> Code:
    """Show every error at once. Raises Failure where the installed packages contradict each other."""
    try:
        plugins = Plugins.load()
        config = load(path, plugins)
    except PluginsError as error:
        raise of_config(error) from None
    except ConfigErrors as errors:
        _refused(errors, json)
        return Code.USAGE
    durability = probe(config.data)
    key = _key(config)
    tested = asyncio.run(_tested(config)) if selftest else []
    code = Code.OK
    if any(each.passed is False for each in tested):
        code = Code.FAILED
    if durability.error or key is not None:
        code = Code.FILES
    if json:
        output.as_json(_answer(config, durability, code=code, key=key, tested=tested))
    else:
        _show(config, durability, path=path, key=key, tested=tested)
    return code


def _refused(errors: ConfigErrors, json: bool) -> None:
    if json:
        output.as_json({"ok": False, "errors": [_finding(each) for each in errors.errors]})
        return
    output.line(errors.render(language()))
    output.line(say("check.errors", count=len(errors.errors)))


def _key(config: HubConfig) -> str | None:
    """Why the key does not fit the stored data; None where it fits, where there is no data, or where a hub runs."""
    if not (config.data / STORE).exists():
        return None
    try:
        handle = lock(config.data / LOG)
    except (LogLocked, OSError):
        return None
    try:
        made = made_with(config.data / STORE)
    finally:
        os.close(handle)
    try:
        key = (config.data / KEY).read_bytes() if config.key is None else config.key.get_secret_value()
    except FileNotFoundError:
        return say("failure.key-missing", data=config.data) if made else None
    except OSError as error:
        return of_files(error, config.data).text
    return None if fits(key, made) else say("failure.wrong-key", data=config.data)


def _show(config: HubConfig, durability: Durability, *, path: Path, key: str | None, tested: Iterable[Tested]) -> None:
    for warning in config.warnings:
        _warn(warning.render(language()))
    output.line(say("check.good", file=path))
    output.line(
        say(
            "check.count",
            clients=len(config.clients),
            connectors=len(config.connectors),
            subscriptions=len(config.subscriptions),
        )
    )
    output.line(say("check.records", days=_days(config)))
    if durability.error:
        output.line(say("durable.refused", folder=durability.folder, error=durability.error))
    else:
        output.line(say("durable.embedded"))
        output.line(
            say(
                "durable.folder",
                folder=durability.folder,
                kind=durability.kind or "?",
                milliseconds=f"{durability.fsync_ms:.1f}",
                free="?" if durability.free is None else size(durability.free),
            )
        )
    for text in durability.warnings():
        _warn(text)
    if key is not None:
        output.line(key)
    for each in tested:
        words = {None: "none", True: "passed", False: "failed"}
        output.line(say(f"check.selftest-{words[each.passed]}", name=each.name, says=each.says))


def _days(config: HubConfig) -> str:
    return f"{config.disclosure_retention / timedelta(days=1):g}"


def _warn(text: str) -> None:
    output.line(f"{say('check.warning')}: {text}")


def _answer(
    config: HubConfig, durability: Durability, *, code: Code, key: str | None, tested: Iterable[Tested]
) -> dict[str, Any]:
    return {
        "ok": code is Code.OK,
        "errors": [],
        "warnings": [*map(_finding, config.warnings), *({"says": text} for text in durability.warnings())],
        "durability": {
            "engine": "embedded",
            "acknowledged_after": "fsync",
            **{name: str(value) if isinstance(value, Path) else value for name, value in asdict(durability).items()},
        },
        "disclosure_retention_s": config.disclosure_retention.total_seconds(),
        "key": {"error": key or ""},
        "selftests": [asdict(each) for each in tested],
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "file": found.file,
        "line": found.line,
        "path": found.path,
        "key": found.key,
        "says": found.says(language()),
    }


async def _tested(config: HubConfig) -> list[Tested]:
    """All at once, since each waits for another far side."""
    return list(await asyncio.gather(*(_test(name, entry) for name, entry in config.connectors.items())))


async def _test(name: str, entry: ConnectorEntry) -> Tested:
    if not has_selftest(entry):
        return Tested(name=name, passed=None)
    try:
        await selftest(name, entry)
    except SkolnavError as error:
        return Tested(name=name, passed=False, says=error.sv if error.sv and language() == "sv" else str(error))
    except Exception as error:  # a fault in the connector, whose text may quote data
        return Tested(name=name, passed=False, says=f"{type(error).__name__} ({place_of(error, entry.cls)})")
    return Tested(name=name, passed=True)
