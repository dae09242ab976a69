"""`alerts:` in the configuration: whom the hub tells, when, and how often."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from plugins.durations import Duration
from plugins.rules import rule
from plugins.wires.settings import EmailAddress, Settings, SmtpSettings

GROUP: Final = timedelta(minutes=5)


def _time(value: Any) -> Any:
    try:
        if isinstance(value, time):
            return value
        if isinstance(value, str) and len(value) == 5:
            return time.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("school_time", 'not a time of day: write "HH:MM" in quotes, for example "09:30"')


TimeOfDay = Annotated[time, BeforeValidator(_time)]


class QuietHours(Settings):
    """When only what is critical is sent. What is not waits until they are over."""

    from_: TimeOfDay = Field(alias="from", description="Start, school time HH:MM.")
    to: TimeOfDay = Field(description="End, school time HH:MM; the next morning if it is before `from`.")

    def at(self, moment: datetime) -> bool:
        """Whether a moment of school time is within them."""
        now = moment.time()
        if self.from_ <= self.to:
            return self.from_ <= now < self.to
        return now >= self.from_ or now < self.to


class AlertMail(SmtpSettings):
    """A mail server that offers STARTTLS, and who gets the mails."""

    to: tuple[EmailAddress, ...] = Field(min_length=1, description="Addresses, those of roles rather than of persons.")


class AlertSettings(Settings):
    """Who is told of alerts. Without `mail`, `skolnav alerts` and subscribers of `se.skolnav.operator.*` show them."""

    mail: AlertMail | None = Field(None, description="The mail server and the addresses.")
    language: Literal["sv", "en"] = Field("sv", description="Language of the mails.")
    severity: Literal["critical", "warning", "info"] = Field("warning", description="The least severity that is sent.")
    group: Duration = Field(GROUP, description="How long a mail waits for more alerts, so that one fault is one mail.")
    quiet: QuietHours | None = Field(None, description="Hours in which only critical alerts are sent.")
    remind: Duration = Field(timedelta(hours=24), description="After how long an open alert is sent again.")
    reminders: int = Field(7, ge=0, le=100, description="How many times it is sent again at most.")
    backup_age: Duration = Field(timedelta(days=8), description="A last backup that is older is an alert.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.remind < timedelta(minutes=15):
            raise rule("remind", "`remind` must be 15m or more", "`remind` ska vara minst 15m")
        return self
