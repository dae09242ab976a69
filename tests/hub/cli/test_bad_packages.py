"""Nothing that an installed package does keeps the hub, or another package, from its work.

Each package does one wrong thing at one of its entrances. All are installed beside one that is well, and all are in the
configuration. The real program is started for `check` and for `run`, which meet every entrance; other commands are
given to a process that has imported the command line (`Place.ask`).
"""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from hub import cli
from plugins import manager
from tests.hub.cli.bad_place import LIMIT_S, BadPlace, closed
from tests.hub.cli.conftest import SKOLNAV, Ran, Running
from tests.packages import KINDS, source
from tests.until import block_until

TRIED: Final = ("imports", "hooks", "validators", "warnings", "times", "effect", "constructor")
AT_LOAD: Final = ("imports", "hooks")
HELD: Final = ("imports", "validators")  # a held processor is dear: one entrance before the settings, and one in them
BEFORE: Final = [f"{at}-{kind}" for at in TRIED for kind in KINDS if kind != "holds" or at in HELD]
"""What is found in a trial, before the hub uses the package."""
LATER: Final = [f"{at}-{kind}" for at in ("starts", "waiting") for kind in ("raises", "exits", "hangs")]
"""What only the running connector does. (`os._exit` and a held interpreter can be borne in another process only.)"""
ODD: Final = {"times-texts": "['08:30']", "times-none": "None", "times-zones": "[of_day(8, 30, tzinfo=timezone.utc)]"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> BadPlace:
    place = BadPlace(tmp_path_factory.mktemp("bad"))
    for name in (*BEFORE, *LATER):
        at, kind = name.split("-")
        place.site.install(name, source(name, at, KINDS[kind]))
    for name, times in ODD.items():
        place.site.install(name, source(name, times=times).replace("time as of_day", "time as of_day, timezone"))
    place.site.install("well", source("well"))
    place.site.install("twin-one", source("twin"))
    place.site.install("twin-two", source("twin"))
    place.site.install("catering-too", source("catering"))
    place.site.install("unread", source("unread"), points="[skolnav.connectors]\nno entry point\n")
    place.site.install("unnamed", source("unnamed"), metadata="")
    place.use(*BEFORE, *ODD, *LATER, "twin", "unread", "well")
    return place


# -- check, plugins --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def english(place: BadPlace) -> Ran:
    return place.run("--language", "en", "check")


def told(place: BadPlace, ran: Ran, name: str) -> str:
    """What is said at the configuration's line of one connector."""
    found = re.search(rf"^skolnav\.yaml:{place.line(name)}  connectors\.{name}(\.use)?\n  (.*)$", ran.out, re.M)
    assert found is not None, ran.out
    return found[2]


@pytest.mark.parametrize("name", [*BEFORE, *ODD])
def test_check_refuses_and_says_why_at_the_configurations_line(place: BadPlace, english: Ran, name: str) -> None:
    assert english.code == 2
    at, kind = name.split("-")
    says = told(place, english, name)
    assert f"connector {name} can't be used" in says
    expected = {
        "raises": "RuntimeError", "exits": "SystemExit", "hangs": f"within {LIMIT_S} s", "ends": "(exit 3)",
        "holds": f"within {LIMIT_S} s", "texts": "str", "none": "TypeError", "zones": "tzinfo",
    }  # fmt: skip
    assert expected[kind] in says
    if at not in AT_LOAD:
        assert "canary" not in says, "an error's text may quote a setting"


def test_check_names_the_entrance(place: BadPlace, english: Ran) -> None:
    assert "import" in told(place, english, "imports-hangs")
    assert "warnings" in told(place, english, "warnings-raises")
    assert "effect_with" in told(place, english, "effect-exits")
    assert "@daily of report" in told(place, english, "times-texts")


def test_check_says_it_in_swedish(tmp_path: Path) -> None:
    place = BadPlace(tmp_path)
    place.site.install("ends", source("ends", "imports", KINDS["ends"]))
    place.site.install("texts", source("texts", times="['08:30']"))
    place.site.install("twin-one", source("twin"))
    place.site.install("twin-two", source("twin"))
    place.use("ends", "texts", "twin")
    ran = place.ask("check")
    assert ran.code == 2
    assert "Kopplingen ends kan inte användas: ends (ends): importen eller en krok avslutade" in told(
        place, ran, "ends"
    )
    assert "@daily för report ger inga klockslag" in told(place, ran, "texts")
    assert "twin-one (twin-one) och twin-two (twin-two)" in told(place, ran, "twin")


def test_check_finds_nothing_wrong_with_what_is_well(place: BadPlace, english: Ran) -> None:
    assert "connectors.well" not in english.out


def test_plugins_lists_what_is_broken_and_what_is_not(place: BadPlace) -> None:
    ran = place.ask("plugins")
    assert ran.code == 0
    assert re.search(r"^well +well 1\.0 ", ran.out, re.M)
    assert "catering" in ran.out, "a package that takes the name of a built-in connector does not get it"
    assert "skolnav 0." in next(line for line in ran.out.splitlines() if line.startswith("catering"))
    for name in (*(name for name in BEFORE if name.startswith(AT_LOAD)), "twin-two", "catering-too"):
        assert f"{name} ({name}): kan inte användas: " in ran.err
    assert "unread-1.0.dist-info: kan inte användas: paketets metadata går inte att läsa" in ran.err
    assert "unnamed-1.0.dist-info: kan inte användas" in ran.err


def importers(place: BadPlace, name: str) -> int:
    """How many processes have imported a package that was installed by `noted`."""
    return len(set((place.folder / f"{name}.pids").read_text().split()))


def noted(place: BadPlace, name: str, at: str = "nowhere", kind: str = "raises") -> None:
    """Install a package that notes each process that imports it."""
    note = f"with open({str(place.folder / name)!r} + '.pids', 'a') as file: print(os.getpid(), file=file)"
    place.site.install(name, source(name, at, KINDS[kind]).replace("AT = ", f"{note}\nAT = ", 1))


def test_each_package_is_tried_once_in_a_start(tmp_path: Path) -> None:
    """In one process of its own, in which its settings are examined too; what is well is then imported by the hub."""
    place = BadPlace(tmp_path)
    tried = {"broken": ("imports", "raises"), "left": ("validators", "raises"), "right": ("nowhere", "raises")}
    for name, (at, kind) in tried.items():
        noted(place, name, at, kind)
    place.use(*tried)
    assert place.ask("check").code == 2
    assert {name: importers(place, name) for name in tried} == {"broken": 1, "left": 2, "right": 2}
    assert place.ask("plugins").code == 0
    assert {name: importers(place, name) for name in tried} == {"broken": 2, "left": 4, "right": 4}


def test_an_instance_whose_settings_end_the_process_keeps_no_other_of_its_package_from_its_trial(
    tmp_path: Path,
) -> None:
    place = BadPlace(tmp_path)
    ends = "if value == 'ends': os._exit(3)\n        "
    place.site.install("acme", source("acme").replace('enter("validators")', f"{ends}enter('validators')"))
    place.use("acme")
    levels = {"one": "low", "two": "ends", "three": "ends", "four": "low"}
    whole = place.file.read_text().replace(
        '  acme: {"use": "acme"}\n',
        "".join(f'  {name}: {{"use": "acme", "level": "{level}"}}\n' for name, level in levels.items()),
    )
    place.file.write_text(whole)
    out = place.ask("--language", "en", "check").out
    assert [name for name in levels if f"connectors.{name}\n" in out] == ["two", "three"]
    assert out.count("(exit 3)") == 2


@pytest.mark.parametrize("command", ["check", "plugins"])
def test_a_function_that_a_package_registers_for_the_end_holds_up_no_command(tmp_path: Path, command: str) -> None:
    place = BadPlace(tmp_path)
    place.site.install("late", source("late", "imports", "import atexit; atexit.register(time.sleep, 3600)"))
    place.use("late")
    ran = place.run(command)
    assert ran.code == 0
    assert ran.out.endswith("\n"), "all of it was written"


def test_a_command_that_a_signal_ends_is_not_held_up_either(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def exit_at_once(code: int) -> None:
        ended.append(code)
        sys.exit(code)

    def is_told_to_end(arguments: Sequence[str]) -> int:
        sys.exit(128 + signal.SIGTERM)

    monkeypatch.setattr(cli, "_ended", is_told_to_end)
    monkeypatch.setattr(cli, "_end_in_order_when_told", lambda: None)
    monkeypatch.setattr(manager, "has_vendors_code", lambda: True)
    monkeypatch.setattr(os, "_exit", exit_at_once)
    with pytest.raises(SystemExit):
        cli.main(["check"])
    assert ended == [128 + signal.SIGTERM]


def test_a_package_that_writes_to_the_socket_of_its_trial_keeps_no_other_from_its_own(tmp_path: Path) -> None:
    place = BadPlace(tmp_path)
    sockets = "(fd for fd in os.listdir('/proc/self/fd') if 'socket' in os.path.realpath(f'/proc/self/fd/{fd}'))"
    place.site.install("noisy", source("noisy", "imports", f"[os.write(int(fd), b'x\\n') for fd in {sockets}]"))
    place.site.install("well", source("well"))
    place.use("noisy", "well")
    ran = place.ask("--language", "en", "check")
    assert ran.code == 2
    assert "can't be tried: JSONDecodeError" in told(place, ran, "noisy")
    assert "connectors.well" not in ran.out


@pytest.mark.parametrize(
    ("writes", "says"),
    [("b' '; time.sleep(0.2)", "did not end within"), ("b' ' * 65536", "can't be tried: ValueError")],
    ids=["a byte at a time", "without end"],
)
def test_a_package_that_writes_no_whole_answer_is_not_waited_for(tmp_path: Path, writes: str, says: str) -> None:
    place = BadPlace(tmp_path)
    sockets = "[int(fd) for fd in os.listdir('/proc/self/fd') if 'socket' in os.path.realpath(f'/proc/self/fd/{fd}')]"
    data, _, then = writes.partition("; ")
    forever = f"while True: [os.write(fd, {data}) for fd in {sockets}]" + (f"; {then}" if then else "")
    place.site.install("noisy", source("noisy", "imports", forever))
    place.use("noisy")
    ran = place.ask("--language", "en", "check")
    assert ran.code == 2
    assert says in told(place, ran, "noisy")


def test_a_package_may_put_a_stream_of_its_own_in_the_place_of_pythons(tmp_path: Path) -> None:
    place = BadPlace(tmp_path)
    stream = "type('Stream', (), {'write': sys.stderr.write, 'flush': sys.stderr.flush})()"
    place.site.install("well", source("well", "imports", f"sys.stderr = {stream}"))
    place.use("well")
    ran = place.ask("check")
    assert ran.code == 0, ran.out + ran.err


WIDE: Final = {
    "wide-thread": (
        "import threading; threading.Thread(target=time.sleep, args=(3600,), name='p').start()",
        "Thread (p)",
    ),
    "wide-folder": ("os.chdir('/')", "os.chdir"),
    "wide-output": ("sys.stdout.close()", "sys.stdout"),
    "wide-errors": ("sys.stderr.close()", "sys.stderr"),
    "wide-mask": ("os.umask(0)", "os.umask"),
    "wide-environment": ("os.environ.clear()", "os.environ"),
    "wide-log": ("import logging; logging.disable()", "logging.disable"),
    "wide-signal": ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "signal.signal"),
    "wide-pipe": ("import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)", "signal.signal"),
    "wide-limits": ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))", "resource.setrlimit"),
    "wide-path": ("sys.path.pop()", "sys.path"),
    "wide-socket": ("import socket; socket.socket.connect = None", "socket.socket"),
    "wide-sleep": ("time.sleep = None", "time.sleep"),
    "wide-hook": ("sys.excepthook = None", "sys.excepthook"),
    "wide-loop": (
        "import asyncio; asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
        "asyncio.set_event_loop_policy",
    ),
    "wide-memory": ("[bytes(32 << 20) for _ in iter(int, 1)]", "MemoryError"),
}
"""What an import may do to the hub's process, and the word for it."""


def test_an_import_changes_nothing_for_the_whole_hub(tmp_path: Path) -> None:
    """It is done in the hub's process too, whatever `isolation` says."""
    place = BadPlace(tmp_path)
    for name, (statement, _) in WIDE.items():
        place.site.install(name, source(name, "imports", statement))
    place.site.install("well", source("well"))
    place.use(*WIDE, "well")
    ran = place.ask("check")
    assert ran.code == 2
    found = {name: says in told(place, ran, name) for name, (_, says) in WIDE.items()}
    assert found == dict.fromkeys(WIDE, True), ran.out
    assert "connectors.well" not in ran.out


def test_a_package_that_holds_the_processor_ends_with_a_command_that_is_killed(tmp_path: Path) -> None:
    place = BadPlace(tmp_path)
    written = tmp_path / "pid.txt"
    holds = f"Path({str(written)!r}).write_text(str(os.getpid())); {KINDS['holds']}"
    place.site.install("holds", source("holds", "imports", holds))
    place.use("holds")
    check = subprocess.Popen([SKOLNAV, "check"], cwd=tmp_path, env=place.environ(), stdout=subprocess.DEVNULL)
    try:
        block_until(lambda: written.exists() and written.read_text(), "the package is being tried", within_s=60)
        fd = os.pidfd_open(int(written.read_text()))
    finally:
        check.kill()
        check.wait()
    try:
        assert select.select([fd], [], [], 5)[0], "its process goes on"
    finally:
        os.close(fd)


# -- run -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(place: BadPlace) -> Iterator[Running]:
    with place.hub() as running:
        yield running


def connectors(place: BadPlace) -> dict[str, Any]:
    return {each["name"]: each for each in place.ask("connectors", "--json").json()["connectors"]}


def test_the_hub_starts_and_serves_what_is_well(place: BadPlace, hub: Running) -> None:
    hub.post(closed("evt-well"))
    written = place.folder / "well.txt"
    block_until(
        lambda: written.exists() and "evt-well" in written.read_text(), "the event reached the one that is well"
    )


@pytest.fixture(scope="module")
def standing(place: BadPlace, hub: Running) -> dict[str, Any]:
    return connectors(place)


@pytest.mark.parametrize("name", [*BEFORE, *ODD, "twin", "unread"])
def test_it_runs_without_the_instance_and_the_operator_sees_why(
    place: BadPlace, hub: Running, standing: dict[str, Any], name: str
) -> None:
    each = standing[name]
    assert (each["state"], each["reason"]) == ("failed", "left-out")
    assert f"skolnav.yaml:{place.line(name)}" in each["says"]
    assert each["problems"] == {"left-out": 1}
    assert f"the hub starts without {name}" in hub.output


@pytest.mark.parametrize("name", LATER)
def test_what_fails_once_it_runs_fails_alone(place: BadPlace, hub: Running, name: str) -> None:
    at, kind = name.split("-")
    if at == "waiting":
        each = connectors(place)[name]
        if kind == "hangs":
            assert each["waiting"] is None or (each["status"], each["reason"]) == ("stuck", "blocked")
        else:
            assert (each["status"], each["waiting"]) == ("running", None)
        return
    expected = {"raises": "error-RuntimeError", "exits": "error-SystemExit", "hangs": "hung"}[kind]
    # Its own minute: the log is read meanwhile, which costs the hub nothing.
    says = f"{name}: its process has ended (hung" if kind == "hangs" else f"{name}: start failed: {expected}"
    block_until(lambda: says in hub.output, f"{name} fails: {expected}", within_s=180)
    block_until(lambda: place.reason(name) == expected)


def test_metrics_and_readyz_show_each(place: BadPlace, hub: Running) -> None:
    metrics = place.operator("/metrics").text
    ready = place.operator("/readyz")
    assert ready.status_code == 200
    shown = {each["name"]: each for each in ready.json()["connectors"]}
    for name in (*BEFORE, *ODD, "twin"):
        assert f'skolnav_connector_up{{connector="{name}"}} 0.0' in metrics
        assert f'skolnav_connector_problems_total{{code="left-out",connector="{name}"}} 1.0' in metrics
        assert shown[name]["reason"] == "left-out"
    assert 'skolnav_connector_up{connector="well"} 1.0' in metrics


def test_a_request_to_one_that_was_left_out_is_asked_to_come_again(place: BadPlace, hub: Running) -> None:
    answer = httpx.post(f"http://127.0.0.1:{place.port}/connectors/imports-hangs/callback", timeout=30)
    assert answer.status_code == 503


def test_no_log_line_quotes_what_a_running_package_said(place: BadPlace, hub: Running) -> None:
    lines = [line for line in hub.output.splitlines() if "canary" in line]
    assert all("imports-" in line or "hooks-" in line or "varning" in line.lower() for line in lines), lines


# -- afterwards ------------------------------------------------------------------------------------------------------


def test_what_was_published_meanwhile_waits_until_the_package_is_mended(tmp_path: Path) -> None:
    """Its state and its place in the log are kept while the hub runs without it."""
    place = BadPlace(tmp_path)
    place.site.install("well", source("well"))
    place.use("well")
    written = tmp_path / "well.txt"
    with place.hub() as hub:
        hub.post(closed("evt-1"))
        block_until(lambda: written.exists() and "evt-1" in written.read_text(), within_s=90)
    place.site.install("well", source("well", "imports", KINDS["exits"]), version="1.1")
    with place.hub() as hub:
        hub.post(closed("evt-2"))
        each = connectors(place)["well"]
        assert each["subscription"] is None or each["subscription"]["state"] == "paused"
        listed = {each["subscription"]: each for each in place.ask("subscriptions", "--json").json()["subscriptions"]}
        assert (listed["connector:well"]["state"], listed["connector:well"]["reason"]) == ("paused", "left-out")
        resumed = place.ask("subscriptions", "resume", "well")
        assert resumed.code == 1
        assert "skolnav check" in resumed.err
        assert place.ask("subscriptions", "remove", "connector:well", "--yes").code == 1
    place.site.install("well", source("well"), version="1.2")
    with place.hub():
        block_until(lambda: "evt-2" in written.read_text(), "the event that waited")
    assert written.read_text().split() == ["evt-1", "evt-2"]


def test_a_package_that_comes_while_the_hub_runs_is_named_by_plan_and_apply(tmp_path: Path) -> None:
    place = BadPlace(tmp_path)
    place.site.install("well", source("well"))
    place.use("well")
    with place.hub():
        assert connectors(place)["well"]["package"] == "well 1.0"
        assert re.search(r"^well +well .* well 1\.0$", place.ask("connectors").out, re.M)
        assert place.ask("plan", "--json").json()["packages"] == []
        place.site.install("well", source("well") + "\n# mended\n", version="1.1")
        place.site.install("new", source("new"), version="0.1")
        for command in ("plan", "apply"):
            err = place.ask(command).err
            assert "paketet well är uppgraderat (1.0 -> 1.1) sedan hubben startade. Starta om hubben" in err
            assert "paketet new 0.1 är installerat sedan hubben startade. Starta om hubben" in err
        assert connectors(place)["well"]["package"] == "well 1.0", "what runs"
        place.use("well", "new")
        refused = place.ask("apply", "--yes")
        assert refused.code == 2
        assert "new 0.1" in refused.err
        assert "Starta om hubben" in refused.err
    with place.hub():
        assert connectors(place)["well"]["package"] == "well 1.1"
