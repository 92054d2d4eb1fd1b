"""An index of an earlier version answers, up to date, until the new one takes over; a kill loses neither."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.errors import Conflict, StoreUnavailable
from app.index.embedded.engine import EmbeddedEngine
from app.index.embedded.replacing import EmbeddedIndex
from app.index.embedded.state import IndexState, write_state
from app.index.engine import EngineAway
from app.index.setup import IndexSource
from app.memory.analysis import analyse
from app.memory.bm25 import VECTORS_VERSION
from app.memory.ports import CandidateQuery
from app.memory.types import Filter, Scope
from app.runtime.composition import index_source
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.embeddings import Embeddings
from app.store.postgres import PostgresStore
from tests.support.damage import spoil
from tests.support.domain import domain_on, look_for, memorize, texts_for
from tests.support.rows import add_note
from tests.support.vectors import bag_of_words, kept
from tests.support.waiting import until


@pytest.fixture
def source(log: PostgresChangeLog, database: Database) -> IndexSource:
    return index_source(log, database)


@asynccontextmanager
async def indexing(source: IndexSource, folder: Path) -> AsyncIterator[EmbeddedIndex]:
    """Run an index that tries again at once and soon closes what was replaced."""
    index = EmbeddedIndex(source, folder, retry_s=0.01, grace_s=0.2)
    await index.start()
    try:
        yield index
    finally:
        await index.stop()


def state(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "state.json").read_text())
    return content


def folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


@pytest.fixture
async def earlier(source: IndexSource, store: PostgresStore, index_folder: Path, alice: Scope) -> Path:
    """The folder of an index of an earlier version, with one memory."""
    await add_note(store, alice, "apple pie")
    async with indexing(source, index_folder) as index:
        await index.wait_filled(10)
    (index_folder / "state.json").write_text(json.dumps({**state(index_folder), "vectors": VECTORS_VERSION - 1}))
    return index_folder


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set it, and indexes are filled."""
    go_on, everything = asyncio.Event(), PostgresChangeLog.everything

    async def waiting(log: PostgresChangeLog) -> AsyncIterator[Any]:
        await go_on.wait()
        async for page in everything(log):
            yield page

    monkeypatch.setattr(PostgresChangeLog, "everything", waiting)
    return go_on


async def kill(index: EmbeddedIndex) -> None:
    """Leave everything as a killed process does: nothing is saved any more, the lock is free."""
    followers = [one for one in (index._own, index._earlier) if one is not None]
    tasks = [task for task in (index._replacing, *(one._task for one in followers)) if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert index._engine is not None
    await index._engine.close()


def is_new(index: EmbeddedIndex) -> Callable[[], bool]:
    return lambda: index._answering is index._own and index._earlier is None


async def test_it_answers_with_every_write_while_the_new_one_is_built(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event
) -> None:
    async with indexing(source, earlier) as index:
        domain = domain_on(store, index)
        for number in range(3):
            await memorize(domain, alice, f"apple cake {number}")
            found = await look_for(domain, alice, "apple")
            assert (len(found.results), found.degraded) == (number + 2, False)
        assert index.problem is None
        assert await index.count() == 4


async def test_the_new_one_takes_over_without_a_gap(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event
) -> None:
    async with indexing(source, earlier) as index:
        domain = domain_on(store, index)
        await memorize(domain, alice, "apple cake")
        view = await index.view("alice")
        fill.set()
        count = 2
        while not is_new(index)():
            await memorize(domain, alice, f"apple tart{count}")
            found = await look_for(domain, alice, f"tart{count}")
            assert ([one.memory.text for one in found.results], found.degraded) == ([f"apple tart{count}"], False)
            count += 1
        assert await index.view("alice") is not view
        assert (state(earlier)["vectors"], state(earlier)["folder"]) == (VECTORS_VERSION, "users-2")
        await until(lambda: folders(earlier) == ["users-2"], "the files of the earlier one are deleted")

    async with indexing(source, earlier) as again:
        assert is_new(again)()
        assert await again.count() == count


async def test_one_that_is_killed_before_goes_on_with_the_earlier_index(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event
) -> None:
    index = EmbeddedIndex(source, earlier)
    await index.start()
    await memorize(domain_on(store, index), alice, "apple cake")
    await kill(index)

    async with indexing(source, earlier) as again:
        assert (again.problem, state(earlier)["vectors"]) == (None, VECTORS_VERSION - 1)
        assert len(await texts_for(domain_on(store, again), alice, "apple")) == 2
        fill.set()
        await until(is_new(again), "the new one answers")


async def test_one_that_is_killed_filled_but_not_taken_over_goes_on_with_the_earlier_index(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*arguments: Any) -> None:
        raise EngineAway("no space")

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedEngine, "take_over", away)
        index = EmbeddedIndex(source, earlier, retry_s=0.01)
        await index.start()
        await index._own.wait_filled(10)
        await memorize(domain_on(store, index), alice, "apple cake")
        assert index.problem is None
        await kill(index)

    assert state(earlier)["vectors"] == VECTORS_VERSION - 1
    async with indexing(source, earlier) as again:
        assert len(await texts_for(domain_on(store, again), alice, "apple")) == 2
        await until(is_new(again), "the new one answers")
        assert len(await texts_for(domain_on(store, again), alice, "apple")) == 2


async def test_one_that_is_killed_right_after_goes_on_with_the_new_index(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope
) -> None:
    index = EmbeddedIndex(source, earlier, retry_s=0.01)
    await index.start()
    await until(lambda: index._answering is index._own, "the new one answers")
    await memorize(domain_on(store, index), alice, "apple cake")
    assert folders(earlier) == ["users", "users-2"], "searches that began before may still read"
    await kill(index)

    async with indexing(source, earlier) as again:
        assert is_new(again)()
        assert folders(earlier) == ["users-2"]
        assert len(await texts_for(domain_on(store, again), alice, "apple")) == 2


async def test_a_stop_before_saves_the_earlier_index(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event, log: PostgresChangeLog
) -> None:
    async with indexing(source, earlier) as index:
        await memorize(domain_on(store, index), alice, "apple cake")
        await index.view("alice")

    assert state(earlier)["position"] == await log.horizon()
    assert state(earlier)["vectors"] == VECTORS_VERSION - 1


async def test_a_state_that_cannot_be_written_is_tried_again_while_the_earlier_one_answers(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[IndexState] = []

    def full(folder: Path, made: IndexState) -> None:
        if made.vectors == VECTORS_VERSION and len(refused) < 3:
            refused.append(made)
            raise OSError(28, "full")
        write_state(folder, made)

    monkeypatch.setattr("app.index.embedded.engine.write_state", full)
    async with indexing(source, earlier) as index:
        domain = domain_on(store, index)
        while not is_new(index)():
            assert not (await look_for(domain, alice, "apple")).degraded

    assert len(refused) == 3
    assert state(earlier)["folder"] == "users-2"


async def test_one_that_turns_out_to_be_damaged_answers_no_more_and_the_new_one_soon(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event
) -> None:
    spoil(earlier / "users", "*/*.segment", "garbage")
    async with indexing(source, earlier) as index:
        domain = domain_on(store, index)
        found = await look_for(domain, alice, "apple")
        assert (len(found.results), found.degraded) == (1, True), "the store answers"
        await until(lambda: index.problem is not None, "the damage was noticed")
        fill.set()
        await until(is_new(index), "the new one answers")

        assert not (await look_for(domain, alice, "apple")).degraded


@pytest.mark.parametrize(
    "change", [{"format": 0}, {"database": str(UUID(int=1))}, {"folder": "../users"}, {"users": 9}]
)
async def test_what_cannot_be_read_or_is_of_something_else_is_built_anew(
    source: IndexSource, earlier: Path, change: dict[str, Any], fill: asyncio.Event
) -> None:
    (earlier / "state.json").write_text(json.dumps({**state(earlier), **change}))
    async with indexing(source, earlier) as index:
        assert index.problem == "it is being built"
        fill.set()
        await until(lambda: index.problem is None, "it is built")

    assert state(earlier)["folder"] == "users"


@pytest.mark.parametrize("begun", [False, True], ids=["before the new one is filled", "while it is"])
async def test_a_rebuild_that_was_asked_for_gives_the_earlier_one_up(
    source: IndexSource, store: PostgresStore, earlier: Path, alice: Scope, fill: asyncio.Event, begun: bool
) -> None:
    async with indexing(source, earlier) as index:
        if begun:
            await until(lambda: "users-2" in folders(earlier), "the new one is being filled")
        await index.rebuild()
        assert index.problem is not None
        fill.set()
        await until(lambda: index.problem is None, "it is built")
        assert await texts_for(domain_on(store, index), alice, "apple") == ["apple pie"]

    assert folders(earlier) == [state(earlier)["folder"]]


async def test_an_earlier_one_whose_state_cannot_be_deleted_holds_up_no_rebuild(
    source: IndexSource, earlier: Path, monkeypatch: pytest.MonkeyPatch, fill: asyncio.Event
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "state.json":
            raise PermissionError(13, "not permitted")
        unlink(path, missing_ok)

    async with indexing(source, earlier) as index:
        await until(lambda: "users-2" in folders(earlier), "the new one is being filled")
        monkeypatch.setattr(Path, "unlink", refuse)
        await index.rebuild()
        fill.set()
        await until(lambda: index.problem is None, "it is built")

    assert state(earlier)["folder"] == "users-2"
    assert folders(earlier) == ["users", "users-2"], "the next start deletes it"


async def test_it_is_replaced_once_more_in_the_first_folder(source: IndexSource, earlier: Path) -> None:
    for folder in ("users-2", "users"):
        async with indexing(source, earlier) as index:
            await until(is_new(index), "the new one answers")
        assert state(earlier)["folder"] == folder
        (earlier / "state.json").write_text(json.dumps({**state(earlier), "vectors": VECTORS_VERSION - 1}))


async def test_vectors_of_another_model_are_left_out_until_the_new_one_answers(
    store: PostgresStore, database: Database, index_folder: Path, alice: Scope, fill: asyncio.Event
) -> None:
    async def nearest(index: EmbeddedIndex) -> list[tuple[float, float | None]]:
        """Return the window and dense scores of what is found by one word and by a vector of either model."""
        view = await index.view("alice")
        [term] = analyse("apple").terms
        dense = tuple(bag_of_words("apple"))
        query = CandidateQuery(user="alice", weights={term: 1.0}, where=Filter(), limit=10, dense=dense)
        return [(one.window_score, one.dense_score) for one in await view.candidates(query)]

    fill.set()
    await add_note(store, alice, "apple")
    for model in ("old", "new"):
        found, _ = await Embeddings(database).older(model, UUID(int=2**128 - 1), 1_000)
        await Embeddings(database).store(model, [(one, kept(one.text)) for one in found])
        async with indexing(index_source(PostgresChangeLog(database, model), database), index_folder) as index:
            if model == "new":
                [(words, dense)] = await nearest(index)
                assert (words > 0, dense) == (True, None)
                assert not is_new(index)()
                fill.set()
            await until(lambda: index.problem is None and is_new(index)(), "the new one answers")
            [(words, dense)] = await nearest(index)
            assert dense == pytest.approx(1.0, abs=0.01)
        fill.clear()


async def test_a_store_that_fails_at_the_start_leaves_the_folder_free(
    source: IndexSource, earlier: Path, log: PostgresChangeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, database_id = [], log.database_id

    async def once() -> UUID:
        asked.append(1)
        if len(asked) == 2:
            raise StoreUnavailable("PostgreSQL does not answer")
        return await database_id()

    with monkeypatch.context() as patch:
        patch.setattr(log, "database_id", once)
        with pytest.raises(StoreUnavailable):
            await EmbeddedIndex(source, earlier).start()

    async with indexing(source, earlier) as index:
        with pytest.raises(Conflict):
            await EmbeddedIndex(source, earlier).start()
        assert index.problem is None
