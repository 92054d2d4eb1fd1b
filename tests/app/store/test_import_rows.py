"""The rows that import writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.memory.types import Kind, Scope
from app.store.database import Database
from app.store.import_rows import BulkConversation, BulkMemory, BulkTurn, Past
from app.store.import_writing import ImportWriter
from app.store.postgres import PostgresStore
from app.store.rows import new_id
from tests.support.domain import minutes
from tests.support.rows import add_turns, note, turn


async def columns(database: Database, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with database.as_service() as connection:
        return [tuple(row) for row in await connection.fetch(sql, *arguments)]


async def test_a_row_is_the_one_a_single_write_makes(
    store: PostgresStore, database: Database, alice: Scope, bob: Scope
) -> None:
    derived = "text, kind, project, agent_id, content_hash, part, tags, metadata, role, name, message_id, position,"
    derived += "terms, words, asks, tells_time, tells_number, first_person, analysis, version, occurred_at,"
    derived += " expires_at, archived_at"
    single = note("one piece, ", "and another?", kind=Kind.FACT, project="p", tags=("b", 'a"\\'), metadata={"x": [1]})
    said = [turn("hello", id="m1", name="Ada", at=minutes(0)), turn("long ", "text"), turn("later", at=minutes(500))]
    await store.add(alice, single)
    await add_turns(store, alice, "c", *said, project="q", title="T")

    writer = ImportWriter(database)
    await writer.add_memories(
        bob, [BulkMemory(memory=note("x"), past=Past()), BulkMemory(memory=_renewed(single), past=Past(agent="claude"))]
    )
    turns = tuple(BulkTurn(turn=_renewed(one), past=Past(agent="claude")) for one in said)
    await writer.add_conversations(bob, [BulkConversation(id="c", project="q", title="T", turns=turns)])

    rows = f"select {derived} from memories where user_id = $1 and text <> 'x' order by conversation_id, position, part"
    assert await columns(database, rows, "bob") == await columns(database, rows, "alice")
    ends = "select id, project, title, messages, last_position, last_session_size, last_at from conversations"
    mine, theirs = [await columns(database, f"{ends} where user_id = $1", user) for user in ("alice", "bob")]
    assert mine == theirs
    sessions = (
        "select session_id = whole_id from memories where user_id = $1 and conversation_id = 'c' order by position"
    )
    assert await columns(database, sessions, "bob") == await columns(database, sessions, "alice")


def _renewed(one: Any) -> Any:
    """Return the same under new ids."""
    return replace(one, pieces=tuple(replace(piece, id=new_id()) for piece in one.pieces))
