"""Inserts many memories in one statement, so that what follows an insert is done once, not once a row.

The quota is the most of it: it adds up the user's changes, also those of the transaction itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, chain
from typing import Any
from uuid import UUID

import asyncpg

from app.memory.analysis import ANALYSIS_VERSION
from app.memory.moments import offset_minutes
from app.memory.types import Kind, Piece

# Of a statement, which takes some milliseconds to send: asyncpg looks at each term by itself.
_ROWS, _CHARACTERS, _TERMS = 200, 200_000, 8_000

# One value for all rows.
_SHARED = {
    "user_id": "text",
    "agent_id": "text",
    "project": "text",
    "kind": "text",
    "analysis": "smallint",
    "conversation_id": "text",
    "tags": "text[]",
    "metadata": "jsonb",
    "expires_at": "timestamptz",
}
# One value for each row.
_OWN = {
    "id": "uuid",
    "text": "text",
    "content_hash": "bytea",
    "whole_id": "uuid",
    "part": "integer",
    "message_id": "text",
    "role": "text",
    "name": "text",
    "session_id": "uuid",
    "position": "integer",
    "words": "integer",
    "asks": "boolean",
    "tells_time": "boolean",
    "tells_number": "boolean",
    "first_person": "smallint",
    "created_at": "timestamptz",
    "occurred_at": "timestamptz",
    "occurred_offset": "smallint",
}


def _statement() -> str:
    """Return the statement. An array of arrays has to be a rectangle, so the terms of all rows come in a row."""
    shared = [f"${number}::{type_}" for number, type_ in enumerate(_SHARED.values(), 1)]
    arrays = [f"${number}::{type_}[]" for number, type_ in enumerate(_OWN.values(), len(shared) + 1)]
    terms, ends = len(shared) + len(arrays) + 1, len(shared) + len(arrays) + 2
    own = [f"coalesce(rows.{name}, now())" if name == "created_at" else f"rows.{name}" for name in _OWN]
    return f"""
    insert into memories ({", ".join([*_SHARED, *_OWN])}, terms)
    select {", ".join([*shared, *own])}, (${terms}::integer[])[rows.begin + 1 : rows.ending]
    from (
        select *, lag(ending, 1, 0) over (order by place) as begin
        from unnest({", ".join(arrays)}, ${ends}::integer[]) with ordinality
             as each_row ({", ".join(_OWN)}, ending, place)
    ) as rows order by place
    """


_INSERT = _statement()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What rows of one insert have in common. conversation_id: None for notes."""

    user: str
    agent: str
    project: str
    kind: Kind
    conversation_id: str | None = None
    tags: Sequence[str] = ()
    metadata: dict[str, Any]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What each row has of its own; `created_at` is now if it is None."""

    piece: Piece
    content_hash: bytes
    whole_id: UUID
    part: int
    session_id: UUID
    position: int
    message_id: str | None = None
    role: str | None = None
    name: str | None = None
    created_at: datetime | None = None
    occurred_at: datetime | None = None


async def insert(connection: asyncpg.Connection, shared: Shared, rows: Iterable[Row]) -> None:
    """Insert rows, and their changes in the same order; very many in several statements of a transaction."""
    for some in _statements(rows):
        await _insert(connection, shared, some)


def _statements(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """Divide rows, so that the event loop answers others between two statements."""
    some: list[Row] = []
    characters = terms = 0
    for row in rows:
        if len(some) == _ROWS or characters >= _CHARACTERS or terms >= _TERMS:
            yield some
            some, characters, terms = [], 0, 0
        some.append(row)
        characters += len(row.piece.text)
        terms += len(row.piece.analysis.terms)
    if some:
        yield some


async def _insert(connection: asyncpg.Connection, shared: Shared, rows: Sequence[Row]) -> None:
    terms = [row.piece.analysis.terms for row in rows]
    await connection.execute(
        _INSERT,
        shared.user,
        shared.agent,
        shared.project,
        str(shared.kind),
        ANALYSIS_VERSION,
        shared.conversation_id,
        list(shared.tags),
        shared.metadata,
        shared.expires_at,
        *map(list, zip(*map(_values, rows), strict=True)),
        list(chain.from_iterable(terms)),
        list(accumulate(map(len, terms))),
    )


def _values(row: Row) -> tuple[Any, ...]:
    """Return the values of a row in the order of _OWN."""
    analysis = row.piece.analysis
    return (
        row.piece.id,
        row.piece.text,
        row.content_hash,
        row.whole_id,
        row.part,
        row.message_id,
        row.role,
        row.name,
        row.session_id,
        row.position,
        analysis.words,
        analysis.asks,
        analysis.tells_time,
        analysis.tells_number,
        analysis.first_person,
        row.created_at,
        row.occurred_at,
        offset_minutes(row.occurred_at),
    )
