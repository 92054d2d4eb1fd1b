"""Many rows at once: what import writes and export reads.

A batch is one transaction with one insert for all its rows, so the change log's trigger runs once. What is there
already stays as it is: a memory is known by its id and by its content, a turn by its id, by the client's message id,
or, without either, by its content and how often the conversation has said it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.errors import MemoryServerError
from app.memory.analysis import ANALYSIS_VERSION
from app.memory.texts import content_id
from app.memory.types import Kind, NewMemory, NewTurn, Piece, Scope
from app.store.conversations import ConversationEnd
from app.store.database import Database

_PAGE_ROWS = 500  # fetched ahead of an export; a row may hold a text of 1,000,000 characters, but hardly ever does

# The rows come as one JSON document: PostgreSQL turns it into columns, arrays included, in one go.
_COLUMNS = {
    "id": "uuid",
    "agent_id": "text",
    "project": "text",
    "kind": "text",
    "text": "text",
    "content_hash": "bytea",
    "whole_id": "uuid",
    "part": "integer",
    "tags": "text[]",
    "metadata": "jsonb",
    "conversation_id": "text",
    "message_id": "text",
    "role": "text",
    "name": "text",
    "session_id": "uuid",
    "position": "integer",
    "terms": "integer[]",
    "words": "integer",
    "asks": "boolean",
    "tells_time": "boolean",
    "version": "integer",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "occurred_at": "timestamptz",
    "expires_at": "timestamptz",
    "archived_at": "timestamptz",
}
_NAMES = ", ".join(_COLUMNS)
_VALUES = _NAMES.replace("created_at, updated_at", "coalesce(created_at, now()), coalesce(updated_at, now())")
_ROWS = f"json_to_recordset($2::json) as rows({', '.join(f'{name} {type_}' for name, type_ in _COLUMNS.items())})"
_INSERT = f"insert into memories (user_id, analysis, {_NAMES}) select $1, {ANALYSIS_VERSION}, {_VALUES} from {_ROWS}"
_INSERT_NEW = f"{_INSERT} on conflict do nothing returning id"

_INSERT_CONVERSATIONS = """
insert into conversations (user_id, id, project, title, created_at, updated_at)
select $1, id, project, title, coalesce(created_at, now()), coalesce(updated_at, now())
from json_to_recordset($2::json) as rows(id text, project text, title text, created_at timestamptz,
                                         updated_at timestamptz)
on conflict (user_id, id) do update set title = coalesce(excluded.title, conversations.title)
returning id, project, last_position, last_session, last_session_size, last_at
"""
_UPDATE_CONVERSATIONS = """
update conversations c set messages = c.messages + rows.messages, last_position = rows.last_position,
       last_session = rows.last_session, last_session_size = rows.last_session_size, last_at = rows.last_at,
       updated_at = coalesce(rows.updated_at, now())
from json_to_recordset($2::json) as rows(id text, messages integer, last_position integer, last_session uuid,
                                         last_session_size integer, last_at timestamptz, updated_at timestamptz)
where c.user_id = $1 and c.id = rows.id
"""

_WHOLE = (
    "m.id, m.version, m.text, m.kind, m.project, m.tags, m.metadata, m.agent_id, m.content_hash, m.role, m.name,"
    " m.message_id, m.created_at, m.updated_at, m.occurred_at, m.expires_at, m.archived_at"
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


class Refused(MemoryServerError):
    """PostgreSQL did not take a batch; nothing of it was stored."""

    code = "refused"
    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a memory brings with it from where it was exported; the defaults are those of a new one."""

    agent: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    archived_at: datetime | None = None
    known_id: bool = False  # its id was given, so it may be there already


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMemory:
    """A memory to store; its `created_at` is the past's."""

    memory: NewMemory
    past: Past


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTurn:
    """A turn to store.

    occurrence: how many turns of the same content came before it in what is imported; it tells a repetition
    from a turn that is there already, where there is no message id.
    """

    turn: NewTurn
    past: Past
    kind: Kind = Kind.TURN
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    occurrence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkConversation:
    """Turns to append to a conversation, which is made where there is none."""

    id: str
    project: str | None
    title: str | None
    turns: tuple[BulkTurn, ...]
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A stored memory or turn as export writes it: all its pieces, and every field that is not derived."""

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
class StoredConversation:
    """A conversation as export writes it, without its turns."""

    id: str
    project: str | None
    title: str | None
    created_at: datetime
    updated_at: datetime


class Bulk:
    """Stores batches and reads everything of one user; each call sees the rows of that user only."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_memories(self, scope: Scope, memories: Sequence[BulkMemory]) -> int:
        """Store those that are not there, all in one transaction; return how many. Raises Refused."""
        taken = await self._ids_of_others(scope, (one.memory.pieces for one in memories if one.past.known_id))
        # In one order for all: two imports of the same texts at once wait for each other, and never in a circle.
        ordered = sorted(memories, key=lambda one: (one.memory.project or "", one.memory.content_hash))
        rows = [row for one in ordered for row in _memory_rows(one, _untaken(scope, one.memory.pieces, taken))]
        async with self._writing(scope) as connection:
            firsts = [row for row in rows if not row["part"]]
            stored = {str(row["id"]) for row in await connection.fetch(_INSERT_NEW, scope.user, _json(firsts))}
            rest = [row for row in rows if row["part"] and row["whole_id"] in stored]
            if rest:
                await connection.execute(_INSERT, scope.user, _json(rest))
        return len(stored)

    async def add_conversations(self, scope: Scope, conversations: Sequence[BulkConversation]) -> int:
        """Append the turns that are not there, all in one transaction; return how many. Raises Refused.

        A conversation that is there stays in its project. The same conversation twice is one.
        """
        merged = _merged(conversations)
        turns = [turn for conversation in merged for turn in conversation.turns]
        taken = await self._ids_of_others(scope, (one.turn.pieces for one in turns if one.past.known_id))
        if taken:
            merged = [replace(one, turns=tuple(_owned(scope, turn, taken) for turn in one.turns)) for one in merged]
            turns = [turn for conversation in merged for turn in conversation.turns]
        async with self._writing(scope) as connection:
            found = await connection.fetch(_INSERT_CONVERSATIONS, scope.user, _json(map(_conversation_row, merged)))
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
                rows += (one for turn in new for one in _turn_rows(conversation.id, row["project"], turn, end))
                if new:
                    changed.append(_end_row(conversation, len(new), end))
            if rows:
                await connection.execute(_INSERT, scope.user, _json(rows))
                await connection.execute(_UPDATE_CONVERSATIONS, scope.user, _json(changed))
        return sum(row["messages"] for row in changed)

    async def refresh_statistics(self) -> None:
        """Tell PostgreSQL's planner of many new rows; otherwise it learns of them minutes later."""
        async with self._db.as_service() as connection:
            await connection.execute("analyze conversations, memories")

    @asynccontextmanager
    async def snapshot(self, scope: Scope) -> AsyncIterator[Snapshot]:
        """Lend a view of everything the user has, which later writes do not change."""
        async with (
            self._db.as_user(scope.user) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Snapshot(connection, scope.user)

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
            raise Refused(f"PostgreSQL did not take it: {error}") from error

    async def _ids_of_others(self, scope: Scope, wholes: Iterable[Sequence[Piece]]) -> frozenset[UUID]:
        """Return which of the given ids are other users': an export may be imported by somebody else."""
        ids = [piece.id for pieces in wholes for piece in pieces]
        if not ids:
            return frozenset()
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                "select id from memories where id = any($1::uuid[]) and user_id <> $2", ids, scope.user
            )
        return frozenset(UUID(bytes=row["id"].bytes) for row in rows)


class Snapshot:
    """Reads a user's memories page by page, from one moment."""

    def __init__(self, connection: Any, user: str) -> None:
        self._connection = connection
        self._user = user

    async def memories(self, project: str | None) -> AsyncIterator[Whole]:
        """Yield the memories that belong to no conversation, by id."""
        async for row in self._connection.cursor(_READ_MEMORIES, self._user, project, prefetch=_PAGE_ROWS):
            yield _whole(row, [(row["id"], row["text"]), *(row["rest"] or ())])

    async def turns(self, project: str | None) -> AsyncIterator[tuple[StoredConversation, Whole | None]]:
        """Yield the turns by conversation and in their order; None for a conversation without any."""
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


def _memory_rows(one: BulkMemory, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    memory = one.memory
    shared = _shared(one.past, pieces) | {
        "project": memory.project or "",
        "kind": memory.kind,
        "content_hash": f"\\x{memory.content_hash.hex()}",
        "tags": memory.tags,
        "metadata": memory.metadata,
        "session_id": str(pieces[0].id),
        "occurred_at": _moment(memory.occurred_at),
        "expires_at": _moment(memory.expires_at),
    }
    return [shared | _piece(piece, part, part) for part, piece in enumerate(pieces)]


def _turn_rows(conversation: str, project: str, one: BulkTurn, end: ConversationEnd) -> list[dict[str, Any]]:
    turn = one.turn
    shared = _shared(one.past, turn.pieces) | {
        "project": project,
        "kind": one.kind,
        "content_hash": f"\\x{turn.content_hash.hex()}",
        "tags": one.tags,
        "metadata": one.metadata,
        "conversation_id": conversation,
        "message_id": turn.message_id,
        "role": turn.role,
        "name": turn.name,
        "session_id": str(end.session_for(turn, len(turn.pieces))),
        "occurred_at": _moment(turn.occurred_at),
        "expires_at": _moment(one.expires_at),
    }
    rows = []
    for part, piece in enumerate(turn.pieces):
        end.position += 1
        rows.append(shared | _piece(piece, part, end.position))
    return rows


def _shared(past: Past, pieces: Sequence[Piece]) -> dict[str, Any]:
    return {
        "agent_id": past.agent,
        "whole_id": str(pieces[0].id),
        "version": past.version,
        "created_at": _moment(past.created_at),
        "updated_at": _moment(past.updated_at),
        "archived_at": _moment(past.archived_at),
    }


def _piece(piece: Piece, part: int, position: int) -> dict[str, Any]:
    return {
        "id": str(piece.id),
        "text": piece.text,
        "part": part,
        "position": position,
        "terms": piece.analysis.terms,
        "words": piece.analysis.words,
        "asks": piece.analysis.asks,
        "tells_time": piece.analysis.tells_time,
    }


def _conversation_row(one: BulkConversation) -> dict[str, Any]:
    return {
        "id": one.id,
        "project": one.project or "",
        "title": one.title,
        "created_at": _moment(one.created_at),
        "updated_at": _moment(one.updated_at),
    }


def _end_row(conversation: BulkConversation, messages: int, end: ConversationEnd) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "messages": messages,
        "last_position": end.position,
        "last_session": None if end.session is None else str(end.session),
        "last_session_size": end.session_size,
        "last_at": _moment(end.at),
        "updated_at": _moment(conversation.updated_at),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))


def _conversation(row: Any) -> StoredConversation:
    return StoredConversation(
        id=row["conversation_id"],
        project=row["conversation_project"] or None,
        title=row["title"],
        created_at=row["begun_at"],
        updated_at=row["changed_at"],
    )


def _whole(row: Any, pieces: Sequence[tuple[UUID, str]]) -> Any:
    if row["id"] is None:
        return None
    return Whole(
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
        occurred_at=row["occurred_at"],
        expires_at=row["expires_at"],
        archived_at=row["archived_at"],
    )
