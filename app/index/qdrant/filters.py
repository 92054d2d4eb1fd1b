"""A search's filter as conditions on the fields of points; each engine converts them to its own types."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from app.index.qdrant.fields import AT
from app.memory.types import Filter


class Is(NamedTuple):
    """The field has this value, or contains it if it is a list."""

    field: str
    value: str


class AnyOf(NamedTuple):
    """The field has one of these values; an empty list matches nothing."""

    field: str
    values: Sequence[str]


class Between(NamedTuple):
    """The field is at least `since` and less than `until`; None means no limit."""

    field: str
    since: float | None
    until: float | None


class Among(NamedTuple):
    """The point has one of these ids."""

    ids: Collection[UUID]


FieldCondition: TypeAlias = Is | AnyOf | Between
Condition: TypeAlias = FieldCondition | Among


def conditions(user: str, where: Filter) -> list[FieldCondition]:
    """Return the conditions for a point to belong to the user and pass the filter."""
    must: list[FieldCondition] = [Is("user", user)]
    if where.projects is not None:
        must.append(AnyOf("project", where.projects))
    if where.kinds is not None:
        must.append(AnyOf("kind", [str(kind) for kind in where.kinds]))
    must.extend(Is("tags", tag) for tag in where.tags or ())
    if where.role is not None:
        must.append(Is("role", where.role))
    if where.conversation_id is not None:
        must.append(Is("conversation", where.conversation_id))
    if where.since is not None or where.until is not None:
        since = where.since.timestamp() if where.since is not None else None
        until = where.until.timestamp() if where.until is not None else None
        must.append(Between(AT, since, until))
    return must


def passes(fields: Mapping[str, Any], must: Sequence[FieldCondition]) -> bool:
    """Report whether a point with these fields meets all conditions, by the engines' rules."""
    return all(_holds(condition, fields[condition.field]) for condition in must)


def _holds(condition: FieldCondition, value: Any) -> bool:
    match condition:
        case Is():
            return condition.value in value if isinstance(value, list) else bool(value == condition.value)
        case AnyOf():
            return value in condition.values
        case Between():
            return (condition.since is None or value >= condition.since) and (
                condition.until is None or value < condition.until
            )
