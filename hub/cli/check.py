"""`skolnav check`: the whole configuration file, how durable a hub would be here, and the connectors' self-tests.

With the self-tests it asks the hub that runs on the data folder which ids in the settings its directory does not know.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.bus.file import LogLocked, lock
from hub.cli import output
from hub.cli.disk import Durability, probe
from hub.cli.exits import Code, Failure, in_language, of_files
from hub.cli.language import language, say
from hub.cli.local_hub import PAGE, LocalHub
from hub.config import ConfigErrors, ConnectorEntry, Finding, HubConfig, load
from hub.engines.embedded_files import LOG, STORE
from hub.engines.root_key import FILE as KEY
from hub.engines.root_key import fits, made_with
from hub.hosting.connector_errors import place_of
from hub.hosting.selftest import has_selftest, selftest
from hub.texts.quantities import decimal, size
from plugins.errors import SkolnavError
from plugins.manager import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The self-test of one connector. `passed` is None where it has none."""

    name: str
    passed: bool | None
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The ids in the connectors' settings, compared with a running hub's directory.

    `says`: what came of it, in words; empty where the settings name no ids, or some are unknown.
    """

    unknown: Sequence[Finding] = ()
    says: str = ""


def check(path: Path, *, selftest: bool, json: bool) -> Code:
    """Show every error at once."""
    try:
        config = load(path, Plugins.load(then_examine=True))
    except ConfigErrors as errors:
        _refused(errors, json)
        return Code.USAGE
    durability = probe(config.data)
    key = _key(config)
    tested = asyncio.run(_tested(config)) if selftest else []
    compared = _compared(config) if selftest else Compared()
    code = Code.OK
    if compared.unknown or any(each.passed is False for each in tested):
        code = Code.FAILED
    if durability.error or durability.full or key is not None:
        code = Code.FILES
    if json:
        output.as_json(_answer(config, durability, code=code, key=key, tested=tested, compared=compared))
    else:
        _show(config, durability, path=path, key=key, tested=tested, compared=compared)
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


def _show(
    config: HubConfig,
    durability: Durability,
    *,
    path: Path,
    key: str | None,
    tested: Iterable[Tested],
    compared: Compared,
) -> None:
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
                milliseconds=decimal(durability.fsync_ms, language()),
                free="?" if durability.free is None else size(durability.free, language()),
            )
        )
    for text in durability.warnings():
        _warn(text)
    if key is not None:
        output.line(key)
    for each in tested:
        words = {None: "none", True: "passed", False: "failed"}
        output.line(say(f"check.selftest-{words[each.passed]}", name=each.name, says=each.says))
    for finding in compared.unknown:
        output.line(finding.render(language()))
    if compared.says:
        output.line(compared.says)


def _days(config: HubConfig) -> str:
    return f"{config.disclosure_retention / timedelta(days=1):g}"


def _warn(text: str) -> None:
    output.line(f"{say('check.warning')}: {text}")


def _answer(
    config: HubConfig,
    durability: Durability,
    *,
    code: Code,
    key: str | None,
    tested: Iterable[Tested],
    compared: Compared,
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
        "ids": {"unknown": [_finding(each) for each in compared.unknown], "says": compared.says},
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
        return Tested(name=name, passed=False, says=in_language(error))
    except Exception as error:  # a fault in the connector, whose text may quote data
        return Tested(name=name, passed=False, says=f"{type(error).__name__} ({place_of(error, entry.cls)})")
    return Tested(name=name, passed=True)


def _compared(config: HubConfig) -> Compared:
    """Compare with the directory of the hub that runs on the data folder; without such a hub, say so."""
    named = [each for entry in config.connectors.values() for each in entry.ids]
    wanted = [{"kind": kind, "id": id} for kind, id in sorted({(each.kind, each.id) for each in named})]
    if not wanted:
        return Compared()
    unknown: set[tuple[str, str]] = set()
    try:
        with LocalHub(config.data) as hub:
            for at in range(0, len(wanted), PAGE):
                answer = hub.post("/v1/operator/directory/unknown", {"ids": wanted[at : at + PAGE]})
                if answer["empty"]:
                    return Compared(says=say("check.empty-directory"))
                unknown |= {(each["kind"], each["id"]) for each in answer["unknown"]}
    except Failure as failure:
        return Compared(says=say("check.ids-not-compared", says=failure.text))
    if not unknown:
        return Compared(says=say("check.ids-known", count=len(wanted)))
    return Compared(unknown=[each.unknown for each in named if (each.kind, each.id) in unknown])
