"""Vectors in PostgreSQL: what lacks one is found, what changed meanwhile gets none, and each is told in the log."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.memory.change_log import LogPruned, Space
from app.memory.types import MemoryUpdate, Scope, Selection
from app.store import embeddings as embeddings_module
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.embeddings import Embeddings
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns, piece, turn
from tests.support.vectors import kept

LAST = UUID(int=2**128 - 1)
MODEL = "model"


@pytest.fixture
def embeddings(database: Database) -> Embeddings:
    return Embeddings(database)


async def missing(embeddings: Embeddings, model: str = MODEL, limit: int = 100) -> list[str]:
    """Return the texts of all memories without a vector, in the order the pass finds them."""
    texts: list[str] = []
    than: UUID | None = LAST
    while than is not None:
        found, than = await embeddings.older(model, than, limit)
        texts += [one.text for one in found]
    return texts


async def embed(embeddings: Embeddings, model: str = MODEL, limit: int = 100) -> int:
    """Store a vector for everything that lacks one; return how many."""
    found, _ = await embeddings.older(model, LAST, limit)
    return await embeddings.store(model, [(one, kept(one.text)) for one in found])


async def test_live_memories_with_a_vector_of_the_model_are_counted(
    embeddings: Embeddings, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    await add_note(store, alice, "first")
    gone = await add_note(store, bob, "archived")
    assert await embeddings.count(MODEL) == 0

    assert await embed(embeddings) == 2
    await store.update(bob, gone, MemoryUpdate(archived=True), None, None)
    await add_note(store, bob, "without one")

    assert await embeddings.count(MODEL) == 1
    assert await embeddings.count("other") == 0


class TestMissing:
    async def test_live_memories_of_all_users_are_found(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope, bob: Scope
    ) -> None:
        await add_note(store, alice, "first")
        await add_turns(store, bob, "talk", turn("second", name="Bob"))
        gone = await add_note(store, alice, "archived")
        await store.update(alice, gone, MemoryUpdate(archived=True), None, None)

        found, _ = await embeddings.older(MODEL, LAST, 100)

        assert {(one.name, one.text) for one in found} == {("Bob", "second"), (None, "first")}

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    @pytest.mark.parametrize("scanned", [1, 2, 100])
    async def test_page_by_page_each_is_found_once(
        self,
        embeddings: Embeddings,
        store: PostgresStore,
        alice: Scope,
        limit: int,
        scanned: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(embeddings_module, "_AT_ONCE", scanned)
        for number in range(5):
            await add_note(store, alice, str(number))

        assert sorted(await missing(embeddings, limit=limit)) == list("01234")

    async def test_what_has_a_vector_of_the_model_is_not_found_again(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "one")
        assert await embed(embeddings) == 1

        assert await missing(embeddings) == []
        assert await missing(embeddings, "another model") == ["one"]

    async def test_a_vector_of_another_model_takes_the_place_of_the_old_one(
        self, embeddings: Embeddings, store: PostgresStore, database: Database, alice: Scope
    ) -> None:
        await add_note(store, alice, "one")
        await embed(embeddings)
        await embed(embeddings, "another model")

        async with database.as_service() as connection:
            assert [row["model"] for row in await connection.fetch("select model from embeddings")] == ["another model"]

    async def test_what_was_written_from_a_position_on_is_found_by_the_log(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope
    ) -> None:
        await add_note(store, alice, "before")
        position = await embeddings.horizon()
        await add_note(store, alice, "after")

        found, next_position = await embeddings.changed(MODEL, position, 100)
        assert [one.text for one in found] == ["after"]
        assert await embeddings.changed(MODEL, next_position, 100) == ([], next_position)

    async def test_a_log_that_does_not_reach_back_is_told(
        self, embeddings: Embeddings, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        from datetime import timedelta

        await add_note(store, alice, "one")
        await store.fold_term_counts()
        await log.prune(timedelta(seconds=-60))

        with pytest.raises(LogPruned):
            await embeddings.changed(MODEL, 0, 100)


class TestStoring:
    async def test_a_vector_of_a_text_that_changed_meanwhile_is_not_stored(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope
    ) -> None:
        note = await add_note(store, alice, "old")
        found, _ = await embeddings.older(MODEL, LAST, 100)
        await store.update(alice, note, MemoryUpdate(text="new"), piece("new"), b"new")

        assert await embeddings.store(MODEL, [(one, kept(one.text)) for one in found]) == 0
        assert await missing(embeddings) == ["new"]

    async def test_nor_is_one_of_a_memory_that_was_forgotten(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope
    ) -> None:
        note = await add_note(store, alice, "old")
        found, _ = await embeddings.older(MODEL, LAST, 100)
        await store.forget(alice, Selection(ids=(note,)), dry_run=False)

        assert await embeddings.store(MODEL, [(one, kept(one.text)) for one in found]) == 0

    async def test_a_new_text_drops_the_vector_and_new_tags_keep_it(
        self, embeddings: Embeddings, store: PostgresStore, alice: Scope
    ) -> None:
        note = await add_note(store, alice, "old")
        await embed(embeddings)

        await store.update(alice, note, MemoryUpdate(tags=("x",)), None, None)
        assert await missing(embeddings) == []

        await store.update(alice, note, MemoryUpdate(text="new"), piece("new"), b"new")
        assert await missing(embeddings) == ["new"]

    async def test_it_goes_with_its_memory(
        self, embeddings: Embeddings, store: PostgresStore, database: Database, alice: Scope
    ) -> None:
        note = await add_note(store, alice, "one")
        await embed(embeddings)
        await store.forget(alice, Selection(ids=(note,)), dry_run=False)

        async with database.as_service() as connection:
            assert await connection.fetchval("select count(*) from embeddings") == 0


class TestLog:
    async def test_every_vector_leaves_an_entry_that_counts_no_words(
        self, embeddings: Embeddings, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "a b", "c")
        position = (await log.read(0)).horizon
        counts = await store.corpus(alice, None, [])
        live = await log.live()

        await embed(embeddings)
        await embed(embeddings, "another model")

        entries = (await log.read(position)).changes
        assert sorted(entry.position for entry in entries) == [0, 0, 1, 1]
        assert await store.corpus(alice, None, []) == counts
        await store.fold_term_counts()
        assert await store.corpus(alice, None, []) == counts
        assert await log.live() == live

    async def test_the_log_gives_the_vectors_of_its_model_alone(
        self, embeddings: Embeddings, store: PostgresStore, database: Database, log: PostgresChangeLog, alice: Scope
    ) -> None:
        note = await add_note(store, alice, "one")
        await embed(embeddings)
        of_model, of_other = PostgresChangeLog(database, MODEL), PostgresChangeLog(database, "another model")

        assert await of_model.space() == Space(MODEL, 64)
        assert await of_model.vectors([note]) == {note: kept("one")}
        assert (await of_other.space(), await of_other.vectors([note])) == (None, {})
        assert (await log.space(), await log.vectors([note])) == (None, {})


async def test_a_request_sees_only_its_users_vectors_and_makes_none(
    embeddings: Embeddings, store: PostgresStore, database: Database, alice: Scope, bob: Scope
) -> None:
    import asyncpg

    await add_note(store, alice, "of alice")
    note = await add_note(store, bob, "of bob")
    await embed(embeddings)

    async with database.as_user("alice") as connection:
        assert await connection.fetchval("select array_agg(user_id) from embeddings") == ["alice"]
        assert await connection.execute("delete from embeddings where memory_id = $1", note) == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("update embeddings set model = 'planted'")
