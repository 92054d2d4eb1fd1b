"""The feeder: one live collection, level with the log; replaced without a gap, and mended after any kill."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from app.index.engine import Point
from app.index.follower import Follower
from app.index.qdrant import collection as collection_module
from app.index.qdrant.convert import point_struct
from app.index.qdrant.feeder import QdrantFeeder
from app.index.qdrant.fields import TRAITS
from app.index.qdrant.search import QdrantIndex
from app.memory.types import Scope
from app.runtime.composition import index_source
from app.runtime.leader import FEEDER_LOCK, while_leading
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.heartbeat import AlwaysHeld
from app.store.postgres import PostgresStore
from tests.support.domain import domain_on, look_for, memorize, texts_for
from tests.support.freezing import successor
from tests.support.qdrant import QUICK, Line, answering, delete_all, fed, feeding, level, live_collection, qdrant
from tests.support.rows import add_note
from tests.support.serving import ROOT, clean_environment
from tests.support.waiting import until


@pytest.fixture
async def client(qdrant_url: str) -> AsyncIterator[AsyncQdrantClient]:
    """Qdrant's own client."""
    client = AsyncQdrantClient(url=qdrant_url, timeout=60, check_compatibility=False)
    yield client
    await client.close()


async def names(client: AsyncQdrantClient, settings: Settings) -> set[str]:
    """The collections there are on the server."""
    found = (await client.get_collections()).collections
    return {one.name for one in found if one.name.startswith(settings.qdrant_collection)}


async def alias_of(client: AsyncQdrantClient, settings: Settings) -> str | None:
    found = (await client.get_aliases()).aliases
    return next((one.collection_name for one in found if one.alias_name == settings.qdrant_collection), None)


async def tidy(client: AsyncQdrantClient, database: Database, settings: Settings) -> bool:
    """Whether the live collection is the only one, here and there, and the alias means it."""
    rows = await PostgresCollections(database).all()
    live = {row.name for row in rows if row.state == "live"}
    return len(rows) == 1 and live == await names(client, settings) and {await alias_of(client, settings)} == live


def feeder_problem(feeder: QdrantFeeder) -> str:
    return feeder.problem or ""


class TestFeeding:
    async def test_the_first_collection_holds_what_there_is_and_then_what_comes(
        self,
        store: PostgresStore,
        database: Database,
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
    ) -> None:
        await add_note(store, alice, "before")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await add_note(store, alice, "after")
            feeder.wake()
            await until(lambda: level(database), "all is fed")
            await until(lambda: tidy(client, database, qdrant_settings), "the alias is there")
            assert feeder.lag == (0, 0.0)

        live = await live_collection(database)
        assert (await client.count(live.name)).count == 2
        assert feeder.problem == "it does not run here"

    async def test_no_text_goes_to_the_server(
        self,
        store: PostgresStore,
        database: Database,
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
    ) -> None:
        await add_note(store, alice, "something private", tags=("x",))
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        points, _ = await client.scroll((await live_collection(database)).name)

        assert set(points[0].payload or {}) == {"user", "project", "kind", "tags", "conversation", *TRAITS}
        assert "private" not in json.dumps(points[0].payload)

    async def test_a_server_that_goes_away_is_waited_for(
        self, store: PostgresStore, database: Database, qdrant_settings: Settings, qdrant_url: str, alice: Scope
    ) -> None:
        host, _, port = qdrant_url.removeprefix("http://").partition(":")
        line = Line(host, int(port))
        await line.start()
        through = qdrant_settings.model_copy(
            update={"qdrant_url": f"http://127.0.0.1:{line.port}", "max_retry_attempts": 1}
        )
        try:
            async with feeding(database, through) as feeder:
                await fed(feeder)
                name = (await live_collection(database)).name
                await line.cut()
                await add_note(store, alice, "meanwhile")
                feeder.wake()
                await until(lambda: "does not answer" in (feeder.problem or ""), "it is noticed")
                await line.start()
                await until(lambda: level(database), "all is fed")
                await fed(feeder)
                assert (await live_collection(database)).name == name, "nothing is filled anew"
        finally:
            await line.cut()

    async def test_a_wrong_key_is_told_and_nothing_is_filled_anew(
        self, database: Database, qdrant_settings: Settings, run_folder: Path
    ) -> None:
        from pydantic import SecretStr

        with qdrant(run_folder / "locked", key="right") as url:
            wrong = qdrant_settings.model_copy(update={"qdrant_url": url, "qdrant_api_key": SecretStr("wrong")})
            async with feeding(database, wrong) as feeder:
                await until(lambda: "rejects the key (401)" in feeder_problem(feeder), "the refusal is told")
            assert "wrong" not in feeder_problem(feeder), "the key is not shown"
            right = wrong.model_copy(update={"qdrant_api_key": SecretStr("right")})
            async with feeding(database, right) as feeder:
                await fed(feeder)


class TestShardKeys:
    async def test_users_are_spread_over_the_keys_of_a_cluster(
        self,
        store: PostgresStore,
        database: Database,
        qdrant_settings: Settings,
        run_folder: Path,
        alice: Scope,
        bob: Scope,
    ) -> None:
        with qdrant(run_folder / "cluster", cluster=True) as url:
            spread = qdrant_settings.model_copy(update={"qdrant_url": url, "qdrant_shard_keys": 3})
            gone = await add_note(store, alice, "apple pie")
            await add_note(store, bob, "apple of bob")
            async with feeding(database, spread) as feeder, answering(database, spread) as index:
                await fed(feeder)
                await until(lambda: index.problem is None, "it answers")
                domain = domain_on(store, index)
                assert await texts_for(domain, alice, "apple") == ["apple pie"]
                assert await texts_for(domain, bob, "apple") == ["apple of bob"]
                await memorize(domain, alice, "apple cake")
                async with database.as_user("alice") as connection:
                    await connection.execute("delete from memories where id = $1", gone)
                await until(lambda: level(database), "all is fed")
                assert await texts_for(domain, alice, "apple") == ["apple cake"]

    async def test_a_single_node_is_refused_with_the_way_out(
        self, database: Database, qdrant_settings: Settings, client: AsyncQdrantClient
    ) -> None:
        if (await client.cluster_status()).status == "enabled":
            pytest.skip("the server is a cluster")
        spread = qdrant_settings.model_copy(update={"qdrant_shard_keys": 3})
        async with feeding(database, spread) as feeder:
            await until(lambda: "QDRANT_SHARD_KEYS" in feeder_problem(feeder), "it is told")
            assert "QDRANT__CLUSTER__ENABLED=true" in feeder_problem(feeder)


class TestReplacing:
    @pytest.fixture
    async def index(
        self, store: PostgresStore, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> AsyncIterator[QdrantIndex]:
        for number in range(30):
            await add_note(store, alice, f"apple {number}")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        async with answering(database, qdrant_settings) as index:
            yield index

    @pytest.mark.parametrize("why", ["asked for", "other settings"])
    async def test_searches_and_writes_go_on_without_a_gap(
        self,
        store: PostgresStore,
        index: QdrantIndex,
        database: Database,
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
        why: str,
    ) -> None:
        domain = domain_on(store, index)
        before = (await live_collection(database)).name
        if why == "asked for":
            await PostgresCollections(database).ask_for_rebuild()
        else:
            qdrant_settings = qdrant_settings.model_copy(update={"qdrant_shards": 3})
        searches = 0
        async with feeding(database, qdrant_settings):
            switched = False
            while not switched or searches < 40:
                await memorize(domain, alice, f"apple pie {searches}")
                found = await look_for(domain, alice, "apple", limit=100)
                assert not found.degraded
                assert len(found.results) == min(100, 31 + searches)
                searches += 1
                switched = (await live_collection(database)).name != before
            await until(lambda: tidy(client, database, qdrant_settings), "the old one is gone")

    async def test_a_collection_lost_on_the_server_is_filled_anew(
        self,
        store: PostgresStore,
        index: QdrantIndex,
        database: Database,
        qdrant_settings: Settings,
        qdrant_url: str,
        client: AsyncQdrantClient,
        alice: Scope,
    ) -> None:
        await delete_all(qdrant_url, qdrant_settings.qdrant_collection)
        async with feeding(database, qdrant_settings):
            await until(lambda: tidy(client, database, qdrant_settings), "there is one again")
            await until(lambda: index.problem is None, "it answers")
            assert len(await texts_for(domain_on(store, index), alice, "apple", limit=100)) == 30

    async def test_a_collection_lost_while_it_is_fed_is_filled_anew(
        self,
        store: PostgresStore,
        index: QdrantIndex,
        database: Database,
        qdrant_settings: Settings,
        qdrant_url: str,
        client: AsyncQdrantClient,
        alice: Scope,
    ) -> None:
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await delete_all(qdrant_url, qdrant_settings.qdrant_collection)
            await add_note(store, alice, "apple 30")
            feeder.wake()
            await until(lambda: tidy(client, database, qdrant_settings), "there is one again")
            await until(lambda: index.problem is None, "it answers")
            assert len(await texts_for(domain_on(store, index), alice, "apple", limit=100)) == 31

    async def test_a_collection_with_too_few_points_is_filled_anew(
        self,
        store: PostgresStore,
        index: QdrantIndex,
        database: Database,
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
    ) -> None:
        before = (await live_collection(database)).name
        everything = models.FilterSelector(
            filter=models.Filter(must=[models.HasIdCondition(has_id=await ids(client, before))])
        )
        await client.delete(before, everything)

        async def replaced() -> bool:
            live = await PostgresCollections(database).live()
            return live is not None and live.name != before

        async with feeding(database, qdrant_settings):
            await until(replaced, "another one answers")
            await until(lambda: index.problem is None, "it answers")
            assert len(await texts_for(domain_on(store, index), alice, "apple", limit=100)) == 30

    async def test_an_alias_that_means_another_collection_is_mended(
        self, index: QdrantIndex, database: Database, qdrant_settings: Settings, client: AsyncQdrantClient
    ) -> None:
        other = f"{qdrant_settings.qdrant_collection}_other"
        await client.create_collection(
            other, vectors_config={"dense": models.VectorParams(size=1, distance=models.Distance.DOT)}
        )
        create = models.CreateAlias(collection_name=other, alias_name=qdrant_settings.qdrant_collection)
        await client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])
        live = (await live_collection(database)).name

        async def mended() -> bool:
            return await alias_of(client, qdrant_settings) == live

        async with feeding(database, qdrant_settings):
            await until(mended, "the alias means the live collection")
        assert other in await names(client, qdrant_settings), "what is not ours stays"

    async def test_collections_of_a_restored_copy_are_forgotten(
        self, store: PostgresStore, index: QdrantIndex, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        async with database.as_service() as connection:
            await connection.execute("update instance set database_id = gen_random_uuid()")
        assert (await look_for(domain_on(store, index), alice, "apple")).degraded, "its positions mean nothing here"

        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await until(lambda: index.problem is None, "it answers")
            assert len(await texts_for(domain_on(store, index), alice, "apple", limit=100)) == 30


# Each leaves another state behind, here or on the server.
STEPS = [
    "Collections.begin:after",
    "QdrantServer.create:after",
    "Collections.save:after",
    "Collections.switch:after",
    "QdrantServer.alias:after",
    "QdrantServer.delete:after",
    "Collections.remove:after",
]


class TestKilled:
    @pytest.mark.parametrize("step", STEPS)
    async def test_the_next_start_finishes_or_undoes_a_replacement_killed_at(
        self,
        store: PostgresStore,
        database: Database,
        connect_arguments: dict[str, Any],
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
        step: str,
    ) -> None:
        for number in range(5):
            await add_note(store, alice, f"apple {number}")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        other = qdrant_settings.model_copy(update={"qdrant_shards": 2})
        arguments = {
            "connect": connect_arguments,
            "url": other.qdrant_url,
            "collection": other.qdrant_collection,
            "shards": other.qdrant_shards,
            "copies": other.qdrant_replication_factor,
            "grace_s": 1,
            "die": step,
        }
        assert await run_until_killed(arguments) == -signal.SIGKILL

        async with answering(database, other) as index:
            domain = domain_on(store, index)
            assert len(await texts_for(domain, alice, "apple")) == 5, "searches never noticed"
            async with feeding(database, other) as feeder:
                await fed(feeder)
                await until(lambda: tidy(client, database, other), "one live collection, and nothing else")
                assert len(await texts_for(domain, alice, "apple")) == 5
        live = await live_collection(database)
        assert live.shape["shards"] == 2
        assert (await client.count(live.name)).count == 5


async def run_until_killed(arguments: dict[str, Any]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.feeding",
        json.dumps({**arguments, "connect": {name: str(value) for name, value in arguments["connect"].items()}}),
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(100):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ids(client: AsyncQdrantClient, name: str) -> list[Any]:
    points, _ = await client.scroll(name, limit=1_000)
    return [point.id for point in points]


class TestFrozen:
    async def test_what_was_made_before_another_took_over_is_not_written_after_it(
        self,
        server_url: str,
        qdrant_settings: Settings,
        client: AsyncQdrantClient,
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async with feeding_under_its_lock(server_url, qdrant_settings) as (database, feeder):
            store, made = PostgresStore(database), point_struct
            await add_note(store, alice, "apple")
            await until(lambda: level(database), "all is fed")
            live = (await live_collection(database)).name

            with successor(server_url, FEEDER_LOCK) as other:

                def freeze_here(point: Point) -> models.PointStruct:
                    monkeypatch.setattr(collection_module, "point_struct", made)
                    other.takes_over()
                    return made(point)

                monkeypatch.setattr(collection_module, "point_struct", freeze_here)
                await add_note(store, alice, "pear")
                await until(lambda: not feeder.runs, "it has noticed")
                assert (await client.count(live)).count == 1

            await until(lambda: level(database), "all is fed")
            assert (await client.count(live)).count == 2

    async def test_a_collection_that_was_filled_before_is_not_made_the_live_one_after_it(
        self, database: Database, qdrant_settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock, saved = AlwaysHeld(), Follower.save
        async with feeding(database, qdrant_settings, lock=lock) as feeder:
            await fed(feeder)
            before = (await live_collection(database)).name

            async def freeze_here(follower: Any) -> None:
                await saved(follower)
                monkeypatch.setattr(lock, "confirmed", lost, raising=False)

            monkeypatch.setattr(Follower, "save", freeze_here)
            await PostgresCollections(database).ask_for_rebuild()
            await until(lambda: "nothing was switched" in feeder_problem(feeder), "it has asked")
            assert (await live_collection(database)).name == before


async def lost() -> bool:
    return False


@asynccontextmanager
async def feeding_under_its_lock(url: str, settings: Settings) -> AsyncIterator[tuple[Database, QdrantFeeder]]:
    """Run a feeder on a PostgreSQL server as a worker does."""
    database = Database({"dsn": url}, watched=True)
    await database.open()
    lock = database.lock(FEEDER_LOCK)
    source = index_source(PostgresChangeLog(database), database)
    feeder = QdrantFeeder(source, settings, lock.confirmed, times=QUICK)
    task = asyncio.create_task(while_leading(lock, feeder.run))
    try:
        await fed(feeder)
        yield database, feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feeder.close()
        await database.close()
