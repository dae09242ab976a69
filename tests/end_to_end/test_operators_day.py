"""The day of an operator on the real program: install, connect, break, be told, find, mend, upgrade, restore.

The wheel is installed where nothing else is, as on a municipality's server. Around it are an OpenSSH server (the
kitchen), a mail server with STARTTLS (the operator's mailbox) and a webhook (the caretakers' system). Everything that
the operator does is a command of `skolnav`, a changed file, or `pip`; everything that the operator knows is in a mail,
on the screen or in a file.
"""

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
import yaml

from tests import school
from tests.peers import installed
from tests.peers.hub import free_port
from tests.peers.mail import PASSWORD as MAIL_PASSWORD
from tests.peers.mail import MailServer, mail_peer
from tests.peers.openssh import openssh_peer, sftp_server
from tests.peers.sftp import PASSWORD as SFTP_PASSWORD
from tests.peers.webhook import WebhookReceiver, status
from tests.until import until

OLD = "0.0.9"
SOURCE = "urn:exempelkommun:sis"
CONTRACT = {"purpose": "facilities", "legal_basis": "agreement", "categories": ["none", "free_text"]}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WITHIN_S = 120.0  # for one step, on a busy machine


@dataclass
class Ran:
    code: int
    out: str


class Operator:
    """Gives commands in the hub's folder, in Swedish, and edits its file."""

    def __init__(self, folder: Path, venv: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._skolnav = venv / "bin" / "skolnav"
        self._environ = installed.environ(venv, folder, LANG="sv_SE.UTF-8", COLUMNS="200")

    async def run(self, *arguments: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            self._skolnav, *arguments, cwd=self.folder, env=self._environ, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out = (await process.communicate())[0].decode()
        assert "Traceback" not in out, out
        return Ran(process.returncode or 0, out)

    async def does(self, *arguments: str) -> str:
        """A command that succeeds; what it shows."""
        ran = await self.run(*arguments)
        assert ran.code == 0, ran.out
        return ran.out

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        file = self.folder / "skolnav.yaml"
        written = yaml.safe_load(file.read_text("utf-8"))
        change(written)
        file.write_text(yaml.safe_dump(written, allow_unicode=True), "utf-8")

    def secret(self, name: str, content: str) -> str:
        """A file with a secret; the reference to it."""
        path = self.folder / "secrets" / name
        path.write_text(content, "utf-8")
        path.chmod(0o600)
        return f"${{file:secrets/{name}}}"

    async def publish(self, *events: Mapping[str, Any]) -> None:
        """As the school system does."""
        token = (self.folder / "secrets" / "sis").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents-batch+json"}
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{self.port}/v1/events"
            answer = await client.post(url, content=json.dumps(events), headers=headers, timeout=WITHIN_S)
        assert answer.status_code == 202, answer.text

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """`skolnav run`, until its end by SIGTERM, unless it has ended before."""
        written = self.folder / "hub.txt"
        with written.open("w") as file:
            process = await asyncio.create_subprocess_exec(
                self._skolnav, "run", cwd=self.folder, env=self._environ, stdin=asyncio.subprocess.DEVNULL,
                stdout=file, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        try:
            up = f": http://127.0.0.1:{self.port}"
            await until(lambda: up in written.read_text() or process.returncode is not None, within_s=WITHIN_S)
            assert up in written.read_text(), written.read_text()
            yield process
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 30) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Day:
    """What is around the hub."""

    def __init__(self, operator: Operator, mailbox: MailServer, caretakers: WebhookReceiver, kitchen: Path) -> None:
        self.operator, self.mailbox, self.caretakers, self.kitchen = operator, mailbox, caretakers, kitchen
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._server = AsyncExitStack()
        self.sftp: dict[str, Any] = {}

    async def kitchen_up(self) -> None:
        self.sftp = await self._server.enter_async_context(
            openssh_peer(self.kitchen, port=self.sftp.get("port", 0), key=self._key)
        )

    async def kitchen_down(self) -> None:
        await self._server.aclose()

    async def told(self, pattern: str) -> str:
        """A mail comes whose text has the pattern; its text."""
        mails = self.mailbox.mails

        def found() -> str | None:
            return next((mail.text for mail in mails if re.search(pattern, mail.text)), None)

        try:
            text: str = await until(found, within_s=WITHIN_S)
        except BaseException:
            print([mail.text for mail in mails], (self.operator.folder / "hub.txt").read_text())
            raise
        return text

    async def shows(self, pattern: str, *arguments: str) -> str:
        """A command shows the pattern, at once or soon; the first group of it, or all."""
        shown = ""

        async def found() -> re.Match[str] | None:
            nonlocal shown
            shown = await self.operator.does(*arguments)
            return re.search(pattern, shown, re.MULTILINE)

        try:
            match: re.Match[str] = await until(found, within_s=WITHIN_S)
        except BaseException:
            print(shown)
            raise
        return match[match.lastindex or 0]


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    sftp_server()
    operator = Operator(tmp_path / "skolnav", tmp_path / "venv", free_port())
    operator.folder.mkdir()
    kitchen = tmp_path / "kost"
    kitchen.mkdir()
    async with mail_peer(tmp_path / "mail") as mailbox, WebhookReceiver() as caretakers:
        it = Day(operator, mailbox, caretakers, kitchen)
        await it.kitchen_up()
        try:
            yield it
        finally:
            await it.kitchen_down()


def closed(id: str, day: int) -> dict[str, Any]:
    data = {"organisation": {"id": school.UNIT}, "date": f"2026-12-{day:02}"}
    return school.envelope(school.DAY_CLOSED, data, id=id, source=SOURCE, traceparent=TRACE)


def the_school() -> list[dict[str, Any]]:
    as_of = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        school.envelope(school.ORGANISATION, school.organisation(), source=SOURCE),
        school.envelope(school.PERSON, school.pupil(school.uid("pupil")), source=SOURCE),
        school.envelope(school.CURRENT, {"asOf": as_of}, source=SOURCE),
    ]


async def test_the_day_of_an_operator(day: Day, tmp_path: Path) -> None:
    operator = day.operator
    new = await asyncio.to_thread(install, tmp_path)
    await connect(day)
    async with operator.hub():
        await operator.publish(*the_school(), closed("day-1", 1))
        await day.shows(r"day-1(?s:.*)levererad", "event", "day-1")
        await a_recipient_refuses(day)
        await operator.does("backup", "before-upgrade")
        assert "går att återställa" in await operator.does("backup", "check", "before-upgrade")
    await day.kitchen_down()
    await asyncio.to_thread(installed.install, tmp_path / "venv", new)
    assert await operator.does("--version") == f"skolnav {new.name.split('-')[1]}\n"
    operator.edit(lambda file: file.update(school_clock={"start": "2026-11-24T08:29", "speed": 10}))
    assert "är giltig" in await operator.does("check")
    async with operator.hub() as hub:
        await a_kitchen_is_down(day)
        await day.shows(f"{OLD}", "alerts")
        await operator.publish(closed("day-3", 3))
        await day.shows(r"day-3(?s:.*)levererad", "event", "day-3")
        shutil.rmtree(operator.folder / "before-upgrade")
        await operator.does("backup", "saved")
        hub.kill()
        await hub.wait()
    await the_disk_is_lost(day)


def install(folder: Path) -> Path:
    """An older version is what runs here until the upgrade, whose wheel is returned."""
    venv, new = installed.environment(folder), installed.build(folder / "wheels")
    (folder / "old").mkdir()
    installed.install(venv, installed.as_version(new, OLD, folder / "old"))
    return new


async def connect(day: Day) -> None:
    """`init` writes the first file, the operator the rest. `check` finds a slip before anything depends on it."""
    operator, sftp = day.operator, day.sftp
    assert await operator.does("--version") == f"skolnav {OLD}\n"
    answers = {
        "kitchens[0].id": "K-017", "kitchens[0].units[0]": school.UNIT, "kitchens[0].unit_code": "12345678",
        "kitchens[0].sittings[0].id": "1", "kitchens[0].sittings[0].from": "11:10",
        "kitchens[0].sittings[0].to": "11:40", "transport.kind": "sftp", "transport.host": sftp["host"],
        "transport.username": sftp["username"], "transport.host_key": sftp["host_key"],
    }  # fmt: skip
    given = [word for place, value in answers.items() for word in ("--answer", f"kitchen.{place}={value}")]
    ran = await operator.run(
        "init", "--municipality", "Exempelkommun", "--listen", f"127.0.0.1:{operator.port}",
        "--connector", "kitchen=catering", *given,
    )  # fmt: skip
    assert ran.code != 0  # what no question asks for is still missing
    assert "transport" in ran.out

    def rest(file: dict[str, Any]) -> None:
        more = {"port": sftp["port"], "path": sftp["path"], "password": operator.secret("kost", SFTP_PASSWORD)}
        file["connectors"]["kitchen"].update(report_times=["08:30"], poll="1s")
        file["connectors"]["kitchen"]["transport"].update(more)
        file["clients"].append({
            "id": "caretakers", "token": operator.secret("caretakers", "t0ken-of-the-caretakers-4f1c9a02b7d85e66"),
            "roles": ["subscriber"], "contract": {**CONTRACT, "scope": {"organisations": [school.UNIT]}},
        })  # fmt: skip
        file["subscriptions"] = [{
            "name": "closed-days", "client": "caretakers", "types": ["se.skolnav.schedule.day.closed.v1"],
            "sink": {"kind": "webhook", "url": day.caretakers.url, "secret": operator.secret("hook", SECRET),
                     "handshake": False},
        }]  # fmt: skip
        file["outbound"] = {"allow": ["127.0.0.0/8"]}
        settings = day.mailbox.settings(password=operator.secret("mail", MAIL_PASSWORD), timeout_s=20, deadline_s=60)
        file["alerts"] = {"mail": {**settings, "to": ["drift@exempelkommun.se"]}, "group": "1s"}
        # A rehearsal: its school day is the same whenever the tests run, and it reaches this machine alone.
        file.update(demo=True, school_clock={"start": "2026-11-24T06:00", "speed": 1})
        file["directory"]["sources"] = [f"{SOURCE}s"]

    operator.edit(rest)
    ran = await operator.run("check")
    assert ran.code == 2
    assert re.search(r"skolnav.yaml:\d+ +directory.sources\[0\]", ran.out)
    assert f"Menade du {SOURCE}?" in ran.out
    operator.edit(lambda file: file["directory"].update(sources=[SOURCE]))
    assert "är giltig" in await operator.does("check", "--selftest")


async def a_recipient_refuses(day: Day) -> None:
    """A mail says so, and the event's page says why. Once the recipient is mended, what it refused is sent again."""
    operator, caretakers = day.operator, day.caretakers
    caretakers.answer = status(422)
    await operator.publish(closed("day-2", 2))
    mail = await day.told("subscriptions.closed-days")
    assert "skolnav dead-letters" in mail
    await day.shows(r"subscriptions\.closed-days", "alerts")
    assert "HTTP-status 422" in await operator.does("event", "day-2")
    assert "ej levererad" in await operator.does("why", "day-2", "caretakers")
    letter = await day.shows(r"^(\S+) .*day-2", "dead-letters")
    caretakers.answer = status(204)
    await operator.does("dead-letters", "resend", letter)
    await day.shows(r"day-2(?s:.*)levererad", "event", "day-2")
    delivered = caretakers.received[-1]
    assert json.loads(delivered.body)["id"] == "day-2"
    assert json.loads(delivered.body)["traceparent"] == delivered.headers["traceparent"] == TRACE
    await day.told("^Över: .*subscriptions.closed-days")


async def a_kitchen_is_down(day: Day) -> None:
    """At report time. What needs a person names the kitchen; it gets its order as soon as it is up, and once."""
    operator = day.operator
    mail = await day.told(r"connectors\.kitchen.*report@08:30:00")
    assert "försöker igen av sig själv" in mail
    assert "08:30" in await operator.does("connectors")
    alert = await day.shows(r"^(\S+) .*report@08:30:00", "alerts")
    assert "Kim" in await operator.does("alerts", "acknowledge", alert, "--name", "Kim i driften")
    assert list(day.kitchen.glob("*.csv")) == []
    await day.kitchen_up()
    await until(lambda: list(day.kitchen.glob("KOST_12345678_*.csv")), "the order has come", within_s=WITHIN_S)
    await day.told(r"Över: .*report@08:30:00")
    assert "report@08:30:00" not in await operator.does("alerts")


async def the_disk_is_lost(day: Day) -> None:
    """The backup, with the key from its own place, brings everything back; nothing is sent a second time."""
    operator = day.operator
    data = operator.folder / "data"
    key = (data / "key").read_bytes()
    shutil.rmtree(data)
    await operator.does("restore", "saved")
    (data / "key").write_bytes(key)
    os.chmod(data / "key", 0o600)
    orders, deliveries = len(list(day.kitchen.iterdir())), len(day.caretakers.received)
    async with operator.hub():
        await day.shows(r"day-3(?s:.*)levererad", "event", "day-3")
        assert "day-2" in await operator.does("events", "--type", "se.skolnav.schedule.*")
        assert await operator.does("dead-letters") == "Det finns inga ej levererade händelser.\n"
        assert "håller ihop" not in await operator.does("disclosures", "verify")
        await operator.publish(closed("day-4", 4))
        await day.shows(r"day-4(?s:.*)levererad", "event", "day-4")
    assert len(list(day.kitchen.iterdir())) == orders
    assert [json.loads(each.body)["id"] for each in day.caretakers.received[deliveries:]] == ["day-4"]
