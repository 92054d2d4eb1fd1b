"""A Qdrant server: collections are made as wanted, every call is limited, and each failure is one of two errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from app.backoff import Backoff
from app.errors import IndexUnavailable
from app.index.engine import EngineAway
from app.index.qdrant.server import QdrantServer
from app.index.qdrant.shape import Shape
from app.memory.change_log import Space
from tests.support.qdrant import COPIES, Line, qdrant

PLAIN = Shape(replication_factor=COPIES)
TIMED_OUT = UnexpectedResponse(408, "Timeout", b'{"status": {"error": "Timeout"}}', httpx.Headers())


@pytest.fixture
async def server(qdrant_url: str) -> AsyncIterator[QdrantServer]:
    server = QdrantServer([qdrant_url], None, 3)
    yield server
    await server.close()


@pytest.fixture
async def client(qdrant_url: str) -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=qdrant_url, timeout=60, check_compatibility=False)
    yield client
    await client.close()


@pytest.fixture
async def name(server: QdrantServer) -> AsyncIterator[str]:
    """The name of a collection that goes with the test."""
    name = f"test_{uuid4().hex}"
    yield name
    await server.delete(name)


@pytest.fixture
async def line(qdrant_url: str) -> AsyncIterator[Line]:
    address = urlsplit(qdrant_url)
    line = Line(str(address.hostname), int(address.port or 0))
    await line.start()
    yield line
    line.thaw()
    await line.cut()


class TestCollections:
    async def test_a_collection_is_made_in_its_shape(
        self, server: QdrantServer, client: AsyncQdrantClient, name: str
    ) -> None:
        await server.create(name, Shape(shards=2, on_disk=True, replication_factor=COPIES))
        info = await client.get_collection(name)

        params: Any = info.config.params
        assert (params.shard_number, params.replication_factor, params.write_consistency_factor) == (2, COPIES, 1)
        assert set(params.sparse_vectors) == {"window"}
        assert params.sparse_vectors["window"].modifier is None, "idf would count over other users"
        assert params.sparse_vectors["window"].index.on_disk
        assert info.payload_schema["user"].params.is_tenant  # type: ignore[union-attr]
        kinds = {field: schema.data_type for field, schema in info.payload_schema.items()}
        keywords = dict.fromkeys(("user", "project", "kind", "tags", "role", "conversation"), "keyword")
        assert kinds == {**keywords, "at": "float"}

    async def test_an_alias_means_one_collection_at_a_time(
        self, server: QdrantServer, client: AsyncQdrantClient, name: str
    ) -> None:
        other, alias = f"{name}_other", f"{name}_alias"
        for collection in (name, other):
            await server.create(collection, PLAIN)
        for collection in (name, name, other):
            await server.alias(alias, collection)

        means = {one.alias_name: one.collection_name for one in (await client.get_aliases()).aliases}
        assert means[alias] == other
        await server.delete(other)

    async def test_vectors_are_held_as_bytes_once_that_is_wanted(
        self, server: QdrantServer, client: AsyncQdrantClient, name: str
    ) -> None:
        await server.create(name, PLAIN.with_vectors(Space("model", 2)))
        assert (await client.get_collection(name)).config.quantization_config is None

        for _ in range(2):
            await server.quantize(name)

        assert (await client.get_collection(name)).config.quantization_config is not None

    async def test_one_that_is_not_there_is_deleted_without_an_error(self, server: QdrantServer) -> None:
        await server.delete("test_never_made")


class TestShardKeys:
    async def test_a_key_made_though_a_dead_node_was_waited_for_in_vain_is_used(
        self, run_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = AsyncQdrantClient.create_shard_key

        async def time_out(self: AsyncQdrantClient, *arguments: Any, **more: Any) -> None:
            await make(self, *arguments, **more)
            raise TIMED_OUT

        monkeypatch.setattr(AsyncQdrantClient, "create_shard_key", time_out)
        with qdrant(run_folder / "cluster-timed-out", cluster=True) as url:
            await made_and_deleted(url, Shape(shard_keys=2, replication_factor=COPIES))

    async def test_a_key_that_was_not_made_is_an_error(self, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def refuse(self: AsyncQdrantClient, *arguments: Any, **more: Any) -> None:
            raise TIMED_OUT

        monkeypatch.setattr(AsyncQdrantClient, "create_shard_key", refuse)
        with qdrant(run_folder / "cluster-refusing", cluster=True) as url, pytest.raises(EngineAway, match="408"):
            await made_and_deleted(url, Shape(shard_keys=2, replication_factor=COPIES))


async def made_and_deleted(url: str, shape: Shape) -> None:
    server, name = QdrantServer([url], None, 1), f"test_{uuid4().hex}"
    try:
        await server.create(name, shape)
    finally:
        await server.delete(name)
        await server.close()


class TestCalls:
    async def test_a_collection_that_is_lost_is_told_apart_from_a_server_that_is_away(
        self, server: QdrantServer, qdrant_url: str
    ) -> None:
        with pytest.raises(IndexUnavailable, match="doesn't exist") as lost:
            await server.call(lambda node: node.count("test_never_made"), 5.0)
        assert not isinstance(lost.value, EngineAway)

        away = QdrantServer(["http://127.0.0.1:9"], None, 2)
        with pytest.raises(EngineAway, match=r"Qdrant does not answer \(ConnectError\)"):
            await away.call(lambda node: node.count("test_never_made"), 5.0, tries=2)
        await away.close()

    async def test_a_key_that_is_refused_is_not_shown(self, run_folder: Path) -> None:
        with qdrant(run_folder / "locked-server", key="right") as url:
            server = QdrantServer([url], SecretStr("wrong"), 1)
            with pytest.raises(EngineAway, match=r"rejects the key \(401\); check QDRANT_API_KEY") as refused:
                await server.version()
            await server.close()
        assert "wrong" not in str(refused.value)

    async def test_a_server_that_hangs_is_given_up_when_the_time_is_over(self, line: Line) -> None:
        server = QdrantServer([f"http://127.0.0.1:{line.port}"], None, 3)
        line.freeze()
        with pytest.raises(EngineAway, match="did not answer within 0 s"):
            await server.call(lambda node: node.info(), 0.1, tries=3)
        line.thaw()
        await server.close()

    async def test_after_a_failure_the_next_node_is_asked(self, line: Line, qdrant_url: str) -> None:
        backoff = Backoff(first_s=0.0, longest_s=0.0)
        server = QdrantServer([f"http://127.0.0.1:{line.port}", qdrant_url], None, 2, backoff=backoff)
        await server.version()
        await line.cut()

        assert (await server.call(lambda node: node.info(), 5.0, tries=2)).version
        assert await server.version(), "from now on the one that answers is asked first"
        await server.close()

    async def test_what_could_change_something_is_sent_only_after_it_was_confirmed(
        self, qdrant_url: str, name: str
    ) -> None:
        asked: list[bool] = []

        async def may_send() -> bool:
            asked.append(True)
            return False

        server = QdrantServer([qdrant_url], None, 1, may_send)
        assert await server.version()
        assert not asked, "reading changes nothing"
        with pytest.raises(EngineAway, match="another process may be feeding by now; nothing was written"):
            await server.create(name, PLAIN)
        await asyncio.wait_for(server.close(), 5)

        assert asked
