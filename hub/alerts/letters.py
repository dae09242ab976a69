"""The letters that wait for an address that the mail server does not serve now, while others have got theirs."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from hub.alerts.condition import Condition
from hub.clock import Clock
from hub.config.alerts import AlertMail
from hub.pauses import doubled_s
from plugins.errors import PermanentError, SkolnavError
from plugins.texts import Text
from plugins.wires.failures import FarSide
from plugins.wires.smtp import Smtp

FIRST_PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 900.0
MOST: Final = 20  # letters that wait for one address; the oldest are dropped, since `skolnav alerts` shows what lasts
SERVER: Final = FarSide(
    connector="alerts", settings="alerts.mail.", name=Text("e-postservern", "the mail server"),
    called={"url": "alerts.mail.host"},
)  # fmt: skip

log = logging.getLogger(__name__)


async def post(mail: AlertMail, letter: EmailMessage) -> None:
    """Raises as `Smtp.send`."""
    await asyncio.to_thread(Smtp(mail, SERVER).send, letter)


@dataclass(slots=True)
class _Behind:
    """An address that has not got its last letter."""

    since: datetime
    letters: deque[EmailMessage] = field(default_factory=lambda: deque(maxlen=MOST))
    code: str = ""
    failures: int = 0
    next_try: datetime | None = None  # None: the last letter was refused for good


class Letters:
    """Of all addresses, in memory: a restart of the hub loses them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._behind: dict[str, _Behind] = {}

    def wait_for(self, to: str) -> bool:
        """Whether letters wait for this address."""
        return to in self._behind and bool(self._behind[to].letters)

    def got(self, to: str) -> None:
        """The address has got its last letter."""
        self._behind.pop(to, None)

    def keep(self, to: str, letter: EmailMessage, error: SkolnavError | None) -> None:
        """A letter could not be sent, or (no error) follows one that waits. One refused for good is dropped."""
        if isinstance(error, PermanentError):
            self._failed(to, error)
            return
        behind = self._failed(to, error) if error is not None else self._behind[to]
        behind.letters.append(letter)

    async def send_waiting(self, mail: AlertMail) -> None:
        """Try the letters whose time has come. Those of addresses that left the configuration are dropped."""
        for to, behind in list(self._behind.items()):
            if to not in mail.to:
                del self._behind[to]
                continue
            while behind.letters and (behind.next_try is None or behind.next_try <= self._clock.utc()):
                try:
                    await post(mail, behind.letters[0])
                except SkolnavError as error:
                    if isinstance(error, PermanentError):
                        behind.letters.popleft()
                    self._failed(to, error)
                else:
                    behind.letters.popleft()
                    if not behind.letters:
                        self.got(to)

    def conditions(self, addresses: Sequence[str]) -> Iterator[Condition]:
        """The addresses that are behind, by their place in the configuration: an address may name a person."""
        for n, to in enumerate(addresses):
            if (behind := self._behind.get(to)) is not None:
                yield Condition(
                    code="mail-undelivered", place="hub", what=f"alerts.mail.to[{n}]", since=behind.since,
                    error=behind.code, attempts=behind.failures, next_try=behind.next_try, count=len(behind.letters),
                )  # fmt: skip

    def _failed(self, to: str, error: SkolnavError) -> _Behind:
        now = self._clock.utc()
        behind = self._behind.setdefault(to, _Behind(since=now))
        behind.code, behind.failures, behind.next_try = error.code, behind.failures + 1, None
        if not isinstance(error, PermanentError):
            pause_s = doubled_s(behind.failures, first_s=FIRST_PAUSE_S, last_s=LONGEST_PAUSE_S)
            behind.next_try = now + timedelta(seconds=pause_s)
        log.warning("an address of alerts.mail.to does not get its mail: %s", error.code)
        return behind
