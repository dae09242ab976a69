"""Alerts by mail: one mail for what comes together, nothing but what is critical in quiet hours, reminders with an end.

A mail says what was raised, what is raised still after `remind` if no person has acknowledged it, and what is over. A
mail that no address has got is tried again; it may come twice after a crash, with the same Message-ID. Once one address
has got it, the letters of the others wait for them (`hub.alerts.letters`).
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from hub.alerts.condition import Condition, Severity
from hub.alerts.letters import FIRST_PAUSE_S, LONGEST_PAUSE_S, Letters, post
from hub.alerts.raising import Alert, Alerts
from hub.alerts.wording import says, todo
from hub.clock import Clock
from hub.config import HubConfig
from hub.config.alerts import AlertMail, AlertSettings
from hub.outbound.addresses import is_loopback
from hub.pauses import doubled_s
from hub.tasks import Tasks
from hub.texts import text
from hub.texts.times import shown
from hub.waiting import set_within
from plugins.errors import ConfigurationError, SkolnavError

LINES: Final = 50  # alerts that one mail names
LOOK_S: Final = 60.0  # between two looks whether something is to be sent: the end of quiet hours, a reminder

log = logging.getLogger(__name__)


class AlertMails:
    """Sends what `alerts` has raised, as the configuration of the moment says."""

    def __init__(self, alerts: Alerts, *, config: Callable[[], HubConfig], clock: Clock) -> None:
        self._alerts = alerts
        self._config = config
        self._clock = clock
        self._tasks = Tasks()
        self._changed = asyncio.Event()
        self._failing: Condition | None = None
        self._letters = Letters(clock)

    def start(self) -> None:
        self._alerts.changed.append(self._changed.set)
        self._tasks.start(self._run(), name="alert mails")

    async def stop(self) -> None:
        await self._tasks.stop()

    def conditions(self, now: datetime) -> Sequence[Condition]:
        """Whether mails can't be sent, or one address does not get its own."""
        found = [] if self._failing is None else [self._failing]
        settings = self._config().alerts
        if settings is not None and settings.mail is not None:
            found += self._letters.conditions(settings.mail.to)
        return found

    async def _run(self) -> None:
        failures = 0
        while True:
            await set_within(self._changed, LOOK_S, self._clock)
            self._changed.clear()
            settings = self._config().alerts
            if settings is None or settings.mail is None or not self._may_reach(settings.mail):
                self._failing = None
                continue
            try:
                await self._send(settings, settings.mail)
            except Exception as error:  # also a fault: the next try may work, and nothing else depends on it
                failures += 1
                code = error.code if isinstance(error, SkolnavError) else type(error).__name__
                log.warning("alerts can't be sent by mail: %s", code)
                pause_s = doubled_s(failures, first_s=FIRST_PAUSE_S, last_s=LONGEST_PAUSE_S)
                now = self._clock.utc()
                since = now if self._failing is None else self._failing.since
                self._failing = Condition(
                    code="mail-failing", place="hub", since=since, error=code, attempts=failures,
                    next_try=now + timedelta(seconds=pause_s),
                )  # fmt: skip
                await self._clock.sleep(pause_s)
                self._changed.set()
            else:
                failures, self._failing = 0, None

    def _may_reach(self, mail: AlertMail) -> bool:
        """With a school time of its own the hub reaches this machine alone (docs/architecture.md, Time)."""
        return not self._config().loopback_only or is_loopback(mail.host)

    async def _send(self, settings: AlertSettings, mail: AlertMail) -> None:
        """Send what is due. Raises what the wire raises if no address could be reached."""
        await self._letters.send_waiting(mail)
        fresh, reminded, over = self._due(settings, self._clock.utc())
        if not (fresh or reminded or over):
            return
        sent, failed = 0, dict[str, tuple[EmailMessage, SkolnavError | None]]()
        with self._alerts.being_mailed([*fresh, *reminded, *over]):
            for to in mail.to:
                letter = self._letter(settings, mail, to, fresh=fresh, reminded=reminded, over=over)
                if self._letters.wait_for(to):  # an earlier one comes first
                    failed[to] = letter, None
                    continue
                try:
                    await post(mail, letter)
                except SkolnavError as error:  # of this address or of the server: the next address shows which
                    if isinstance(error, ConfigurationError) and not sent:
                        raise  # no address can be reached, and repeated wrong log-ins may lock the account
                    failed[to] = letter, error
                else:
                    sent += 1
                    self._letters.got(to)
            if not sent:
                for _, why in failed.values():
                    if why is not None:
                        raise why
                return  # all wait for earlier letters
            for to, (letter, why) in failed.items():
                self._letters.keep(to, letter, why)
            await self._alerts.mailed(raised=fresh, reminded=reminded, over=over)

    def _due(self, settings: AlertSettings, now: datetime) -> tuple[list[Alert], list[Alert], list[Alert]]:
        """The alerts to mail now: new ones, those to be mailed again, and those that are over.

        New alerts wait until the oldest of them has waited for `group`. Those that are over go with them, or wait as
        long. An alert behind which far more waits now is new again.
        """
        quiet = settings.quiet is not None and settings.quiet.at(self._clock.school())
        least = list(Severity).index(Severity(settings.severity))
        wanted = [
            each
            for each in self._alerts.to_mail()
            if list(Severity).index(Severity(each.row.severity)) <= least
            and (not quiet or each.row.severity == Severity.CRITICAL)
        ]
        raised = [each for each in wanted if each.row.cleared is None and each.row.acknowledged is None]
        fresh = [each for each in raised if each.row.told is None or each.grown]
        over = [each for each in wanted if each.row.cleared is not None]
        times = [each.row.changed if each.grown else each.row.raised for each in fresh] + [
            each.row.cleared for each in over if each.row.cleared
        ]
        if not times or now - min(times) < settings.group:
            fresh, over = [], []
        reminded = [
            each
            for each in raised
            if each.row.told is not None
            and not each.grown
            and each.row.reminders < settings.reminders
            and now - each.row.told >= settings.remind
        ]
        return fresh, reminded, over

    def _letter(
        self,
        settings: AlertSettings,
        mail: AlertMail,
        to: str,
        *,
        fresh: Sequence[Alert],
        reminded: Sequence[Alert],
        over: Sequence[Alert],
    ) -> EmailMessage:
        language, municipality = settings.language, self._config().municipality
        lines: list[str] = []
        for each in (*fresh, *reminded)[:LINES]:
            line = self._line(each, language)
            lines.append(line if each in fresh else text("alerts.mail.reminder", language, says=line))
            lines.append(text(
                "alerts.mail.since", language, at=shown(each.row.since), todo=todo(each.condition, language)
            ))  # fmt: skip
            if each.condition.next_try is not None:
                lines.append(text("alerts.mail.next", language, at=shown(each.condition.next_try)))
            lines.append("")
        lines += [text("alerts.mail.is-over", language, says=self._line(each, language)) for each in over[:LINES]]
        if (more := len(fresh) + len(reminded) - LINES) > 0:
            lines.append(text("alerts.mail.more", language, count=more))
        lines += ["", text("alerts.mail.what-now", language)]
        raised = len(fresh) + len(reminded)
        subject = "alerts.mail.raised" if raised else "alerts.mail.over"
        letter = EmailMessage()
        letter["From"] = mail.sender
        letter["To"] = Address(addr_spec=to)
        letter["Subject"] = text(subject, language, municipality=municipality, count=raised or len(over))
        letter["Date"] = format_datetime(self._clock.utc())
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no program answers it
        # From its content, so that a mail server knows a repeat after a crash as one, and nothing else.
        about = [f"raised {each.row.id} {each.row.changed}" for each in fresh]
        about += [f"reminder {each.row.id} {each.row.told}" for each in reminded]
        about += [f"over {each.row.id}" for each in over]
        digest = hashlib.sha256("\n".join([*about, to]).encode()).hexdigest()[:32]
        letter["Message-ID"] = f"<{digest}@{mail.sender.rpartition('@')[2]}>"
        letter.set_content("\n".join(lines).strip() + "\n", cte="quoted-printable")
        return letter

    def _line(self, alert: Alert, language: str) -> str:
        row = alert.row
        severity = text(f"severity.{row.severity}", language)
        return f"[{severity}] {row.place}: {says(alert.condition, language, self._alerts.words(row.place))}"
