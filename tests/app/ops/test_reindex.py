"""`reindex` rebuilds the index, embedded or on a Qdrant server, with or without another process that feeds it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote
from uuid import uuid4

import pytest
from pydantic import SecretStr

from app.errors import IndexUnavailable
from app.memory.types import Scope
from app.ops import reindex as reindex_module
from app.ops.reindex import ensure_collection, reindex
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.domain import domain_on, texts_for
from tests.support.qdrant import COPIES, answering, delete_all, fed, feeding, live_collection, qdrant
from tests.support.rows import add_note
from tests.support.serving import clean_environment, serving
from tests.support.waiting import wait_until


@pytest.fixture
def settings(plain_settings: Settings, connect_arguments: dict[str, Any]) -> Settings:
    """Settings with the test's database as a server."""
    where = {**connect_arguments, "host": quote(str(connect_arguments["host"]), safe="")}
    url = f"postgresql://{where['user']}@/{where['database']}?host={where['host']}"
    if "port" in where:
        url += f"&port={where['port']}"
    return plain_settings.model_copy(update={"database_url": SecretStr(url)})


@pytest.fixture
async def server(settings: Settings, run_folder: Path) -> AsyncIterator[Settings]:
    """Settings with a Qdrant server too."""
    prefix = f"test_{uuid4().hex[:12]}"
    with qdrant(run_folder / f"qdrant-{prefix}") as url:
        where = {"qdrant_url": url, "qdrant_collection": prefix, "qdrant_replication_factor": COPIES}
        yield settings.model_copy(update=where)
        await delete_all(url, prefix)


@pytest.fixture
async def notes(store: PostgresStore, alice: Scope) -> None:
    for number in range(5):
        await add_note(store, alice, f"apple {number}")


def unseen(points: int, memories: int) -> None:
    """Nobody looks at the bar."""


@pytest.mark.usefixtures("notes")
class TestEmbedded:
    async def test_without_a_server_it_is_made_in_place(self, settings: Settings) -> None:
        assert (await reindex(settings, True, unseen)).needed
        report = await reindex(settings, False, unseen)

        assert (report.index, report.memories, report.points) == ("embedded", 5, 5)
        assert not (await reindex(settings, True, unseen)).needed

    async def test_how_far_it_is_is_told(self, settings: Settings) -> None:
        told = []
        await reindex(settings, False, lambda points, memories: told.append(memories))

        assert set(told) == {5}

    async def test_an_index_that_cannot_be_written_ends_it_with_the_reason(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(*arguments: object) -> NoReturn:
            raise IndexUnavailable("the disk is broken")

        with monkeypatch.context() as patch:
            patch.setattr("app.index.embedded.engine.EmbeddedEngine.empty", broken)
            with pytest.raises(IndexUnavailable, match="could not be built in 3 tries: the disk is broken; check"):
                await reindex(settings, False, unseen)

        assert (await reindex(settings, False, unseen)).points == 5

    async def test_an_index_that_does_not_get_on_ends_it(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def stuck(*arguments: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr("app.index.embedded.engine.EmbeddedEngine.empty", stuck)
        with pytest.raises(IndexUnavailable, match="the index made no progress for 0 s; check"):
            await reindex(settings, False, unseen, patience_s=0.5)


def test_a_running_server_that_cannot_rebuild_says_so(run_folder: Path) -> None:
    with serving(run_folder / "broken") as server:
        server.call("memorize", {"text": "apple pie"})
        index = server.data_dir / "index"
        index.rename(run_folder / "aside")
        index.write_text("in the way")
        command = [sys.executable, "-m", "app", "reindex", "--data-dir", str(server.data_dir)]
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)

        assert done.returncode == 1
        assert done.stderr.startswith("claude-memory: the index could not be built in 3 tries: ")
        assert done.stderr.endswith("; the server keeps trying; see its log\n")
        index.unlink()
        wait_until(
            lambda: server.request("GET", "/health")[2]["components"]["index"]["status"] == "ok", "the index", 20
        )


def test_a_running_server_rebuilds_its_own_index(run_folder: Path) -> None:
    with serving(run_folder / "reindexed") as server:
        server.call("memorize", {"text": "apple pie"})
        command = [sys.executable, "-m", "app", "reindex", "--json", "--data-dir", str(server.data_dir)]
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
        found = server.call("search_memory", {"query": "apple"})["structuredContent"]

        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["index"], report["points"], report["dry_run"]) == ("embedded", 1, False)
        assert "search index built: 1 point" in server.log.partition("search index built: 0 points")[2]
    assert [one["text"] for one in found["results"]] == ["apple pie"]
    assert not found["degraded"]


@pytest.mark.usefixtures("notes")
class TestServer:
    async def test_without_a_feeder_a_collection_is_filled_and_takes_the_live_ones_place(
        self, store: PostgresStore, database: Database, server: Settings, alice: Scope
    ) -> None:
        dry = await reindex(server, True, unseen)
        first = await reindex(server, False, unseen)
        second = await reindex(server, False, unseen)

        assert (dry.needed, dry.name, dry.memories) == (True, None, 5)
        assert first.name != second.name
        assert (second.index, second.points) == ("server", 5)
        assert not (await reindex(server, True, unseen)).needed
        async with answering(database, server) as index:
            assert len(await texts_for(domain_on(store, index), alice, "apple")) == 5

    async def test_a_running_feeder_is_asked(
        self, database: Database, server: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with feeding(database, server) as feeder:
            await fed(feeder)
            before = (await live_collection(database)).name
            monkeypatch.setattr(reindex_module, "_feeding", nobody)
            report = await reindex(server, False, unseen)
        assert report.name != before

    async def test_init_makes_a_collection_once(self, database: Database, server: Settings) -> None:
        name, made = await ensure_collection(server, database, unseen)
        assert made
        assert await ensure_collection(server, database, unseen) == (name, False)

        other = server.model_copy(update={"qdrant_shards": 2})
        another, made = await ensure_collection(other, database, unseen)
        assert (made, another != name) == (True, True)

    async def test_a_server_that_is_away_ends_it_with_the_reason(self, server: Settings) -> None:
        away = server.model_copy(update={"qdrant_url": "http://127.0.0.1:9", "max_retry_attempts": 1})

        with pytest.raises(IndexUnavailable, match="Qdrant does not answer"):
            await reindex(away, False, unseen, patience_s=3.0)


def nobody(*arguments: object) -> AbstractContextManager[None]:
    from contextlib import nullcontext

    return nullcontext()
