"""A point's fields and vectors as a Qdrant server stores them, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.index.engine import Payload
from app.memory.types import Traits

# Names of a point's vectors, and of the keyword fields that searches filter by.
WINDOW, DENSE = "window", "dense"
KEYWORDS = ("user", "project", "kind", "tags", "role", "conversation")
AT = "at"  # when it happened, in seconds since 1970
TRAITS = ("role", "name", AT, "asks", "tells_time", "tells_number", "first_person", "offset")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fields_of(payload: Payload) -> dict[str, Any]:
    """Return a payload as it is stored."""
    return {
        "user": payload.user,
        "project": payload.project,
        "kind": payload.kind,
        "tags": payload.tags,
        "role": payload.role,
        "conversation": payload.conversation,
        AT: payload.at.timestamp(),
        "name": payload.name,
        "asks": payload.asks,
        "tells_time": payload.tells_time,
        "tells_number": payload.tells_number,
        "first_person": payload.first_person,
        "offset": payload.offset,
    }


def traits_of(id_: UUID, fields: Mapping[str, Any] | None) -> Traits | None:
    """Return the traits in a point's fields; None if they are not there, as in a collection of an earlier version."""
    if not fields or not all(name in fields for name in TRAITS):
        return None
    role, name, at, *cues = (fields[name] for name in TRAITS)
    return Traits(id_, role, name, _EPOCH + timedelta(seconds=at), *cues)
