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
from app.store.outbox_writing import OutboxWriting
from app.store.postgres import PostgresStore
from tests.support.domain import minutes
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.outbox import CHARACTERS, deliver_all, handing_over, outbox_of, rows_in
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


class TestHandingOver:
    """What is imported goes to the other service too, and what that has already does not."""

    @pytest.fixture
    def writer(self, database: Database) -> ImportWriter:
        return ImportWriter(database, OutboxWriting(characters=CHARACTERS, keeps=False))

    async def test_all_that_is_new_is_put_into_the_outbox(
        self, writer: ImportWriter, database: Database, alice: Scope
    ) -> None:
        batch = [memory("one"), memory("a" * 60, "b" * 60)]
        talks = [conversation("x", "x1", "x2"), conversation("y", "y1" * 40, "y2" * 40, title="Y")]
        for _ in range(2):
            await writer.add_memories(alice, batch)
            await writer.add_conversations(alice, talks)

        entries = await outbox_of(database).due(10)
        assert [entry.title for entry in entries if entry.conversation_id == "y"] == ["Y"]
        delivered = await deliver_all(outbox_of(database))
        assert sorted(text[:2] for texts in delivered for text in texts) == ["aa", "bb", "on", "x1", "x2", "y1", "y2"]
        assert ["x1", "x2"] in delivered

    async def test_what_was_delivered_is_not_imported_again(
        self, writer: ImportWriter, database: Database, alice: Scope, bob: Scope
    ) -> None:
        known = replace(memory("by its id"), past=KNOWN)
        batch = [memory("one"), memory("a" * 60, "b" * 60), known]
        by_id = BulkTurn(turn=turn("turn by its id"), past=KNOWN)
        talk = conversation("x", turn("with id", id="1"), "without", "twice", "twice")
        repeated = replace(talk.turns[3], occurrence=1)
        talk = replace(talk, turns=(*talk.turns[:3], repeated, by_id))
        await writer.add_memories(alice, batch)
        await writer.add_conversations(alice, [talk])
        await deliver_all(outbox_of(database))

        changed = BulkMemory(memory=_with_id(note("changed since"), known.memory.pieces[0].id), past=KNOWN)
        assert await writer.add_memories(alice, [*batch, changed]) == 0
        assert await writer.add_conversations(alice, [talk]) == 0
        assert await rows_in(database, "memories", "outbox") == [0, 0]
        assert await writer.add_memories(bob, batch) == 3

    async def test_an_id_that_two_users_have_is_delivered_for_each(
        self, writer: ImportWriter, database: Database, alice: Scope, bob: Scope
    ) -> None:
        known = replace(memory("exported"), past=KNOWN)
        for scope in (alice, bob):
            assert await writer.add_memories(scope, [known]) == 1
            await deliver_all(outbox_of(database))

        for scope in (alice, bob):
            stats = await handing_over(database).stats(scope, None)
            assert (stats.memories, stats.bytes) == (1, len("exported"))

    async def test_an_import_that_waits_for_a_delivery_of_its_text_finds_the_receipt(
        self, writer: ImportWriter, database: Database, alice: Scope
    ) -> None:
        await writer.add_memories(alice, [memory("tea")])
        async with database.as_service() as connection, connection.transaction():
            # What a delivery does, held up before its commit.
            await connection.execute(
                "insert into receipts (id, user_id, project, kind, position, content_hash, bytes, created_at)"
                " select id, user_id, project, kind, 0, content_hash, 3, created_at from memories"
            )
            await connection.execute("delete from memories")
            importing = asyncio.create_task(writer.add_memories(alice, [memory("tea"), memory("coffee")]))
            await until_a_session_waits_for_a_lock(database)

        assert await importing == 1
        assert await deliver_all(outbox_of(database)) == [["coffee"]]

    async def test_where_memories_are_kept_a_receipt_is_no_copy(
        self, writer: ImportWriter, database: Database, alice: Scope
    ) -> None:
        batch, talk = [memory("one")], conversation("x", turn("with id", id="1"), "without")
        await writer.add_memories(alice, batch)
        await writer.add_conversations(alice, [talk])
        await deliver_all(outbox_of(database))

        keeping = ImportWriter(database, OutboxWriting(characters=CHARACTERS, keeps=True))

        assert await keeping.add_memories(alice, batch) == 1
        assert await keeping.add_conversations(alice, [talk]) == 2


async def test_a_copy_of_a_conversation_with_known_turns_leaves_no_empty_one(
    writer: ImportWriter, database: Database, alice: Scope
) -> None:
    turns = tuple(BulkTurn(turn=turn(text, id=text), past=KNOWN) for text in ("one", "two"))
    first = BulkConversation(id="first", project=None, title=None, turns=turns)
    copy, longer = (
        replace(first, id="copy"),
        replace(first, id="longer", turns=(*turns, BulkTurn(turn=turn("three"), past=Past()))),
    )

    stored = [await writer.add_conversations(alice, [each]) for each in (first, copy)]
    together = await writer.add_conversations(alice, [copy, longer])

    assert (stored, together) == ([2, 0], 1)
    assert await columns(database, "select id, messages from conversations order by id") == [
        ("first", 2),
        ("longer", 1),
    ]
