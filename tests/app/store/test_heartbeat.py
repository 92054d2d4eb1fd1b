"""The heartbeat: a server that stops, dies or hangs is noticed, calls fail at once, and locks pass on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.store import heartbeat
from app.store.database import Database
from tests.support.freezing import successor
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import until

LOCK = 4_711


@asynccontextmanager
async def watched(url: str, forgotten_s: float = heartbeat.FORGOTTEN_S) -> AsyncIterator[Database]:
    database = Database({"dsn": url}, watched=True, forgotten_s=forgotten_s)
    try:
        await database.open()
        yield database
    finally:
        await database.close()


async def answers(database: Database) -> bool:
    try:
        async with database.as_user("alice") as connection:
            return bool(await connection.fetchval("select true"))
    except StoreUnavailable:
        return False


@pytest.mark.parametrize("how", ["stop", "kill", "freeze"])
async def test_a_server_that_goes_away_fails_the_calls_under_way_and_is_used_again_when_it_is_back(
    own_postgres_server: PostgresServer, how: str
) -> None:
    async with watched(own_postgres_server.url()) as database:
        waits = asyncio.Event()

        async def slow() -> None:
            async with database.as_user("alice") as connection:
                waits.set()
                await connection.execute("select pg_sleep(60)")

        call = asyncio.create_task(slow())
        await waits.wait()
        getattr(own_postgres_server, how)()

        with pytest.raises(StoreUnavailable):
            await call
        await until(lambda: database.problem is not None, "the problem is known")
        with pytest.raises(StoreUnavailable, match=r"PostgreSQL does not answer \(\w+\); try again"):
            async with database.as_service():
                pass

        if how == "freeze":
            own_postgres_server.thaw()
        else:
            own_postgres_server.start()
        await until(lambda: answers(database), "calls are answered")
        assert database.problem is None


async def test_a_broken_heartbeat_on_a_healthy_server_is_no_problem(server_url: str) -> None:
    async with watched(server_url) as database:
        lock = database.lock(LOCK)
        await lock.until(held=True)
        admin = await asyncpg.connect(server_url)
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'claude-memory heartbeat'"
        )
        await admin.close()
        await lock.until(held=False)

        await lock.until(held=True)
        assert database.problem is None
        assert await answers(database)


async def beats_on(server_url: str) -> set[int]:
    """Return the processes of the server that answer heartbeats."""
    admin = await asyncpg.connect(server_url)
    try:
        rows = await admin.fetch(
            "select pid from pg_stat_activity"
            " where datname = current_database() and application_name = 'claude-memory heartbeat'"
        )
        return {row["pid"] for row in rows}
    finally:
        await admin.close()


async def test_a_silent_connection_is_no_problem_while_a_fresh_one_is_answered(server_url: str) -> None:
    async with watched(server_url) as database:
        await database.lock(LOCK).until(held=True)
        [silent] = await beats_on(server_url)
        async with database.as_user("alice") as under_way:
            os.kill(silent, signal.SIGSTOP)
            try:

                async def is_replaced() -> bool:
                    return bool(await beats_on(server_url) - {silent})

                await until(is_replaced, "another connection beats")
                await asyncio.sleep(2 * heartbeat.BEAT_S)
                assert database.problem is None
                assert await under_way.fetchval("select true"), "calls go on"
            finally:
                os.kill(silent, signal.SIGCONT)
        await database.lock(LOCK).until(held=True)


async def test_a_late_process_is_not_taken_for_a_silent_server(server_url: str) -> None:
    async with watched(server_url) as database:
        await database.lock(LOCK).until(held=True)
        [beats] = await beats_on(server_url)
        async with database.as_user("alice") as under_way:
            for _ in range(20):  # nothing else runs for so long, and then everything for one turn or two
                time.sleep(1.2 * heartbeat.ANSWER_S)  # noqa: ASYNC251
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert database.problem is None
            assert await under_way.fetchval("select true"), "calls go on"
        assert await beats_on(server_url) == {beats}, "and the connection was never doubted"


async def test_a_lock_is_held_by_one_and_passes_on_when_its_holder_goes(server_url: str) -> None:
    async with watched(server_url) as second:
        async with watched(server_url) as first:
            held = first.lock(LOCK)
            await held.until(held=True)
            wanted = second.lock(LOCK)
            await asyncio.sleep(3 * heartbeat.BEAT_S)
            assert not wanted.held

        await wanted.until(held=True)
        assert not held.held


async def test_a_lock_is_lost_with_the_server(own_postgres_server: PostgresServer) -> None:
    async with watched(own_postgres_server.url()) as database:
        lock = database.lock(LOCK)
        await lock.until(held=True)
        own_postgres_server.kill()
        await lock.until(held=False)


async def test_a_holder_that_is_cut_off_is_forgotten(server_url: str) -> None:
    async with watched(server_url, forgotten_s=1.0) as first:
        lock = first.lock(LOCK)
        await lock.until(held=True)
        assert first._heartbeat is not None
        assert first._heartbeat._task is not None
        first._heartbeat._task.cancel()  # it beats no more, as a frozen process

        async with watched(server_url) as second:
            await second.lock(LOCK).until(held=True)


async def test_a_holder_that_was_frozen_learns_of_its_loss_when_it_asks(server_url: str) -> None:
    async with watched(server_url) as database:
        lock = database.lock(LOCK)
        assert not await lock.confirmed()
        await lock.until(held=True)
        assert await lock.confirmed()

        with successor(server_url, LOCK) as other:
            other.takes_over()
            assert lock.held, "nobody told it yet"
            assert not await lock.confirmed()
            await lock.until(held=False)

        await lock.until(held=True)
        assert await lock.confirmed()
        assert database.problem is None


async def test_an_embedded_database_is_ours_alone(database: Database) -> None:
    assert database.lock(LOCK).held
    assert await database.lock(LOCK).confirmed()
    assert database.problem is None
