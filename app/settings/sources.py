"""Reads secret settings from files: NAME_FILE names the file of the setting NAME."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from app.settings.values import is_secret


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Replaces the content of a file that cannot be read; no setting accepts it as its value."""

    why: str


class SecretFiles(PydanticBaseSettingsSource):
    """Reads each secret setting from the file that NAME_FILE names, without the final line end."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if not is_secret(field):
            return None, field_name, False
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            # A value, not an exception, so that the error can list the other invalid settings too.
            return Unreadable(f"{field_name.upper()}_FILE: {path} cannot be read: {reason}"), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values
