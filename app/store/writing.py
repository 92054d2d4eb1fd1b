"""Writes single memories: add, update, forget. Each is one transaction; triggers add the change-log entry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from app.errors import Conflict, InvalidInput, NotFound, shown
from app.memory.analysis import ANALYSIS_VERSION
from app.memory.moments import offset_minutes
from app.memory.types import TAGS_LIMIT, MemoryUpdate, NewMemory, Piece, Scope, Selection, Stored
from app.store.database import Database
from app.store.inserting import Row, Shared, insert

if TYPE_CHECKING:
    from app.store.outbox_writing import OutboxWriting

_INSERT = """
insert into memories (id, user_id, agent_id, project, kind, text, content_hash, whole_id, session_id, tags, metadata,
                      terms, words, asks, tells_time, tells_number, first_person, analysis,
                      created_at, occurred_at, occurred_offset, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $1, $1, $8, $9, $10, $11, $12, $13, $14, $15, $16,
        coalesce($17, now()), $18, $19, $20)
on conflict (user_id, project, content_hash)
    where conversation_id is null and archived_at is null and part = 0 do nothing
returning id
"""


class Writing:
    """The part of the store that changes memories one by one."""

    db: Database
    outbox: OutboxWriting | None
    receipts: bool

    async def add(self, scope: Scope, memory: NewMemory) -> Stored:
        async with self.db.as_user(scope.user) as connection:
            while True:
                first = await _delivered(connection, scope, memory) if self.receipts else None
                if first is not None:
                    return Stored(id=first, created=False, duplicate=True)
                if await self._insert(connection, scope, memory):
                    return Stored(id=memory.pieces[0].id, created=True, duplicate=False)
                if (known := await _added_to_same(connection, scope, memory)) is not None:
                    return known

    async def update(
        self, scope: Scope, memory_id: UUID, update: MemoryUpdate, piece: Piece | None, content_hash: bytes | None
    ) -> int:
        """Change a memory and return its new version; all but the text applies to every piece.

        Raises NotFound, and Conflict for another memory with the same text, or a message that would change its project.
        """
        async with self.db.as_user(scope.user) as connection:
            try:
                async with connection.transaction():
                    version = await _update(connection, scope, memory_id, update)
                    if piece is not None:
                        await _replace_text(connection, memory_id, piece, content_hash)
            except asyncpg.UniqueViolationError:
                raise Conflict(
                    f"memory {memory_id}: another memory of the project has the same text; forget one of the two"
                ) from None
        return version

    async def forget(self, scope: Scope, selection: Selection, dry_run: bool) -> int:
        condition, arguments = _selected(scope, selection)
        whole = f"user_id = $1 and whole_id in (select whole_id from memories where {condition})"
        async with self.db.as_user(scope.user) as connection:
            if dry_run:
                return int(
                    await connection.fetchval(
                        f"select count(distinct whole_id) from memories where {whole}", *arguments
                    )
                )
            async with connection.transaction():
                rows = await connection.fetch(
                    f"delete from memories where {whole} returning conversation_id, whole_id",
                    *arguments,
                )
                touched = {row["conversation_id"] for row in rows if row["conversation_id"] is not None}
                if touched:
                    await shrink_conversations(connection, scope.user, touched)
        return len({row["whole_id"] for row in rows})

    async def _insert(self, connection: asyncpg.Connection, scope: Scope, memory: NewMemory) -> bool:
        """Insert all pieces, or none if the content is stored already, which the first one tells."""
        first = _first_row(scope, memory)
        if len(memory.pieces) == 1 and self.outbox is None:
            return await connection.fetchval(_INSERT, *first) is not None
        async with connection.transaction():
            if await connection.fetchval(_INSERT, *first) is None:
                return False
            await insert(connection, _shared(scope, memory), islice(_rows(memory), 1, None))
            if self.receipts and await _delivered(connection, scope, memory) is not None:
                # The insert waited for a delivery of the same text, which has its receipt by now.
                await connection.execute(
                    "delete from memories where user_id = $1 and whole_id = $2", scope.user, memory.pieces[0].id
                )
                return False
            if self.outbox is not None:
                from app.store.outbox_writing import Text, Write, put

                texts = [Text.of(piece) for piece in memory.pieces]
                await put(connection, scope.user, [Write(texts=texts)], self.outbox.characters)
        return True


async def _delivered(connection: asyncpg.Connection, scope: Scope, memory: NewMemory) -> UUID | None:
    """Return the memory with the same content that another service alone has."""
    from app.store.receipts import receipts_of

    id_ = memory.pieces[0].id
    return (await receipts_of(connection, scope.user, [(id_, memory.project or "", memory.content_hash)])).get(id_)


def _first_row(scope: Scope, memory: NewMemory) -> tuple[Any, ...]:
    piece = memory.pieces[0]
    return (
        piece.id,
        scope.user,
        scope.agent,
        memory.project or "",
        str(memory.kind),
        piece.text,
        memory.content_hash,
        list(memory.tags),
        memory.metadata,
        piece.analysis.terms,
        piece.analysis.words,
        piece.analysis.asks,
        piece.analysis.tells_time,
        piece.analysis.tells_number,
        piece.analysis.first_person,
        ANALYSIS_VERSION,
        memory.created_at,
        memory.occurred_at,
        offset_minutes(memory.occurred_at),
        memory.expires_at,
    )


def _shared(scope: Scope, memory: NewMemory) -> Shared:
    return Shared(
        user=scope.user,
        agent=scope.agent,
        project=memory.project or "",
        kind=memory.kind,
        tags=memory.tags,
        metadata=memory.metadata,
        expires_at=memory.expires_at,
    )


def _rows(memory: NewMemory) -> Iterator[Row]:
    """Yield a row for each piece of a memory."""
    first = memory.pieces[0].id
    for part, piece in enumerate(memory.pieces):
        yield Row(
            piece=piece,
            content_hash=memory.content_hash,
            whole_id=first,
            part=part,
            session_id=first,
            position=part,
            created_at=memory.created_at,
            occurred_at=memory.occurred_at,
        )


async def _added_to_same(connection: asyncpg.Connection, scope: Scope, memory: NewMemory) -> Stored | None:
    """Add what came with a text to the memory that has it already; None if there is none, or none any more.

    A memory that has expired is deleted, to make room for the new one.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            """
            select id, kind, tags, metadata, expires_at, coalesce(expires_at <= now(), false) as expired from memories
            where user_id = $1 and project = $2 and content_hash = $3
              and conversation_id is null and archived_at is null and part = 0
            for update
            """,
            scope.user,
            memory.project or "",
            memory.content_hash,
        )
        if row is None:
            return None
        if row["expired"]:
            await connection.execute("delete from memories where user_id = $1 and whole_id = $2", scope.user, row["id"])
            return None
        changes = _added(row, memory)
        if changes:
            await connection.execute(
                """
                update memories set kind = $3, tags = $4, metadata = $5, expires_at = $6,
                       version = version + 1, updated_at = now()
                where user_id = $1 and whole_id = $2
                """,
                scope.user,
                row["id"],
                *({name: row[name] for name in ("kind", "tags", "metadata", "expires_at")} | changes).values(),
            )
    names = ("expires_in_days" if name == "expires_at" else name for name in changes)
    return Stored(id=UUID(bytes=row["id"].bytes), created=False, duplicate=True, updated=tuple(names))


def _added(row: Any, memory: NewMemory) -> dict[str, Any]:
    """Return the columns that change when a text comes again: more tags, the later kind and metadata, a longer life."""
    changes: dict[str, Any] = {}
    if memory.kind_given and memory.kind != row["kind"]:
        changes["kind"] = str(memory.kind)
    if new := [tag for tag in memory.tags if tag not in row["tags"]]:
        changes["tags"] = [*row["tags"], *new]
        if len(changes["tags"]) > TAGS_LIMIT:
            raise InvalidInput(
                "tags", new, f"up to {TAGS_LIMIT} tags with the {len(row['tags'])} of the memory that has this text"
            )
    if memory.metadata and memory.metadata != row["metadata"]:
        changes["metadata"] = memory.metadata
    # No expiry is the longest life.
    if row["expires_at"] is not None and (memory.expires_at is None or memory.expires_at > row["expires_at"]):
        changes["expires_at"] = memory.expires_at
    return changes


async def _update(connection: asyncpg.Connection, scope: Scope, memory_id: UUID, update: MemoryUpdate) -> int:
    rows = await connection.fetch(
        """
        update memories set
            kind = coalesce($3, kind),
            tags = coalesce($4, tags),
            metadata = coalesce($5, metadata),
            expires_at = case when $6::float8 is null then expires_at else now() + $6 * interval '1 day' end,
            archived_at = case when $7::boolean is null then archived_at when $7 then coalesce(archived_at, now()) end,
            project = coalesce($8, project),
            version = version + 1,
            updated_at = now()
        where user_id = $2 and (expires_at is null or expires_at > now())
          and whole_id = (select whole_id from memories where id = $1 and user_id = $2)
        returning id, version, conversation_id
        """,
        memory_id,
        scope.user,
        None if update.kind is None else str(update.kind),
        None if update.tags is None else list(update.tags),
        update.metadata,
        update.expires_in_days,
        update.archived,
        update.project,
    )
    if update.project is not None and rows and (conversation := rows[0]["conversation_id"]) is not None:
        raise Conflict(
            f"memory {memory_id} is a message of conversation {shown(conversation)}, and stays in its project"
        )
    if update.text is not None and len(rows) > 1:
        raise Conflict(
            f"memory {memory_id} is one of {len(rows)} linked pieces of a longer text, which cannot be changed in "
            "part; forget it and memorize the new text"
        )
    versions = {row["id"]: row["version"] for row in rows}
    if memory_id not in versions:
        raise NotFound(f"memory {memory_id}: there is no memory with this id; search_memory returns ids")
    return int(versions[memory_id])


async def _replace_text(
    connection: asyncpg.Connection, memory_id: UUID, piece: Piece, content_hash: bytes | None
) -> None:
    # A turn keeps the hash of the text that was sent, to recognize it when the conversation is sent again.
    await connection.execute(
        """
        update memories set text = $2, terms = $4, words = $5, asks = $6, tells_time = $7,
               tells_number = $8, first_person = $9, analysis = $10,
               content_hash = case when conversation_id is null then $3 else content_hash end
        where id = $1
        """,
        memory_id,
        piece.text,
        content_hash,
        piece.analysis.terms,
        piece.analysis.words,
        piece.analysis.asks,
        piece.analysis.tells_time,
        piece.analysis.tells_number,
        piece.analysis.first_person,
        ANALYSIS_VERSION,
    )


def _selected(scope: Scope, selection: Selection) -> tuple[str, list[Any]]:
    parts: list[str] = ["user_id = $1"]
    arguments: list[Any] = [scope.user]
    for sql, value in (
        ("id = any({})", None if selection.ids is None else list(selection.ids)),
        ("conversation_id = {}", selection.conversation_id),
        ("project = {}", selection.project),
        ("coalesce(occurred_at, created_at) < {}", selection.before),
    ):
        if value is not None:
            arguments.append(value)
            parts.append(sql.format(f"${len(arguments)}"))
    return " and ".join(parts), arguments


async def shrink_touched(connection: asyncpg.Connection, rows: Sequence[Any]) -> None:
    """Shrink the conversations of rows (user_id, conversation_id) that were deleted, of any users."""
    touched: dict[str, set[str]] = {}
    for user, conversation in rows:
        if conversation is not None:
            touched.setdefault(user, set()).add(conversation)
    for user in sorted(touched):  # in one order, as everywhere that locks several
        await shrink_conversations(connection, user, touched[user])


async def shrink_conversations(connection: asyncpg.Connection, user: str, ids: Collection[str]) -> None:
    """Delete conversations without turns, and recount the turns of the others; delivered ones count.

    A separate statement locks them, so that the next ones see the turns of an append that was in progress.
    """
    await connection.execute(
        "select from conversations where user_id = $1 and id = any($2) order by id for update", user, list(ids)
    )
    await connection.execute(
        """
        delete from conversations c where user_id = $1 and id = any($2)
            and not exists (select from memories m where m.user_id = $1 and m.conversation_id = c.id)
            and not exists (select from receipts r where r.user_id = $1 and r.conversation_id = c.id)
        """,
        user,
        list(ids),
    )
    await connection.execute(
        """
        update conversations c set messages = (
            select count(*) from (
                select id from memories m where m.user_id = $1 and m.conversation_id = c.id and m.part = 0
                union select id from receipts r where r.user_id = $1 and r.conversation_id = c.id
            ) as stored
        ) where user_id = $1 and id = any($2)
        """,
        user,
        list(ids),
    )
