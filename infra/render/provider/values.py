"""Pulumi's property values as plain JSON and back; secrets are noted by name, unknown values stay UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

# None, bool, int, float, str, list, dict, or UNKNOWN anywhere in them.
Json = Any
Values = dict[str, Json]


class Unknown:
    """A value that a preview cannot know yet."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class NotPlain(Exception):
    """A value of Pulumi's own, such as a file asset, for which JSON has no form. name: the property it is in."""

    def __init__(self, kind: str, name: str = "") -> None:
        where = name or "A value"
        super().__init__(f"{where} holds a {kind}, which Render's API does not take; give its text instead.")
        self.kind, self.name = kind, name


def plain(value: PropertyValue) -> Json:
    """Return a property value as JSON, without its secrecy; whole numbers are int. Raises NotPlain."""
    held = value.value
    if isinstance(held, str):
        # The interface hands unknown values over as this string.
        return UNKNOWN if held == rpc.UNKNOWN else held
    if isinstance(held, bool) or held is None:
        return held
    if isinstance(held, float):
        return int(held) if held.is_integer() else held
    if isinstance(held, Mapping):
        return {name: plain(one) for name, one in held.items()}
    if isinstance(held, tuple):
        return [plain(one) for one in held]
    raise NotPlain(type(held).__name__)


def plain_all(values: Mapping[str, PropertyValue]) -> Values:
    """Return all properties as JSON; those that are null are left out, as Render has no use for the difference.

    Raises NotPlain.
    """
    found: Values = {}
    for name, value in values.items():
        try:
            found[name] = plain(value)
        except NotPlain as error:
            raise NotPlain(error.kind, name) from None
    return {name: value for name, value in found.items() if value is not None}


def secret_names(values: Mapping[str, PropertyValue]) -> frozenset[str]:
    """Return the properties that hold a secret somewhere."""
    return frozenset(name for name, value in values.items() if value.contains_secret())


def secret_texts(values: Mapping[str, PropertyValue]) -> Iterator[str]:
    """Yield the texts that are secret, or inside something that is."""
    for value in values.values():
        yield from _secret_texts(value, False)


def _secret_texts(value: PropertyValue, inside: bool) -> Iterator[str]:
    secret, held = inside or value.is_secret, value.value
    if isinstance(held, Mapping):
        for one in held.values():
            yield from _secret_texts(one, secret)
    elif isinstance(held, tuple):
        for one in held:
            yield from _secret_texts(one, secret)
    elif secret and isinstance(held, str):
        yield held


def wrapped(value: Json, *, secret: bool = False) -> PropertyValue:
    """Return JSON as a property value that holds property values all the way down."""
    if value is UNKNOWN:
        return PropertyValue(rpc.UNKNOWN, is_secret=secret)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value, is_secret=secret)
    if isinstance(value, int | float):
        return PropertyValue(float(value), is_secret=secret)
    if isinstance(value, Mapping):
        return PropertyValue({name: wrapped(one) for name, one in value.items()}, is_secret=secret)
    return PropertyValue([wrapped(one) for one in value], is_secret=secret)


def wrapped_all(values: Mapping[str, Json], secret: Iterable[str] = ()) -> dict[str, PropertyValue]:
    """Return all values as properties, those named in `secret` as secrets."""
    names = frozenset(secret)
    return {name: wrapped(value, secret=name in names) for name, value in values.items()}


def known(values: Values) -> Values:
    """Return the values that are known; what is unknown may turn out to be nothing."""
    return {name: value for name, value in values.items() if value is not UNKNOWN}


def has_unknown(value: Json) -> bool:
    """Whether a value, or one inside it, is unknown."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN
