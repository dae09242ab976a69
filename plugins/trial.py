"""Tries a vendor's code in a short-lived process of its own, before the same code runs in this process.

A thread can't be interrupted, a regular expression in it may hold the interpreter, and `os._exit` ends the process.
So each package that is not built in is first imported, asked by its hooks and given its settings in a process, which is
killed after a time limit. Only what came through that is imported here. One process does all of it for a package, and
several packages are tried beside each other; never two in one process, since each may change what the other imports.
Nothing is remembered from one start to the next: a package of the same version may behave differently on another day.
"""

import ctypes
import gc
import importlib
import json
import logging
import os
import pickle
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, cast

from pydantic import TypeAdapter, ValidationError

from plugins import process_wide
from plugins.connector import Connector, Effect
from plugins.fork_server import ForkServer
from plugins.hookspecs import ENTRY_POINT_GROUP
from plugins.packages import Offer
from plugins.rehearsal import Rehearsal
from plugins.texts import Text
from plugins.timers import times_of
from plugins.validation import poll_every_s

LIMIT_VARIABLE: Final = "SKOLNAV_PLUGIN_LIMIT_S"
LIMIT_S: Final = 30.0  # for the import and the hooks of one package, and then for each of its instances' settings
AT_ONCE: Final = 8  # processes; one that hangs costs no processor
MOST_WARNINGS: Final = 10_000  # of one instance's settings

_MOST_WRITTEN: Final = 1 << 20  # bytes of one answer
MOST_MEMORY: Final = 1 << 30  # bytes of a trial: more would harm the machine within the time limit
_ENDING_S: Final = 1.0  # how long a process that has closed its socket may take to end
_PR_SET_PDEATHSIG: Final = 1

_CANT_LOAD: Final = Text("går inte att ladda: {error}", "can't be loaded: {error}")
_CANT_TRY: Final = Text("går inte att pröva: {error}", "can't be tried: {error}")
_PROCESS_WIDE: Final = Text(
    "importen eller en krok ändrar något för hela hubbens process: {what}. Det hör hemma i start()",
    "its import or a hook changes something for the hub's whole process: {what}. That belongs in start()",
)
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


class Trials:
    """The trials of one start or one reload. Made for `load` and then `examine`; `close` ends their processes."""

    def __init__(self) -> None:
        self._forks = ForkServer("plugins.trial", lambda: os.environ)
        self._loaded: dict[Offer, _Trial] = {}  # processes that wait for settings

    def load(self, offers: Sequence[Offer]) -> dict[Offer, Text]:
        """Import each package and ask its hooks, each in a process of its own. Returns what is wrong, by package."""
        if not offers:
            return {}
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            says = pool.map(self._load, offers)
            return {offer: text for offer, text in zip(offers, says, strict=True) if text is not None}

    def examine(self, wanted: Mapping[Offer, Sequence[Settings]]) -> dict[str, Text]:
        """Examine instances' settings, in the processes that `load` has begun. Returns what is wrong, by instance.

        Settings that do not fit the model are not named here: the caller names each place of them.
        """
        found: dict[str, Text] = {}
        if wanted:
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                for says in pool.map(lambda item: self._examine(*item), wanted.items()):
                    found |= says
        return found

    def close(self) -> None:
        for each in self._loaded.values():
            each.close()
        self._loaded.clear()
        self._forks.close()

    def _load(self, offer: Offer) -> Text | None:
        try:
            trial = _Trial(self._forks)
        except OSError as error:
            return _CANT_TRY.filled(error=f"{type(error).__name__}: {error}")
        says = trial.load(offer)
        if says is None:
            self._loaded[offer] = trial
        else:
            trial.close()
        return says

    def _examine(self, offer: Offer, settings: Sequence[Settings]) -> dict[str, Text]:
        """One process is enough unless the settings of an instance end it: the rest is then examined in another."""
        found: dict[str, Text] = {}
        left = list(settings)
        while left:
            if offer not in self._loaded and (says := self._load(offer)) is not None:
                return found | {each.instance: says for each in left}
            trial = self._loaded.pop(offer)
            examined = trial.examine(left)
            trial.close()
            for each, wrong in zip(left, examined, strict=False):
                if wrong is not None:
                    found[each.instance] = wrong
            left = left[len(examined) :]
        return found


class _Trial:
    """The process in which one package is tried. Raises OSError where none can begin."""

    def __init__(self, forks: ForkServer) -> None:
        self._forks = forks
        self._limit = limit_s()
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(self._limit)
        try:
            with theirs, open(os.devnull, "w") as output:
                self._pid = forks.fork(theirs, output.fileno())
        except BaseException:
            self._channel.close()
            raise

    def load(self, offer: Offer) -> Text | None:
        """What is wrong with the package; None if it was loaded."""
        (answer,) = self._asked({"name": offer.point.name, "value": offer.point.value}, 1, hangs=_HANGS, ends=_ENDS)
        return answer

    def examine(self, settings: Sequence[Settings]) -> list[Text | None]:
        """For each of the settings what is wrong, up to and with the first that ended the process."""
        # Over a socket and not in a file, since settings may hold secrets.
        asked = [(each.instance, each.use, dict(each.values), each.folder) for each in settings]
        return self._asked(asked, len(settings), hangs=_SETTINGS_HANG, ends=_SETTINGS_END)

    def close(self) -> None:
        self._end(0)

    def _asked(self, question: Any, answers: int, *, hangs: Text, ends: Text) -> list[Text | None]:
        """The answers, each within the time limit. The last one says why there are no more, if there are not."""
        found: list[Text | None] = []
        asked = pickle.dumps(question)
        try:
            self._channel.sendall(asked)
            written, until = b"", time.monotonic() + self._limit
            while len(found) < answers:
                self._channel.settimeout(max(0.001, until - time.monotonic()))
                if not (chunk := self._channel.recv(1 << 16)):
                    raise ConnectionError
                *lines, written = (written + chunk).split(b"\n")
                if len(written) > _MOST_WRITTEN:
                    raise ValueError
                if lines:
                    until = time.monotonic() + self._limit
                found += [None if (says := json.loads(line)) is None else Text(*says) for line in lines]
        except TimeoutError:
            found.append(hangs.filled(limit=f"{self._limit:g}"))
        except OSError:
            found.append(ends.filled(how=self._end(_ENDING_S)))
        except (RecursionError, TypeError, ValueError) as error:  # no answer of ours: the package wrote to the socket
            found.append(_CANT_TRY.filled(error=type(error).__name__))
        return found[:answers]

    def _end(self, grace_s: float) -> str:
        self._channel.close()
        return self._forks.end(self._pid, grace_s)


# -- in the child ---------------------------------------------------------------------------------------------------


def preload() -> None:
    """Import what each trial needs. Called in the fork server."""
    for name in ("plugins.manager", "plugins.rest", "plugins.wires.https", "schemas.export"):
        importlib.import_module(name)


def main(channel: int, output: int) -> NoReturn:
    """Write one JSON line for the package, then one for each of the settings: null, or [Swedish, English]."""
    code = 1
    try:
        os.setsid()  # so that processes that the package starts are ended with it
        _end_with_the_parent()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for fd in (1, 2):
            os.dup2(output, fd)  # what the package prints is no answer
        os.set_inheritable(channel, False)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold secrets
        gc.enable()
        with socket.socket(fileno=channel) as answers, answers.makefile("rb") as asked:
            _answer(answers, asked)
        code = 0
    finally:
        os._exit(code)  # at once: what the package has registered for the end of the interpreter may hang


def _answer(channel: socket.socket, asked: BinaryIO) -> None:
    from plugins.manager import Plugins
    from schemas.export import json_schema

    def answer(says: Text | None) -> None:
        channel.sendall(json.dumps(says).encode() + b"\n")

    before = process_wide.seen()
    package = pickle.load(asked)  # noqa: S301 - from the process that made this one
    try:
        offer = Offer(EntryPoint(package["name"], package["value"], ENTRY_POINT_GROUP), "", "")
        plugins = Plugins.of_offer(offer)
        plugins.describe()
        for model in plugins.event_types():
            json_schema(plugins.catalogue().entry(model.spec.type))  # which a type may change by functions of its own
    except BaseException as error:
        # The text may be shown: no data from a school has been read yet, and "No module named" is what helps.
        answer(cant_load(error))
        return
    if changed := process_wide.changed(before):
        answer(_PROCESS_WIDE.filled(what=", ".join(changed)))
        return
    answer(None)
    for instance, use, values, folder in pickle.load(asked):  # noqa: S301
        try:
            says = _wrong(plugins.connector(use), values, {"folder": folder, "instance": instance})
        except BaseException as error:
            says = failed_in("plugins", error)
        answer(says)


def _end_with_the_parent() -> None:
    """End this process when the fork server ends, which ends with the hub or the command."""
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
        doing = "sum_words"
        _few(config.sum_words())
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
