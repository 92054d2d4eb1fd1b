"""A database to try something out in."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import NotPermitted, StoreUnavailable
from app.store.database import Database
from app.store.scratch import left_over, scratch_database


@pytest.fixture
def admin(connect_arguments: dict[str, Any]) -> dict[str, Any]:
    return {**connect_arguments, "user": "postgres"}


async def test_it_is_ours_alone_and_gone_afterwards(database: Database, admin: dict[str, Any]) -> None:
    async with scratch_database(admin, database) as scratch:
        await scratch.open()
        async with scratch.session() as connection:
            name = await connection.fetchval("select current_database()")
            await connection.execute("create table tried (n int)")

    async with database.session() as connection:
        assert not await connection.fetchval("select count(*) from pg_database where datname = $1", name)


async def test_an_error_inside_drops_it_too(database: Database, admin: dict[str, Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with scratch_database(admin, database):
            raise ZeroDivisionError

    assert await left_over(admin, drop=False) == 0


async def test_one_in_use_is_no_left_over(database: Database, admin: dict[str, Any]) -> None:
    async with scratch_database(admin, database):
        assert await left_over(admin, drop=True) == 0


async def test_a_role_that_may_not_create_one_learns_what_to_do(
    database: Database, connect_arguments: dict[str, Any]
) -> None:
    with pytest.raises(NotPermitted, match="ADMIN_DATABASE_URL"):
        async with scratch_database(connect_arguments, database):
            pass


async def test_a_server_that_does_not_answer_is_said_so(database: Database, admin: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable, match="PostgreSQL does not answer"):
        async with scratch_database({**admin, "host": "/nowhere"}, database):
            pass
