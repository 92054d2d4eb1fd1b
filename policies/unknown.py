"""Values that a preview does not know yet, and how rules read around them.

A rule that meets one has nothing to say: what is unknown is judged when it is known, at the latest by `pulumi up`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any


class Unknown(Enum):
    """The type of UNKNOWN."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class NotKnown(Exception):
    """A rule needs a value that a preview does not know yet."""


def look(value: Any, *path: str | int, default: Any = None) -> Any:
    """Return what is at a path of keys and indices, or the default when there is nothing.

    Raises NotKnown if a part of it is unknown.
    """
    for step in path:
        if value is UNKNOWN:
            raise NotKnown
        value = _part(value, step)
    if not is_known(value):
        raise NotKnown
    return default if value is None else value


def _part(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, Mapping) else None


def elements(value: Any) -> list[Any]:
    """Return the elements of a list that are known; none of a list that is unknown or not there."""
    return [one for one in value if one is not UNKNOWN] if isinstance(value, list) else []


def entries(value: Any) -> dict[str, Any]:
    """Return the entries of a mapping, values that are unknown among them; none of one that is unknown or not there."""
    return dict(value) if isinstance(value, Mapping) else {}


def is_known(value: Any) -> bool:
    """Whether a value is known in all its parts."""
    if value is UNKNOWN:
        return False
    if isinstance(value, Mapping):
        return all(is_known(one) for one in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(is_known(one) for one in value)
    return True
