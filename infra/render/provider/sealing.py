"""Where secret values are in properties: sealed on their way into the state, opened for a request, marked, compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pulumi.provider.experimental.property_value import PropertyValue

from infra.render.provider.fields import (
    Field,
    Kind,
    ListOf,
    MapOf,
    Record,
    Variable,
    WriteOnly,
    became,
    canonical,
    said,
)
from infra.render.provider.fingerprints import FINGERPRINT, GENERATE, WRITE_ONLY, Vault, fingerprint_of
from infra.render.provider.values import UNKNOWN, Json, wrapped

# The key of the resource's fingerprints, made when it is first asked for.
Key = Callable[[], str]


def sealed(kind: Kind, value: Json, where: str, key: Key, vault: Vault) -> Json:
    """Return a value as the state may hold it; what is write-only goes into the vault."""
    match kind:
        case WriteOnly() if not isinstance(value, Mapping):
            return {FINGERPRINT: _seal(value, where, key, vault)}
        case Variable() if isinstance(value, Mapping):
            given = {name: one for name, one in value.items() if one is not None and one is not False}
            if WRITE_ONLY in given and "value" in given:
                return {WRITE_ONLY: True, FINGERPRINT: _seal(given["value"], where, key, vault)}
            return given["value"] if set(given) == {"value"} else given
        case MapOf(of=of) if isinstance(value, Mapping):
            return {name: sealed(of, one, f"{where}.{name}", key, vault) for name, one in value.items()}
        case Record(fields=fields) if isinstance(value, Mapping):
            parts = {one.name: value[one.name] for one in fields if value.get(one.name) is not None}
            return {
                one.name: sealed(one.kind, parts[one.name], f"{where}.{one.name}", key, vault)
                for one in fields
                if one.name in parts
            }
        case ListOf(of=of) if isinstance(value, list):
            return [sealed(of, one, where, key, vault) for one in value]
    return value


def _seal(value: Json, where: str, key: Key, vault: Vault) -> Json:
    if value is UNKNOWN:
        return UNKNOWN
    fingerprint = fingerprint_of(key(), where, value)
    vault.keep(fingerprint, value)
    return fingerprint


def opened(value: Json, vault: Vault) -> str | None:
    """Return the text of a variable or a write-only value, None if this process was not given it."""
    if isinstance(value, Mapping):
        return vault.value(value.get(FINGERPRINT, ""))
    return str(value)


def marked(kind: Kind, value: Json) -> PropertyValue:
    """Return a value as a property, its secrets marked by what the type says, whatever the program said."""
    match kind:
        case WriteOnly():
            return wrapped(value, secret=True)
        case Variable():
            return wrapped(value, secret=not (isinstance(value, Mapping) and GENERATE in value))
        case MapOf(of=of) if isinstance(value, Mapping):
            return PropertyValue({name: marked(of, one) for name, one in value.items()})
        case Record(fields=fields) if isinstance(value, Mapping):
            kinds = {one.name: one.kind for one in fields}
            return PropertyValue(
                {name: marked(kinds[name], one) if name in kinds else wrapped(one) for name, one in value.items()}
            )
        case ListOf(of=of) if isinstance(value, list):
            return PropertyValue([marked(of, one) for one in value])
    return wrapped(value)


def folded(one: Field, wanted: Json, live: Json, key: str | None) -> Json:
    """Return what a refreshed state holds: what the program said if Render says the same, else what Render says.

    Of an object, only the parts that the program named are looked at. None: Render has nothing there any more.
    """
    return _folded(one.kind, wanted, live, one.name, key, one)


def _folded(kind: Kind, wanted: Json, live: Json, where: str, key: str | None, one: Field | None = None) -> Json:
    match kind:
        case WriteOnly():
            return wanted
        case Variable():
            return _folded_variable(wanted, live, where, key)
        case MapOf(of=of) if isinstance(wanted, Mapping):
            live = live or {}
            found = {
                name: _folded(of, value, live[name], f"{where}.{name}", key)
                for name, value in wanted.items()
                if name in live
            }
            return found | {name: value for name, value in live.items() if name not in wanted}
        case Record(fields=fields) if isinstance(wanted, Mapping):
            if not live:
                return wanted if one is not None and said(one, wanted) is None else None
            parts = {
                part.name: _folded(part.kind, wanted[part.name], live.get(part.name), f"{where}.{part.name}", key, part)
                for part in fields
                if part.name in wanted
            }
            return {name: value for name, value in parts.items() if value is not None}
    alike = became(one, wanted, live) if one is not None else canonical(kind, wanted) == canonical(kind, live)
    return wanted if alike else live


def _folded_variable(wanted: Json, live: Json, where: str, key: str | None) -> Json:
    if not isinstance(wanted, Mapping) or live is None:
        return live
    if GENERATE in wanted:
        return wanted
    if key is None:
        return live
    return {WRITE_ONLY: True, FINGERPRINT: fingerprint_of(key, where, live)}
