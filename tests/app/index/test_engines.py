"""What every engine does the same: embedded, a Qdrant server, one with several shards, a cluster with shard keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app import index
from app.index.embedded.engine import EmbeddedEngine
from app.index.engine import Deleted
from app.index.qdrant.collection import QdrantCollection
from app.index.qdrant.server import QdrantServer
from app.index.qdrant.shape import Shape
from app.memory.change_log import Space
from app.memory.types import Filter
from app.memory.vectors import pack
from tests.support.points import both_scores, found, point
from tests.support.qdrant import COPIES, qdrant

EAST, NORTH, BETWEEN = (1.0, 0.0), (0.0, 1.0), (0.6, 0.8)
SHAPES = {
    "server": Shape(replication_factor=COPIES),
    "shards": Shape(shards=3, on_disk=True, replication_factor=COPIES),
    "keys": Shape(shards=2, shard_keys=3, replication_factor=COPIES),
}
KINDS = {"embedded": EmbeddedEngine, **dict.fromkeys(SHAPES, QdrantCollection)}


@asynccontextmanager
async def opened(
    kind: str, space: Space | None, index_folder: Path, qdrant_url: str
) -> AsyncIterator[EmbeddedEngine | QdrantCollection]:
    if kind == "embedded":
        engine = await EmbeddedEngine.open(index_folder, uuid4(), space)
        await engine.empty(space)
        try:
            yield engine
        finally:
            await engine.close()
        return
    server = QdrantServer([qdrant_url], None, 3)
    collection = QdrantCollection(server, f"test_{uuid4().hex}", SHAPES[kind].with_vectors(space))
    try:
        await server.create(collection.name, collection.shape)
        yield collection
    finally:
        await server.delete(collection.name)
        await server.close()


@contextmanager
def address(kind: str, run_folder: Path, qdrant_url: str) -> Iterator[str]:
    """Yield where to go: shard keys need a cluster."""
    if kind != "keys":
        yield qdrant_url
        return
    with qdrant(run_folder / f"cluster-{uuid4().hex}", cluster=True) as url:
        yield url


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def engine(
    kind: str, index_folder: Path, run_folder: Path, qdrant_url: str
) -> AsyncIterator[EmbeddedEngine | QdrantCollection]:
    """An empty engine."""
    with address(kind, run_folder, qdrant_url) as url:
        async with opened(kind, None, index_folder, url) as engine:
            yield engine


def test_every_folder_with_a_setup_has_its_engine_here() -> None:
    folders = {file.parent.name for file in Path(index.__file__).parent.glob("*/setup.py")}

    assert {engine.__module__.split(".")[2] for engine in KINDS.values()} == folders


class TestSearch:
    async def test_scores_are_dot_products_best_first_up_to_the_limit(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply(
            [point(1, window={7: 1.0, 8: 2.0}), point(2, window={7: 3.0}), point(3, window={9: 9.0})], []
        )

        assert list((await found(engine, {7: 1.0, 8: 0.5})).items()) == [(2, 3.0), (1, 2.0)]
        assert await found(engine, {7: 1.0}, limit=1) == {2: 3.0}

    async def test_points_without_a_common_term_are_not_found(self, engine: EmbeddedEngine | QdrantCollection) -> None:
        await engine.apply([point(window={7: 1.0})], [])

        assert await found(engine, {8: 1.0}) == {}

    async def test_another_users_points_are_not_found(self, engine: EmbeddedEngine | QdrantCollection) -> None:
        await engine.apply([point(1, window={7: 1.0}), point(2, window={7: 9.0}, user="bob")], [])

        assert await found(engine, {7: 1.0}) == {1: 1.0}
        assert await found(engine, {7: 1.0}, user="bob") == {2: 9.0}

    async def test_the_same_point_again_replaces_the_first_whole(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply([point(window={7: 1.0}, project="p")], [])
        await engine.apply([point(window={8: 1.0}, project="q")], [])

        assert await engine.count() == 1
        assert await found(engine, {7: 1.0}) == {}
        assert await found(engine, {8: 1.0}, Filter(projects=("q",))) == {1: 1.0}

    async def test_deleted_points_are_gone_and_unknown_ones_no_error(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply([point(1, window={7: 1.0}), point(2, window={7: 1.0})], [])
        await engine.apply([], [Deleted("alice", UUID(int=1)), Deleted("alice", UUID(int=99))])

        assert await found(engine, {7: 1.0}) == {2: 1.0}
        assert await engine.count() == 1


class TestVectors:
    @pytest.fixture
    async def engine(
        self, kind: str, index_folder: Path, run_folder: Path, qdrant_url: str
    ) -> AsyncIterator[EmbeddedEngine | QdrantCollection]:
        with address(kind, run_folder, qdrant_url) as url:
            async with opened(kind, Space("model", 2), index_folder, url) as engine:
                yield engine

    async def test_a_candidate_has_both_scores_whichever_search_found_it(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply(
            [
                point(1, window={7: 3.0}, dense=pack(NORTH)),  # the best by words alone
                point(2, window={7: 1.0}, dense=pack(EAST)),  # the best by its vector alone
                point(3, window={8: 1.0}, dense=pack(BETWEEN)),
                point(4, window={7: 2.0}),
            ],
            [],
        )

        assert await both_scores(engine, EAST, limit=1) == {1: (3.0, 0.0), 2: (1.0, 1.0)}
        assert await both_scores(engine, EAST) == {1: (3.0, 0.0), 2: (1.0, 1.0), 3: (0.0, 0.6), 4: (2.0, None)}

    async def test_a_question_without_a_known_word_finds_by_its_vector(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply([point(1, window={7: 3.0}, dense=pack(NORTH))], [])

        assert await both_scores(engine, EAST, weights={}) == {1: (0.0, 0.0)}

    async def test_without_a_vector_in_the_question_only_words_are_looked_for(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply([point(1, window={7: 3.0}, dense=pack(NORTH)), point(2, dense=pack(EAST))], [])

        assert await both_scores(engine, None) == {1: (3.0, None)}

    async def test_both_searches_keep_to_the_user_and_the_filter(
        self, engine: EmbeddedEngine | QdrantCollection
    ) -> None:
        await engine.apply(
            [
                point(1, window={7: 1.0}, dense=pack(EAST), user="bob"),
                point(2, window={7: 1.0}, dense=pack(EAST), project="other"),
                point(3, dense=pack(NORTH), project="p"),
            ],
            [],
        )

        assert await both_scores(engine, EAST, projects=("p",)) == {3: (0.0, 0.0)}
