"""Tries a vendor's code in a short-lived process of its own, before the same code runs in this process.

A thread can't be interrupted, a regular expression in it may hold the interpreter, and `os._exit` ends the process.
So each package that is not built in is first imported, asked by its hooks and given its settings in a child process,
which is killed after a time limit. Only what came through that is imported here. Nothing is remembered from one start
to the next: a package of the same version may behave differently on another day.
"""

import ctypes
import json
import logging
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from plugins.connector import Connector, Effect
from plugins.packages import Offer
from plugins.rehearsal import Rehearsal
from plugins.texts import Text
from plugins.timers import times_of
from plugins.validation import poll_every_s

LIMIT_VARIABLE: Final = "SKOLNAV_PLUGIN_LIMIT_S"
LIMIT_S: Final = 30.0  # for the import and the hooks of one package, with the start of the process
AT_ONCE: Final = 8  # processes; one that hangs costs no processor
MOST_WARNINGS: Final = 10_000  # of one instance's settings

_PR_SET_PDEATHSIG: Final = 1

# The child's path must be that of this process before it can import this module.
_CHILD: Final = (
    "import pickle, sys; ask = pickle.load(sys.stdin.buffer); sys.path[:] = ask['path']; "
    "from plugins.trial import main; main(ask)"
)

_CANT_LOAD: Final = Text("går inte att ladda: {error}", "can't be loaded: {error}")
_HANGS: Final = Text(
    "importen och dess krokar blev inte klara inom {limit} s", "its import and hooks did not end within {limit} s"
)
_ENDS: Final = Text(
    "importen eller en krok avslutade Pythonprocessen ({how})", "its import or a hook ended the Python process ({how})"
)
_SETTINGS_HANG: Final = Text(
    "prövningen av inställningarna blev inte klar inom {limit} s",
    "the examination of the settings did not end within {limit} s",
)
_SETTINGS_END: Final = Text(
    "prövningen av inställningarna avslutade Pythonprocessen ({how})",
    "the examination of the settings ended the Python process ({how})",
)
_SETTINGS_FAIL: Final = Text(
    "prövningen av inställningarna misslyckades i {what}: {error}",
    "the examination of the settings failed in {what}: {error}",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of one instance. `values` may hold secrets; they go to the child's input alone."""

    instance: str
    use: str
    values: Mapping[str, Any]
    folder: Path  # that relative paths count from


def limit_s() -> float:
    """The time limit of one trial: LIMIT_S, or what the environment says for a slow machine."""
    with suppress(ValueError):
        if (given := float(os.environ.get(LIMIT_VARIABLE, ""))) > 0:
            return given
    return LIMIT_S


def load_all(offers: Sequence[Offer]) -> dict[Offer, Text]:
    """Import each package and ask its hooks, each in a process of its own. Returns what is wrong, by package."""
    if not offers:
        return {}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        says = pool.map(lambda offer: _Trial(offer).loaded, offers)
        return {offer: text for offer, text in zip(offers, says, strict=True) if text is not None}


def examine_all(wanted: Mapping[Offer, Sequence[Settings]]) -> dict[str, Text]:
    """Examine the settings of instances, one process for each package. Returns what is wrong, by instance.

    Settings that do not fit the model are not named here: the caller names each place of them.
    """
    found: dict[str, Text] = {}
    if wanted:
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for says in pool.map(lambda item: _examined(*item), wanted.items()):
                found |= says
    return found


def _examined(offer: Offer, settings: Sequence[Settings]) -> dict[str, Text]:
    """One process is enough unless the settings of an instance end it: the rest is then examined in another."""
    found: dict[str, Text] = {}
    left = list(settings)
    while left:
        trial = _Trial(offer, left)
        if trial.loaded is not None:
            return found | {each.instance: trial.loaded for each in left}
        for each, says in zip(left, trial.examined, strict=False):
            if says is not None:
                found[each.instance] = says
        left = left[len(trial.examined) :]
    return found


class _Trial:
    """One child process, from its start to its end.

    `loaded`: what is wrong with the package; None if it was loaded. `examined`: for each of the settings what is wrong,
    up to and with the first that ended the child.
    """

    def __init__(self, offer: Offer, settings: Sequence[Settings] = ()) -> None:
        self.loaded: Text | None = None
        self.examined: list[Text | None] = []
        limit = limit_s()
        ask = {
            "path": sys.path,
            "name": offer.point.name,
            "value": offer.point.value,
            "settings": [(each.instance, each.use, dict(each.values), each.folder) for each in settings],
        }
        with os.fdopen(os.memfd_create("skolnav-trial"), "w+b") as given:  # no file, since settings may hold secrets
            given.write(pickle.dumps(ask))
            given.seek(0)
            child = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-c", _CHILD],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that processes that the package starts are ended with it
            )
        assert child.stdout is not None
        hangs = True
        try:
            lines, hangs = _lines(child.stdout.fileno(), 1 + len(settings), limit)
        finally:
            child.stdout.close()
            if not hangs:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(1)  # after its last line it ends by itself
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._read(lines, len(settings), hangs=f"{limit:g}" if hangs else "", ends=how_ended(child.returncode))

    def _read(self, lines: Sequence[Any], settings: int, *, hangs: str, ends: str) -> None:
        if not lines:
            self.loaded = _HANGS.filled(limit=hangs) if hangs else _ENDS.filled(how=ends)
            return
        loaded, *examined = lines
        if loaded is not None:
            self.loaded = Text(*loaded)
            return
        self.examined = [None if says is None else Text(*says) for says in examined]
        if len(self.examined) < settings:
            self.examined.append(_SETTINGS_HANG.filled(limit=hangs) if hangs else _SETTINGS_END.filled(how=ends))


def _lines(source: int, wanted: int, limit: float) -> tuple[list[Any], bool]:
    """The JSON lines that the child wrote, up to `wanted`, and whether it then let `limit` pass without a line."""
    written, ends = b"", time.monotonic() + limit
    ready = select.poll()
    ready.register(source, select.POLLIN | select.POLLHUP)
    while written.count(b"\n") < wanted:
        if not ready.poll(max(0, ends - time.monotonic()) * 1000):
            return _parsed(written), True
        chunk = os.read(source, 1 << 16)
        if not chunk:
            break
        written += chunk
        if b"\n" in chunk:
            ends = time.monotonic() + limit
    return _parsed(written), False


def _parsed(written: bytes) -> list[Any]:
    return [json.loads(line) for line in written.splitlines(keepends=True) if line.endswith(b"\n")]


def how_ended(code: int) -> str:
    """For the exit code of a process, which is negative for a signal: `exit 3`, `SIGKILL`, `signal 40`."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # most real-time signals have no name
        return f"signal {-code}"


# -- in the child ---------------------------------------------------------------------------------------------------


def main(ask: Mapping[str, Any]) -> None:
    """Write one JSON line for the package and one for each of the settings: null, or [Swedish, English]."""
    _end_with_the_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the package prints is no answer

    def answer(says: Text | None) -> None:
        answers.write(json.dumps(says) + "\n")
        answers.flush()

    from importlib.metadata import EntryPoint

    from plugins.hookspecs import ENTRY_POINT_GROUP
    from plugins.manager import Plugins
    from schemas.export import json_schema

    try:
        offer = Offer(EntryPoint(ask["name"], ask["value"], ENTRY_POINT_GROUP), "", "")
        plugins = Plugins.of_offer(offer)
        plugins.describe()
        for model in plugins.event_types():
            json_schema(plugins.catalogue().entry(model.spec.type))  # which a type may change by functions of its own
    except BaseException as error:
        # The text may be shown: no data from a school has been read yet, and "No module named" is what helps.
        answer(cant_load(error))
        _end()
    answer(None)
    for instance, use, values, folder in ask["settings"]:
        try:
            says = _wrong(plugins.connector(use), values, {"folder": folder, "instance": instance})
        except BaseException as error:
            says = failed_in("plugins", error)
        answer(says)
    _end()


def _end_with_the_parent() -> None:
    """A package that holds the processor would otherwise do so for ever, once the hub or the command was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def cant_load(error: BaseException) -> Text:
    return _CANT_LOAD.filled(error=f"{type(error).__name__}: {error}")


def failed_in(what: str, error: BaseException) -> Text:
    """The class of the error alone, since its text may quote a setting."""
    return _SETTINGS_FAIL.filled(what=what, error=type(error).__name__)


def _wrong(cls: type[Connector[Any]], values: Any, context: Mapping[str, Any]) -> Text | None:
    doing = cls.config_model.__name__
    try:
        config = TypeAdapter(cls.config_model).validate_python(values, context=context)
        doing = "warnings"
        _few(config.warnings())
        doing = "directory_ids"
        _few(config.directory_ids())
        doing = "far_sides"
        _few(config.far_sides())
    except ValidationError:
        return None
    except BaseException as error:
        return failed_in(doing, error)
    return fault_of(cls, config) or _constructor_fault(cls, config, str(context["instance"]))


class _Untried(BaseException):
    """The constructor asks for something that only a running hub has. No `except Exception` of its own hides this."""


class _Context:
    """As much of a `Context` as a constructor may use in a trial."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.log = logging.getLogger(f"skolnav.trial.{instance}")

    def __getattr__(self, name: str) -> Any:
        raise _Untried(name)


def _constructor_fault(cls: type[Connector[Any]], config: Any, instance: str) -> Text | None:
    """Only in a child process: what is made is left behind, and nothing is done at a far side meanwhile."""
    with Rehearsal() as rehearsal:
        try:
            cls(config, cast(Any, _Context(instance)))
        except _Untried:
            return None
        except BaseException as error:
            # What it would have done outside was refused here, and may succeed in the hub.
            return None if rehearsal.deeds else failed_in(f"{cls.__name__}.__init__", error)
    return None


def fault_of(cls: type[Connector[Any]], config: Any) -> Text | None:
    """What is wrong with what a class makes of valid settings: its times of day, its effect, its polls."""
    try:
        times_of(cls, config)
        poll_every_s(cls, config)
    except Exception as error:
        says = getattr(error, "sv", "")
        return Text(says or str(error), str(error)) if says else failed_in("@daily", error)
    try:
        effect: Any = cls.effect_with(config)
    except BaseException as error:
        return failed_in("effect_with", error)
    return None if isinstance(effect, Effect) else _SETTINGS_FAIL.filled(what="effect_with", error="no Effect")


def _few(items: Iterable[object]) -> list[object]:
    return list(islice(items, MOST_WARNINGS))


def _end() -> None:
    """At once: what the package has registered for the end of the interpreter may hang."""
    os._exit(0)
