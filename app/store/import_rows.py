"""What import stores, and the rows it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.memory.analysis import ANALYSIS_VERSION
from app.memory.types import Kind, NewMemory, NewTurn, Piece
from app.store.conversations import ConversationEnd

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
INSERT = f"insert into memories (user_id, analysis, {_NAMES}) select $1, {ANALYSIS_VERSION}, {_VALUES} from {_ROWS}"
INSERT_NEW = f"{INSERT} on conflict do nothing returning id"

INSERT_CONVERSATIONS = """
insert into conversations (user_id, id, project, title, created_at, updated_at)
select $1, id, project, title, coalesce(created_at, now()), coalesce(updated_at, now())
from json_to_recordset($2::json) as rows(id text, project text, title text, created_at timestamptz,
                                         updated_at timestamptz)
on conflict (user_id, id) do update set title = coalesce(excluded.title, conversations.title)
returning id, project, last_position, last_session, last_session_size, last_at
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


def memory_rows(one: BulkMemory, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """Return the rows of a memory, a piece each."""
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


def turn_rows(conversation: str, project: str, one: BulkTurn, end: ConversationEnd) -> list[dict[str, Any]]:
    """Return the rows of a turn, a piece each; `end` is moved on by them."""
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


def conversation_row(one: BulkConversation) -> dict[str, Any]:
    """Return the row a conversation is made of where there is none."""
    return {
        "id": one.id,
        "project": one.project or "",
        "title": one.title,
        "created_at": _moment(one.created_at),
        "updated_at": _moment(one.updated_at),
    }


def end_row(conversation: BulkConversation, messages: int, end: ConversationEnd) -> dict[str, Any]:
    """Return what changes in a conversation that so many messages were appended to."""
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


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as the statements take them."""
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))
