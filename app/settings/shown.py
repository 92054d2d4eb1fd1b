"""Lists settings for people: each with value, origin, help and the broken rules that read it; secrets hidden."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.settings.fields import Settings
from app.settings.function_compute import PORTS
from app.settings.rules import BrokenRule
from app.settings.values import is_secret, plain


class Origin(StrEnum):
    """Where a setting's value came from."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"  # the file that NAME_FILE names
    DOTENV = ".env"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of `claude-memory settings`; `value` is `***` for a secret that is set.

    broken: the sentences of the broken rules that read this setting.
    """

    name: str
    value: str
    origin: Origin
    default: str
    secret: bool
    help: str
    broken: list[str]


def describe(
    settings: Settings, flags: Mapping[str, Any] | None = None, broken: Sequence[BrokenRule] = ()
) -> list[SettingRow]:
    """Return every setting with its value and origin, secrets hidden."""
    given = {name for name, value in (flags or {}).items() if value is not None}
    environment = {name.upper() for name, value in os.environ.items() if value}
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        secret = is_secret(field)
        rows.append(
            SettingRow(
                name=name.upper(),
                value="***" if secret and value is not None else plain(value),
                origin=_origin(name, given, environment, settings),
                default=plain(field.get_default(call_default_factory=True, validated_data={})),
                secret=secret,
                help=field.description or "",
                broken=[problem.sentence for problem in broken if name.upper() in problem.rule.settings],
            )
        )
    return rows


def _origin(name: str, flags: set[str], environment: set[str], settings: Settings) -> Origin:
    upper = name.upper()
    if name in flags:
        return Origin.FLAG
    if upper in environment or (name == "port" and not environment.isdisjoint(PORTS)):
        return Origin.ENVIRONMENT
    if f"{upper}_FILE" in environment and is_secret(Settings.model_fields[name]):
        return Origin.FILE
    return Origin.DOTENV if name in settings.model_fields_set else Origin.DEFAULT
