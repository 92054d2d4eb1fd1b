"""Poolers before PostgreSQL: one with sessions is used, one without is refused before anything is read."""

from __future__ import annotations

import pytest

from app.errors import StoreRefused, StoreUnavailable
from app.memory.types import Quota, Scope
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.pooler import has_pgbouncer, pgbouncer, refusing_pooler
from tests.support.rows import add_note

needs_pgbouncer = pytest.mark.skipif(not has_pgbouncer(), reason="no pgbouncer; apt-get install pgbouncer")


@needs_pgbouncer
@pytest.mark.parametrize("pool_mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_refused_whoever_came_before(server_url: str, pool_mode: str) -> None:
    with pgbouncer(server_url, pool_mode) as url:
        for _ in range(2):
            database = Database({"dsn": url}, watched=True)
            with pytest.raises(StoreRefused, match=r"a pooler before PostgreSQL shares sessions.* without -pooler"):
                await database.open()
            await database.close()


@needs_pgbouncer
async def test_behind_a_pooler_with_sessions_users_and_quotas_hold(server_url: str, alice: Scope) -> None:
    with pgbouncer(server_url, "session") as url:
        database = Database({"dsn": url}, Quota(memories=7, bytes=0), watched=True)
        await database.open()
        try:
            await add_note(PostgresStore(database), alice, "kept")
            async with database.as_user("bob") as connection:
                assert await connection.fetchval("select count(*) from memories") == 0
                assert await connection.fetchval("select current_setting('app.quota_memories')") == "7"
                assert await connection.fetchval("show plan_cache_mode") == "force_generic_plan"
        finally:
            await database.close()


@pytest.mark.parametrize(
    ("words", "sqlstate", "remedy"),
    [
        ("unsupported startup parameter: jit", "08P01", "without -pooler"),
        ("no such database: d", "08P01", "check DATABASE_URL"),
        ("Tenant or user not found", "XX000", "check DATABASE_URL"),
        ("Endpoint ID is not specified", "XX000", "check DATABASE_URL"),
    ],
)
async def test_a_refusal_is_told_in_the_poolers_words_with_what_to_do(words: str, sqlstate: str, remedy: str) -> None:
    with refusing_pooler(words, sqlstate) as (url, _), pytest.raises(StoreRefused) as caught:
        await Database({"dsn": url}).open()

    assert f"refused the connection: {words}" in str(caught.value)
    assert remedy in str(caught.value)
    assert "a write" not in str(caught.value)


@pytest.mark.parametrize("words", ["server login has been failing, try again later", "no more connections allowed"])
async def test_a_refusal_that_passes_is_tried_again(words: str) -> None:
    with refusing_pooler(words) as (url, _), pytest.raises(StoreUnavailable, match=words) as caught:
        await Database({"dsn": url}).open()

    assert not isinstance(caught.value, StoreRefused)
