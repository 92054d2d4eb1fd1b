"""The embedded engine: one holder, found again after a crash, begun anew when anything about it is strange."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.datadir import space
from app.errors import Conflict, IndexUnavailable
from app.index.embedded.engine import EmbeddedEngine
from app.index.embedded.saving import save
from app.index.engine import Deleted, EngineAway
from app.memory.change_log import Space
from app.memory.vectors import pack
from tests.support.damage import spoil
from tests.support.disks import small_disk
from tests.support.points import both_scores, found, point
from tests.support.users import as_root

DATABASE = uuid4()
ROOT = Path(__file__).parents[4]

# Point n has the score 1 + n % 3; it is written with another one first, and again later.
WRITER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from app.index.embedded.engine import EmbeddedEngine
from tests.support.points import point

async def write():
    engine = await EmbeddedEngine.open(Path(sys.argv[1]), UUID(sys.argv[2]))
    if engine.position is None:
        await engine.empty()
        await engine.checkpoint(0)
    number = engine.position
    while True:
        for number in range(number + 1, number + 11):
            await engine.apply([point(number, window={7: 9.0, 1_000 + number: 1.0})], [])
            await engine.apply([point(number, window={7: 1.0 + number % 3, 1_000 + number: 1.0})], [])
        await engine.apply([point(max(1, number - 15), window={7: 1.0 + max(1, number - 15) % 3})], [])
        await engine.checkpoint(number)
        print(number, flush=True)

asyncio.run(write())
"""


@pytest.fixture
async def engine(index_folder: Path) -> AsyncIterator[EmbeddedEngine]:
    engine = await EmbeddedEngine.open(index_folder, DATABASE)
    await engine.empty()
    yield engine
    await engine.close()


@pytest.fixture
async def saved(index_folder: Path) -> Path:
    """The folder of a closed engine with one point, saved at position 5."""
    engine = await EmbeddedEngine.open(index_folder, DATABASE)
    await engine.empty()
    await engine.apply([point(window={7: 1.0})], [])
    await engine.checkpoint(5)
    await engine.close()
    return index_folder


class TestVectors:
    SPACE = Space("model", 2)
    EAST, BETWEEN = (1.0, 0.0), (0.6, 0.8)

    @pytest.fixture
    async def engine(self, index_folder: Path) -> AsyncIterator[EmbeddedEngine]:
        engine = await EmbeddedEngine.open(index_folder, DATABASE, self.SPACE)
        await engine.empty(self.SPACE)
        yield engine
        await engine.close()

    async def test_vectors_are_there_again_after_a_restart(self, engine: EmbeddedEngine, index_folder: Path) -> None:
        await engine.apply([point(1, dense=pack(self.BETWEEN))], [])
        await engine.checkpoint(5)
        await engine.close()

        again = await EmbeddedEngine.open(index_folder, DATABASE, self.SPACE)
        assert again.position == 5
        assert await both_scores(again, self.EAST) == {1: (0.0, 0.6)}
        await again.close()

    @pytest.mark.parametrize("other", [Space("model", 3), Space("another", 2)])
    async def test_an_index_without_the_vectors_there_are_is_made_anew(
        self, engine: EmbeddedEngine, index_folder: Path, other: Space
    ) -> None:
        await engine.checkpoint(5)
        await engine.close()

        again = await EmbeddedEngine.open(index_folder, DATABASE, other)
        assert (again.position, again.rebuild_reason) == (None, "it lacks vectors of the embedding model")
        await again.close()

    async def test_vectors_nobody_wants_are_dropped_and_others_take_their_place(
        self, engine: EmbeddedEngine, index_folder: Path
    ) -> None:
        await engine.apply([point(1, window={7: 1.0}, dense=pack(self.EAST))], [])
        await engine.checkpoint(5)
        await engine.close()

        without = await EmbeddedEngine.open(index_folder, DATABASE, None)
        assert (without.position, without.space) == (5, None)
        assert await both_scores(without, None) == {1: (1.0, None)}

        await without.make_room(Space("another", 3))
        await without.apply([point(2, window={7: 2.0}, dense=pack((0.0, 0.6, 0.8)))], [])
        await without.checkpoint(6)
        await without.close()
        again = await EmbeddedEngine.open(index_folder, DATABASE, Space("another", 3))
        assert again.position == 6
        assert await both_scores(again, (0.0, 1.0, 0.0)) == {1: (1.0, None), 2: (2.0, 0.6)}
        await again.close()


class TestReopening:
    async def test_a_new_folder_has_to_be_filled(self, index_folder: Path) -> None:
        engine = await EmbeddedEngine.open(index_folder, DATABASE)

        assert engine.position is None
        assert engine.rebuild_reason == "there is no index yet"
        await engine.close()

    async def test_what_was_saved_is_there_again(self, saved: Path) -> None:
        engine = await EmbeddedEngine.open(saved, DATABASE)

        assert (engine.position, engine.rebuild_reason) == (5, None)
        assert await found(engine, {7: 1.0}) == {1: 1.0}
        await engine.close()

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param({"format": 0}, "another version", id="another format"),
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

    async def test_a_state_of_an_earlier_analysis_stays_in_use(self, saved: Path) -> None:
        """Rows are analysed again one by one, and the log tells of each."""
        state = json.loads((saved / "state.json").read_text())
        (saved / "state.json").write_text(json.dumps({**state, "analysis": 1}))

        await self.test_what_was_saved_is_there_again(saved)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"])
    async def test_a_damaged_state_begins_anew(self, saved: Path, content: bytes) -> None:
        (saved / "state.json").write_bytes(content)

        await self.assert_begins_anew(saved, "damaged")

    async def test_a_missing_state_begins_anew(self, saved: Path) -> None:
        (saved / "state.json").unlink()

        await self.assert_begins_anew(saved, "no index yet")

    async def test_a_lost_list_begins_anew(self, saved: Path) -> None:
        spoil(saved / "users", "*/*.list", "remove")

        await self.assert_begins_anew(saved, "some of its files are lost")

    async def test_what_an_earlier_version_left_is_deleted(self, saved: Path) -> None:
        (saved / "state.json").unlink()
        (saved / "shard").mkdir()
        (saved / "shard" / "file").touch()

        await self.assert_begins_anew(saved, "no index yet")
        assert not (saved / "shard").exists()

    async def assert_begins_anew(self, folder: Path, reason: str) -> None:
        engine = await EmbeddedEngine.open(folder, DATABASE)
        try:
            assert engine.position is None
            assert reason in (engine.rebuild_reason or "")
            await engine.empty()
            assert await engine.count() == 0
            await engine.apply([point(2, window={7: 1.0})], [])
            await engine.checkpoint(9)
        finally:
            await engine.close()

        again = await EmbeddedEngine.open(folder, DATABASE)
        assert (again.position, await found(again, {7: 1.0})) == (9, {2: 1.0})
        await again.close()

    async def test_an_emptied_engine_that_was_not_saved_has_to_be_filled_again(self, saved: Path) -> None:
        engine = await EmbeddedEngine.open(saved, DATABASE)
        await engine.empty()
        await engine.apply([point(2, window={7: 1.0})], [])
        await engine.close()

        again = await EmbeddedEngine.open(saved, DATABASE)
        assert again.position is None, "half a rebuild must not pass for an index"
        await again.close()


class TestBroken:
    @pytest.mark.parametrize("pattern", ["*/*.segment", "*/*.list"])
    @pytest.mark.parametrize("damage", ["truncate", "garbage"])
    async def test_damaged_files_raise_index_unavailable_and_the_engine_can_be_emptied(
        self, saved: Path, pattern: str, damage: str
    ) -> None:
        spoil(saved / "users", pattern, damage)
        engine = await EmbeddedEngine.open(saved, DATABASE)
        assert engine.position == 5, "the damage shows only when it is read"

        for call in (found(engine, {7: 1.0}), engine.apply([point(2, window={7: 1.0})], [])):
            with pytest.raises(IndexUnavailable, match=r"the search index failed to read: .* it will be rebuilt"):
                await call

        await engine.empty()
        await engine.apply([point(2, window={7: 1.0})], [])
        assert await found(engine, {7: 1.0}) == {2: 1.0}
        await engine.close()

    async def test_a_full_disk_is_no_reason_to_rebuild(
        self, engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await engine.apply([point(1, window={7: 1.0})], [])
        await engine.checkpoint(5)
        full = OSError(errno.ENOSPC, "full")
        monkeypatch.setattr("app.index.embedded.saving.write_segment", lambda *_: (_ for _ in ()).throw(full))
        await engine.apply([point(2, window={7: 1.0})], [])

        with pytest.raises(EngineAway, match="failed to save: no space left; free some"):
            await engine.checkpoint(6)
        assert (engine.position, await found(engine, {7: 1.0})) == (5, {1: 1.0, 2: 1.0})

        monkeypatch.undo()
        await engine.checkpoint(6)
        assert engine.position == 6

    @as_root
    async def test_a_full_disk_stops_no_process_and_loses_no_point(self, tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk", "100m") as disk:
            engine = await EmbeddedEngine.open(disk / "index", DATABASE)
            await engine.empty()
            await engine.apply([point(1, window={7: 1.0})], [])
            await engine.checkpoint(5)
            with (disk / "fill").open("wb") as fill:
                free = os.statvfs(disk)
                space.allocate(fill.fileno(), free.f_bavail * free.f_frsize)

            with pytest.raises(EngineAway, match="0 MB left, 67 MB are needed; free some space"):
                await engine.apply([point(2, window={7: 1.0})], [])
            assert await found(engine, {7: 1.0}) == {1: 1.0}
            with pytest.raises(EngineAway):
                await engine.checkpoint(6)
            await engine.close()
            engine = await EmbeddedEngine.open(disk / "index", DATABASE)
            assert engine.position == 5, "it opens on the full disk"

            (disk / "fill").unlink()
            await engine.apply([point(2, window={7: 1.0})], [])
            await engine.checkpoint(6)
            assert await found(engine, {7: 1.0}) == {1: 1.0, 2: 1.0}
            await engine.close()

    async def test_with_too_little_space_nothing_is_written(
        self, engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await engine.apply([point(1, window={7: 1.0})], [])
        await engine.checkpoint(5)
        monkeypatch.setattr("app.index.embedded.engine.LEFT_BYTES", 1 << 60)

        with pytest.raises(EngineAway, match="the search index cannot grow: the disk of the data directory has"):
            await engine.apply([point(2, window={7: 1.0})], [])
        assert await found(engine, {7: 1.0}) == {1: 1.0}

    async def test_half_an_index_leaves_its_space_to_others(
        self, engine: EmbeddedEngine, index_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.index.embedded.engine._UNSAVED_POSTINGS", 0)
        await engine.apply([point(number, window={7: 1.0}) for number in range(1, 40)], [])
        assert list(index_folder.glob("users/*/*.segment"))
        monkeypatch.setattr("app.index.embedded.engine.LEFT_BYTES", 1 << 60)

        with pytest.raises(EngineAway):
            await engine.apply([point(2, window={7: 1.0})], [])
        assert not list(index_folder.glob("users/*/*"))

    async def test_a_position_that_cannot_be_saved_raises_index_unavailable(
        self, engine: EmbeddedEngine, index_folder: Path
    ) -> None:
        (index_folder / "state.json").unlink(missing_ok=True)
        (index_folder / "state.json").mkdir()

        with pytest.raises(IndexUnavailable, match="failed to save"):
            await engine.checkpoint(5)

    @pytest.mark.parametrize("call", ["apply", "candidates", "count", "checkpoint"])
    async def test_an_engine_that_is_not_filled_answers_index_unavailable(self, index_folder: Path, call: str) -> None:
        engine = await EmbeddedEngine.open(index_folder, DATABASE)
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


class TestUsers:
    async def test_what_a_removed_user_left_is_deleted_wherever_it_is(self, saved: Path) -> None:
        engine = await EmbeddedEngine.open(saved, DATABASE)
        await engine.apply([point(2, window={7: 1.0}, user="bob")], [])

        await engine.apply([], [Deleted("", UUID(int=1)), Deleted("", UUID(int=2))])

        assert await engine.count() == 0
        assert await found(engine, {7: 1.0}) == {} == await found(engine, {7: 1.0}, user="bob")
        await engine.close()

    async def test_points_are_counted_whether_their_user_is_open_or_not(self, saved: Path) -> None:
        engine = await EmbeddedEngine.open(saved, DATABASE)
        await engine.apply([point(2, user="bob"), point(3, user="bob")], [])

        assert await engine.count() == 3
        await engine.apply([point(3, user="bob")], [Deleted("alice", UUID(int=1))])
        assert await engine.count() == 2
        await engine.close()

    async def test_users_nobody_asks_for_are_closed_and_opened_again(
        self, engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.index.embedded.engine._KEPT", 2)
        for number in range(5):
            await engine.apply([point(number, window={7: 1.0}, user=f"user {number}")], [])
        await engine.checkpoint(5)

        for number in range(5):
            assert await found(engine, {7: 1.0}, user=f"user {number}") == {number: 1.0}


class TestSaving:
    async def test_searches_and_changes_go_on_while_it_is_saved(
        self, engine: EmbeddedEngine, index_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await engine.apply([point(1, window={7: 1.0}), point(2, window={7: 1.0})], [])
        entered, go_on = threading.Event(), threading.Event()

        def slow(*arguments: Any) -> Any:
            entered.set()
            assert go_on.wait(20)
            return save(*arguments)

        monkeypatch.setattr("app.index.embedded.saving.save", slow)
        saving = asyncio.create_task(engine.checkpoint(5))
        await asyncio.to_thread(entered.wait, 20)
        await engine.apply([point(2, window={7: 2.0}), point(3, window={7: 3.0})], [Deleted("alice", UUID(int=1))])
        assert await found(engine, {7: 1.0}) == {3: 3.0, 2: 2.0}
        go_on.set()
        await saving

        assert await found(engine, {7: 1.0}) == {3: 3.0, 2: 2.0}
        await engine.checkpoint(6)
        await engine.close()
        again = await EmbeddedEngine.open(index_folder, DATABASE)
        assert (await found(again, {7: 1.0}), await again.count()) == ({3: 3.0, 2: 2.0}, 2)
        await again.close()

    async def test_a_process_killed_at_any_moment_leaves_what_was_saved(self, index_folder: Path) -> None:
        """The child writes points, saves, prints how far it got, and goes on; so it is killed in each of these."""
        for round_ in range(8):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", WRITER, str(index_folder), str(DATABASE), cwd=ROOT, stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            last = 0
            async with asyncio.timeout(60):
                while last < 60 * (round_ + 1) and (line := await child.stdout.readline()):
                    last = int(line)
                await asyncio.sleep(round_ * 0.007)
                child.kill()
                await child.wait()

            engine = await EmbeddedEngine.open(index_folder, DATABASE)
            position = engine.position or 0
            assert position >= last
            points = await found(engine, {7: 1.0}, limit=10_000)
            assert {number: score for number, score in points.items() if number <= position} == {
                number: 1 + number % 3 for number in range(1, position + 1)
            }
            await engine.close()


class TestLock:
    async def test_a_second_engine_is_refused_and_the_first_one_goes_on(
        self, engine: EmbeddedEngine, index_folder: Path
    ) -> None:
        with pytest.raises(Conflict, match=f"{index_folder} is in use by another process; stop that one first"):
            await EmbeddedEngine.open(index_folder, DATABASE)

        await engine.apply([point(window={7: 1.0})], [])
        await engine.checkpoint(1)

    async def test_another_process_is_refused(self, engine: EmbeddedEngine, index_folder: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from uuid import UUID\n"
            "from app.index.embedded.engine import EmbeddedEngine\n"
            "import asyncio; asyncio.run(EmbeddedEngine.open(Path(sys.argv[1]), UUID(sys.argv[2])))"
        )

        command = [sys.executable, "-c", program, str(index_folder), str(DATABASE)]
        run = await asyncio.to_thread(lambda: subprocess.run(command, cwd=ROOT, capture_output=True, text=True))

        assert run.returncode == 1
        assert "Conflict" in run.stderr
        await engine.checkpoint(1)

    async def test_the_lock_is_free_after_close_which_may_be_called_twice(
        self, engine: EmbeddedEngine, index_folder: Path
    ) -> None:
        await engine.close()
        await engine.close()

        await (await EmbeddedEngine.open(index_folder, DATABASE)).close()

    async def test_the_lock_is_free_when_opening_failed(self, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("app.index.embedded.engine.read_state", fail)
            with pytest.raises(KeyboardInterrupt):
                await EmbeddedEngine.open(saved, DATABASE)

        await (await EmbeddedEngine.open(saved, DATABASE)).close()
