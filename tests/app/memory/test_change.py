"""Changing and forgetting through the domain: found by what it says now, and not by what it said."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from tests.support.domain import change, converse, erase, memorize, parts_on, texts_for


async def test_a_new_text_is_found_and_the_old_one_is_not(parts, alice):
    id_ = await memorize(parts, alice, "the blue car")

    assert await change(parts, alice, id_, text="the red bicycle") == 2

    assert await texts_for(parts, alice, "red bicycle") == ["the red bicycle"]
    assert await texts_for(parts, alice, "blue car") == []


async def test_kind_tags_and_archive_reach_the_filters_of_search(parts, alice):
    id_ = await memorize(parts, alice, "the blue car", tags=["old"])
    await change(parts, alice, id_, kind="fact", tags=["new"])

    assert await texts_for(parts, alice, "car", kinds=["fact"], tags=["new"]) == ["the blue car"]
    assert await texts_for(parts, alice, "car", tags=["old"]) == []

    await change(parts, alice, id_, archived=True)
    assert await texts_for(parts, alice, "car") == []


async def test_a_text_longer_than_a_memory_is_refused_with_what_to_do(store, follower, alice):
    parts = parts_on(store, follower, piece_characters=200)
    id_ = await memorize(parts, alice, "short")

    with pytest.raises(InvalidInput, match=r"text: got .*201 characters.*, takes up to 200 characters here; forget"):
        await change(parts, alice, id_, text="x" * 201)

    assert await texts_for(parts, alice, "short") == ["short"]


async def test_an_unknown_id_is_not_found(parts, alice):
    id_ = uuid4()

    with pytest.raises(NotFound, match=f"memory {id_}: there is none with this id"):
        await change(parts, alice, id_, text="a")


async def test_another_users_memory_is_not_found(parts, alice, bob):
    id_ = await memorize(parts, bob, "his boat")

    with pytest.raises(NotFound):
        await change(parts, alice, id_, text="hers now")
    assert await erase(parts, alice, ids=[id_]) == 0

    assert await texts_for(parts, bob, "boat") == ["his boat"]


async def test_the_text_of_another_memory_is_a_conflict(parts, alice):
    await memorize(parts, alice, "taken")
    id_ = await memorize(parts, alice, "mine")

    with pytest.raises(Conflict, match="has the same text"):
        await change(parts, alice, id_, text="taken")


async def test_what_is_forgotten_is_in_neither_database_nor_index(parts, follower, alice, database):
    id_ = await memorize(parts, alice, "secretive words", project="p")
    await converse(parts, alice, ["other words"], project="p")
    await follower.catch_up()

    assert await erase(parts, alice, project="p", dry_run=True) == 2
    assert len(await texts_for(parts, alice, "words")) == 2
    assert await erase(parts, alice, project="p") == 2

    assert await texts_for(parts, alice, "words") == []
    assert await follower.count() == 0
    assert await parts.store.get(alice, [id_]) == {}
    async with database.as_service() as connection:
        assert await connection.fetchval("select count(*) from memories") == 0


async def test_forgetting_before_a_date_looks_at_when_it_happened(parts, alice):
    await converse(
        parts,
        alice,
        [
            {"role": "user", "content": "old words", "time": "2020-01-01"},
            {"role": "user", "content": "new words", "time": "2026-01-01"},
        ],
    )

    assert await erase(parts, alice, before="2026-01-01") == 1
    assert await texts_for(parts, alice, "words") == ["new words"]


async def test_a_piece_of_a_longer_text_is_not_changed_alone(store, follower, alice):
    parts = parts_on(store, follower, piece_characters=200)
    id_ = await memorize(parts, alice, "word " * 100)

    with pytest.raises(Conflict, match=r"one of \d+ linked pieces.*forget it"):
        await change(parts, alice, id_, text="short")

    assert "short" not in str(await parts.store.recent(alice, 10)), "nothing is changed in part"
