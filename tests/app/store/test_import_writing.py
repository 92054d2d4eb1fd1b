"""Many rows at once: one transaction, nothing twice, and the same rows that single writes would make."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from app.memory.analysis import analyse
from app.memory.texts import content_id
from app.memory.types import Scope
from app.store import conversations
from app.store.database import Database
from app.store.import_rows import BulkConversation, BulkMemory, BulkTurn, Past
from app.store.import_writing import BatchRefused, ImportWriter
from app.store.postgres import PostgresStore
from tests.support.domain import minutes
from tests.support.rows import add_note, add_turns, note, turn

KNOWN = Past(known_id=True)


def memory(*texts: str, past: Past = Past(), **more: Any) -> BulkMemory:  # noqa: B008 - it is frozen
    return BulkMemory(memory=note(*texts, **more), past=past)


def conversation(id_: str, *turns: Any, project: str | None = None, title: str | None = None) -> BulkConversation:
    """Return a conversation; a plain string is a turn without an id."""
    made = tuple(BulkTurn(turn=turn(one) if isinstance(one, str) else one, past=Past()) for one in turns)
    return BulkConversation(id=id_, project=project, title=title, turns=made)


@pytest.fixture
def writer(database: Database) -> ImportWriter:
    return ImportWriter(database)


async def columns(database: Database, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with database.as_service() as connection:
        return [tuple(row) for row in await connection.fetch(sql, *arguments)]


async def test_a_batch_is_one_transaction_with_an_entry_in_the_log_for_each_row(
    writer: ImportWriter, database: Database, alice: Scope
) -> None:
    assert await writer.add_memories(alice, [memory(f"note {number}") for number in range(50)]) == 50

    [(entries, transactions)] = await columns(database, "select count(*), count(distinct xid) from changes")
    assert (entries, transactions) == (50, 1)


async def test_a_content_that_is_there_is_not_stored_again(
    writer: ImportWriter, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    await add_note(store, alice, "there", "and long")
    batch = [memory("there", "and long"), memory("new"), memory("new"), memory("there", "and long", project="p")]

    assert await writer.add_memories(alice, batch) == 2
    assert await writer.add_memories(bob, batch[:1]) == 1
    assert len(await store.recent(alice, 100)) == 5


async def test_a_memory_that_is_there_by_its_id_stays_as_it_is(
    writer: ImportWriter, store: PostgresStore, alice: Scope
) -> None:
    first = await add_note(store, alice, "as it was")
    other = memory("another text", past=KNOWN)
    other = BulkMemory(memory=_with_id(other.memory, first), past=KNOWN)

    assert await writer.add_memories(alice, [other]) == 0
    assert [one.text for one in await store.recent(alice, 10)] == ["as it was"]


def _with_id(one: Any, id_: Any) -> Any:
    return replace(one, pieces=(replace(one.pieces[0], id=id_), *one.pieces[1:]))


async def test_an_id_of_another_user_is_replaced_by_one_that_stays_the_same(
    writer: ImportWriter, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    theirs = await add_note(store, alice, "alice's")
    mine = BulkMemory(memory=_with_id(note("bob's"), theirs), past=KNOWN)

    assert [await writer.add_memories(bob, [mine]) for _ in range(2)] == [1, 0]
    [found] = await store.recent(bob, 10)
    assert (found.text, found.id) == ("bob's", content_id(sha256(b"bob\0" + theirs.bytes).digest()))
    assert [one.text for one in await store.recent(alice, 10)] == ["alice's"]


async def test_counts_of_terms_stay_exact(writer: ImportWriter, store: PostgresStore, alice: Scope) -> None:
    await writer.add_memories(alice, [memory("grey cat"), memory("grey dog"), memory("grey cat")])
    await writer.add_conversations(alice, [conversation("c", "a cat", "a bird")])

    [grey, cat] = (analyse(word).terms[0] for word in ("grey", "cat"))
    counts = await store.corpus(alice, None, [grey, cat])
    assert (counts.memories, counts.holding) == (4, {grey: 2, cat: 2})


async def test_turns_are_appended_to_what_is_there(
    writer: ImportWriter, store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_turns(store, alice, "c", turn("one", id="1", at=minutes(0)))
    stored = await writer.add_conversations(
        alice,
        [conversation("c", turn("one", id="1", at=minutes(0)), turn("two", id="2", at=minutes(1)), title="T")],
    )
    await add_turns(store, alice, "c", turn("three", id="3", at=minutes(2)))

    assert stored == 1
    assert [one.text for one in await store.of_conversation(alice, "c", 10)] == ["one", "two", "three"]
    rows = await columns(database, "select title, messages, last_position, last_session_size from conversations")
    assert rows == [("T", 3, 2, 3)]
    assert len(await columns(database, "select distinct session_id from memories")) == 1


async def test_a_long_pause_begins_a_session(writer: ImportWriter, database: Database, alice: Scope) -> None:
    at = minutes(0)
    after = at + conversations.SESSION_PAUSE + timedelta(minutes=1)
    await writer.add_conversations(
        alice, [conversation("c", turn("a", at=at), turn("b", at=after), turn("c", at=after))]
    )

    rows = await columns(database, "select session_id = id from memories order by position")
    assert rows == [(True,), (True,), (False,)]


async def test_one_conversation_in_two_parts_is_one(writer: ImportWriter, store: PostgresStore, alice: Scope) -> None:
    parts = [
        conversation("b", turn("one", id="1"), project="p"),
        conversation("a", turn("other", id="1")),
        conversation("b", turn("two", id="2"), turn("one", id="1"), project="q", title="T"),
    ]

    assert await writer.add_conversations(alice, parts) == 3
    turns = await store.of_conversation(alice, "b", 10)
    assert [(one.text, one.project) for one in turns] == [("one", "p"), ("two", "p")]


async def test_a_conversation_without_turns_is_kept(writer: ImportWriter, database: Database, alice: Scope) -> None:
    assert await writer.add_conversations(alice, [conversation("c", title="Empty")]) == 0

    assert await columns(database, "select id, title, messages from conversations") == [("c", "Empty", 0)]


async def test_the_same_batch_from_two_sides_at_once_is_stored_once(
    writer: ImportWriter, store: PostgresStore, alice: Scope
) -> None:
    notes = [memory(f"note {number}") for number in range(300)]
    talks = [conversation(f"c{number}", turn("a", id="1"), turn("b", id="2")) for number in range(50)]
    again = [memory(f"note {number}") for number in reversed(range(300))]
    talks_again = [conversation(one.id, turn("a", id="1"), turn("b", id="2")) for one in reversed(talks)]

    added = await asyncio.gather(writer.add_memories(alice, notes), writer.add_memories(alice, again))
    appended = await asyncio.gather(
        writer.add_conversations(alice, talks), writer.add_conversations(alice, talks_again)
    )

    assert (sum(added), sum(appended)) == (300, 100)
    assert (await store.stats(alice, None)).memories == 400


async def test_a_batch_that_is_refused_leaves_nothing(writer: ImportWriter, store: PostgresStore, alice: Scope) -> None:
    good, bad = turn("fine"), turn("two pieces ", "under one id")
    bad = replace(bad, pieces=(bad.pieces[0], replace(bad.pieces[1], id=bad.pieces[0].id)))
    batch = [conversation("a", good), conversation("b", bad)]

    with pytest.raises(BatchRefused, match="PostgreSQL rejected the batch"):
        await writer.add_conversations(alice, batch)

    assert (await store.stats(alice, None)).conversations == 0
