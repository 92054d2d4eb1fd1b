"""The rows of a shared index's collections: one is live, those of other databases do not exist."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from app.memory.types import Scope
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.rows import add_note

SHAPE = {"shards": 1}


@pytest.fixture
def collections(database: Database) -> PostgresCollections:
    return PostgresCollections(database)


async def filled(collections: PostgresCollections, position: int = 1) -> str:
    """Return the name of a collection that is filled up to a position."""
    name = await collections.begin("notes", SHAPE)
    await collections.save(name, position, f"{position}:{position}:")
    return name


async def test_names_are_the_prefix_and_never_the_same(collections: PostgresCollections) -> None:
    names = [await collections.begin("notes", SHAPE) for _ in range(3)]

    assert len(set(names)) == 3
    assert all(name.startswith("notes_") for name in names)
    assert [(one.name, one.state, one.position) for one in await collections.all()] == [
        (name, "filling", None) for name in names
    ]


async def test_only_a_filled_one_becomes_live_and_the_one_before_is_retired(collections: PostgresCollections) -> None:
    first, second, unfilled = await filled(collections), await filled(collections), await collections.begin("x", SHAPE)
    await collections.switch(first)
    await collections.switch(second)

    states = {one.name: one.state for one in await collections.all()}
    assert states == {first: "retired", second: "live", unfilled: "filling"}
    live = await collections.live()
    assert live is not None
    assert live.name == second


async def test_what_was_retired_is_left_over_after_a_while_and_then_removed(collections: PostgresCollections) -> None:
    name = await filled(collections)
    await collections.switch(name)
    await collections.remove(name)
    assert await collections.live() is not None, "the live one stays"
    await collections.retire(name)

    assert await collections.left_over(timedelta(hours=1)) == []
    assert await collections.left_over(timedelta(0)) == [name]
    await collections.remove(name)
    assert await collections.all() == []


async def test_a_user_sees_own_changes_above_the_position_alone(
    collections: PostgresCollections, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    assert await collections.seen_by("alice", 10) is None
    await collections.switch(await filled(collections))
    mine = await add_note(store, alice, "mine")
    await add_note(store, bob, "not mine")

    seen = await collections.seen_by("alice", 10)
    assert seen is not None
    assert (seen.shape, seen.changed, seen.log_is_short) == (SHAPE, [(mine, mine)], False)
    assert (await collections.lag(10))[0] == 2


async def test_a_rebuild_is_asked_of_the_live_one(collections: PostgresCollections) -> None:
    await collections.switch(await filled(collections))
    other = await filled(collections)
    await collections.ask_for_rebuild()

    assert {one.name: one.rebuild_asked for one in await collections.all()}[other] is False
    live = await collections.live()
    assert live is not None
    assert live.rebuild_asked


async def test_collections_of_another_database_are_forgotten(
    collections: PostgresCollections, database: Database
) -> None:
    await filled(collections)
    async with database.as_service() as connection:
        await connection.execute("update index_collections set database_id = $1", uuid4())
    assert await collections.all() == []

    await collections.remove_strangers()

    async with database.as_service() as connection:
        assert await connection.fetchval("select count(*) from index_collections") == 0
