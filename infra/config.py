"""A stack's configuration, checked as a whole before any resource is touched.

Keys in capitals are settings of the app, named as in its environment (`app/settings/fields.py` defines their values and
which are secret). All others are fields of the target's model. Every unknown key, wrong value, missing value and secret
in clear text is listed in one message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from app.errors import shown
from app.settings.fields import Settings, secret_names
from app.settings.loading import check_given, rule_in_words
from app.settings.values import is_secret
from infra.errors import ConfigError
from infra.stand_ins import Validated, certain, validated

NAMESPACE = "claude-memory"  # the name of the project in Pulumi.yaml
TARGET = "target"
_DOMAINS = {"domain", "domains"}  # the keys that PUBLIC_URL follows from
_SETTINGS = frozenset(name.upper() for name in Settings.model_fields)


class TargetConfig(BaseModel):
    """Base of the models of a target's own keys: camelCase, no unknown keys, secrets of type SecretStr.

    A number is taken for a text, since Pulumi writes `version: 18` for what was set as "18".
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
    )


M = TypeVar("M", bound=TargetConfig)
# From a target's keys and the stack's settings of the app: all settings that each kind of container gets, by its mode
# in app.settings.rules.
ContainerSettings = Callable[[M, Mapping[str, str]], Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, kw_only=True)
class StackValues:
    """The stack's configuration as written: values by key without namespace, and which keys are secret."""

    stack: str
    values: Mapping[str, str]
    secret_keys: frozenset[str]

    def plain(self, key: str) -> str | None:
        """Return a value that is not secret."""
        return self.values.get(key)


@dataclass(frozen=True, kw_only=True)
class StackConfig(Generic[M]):
    """A checked configuration.

    environment: the plain settings of the app, by name.
    secrets: the secret ones; as secret outputs they are encrypted in the state.
    """

    options: M
    environment: Mapping[str, str]
    secrets: Mapping[str, SecretStr]


def stack_values() -> StackValues:
    """Return what the engine gives the program; it names each key `namespace:key`."""
    own = f"{NAMESPACE}:"
    return StackValues(
        stack=pulumi.get_stack(),
        values={key.removeprefix(own): value for key, value in get_config_env().items() if key.startswith(own)},
        secret_keys=frozenset(key.removeprefix(own) for key in get_config_secret_keys_env() if key.startswith(own)),
    )


def checked(
    values: StackValues,
    model: type[M],
    managed: Mapping[str, str],
    containers: ContainerSettings[M],
    rules: Callable[[M, Mapping[str, str]], Iterable[str]] = lambda options, given: (),
) -> StackConfig[M]:
    """Check everything and return it typed. Raises ConfigError with every problem.

    managed: settings of the app that the target's program sets itself, with the reason or the key to use instead.
    containers: the settings that each kind of container gets, for the app's own rules.
    rules: problems between the target's keys and the app's settings, which it gets with the secret ones.
    """
    settings = {key: value for key, value in values.values.items() if key.isupper()}
    own = {key: value for key, value in values.values.items() if not key.isupper() and key != TARGET}
    found = _options(own, values.secret_keys, model)
    problems = [*found.problems, *_setting_problems(settings, values.secret_keys, managed)]
    free = {name: value for name, value in settings.items() if name in _SETTINGS and name not in managed}
    problems += check_given(free, ()).lines
    options = found.options
    if options is not None:
        between = [*_container_problems(containers(options, free)), *rules(options, settings)]
        address = {"PUBLIC_URL"} if found.replaced & _DOMAINS else frozenset()
        problems += certain(between, found.replaced | address)
    if problems or options is None:
        raise ConfigError(values.stack, sorted(set(problems)))
    secret = set(secret_names())
    return StackConfig(
        options=options,
        environment={name: value for name, value in settings.items() if name not in secret},
        secrets={name: SecretStr(value) for name, value in settings.items() if name in secret},
    )


def _options(own: Mapping[str, str], secret_keys: frozenset[str], model: type[M]) -> Validated[M]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    clear = [
        f"{key}: is a secret in clear text; use `pulumi config set --secret {key}`"
        for key in own
        if key in fields and is_secret(fields[key]) and key not in secret_keys
    ]
    given = {key: _structured(value) for key, value in own.items()}
    found = validated(model, given, lambda detail: _problem(detail, fields).splitlines())
    return replace(found, problems=clear + found.problems)


def _structured(value: str) -> Any:
    """Return a value with objects and lists parsed: the engine passes them as JSON."""
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _problem(error: Any, fields: Mapping[str, Any]) -> str:
    message = rule_in_words(error, "true or false")
    if not error["loc"]:  # a rule about several keys; its message names them
        return str(error["msg"].removeprefix("Value error, "))
    path, key = ".".join(str(part) for part in error["loc"]), str(error["loc"][0])
    secret = key in fields and is_secret(fields[key])
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such key{_suggestion(path, fields if path == key else {})}"
    if error["type"] == "missing":
        option = "--secret " if secret else "--path " if path != key else ""
        return f"{path}: is missing; use `pulumi config set {option}{_settable_path(error['loc'])}`"
    if error["type"] == "value_error" and isinstance(error["input"], dict):  # a rule about several keys of an object
        return message if message.startswith(f"{path}.") else f"{path}: {message}"
    return f"{path}: got {'***' if secret else shown(error['input'])}, {message}"


def _settable_path(parts: Iterable[str | int]) -> str:
    """Return a path as `pulumi config set --path` takes it, quoted for a shell if it has brackets."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
    return f"'{path}'" if "[" in path else path


def _setting_problems(
    settings: Mapping[str, str], secret_keys: frozenset[str], managed: Mapping[str, str]
) -> list[str]:
    known, secret = _SETTINGS, set(secret_names())
    problems = [
        f"{name}: the app has no such setting{_suggestion(name, known)}" for name in settings if name not in known
    ]
    problems += [f"{name}: is set by the program; {managed[name]}" for name in settings if name in managed]
    for name in settings:
        if name in secret and name not in secret_keys:
            problems.append(f"{name}: is a secret in clear text; use `pulumi config set --secret {name}`")
        if name in known - secret and name in secret_keys:
            problems.append(f"{name}: is not a secret setting, containers would show it; set it in clear text")
    return problems


def _container_problems(containers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what the app would refuse of the settings that each container gets."""
    return [line for mode, given in containers.items() for line in check_given(given, (mode,)).lines]


def _suggestion(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
