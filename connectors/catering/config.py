"""What a municipality writes under `connectors.<name>` for its kitchens."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, time, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connectors.catering.spreadsheets import REWRITES, SAME_BUT_CASE, is_rewritten
from plugins import ConnectorConfig, DirectoryId, Duration, FarSideName
from plugins.names import looks_of, plain_name
from plugins.rules import rule
from plugins.texts import Text
from plugins.wires.settings import (
    EmailAddress,
    FolderSettings,
    HttpsAddress,
    Settings,
    SftpSettings,
    SmtpSettings,
    TimeOuts,
    TokenAuth,
    Trust,
)

NORMAL: Final = "NORMAL"
OTHER: Final = "ÖVRIG"
STAFF: Final = "PERSONAL"
SUNDAY: Final = 7

_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


def _school_time(value: Any) -> Any:
    # YAML 1.1 reads an unquoted 9:30 as 570 (base 60): a number gets the same advice as a wrong time.
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _TIME.match(value):
        raise PydanticCustomError("school_time", 'not a time of day: write "HH:MM" in quotes, for example "09:30"')
    return time.fromisoformat(value)


def _uuid(value: str) -> str:
    if not _UUID.match(value):
        raise PydanticCustomError("uuid", "not an SS 12000 id (a UUID)")
    return value.lower()


T = TypeVar("T", bound=Collection[Any])


def _some(value: T) -> T:
    # Not Field(min_length=1): pydantic counts the valid items, so that one wrong time would become three errors.
    if not value:
        raise rule("empty", "must have at least one entry", "ska ha minst en del")
    return value


Some = Annotated[T, AfterValidator(_some)]
SchoolTime = Annotated[time, BeforeValidator(_school_time)]
Id = Annotated[str, AfterValidator(_uuid)]
# These become part of file names and CSV cells, so no character is allowed that has a meaning there.
FileWord = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Word = Annotated[str, Field(pattern=r"^\w[\w .:+-]{0,63}$"), AfterValidator(plain_name)]
Code = Annotated[str, Field(pattern=r"^\w[\w.:-]{0,63}$"), AfterValidator(plain_name)]
Kind = Literal["normal", "special", "bulk"]
KINDS: Final[tuple[Kind, ...]] = ("normal", "special", "bulk")


class _Part(Settings):
    model_config = ConfigDict(populate_by_name=True)


class Sitting(_Part):
    """One meal that is served at one time."""

    id: Code = Field(description="The kitchen's name for the sitting, for example 1 or LUNCH-A.")
    from_: SchoolTime = Field(alias="from", description="Start, school time HH:MM. An absence that overlaps counts.")
    to: SchoolTime = Field(description="End, school time HH:MM, later the same day than `from`.")
    serving: SchoolTime | None = Field(
        None, description="When food is served, school time HH:MM, as the kitchen is to read it. Left out: `from`."
    )
    groups: frozenset[Id] = Field(
        frozenset(),
        description="SS 12000 ids of the groups that eat now. Left out: every pupil of the kitchen's units.",
    )
    staff_portions: int | None = Field(
        None, ge=0, le=10_000, description="Portions for staff at this sitting. Left out: the kitchen's."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Sitting":
        if self.to <= self.from_:
            raise rule("sitting_order", "`to` must be later than `from`", "`to` ska vara senare än `from`")
        return self

    @property
    def served(self) -> time:
        return self.serving or self.from_


class ClosedDays(_Part):
    """Days without meals, whatever the school system says."""

    holidays: Literal["SE"] | None = Field(
        "SE",
        description="Country whose public holidays are closed days. null: none, for a kitchen that serves on them.",
    )
    eves: bool = Field(
        True, description="Whether Midsummer's Eve, Christmas Eve and New Year's Eve are closed days with `holidays`."
    )
    also: frozenset[date] = Field(frozenset(), description="More closed days, YYYY-MM-DD, for example study days.")
    open: frozenset[date] = Field(frozenset(), description="Days on which the kitchen serves all the same, YYYY-MM-DD.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "ClosedDays":
        if both := sorted(self.also & self.open):
            days = ", ".join(map(str, both))
            raise rule(
                "day_twice",
                f"a day is both in `also` and in `open`: {days}",
                f"en dag står både i `also` och i `open`: {days}",
            )
        return self


class CutOff(_Part):
    """Until when the kitchen accepts changes of one kind."""

    applies_to: Kind = Field(
        description="normal: ordinary portions; special: special diets; bulk: whole units that are closed."
    )
    offset_days: int = Field(0, ge=0, le=31, description="Days before the meal, see `days`. 0: the same day.")
    days: Literal["calendar", "school"] = Field(
        "calendar",
        description="What `offset_days` counts. calendar: all days, as contracts with caterers do where they say "
        "nothing else. school: days on which the kitchen serves, so that 1 before a Monday is the Friday.",
    )
    time: SchoolTime = Field(description="School time HH:MM on that day. A change at or after it is late.")


_USUAL_CUTOFF: Final = CutOff(applies_to="normal", offset_days=0, time=time(8, 30))


class Kitchen(_Part):
    """One kitchen and the organisations that it cooks for."""

    id: Code = Field(description="Name of the kitchen, for example K-017.")
    units: Some[tuple[Id, ...]] = Field(
        description="SS 12000 ids of the organisations it cooks for; their parts are included."
    )
    unit_code: FileWord = Field(description="The unit's code in file names, for example the school unit code 12345678.")
    sittings: Some[tuple[Sitting, ...]] = Field(description="Its sittings each day.")
    cutoffs: Some[tuple[CutOff, ...]] = Field(
        (_USUAL_CUTOFF,),
        description="At most one rule per kind. `special` and `bulk` follow `normal` where left out; "
        "`normal` is 08:30 the same day where left out.",
    )
    staff_portions: int = Field(0, ge=0, le=10_000, description="Portions for staff at each sitting.")
    diet_codes: dict[str, Word] = Field(
        default_factory=dict,
        description="The diet source's code -> the kitchen's. Several diets of one pupil: codes in alphabetical order "
        f"joined by +, for example GLUTEN+LAKTOS. What is not listed counts as {OTHER}.",
    )
    weekdays: Some[frozenset[Annotated[int, Field(ge=1, le=7)]]] = Field(
        frozenset({1, 2, 3, 4, 5}), description="Days it serves, 1 Monday to 7 Sunday."
    )

    closed_days: ClosedDays | None = Field(
        None,
        description="Days without meals. Left out: Swedish public holidays and their eves, unless the kitchen "
        "serves on Sundays, which are public holidays too.",
    )
    absence_share: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of a sitting, 0 to 1, that a pupil's absences must cover to count. 0: any part of it, since "
        "whoever comes late to a meal has often eaten elsewhere.",
    )
    enrolments: Literal["each", "latest"] = Field(
        "each",
        description="Where a pupil with two enrolments on one day eats. each: at both, since a portion too many is "
        "better than a child without food. latest: where the enrolment is that began last.",
    )

    @model_validator(mode="after")
    def _unambiguous(self) -> "Kitchen":
        if len({looks_of(sitting.id) for sitting in self.sittings}) < len(self.sittings):
            raise rule(
                "sitting_twice",
                "two sittings have the same id, or ids that look alike",
                "två sittningar har samma id eller id:n som ser lika ut",
            )
        if len({rule.applies_to for rule in self.cutoffs}) < len(self.cutoffs):
            raise rule("cutoff_twice", "two cut-off rules apply to the same kind", "två stopptider gäller samma slag")
        if {NORMAL, STAFF} & set(self.diet_codes.values()):
            raise rule(
                "diet_code",
                f"a special diet can't be called {NORMAL} or {STAFF}",
                f"en specialkost kan inte heta {NORMAL} eller {STAFF}",
            )
        return self

    def closed(self) -> ClosedDays:
        """The days without meals, with the default that `closed_days` describes."""
        if self.closed_days is not None:
            return self.closed_days
        return ClosedDays(holidays=None) if SUNDAY in self.weekdays else ClosedDays()

    def cutoff(self, kind: Kind) -> CutOff:
        """The rule for a kind, with the fallbacks that `cutoffs` describes."""
        rules = {rule.applies_to: rule for rule in self.cutoffs}
        return rules.get(kind) or rules.get("normal") or _USUAL_CUTOFF

    def diets(self) -> tuple[str, ...]:
        """Every diet of the kitchen, zero or not, so that each snapshot has the same rows."""
        return (NORMAL, *sorted({*self.diet_codes.values()} - {OTHER}), OTHER)


class FolderTransport(FolderSettings):
    """A folder that the kitchen's system reads, mounted on this machine."""

    kind: Literal["folder"] = Field(description="folder")


class SftpTransport(SftpSettings):
    """An SFTP server that the kitchen's system reads."""

    kind: Literal["sftp"] = Field(description="sftp")


class HttpsTransport(TimeOuts, Trust):
    """A system that takes each sitting's order as a JSON document, over HTTPS."""

    kind: Literal["https"] = Field(description="https")
    url: HttpsAddress = Field(description="Where orders go: https, without query. Each is put at <url>/<its key>.")
    token: SecretStr | None = Field(
        None, min_length=1, description="Sent as `Authorization: Bearer`. Secret; give it as ${file:...} or ${env:...}."
    )
    read_back: bool = Field(
        False, description="Whether the system answers GET at an order's address with the order, or 404."
    )

    def auth(self) -> TokenAuth | None:
        return TokenAuth(token=self.token) if self.token is not None else None


class EmailTransport(SmtpSettings):
    """A mail server that offers STARTTLS. Each kitchen gets its day as text, at each of its addresses."""

    kind: Literal["email"] = Field(description="email")
    recipients: Some[dict[str, Some[tuple[EmailAddress, ...]]]] = Field(
        description="Kitchen id -> its addresses, those of roles rather than of persons. Each gets a mail of its own."
    )


def addresses(recipients: Mapping[str, Iterable[str]], kitchen: Kitchen) -> Iterable[tuple[int, str]]:
    """Each mail address of a kitchen once, with its number."""
    return enumerate(dict.fromkeys(recipients[kitchen.id]))


def side_name(kitchen: Kitchen, number: int) -> str:
    """A mail address as operators read it: K-017[1] is the second one of K-017."""
    return f"{kitchen.id}[{number}]"


def _kind(transport: Any) -> str | None:
    kind = transport.get("kind") if isinstance(transport, dict) else getattr(transport, "kind", None)
    return kind if isinstance(kind, str) else None


Transport = Annotated[
    Annotated[FolderTransport, Tag("folder")]
    | Annotated[SftpTransport, Tag("sftp")]
    | Annotated[HttpsTransport, Tag("https")]
    | Annotated[EmailTransport, Tag("email")],
    # Not the plain discriminator="kind": its error repeats the value.
    Discriminator(
        _kind,
        "transport_kind",
        "`kind` must be folder, sftp, https or email",
        {"sv": "`kind` ska vara folder, sftp, https eller email"},
    ),
]


class CateringConfig(ConnectorConfig):
    """Kitchens, when they get their counts, and how."""

    swedish: ClassVar[Mapping[str, str]] = {
        "kitchens": "De kök som den här instansen rapporterar till.",
        "report_times": "Klockslag (skoltid, HH:MM) då varje kök får hela sin beställning. Två är vanligt: när "
        "personalen kommer och strax före tillagningen.",
        "transport": "Vart och hur köken får sina antal.",
        "poll": "Hur ofta hubben skickar det som väntar: sena ändringar, och beställningar som inte kom fram.",
    }

    kitchens: Some[tuple[Kitchen, ...]] = Field(description="The kitchens that this instance reports to.")
    report_times: Some[tuple[SchoolTime, ...]] = Field(
        (time(8, 0), time(9, 30)),
        description="School times HH:MM at which each kitchen gets a full snapshot. Two is usual: when its staff "
        "arrive, and just before cooking.",
    )
    transport: Transport = Field(description="Where and how the kitchens get their counts.")
    poll: Duration = Field(
        timedelta(seconds=10),
        description="How often the hub sends what waits: late changes, and orders that did not arrive.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> "CateringConfig":
        if len({looks_of(kitchen.id) for kitchen in self.kitchens}) < len(self.kitchens):
            raise rule(
                "kitchen_twice",
                "two kitchens have the same id, or ids that look alike",
                "två kök har samma id eller id:n som ser lika ut",
            )
        if len({kitchen.unit_code.lower() for kitchen in self.kitchens}) < len(self.kitchens):
            raise rule(
                "unit_code_twice",
                "two kitchens have the same unit_code: their files would mix",
                "två kök har samma unit_code: deras filer skulle blandas",
            )
        recipients = getattr(self.transport, "recipients", None)
        if recipients is not None and set(recipients) != {kitchen.id for kitchen in self.kitchens}:
            raise rule(
                "recipients",
                "`transport.recipients` must have the ids of all kitchens, and no others",
                "`transport.recipients` ska ha alla köks id och inga andra",
            )
        return self

    def warnings(self) -> Iterable[tuple[tuple[str | int, ...], Text]]:
        """Words that a spreadsheet rewrites, and codes that are easily taken for one another."""
        for number, kitchen in enumerate(self.kitchens):
            place = ("kitchens", number)
            if len({code.casefold() for code in kitchen.diet_codes}) < len(kitchen.diet_codes):
                yield (*place, "diet_codes"), SAME_BUT_CASE
            if self.transport.kind not in ("folder", "sftp"):
                continue
            words: list[tuple[tuple[str | int, ...], str]] = []
            words += [(("id",), kitchen.id), (("unit_code",), kitchen.unit_code)]
            words += [(("sittings", n, "id"), sitting.id) for n, sitting in enumerate(kitchen.sittings)]
            words += [(("diet_codes", code), name) for code, name in kitchen.diet_codes.items()]
            for where, word in words:
                if is_rewritten(word):
                    yield (*place, *where), REWRITES

    def directory_ids(self) -> Iterable[DirectoryId]:
        """The kitchens' units and the sittings' groups."""
        for number, kitchen in enumerate(self.kitchens):
            for n, unit in enumerate(kitchen.units):
                yield DirectoryId(("kitchens", number, "units", n), "organisation", unit)
            for n, sitting in enumerate(kitchen.sittings):
                for group in sorted(sitting.groups):  # a set: its order in the file is not known
                    yield DirectoryId(("kitchens", number, "sittings", n, "groups"), "group", group)

    def sum_words(self) -> Iterable[str]:
        """The kitchens' diets."""
        return sorted({diet for kitchen in self.kitchens for diet in kitchen.diets()})

    def far_sides(self) -> Iterable[FarSideName]:
        """The kitchens; by mail, each address of a kitchen, by its number."""
        recipients = getattr(self.transport, "recipients", None)
        for number, kitchen in enumerate(self.kitchens):
            place = ("kitchens", number, "id")
            if recipients is None:
                yield FarSideName(place, kitchen.id)
            else:
                yield from (FarSideName(place, side_name(kitchen, n)) for n, _ in addresses(recipients, kitchen))

    def cutoff_times(self) -> frozenset[time]:
        """Times of day of the cut-offs that are no report times."""
        return frozenset(k.cutoff(kind).time for k in self.kitchens for kind in KINDS) - frozenset(self.report_times)
