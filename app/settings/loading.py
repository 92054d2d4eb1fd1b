"""Reads and checks settings: from flags, then the environment, secret files, `.env`, defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.counted import counted
from app.errors import InvalidSettings, MemoryServerError, UnsafeBind, shown
from app.settings.fields import Settings, secret_names
from app.settings.function_compute import port_of
from app.settings.given import given
from app.settings.rules import BrokenRule, broken_rules, modes_meant
from app.settings.sources import Unreadable
from app.settings.values import PlainName, plain


class ClientIdentity(BaseModel):
    """The user and agent of a client over stdio: two settings that each client reads from its own environment."""

    default_user_id: PlainName | None = None
    default_agent_id: PlainName | None = None

    @classmethod
    def checked(cls, given: dict[str, Any]) -> Self:
        """Validate what a bridge sends. Raises InvalidSettings."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidSettings(_all_wrong(_wrong_lines(error)[0])) from None


def load_settings(flags: Mapping[str, Any] | None = None, mode: str | None = None) -> Settings:
    """Read and check all settings. flags: values by field name; None means not given.

    mode: the process that starts, one of app.settings.rules; None: a process without rules.
    Raises InvalidSettings with every invalid value and every broken rule in one message, or UnsafeBind when only rules
    against access without a token are broken.
    """
    chosen = {name: value for name, value in (flags or {}).items() if value is not None}
    modes = () if mode is None else (mode,)
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        wrong, names = _wrong_lines(error)
        broken = check_given(
            given({name: _text(value) for name, value in chosen.items()}).texts, modes, without=names
        ).broken
        raise InvalidSettings(_all_wrong([*wrong, *(problem.sentence for problem in broken)])) from None
    if "port" not in settings.model_fields_set and (port := port_of(texts_of(settings))):
        settings = settings.model_copy(update={"port": int(port)})
    if broken := broken_rules(texts_of(settings), modes):
        raise broken_error(broken)
    return settings


def texts_of(settings: Settings) -> dict[str, str]:
    """Return all settings as texts, as in an environment, secrets too, for the rules."""
    return {name.upper(): _text(getattr(settings, name)) for name in Settings.model_fields}


def broken_of(settings: Settings) -> list[BrokenRule]:
    """Return the broken rules of all processes these settings are meant for."""
    texts = texts_of(settings)
    return broken_rules(texts, modes_meant(texts))


def broken_error(broken: Sequence[BrokenRule]) -> MemoryServerError:
    """Return the error for one broken rule or more."""
    message = _all_wrong([problem.sentence for problem in broken])
    return UnsafeBind(message) if all(problem.rule.unsafe for problem in broken) else InvalidSettings(message)


class _GivenSettings(Settings):
    """The same settings, read only from the arguments."""

    # Built when it is first used: no start needs it, and building takes 5 ms.
    model_config = SettingsConfigDict(defer_build=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class CheckedSettings:
    """What is wrong with settings: one line for each invalid value, by its name in capitals, and the broken rules."""

    wrong: list[str]
    broken: list[BrokenRule]

    @property
    def lines(self) -> list[str]:
        """All that is wrong, wrong values first."""
        return [*self.wrong, *(rule.sentence for rule in self.broken)]


def check_given(values: Mapping[str, str], modes: Collection[str], without: Collection[str] = ()) -> CheckedSettings:
    """Check settings given by their names in capitals; this process's environment is not read.

    Rules that read an invalid value, or a setting of `without`, are skipped.
    """
    left = {name: value for name, value in values.items() if value and name not in without}
    wrong: list[str] = []
    names = set(without)
    try:
        settings = _GivenSettings.model_validate({name.lower(): value for name, value in left.items()})
    except ValidationError as error:
        wrong, more = _wrong_lines(error)
        names |= more
        settings = _GivenSettings.model_validate(
            {name.lower(): value for name, value in left.items() if name not in names}
        )
    texts = texts_of(settings)
    if "PORT" not in left and (port := port_of(texts)):
        texts["PORT"] = port
    return CheckedSettings(wrong, broken_rules(texts, modes, names))


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else plain(value)


def _all_wrong(wrong: Sequence[str]) -> str:
    return f"{counted(len(wrong), 'wrong setting')}: " + "; ".join(wrong)


def _wrong_lines(error: ValidationError) -> tuple[list[str], set[str]]:
    """Return a line for each invalid setting, and their names in capitals."""
    secrets = secret_names()
    wrong, names = [], set()
    for problem in error.errors():
        name, value = str(problem["loc"][0]).upper(), problem["input"]
        names.add(name)
        if isinstance(value, Unreadable):
            wrong.append(value.why)
            continue
        if problem["type"] == "too_short":  # pydantic counts a secret's characters as items
            wrong.append(f"{name}: takes at least {problem['ctx']['min_length']} characters")
            continue
        got = "***" if name in secrets or "@" in str(value) else shown(value)  # a password may precede an @
        wrong.append(f"{name}: got {got}, {rule_in_words(problem)}")
    return wrong, names


def rule_in_words(problem: Mapping[str, Any], truth: str = "on or off") -> str:
    """Return what a value takes: in our words where pydantic's are about types, else as the rule itself says.

    problem: a detail of a ValidationError. truth: the two words that a switch takes.
    """
    context = problem.get("ctx", {})
    words = {
        **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "takes a whole number"),
        **dict.fromkeys(("float_parsing", "float_type"), "takes a number"),
        **dict.fromkeys(("bool_parsing", "bool_type"), f"takes {truth}"),
        **dict.fromkeys(("tuple_type", "list_type"), "takes a list"),
        **dict.fromkeys(("model_type", "dict_type"), "takes an object"),
        "string_type": "takes a text",
        "string_pattern_mismatch": f"takes a text that matches {context.get('pattern')}",
        "too_short": f"takes a list of {context.get('min_length')} or more",
        "greater_than": f"takes a number above {context.get('gt')}",
        "greater_than_equal": f"takes a number from {context.get('ge')} up",
        "less_than_equal": f"takes a number up to {context.get('le')}",
        "enum": f"takes {context.get('expected')}",
        "literal_error": f"takes {context.get('expected')}",
    }
    message = problem["msg"].removeprefix("Value error, ")
    return words.get(problem["type"], f"{message[:1].lower()}{message[1:]}")
