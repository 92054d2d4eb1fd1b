"""Generates `app/settings/table.py` from the fields; `./dev docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from app.settings import values
from app.settings.fields import Settings

HEAD = '''"""Lists every setting for use before pydantic is imported: its default, whether it is secret, its form.

Generated from app/settings/fields.py by `./dev docs`; change that instead. app/settings/forms.py checks the forms.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

'''
UNSURE = ("unsure",)  # no function of app/settings/forms.py has it, so pydantic decides
# The form that each validator accepts; of several validators, the last one here counts.
_BY_VALIDATOR = {
    values._split: "list",
    values._networks: "networks",
    values.http_url: "URL",
    values._http_urls: "URLs",
    values._secret_http_url: "URL",
    values._over_tls: "TLS URL",
    values._without_path: "origin",
    values._postgres_url: "database",
    values._cron_expression: "cron",
    values._time_zone: "time zone",
    values.access_token: "access token",
    values.in_capitals: "choice in any case",
}
_NAME_PATTERN, _PRINTABLE_PATTERN = r"^[A-Za-z0-9_-]{1,100}$", r"^[^\x00-\x1f\x7f]+$"
_LIMITS = ("ge", "gt", "le", "min_length", "max_length")


def table_source() -> str:
    """Return the text of app/settings/table.py."""
    rows = "".join(_row(name.upper(), field) for name, field in Settings.model_fields.items())
    return f"{HEAD}TABLE: dict[str, tuple[str, bool, tuple[Any, ...]]] = {{\n{rows}}}\n"


def _row(name: str, field: FieldInfo) -> str:
    default = values.plain(field.get_default(call_default_factory=True, validated_data={}))
    return f"    {_quoted(name)}: ({_quoted(default)}, {values.is_secret(field)}, {_tuple_source(form_of(field))}),\n"


def form_of(field: FieldInfo) -> tuple[Any, ...]:
    """Return the form of a setting's text: a name that app/settings/forms.py knows, and its arguments."""
    types, rules = _types_and_rules(field)
    validators = {rule.func for rule in rules if isinstance(rule, AfterValidator | BeforeValidator)}
    patterns = {pattern for rule in rules if (pattern := getattr(rule, "pattern", None)) is not None}
    if validators - _BY_VALIDATOR.keys() or patterns - {_NAME_PATTERN, _PRINTABLE_PATTERN}:
        return UNSURE
    known = [name for validator, name in _BY_VALIDATOR.items() if validator in validators]
    choices = tuple(choice for type_ in types for choice in _choices(type_))
    if known:
        return (known[-1], *choices)
    if choices:
        return ("choice", *choices)
    if _NAME_PATTERN in patterns:
        return ("name", 1, 100)
    return _by_type(
        types, {name: limit for rule in rules for name in _LIMITS if (limit := getattr(rule, name, None)) is not None}
    )


def _by_type(types: set[Any], limits: dict[str, Any]) -> tuple[Any, ...]:
    if types == {bool}:
        return ("switch",)
    if types == {int}:
        return ("whole", limits.get("ge"), limits.get("le"))
    if types == {float}:
        form, least = ("number above", limits["gt"]) if "gt" in limits else ("number", limits["ge"])
        return (form, least, limits.get("le"))
    if types in ({str}, {SecretStr}, {Path}):
        return ("text", limits.get("min_length", 0), limits.get("max_length"))
    return UNSURE


def _types_and_rules(field: FieldInfo) -> tuple[set[Any], list[Any]]:
    """Return the types a field may have, except None, and the rules in their annotations."""
    types: set[Any] = set()
    rules: list[Any] = list(_flat(field.metadata))

    def look(annotation: Any) -> None:
        if get_origin(annotation) is Annotated:
            inner, *metadata = get_args(annotation)
            rules.extend(_flat(metadata))
            look(inner)
        elif get_origin(annotation) in (None, Literal):
            types.add(annotation)
        elif get_origin(annotation) is list:
            look(get_args(annotation)[0])
        else:  # a union with None
            for arm in get_args(annotation):
                if arm is not type(None):
                    look(arm)

    look(field.annotation)
    return types, rules


def _flat(metadata: Any) -> Iterator[Any]:
    for rule in metadata:
        if isinstance(rule, FieldInfo):
            yield from _flat(rule.metadata)
        else:
            yield rule


def _choices(type_: Any) -> tuple[str, ...]:
    if get_origin(type_) is Literal:
        return tuple(get_args(type_))
    return tuple(type_) if isinstance(type_, type) and issubclass(type_, StrEnum) else ()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tuple_source(form: tuple[Any, ...]) -> str:
    parts = ", ".join(_quoted(str(part)) if isinstance(part, str) else str(part) for part in form)
    return f"({parts},)" if len(form) == 1 else f"({parts})"
