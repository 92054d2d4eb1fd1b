"""Reads and checks settings: flags, then the environment, files of secrets, `.env`, defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.errors import InvalidSettings, shown
from app.settings.fields import Settings, secret_names
from app.settings.sources import Unreadable
from app.settings.values import PlainName


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
            raise InvalidSettings(_all_wrong(error)) from None


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read and check all settings. `flags` holds field names with values, None where a flag was not given.

    Raises InvalidSettings with every wrong setting in one message.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise InvalidSettings(_all_wrong(error)) from None
    if settings.fc_server_port and "port" not in settings.model_fields_set:
        settings = settings.model_copy(update={"port": settings.fc_server_port})
    return settings


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


def check_given(values: Mapping[str, str]) -> list[str]:
    """Return one line for each wrong value of a setting, by its name in capitals; this environment plays no part."""
    try:
        _GivenSettings.model_validate({name.lower(): value for name, value in values.items()})
    except ValidationError as error:
        return _wrong_lines(error)
    return []


def _all_wrong(error: ValidationError) -> str:
    wrong = _wrong_lines(error)
    return f"{len(wrong)} wrong setting{'s' if len(wrong) > 1 else ''}: " + "; ".join(wrong)


def _wrong_lines(error: ValidationError) -> list[str]:
    secrets = secret_names()
    wrong = []
    for one in error.errors():
        if isinstance(one["input"], Unreadable):
            wrong.append(one["input"].why)
            continue
        name = str(one["loc"][0]).upper()
        # somebody's password may stand before an @
        if one["type"] == "too_short":  # pydantic counts a secret's characters as items
            wrong.append(f"{name}: takes at least {one['ctx']['min_length']} characters")
            continue
        got = "***" if name in secrets or "@" in str(one["input"]) else shown(one["input"])
        wrong.append(
            f"{name}: got {got}, {one['msg'].removeprefix('Value error, ')[:1].lower()}"
            f"{one['msg'].removeprefix('Value error, ')[1:]}"
        )
    return wrong
