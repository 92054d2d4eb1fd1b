"""The pass over memories without a vector: all of them in the end, none twice, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Literal, NoReturn

import pytest

from app.backoff import Backoff
from app.embedding.client import EmbeddingClient, Vector
from app.embedding.pending import BACKOFF, Pending
from app.embedding.service import EmbeddingService
from app.errors import EmbeddingRefused, EmbeddingUnavailable, StoreUnavailable
from app.memory.change_log import LogPruned
from app.memory.types import MemoryUpdate, Scope
from app.store import embeddings as embeddings_module
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.embeddings import Embeddings
from app.store.postgres import PostgresStore
from tests.standins import embeddings as standins
from tests.standins.embeddings import StandIn
from tests.support.rows import add_note, add_turns, piece, turn
from tests.support.vectors import kept
from tests.support.waiting import until


@pytest.fixture
def pending(database: Database, client: EmbeddingClient) -> Pending:
    return Pending(Embeddings(database), client, Backoff(first_s=0.02, longest_s=0.02), idle_s=0.01)


@pytest.fixture
def vectors(database: Database) -> Callable[[], Awaitable[dict[str, bytes]]]:
    async def vectors() -> dict[str, bytes]:
        """Return every stored vector by its memory's text."""
        async with database.as_service() as connection:
            return dict(await connection.fetch("select text, vector from embeddings join memories on id = memory_id"))

    return vectors


async def all_of_it(pending: Pending, limit: int | None = None) -> list[int]:
    """Run until there is no more to do; return how many were stored by each run."""
    stored = [await pending.run_once(limit)]
    while stored[-1] or pending.sweeping:
        stored.append(await pending.run_once(limit))
    return [number for number in stored if number]


@asynccontextmanager
async def running(pending: Pending) -> AsyncIterator[None]:
    task = asyncio.create_task(pending.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class TestRunOnce:
    async def test_what_was_there_before_gets_its_vectors(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        alice: Scope,
        bob: Scope,
    ) -> None:
        await add_note(store, alice, "apple")
        await add_turns(store, bob, "talk", turn("pear", name="Bob"))

        assert await all_of_it(pending) == [2]
        assert await vectors() == {"apple": kept("apple"), "pear": kept("Bob: pear")}

    async def test_what_is_written_later_too(
        self, pending: Pending, store: PostgresStore, vectors: Callable[[], Awaitable[dict[str, bytes]]], alice: Scope
    ) -> None:
        await all_of_it(pending)
        await add_note(store, alice, "apple")

        assert await pending.run_once() == 1
        assert set(await vectors()) == {"apple"}

    async def test_what_is_written_during_the_sweep_comes_first(
        self, pending: Pending, store: PostgresStore, vectors: Callable[[], Awaitable[dict[str, bytes]]], alice: Scope
    ) -> None:
        for number in range(3):
            await add_note(store, alice, f"old {number}")
        await pending.run_once(limit=2)
        await add_note(store, alice, "new")

        await pending.run_once(limit=2)

        assert "new" in await vectors()
        await all_of_it(pending, limit=2)
        assert len(await vectors()) == 4

    async def test_no_more_than_asked_for_at_once(self, pending: Pending, store: PostgresStore, alice: Scope) -> None:
        for number in range(7):
            await add_note(store, alice, str(number))

        assert await all_of_it(pending, limit=3) == [3, 3, 1]

    @pytest.mark.parametrize("imported", [5, 6, 23])
    async def test_many_at_once_each_get_theirs_and_are_sent_once(
        self, pending: Pending, store: PostgresStore, standin: StandIn, alice: Scope, imported: int
    ) -> None:
        await all_of_it(pending, limit=5)
        await add_turns(store, alice, "talk", *(turn(f"text {number}") for number in range(imported)))

        assert sum(await all_of_it(pending, limit=5)) == imported
        assert sorted(standin.texts) == sorted(f"text {number}" for number in range(imported))

    async def test_a_new_text_gets_a_new_vector(
        self, pending: Pending, store: PostgresStore, vectors: Callable[[], Awaitable[dict[str, bytes]]], alice: Scope
    ) -> None:
        note = await add_note(store, alice, "old")
        await all_of_it(pending)
        await store.update(alice, note, MemoryUpdate(text="new"), piece("new"), b"new")

        await all_of_it(pending)

        assert await vectors() == {"new": kept("new")}

    async def test_a_text_that_changes_while_it_is_away_to_be_embedded_is_embedded_again(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        client: EmbeddingClient,
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        note = await add_note(store, alice, "old")
        embed = client.embed

        async def meanwhile(texts: Sequence[str], kind: Literal["query", "passage"]) -> list[Vector | None]:
            await store.update(alice, note, MemoryUpdate(text="new"), piece("new"), b"new")
            return await embed(texts, kind)

        with monkeypatch.context() as patch:
            patch.setattr(client, "embed", meanwhile)
            assert await pending.run_once() == 0
        await all_of_it(pending)

        assert await vectors() == {"new": kept("new")}

    async def test_another_model_embeds_everything_again(
        self,
        pending: Pending,
        store: PostgresStore,
        database: Database,
        service: EmbeddingService,
        standin: StandIn,
        alice: Scope,
    ) -> None:
        from dataclasses import replace

        await add_note(store, alice, "apple")
        await all_of_it(pending)
        client = EmbeddingClient(replace(service, dimensions=32), tries=1)

        assert await all_of_it(Pending(Embeddings(database), client)) == [1]
        await client.close()
        async with database.as_service() as connection:
            rows = await connection.fetch("select model, octet_length(vector) from embeddings")
        assert [tuple(row) for row in rows] == [("text-embedding-v4/32", 64)]

    async def test_a_second_process_finds_nothing_to_do(
        self, pending: Pending, store: PostgresStore, database: Database, client: EmbeddingClient, alice: Scope
    ) -> None:
        await add_note(store, alice, "apple")
        await all_of_it(pending)

        assert await all_of_it(Pending(Embeddings(database), client)) == []

    async def test_a_refused_text_is_left_out_and_not_sent_again(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        standin: StandIn,
        alice: Scope,
    ) -> None:
        await all_of_it(pending)
        bad = await add_note(store, alice, "REFUSED")
        await add_note(store, alice, "apple")
        await all_of_it(pending)
        assert set(await vectors()) == {"apple"}

        sent = len(standin.calls)
        pending._position = 0  # as when an old transaction keeps the log from being settled
        await all_of_it(pending)
        assert len(standin.calls) == sent

        await store.update(alice, bad, MemoryUpdate(text="good"), piece("good"), b"good")
        await all_of_it(pending)
        assert set(await vectors()) == {"apple", "good"}

    async def test_a_log_that_was_pruned_is_made_up_for_by_a_sweep(
        self,
        pending: Pending,
        store: PostgresStore,
        log: PostgresChangeLog,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        alice: Scope,
    ) -> None:
        await all_of_it(pending)
        await add_note(store, alice, "apple")
        await store.fold_term_counts()
        await log.prune(timedelta(seconds=-60))

        await all_of_it(pending)

        assert set(await vectors()) == {"apple"}

    async def test_many_old_memories_that_changed_get_theirs_though_newer_ones_have_them(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(embeddings_module, "_AT_ONCE", 10)
        old = [await add_note(store, alice, f"old {number}") for number in range(4)]
        for number in range(12):
            await add_note(store, alice, f"new {number}")
        await all_of_it(pending, limit=2)
        for number, id_ in enumerate(old):
            await store.update(
                alice, id_, MemoryUpdate(text=f"changed {number}"), piece(f"changed {number}"), str(number).encode()
            )

        assert sum(await all_of_it(pending, limit=2)) == 4
        assert {f"changed {number}" for number in range(4)} <= set(await vectors())

    async def test_a_log_that_never_reaches_back_is_made_up_for_by_sweeps_that_end(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def pruned(*arguments: object) -> NoReturn:
            raise LogPruned

        monkeypatch.setattr(embeddings_module, "_AT_ONCE", 2)
        monkeypatch.setattr(pending._vectors, "changed", pruned)
        for number in range(5):
            await add_note(store, alice, str(number))

        await all_of_it(pending, limit=2)

        assert len(await vectors()) == 5
        assert not pending.sweeping

    async def test_many_refused_texts_keep_no_other_from_its_vector(
        self, pending: Pending, store: PostgresStore, vectors: Callable[[], Awaitable[dict[str, bytes]]], alice: Scope
    ) -> None:
        await all_of_it(pending)
        await add_turns(store, alice, "talk", *(turn(f"REFUSED {number}") for number in range(6)), turn("apple"))

        await all_of_it(pending, limit=2)
        await all_of_it(pending, limit=2)

        assert set(await vectors()) == {"apple"}

    @pytest.mark.parametrize("swept", [True, False])
    async def test_what_fails_is_found_again(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        standin: StandIn,
        alice: Scope,
        swept: bool,
    ) -> None:
        if not swept:
            await all_of_it(pending)
        await add_note(store, alice, "apple")
        standin.fail += [standins.BROKEN] * 3
        with pytest.raises(EmbeddingUnavailable):
            await all_of_it(pending)

        await all_of_it(pending)

        assert set(await vectors()) == {"apple"}


class TestRun:
    async def test_it_embeds_what_comes_and_may_be_stopped_at_any_moment(
        self, pending: Pending, store: PostgresStore, vectors: Callable[[], Awaitable[dict[str, bytes]]], alice: Scope
    ) -> None:
        async with running(pending):
            await add_note(store, alice, "apple")
            pending.wake()
            await until(vectors, "the vector is stored")

        assert set(await vectors()) == {"apple"}

    async def test_a_service_that_is_away_is_asked_again_and_its_problem_told(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        standin: StandIn,
        alice: Scope,
    ) -> None:
        await add_note(store, alice, "apple")
        standin.fail += [standins.BROKEN] * 9

        async with running(pending):
            await until(lambda: pending.problem is not None, "the problem is told")
            assert "is busy or failing" in (pending.problem or "")
            await until(vectors, "the vector is stored")
            await until(lambda: pending.problem is None, "the problem is over")

    async def test_a_process_that_does_it_no_more_tells_no_problem(
        self, pending: Pending, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        await add_note(store, alice, "apple")
        standin.fail += [standins.BROKEN] * 9

        async with running(pending):
            await until(lambda: pending.problem is not None, "the problem is told")

        assert pending.problem is None, "nobody would find out here that it is over"

    async def test_a_database_that_is_away_is_waited_for_and_no_problem_of_the_service(
        self,
        pending: Pending,
        store: PostgresStore,
        vectors: Callable[[], Awaitable[dict[str, bytes]]],
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked = 0

        async def away(*arguments: object) -> NoReturn:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("PostgreSQL is away")

        async with running(pending):
            with monkeypatch.context() as patch:
                patch.setattr(pending._vectors, "changed", away)
                await until(lambda: asked > 2, "the database is asked again and again")
                assert pending.problem is None
            await add_note(store, alice, "apple")
            await until(vectors, "the vector is stored")


Waited = Callable[[EmbeddingUnavailable, int], Awaitable[list[float]]]


class Failing:
    """An embedder whose every call fails in the same way."""

    model, at_once = "failing", 10

    def __init__(self, error: EmbeddingUnavailable) -> None:
        self._error = error

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[Vector | None]:
        raise self._error


class TestWaits:
    @pytest.fixture
    async def waited(self, database: Database, store: PostgresStore, alice: Scope) -> Waited:
        """Return the waits after so many failures in a row, at their longest."""

        async def waited(error: EmbeddingUnavailable, failures: int) -> list[float]:
            waits: list[float] = []

            async def sleep(wait_s: float) -> None:
                waits.append(wait_s)
                if len(waits) == failures:
                    raise asyncio.CancelledError

            backoff = replace(BACKOFF, sleep=sleep, chance=lambda: 0.0)
            pending = Pending(Embeddings(database), Failing(error), backoff, idle_s=0.01)
            with suppress(asyncio.CancelledError):
                await pending.run()
            return waits

        await add_note(store, alice, "apple")
        return waited

    async def test_they_grow_up_to_a_limit(self, waited: Waited) -> None:
        assert await waited(EmbeddingUnavailable("away"), 10) == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]

    async def test_what_the_service_asks_for_is_respected(self, waited: Waited) -> None:
        assert await waited(EmbeddingUnavailable("busy", 120.0), 2) == [120, 120]

    async def test_what_only_an_operator_can_fix_is_tried_seldom(self, waited: Waited) -> None:
        assert await waited(EmbeddingRefused("wrong key"), 2) == [300, 300]
