"""The change log: what a follower reads from its cursor on is everything, also what commits late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.memory.change_log import Change, LogPruned, horizon_of
from app.memory.types import MemoryUpdate, Scope, Selection
from app.store import change_log as changes
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns

_LATE = (
    "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks, tells_time,"
    " analysis) select i, $1, 'note', $2, $2::text::bytea, i, i, '{7}', 1, false, false, 1 from gen_random_uuid() as i"
    " returning id"
)
NOTHING_KEPT = timedelta(seconds=-60)


class Cursor:
    """Reads the log as a follower does: from a horizon, without what it saw the last time."""

    def __init__(self, log: PostgresChangeLog) -> None:
        self.log, self.position = log, 0
        self.snapshot: str | None = None
        self.seen: list[Change] = []

    async def read(self) -> list[UUID]:
        batch = await self.log.read(self.position, self.snapshot)
        new = list(batch.changes)
        while batch.last is not None:
            batch = await self.log.read_on(batch)
            new += batch.changes
        self.seen += new
        self.position, self.snapshot = batch.horizon, batch.snapshot
        return [change.memory for change in new]


async def test_every_write_leaves_one_entry_for_each_memory(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope
) -> None:
    note = await add_note(store, alice, "one", "two")
    await add_turns(store, alice, "talk", "a", "b")
    await store.update(alice, note, MemoryUpdate(archived=True), None, None)
    await store.forget(alice, Selection(conversation_id="talk"), dry_run=False)

    batch = await log.read(0)

    assert len(batch.changes) == 2 + 2 + 2 + 2
    assert [change.seq for change in batch.changes] == sorted(change.seq for change in batch.changes)


async def test_a_write_that_fails_leaves_no_entry(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.as_user("alice") as connection, connection.transaction():
            await connection.execute(_LATE, "alice", "undone")
            raise ZeroDivisionError

    assert (await log.read(0)).changes == []


async def test_what_was_read_is_not_read_again_once_it_is_settled(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope
) -> None:
    await add_note(store, alice, "one")
    first = await log.read(0)
    await add_note(store, alice, "two")

    second = await log.read(first.horizon)

    assert len(first.changes) == len(second.changes) == 1
    assert first.changes[0].seq < second.changes[0].seq


async def test_a_transaction_that_commits_late_is_never_skipped(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database
) -> None:
    cursor = Cursor(log)
    async with database.as_user("alice") as connection:
        transaction = connection.transaction()
        await transaction.start()
        late = await connection.fetchval(_LATE, "alice", "late")  # has the lower numbers
        early = await add_note(store, alice, "early")

        assert await cursor.read() == [early]
        assert await cursor.read() == []
        await transaction.commit()

    assert await cursor.read() == [late]
    assert await cursor.read() == []


async def test_pages_are_of_one_moment_and_nothing_falls_between_them(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PAGE_CHANGES", 2)
    cursor = Cursor(log)
    await cursor.read()
    async with database.as_user("alice") as connection:
        transaction = connection.transaction()
        await transaction.start()
        late = await connection.fetchval(_LATE, "alice", "late")
        ids = [await add_note(store, alice, f"note {number}", f" and piece {number}") for number in range(3)]
        first = await log.read(cursor.position, cursor.snapshot)
        await transaction.commit()
        await add_note(store, alice, "after the moment")

    pages = [first]
    while pages[-1].last is not None:
        pages.append(await log.read_on(pages[-1]))

    assert [len(page.changes) for page in pages] == [2, 2, 2, 0]
    assert set(ids) <= {change.memory for page in pages for change in page.changes}
    rest = (await log.read(first.horizon, first.snapshot)).changes
    assert late in {change.memory for change in rest}
    assert len(rest) == 2


async def test_only_a_follower_that_comes_from_its_position_alone_is_too_far_behind(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_BACKLOG_CHANGES", 2)
    before = await log.snapshot()
    for number in range(3):
        await add_note(store, alice, f"note {number}")

    with pytest.raises(LogPruned):
        await log.read(0)
    assert len((await log.read(horizon_of(before), before)).changes) == 3


async def test_one_users_changes_are_read_alone_and_a_last_tells_that_there_may_be_more(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, bob: Scope
) -> None:
    before = await log.snapshot()
    await add_note(store, alice, "one")
    middle = await log.snapshot()
    theirs = await add_note(store, bob, "theirs")
    two = await add_note(store, alice, "two")

    alone = await log.read_alone("alice", horizon_of(before), before, 3)
    since = await log.read_alone("alice", horizon_of(before), middle, 3)
    short = await log.read_alone("alice", horizon_of(before), None, 2)

    assert {change.user for change in alone.changes} == {"alice"}
    assert (len(alone.changes), alone.last) == (2, None)
    assert theirs not in {change.memory for change in alone.changes}
    assert [change.memory for change in since.changes] == [two]
    assert short.last is not None


async def test_pages_that_were_pruned_since_the_first_one_are_missed(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PAGE_CHANGES", 2)
    before = await log.snapshot()
    for number in range(3):
        await add_note(store, alice, f"note {number}")
    first = await log.read(horizon_of(before), before)
    await store.fold_term_counts()
    await log.prune(NOTHING_KEPT)

    with pytest.raises(LogPruned):
        await log.read_on(first)
    with pytest.raises(LogPruned):
        await log.read_alone("alice", horizon_of(before), before, 10)


async def test_interleaved_writers_are_all_read_exactly_once(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PAGE_CHANGES", 3)
    cursor, done = Cursor(log), asyncio.Event()
    written = []

    async def write(name: str) -> None:
        for number in range(8):
            async with database.as_user(name) as connection, connection.transaction():
                id_ = await connection.fetchval(_LATE, name, f"{name} {number}")
                await asyncio.sleep(0)  # lets the others in before this one commits
                await connection.execute("select 1")
            written.append(id_)

    async def follow() -> None:
        while not done.is_set():
            await cursor.read()

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(write(name) for name in ("a", "b", "c", "d")))
    done.set()
    await follower
    await cursor.read()

    memories = [change.memory for change in cursor.seen]
    assert sorted(memories) == sorted(written)


async def test_the_horizon_stays_below_open_transactions(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database
) -> None:
    await add_note(store, alice, "one")
    settled = await log.horizon()
    async with database.as_user("alice") as connection, connection.transaction():
        await connection.execute(_LATE, "alice", "open")
        await add_note(store, alice, "two")
        during = await log.horizon()
    await add_note(store, alice, "three")

    assert settled <= during < await log.horizon()


class TestPrune:
    async def test_only_what_is_folded_and_old_goes(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        await add_note(store, alice, "one")
        assert await log.prune(NOTHING_KEPT) == 0, "not folded yet"

        await store.fold_term_counts()
        assert await log.prune(timedelta(days=7)) == 0, "not old enough"
        assert await log.prune(NOTHING_KEPT) == 1
        assert await log.prune(NOTHING_KEPT) == 0

    async def test_what_is_old_goes_up_to_the_first_that_is_not(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope, database: Database
    ) -> None:
        for text in ("one", "two", "three", "four"):
            await add_note(store, alice, text)
        await store.fold_term_counts()
        async with database.as_service() as connection:
            seqs = [row["seq"] for row in await connection.fetch("select seq from changes order by xid, seq")]
            old = [seqs[0], seqs[1], seqs[3]]
            await connection.execute("update changes set at = at - interval '8 days' where seq = any($1)", old)

        assert await log.prunable(timedelta(days=7)) == 2
        assert await log.prune(timedelta(days=7)) == 2
        async with database.as_service() as connection:
            assert [row["seq"] for row in await connection.fetch("select seq from changes order by seq")] == seqs[2:]

    async def test_a_follower_that_was_there_reads_on(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        await add_note(store, alice, "one")
        position = (await log.read(0)).horizon
        await store.fold_term_counts()
        await log.prune(NOTHING_KEPT)
        two = await add_note(store, alice, "two")

        assert [change.memory for change in (await log.read(position)).changes] == [two]

    async def test_a_follower_that_was_not_must_rebuild(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        position = (await log.read(0)).horizon
        await add_note(store, alice, "one")
        await store.fold_term_counts()
        await log.prune(NOTHING_KEPT)

        with pytest.raises(LogPruned):
            await log.read(position)

    async def test_counts_stay_exact(self, store: PostgresStore, log: PostgresChangeLog, alice: Scope) -> None:
        await add_note(store, alice, "one")
        await store.fold_term_counts()
        await log.prune(NOTHING_KEPT)
        await add_note(store, alice, "two")

        assert (await store.corpus(alice, None, [])).memories == 2


class TestMembers:
    async def test_they_come_by_session_in_order_without_archived_ones(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "a", "b", "c")
        a, b, c = await store.of_conversation(alice, "talk", 10)
        note = await add_note(store, alice, "note", project="p", tags=("x",))
        gone = await add_note(store, alice, "gone")
        await store.update(alice, b.id, MemoryUpdate(archived=True), None, None)
        await store.update(alice, gone, MemoryUpdate(archived=True), None, None)

        members = await log.members([a.id, note, gone])

        assert {session: [one.id for one in found] for session, found in members.items()} == {
            a.id: [a.id, c.id],
            note: [note],
        }
        [member] = members[note]
        assert (member.user, member.project, member.kind, member.tags, member.role) == (
            "alice",
            "p",
            "note",
            ["x"],
            None,
        )

    async def test_everything_yields_all_live_memories_page_by_page(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope, bob: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "_PAGE_MEMORIES", 3)
        await add_turns(store, bob, "talk", "a", "b", "c")
        for number in range(7):
            await add_note(store, alice, f"note {number}")
        archived = await add_note(store, bob, "archived")
        await store.update(bob, archived, MemoryUpdate(archived=True), None, None)

        pages = [page async for page in log.everything()]

        assert [sum(map(len, page.values())) for page in pages] == [3, 3, 1, 3], "a session is not torn apart"
        sessions = [session for page in pages for session in page]
        assert len(sessions) == len(set(sessions)) == 8
        assert sum(len(members) for page in pages for members in page.values()) == 10

    async def test_everything_yields_users_one_after_the_other_whole(
        self, store: PostgresStore, log: PostgresChangeLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "_PAGE_MEMORIES", 5)
        sizes = {"a": 1, "b": 2, "c": 4, "d": 5, "e": 6, "f": 1, "g": 12, "h": 2}
        for number in range(12):
            for user, size in sizes.items():
                if number < size:
                    await add_turns(store, Scope(user), f"talk {number // 2}", f"said {number}")

        pages = [page async for page in log.everything()]

        users = [member.user for page in pages for turns in page.values() for member in turns]
        assert users == [user for user, size in sizes.items() for _ in range(size)]
        assert max(sum(map(len, page.values())) for page in pages) <= 6
        assert len({session for page in pages for session in page}) == sum(map(len, pages)), "no session is torn apart"

    async def test_everything_shows_one_moment(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "_PAGE_MEMORIES", 1)
        for number in range(3):
            await add_note(store, alice, f"note {number}")

        found: list[Any] = []
        async for page in log.everything():
            found += page
            await store.forget(alice, Selection(before=None, ids=tuple(page)), dry_run=False)
            await add_note(store, alice, f"later {len(found)}")

        assert len(found) == 3
