"""Forgetting through the domain: gone from the database, and so from the index."""

from __future__ import annotations

from app.index.follower import Follower
from app.memory.ports import Domain
from app.memory.types import Scope
from app.store.database import Database
from tests.support.domain import converse, erase, memorize, texts_for


async def test_what_is_forgotten_is_in_neither_database_nor_index(
    domain: Domain, follower: Follower, alice: Scope, database: Database
) -> None:
    id_ = await memorize(domain, alice, "secretive words", project="p")
    await converse(domain, alice, ["other words"], project="p")
    await follower.catch_up()

    assert await erase(domain, alice, project="p", dry_run=True) == 2
    assert len(await texts_for(domain, alice, "words")) == 2
    assert await erase(domain, alice, project="p") == 2

    assert await texts_for(domain, alice, "words") == []
    assert await follower.count() == 0
    assert await domain.store.get(alice, [id_]) == {}
    async with database.as_service() as connection:
        assert await connection.fetchval("select count(*) from memories") == 0


async def test_another_users_memory_is_not_forgotten(domain: Domain, alice: Scope, bob: Scope) -> None:
    id_ = await memorize(domain, bob, "his boat")

    assert await erase(domain, alice, ids=[id_]) == 0
    assert await texts_for(domain, bob, "boat") == ["his boat"]


async def test_forgetting_before_a_date_looks_at_when_it_happened(domain: Domain, alice: Scope) -> None:
    await converse(
        domain,
        alice,
        [
            {"role": "user", "content": "old words", "time": "2020-01-01"},
            {"role": "user", "content": "new words", "time": "2026-01-01"},
        ],
    )

    assert await erase(domain, alice, before="2026-01-01") == 1
    assert await texts_for(domain, alice, "words") == ["new words"]
