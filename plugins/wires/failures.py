"""How a wire's failure becomes one of the hub's errors, in the words of the connector that uses the wire.

A wire knows what went wrong (a `Failure`: code and texts). The connector knows what the far side and the settings are
called (a `FarSide`). Together they make an error in Swedish and English that names no value, only settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from plugins.errors import ConfigurationError, PermanentError, SkolnavError, TemporaryError
from plugins.texts import NOTHING, Text

ErrorT = TypeVar("ErrorT", bound=SkolnavError)


class Failure(NamedTuple):
    """One way to fail: a stable code, and what went wrong, why, and what to do.

    The texts may hold `{it}` (what the far side is called), names of settings (`{ca_file}`), and values that the
    failing call gives (`{status}`).
    """

    code: str
    what: Text
    why: Text = NOTHING
    fix: Text = NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class FarSide:
    """What a connector's errors call one far side and the settings that lead to it."""

    connector: str  # "catering": every error begins with it
    name: Text  # in the middle of a sentence: Text("skolsystemet", "the supplier")
    settings: str = ""  # what the settings' names begin with: "transport."
    called: Mapping[str, str] = field(default_factory=dict)  # settings with another full name: {"url": "base_url"}
    fixes: Mapping[str, Text] = field(default_factory=dict)  # advice in place of the wire's own, by code
    # A far side that refuses the hub (login, certificate, address) pauses the connector until a person acts, since
    # further tries could lock the account or reach an impostor. True: the connector keeps asking, for a source whose
    # silence would do more harm than refused logins.
    keeps_asking: bool = False

    def setting(self, name: str) -> str:
        """The full name of a setting: `ca_file` is `transport.ca_file`."""
        return self.called.get(name, f"{self.settings}{name}")

    def temporary(
        self, failure: Failure, /, *, what: Text | None = None, retry_after_s: float | None = None, **values: Any
    ) -> TemporaryError:
        """It may work later. `what`: what failed, in place of the failure's own text."""
        error = self.error(TemporaryError, failure, what=what, **values)
        error.retry_after_s = retry_after_s
        return error

    def permanent(self, failure: Failure, /, *, what: Text | None = None, **values: Any) -> PermanentError:
        """The far side will never accept this one."""
        return self.error(PermanentError, failure, what=what, **values)

    def configuration(self, failure: Failure, /, *, what: Text | None = None, **values: Any) -> ConfigurationError:
        """Nothing can work until a person changes a setting or a file."""
        return self.error(ConfigurationError, failure, what=what, **values)

    def refused(
        self, failure: Failure, /, *, what: Text | None = None, **values: Any
    ) -> ConfigurationError | TemporaryError:
        """The far side refuses the hub, or cannot be trusted: pauses the connector unless it keeps asking."""
        if self.keeps_asking:
            return self.temporary(failure, what=what, **values)
        return self.configuration(failure, what=what, **values)

    def error(self, kind: type[ErrorT], failure: Failure, /, *, what: Text | None = None, **values: Any) -> ErrorT:
        """An error of this kind with the failure's texts, filled in."""
        return kind(
            _prefixed(self.connector, self._filled(what or failure.what, values)),
            why=self._filled(failure.why, values),
            fix=self._filled(self.fixes.get(failure.code, failure.fix), values),
            code=failure.code.format_map(values),
        )

    def _filled(self, text: Text, values: Mapping[str, Any]) -> Text:
        if text == NOTHING:
            return NOTHING
        return Text(*(text.say(language, _Names(self, language, values)) for language in ("sv", "en")))


class _Names(dict[str, object]):
    """What a text may name: values of the call, the far side as `{it}`, and every setting."""

    def __init__(self, far_side: FarSide, language: str, values: Mapping[str, object]) -> None:
        filled = {
            name: value.say(language, values) if isinstance(value, Text) else value for name, value in values.items()
        }
        super().__init__(it=far_side.name.say(language, {}), **filled)
        self._far_side = far_side

    def __missing__(self, name: str) -> str:
        return self._far_side.setting(name)


def _prefixed(connector: str, text: Text) -> Text:
    return Text(f"{connector}: {text.sv}", f"{connector}: {text.en}")
