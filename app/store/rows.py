"""Converts database rows to the domain's types; a `project` of None is '' in the database."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from app.access.tokens import Token
from app.memory.moments import at_place
from app.memory.types import Filter, Kind, Memory

MEMORY_COLUMNS = (
    "id, version, text, kind, project, tags, metadata, role, name, conversation_id, message_id, position,"
    " created_at, updated_at, occurred_at, occurred_offset, expires_at, archived_at"
)
_NOT_EXPIRED = "(expires_at is null or expires_at > now())"
LIVE = f"archived_at is null and {_NOT_EXPIRED}"
_ARCHIVED = f"archived_at is not null and {_NOT_EXPIRED}"


def to_memory(row: Any, zone: tzinfo | None) -> Memory:
    """Return the memory of a row with MEMORY_COLUMNS. zone: of times that tell no place; None for the machine's."""

    def told(name: str, offset: int | None = None) -> datetime | None:
        return None if row[name] is None else at_place(row[name], offset, zone)

    return Memory(
        id=row["id"],
        version=row["version"],
        text=row["text"],
        kind=Kind(row["kind"]),
        project=row["project"] or None,
        tags=tuple(row["tags"]),
        metadata=row["metadata"],
        role=row["role"],
        name=row["name"],
        conversation_id=row["conversation_id"],
        message_id=row["message_id"],
        position=row["position"] if row["conversation_id"] is not None else None,
        created_at=at_place(row["created_at"], None, zone),
        updated_at=at_place(row["updated_at"], None, zone),
        occurred_at=told("occurred_at", row["occurred_offset"]),
        expires_at=told("expires_at"),
        archived_at=told("archived_at"),
    )


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as the JSON document that statements take which write many at once."""
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))


def to_token(row: Any) -> Token:
    """Return the token of a row, which has a column `client` if a client has the token."""
    return Token(
        id=row["id"],
        user=row["user_id"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        client=row.get("client"),
    )


def conditions(user: str, where: Filter, first: int = 1) -> tuple[str, list[Any]]:
    """Return the SQL condition of a filter, and its arguments numbered from `first`.

    It names the user, although row-level security does so too, because the planner needs it to use an index.
    """
    parts, arguments = [_ARCHIVED if where.archived else LIVE], []

    def add(sql: str, value: Any) -> None:
        arguments.append(value)
        parts.append(sql.format(f"${first + len(arguments) - 1}"))

    add("user_id = {}", user)
    if where.projects is not None:
        add("project = any({})", list(where.projects))
    if where.kinds is not None:
        add("kind = any({})", [str(kind) for kind in where.kinds])
    if where.tags:
        add("tags @> {}", list(where.tags))
    if where.role is not None:
        add("role = {}", where.role)
    if where.conversation_id is not None:
        add("conversation_id = {}", where.conversation_id)
    if where.since is not None:
        add("coalesce(occurred_at, created_at) >= {}", where.since)
    if where.until is not None:
        add("coalesce(occurred_at, created_at) < {}", where.until)
    return " and ".join(parts), arguments


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, 5.7): consecutive ids are close together in an index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)
