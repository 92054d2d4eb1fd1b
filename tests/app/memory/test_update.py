"""Updating through the domain: a memory is found by what it says now, and not by what it said."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.index.follower import Follower
from app.memory.ports import Domain
from app.memory.types import Scope
from app.store.postgres import PostgresStore
from tests.support.domain import change, domain_on, memorize, texts_for


async def test_a_new_text_is_found_and_the_old_one_is_not(domain: Domain, alice: Scope) -> None:
    id_ = await memorize(domain, alice, "the blue car")

    assert await change(domain, alice, id_, text="the red bicycle") == 2

    assert await texts_for(domain, alice, "red bicycle") == ["the red bicycle"]
    assert await texts_for(domain, alice, "blue car") == []


async def test_kind_tags_and_archive_reach_the_filters_of_search(domain: Domain, alice: Scope) -> None:
    id_ = await memorize(domain, alice, "the blue car", tags=["old"])
    await change(domain, alice, id_, kind="fact", tags=["new"])

    assert await texts_for(domain, alice, "car", kinds=["fact"], tags=["new"]) == ["the blue car"]
    assert await texts_for(domain, alice, "car", tags=["old"]) == []

    await change(domain, alice, id_, archived=True)
    assert await texts_for(domain, alice, "car") == []


async def test_a_memory_can_move_out_of_its_project(domain: Domain, alice: Scope) -> None:
    id_ = await memorize(domain, alice, "the red car", project="p")

    await change(domain, alice, id_, no_project=True)

    assert await texts_for(domain, alice, "car") == ["the red car"]
    assert await texts_for(domain, alice, "car", project="p") == []


async def test_a_memory_that_moves_is_found_in_its_new_project_alone(domain: Domain, alice: Scope) -> None:
    id_ = await memorize(domain, alice, "the blue car", project="p")

    await change(domain, alice, id_, project="q")

    assert await texts_for(domain, alice, "car", project="q") == ["the blue car"]
    assert await texts_for(domain, alice, "car", project="p") == []


async def test_a_text_longer_than_a_memory_is_refused_with_what_to_do(
    store: PostgresStore, follower: Follower, alice: Scope
) -> None:
    domain = domain_on(store, follower, piece_characters=200)
    id_ = await memorize(domain, alice, "short")

    with pytest.raises(
        InvalidInput, match=r"text: got .*201 characters.*, takes up to 200 characters in an update; forget"
    ):
        await change(domain, alice, id_, text="x" * 201)

    assert await texts_for(domain, alice, "short") == ["short"]


async def test_an_unknown_id_is_not_found(domain: Domain, alice: Scope) -> None:
    id_ = uuid4()

    with pytest.raises(NotFound, match=f"memory {id_}: there is no memory with this id"):
        await change(domain, alice, id_, text="a")


async def test_another_users_memory_is_not_found(domain: Domain, alice: Scope, bob: Scope) -> None:
    id_ = await memorize(domain, bob, "his boat")

    with pytest.raises(NotFound):
        await change(domain, alice, id_, text="hers now")

    assert await texts_for(domain, bob, "boat") == ["his boat"]


async def test_the_text_of_another_memory_is_a_conflict(domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "taken")
    id_ = await memorize(domain, alice, "mine")

    with pytest.raises(Conflict, match="has the same text"):
        await change(domain, alice, id_, text="taken")


async def test_a_piece_of_a_longer_text_is_not_changed_alone(
    store: PostgresStore, follower: Follower, alice: Scope
) -> None:
    domain = domain_on(store, follower, piece_characters=200)
    id_ = await memorize(domain, alice, "word " * 100)

    with pytest.raises(Conflict, match=r"one of \d+ linked pieces.*forget it"):
        await change(domain, alice, id_, text="short")

    assert "short" not in str(await domain.store.recent(alice, 10)), "nothing is changed in part"
