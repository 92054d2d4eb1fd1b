"""What people see of the outbox, and what becomes of it when they decide."""

from __future__ import annotations

import pytest

from app.errors import Conflict, NotFound
from app.memory.outbox import OutboxEntry, OutboxState
from app.memory.types import Scope
from app.store.database import Database
from app.store.outbox import PostgresOutbox
from app.store.outbox_review import OutboxReview
from app.store.postgres import PostgresStore
from tests.support.outbox import handing_over, outbox_of, rows_in, texts_of
from tests.support.rows import add_note, add_turns

NOBODY = 10**15


@pytest.fixture
def outbox(database: Database) -> PostgresOutbox:
    return outbox_of(database)


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return handing_over(database)


@pytest.fixture
def review(database: Database) -> OutboxReview:
    return OutboxReview(database)


@pytest.fixture
async def entries(outbox: PostgresOutbox, store: PostgresStore, alice: Scope, bob: Scope) -> list[OutboxEntry]:
    """A turn that was refused and the one after it, a note that the service works on, and one that waits."""
    await add_turns(store, alice, "talk", "refused")
    await add_turns(store, alice, "talk", "after it")
    [refused] = await outbox.due(1)
    await outbox.begin(refused)
    await outbox.refuse(refused, "too strange")
    await add_note(store, bob, "under way")
    after, under_way = await outbox.due(2)
    await outbox.begin(under_way)
    await outbox.accepted(under_way, "task", 60.0)
    await add_note(store, alice, "a" * 60, "b" * 60)
    return [refused, after, under_way, *(await outbox.due(10))[1:]]


async def test_all_are_listed_oldest_first_without_their_texts(
    review: OutboxReview, entries: list[OutboxEntry]
) -> None:
    rows = await review.list()

    assert [row.id for row in rows] == [entry.id for entry in entries]
    assert [(row.user, row.conversation_id, row.state, row.attempts, row.problem, row.characters) for row in rows] == [
        ("alice", "talk", OutboxState.REFUSED, 1, "too strange", 7),
        ("alice", "talk", OutboxState.WAITING, 0, None, 8),
        ("bob", None, OutboxState.SENT, 1, None, 9),
        ("alice", None, OutboxState.WAITING, 0, None, 60),
        ("alice", None, OutboxState.WAITING, 0, None, 60),
    ]
    assert [(row.part, row.parts, row.memories, row.text) for row in rows[3:]] == [(1, 2, 1, None), (2, 2, 1, None)]


async def test_some_are_listed_with_their_texts(review: OutboxReview, entries: list[OutboxEntry]) -> None:
    [refused] = await review.list(state=OutboxState.REFUSED, texts=True)

    assert refused.text == "refused"
    assert [row.id for row in await review.list(limit=2)] == [entry.id for entry in entries[:2]]
    assert [row.id for row in await review.list(ids=[entries[3].id, NOBODY])] == [entries[3].id]


async def test_a_refused_entry_is_sent_again_before_what_came_after_it(
    review: OutboxReview, outbox: PostgresOutbox, entries: list[OutboxEntry]
) -> None:
    assert await review.retry(None) == 1

    first = (await outbox.due(1))[0]
    assert (first.id, texts_of(first), first.state) == (entries[0].id, ["refused"], OutboxState.WAITING)
    assert first.key != entries[0].key, "the service remembers what it refused under the old one"
    assert await outbox.begin(first)
    assert await review.retry(None) == 0


async def test_an_entry_that_waits_for_its_next_attempt_is_sent_now(
    review: OutboxReview, outbox: PostgresOutbox, entries: list[OutboxEntry]
) -> None:
    await outbox.postpone(entries[1], "busy", 600.0)
    assert entries[1].id not in [entry.id for entry in await outbox.due(10)]

    assert await review.retry([entries[1].id]) == 1

    assert entries[1].id in [entry.id for entry in await outbox.due(10)]


async def test_what_cannot_be_sent_again_is_told_and_nothing_changes(
    review: OutboxReview, entries: list[OutboxEntry]
) -> None:
    with pytest.raises(NotFound, match=f"no entry {NOBODY}; "):
        await review.retry([entries[0].id, NOBODY])
    with pytest.raises(Conflict, match=f"memU works on entry {entries[2].id}; "):
        await review.retry([entries[0].id, entries[2].id])

    assert (await review.list())[0].state is OutboxState.REFUSED


async def test_what_is_dropped_is_gone_where_the_service_alone_keeps_memories(
    review: OutboxReview, database: Database, store: PostgresStore, alice: Scope, entries: list[OutboxEntry]
) -> None:
    assert await review.drop([entry.id for entry in entries[:2]], keeps=False) == 2

    assert await rows_in(database, "outbox", "memories", "conversations", "receipts") == [3, 3, 0, 0]
    assert (await add_turns(store, alice, "talk", "refused")).stored == 1, "there is no receipt of it"


async def test_what_is_dropped_stays_where_memories_are_kept(
    review: OutboxReview, database: Database, entries: list[OutboxEntry]
) -> None:
    assert await review.drop([entries[0].id], keeps=True) == 1

    assert await rows_in(database, "outbox", "memories", "conversations") == [4, 5, 1]


async def test_an_unknown_entry_is_not_dropped_nor_are_those_beside_it(
    review: OutboxReview, database: Database, entries: list[OutboxEntry]
) -> None:
    with pytest.raises(NotFound, match="it was delivered, forgotten or dropped"):
        await review.drop([entries[0].id, NOBODY], keeps=False)

    assert await rows_in(database, "outbox", "memories") == [5, 5]
