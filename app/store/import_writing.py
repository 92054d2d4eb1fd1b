"""Writes many rows at once, as import needs them.

A batch is one transaction with one insert for all its rows, so the change log's trigger runs once. What is there
already stays as it is: a memory is known by its id and by its content, a turn by its id, by the client's message id,
or, without either, by its content and how often the conversation has said it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
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
    as_json,
    conversation_row,
    end_row,
    memory_rows,
    turn_rows,
)


class BatchRefused(MemoryServerError):
    """PostgreSQL did not take a batch; nothing of it was stored."""

    code = "refused"
    status = 400


class ImportWriter:
    """Stores batches; each call sees the rows of its user only."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_memories(self, scope: Scope, memories: Sequence[BulkMemory]) -> int:
        """Store those that are not there, all in one transaction; return how many. Raises BatchRefused."""
        taken = await self._ids_of_others(scope, (one.memory.pieces for one in memories if one.past.known_id))
        # In one order for all: two imports of the same texts at once wait for each other, and never in a circle.
        ordered = sorted(memories, key=lambda one: (one.memory.project or "", one.memory.content_hash))
        rows = [row for one in ordered for row in memory_rows(one, _untaken(scope, one.memory.pieces, taken))]
        async with self._writing(scope) as connection:
            firsts = [row for row in rows if not row["part"]]
            stored = {str(row["id"]) for row in await connection.fetch(INSERT_NEW, scope.user, as_json(firsts))}
            rest = [row for row in rows if row["part"] and row["whole_id"] in stored]
            if rest:
                await connection.execute(INSERT, scope.user, as_json(rest))
        return len(stored)

    async def add_conversations(self, scope: Scope, conversations: Sequence[BulkConversation]) -> int:
        """Append the turns that are not there, all in one transaction; return how many. Raises BatchRefused.

        A conversation that is there stays in its project. The same conversation twice is one.
        """
        merged = _merged(conversations)
        turns = [turn for conversation in merged for turn in conversation.turns]
        taken = await self._ids_of_others(scope, (one.turn.pieces for one in turns if one.past.known_id))
        if taken:
            merged = [replace(one, turns=tuple(_owned(scope, turn, taken) for turn in one.turns)) for one in merged]
            turns = [turn for conversation in merged for turn in conversation.turns]
        async with self._writing(scope) as connection:
            found = await connection.fetch(INSERT_CONVERSATIONS, scope.user, as_json(map(conversation_row, merged)))
            ends = {row["id"]: row for row in found}
            old = [conversation for conversation in merged if ends[conversation.id]["last_position"] >= 0]
            there = await _There.of(connection, scope, old, [one for one in turns if one.past.known_id])
            rows: list[dict[str, Any]] = []
            changed: list[dict[str, Any]] = []
            for conversation in merged:
                row = ends[conversation.id]
                end = ConversationEnd(
                    row["last_position"], row["last_session"], row["last_session_size"], row["last_at"]
                )
                new = []
                for turn in conversation.turns:
                    if not there.has(conversation.id, turn):
                        there.add(conversation.id, turn)
                        new.append(turn)
                rows += (one for turn in new for one in turn_rows(conversation.id, row["project"], turn, end))
                if new:
                    changed.append(end_row(conversation, len(new), end))
            if rows:
                await connection.execute(INSERT, scope.user, as_json(rows))
                await connection.execute(UPDATE_CONVERSATIONS, scope.user, as_json(changed))
        return sum(row["messages"] for row in changed)

    async def refresh_statistics(self) -> None:
        """Tell PostgreSQL's planner of many new rows; otherwise it learns of them minutes later."""
        async with self._db.as_service() as connection:
            await connection.execute("analyze conversations, memories")

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
            raise BatchRefused(f"PostgreSQL did not take it: {error}") from error

    async def _ids_of_others(self, scope: Scope, wholes: Iterable[Sequence[Piece]]) -> frozenset[UUID]:
        """Return which of the given ids are other users': an export may be imported by another user."""
        ids = [piece.id for pieces in wholes for piece in pieces]
        if not ids:
            return frozenset()
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                "select id from memories where id = any($1::uuid[]) and user_id <> $2", ids, scope.user
            )
        return frozenset(UUID(bytes=row["id"].bytes) for row in rows)


@dataclass(slots=True)
class _There:
    """Which of the turns to append are stored: by id, by message id, by content as often as it is there."""

    ids: set[UUID]
    messages: set[tuple[str, str]]
    contents: Counter[tuple[str, bytes]]

    @classmethod
    async def of(
        cls, connection: Any, scope: Scope, old: Sequence[BulkConversation], known: Sequence[BulkTurn]
    ) -> _There:
        there = cls(set(), set(), Counter())
        if known:
            ids = [one.turn.pieces[0].id for one in known]
            rows = await connection.fetch(
                "select id from memories where user_id = $1 and id = any($2::uuid[])", scope.user, ids
            )
            there.ids = {UUID(bytes=row["id"].bytes) for row in rows}
        messages = [(one.id, turn.turn.message_id) for one in old for turn in one.turns if turn.turn.message_id]
        if messages:
            # `offset 0` keeps it a look-up for each: joined, a new database without statistics reads everything.
            rows = await connection.fetch(
                """
                select conversation, message from unnest($2::text[], $3::text[]) as sent(conversation, message)
                where exists (
                    select from memories m where m.user_id = $1 and m.conversation_id = conversation
                    and m.message_id = message and m.part = 0 offset 0
                )
                """,
                scope.user,
                [conversation for conversation, _ in messages],
                [message for _, message in messages],
            )
            there.messages = {(row[0], row[1]) for row in rows}
        contents = {
            turn.turn.content_hash
            for one in old
            for turn in one.turns
            if turn.turn.message_id is None and not turn.past.known_id
        }
        if contents:
            rows = await connection.fetch(
                """
                select conversation_id, content_hash, count(*) from memories
                where user_id = $1 and conversation_id = any($2) and part = 0 and message_id is null
                  and content_hash = any($3)
                group by conversation_id, content_hash
                """,
                scope.user,
                [one.id for one in old],
                list(contents),
            )
            there.contents = Counter({(row[0], row[1]): row[2] for row in rows})
        return there

    def has(self, conversation: str, one: BulkTurn) -> bool:
        turn = one.turn
        if turn.pieces[0].id in self.ids:
            return True
        if turn.message_id is not None:
            return (conversation, turn.message_id) in self.messages
        if one.past.known_id:
            return False
        return one.occurrence < self.contents[conversation, turn.content_hash]

    def add(self, conversation: str, one: BulkTurn) -> None:
        """Count a turn in that is about to be stored: the same one may come again in the batch."""
        self.ids.add(one.turn.pieces[0].id)
        if one.turn.message_id is not None:
            self.messages.add((conversation, one.turn.message_id))


def _merged(conversations: Sequence[BulkConversation]) -> list[BulkConversation]:
    """Return each conversation once, with all its turns, by id: rows are locked in one order."""
    merged: dict[str, BulkConversation] = {}
    for one in conversations:
        first = merged.get(one.id)
        if first is not None:
            one = replace(
                one,
                project=first.project,
                title=one.title if one.title is not None else first.title,
                turns=first.turns + one.turns,
            )
        merged[one.id] = one
    return [merged[id_] for id_ in sorted(merged)]


def _owned(scope: Scope, one: BulkTurn, taken: frozenset[UUID]) -> BulkTurn:
    pieces = _untaken(scope, one.turn.pieces, taken) if one.past.known_id else one.turn.pieces
    return one if pieces is one.turn.pieces else replace(one, turn=replace(one.turn, pieces=pieces))


def _untaken(scope: Scope, pieces: tuple[Piece, ...], taken: frozenset[UUID]) -> tuple[Piece, ...]:
    """Return the pieces under ids that are no other user's: always the same ones, for the next import to know."""
    if taken.isdisjoint(piece.id for piece in pieces):
        return pieces
    return tuple(replace(piece, id=_own_id(scope.user, piece.id)) for piece in pieces)


def _own_id(user: str, id_: UUID) -> UUID:
    return content_id(hashlib.sha256(user.encode() + b"\0" + id_.bytes).digest())
