"""Every wrong value is an error that names its field and contains no secret."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, get_args

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from plugins.testing.suites.subject import Subject, with_setting
from plugins.validation import validate_class

_SECRET_NAME: Final = re.compile(r"(^|_)(password|passphrase|secret|token|api_?key|credentials?)($|_)", re.IGNORECASE)


class ConfigurationSuite(Subject):
    """Every wrong value is an error that names its field and contains no secret (promise 8)."""

    bad: ClassVar[Mapping[str, Any]] = {}  # dotted path (`kitchens.0.cutoff`) -> a value that must be refused

    def test_the_class_can_be_run(self) -> None:
        assert validate_class(self.connector) == []

    def test_a_working_configuration_is_taken(self, config: Mapping[str, Any]) -> None:
        self.connector.config_model.model_validate(config)

    def test_each_setting_is_described(self) -> None:
        fields = list(_fields(self.connector.config_model))
        assert fields, "the configuration has no settings to check"
        bare = [path for path, info in fields if not info.description]
        assert not bare, f"say in Field(description=...) what it is and in which unit: {', '.join(bare)}"

    def test_secrets_are_kept_as_secrets(self) -> None:
        plain = [
            path
            for path, info in _fields(self.connector.config_model)
            if _SECRET_NAME.search(path.rpartition(".")[2]) and not _holds(info.annotation, (SecretStr, SecretBytes))
        ]
        assert not plain, f"declare as SecretStr, so that it is never printed: {', '.join(plain)}"

    def test_an_unknown_key_is_refused(self, config: Mapping[str, Any]) -> None:
        self._refused({**config, "no_such_key": "canary-value"}, "no_such_key")

    def test_a_missing_setting_is_named(self, config: Mapping[str, Any]) -> None:
        required = [name for name, info in self.connector.config_model.model_fields.items() if info.is_required()]
        if not required:
            pytest.skip("every setting has a default")
        for name in required:
            key = self.connector.config_model.model_fields[name].alias or name
            self._refused({other: value for other, value in config.items() if other != key}, key)

    def test_a_value_of_the_wrong_kind_is_named_and_not_repeated(self, config: Mapping[str, Any]) -> None:
        checked = 0
        for path in _paths(config):
            wrong = with_setting(config, path, {"no_such_key": ["canary-value"]})
            try:
                self.connector.config_model.model_validate(wrong)
            except ValidationError:
                self._refused(wrong, path)
                checked += 1
        assert checked, "no setting refuses a value of another kind: is the model typed?"

    def test_the_values_named_as_bad_are_refused(self, config: Mapping[str, Any]) -> None:
        assert self.bad, "give `bad`: settings with values that must be refused, such as a time of 25:10"
        for path, value in self.bad.items():
            self._refused(with_setting(config, path, value), path)

    def _refused(self, config: Mapping[str, Any], path: str) -> None:
        try:
            self.connector.config_model.model_validate(config)
        except ValidationError as error:
            texts = [str(error), json.dumps(error.errors(include_input=False, include_context=False), default=str)]
            named = [".".join(str(part) for part in detail["loc"]) for detail in error.errors(include_input=False)]
        else:
            pytest.fail(f"{path}: a bad value was accepted")
        first = path.split(".")[0]
        # An error about several settings may name what contains them.
        assert any(name == "" or name.split(".")[0] == first for name in named), f"{path}: the error names {named}"
        secrets = ["canary-value", *secrets_in(self.connector.config_model, config)]
        assert not any(secret in text for secret in secrets for text in texts), f"{path}: the error repeats a value"


def _fields(model: type[BaseModel], prefix: str = "", seen: tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
    """(dotted path, field) of every setting, those of parts included."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path, info
        for part in _models(info.annotation):
            if part not in seen:
                yield from _fields(part, f"{path}.", (*seen, part))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _holds(annotation: Any, kinds: tuple[type, ...]) -> bool:
    return annotation in kinds or any(_holds(inner, kinds) for inner in get_args(annotation))


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Dotted paths of everything in a configuration."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, inner in items:
        yield f"{prefix}{name}"
        yield from _paths(inner, f"{prefix}{name}.")


def secrets_in(model: type[BaseModel], config: Mapping[str, Any]) -> list[str]:
    """The secrets in a configuration that works."""
    names = {
        path.rpartition(".")[2] for path, info in _fields(model) if _holds(info.annotation, (SecretStr, SecretBytes))
    }
    return [value for name, value in _leaves(config) if name in names and isinstance(value, str) and value]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value
