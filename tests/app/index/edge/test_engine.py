"""The embedded engine: one holder, found again after a crash, begun anew when anything about it is strange."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.errors import Conflict, IndexUnavailable
from app.index.edge.engine import EdgeEngine
from app.memory.change_log import Space
from app.memory.vectors import pack
from tests.support.damage import spoil
from tests.support.points import both_scores, found, point

DATABASE = uuid4()


@pytest.fixture
async def engine(index_folder: Path) -> AsyncIterator[EdgeEngine]:
    engine = await EdgeEngine.open(index_folder, DATABASE)
    await engine.empty()
    yield engine
    await engine.close()


@pytest.fixture
async def saved(index_folder: Path) -> Path:
    """The folder of a closed engine with one point, saved at position 5."""
    engine = await EdgeEngine.open(index_folder, DATABASE)
    await engine.empty()
    await engine.apply([point(window={7: 1.0}, session={7: 1.0})], [])
    await engine.checkpoint(5)
    await engine.close()
    return index_folder


class TestVectors:
    SPACE = Space("model", 2)
    EAST, BETWEEN = (1.0, 0.0), (0.6, 0.8)

    @pytest.fixture
    async def engine(self, index_folder: Path) -> AsyncIterator[EdgeEngine]:
        engine = await EdgeEngine.open(index_folder, DATABASE, self.SPACE)
        await engine.empty(self.SPACE)
        yield engine
        await engine.close()

    async def test_vectors_are_there_again_after_a_restart(self, engine: EdgeEngine, index_folder: Path) -> None:
        await engine.apply([point(1, dense=pack(self.BETWEEN))], [])
        await engine.checkpoint(5)
        await engine.close()

        again = await EdgeEngine.open(index_folder, DATABASE, self.SPACE)
        assert again.position == 5
        assert await both_scores(again, self.EAST) == {1: (0.0, 0.6)}
        await again.close()

    @pytest.mark.parametrize("other", [Space("model", 3), Space("another", 2)])
    async def test_an_index_without_the_vectors_there_are_is_made_anew(
        self, engine: EdgeEngine, index_folder: Path, other: Space
    ) -> None:
        await engine.checkpoint(5)
        await engine.close()

        again = await EdgeEngine.open(index_folder, DATABASE, other)
        assert (again.position, again.rebuild_reason) == (None, "it lacks vectors of the embedding model")
        await again.close()

    async def test_vectors_nobody_wants_are_dropped_and_others_take_their_place(
        self, engine: EdgeEngine, index_folder: Path
    ) -> None:
        await engine.apply([point(1, window={7: 1.0}, dense=pack(self.EAST))], [])
        await engine.checkpoint(5)
        await engine.close()

        without = await EdgeEngine.open(index_folder, DATABASE, None)
        assert (without.position, without.space) == (5, None)
        assert await both_scores(without, None) == {1: (1.0, None)}

        await without.make_room(Space("another", 3))
        await without.apply([point(2, window={7: 2.0}, dense=pack((0.0, 0.6, 0.8)))], [])
        await without.checkpoint(6)
        await without.close()
        again = await EdgeEngine.open(index_folder, DATABASE, Space("another", 3))
        assert again.position == 6
        assert await both_scores(again, (0.0, 1.0, 0.0)) == {1: (1.0, None), 2: (2.0, 0.6)}
        await again.close()


class TestReopening:
    async def test_a_new_folder_has_to_be_filled(self, index_folder: Path) -> None:
        engine = await EdgeEngine.open(index_folder, DATABASE)

        assert engine.position is None
        assert engine.rebuild_reason == "there is no index yet"
        await engine.close()

    async def test_what_was_saved_is_there_again(self, saved: Path) -> None:
        engine = await EdgeEngine.open(saved, DATABASE)

        assert (engine.position, engine.rebuild_reason) == (5, None)
        assert await found(engine, {7: 1.0}) == {1: 1.0}
        assert await engine.session_scores("alice", {7: 1.0}, [UUID(int=1)]) == {UUID(int=1): 1.0}
        await engine.close()

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param({"format": 0}, "another version", id="another format"),
            pytest.param({"analysis": 0}, "another version", id="another analysis"),
            pytest.param({"vectors": 0}, "another version", id="other vectors"),
            pytest.param({"database": str(uuid4())}, "another database", id="another database"),
            pytest.param({"unknown": 1}, "damaged", id="an unknown field"),
        ],
    )
    async def test_a_state_of_something_else_begins_anew(
        self, saved: Path, change: dict[str, Any], reason: str
    ) -> None:
        state = json.loads((saved / "state.json").read_text())
        (saved / "state.json").write_text(json.dumps({**state, **change}))

        await self.assert_begins_anew(saved, reason)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"])
    async def test_a_damaged_state_begins_anew(self, saved: Path, content: bytes) -> None:
        (saved / "state.json").write_bytes(content)

        await self.assert_begins_anew(saved, "damaged")

    async def test_a_missing_state_begins_anew(self, saved: Path) -> None:
        (saved / "state.json").unlink()

        await self.assert_begins_anew(saved, "no index yet")

    async def test_a_missing_shard_begins_anew(self, saved: Path) -> None:
        shutil.rmtree(saved / "shard")

        await self.assert_begins_anew(saved, "cannot be loaded")

    @pytest.mark.parametrize(
        ("pattern", "damage"),
        [
            pytest.param("edge_config.json", "truncate", id="configuration cut"),
            pytest.param("segments/*/segment.json", "garbage", id="segment description overwritten"),
            pytest.param("segments/*/payload_storage/config.json", "remove", id="payload storage lost"),
            pytest.param("segments/*/payload_index/*user-map/tracker.dat", "garbage", id="payload index overwritten"),
            pytest.param("segments/*/vector_storage-window/deleted/status.dat", "truncate", id="vector storage cut"),
        ],
    )
    async def test_a_shard_with_damaged_files_begins_anew(self, saved: Path, pattern: str, damage: str) -> None:
        spoil(saved / "shard", pattern, damage)

        await self.assert_begins_anew(saved, "cannot be loaded")

    async def assert_begins_anew(self, folder: Path, reason: str) -> None:
        engine = await EdgeEngine.open(folder, DATABASE)
        try:
            assert engine.position is None
            assert reason in (engine.rebuild_reason or "")
            await engine.empty()
            assert await engine.count() == 0
            await engine.apply([point(2, window={7: 1.0})], [])
            await engine.checkpoint(9)
        finally:
            await engine.close()

        again = await EdgeEngine.open(folder, DATABASE)
        assert (again.position, await found(again, {7: 1.0})) == (9, {2: 1.0})
        await again.close()

    async def test_an_emptied_engine_that_was_not_saved_has_to_be_filled_again(self, saved: Path) -> None:
        engine = await EdgeEngine.open(saved, DATABASE)
        await engine.empty()
        await engine.apply([point(2, window={7: 1.0})], [])
        await engine.close()

        again = await EdgeEngine.open(saved, DATABASE)
        assert again.position is None, "half a rebuild must not pass for an index"
        await again.close()


class TestBroken:
    async def test_a_shard_that_breaks_while_open_raises_index_unavailable_and_can_be_emptied(
        self, saved: Path
    ) -> None:
        spoil(saved / "shard", "segments/*/vector_storage-window/store/tracker.dat", "garbage")
        engine = await EdgeEngine.open(saved, DATABASE)
        assert engine.position == 5, "the damage shows only when it is read"

        with pytest.raises(IndexUnavailable, match=r"the search index failed to .* it will be rebuilt"):
            for number in range(2, 50):
                await engine.apply([point(number, window={7: 1.0})], [])
                await engine.checkpoint(6)

        await engine.empty()
        await engine.apply([point(2, window={7: 1.0})], [])
        assert await found(engine, {7: 1.0}) == {2: 1.0}
        await engine.close()

    async def test_a_position_that_cannot_be_saved_raises_index_unavailable(
        self, engine: EdgeEngine, index_folder: Path
    ) -> None:
        (index_folder / "state.json").unlink(missing_ok=True)
        (index_folder / "state.json").mkdir()

        with pytest.raises(IndexUnavailable, match="failed to save"):
            await engine.checkpoint(5)

    @pytest.mark.parametrize("call", ["apply", "candidates", "count", "checkpoint"])
    async def test_an_engine_that_is_not_filled_answers_index_unavailable(self, index_folder: Path, call: str) -> None:
        engine = await EdgeEngine.open(index_folder, DATABASE)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "apply": lambda: engine.apply([point(window={7: 1.0})], []),
            "candidates": lambda: found(engine, {7: 1.0}),
            "count": engine.count,
            "checkpoint": lambda: engine.checkpoint(1),
        }
        try:
            with pytest.raises(IndexUnavailable):
                await calls[call]()
        finally:
            await engine.close()


class TestLock:
    async def test_a_second_engine_is_refused_and_the_first_one_goes_on(
        self, engine: EdgeEngine, index_folder: Path
    ) -> None:
        with pytest.raises(Conflict, match=f"{index_folder} is in use by another process; stop that one first"):
            await EdgeEngine.open(index_folder, DATABASE)

        await engine.apply([point(window={7: 1.0})], [])
        await engine.checkpoint(1)

    async def test_another_process_is_refused(self, engine: EdgeEngine, index_folder: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from uuid import UUID\n"
            "from app.index.edge.engine import EdgeEngine\n"
            "import asyncio; asyncio.run(EdgeEngine.open(Path(sys.argv[1]), UUID(sys.argv[2])))"
        )
        root = Path(__file__).parents[4]

        command = [sys.executable, "-c", program, str(index_folder), str(DATABASE)]
        run = await asyncio.to_thread(lambda: subprocess.run(command, cwd=root, capture_output=True, text=True))

        assert run.returncode == 1
        assert "Conflict" in run.stderr
        await engine.checkpoint(1)

    async def test_the_lock_is_free_after_close_which_may_be_called_twice(
        self, engine: EdgeEngine, index_folder: Path
    ) -> None:
        await engine.close()
        await engine.close()

        await (await EdgeEngine.open(index_folder, DATABASE)).close()

    async def test_the_lock_is_free_when_opening_failed(self, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("app.index.edge.engine.read_state", fail)
            with pytest.raises(KeyboardInterrupt):
                await EdgeEngine.open(saved, DATABASE)

        await (await EdgeEngine.open(saved, DATABASE)).close()
