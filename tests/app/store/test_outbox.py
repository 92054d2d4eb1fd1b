"""The outbox in PostgreSQL: what is due, in which order, and what is left at each end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.memory.outbox import OutboxEntry, OutboxMessage, OutboxState
from app.memory.types import Kind, MemoryUpdate, Scope, Selection, Stored
from app.store.database import Database
from app.store.outbox import PostgresOutbox
from app.store.postgres import PostgresStore
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.outbox import AGENT, deliver, deliver_all, handing_over, outbox_of, rows_in, texts_of
from tests.support.rows import add_note, add_turns, note, piece, turn

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
TABLES = ("outbox", "outbox_memories", "memories", "receipts")


@pytest.fixture
def outbox(database: Database) -> PostgresOutbox:
    """The outbox of a deployment whose memories are in the service alone."""
    return outbox_of(database)


@pytest.fixture
def store(database: Database) -> PostgresStore:
    """Its store."""
    return handing_over(database)


async def only(outbox: PostgresOutbox) -> OutboxEntry:
    """Return the one entry that is due."""
    [entry] = await outbox.due(10)
    return entry


async def change(store: PostgresStore, scope: Scope, id_: UUID, text: str) -> None:
    await store.update(scope, id_, MemoryUpdate(text=text), piece(text), text.encode())


class TestDue:
    async def test_a_note_is_due_with_all_that_is_known_of_it(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea", kind=Kind.FACT, project="home", tags=("a", "b"))

        entry = await only(outbox)

        assert (entry.user, entry.agent, entry.project, entry.kind, entry.tags) == (
            "alice", AGENT, "home", "fact", ("a", "b"),
        )  # fmt: skip
        assert (entry.part, entry.parts, entry.conversation_id, entry.title) == (1, 1, None, None)
        assert entry.messages == (OutboxMessage(role="user", text="tea"),)
        assert (entry.state, entry.task_id, entry.attempts, entry.problem) == (OutboxState.WAITING, None, 0, None)

    async def test_turns_are_due_in_order_with_their_speakers_and_times(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        turns = turn("hi", name="Ann", at=AT), turn("hello", role="assistant")
        await add_turns(store, alice, "c", *turns, title="A talk", project="home")

        entry = await only(outbox)

        assert (entry.conversation_id, entry.title, entry.project, entry.kind) == ("c", "A talk", "home", "turn")
        assert entry.messages == (
            OutboxMessage(role="user", text="hi", name="Ann", at=AT),
            OutboxMessage(role="assistant", text="hello"),
        )

    async def test_of_a_conversation_only_the_oldest_entry_is_due(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope, bob: Scope
    ) -> None:
        for number in range(3):
            await add_turns(store, alice, "talk", f"hers {number}")
        await add_turns(store, bob, "talk", "his")
        await add_note(store, alice, "note one")
        await add_note(store, alice, "note two")

        assert [texts_of(entry) for entry in await outbox.due(10)] == [["hers 0"], ["his"], ["note one"], ["note two"]]
        assert [texts_of(entry) for entry in await outbox.due(2)] == [["hers 0"], ["his"]]

    async def test_all_of_a_conversation_goes_in_order(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        for number in range(5):
            await add_turns(store, alice, "talk", f"{number}" * 60, f"{number}" * 60)

        delivered = await deliver_all(outbox)

        assert [text[0] for texts in delivered for text in texts] == list("0011223344")

    async def test_a_refused_entry_holds_nothing_up_and_one_that_waits_does(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "first")
        await add_turns(store, alice, "talk", "second")
        first = await only(outbox)

        await outbox.postpone(first, "busy", 60.0)
        assert await outbox.due(10) == []

        await outbox.refuse(first, "no")
        assert texts_of(await only(outbox)) == ["second"]

    async def test_while_the_service_is_busy_only_its_tasks_are_due(
        self, database: Database, store: PostgresStore, alice: Scope
    ) -> None:
        outbox = outbox_of(database, under_way=2)
        for number in range(4):
            await add_note(store, alice, f"note {number}")
        for entry in await outbox.due(2):
            assert await outbox.begin(entry)
            await outbox.accepted(entry, f"task of {entry.id}", 0.0)

        due = await outbox.due(10)
        assert [(entry.state, entry.task_id) for entry in due] == [
            (OutboxState.SENT, f"task of {entry.id}") for entry in due
        ]
        assert len(due) == 2

        await outbox.delivered(due[0])
        assert [entry.state for entry in await outbox.due(10)] == [
            OutboxState.SENT,
            OutboxState.WAITING,
            OutboxState.WAITING,
        ]

    async def test_what_was_forgotten_or_has_expired_leaves_the_outbox(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        id_ = await add_note(store, alice, "forgotten")
        await add_note(store, alice, "soon over", expires_at=datetime.now(UTC) + timedelta(days=1))
        await add_turns(store, alice, "talk", "a", "b")
        await add_turns(store, alice, "talk", "after it")
        [a, *_] = await store.of_conversation(alice, "talk", 1)
        await store.forget(alice, Selection(ids=(id_, a.id)), dry_run=False)
        assert await rows_in(database, "outbox", "outbox_memories") == [3, 3]
        async with database.as_service() as connection:
            await connection.execute("update memories set expires_at = now() where text in ('soon over', 'b')")

        assert await outbox.due(10) == []
        assert [texts_of(entry) for entry in await outbox.due(10)] == [["after it"]]
        assert await rows_in(database, "outbox") == [1]

    async def test_one_that_was_refused_and_then_forgotten_leaves_the_outbox(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        id_ = await add_note(store, alice, "refused")
        await outbox.refuse(await only(outbox), "no")

        await store.forget(alice, Selection(ids=(id_,)), dry_run=False)

        assert await rows_in(database, "outbox") == [0]

    async def test_the_next_is_due_when_the_first_head_is(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        assert await outbox.seconds_to_next() is None
        await add_turns(store, alice, "talk", "first")
        await add_turns(store, alice, "talk", "second")
        assert await outbox.seconds_to_next() == 0

        await outbox.postpone(await only(outbox), None, 60.0)

        seconds = await outbox.seconds_to_next()
        assert seconds is not None
        assert 30 < seconds <= 60


class TestBegin:
    async def test_an_attempt_is_counted_before_the_request_leaves(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea")
        entry = await only(outbox)

        assert await outbox.begin(entry)

        again = await only(outbox)
        assert (again.attempts, again.key, again.messages) == (1, entry.key, entry.messages)

    @pytest.mark.parametrize(
        "update",
        [
            pytest.param(MemoryUpdate(text="coffee"), id="text"),
            pytest.param(MemoryUpdate(kind=Kind.FACT), id="kind"),
            pytest.param(MemoryUpdate(tags=("hot",)), id="tags"),
        ],
    )
    async def test_what_was_changed_since_it_was_read_does_not_leave(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope, update: MemoryUpdate
    ) -> None:
        id_ = await add_note(store, alice, "tea")
        entry = await only(outbox)
        await store.update(alice, id_, update, None if update.text is None else piece(update.text), b"new")

        assert not await outbox.begin(entry)
        assert (await only(outbox)).key == entry.key, "no request with it has left"
        assert await outbox.begin(await only(outbox))

    async def test_what_was_forgotten_since_it_was_read_does_not_leave(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "stays", "goes")
        entry = await only(outbox)
        [_, goes] = await store.of_conversation(alice, "talk", 2)
        await store.forget(alice, Selection(ids=(goes.id,)), dry_run=False)

        assert not await outbox.begin(entry)

        rest = await only(outbox)
        assert texts_of(rest) == ["stays"]
        await store.forget(alice, Selection(conversation_id="talk"), dry_run=False)
        assert not await outbox.begin(rest)

    async def test_what_changed_after_a_request_left_is_sent_with_another_key(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one", "two", "three")
        first = await only(outbox)
        assert await outbox.begin(first)
        [one, two, _] = await store.of_conversation(alice, "talk", 3)

        await change(store, alice, one.id, "changed")
        second = await only(outbox)
        assert await outbox.begin(second)
        await store.forget(alice, Selection(ids=(two.id,)), dry_run=False)
        third = await only(outbox)

        assert [texts_of(entry) for entry in (second, third)] == [["changed", "two", "three"], ["changed", "three"]]
        assert len({first.key, second.key, third.key}) == 3
        assert (await only(outbox)).key == third.key

    async def test_an_answer_to_an_earlier_request_changes_nothing_then(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        id_ = await add_note(store, alice, "tea")
        old = await only(outbox)
        assert await outbox.begin(old)
        await change(store, alice, id_, "coffee")
        new = await only(outbox)

        await outbox.accepted(old, "task", 60.0)
        await outbox.refuse(old, "no")
        await outbox.postpone(old, "no", 60.0)
        await outbox.delivered(old)

        now = await only(outbox)
        assert (now.key, now.state, now.problem, texts_of(now)) == (new.key, OutboxState.WAITING, None, ["coffee"])


class TestDelivered:
    async def test_what_the_service_has_is_here_no_more_but_for_a_receipt(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea", project="home")
        await add_turns(store, alice, "talk", "hello", "again")

        await deliver_all(outbox)

        assert await rows_in(database, *TABLES) == [0, 0, 0, 3]
        stats = await store.stats(alice, None)
        assert (stats.memories, stats.by_kind, stats.bytes, stats.conversations) == (3, {"note": 1, "turn": 2}, 13, 1)
        assert stats.by_project == {"": 2, "home": 1}
        assert stats.use.memories == 0, "a quota is for what is here"
        assert (await store.stats(alice, "home")).memories == 1

    async def test_where_memories_are_kept_only_the_entry_goes(self, database: Database, alice: Scope) -> None:
        await add_note(handing_over(database, keeps=True), alice, "tea")

        await deliver_all(outbox_of(database, keeps=True))

        assert await rows_in(database, *TABLES) == [0, 0, 1, 0]

    async def test_a_long_text_has_one_receipt_which_grows_with_its_pieces(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        id_ = await add_note(store, alice, "a" * 70, "b" * 80)
        [first, second] = await outbox.due(10)
        assert [(entry.part, entry.parts) for entry in (first, second)] == [(1, 2), (2, 2)]

        await deliver(outbox, second)
        assert (await store.stats(alice, None)).memories == 1
        await deliver(outbox, first)

        stats = await store.stats(alice, None)
        assert (stats.memories, stats.bytes) == (1, 150)
        async with database.as_service() as connection:
            assert await connection.fetchval("select id from receipts") == id_

    async def test_what_was_changed_while_it_was_being_taken_is_kept_and_sent_again(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one", "two")
        entry = await only(outbox)
        assert await outbox.begin(entry)
        await outbox.accepted(entry, "task", 0.0)
        [one, _] = await store.of_conversation(alice, "talk", 2)
        await change(store, alice, one.id, "changed")

        await outbox.delivered(await only(outbox))

        rest = await only(outbox)
        assert (texts_of(rest), rest.state, rest.task_id) == (["changed"], OutboxState.WAITING, None)
        assert rest.key != entry.key
        await deliver(outbox, rest)
        assert (await store.stats(alice, None)).memories == 2

    async def test_what_was_forgotten_while_it_was_being_taken_is_no_matter(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one", "two")
        entry = await only(outbox)
        assert await outbox.begin(entry)
        [one, _] = await store.of_conversation(alice, "talk", 2)
        await store.forget(alice, Selection(ids=(one.id,)), dry_run=False)

        await outbox.delivered(entry)

        assert await rows_in(database, *TABLES) == [0, 0, 0, 1]

    async def test_delivering_twice_or_what_is_gone_does_nothing(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea")
        entry = await only(outbox)
        await deliver(outbox, entry)
        await add_note(store, alice, "coffee")

        await outbox.delivered(entry)

        assert await rows_in(database, *TABLES) == [1, 1, 1, 1]

    async def test_a_failure_in_the_middle_leaves_all_as_it_was(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea")
        entry = await only(outbox)
        assert await outbox.begin(entry)
        async with database.as_service() as connection:
            await connection.execute("alter table receipts add constraint none check (false)")

        with pytest.raises(Exception, match="none"):
            await outbox.delivered(entry)

        assert await rows_in(database, *TABLES) == [1, 1, 1, 0]

    async def test_a_delivery_waits_for_one_who_forgets_and_neither_fails(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one", "two")
        entry = await only(outbox)
        assert await outbox.begin(entry)
        async with database.as_user("alice") as connection, connection.transaction():
            await connection.execute("delete from memories where text = 'one'")
            delivering = asyncio.create_task(outbox.delivered(entry))
            await until_a_session_waits_for_a_lock(database)
        await delivering

        assert await rows_in(database, *TABLES) == [0, 0, 0, 1]


async def test_a_task_that_is_not_done_is_asked_about_later(
    outbox: PostgresOutbox, store: PostgresStore, alice: Scope
) -> None:
    await add_note(store, alice, "tea")
    entry = await only(outbox)
    assert await outbox.begin(entry)
    await outbox.accepted(entry, "task", 0.0)
    sent = await only(outbox)

    await outbox.postpone(sent, None, 60.0)

    assert await outbox.due(10) == []
    await outbox.postpone(sent, None, 0.0)
    assert (await only(outbox)).task_id == "task"


async def test_it_is_told_which_memories_wait(outbox: PostgresOutbox, store: PostgresStore, alice: Scope) -> None:
    delivered = await add_note(store, alice, "tea")
    await deliver_all(outbox)
    refused = await add_note(store, alice, "refused")
    await outbox.refuse(await only(outbox), "no")
    waits = await add_note(store, alice, "waits")

    assert await outbox.waiting_ids([delivered, refused, waits]) == {refused, waits}


class TestAgain:
    """What the service alone has is not taken for new."""

    async def test_a_text_that_was_delivered_is_a_duplicate(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope, bob: Scope
    ) -> None:
        first = await add_note(store, alice, "tea")
        await deliver_all(outbox)

        again = await store.add(alice, note("tea"))
        assert (again.id, again.duplicate, again.created) == (first, True, False)
        assert await rows_in(database, *TABLES) == [0, 0, 0, 1]
        for scope, project in ((alice, "home"), (bob, None)):
            assert (await store.add(scope, note("tea", project=project))).created

    async def test_messages_that_were_delivered_are_skipped(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", turn("one", id="1"), turn("two", id="2"))
        await add_turns(store, alice, "talk", "three", "four")
        await deliver_all(outbox)

        by_id = await add_turns(store, alice, "talk", turn("two", id="2"), turn("five", id="5"))
        by_end = await add_turns(store, alice, "talk", "three", "four", "six")

        assert (by_id.stored, by_id.skipped) == (1, 1)
        assert (by_end.stored, by_end.skipped) == (1, 2)
        assert await deliver_all(outbox) == [["five"], ["six"]]

    async def test_a_conversation_in_parts_here_and_delivered_is_one(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one")
        await deliver_all(outbox)
        await add_turns(store, alice, "talk", "two", "x" * 80 + "y", "z")
        refused = await only(outbox)
        assert len(refused.messages) == 3

        again = await add_turns(store, alice, "talk", "one", "two", "x" * 80 + "y", "z", "new")

        assert (again.stored, again.skipped) == (1, 4)

    async def test_a_turn_whose_first_piece_was_delivered_is_known(
        self, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        long = turn("a" * 90, "b" * 90, id="1"), turn("c" * 90, "d" * 90)
        await add_turns(store, alice, "talk", *long)
        for _ in range(3):
            await deliver(outbox, await only(outbox))

        again = await add_turns(store, alice, "talk", *long)

        assert (again.stored, again.skipped) == (0, 2)
        assert (await store.stats(alice, None)).memories == 2

    async def test_a_write_that_waits_for_the_delivery_of_its_text_finds_the_receipt(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        first = await add_note(store, alice, "tea")
        entry = await only(outbox)
        assert await outbox.begin(entry)
        async with database.as_service() as connection, connection.transaction():
            # What `delivered` does, held up before its commit.
            await connection.execute(
                "insert into receipts (id, user_id, project, kind, position, content_hash, bytes, created_at)"
                " select id, user_id, project, kind, 0, content_hash, 3, created_at from memories"
            )
            await connection.execute("delete from memories")
            adding = asyncio.create_task(store.add(alice, note("tea")))
            await until_a_session_waits_for_a_lock(database)
        again = await adding

        assert (again.id, again.duplicate) == (first, True)
        assert await rows_in(database, *TABLES) == [0, 0, 0, 1]

    async def test_writes_beside_deliveries_store_each_text_once(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        going_on = True

        async def sender() -> None:
            while going_on:
                await deliver_all(outbox)
                await asyncio.sleep(0)

        sending = asyncio.create_task(sender())
        created = []
        for _ in range(15):
            stored = await asyncio.gather(
                *(store.add(alice, note(f"text {number}")) for number in range(4)),
                add_turns(store, alice, "talk", *(turn(f"m{number}", id=f"{number}") for number in range(6))),
            )
            created += [one for one in stored if isinstance(one, Stored) and one.created]
        going_on = False
        await sending
        await deliver_all(outbox)

        assert len(created) == 4
        assert await rows_in(database, *TABLES) == [0, 0, 0, 4 + 6]

    async def test_where_memories_are_kept_here_a_receipt_is_no_copy(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea")
        await add_turns(store, alice, "talk", turn("one", id="1"), "two")
        await deliver_all(outbox)
        kept = handing_over(database, keeps=True)

        assert (await kept.add(alice, note("tea"))).created
        assert (await add_turns(kept, alice, "talk", turn("one", id="1"), "two")).stored == 2
        assert (await kept.stats(alice, None)).memories == 3


class TestConversations:
    async def test_a_conversation_with_receipts_stays_and_counts_them(
        self, database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one", "two")
        await deliver_all(outbox)
        await add_turns(store, alice, "talk", "three")

        await store.forget(alice, Selection(conversation_id="talk"), dry_run=False)

        async with database.as_service() as connection:
            row = await connection.fetchrow("select messages, last_position from conversations")
        assert tuple(row) == (2, 2)
        assert (await add_turns(store, alice, "talk", "two", "new")).stored == 1

    async def test_what_expires_before_it_is_delivered_leaves_no_conversation(
        self, database: Database, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one")
        async with database.as_service() as connection:
            await connection.execute("update memories set expires_at = now()")

        assert await store.delete_expired() == 1

        assert await rows_in(database, "conversations", *TABLES) == [0, 0, 0, 0, 0]


async def test_a_large_outbox_is_looked_through_in_no_time(
    database: Database, outbox: PostgresOutbox, store: PostgresStore, alice: Scope
) -> None:
    """The planner has no statistics of a table that an import just filled; it must not compare all with all."""
    await add_note(store, alice, "tea")
    async with database.as_service() as connection:
        await connection.execute(
            "insert into outbox (user_id, conversation_id, part, parts, state, next_at)"
            " select 'alice', 'talk ' || n % 10, 1, 1, case when n <= 10 then 'sent' else 'waiting' end,"
            " case when n <= 10 then now() + interval '1 hour' else now() end from generate_series(1, 20000) as n"
        )
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain {outbox._due}", 10))

    assert [texts_of(entry) for entry in await outbox.due(4)] == [["tea"]]
    assert "Nested Loop" not in plan
