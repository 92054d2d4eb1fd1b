"""The projects of a user, and moving all of one into another."""

from __future__ import annotations

import pytest

from app.memory.types import Scope
from app.store import projects
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.projects import Moved, Projects
from tests.support.rows import add_note, add_turns


async def test_the_list_says_what_each_project_holds(
    database: Database, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    await add_note(store, alice, "of no project")
    await add_note(store, alice, "in two ", "pieces", project="tea")
    await add_turns(store, alice, "c", "hello", "hi", project="shop")
    await add_note(store, bob, "bob's", project="tea")

    rows = await Projects(database).list(alice)

    assert [(row.project, row.memories, row.messages) for row in rows] == [("shop", 0, 2), ("tea", 1, 0)]


async def test_everything_moves_and_what_is_there_already_is_kept_once(
    database: Database, store: PostgresStore, alice: Scope, bob: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "_AT_ONCE", 2)
    for text in ("one", "two", "three"):
        await add_note(store, alice, text, " and more", project="old")
    await add_note(store, alice, "one", " and more", project="new")
    await add_turns(store, alice, "c", "hello", "hi", project="old")
    await add_note(store, bob, "bob's", project="old")

    moved = await Projects(database).move(alice, "old", "new")
    again = await Projects(database).move(alice, "old", "new")

    assert moved == Moved(memories=4, conversations=1, same=1)
    assert again == Moved(memories=0, conversations=0, same=0)
    assert [(row.project, row.memories, row.messages) for row in await Projects(database).list(alice)] == [
        ("new", 3, 2)
    ]
    assert [row.project for row in await Projects(database).list(bob)] == ["old"]


async def test_what_a_conversation_gets_later_comes_into_its_new_project(
    database: Database, store: PostgresStore, alice: Scope
) -> None:
    await add_turns(store, alice, "c", "hello", project="old")
    await Projects(database).move(alice, "old", "new")
    await add_turns(store, alice, "c", "again")

    assert {turn.project for turn in await store.of_conversation(alice, "c", 10)} == {"new"}
