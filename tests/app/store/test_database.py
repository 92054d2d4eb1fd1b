"""Connections: what keeps PostgreSQL from answering becomes one line without an address or a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.memory.types import Scope
from app.store import database as database_module
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.unreachable import connect_problem
from tests.support.postgres import TestServer
from tests.support.rows import add_note
from tests.support.waiting import until


async def test_nobody_listening_is_said_in_one_line(tmp_path: Path) -> None:
    database = Database({"host": str(tmp_path), "user": "secret-user", "password": "secret-word", "database": "x"})

    with pytest.raises(StoreUnavailable) as failure:
        await database.open()

    assert "PostgreSQL does not answer" in str(failure.value)
    assert "secret" not in str(failure.value)


async def test_a_database_that_is_not_there_is_named_with_what_to_do(connect_arguments: dict[str, Any]) -> None:
    database = Database({**connect_arguments, "database": "no_such_database"})

    with pytest.raises(StoreUnavailable, match=r"no_such_database.* create the database that DATABASE_URL names"):
        await database.open()


async def test_a_database_that_is_not_open_says_so(connect_arguments: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable, match="not connected"):
        async with Database(connect_arguments).as_user("alice"):
            pass


async def test_close_can_be_called_twice(database: Database) -> None:
    await database.close()
    await database.close()


async def test_lost_connections_are_replaced(
    store: PostgresStore, database: Database, postgres: TestServer, alice: Scope
) -> None:
    await add_note(store, alice, "before")
    admin = await postgres.superuser()
    async with database.as_service() as connection:
        name = await connection.fetchval("select current_database()")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    await admin.close()

    async def add_again() -> bool:
        try:
            await add_note(store, alice, "after")
        except StoreUnavailable:
            return False
        return True

    attempts = [await add_again() for _ in range(12)]  # at most one a pooled connection may fail
    assert attempts[-1]
    assert {one.text for one in await store.recent(alice, 10)} == {"before", "after"}


async def test_a_deadlock_undoes_one_side_and_asks_it_to_try_again(
    database: Database, store: PostgresStore, alice: Scope
) -> None:
    first, second = [await add_note(store, alice, text) for text in ("one", "two")]

    async def touch(one: UUID, other: UUID, mine: asyncio.Event, theirs: asyncio.Event) -> None:
        async with database.as_user("alice") as connection, connection.transaction():
            await connection.execute("update memories set kind = 'fact' where id = $1", one)
            mine.set()
            await theirs.wait()
            await connection.execute("update memories set kind = 'fact' where id = $1", other)

    a, b = asyncio.Event(), asyncio.Event()
    results = await asyncio.gather(touch(first, second, a, b), touch(second, first, b, a), return_exceptions=True)

    [error] = [result for result in results if result is not None]
    assert isinstance(error, StoreUnavailable)
    assert "try again" in str(error)


async def test_a_password_that_was_changed_meanwhile_makes_calls_unavailable_not_broken() -> None:
    class Refusing:
        @asynccontextmanager
        async def acquire(self: Any, **options: Any) -> AsyncIterator[None]:
            error = asyncpg.InvalidPasswordError("password authentication failed for user secret-user")
            raise connect_problem(error) from error
            yield

    with pytest.raises(StoreUnavailable, match=r"refuses the login.* DATABASE_URL") as failure:
        async with Database({})._borrow(Refusing()):
            pass

    assert "secret" not in str(failure.value)


async def test_many_more_calls_than_connections_wait_their_turn(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "ACQUIRE_TIMEOUT_S", 0.5)
    database = Database({"dsn": server_url}, watched=True)
    await database.open()
    try:

        async def call() -> None:
            async with database.as_user("ann") as connection:
                await connection.execute("select pg_sleep(0.02)")

        await asyncio.gather(*(call() for _ in range(200)))
    finally:
        await database.close()


@pytest.mark.parametrize("watched", [True, False], ids=["server", "embedded"])
async def test_ten_large_conversations_of_one_user_hold_up_no_one_else(server_url: str, watched: bool) -> None:
    database = Database({"dsn": server_url}, watched=watched)
    await database.open()
    over, holders, ends = asyncio.Event(), [], []

    async def remember_much(number: int) -> None:
        async with database.as_user("ann") as connection:
            holders.append(number)
            async with connection.transaction():
                await connection.execute("select set_config('app.large', $1, true)", str(number))
                await over.wait()
        ends.append(number)

    async def look_up(user: str) -> str:
        async with database.as_user(user, writes=False) as connection:
            return str(await connection.fetchval("select current_setting('app.user_id')"))

    async def in_background() -> None:
        async with database.as_service() as connection:
            await over.wait()
            await connection.execute("select")

    try:
        work = [asyncio.create_task(remember_much(number)) for number in range(10)]
        work += [asyncio.create_task(in_background()) for _ in range(10)]
        await until(lambda: len(holders) == 3 and len(database._service_turns) >= 7, "all that ann and upkeep may have")
        for user in ("bob", "cem", "bob"):
            assert await asyncio.wait_for(look_up(user), 5) == user
        async with asyncio.timeout(5), database.as_service(for_caller=True) as connection:
            assert await connection.fetchval("select 1") == 1
        over.set()
        await asyncio.gather(*work)
        assert sorted(ends) == list(range(10))
        assert len(database._request_turns) == len(database._service_turns) == 0
    finally:
        await database.close()


async def test_an_error_in_a_call_gives_its_turn_back(server_url: str) -> None:
    database = Database({"dsn": server_url})
    await database.open()
    database._turn_s = 1.0
    try:
        for _ in range(12):
            with pytest.raises(asyncpg.UndefinedTableError):
                async with database.as_user("ann") as connection:
                    await connection.execute("select from nowhere")
        held = [asyncio.create_task(_sleep(database)) for _ in range(8)]
        await asyncio.sleep(0.1)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        async with AsyncExitStack() as all_of_them:
            for user in ("ann", "bob", "cem", "dan"):
                await all_of_them.enter_async_context(database.as_user(user))
    finally:
        await database.close()


async def _sleep(database: Database) -> None:
    async with database.as_user("ann") as connection:
        await connection.execute("select pg_sleep(10)")


async def test_when_the_server_goes_away_calls_that_wait_their_turn_fail_at_once(server_url: str) -> None:
    database = Database({"dsn": server_url}, watched=True)
    await database.open()
    held, holders = asyncio.Event(), []

    async def hold() -> None:
        async with database.as_user("ann") as connection:
            holders.append(connection)
            await held.wait()

    try:
        calls = [asyncio.create_task(hold()) for _ in range(10)]
        await until(lambda: len(holders) == 3 and len(database._request_turns) == 7, "the calls that wait")
        database._terminate()
        failed = (await asyncio.wait(calls, timeout=1))[0]
        assert len(failed) == 7
        assert all(isinstance(call.exception(), StoreUnavailable) for call in failed)
        held.set()
        await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await database.close()


async def test_a_turn_that_did_not_come_sent_nothing_and_says_so(server_url: str) -> None:
    database = Database({"dsn": server_url}, watched=True)
    await database.open()
    database._turn_s = 0.05
    try:
        async with AsyncExitStack() as held:
            for _ in range(3):
                await held.enter_async_context(database.as_user("ann"))
            with pytest.raises(StoreUnavailable, match=r"all connections to PostgreSQL were busy .* nothing was done"):
                await held.enter_async_context(database.as_user("ann"))
    finally:
        await database.close()
