"""Reads and checks settings: flags, then the environment, files of secrets, `.env`, defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.errors import InvalidSettings, MemoryServerError, UnsafeBind, shown
from app.settings.fields import Settings, secret_names
from app.settings.given import given
from app.settings.rules import Broken, broken_rules, modes_meant
from app.settings.sources import Unreadable
from app.settings.values import PlainName, plain


class ClientIdentity(BaseModel):
    """Who a client over stdio is, as its own environment says: two settings that each client has for itself."""

    default_user_id: PlainName | None = None
    default_agent_id: PlainName | None = None

    @classmethod
    def checked(cls, given: dict[str, Any]) -> Self:
        """Return what a bridge told. Raises InvalidSettings."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidSettings(_all_wrong(_wrong_lines(error)[0])) from None


def load_settings(flags: Mapping[str, Any] | None = None, mode: str | None = None) -> Settings:
    """Read and check all settings. `flags` holds field names with values, None where a flag was not given.

    mode: the process that starts, one of app.settings.rules; None has no rules of its own.
    Raises InvalidSettings with every wrong value and every broken rule in one message, or UnsafeBind when only rules
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
        raise InvalidSettings(_all_wrong([*wrong, *(one.sentence for one in broken)])) from None
    if settings.fc_server_port and "port" not in settings.model_fields_set:
        settings = settings.model_copy(update={"port": settings.fc_server_port})
    if broken := broken_rules(texts_of(settings), modes):
        raise broken_error(broken)
    return settings


def texts_of(settings: Settings) -> dict[str, str]:
    """Return all settings as they are written in an environment, secrets too, for the rules."""
    return {name.upper(): _text(getattr(settings, name)) for name in Settings.model_fields}


def broken_of(settings: Settings) -> list[Broken]:
    """Return the rules that are broken for any process these settings are meant for."""
    texts = texts_of(settings)
    return broken_rules(texts, modes_meant(texts))


def broken_error(broken: Sequence[Broken]) -> MemoryServerError:
    """Return the error that tells of broken rules, at least one."""
    message = _all_wrong([one.sentence for one in broken])
    return UnsafeBind(message) if all(one.rule.unsafe for one in broken) else InvalidSettings(message)


class _GivenSettings(Settings):
    """The same settings, read from nowhere but the call."""

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
class Checked:
    """What is wrong with settings: one line for each wrong value, by its name in capitals, and the broken rules."""

    wrong: list[str]
    broken: list[Broken]

    @property
    def lines(self) -> list[str]:
        """All that is wrong, wrong values first."""
        return [*self.wrong, *(rule.sentence for rule in self.broken)]


def check_given(values: Mapping[str, str], modes: Collection[str], without: Collection[str] = ()) -> Checked:
    """Check settings that are given by their names in capitals; this environment plays no part.

    Rules that read a wrong value, or a setting of `without`, say nothing.
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
    if "PORT" not in left and settings.fc_server_port:
        texts["PORT"] = texts["FC_SERVER_PORT"]
    return Checked(wrong, broken_rules(texts, modes, names))


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else plain(value)


def _all_wrong(wrong: Sequence[str]) -> str:
    return f"{len(wrong)} wrong setting{'s' if len(wrong) > 1 else ''}: " + "; ".join(wrong)


def _wrong_lines(error: ValidationError) -> tuple[list[str], set[str]]:
    """Return a line for each wrong setting, and their names in capitals."""
    secrets = secret_names()
    wrong, names = [], set()
    for one in error.errors():
        name = str(one["loc"][0]).upper()
        names.add(name)
        if isinstance(one["input"], Unreadable):
            wrong.append(one["input"].why)
            continue
        # somebody's password may stand before an @
        if one["type"] == "too_short":  # pydantic counts a secret's characters as items
            wrong.append(f"{name}: takes at least {one['ctx']['min_length']} characters")
            continue
        got = "***" if name in secrets or "@" in str(one["input"]) else shown(one["input"])
        wrong.append(
            f"{name}: got {got}, {one['msg'].removeprefix('Value error, ')[:1].lower()}"
            f"{one['msg'].removeprefix('Value error, ')[1:]}"
        )
    return wrong, names
