"""What the app's settings take, and what must never be shown of a variable."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from app.settings.fields import Settings
from app.settings.values import is_secret, plain, url_passwords
from infra.command_errors import meant

FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}
_SECRET_WORDS = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|PRIVATE|DSN|SALT|AUTH_|WEBHOOK")
# So near is a name that was meant; other programs have names that are a little like ours.
_SLIP = 0.88
# What a URL holds before its @ may be a password.
_LOGIN = re.compile(r"://[^/@\s]*@")


def is_setting(name: str) -> bool:
    """Whether the app reads this variable."""
    return name in FIELDS


def is_secret_name(name: str) -> bool:
    """Whether a variable's value is a secret; of those that are no settings, its name is asked."""
    return is_secret(FIELDS[name]) if name in FIELDS else _SECRET_WORDS.search(name) is not None


def shown(name: str, value: str) -> str:
    """Return a value for people: a setting's that is no secret, *** for all others."""
    if name not in FIELDS or is_secret_name(name) or _LOGIN.search(value):
        return "***"
    return value


def wrong(name: str, value: str) -> str | None:
    """Return what is wrong with a value of a setting, without the value; None: nothing, or it is no setting."""
    if name not in FIELDS:
        return None
    try:
        _read(name, value)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        return said[:1].lower() + said[1:]
    return None


def same(name: str, one: str, other: str) -> bool:
    """Whether two values mean the same to the app: on, true and 1 do."""
    if one == other or name not in FIELDS:
        return one == other
    try:
        return bool(_read(name, one) == _read(name, other))
    except ValidationError:
        return False


def default_of(name: str) -> str:
    """Return a setting's default as it would be written."""
    return plain(FIELDS[name].get_default(call_default_factory=True, validated_data={}))


def misspelt(name: str) -> str:
    """Return "; did you mean …?" for a name that is near a setting and is none; nothing for others."""
    return "" if name in FIELDS or not name.isupper() else meant(name, FIELDS, nearness=_SLIP)


def secrets_in(name: str, value: str) -> set[str]:
    """Return what of a variable's value must not be shown: all of a secret, the password of a URL."""
    found = url_passwords(value) if "://" in value else set()
    return found | ({value} if is_secret_name(name) or _LOGIN.search(value) else set())


def _read(name: str, value: str) -> Any:
    field = FIELDS[name]
    kind: Any = Annotated[field.annotation, field]
    return TypeAdapter(kind).validate_python(value)
