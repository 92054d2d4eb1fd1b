"""The memories and turns that import stores, and their database rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.memory.analysis import ANALYSIS_VERSION
from app.memory.moments import offset_minutes
from app.memory.types import Kind, NewMemory, NewTurn, Piece
from app.store.conversations import ConversationEnd

# Rows are sent as one JSON document: PostgreSQL converts it to columns, including arrays, in one statement.
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
    "tells_number": "boolean",
    "first_person": "smallint",
    "version": "integer",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "occurred_at": "timestamptz",
    "occurred_offset": "smallint",
    "expires_at": "timestamptz",
    "archived_at": "timestamptz",
}
_NAMES = ", ".join(_COLUMNS)
_VALUES = _NAMES.replace("created_at, updated_at", "coalesce(created_at, now()), coalesce(updated_at, now())")
_ROWS = f"json_to_recordset($2::json) as rows({', '.join(f'{name} {type_}' for name, type_ in _COLUMNS.items())})"
INSERT = f"insert into memories (user_id, analysis, {_NAMES}) select $1, {ANALYSIS_VERSION}, {_VALUES} from {_ROWS}"
INSERT_NEW = f"{INSERT} on conflict do nothing returning id"

INSERT_CONVERSATIONS = """
insert into conversations (user_id, id, project, title, created_at, updated_at)
select $1, id, project, title, coalesce(created_at, now()), coalesce(updated_at, now())
from json_to_recordset($2::json) as rows(id text, project text, title text, created_at timestamptz,
                                         updated_at timestamptz)
on conflict (user_id, id) do update set title = coalesce(excluded.title, conversations.title)
returning id, project, title, last_position, last_session, last_session_size, last_at
"""
UPDATE_CONVERSATIONS = """
update conversations c set messages = c.messages + rows.messages, last_position = rows.last_position,
       last_session = rows.last_session, last_session_size = rows.last_session_size, last_at = rows.last_at,
       updated_at = coalesce(rows.updated_at, now())
from json_to_recordset($2::json) as rows(id text, messages integer, last_position integer, last_session uuid,
                                         last_session_size integer, last_at timestamptz, updated_at timestamptz)
where c.user_id = $1 and c.id = rows.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A memory's history from its export; the defaults are those of a new memory."""

    agent: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    archived_at: datetime | None = None
    known_id: bool = False  # its id was given, so it may be stored already


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMemory:
    """A memory to store; its `created_at` is that of `past`."""

    memory: NewMemory
    past: Past


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTurn:
    """A turn to store.

    occurrence: number of turns with the same content before it in the import; without a message id, it distinguishes
    a repetition from a turn that is stored already.
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
    """Turns to append to a conversation, which is created if it does not exist."""

    id: str
    project: str | None
    title: str | None
    turns: tuple[BulkTurn, ...]
    created_at: datetime | None = None
    updated_at: datetime | None = None


def memory_rows(imported: BulkMemory, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """Return the rows of a memory, one for each piece."""
    memory = imported.memory
    shared = _shared(imported.past, pieces) | {
        "project": memory.project or "",
        "kind": memory.kind,
        "content_hash": f"\\x{memory.content_hash.hex()}",
        "tags": memory.tags,
        "metadata": memory.metadata,
        "session_id": str(pieces[0].id),
        "occurred_at": _iso(memory.occurred_at),
        "occurred_offset": offset_minutes(memory.occurred_at),
        "expires_at": _iso(memory.expires_at),
    }
    return [shared | _piece(piece, part, part) for part, piece in enumerate(pieces)]


def turn_rows(conversation: str, project: str, imported: BulkTurn, end: ConversationEnd) -> list[dict[str, Any]]:
    """Return the rows of a turn, one for each piece, and advance `end`."""
    turn = imported.turn
    shared = _shared(imported.past, turn.pieces) | {
        "project": project,
        "kind": imported.kind,
        "content_hash": f"\\x{turn.content_hash.hex()}",
        "tags": imported.tags,
        "metadata": imported.metadata,
        "conversation_id": conversation,
        "message_id": turn.message_id,
        "role": turn.role,
        "name": turn.name,
        "session_id": str(end.session_for(turn, len(turn.pieces))),
        "occurred_at": _iso(turn.occurred_at),
        "occurred_offset": offset_minutes(turn.occurred_at),
        "expires_at": _iso(imported.expires_at),
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
        "created_at": _iso(past.created_at),
        "updated_at": _iso(past.updated_at),
        "archived_at": _iso(past.archived_at),
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
        "tells_number": piece.analysis.tells_number,
        "first_person": piece.analysis.first_person,
    }


def conversation_row(conversation: BulkConversation) -> dict[str, Any]:
    """Return the row to insert for a conversation that does not exist yet."""
    return {
        "id": conversation.id,
        "project": conversation.project or "",
        "title": conversation.title,
        "created_at": _iso(conversation.created_at),
        "updated_at": _iso(conversation.updated_at),
    }


def end_row(conversation: BulkConversation, messages: int, end: ConversationEnd) -> dict[str, Any]:
    """Return the changes to a conversation's row after appending `messages` messages."""
    return {
        "id": conversation.id,
        "messages": messages,
        "last_position": end.position,
        "last_session": None if end.session is None else str(end.session),
        "last_session_size": end.session_size,
        "last_at": _iso(end.at),
        "updated_at": _iso(conversation.updated_at),
    }


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
