"""What export reads: whole memories, conversations in order, all from one moment."""

from __future__ import annotations

from app.memory.types import Scope
from app.store.database import Database
from app.store.export_reading import export_snapshot
from app.store.import_rows import BulkConversation
from app.store.import_writing import ImportWriter
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns, turn


async def test_a_memory_comes_with_all_its_pieces(store: PostgresStore, database: Database, alice: Scope) -> None:
    short = await add_note(store, alice, "short")
    long = await add_note(store, alice, "first, ", "second")

    async with export_snapshot(database, alice) as snapshot:
        found = [memory async for memory in snapshot.memories(None)]

    assert [[text for _, text in memory.pieces] for memory in found] == [["short"], ["first, ", "second"]]
    assert [memory.pieces[0][0] for memory in found] == [short, long]


async def test_turns_come_by_conversation_in_their_order(
    store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_turns(store, alice, "b", turn("one"), turn("two ", "pieces"), title="B")
    await add_turns(store, alice, "a", turn("alone"))
    await ImportWriter(database).add_conversations(
        alice, [BulkConversation(id="c", project=None, title="Empty", turns=())]
    )

    async with export_snapshot(database, alice) as snapshot:
        found = [
            (conversation.id, turn and "".join(text for _, text in turn.pieces))
            async for conversation, turn in snapshot.turns(None)
        ]

    assert found == [("a", "alone"), ("b", "one"), ("b", "two pieces"), ("c", None)]


async def test_only_one_project_is_read_where_one_is_named(
    store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_note(store, alice, "in p", project="p")
    await add_note(store, alice, "elsewhere")
    await add_turns(store, alice, "a", turn("said in p"), project="p")
    await add_turns(store, alice, "b", turn("said elsewhere"))

    async with export_snapshot(database, alice) as snapshot:
        memories = [memory.pieces[0][1] async for memory in snapshot.memories("p")]
        conversations = [conversation.id async for conversation, _ in snapshot.turns("p")]

    assert (memories, conversations) == (["in p"], ["a"])


async def test_later_writes_and_other_users_do_not_show(
    store: PostgresStore, database: Database, alice: Scope, bob: Scope
) -> None:
    await add_note(store, alice, "before")
    await add_note(store, bob, "bob's")

    async with export_snapshot(database, alice) as snapshot:
        first = [memory.pieces[0][1] async for memory in snapshot.memories(None)]
        await add_note(store, alice, "after")
        second = [memory.pieces[0][1] async for memory in snapshot.memories(None)]

    assert first == second == ["before"]
