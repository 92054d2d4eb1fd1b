"""Reading the log page by page: bounded memory, and nobody goes before what they wait for is applied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import pytest

from app.errors import IndexUnavailable, StoreUnavailable
from app.index import reading
from app.index.backlog import Moment, Waiter
from app.index.reading import LogReader
from app.memory.change_log import Batch, LogPruned, horizon_of
from app.store import change_log as changes
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.postgres import PostgresStore

_INSERT = (
    "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks, tells_time,"
    " analysis) select i, $1, 'note', n::text, decode(md5(i::text), 'hex'), i, i, '{7}', 1, false, false, 1"
    " from generate_series(1, $2) as n cross join lateral (select gen_random_uuid() as i where n > 0) as made"
)
PAGE = 4


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_PAGE_CHANGES", PAGE)
    monkeypatch.setattr(reading, "_BACKLOG_LIMIT", PAGE)


@pytest.fixture
async def reader(log: PostgresChangeLog, store: PostgresStore) -> LogReader:
    """One that has read what there was."""
    snapshot = await log.snapshot()
    reader = LogReader(log, Moment(horizon_of(snapshot), snapshot))
    await reader.read_if_due()
    return reader


@pytest.fixture
def write(database: Database) -> Callable[..., Awaitable[None]]:
    async def write(**memories: int) -> None:
        """Write so many memories of each user, in this order and in one transaction."""
        async with database.as_service() as connection, connection.transaction():
            for user, number in memories.items():
                await connection.execute(_INSERT, user, number)

    return write


def apply_some(reader: LogReader) -> set[UUID]:
    """Apply all that is in the backlog, and return the memories."""
    works = reader.backlog.take()
    reader.backlog.finish(works)
    return {memory for work in works for memory in work.memories}


async def apply_all(reader: LogReader, look: Callable[[], object] = lambda: None) -> set[UUID]:
    """Read and apply until nothing is left; return the memories."""
    found: set[UUID] = set()
    while True:
        await reader.read_if_due()
        look()
        if not reader.has_work and not reader.anyone_waits:
            return found
        found |= apply_some(reader)


def done(*waiters: Waiter) -> list[bool]:
    return [waiter.done.done() for waiter in waiters]


async def test_a_large_transaction_is_never_in_memory_whole(
    reader: LogReader, write: Callable[..., Awaitable[None]], database: Database
) -> None:
    await write(ann=7 * PAGE + 1, ben=1)
    sizes: list[int] = []

    found = await apply_all(reader, lambda: sizes.append(reader.backlog.changes))

    assert max(sizes) == PAGE
    async with database.as_service() as connection:
        assert found == {row["id"] for row in await connection.fetch("select id from memories")}


async def test_pages_are_read_at_once_while_there_is_room(
    reader: LogReader, write: Callable[..., Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BACKLOG_LIMIT", 3 * PAGE)
    await write(ann=2 * PAGE + 1)

    await reader.read_if_due()

    assert reader.backlog.changes == 2 * PAGE + 1


async def test_the_position_moves_with_the_last_page(
    reader: LogReader, write: Callable[..., Awaitable[None]], log: PostgresChangeLog
) -> None:
    before = reader.backlog.applied
    await write(ann=2 * PAGE + 1)

    for _ in range(2):
        await reader.read_if_due()
        apply_some(reader)
        assert reader.backlog.applied == before
    await reader.read_if_due()
    apply_some(reader)

    assert reader.backlog.applied.position == await log.horizon()


async def test_who_came_before_a_read_waits_for_their_changes_in_its_last_page(
    reader: LogReader, write: Callable[..., Awaitable[None]]
) -> None:
    await write(ann=2 * PAGE, ben=1)
    ben, cleo, everyone = reader.wait("ben"), reader.wait("cleo"), reader.wait(None)

    for _ in range(2):
        await reader.read_if_due()
        assert done(ben, cleo, everyone) == [False, False, False]
        apply_some(reader)
    await reader.read_if_due()
    assert done(ben, cleo, everyone) == [False, True, False], "cleo has no changes in any page"
    apply_some(reader)

    assert done(ben, everyone) == [True, True]


async def test_who_comes_while_a_read_goes_on_is_read_for_alone(
    reader: LogReader, write: Callable[..., Awaitable[None]]
) -> None:
    await write(ann=3 * PAGE, ben=1)
    await reader.read_if_due()
    await write(ben=1)
    ben, cleo, everyone = reader.wait("ben"), reader.wait("cleo"), reader.wait(None)

    await reader.read_if_due()

    assert done(ben, cleo, everyone) == [False, True, False]
    assert reader.backlog.changes == PAGE + 2
    apply_some(reader)
    assert done(ben, everyone) == [True, False], "ann's changes are not all read"


async def test_what_was_read_for_a_user_alone_is_not_read_alone_again(
    reader: LogReader, write: Callable[..., Awaitable[None]]
) -> None:
    await write(ann=3 * PAGE, ben=2)
    await reader.read_if_due()
    reader.wait("ben")
    await reader.read_if_due()
    second = reader.wait("ben")
    await write(ben=1)

    await reader.read_if_due()

    assert reader.backlog.changes == PAGE + 2 + 1
    assert not second.done.done()
    apply_some(reader)
    assert second.done.done()


async def test_a_user_with_too_many_changes_waits_for_the_whole_read(
    reader: LogReader, write: Callable[..., Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ALONE_LIMIT", 3)
    await write(ann=3 * PAGE)
    await reader.read_if_due()
    ann = reader.wait("ann")

    await reader.read_if_due()

    assert reader.backlog.changes == PAGE
    assert not ann.done.done()
    await apply_all(reader)
    assert ann.done.done()


async def test_a_store_that_fails_in_the_middle_costs_no_change(
    reader: LogReader, write: Callable[..., Awaitable[None]], log: PostgresChangeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(batch: Batch) -> NoReturn:
        raise StoreUnavailable("PostgreSQL does not answer")

    await write(ann=3 * PAGE)
    ann = reader.wait("ann")
    await reader.read_if_due()
    found = apply_some(reader)
    with monkeypatch.context() as patch:
        patch.setattr(log, "read_on", unreachable)
        with pytest.raises(StoreUnavailable):
            await reader.read_if_due()
    reader.fail(IndexUnavailable("why"))

    assert str(ann.done.exception()) == "why"
    again = reader.wait("ann")
    found |= await apply_all(reader)
    assert len(found) == 3 * PAGE
    assert again.done.done()


async def test_a_process_killed_in_the_middle_reads_all_of_it_again(
    reader: LogReader, write: Callable[..., Awaitable[None]], log: PostgresChangeLog
) -> None:
    await write(ann=3 * PAGE)
    for _ in range(2):
        await reader.read_if_due()
        apply_some(reader)

    again = LogReader(log, Moment(reader.backlog.applied.position, None))

    assert len(await apply_all(again)) == 3 * PAGE


async def test_a_log_that_is_pruned_in_the_middle_is_noticed(
    reader: LogReader, write: Callable[..., Awaitable[None]], log: PostgresChangeLog, store: PostgresStore
) -> None:
    await write(ann=3 * PAGE)
    await reader.read_if_due()
    apply_some(reader)
    await store.fold_term_counts()
    await log.prune(timedelta(seconds=-60))

    with pytest.raises(LogPruned):
        await reader.read_if_due()


async def test_one_that_begins_anew_forgets_the_read_that_went_on(
    reader: LogReader, write: Callable[..., Awaitable[None]], log: PostgresChangeLog
) -> None:
    await write(ann=3 * PAGE)
    ann = reader.wait("ann")
    await reader.read_if_due()
    snapshot = await log.snapshot()

    reader.begin_at(Moment(horizon_of(snapshot), snapshot), IndexUnavailable("rebuilt"))

    assert str(ann.done.exception()) == "rebuilt"
    assert not reader.has_work
    await write(ann=1)
    assert len(await apply_all(reader)) == 1
