"""Reads everything of one user for export: page by page, as of one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.memory.moments import at_place
from app.memory.types import Scope
from app.store.database import Database

_PAGE_ROWS = 500  # fetched at a time; a row can have a text of 1,000,000 characters, but seldom does

_WHOLE = (
    "m.id, m.version, m.text, m.kind, m.project, m.tags, m.metadata, m.agent_id, m.content_hash, m.role, m.name,"
    " m.message_id, m.created_at, m.updated_at, m.occurred_at, m.occurred_offset, m.expires_at, m.archived_at"
)
_READ_MEMORIES = f"""
select {_WHOLE}, case when exists (select from memories p where p.whole_id = m.id and p.part > 0) then array(
    select row(p.id, p.text) from memories p where p.whole_id = m.id and p.part > 0 order by p.part
) end as rest
from memories m
where m.user_id = $1 and m.conversation_id is null and m.part = 0 and ($2::text is null or m.project = $2)
  and (m.expires_at is null or m.expires_at > now())
order by m.id
"""
_READ_TURNS = f"""
select c.id as conversation_id, c.project as conversation_project, c.title, c.created_at as begun_at,
       c.updated_at as changed_at, m.whole_id, {_WHOLE}
from conversations c left join memories m on m.user_id = c.user_id and m.conversation_id = c.id
     and (m.expires_at is null or m.expires_at > now())
where c.user_id = $1 and ($2::text is null or c.project = $2)
order by c.id, m.position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMemory:
    """A stored memory or turn for export: all its pieces, and every field that is not derived."""

    pieces: tuple[tuple[UUID, str], ...]
    version: int
    kind: str
    project: str | None
    tags: list[str]
    metadata: dict[str, Any]
    agent: str
    content_hash: bytes
    role: str | None
    name: str | None
    message_id: str | None
    created_at: datetime
    updated_at: datetime
    occurred_at: datetime | None
    expires_at: datetime | None
    archived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedConversation:
    """A conversation for export, without its turns."""

    id: str
    project: str | None
    title: str | None
    created_at: datetime
    updated_at: datetime


@asynccontextmanager
async def export_snapshot(db: Database, scope: Scope) -> AsyncIterator[ExportSnapshot]:
    """Lend a view of all the user's data that later writes do not change."""
    async with (
        db.as_user(scope.user, writes=False) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield ExportSnapshot(connection, scope.user)


class ExportSnapshot:
    """Reads a user's memories page by page, as of one moment."""

    def __init__(self, connection: Any, user: str) -> None:
        self._connection = connection
        self._user = user

    async def memories(self, project: str | None) -> AsyncIterator[ExportedMemory]:
        """Yield the memories that belong to no conversation, by id."""
        async for row in self._connection.cursor(_READ_MEMORIES, self._user, project, prefetch=_PAGE_ROWS):
            yield _whole(row, [(row["id"], row["text"]), *(row["rest"] or ())])

    async def turns(self, project: str | None) -> AsyncIterator[tuple[ExportedConversation, ExportedMemory | None]]:
        """Yield the turns by conversation, in order; None for a conversation without turns."""
        first: Any = None
        pieces: list[tuple[UUID, str]] = []
        async for row in self._connection.cursor(_READ_TURNS, self._user, project, prefetch=_PAGE_ROWS):
            if first is not None and row["whole_id"] is not None and row["whole_id"] == first["whole_id"]:
                pieces.append((row["id"], row["text"]))
                continue
            if first is not None:
                yield _conversation(first), _whole(first, pieces)
            first, pieces = row, [(row["id"], row["text"])]
        if first is not None:
            yield _conversation(first), _whole(first, pieces)


def _conversation(row: Any) -> ExportedConversation:
    return ExportedConversation(
        id=row["conversation_id"],
        project=row["conversation_project"] or None,
        title=row["title"],
        created_at=row["begun_at"],
        updated_at=row["changed_at"],
    )


def _whole(row: Any, pieces: Sequence[tuple[UUID, str]]) -> Any:
    if row["id"] is None:
        return None
    return ExportedMemory(
        pieces=tuple((piece[0], piece[1]) for piece in pieces),
        version=row["version"],
        kind=row["kind"],
        project=row["project"] or None,
        tags=row["tags"],
        metadata=row["metadata"],
        agent=row["agent_id"],
        content_hash=row["content_hash"],
        role=row["role"],
        name=row["name"],
        message_id=row["message_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        occurred_at=_told(row["occurred_at"], row["occurred_offset"]),
        expires_at=row["expires_at"],
        archived_at=row["archived_at"],
    )


def _told(moment: datetime | None, offset: int | None) -> datetime | None:
    return None if moment is None else at_place(moment, offset, UTC)
