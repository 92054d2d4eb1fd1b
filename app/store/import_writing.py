"""Writes many rows at once, for import.

A batch is one transaction with one insert for all its rows, so the change log's trigger runs once. Memories that are
stored already do not change: a memory is identified by its id and its content; a turn by its id, by the client's
message id or, without either, by its content and how often the conversation contains it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from app.errors import MemoryServerError
from app.memory.texts import content_id
from app.memory.types import Piece, Scope
from app.store.conversations import ConversationEnd
from app.store.database import Database
from app.store.import_rows import (
    INSERT,
    INSERT_CONVERSATIONS,
    INSERT_NEW,
    UPDATE_CONVERSATIONS,
    BulkConversation,
    BulkMemory,
    BulkTurn,
    conversation_row,
    end_row,
    memory_rows,
    turn_rows,
)
from app.store.outbox_writing import OutboxWriting, Text, Write, put
from app.store.receipts import receipts_of
from app.store.rows import as_json


class BatchRefused(MemoryServerError):
    """PostgreSQL rejected a batch; nothing of it was stored."""

    code = "refused"
    status = 400


class ImportWriter:
    """Stores batches; each call sees only the rows of its user."""

    def __init__(self, db: Database, outbox: OutboxWriting | None = None) -> None:
        """outbox: how what is new is handed to another service too; None: it is not."""
        self._db = db
        self._outbox = outbox
        self._receipts = outbox is not None and not outbox.keeps

    async def add_memories(self, scope: Scope, memories: Sequence[BulkMemory]) -> int:
        """Store the new ones in one transaction; return how many. Raises BatchRefused."""
        taken = await self._ids_of_others(scope, (item.memory.pieces for item in memories if item.past.known_id))
        # In one order for all, so that two imports of the same texts at once wait for each other without a deadlock.
        ordered = sorted(memories, key=lambda item: (item.memory.project or "", item.memory.content_hash))
        owned = [(item, _with_free_ids(scope, item.memory.pieces, taken)) for item in ordered]
        async with self._writing(scope) as connection:
            delivered = await self._delivered(connection, scope, owned)
            new = [(item, pieces) for item, pieces in owned if pieces[0].id not in delivered]
            rows = [row for item, pieces in new for row in memory_rows(item, pieces)]
            firsts = [row for row in rows if not row["part"]]
            stored = {
                UUID(bytes=row[0].bytes) for row in await connection.fetch(INSERT_NEW, scope.user, as_json(firsts))
            }
            new = [(item, pieces) for item, pieces in new if pieces[0].id in stored]
            if meanwhile := await self._delivered(connection, scope, new):  # while the insert waited for it
                await connection.execute("delete from memories where id = any($1::uuid[])", list(meanwhile))
                new = [(item, pieces) for item, pieces in new if pieces[0].id not in meanwhile]
            kept = {str(pieces[0].id) for _, pieces in new}
            rest = [row for row in rows if row["part"] and row["whole_id"] in kept]
            if rest:
                await connection.execute(INSERT, scope.user, as_json(rest))
            if self._outbox is not None:
                writes = [Write(texts=[Text.of(piece) for piece in pieces]) for _, pieces in new]
                await put(connection, scope.user, writes, self._outbox.characters)
        return len(new)

    async def add_conversations(self, scope: Scope, conversations: Sequence[BulkConversation]) -> int:
        """Append the new turns in one transaction; return how many. Raises BatchRefused.

        An existing conversation stays in its project. A conversation given twice is merged.
        """
        merged = _merged(conversations)
        turns = [turn for conversation in merged for turn in conversation.turns]
        taken = await self._ids_of_others(scope, (item.turn.pieces for item in turns if item.past.known_id))
        if taken:
            merged = [
                replace(conversation, turns=tuple(_owned(scope, turn, taken) for turn in conversation.turns))
                for conversation in merged
            ]
            turns = [turn for conversation in merged for turn in conversation.turns]
        async with self._writing(scope) as connection:
            merged = await _worth_a_row(connection, scope, merged, receipts=self._receipts)
            end_rows = await connection.fetch(INSERT_CONVERSATIONS, scope.user, as_json(map(conversation_row, merged)))
            ends = {row["id"]: row for row in end_rows}
            old = [conversation for conversation in merged if ends[conversation.id]["last_position"] >= 0]
            known = [item for item in turns if item.past.known_id]
            stored = await _StoredTurns.of(connection, scope, old, known, receipts=self._receipts)
            rows: list[dict[str, Any]] = []
            changed: list[dict[str, Any]] = []
            writes: list[Write] = []
            for conversation in merged:
                row = ends[conversation.id]
                end = ConversationEnd(
                    row["last_position"], row["last_session"], row["last_session_size"], row["last_at"]
                )
                new = []
                for turn in conversation.turns:
                    if not stored.has(conversation.id, turn):
                        stored.add(conversation.id, turn)
                        new.append(turn)
                rows += (values for turn in new for values in turn_rows(conversation.id, row["project"], turn, end))
                if new:
                    changed.append(end_row(conversation, len(new), end))
                    texts = [Text.of(piece) for item in new for piece in item.turn.pieces]
                    writes.append(Write(texts=texts, conversation_id=conversation.id, title=row["title"]))
            if rows:
                await connection.execute(INSERT, scope.user, as_json(rows))
                await connection.execute(UPDATE_CONVERSATIONS, scope.user, as_json(changed))
                if self._outbox is not None:
                    await put(connection, scope.user, writes, self._outbox.characters)
        return sum(row["messages"] for row in changed)

    async def refresh_statistics(self) -> None:
        """Refresh the planner's statistics after many new rows; autovacuum does it minutes later."""
        async with self._db.as_service() as connection:
            await connection.execute("analyze conversations, memories, outbox, outbox_memories")

    async def _delivered(
        self, connection: Any, scope: Scope, owned: Sequence[tuple[BulkMemory, tuple[Piece, ...]]]
    ) -> Collection[UUID]:
        """Return the ids of those that another service alone has."""
        if not self._receipts:
            return ()
        known = [(pieces[0].id, item.memory.project or "", item.memory.content_hash) for item, pieces in owned]
        return await receipts_of(connection, scope.user, known)

    @asynccontextmanager
    async def _writing(self, scope: Scope) -> AsyncIterator[Any]:
        try:
            async with self._db.as_user(scope.user) as connection, connection.transaction():
                yield connection
        except (
            asyncpg.DataError,
            asyncpg.IntegrityConstraintViolationError,
            asyncpg.ProgramLimitExceededError,
        ) as error:
            raise BatchRefused(f"PostgreSQL rejected the batch: {error}") from error

    async def _ids_of_others(self, scope: Scope, wholes: Iterable[Sequence[Piece]]) -> frozenset[UUID]:
        """Return which of the given ids belong to other users: an export may be imported by another user."""
        ids = [piece.id for pieces in wholes for piece in pieces]
        if not ids:
            return frozenset()
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                "select id from memories where id = any($1::uuid[]) and user_id <> $2", ids, scope.user
            )
        return frozenset(UUID(bytes=row["id"].bytes) for row in rows)


@dataclass(slots=True)
class _StoredTurns:
    """The turns that are stored already: by id, by message id, and by content with its number of occurrences."""

    ids: set[UUID]
    messages: set[tuple[str, str]]
    contents: Counter[tuple[str, bytes]]
    receipts: bool

    @classmethod
    async def of(
        cls,
        connection: Any,
        scope: Scope,
        old: Sequence[BulkConversation],
        known: Sequence[BulkTurn],
        *,
        receipts: bool,
    ) -> _StoredTurns:
        """Look the turns up. old: the conversations that existed before; known: the turns whose ids are known.

        receipts: whether turns that another service alone has count as stored.
        """
        stored = cls(set(), set(), Counter(), receipts)
        if known:
            ids = [item.turn.pieces[0].id for item in known]
            rows = await connection.fetch(
                "select id from memories where user_id = $1 and id = any($2::uuid[])"
                " union all select id from receipts where $3 and user_id = $1 and id = any($2::uuid[])",
                scope.user,
                ids,
                receipts,
            )
            stored.ids = {UUID(bytes=row["id"].bytes) for row in rows}
        if old:
            await stored._read_messages(connection, scope, old)
            await stored._read_contents(connection, scope, old)
        return stored

    async def _read_messages(self, connection: Any, scope: Scope, old: Sequence[BulkConversation]) -> None:
        messages = [
            (conversation.id, item.turn.message_id)
            for conversation in old
            for item in conversation.turns
            if item.turn.message_id
        ]
        if messages:
            # `offset 0` forces one lookup each: as a join, a new database without statistics reads everything.
            rows = await connection.fetch(
                """
                select conversation, message from unnest($2::text[], $3::text[]) as sent(conversation, message)
                where exists (
                    select from memories m where m.user_id = $1 and m.conversation_id = conversation
                    and m.message_id = message and m.part = 0 offset 0
                ) or $4 and exists (
                    select from receipts r where r.user_id = $1 and r.conversation_id = conversation
                    and r.message_id = message offset 0
                )
                """,
                scope.user,
                [conversation for conversation, _ in messages],
                [message for _, message in messages],
                self.receipts,
            )
            self.messages = {(row[0], row[1]) for row in rows}

    async def _read_contents(self, connection: Any, scope: Scope, old: Sequence[BulkConversation]) -> None:
        contents = {
            item.turn.content_hash
            for conversation in old
            for item in conversation.turns
            if item.turn.message_id is None and not item.past.known_id
        }
        if contents:
            rows = await connection.fetch(
                """
                select conversation_id, content_hash, count(*) from (
                    select conversation_id, content_hash, position from memories
                    where user_id = $1 and conversation_id = any($2) and part = 0 and message_id is null
                    union
                    select conversation_id, content_hash, position from receipts
                    where $4 and user_id = $1 and conversation_id = any($2) and message_id is null
                ) as stored
                where content_hash = any($3) group by conversation_id, content_hash
                """,
                scope.user,
                [conversation.id for conversation in old],
                list(contents),
                self.receipts,
            )
            self.contents = Counter({(row[0], row[1]): row[2] for row in rows})

    def has(self, conversation: str, item: BulkTurn) -> bool:
        turn = item.turn
        if turn.pieces[0].id in self.ids:
            return True
        if turn.message_id is not None:
            return (conversation, turn.message_id) in self.messages
        if item.past.known_id:
            return False
        return item.occurrence < self.contents[conversation, turn.content_hash]

    def add(self, conversation: str, item: BulkTurn) -> None:
        """Add a turn that will be stored: the batch may contain it again."""
        self.ids.add(item.turn.pieces[0].id)
        if item.turn.message_id is not None:
            self.messages.add((conversation, item.turn.message_id))


async def _worth_a_row(
    connection: Any, scope: Scope, merged: list[BulkConversation], *, receipts: bool
) -> list[BulkConversation]:
    """Return the conversations without new ones that only repeat turns of others: copies of a session."""
    ids = [turn.turn.pieces[0].id for conversation in merged for turn in conversation.turns if turn.past.known_id]
    if not ids:
        return merged
    stored = await connection.fetch(
        """
        select id::text from memories where user_id = $1 and id = any($2::uuid[])
        union all select id::text from receipts where $4 and user_id = $1 and id = any($2::uuid[])
        union all select id from conversations where user_id = $1 and id = any($3)
        """,
        scope.user,
        ids,
        [conversation.id for conversation in merged],
        receipts,
    )
    known = {row[0] for row in stored}
    first: set[str] = set()
    kept = []
    for conversation in merged:
        turns = [str(turn.turn.pieces[0].id) if turn.past.known_id else None for turn in conversation.turns]
        if not turns or conversation.id in known or any(id_ is None or id_ not in known | first for id_ in turns):
            kept.append(conversation)
            first.update(id_ for id_ in turns if id_ is not None)
    return kept


def _merged(conversations: Sequence[BulkConversation]) -> list[BulkConversation]:
    """Return each conversation once, with all its turns, sorted by id, so that rows are locked in one order."""
    merged: dict[str, BulkConversation] = {}
    for conversation in conversations:
        first = merged.get(conversation.id)
        merged[conversation.id] = (
            conversation
            if first is None
            else replace(
                conversation,
                project=first.project,
                title=conversation.title if conversation.title is not None else first.title,
                turns=first.turns + conversation.turns,
            )
        )
    return [merged[id_] for id_ in sorted(merged)]


def _owned(scope: Scope, item: BulkTurn, taken: frozenset[UUID]) -> BulkTurn:
    pieces = _with_free_ids(scope, item.turn.pieces, taken) if item.past.known_id else item.turn.pieces
    return item if pieces is item.turn.pieces else replace(item, turn=replace(item.turn, pieces=pieces))


def _with_free_ids(scope: Scope, pieces: tuple[Piece, ...], taken: frozenset[UUID]) -> tuple[Piece, ...]:
    """Return the pieces with ids that no other user has; the next import gets the same ids."""
    if taken.isdisjoint(piece.id for piece in pieces):
        return pieces
    return tuple(replace(piece, id=_own_id(scope.user, piece.id)) for piece in pieces)


def _own_id(user: str, id_: UUID) -> UUID:
    return content_id(hashlib.sha256(user.encode() + b"\0" + id_.bytes).digest())
