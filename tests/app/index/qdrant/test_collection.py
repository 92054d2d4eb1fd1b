"""A collection as an engine; what it shares with the others is in tests/app/index/test_engines.py."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from qdrant_client import AsyncQdrantClient

from app.index.engine import Deleted
from app.index.qdrant.collection import QdrantCollection
from app.index.qdrant.server import QdrantServer
from app.index.qdrant.shape import Shape
from app.memory.ports import CandidateQuery
from app.memory.types import Filter
from tests.support.points import point
from tests.support.qdrant import COPIES, qdrant

WORD = {7: 1.0}


@pytest.fixture
async def collection(qdrant_url: str) -> AsyncIterator[QdrantCollection]:
    server = QdrantServer([qdrant_url], None, 3)
    collection = QdrantCollection(server, f"test_{uuid4().hex}", Shape(replication_factor=COPIES))
    await server.create(collection.name, collection.shape)
    yield collection
    await server.delete(collection.name)
    await server.close()


async def test_points_that_are_left_out_take_no_place_among_the_best(collection: QdrantCollection) -> None:
    await collection.apply([point(number, window={7: float(number)}) for number in (1, 2, 3)], [])
    query = CandidateQuery(user="alice", weights=WORD, where=Filter(), limit=2)

    best = await collection.candidates(query, without=[UUID(int=3)])

    assert [(one.id.int, one.window_score) for one in best] == [(2, 2.0), (1, 1.0)]


async def test_a_score_is_the_32_bit_float_that_the_server_meant(collection: QdrantCollection) -> None:
    third = 1 / 3
    await collection.apply([point(1, window={7: third})], [])

    [best] = await collection.candidates(CandidateQuery(user="alice", weights=WORD, where=Filter(), limit=1))
    score = best.window_score
    assert score != third
    assert score == pytest.approx(third, rel=1e-7)
    assert struct.unpack("<f", struct.pack("<f", score)) == (score,)


async def test_with_shard_keys_a_users_points_are_under_the_users_key(run_folder: Path) -> None:
    with qdrant(run_folder / f"cluster-{uuid4().hex}", cluster=True) as url:
        server, shape = QdrantServer([url], None, 3), Shape(shard_keys=3, replication_factor=COPIES)
        collection = QdrantCollection(server, f"test_{uuid4().hex}", shape)
        client = AsyncQdrantClient(url=url, timeout=60, check_compatibility=False)
        try:
            await server.create(collection.name, shape)
            await collection.apply([point(1, window=WORD), point(2, window=WORD, user="bob")], [])
            there = {
                key: (await client.count(collection.name, shard_key_selector=key)).count for key in shape.all_keys()
            }
            assert there[str(shape.key_of("alice"))] >= 1
            assert there[str(shape.key_of("bob"))] >= 1
            assert sum(there.values()) == 2

            await collection.apply([], [Deleted("bob", UUID(int=2))])
            assert await collection.count() == 1
            await server.delete(collection.name)
        finally:
            await client.close()
            await server.close()
